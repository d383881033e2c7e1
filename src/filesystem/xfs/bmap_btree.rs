//! The B+tree of extents (*XFS Algorithms & Data Structures*, "B+tree Extent List").

use super::description::Description;
use super::extent::Extent;
use super::inode::Inode;
use super::runs::Runs;
use super::superblock::Superblock;
use super::volume::Volume;
use crate::error::{Error, Result};
use crate::filesystem::structure::Structure;

/// `BMAP`, and `BMA3` in version 5.
const MAGIC: u32 = 0x424D_4150;
const MAGIC_V5: u32 = 0x424D_4133;

/// Highest level of a root: a tree of 2^48 extents in blocks of 1 KiB needs no more
/// (`XFS_BTREE_MAXLEVELS` − 1).
const MAX_LEVEL: u16 = 8;

/// Most bytes of one tree that are read. At the least 15 extents lie in each KiB of a leaf that is
/// half full, so that trees within the bound on runs fit; without it, pointers that all lead to
/// one block would multiply with each level.
const MAX_TREE_BYTES: u64 = 128 << 20;

/// What precedes the records: its bytes, and where the number of records stands.
#[derive(Clone, Copy)]
struct Header {
    len: usize,
    count: usize,
}

const ROOT_HEADER: Header = Header { len: 4, count: 2 };
const HEADER: Header = Header { len: 24, count: 6 };
const HEADER_V5: Header = Header { len: 72, count: 6 };

/// Bytes of a key and a pointer together.
const ENTRY_SIZE: usize = 16;
const POINTER_SIZE: usize = 8;

const DESCRIPTION: Description = Description { checksum: 64, uuid: 40, owner: 56, address: 24 };

/// Gathers the extents of an inode whose data fork is the root of a tree.
pub(super) fn read(
    volume: &Volume,
    superblock: &Superblock,
    inode: &Inode<'_>,
    runs: &mut Runs,
) -> Result<()> {
    let root = inode.fork();
    let level = root.be16(0)?;
    if level == 0 || level > MAX_LEVEL {
        let expected = format!("a root of level 1 to {MAX_LEVEL}");
        return Err(root.corrupt(0, expected, level.to_string()));
    }
    Walk { volume, superblock, inode, runs, read: 0 }.pointers(&root, ROOT_HEADER, level)
}

struct Walk<'a> {
    volume: &'a Volume,
    superblock: &'a Superblock,
    inode: &'a Inode<'a>,
    runs: &'a mut Runs,
    /// Bytes of the tree read so far.
    read: u64,
}

impl Walk<'_> {
    /// Follows each pointer of a node: they stand behind the room for as many keys as there is room
    /// for both. The level becomes less with each step, so no cycle is endless.
    fn pointers(&mut self, node: &Structure<'_>, header: Header, level: u16) -> Result<()> {
        let room = node.raw.len().saturating_sub(header.len) / ENTRY_SIZE;
        let count = usize::from(node.be16(header.count)?);
        if count == 0 || count > room {
            let expected = format!("1 to {room} records");
            return Err(node.corrupt(header.count, expected, count.to_string()));
        }
        let at = header.len.saturating_add(room.saturating_mul(POINTER_SIZE));
        let len = count.saturating_mul(POINTER_SIZE);
        for pointer in node.bytes(at, len)?.as_chunks::<POINTER_SIZE>().0 {
            self.block(u64::from_be_bytes(*pointer), level.saturating_sub(1))?;
        }
        Ok(())
    }

    fn block(&mut self, number: u64, level: u16) -> Result<()> {
        let size = self.volume.geometry.block_size;
        self.read = self.read.saturating_add(size);
        if self.read > MAX_TREE_BYTES {
            return Err(Error::Limit {
                structure: "xfs bmap btree",
                limit: MAX_TREE_BYTES,
                unit: "bytes",
            });
        }
        let Some(byte) = self.volume.geometry.block_byte(number, 1) else {
            let found = format!("a tree with block {number:#x}");
            return Err(self.inode.corrupt("blocks inside an allocation group", found));
        };
        let span = self.volume.counted_span(byte, usize::try_from(size).unwrap_or_default())?;
        let node = span.structure("xfs bmap btree block");
        let header = if self.superblock.features.is_v5() {
            node.must_have_magic(0, MAGIC_V5)?;
            if !span.is_replayed {
                node.verify_checksum(DESCRIPTION.checksum)?;
            }
            let Superblock { meta_uuid, .. } = self.superblock;
            node.must_describe(&DESCRIPTION, meta_uuid, self.inode.number)?;
            HEADER_V5
        } else {
            node.must_have_magic(0, MAGIC)?;
            HEADER
        };
        let found = node.be16(4)?;
        if found != level {
            return Err(node.corrupt(4, format!("level {level}"), found.to_string()));
        }
        if level > 0 {
            return self.pointers(&node, header, level);
        }
        let count = usize::from(node.be16(header.count)?);
        let len = count.saturating_mul(Extent::SIZE);
        if count == 0 || len > node.raw.len().saturating_sub(header.len) {
            return Err(node.corrupt(header.count, "records inside the block", count.to_string()));
        }
        self.runs.push_all(self.volume, &node, header.len, len)
    }
}
