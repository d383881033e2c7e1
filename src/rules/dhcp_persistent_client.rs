//! `dhcp-persistent-client`

use super::nic::{Family, family};
use super::scope::{Decision, known, linux_only, settle};
use super::{Context, Doc, Fixed, Level, Outcome, Profile, Rule, Text, shell};
use crate::fact::{Evidence, Fact};
use crate::guest::facts::{
    Addressing, Facts, InterfaceConfig, InterfaceKind, LinuxFacts, NetworkProgram, Setting,
    UnitState,
};
use crate::text;

/// The DHCP client keeps asking.
pub(super) struct DhcpPersistentClient;

static DOC: Doc = Doc {
    title: Fixed::new(
        "The DHCP client keeps asking, and does not fall back on an old lease",
        "DHCP客户端持续获取IP地址，且不使用旧租约",
    ),
    why: Fixed::new(
        "dhclient of Red Hat's network scripts gives up when the first answer takes too long, and the server stays without an address until it is started anew. SUSE's falls back on the last lease, which is one of the old network.",
        "Red Hat的network脚本启动的dhclient在首次应答过慢时会放弃，云服务器在重启前一直没有IP地址。SUSE的客户端会使用上一次租约，即原网络的地址。",
    ),
    decided: Fixed::new(
        "CentOS, RHEL, EulerOS with network scripts that run at boot: PERSISTENT_DHCLIENT=y in each ifcfg file with BOOTPROTO=dhcp. SUSE: DHCLIENT_USE_LAST_LEASE=no in /etc/sysconfig/network/dhcp. NetworkManager and systemd-networkd keep asking by themselves.",
        "network脚本开机启动的CentOS、RHEL、EulerOS：每个BOOTPROTO=dhcp的ifcfg文件中设置了PERSISTENT_DHCLIENT=y。SUSE：/etc/sysconfig/network/dhcp中设置了DHCLIENT_USE_LAST_LEASE=no。NetworkManager和systemd-networkd会自动持续获取。",
    ),
    remedy: Fixed::new(
        "CentOS, RHEL, EulerOS: echo 'PERSISTENT_DHCLIENT=\"y\"' >> /etc/sysconfig/network-scripts/ifcfg-eth0. SUSE: sed -i 's/^DHCLIENT_USE_LAST_LEASE=.*/DHCLIENT_USE_LAST_LEASE=\"no\"/' /etc/sysconfig/network/dhcp",
        "CentOS、RHEL、EulerOS：echo 'PERSISTENT_DHCLIENT=\"y\"' >> /etc/sysconfig/network-scripts/ifcfg-eth0。SUSE：sed -i 's/^DHCLIENT_USE_LAST_LEASE=.*/DHCLIENT_USE_LAST_LEASE=\"no\"/' /etc/sysconfig/network/dhcp",
    ),
    source: "设置网卡属性为DHCP (ims_01_0303)",
    predicts: &[],
    repaired_by_platform: false,
};

impl Rule for DhcpPersistentClient {
    fn id(&self) -> &'static str {
        "dhcp-persistent-client"
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
    let linux = linux_only(facts)?;
    match known(&linux.os)?.as_ref().and_then(family) {
        Some(Family::RedHat) => red_hat(linux),
        Some(Family::Suse) => suse(linux),
        _ => Ok(Outcome::not_applicable(text!(
            "This rule concerns CentOS, RHEL, EulerOS and SUSE.",
            "本规则仅适用于CentOS、RHEL、EulerOS和SUSE。"
        ))),
    }
}

/// Ends the rule where none of the programs that read the setting runs at boot.
pub(super) fn runs_any(linux: &LinuxFacts, readers: &[NetworkProgram]) -> Decision<()> {
    for program in &linux.network.programs {
        if readers.contains(&program.program) && *known(&program.state)? == UnitState::Enabled {
            return Ok(());
        }
    }
    // Where nothing at all of the network could be read, nothing is said about its programs.
    known(&linux.network.interfaces)?;
    let names = readers.iter().map(|reader| reader.name()).collect::<Vec<_>>().join(", ");
    Err(Box::new(Outcome::not_applicable(text!(
        "Nothing reads the setting: {names} does not run at boot.",
        "没有程序读取该设置：{names}未开机启动。"
    ))))
}

