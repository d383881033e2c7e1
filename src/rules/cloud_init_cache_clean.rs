//! `cloud-init-cache-clean`

use super::cloud_init_settings::with_cloud_init;
use super::scope::{Decision, known, settle};
use super::{Context, Doc, Fixed, Level, Outcome, Profile, Rule};
use crate::fact::Evidence;
use crate::guest::facts::Facts;
use crate::text;

/// cloud-init has no memory of an earlier server.
pub(super) struct CloudInitCacheClean;

static DOC: Doc = Doc {
    title: Fixed::new(
        "cloud-init's state of an earlier run was removed",
        "已清理Cloud-init以往运行留下的状态",
    ),
    why: Fixed::new(
        "With the state of an earlier server cloud-init may take the new one for the old: passwords, keys and user data are then not injected.",
        "保留旧云服务器的状态时，Cloud-init可能将新云服务器误认为旧的，导致密码、密钥和用户数据不再注入。",
    ),
    decided: Fixed::new(
        "/var/lib/cloud: the link instance, and anything in instances, sem and data (a run fills them; the package leaves them empty). Logs alone (/var/log/cloud-init*) warn.",
        "检查/var/lib/cloud中的instance链接，以及instances、sem和data目录中的内容（由运行产生，软件包安装后为空）。仅有日志（/var/log/cloud-init*）时告警。",
    ),
    remedy: Fixed::new(
        "cloud-init clean --logs (older versions: rm -rf /var/lib/cloud/* /var/log/cloud-init*)",
        "cloud-init clean --logs（旧版本：rm -rf /var/lib/cloud/* /var/log/cloud-init*）",
    ),
    source: "安装Cloud-Init工具 (OTC 0030730603)",
    predicts: &[],
    repaired_by_platform: false,
};

impl Rule for CloudInitCacheClean {
    fn id(&self) -> &'static str {
        "cloud-init-cache-clean"
    }

    fn level(&self, profile: Profile) -> Option<Level> {
        Some(match profile {
            // The source document does not ask for it.
            Profile::ImsClassic => Level::Recommended,
            Profile::Huaweicloud | Profile::Otc => Level::Required,
        })
    }

    fn doc(&self) -> &'static Doc {
        &DOC
    }

    fn check(&self, facts: &Facts, _: &Context) -> Outcome {
        settle(decide(facts))
    }
}

fn decide(facts: &Facts) -> Decision {
    let (linux, _) = with_cloud_init(facts)?;
    let left = known(&linux.cloud_init.instance_data)?;
    let Some(first) = left.first() else {
        let evidence = ["/var/lib/cloud", "/var/log/cloud-init*"];
        return Ok(Outcome::holds(
            text!("cloud-init has left no state.", "没有cloud-init留下的状态。"),
            evidence.map(|place| Evidence::new(place, "nothing of an earlier run")).to_vec(),
        ));
    };
    let (place, what) = (&first.location, &first.detail);
    let (place_zh, what_zh) = first.in_chinese();
    Ok(if place.starts_with("/var/lib/") {
        Outcome::broken(
            text!(
                "cloud-init has run in this image: {place} ({what}).",
                "cloud-init已在该镜像中运行过：{place_zh}（{what_zh}）。"
            ),
            left.clone(),
        )
    } else {
        Outcome::doubtful(
            text!(
                "A log of cloud-init is left: {place} ({what}).",
                "留有cloud-init日志：{place_zh}（{what_zh}）。"
            ),
            left.clone(),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fact::Fact;
    use crate::rules::Status;
    use crate::rules::testing::*;

    fn with(location: &str) -> Facts {
        let mut facts = good_linux();
        linux_mut(&mut facts).cloud_init.instance_data =
            Fact::Known(vec![Evidence::new(location, "i-1")]);
        facts
    }

    #[test]
    fn no_state_passes() {
        expect(&CloudInitCacheClean, &good_linux(), Status::Pass, "/var/lib/cloud");
    }

    #[test]
    fn state_fails_and_a_log_warns() {
        let (profile, rule) = (Profile::Huaweicloud, &CloudInitCacheClean);
        let state = with("/var/lib/cloud/instances");
        expect_in(profile, rule, &state, Status::Fail, "/var/lib/cloud/instances");
        assert_eq!(status(rule, &state), Status::Warn);
        expect_in(profile, rule, &with("/var/log/cloud-init.log"), Status::Warn, "log");
    }

    #[test]
    fn an_unreadable_directory_is_unverified() {
        let mut facts = good_linux();
        linux_mut(&mut facts).cloud_init.instance_data = Fact::unknown("/var/lib/cloud", "torn");
        expect(&CloudInitCacheClean, &facts, Status::Unverified, "torn");
        linux_mut(&mut facts).cloud_init.installed = Fact::Known(None);
        assert_eq!(status(&CloudInitCacheClean, &facts), Status::NotApplicable);
    }
}
