//! udev rules and `.link` files that name a card by its MAC address.
//!
//! Sources: udev(7), systemd.link(5).

use super::{Content, Finder, is_mac};
use crate::guest::facts::BindingKind;

/// Where rules of this machine are; those in `/usr/lib` are the same on every machine.
const RULES: &str = "/etc/udev/rules.d";
const NETWORKD: &str = "/etc/systemd/network";

pub(super) fn find(finder: &mut Finder<'_>) {
    for file in finder.files(RULES, |name| name.ends_with(".rules")) {
        for (line, rule) in logical_lines(&file) {
            if is_mac_rule(&rule) {
                finder.found(BindingKind::UdevMac, &file, line, &rule);
            }
        }
    }
    for file in finder.files(NETWORKD, |name| name.ends_with(".link")) {
        let lines = matching_macs(&file);
        for (line, text) in lines {
            finder.found(BindingKind::UdevMac, &file, line, &text);
        }
    }
}

/// Rules joined over a backslash at the line's end, each with the number of its first line.
fn logical_lines(file: &Content) -> Vec<(usize, String)> {
    let mut rules: Vec<(usize, String)> = Vec::new();
    let mut open = false;
    for (line, content) in file.lines() {
        if content.starts_with('#') && !open {
            continue;
        }
        let (content, more) = match content.strip_suffix('\\') {
            Some(content) => (content, true),
            None => (content, false),
        };
        match rules.last_mut() {
            Some((_, before)) if open => before.push_str(content),
            _ => rules.push((line, content.to_owned())),
        }
        open = more;
    }
    rules
}

/// Whether a rule matches one address and sets the card's name (`SYSFS` and `ATTRS` are older and
/// wider forms of `ATTR`).
fn is_mac_rule(rule: &str) -> bool {
    let mut matches = false;
    let mut names = false;
    for token in tokens(rule) {
        let Some(at) = token.find(['=', '!', '+', '-', ':']) else { continue };
        let (key, rest) = token.split_at_checked(at).unwrap_or((token, ""));
        let operator_end = rest.find('"').unwrap_or(rest.len());
        let (operator, value) = rest.split_at_checked(operator_end).unwrap_or((rest, ""));
        let value = value.trim_matches('"');
        match (key.trim(), operator.trim()) {
            ("ATTR{address}" | "ATTRS{address}" | "SYSFS{address}", "==") => {
                matches |= value.split('|').any(is_mac);
            }
            ("NAME", "=" | ":=") => names = true,
            _ => {}
        }
    }
    matches && names
}

/// The parts of a rule, parted by commas outside quotes.
fn tokens(rule: &str) -> Vec<&str> {
    let mut quoted = false;
    rule.split(|c: char| {
        quoted ^= c == '"';
        c == ',' && !quoted
    })
    .map(str::trim)
    .collect()
}

/// `MACAddress=` and `PermanentMACAddress=` in `[Match]` of a systemd network file.
pub(super) fn matching_macs(file: &Content) -> Vec<(usize, String)> {
    section_macs(file, "[Match]", &["MACAddress", "PermanentMACAddress"])
}

/// Lines of one section whose key is one of `keys` and whose value has a MAC address.
pub(super) fn section_macs(file: &Content, section: &str, keys: &[&str]) -> Vec<(usize, String)> {
    let mut inside = false;
    let mut found = Vec::new();
    for (line, content) in file.lines() {
        if content.starts_with(['#', ';']) {
            continue;
        }
        if content.starts_with('[') {
            inside = content == section;
        } else if let Some((key, value)) = content.split_once('=') {
            let has_mac = value.split([' ', '\t', ',', ';']).any(is_mac);
            if inside && keys.contains(&key.trim()) && has_mac {
                found.push((line, content.to_owned()));
            }
        }
    }
    found
}
