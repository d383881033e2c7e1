//! The initramfs of a kernel.

use crate::fact::Fact;
use crate::filesystem::tree::Tree;
use crate::guest::facts::{BootEntry, InitramfsFacts, ListingEnd};
use crate::guest::linux::initramfs::{self, Budget, Files, Wanted};

use super::Open;

/// Most files of one entry that are read; two or three are usual (microcode first).
const MAX_FILES: usize = 16;

/// What lies in the files that the boot entry loads: the union, as the kernel sees them one behind
/// the other. `Known(None)` when the entry names none.
///
/// Read to their end: that something (a udev rule) is not in them, and that they are whole, can be
/// said in no other way.
pub(super) fn of_entry(
    entry: &BootEntry,
    open: &Open<'_>,
    budget: Budget,
) -> (Fact<Option<InitramfsFacts>>, Files) {
    let mut settings = Files::default();
    let facts = union(entry, open, budget, &mut settings);
    (facts, settings)
}

fn union(
    entry: &BootEntry,
    open: &Open<'_>,
    mut budget: Budget,
    settings: &mut Files,
) -> Fact<Option<InitramfsFacts>> {
    let mut union: Option<InitramfsFacts> = None;
    if entry.initrds.len() > MAX_FILES {
        return Fact::unknown(&entry.location, format!("more than {MAX_FILES} initramfs files"));
    }
    for initrd in &entry.initrds {
        let file = match &initrd.resolved {
            Fact::Known(Some(file)) => file,
            Fact::Known(None) => {
                let reason = format!("{}, which the entry loads, is not there", initrd.spec);
                return Fact::unknown(&initrd.location, reason);
            }
            Fact::Unknown(unread) => return Fact::Unknown(unread.clone()),
        };
        let path = file.guest_path.as_ref().unwrap_or(&file.path);
        let (next, found) = match open(file) {
            Ok(bytes) => initramfs::list(path, &*bytes, &Wanted::Everything, &mut budget),
            Err(error) => return Fact::unknown(path, error.to_string()),
        };
        settings.extend(found);
        let whole = match union {
            Some(before) => initramfs::join(before, next),
            None => next,
        };
        // The kernel, too, stops where it can read no further.
        if whole.listing != Fact::Known(ListingEnd::Complete) {
            return Fact::Known(Some(whole));
        }
        union = Some(whole);
    }
    Fact::Known(union)
}

/// The initramfs of a kernel that is not the default: looked for by the usual names, not read yet.
pub(super) fn by_name(tree: &Tree, release: &str) -> Fact<Option<InitramfsFacts>> {
    match path_of(tree, release) {
        Fact::Known(None) => Fact::Known(None),
        Fact::Known(Some(path)) => Fact::unknown(path, "it was not read"),
        Fact::Unknown(unread) => Fact::Unknown(unread),
    }
}

/// The path of the initramfs of a kernel under a usual name.
fn path_of(tree: &Tree, release: &str) -> Fact<Option<String>> {
    first_of(
        tree,
        [
            format!("/boot/initrd.img-{release}"),
            format!("/boot/initramfs-{release}.img"),
            format!("/boot/initrd-{release}"),
            format!("/boot/initrd-{release}.img"),
            format!("/boot/initramfs-{release}"),
        ],
    )
}

/// The first of several paths that is there.
pub(super) fn first_of<const N: usize>(tree: &Tree, paths: [String; N]) -> Fact<Option<String>> {
    for path in paths {
        match tree.exists(&path) {
            Ok(true) => return Fact::Known(Some(path)),
            Ok(false) => {}
            Err(error) => return Fact::unknown(path, error.to_string()),
        }
    }
    Fact::Known(None)
}

/// The initramfs of a kernel that is not the default, read.
pub(super) fn read(
    tree: &Tree,
    release: &str,
    wanted: &Wanted,
    budget: &mut Budget,
) -> Fact<Option<InitramfsFacts>> {
    let path = match path_of(tree, release) {
        Fact::Known(Some(path)) => path,
        Fact::Known(None) => return Fact::Known(None),
        Fact::Unknown(unread) => return Fact::Unknown(unread),
    };
    match tree.open(&path) {
        Ok(bytes) => Fact::Known(Some(initramfs::list(&path, &*bytes, wanted, budget).0)),
        Err(error) => Fact::unknown(path, error.to_string()),
    }
}
