//! The log (*XFS Algorithms & Data Structures*, "Journaling Log"; Linux
//! fs/xfs/libxfs/xfs_log_format.h) and its replay in memory.
//!
//! In: the file system as it lies on the volume. Out: the basic blocks that a mount would replace.
//!
//! The log of a version 4 file system is not replayed. Its items are those of version 5 but for
//! checksums and the numbers that tell which write is newer, so that each buffer of it replaces
//! what lies there; whether that was done right nothing at hand can tell: current kernels are built
//! without version 4 (`CONFIG_XFS_SUPPORT_V4`), `xfs_logprint` prints a log, and `xfs_repair` empties
//! it.

mod buffer_item;
mod head;
mod inode_create;
mod inode_item;
mod record;
mod replay;
mod transaction;

use self::record::Record;
use self::replay::Recovery;
use super::feature::log_incompat;
use super::state::{LogState, Replay};
use super::superblock::Superblock;
use super::volume::{BASIC_BLOCK, BASIC_BLOCK_U64, Overlay, Span, Volume};
use crate::error::{Error, Result};

/// Most bytes of a log that are replayed: twice the log that mkfs.xfs makes by itself on a volume of
/// less than 128 GiB.
const MAX_LOG_BYTES: u64 = 128 << 20;

/// Most records that may be incomplete at the end: those that the kernel writes at the same time
/// (`XLOG_MAX_ICLOGS`).
const MAX_TORN: usize = 8;

/// Replays the log, if a mount would.
pub(super) fn replay(volume: &Volume, superblock: &Superblock) -> (LogState, Overlay) {
    let unknown = |reason: String| (LogState::Unknown { reason }, Overlay::default());
    let end = match Log::open(volume, superblock).and_then(|log| Ok((log.end()?, log))) {
        Ok((end, log)) => end.map(|end| (end, log)),
        Err(error) => return unknown(error.to_string()),
    };
    let Some((end, log)) = end else {
        return (LogState::Clean, Overlay::default());
    };
    match log.must_be_known().and_then(|()| log.replay(end)) {
        Ok((replay, overlay)) => (LogState::Replayed(replay), overlay),
        Err(error) => (LogState::NotReplayed { reason: error.to_string() }, Overlay::default()),
    }
}

/// The basic blocks of the log, numbered from 0. Behind the last comes the first.
struct Log<'a> {
    volume: &'a Volume,
    superblock: &'a Superblock,
    start: u64,
    blocks: u64,
}

/// Where a log that is not clean ends.
struct End {
    /// The block behind the last record.
    head: u64,
    /// The last record.
    last: Record,
    /// A record behind it was not completely written.
    torn: bool,
}

impl<'a> Log<'a> {
    fn open(volume: &'a Volume, superblock: &'a Superblock) -> Result<Self> {
        if superblock.log_start == 0 {
            return Err(Error::unsupported("xfs log", 0, "a log on another device"));
        }
        let geometry = &volume.geometry;
        let start = geometry
            .block_byte(superblock.log_start, superblock.log_blocks)
            .filter(|_| superblock.log_blocks > 0)
            .ok_or_else(|| {
                let found =
                    format!("{} blocks at {:#x}", superblock.log_blocks, superblock.log_start);
                Error::corrupt("xfs superblock", 48, "a log inside one allocation group", found)
            })?;
        let bytes = superblock.log_blocks.saturating_mul(geometry.block_size);
        Ok(Self { volume, superblock, start, blocks: bytes / BASIC_BLOCK_U64 })
    }

    /// A basic block.
    fn block(&self, at: u64) -> Result<Span<'a>> {
        self.volume.span(self.byte(at), BASIC_BLOCK)
    }

    fn byte(&self, at: u64) -> u64 {
        self.start.saturating_add(at.saturating_mul(BASIC_BLOCK_U64))
    }

    /// The block that comes `count` blocks behind `at`. No caller goes further than once round.
    fn after(&self, at: u64, count: u64) -> u64 {
        let next = at.saturating_add(count);
        next.checked_sub(self.blocks).unwrap_or(next)
    }

    /// The block that comes `count` blocks before `at`.
    fn before(&self, at: u64, count: u64) -> u64 {
        self.after(at, self.blocks.saturating_sub(count))
    }

    /// Fails for logs that a replay could misread.
    fn must_be_known(&self) -> Result<()> {
        let features = self.superblock.features;
        if !features.is_v5() {
            let what = "the replay of a log of version 4";
            return Err(Error::unsupported("xfs log", self.start, what));
        }
        let unknown = features.log_incompat & !log_incompat::XATTRS;
        if unknown != 0 {
            let what = format!("the log feature {unknown:#x}");
            return Err(Error::unsupported("xfs superblock", 220, what));
        }
        Ok(())
    }

    /// The records from the one that the last one names as the oldest that matters.
    fn records(&self, end: &End) -> Result<Vec<Record>> {
        let mut records = Vec::new();
        let mut at = end.last.tail;
        let mut left = self.blocks;
        let mut bytes = 0_u64;
        while at != end.head {
            let record = Record::read(self, at)?;
            left = left.checked_sub(record.blocks()).ok_or_else(|| {
                let found = "records that do not end there";
                Error::corrupt("xfs log", self.byte(at), "records up to the head", found)
            })?;
            bytes = bytes.saturating_add(u64::try_from(record.len).unwrap_or(u64::MAX));
            if bytes > MAX_LOG_BYTES {
                let limit = MAX_LOG_BYTES;
                return Err(Error::Limit { structure: "xfs log", limit, unit: "bytes" });
            }
            // Partitions that overlap can show one log hundreds of times.
            let blocks = record.blocks();
            self.volume.budget().spend_on_journals(blocks.saturating_mul(BASIC_BLOCK_U64))?;
            at = self.after(at, blocks);
            records.push(record);
        }
        Ok(records)
    }

    fn replay(&self, mut end: End) -> Result<(Replay, Overlay)> {
        for _ in 0..=MAX_TORN {
            let records = self.records(&end)?;
            let first_young = records.len().saturating_sub(MAX_TORN);
            let mut bad = None;
            for (index, record) in records.iter().enumerate() {
                match record.verify(self) {
                    Ok(()) => {}
                    Err(_) if index >= first_young && index > 0 => {
                        bad = Some(index);
                        break;
                    }
                    Err(error) => return Err(error),
                }
            }
            // A record that was being written ends the log before it, and the one before tells
            // from where on the log matters (`xlog_verify_head`).
            let before =
                bad.and_then(|bad| Some((records.get(bad)?, records.get(bad.checked_sub(1)?)?)));
            match before {
                Some((bad, last)) => {
                    end = End { head: bad.at, last: last.clone(), torn: true };
                }
                None => return Recovery::run(self, &records, end.torn),
            }
        }
        let found = format!("more than {MAX_TORN}");
        Err(Error::corrupt("xfs log", self.start, "few incomplete records", found))
    }
}
