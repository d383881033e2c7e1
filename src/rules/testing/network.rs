//! The good machine: network.

use super::why;
use crate::fact::{Evidence, Fact};
use crate::guest::facts::*;

/// One interface by DHCP, as the installer of CentOS 7 writes it without what is the machine's own.
pub(in crate::rules) fn ifcfg_eth0() -> InterfaceConfig {
    let path = "/etc/sysconfig/network-scripts/ifcfg-eth0";
    InterfaceConfig {
        program: NetworkProgram::NetworkScripts,
        name: "eth0".to_owned(),
        location: path.to_owned(),
        matches: InterfaceMatch { names: vec!["eth0".to_owned()], ..InterfaceMatch::default() },
        kind: InterfaceKind::Ethernet,
        ports: Vec::new(),
        ipv4: Addressing::Dhcp,
        ipv4_at: Evidence::new(format!("{path}:3"), "BOOTPROTO=dhcp"),
        ipv6: Addressing::Dhcp,
        macs: Vec::new(),
        by_cloud_init: false,
        idle: Fact::Known(None),
        lacks: None,
        persistent_dhclient: Some(Setting {
            value: "y".to_owned(),
            evidence: Evidence::new(format!("{path}:5"), "PERSISTENT_DHCLIENT=\"y\""),
        }),
    }
}

/// As the good machine has it.
pub(super) fn good() -> NetworkFacts {
    NetworkFacts {
        programs: vec![ProgramFacts {
            program: NetworkProgram::NetworkScripts,
            state: Fact::Known(UnitState::Enabled),
            evidence: Evidence::new("/etc/rc.d/rc3.d/S10network", "start link"),
        }],
        interfaces: Fact::Known(vec![ifcfg_eth0()]),
        automatic: Fact::Known(Vec::new()),
        nic_name: Fact::Known((
            NicName::Exactly("eth0".to_owned()),
            Evidence::new("/boot/grub2/grub.cfg:100", "net.ifnames=0"),
        )),
        cloud_init: Fact::Known(CloudInitNetwork::Off(Evidence::new(
            "/etc/cloud/cloud.cfg",
            "network: {config: disabled}",
        ))),
        no_ifcfg: None,
        link_macs: Fact::Known(Vec::new()),
        persistent_rules: Fact::Known(Vec::new()),
        rule_generator: Fact::Known(RuleGenerator {
            generator: None,
            stub: None,
            stub_is_empty: false,
        }),
        network_scripts: Fact::Known(Some(Evidence::new(
            "/etc/sysconfig/network-scripts/ifup-eth",
            "there",
        ))),
        dhclient: Fact::Known(Some(Evidence::new("/usr/sbin/dhclient", "there"))),
        nozeroconf: Fact::Known(Some(Setting {
            value: "yes".to_owned(),
            evidence: Evidence::new("/etc/sysconfig/network:1", "NOZEROCONF=yes"),
        })),
        set_hostname: Fact::Known(None),
        use_last_lease: Fact::Known(None),
    }
}

/// Nothing of it could be read.
pub(super) fn unread() -> NetworkFacts {
    NetworkFacts {
        programs: Vec::new(),
        interfaces: Fact::Unknown(why()),
        automatic: Fact::Unknown(why()),
        nic_name: Fact::Unknown(why()),
        cloud_init: Fact::Unknown(why()),
        no_ifcfg: None,
        link_macs: Fact::Unknown(why()),
        persistent_rules: Fact::Unknown(why()),
        rule_generator: Fact::Unknown(why()),
        network_scripts: Fact::Unknown(why()),
        dhclient: Fact::Unknown(why()),
        nozeroconf: Fact::Unknown(why()),
        set_hostname: Fact::Unknown(why()),
        use_last_lease: Fact::Unknown(why()),
    }
}
