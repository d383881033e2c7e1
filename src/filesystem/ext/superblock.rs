//! The superblock (Linux Documentation/filesystems/ext4/super.rst): byte 1024 of the volume.

use std::num::{NonZeroU32, NonZeroU64};

use super::checksum::crc32c;
use super::feature::{Features, compat, incompat, ro_compat};
use super::state::ErrorRecord;
use crate::error::{Error, Result};
use crate::filesystem::structure::{Structure, join};

/// Where it lies in the volume, in bytes.
pub(super) const SUPERBLOCK_OFFSET: u64 = 1024;

/// Its length in bytes.
pub(super) const SUPERBLOCK_SIZE: usize = 1024;

const MAGIC: u16 = 0xEF53;

/// Where some of its fields stand.
pub(super) mod field {
    pub(in super::super) const BLOCKS: u64 = 0x4;
    pub(in super::super) const FREE_BLOCKS: u64 = 0xC;
    pub(in super::super) const LOG_BLOCK_SIZE: u64 = 0x18;
    pub(in super::super) const STATE: u64 = 0x3A;
    pub(in super::super) const INCOMPAT: u64 = 0x60;
    pub(in super::super) const JOURNAL_DEVICE: u64 = 0xE4;
    pub(in super::super) const ERROR_COUNT: u64 = 0x194;
    pub(in super::super) const FIRST_ERROR: u64 = 0x198;
    pub(in super::super) const LAST_ERROR: u64 = 0x1CC;
}

/// `s_log_block_size` of the largest block, 64 KiB (`EXT4_MAX_BLOCK_LOG_SIZE` − 10).
const MAX_LOG_BLOCK_SIZE: u32 = 6;

/// `s_log_cluster_size` of the largest cluster, 1 GiB (`EXT4_MAX_CLUSTER_LOG_SIZE` − 10).
const MAX_LOG_CLUSTER_SIZE: u32 = 20;

/// Bytes of an inode in revision 0, and the least in any (`EXT4_GOOD_OLD_INODE_SIZE`).
pub(super) const OLD_INODE_SIZE: usize = 128;

/// Bytes of a group descriptor without `64bit` (`EXT4_MIN_DESC_SIZE`).
const OLD_DESCRIPTOR_SIZE: u32 = 32;

/// Least bytes of a group descriptor with `64bit` (`EXT4_MIN_DESC_SIZE_64BIT`).
const WIDE_DESCRIPTOR_SIZE: u32 = 64;

/// `s_state`: unmounted cleanly; errors were seen.
const STATE_VALID: u16 = 0x1;
const STATE_ERROR: u16 = 0x2;

/// `s_checksum_type` of CRC-32C, the only one there is.
const CHECKSUM_CRC32C: u8 = 1;

/// What the superblock says. After [`Superblock::parse`] every size is a power of two in its range
/// and no count that something is divided by is zero.
#[derive(Debug, Clone)]
pub(super) struct Superblock {
    pub(super) features: Features,
    pub(super) revision: u32,
    /// Bytes of a block: 1 KiB to 64 KiB.
    pub(super) block_size: NonZeroU32,
    pub(super) block_count: u64,
    pub(super) free_blocks: u64,
    /// Number of inodes; inode numbers run from 1 to this.
    pub(super) inode_count: u32,
    pub(super) free_inodes: u32,
    pub(super) first_data_block: u32,
    pub(super) blocks_per_group: NonZeroU32,
    /// Blocks of what the groups count as free: 1 without `bigalloc`.
    pub(super) blocks_per_cluster: u64,
    pub(super) inodes_per_group: NonZeroU64,
    pub(super) group_count: u64,
    /// Bytes of an inode: 128 to one block.
    pub(super) inode_size: usize,
    /// Bytes of a group descriptor: 32 to one block.
    pub(super) descriptor_size: u32,
    pub(super) first_meta_group: u32,
    /// The two groups with a copy of the superblock under `sparse_super2`.
    pub(super) backup_groups: [u32; 2],
    /// Where every checksum starts; `None` without `metadata_csum`.
    pub(super) checksum_seed: Option<u32>,
    pub(super) journal_inode: u32,
    pub(super) journal_device: u32,
    pub(super) clean: bool,
    pub(super) has_errors: bool,
    pub(super) error_count: u32,
    pub(super) first_error: Option<ErrorRecord>,
    pub(super) last_error: Option<ErrorRecord>,
    pub(super) last_mounted: String,
}

