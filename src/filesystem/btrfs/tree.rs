//! Trees of items.

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

type Visit<'a> = dyn FnMut(&Item<'_>) -> Result<ControlFlow<()>> + 'a;

/// One way through the items of a tree.
struct Walk<'a> {
    volume: &'a Volume,
    range: RangeInclusive<Key>,
    visit: &'a mut Visit<'a>,
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

    /// Calls `visit` for each item in a range of keys in their order, until it breaks.
    ///
    /// A node or item that cannot be read does not hide the ones behind it; the first error comes
    /// at the end.
    pub(super) fn walk(
        &self,
        volume: &Volume,
        range: RangeInclusive<Key>,
        mut visit: impl FnMut(&Item<'_>) -> Result<ControlFlow<()>>,
    ) -> Result<()> {
        let mut walk = Walk { volume, range, visit: &mut visit, damaged: 0, first_error: None };
        let RootPointer { logical, level, generation } = self.root;
        let root =
            NodePointer { logical, level, generation, tree: self.id, first: None, before: None };
        let _ = walk.descend(&root);
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
            let step = if node.is_leaf() {
                node.item(index).and_then(|item| {
                    volume.budget.spend(item.len())?;
                    (self.visit)(&item)
                })
            } else {
                node.pointer(index).map(|below| self.descend(&below))
            };
            match step {
                Ok(ControlFlow::Continue(())) => {}
                Ok(ControlFlow::Break(())) => return ControlFlow::Break(()),
                Err(error) => self.note(error)?,
            }
        }
        ControlFlow::Continue(())
    }

    fn note(&mut self, error: Error) -> ControlFlow<()> {
        self.first_error.get_or_insert(error);
        self.damaged = self.damaged.saturating_add(1);
        if self.damaged >= MAX_DAMAGED { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}
