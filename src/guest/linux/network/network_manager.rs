//! NetworkManager: its keyfiles, and the connection that it makes by itself.
//!
//! Sources: NetworkManager.conf(5), nm-settings-keyfile(5), nm-settings(5).

use super::files::{Content, Files, IniLine, ini, is_mac};
use super::programs::Programs;
use crate::fact::{Evidence, Fact};
use crate::guest::facts::{
    Addressing, InterfaceConfig, InterfaceKind, InterfaceMatch, NetworkProgram, NicName, Reach,
};
use crate::guest::glob;

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
        found.push(connection);
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
        persistent_dhclient: None,
    }
}

/// NetworkManager's own settings.
pub(super) struct Settings {
    /// `no-auto-default` for every card, with its line.
    no_auto_default: Option<Evidence>,
    /// `unmanaged-devices`, with its line.
    unmanaged: Option<(String, Evidence)>,
    /// `plugins`.
    plugins: Option<String>,
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
        let mut settings = Self { no_auto_default: None, unmanaged: None, plugins: None };
        for file in &parts {
            for line in ini(file) {
                let evidence = line.evidence();
                match (line.section, line.key) {
                    ("main", "no-auto-default" | "no-auto-default+") => {
                        let all = line.value.split([',', ';', ' ']).any(|word| word == "*");
                        if all {
                            settings.no_auto_default = Some(evidence);
                        } else if !line.key.ends_with('+') {
                            settings.no_auto_default = None;
                        }
                    }
                    ("main", "plugins") => settings.plugins = Some(line.value.to_owned()),
                    ("keyfile", "unmanaged-devices") => {
                        settings.unmanaged = Some((line.value.to_owned(), evidence));
                    }
                    ("keyfile", "unmanaged-devices+") => {
                        let mut text = settings.unmanaged.take().map_or(String::new(), |(t, _)| t);
                        text.push(';');
                        text.push_str(line.value);
                        settings.unmanaged = Some((text, evidence));
                    }
                    _ => {}
                }
            }
        }
        settings
    }

    /// Whether NetworkManager reads Red Hat's ifcfg files.
    pub(super) fn reads_ifcfg(&self) -> bool {
        self.plugins.as_ref().is_none_or(|plugins| plugins.contains("ifcfg-rh"))
    }

    /// Why NetworkManager leaves the card alone.
    pub(super) fn leaves_alone(&self, nic: &NicName) -> Option<Evidence> {
        let (text, evidence) = self.unmanaged.as_ref()?;
        let (mut all, mut excepted) = (false, false);
        for word in text.split([',', ';']).map(str::trim) {
            match word.strip_prefix("except:") {
                Some(word) => excepted |= takes(word, nic),
                None => all |= takes(word, nic),
            }
        }
        (all && !excepted).then(|| evidence.clone())
    }

    /// The connection that NetworkManager makes for a card that no profile is for: DHCP, unless it
    /// is told otherwise.
    pub(super) fn automatic(&self) -> Result<Evidence, Evidence> {
        match &self.no_auto_default {
            Some(evidence) => Err(evidence.clone()),
            None => Ok(Evidence::new(MAIN, "no-auto-default is not set")),
        }
    }
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
