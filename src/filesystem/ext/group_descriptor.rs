//! Block group descriptors (Linux Documentation/filesystems/ext4/group_descr.rst).

use super::checksum::crc32c;
use super::feature::incompat;
use super::superblock::Superblock;
use super::volume::Volume;
use crate::error::{Error, Result};
use crate::filesystem::structure::{Structure, join};

/// What is needed of a descriptor.
pub(super) struct GroupDescriptor {
    /// First block of the group's inode table.
    pub(super) inode_table: u64,
    /// Free clusters (blocks without `bigalloc`).
    free_clusters: u32,
    free_inodes: u32,
}

/// Most groups whose free space is counted: 4 TiB in blocks of 4 KiB. Their descriptors may be as many
/// pages of the file, each read from the disk.
const MAX_COUNTED_GROUPS: u64 = 1 << 15;

/// Free blocks and inodes of all groups.
///
/// # Errors
/// [`Error::Limit`] when there are too many, of one volume or of all; as [`GroupDescriptor::read`].
pub(super) fn free(volume: &Volume, superblock: &Superblock) -> Result<(u64, u64)> {
    if superblock.group_count > MAX_COUNTED_GROUPS {
        let (structure, limit) = ("ext group descriptors", MAX_COUNTED_GROUPS);
        return Err(Error::Limit { structure, limit, unit: "groups" });
    }
    let (mut clusters, mut inodes) = (0_u64, 0_u64);
    for group in 0..superblock.group_count {
        // Volumes that overlap can show the same groups hundreds of times.
        volume.spend(superblock.descriptor_size.into())?;
        let group = GroupDescriptor::read(volume, superblock, group)?;
        clusters = clusters.saturating_add(u64::from(group.free_clusters));
        inodes = inodes.saturating_add(u64::from(group.free_inodes));
    }
    Ok((clusters.saturating_mul(superblock.blocks_per_cluster), inodes))
}

impl GroupDescriptor {
    /// The descriptor of a group.
    ///
    /// # Errors
    /// [`Error::Corrupt`] when there is no such group, or its checksum is wrong.
    pub(super) fn read(volume: &Volume, superblock: &Superblock, group: u64) -> Result<Self> {
        if group >= superblock.group_count {
            return Err(Error::corrupt(
                "ext group descriptor",
                0,
                format!("a group below {}", superblock.group_count),
                group.to_string(),
            ));
        }
        let (block, within) = location(volume, superblock, group);
        let len = usize::try_from(superblock.descriptor_size).unwrap_or(usize::MAX);
        let raw = volume.span(block, within, len)?;
        let s =
            Structure::new("ext group descriptor", volume.byte(block).saturating_add(within), &raw);
        if let Some(seed) = superblock.checksum_seed {
            verify(&s, seed, group)?;
        }
        let wide = superblock.features.has_incompat(incompat::SIXTY_FOUR_BIT);
        let high = |at| if wide { s.u16(at).map(u32::from) } else { Ok(0) };
        Ok(Self {
            inode_table: join(s.u32(0x8)?, if wide { s.u32(0x28)? } else { 0 }),
            free_clusters: high(0x2C)? << 16 | u32::from(s.u16(0xC)?),
            free_inodes: high(0x2E)? << 16 | u32::from(s.u16(0xE)?),
        })
    }
}

/// The block that holds a group's descriptor, and the byte in it.
///
/// Without `meta_bg` the descriptors follow the superblock; with it each meta group (as many groups
/// as a block has descriptors) holds its own in its first group, behind the copy of the superblock
/// if there is one (blockgroup.rst, "Meta Block Groups").
fn location(volume: &Volume, superblock: &Superblock, group: u64) -> (u64, u64) {
    let size = u64::from(superblock.descriptor_size);
    let (table_block, within) = volume.split(group.saturating_mul(size));
    // The superblock's own block: byte 1024 is block 1 of 1 KiB and in block 0 of any other size.
    let superblock_block = u64::from(volume.block_size() == 1024);

    let in_meta_group = superblock.features.has_incompat(incompat::META_BG)
        && table_block >= u64::from(superblock.first_meta_group);
    if !in_meta_group {
        return (superblock_block.saturating_add(1).saturating_add(table_block), within);
    }
    let first_group = volume.byte(table_block).checked_div(size).unwrap_or_default();
    let first_block = first_group
        .saturating_mul(u64::from(superblock.blocks_per_group.get()))
        .saturating_add(u64::from(superblock.first_data_block));
    let mut before = u64::from(superblock.has_superblock(first_group));
    if first_group == 0 && superblock_block == 1 && superblock.first_data_block == 0 {
        // bigalloc counts the boot block as part of group 0.
        before = before.saturating_add(1);
    }
    (first_block.saturating_add(before), within)
}

/// The checksum covers the group's number and the descriptor with the checksum as zero; its lower
/// half is stored (checksums.rst).
fn verify(s: &Structure<'_>, seed: u32, group: u64) -> Result<()> {
    let number = u32::try_from(group).unwrap_or(u32::MAX);
    let mut sum = crc32c(seed, &number.to_le_bytes());
    sum = crc32c(sum, s.bytes(0, 0x1E)?);
    sum = crc32c(sum, &[0; 2]);
    sum = crc32c(sum, s.raw.get(0x20..).unwrap_or_default());
    let computed = sum & 0xFFFF;
    let stored = u32::from(s.u16(0x1E)?);
    if !crate::checksum::holds(stored, computed) {
        return Err(s.corrupt(0x1E, format!("checksum {computed:#06x}"), format!("{stored:#06x}")));
    }
    Ok(())
}
