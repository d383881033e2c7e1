//! systemd-networkd's `.network` files and udev's `.link` files.
//!
//! Sources: systemd.network(5), systemd.link(5): files of all directories together in the order of
//! their names, of equal names that of the strongest directory, drop-ins in `NAME.network.d/`; the
//! first file that matches an interface is its configuration.

use super::files::{Content, Files, IniLine, ini, is_mac};
use super::programs::Programs;
use crate::fact::{Evidence, Fact};
use crate::guest::facts::{
    Addressing, InterfaceConfig, InterfaceKind, InterfaceMatch, NetworkProgram, NicName, Reach,
};

/// Where its files are, the strongest first; what only exists at run time is left out.
pub(super) const DIRECTORIES: [&str; 4] = [
    "/etc/systemd/network",
    "/usr/local/lib/systemd/network",
    "/usr/lib/systemd/network",
    "/lib/systemd/network",
];

/// Most lines of one file and its drop-ins; the longest in use have some fifty.
const MAX_LINES: usize = 65_536;

/// Most words in `[Match]`, and most lines with a MAC address, of one file and its drop-ins: each
/// becomes a value of its own that is looked at for every card.
const MAX_WORDS: usize = 1024;

/// Conditions of `[Match]` that are not evaluated here.
const CONDITIONS: [&str; 9] = [
    "Path",
    "Host",
    "KernelCommandLine",
    "KernelVersion",
    "Architecture",
    "Firmware",
    "Property",
    "Credential",
    "OriginalName",
];

/// `card` is the name of the new machine's card, `command_line` what its kernel is started with.
pub(super) fn networks(
    files: &mut Files<'_>,
    programs: &Programs,
    card: &Fact<(NicName, Evidence)>,
    command_line: Option<&str>,
    found: &mut Vec<InterfaceConfig>,
) {
    let mut first: Option<Evidence> = None;
    for file in files.layered(&DIRECTORIES, |name| name.ends_with(".network")) {
        let drop_ins = drop_ins(files, &file);
        let lines = lines(files, &file, &drop_ins);
        let mut config = network(&file, &lines, programs, command_line);
        let reached = card.known().is_some_and(|(name, _)| config.reach(name) == Reach::Yes);
        let runs = programs.runs(NetworkProgram::Networkd);
        if let Some(why) = unreadable(files, &file).filter(|_| runs) {
            config.idle = Fact::Known(Some(why));
        } else if reached {
            match &first {
                Some(why) if config.idle == Fact::Known(None) => {
                    config.idle = Fact::Known(Some(why.clone()));
                }
                Some(_) => {}
                None => {
                    let what = "systemd-networkd takes the first file that matches";
                    first = Some(Evidence::new(file.path.clone(), what));
                }
            }
        }
        files.keep(config, found);
    }
}

/// Why networkd cannot read a file: it runs as `systemd-network`, without the capability that lets
/// root read everything (`systemd-networkd.service`, `User=`, `CapabilityBoundingSet=`). A group or
/// owner other than root may be that user's.
fn unreadable(files: &mut Files<'_>, file: &Content) -> Option<Evidence> {
    let metadata = files.metadata(&file.path)?;
    let of_others = metadata.uid != 0 || (metadata.gid != 0 && metadata.mode & 0o040 != 0);
    (metadata.mode & 0o004 == 0 && !of_others).then(|| {
        let mode = metadata.mode;
        let what = format!(
            "systemd-networkd runs without root's rights and cannot read it: mode {mode:04o}"
        );
        Evidence::new(file.path.clone(), what)
    })
}

/// Whether a condition on the kernel's command line holds (systemd.unit(5),
/// `ConditionKernelCommandLine=`).
fn on_command_line(condition: &str, command_line: &str) -> bool {
    let wanted = condition.trim_start_matches('!');
    let mut words = command_line.split_ascii_whitespace();
    let there = words.any(|word| {
        word == wanted || (!wanted.contains('=') && word.split('=').next() == Some(wanted))
    });
    there != condition.starts_with('!')
}

