//! `cloud-init-manage-etc-hosts`

use super::cloud_init_settings::{configured, setting, with_cloud_init};
use super::scope::{Decision, known, settle, undecided};
use super::{Context, Doc, Fixed, Level, Outcome, Profile, Rule, Text};
use crate::fact::Unread;
use crate::guest::facts::Facts;
use crate::text;

/// cloud-init keeps the host name in /etc/hosts.
pub(super) struct CloudInitManageEtcHosts;

static DOC: Doc = Doc {
    title: Fixed::new(
        "On Debian and Ubuntu cloud-init keeps the host name in /etc/hosts",
        "Debian和Ubuntu中由Cloud-init在/etc/hosts中维护主机名",
    ),
    why: Fixed::new(
        "A host name that does not resolve lets su and sudo wait for name servers, and the platform's password agent lets the boot hang.",
        "主机名无法解析时，su和sudo会等待域名解析超时，平台的重置密码插件会导致启动卡住。",
    ),
    decided: Fixed::new(
        "The merged configuration has manage_etc_hosts: localhost. true and template write /etc/hosts from a template at each boot and warn.",
        "合并后的配置中有manage_etc_hosts: localhost。设置为true或template时，每次启动都会根据模板重写/etc/hosts，因此告警。",
    ),
    remedy: Fixed::new(
        "printf 'manage_etc_hosts: localhost\\n' > /etc/cloud/cloud.cfg.d/99-manage-etc-hosts.cfg",
        "printf 'manage_etc_hosts: localhost\\n' > /etc/cloud/cloud.cfg.d/99-manage-etc-hosts.cfg",
    ),
    source: "配置Cloud-Init工具 (OTC 0122876047)",
    predicts: &[],
    repaired_by_platform: false,
};

impl Rule for CloudInitManageEtcHosts {
    fn id(&self) -> &'static str {
        "cloud-init-manage-etc-hosts"
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
    let Some(os) = known(&linux.os)? else {
        let unread = Unread::new("/etc/os-release", "which system this is, is not known");
        return Err(Box::new(undecided(&unread)));
    };
    let debian = |id: &str| matches!(id, "debian" | "ubuntu");
    if !debian(&os.id) && !os.id_like.iter().any(|id| debian(id)) {
        let name = &os.name;
        return Ok(Outcome::not_applicable(text!(
            "The page asks for it on Debian and Ubuntu; this is {name}.",
            "文档仅对Debian和Ubuntu要求该设置；当前系统为{name}。"
        )));
    }
    let (cloud_init, _) = configured(facts)?;
    let manage = setting(cloud_init, "manage_etc_hosts");
    let evidence = vec![manage.evidence()];
    let Text { en, zh } = manage.state();
    let text = manage.value.and_then(serde_json::Value::as_str);
    Ok(if text == Some("localhost") {
        Outcome::holds(text!("{en}.", "{zh}。"), evidence)
    } else if text == Some("template") || manage.switch() == Some(true) {
        Outcome::doubtful(
            text!(
                "{en}: /etc/hosts is written anew from a template at each boot.",
                "{zh}：每次启动都会根据模板重写/etc/hosts。"
            ),
            evidence,
        )
    } else {
        Outcome::broken(
            text!(
                "{en}: the host name of a new server may not resolve.",
                "{zh}：新云服务器的主机名可能无法解析。"
            ),
            evidence,
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fact::Fact;
    use crate::rules::Status;
    use crate::rules::testing::*;

    fn debian() -> Facts {
        let mut facts = good_linux();
        if let Fact::Known(Some(os)) = &mut linux_mut(&mut facts).os {
            os.id = "debian".to_owned();
            os.id_like.clear();
        }
        facts
    }

    #[test]
    fn localhost_passes_and_other_systems_are_not_concerned() {
        expect(&CloudInitManageEtcHosts, &debian(), Status::Pass, "/etc/cloud/cloud.cfg:6");
        assert_eq!(status(&CloudInitManageEtcHosts, &good_linux()), Status::NotApplicable);
    }

    #[test]
    fn nothing_fails_and_a_template_warns() {
        let mut facts = debian();
        linux_mut(&mut facts).cloud_init.config = serde_json::json!({"manage_etc_hosts": true});
        let (profile, rule) = (Profile::Huaweicloud, &CloudInitManageEtcHosts);
        expect_in(profile, rule, &facts, Status::Warn, "template");
        linux_mut(&mut facts).cloud_init.config = serde_json::json!({});
        expect_in(profile, rule, &facts, Status::Fail, "manage_etc_hosts is absent");
        assert_eq!(status(rule, &facts), Status::Warn);
    }

    #[test]
    fn an_unreadable_configuration_or_system_is_unverified() {
        let mut facts = debian();
        linux_mut(&mut facts).cloud_init.unread = vec![Unread::new("/etc/cloud/cloud.cfg", "torn")];
        expect(&CloudInitManageEtcHosts, &facts, Status::Unverified, "torn");
        assert_eq!(status(&CloudInitManageEtcHosts, &unread_inside()), Status::Unverified);
    }
}
