//! udev's rules that keep a card's name by its MAC address, and what generates them.
//!
//! Sources: udev(7); `75-persistent-net-generator.rules` and `write_net_rules` of udev up to 174.

use std::ops::Range;

use super::files::{Content, Files};
use crate::error::Result;
use crate::fact::Fact;
use crate::filesystem::FileType;
use crate::filesystem::tree::Tree;
use crate::guest::facts::{PersistentRules, RuleGenerator};
use crate::guest::linux::bindings::udev::{is_mac_rule, logical_lines};

const RULES: &str = "/etc/udev/rules.d";
const GENERATOR: &str = "75-persistent-net-generator.rules";

/// Most rules shown of one file.
const MAX_SHOWN: usize = 64;

/// Whether a file's name says that it keeps names of network cards.
pub(in crate::guest::linux) fn is_persistent_net(name: &str) -> bool {
    name.contains("persistent") && name.contains("net")
}

/// The files in `/etc/udev/rules.d` whose names contain both words.
pub(super) fn persistent(tree: &Tree) -> Fact<Vec<PersistentRules>> {
    let mut files = Files::new(tree);
    let mut found = Vec::new();
    for name in files.names(RULES, is_persistent_net) {
        let path = format!("{RULES}/{name}");
        let mut rules = PersistentRules {
            path: path.clone(),
            harmless: None,
            macs: Vec::new(),
            others: Vec::new(),
        };
        match files.file(&path) {
            None => rules.harmless = Some("a link to /dev/null, or no file".to_owned()),
            Some(file) if file.text.is_empty() => rules.harmless = Some("empty".to_owned()),
            Some(file) if !name.ends_with(".rules") => {
                rules.harmless =
                    Some(format!("{} bytes, udev reads only *.rules", file.text.len()));
            }
            Some(file) => take(&file, &mut rules),
        }
        found.push(rules);
    }
    match files.unread {
        Some(unread) => Fact::Unknown(unread),
        None => Fact::Known(found),
    }
}

fn take(file: &Content, rules: &mut PersistentRules) {
    for (line, rule) in logical_lines(file) {
        if rule.trim().is_empty() {
            continue;
        }
        let list = if is_mac_rule(&rule) { &mut rules.macs } else { &mut rules.others };
        if list.len() < MAX_SHOWN {
            let part = address_in(&rule);
            list.push(file.evidence(line, &rule).marked(line, &rule, part));
        }
    }
    if rules.macs.is_empty() && rules.others.is_empty() {
        rules.harmless = Some("comments only".to_owned());
    }
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

/// The generator that came with udev, and what takes its place.
pub(super) fn generator(tree: &Tree) -> Fact<RuleGenerator> {
    Fact::from_result(format!("{RULES}/{GENERATOR}"), read_generator(tree))
}

fn read_generator(tree: &Tree) -> Result<RuleGenerator> {
    let mut found = RuleGenerator { generator: None, stub: None, stub_is_empty: false };
    for directory in ["/lib/udev/rules.d", "/usr/lib/udev/rules.d"] {
        let path = format!("{directory}/{GENERATOR}");
        if tree.exists(&path)? {
            found.generator = Some(path);
            break;
        }
    }
    let path = format!("{RULES}/{GENERATOR}");
    match tree.symlink_metadata(&path) {
        Ok(metadata) => {
            found.stub_is_empty = match metadata.file_type {
                FileType::Symlink => tree.read_link(&path)?.ends_with("/dev/null"),
                _ => metadata.len == 0,
            };
            found.stub = Some(path);
        }
        Err(error) if error.is_absent() => {}
        Err(error) => return Err(error),
    }
    Ok(found)
}
