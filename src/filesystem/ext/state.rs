//! What a file system says about itself.

use super::superblock::{SUPERBLOCK_OFFSET, field};
use crate::error::Error;
use crate::fact::{Evidence, Fact, Unread};
use crate::filesystem::health::{cut, large_pages, place, refused};
use crate::filesystem::{Health, Need, NeedKind, Shutdown, Space};

/// Plain facts about an ext file system, as its superblock and journal tell them.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ExtState {
    /// `ext2`, `ext3` or `ext4`, as libblkid names it.
    pub kind: &'static str,
    /// `s_rev_level`: 0 for the first layout, 1 since.
    pub revision: u32,
    /// Features by the names of `mke2fs -O`; a bit without a name as `ro_compat 0x20000`.
    pub features: Vec<String>,
    /// Bytes of a block.
    pub block_size: u32,
    /// Number of blocks.
    pub blocks: u64,
    /// Free blocks: as the groups count them when the file system was in use, because the
    /// superblock's number is then an old one; else, or when they cannot all be read, that number.
    pub free_blocks: u64,
    /// Number of inodes.
    pub inodes: u32,
    /// Free inodes, counted in the same way.
    pub free_inodes: u64,
    /// Why the groups could not be counted, so that both numbers are old ones.
    pub uncounted: Option<Error>,
    /// Bytes that the file system has but the volume does not: it was cut.
    pub missing_bytes: u64,
    /// The feature `needs_recovery`: the journal held changes when the file system was last used.
    pub needs_recovery: bool,
    /// `s_state` says that it was unmounted cleanly. A file system with a journal says so while it
    /// is in use as well; `needs_recovery` tells the difference.
    pub clean: bool,
    /// `s_state` says that errors were seen.
    pub has_errors: bool,
    /// `s_error_count`: errors since the last check.
    pub error_count: u32,
    /// The first of them.
    pub first_error: Option<ErrorRecord>,
    /// The last of them.
    pub last_error: Option<ErrorRecord>,
    /// `s_last_mounted`: where it was last mounted; empty when never.
    pub last_mounted: String,
    /// `s_journal_dev`: the number of the device that the journal is on; none when it is a file, or
    /// there is none.
    pub journal_device: Option<u32>,
    /// What became of the journal.
    pub journal: JournalState,
}

/// An error that the kernel noted in the superblock.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ErrorRecord {
    /// When, in seconds since 1970-01-01 UTC.
    pub time: u64,
    /// The inode concerned, or 0.
    pub inode: u32,
    /// The block concerned, or 0.
    pub block: u64,
    /// The kernel's function that saw it.
    pub function: String,
    /// The line in the kernel's source.
    pub line: u32,
}

/// What became of the journal. Whatever it was, the file system can be read; it is what the next
/// mount would see when the journal is [`Absent`](Self::Absent), [`Clean`](Self::Clean) or
/// [`Replayed`](Self::Replayed) with all its fast commits.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum JournalState {
    /// There is none.
    Absent,
    /// It holds nothing that a mount would replay.
    Clean,
    /// Its committed transactions were replayed in memory.
    Replayed(Replay),
    /// It holds changes, but could not be read: what is read may be old or inconsistent.
    NotReplayed {
        /// Why.
        reason: String,
    },
}

/// A replay of the journal in memory.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Replay {
    /// First transaction of the log.
    pub first_transaction: u32,
    /// Number of committed transactions from there on; 0 when none was complete.
    pub transactions: u32,
    /// Blocks of the file system that are read from the journal.
    pub blocks: u64,
    /// Blocks that a later record revoked.
    pub revoked: u64,
    /// Blocks in the log that contradict their checksum, so that they were left out (the kernel
    /// replays the rest and then reports the failure).
    pub damaged: u64,
    /// What became of the fast commits behind the last transaction; none when there are none.
    pub fast_commits: Option<FastCommitState>,
}

/// What became of fast commits: changes to names, sizes and block maps.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct FastCommitState {
    /// Where they begin, as a byte of the volume.
    pub at: u64,
    /// Number of changes that were replayed in memory.
    pub changes: u64,
    /// Why they could not be replayed, so that the newest changes are missing.
    pub not_replayed: Option<String>,
}

/// Names a field of the superblock.
fn superblock(field: u64) -> String {
    place("ext superblock", SUPERBLOCK_OFFSET.saturating_add(field))
}

