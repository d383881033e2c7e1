//! The log trees and their replay in memory (Linux fs/btrfs/tree-log.c; the format of their items is
//! that of a subvolume's, and DIR_LOG_INDEX).
//!
//! In: the subvolumes as the last transaction left them. Out: the items that a mount would replace.
//! Only what is read of a subvolume is replayed: extended attributes, checksums of data, the extent
//! tree and the times of directories whose entries the replay removes are left as they are.

mod extents;
mod names;

use std::collections::{BTreeSet, HashMap};
use std::ops::{ControlFlow, RangeInclusive};

use self::names::Names;
use super::directory;
use super::inode;
use super::key::{Key, item, objectid};
use super::node::Item;
use super::root::{self, RootItem};
use super::state::{LogState, Replay};
use super::superblock::RootPointer;
use super::tree::{Overlay, Stored, Tree};
use super::volume::Volume;
use crate::error::{Error, Result};
use crate::filesystem::FileType;
use crate::filesystem::structure::Structure;

/// Most subvolumes with a log. Each that a program calls `fsync` in between two transactions, which
/// are half a minute apart, has one.
const MAX_SUBVOLUMES: usize = 1 << 10;

/// Most bytes that are kept of the replay of one subvolume. The kernel writes a transaction once the
/// logs become large.
const MAX_BYTES: usize = 64 << 20;

/// What an entry costs in memory beside its bytes.
const ENTRY_BYTES: usize = 128;

/// Replays the log trees, if there are any.
pub(super) fn replay(
    volume: &Volume,
    roots: &Tree,
    log_root: Option<RootPointer>,
) -> (LogState, HashMap<u64, Overlay>) {
    let Some(log_root) = log_root else {
        return (LogState::Absent, HashMap::new());
    };
    match replay_all(volume, roots, log_root) {
        Ok((replay, overlays)) => (LogState::Replayed(replay), overlays),
        Err(error) => (LogState::NotReplayed { reason: error.to_string() }, HashMap::new()),
    }
}

fn replay_all(
    volume: &Volume,
    roots: &Tree,
    log_root: RootPointer,
) -> Result<(Replay, HashMap<u64, Overlay>)> {
    let mut logs = Vec::new();
    let every = Key::all(objectid::TREE_LOG, item::ROOT_ITEM);
    Tree::new(objectid::TREE_LOG, log_root).walk(volume, every, |item| {
        if logs.len() >= MAX_SUBVOLUMES {
            return Err(limit(MAX_SUBVOLUMES, "subvolumes"));
        }
        let found = RootItem::parse(&item.content(root::NAME))?;
        logs.push((item.key.offset, Tree::new(objectid::TREE_LOG, found.root)));
        Ok(ControlFlow::Continue(()))
    })?;
    let mut done = (Replay::default(), HashMap::new());
    for (id, log) in logs {
        let tree = match root::subvolume(roots, volume, id) {
            Ok(tree) => tree,
            // It was deleted since, and so was what the log tells of it.
            Err(Error::NotFound { .. }) => continue,
            Err(error) => return Err(error),
        };
        let mut subvolume = Subvolume::new(volume, tree, log);
        let inodes = subvolume.replay()?;
        let Subvolume { changes, bytes, .. } = subvolume;
        volume.budget.keep(u64::try_from(bytes).unwrap_or(u64::MAX))?;
        let (replay, overlays) = &mut done;
        replay.subvolumes = replay.subvolumes.saturating_add(1);
        replay.inodes = replay.inodes.saturating_add(inodes);
        let items = u64::try_from(changes.len()).unwrap_or(u64::MAX);
        replay.items = replay.items.saturating_add(items);
        overlays.insert(id, changes);
    }
    Ok(done)
}

fn limit(limit: usize, unit: &'static str) -> Error {
    Error::too_much("btrfs log tree", limit, unit)
}

/// What the log contradicts.
fn corrupt(expected: impl Into<String>, found: impl ToString) -> Error {
    Error::corrupt("btrfs log tree", 0, expected, found.to_string())
}

/// A subvolume while its log is replayed.
struct Subvolume<'a> {
    volume: &'a Volume,
    tree: Tree,
    log: Tree,
    changes: Overlay,
    /// What the changes cost in memory.
    bytes: usize,
}

/// An inode of a log.
struct Logged {
    inode: u64,
    file_type: FileType,
}

/// Inodes, of a tree or of its log.
const INODES: RangeInclusive<u64> = objectid::FIRST_FREE..=objectid::LAST_FREE;

impl<'a> Subvolume<'a> {
    fn new(volume: &'a Volume, tree: Tree, log: Tree) -> Self {
        Self { volume, tree, log, changes: Overlay::new(), bytes: 0 }
    }

    /// Replays the log, and gives the number of inodes in it. The order is that of the kernel
    /// (`btrfs_recover_log_trees`): inodes and the entries that directories lost, then the entries
    /// that they have, then references and extents, at last the counts of links.
    fn replay(&mut self) -> Result<u64> {
        let logged = self.logged()?;
        let mut names = Names::default();
        for Logged { inode, file_type } in &logged {
            if *file_type == FileType::Directory {
                names.delete(self, *inode)?;
            }
            self.copy_inode(*inode)?;
            names.count_again(*inode);
        }
        for Logged { inode, file_type } in &logged {
            if *file_type == FileType::Directory {
                names.insert(self, *inode)?;
            }
        }
        for Logged { inode, file_type } in &logged {
            names.refer(self, *inode)?;
            if *file_type != FileType::Directory {
                self.replay_extents(*inode, *file_type)?;
            }
        }
        names.count_links(self)?;
        Ok(u64::try_from(logged.len()).unwrap_or(u64::MAX))
    }

