//! udev rules that name a card by its MAC address.
//!
//! Source: udev(7).

use std::ops::Range;

use super::MAX_BINDINGS;
use crate::fact::Evidence;
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
            // One more than are given, so that it is told.
            if found.len() <= MAX_BINDINGS && is_mac_rule(&rule) {
                found.push(Binding { kind, evidence: evidence(&file, line, &rule) });
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

/// A rule as evidence; its comparison with the address is the part that matters.
pub(in crate::guest::linux) fn evidence(file: &Content, line: usize, rule: &str) -> Evidence {
    file.evidence(line, rule).marked(line, rule, address_in(rule))
}

/// Where a rule compares the MAC address: `ATTR{address}=="…"`; nothing where it does not.
fn address_in(rule: &str) -> Range<usize> {
    let Some((before, behind)) = rule.split_once("{address}") else { return 0..0 };
    let start = before.rfind([',', ' ']).map_or(0, |at| at.saturating_add(1));
    // The quote behind the value.
    let length = behind.match_indices('"').nth(1).map_or(0, |(at, _)| at.saturating_add(1));
    let end = before.len().saturating_add("{address}".len()).saturating_add(length);
    start..end
}

/// Whether a rule matches one address and sets the card's name (`SYSFS` and `ATTRS` are older and
/// wider forms of `ATTR`).
pub(in crate::guest::linux) fn is_mac_rule(rule: &str) -> bool {
    let mut matches = false;
    let mut names = false;
    for (key, operator, value) in parts(rule) {
        match (key, operator) {
            ("ATTR{address}" | "ATTRS{address}" | "SYSFS{address}", "==") => {
                matches |= value.split('|').any(is_mac);
            }
            ("NAME", "=" | ":=") => names = true,
            _ => {}
        }
    }
    matches && names
}

/// The parts of a rule: key, operator, and value without its quotes.
pub(in crate::guest::linux) fn parts(rule: &str) -> Vec<(&str, &str, &str)> {
    let of = |token| {
        let at = str::find(token, ['=', '!', '+', '-', ':'])?;
        let (key, rest) = token.split_at_checked(at)?;
        let (operator, value) = rest.split_at_checked(rest.find('"').unwrap_or(rest.len()))?;
        Some((key.trim(), operator.trim(), value.trim_matches('"')))
    };
    tokens(rule).into_iter().filter_map(of).collect()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_comparison_with_the_address_is_what_is_marked() {
        let marked = |rule: &str| rule.get(address_in(rule)).unwrap().to_owned();
        let rule = r#"SUBSYSTEM=="net", ATTR{address}=="52:54:00:12:34:56", NAME="eth0""#;
        assert_eq!(marked(rule), r#"ATTR{address}=="52:54:00:12:34:56""#);
        assert_eq!(marked(r#"SYSFS{address}=="0""#), r#"SYSFS{address}=="0""#);
        assert_eq!(marked(r#"ATTR{address}"#), "ATTR{address}");
        assert_eq!(marked(r#"NAME="eth0""#), "");
    }
}
