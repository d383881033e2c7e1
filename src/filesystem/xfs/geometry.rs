//! Where things lie: block and inode numbers are made of the number of an allocation group and a
//! place in it (*XFS Algorithms & Data Structures*, "Allocation Groups", "Inode Numbers").

/// The sizes of a file system. [`super::superblock::Superblock::parse`] has checked them: each
/// shift is below 32, and the last group has at least one block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Geometry {
    /// Bytes of a block: 2^`block_log`, 512 to 64 KiB.
    pub(super) block_size: u64,
    pub(super) block_log: u32,
    /// Number of blocks of the data device.
    pub(super) block_count: u64,
    pub(super) group_count: u64,
    /// Blocks of each group but the last.
    pub(super) group_blocks: u64,
    /// Bits of a block number that count within a group.
    pub(super) group_block_log: u32,
    /// Bytes of an inode: 2^`inode_log`, 256 to 2048.
    pub(super) inode_log: u32,
    /// Blocks of a directory block: 2^`directory_log`.
    pub(super) directory_log: u32,
}

/// The first inode number that none can have (`XFS_MAXINUMBER`).
const INODE_NUMBERS: u64 = 1 << 56;

impl Geometry {
    /// Bytes of an inode.
    pub(super) fn inode_len(&self) -> usize {
        1_usize.checked_shl(self.inode_log).unwrap_or_default()
    }

    /// Blocks of a directory block.
    pub(super) fn blocks_per_directory_block(&self) -> u64 {
        1_u64.checked_shl(self.directory_log).unwrap_or(1)
    }

    /// Bytes of a directory block.
    pub(super) fn directory_block_len(&self) -> usize {
        1_usize.checked_shl(self.block_log.saturating_add(self.directory_log)).unwrap_or_default()
    }

    /// How many directory blocks so many bytes fill; `None` when the last is not whole.
    pub(super) fn directory_blocks(&self, bytes: u64) -> Option<u64> {
        let log = self.block_log.saturating_add(self.directory_log);
        let blocks = bytes.checked_shr(log)?;
        (blocks.checked_shl(log)? == bytes).then_some(blocks)
    }

    /// The directory block that a block of a directory belongs to.
    pub(super) fn directory_block_of(&self, block: u64) -> u64 {
        block.checked_shr(self.directory_log).unwrap_or_default()
    }

    /// Whether it differs from `before` at most in the number of blocks and groups.
    pub(super) fn is_growth_of(&self, before: &Self) -> bool {
        let Self { block_count, group_count, .. } = *self;
        *self == Self { block_count, group_count, ..*before }
    }

    /// The byte at which `blocks` blocks from block number `number` on lie; `None` unless they all
    /// lie in one group.
    pub(super) fn block_byte(&self, number: u64, blocks: u64) -> Option<u64> {
        let group = number.checked_shr(self.group_block_log)?;
        let within = number & low_bits(self.group_block_log);
        self.group_byte(group, within, blocks)
    }

    /// The byte at which `blocks` blocks of a group lie, from its block `within` on.
    pub(super) fn group_byte(&self, group: u64, within: u64, blocks: u64) -> Option<u64> {
        if group >= self.group_count {
            return None;
        }
        let first = group.checked_mul(self.group_blocks)?;
        let len = self.block_count.saturating_sub(first).min(self.group_blocks);
        if within.checked_add(blocks)? > len {
            return None;
        }
        first.checked_add(within)?.checked_mul(self.block_size)
    }

    /// The number of the first inode in block `within` of a group.
    pub(super) fn first_inode(&self, group: u64, within: u64) -> u64 {
        let block = group.checked_shl(self.group_block_log).unwrap_or_default() | within;
        let per_block_log = self.block_log.saturating_sub(self.inode_log);
        block.checked_shl(per_block_log).unwrap_or_default()
    }

    /// The group that an inode lies in.
    pub(super) fn group_of(&self, inode: u64) -> u64 {
        let per_block_log = self.block_log.saturating_sub(self.inode_log);
        let log = self.group_block_log.saturating_add(per_block_log);
        inode.checked_shr(log).unwrap_or_default()
    }

    /// The byte at which an inode lies; `None` when no inode can have that number.
    pub(super) fn inode_byte(&self, number: u64) -> Option<u64> {
        // The first block of a group holds its superblock and headers.
        if number == 0 || number >= INODE_NUMBERS {
            return None;
        }
        let per_block_log = self.block_log.saturating_sub(self.inode_log);
        let index = number & low_bits(per_block_log);
        let block = self.block_byte(number.checked_shr(per_block_log)?, 1)?;
        block.checked_add(index.checked_shl(self.inode_log)?)
    }
}

fn low_bits(count: u32) -> u64 {
    1_u64.checked_shl(count).map_or(u64::MAX, |bit| bit.saturating_sub(1))
}
