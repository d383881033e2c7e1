//! `el-nozeroconf`

use super::dhcp_persistent_client::runs_any;
use super::nic::{Family, major, of_family};
use super::scope::{Decision, known, linux_only, settle};
use super::{Context, Doc, Fixed, Level, Outcome, Profile, Rule, shell};
use crate::fact::Evidence;
use crate::guest::facts::{Facts, NetworkProgram};
use crate::text;

/// The network scripts add no zeroconf route, which would cover the metadata service.
pub(super) struct ElNozeroconf;

static DOC: Doc = Doc {
    title: Fixed::new(
        "CentOS, RHEL, EulerOS: no zeroconf route hides the metadata service",
        "CentOS、RHEL、EulerOS：不添加会遮挡元数据服务的zeroconf路由",
    ),
    why: Fixed::new(
        "The network scripts add a route for 169.254.0.0/16 to the card itself. The metadata service has the address 169.254.169.254; with that route it is not asked through the gateway, and cloud-init finds no metadata.",
        "network脚本会为169.254.0.0/16添加直连路由。元数据服务的地址为169.254.169.254，存在该路由时请求不会经过网关，cloud-init无法获取元数据。",
    ),
    decided: Fixed::new(
        "With cloud-init, and network scripts (ifup-eth) that are there and, from version 8 on, run at boot: NOZEROCONF=yes in /etc/sysconfig/network. NetworkManager alone adds no such route.",
        "已安装cloud-init且存在network脚本（ifup-eth，8及以上版本还需开机启动）时：/etc/sysconfig/network中设置了NOZEROCONF=yes。仅使用NetworkManager时不会添加该路由。",
    ),
    remedy: Fixed::new(
        "echo NOZEROCONF=yes >> /etc/sysconfig/network",
        "echo NOZEROCONF=yes >> /etc/sysconfig/network",
    ),
    source: "配置Cloud-Init工具 (OTC 0030730602)",
    predicts: &[],
    repaired_by_platform: false,
};

impl Rule for ElNozeroconf {
    fn id(&self) -> &'static str {
        "el-nozeroconf"
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

/// From this version on NetworkManager is there without network scripts (RHEL 8 release notes).
const WITHOUT_SCRIPTS: u32 = 8;

fn decide(facts: &Facts) -> Decision {
    let linux = linux_only(facts)?;
    let os = of_family(linux, Family::RedHat)?;
    if known(&linux.cloud_init.installed)?.is_none() {
        return Ok(Outcome::not_applicable(text!(
            "cloud-init is not installed (see cloud-init-installed).",
            "未安装cloud-init（参见cloud-init-installed）。"
        )));
    }
    if known(&linux.network.network_scripts)?.is_none() {
        return Ok(Outcome::not_applicable(text!(
            "There are no network scripts, which would add such a route.",
            "没有network脚本，不会添加该路由。"
        )));
    }
    if major(os).is_some_and(|major| major >= WITHOUT_SCRIPTS) {
        runs_any(linux, &[NetworkProgram::NetworkScripts])?;
    }
    // The scripts ask whether it is set to anything (ifup-eth: `[ -z "${NOZEROCONF}" … ]`).
    let evidence = match known(&linux.network.nozeroconf)? {
        Some(setting) if !setting.value.is_empty() => {
            return Ok(Outcome::holds(
                text!("No zeroconf route is added.", "不会添加zeroconf路由。"),
                vec![setting.evidence.clone()],
            ));
        }
        Some(setting) => setting.evidence.clone(),
        None => Evidence::new("/etc/sysconfig/network", "no NOZEROCONF"),
    };
    let command = match shell::file_and_line(&evidence.location) {
        Some((file, line)) => {
            let file = shell::quote_path(file);
            format!("sed -i '{line}s/.*/NOZEROCONF=yes/' {file}")
        }
        None => "echo NOZEROCONF=yes >> /etc/sysconfig/network".to_owned(),
    };
    Ok(Outcome::broken(
        text!(
            "The network scripts add a route for 169.254.0.0/16: NOZEROCONF is not set.",
            "network脚本会添加169.254.0.0/16路由：未设置NOZEROCONF。"
        ),
        vec![evidence],
    )
    .remedy(text!("{command}", "{command}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fact::Fact;
    use crate::rules::Status;
    use crate::rules::testing::*;

    #[test]
    fn the_setting_passes() {
        expect(&ElNozeroconf, &good_linux(), Status::Pass, "NOZEROCONF=yes");
    }

    #[test]
    fn without_it_the_rule_fails() {
        let mut facts = good_linux();
        linux_mut(&mut facts).network.nozeroconf = Fact::Known(None);
        let finding =
            expect_in(Profile::Otc, &ElNozeroconf, &facts, Status::Fail, "/etc/sysconfig/network");
        assert_eq!(remedy(&finding), "echo NOZEROCONF=yes >> /etc/sysconfig/network");
        assert_eq!(status(&ElNozeroconf, &facts), Status::Warn);
    }

    #[test]
    fn systems_without_the_scripts_are_not_concerned() {
        let missing = |change: fn(&mut crate::guest::facts::LinuxFacts)| {
            let mut facts = good_linux();
            linux_mut(&mut facts).network.nozeroconf = Fact::Known(None);
            change(linux_mut(&mut facts));
            status(&ElNozeroconf, &facts)
        };
        let not_concerned = Status::NotApplicable;
        assert_eq!(
            missing(|linux| linux.network.network_scripts = Fact::Known(None)),
            not_concerned
        );
        assert_eq!(missing(|linux| linux.cloud_init.installed = Fact::Known(None)), not_concerned);
        let nine = |linux: &mut crate::guest::facts::LinuxFacts| {
            if let Fact::Known(Some(os)) = &mut linux.os {
                os.version = Some("9.1".to_owned());
            }
            linux.network.programs.clear();
        };
        assert_eq!(missing(nine), not_concerned);
    }

    #[test]
    fn an_unreadable_file_is_unverified() {
        let mut facts = good_linux();
        linux_mut(&mut facts).network.nozeroconf = Fact::unknown("/etc/sysconfig/network", "torn");
        expect(&ElNozeroconf, &facts, Status::Unverified, "torn");
    }
}
