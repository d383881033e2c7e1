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
        Self::open_in(tree, Self::directory(tree))
    }

    /// Opens the hives that lie in a directory of a tree. Never fails, as [`Registry::open`].
    pub fn open_in(tree: &Tree, directory: &str) -> Self {
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

    /// The directory in which the hives of a tree lie.
    pub fn directory(tree: &Tree) -> &'static str {
        // An error is not "not there": opening the hive tells it.
        let has_hive =
            |directory: &&str| tree.exists(&format!("{directory}/SYSTEM")).unwrap_or(true);
        DIRECTORIES.into_iter().find(has_hive).unwrap_or(DIRECTORIES[0])
    }

    /// The key that is `HKLM\SYSTEM\CurrentControlSet` when Windows runs.
    ///
    /// # Errors
    /// When the system hive cannot be read; as [`control_set`].
    pub fn control_set(&self) -> Result<Key<'_>> {
        let system = self.system.as_result().map_err(|unread| Error::Unreadable {
            path: unread.location.clone(),
            reason: unread.reason.clone(),
        })?;
        control_set(system)
    }
}

/// The key that is `HKLM\SYSTEM\CurrentControlSet` when Windows runs from this system hive: that of the
/// number in `Select\Default`. The boot loader takes that one and only then writes it to `Current`
/// (ReactOS, `freeldr`, `RegInitCurrentControlSet`, and `CmpFindControlSet` of the kernel, whose ways are
/// those of ntldr), so that `Current` is the set of the last start, not of the next. A hive without
/// `Default`, which no loader would take, is read as its last start was.
///
/// # Errors
/// When the number or the key is not there or cannot be read; never one that says "not there", since no
/// Windows is without it.
pub fn control_set(system: &Hive) -> Result<Key<'_>> {
    let unreadable = |path: &str, reason: &str| Error::Unreadable {
        path: format!(r"HKLM\SYSTEM\{path}"),
        reason: reason.to_owned(),
    };
    let missing = |path: &str| unreadable(path, "no such key or value");
    let select = system.key("Select")?.ok_or_else(|| missing("Select"))?;
    let (path, number) = match select.value("Default")? {
        Some(default) => (r"Select\Default", default),
        None => {
            let current = select.value("Current")?;
            (r"Select\Current", current.ok_or_else(|| missing(r"Select\Default"))?)
        }
    };
    let number = number.dword().filter(|number| (1..=999).contains(number));
    let number = number.ok_or_else(|| unreadable(path, "no number of a control set"))?;
    let name = format!("ControlSet{number:03}");
    system.key(&name)?.ok_or_else(|| missing(&name))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::filesystem::memory::MemoryFs;
    use crate::guest::windows::registry::HiveState;

    fn unpack(name: &str) -> Vec<u8> {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/registry");
        let packed = std::fs::read(format!("{folder}/{name}.zst")).unwrap();
        zstd::decode_all(packed.as_slice()).unwrap()
    }

    #[test]
    fn the_current_control_set_is_the_one_that_select_names() {
        for directory in DIRECTORIES {
            let path = |name: &str| format!("{directory}/{name}");
            let tree = MemoryFs::new()
                .file(&path("SYSTEM"), unpack("version-3"))
                .file(&path("SYSTEM.LOG1"), "")
                .file(&path("SOFTWARE"), unpack("dirty-new"))
                .file(&path("SOFTWARE.LOG1"), unpack("dirty-new.LOG1"))
                .file(&path("SOFTWARE.LOG2"), unpack("dirty-new.LOG2"))
                .file(&path("SAM"), "no hive")
                .tree();
            let registry = Registry::open(&tree);
            assert_eq!(Registry::directory(&tree), directory);
            let set = registry.control_set().unwrap();
            assert_eq!(set.name(), "ControlSet002");
            assert_eq!(set.value("number").unwrap().unwrap().dword(), Some(2));
            let software = registry.software.known().unwrap();
            assert!(matches!(software.state(), HiveState::Replayed(_)));
            assert!(registry.sam.unread().unwrap().location.ends_with("config/SAM"));
            assert!(registry.drivers.known().unwrap().is_none());
        }
    }

    #[test]
    fn the_set_of_the_next_start_counts_and_not_that_of_the_last() {
        let set = |select: &[(&str, u32)]| {
            let hive = crate::guest::windows::fixture::Hive::new().key("Select");
            let hive = select.iter().fold(hive, |hive, (name, number)| hive.dword(name, *number));
            let hive = hive.key("ControlSet001").key("ControlSet003").bytes();
            let hive = Hive::open(Arc::new(hive), &[]).unwrap();
            control_set(&hive).map(|set| set.name().to_owned())
        };
        assert_eq!(set(&[("Current", 1), ("Default", 3)]).unwrap(), "ControlSet003");
        assert_eq!(set(&[("Current", 1)]).unwrap(), "ControlSet001");
        let error = set(&[("Current", 1), ("Default", 2)]).unwrap_err();
        assert!(error.to_string().contains("ControlSet002"), "{error}");
        assert!(set(&[("Current", 1), ("Default", 0)]).is_err());
    }

    #[test]
    fn what_is_missing_in_a_system_hive_is_not_absent() {
        let tree = MemoryFs::new().file("/Windows/System32/config/SYSTEM", unpack("before")).tree();
        let error = Registry::open(&tree).control_set().unwrap_err();
        assert!(!error.is_absent(), "{error}");
        let error = Registry::open(&MemoryFs::new().tree()).control_set().unwrap_err();
        assert!(!error.is_absent(), "{error}");
    }

    #[test]
    fn a_log_that_cannot_be_read_is_told_of_a_dirty_hive() {
        let path = "/Windows/System32/config/SYSTEM";
        let tree = MemoryFs::new()
            .file(path, unpack("dirty-old"))
            .file(&format!("{path}.LOG1"), unpack("dirty-old.LOG1"))
            .unreadable(&format!("{path}.LOG1"))
            .tree();
        let hive = open(&tree, path).unwrap();
        let HiveState::Dirty { reasons } = hive.state() else { panic!("{:?}", hive.state()) };
        assert!(reasons[1].starts_with(".LOG1: "), "{reasons:?}");
    }
}