/// The drop-ins of a file in the order of their names.
pub(super) fn drop_ins(files: &mut Files<'_>, file: &Content) -> Vec<Content> {
    let directories = DIRECTORIES.map(|directory| format!("{directory}/{}.d", file.name()));
    let directories: Vec<&str> = directories.iter().map(String::as_str).collect();
    files.layered(&directories, |name| name.ends_with(".conf"))
}

/// The lines of a file and its drop-ins, as many as are looked at.
pub(super) fn lines<'c>(
    files: &mut Files<'_>,
    file: &'c Content,
    drop_ins: &'c [Content],
) -> Vec<IniLine<'c>> {
    let mut found = Vec::new();
    let mut words = 0_usize;
    for line in std::iter::once(file).chain(drop_ins).flat_map(ini) {
        if found.len() >= MAX_LINES {
            files.too_many(&line.file.path, "networkd", MAX_LINES, "lines");
            break;
        }
        let of_line = match (line.section, line.key) {
            ("Match", _) => line.value.split_ascii_whitespace().count(),
            (_, "MACAddress") => 1,
            _ => 0,
        };
        words = words.saturating_add(of_line);
        if words > MAX_WORDS {
            files.too_many(&line.file.path, "networkd", MAX_WORDS, "words of [Match]");
            break;
        }
        found.push(line);
    }
    found
}

/// What `[Match]` says, with the lines that have MAC addresses.
pub(super) struct Match<'c> {
    pub(super) matches: InterfaceMatch,
    pub(super) macs: Vec<Evidence>,
    /// `Type=`.
    pub(super) kinds: Vec<&'c str>,
    /// It is only for containers, or for interfaces that are no cards.
    pub(super) elsewhere: bool,
}

/// `command_line` is the kernel's, where it is known.
pub(super) fn matching<'c>(
    lines: &[IniLine<'c>],
    name_key: &str,
    command_line: Option<&str>,
) -> Match<'c> {
    let mut found = Match {
        matches: InterfaceMatch::default(),
        macs: Vec::new(),
        kinds: Vec::new(),
        elsewhere: false,
    };
    for line in lines.iter().filter(|line| line.section == "Match") {
        let words = || line.value.split_ascii_whitespace();
        match line.key {
            // An empty value takes back what was said before.
            key if key == name_key && line.value.is_empty() => found.matches.names.clear(),
            key if key == name_key => {
                let mut not = false;
                for word in words() {
                    // A `!` in front of the first turns the whole list.
                    not |= word.starts_with('!');
                    let word = word.trim_start_matches('!');
                    let name = if not { format!("!{word}") } else { word.to_owned() };
                    found.matches.names.push(name);
                }
            }
            "MACAddress" | "PermanentMACAddress"
                if line.value.split([' ', '\t', ',', ';']).any(is_mac) =>
            {
                found.matches.by_mac = true;
                found.macs.push(line.evidence());
            }
            "Driver" => found.matches.drivers.extend(words().map(str::to_owned)),
            "Type" => found.kinds.extend(words()),
            // A machine of the cloud is a virtual machine, and no container.
            "Virtualization" => {
                let outside = matches!(line.value, "container" | "no" | "false" | "!vm" | "!yes");
                found.elsewhere |= outside;
            }
            "KernelCommandLine" if command_line.is_some() => {
                found.elsewhere |= command_line.is_some_and(|command_line| {
                    !line.value.is_empty() && !on_command_line(line.value, command_line)
                });
            }
            "Kind" | "WLANInterfaceType" | "SSID" | "BSSID" => {
                found.elsewhere |= !line.value.starts_with('!');
            }
            key if CONDITIONS.contains(&key) && !line.value.is_empty() && line.value != "*" => {
                found.matches.other = Some(line.evidence());
            }
            _ => {}
        }
    }
    found
}