fn red_hat(linux: &LinuxFacts) -> Decision {
    let network = &linux.network;
    let (scripts, client) = (known(&network.network_scripts)?, known(&network.dhclient)?);
    if scripts.is_none() || client.is_none() {
        return Ok(Outcome::not_applicable(text!(
            "There are no network scripts with dhclient, which would read the setting.",
            "没有使用dhclient的network脚本，该设置不适用。"
        )));
    }
    runs_any(linux, &[NetworkProgram::NetworkScripts])?;
    let asks = |config: &&InterfaceConfig| {
        config.program == NetworkProgram::NetworkScripts
            && config.kind == InterfaceKind::Ethernet
            && config.ipv4 == Addressing::Dhcp
            && !matches!(config.idle, Fact::Known(Some(_)))
    };
    let asking: Vec<_> = known(&network.interfaces)?.iter().filter(asks).collect();
    if asking.is_empty() {
        return Ok(Outcome::not_applicable(text!(
            "No interface of the network scripts is set to DHCP (see nic-dhcp).",
            "network脚本没有使用DHCP的网卡（参见nic-dhcp）。"
        )));
    }
    let once: Vec<_> = asking
        .iter()
        .filter(|config| !config.persistent_dhclient.as_ref().is_some_and(Setting::is_yes))
        .collect();
    let Some(first) = once.first() else {
        let lines = asking.iter().filter_map(|config| config.persistent_dhclient.as_ref());
        return Ok(Outcome::holds(
            text!("dhclient keeps asking on every interface.", "所有网卡的dhclient均会持续获取。"),
            lines.map(|setting| setting.evidence.clone()).collect(),
        ));
    };
    let name = &first.name;
    let evidence = once.iter().map(|config| match &config.persistent_dhclient {
        Some(setting) => setting.evidence.clone(),
        None => Evidence::new(config.location.clone(), "no PERSISTENT_DHCLIENT"),
    });
    let files: Vec<_> = once.iter().map(|config| shell::quote_path(&config.location)).collect();
    let files = files.join(" ");
    Ok(Outcome::broken(
        text!(
            "dhclient asks only once on {name}: PERSISTENT_DHCLIENT=y is not set.",
            "{name}的dhclient只获取一次：未设置PERSISTENT_DHCLIENT=y。"
        ),
        evidence.collect(),
    )
    .remedy(text!(
        "for f in {files}; do sed -i '/^PERSISTENT_DHCLIENT=/d' \"$f\" && echo 'PERSISTENT_DHCLIENT=\"y\"' >> \"$f\"; done",
        "for f in {files}; do sed -i '/^PERSISTENT_DHCLIENT=/d' \"$f\" && echo 'PERSISTENT_DHCLIENT=\"y\"' >> \"$f\"; done"
    )))
}

fn suse(linux: &LinuxFacts) -> Decision {
    let setting = known(&linux.network.use_last_lease)?;
    suse_must_say_no(
        linux,
        setting.as_ref(),
        "DHCLIENT_USE_LAST_LEASE",
        text!("The last lease is not used.", "不使用上一次租约。"),
        text!(
            "Without an answer the lease of the old network is used: DHCLIENT_USE_LAST_LEASE is not \"no\".",
            "没有应答时会使用原网络的租约：DHCLIENT_USE_LAST_LEASE未设置为no。"
        ),
    )
}

