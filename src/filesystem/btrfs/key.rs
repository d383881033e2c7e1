//! Keys (Btrfs on-disk format, "Key"), and the numbers of trees and of item types.

use std::ops::RangeInclusive;

use crate::error::Result;
use crate::filesystem::structure::Structure;

/// Bytes of a key.
pub(super) const KEY_SIZE: usize = 17;

/// What an item is found by. The order of the fields is the order of the tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    pub(super) objectid: u64,
    pub(super) kind: u8,
    pub(super) offset: u64,
}

impl Key {
    pub(super) fn new(objectid: u64, kind: u8, offset: u64) -> Self {
        Self { objectid, kind, offset }
    }

    /// All keys of a kind that an object has.
    pub(super) fn all(objectid: u64, kind: u8) -> RangeInclusive<Self> {
        Self::new(objectid, kind, 0)..=Self::new(objectid, kind, u64::MAX)
    }

    pub(super) fn parse(raw: [u8; KEY_SIZE]) -> Self {
        let [a, b, c, d, e, f, g, h, kind, i, j, k, l, m, n, o, p] = raw;
        Self {
            objectid: u64::from_le_bytes([a, b, c, d, e, f, g, h]),
            kind,
            offset: u64::from_le_bytes([i, j, k, l, m, n, o, p]),
        }
    }
}

impl Structure<'_> {
    /// A key, `struct btrfs_disk_key`.
    pub(super) fn key(&self, at: usize) -> Result<Key> {
        self.array(at).map(Key::parse)
    }
}

impl std::fmt::Display for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "({} {} {})", self.objectid, self.kind, self.offset)
    }
}

/// Types of items.
pub(super) mod item {
    pub(in super::super) const INODE_ITEM: u8 = 1;
    pub(in super::super) const INODE_REF: u8 = 12;
    pub(in super::super) const INODE_EXTREF: u8 = 13;
    pub(in super::super) const DIR_LOG_INDEX: u8 = 72;
    pub(in super::super) const DIR_ITEM: u8 = 84;
    pub(in super::super) const DIR_INDEX: u8 = 96;
    pub(in super::super) const EXTENT_DATA: u8 = 108;
    pub(in super::super) const ROOT_ITEM: u8 = 132;
    pub(in super::super) const ROOT_BACKREF: u8 = 144;
    pub(in super::super) const ROOT_REF: u8 = 156;
    pub(in super::super) const DEV_ITEM: u8 = 216;
    pub(in super::super) const CHUNK_ITEM: u8 = 228;
}

/// Numbers of trees and of the objects in them.
pub(super) mod objectid {
    pub(in super::super) const ROOT_TREE: u64 = 1;
    pub(in super::super) const CHUNK_TREE: u64 = 3;
    /// A log tree, and the tree of those.
    pub(in super::super) const TREE_LOG: u64 = u64::MAX - 5;
    /// The devices in the chunk tree.
    pub(in super::super) const DEV_ITEMS: u64 = 1;
    /// The subvolume that every file system has.
    pub(in super::super) const FS_TREE: u64 = 5;
    /// The first number that a subvolume, or a file in one, may have. The root directory of every
    /// subvolume is inode 256; so are all chunks the object 256 in the chunk tree.
    pub(in super::super) const FIRST_FREE: u64 = 256;
    /// The last such number.
    pub(in super::super) const LAST_FREE: u64 = u64::MAX - 255;
}

/// Whether a tree holds files that a mount shows.
pub(super) fn is_subvolume(tree: u64) -> bool {
    tree == objectid::FS_TREE || (objectid::FIRST_FREE..=objectid::LAST_FREE).contains(&tree)
}
