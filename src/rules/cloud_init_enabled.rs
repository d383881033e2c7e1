//! `cloud-init-enabled`

use super::cloud_init_settings::{taken_away, without_word};
use super::scope::{Decision, known, linux_only, settle, undecided};
use super::{Context, Doc, Fixed, Level, Outcome, Profile, Rule, skipped, start};
use crate::fact::Unread;
use crate::guest::facts::{Facts, UnitState};
use crate::text;

/// cloud-init is started at boot.
pub(super) struct CloudInitEnabled;

static DOC: Doc = Doc {
    title: Fixed::new(
        "All stages of cloud-init are started at boot",
        "Cloud-init的各阶段服务均已设置为开机启动",
    ),
    why: Fixed::new(
        "One stage that is not started, and passwords, keys or user data do not arrive, without any error that could be seen from outside.",
        "只要有一个阶段未启动，密码、密钥或用户数据就无法注入，且从外部看不到任何错误。",
    ),
    decided: Fixed::new(
        "The units of this version (cloud-init-local, cloud-init or cloud-init-network, cloud-config, cloud-final) are enabled, not masked, and not passed over for a condition on a path; there is no /etc/cloud/cloud-init.disabled and no cloud-init=disabled on the kernel command line.",
        "该版本的服务单元（cloud-init-local、cloud-init或cloud-init-network、cloud-config、cloud-final）均已启用、未被屏蔽，且未因路径条件被跳过；不存在/etc/cloud/cloud-init.disabled，内核命令行中没有cloud-init=disabled。",
    ),
    remedy: Fixed::new(
        "systemctl unmask cloud-init-local cloud-init cloud-config cloud-final; systemctl enable cloud-init-local cloud-init cloud-config cloud-final; rm -f /etc/cloud/cloud-init.disabled",
        "systemctl unmask cloud-init-local cloud-init cloud-config cloud-final；systemctl enable cloud-init-local cloud-init cloud-config cloud-final；rm -f /etc/cloud/cloud-init.disabled",
    ),
    source: "安装Cloud-Init工具 (OTC 0030730603); FAQ (OTC 0132216287)",
    predicts: &[],
    repaired_by_platform: false,
};

impl Rule for CloudInitEnabled {
    fn id(&self) -> &'static str {
        "cloud-init-enabled"
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
    let linux = linux_only(facts)?;
    let cloud_init = &linux.cloud_init;
    if known(&cloud_init.installed)?.is_none() {
        return Ok(Outcome::not_applicable(text!(
            "cloud-init is not installed (see cloud-init-installed).",
            "未安装cloud-init（参见cloud-init-installed）。"
        )));
    }

