//! Whether the conditions of a unit hold at its start (systemd.unit(5), "Conditions and Asserts").
//!
//! Only `PathExists=` and `FirstBoot=` are decided, the former for paths that a start does not make, the latter
//! where the next start is surely not the first. Any other is taken to hold, as those of packages' units do where
//! they matter.

use super::contents::assignments;
use crate::error::Result;
use crate::fact::{Evidence, shortened};
use crate::filesystem::tree::Tree;

/// Directories that are empty or another file system until something fills them at the start.
const MADE_AT_START: [&str; 6] = ["/dev", "/proc", "/run", "/sys", "/tmp", "/var/run"];

/// Directory in which services make their files, so that what is not there yet may come.
const FILLED_AT_START: &str = "/var";

/// What is asked while conditions are looked at.
pub(super) struct Asked<'a> {
    pub(super) tree: &'a Tree,
    /// Asked before each condition.
    pub(super) count: &'a dyn Fn() -> Result<()>,
    /// Whether the next start may be the first.
    pub(super) may_be_first: &'a dyn Fn() -> Result<bool>,
}

/// What the lines of one kind say so far; evidence is kept of the first only.
#[derive(Default)]
struct Conditions {
    /// One that surely does not hold.
    unmet: Option<Evidence>,
    /// One with `|`: one of all these is enough.
    trigger: Option<Evidence>,
    /// Whether one of those with `|` may hold.
    triggered: bool,
}

/// The first condition that keeps a unit from being started, told from its unit file and drop-ins
/// (path and text, in the order in which they are read).
///
/// # Errors
/// What a path that a condition names cannot be looked up for; those of what is asked.
pub(super) fn unmet(asked: &Asked<'_>, files: &[(String, String)]) -> Result<Option<Evidence>> {
    for kind in ["Condition", "Assert"] {
        let mut conditions = Conditions::default();
        for (path, text) in files {
            conditions.read(asked, kind, (path, text))?;
        }
        let Conditions { unmet, trigger, triggered } = conditions;
        let found = unmet.or(trigger.filter(|_| !triggered));
        if found.is_some() {
            return Ok(found);
        }
    }
    Ok(None)
}

impl Conditions {
    fn read(&mut self, asked: &Asked<'_>, kind: &str, (path, text): (&str, &str)) -> Result<()> {
        for (line, key, value) in assignments(text, "[Unit]") {
            let Some(what) = key.strip_prefix(kind) else { continue };
            (asked.count)()?;
            if value.is_empty() {
                // Takes back all of the kind that stand before.
                *self = Self::default();
                continue;
            }
            let (triggers, rest) = match value.strip_prefix('|') {
                Some(rest) => (true, rest.trim_start()),
                None => (false, value.as_str()),
            };
            let (negated, named) = match rest.strip_prefix('!') {
                Some(rest) => (true, rest.trim_start()),
                None => (false, rest),
            };
            let met = match what {
                "PathExists" => exists(asked.tree, named)?,
                "FirstBoot" if !(asked.may_be_first)()? => boolean(named).map(|first| !first),
                _ => None,
            };
            let holds = met.map(|met| met != negated);
            let evidence =
                || Evidence::new(format!("{path}:{line}"), shortened(&format!("{key}={value}")));
            if triggers {
                self.trigger.get_or_insert_with(evidence);
                self.triggered |= holds != Some(false);
            } else if holds == Some(false) {
                self.unmet.get_or_insert_with(evidence);
            }
        }
        Ok(())
    }
}

/// A boolean of a unit (`src/basic/parse-util.c`, `parse_boolean`).
pub(in crate::guest::linux) fn boolean(value: &str) -> Option<bool> {
    match value.to_ascii_lowercase().as_str() {
        "1" | "yes" | "y" | "true" | "t" | "on" => Some(true),
        "0" | "no" | "n" | "false" | "f" | "off" => Some(false),
        _ => None,
    }
}

/// Whether a path will be there at the start, where the tree tells.
fn exists(tree: &Tree, path: &str) -> Result<Option<bool>> {
    let below = |directory: &str| {
        path.strip_prefix(directory).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    // `%` begins a specifier; a relative path is passed over.
    if !path.starts_with('/') || path.contains('%') || MADE_AT_START.into_iter().any(below) {
        return Ok(None);
    }
    let exists = tree.exists(path)?;
    Ok((exists || !below(FILLED_AT_START)).then_some(exists))
}
