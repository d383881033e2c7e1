//! udev rules that name a card by its MAC address.
//!
//! Source: udev(7).

use crate::guest::facts::{Binding, BindingKind};
use crate::guest::linux::network::files::{Content, Files, is_mac};

/// Where rules of this machine are; those in `/usr/lib` are the same on every machine.
const RULES: &str = "/etc/udev/rules.d";

pub(super) fn find(files: &mut Files<'_>) -> Vec<Binding> {
    let mut found = Vec::new();
    for file in files.files(RULES, |name| name.ends_with(".rules")) {
        let kind =
            if file.by_cloud_init() { BindingKind::GeneratedMac } else { BindingKind::UdevMac };
        for (line, rule) in logical_lines(&file) {
            if is_mac_rule(&rule) {
                found.push(Binding { kind, evidence: file.evidence(line, &rule) });
            }
        }
    }
    found
}

/// Rules joined over a backslash at the line's end, each with the number of its first line.
pub(in crate::guest::linux) fn logical_lines(file: &Content) -> Vec<(usize, String)> {
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
pub(in crate::guest::linux) fn is_mac_rule(rule: &str) -> bool {
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
