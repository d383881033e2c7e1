//! How the guest sets up its network.

use serde::{Deserialize, Serialize};

use super::UnitState;
use crate::fact::{Evidence, Fact};
use crate::guest::glob;

/// How the guest sets up its network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct NetworkFacts {
    /// The programs that bring interfaces up, with whether they run at boot; those that are not
    /// there at all are left out.
    pub programs: Vec<ProgramFacts>,
    /// What is configured, in the order in which each program looks at it.
    pub interfaces: Fact<Vec<InterfaceConfig>>,
    /// What gives any interface DHCP that no configuration names: NetworkManager's automatic
    /// connection, a DHCP client for all interfaces.
    pub automatic: Fact<Vec<Evidence>>,
    /// The name that the first virtio network card of another machine gets.
    pub nic_name: Fact<(NicName, Evidence)>,
    /// Whether cloud-init writes the network configuration of a new instance.
    pub cloud_init: Fact<CloudInitNetwork>,
    /// Why NetworkManager does not read Red Hat's `ifcfg-*` files; none when it does, or when that is not
    /// known.
    pub no_ifcfg: Option<Evidence>,
    /// `.link` files that pick a card by its MAC address: the lines.
    pub link_macs: Fact<Vec<Evidence>>,
    /// Files in `/etc/udev/rules.d` whose names contain both `persistent` and `net`.
    pub persistent_rules: Fact<Vec<PersistentRules>>,
    /// The generator of such rules, which old udev has.
    pub rule_generator: Fact<RuleGenerator>,
    /// Red Hat's network scripts (`ifup-eth`); `Known(None)` when they are not there.
    pub network_scripts: Fact<Option<Evidence>>,
    /// ISC's DHCP client; `Known(None)` when it is not there.
    pub dhclient: Fact<Option<Evidence>>,
    /// `NOZEROCONF` in Red Hat's `/etc/sysconfig/network`.
    pub nozeroconf: Fact<Option<Setting>>,
    /// `DHCLIENT_SET_HOSTNAME` in SUSE's `/etc/sysconfig/network/dhcp`.
    pub set_hostname: Fact<Option<Setting>>,
    /// `DHCLIENT_USE_LAST_LEASE` in SUSE's `/etc/sysconfig/network/dhcp`.
    pub use_last_lease: Fact<Option<Setting>>,
}

/// A program that brings interfaces up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum NetworkProgram {
    /// Red Hat's and old SUSE's `network` service, which reads `ifcfg-*`.
    NetworkScripts,
    /// SUSE's wicked, which reads `ifcfg-*`.
    Wicked,
    /// NetworkManager.
    NetworkManager,
    /// netplan, which writes for systemd-networkd or NetworkManager at each boot.
    Netplan,
    /// ifupdown (`/etc/network/interfaces`).
    Ifupdown,
    /// systemd-networkd.
    Networkd,
    /// dhcpcd or ConnMan, which ask for DHCP on every interface.
    DhcpClient,
}

impl NetworkProgram {
    /// As people call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::NetworkScripts => "network",
            Self::Wicked => "wicked",
            Self::NetworkManager => "NetworkManager",
            Self::Netplan => "netplan",
            Self::Ifupdown => "ifupdown",
            Self::Networkd => "systemd-networkd",
            Self::DhcpClient => "dhcpcd",
        }
    }
}

/// What is said where none of the programs is there that would read a configuration.
pub(crate) fn not_installed(readers: &[NetworkProgram]) -> String {
    let names: Vec<_> = readers.iter().map(|reader| reader.name()).collect();
    format!("{} is not installed", names.join(", "))
}

/// A program and whether it runs at boot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ProgramFacts {
    /// Which.
    pub program: NetworkProgram,
    /// Whether it runs at boot.
    pub state: Fact<UnitState>,
    /// What told it.
    pub evidence: Evidence,
}

/// How an interface gets its addresses of one family.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Addressing {
    /// DHCP.
    Dhcp,
    /// From router advertisements (IPv6).
    RouterAdvertisement,
    /// Addresses that stand in the configuration.
    Static,
    /// None, or link-local ones only.
    None,
}

/// What an interface is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum InterfaceKind {
    /// A network card.
    Ethernet,
    /// A bridge or bond over the interfaces in [`InterfaceConfig::ports`].
    Master,
    /// Anything else: loopback, VLAN, tunnel, wireless, dummy, a second address.
    Other,
}

/// Which interfaces a configuration is for. All that is set must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct InterfaceMatch {
    /// Names, `*`, `?` and `[…]` as in a shell, `!` in front for all others; empty: any.
    pub names: Vec<String>,
    /// It picks by a MAC address.
    pub by_mac: bool,
    /// Drivers, with wildcards; empty: any.
    pub drivers: Vec<String>,
    /// A condition that is not evaluated here: the bus path, the host's name, ….
    pub other: Option<Evidence>,
}

/// Whether a configuration is for the network card of another machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Reach {
    /// It is not.
    No,
    /// That depends on a name or a condition which is not known.
    Maybe,
    /// It is.
    Yes,
}

/// What a reader of Red Hat's network scripts needs and is not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum NetworkLack {
    /// `DEVICE=` in the configuration itself, without which it is for no card.
    Device,
    /// `/etc/sysconfig/network`, without which they do nothing.
    Settings,
}

