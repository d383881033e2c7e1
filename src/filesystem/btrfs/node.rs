//! Nodes of trees (Btrfs on-disk format, "Header", "Leaf node", "Internal node").

use std::borrow::Cow;
use std::sync::atomic::{AtomicU64, Ordering};

use super::chunk::Piece;
use super::key::{KEY_SIZE, Key, is_subvolume};
use super::volume::Volume;
use crate::error::Result;
use crate::filesystem::structure::Structure;

/// Bytes of the header of a node, of a leaf's entry for an item, and of a pointer to a node.
const HEADER_SIZE: usize = 101;
const ITEM_SIZE: usize = 25;
const POINTER_SIZE: usize = 33;

const NAME: &str = "btrfs node";

/// Most nodes of which is remembered that they are sound: 64 MiB of the usual ones, for 32 KiB.
const MAX_REMEMBERED: usize = 1 << 12;

/// What part of a node counts as read when it is looked at again: its checksum and order are not
/// verified once more. The same few nodes are passed on the way to everything.
const SOUND_SHARE: u64 = 8;

/// The nodes whose own bytes were found sound, by
/// [`Devices::address`](super::device::Devices::address). The same few nodes lead to everything,
/// and their checksums are most of the work. A slot is simply lost to the next node that falls on
/// it.
pub(super) struct SoundNodes {
    slots: Box<[AtomicU64]>,
}

impl SoundNodes {
    /// No node can begin there.
    const NONE: u64 = u64::MAX;

    pub(super) fn new() -> Self {
        Self { slots: (0..MAX_REMEMBERED).map(|_| AtomicU64::new(Self::NONE)).collect() }
    }

    fn slot(&self, address: u64) -> Option<&AtomicU64> {
        // Nodes are at least 4 KiB apart; larger ones leave slots empty.
        let index = usize::try_from(address >> 12).ok()?.checked_rem(self.slots.len())?;
        self.slots.get(index)
    }

    fn has(&self, address: u64) -> bool {
        self.slot(address).is_some_and(|slot| slot.load(Ordering::Relaxed) == address)
    }

    fn add(&self, address: u64) {
        if let Some(slot) = self.slot(address) {
            slot.store(address, Ordering::Relaxed);
        }
    }

    /// All that are remembered.
    #[cfg(test)]
    pub(super) fn addresses(&self) -> Vec<u64> {
        let slots = self.slots.iter().map(|slot| slot.load(Ordering::Relaxed));
        slots.filter(|address| *address != Self::NONE).collect()
    }
}

/// A pointer to a node, and all that is known of the node before it is read.
#[derive(Debug, Clone, Copy)]
pub(super) struct NodePointer {
    pub(super) logical: u64,
    pub(super) level: u8,
    pub(super) generation: u64,
    /// The tree that it is reached through.
    pub(super) tree: u64,
    /// Its first key; unknown of a root.
    pub(super) first: Option<Key>,
    /// What its last key lies before; nothing for the last node of a tree.
    pub(super) before: Option<Key>,
}

/// A node whose checksum, header, keys and item places were found sound.
pub(super) struct Node<'a> {
    raw: Cow<'a, [u8]>,
    physical: u64,
    at: NodePointer,
    /// Number of items or pointers.
    len: usize,
}

/// One item of a leaf.
pub(super) struct Item<'a> {
    pub(super) key: Key,
    pub(super) raw: &'a [u8],
    /// Where the content lies, as a byte of a device.
    pub(super) physical: u64,
}

impl<'a> Item<'a> {
    pub(super) fn new(key: Key, raw: &'a [u8], physical: u64) -> Self {
        Self { key, raw, physical }
    }

    /// Bytes of the content.
    pub(super) fn len(&self) -> u64 {
        u64::try_from(self.raw.len()).unwrap_or(u64::MAX)
    }

    /// The content, under its name in the specification.
    pub(super) fn content(&self, name: &'static str) -> Structure<'a> {
        Structure::new(name, self.physical, self.raw)
    }
}

impl<'a> Node<'a> {
    /// The node in `raw`, which was read from `place` because `at` points there.
    pub(super) fn parse(
        volume: &Volume,
        raw: Cow<'a, [u8]>,
        place: &Piece,
        at: &NodePointer,
    ) -> Result<Self> {
        let physical = place.physical;
        let address = volume.devices.address(place.device, physical);
        let s = Structure::new(NAME, physical, &raw);
        let is_sound = volume.sound_nodes.has(address);
        let len = u64::try_from(raw.len()).unwrap_or(u64::MAX);
        volume.budget.spend(if is_sound { len / SOUND_SHARE } else { len })?;
        if !is_sound {
            volume.checksum.verify(&s)?;
        }
        let same = |place, expected: u64, found: u64, what: &str| {
            if expected == found {
                return Ok(());
            }
            Err(s.corrupt(place, format!("{what} {expected}"), found))
        };
        if s.array(32)? != volume.metadata_uuid {
            return Err(s.corrupt(32, "the identity of this file system", "another"));
        }
        same(48, at.logical, s.u64(48)?, "the logical address")?;
        same(80, at.generation, s.u64(80)?, "generation")?;
        same(100, at.level.into(), s.u8(100)?.into(), "level")?;
        let owner = s.u64(88)?;
        // Snapshots share nodes, so that any subvolume may own what another one reaches.
        if owner != at.tree && !(is_subvolume(owner) && is_subvolume(at.tree)) {
            return Err(s.corrupt(88, format!("a node of tree {}", at.tree), owner));
        }
        let count = s.u32(96)?;
        let room = s.raw.len().saturating_sub(HEADER_SIZE);
        let most = if at.level == 0 { room / ITEM_SIZE } else { room / POINTER_SIZE };
        let len = usize::try_from(count).unwrap_or(usize::MAX);
        // Only the leaf of an empty tree is empty.
        let least = usize::from(at.level != 0 || at.first.is_some());
        if !(least..=most).contains(&len) {
            return Err(s.corrupt(96, format!("{least} to {most} items"), count));
        }
        let node = Self { physical, at: *at, len, raw };
        node.check_ends()?;
        if !is_sound {
            node.check_order()?;
            if at.level == 0 {
                node.check_items()?;
            }
            volume.sound_nodes.add(address);
        }
        Ok(node)
    }

