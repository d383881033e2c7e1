//! The replay of names: entries of directories, references to them, and counts of links.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use super::{ENTRY_BYTES, MAX_BYTES, Subvolume, corrupt, limit};
use crate::error::{Error, Result};
use crate::filesystem::btrfs::checksum::name_hash;
use crate::filesystem::btrfs::directory::{self, Entry};
use crate::filesystem::btrfs::inode;
use crate::filesystem::btrfs::key::{Key, item};
use crate::filesystem::btrfs::node::Item;
use crate::filesystem::btrfs::reference::{self, Reference};
use crate::filesystem::btrfs::tree::Stored;
use crate::filesystem::structure::Structure;
use crate::filesystem::{FileType, Metadata};

const LOG_RANGE: &str = "btrfs directory log item";

/// The inodes whose links must be counted when all names are there (`link_to_fixup_dir`).
#[derive(Default)]
pub(super) struct Names {
    uncounted: BTreeSet<u64>,
}

/// An entry that is to go.
struct Gone {
    name: Vec<u8>,
    inode: u64,
}

impl Gone {
    fn of(entry: &Entry<'_>) -> Result<Self> {
        let inode = inode_of(entry.location)?;
        Ok(Self { name: entry.name.to_vec(), inode })
    }
}

/// The inode that an entry leads to. What the kernel makes of a subvolume there is an accident: it
/// takes its number for that of an inode.
fn inode_of(location: Key) -> Result<u64> {
    if location.kind == item::INODE_ITEM {
        return Ok(location.objectid);
    }
    let what = format!("a change of the entry of subvolume {}", location.objectid);
    Err(Error::unsupported("btrfs log tree", 0, what))
}

/// All names in the item with that key.
fn references(key: Key, stored: Option<&Stored>) -> Result<Vec<Reference>> {
    stored.map_or(Ok(Vec::new()), |stored| {
        Reference::all(key, &Structure::new(reference::NAME, stored.physical, &stored.raw))
    })
}

impl Names {
    pub(super) fn count_again(&mut self, inode: u64) {
        self.uncounted.insert(inode);
    }

    /// Removes the entries of a directory that lie in a range that the log knows all of, and are not
    /// in the log (`replay_dir_deletes`).
    pub(super) fn delete(&mut self, on: &mut Subvolume<'_>, dir: u64) -> Result<()> {
        if !on.has_inode(dir)? {
            return Ok(());
        }
        let mut gone = Vec::new();
        let mut next = Some(0_u64);
        let ranges = Key::all(dir, item::DIR_LOG_INDEX);
        on.log.walk(on.volume, ranges, |range| {
            let Some(first) = next.map(|next| next.max(range.key.offset)) else {
                return Ok(ControlFlow::Break(()));
            };
            let last = range.content(LOG_RANGE).u64(0)?;
            if last < first {
                return Ok(ControlFlow::Continue(()));
            }
            next = last.checked_add(1);
            let entries =
                Key::new(dir, item::DIR_INDEX, first)..=Key::new(dir, item::DIR_INDEX, last);
            on.walk(entries, |found| {
                each_entry(found, |entry| {
                    if on.logged_entry(found.key, entry.name)? {
                        return Ok(());
                    }
                    push(&mut gone, Gone::of(entry)?)
                })
            })?;
            Ok(ControlFlow::Continue(()))
        })?;
        self.unlink_all(on, dir, &gone)
    }

    fn unlink_all(&mut self, on: &mut Subvolume<'_>, dir: u64, gone: &[Gone]) -> Result<()> {
        gone.iter().try_for_each(|Gone { name, inode }| self.unlink(on, dir, *inode, name))
    }

