//! netplan: YAML from several directories, merged.
//!
//! Source: netplan(5), netplan-generate(8): files of `/lib`, `/etc` and `/run` with the same name
//! shadow each other, all are read in the order of their names, later scalars replace earlier ones
//! and lists grow. What one file has that netplan refuses leaves all of it unknown: see [`grammar`].

mod grammar;

use std::collections::BTreeMap;

use super::files::{Files, Lines, is_mac};
use super::programs::Programs;
use crate::error::Error;
use crate::fact::Evidence;
use crate::guest::facts::{
    Addressing, InterfaceConfig, InterfaceKind, InterfaceMatch, NetworkProgram,
};
use crate::guest::linux::cloud_init::yaml::{self, Node, Value};

/// Where its files are, the strongest first; what only exists at run time is left out.
const DIRECTORIES: [&str; 3] = ["/etc/netplan", "/usr/lib/netplan", "/lib/netplan"];

/// Most interfaces that are looked at.
const MAX_INTERFACES: usize = 1024;

/// What is known of an interface so far.
#[derive(Default)]
struct Interface {
    location: String,
    ethernet: bool,
    master: bool,
    dhcp4: Option<(bool, Evidence)>,
    dhcp6: Option<bool>,
    accept_ra: Option<bool>,
    address4: Option<Evidence>,
    address6: bool,
    has_match: bool,
    name: Option<String>,
    set_name: Option<String>,
    drivers: Vec<String>,
    by_mac: bool,
    other: Option<Evidence>,
    macs: Vec<Evidence>,
    ports: Vec<String>,
    renderer: Option<NetworkProgram>,
    off: Option<Evidence>,
    by_cloud_init: bool,
}

pub(super) fn find(files: &mut Files<'_>, programs: &Programs, found: &mut Vec<InterfaceConfig>) {
    let mut interfaces: BTreeMap<String, Interface> = BTreeMap::new();
    let mut default: Option<NetworkProgram> = None;
    let mut of_kind: BTreeMap<String, NetworkProgram> = BTreeMap::new();
    for (index, file) in
        files.layered(&DIRECTORIES, |name| name.ends_with(".yaml")).into_iter().enumerate()
    {
        let root = match yaml::load(&file.text, index) {
            Ok(root) => root,
            Err(error) => {
                files.doubt(&file.path, &in_lines(error));
                continue;
            }
        };
        if programs.runs(NetworkProgram::Netplan)
            && let Some(Err(refused)) = root.as_ref().map(|root| grammar::check(root, &file))
        {
            files.not_followed(&format!("{}:{}", file.path, refused.line), refused.reason);
        }
        let Some(network) = root.as_ref().and_then(|root| root.get(&["network"])) else { continue };
        let lines = file.numbered();
        for (kind, node) in network.map().into_iter().flatten() {
            match (kind.as_str(), node.text()) {
                ("renderer", Some(text)) => default = Some(renderer(text)),
                ("version", _) => {}
                _ => {
                    for (id, node) in node.map().into_iter().flatten() {
                        if id == "renderer" {
                            of_kind.extend(node.text().map(|text| (kind.clone(), renderer(text))));
                            continue;
                        }
                        if interfaces.len() >= MAX_INTERFACES {
                            let limit = u64::try_from(MAX_INTERFACES).unwrap_or(u64::MAX);
                            let (structure, unit) = ("netplan", "interfaces");
                            let error = Error::Limit { structure, limit, unit };
                            return files.doubt(&file.path, &error);
                        }
                        let interface = interfaces.entry(id.clone()).or_default();
                        interface.renderer =
                            interface.renderer.or_else(|| of_kind.get(kind).copied());
                        interface.take(kind, id, node, &lines);
                    }
                }
            }
        }
    }
    for (id, interface) in interfaces {
        // `validate_netdef_grammar`
        if interface.set_name.is_some() && !interface.has_match {
            let reason = format!("netplan refuses {id}: set-name without match");
            files.not_followed(&interface.location, reason);
        }
        files.keep(interface.config(id, default, programs), found);
    }
}

