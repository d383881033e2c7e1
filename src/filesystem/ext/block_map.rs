//! The block map of files without extents: twelve blocks, then one, two and three levels of blocks
//! of block numbers (Linux Documentation/filesystems/ext4/ifork.rst, "Direct/Indirect Block
//! Addressing").

use super::inode::Inode;
use super::runs::{Run, Runs};
use super::volume::Volume;
use crate::error::{Error, Result};

/// Block numbers in `i_block` that lead to content.
const DIRECT: usize = 12;

/// Bytes of a block number.
const POINTER_SIZE: usize = 4;

/// Most block numbers that are read for one file: 256 GiB of content in blocks of 4 KiB. Without
/// it, block numbers that all lead to one block of zeros would be read for minutes.
const MAX_POINTERS: u64 = 1 << 26;

/// The mapped blocks of a file without extents.
pub(super) fn runs(volume: &Volume, inode: &Inode) -> Result<Runs> {
    let mut walk = Walk { volume, inode, runs: Runs::default(), next: 0, pointers: 0 };
    let (direct, indirect) =
        inode.block.split_at_checked(DIRECT.saturating_mul(POINTER_SIZE)).unwrap_or_default();
    walk.pointers(direct, 0)?;
    for (pointer, levels) in pointers(indirect).zip(1..) {
        walk.pointer(pointer, levels)?;
    }
    Ok(walk.runs)
}

fn pointers(raw: &[u8]) -> impl Iterator<Item = u32> {
    raw.as_chunks::<POINTER_SIZE>().0.iter().map(|bytes| u32::from_le_bytes(*bytes))
}

struct Walk<'a> {
    volume: &'a Volume,
    inode: &'a Inode,
    runs: Runs,
    /// The block of the file that the next pointer maps.
    next: u64,
    /// Block numbers read so far.
    pointers: u64,
}

impl Walk<'_> {
    fn pointers(&mut self, raw: &[u8], levels: u32) -> Result<()> {
        let count = u64::try_from(raw.len() / POINTER_SIZE).unwrap_or(u64::MAX);
        self.pointers = self.pointers.saturating_add(count);
        if self.pointers > MAX_POINTERS {
            return Err(Error::Limit {
                structure: "ext block map",
                limit: MAX_POINTERS,
                unit: "block numbers",
            });
        }
        for pointer in pointers(raw) {
            self.pointer(pointer, levels)?;
        }
        Ok(())
    }

    /// A pointer through `levels` blocks of pointers to content. 0 maps nothing.
    fn pointer(&mut self, pointer: u32, levels: u32) -> Result<()> {
        let block = u64::from(pointer);
        if block == 0 {
            let per_block = self.volume.block_size() / 4;
            let skipped = per_block.saturating_pow(levels);
            self.next = self.next.saturating_add(skipped);
            return Ok(());
        }
        if block >= self.volume.block_count() {
            let expected = format!("block numbers below {}", self.volume.block_count());
            return Err(self.inode.corrupt(expected, block));
        }
        self.runs.claim(self.volume, self.inode, 1)?;
        match levels.checked_sub(1) {
            None => {
                self.runs.push(Run { logical: self.next, physical: block, len: 1 })?;
                self.next = self.next.saturating_add(1);
                Ok(())
            }
            Some(below) => {
                let raw = self.volume.counted_block(block)?;
                self.pointers(&raw, below)
            }
        }
    }
}
