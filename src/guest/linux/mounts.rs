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
    for entry in entries.into_iter().take(MAX_MOUNTS) {
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

/// The subvolume that mount options choose (btrfs(5)). A file system is read through its default
/// one: what lies in another must not be looked for there.
pub(super) fn subvolume<'o>(
    filesystem: &dyn FileSystem,
    mut options: impl Iterator<Item = &'o str>,
) -> Option<&'o str> {
    let named = || options.find(|o| o.starts_with("subvol=") || o.starts_with("subvolid="));
    (filesystem.kind() == "btrfs").then(named).flatten()
}

fn mount(machine: &Machine<'_>, entry: &FstabEntry) -> (Mounted, MountFacts) {
    let mut facts = MountFacts {
        path: entry.mount_point.clone(),
        volume: None,
        kind: None,
        readable: Fact::Known(()),
        evidence: entry.evidence(),
    };
    let reason = match &entry.source.resolution {
        Resolution::Volume(volume) => {
            facts.volume = Some(*volume);
            match machine.filesystems.get(*volume) {
                Some(Fact::Known(Some(filesystem))) => {
                    facts.kind = Some(filesystem.kind().to_owned());
                    let options = entry.options.iter().map(String::as_str);
                    match subvolume(filesystem.as_ref(), options) {
                        None => return (Mounted::Readable(filesystem.clone(), *volume), facts),
                        Some(subvolume) => format!("the subvolume {subvolume} is not looked into"),
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