impl Interface {
    /// Lays what a file says over what is known.
    fn take(&mut self, kind: &str, id: &str, node: &Node, lines: &Lines<'_>) {
        let file = lines.file;
        self.location = format!("{}:{}", file.path, node.place.line);
        self.ethernet = kind == "ethernets";
        self.master = matches!(kind, "bridges" | "bonds");
        self.by_cloud_init = file.by_cloud_init();
        let at = |node: &Node| file.evidence(node.place.line, lines.get(node.place.line));
        if let Some(node) = node.get(&["dhcp4"]) {
            self.dhcp4 = boolean(node).map(|on| (on, at(node)));
        }
        let flag = |key: &str, old: Option<bool>| node.get(&[key]).map_or(old, boolean);
        self.dhcp6 = flag("dhcp6", self.dhcp6);
        self.accept_ra = flag("accept-ra", self.accept_ra);
        for address in list(node.get(&["addresses"])) {
            match address_text(address) {
                Some(text) if text.contains(':') => self.address6 = true,
                _ => {
                    self.address4.get_or_insert_with(|| at(address));
                }
            }
        }
        if let Some(matches) = node.get(&["match"]) {
            self.has_match = true;
            if let Some(name) = matches.get(&["name"]).and_then(Node::text) {
                self.name = Some(name.to_owned());
            }
            let drivers = list(matches.get(&["driver"]));
            self.drivers.extend(drivers.filter_map(Node::text).map(str::to_owned));
            self.other = matches.get(&["path"]).map(at).or(self.other.take());
        }
        if let Some(name) = node.get(&["set-name"]).and_then(Node::text) {
            self.set_name = Some(name.to_owned());
        }
        for path in [&["match", "macaddress"][..], &["macaddress"][..]] {
            let Some(node) = node.get(path) else { continue };
            if let Some(address) = mac_of(node) {
                let text = format!("{id}: {}: {address}", path.join(": "));
                self.macs.push(file.evidence(node.place.line, &text));
                self.by_mac |= path.len() > 1;
            }
        }
        let ports = list(node.get(&["interfaces"]));
        self.ports.extend(ports.filter_map(Node::text).map(str::to_owned));
        if let Some(text) = node.get(&["renderer"]).and_then(Node::text) {
            self.renderer = Some(renderer(text));
        }
        if let Some(mode) = node.get(&["activation-mode"]) {
            let manual = mode.text() == Some("manual") || boolean(mode) == Some(false);
            self.off = manual.then(|| at(mode));
        }
    }

    fn config(
        self,
        id: String,
        default: Option<NetworkProgram>,
        programs: &Programs,
    ) -> InterfaceConfig {
        let kind = if self.ethernet {
            InterfaceKind::Ethernet
        } else if self.master {
            InterfaceKind::Master
        } else {
            InterfaceKind::Other
        };
        let names = if self.has_match { self.name.into_iter().collect() } else { vec![id.clone()] };
        let (ipv4, ipv4_at) = match (self.dhcp4, self.address4) {
            (Some((true, at)), _) => (Addressing::Dhcp, at),
            (_, Some(at)) => (Addressing::Static, at),
            (Some((false, at)), None) => (Addressing::None, at),
            (None, None) => (Addressing::None, Evidence::new(self.location.clone(), "no dhcp4")),
        };
        let ipv6 = if self.dhcp6 == Some(true) {
            Addressing::Dhcp
        } else if self.address6 {
            Addressing::Static
        } else if self.accept_ra == Some(false) {
            Addressing::None
        } else {
            Addressing::RouterAdvertisement
        };
        let backend = self.renderer.or(default).unwrap_or(NetworkProgram::Networkd);
        let idle = match self.off {
            Some(evidence) => crate::fact::Fact::Known(Some(evidence)),
            None => programs.idle_behind_netplan(backend),
        };
        InterfaceConfig {
            program: NetworkProgram::Netplan,
            name: id,
            location: self.location,
            matches: InterfaceMatch {
                names,
                by_mac: self.by_mac,
                drivers: self.drivers,
                other: self.other,
            },
            kind,
            ports: self.ports,
            ipv4,
            ipv4_at,
            ipv6,
            macs: self.macs,
            by_cloud_init: self.by_cloud_init,
            idle,
            lacks: None,
            persistent_dhclient: None,
        }
    }
}

/// The program that a `renderer` names; no other than these two brings interfaces up.
fn renderer(text: &str) -> NetworkProgram {
    match text {
        "NetworkManager" => NetworkProgram::NetworkManager,
        _ => NetworkProgram::Networkd,
    }
}

/// A sequence's items; a scalar stands for a sequence of one.
fn list(node: Option<&Node>) -> impl Iterator<Item = &Node> {
    node.into_iter().flat_map(|node| match &node.value {
        Value::List(items) => items.as_slice(),
        Value::Null => &[],
        _ => std::slice::from_ref(node),
    })
}

/// netplan takes `true`, `on`, `yes`, `y` and their opposites, quoted or not.
fn boolean(node: &Node) -> Option<bool> {
    match &node.value {
        Value::Bool(value) => Some(*value),
        Value::Str(text) => match text.to_ascii_lowercase().as_str() {
            "true" | "on" | "yes" | "y" => Some(true),
            "false" | "off" | "no" | "n" => Some(false),
            _ => None,
        },
        _ => None,
    }
}

/// An address, which may be the key of a mapping with options.
fn address_text(node: &Node) -> Option<&str> {
    node.text().or_else(|| node.map()?.keys().next().map(String::as_str))
}

/// The address at a node. YAML 1.1 takes `52:54:00:12:34:56` for a number to the base 60, while
/// netplan reads all scalars as text.
fn mac_of(node: &Node) -> Option<String> {
    match &node.value {
        Value::Str(text) => is_mac(text).then(|| text.clone()),
        Value::Int(number) => [5, 19].into_iter().find_map(|below| sexagesimal(*number, below)),
        _ => None,
    }
}

/// A number as text to the base 60 with that many pairs of digits behind the first; `None` where the
/// first is no pair (it alone may be above 59, and does not begin with 0: <https://yaml.org/type/int.html>).
fn sexagesimal(number: i128, below: usize) -> Option<String> {
    let (mut first, mut behind) = (number, String::new());
    for _ in 0..below {
        behind = format!(":{:02}{behind}", first.rem_euclid(60));
        first = first.div_euclid(60);
    }
    (10..=99).contains(&first).then(|| format!("{first}{behind}"))
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