/// The configuration of an interface.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct InterfaceConfig {
    /// Who reads it.
    pub program: NetworkProgram,
    /// Its name: of the interface, the connection, or netplan's own.
    pub name: String,
    /// Where it begins: `/etc/network/interfaces:9`.
    pub location: String,
    /// Which interfaces it is for.
    pub matches: InterfaceMatch,
    /// What the interface is.
    pub kind: InterfaceKind,
    /// Interfaces that it joins, or netplan's own names for them.
    pub ports: Vec<String>,
    /// How it gets its IPv4 address.
    pub ipv4: Addressing,
    /// The line that says so.
    pub ipv4_at: Evidence,
    /// How it gets its IPv6 address.
    pub ipv6: Addressing,
    /// Lines with MAC addresses of cards.
    pub macs: Vec<Evidence>,
    /// Whether cloud-init wrote it.
    pub by_cloud_init: bool,
    /// Why nothing comes of it at boot (`ONBOOT=no`, its program does not run); `Known(None)` when
    /// it is used.
    pub idle: Fact<Option<Evidence>>,
    /// What it is idle for the lack of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lacks: Option<NetworkLack>,
    /// `PERSISTENT_DHCLIENT` of Red Hat's network scripts.
    pub persistent_dhclient: Option<Setting>,
}

impl InterfaceConfig {
    /// Whether it is for the card of that name, whose driver is `virtio_net` and whose MAC address
    /// is a new one.
    pub fn reach(&self, nic: &NicName) -> Reach {
        if self.kind != InterfaceKind::Ethernet || self.matches.by_mac {
            return Reach::No;
        }
        let drivers = &self.matches.drivers;
        if !drivers.is_empty() && !drivers.iter().any(|driver| glob::matches(driver, "virtio_net"))
        {
            return Reach::No;
        }
        let by_name = nic.reached_by(&self.matches.names);
        if self.matches.other.is_some() { by_name.min(Reach::Maybe) } else { by_name }
    }
}

/// The name of a network card.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum NicName {
    /// Exactly this: the kernel's own `eth0`, or one that a `.link` file gives.
    Exactly(String),
    /// By its place on the bus, which the image does not tell: `ens3`, `enp0s3`, ….
    ByPlace,
}

/// Names that a virtio card gets by its place on usual virtual machines
/// (systemd.net-naming-scheme(7)): by slot, by path on bus 0, by path behind a bridge.
const BY_PLACE: [&str; 3] = ["ens3", "enp0s3", "enp4s1"];

impl NicName {
    /// Whether it is among the names that the patterns take (see [`InterfaceMatch::names`]).
    pub fn reached_by(&self, patterns: &[String]) -> Reach {
        let takes = |name: &str| {
            let (not, only): (Vec<&str>, Vec<&str>) =
                patterns.iter().map(String::as_str).partition(|pattern| pattern.starts_with('!'));
            let excluded =
                not.iter().any(|pattern| glob::matches(pattern.trim_start_matches('!'), name));
            !excluded
                && (only.is_empty() || only.iter().any(|pattern| glob::matches(pattern, name)))
        };
        match self {
            Self::Exactly(name) if takes(name) => Reach::Yes,
            Self::Exactly(_) => Reach::No,
            Self::ByPlace => match BY_PLACE.iter().filter(|name| takes(name)).count() {
                0 => Reach::No,
                count if count == BY_PLACE.len() => Reach::Yes,
                _ => Reach::Maybe,
            },
        }
    }
}

/// Whether cloud-init writes the network configuration of a new instance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum CloudInitNetwork {
    /// It does: what the datasource says, or else DHCP on the first card.
    Writes(Evidence),
    /// It does not, for this reason.
    Off(Evidence),
}

/// A file in `/etc/udev/rules.d` whose name contains both `persistent` and `net`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct PersistentRules {
    /// Path.
    pub path: String,
    /// Why it does nothing: it is empty, a link to `/dev/null`, not read by udev.
    pub harmless: Option<String>,
    /// Its rules that name a card by its MAC address.
    pub macs: Vec<Evidence>,
    /// Its other rules.
    pub others: Vec<Evidence>,
}

/// The generator of persistent rules (udev up to 174: `75-persistent-net-generator.rules`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RuleGenerator {
    /// The one that came with udev.
    pub generator: Option<String>,
    /// The file in `/etc` that takes its place.
    pub stub: Option<String>,
    /// Whether that file is empty or a link to `/dev/null`.
    pub stub_is_empty: bool,
}

/// A variable of a configuration file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Setting {
    /// Its value without quotes.
    pub value: String,
    /// Its line.
    pub evidence: Evidence,
}

impl Setting {
    /// Whether its value is a yes: `yes`, `y`, `true`, `on`, `1` in any case.
    pub fn is_yes(&self) -> bool {
        ["yes", "y", "true", "t", "on", "1"].iter().any(|yes| self.value.eq_ignore_ascii_case(yes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_by_place_is_only_reached_for_sure_by_a_pattern() {
        let reach = |names: &[&str]| {
            let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
            NicName::ByPlace.reached_by(&names)
        };
        assert_eq!(reach(&["en*"]), Reach::Yes);
        assert_eq!(reach(&[]), Reach::Yes);
        assert_eq!(reach(&["ens3"]), Reach::Maybe);
        assert_eq!(reach(&["ens33"]), Reach::No);
        assert_eq!(reach(&["eth0"]), Reach::No);
        assert_eq!(reach(&["!en*"]), Reach::No);
    }
}