    if let Ok(disabled_by) = cloud_init.disabled_by.as_result()
        && let Some(first) = disabled_by.first()
    {
        let (place, what) = (&first.location, &first.detail);
        let (place_zh, what_zh) = first.in_chinese();
        return Ok(Outcome::broken(
            text!(
                "cloud-init is switched off: {place}: {what}.",
                "cloud-init已被禁用：{place_zh}：{what_zh}。"
            ),
            disabled_by.clone(),
        )
        .remedy(taken_away(first)));
    }
    let off: Vec<_> = cloud_init
        .units
        .iter()
        .filter(|unit| unit.state.known().is_some_and(|&state| state != UnitState::Enabled))
        .collect();
    if !off.is_empty() {
        let names = off.iter().map(|unit| unit.name.as_str()).collect::<Vec<_>>().join(" ");
        let command = start::command(linux, &off);
        let remedy = match off.iter().find_map(|unit| unit.mask_word()) {
            Some(word) => without_word(word),
            None => off
                .iter()
                .find_map(|unit| skipped::remedy(unit))
                .unwrap_or_else(|| text!("{command}", "{command}")),
        };
        return Ok(Outcome::broken(
            text!("Not started at boot: {names}.", "未设置开机启动：{names}。"),
            off.iter().map(|unit| unit.evidence.clone()).collect(),
        )
        .remedy(remedy));
    }
    known(&cloud_init.disabled_by)?;
    for unit in &cloud_init.units {
        known(&unit.state)?;
    }
    if cloud_init.units.is_empty() {
        let unread = Unread::new("cloud-init", "none of its boot stages was looked at");
        return Err(Box::new(undecided(&unread)));
    }
    let count = cloud_init.units.len();
    Ok(Outcome::holds(
        text!("All {count} stages are started at boot.", "{count}个阶段均已设置为开机启动。"),
        cloud_init.units.iter().map(|unit| unit.evidence.clone()).collect(),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fact::{Evidence, Fact};
    use crate::rules::Status;
    use crate::rules::testing::*;

    #[test]
    fn the_remedy_takes_away_the_switch_that_was_seen() {
        for (location, detail, command) in [
            (
                "/etc/cloud/cloud-init.disabled",
                "the file exists",
                "rm -f /etc/cloud/cloud-init.disabled",
            ),
            (
                "/etc/cloud/ds-identify.cfg:3",
                "policy: disabled",
                "sed -i '3s/^/#/' /etc/cloud/ds-identify.cfg",
            ),
            ("kernel command line", "cloud-init=disabled", "--remove-args=cloud-init=disabled)"),
        ] {
            let mut facts = good_linux();
            let switch = Evidence::new(location, detail);
            linux_mut(&mut facts).cloud_init.disabled_by = Fact::Known(vec![switch]);
            let finding = expect(&CloudInitEnabled, &facts, Status::Warn, location);
            assert!(remedy(&finding).ends_with(command), "{finding:#?}");
        }
    }

    #[test]
    fn enabled_stages_pass() {
        expect(&CloudInitEnabled, &good_linux(), Status::Pass, "cloud-final.service");
    }

    #[test]
    fn a_masked_stage_fails_and_warns_in_the_source_document() {
        let mut facts = good_linux();
        linux_mut(&mut facts).cloud_init.units[1].state = Fact::Known(UnitState::Masked);
        let finding = expect_in(
            Profile::Huaweicloud,
            &CloudInitEnabled,
            &facts,
            Status::Fail,
            "cloud-init.service",
        );
        assert_eq!(remedy(&finding), "systemctl unmask cloud-init; systemctl enable cloud-init");
        assert_eq!(status(&CloudInitEnabled, &facts), Status::Warn);
    }

    #[test]
    fn a_stage_that_is_passed_over_for_its_condition_fails() {
        let mut facts = good_linux();
        let unit = &mut linux_mut(&mut facts).cloud_init.units[1];
        unit.state = Fact::Known(UnitState::Skipped);
        let drop_in = "/etc/systemd/system/cloud-init.service.d/x.conf:2";
        unit.evidence = Evidence::new(drop_in, "ConditionPathExists=/nonexistent");
        let finding = expect(&CloudInitEnabled, &facts, Status::Warn, drop_in);
        assert!(remedy(&finding).starts_with("sed -i '2s/^/#/' /etc/systemd/"), "{finding:#?}");
    }

    #[test]
    fn a_switch_that_turns_it_off_fails() {
        let mut facts = good_linux();
        let switch = Evidence::new("/etc/cloud/cloud-init.disabled", "exists");
        linux_mut(&mut facts).cloud_init.disabled_by = Fact::Known(vec![switch]);
        expect_in(Profile::Otc, &CloudInitEnabled, &facts, Status::Fail, "cloud-init.disabled");
    }

    #[test]
    fn unknown_stages_are_unverified_and_no_cloud_init_not_concerned() {
        let mut facts = good_linux();
        linux_mut(&mut facts).cloud_init.units[0].state = Fact::unknown("/etc/systemd", "torn");
        expect(&CloudInitEnabled, &facts, Status::Unverified, "torn");
        linux_mut(&mut facts).cloud_init.units.clear();
        assert_eq!(status(&CloudInitEnabled, &facts), Status::Unverified);
        linux_mut(&mut facts).cloud_init.installed = Fact::Known(None);
        assert_eq!(status(&CloudInitEnabled, &facts), Status::NotApplicable);
    }
}
