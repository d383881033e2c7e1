//! Logged creations of inodes (*XFS Algorithms & Data Structures*, "Inode Create Log Item"): a
//! range of blocks that becomes free inodes.

use super::replay::Recovery;
use super::transaction::Item;
use crate::error::Result;
use crate::filesystem::xfs::volume::BASIC_BLOCK_U64;

/// Most inodes that come into being at once: those of one chunk, or those of one block when it
/// holds more (`xfs_icreate_log`; 64 KiB of 512 bytes).
const MAX_INODES: u32 = 128;

/// Makes free inodes, unless a later item frees their blocks.
pub(super) fn replay(recovery: &mut Recovery<'_>, item: &Item) -> Result<()> {
    let s = item.region(0);
    let geometry = recovery.volume.geometry;
    let (group, first) = (u64::from(s.be32(4)?), u64::from(s.be32(8)?));
    let (count, size, blocks, generation) =
        (s.be32(12)?, s.be32(16)?, s.be32(20)?, s.array::<4>(24)?);
    let bytes = u64::from(count).saturating_mul(size.into());
    let is_sound = usize::try_from(size).ok() == Some(geometry.inode_len())
        && count <= MAX_INODES
        && bytes == u64::from(blocks).saturating_mul(geometry.block_size);
    let byte = geometry.group_byte(group, first, blocks.into()).filter(|_| is_sound);
    let Some(byte) = byte else {
        let found = format!("{count} of {size} bytes in {blocks} blocks at {first} of {group}");
        return Err(s.corrupt(4, "inodes that fill blocks of a group", found));
    };
    if recovery.is_any_cancelled(byte / BASIC_BLOCK_U64, bytes / BASIC_BLOCK_U64) {
        return Ok(());
    }
    let number = geometry.first_inode(group, first);
    let uuid = recovery.superblock.meta_uuid;
    for (inode, at) in (number..)
        .zip((byte..).step_by(geometry.inode_len()))
        .take(usize::try_from(count).unwrap_or_default())
    {
        let mut raw = Vec::with_capacity(geometry.inode_len());
        // Magic, no mode, version 3; generation; no next unlinked inode; number and UUID.
        raw.extend_from_slice(b"IN\0\0\x03");
        raw.resize(92, 0);
        raw.extend_from_slice(&generation);
        raw.extend_from_slice(&[0xFF; 4]);
        raw.resize(152, 0);
        raw.extend_from_slice(&inode.to_be_bytes());
        raw.extend_from_slice(&uuid);
        raw.resize(geometry.inode_len(), 0);
        recovery.write(at, &raw)?;
    }
    Ok(())
}
