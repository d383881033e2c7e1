//! NetworkManager: its keyfiles, and the connection that it makes by itself.
//!
//! Sources: NetworkManager.conf(5), nm-settings-keyfile(5), nm-settings(5).

use std::collections::BTreeMap;

use super::files::{Content, Files, IniLine, ini, is_mac};
use super::programs::Programs;
use crate::fact::{Evidence, Fact, Unread};
use crate::guest::facts::{
    Addressing, InterfaceConfig, InterfaceKind, InterfaceMatch, NetworkProgram, NicName, Reach,
};
use crate::guest::glob;
use crate::guest::linux::os_release;

/// Where keyfiles are, the strongest first; what only exists at run time is left out.
pub(super) const CONNECTIONS: [&str; 2] =
    ["/etc/NetworkManager/system-connections", "/usr/lib/NetworkManager/system-connections"];

const MAIN: &str = "/etc/NetworkManager/NetworkManager.conf";
const CONF_D: [&str; 2] = ["/etc/NetworkManager/conf.d", "/usr/lib/NetworkManager/conf.d"];

pub(super) fn keyfiles(
    files: &mut Files<'_>,
    programs: &Programs,
    found: &mut Vec<InterfaceConfig>,
) {
    let connections =
        files.layered(&CONNECTIONS, |name| !name.starts_with('.') && !name.ends_with('~'));
    for file in connections {
        let mut connection = connection(&file, programs);
        if let Some(why) = not_loaded(files, &file) {
            connection.idle = Fact::Known(Some(why));
        }
        files.keep(connection, found);
    }
}

/// Why a keyfile is not loaded: it must belong to root and be for nobody else
/// (`nms_keyfile_utils_check_file_permissions_stat`).
fn not_loaded(files: &mut Files<'_>, file: &Content) -> Option<Evidence> {
    let metadata = files.metadata(&file.path)?;
    let (owner, mode) = (metadata.uid, metadata.mode);
    let what = if owner != 0 {
        format!("NetworkManager loads only keyfiles of root with mode 0600: owner {owner}")
    } else if mode & 0o077 != 0 {
        format!("NetworkManager loads only keyfiles of root with mode 0600: mode {mode:04o}")
    } else {
        return None;
    };
    Some(Evidence::new(file.path.clone(), what))
}

fn connection(file: &Content, programs: &Programs) -> InterfaceConfig {
    let lines = ini(file);
    let last = |sections: &[&str], keys: &[&str]| {
        lines.iter().rev().find(|line| sections.contains(&line.section) && keys.contains(&line.key))
    };
    let value =
        |sections: &[&str], keys: &[&str]| last(sections, keys).map_or("", |line| line.value);
    let ethernet = ["ethernet", "802-3-ethernet"];
    let names_of = |key: &str| -> Vec<String> {
        value(&["match"], &[key])
            .split([';', ',', ' '])
            .filter(|name| !name.is_empty())
            .map(|name| name.trim_start_matches(['|', '&']).to_owned())
            .collect()
    };
    let mut names = names_of("interface-name");
    let interface = value(&["connection"], &["interface-name"]);
    if !interface.is_empty() {
        names = vec![interface.to_owned()];
    }
    let other = last(&["match"], &["path", "kernel-command-line"]).map(IniLine::evidence);
    let port = !value(&["connection"], &["master", "controller"]).is_empty();
    let kind = match value(&["connection"], &["type"]) {
        "ethernet" | "802-3-ethernet" => InterfaceKind::Ethernet,
        "bridge" | "bond" | "team" => InterfaceKind::Master,
        _ => InterfaceKind::Other,
    };
    let method = last(&["ipv4"], &["method"]);
    let ipv4 = match method.map(|line| line.value) {
        _ if port => Addressing::None,
        // Without a method NetworkManager completes the connection with "auto".
        None | Some("" | "auto") => Addressing::Dhcp,
        Some("manual") => Addressing::Static,
        Some(_) => Addressing::None,
    };
    let ipv6 = match value(&["ipv6"], &["method"]) {
        _ if port => Addressing::None,
        "" | "auto" => Addressing::RouterAdvertisement,
        "dhcp" => Addressing::Dhcp,
        "manual" => Addressing::Static,
        _ => Addressing::None,
    };
    let off = last(&["connection"], &["autoconnect"]);
    let idle = match off.filter(|line| matches!(line.value, "false" | "no" | "0" | "off")) {
        Some(line) => Fact::Known(Some(line.evidence())),
        None => programs.idle(&[NetworkProgram::NetworkManager]),
    };
    // `mac-address` picks a card, `cloned-mac-address` gives it another address; words such as
    // `permanent` do neither.
    let macs: Vec<&IniLine<'_>> = lines
        .iter()
        .filter(|line| matches!(line.key, "mac-address" | "cloned-mac-address"))
        .filter(|line| is_mac(line.value))
        .collect();
    let by_mac = last(&ethernet, &["mac-address"]).is_some_and(|line| is_mac(line.value));
    InterfaceConfig {
        program: NetworkProgram::NetworkManager,
        name: value(&["connection"], &["id"]).to_owned(),
        location: file.path.clone(),
        matches: InterfaceMatch { names, by_mac, drivers: names_of("driver"), other },
        kind,
        ports: Vec::new(),
        ipv4,
        ipv4_at: method.map_or_else(|| file.evidence(1, "no method for IPv4"), IniLine::evidence),
        ipv6,
        macs: macs.into_iter().map(IniLine::evidence).collect(),
        by_cloud_init: file.by_cloud_init(),
        idle,
        lacks: None,
        persistent_dhclient: None,
    }
}

