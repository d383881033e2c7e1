//! What netplan takes in a file: at one unknown key or one value of the wrong kind most versions write
//! nothing at all, not even for the other files; the newest pass over what they refuse.
//!
//! Sources: netplan's YAML reference ("YAML configuration") for the keys of all versions;
//! `src/parse.c` for how values are read, and `netplan generate` 0.106 for what it refuses. Only
//! what a server's card may have is followed into its depth.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::boolean;
use crate::guest::linux::cloud_init::yaml::{Node, Value};
use crate::guest::linux::network::files::{Content, is_mac};

/// What stands under a key.
enum Kind {
    /// One value of any kind.
    Scalar,
    Boolean,
    /// A number that is not negative.
    Number,
    Version,
    Renderer,
    Ipv4,
    Ipv6,
    /// An address of either family.
    Ip,
    /// An address with or without the length of a prefix, or `default`.
    Destination,
    /// Addresses with the length of their prefix, each of which may have options.
    Addresses,
    Mac,
    /// One value or a sequence of them.
    OneOrMore,
    Sequence(&'static Kind),
    /// A mapping whose keys stand in one of the tables.
    Mapping(&'static [Keys]),
    /// A mapping that is not followed.
    AnyMapping,
    /// Names, each with a mapping whose keys stand in the tables; `renderer` among them.
    Definitions(&'static [Keys]),
    /// As [`Kind::Definitions`], not followed.
    AnyDefinitions,
}

type Keys = &'static [(&'static str, Kind)];

use Kind::{
    Addresses, AnyDefinitions, AnyMapping, Boolean, Definitions, Destination, Ip, Ipv4, Ipv6, Mac,
    Mapping, Number, OneOrMore, Renderer, Scalar, Sequence, Version,
};

const ROOT: Keys = &[("network", Mapping(&[NETWORK]))];

const NETWORK: Keys = &[
    ("version", Version),
    ("renderer", Renderer),
    ("ethernets", Definitions(&[COMMON, PHYSICAL, ETHERNET])),
    ("bridges", Definitions(&[COMMON, MASTER])),
    ("bonds", Definitions(&[COMMON, MASTER])),
    ("vlans", Definitions(&[COMMON, VLAN])),
    ("dummy-devices", AnyDefinitions),
    ("modems", AnyDefinitions),
    ("nm-devices", AnyDefinitions),
    ("tunnels", AnyDefinitions),
    ("virtual-ethernets", AnyDefinitions),
    ("vrfs", AnyDefinitions),
    ("wifis", AnyDefinitions),
    ("openvswitch", AnyMapping),
];

const COMMON: Keys = &[
    ("accept-ra", Boolean),
    ("activation-mode", Scalar),
    ("addresses", Addresses),
    ("critical", Boolean),
    ("dhcp4", Boolean),
    ("dhcp6", Boolean),
    ("dhcp-identifier", Scalar),
    ("dhcp4-overrides", Mapping(&[OVERRIDES])),
    ("dhcp6-overrides", Mapping(&[OVERRIDES])),
    ("ra-overrides", Mapping(&[RA_OVERRIDES])),
    ("gateway4", Ipv4),
    ("gateway6", Ipv6),
    ("hairpin", Boolean),
    ("ignore-carrier", Boolean),
    ("ipv6-address-generation", Scalar),
    ("ipv6-address-token", Scalar),
    ("ipv6-mtu", Number),
    ("ipv6-privacy", Boolean),
    ("link-local", Sequence(&Scalar)),
    ("macaddress", Scalar),
    ("mtu", Number),
    ("nameservers", Mapping(&[NAMESERVERS])),
    ("neigh-suppress", Boolean),
    ("networkmanager", AnyMapping),
    ("openvswitch", AnyMapping),
    ("optional", Boolean),
    ("optional-addresses", Sequence(&Scalar)),
    ("port-mac-learning", Boolean),
    ("renderer", Renderer),
    ("routes", Sequence(&Mapping(&[ROUTE]))),
    ("routing-policy", Sequence(&Mapping(&[POLICY]))),
];

const PHYSICAL: Keys = &[
    ("match", Mapping(&[MATCH])),
    ("set-name", Scalar),
    ("wakeonlan", Boolean),
    ("wakeonwlan", Sequence(&Scalar)),
    ("emit-lldp", Boolean),
    ("receive-checksum-offload", Boolean),
    ("transmit-checksum-offload", Boolean),
    ("tcp-segmentation-offload", Boolean),
    ("tcp6-segmentation-offload", Boolean),
    ("generic-segmentation-offload", Boolean),
    ("generic-receive-offload", Boolean),
    ("large-receive-offload", Boolean),
];

const ETHERNET: Keys = &[
    ("auth", AnyMapping),
    ("link", Scalar),
    ("virtual-function-count", Number),
    ("embedded-switch-mode", Scalar),
    ("delay-virtual-functions-rebind", Boolean),
    ("infiniband-mode", Scalar),
];

const MASTER: Keys = &[("interfaces", Sequence(&Scalar)), ("parameters", AnyMapping)];

const VLAN: Keys = &[("id", Number), ("link", Scalar)];

const MATCH: Keys = &[("name", Scalar), ("macaddress", Mac), ("driver", OneOrMore)];

const OVERRIDES: Keys = &[
    ("hostname", Scalar),
    ("route-metric", Number),
    ("send-hostname", Boolean),
    ("use-dns", Boolean),
    ("use-domains", Scalar),
    ("use-hostname", Boolean),
    ("use-mtu", Boolean),
    ("use-ntp", Boolean),
    ("use-routes", Boolean),
];

const RA_OVERRIDES: Keys = &[("use-dns", Boolean), ("use-domains", Scalar), ("table", Number)];

const NAMESERVERS: Keys = &[("search", Sequence(&Scalar)), ("addresses", Sequence(&Ip))];

const ROUTE: Keys = &[
    ("from", Destination),
    ("to", Destination),
    ("via", Destination),
    ("on-link", Boolean),
    ("metric", Number),
    ("type", Scalar),
    ("scope", Scalar),
    ("table", Number),
    ("mtu", Number),
    ("congestion-window", Number),
    ("advertised-receive-window", Number),
    ("advertised-mss", Number),
];

const POLICY: Keys = &[
    ("from", Destination),
    ("to", Destination),
    ("table", Number),
    ("priority", Number),
    ("mark", Scalar),
    ("type-of-service", Scalar),
];

const ADDRESS_OPTIONS: Keys = &[("label", Scalar), ("lifetime", Scalar)];

/// What netplan refuses: the line, and why.
pub(super) struct Refused {
    pub(super) line: usize,
    pub(super) reason: String,
}

/// The first thing in a file that netplan refuses.
pub(super) fn check(root: &Node, file: &Content) -> Result<(), Refused> {
    Kind::Mapping(&[ROOT]).check(root, "the file", file)
}

impl Kind {
    /// Checks the value of `key`. The depth is that of the tables.
    fn check(&self, node: &Node, key: &str, file: &Content) -> Result<(), Refused> {
        let refuse = |what: &str| {
            let found = shown(node);
            let reason = format!("netplan refuses {key}: {found}, it wants {what}");
            Err(Refused { line: node.place.line, reason })
        };
        match self {
            Scalar | OneOrMore if is_scalar(node) => Ok(()),
            Scalar => refuse("one value"),
            OneOrMore => Sequence(&Scalar).check(node, key, file),
            Boolean if boolean(node).is_none() => refuse("true or false"),
            Number if !is_number(node) => refuse("a number"),
            Version if !is_version_2(node) => refuse("2"),
            Renderer if !matches!(node.text(), Some("networkd" | "NetworkManager" | "sriov")) => {
                refuse("networkd or NetworkManager")
            }
            Ipv4 if !text_is(node, |text| text.parse::<Ipv4Addr>().is_ok()) => {
                refuse("an IPv4 address")
            }
            Ipv6 if !text_is(node, |text| text.parse::<Ipv6Addr>().is_ok()) => {
                refuse("an IPv6 address")
            }
            Ip if !text_is(node, |text| text.parse::<IpAddr>().is_ok()) => refuse("an address"),
            Destination if !text_is(node, is_destination) => refuse("an address"),
            Mac if !text_is(node, |text| text.contains(':') && is_mac(text)) => {
                refuse("a MAC address with colons")
            }
            Addresses => {
                let Value::List(items) = &node.value else { return refuse("a sequence") };
                items.iter().try_for_each(|item| address(item, key, file))
            }
            Sequence(kind) => {
                let Value::List(items) = &node.value else { return refuse("a sequence") };
                items.iter().try_for_each(|item| kind.check(item, key, file))
            }
            Mapping(tables) => {
                let Some(map) = node.map() else { return refuse("a mapping") };
                let mut entries: Vec<_> = map.iter().collect();
                entries.sort_by_key(|(_, value)| value.place.line);
                entries.into_iter().try_for_each(|(key, value)| {
                    let mut known = tables.iter().flat_map(|table| table.iter());
                    match known.find(|(name, _)| name == key) {
                        Some((_, kind)) => kind.check(value, key, file),
                        None => Err(Refused {
                            line: line_of_key(file, key, value),
                            reason: format!("netplan knows no key {key} here and refuses it"),
                        }),
                    }
                })
            }
            Definitions(_) | AnyDefinitions => {
                let Some(map) = node.map() else { return refuse("a mapping") };
                map.iter().try_for_each(|(name, value)| match self {
                    _ if name == "renderer" => Renderer.check(value, name, file),
                    _ if name.contains(['*', '?', '[', ']']) => Err(Refused {
                        line: line_of_key(file, name, value),
                        reason: format!("netplan refuses the pattern {name} as a name"),
                    }),
                    Definitions(tables) => Mapping(tables).check(value, name, file),
                    _ => AnyMapping.check(value, name, file),
                })
            }
            AnyMapping if node.map().is_none() => refuse("a mapping"),
            _ => Ok(()),
        }
    }
}

/// An address of an interface: `10.0.0.5/24`, or that as the only key of a mapping with options.
fn address(node: &Node, key: &str, file: &Content) -> Result<(), Refused> {
    let refused = |text: &str| {
        let reason = format!("netplan refuses {key}: {text}, it wants an address with its prefix");
        Err(Refused { line: node.place.line, reason })
    };
    match &node.value {
        Value::Map(map) => map.iter().try_for_each(|(text, options)| {
            if prefixed(text) != Some(true) {
                return refused(text);
            }
            Mapping(&[ADDRESS_OPTIONS]).check(options, text, file)
        }),
        _ if text_is(node, |text| prefixed(text) == Some(true)) => Ok(()),
        _ => refused(&shown(node)),
    }
}

/// Whether an address has the length of its prefix; `None` for what is none.
fn prefixed(text: &str) -> Option<bool> {
    let (address, prefix) = match text.split_once('/') {
        Some((address, prefix)) => (address, Some(prefix)),
        None => (text, None),
    };
    let most = match address.parse::<IpAddr>().ok()? {
        IpAddr::V4(_) => 32_u8,
        IpAddr::V6(_) => 128,
    };
    match prefix {
        Some(prefix) => (prefix.parse::<u8>().ok()? <= most).then_some(true),
        None => Some(false),
    }
}

fn is_destination(text: &str) -> bool {
    text == "default" || prefixed(text).is_some()
}

/// What is no text was a number to YAML 1.1 (addresses may look like one to the base 60): netplan
/// reads the text itself, which is not kept, so that it is left alone.
fn text_is(node: &Node, holds: impl Fn(&str) -> bool) -> bool {
    match &node.value {
        Value::Str(text) => holds(text),
        Value::Int(_) | Value::Float(_) => true,
        _ => false,
    }
}

fn is_scalar(node: &Node) -> bool {
    !matches!(node.value, Value::List(_) | Value::Map(_))
}

/// `strtoull`, to whose end the text must go; nothing is zero.
fn is_number(node: &Node) -> bool {
    match &node.value {
        Value::Int(number) => u32::try_from(*number).is_ok(),
        Value::Str(text) => text.chars().all(|c| c.is_ascii_digit()),
        Value::Null => true,
        _ => false,
    }
}

/// `strtol`, whatever stands behind the number.
fn is_version_2(node: &Node) -> bool {
    match &node.value {
        Value::Int(number) => *number == 2,
        Value::Float(number) => (2.0..3.0).contains(number),
        Value::Str(text) => text.split(|c: char| !c.is_ascii_digit()).next() == Some("2"),
        _ => false,
    }
}

/// A value as a sentence can show it.
fn shown(node: &Node) -> String {
    /// Longest value that is shown, in characters.
    const MAX_SHOWN: usize = 60;
    match &node.value {
        Value::Map(_) => "a mapping".to_owned(),
        Value::List(_) => "a sequence".to_owned(),
        Value::Null => "nothing".to_owned(),
        Value::Str(text) => text.chars().take(MAX_SHOWN).collect(),
        _ => node.json().to_string(),
    }
}

/// The line of a key: the last one with it up to where its value begins.
fn line_of_key(file: &Content, key: &str, value: &Node) -> usize {
    let before = file.lines().take_while(|(line, _)| *line <= value.place.line);
    let with_key = before.filter(|(_, text)| text.contains(key));
    with_key.last().map_or(value.place.line, |(line, _)| line)
}