    fn structure(&self) -> Structure<'_> {
        Structure::new(NAME, self.physical, &self.raw)
    }

    pub(super) fn is_leaf(&self) -> bool {
        self.at.level == 0
    }

    /// Number of items or pointers.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    fn place(&self, index: usize) -> usize {
        let size = if self.is_leaf() { ITEM_SIZE } else { POINTER_SIZE };
        HEADER_SIZE.saturating_add(index.saturating_mul(size))
    }

    pub(super) fn key(&self, index: usize) -> Result<Key> {
        self.structure().key(self.place(index))
    }

    /// How many keys come before `key`.
    pub(super) fn keys_before(&self, key: &Key) -> Result<usize> {
        let (mut low, mut high) = (0, self.len);
        while low < high {
            let middle = low.midpoint(high);
            if self.key(middle)? < *key {
                low = middle.saturating_add(1);
            } else {
                high = middle;
            }
        }
        Ok(low)
    }

    /// The keys are those that the pointer promised.
    fn check_ends(&self) -> Result<()> {
        let s = self.structure();
        let Some(end) = self.len.checked_sub(1) else {
            return Ok(());
        };
        let (first, last) = (self.key(0)?, self.key(end)?);
        if let Some(expected) = self.at.first.filter(|expected| *expected != first) {
            return Err(s.corrupt(self.place(0), format!("the first key {expected}"), first));
        }
        if let Some(before) = self.at.before.filter(|before| last >= *before) {
            return Err(s.corrupt(self.place(end), format!("a key before {before}"), last));
        }
        Ok(())
    }

    fn check_order(&self) -> Result<()> {
        let mut last: Option<Key> = None;
        for index in 0..self.len {
            let key = self.key(index)?;
            if let Some(last) = last.filter(|last| key <= *last) {
                let expected = format!("a key after {last}");
                return Err(self.structure().corrupt(self.place(index), expected, key));
            }
            last = Some(key);
        }
        Ok(())
    }

    /// The contents of items lie one before the other, the first at the end.
    fn check_items(&self) -> Result<()> {
        let s = self.structure();
        let mut end = s.raw.len();
        for index in 0..self.len {
            let (start, len) = self.extent(index)?;
            if start.checked_add(len) != Some(end) {
                let expected = format!("content that ends at {end}");
                let found = format!("{len} bytes from {start} on");
                return Err(s.corrupt(self.place(index), expected, found));
            }
            end = start;
        }
        if end < self.place(self.len) {
            let expected = format!("contents behind the {} items", self.len);
            return Err(s.corrupt(end, expected, "an overlap"));
        }
        Ok(())
    }

    /// Where the content of an item lies in the node.
    fn extent(&self, index: usize) -> Result<(usize, usize)> {
        let s = self.structure();
        let at = self.place(index).saturating_add(KEY_SIZE);
        let start = usize::try_from(s.u32(at)?).unwrap_or(usize::MAX);
        let len = usize::try_from(s.u32(at.saturating_add(4))?).unwrap_or(usize::MAX);
        Ok((start.saturating_add(HEADER_SIZE), len))
    }

    /// An item of a leaf.
    pub(super) fn item(&self, index: usize) -> Result<Item<'_>> {
        let (start, len) = self.extent(index)?;
        let raw = self.structure().bytes(start, len)?;
        let physical = self.physical.saturating_add(u64::try_from(start).unwrap_or(u64::MAX));
        Ok(Item::new(self.key(index)?, raw, physical))
    }

    /// A pointer of a node that is no leaf.
    pub(super) fn pointer(&self, index: usize) -> Result<NodePointer> {
        let s = self.structure();
        let at = self.place(index);
        let next = index.saturating_add(1);
        let Some(level) = self.at.level.checked_sub(1) else {
            return Err(s.corrupt(100, "a node with pointers", "a leaf"));
        };
        Ok(NodePointer {
            logical: s.u64(at.saturating_add(KEY_SIZE))?,
            level,
            generation: s.u64(at.saturating_add(KEY_SIZE + 8))?,
            tree: self.at.tree,
            first: Some(s.key(at)?),
            before: if next < self.len { Some(self.key(next)?) } else { self.at.before },
        })
    }
}