/// Where NetworkManager's libraries are: of old releases here, of newer ones in a directory named by
/// the version.
const LIBRARIES: [&str; 2] = ["/usr/lib64/NetworkManager", "/usr/lib/NetworkManager"];

/// The plugin that reads Red Hat's ifcfg files; it is in the package up to RHEL 9 and Fedora 35, in one
/// of its own in Fedora 36 to 40, and nowhere since Fedora 41 and RHEL 10.
const IFCFG_PLUGIN: &str = "libnm-settings-plugin-ifcfg-rh.so";

/// Most versions whose directories are looked into; one is usual.
const MAX_VERSIONS: usize = 16;

/// Why NetworkManager does not read ifcfg files, by what is installed; `Known(None)` when it does.
fn without_plugin(files: &mut Files<'_>) -> Fact<Option<Evidence>> {
    let is_version = |name: &str| name.starts_with(|c: char| c.is_ascii_digit());
    let mut seen = None;
    for directory in LIBRARIES {
        let is_wanted = |name: &str| name.starts_with("libnm-") || is_version(name);
        let names = match files.try_names(directory, is_wanted) {
            Ok(names) => names,
            Err(error) => return Fact::Unknown(Unread::from((directory, &error))),
        };
        if names.iter().any(|name| name == IFCFG_PLUGIN) {
            return Fact::Known(None);
        }
        if !names.is_empty() {
            seen.get_or_insert(directory);
        }
        let mut versions = names.iter().filter(|name| is_version(name));
        for version in versions.by_ref().take(MAX_VERSIONS) {
            let path = format!("{directory}/{version}/{IFCFG_PLUGIN}");
            match files.tree.exists(&path) {
                Ok(true) => return Fact::Known(None),
                Ok(false) => {}
                Err(error) => return Fact::Unknown(Unread::from((path.as_str(), &error))),
            }
        }
        if versions.next().is_some() {
            let reason = format!("more than {MAX_VERSIONS} versions of NetworkManager");
            return Fact::unknown(directory, reason);
        }
    }
    if let Some(directory) = seen {
        let what = format!("without {IFCFG_PLUGIN} NetworkManager reads no ifcfg files");
        return Fact::Known(Some(Evidence::new(directory, what)));
    }
    // No library at all: by what the distribution ships.
    let os = match os_release::find(files.tree) {
        Fact::Known(Some(os)) => os,
        Fact::Known(None) => return Fact::Known(None),
        Fact::Unknown(unread) => return Fact::Unknown(unread),
    };
    let major = os.version.as_deref().and_then(|version| version.split('.').next());
    let major: u32 = major.and_then(|major| major.parse().ok()).unwrap_or(0);
    let enterprise = ["rhel", "centos", "rocky", "almalinux", "ol"].contains(&os.id.as_str());
    match os.id.as_str() {
        "fedora" if (36..=40).contains(&major) => {
            let reason = format!("whether NetworkManager has {IFCFG_PLUGIN} is not known");
            Fact::Unknown(Unread::new(LIBRARIES.join(", "), reason))
        }
        "fedora" if major > 40 => Fact::Known(Some(never_reads(os.evidence.location))),
        _ if enterprise && major >= 10 => Fact::Known(Some(never_reads(os.evidence.location))),
        _ => Fact::Known(None),
    }
}

fn never_reads(location: String) -> Evidence {
    Evidence::new(location, "NetworkManager of this release reads no ifcfg files")
}

/// NetworkManager's own settings.
pub(super) struct Settings {
    /// `no-auto-default`, with its line.
    no_auto_default: Option<(String, Evidence)>,
    /// `unmanaged-devices`, with its line.
    unmanaged: Option<(String, Evidence)>,
    /// Sections `[device…]` that say `managed=`.
    devices: Vec<Device>,
    /// Why NetworkManager does not read Red Hat's ifcfg files; `Known(None)` when it does.
    pub(super) no_ifcfg: Fact<Option<Evidence>>,
}

/// A section `[device…]` of one file.
struct Device {
    /// `match-device`; without it the section is for every device.
    matches: Option<String>,
    managed: bool,
    evidence: Evidence,
}

