//! References from inodes to the directories that name them (Btrfs on-disk format, "INODE_REF",
//! "INODE_EXTREF").

use super::checksum::reference_hash;
use super::directory::check_name;
use super::key::{Key, item};
use crate::error::Result;
use crate::filesystem::structure::Structure;

pub(super) const NAME: &str = "btrfs inode reference";

/// Bytes before the name: in an INODE_REF, and in an INODE_EXTREF, which names the directory.
const HEADER: usize = 10;
const LONG_HEADER: usize = 18;

/// One name of an inode.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reference {
    /// The directory.
    pub(super) dir: u64,
    /// The offset of the entry's DIR_INDEX.
    pub(super) index: u64,
    pub(super) name: Vec<u8>,
}

impl Reference {
    /// All names in the item with that key.
    pub(super) fn all(key: Key, s: &Structure<'_>) -> Result<Vec<Self>> {
        let mut found = Vec::new();
        let mut rest = *s;
        while !rest.raw.is_empty() {
            let (dir, at, header) = if key.kind == item::INODE_EXTREF {
                (rest.u64(0)?, 8, LONG_HEADER)
            } else {
                (key.offset, 0, HEADER)
            };
            let len = usize::from(rest.u16(header.saturating_sub(2))?);
            let name = rest.bytes(header, len)?;
            // The root of a subvolume is named ".." in itself.
            if dir != key.objectid {
                check_name(&rest, header, name)?;
            }
            found.push(Self { dir, index: rest.u64(at)?, name: name.to_vec() });
            rest = rest.after(header.saturating_add(len));
        }
        Ok(found)
    }

    /// The content of an item of that kind with these names.
    pub(super) fn join(kind: u8, all: &[Self]) -> Vec<u8> {
        let mut raw = Vec::new();
        for Self { dir, index, name } in all {
            if kind == item::INODE_EXTREF {
                raw.extend(dir.to_le_bytes());
            }
            raw.extend(index.to_le_bytes());
            raw.extend(u16::try_from(name.len()).unwrap_or(u16::MAX).to_le_bytes());
            raw.extend(name);
        }
        raw
    }

    /// The keys under which an inode may refer to a name in a directory.
    pub(super) fn keys(inode: u64, dir: u64, name: &[u8]) -> [Key; 2] {
        [
            Key::new(inode, item::INODE_REF, dir),
            Key::new(inode, item::INODE_EXTREF, reference_hash(dir, name)),
        ]
    }

    pub(super) fn is(&self, dir: u64, name: &[u8]) -> bool {
        self.dir == dir && self.name == name
    }
}