impl Superblock {
    pub(super) fn parse(raw: &[u8]) -> Result<Self> {
        let s = Structure::new("ext superblock", SUPERBLOCK_OFFSET, raw);
        let magic = s.u16(0x38)?;
        if magic != MAGIC {
            return Err(s.corrupt(0x38, format!("magic {MAGIC:#x}"), format!("{magic:#x}")));
        }
        let features =
            Features { compat: s.u32(0x5C)?, incompat: s.u32(0x60)?, ro_compat: s.u32(0x64)? };
        let unread = features.unread();
        if !unread.is_empty() {
            return Err(Error::unsupported(
                s.name,
                SUPERBLOCK_OFFSET.saturating_add(0x60),
                format!("the feature {}", unread.join(", ")),
            ));
        }
        let checksum_seed = checksum_seed(&s, features)?;

        let log_block_size = s.u32(0x18)?;
        let block_size = (log_block_size <= MAX_LOG_BLOCK_SIZE)
            .then(|| 1024_u32.checked_shl(log_block_size))
            .flatten()
            .and_then(NonZeroU32::new)
            .ok_or_else(|| {
                s.corrupt(0x18, "a block of at most 64 KiB", format!("2^{log_block_size} KiB"))
            })?;
        let log_cluster_size =
            if features.has_ro_compat(ro_compat::BIGALLOC) { s.u32(0x1C)? } else { log_block_size };
        if !(log_block_size..=MAX_LOG_CLUSTER_SIZE).contains(&log_cluster_size) {
            let found = format!("2^{log_cluster_size} KiB");
            return Err(s.corrupt(0x1C, "a cluster of a block to 1 GiB", found));
        }

        let wide = features.has_incompat(incompat::SIXTY_FOUR_BIT);
        let high = |at| if wide { s.u32(at) } else { Ok(0) };
        let block_count = join(s.u32(0x4)?, high(0x150)?);
        let first_data_block = s.u32(0x14)?;
        let blocks_per_group = NonZeroU32::new(s.u32(0x20)?)
            .ok_or_else(|| s.corrupt(0x20, "blocks in a group", "0"))?;
        let inodes_per_group = NonZeroU64::new(u64::from(s.u32(0x28)?))
            .ok_or_else(|| s.corrupt(0x28, "inodes in a group", "0"))?;
        let inode_count = s.u32(0x0)?;
        if u64::from(first_data_block) >= block_count {
            return Err(s.corrupt(
                0x14,
                format!("a block below {block_count}"),
                first_data_block.to_string(),
            ));
        }
        let group_count = block_count
            .saturating_sub(u64::from(first_data_block))
            .div_ceil(u64::from(blocks_per_group.get()));
        if u64::from(inode_count) > group_count.saturating_mul(inodes_per_group.get()) {
            return Err(s.corrupt(
                0x0,
                format!("at most {inodes_per_group} inodes in each of {group_count} groups"),
                inode_count.to_string(),
            ));
        }

        let revision = s.u32(0x4C)?;
        let error_count = s.u32(0x194)?;
        let state = s.u16(0x3A)?;
        Ok(Self {
            features,
            revision,
            block_size,
            block_count,
            free_blocks: join(s.u32(0xC)?, high(0x158)?),
            inode_count,
            free_inodes: s.u32(0x10)?,
            first_data_block,
            blocks_per_group,
            blocks_per_cluster: 1_u64
                .checked_shl(log_cluster_size.saturating_sub(log_block_size))
                .unwrap_or(1),
            inodes_per_group,
            group_count,
            inode_size: inode_size(&s, revision, block_size.get())?,
            descriptor_size: descriptor_size(&s, wide, block_size.get())?,
            first_meta_group: s.u32(0x104)?,
            backup_groups: [s.u32(0x24C)?, s.u32(0x250)?],
            checksum_seed,
            journal_inode: s.u32(0xE0)?,
            journal_device: s.u32(0xE4)?,
            clean: state & STATE_VALID != 0,
            has_errors: state & STATE_ERROR != 0,
            error_count,
            first_error: error_record(&s, [0x198, 0x278, 0x19C, 0x1A0, 0x1A8, 0x1C8])?,
            last_error: error_record(&s, [0x1CC, 0x279, 0x1D0, 0x1D8, 0x1E0, 0x1D4])?,
            last_mounted: s.text(0x88, 64)?,
        })
    }

