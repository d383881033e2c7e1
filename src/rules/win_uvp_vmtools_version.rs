//! `win-uvp-vmtools-version`

use super::scope::{Decision, known, settle, undecided, windows_only};
use super::{Context, Doc, Fixed, Level, Outcome, Profile, Rule};
use crate::fact::{Evidence, Unread};
use crate::guest::facts::{Facts, Seen};
use crate::text;

/// The platform's tools are new enough.
pub(super) struct WinUvpVmtoolsVersion;

static DOC: Doc = Doc {
    title: Fixed::new(
        "The platform's Windows tools are new enough",
        "平台的Windows工具版本满足要求",
    ),
    why: Fixed::new(
        "Older UVP VMTools lose data disks on Windows Server 2012 R2 after a reset, and older Xen drivers do not work on the platform's present hosts.",
        "旧版本UVP VMTools在Windows Server 2012 R2上重置后可能丢失数据盘，旧版本PV driver无法在当前平台上正常工作。",
    ),
    decided: Fixed::new(
        "The files \\Program Files (x86)\\virtio\\bin\\version (at least 2.5.0; Windows Server 2012 R2: 2.5.0.156) and \\Program Files (x86)\\Xen PV Drivers\\bin\\version (later than 2.5). Where neither is there, this is only noted: win-virtio-storage and win-virtio-net say whether drivers are missing.",
        "读取\\Program Files (x86)\\virtio\\bin\\version（不低于2.5.0；Windows Server 2012 R2不低于2.5.0.156）和\\Program Files (x86)\\Xen PV Drivers\\bin\\version（高于2.5）。两者都不存在时仅提示，驱动是否缺失由win-virtio-storage和win-virtio-net判断。",
    ),
    remedy: Fixed::new(
        "Install the present UVP VMTools: vmtools-windows.zip from the platform",
        "请从平台下载并安装最新的UVP VMTools：vmtools-windows.zip",
    ),
    source: "安装UVP-VMTools; 安装PV-driver; 已知问题",
    predicts: &[],
    repaired_by_platform: false,
};

impl Rule for WinUvpVmtoolsVersion {
    fn id(&self) -> &'static str {
        "win-uvp-vmtools-version"
    }

    fn level(&self, profile: Profile) -> Option<Level> {
        Some(match profile {
            Profile::ImsClassic | Profile::Huaweicloud => Level::Recommended,
            // Its guide takes the stock virtio-win drivers.
            Profile::Otc => Level::Informational,
        })
    }

    fn doc(&self) -> &'static Doc {
        &DOC
    }

    fn check(&self, facts: &Facts, _: &Context) -> Outcome {
        settle(decide(facts))
    }
}

/// The least version of UVP VMTools, and that for Windows Server 2012 R2.
const VMTOOLS: [u32; 4] = [2, 5, 0, 0];
const VMTOOLS_2012_R2: [u32; 4] = [2, 5, 0, 156];

/// The Xen drivers must be later than this.
const PV_DRIVER: [u32; 4] = [2, 5, 0, 0];

fn decide(facts: &Facts) -> Decision {
    let windows = windows_only(facts)?;
    let tools = known(&windows.uvp_vmtools)?;
    let xen = known(&windows.uvp_pv_driver)?;
    let mut good = Vec::new();
    if let Some(Seen { value, evidence }) = tools {
        let is_2012_r2 = known(&windows.os)?.version == (6, 3);
        let least = if is_2012_r2 { VMTOOLS_2012_R2 } else { VMTOOLS };
        if version(value, evidence)? < least {
            let least = least.map(|number| number.to_string()).join(".");
            return Ok(Outcome::broken(
                text!(
                    "UVP VMTools are of version {value}; this Windows needs at least {least}.",
                    "UVP VMTools版本为{value}，该系统要求不低于{least}。"
                ),
                vec![evidence.clone()],
            ));
        }
        good.push(evidence.clone());
    }
    if let Some(Seen { value, evidence }) = xen {
        if version(value, evidence)? <= PV_DRIVER {
            return Ok(Outcome::broken(
                text!(
                    "The platform's Xen drivers are of version {value}; they must be later than 2.5.",
                    "PV driver版本为{value}，要求高于2.5。"
                ),
                vec![evidence.clone()],
            )
            .remedy(text!(
                "Install the present PV driver: pvdriver-windows.zip from the platform",
                "请从平台下载并安装最新的PV driver：pvdriver-windows.zip"
            )));
        }
        good.push(evidence.clone());
    }
    if good.is_empty() {
        return Ok(Outcome::noted(
            text!(
                "UVP VMTools are not installed; the stock virtio-win drivers do as well.",
                "未安装UVP VMTools；使用virtio-win驱动也可以。"
            ),
            vec![Evidence::new(r"\Program Files (x86)\virtio\bin\version", "no such file")],
        ));
    }
    Ok(Outcome::holds(
        text!("The platform's tools are new enough.", "平台工具版本满足要求。"),
        good,
    ))
}

