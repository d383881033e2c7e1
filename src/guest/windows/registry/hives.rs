//! The hives of a Windows tree.

use std::sync::Arc;

use super::hive::Hive;
use super::key::Key;
use crate::bytes::Bytes;
use crate::error::{Error, Result};
use crate::fact::Fact;
use crate::filesystem::tree::Tree;

/// Where hives lie: the directory of Windows set-up, and that of Windows NT 4.0 and 2000.
const DIRECTORIES: [&str; 2] = ["/Windows/System32/config", "/WINNT/System32/config"];

/// How the names of transaction logs go on behind the hive's (regf, "Examples of hives and supporting
/// files").
const LOGS: [&str; 3] = [".LOG1", ".LOG2", ".LOG"];

/// The hives of a Windows tree, opened once.
#[derive(Debug)]
pub struct Registry {
    /// The directory in which the hives lie, as a path of the tree.
    pub directory: String,
    /// `HKLM\SYSTEM`.
    pub system: Fact<Hive>,
    /// `HKLM\SOFTWARE`.
    pub software: Fact<Hive>,
    /// `HKLM\SAM`.
    pub sam: Fact<Hive>,
    /// `HKLM\DRIVERS`, which Windows 8 and newer keep apart from `SYSTEM`.
    pub drivers: Fact<Option<Hive>>,
}

impl Registry {
    /// Opens the hives of a tree. Never fails: what cannot be read is unknown.
    pub fn open(tree: &Tree) -> Self {
        let directory = directory(tree).unwrap_or(DIRECTORIES[0]);
        let path = |name: &str| format!("{directory}/{name}");
        let of = |name| Fact::from_result(path(name), open(tree, &path(name)));
        Self {
            directory: directory.to_owned(),
            system: of("SYSTEM"),
            software: of("SOFTWARE"),
            sam: of("SAM"),
            drivers: Fact::from_lookup(path("DRIVERS"), open(tree, &path("DRIVERS"))),
        }
    }

    /// The key that is `HKLM\SYSTEM\CurrentControlSet` when Windows runs: that of the number in
    /// `Select\Current`.
    ///
    /// # Errors
    /// When the system hive, the number or the key is not there or cannot be read; never one that says
    /// "not there", since no Windows is without it.
    pub fn control_set(&self) -> Result<Key<'_>> {
        let system = self.system.as_result().map_err(|unread| Error::Unreadable {
            path: unread.location.clone(),
            reason: unread.reason.clone(),
        })?;
        let unreadable = |path: &str, reason: String| Error::Unreadable {
            path: format!(r"HKLM\SYSTEM\{path}"),
            reason,
        };
        let missing = |path: &str| unreadable(path, "no such key or value".to_owned());
        let select = system.key("Select")?.ok_or_else(|| missing("Select"))?;
        let current = select.value("Current")?.ok_or_else(|| missing(r"Select\Current"))?;
        let number = current.dword().filter(|number| (1..=999).contains(number));
        let number = number.ok_or_else(|| {
            unreadable(r"Select\Current", "no number of a control set".to_owned())
        })?;
        let name = format!("ControlSet{number:03}");
        system.key(&name)?.ok_or_else(|| missing(&name))
    }
}

/// The first of the directories that has a system hive.
fn directory(tree: &Tree) -> Option<&'static str> {
    // An error is not "not there": opening the hive tells it.
    DIRECTORIES
        .into_iter()
        .find(|directory| tree.exists(&format!("{directory}/SYSTEM")).unwrap_or(true))
}

/// Opens the hive at a path of a tree, with the transaction logs beside it.
///
/// # Errors
/// As [`Hive::open`] and [`Tree::open`].
pub fn open(tree: &Tree, path: &str) -> Result<Hive> {
    let file = tree.open(path)?;
    let logs = LOGS.into_iter().filter_map(|suffix| {
        let log = tree.open(&format!("{path}{suffix}"));
        // Windows leaves logs that it does not use empty.
        let is_used = match &log {
            Ok(log) => !log.is_empty(),
            Err(error) => !error.is_absent(),
        };
        is_used.then(|| (suffix.to_owned(), log))
    });
    let logs: Vec<(String, Result<Arc<dyn Bytes>>)> = logs.collect();
    Hive::open_with(file, logs)
}
