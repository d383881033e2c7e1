//! `win-san-policy`

use super::scope::{Decision, known, settle, windows_only};
use super::{Context, Doc, Fixed, Level, Outcome, Profile, Rule};
use crate::fact::Evidence;
use crate::guest::facts::{Facts, WindowsFacts};
use crate::text;

/// New disks come online by themselves.
pub(super) struct WinSanPolicy;

static DOC: Doc = Doc {
    title: Fixed::new(
        "Windows brings new disks online by itself (SAN policy OnlineAll)",
        "Windows自动联机新磁盘（SAN策略为OnlineAll）",
    ),
    why: Fixed::new(
        "With another SAN policy the data disks of a server stay offline until somebody brings them online by hand.",
        "SAN策略为其他值时，云服务器的数据盘会处于脱机状态，需手动联机。",
    ),
    decided: Fixed::new(
        "SanPolicy of Services\\partmgr\\Parameters is 1 (OnlineAll). Where it is not set, servers leave shared disks offline and warn, clients do not. Windows before Vista has no SAN policy.",
        "Services\\partmgr\\Parameters中的SanPolicy为1（OnlineAll）。未设置时，服务器版默认不联机共享磁盘，判为告警；客户端版通过。Vista之前的Windows没有SAN策略。",
    ),
    remedy: Fixed::new(
        "diskpart, then: san policy=onlineall",
        "执行diskpart，输入：san policy=onlineall",
    ),
    source: "安装并配置Cloudbase-Init工具 (OTC 0030730602); VDS_SAN_POLICY",
    predicts: &[],
    repaired_by_platform: false,
};

impl Rule for WinSanPolicy {
    fn id(&self) -> &'static str {
        "win-san-policy"
    }

    fn level(&self, _: Profile) -> Option<Level> {
        Some(Level::Recommended)
    }

    fn doc(&self) -> &'static Doc {
        &DOC
    }

    fn check(&self, facts: &Facts, _: &Context) -> Outcome {
        settle(decide(facts))
    }
}

/// `VDS_SP_ONLINE`.
const ONLINE_ALL: u32 = 1;

fn decide(facts: &Facts) -> Decision {
    let windows = windows_only(facts)?;
    let policy = match known(&windows.san_policy)? {
        Some(policy) => policy,
        None => return unset(windows),
    };
    let value = policy.value;
    let evidence = vec![policy.evidence.clone()];
    // VDS_SAN_POLICY of the Virtual Disk Service.
    let name = match value {
        ONLINE_ALL => {
            return Ok(Outcome::holds(
                text!("The SAN policy is OnlineAll.", "SAN策略为OnlineAll。"),
                evidence,
            ));
        }
        2 => "OfflineShared",
        3 => "OfflineAll",
        4 => "OfflineInternal",
        _ => "unknown",
    };
    Ok(Outcome::broken(
        text!(
            "The SAN policy is {value} ({name}): data disks stay offline.",
            "SAN策略为{value}（{name}）：数据盘会保持脱机状态。"
        ),
        evidence,
    ))
}

fn unset(windows: &WindowsFacts) -> Decision {
    let os = known(&windows.os)?;
    if !os.at_least(6, 0) {
        return Ok(Outcome::not_applicable(text!(
            "Windows before Vista has no SAN policy.",
            "Vista之前的Windows没有SAN策略。"
        )));
    }
    let evidence = vec![
        Evidence::new(r"HKLM\SYSTEM\CurrentControlSet\Services\partmgr\Parameters", "no SanPolicy"),
        os.evidence.clone(),
    ];
    Ok(if os.is_server() {
        Outcome::doubtful(
            text!(
                "No SAN policy is set; servers then leave disks on a shared bus offline.",
                "未设置SAN策略；服务器版默认不联机共享总线上的磁盘。"
            ),
            evidence,
        )
    } else {
        Outcome::holds(
            text!(
                "No SAN policy is set; clients then bring all disks online.",
                "未设置SAN策略；客户端版默认联机所有磁盘。"
            ),
            evidence,
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::fact::Fact;
    use crate::guest::facts::{ProductType, Seen};
    use crate::rules::Status;
    use crate::rules::testing::windows::*;
    use crate::rules::testing::*;

    const RULE: WinSanPolicy = WinSanPolicy;

    #[test]
    fn online_all_passes() {
        expect(&RULE, &good_windows(), Status::Pass, "SanPolicy=1");
    }

    #[test]
    fn another_policy_warns() {
        let mut facts = good_windows();
        let seen = Seen::new(2, Evidence::new("partmgr", "SanPolicy=2"));
        windows_mut(&mut facts).san_policy = Fact::Known(Some(seen));
        let finding = expect(&RULE, &facts, Status::Warn, "OfflineShared");
        assert!(remedy(&finding).contains("san policy=onlineall"));
    }

    #[test]
    fn without_one_the_edition_decides() {
        let mut facts = good_windows();
        windows_mut(&mut facts).san_policy = Fact::Known(None);
        expect(&RULE, &facts, Status::Warn, "no SanPolicy");
        identity_mut(&mut facts).product = Fact::Known(ProductType::Workstation);
        expect(&RULE, &facts, Status::Pass, "no SanPolicy");
        identity_mut(&mut facts).version = (5, 2);
        expect(&RULE, &facts, Status::NotApplicable, "before Vista");
    }

    #[test]
    fn what_cannot_be_read_is_unverified() {
        expect(&RULE, &windows_unread(), Status::Unverified, "it was torn");
        expect(&RULE, &good_linux(), Status::NotApplicable, "Linux");
    }
}
