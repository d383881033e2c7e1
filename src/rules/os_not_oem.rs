//! `os-not-oem`

use super::scope::{Decision, any_guest, settle};
use super::{Context, Doc, Fixed, Level, Outcome, Profile, Rule};
use crate::guest::facts::Facts;
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
        "Windows: by the product id and the OEM information in the registry, which this version does not read. Linux: the bytes do not tell, a checklist line.",
        "Windows：根据注册表中的产品ID和OEM信息判断，当前版本不读取。Linux：无法从镜像内容判断，列为人工确认项。",
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
    let linux = any_guest(facts)?;
    let name = match linux.os.known() {
        Some(Some(os)) => os.name.as_str(),
        _ => "Linux",
    };
    Ok(Outcome::manual(text!(
        "Make sure that this {name} was not preinstalled by a hardware maker; the image does not tell.",
        "请确认该{name}不是硬件厂商预装的版本；无法从镜像内容判断。"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::Status;
    use crate::rules::testing::*;

    #[test]
    fn for_linux_it_is_left_to_a_person() {
        expect(&OsNotOem, &good_linux(), Status::Manual, "CentOS Linux 7");
    }

    #[test]
    fn a_windows_guest_is_unverified() {
        expect(&OsNotOem, &windows(), Status::Unverified, "recognised but not read");
        expect(&OsNotOem, &unread(), Status::Unverified, "it was torn");
    }

    #[test]
    fn without_a_system_it_does_not_apply() {
        assert_eq!(status(&OsNotOem, &no_guest()), Status::NotApplicable);
    }
}