    /// The number of the device that the journal is on, when it is no file of the file system.
    pub(super) fn external_journal(&self) -> Option<u32> {
        let is_there = self.features.has_compat(compat::HAS_JOURNAL) && self.journal_inode == 0;
        Some(self.journal_device).filter(|device| is_there && *device != 0)
    }

    /// Whether a group holds a copy of the superblock
    /// (Documentation/filesystems/ext4/blockgroup.rst, "Layout").
    pub(super) fn has_superblock(&self, group: u64) -> bool {
        if group == 0 {
            return true;
        }
        if self.features.has_compat(compat::SPARSE_SUPER2) {
            return self.backup_groups.iter().any(|backup| u64::from(*backup) == group);
        }
        group == 1
            || !self.features.has_ro_compat(ro_compat::SPARSE_SUPER)
            || [3, 5, 7].into_iter().any(|base| is_power_of(base, group))
    }
}

/// Verifies the superblock's own checksum and gives the value from which all others start.
fn checksum_seed(s: &Structure<'_>, features: Features) -> Result<Option<u32>> {
    if !features.has_ro_compat(ro_compat::METADATA_CSUM) {
        return Ok(None);
    }
    let kind = s.u8(0x175)?;
    if kind != CHECKSUM_CRC32C {
        return Err(Error::unsupported(
            s.name,
            SUPERBLOCK_OFFSET.saturating_add(0x175),
            format!("checksum type {kind}"),
        ));
    }
    let stored = s.u32(0x3FC)?;
    let computed = crc32c(u32::MAX, s.bytes(0, 0x3FC)?);
    if !crate::checksum::holds(stored, computed) {
        return Err(s.corrupt(
            0x3FC,
            format!("checksum {computed:#010x}"),
            format!("{stored:#010x}"),
        ));
    }
    if features.has_incompat(incompat::CSUM_SEED) {
        return s.u32(0x270).map(Some);
    }
    Ok(Some(crc32c(u32::MAX, s.bytes(0x68, 16)?)))
}

fn inode_size(s: &Structure<'_>, revision: u32, block_size: u32) -> Result<usize> {
    if revision == 0 {
        return Ok(OLD_INODE_SIZE);
    }
    let size = s.u16(0x58)?;
    let wide = usize::from(size);
    if wide < OLD_INODE_SIZE || !size.is_power_of_two() || u32::from(size) > block_size {
        return Err(s.corrupt(
            0x58,
            "an inode size of 2^n bytes from 128 to a block",
            size.to_string(),
        ));
    }
    Ok(wide)
}

fn descriptor_size(s: &Structure<'_>, wide: bool, block_size: u32) -> Result<u32> {
    if !wide {
        return Ok(OLD_DESCRIPTOR_SIZE);
    }
    let size = u32::from(s.u16(0xFE)?);
    if size < WIDE_DESCRIPTOR_SIZE || !size.is_power_of_two() || size > block_size {
        return Err(s.corrupt(
            0xFE,
            "a descriptor size of 2^n bytes from 64 to a block",
            size.to_string(),
        ));
    }
    Ok(size)
}

/// One of the two error records; none was written while its time is 0.
fn error_record(s: &Structure<'_>, fields: [usize; 6]) -> Result<Option<ErrorRecord>> {
    let [time, time_high, inode, block, function, line] = fields;
    let time = join(s.u32(time)?, u32::from(s.u8(time_high)?));
    if time == 0 {
        return Ok(None);
    }
    Ok(Some(ErrorRecord {
        time,
        inode: s.u32(inode)?,
        block: s.u64(block)?,
        function: s.text(function, 32)?,
        line: s.u32(line)?,
    }))
}

fn is_power_of(base: u64, group: u64) -> bool {
    let mut power = base;
    while power < group {
        power = power.saturating_mul(base);
    }
    power == group
}