impl Match<'_> {
    /// Whether `Type=` takes network cards.
    pub(super) fn takes_ethernet(&self) -> bool {
        let takes = |kind: &&str| match kind.strip_prefix('!') {
            Some(not) => not != "ether",
            None => *kind == "ether",
        };
        !self.elsewhere && (self.kinds.is_empty() || self.kinds.iter().any(takes))
    }
}

fn network(
    file: &Content,
    lines: &[IniLine<'_>],
    programs: &Programs,
    command_line: Option<&str>,
) -> InterfaceConfig {
    let last = |section: &str, key: &str| {
        lines.iter().rev().find(|line| line.section == section && line.key == key)
    };
    let mut found = matching(lines, "Name", command_line);
    // `[Link] MACAddress=` gives the card another address.
    found.macs.extend(
        lines
            .iter()
            .filter(|line| line.section == "Link" && line.key == "MACAddress" && is_mac(line.value))
            .map(IniLine::evidence),
    );
    let virtual_name = |name: &String| {
        const VIRTUAL: [&str; 12] =
            ["lo", "ve-", "vb-", "vz-", "vt-", "host0", "wl", "ww", "docker", "virbr", "tun", "br"];
        VIRTUAL.iter().any(|start| name.starts_with(start))
    };
    let port = ["Bridge", "Bond"].iter().any(|key| last("Network", key).is_some());
    let names = &found.matches.names;
    let kind = if !found.takes_ethernet() || (!names.is_empty() && names.iter().all(virtual_name)) {
        let master = names.iter().any(|name| name.starts_with("br") || name.starts_with("bond"));
        if master { InterfaceKind::Master } else { InterfaceKind::Other }
    } else {
        InterfaceKind::Ethernet
    };
    let dhcp = last("Network", "DHCP");
    let dhcp_value = dhcp.map_or("", |line| line.value).to_ascii_lowercase();
    let address = lines.iter().find(|line| {
        matches!(line.section, "Network" | "Address")
            && line.key == "Address"
            && !line.value.is_empty()
            && !line.value.contains(':')
    });
    let (ipv4, ipv4_at) = match (dhcp, address) {
        (Some(line), _)
            if matches!(
                dhcp_value.as_str(),
                "yes" | "true" | "on" | "1" | "both" | "ipv4" | "v4"
            ) =>
        {
            (Addressing::Dhcp, line.evidence())
        }
        (_, Some(line)) if !port => (Addressing::Static, line.evidence()),
        (Some(line), _) => (Addressing::None, line.evidence()),
        (None, _) => (Addressing::None, file.evidence(1, "no DHCP=")),
    };
    let accepts = last("Network", "IPv6AcceptRA").map_or("", |line| line.value);
    let ipv6 = match dhcp_value.as_str() {
        "yes" | "true" | "on" | "1" | "both" | "ipv6" | "v6" => Addressing::Dhcp,
        _ if port || matches!(accepts, "no" | "false" | "off" | "0") => Addressing::None,
        _ => Addressing::RouterAdvertisement,
    };
    let off = last("Link", "Unmanaged").filter(|line| matches!(line.value, "yes" | "true" | "1"));
    let off = off.or_else(|| {
        last("Link", "ActivationPolicy")
            .filter(|line| matches!(line.value, "manual" | "down" | "always-down"))
    });
    let idle = match off {
        Some(line) => Fact::Known(Some(line.evidence())),
        None => programs.idle(&[NetworkProgram::Networkd]),
    };
    InterfaceConfig {
        program: NetworkProgram::Networkd,
        name: file.name().trim_end_matches(".network").to_owned(),
        location: file.path.clone(),
        kind,
        ports: Vec::new(),
        ipv4,
        ipv4_at,
        ipv6,
        macs: found.macs,
        by_cloud_init: file.by_cloud_init(),
        idle,
        lacks: None,
        persistent_dhclient: None,
        matches: found.matches,
    }
}
