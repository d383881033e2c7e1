//! The installed kernels: their drivers, built in or as modules, and their initramfs.
//!
//! In: the guest's tree and what the boot loader starts. Out: [`KernelFacts`].

mod drivers;
mod initrd;
mod module_lists;
mod release;

pub use drivers::built_in_drivers;
pub(super) use module_lists::{MAX_LIST, module_name};

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::bytes::Bytes;
use crate::error::{Error, Result};
use crate::fact::{Fact, Unread};
use crate::filesystem::FileType;
use crate::filesystem::tree::Tree;
use crate::guest::facts::{BootEntry, BootFacts, InitramfsFacts, KernelFacts, ResolvedFile};
use crate::guest::linux::initramfs::{Budget, Files};

/// Where the kernels' modules lie.
const MODULES: &str = "/lib/modules";

/// Most kernels that are looked at. Distributions keep two to five.
const MAX_KERNELS: usize = 64;

/// Most bytes that the names (drivers, modules, options) of all kernels together take in memory: those of thirty
/// kernels with some 9,000 each.
const MAX_NAMES_BYTES: usize = 16 << 20;

/// Most kernels beside the default one whose initramfs is read: distributions keep one or two of
/// them, and each costs as much as the default one.
const MAX_OTHERS: usize = 4;

/// Most bytes that are looked at in the initramfs of each of these; a usual one has 50 to 200 MiB.
const MAX_OTHER_UNPACKED: u64 = 512 << 20;

/// Longest time that is spent on all of them together: they are of less use than a quick answer.
const MAX_OTHER_TIME: Duration = Duration::from_secs(3);

/// Longest time for reading the default kernel's once more: a usual one takes a fifth.
const MAX_TIME_AGAIN: Duration = Duration::from_secs(1);

/// Opens a file that a boot entry leads to.
pub type Open<'a> = dyn Fn(&ResolvedFile) -> Result<Arc<dyn Bytes>> + Sync + 'a;

/// The installed kernels: the directories of `/lib/modules`, and the one that the default boot entry
/// starts even when it has none there. With them come the settings in the default one's initramfs.
///
/// The default kernel's initramfs is read to its end, with the memory that there is beside the `kept` bytes of
/// the file systems; meanwhile `beside` is asked for what hangs on its
/// release. In the initramfs of at most `MAX_OTHERS` other kernels the drivers of virtio disks are looked for.
pub fn find<T: Send>(
    tree: &Tree,
    boot: &BootFacts,
    open: &Open<'_>,
    kept: u64,
    beside: impl FnOnce(&str) -> T + Send,
) -> (Fact<Vec<KernelFacts>>, Files, Option<T>) {
    let mut releases = match directories(tree) {
        Ok(releases) => releases,
        Err(error) => return (Fact::unknown(MODULES, error.to_string()), Files::default(), None),
    };
    let entry = boot.default_entry.known().and_then(Option::as_ref);
    let default = entry.and_then(|entry| release::of_entry(tree, entry, open, &releases));
    let mut budget = MAX_NAMES_BYTES;
    // The default kernel first, so that the names of others leave room for its own.
    let is_other = |release: &String| !matches!(&default, Some(Ok(default)) if default == release);
    releases.sort_by_key(is_other);
    let mut kernels: Vec<_> = releases
        .iter()
        .map(|release| kernel(tree, release, Fact::Known(Some(directory(release))), &mut budget))
        .collect();
    kernels.sort_by(|one, other| one.release.cmp(&other.release));
    let Some((entry, default)) = entry.zip(default) else {
        return (Fact::Known(kernels), Files::default(), None);
    };
    let index = match default {
        Ok(default) => {
            kernels.iter().position(|kernel| kernel.release == default).unwrap_or_else(|| {
                kernels.push(kernel(tree, &default, Fact::Known(None), &mut budget));
                kernels.len().saturating_sub(1)
            })
        }
        Err(unread) => {
            kernels.push(nameless(entry, &unread));
            kernels.len().saturating_sub(1)
        }
    };
    let Some(kernel) = kernels.get_mut(index) else {
        return (Fact::Known(kernels), Files::default(), None);
    };
    kernel.is_default = true;
    let release = kernel.release.clone();
    let ((initramfs, settings), (beside, others)) = rayon::join(
        || initrd::of_entry(entry, open, Budget::beside(kept)),
        // The default kernel's first: the others are of less use.
        || (beside(&release), read_others(tree, &kernels)),
    );
    for (index, initramfs) in others {
        if let Some(kernel) = kernels.get_mut(index) {
            kernel.initramfs = initramfs;
        }
    }
    if let Some(kernel) = kernels.get_mut(index) {
        kernel.initramfs = initramfs;
    }
    (Fact::Known(kernels), settings, Some(beside))
}