    /// Inserts the entries of a directory that are in the log and lead to an inode that is there
    /// (`replay_one_dir_item`).
    pub(super) fn insert(&mut self, on: &mut Subvolume<'_>, dir: u64) -> Result<()> {
        let (log, volume) = (on.log, on.volume);
        log.walk(volume, Key::all(dir, item::DIR_INDEX), |found| {
            each_entry(found, |entry| self.insert_entry(on, found.key, entry))
        })
    }

    fn insert_entry(&mut self, on: &mut Subvolume<'_>, key: Key, entry: &Entry<'_>) -> Result<()> {
        let (dir, index, name) = (key.objectid, key.offset, entry.name);
        let new = (entry.location, entry.kind);
        let named = on.entry(dir, name)?;
        if named == Some(new) && on.indexed(dir, index, name)? == named {
            return Ok(());
        }
        let inode = inode_of(entry.location)?;
        if !on.has_inode(inode)? {
            return Ok(());
        }
        if let Some((location, _)) = named.filter(|named| *named != new) {
            self.unlink(on, dir, inode_of(location)?, name)?;
        }
        let indexed = on.indexed(dir, index, name)?;
        if let Some((location, _)) = indexed.filter(|indexed| *indexed != new) {
            self.unlink(on, dir, inode_of(location)?, name)?;
        }
        for key in Reference::keys(inode, dir, name) {
            let logged = references(key, on.logged_item(key)?.as_ref())?;
            // The reference brings the entry with it.
            if logged.iter().any(|reference| reference.is(dir, name)) {
                return Ok(());
            }
        }
        let [key, _] = Reference::keys(inode, dir, name);
        let mut there = references(key, on.get(key)?.as_ref())?;
        let is_there = there.iter().any(|reference| reference.is(dir, name))
            || on.entry(dir, name)?.is_some()
            || on.get(Key::new(dir, item::DIR_INDEX, index))?.is_some();
        if is_there {
            return Ok(());
        }
        there.push(Reference { dir, index, name: name.to_vec() });
        on.set_references(key, &there)?;
        on.add_entry(dir, inode, index, name)?;
        self.count_again(inode);
        Ok(())
    }

    /// Puts the names of an inode that are in the log in place of those that it had
    /// (`add_inode_ref`).
    pub(super) fn refer(&mut self, on: &mut Subvolume<'_>, inode: u64) -> Result<()> {
        let (log, volume) = (on.log, on.volume);
        let every =
            Key::new(inode, item::INODE_REF, 0)..=Key::new(inode, item::INODE_EXTREF, u64::MAX);
        log.walk(volume, every, |found| {
            self.refer_by(on, found)?;
            Ok(ControlFlow::Continue(()))
        })
    }

    fn refer_by(&mut self, on: &mut Subvolume<'_>, found: &Item<'_>) -> Result<()> {
        let (key, inode) = (found.key, found.key.objectid);
        let new = Reference::all(key, &found.content(reference::NAME))?;
        let mut searched = false;
        for Reference { dir, index, name } in &new {
            let (dir, index) = (*dir, *index);
            if !on.has_inode(dir)? {
                return Ok(());
            }
            let is_it = |entry: Option<(Key, u8)>| {
                entry.is_some_and(|(location, _)| location.objectid == inode)
            };
            if is_it(on.indexed(dir, index, name)?) && is_it(on.entry(dir, name)?) {
                continue;
            }
            if !searched {
                // The root of a subvolume is named by itself.
                if inode == dir {
                    return Ok(());
                }
                searched = self.make_room(on, inode, dir, index, name)?;
            }
            let there = on.get(key)?;
            if references(key, there.as_ref())?.iter().any(|old| old.is(dir, name)) {
                self.unlink(on, dir, inode, name)?;
            }
            if let Some((location, _)) = on.entry(dir, name)? {
                let other = inode_of(location)?;
                self.unlink(on, dir, other, name)?;
            }
            on.add_entry(dir, inode, index, name)?;
        }
        let old = references(key, on.get(key)?.as_ref())?;
        for Reference { dir, name, .. } in &old {
            if !new.iter().any(|new| new.is(*dir, name)) {
                self.unlink(on, *dir, inode, name)?;
            }
        }
        on.set(key, Some(Stored::of(found)))
    }

