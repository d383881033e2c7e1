//! `suse-dhclient-set-hostname`

use super::dhcp_persistent_client::suse_must_say_no;
use super::nic::{Family, of_family};
use super::scope::{Decision, known, linux_only, settle};
use super::{Context, Doc, Fixed, Level, Outcome, Profile, Rule};
use crate::guest::facts::Facts;
use crate::text;

/// On SUSE, DHCP does not set the host's name, which cloud-init sets.
pub(super) struct SuseDhclientSetHostname;

static DOC: Doc = Doc {
    title: Fixed::new(
        "SUSE: DHCP leaves the host's name to cloud-init",
        "SUSE：主机名由Cloud-init设置，DHCP不修改主机名",
    ),
    why: Fixed::new(
        "Both set the name of the host: the one from DHCP replaces the one that the user chose when the server was created.",
        "DHCP和Cloud-init都会设置主机名：DHCP下发的主机名会覆盖用户创建云服务器时指定的名称。",
    ),
    decided: Fixed::new(
        "SUSE with cloud-init and wicked (or the network scripts before it): DHCLIENT_SET_HOSTNAME=\"no\" in /etc/sysconfig/network/dhcp.",
        "安装了Cloud-init且使用wicked（或更早的network脚本）的SUSE：/etc/sysconfig/network/dhcp中设置了DHCLIENT_SET_HOSTNAME=\"no\"。",
    ),
    remedy: Fixed::new(
        "sed -i 's/^DHCLIENT_SET_HOSTNAME=.*/DHCLIENT_SET_HOSTNAME=\"no\"/' /etc/sysconfig/network/dhcp",
        "sed -i 's/^DHCLIENT_SET_HOSTNAME=.*/DHCLIENT_SET_HOSTNAME=\"no\"/' /etc/sysconfig/network/dhcp",
    ),
    source: "安装Cloud-Init工具 (OTC 0030730603)",
    predicts: &[],
    repaired_by_platform: false,
};

impl Rule for SuseDhclientSetHostname {
    fn id(&self) -> &'static str {
        "suse-dhclient-set-hostname"
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
    of_family(linux, Family::Suse)?;
    if known(&linux.cloud_init.installed)?.is_none() {
        return Ok(Outcome::not_applicable(text!(
            "cloud-init is not installed (see cloud-init-installed).",
            "未安装cloud-init（参见cloud-init-installed）。"
        )));
    }
    let setting = known(&linux.network.set_hostname)?;
    suse_must_say_no(
        linux,
        setting.as_ref(),
        "DHCLIENT_SET_HOSTNAME",
        text!("DHCP does not set the host's name.", "DHCP不修改主机名。"),
        text!(
            "DHCP may set the host's name: DHCLIENT_SET_HOSTNAME is not \"no\".",
            "DHCP可能修改主机名：DHCLIENT_SET_HOSTNAME未设置为no。"
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fact::{Evidence, Fact};
    use crate::guest::facts::{NetworkProgram, ProgramFacts, Setting, UnitState};
    use crate::rules::Status;
    use crate::rules::testing::*;

    fn suse_with(value: Option<&str>) -> Facts {
        let mut facts = good_linux();
        let linux = linux_mut(&mut facts);
        if let Fact::Known(Some(os)) = &mut linux.os {
            (os.id, os.id_like) = ("opensuse-leap".to_owned(), vec!["suse".to_owned()]);
        }
        linux.network.programs = vec![ProgramFacts {
            program: NetworkProgram::Wicked,
            state: Fact::Known(UnitState::Enabled),
            evidence: Evidence::new("/usr/lib/systemd/system/wicked.service", "enabled"),
        }];
        linux.network.set_hostname = Fact::Known(value.map(|value| Setting {
            value: value.to_owned(),
            evidence: Evidence::new("/etc/sysconfig/network/dhcp:3", value),
        }));
        facts
    }

    #[test]
    fn a_no_passes() {
        expect(&SuseDhclientSetHostname, &suse_with(Some("no")), Status::Pass, "dhcp:3");
    }

    #[test]
    fn anything_else_fails() {
        let facts = suse_with(Some("yes"));
        let rule = &SuseDhclientSetHostname;
        let finding = expect_in(Profile::Huaweicloud, rule, &facts, Status::Fail, "dhcp:3");
        assert_eq!(
            remedy(&finding),
            "sed -i '3s/.*/DHCLIENT_SET_HOSTNAME=\"no\"/' /etc/sysconfig/network/dhcp"
        );
        assert_eq!(status(rule, &facts), Status::Warn);
        assert_eq!(status(rule, &suse_with(None)), Status::Warn);
    }

    #[test]
    fn others_are_not_concerned_and_the_unknown_is_unverified() {
        let rule = &SuseDhclientSetHostname;
        assert_eq!(status(rule, &good_linux()), Status::NotApplicable);
        let mut facts = suse_with(None);
        linux_mut(&mut facts).cloud_init.installed = Fact::Known(None);
        assert_eq!(status(rule, &facts), Status::NotApplicable);
        let mut facts = suse_with(None);
        linux_mut(&mut facts).network.set_hostname = Fact::unknown("/etc/sysconfig", "torn");
        expect(rule, &facts, Status::Unverified, "torn");
    }
}