    /// The inodes in the log, but those that no directory names any more: they would be gone after a
    /// mount (`O_TMPFILE`).
    fn logged(&self) -> Result<Vec<Logged>> {
        let mut found = Vec::new();
        let mut seen = BTreeSet::new();
        let range = Key::new(*INODES.start(), 0, 0)..=Key::new(*INODES.end(), u8::MAX, u64::MAX);
        self.log.walk(self.volume, range, |item| {
            let inode = item.key.objectid;
            if item.key.kind == item::INODE_ITEM {
                if found.len().saturating_mul(ENTRY_BYTES) >= MAX_BYTES {
                    return Err(limit(MAX_BYTES, "bytes of inodes"));
                }
                let metadata = inode::metadata(&item.content(inode::NAME))?;
                seen.insert(inode);
                if metadata.links > 0 {
                    found.push(Logged { inode, file_type: metadata.file_type });
                }
            } else if !seen.contains(&inode) {
                let what = format!("items of inode {inode} without the inode");
                return Err(item.content("btrfs log tree").unsupported(0, what));
            }
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(found)
    }

    /// The item with that key as it would stand in the subvolume now.
    fn get(&self, key: Key) -> Result<Option<Stored>> {
        match self.changes.get(&key) {
            Some(change) => Ok(change.clone()),
            None => self.tree.get(self.volume, key, |item| Ok(Stored::of(item))),
        }
    }

    fn logged_item(&self, key: Key) -> Result<Option<Stored>> {
        self.log.get(self.volume, key, |item| Ok(Stored::of(item)))
    }

    fn set(&mut self, key: Key, change: Option<Stored>) -> Result<()> {
        let new = change.as_ref().map_or(0, |stored| stored.raw.len());
        self.bytes = self.bytes.saturating_add(new).saturating_add(ENTRY_BYTES);
        if self.bytes > MAX_BYTES {
            return Err(limit(MAX_BYTES, "bytes"));
        }
        self.changes.insert(key, change);
        Ok(())
    }

    /// Visits the items in a range as they would stand in the subvolume now.
    fn walk(
        &self,
        range: RangeInclusive<Key>,
        visit: impl FnMut(&Item<'_>) -> Result<ControlFlow<()>>,
    ) -> Result<()> {
        self.tree.walk_changed(self.volume, Some(&self.changes), range, visit)
    }

    fn inode(&self, inode: u64) -> Result<Option<Stored>> {
        self.get(Key::new(inode, item::INODE_ITEM, 0))
    }

    fn has_inode(&self, inode: u64) -> Result<bool> {
        Ok(self.inode(inode)?.is_some())
    }

    /// Changes an inode that must be there.
    fn edit_inode(&mut self, inode: u64, edit: impl FnOnce(&mut Vec<u8>)) -> Result<()> {
        let Some(mut stored) = self.inode(inode)? else {
            return Err(corrupt(format!("inode {inode}"), "none"));
        };
        edit(&mut stored.raw);
        self.set(Key::new(inode, item::INODE_ITEM, 0), Some(stored))
    }

    /// Copies an inode from the log (`overwrite_item`).
    fn copy_inode(&mut self, inode: u64) -> Result<()> {
        let key = Key::new(inode, item::INODE_ITEM, 0);
        let Some(mut new) = self.logged_item(key)? else { return Ok(()) };
        let logged = parsed(&new)?;
        let old = self.get(key)?;
        if let Some(mut old) = old {
            let there = parsed(&old)?;
            let same = |kind| logged.file_type == kind && there.file_type == kind;
            // The log says no more than that the inode is there.
            if inode::generation(&content(&new))? == 0 {
                if same(FileType::Regular) && logged.len != 0 {
                    inode::set_len(&mut old.raw, logged.len);
                    self.set(key, Some(old))?;
                }
                return Ok(());
            }
            if same(FileType::Directory) {
                inode::set_len(&mut new.raw, there.len);
            }
        } else if logged.file_type == FileType::Directory {
            // Each name that is inserted adds to it.
            inode::set_len(&mut new.raw, 0);
        }
        self.set(key, Some(new))
    }

    /// The entry of a directory for a name.
    fn entry(&self, dir: u64, name: &[u8]) -> Result<Option<(Key, u8)>> {
        let key = Key::new(dir, item::DIR_ITEM, super::checksum::name_hash(name));
        let stored = self.get(key)?;
        find_entry(stored.as_ref(), name)
    }

    /// The entry of a directory at an index, if it has that name.
    fn indexed(&self, dir: u64, index: u64, name: &[u8]) -> Result<Option<(Key, u8)>> {
        let stored = self.get(Key::new(dir, item::DIR_INDEX, index))?;
        find_entry(stored.as_ref(), name)
    }
}

fn content(stored: &Stored) -> Structure<'_> {
    Structure::new(inode::NAME, stored.physical, &stored.raw)
}

fn parsed(stored: &Stored) -> Result<crate::filesystem::Metadata> {
    inode::metadata(&content(stored))
}

/// What a directory item says of a name: what it leads to, and its type.
fn find_entry(stored: Option<&Stored>, name: &[u8]) -> Result<Option<(Key, u8)>> {
    let mut found = None;
    if let Some(stored) = stored {
        let s = Structure::new(directory::NAME, stored.physical, &stored.raw);
        let _ = directory::entries(&s, &mut |entry| {
            if entry.name != name {
                return Ok(ControlFlow::Continue(()));
            }
            found = Some((entry.location, entry.kind));
            Ok(ControlFlow::Break(()))
        })?;
    }
    Ok(found)
}
