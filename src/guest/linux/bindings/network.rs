//! Network configuration that holds for one MAC address only.
//!
//! Sources: Red Hat's `sysconfig.txt` (`HWADDR`, `MACADDR`), ifcfg(5) of SUSE (`LLADDR`),
//! nm-settings-keyfile(5), netplan(5), systemd.network(5), interfaces(5) of Debian.

use super::udev::{matching_macs, section_macs};
use super::{Content, Finder, is_mac};
use crate::error::Error;
use crate::guest::facts::BindingKind::NetworkMac;
use crate::guest::linux::cloud_init::yaml::{self, Node, Value};

const IFCFG: [&str; 2] = ["/etc/sysconfig/network-scripts", "/etc/sysconfig/network"];
const NETWORK_MANAGER: &str = "/etc/NetworkManager/system-connections";
const NETPLAN: [&str; 2] = ["/etc/netplan", "/usr/lib/netplan"];
const NETWORKD: &str = "/etc/systemd/network";
const IFUPDOWN: &str = "/etc/network/interfaces";
const IFUPDOWN_D: &str = "/etc/network/interfaces.d";

pub(super) fn find(finder: &mut Finder<'_>) {
    for directory in IFCFG {
        for file in finder.files(directory, is_ifcfg) {
            ifcfg(finder, &file);
        }
    }
    for file in finder.files(NETWORK_MANAGER, |name| !name.starts_with('.') && !name.ends_with('~'))
    {
        network_manager(finder, &file);
    }
    for directory in NETPLAN {
        for file in finder.files(directory, |name| name.ends_with(".yaml")) {
            netplan(finder, &file);
        }
    }
    for file in finder.files(NETWORKD, |name| name.ends_with(".network")) {
        let mut lines = matching_macs(&file);
        lines.extend(section_macs(&file, "[Link]", &["MACAddress"]));
        for (line, text) in lines {
            finder.found(NetworkMac, &file, line, &text);
        }
    }
    let mut files: Vec<Content> = finder.file(IFUPDOWN).into_iter().collect();
    files.extend(finder.files(IFUPDOWN_D, |name| !name.starts_with('.')));
    for file in files {
        ifupdown(finder, &file);
    }
}

/// Files that the network scripts read: no copies that an editor or rpm left.
fn is_ifcfg(name: &str) -> bool {
    let left = ["~", ".bak", ".orig", ".old", ".rpmnew", ".rpmorig", ".rpmsave"];
    name.starts_with("ifcfg-") && name != "ifcfg-lo" && !left.iter().any(|end| name.ends_with(end))
}

fn ifcfg(finder: &mut Finder<'_>, file: &Content) {
    // SUSE once named the files themselves by the address: `ifcfg-eth-id-00:11:22:33:44:55`.
    let name = file.path.rsplit_once("-id-").map_or("", |(_, address)| address);
    if is_mac(name) {
        finder.found(NetworkMac, file, 1, &format!("named by {name}"));
    }
    for (line, content) in file.lines() {
        let Some((key, value)) = content.split_once('=') else { continue };
        let value = value.split('#').next().unwrap_or_default().trim();
        let bound = matches!(key, "HWADDR" | "MACADDR" | "LLADDR");
        if bound && is_mac(value.trim_matches(['"', '\''])) {
            finder.found(NetworkMac, file, line, content);
        }
    }
}

/// `mac-address=` picks a card, `cloned-mac-address=` gives it another address; words such as
/// `permanent` do neither.
fn network_manager(finder: &mut Finder<'_>, file: &Content) {
    for (line, content) in file.lines() {
        let Some((key, value)) = content.split_once('=') else { continue };
        let bound = matches!(key.trim(), "mac-address" | "cloned-mac-address");
        if bound && is_mac(value.trim()) {
            finder.found(NetworkMac, file, line, content);
        }
    }
}

/// `network: {ethernets: {ID: {match: {macaddress: …}}}}`, and `macaddress` of the interface itself.
fn netplan(finder: &mut Finder<'_>, file: &Content) {
    let root = match yaml::load(&file.text, 0) {
        Ok(root) => root,
        Err(error) => return finder.doubt(&file.path, &in_lines(error)),
    };
    let Some(network) = root.as_ref().and_then(|root| root.get(&["network"])) else { return };
    let kinds = network.map().into_iter().flatten().filter_map(|(_, kind)| kind.map());
    for (id, interface) in kinds.flatten() {
        for path in [&["match", "macaddress"][..], &["macaddress"][..]] {
            let Some(node) = interface.get(path) else { continue };
            if let Some(address) = mac_of(node, file) {
                let text = format!("{id}: {}: {address}", path.join(": "));
                finder.found(NetworkMac, file, node.place.line, &text);
            }
        }
    }
}

/// The address at a node. YAML 1.1 takes `52:54:00:12:34:56` for a number to the base 60, while
/// netplan reads all scalars as text; then the line itself has it.
fn mac_of(node: &Node, file: &Content) -> Option<String> {
    match &node.value {
        Value::Str(text) => is_mac(text).then(|| text.clone()),
        Value::Int(_) => {
            let (_, line) = file.lines().find(|(line, _)| *line == node.place.line)?;
            let mut words = line.split([' ', '\t', ',', '{', '}', '\'', '"']);
            words.find(|word| is_mac(word)).map(str::to_owned)
        }
        _ => None,
    }
}

/// YAML's errors count lines where others count bytes.
fn in_lines(error: Error) -> Error {
    match error {
        Error::Corrupt { structure, offset, expected, found } => {
            let found = format!("{found} in line {offset}");
            Error::Corrupt { structure, offset, expected, found }
        }
        other => other,
    }
}

/// `hwaddress [ether] …` sets an address; `iface mac/…` and `auto /mac` pick by one.
fn ifupdown(finder: &mut Finder<'_>, file: &Content) {
    for (line, content) in file.lines() {
        let mut words = content.split_ascii_whitespace();
        let bound = match words.next() {
            Some("hwaddress") => words.any(is_mac),
            Some("iface" | "auto" | "allow-hotplug") => {
                words.any(|word| word.split('/').any(is_mac))
            }
            _ => false,
        };
        if bound {
            finder.found(NetworkMac, file, line, content);
        }
    }
}
