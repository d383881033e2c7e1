//! `ifcfg-*` files: of Red Hat's network scripts and NetworkManager, and of SUSE's wicked.
//!
//! Sources: Red Hat's `sysconfig.txt` and `network-functions` (initscripts), `nm-settings-ifcfg-rh(5)`;
//! SUSE's ifcfg(5), ifcfg-bridge(5), ifcfg-bonding(5), ifcfg-vlan(5).

use super::files::{Assignment, Content, Files, assignments, is_mac};
use super::programs::Programs;
use crate::fact::{Evidence, Fact};
use crate::guest::facts::{
    Addressing, InterfaceConfig, InterfaceKind, InterfaceMatch, NetworkLack, NetworkProgram,
    Setting,
};

/// Where Red Hat's files are.
pub(super) const RED_HAT: &str = "/etc/sysconfig/network-scripts";

/// What Red Hat's network scripts read before them.
const SETTINGS: &str = "/etc/sysconfig/network";

/// Where SUSE's files are.
pub(super) const SUSE: &str = "/etc/sysconfig/network";

/// `no_ifcfg`: why NetworkManager does not read these files.
pub(super) fn red_hat(
    files: &mut Files<'_>,
    programs: &Programs,
    no_ifcfg: &Fact<Option<Evidence>>,
    found: &mut Vec<InterfaceConfig>,
) {
    let why_not = no_ifcfg.known().and_then(Option::as_ref);
    let by_network_manager = why_not.is_none();
    let by_scripts = programs.runs(NetworkProgram::NetworkScripts);
    let ifcfg = files.files(RED_HAT, is_ifcfg);
    let off = if by_scripts && !ifcfg.is_empty() { networking_off(files) } else { None };
    for file in ifcfg {
        let assignments = assignments(files, &file, is_wanted);
        let mut config = of_red_hat(&file, &assignments, programs, by_network_manager);
        let managed = !is_no(value(&assignments, "NM_CONTROLLED"))
            && programs.runs(NetworkProgram::NetworkManager);
        if managed && !by_scripts {
            match (why_not, no_ifcfg) {
                (Some(why), _) => config.idle = Fact::Known(Some(why.clone())),
                (None, Fact::Unknown(unread)) => {
                    files.not_followed(&file.path, unread.reason.clone());
                }
                (None, Fact::Known(_)) => {}
            }
        }
        let reads = Readers { scripts: by_scripts, network_manager: by_network_manager && managed };
        if let Some(why) = for_no_card(&file, &assignments, &reads)
            && config.idle == Fact::Known(None)
        {
            config.idle = Fact::Known(Some(why));
            config.lacks = Some(NetworkLack::Device);
        }
        if let Some((why, lack)) = off.as_ref().filter(|_| config.idle == Fact::Known(None))
            && !(managed && by_network_manager)
        {
            config.idle = Fact::Known(Some(why.clone()));
            config.lacks = *lack;
        }
        if let Some(why) = carriage_return(&file, &assignments).filter(|_| by_scripts) {
            let read_otherwise = by_network_manager && managed;
            // NetworkManager passes over it (`svUnescape`): which of the two is first is not known.
            if read_otherwise {
                files.not_followed(&why.location, why.detail);
            } else if config.idle == Fact::Known(None) {
                config.idle = Fact::Known(Some(why));
            }
        }
        files.keep(config, found);
    }
}

/// Which programs read a file.
struct Readers {
    scripts: bool,
    network_manager: bool,
}

