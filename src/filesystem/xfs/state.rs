//! What a file system says about itself.

/// Plain facts about an XFS file system, as its superblock and log tell them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct XfsState {
    /// 4, or 5 with checksums.
    pub version: u16,
    /// Features by the names of `mkfs.xfs`; a bit without a name as `ro_compat 0x10`.
    pub features: Vec<String>,
    /// Bytes of a block.
    pub block_size: u64,
    /// Bytes of a sector.
    pub sector_size: u64,
    /// Bytes of an inode.
    pub inode_size: usize,
    /// Bytes of a directory block.
    pub directory_block_size: usize,
    /// Number of blocks of the data device.
    pub blocks: u64,
    /// Number of allocation groups.
    pub allocation_groups: u64,
    /// Free blocks: as the allocation groups count them when the log was not clean, because the
    /// superblock's number is then an old one; else, or when they cannot all be read, that number.
    pub free_blocks: u64,
    /// Number of inodes that exist, and how many of them are free, counted in the same way.
    pub inodes: u64,
    /// Free ones among [`inodes`](Self::inodes).
    pub free_inodes: u64,
    /// Blocks of the real-time device; 0 without one.
    pub realtime_blocks: u64,
    /// Bytes that the file system has but the volume does not: it was cut.
    pub missing_bytes: u64,
    /// The feature `needsrepair`: the kernel does not mount it before `xfs_repair` has run.
    pub needs_repair: bool,
    /// The log is on another device.
    pub external_log: bool,
    /// What became of the log.
    pub log: LogState,
}

/// What became of the log. Whatever it was, the file system can be read; it is what the next mount
/// would see when the log is [`Clean`](Self::Clean) or [`Replayed`](Self::Replayed) without
/// unfinished changes.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum LogState {
    /// Its last record is that of an unmount.
    Clean,
    /// Its committed transactions were replayed in memory.
    Replayed(Replay),
    /// It holds changes, but could not be replayed: what is read may be old or inconsistent.
    NotReplayed {
        /// Why.
        reason: String,
    },
    /// Whether it holds changes could not be told.
    Unknown {
        /// Why.
        reason: String,
    },
}

/// A replay of the log in memory.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Replay {
    /// Records of the log that were read.
    pub records: u64,
    /// Committed transactions (checkpoints) among them.
    pub transactions: u64,
    /// Bytes of the volume that are read from the log.
    pub bytes: u64,
    /// The last record was not completely written, so that it does not count.
    pub torn: bool,
    /// Changes of which blocks hold a file that were announced and not finished: the kernel would
    /// finish them, this reader does not.
    pub unfinished: u64,
}
