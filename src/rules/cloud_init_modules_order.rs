//! `cloud-init-modules-order`

use super::cloud_init_settings::{configured, module_names, setting};
use super::scope::{Decision, settle};
use super::{Context, Doc, Fixed, Level, Outcome, Profile, Rule, Text};
use crate::guest::facts::Facts;
use crate::text;

/// cloud-init sets up SSH first and keeps the host name up to date.
pub(super) struct CloudInitModulesOrder;

static DOC: Doc = Doc {
    title: Fixed::new(
        "cloud_init_modules begins with ssh and has update_hostname",
        "cloud_init_modules以ssh开头且包含update_hostname",
    ),
    why: Fixed::new(
        "ssh first gives the server its keys before anything slower runs; without update_hostname a changed host name does not arrive.",
        "ssh排在最前可使云服务器先于较慢的模块获得密钥；没有update_hostname时，修改后的主机名无法生效。",
    ),
    decided: Fixed::new(
        "The list cloud_init_modules of the merged configuration.",
        "检查合并后配置中的cloud_init_modules列表。",
    ),
    remedy: Fixed::new(
        "In the cloud_init_modules of /etc/cloud/cloud.cfg move ssh to the first place and keep update_hostname",
        "在/etc/cloud/cloud.cfg的cloud_init_modules中将ssh移到第一位，并保留update_hostname",
    ),
    source: "配置Cloud-Init工具 (OTC 0122876047)",
    predicts: &[],
    repaired_by_platform: false,
};

impl Rule for CloudInitModulesOrder {
    fn id(&self) -> &'static str {
        "cloud-init-modules-order"
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

fn decide(facts: &Facts) -> Decision {
    let (cloud_init, _) = configured(facts)?;
    let setting = setting(cloud_init, "cloud_init_modules");
    let evidence = vec![setting.evidence()];
    let Some(names) = setting.value.and_then(module_names) else {
        let Text { en, zh } = setting.state();
        return Ok(Outcome::broken(text!("{en}, no list.", "{zh}，不是列表。"), evidence));
    };
    let ssh = names.iter().position(|name| name == "ssh");
    let has_update = names.iter().any(|name| name == "update_hostname");
    let place = evidence.first().map_or("", |seen| seen.location.as_str());
    let ssh = match ssh {
        Some(0) if has_update => {
            return Ok(Outcome::holds(
                text!(
                    "ssh comes first, and update_hostname is there ({place}).",
                    "ssh位于第一位，且包含update_hostname（{place}）。"
                ),
                evidence,
            ));
        }
        Some(0) => text!("ssh comes first", "ssh位于第一位"),
        Some(index) => {
            let number = index.saturating_add(1);
            text!("ssh is number {number}", "ssh位于第{number}位")
        }
        None => text!("ssh is missing", "缺少ssh"),
    };
    let update = if has_update {
        text!("update_hostname is there", "包含update_hostname")
    } else {
        text!("update_hostname is missing", "缺少update_hostname")
    };
    let (Text { en: ssh, zh: ssh_zh }, Text { en: update, zh: update_zh }) = (ssh, update);
    Ok(Outcome::broken(
        text!(
            "In cloud_init_modules ({place}) {ssh} and {update}.",
            "cloud_init_modules（{place}）中{ssh_zh}，{update_zh}。"
        ),
        evidence,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fact::Unread;
    use crate::rules::Status;
    use crate::rules::testing::*;

    fn with(modules: serde_json::Value) -> Facts {
        let mut facts = good_linux();
        linux_mut(&mut facts).cloud_init.config =
            serde_json::json!({ "cloud_init_modules": modules });
        facts
    }

    #[test]
    fn ssh_first_passes() {
        expect(&CloudInitModulesOrder, &good_linux(), Status::Pass, "/etc/cloud/cloud.cfg:10");
        let spelt = with(serde_json::json!([["ssh", "always"], "update-hostname"]));
        assert_eq!(status(&CloudInitModulesOrder, &spelt), Status::Pass);
    }

    #[test]
    fn ssh_behind_others_and_no_update_hostname_warn() {
        let rule = &CloudInitModulesOrder;
        let usual = with(serde_json::json!(["migrator", "update_hostname", "ssh"]));
        expect(rule, &usual, Status::Warn, "ssh is number 3 and update_hostname is there");
        expect(rule, &with(serde_json::json!(["ssh"])), Status::Warn, "update_hostname is missing");
        expect(rule, &with(serde_json::Value::Null), Status::Warn, "absent");
    }

    #[test]
    fn an_unreadable_configuration_is_unverified() {
        let mut facts = good_linux();
        linux_mut(&mut facts).cloud_init.unread = vec![Unread::new("/etc/cloud/cloud.cfg", "torn")];
        expect(&CloudInitModulesOrder, &facts, Status::Unverified, "torn");
    }
}
