//! Trees of items.

use std::collections::btree_map::{self, BTreeMap};
use std::iter::Peekable;
use std::ops::{ControlFlow, RangeInclusive};

use super::key::Key;
use super::node::{Item, NodePointer};
use super::superblock::RootPointer;
use super::volume::Volume;
use crate::error::{Error, Result};

/// Nodes and items that cannot be read in one walk before it ends. Damage seldom has more, and a
/// tree made of nothing else would cost a checksum for every pointer in it.
const MAX_DAMAGED: u32 = 16;

/// A tree, by its root.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tree {
    /// Its number.
    pub(super) id: u64,
    root: RootPointer,
}

/// An item as it would stand in a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stored {
    pub(super) raw: Vec<u8>,
    /// Where that was read, as a byte of a device.
    pub(super) physical: u64,
}

impl Stored {
    pub(super) fn of(item: &Item<'_>) -> Self {
        Self { raw: item.raw.to_vec(), physical: item.physical }
    }
}

/// What stands in place of items of a tree: other items, new ones, or nothing.
pub(super) type Overlay = BTreeMap<Key, Option<Stored>>;

type Visit<'a> = dyn FnMut(&Item<'_>) -> Result<ControlFlow<()>> + 'a;

/// One way through the items of a tree.
struct Walk<'a> {
    volume: &'a Volume,
    range: RangeInclusive<Key>,
    visit: &'a mut Visit<'a>,
    /// What of the overlay was not passed yet.
    changes: Option<Peekable<btree_map::Range<'a, Key, Option<Stored>>>>,
    damaged: u32,
    first_error: Option<Error>,
}

impl Tree {
    #[cfg(test)]
    pub(super) fn root(&self) -> RootPointer {
        self.root
    }

    pub(super) fn new(id: u64, root: RootPointer) -> Self {
        Self { id, root }
    }

    /// Calls `visit` for each item in a range of keys in their order, until it breaks: as the log
    /// that was replayed leaves them.
    ///
    /// A node or item that cannot be read does not hide the ones behind it; the first error comes
    /// at the end.
    pub(super) fn walk(
        &self,
        volume: &Volume,
        range: RangeInclusive<Key>,
        visit: impl FnMut(&Item<'_>) -> Result<ControlFlow<()>>,
    ) -> Result<()> {
        self.walk_changed(volume, volume.replayed.get(&self.id), range, visit)
    }

    /// As [`Tree::walk`], with `overlay` in front of what lies on the disk.
    pub(super) fn walk_changed(
        &self,
        volume: &Volume,
        overlay: Option<&Overlay>,
        range: RangeInclusive<Key>,
        mut visit: impl FnMut(&Item<'_>) -> Result<ControlFlow<()>>,
    ) -> Result<()> {
        let changes = overlay.map(|overlay| overlay.range(range.clone()).peekable());
        let visit = &mut visit;
        let mut walk = Walk { volume, range, visit, changes, damaged: 0, first_error: None };
        let RootPointer { logical, level, generation } = self.root;
        let root =
            NodePointer { logical, level, generation, tree: self.id, first: None, before: None };
        if walk.descend(&root).is_continue() {
            let _ = walk.changes_before(None);
        }
        walk.first_error.map_or(Ok(()), Err)
    }

    /// What `read` makes of the item with that key, when there is one.
    pub(super) fn get<T>(
        &self,
        volume: &Volume,
        key: Key,
        mut read: impl FnMut(&Item<'_>) -> Result<T>,
    ) -> Result<Option<T>> {
        let mut found = None;
        self.walk(volume, key..=key, |item| {
            found = Some(read(item)?);
            Ok(ControlFlow::Break(()))
        })?;
        Ok(found)
    }
}

impl Walk<'_> {
    /// Visits what lies below a pointer. Each level is one less than the one above
    /// ([`Volume::node`] checks it), so this goes at most
    /// [`MAX_LEVEL`](super::superblock::MAX_LEVEL) deep.
    fn descend(&mut self, at: &NodePointer) -> ControlFlow<()> {
        let volume = self.volume;
        let node = match volume.node(at) {
            Ok(node) => node,
            Err(error) => return self.note(error),
        };
        let before = match node.keys_before(self.range.start()) {
            Ok(before) => before,
            Err(error) => return self.note(error),
        };
        // What begins before the range may reach into it.
        let starts_there =
            node.key(before).is_ok_and(|key| before < node.len() && key == *self.range.start());
        let first = if node.is_leaf() || starts_there { before } else { before.saturating_sub(1) };
        for index in first..node.len() {
            match node.key(index) {
                Ok(key) if key > *self.range.end() => break,
                Ok(_) => {}
                Err(error) => return self.note(error),
            }
            let below = if node.is_leaf() {
                node.item(index).map(|item| self.item(&item))
            } else {
                node.pointer(index).map(|below| self.descend(&below))
            };
            below.unwrap_or_else(|error| self.note(error))?;
        }
        ControlFlow::Continue(())
    }

    /// Visits an item, or what stands in its place.
    fn item(&mut self, item: &Item<'_>) -> ControlFlow<()> {
        self.changes_before(Some(item.key))?;
        let changes = self.changes.as_mut();
        match changes.and_then(|changes| changes.next_if(|(key, _)| **key == item.key)) {
            Some((key, change)) => self.change(key, change),
            None => self.visit(item),
        }
    }

    /// Visits what is new before `end`, or to the end of the range.
    fn changes_before(&mut self, end: Option<Key>) -> ControlFlow<()> {
        while let Some((key, change)) = self
            .changes
            .as_mut()
            .and_then(|changes| changes.next_if(|(key, _)| end.is_none_or(|end| **key < end)))
        {
            self.change(key, change)?;
        }
        ControlFlow::Continue(())
    }

    fn change(&mut self, key: &Key, change: &Option<Stored>) -> ControlFlow<()> {
        match change {
            Some(stored) => self.visit(&Item::new(*key, &stored.raw, stored.physical)),
            None => ControlFlow::Continue(()),
        }
    }

    fn visit(&mut self, item: &Item<'_>) -> ControlFlow<()> {
        match self.volume.budget.spend(item.len()).and_then(|()| (self.visit)(item)) {
            Ok(step) => step,
            Err(error) => self.note(error),
        }
    }

    fn note(&mut self, error: Error) -> ControlFlow<()> {
        self.first_error.get_or_insert(error);
        self.damaged = self.damaged.saturating_add(1);
        if self.damaged >= MAX_DAMAGED { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}
