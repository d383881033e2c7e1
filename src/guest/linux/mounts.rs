//! The guest's tree: its root joined with what its fstab mounts at boot.

use std::sync::Arc;

use crate::fact::{Evidence, Fact};
use crate::filesystem::FileSystem;
use crate::filesystem::tree::{Mounted, Tree};
use crate::guest::Machine;
use crate::guest::facts::{Fstab, FstabEntry, MountFacts, Resolution};

/// Most mounts that are joined; a real fstab has a few dozen at most.
const MAX_MOUNTS: usize = 256;

/// Joins the file systems of `fstab` into the tree, parents before children, as systemd orders them
/// (`systemd.mount(5)`, "Automatic dependencies").
pub fn join(
    machine: &Machine<'_>,
    root: (Arc<dyn FileSystem>, usize),
    root_evidence: Evidence,
    fstab: &Fact<Fstab>,
) -> (Tree, Vec<MountFacts>) {
    let (filesystem, volume) = root;
    let mut mounts = vec![MountFacts {
        path: "/".to_owned(),
        volume: Some(volume),
        kind: Some(filesystem.kind().to_owned()),
        readable: Fact::Known(()),
        evidence: root_evidence,
    }];
    let mut tree = Tree::new(filesystem, volume);
    let mut entries: Vec<&FstabEntry> = fstab
        .known()
        .map(|fstab| fstab.entries.iter().filter(|e| joins(e)).collect())
        .unwrap_or_default();
    entries.sort_by_key(|entry| entry.mount_point.split('/').count());
    for (index, entry) in entries.into_iter().enumerate() {
        if index >= MAX_MOUNTS {
            // Left out, it would look as if nothing were mounted there.
            let reason = format!("/etc/fstab mounts more than {MAX_MOUNTS} file systems");
            let readable = Fact::unknown("/etc/fstab", reason.clone());
            mounts.push(MountFacts { readable, ..bare(entry) });
            tree.mount(&entry.mount_point, Mounted::Unreadable(reason));
            continue;
        }
        let (what, facts) = mount(machine, entry);
        tree.mount(&entry.mount_point, what);
        mounts.push(facts);
    }
    (tree, mounts)
}

/// Whether the entry puts a disk's file system below `/` at boot. `/boot` counts even with `noauto`:
/// kernels are installed there.
fn joins(entry: &FstabEntry) -> bool {
    entry.mount_point.starts_with('/')
        && entry.mount_point != "/"
        && entry.fs_type != "swap"
        && entry.source.resolution != Resolution::NoDevice
        && !(entry.source.resolution == Resolution::Missing && entry.has_option("nofail"))
        && (!entry.has_option("noauto") || entry.mount_point.starts_with("/boot"))
}

/// A file system as mount options show it: Btrfs from the subvolume that they choose (the last of
/// several, as the kernel takes them), not from its default one.
pub(super) fn chosen<'o>(
    filesystem: &Arc<dyn FileSystem>,
    options: impl DoubleEndedIterator<Item = &'o str>,
) -> Result<Arc<dyn FileSystem>, String> {
    let mut named =
        options.rev().filter(|o| o.starts_with("subvol=") || o.starts_with("subvolid="));
    match named.next().filter(|_| filesystem.kind() == "btrfs") {
        None => Ok(filesystem.clone()),
        Some(option) => filesystem.subvolume(option).map_err(|error| format!("{option}: {error}")),
    }
}

/// The mount of an entry, as long as nothing is known of its file system.
fn bare(entry: &FstabEntry) -> MountFacts {
    MountFacts {
        path: entry.mount_point.clone(),
        volume: None,
        kind: None,
        readable: Fact::Known(()),
        evidence: entry.evidence(),
    }
}

fn mount(machine: &Machine<'_>, entry: &FstabEntry) -> (Mounted, MountFacts) {
    let mut facts = bare(entry);
    let reason = match &entry.source.resolution {
        Resolution::Volume(volume) => {
            facts.volume = Some(*volume);
            match machine.filesystems.get(*volume) {
                Some(Fact::Known(Some(filesystem))) => {
                    facts.kind = Some(filesystem.kind().to_owned());
                    let options = entry.options.iter().map(String::as_str);
                    match chosen(filesystem, options) {
                        Ok(filesystem) => return (Mounted::Readable(filesystem, *volume), facts),
                        Err(reason) => reason,
                    }
                }
                Some(Fact::Unknown(unread)) => format!("{}: {}", unread.location, unread.reason),
                Some(Fact::Known(None)) | None => {
                    format!("{} holds no file system", entry.source.spec)
                }
            }
        }
        Resolution::Unknown(unread) => format!("{}: {}", unread.location, unread.reason),
        Resolution::Missing | Resolution::NoDevice => {
            format!("{} is not in this image", entry.source.spec)
        }
    };
    facts.readable = Fact::unknown(entry.mount_point.clone(), reason.clone());
    (Mounted::Unreadable(reason), facts)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::filesystem::memory::MemoryFs;
    use crate::guest::linux::device::tests::{ROOT, disk};
    use crate::guest::linux::fstab;

    #[test]
    fn a_mount_behind_the_bound_is_unreadable_not_absent() {
        let mut text = String::new();
        for index in 0..MAX_MOUNTS {
            text.push_str(&format!("UUID={ROOT} /m{index} ext4\n"));
        }
        text.push_str("UUID=0123-4567 /var/lib ext4\n");
        let root = || MemoryFs::new().file("/etc/fstab", &text).dir("/var/lib");
        let disk = disk();
        let fstab = fstab::find(&root().tree(), &disk);
        let machine = Machine { disk: &disk, filesystems: &[] };
        let (tree, mounts) =
            join(&machine, (Arc::new(root()), 0), Evidence::new("test", "root"), &fstab);
        assert!(mounts.last().unwrap().readable.unread().is_some());
        assert!(tree.exists("/var/lib/dpkg/status").is_err());
        assert!(tree.exists("/etc/fstab").unwrap());
    }
}
