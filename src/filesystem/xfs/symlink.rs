//! Symbolic links (*XFS Algorithms & Data Structures*, "Symbolic Links").

use super::description::Description;
use super::inode::{Format, Inode};
use super::runs::Runs;
use super::superblock::Superblock;
use super::volume::Volume;
use crate::error::Result;

/// Longest target in bytes (`XFS_SYMLINK_MAXLEN`).
const MAX_TARGET: u64 = 1024;

/// `XSLM`.
const MAGIC: u32 = 0x5853_4C4D;

/// Bytes before the part of the target that an extent holds.
const HEADER_SIZE_V5: usize = 56;

const DESCRIPTION: Description = Description { checksum: 12, uuid: 16, owner: 32, address: 40 };

/// Most blocks of one extent of a target: as many as hold the longest in blocks of 512 bytes.
const MAX_BLOCKS: u64 = 3;

/// The target: in the inode, or in up to three blocks.
pub(super) fn target(
    volume: &Volume,
    superblock: &Superblock,
    inode: &Inode<'_>,
) -> Result<Vec<u8>> {
    if inode.size == 0 || inode.size > MAX_TARGET {
        return Err(inode.corrupt(format!("a target of 1 to {MAX_TARGET} bytes"), inode.size));
    }
    let target = match inode.format {
        Format::Local => inode.local()?.raw.to_vec(),
        _ => remote(volume, superblock, inode)?,
    };
    if target.contains(&0) {
        return Err(inode.corrupt("a target without NUL", "one with it"));
    }
    Ok(target)
}

/// In version 5 each extent starts with a header that tells how much of the target follows, and
/// its checksum covers the extent.
fn remote(volume: &Volume, superblock: &Superblock, inode: &Inode<'_>) -> Result<Vec<u8>> {
    let len = usize::try_from(inode.size).unwrap_or(usize::MAX);
    let runs = Runs::read(volume, superblock, inode)?;
    let mut target = Vec::new();
    let mut next = 0;
    for run in runs.as_slice() {
        if run.logical != next || run.len > MAX_BLOCKS {
            return Err(inode.corrupt("a target in up to three blocks", format!("{run:?}")));
        }
        next = run.end();
        let bytes = run.len.saturating_mul(volume.geometry.block_size);
        let span = volume.span(run.byte, usize::try_from(bytes).unwrap_or_default())?;
        let s = span.structure("xfs symlink block");
        let left = len.saturating_sub(target.len());
        if left == 0 {
            break;
        }
        if superblock.features.is_v5() {
            s.must_have_magic(0, MAGIC)?;
            if !span.is_replayed {
                s.verify_checksum(DESCRIPTION.checksum)?;
            }
            s.must_describe(&DESCRIPTION, &superblock.meta_uuid, inode.number)?;
            let (offset, part) = (s.be32(4)?, usize::try_from(s.be32(8)?).unwrap_or(usize::MAX));
            if usize::try_from(offset).ok() != Some(target.len()) || part > left {
                let expected = format!("at most {left} bytes at {}", target.len());
                return Err(s.corrupt(4, expected, format!("{part} at {offset}")));
            }
            target.extend_from_slice(s.bytes(HEADER_SIZE_V5, part)?);
        } else {
            target.extend_from_slice(s.bytes(0, left.min(s.raw.len()))?);
        }
    }
    if target.len() != len {
        return Err(inode.corrupt(format!("a target of {len} bytes"), target.len()));
    }
    Ok(target)
}
