//! `win-multiqueue-off`

use super::scope::{Decision, settle, windows_only};
use super::{Context, Doc, Fixed, Level, Outcome, Profile, Rule};
use crate::guest::facts::Facts;
use crate::text;

/// Multi-queue makes Windows start slowly.
pub(super) struct WinMultiqueueOff;

static DOC: Doc = Doc {
    title: Fixed::new(
        "Multi-queue network cards are left off for Windows",
        "Windows镜像不启用网卡多队列",
    ),
    why: Fixed::new(
        "With multi-queue network cards Windows starts slowly.",
        "启用网卡多队列后，Windows启动缓慢。",
    ),
    decided: Fixed::new(
        "Said of every Windows guest: the attribute stands in the request, not in the image.",
        "对所有Windows镜像提示：该属性在请求中设置，与镜像内容无关。",
    ),
    remedy: Fixed::new(
        "Leave hw_vif_multiqueue_enabled unset for the image.",
        "请勿为该镜像设置hw_vif_multiqueue_enabled。",
    ),
    source: "OTC 0085214115",
    predicts: &[],
    repaired_by_platform: false,
};

impl Rule for WinMultiqueueOff {
    fn id(&self) -> &'static str {
        "win-multiqueue-off"
    }

    fn level(&self, _: Profile) -> Option<Level> {
        Some(Level::Informational)
    }

    fn doc(&self) -> &'static Doc {
        &DOC
    }

    fn check(&self, facts: &Facts, _: &Context) -> Outcome {
        settle(decide(facts))
    }
}

fn decide(facts: &Facts) -> Decision {
    let windows = windows_only(facts)?;
    Ok(Outcome::noted(
        text!(
            "Leave multi-queue network cards off for this image: hw_vif_multiqueue_enabled.",
            "请勿为该镜像启用网卡多队列（hw_vif_multiqueue_enabled）。"
        ),
        windows.evidence.clone(),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::rules::Status;
    use crate::rules::testing::windows::*;
    use crate::rules::testing::*;

    #[test]
    fn it_is_said_of_each_windows_and_of_nothing_else() {
        let ends = |facts: &Facts| judged(&WinMultiqueueOff, facts, Profile::Huaweicloud).status;
        assert_eq!(ends(&good_windows()), Status::Info);
        assert_eq!(ends(&windows_unread()), Status::Info);
        assert_eq!(ends(&good_linux()), Status::NotApplicable);
        assert_eq!(ends(&unread()), Status::Unverified);
    }
}
