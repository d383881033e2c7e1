//! The root tree: where the other trees lie (Btrfs on-disk format, "Root tree").

use std::ops::ControlFlow;

use super::checksum::name_hash;
use super::directory;
use super::key::{Key, is_subvolume, item, objectid};
use super::superblock::{MAX_LEVEL, RootPointer};
use super::tree::Tree;
use super::volume::Volume;
use crate::error::{Error, Result};
use crate::filesystem::structure::Structure;

pub(super) const NAME: &str = "btrfs root item";
pub(super) const REF_NAME: &str = "btrfs root reference";

/// Bytes before the name in a ROOT_REF and a ROOT_BACKREF.
const ROOT_REF_HEADER: usize = 18;

/// The fields of a root item that are used.
pub(super) struct RootItem {
    pub(super) root: RootPointer,
    /// 0 when the subvolume is being deleted.
    pub(super) refs: u32,
}

impl RootItem {
    pub(super) fn parse(s: &Structure<'_>) -> Result<Self> {
        let level = s.u8(238)?;
        if level >= MAX_LEVEL {
            return Err(s.corrupt(238, format!("a level below {MAX_LEVEL}"), level));
        }
        let root = RootPointer { logical: s.u64(176)?, level, generation: s.u64(160)? };
        Ok(Self { root, refs: s.u32(216)? })
    }
}

/// Where a subvolume is entered, as a ROOT_REF or ROOT_BACKREF says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RootRef {
    /// The directory in the parent's tree.
    pub(super) dir: u64,
    pub(super) name: Vec<u8>,
}

impl RootRef {
    pub(super) fn parse(s: &Structure<'_>) -> Result<Self> {
        let len = usize::from(s.u16(16)?);
        let name = s.bytes(ROOT_REF_HEADER, len)?;
        directory::check_name(s, ROOT_REF_HEADER, name)?;
        Ok(Self { dir: s.u64(0)?, name: name.to_vec() })
    }
}

/// The tree of a subvolume.
///
/// # Errors
/// [`Error::NotFound`] when there is no such subvolume.
pub(super) fn subvolume(roots: &Tree, volume: &Volume, id: u64) -> Result<Tree> {
    let absent = || Error::NotFound { path: format!("subvolume {id}") };
    if !is_subvolume(id) {
        return Err(absent());
    }
    let mut found = None;
    // The offset is 0, or the transaction that made a snapshot.
    let range = Key::all(id, item::ROOT_ITEM);
    roots.walk(volume, range, |item| {
        found = Some(RootItem::parse(&item.content(NAME))?);
        Ok(ControlFlow::Continue(()))
    })?;
    match found {
        Some(found) if found.refs > 0 => Ok(Tree::new(id, found.root)),
        _ => Err(absent()),
    }
}

/// The subvolume that a mount without options shows.
pub(super) fn default_subvolume(roots: &Tree, volume: &Volume, root_dir: u64) -> Result<u64> {
    let key = Key::new(root_dir, item::DIR_ITEM, name_hash(b"default"));
    let found = roots.get(volume, key, |item| {
        let s = item.content(directory::NAME);
        let mut found = None;
        let _ = directory::entries(&s, &mut |entry| {
            if entry.name == b"default" {
                found = Some(entry.location);
                return Ok(ControlFlow::Break(()));
            }
            Ok(ControlFlow::Continue(()))
        })?;
        match found {
            Some(location)
                if location.kind != item::ROOT_ITEM || !is_subvolume(location.objectid) =>
            {
                Err(s.corrupt(0, "the key of a subvolume", location))
            }
            found => Ok(found.map(|location| location.objectid)),
        }
    })?;
    Ok(found.flatten().unwrap_or(objectid::FS_TREE))
}

/// Whether the subvolume `child` is entered in the subvolume `parent` at that place. A snapshot
/// copies the names of subvolumes, but not what they lead to.
pub(super) fn is_entered(
    roots: &Tree,
    volume: &Volume,
    parent: u64,
    child: u64,
    at: &RootRef,
) -> Result<bool> {
    let key = Key::new(parent, item::ROOT_REF, child);
    let found =
        roots.get(volume, key, |item| RootRef::parse(&item.content("btrfs root reference")))?;
    Ok(found.as_ref() == Some(at))
}