impl ExtState {
    /// The same in the words of every file system.
    pub(super) fn health(&self) -> Health {
        let (shutdown, seen) = if self.needs_recovery {
            (Shutdown::Unclean, Evidence::new(superblock(field::INCOMPAT), "needs_recovery"))
        } else if self.clean {
            (Shutdown::Clean, Evidence::new(superblock(field::STATE), "s_state valid"))
        } else {
            (Shutdown::Unclean, Evidence::new(superblock(field::STATE), "s_state not valid"))
        };
        let block = u64::from(self.block_size);
        Health {
            shutdown: Fact::Known((shutdown, seen)),
            stale: self.stale(),
            unchecked: None,
            errors: self.errors(),
            needs: self.needs(),
            space: self.space(block),
        }
    }

    fn space(&self, block: u64) -> Fact<Space> {
        if let Some(error) = &self.uncounted {
            return Fact::unknown("ext group descriptors", error.to_string());
        }
        let space = Space {
            total: self.blocks.saturating_mul(block),
            free: self.free_blocks.saturating_mul(block),
            inodes: Some((self.inodes.into(), self.free_inodes)),
            evidence: Evidence::new(
                superblock(field::FREE_BLOCKS),
                format!(
                    "{} of {} blocks of {block} bytes, {} of {} inodes",
                    self.free_blocks, self.blocks, self.free_inodes, self.inodes
                ),
            ),
        };
        space.plausible()
    }

    /// Linux: fs/ext4/super.c, `ext4_load_super` and `ext4_get_dev_journal`; blocks larger than a
    /// page came with Linux 6.19.
    fn needs(&self) -> Vec<Need> {
        let block = superblock(field::LOG_BLOCK_SIZE);
        let mut needs: Vec<Need> =
            large_pages(block, self.block_size.into(), (6, 19)).into_iter().collect();
        needs.extend(self.journal_device.map(|number| {
            let detail =
                format!("its journal is on another device, {}:{}", number >> 8, number & 0xff);
            let evidence = Evidence::new(superblock(field::JOURNAL_DEVICE), detail);
            Need { kind: NeedKind::LogDevice(false), evidence }
        }));
        needs
    }

    fn stale(&self) -> Option<Unread> {
        if let Some(cut) = self.cut() {
            return Some(refused(&cut));
        }
        match &self.journal {
            JournalState::NotReplayed { reason } => Some(Unread::new("ext journal", reason)),
            JournalState::Replayed(Replay {
                fast_commits: Some(FastCommitState { at, not_replayed: Some(reason), .. }),
                ..
            }) => {
                let reason = format!("its fast commits could not be replayed: {reason}");
                Some(Unread::new(place("ext journal", *at), reason))
            }
            JournalState::Replayed(Replay { damaged, .. }) if *damaged > 0 => {
                let reason = format!("{damaged} of its blocks contradict their checksum");
                Some(Unread::new("ext journal", reason))
            }
            _ => None,
        }
    }

    /// The kernel does not mount it when a part is missing (`ext4_geometry_check`).
    fn cut(&self) -> Option<Evidence> {
        cut(superblock(field::BLOCKS), self.missing_bytes)
    }

    fn errors(&self) -> Vec<Evidence> {
        let mut errors: Vec<Evidence> = self.cut().into_iter().collect();
        if self.has_errors {
            errors.push(Evidence::new(superblock(field::STATE), "s_state has the error bit"));
        }
        if self.error_count > 0 {
            let detail = format!("{} errors since the last check", self.error_count);
            errors.push(Evidence::new(superblock(field::ERROR_COUNT), detail));
        }
        if let JournalState::Replayed(Replay { damaged: damaged @ 1.., .. }) = &self.journal {
            let detail = format!("{damaged} blocks contradict their checksum");
            errors.push(Evidence::new("ext journal", detail));
        }
        let records = [
            ("first", field::FIRST_ERROR, &self.first_error),
            ("last", field::LAST_ERROR, &self.last_error),
        ];
        for (which, field, record) in records {
            if let Some(ErrorRecord { time, inode, block, function, line }) = record {
                let detail = format!(
                    "{which} error: {function}:{line}, inode {inode}, block {block}, at {time} seconds since 1970"
                );
                errors.push(Evidence::new(superblock(field), detail));
            }
        }
        errors
    }
}
