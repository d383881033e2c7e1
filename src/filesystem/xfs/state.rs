//! What a file system says about itself.

use crate::error::Error;
use crate::fact::{Evidence, Fact, Unread};
use crate::filesystem::health::{cut, large_pages, place, refused};
use crate::filesystem::{Health, Need, NeedKind, Shutdown, Space};

/// Plain facts about an XFS file system, as its superblock and log tell them.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
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
    /// Whether that is the sum over the allocation groups.
    pub is_counted: bool,
    /// Why the allocation groups could not be counted though they should be, so that the superblock's
    /// old numbers stand.
    pub uncounted: Option<Error>,
    /// Number of inodes that exist, and how many of them are free, counted in the same way.
    pub inodes: u64,
    /// Free ones among [`inodes`](Self::inodes).
    pub free_inodes: u64,
    /// Blocks of the real-time device; 0 without one.
    pub realtime_blocks: u64,
    /// The first thing in the superblock or in the headers of the allocation groups (AGF, AGI), as
    /// the log leaves them, for which the kernel does not mount it, or shuts it down once it looks
    /// there.
    pub refusal: Option<Error>,
    /// The first of those headers that the kernel does not look at before it allocates in the group:
    /// it mounts the file system, and shuts it down then.
    pub damage: Option<Error>,
    /// The bound at which no more headers were looked at: there may be refusals and damage behind it.
    pub unchecked: Option<Error>,
    /// Bytes that the file system has but the volume does not: it was cut, and is not mounted.
    pub missing_bytes: u64,
    /// The feature `needsrepair`: the kernel does not mount it before `xfs_repair` has run.
    pub needs_repair: bool,
    /// The log is on another device.
    pub external_log: bool,
    /// What became of the log.
    pub log: LogState,
    /// Where the log lies, as a byte of the volume; 0 when it is on another device.
    pub log_at: u64,
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
#[non_exhaustive]
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

/// Where the size and the number of blocks, the log's first block, the free blocks and the incompatible features stand in the superblock.
const BLOCK_SIZE: u64 = 4;
const BLOCKS: u64 = 8;
const LOG_START: u64 = 48;
const FREE_BLOCKS: u64 = 144;
const INCOMPAT: u64 = 216;

fn evidence(error: &Error) -> Evidence {
    match error {
        Error::Corrupt { structure, offset, expected, found } => {
            let detail = format!("expected {expected}, found {found}");
            Evidence::new(place(structure, *offset), detail)
        }
        error => Evidence::new("xfs allocation groups", error.to_string()),
    }
}

impl XfsState {
    /// What the kernel does not mount it for, by Linux fs/xfs/xfs_mount.c (`xfs_mountfs`).
    fn refusals(&self) -> Vec<Evidence> {
        let mut found = Vec::new();
        if self.needs_repair {
            found.push(Evidence::new(place("xfs superblock", INCOMPAT), "needsrepair"));
        }
        found.extend(cut(place("xfs superblock", BLOCKS), self.missing_bytes));
        found.extend(self.refusal.as_ref().map(evidence));
        found
    }

    /// Blocks larger than a page came with Linux 6.12 (fs/xfs/xfs_super.c, `xfs_fs_fill_super`); a log
    /// on another device is named by `logdev=` (xfs(5)).
    fn needs(&self) -> Vec<Need> {
        let block = place("xfs superblock", BLOCK_SIZE);
        let mut needs: Vec<Need> =
            large_pages(block, self.block_size, (6, 12)).into_iter().collect();
        if self.external_log {
            let evidence =
                Evidence::new(place("xfs superblock", LOG_START), "its log is on another device");
            needs.push(Need { kind: NeedKind::LogDevice(true), evidence });
        }
        needs
    }

    /// The same in the words of every file system.
    pub(super) fn health(&self) -> Health {
        let log = place("xfs log", self.log_at);
        let shutdown = match &self.log {
            LogState::Clean => Fact::Known((Shutdown::Clean, Evidence::new(&log, "unmounted"))),
            LogState::Replayed(_) | LogState::NotReplayed { .. } => {
                let detail = "its last record is not that of an unmount";
                Fact::Known((Shutdown::Unclean, Evidence::new(&log, detail)))
            }
            LogState::Unknown { reason } => Fact::unknown(&log, reason),
        };
        let stale = match &self.log {
            LogState::NotReplayed { reason } | LogState::Unknown { reason } => {
                Some(Unread::new(log, reason))
            }
            LogState::Replayed(Replay { unfinished, .. }) if *unfinished > 0 => {
                let reason = format!(
                    "{unfinished} changes of which blocks hold a file were begun and not finished"
                );
                Some(Unread::new(log, reason))
            }
            _ => None,
        };
        let mut errors = self.refusals();
        let unchecked = self.unchecked.as_ref().map(|bound| {
            let Evidence { location, detail, .. } = evidence(bound);
            Unread::new(location, detail)
        });
        let stale = errors.first().map(refused).or(stale);
        errors.extend(self.damage.as_ref().map(|damage| {
            let Evidence { location, detail, .. } = evidence(damage);
            let then = "the kernel mounts it, and shuts it down when it allocates in that group";
            Evidence::new(location, format!("{detail}: {then}"))
        }));
        let Self { blocks, free_blocks, block_size, .. } = self;
        let counted = if self.is_counted { "xfs AGF" } else { "xfs superblock" };
        let space = match &self.uncounted {
            Some(error) => Fact::unknown("xfs allocation groups", error.to_string()),
            None => Space {
                total: blocks.saturating_mul(*block_size),
                free: free_blocks.saturating_mul(*block_size),
                inodes: None,
                evidence: Evidence::new(
                    place(counted, if self.is_counted { self.sector_size } else { FREE_BLOCKS }),
                    format!("{free_blocks} of {blocks} blocks of {block_size} bytes"),
                ),
            }
            .plausible(),
        };
        Health { shutdown, stale, unchecked, errors, needs: self.needs(), space }
    }
}
