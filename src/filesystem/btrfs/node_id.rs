//! How a node of the tree of files is named: the subvolume's tree and the inode in it.

use super::key::objectid;
use crate::error::{Error, Result};
use crate::filesystem::NodeId;

/// Bits of a [`NodeId`] that hold the inode number. 40 and 24 bits are enough for a million inodes
/// a day for 3,000 years, and for a snapshot every minute for 30: numbers are never used again. What
/// lies beyond is not read, rather than kept in a table that a hostile image fills.
const INODE_BITS: u32 = 40;

/// The directory that stands where a snapshot has the name of a subvolume, but the subvolume is
/// elsewhere (`BTRFS_EMPTY_SUBVOL_DIR_OBJECTID`). No file has such a number.
const EMPTY_DIRECTORY: u64 = 2;

/// A node: an inode in the tree of a subvolume.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) tree: u64,
    pub(super) inode: u64,
}

impl Place {
    /// The root directory of a subvolume.
    pub(super) fn root(tree: u64) -> Self {
        Self { tree, inode: objectid::FIRST_FREE }
    }

    /// The empty directory in place of a subvolume.
    pub(super) fn empty(tree: u64) -> Self {
        Self { tree, inode: EMPTY_DIRECTORY }
    }

    pub(super) fn is_empty_directory(&self) -> bool {
        self.inode == EMPTY_DIRECTORY
    }

    pub(super) fn of(node: NodeId) -> Self {
        Self { tree: node.0 >> INODE_BITS, inode: node.0 & (1_u64 << INODE_BITS).wrapping_sub(1) }
    }

    /// # Errors
    /// [`Error::Unsupported`] for numbers above [`INODE_BITS`] and its rest.
    pub(super) fn node(&self) -> Result<NodeId> {
        let node = NodeId(self.tree << INODE_BITS | self.inode);
        if Self::of(node) == *self {
            return Ok(node);
        }
        let what = format!("inode {} of subvolume {}: so high a number", self.inode, self.tree);
        Err(Error::unsupported("btrfs tree", 0, what))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_do_not_fit_are_unsupported_and_never_another_node() {
        for (tree, inode) in [(5, 256), (5, (1 << 40) - 1), ((1 << 24) - 1, 257)] {
            let place = Place { tree, inode };
            assert_eq!(Place::of(place.node().unwrap()), place);
        }
        for (tree, inode) in [(5, 1 << 40), (1 << 24, 256), (u64::MAX - 255, u64::MAX - 255)] {
            let error = Place { tree, inode }.node().unwrap_err();
            assert!(matches!(error, Error::Unsupported { .. }));
        }
    }
}
