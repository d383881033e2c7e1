//! Lists of names: `modules.builtin` and `modules.dep` (modules.builtin in kbuild(5) of kmod,
//! modules.dep(5)), and the kernel's configuration.

use std::collections::BTreeSet;

use crate::error::{Error, Result};
use crate::fact::{Fact, Unread};
use crate::filesystem::tree::Tree;

/// Largest list of modules that is read, in bytes; that of a full kernel has some 700 KiB.
pub(in crate::guest::linux) const MAX_LIST: u64 = 8 << 20;

/// Largest configuration that is read, in bytes; that of a full kernel has some 300 KiB.
const MAX_CONFIG: u64 = 4 << 20;

/// Longest name that is kept, in bytes. A module's has at most 64 (Linux: `MODULE_NAME_LEN`), an
/// option's seldom 50.
const MAX_NAME: usize = 128;

/// What a name takes beside its bytes: its place in a full node, and an allocation.
const BYTES_BESIDE: usize = 40;

/// Suffixes of a module file.
const SUFFIXES: [&str; 4] = [".gz", ".xz", ".zst", ".bz2"];

/// The drivers in a `modules.builtin`: a path on each line.
pub(super) fn builtin(tree: &Tree, path: &str, budget: &mut usize) -> Result<BTreeSet<String>> {
    collect(tree.read_text(path, MAX_LIST)?.lines().map(module_name), budget)
}

/// The modules in a `modules.dep`: a path before the colon, behind it what it needs.
pub(super) fn modules(tree: &Tree, path: &str, budget: &mut usize) -> Result<BTreeSet<String>> {
    let text = tree.read_text(path, MAX_LIST)?;
    let names = text.lines().map(|line| module_name(line.split_once(':')?.0));
    collect(names, budget)
}

/// The options that the kernel's configuration sets to `y`, wherever a distribution puts that file.
pub(super) fn config(
    tree: &Tree,
    release: &str,
    budget: &mut usize,
) -> Fact<Option<BTreeSet<String>>> {
    let mut unread = None;
    for path in [
        format!("/boot/config-{release}"),
        format!("/lib/modules/{release}/config"),
        format!("/usr/lib/modules/{release}/config"),
    ] {
        let options = tree
            .read_text(&path, MAX_CONFIG)
            .and_then(|text| collect(text.lines().map(enabled_option), budget));
        match options {
            Ok(options) => return Fact::Known(Some(options)),
            Err(error) if error.is_absent() => {}
            Err(error) => unread = unread.or(Some(Unread::from((path.as_str(), &error)))),
        }
    }
    unread.map_or(Fact::Known(None), Fact::Unknown)
}

fn collect<'t>(
    names: impl Iterator<Item = Option<impl AsRef<str> + 't>>,
    budget: &mut usize,
) -> Result<BTreeSet<String>> {
    let mut set = BTreeSet::new();
    for name in names.flatten() {
        let name = name.as_ref();
        if name.is_empty() || name.len() > MAX_NAME || set.contains(name) {
            continue;
        }
        let bytes = name.len().saturating_add(BYTES_BESIDE);
        *budget = budget.checked_sub(bytes).ok_or(Error::Limit {
            structure: "lists of modules and options",
            limit: u64::try_from(super::MAX_NAMES_BYTES).unwrap_or(u64::MAX),
            unit: "bytes",
        })?;
        set.insert(name.to_owned());
    }
    // Made anew of all at once its nodes are full; those of names in their order are half empty.
    Ok(set.into_iter().collect())
}

/// `kernel/drivers/block/xen-blkfront.ko.xz` → `xen_blkfront`.
pub(in crate::guest::linux) fn module_name(path: &str) -> Option<String> {
    let file = path.trim().rsplit('/').next()?;
    let file = SUFFIXES.iter().find_map(|suffix| file.strip_suffix(suffix)).unwrap_or(file);
    Some(file.strip_suffix(".ko")?.replace('-', "_"))
}

/// `CONFIG_VIRTIO=y` → `VIRTIO`.
fn enabled_option(line: &str) -> Option<&str> {
    line.trim().strip_prefix("CONFIG_")?.strip_suffix("=y")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_normalised() {
        let name = |path: &str| module_name(path);
        assert_eq!(
            name("kernel/drivers/block/xen-blkfront.ko.xz").as_deref(),
            Some("xen_blkfront")
        );
        assert_eq!(name("virtio.ko").as_deref(), Some("virtio"));
        assert_eq!(name("kernel/drivers/notes.txt"), None);
        assert_eq!(enabled_option("CONFIG_VIRTIO_PCI=y"), Some("VIRTIO_PCI"));
        assert_eq!(enabled_option("CONFIG_VIRTIO_PCI=m"), None);
        assert_eq!(enabled_option("# CONFIG_VIRTIO_PCI is not set"), None);
    }

    #[test]
    fn names_of_more_bytes_than_the_bound_are_an_error() {
        let names = ["a", "b", "a", "c"].map(Some);
        assert!(collect(names.into_iter(), &mut 122).is_err());
        let mut budget = 123;
        assert_eq!(collect(names.into_iter(), &mut budget).unwrap().len(), 3);
        assert_eq!(budget, 0);
    }
}