    /// Removes what conflicts with a name that is to come (`__add_inode_ref`), and tells whether the
    /// inode had references that were looked at for that.
    fn make_room(
        &mut self,
        on: &mut Subvolume<'_>,
        inode: u64,
        dir: u64,
        index: u64,
        name: &[u8],
    ) -> Result<bool> {
        let mut searched = false;
        for key in Reference::keys(inode, dir, name) {
            let Some(stored) = on.get(key)? else { continue };
            searched = true;
            for old in references(key, Some(&stored))?.iter().filter(|old| old.dir == dir) {
                let keys = Reference::keys(inode, dir, &old.name);
                let same = keys.into_iter().find(|other| other.kind == key.kind).unwrap_or(key);
                let logged = references(same, on.logged_item(same)?.as_ref())?;
                if !logged.iter().any(|logged| logged.is(dir, &old.name)) {
                    self.unlink(on, dir, inode, &old.name)?;
                }
            }
        }
        // The entry at that index, and what of that name is left then.
        for at_index in [true, false] {
            let entry = if at_index { on.indexed(dir, index, name)? } else { on.entry(dir, name)? };
            if let Some((location, _)) = entry {
                self.unlink(on, dir, inode_of(location)?, name)?;
            }
        }
        Ok(searched)
    }

    /// Removes a name from a directory and from the inode that it names (`btrfs_unlink_inode`).
    fn unlink(&mut self, on: &mut Subvolume<'_>, dir: u64, inode: u64, name: &[u8]) -> Result<()> {
        let key = Key::new(dir, item::DIR_ITEM, name_hash(name));
        let Some(stored) = on.get(key)? else { return Err(no_name(dir, name)) };
        let rest = without(&stored, name)?;
        if rest.raw.len() == stored.raw.len() {
            return Err(no_name(dir, name));
        }
        on.set(key, Some(rest).filter(|rest| !rest.raw.is_empty()))?;
        let mut index = None;
        for key in Reference::keys(inode, dir, name) {
            let mut all = references(key, on.get(key)?.as_ref())?;
            if let Some(at) = all.iter().position(|reference| reference.is(dir, name)) {
                index = Some(all.remove(at).index);
                on.set_references(key, &all)?;
                break;
            }
        }
        let index = index.ok_or_else(|| {
            let name = String::from_utf8_lossy(name);
            corrupt(format!("a reference of inode {inode} to {name:?} in directory {dir}"), "none")
        })?;
        on.set(Key::new(dir, item::DIR_INDEX, index), None)?;
        on.grow(dir, name, u64::saturating_sub)?;
        self.count_again(inode);
        Ok(())
    }

    /// Counts the names of every inode that got or lost one; an inode without any is gone, and a
    /// directory with all that it names (`fixup_inode_link_counts`).
    pub(super) fn count_links(&mut self, on: &mut Subvolume<'_>) -> Result<()> {
        while let Some(inode) = self.uncounted.pop_last() {
            let mut links = 0_u32;
            let every =
                Key::new(inode, item::INODE_REF, 0)..=Key::new(inode, item::INODE_EXTREF, u64::MAX);
            on.walk(every, |found| {
                let all = Reference::all(found.key, &found.content(reference::NAME))?;
                links = links.saturating_add(u32::try_from(all.len()).unwrap_or(u32::MAX));
                Ok(ControlFlow::Continue(()))
            })?;
            let Some(stored) = on.inode(inode)? else {
                return Err(corrupt(format!("inode {inode}"), "none"));
            };
            let Metadata { file_type, links: before, .. } = super::parsed(&stored)?;
            if links != before {
                on.edit_inode(inode, |raw| inode::set_links(raw, links))?;
            }
            if links == 0 && file_type == FileType::Directory {
                let mut gone = Vec::new();
                on.walk(Key::all(inode, item::DIR_INDEX), |found| {
                    each_entry(found, |entry| push(&mut gone, Gone::of(entry)?))
                })?;
                self.unlink_all(on, inode, &gone)?;
            }
        }
        Ok(())
    }
}

