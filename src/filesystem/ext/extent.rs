//! The extent tree (Linux Documentation/filesystems/ext4/ifork.rst, "Extent Tree").

use super::checksum::crc32c;
use super::inode::Inode;
use super::runs::{Run, Runs};
use super::volume::Volume;
use crate::error::{Error, Result};
use crate::filesystem::structure::{Structure, join};

const MAGIC: u16 = 0xF30A;

/// Deepest tree that a file of 2^32 blocks can need (`EXT4_MAX_EXTENT_DEPTH`).
const MAX_DEPTH: u16 = 5;

/// Bytes of the header, and of each entry behind it.
const HEADER_SIZE: usize = 12;
const ENTRY_SIZE: usize = 12;

/// Bytes of the checksum behind the entries of a block.
const TAIL_SIZE: usize = 4;

/// Longest written extent; a greater `ee_len` counts unwritten blocks above this
/// (`EXT_INIT_MAX_LEN`).
const MAX_WRITTEN: u16 = 32768;

/// Most bytes of one tree that are read. At the least 84 extents lie in each KiB, so that trees
/// within the bound on runs fit even when they are hardly filled; without it, entries that all lead
/// to one empty block would multiply with each level.
const MAX_TREE_BYTES: u64 = 64 << 20;

/// The written blocks of a file with extents.
pub(super) fn runs(volume: &Volume, inode: &Inode) -> Result<Runs> {
    let at = inode.offset.saturating_add(0x28);
    let root = Structure::new("ext extent tree", at, &inode.block);
    let depth = root.u16(0x6)?;
    if depth > MAX_DEPTH {
        return Err(root.corrupt(
            0x6,
            format!("a depth of at most {MAX_DEPTH}"),
            depth.to_string(),
        ));
    }
    let mut walk = Walk { volume, inode, runs: Runs::default(), next: 0, read: 0 };
    walk.node(&root, depth)?;
    Ok(walk.runs)
}

struct Walk<'a> {
    volume: &'a Volume,
    inode: &'a Inode,
    runs: Runs,
    /// The block of the file behind all extents so far.
    next: u64,
    /// Bytes of the tree read so far.
    read: u64,
}

impl Walk<'_> {
    /// Reads a node and everything below it. `depth` becomes less with each level, so no cycle is
    /// endless.
    fn node(&mut self, node: &Structure<'_>, depth: u16) -> Result<()> {
        let magic = node.u16(0x0)?;
        if magic != MAGIC {
            return Err(node.corrupt(0x0, format!("magic {MAGIC:#x}"), format!("{magic:#x}")));
        }
        let found = node.u16(0x6)?;
        if found != depth {
            return Err(node.corrupt(0x6, format!("depth {depth}"), found.to_string()));
        }
        let count = usize::from(node.u16(0x2)?);
        let entries = node.raw.get(HEADER_SIZE..).unwrap_or_default().chunks_exact(ENTRY_SIZE);
        if count > entries.len() {
            let expected = format!("at most {} entries", entries.len());
            return Err(node.corrupt(0x2, expected, count.to_string()));
        }
        if count == 0 && depth > 0 {
            return Err(node.corrupt(0x2, "entries in an index", "none"));
        }
        for (index, raw) in entries.take(count).enumerate() {
            let at = HEADER_SIZE.saturating_add(index.saturating_mul(ENTRY_SIZE));
            let at = node.offset.saturating_add(u64::try_from(at).unwrap_or(u64::MAX));
            if depth == 0 {
                self.extent(&Structure::new("ext extent", at, raw))?;
            } else {
                self.index(&Structure::new("ext extent index", at, raw), depth.saturating_sub(1))?;
            }
        }
        Ok(())
    }

    fn index(&mut self, entry: &Structure<'_>, depth: u16) -> Result<()> {
        self.first_block(entry)?;
        self.read = self.read.saturating_add(self.volume.block_size());
        if self.read > MAX_TREE_BYTES {
            return Err(Error::Limit {
                structure: "ext extent tree",
                limit: MAX_TREE_BYTES,
                unit: "bytes",
            });
        }
        let block = join(entry.u32(0x4)?, u32::from(entry.u16(0x8)?));
        let raw = self.volume.counted_block(block)?;
        let node = Structure::new("ext extent block", self.volume.byte(block), &raw);
        if let Some(seed) = self.inode.checksum_seed {
            verify(&node, seed)?;
        }
        self.node(&node, depth)
    }

    fn extent(&mut self, entry: &Structure<'_>) -> Result<()> {
        self.first_block(entry)?;
        let (run, written) = self::entry(entry)?;
        let Run { logical, physical, len } = run;
        let end = physical.saturating_add(len);
        if physical == 0 || end > self.volume.block_count() {
            return Err(entry.corrupt(
                0x6,
                format!("blocks from 1 to below {}", self.volume.block_count()),
                format!("{physical} to below {end}"),
            ));
        }
        self.runs.claim(self.volume, self.inode, len)?;
        self.next = logical.saturating_add(len);
        if written {
            self.runs.push(run)?;
        }
        Ok(())
    }

    /// The first block of the file that an entry of either kind covers: never before the end of the
    /// extents so far.
    fn first_block(&self, entry: &Structure<'_>) -> Result<u64> {
        let logical = u64::from(entry.u32(0x0)?);
        if logical < self.next {
            let expected = format!("block {} of the file or a later one", self.next);
            return Err(entry.corrupt(0x0, expected, logical.to_string()));
        }
        Ok(logical)
    }
}

/// What an extent says, and whether its blocks are written.
pub(super) fn entry(s: &Structure<'_>) -> Result<(Run, bool)> {
    let stored = s.u16(0x4)?;
    let (len, is_written) = match stored.checked_sub(MAX_WRITTEN) {
        None | Some(0) => (u64::from(stored), true),
        Some(unwritten) => (u64::from(unwritten), false),
    };
    if len == 0 {
        return Err(s.corrupt(0x4, "a length", "0"));
    }
    let physical = join(s.u32(0x8)?, u32::from(s.u16(0x6)?));
    Ok((Run { logical: s.u32(0x0)?.into(), physical, len }, is_written))
}

/// The checksum follows the room for `eh_max` entries (ifork.rst, `ext4_extent_tail`).
fn verify(node: &Structure<'_>, seed: u32) -> Result<()> {
    let room = usize::from(node.u16(0x4)?).saturating_mul(ENTRY_SIZE);
    let tail = HEADER_SIZE.saturating_add(room);
    if tail.saturating_add(TAIL_SIZE) > node.raw.len() {
        return Err(node.corrupt(0x4, "room for entries inside the block", tail.to_string()));
    }
    let computed = crc32c(seed, node.bytes(0, tail)?);
    let stored = node.u32(tail)?;
    if !crate::checksum::holds(stored, computed) {
        let expected = format!("checksum {computed:#010x}");
        return Err(node.corrupt(tail, expected, format!("{stored:#010x}")));
    }
    Ok(())
}