/// The first dotted number in the text.
fn version(text: &str, evidence: &Evidence) -> Decision<[u32; 4]> {
    let start = text.find(|c: char| c.is_ascii_digit());
    let numbers = start.and_then(|start| text.get(start..)).unwrap_or_default();
    let end = numbers.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(numbers.len());
    let mut parsed = numbers.get(..end).unwrap_or_default().split('.').map(str::parse);
    let mut version = [0; 4];
    for (index, number) in version.iter_mut().enumerate() {
        match parsed.next() {
            Some(Ok(found)) => *number = found,
            None if index > 0 => {}
            // `2.5.` ends with nothing.
            Some(Err(_)) if index > 1 => {}
            Some(Err(_)) | None => {
                let unread = Unread::new(evidence.location.clone(), "it holds no version");
                return Err(Box::new(undecided(&unread)));
            }
        }
    }
    Ok(version)
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::fact::Fact;
    use crate::rules::Status;
    use crate::rules::testing::windows::*;
    use crate::rules::testing::*;

    const RULE: WinUvpVmtoolsVersion = WinUvpVmtoolsVersion;

    fn tools(version: &str) -> Facts {
        let mut facts = good_windows();
        let evidence = Evidence::new(r"\Program Files (x86)\virtio\bin\version", version);
        let found = Some(Seen::new(version.to_owned(), evidence));
        windows_mut(&mut facts).uvp_vmtools = Fact::Known(found);
        facts
    }

    #[test]
    fn new_tools_pass() {
        expect(&RULE, &good_windows(), Status::Pass, "2.5.0.156");
        expect(&RULE, &tools("VMTools 2.5.3"), Status::Pass, "2.5.3");
    }

    #[test]
    fn old_tools_warn() {
        expect(&RULE, &tools("2.4.9.80"), Status::Warn, "at least 2.5.0.156");
        expect(&RULE, &tools("2.5.0.100"), Status::Warn, "at least 2.5.0.156");
        let mut facts = tools("2.5.0.100");
        identity_mut(&mut facts).version = (10, 0);
        expect(&RULE, &facts, Status::Pass, "2.5.0.100");
        let mut facts = good_windows();
        let evidence = Evidence::new(r"\Program Files (x86)\Xen PV Drivers\bin\version", "2.5");
        let found = Some(Seen::new("2.5".to_owned(), evidence));
        windows_mut(&mut facts).uvp_pv_driver = Fact::Known(found);
        expect(&RULE, &facts, Status::Warn, "later than 2.5");
    }

    #[test]
    fn without_them_it_is_only_noted() {
        let mut facts = good_windows();
        windows_mut(&mut facts).uvp_vmtools = Fact::Known(None);
        expect(&RULE, &facts, Status::Info, "not installed");
    }

    #[test]
    fn what_cannot_be_read_is_unverified() {
        expect(&RULE, &windows_unread(), Status::Unverified, "it was torn");
        expect(&RULE, &tools("unknown"), Status::Unverified, "holds no version");
        expect(&RULE, &good_linux(), Status::NotApplicable, "Linux");
    }
}