/// The sections `[device…]` of one file that say whether a device is managed.
fn devices(files: &mut Files<'_>, file: &Content) -> Vec<Device> {
    let lines = ini(file);
    // Of equal keys in a section the last counts, and a section may stand in several places.
    let mut sections: BTreeMap<&str, (Option<&IniLine<'_>>, Option<&IniLine<'_>>)> =
        BTreeMap::new();
    for line in lines.iter().filter(|line| line.section.starts_with("device")) {
        let (managed, matches) = sections.entry(line.section).or_default();
        match line.key {
            "managed" => *managed = Some(line),
            "match-device" => *matches = Some(line),
            _ => {}
        }
    }
    let sections = sections.into_values().filter_map(|(managed, list)| Some((managed?, list)));
    let mut sections: Vec<_> = sections.take_while(|_| files.keeps(&file.path)).collect();
    sections.sort_by_key(|(managed, _)| managed.line);
    sections
        .into_iter()
        .map(|(line, matches)| Device {
            matches: matches.map(|line| line.value.to_owned()),
            managed: !matches!(line.value, "0" | "no" | "false" | "off"),
            evidence: line.evidence(),
        })
        .collect()
}

impl Settings {
    /// Reads the main file and those of `conf.d`: those of `/usr/lib` count less than the main file,
    /// those of `/etc` more.
    pub(super) fn read(files: &mut Files<'_>) -> Self {
        let is_conf = |name: &str| name.ends_with(".conf");
        let conf_d = files.layered(&CONF_D, is_conf);
        let (own, mut parts): (Vec<_>, Vec<_>) =
            conf_d.into_iter().partition(|file| file.path.starts_with("/etc/"));
        parts.extend(files.file(MAIN));
        parts.extend(own);
        let mut settings = Self {
            no_auto_default: None,
            unmanaged: None,
            devices: parts.iter().flat_map(|file| devices(files, file)).collect(),
            no_ifcfg: Fact::Known(None),
        };
        let mut plugins = None;
        for file in &parts {
            for line in ini(file) {
                let evidence = line.evidence();
                match (line.section, line.key) {
                    ("main", "no-auto-default") => {
                        settings.no_auto_default = Some((line.value.to_owned(), evidence));
                    }
                    ("main", "no-auto-default+") => {
                        add(&mut settings.no_auto_default, line.value, evidence);
                    }
                    ("main", "plugins") => plugins = Some((line.value, evidence)),
                    ("keyfile", "unmanaged-devices") => {
                        settings.unmanaged = Some((line.value.to_owned(), evidence));
                    }
                    ("keyfile", "unmanaged-devices+") => {
                        add(&mut settings.unmanaged, line.value, evidence);
                    }
                    _ => {}
                }
            }
        }
        settings.no_ifcfg = match plugins {
            Some((plugins, evidence)) if !plugins.contains("ifcfg-rh") => {
                Fact::Known(Some(evidence))
            }
            _ => without_plugin(files),
        };
        settings
    }

    /// Whether NetworkManager may read Red Hat's ifcfg files.
    pub(super) fn reads_ifcfg(&self) -> bool {
        !matches!(self.no_ifcfg, Fact::Known(Some(_)))
    }

    /// Why NetworkManager leaves the card alone.
    pub(super) fn leaves_alone(&self, nic: &NicName) -> Option<Evidence> {
        if let Some((list, evidence)) = &self.unmanaged
            && lists(list, nic)
        {
            return Some(evidence.clone());
        }
        // One section that manages the card speaks against the others: which is first is not told.
        let mut of_card = self
            .devices
            .iter()
            .filter(|device| device.matches.as_ref().is_none_or(|list| lists(list, nic)));
        let first = of_card.next()?;
        let none = !first.managed && of_card.all(|device| !device.managed);
        none.then(|| first.evidence.clone())
    }

    /// The connection that NetworkManager makes for a card that no profile is for: DHCP, unless it
    /// is told otherwise.
    pub(super) fn automatic(&self, nic: &NicName) -> Result<Evidence, Evidence> {
        match &self.no_auto_default {
            Some((list, evidence)) if lists(list, nic) => Err(evidence.clone()),
            Some((_, evidence)) => Ok(evidence.clone()),
            None => Ok(Evidence::new(MAIN, "no-auto-default is not set")),
        }
    }
}

/// Puts more devices behind those of a list.
fn add(list: &mut Option<(String, Evidence)>, more: &str, evidence: Evidence) {
    let (mut text, _) = list.take().unwrap_or_else(|| (String::new(), evidence.clone()));
    text.push(';');
    text.push_str(more);
    *list = Some((text, evidence));
}

/// Whether a list of devices (NetworkManager.conf(5), "Device List Format") has the card.
fn lists(list: &str, nic: &NicName) -> bool {
    let (mut all, mut excepted) = (false, false);
    for word in list.split([',', ';', ' ']).filter(|word| !word.is_empty()) {
        match word.strip_prefix("except:") {
            Some(word) => excepted |= takes(word, nic),
            None => all |= takes(word, nic),
        }
    }
    all && !excepted
}

/// Whether a device specification (NetworkManager.conf(5), "Device List Format") takes the card.
fn takes(word: &str, nic: &NicName) -> bool {
    if let Some(kind) = word.strip_prefix("type:") {
        return kind == "ethernet";
    }
    if let Some(driver) = word.strip_prefix("driver:") {
        return glob::matches(driver, "virtio_net");
    }
    if word == "*" {
        return true;
    }
    let Some(pattern) = word.strip_prefix("interface-name:") else { return false };
    nic.reached_by(&[pattern.to_owned()]) == Reach::Yes
}