/// Why none of its readers makes anything of a file that does not say which card it is for: the network
/// scripts take the name from `DEVICE` or look for `HWADDR`, never from the file's name
/// (`network-functions`, `source_config`; `ifup-eth`); NetworkManager reads no file without `TYPE` and
/// `DEVICE` (ifcfg-rh, `connection_from_file_full`), and takes one without `DEVICE` for every card. What it
/// does not read is left to the network scripts.
fn for_no_card(
    file: &Content,
    assignments: &[Assignment<'_>],
    reads: &Readers,
) -> Option<Evidence> {
    let has = |key: &str| !value(assignments, key).is_empty();
    if has("DEVICE") {
        return None;
    }
    let typed = has("TYPE") || has("TEAM_CONFIG") || has("TEAM_MASTER");
    let what = match reads {
        Readers { network_manager: true, .. } if typed => return None,
        Readers { scripts: true, .. } if has("HWADDR") => return None,
        Readers { network_manager: true, .. } => {
            "without DEVICE= and TYPE= NetworkManager does not read it"
        }
        Readers { scripts: true, .. } => "without DEVICE= the network scripts know no card for it",
        _ => return None,
    };
    Some(Evidence::new(&*file.path, what))
}

/// What makes Red Hat's network scripts do nothing (initscripts, `/etc/init.d/network`: it exits without
/// `/etc/sysconfig/network`, and at `NETWORKING=no`).
fn networking_off(files: &mut Files<'_>) -> Option<(Evidence, Option<NetworkLack>)> {
    let before = files.unread.is_some();
    let Some(file) = files.file(SETTINGS) else {
        // What could not be read is noted, and is not said to be absent.
        let absent = files.unread.is_some() == before;
        let why = || Evidence::new(SETTINGS, "without it the network scripts do nothing");
        return absent.then(|| (why(), Some(NetworkLack::Settings)));
    };
    let last = assignments(files, &file, |key| key == "NETWORKING").pop()?;
    (last.value == "no").then(|| (file.setting(last.line, last.text), None))
}

/// The first assignment with a carriage return at its end, of which the network scripts' shell makes a
/// part of the value: neither `dhcp` nor the card's name is what it seems.
fn carriage_return(file: &Content, assignments: &[Assignment<'_>]) -> Option<Evidence> {
    let mut lines = (1_usize..).zip(file.text.split('\n'));
    let (line, _) = lines.find(|(line, text)| {
        text.ends_with('\r') && assignments.binary_search_by_key(line, |set| set.line).is_ok()
    })?;
    let what = "the network scripts take the carriage return at the line's end into the value";
    Some(Evidence::new(format!("{}:{line}", file.path), what))
}

pub(super) fn suse(files: &mut Files<'_>, programs: &Programs, found: &mut Vec<InterfaceConfig>) {
    for file in files.files(SUSE, is_ifcfg) {
        let assignments = assignments(files, &file, is_wanted);
        files.keep(of_suse(&file, &assignments, programs), found);
    }
}

/// Files that the network scripts read: no copies that an editor or rpm left.
pub(super) fn is_ifcfg(name: &str) -> bool {
    let left = ["~", ".bak", ".orig", ".old", ".rpmnew", ".rpmorig", ".rpmsave"];
    name.starts_with("ifcfg-") && name != "ifcfg-lo" && !left.iter().any(|end| name.ends_with(end))
}

/// Variables that are looked at.
fn is_wanted(key: &str) -> bool {
    const EXACT: [&str; 28] = [
        "DEVICE",
        "TYPE",
        "HWADDR",
        "MACADDR",
        "LLADDR",
        "ONBOOT",
        "BOOTPROTO",
        "NM_CONTROLLED",
        "BRIDGE",
        "MASTER",
        "SLAVE",
        "VLAN",
        "TEAM_MASTER",
        "TEAM",
        "STARTMODE",
        "BRIDGE_PORTS",
        "ETHERDEVICE",
        "INTERFACETYPE",
        "TUNNEL",
        "WIRELESS",
        "IPV6_AUTOCONF",
        "DHCPV6C",
        "IPV6INIT",
        "IPV6ADDR",
        "PERSISTENT_DHCLIENT",
        "BONDING_MASTER",
        "TEAM_CONFIG",
        "OVS_BRIDGE",
    ];
    EXACT.contains(&key)
        || ["IPADDR", "BONDING_SLAVE"].iter().any(|start| {
            let rest = key.strip_prefix(start);
            rest.is_some_and(|rest| rest.chars().all(|c| c.is_ascii_digit() || c == '_'))
        })
}

/// The last assignment of a variable that gives it a value.
fn last<'a, 'c>(assignments: &'a [Assignment<'c>], key: &str) -> Option<&'a Assignment<'c>> {
    assignments.iter().rev().find(|set| set.key == key).filter(|set| !set.value.is_empty())
}

fn value<'a>(assignments: &'a [Assignment<'_>], key: &str) -> &'a str {
    last(assignments, key).map_or("", |set| set.value.as_str())
}

/// The first line that gives a static address of IPv4.
fn address<'a, 'c>(assignments: &'a [Assignment<'c>]) -> Option<&'a Assignment<'c>> {
    assignments.iter().find(|set| set.key.starts_with("IPADDR") && !set.value.is_empty())
}

fn is_no(value: &str) -> bool {
    ["no", "n", "false", "f", "off", "0"].iter().any(|no| value.eq_ignore_ascii_case(no))
}

fn is_yes(value: &str) -> bool {
    ["yes", "y", "true", "t", "on", "1"].iter().any(|yes| value.eq_ignore_ascii_case(yes))
}

fn macs(file: &Content, assignments: &[Assignment<'_>]) -> Vec<Evidence> {
    let mut found = Vec::new();
    // SUSE once named the files themselves by the address: `ifcfg-eth-id-00:11:22:33:44:55`.
    let name = file.path.rsplit_once("-id-").map_or("", |(_, address)| address);
    if is_mac(name) {
        found.push(file.evidence(1, &format!("named by {name}")));
    }
    let bound = |set: &&Assignment<'_>| {
        matches!(set.key, "HWADDR" | "MACADDR" | "LLADDR") && is_mac(&set.value)
    };
    found.extend(assignments.iter().filter(bound).map(|set| file.setting(set.line, set.text)));
    found
}

fn of_red_hat(
    file: &Content,
    assignments: &[Assignment<'_>],
    programs: &Programs,
    by_network_manager: bool,
) -> InterfaceConfig {
    let get = |key: &str| value(assignments, key);
    let scripts_only = is_no(get("NM_CONTROLLED")) || !by_network_manager;
    let suffix = file.name().trim_start_matches("ifcfg-");
    let device = get("DEVICE");
    let by_mac = is_mac(get("HWADDR"));
    let names = if device.is_empty() { Vec::new() } else { vec![device.to_owned()] };
    let kind = match get("TYPE").to_ascii_lowercase().as_str() {
        _ if device == "lo" || device.contains([':', '.']) || is_yes(get("VLAN")) => {
            InterfaceKind::Other
        }
        "bridge" | "bond" | "team" | "ovsbridge" => InterfaceKind::Master,
        _ if device.starts_with("bond") || !get("TEAM_CONFIG").is_empty() => InterfaceKind::Master,
        "" | "ethernet" => InterfaceKind::Ethernet,
        _ => InterfaceKind::Other,
    };
    let ipv6_on = is_yes(get("IPV6INIT")) || !is_no(get("IPV6_AUTOCONF"));
    let ipv6 = if is_yes(get("DHCPV6C")) {
        Addressing::Dhcp
    } else if !get("IPV6ADDR").is_empty() {
        Addressing::Static
    } else if is_no(get("IPV6INIT")) || !ipv6_on {
        Addressing::None
    } else if is_yes(get("IPV6INIT")) || is_yes(get("IPV6_AUTOCONF")) {
        Addressing::RouterAdvertisement
    } else {
        Addressing::None
    };
    let idle = match last(assignments, "ONBOOT").filter(|set| is_no(&set.value)) {
        Some(set) => Fact::Known(Some(file.setting(set.line, set.text))),
        None if scripts_only => programs.idle(&[NetworkProgram::NetworkScripts]),
        None => programs.idle(&[NetworkProgram::NetworkScripts, NetworkProgram::NetworkManager]),
    };
    let program = if programs.runs(NetworkProgram::NetworkScripts) || scripts_only {
        NetworkProgram::NetworkScripts
    } else {
        NetworkProgram::NetworkManager
    };
    let persistent = last(assignments, "PERSISTENT_DHCLIENT").map(|set| Setting {
        value: set.value.clone(),
        evidence: file.setting(set.line, set.text),
    });
    let port =
        ["BRIDGE", "MASTER", "TEAM_MASTER", "OVS_BRIDGE"].iter().any(|key| !get(key).is_empty());
    let (ipv4, ipv4_at) = ipv4(file, assignments, port);
    InterfaceConfig {
        program,
        name: if device.is_empty() { suffix } else { device }.to_owned(),
        location: file.path.clone(),
        matches: InterfaceMatch { names, by_mac, ..InterfaceMatch::default() },
        kind,
        // A bridge of Red Hat's does not name its ports: they name it.
        ports: Vec::new(),
        ipv4,
        ipv4_at,
        ipv6,
        macs: macs(file, assignments),
        by_cloud_init: file.by_cloud_init(),
        idle,
        lacks: None,
        persistent_dhclient: persistent,
    }
}

fn ipv4(file: &Content, assignments: &[Assignment<'_>], port: bool) -> (Addressing, Evidence) {
    let protocol = last(assignments, "BOOTPROTO");
    let at = |set: &Assignment<'_>| file.setting(set.line, set.text);
    let text = protocol.map_or("", |set| set.value.as_str()).to_ascii_lowercase();
    if let Some(protocol) = protocol
        && (text.starts_with("dhcp") && text != "dhcp6" || text == "bootp" || text == "ibft")
    {
        return (Addressing::Dhcp, at(protocol));
    }
    match address(assignments) {
        Some(address) if !port => (Addressing::Static, at(address)),
        _ => {
            let evidence = protocol.map_or_else(|| file.evidence(1, "no BOOTPROTO"), at);
            (Addressing::None, evidence)
        }
    }
}

fn of_suse(file: &Content, assignments: &[Assignment<'_>], programs: &Programs) -> InterfaceConfig {
    let get = |key: &str| value(assignments, key);
    let name = file.name().trim_start_matches("ifcfg-");
    let bridge = is_yes(get("BRIDGE"));
    let bond = is_yes(get("BONDING_MASTER"));
    let kind_text = get("INTERFACETYPE").to_ascii_lowercase();
    let kind = if bridge || bond {
        InterfaceKind::Master
    } else if name == "lo"
        || name.contains(['.', ':'])
        || !get("ETHERDEVICE").is_empty()
        || !get("TUNNEL").is_empty()
        || !get("WIRELESS").is_empty()
        || ["dummy", "tun", "tap"].contains(&kind_text.as_str())
        || ["vlan", "wlan", "tun", "tap", "dummy"].iter().any(|start| name.starts_with(start))
    {
        InterfaceKind::Other
    } else {
        InterfaceKind::Ethernet
    };
    // Until SUSE 10 a file could be named by what identifies the card.
    let by_mac = name.rsplit_once("-id-").is_some_and(|(_, address)| is_mac(address));
    let other = name.contains("-bus-").then(|| file.evidence(1, &format!("named by {name}")));
    let names = if by_mac || other.is_some() { Vec::new() } else { vec![name.to_owned()] };
    let ports = if bridge {
        get("BRIDGE_PORTS").split_ascii_whitespace().map(str::to_owned).collect()
    } else {
        let slaves = assignments.iter().filter(|set| set.key.starts_with("BONDING_SLAVE"));
        slaves.map(|set| set.value.clone()).filter(|name| !name.is_empty()).collect()
    };
    let mode = last(assignments, "STARTMODE");
    let idle = match mode.map(|set| set.value.to_ascii_lowercase()).as_deref() {
        Some("auto" | "onboot" | "on" | "boot" | "hotplug" | "nfsroot" | "ifplugd") => {
            programs.idle(&[NetworkProgram::Wicked, NetworkProgram::NetworkScripts])
        }
        // ifcfg(5): "manual" is the default.
        _ => Fact::Known(Some(mode.map_or_else(
            || file.evidence(1, "no STARTMODE"),
            |set| file.setting(set.line, set.text),
        ))),
    };
    let program = if programs.runs(NetworkProgram::NetworkScripts) {
        NetworkProgram::NetworkScripts
    } else {
        NetworkProgram::Wicked
    };
    let (ipv4, ipv4_at) = ipv4(file, assignments, false);
    let ipv6 = match get("BOOTPROTO").to_ascii_lowercase().as_str() {
        "dhcp" | "dhcp6" | "dhcp+autoip" => Addressing::Dhcp,
        "auto6" => Addressing::RouterAdvertisement,
        _ => Addressing::None,
    };
    InterfaceConfig {
        program,
        name: name.to_owned(),
        location: file.path.clone(),
        matches: InterfaceMatch { names, by_mac, other, ..InterfaceMatch::default() },
        kind,
        ports,
        ipv4,
        ipv4_at,
        ipv6,
        macs: macs(file, assignments),
        by_cloud_init: file.by_cloud_init(),
        idle,
        lacks: None,
        persistent_dhclient: None,
    }
}
