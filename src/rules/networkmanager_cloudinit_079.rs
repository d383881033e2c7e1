//! `networkmanager-cloudinit-079`

use super::cloud_init_settings::with_cloud_init;
use super::scope::{Decision, known, settle, undecided};
use super::{Context, Doc, Fixed, Level, Outcome, Profile, Rule};
use crate::fact::Unread;
use crate::guest::facts::Facts;
use crate::text;

/// NetworkManager and cloud-init 0.7.9 are not together on Debian.
pub(super) struct NetworkmanagerCloudinit079;

static DOC: Doc = Doc {
    title: Fixed::new(
        "NetworkManager is not installed beside cloud-init 0.7.9 on Debian",
        "Debian中未同时安装NetworkManager和Cloud-init 0.7.9",
    ),
    why: Fixed::new(
        "The two together on Debian 9 and later: cloud-init starts before the network is there, and password and key are not injected.",
        "Debian 9及以上版本同时安装两者时，Cloud-init会在网络就绪前启动，密码和密钥无法注入。",
    ),
    decided: Fixed::new(
        "On Debian 9 or later: cloud-init's version is 0.7.9, and dpkg has network-manager installed.",
        "Debian 9及以上版本中，Cloud-init版本为0.7.9且dpkg中已安装network-manager。",
    ),
    remedy: Fixed::new(
        "Upgrade cloud-init (the platform's page asks for 0.7.6 instead), or: apt remove network-manager",
        "升级cloud-init（平台文档建议使用0.7.6版本），或执行：apt remove network-manager",
    ),
    source: "FAQ (OTC 0113992021)",
    predicts: &[],
    repaired_by_platform: false,
};

impl Rule for NetworkmanagerCloudinit079 {
    fn id(&self) -> &'static str {
        "networkmanager-cloudinit-079"
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
    let (linux, installed) = with_cloud_init(facts)?;
    let Some(os) = known(&linux.os)? else {
        let unread = Unread::new("/etc/os-release", "which system this is, is not known");
        return Err(Box::new(undecided(&unread)));
    };
    let major = os.version.as_deref().and_then(|version| version.split('.').next()?.parse().ok());
    if os.id != "debian" || major.is_some_and(|major: u32| major < 9) {
        let name = &os.name;
        return Ok(Outcome::not_applicable(text!(
            "It concerns Debian 9 and later; this is {name}.",
            "仅涉及Debian 9及以上版本；当前系统为{name}。"
        )));
    }
    let Some(version) = installed.version.as_deref() else {
        let unread = Unread::new(installed.path.clone(), "the version of cloud-init is not known");
        return Err(Box::new(undecided(&unread)));
    };
    let upstream = version.split_once(':').map_or(version, |(_, rest)| rest);
    if !upstream.starts_with("0.7.9") {
        return Ok(Outcome::holds(
            text!("cloud-init is {version}.", "cloud-init版本为{version}。"),
            vec![installed.evidence.clone()],
        ));
    }
    Ok(match known(&linux.packages.find("network-manager"))? {
        None => Outcome::holds(
            text!("NetworkManager is not installed.", "未安装NetworkManager。"),
            linux.packages.databases.clone(),
        ),
        Some(manager) => {
            let other = &manager.version;
            Outcome::broken(
                text!(
                    "NetworkManager {other} is installed beside cloud-init {version}.",
                    "同时安装了NetworkManager {other}和cloud-init {version}。"
                ),
                vec![manager.evidence(), installed.evidence.clone()],
            )
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fact::Fact;
    use crate::guest::facts::Package;
    use crate::rules::Status;
    use crate::rules::testing::*;

    fn debian(version: &str, packages: &[(&str, &str)]) -> Facts {
        let mut facts = good_linux();
        let linux = linux_mut(&mut facts);
        if let Fact::Known(Some(os)) = &mut linux.os {
            (os.id, os.version) = ("debian".to_owned(), Some("9.13".to_owned()));
        }
        if let Fact::Known(Some(installed)) = &mut linux.cloud_init.installed {
            installed.version = Some(version.to_owned());
        }
        let package = |&(name, version): &(&str, &str)| Package {
            name: name.to_owned(),
            version: version.to_owned(),
            arch: None,
            location: "/var/lib/dpkg/status:7".to_owned(),
        };
        linux.packages.packages = packages.iter().map(package).collect();
        facts
    }

    #[test]
    fn one_without_the_other_passes_and_other_systems_are_not_concerned() {
        let rule = &NetworkmanagerCloudinit079;
        assert_eq!(status(rule, &debian("0.7.9-2", &[])), Status::Pass);
        let newer = debian("20.4.1-2", &[("network-manager", "1.30")]);
        expect(rule, &newer, Status::Pass, "20.4.1-2");
        assert_eq!(status(rule, &good_linux()), Status::NotApplicable);
    }

    #[test]
    fn both_together_warn_with_both_versions() {
        let both = debian("0.7.9-2", &[("network-manager", "1.6.2-3")]);
        expect(&NetworkmanagerCloudinit079, &both, Status::Warn, "1.6.2-3");
    }

    #[test]
    fn an_unreadable_database_is_unverified() {
        let mut facts = debian("0.7.9-2", &[]);
        linux_mut(&mut facts).packages.unread = vec![Unread::new("/var/lib/dpkg/status", "torn")];
        expect(&NetworkmanagerCloudinit079, &facts, Status::Unverified, "torn");
    }
}