fn no_name(dir: u64, name: &[u8]) -> Error {
    let name = String::from_utf8_lossy(name);
    corrupt(format!("the name {name:?} in directory {dir}"), "none")
}

fn push(gone: &mut Vec<Gone>, entry: Gone) -> Result<()> {
    if gone.len().saturating_mul(ENTRY_BYTES) >= MAX_BYTES {
        return Err(limit(MAX_BYTES, "bytes of entries"));
    }
    gone.push(entry);
    Ok(())
}

/// Calls `visit` for each entry of a directory item.
fn each_entry(
    found: &Item<'_>,
    mut visit: impl FnMut(&Entry<'_>) -> Result<()>,
) -> Result<ControlFlow<()>> {
    let s = found.content(directory::NAME);
    directory::entries(&s, &mut |entry| {
        visit(&entry)?;
        Ok(ControlFlow::Continue(()))
    })
}

/// A directory item without the entry for a name.
fn without(stored: &Stored, name: &[u8]) -> Result<Stored> {
    let s = Structure::new(directory::NAME, stored.physical, &stored.raw);
    let mut rest = Vec::new();
    let _ = directory::entries(&s, &mut |entry| {
        if entry.name != name {
            rest.extend(entry.raw);
        }
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(Stored { raw: rest, physical: stored.physical })
}

impl Subvolume<'_> {
    /// Whether the log has an entry with that key and name.
    fn logged_entry(&self, key: Key, name: &[u8]) -> Result<bool> {
        Ok(super::find_entry(self.logged_item(key)?.as_ref(), name)?.is_some())
    }

    fn set_references(&mut self, key: Key, all: &[Reference]) -> Result<()> {
        let physical = self.get(key)?.map_or(0, |stored| stored.physical);
        let stored = Stored { raw: Reference::join(key.kind, all), physical };
        self.set(key, Some(stored).filter(|_| !all.is_empty()))
    }

    /// Adds a name to a directory that does not have it (`btrfs_insert_dir_item`).
    fn add_entry(&mut self, dir: u64, inode: u64, index: u64, name: &[u8]) -> Result<()> {
        let Some(stored) = self.inode(inode)? else {
            return Err(corrupt(format!("inode {inode}"), "none"));
        };
        let raw = directory::entry(inode, super::parsed(&stored)?.file_type, name);
        let by_index = Key::new(dir, item::DIR_INDEX, index);
        if self.get(by_index)?.is_some() {
            let expected = format!("no entry at index {index} of directory {dir}");
            return Err(corrupt(expected, "another one"));
        }
        let by_name = Key::new(dir, item::DIR_ITEM, name_hash(name));
        let mut named = self.get(by_name)?.map_or(Vec::new(), |stored| stored.raw);
        named.extend(&raw);
        let physical = stored.physical;
        self.set(by_name, Some(Stored { raw: named, physical }))?;
        self.set(by_index, Some(Stored { raw, physical }))?;
        self.grow(dir, name, u64::saturating_add)
    }

    /// The length of a directory is twice that of all its names.
    fn grow(&mut self, dir: u64, name: &[u8], by: fn(u64, u64) -> u64) -> Result<()> {
        let Some(stored) = self.inode(dir)? else {
            return Err(corrupt(format!("directory {dir}"), "none"));
        };
        let twice = u64::try_from(name.len()).unwrap_or(0).saturating_mul(2);
        let len = by(super::parsed(&stored)?.len, twice);
        self.edit_inode(dir, |raw| inode::set_len(raw, len))
    }
}