/// What lies in the initramfs that the entry loads, which was read before otherwise; each file opened by `open`.
pub(super) fn initramfs(
    entry: &BootEntry,
    open: &Open<'_>,
    kept: u64,
) -> Fact<Option<InitramfsFacts>> {
    let until = Instant::now().checked_add(MAX_TIME_AGAIN);
    initrd::of_entry(entry, open, Budget::beside(kept).until(until)).0
}

/// The initramfs of the newest kernels that are not the default (the last by name, of those that
/// have one), each with the kernel's index. Two at a time: each takes memory beside the default one's.
fn read_others(tree: &Tree, kernels: &[KernelFacts]) -> Vec<(usize, Fact<Option<InitramfsFacts>>)> {
    let until = Instant::now().checked_add(MAX_OTHER_TIME);
    let others: Vec<_> = kernels
        .iter()
        .enumerate()
        .rev()
        .filter(|(_, kernel)| !kernel.is_default && kernel.initramfs.unread().is_some())
        .take(MAX_OTHERS)
        .collect();
    let turn = Arc::default();
    let read = |(index, kernel): (usize, &KernelFacts)| {
        let mut budget = Budget::modest(MAX_OTHER_UNPACKED, until, &turn);
        let wanted = drivers::sought_in_other(kernel);
        (index, initrd::read(tree, &kernel.release, &wanted, &mut budget))
    };
    let mut found = Vec::new();
    let mut others = others.into_iter();
    while let Some(first) = others.next() {
        match others.next() {
            Some(second) => {
                found.extend(<[_; 2]>::from(rayon::join(|| read(first), || read(second))));
            }
            None => found.push(read(first)),
        }
    }
    found
}

fn directory(release: &str) -> String {
    format!("{MODULES}/{release}")
}

/// The releases that have a directory, sorted.
fn directories(tree: &Tree) -> Result<Vec<String>> {
    let entries = match tree.read_dir(MODULES) {
        Ok(entries) => entries,
        Err(error) if error.is_absent() => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut releases = Vec::new();
    for entry in entries {
        let Ok(release) = String::from_utf8(entry.name) else { continue };
        match entry.file_type {
            Some(FileType::Directory) => {}
            Some(_) => continue,
            None => match tree.symlink_metadata(&directory(&release)) {
                Ok(metadata) if metadata.file_type == FileType::Directory => {}
                Ok(_) => continue,
                Err(error) => return Err(error),
            },
        }
        if releases.len() >= MAX_KERNELS {
            return Err(Error::Limit {
                structure: "kernel modules directory",
                limit: u64::try_from(MAX_KERNELS).unwrap_or(u64::MAX),
                unit: "kernels",
            });
        }
        releases.push(release);
    }
    Ok(releases)
}

/// What is known of a kernel by its release.
fn kernel(
    tree: &Tree,
    release: &str,
    modules_dir: Fact<Option<String>>,
    budget: &mut usize,
) -> KernelFacts {
    let directory = directory(release);
    let has_directory = matches!(modules_dir, Fact::Known(Some(_)));
    let mut list = |name: &str, read: fn(&Tree, &str, &mut usize) -> Result<BTreeSet<String>>| {
        if !has_directory {
            return Fact::Known(None);
        }
        let path = format!("{directory}/{name}");
        Fact::from_lookup(path.clone(), read(tree, &path, budget))
    };
    let builtin = list("modules.builtin", module_lists::builtin);
    let modules = list("modules.dep", module_lists::modules);
    KernelFacts {
        release: release.to_owned(),
        is_default: false,
        modules_dir,
        builtin,
        modules,
        image: image(tree, release),
        config: module_lists::config(tree, release, budget),
        initramfs: initrd::by_name(tree, release),
    }
}

/// The file of a kernel under a usual name.
fn image(tree: &Tree, release: &str) -> Fact<Option<String>> {
    initrd::first_of(
        tree,
        ["vmlinuz", "vmlinux", "bzImage", "Image"].map(|name| format!("/boot/{name}-{release}")),
    )
}

/// The default kernel when its release is not known, so neither is anything that hangs on it.
fn nameless(entry: &BootEntry, unread: &Unread) -> KernelFacts {
    let file = entry.kernel.as_ref().map_or(String::new(), |kernel| kernel.spec.clone());
    KernelFacts {
        release: file.rsplit('/').next().unwrap_or_default().to_owned(),
        is_default: true,
        modules_dir: Fact::Unknown(unread.clone()),
        builtin: Fact::Unknown(unread.clone()),
        modules: Fact::Unknown(unread.clone()),
        image: Fact::Unknown(unread.clone()),
        config: Fact::Unknown(unread.clone()),
        initramfs: Fact::Unknown(unread.clone()),
    }
}

#[cfg(test)]
pub(super) mod tests;