/// Decides whether a key of SUSE's `/etc/sysconfig/network/dhcp` is `no`, where a program reads it.
pub(super) fn suse_must_say_no(
    linux: &LinuxFacts,
    setting: Option<&Setting>,
    key: &str,
    holds: Text,
    broken: Text,
) -> Decision {
    runs_any(linux, &[NetworkProgram::Wicked, NetworkProgram::NetworkScripts])?;
    let evidence = match setting {
        Some(setting) if setting.value.eq_ignore_ascii_case("no") => {
            return Ok(Outcome::holds(holds, vec![setting.evidence.clone()]));
        }
        Some(setting) => setting.evidence.clone(),
        None => Evidence::new("/etc/sysconfig/network/dhcp", format!("no {key}")),
    };
    let command = match shell::file_and_line(&evidence.location) {
        Some((file, line)) => {
            let file = shell::quote_path(file);
            format!("sed -i '{line}s/.*/{key}=\"no\"/' {file}")
        }
        None => format!("echo '{key}=\"no\"' >> /etc/sysconfig/network/dhcp"),
    };
    Ok(Outcome::broken(broken, vec![evidence]).remedy(text!("{command}", "{command}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guest::facts::ProgramFacts;
    use crate::rules::Status;
    use crate::rules::testing::network::ifcfg_eth0;
    use crate::rules::testing::*;

    fn suse_with(value: Option<&str>) -> Facts {
        let mut facts = good_linux();
        let linux = linux_mut(&mut facts);
        if let Fact::Known(Some(os)) = &mut linux.os {
            (os.id, os.id_like) = ("sles".to_owned(), vec!["suse".to_owned()]);
        }
        linux.network.programs = vec![ProgramFacts {
            program: NetworkProgram::Wicked,
            state: Fact::Known(UnitState::Enabled),
            evidence: Evidence::new("/usr/lib/systemd/system/wicked.service", "enabled"),
        }];
        linux.network.use_last_lease = Fact::Known(value.map(|value| Setting {
            value: value.to_owned(),
            evidence: Evidence::new("/etc/sysconfig/network/dhcp:7", value),
        }));
        facts
    }

    #[test]
    fn a_client_that_keeps_asking_passes() {
        expect(&DhcpPersistentClient, &good_linux(), Status::Pass, "PERSISTENT_DHCLIENT");
        expect(&DhcpPersistentClient, &suse_with(Some("no")), Status::Pass, "dhcp:7");
    }

    #[test]
    fn one_that_asks_once_or_uses_the_last_lease_warns() {
        let mut facts = good_linux();
        let config = InterfaceConfig { persistent_dhclient: None, ..ifcfg_eth0() };
        linux_mut(&mut facts).network.interfaces = Fact::Known(vec![config]);
        let finding = expect(&DhcpPersistentClient, &facts, Status::Warn, "eth0");
        assert!(remedy(&finding).contains("/etc/sysconfig/network-scripts/ifcfg-eth0"));
        let finding =
            expect(&DhcpPersistentClient, &suse_with(Some("yes")), Status::Warn, "dhcp:7");
        assert_eq!(
            remedy(&finding),
            "sed -i '7s/.*/DHCLIENT_USE_LAST_LEASE=\"no\"/' /etc/sysconfig/network/dhcp"
        );
        assert_eq!(status(&DhcpPersistentClient, &suse_with(None)), Status::Warn);
    }

    #[test]
    fn other_programs_and_distributions_are_not_concerned() {
        let mut facts = good_linux();
        linux_mut(&mut facts).network.programs[0].program = NetworkProgram::NetworkManager;
        assert_eq!(status(&DhcpPersistentClient, &facts), Status::NotApplicable);
        let mut facts = good_linux();
        linux_mut(&mut facts).network.network_scripts = Fact::Known(None);
        assert_eq!(status(&DhcpPersistentClient, &facts), Status::NotApplicable);
        let mut facts = good_linux();
        if let Fact::Known(Some(os)) = &mut linux_mut(&mut facts).os {
            (os.id, os.id_like) = ("debian".to_owned(), Vec::new());
        }
        assert_eq!(status(&DhcpPersistentClient, &facts), Status::NotApplicable);
    }

    #[test]
    fn what_is_not_known_is_unverified() {
        expect(&DhcpPersistentClient, &unread_inside(), Status::Unverified, "it was torn");
        let mut facts = good_linux();
        linux_mut(&mut facts).network.programs[0].state = Fact::unknown("/etc/rc.d", "torn");
        expect(&DhcpPersistentClient, &facts, Status::Unverified, "torn");
    }
}
