//! `os-not-oem`

use super::scope::{Decision, known, settle, some_guest, without_guest};
use super::{Context, Doc, Fixed, Level, Outcome, Profile, Rule};
use crate::fact::Evidence;
use crate::guest::facts::{Facts, Guest, OemMark, WindowsFacts};
use crate::text;

/// The system is no OEM edition.
pub(super) struct OsNotOem;

static DOC: Doc = Doc {
    title: Fixed::new("The operating system is not an OEM edition", "操作系统不是OEM版本"),
    why: Fixed::new(
        "OEM editions bring drivers and an activation for their maker's machines; some default drivers do not work on the platform, so such images are not supported.",
        "OEM版操作系统包含针对特定厂商机器的驱动和激活信息，部分默认驱动在云平台上无法使用，因此不支持。",
    ),
    decided: Fixed::new(
        "Windows: a ProductId of the OEM channel (-OEM- in it, or AAOEM at its end), a Manufacturer below OEMInformation, or a maker's oeminfo.ini warn. Linux: the bytes do not tell, a checklist line.",
        "Windows：ProductId属于OEM渠道（包含-OEM-或以AAOEM结尾）、OEMInformation中有Manufacturer或存在厂商的oeminfo.ini时告警。Linux：无法从镜像内容判断，列为人工确认项。",
    ),
    remedy: Fixed::new(
        "Install the system from volume-licence or retail media.",
        "请使用批量授权或零售版介质重新安装操作系统。",
    ),
    source: "制作镜像 (ims_03_0603), Windows list item 12, Linux list item 12",
    predicts: &[],
    repaired_by_platform: false,
};

impl Rule for OsNotOem {
    fn id(&self) -> &'static str {
        "os-not-oem"
    }

    fn level(&self, _: Profile) -> Option<Level> {
        Some(Level::Required)
    }

    fn doc(&self) -> &'static Doc {
        &DOC
    }

    fn check(&self, facts: &Facts, _: &Context) -> Outcome {
        settle(decide(facts))
    }
}

fn decide(facts: &Facts) -> Decision {
    let linux = match some_guest(facts)? {
        Guest::Linux(linux) => linux,
        Guest::Windows(windows) => return of_windows(windows),
        Guest::Absent(_) => return Err(Box::new(without_guest())),
    };
    let name = match linux.os.known() {
        Some(Some(os)) => os.name.as_str(),
        _ => "Linux",
    };
    Ok(Outcome::manual(text!(
        "Make sure that this {name} was not preinstalled by a hardware maker; the image does not tell.",
        "请确认该{name}不是硬件厂商预装的版本；无法从镜像内容判断。"
    )))
}

fn of_windows(windows: &WindowsFacts) -> Decision {
    let marks = known(&windows.oem)?;
    let evidence: Vec<_> = marks.iter().map(|mark| mark.evidence().clone()).collect();
    let by_id = marks.iter().any(|mark| matches!(mark, OemMark::ProductId(_)));
    Ok(match evidence.first() {
        Some(_) if by_id => Outcome::doubtful(
            text!("The product id is one of the OEM channel.", "产品ID属于OEM渠道。"),
            evidence,
        ),
        Some(first) => {
            let (place, what) = (first.location.clone(), first.detail.clone());
            let (place_zh, what_zh) = first.in_chinese();
            Outcome::doubtful(
                text!(
                    "A hardware maker has left its mark in this Windows ({place}: {what}).",
                    "Windows中存在硬件厂商的标记（{place_zh}：{what_zh}）。"
                ),
                evidence,
            )
        }
        None => Outcome::holds(
            text!(
                "Neither the product id nor a maker's information speaks of an OEM edition.",
                "产品ID和厂商信息均未显示为OEM版本。"
            ),
            vec![Evidence::new(
                r"HKLM\SOFTWARE\Microsoft\Windows NT\CurrentVersion",
                "ProductId of another channel, no OEMInformation",
            )],
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fact::Fact;
    use crate::rules::Status;
    use crate::rules::testing::windows::*;
    use crate::rules::testing::*;

    #[test]
    fn for_linux_it_is_left_to_a_person() {
        expect(&OsNotOem, &good_linux(), Status::Manual, "CentOS Linux 7");
    }

    #[test]
    fn windows_of_a_maker_warns() {
        let mut facts = good_windows();
        expect(&OsNotOem, &facts, Status::Pass, "no OEMInformation");
        let id = OemMark::ProductId(Evidence::new("CurrentVersion", "00371-OEM-8992671-00524"));
        let maker = OemMark::Maker(Evidence::new("OEMInformation", "Manufacturer=LENOVO"));
        windows_mut(&mut facts).oem = Fact::Known(vec![maker.clone()]);
        expect(&OsNotOem, &facts, Status::Warn, "LENOVO");
        windows_mut(&mut facts).oem = Fact::Known(vec![maker, id]);
        expect(&OsNotOem, &facts, Status::Warn, "00371-OEM-8992671-00524");
    }

    #[test]
    fn what_cannot_be_read_is_unverified() {
        expect(&OsNotOem, &windows_unread(), Status::Unverified, "it was torn");
        expect(&OsNotOem, &unread(), Status::Unverified, "it was torn");
    }

    #[test]
    fn without_a_system_it_does_not_apply() {
        assert_eq!(status(&OsNotOem, &no_guest()), Status::NotApplicable);
    }
}
