//! What the committed transactions change (Linux fs/xfs/xfs_log_recover.c,
//! `xlog_recover_commit_trans`).

use std::collections::{BTreeMap, HashSet};

use super::record::Record;
use super::transaction::{Item, Transaction, each_committed};
use super::{Log, buffer_item, inode_create, inode_item};
use crate::bytes::Bytes;
use crate::error::{Error, Result};
use crate::filesystem::xfs::state::Replay;
use crate::filesystem::xfs::superblock::Superblock;
use crate::filesystem::xfs::volume::{BASIC_BLOCK, BASIC_BLOCK_U64, Overlay, Volume};

/// Most bytes that a replay writes, over themselves or not: eight times what the longest log holds.
/// Without it, creations of inodes, which are short in the log and long on the volume, could be
/// repeated for hours.
const MAX_WRITTEN: u64 = 1 << 30;

/// What it takes in memory to know of a buffer that is cancelled, or of a change that is announced.
const NOTE_COST: u64 = 48;

/// The types of items (`XFS_LI_…`).
mod kind {
    pub(super) const INODE: u16 = 0x123B;
    pub(super) const BUFFER: u16 = 0x123C;
    pub(super) const INODE_CREATE: u16 = 0x123F;

    /// Changes of a file's map that are announced, and that they are done: by remapping, and by
    /// exchanging the ranges of two files.
    pub(super) const MAP_INTENTS: [u16; 2] = [0x1244, 0x1248];
    pub(super) const MAP_DONE: [u16; 2] = [0x1245, 0x1249];

    /// What changes only what is free, counted or an extended attribute: to free extents, unlinked
    /// inodes, quotas, reverse maps, reference counts, attributes; the same on a real-time device.
    pub(super) const NOT_READ: [u16; 17] = [
        0x1236, 0x1237, 0x1238, 0x123D, 0x123E, 0x1240, 0x1241, 0x1242, 0x1243, 0x1246, 0x1247,
        0x124A, 0x124B, 0x124C, 0x124D, 0x124E, 0x124F,
    ];
}

/// A replay under way.
pub(super) struct Recovery<'a> {
    pub(super) volume: &'a Volume,
    pub(super) superblock: &'a Superblock,
    overlay: Overlay,
    /// Buffers that a later item cancels, by first block and length, and how many such items
    /// are still to come.
    cancelled: BTreeMap<(u64, u64), u64>,
    /// Bytes written so far.
    written: u64,
    unfinished: HashSet<(u16, u64)>,
    /// B+trees of extents whose owner would have to be changed.
    owner_changes: u64,
}

impl<'a> Recovery<'a> {
    /// Replays the records.
    pub(super) fn run(log: &Log<'a>, records: &[Record], torn: bool) -> Result<(Replay, Overlay)> {
        let mut recovery = Self {
            volume: log.volume,
            superblock: log.superblock,
            overlay: Overlay::default(),
            cancelled: BTreeMap::new(),
            written: 0,
            unfinished: HashSet::new(),
            owner_changes: 0,
        };
        let mut transactions = 0_u64;
        each_committed(log, records, &mut |transaction| {
            transactions = transactions.saturating_add(1);
            for item in &transaction.items {
                if item.kind()? == kind::BUFFER
                    && let Some(buffer) = buffer_item::cancelled(item)?
                {
                    let count = recovery.cancelled.entry(buffer).or_default();
                    if *count == 0 {
                        log.volume.budget().keep(NOTE_COST)?;
                    }
                    *count = count.saturating_add(1);
                }
            }
            Ok(())
        })?;
        each_committed(log, records, &mut |transaction| recovery.replay(&transaction))?;
        let blocks = u64::try_from(recovery.overlay.blocks.len()).unwrap_or(u64::MAX);
        let unfinished = u64::try_from(recovery.unfinished.len()).unwrap_or(u64::MAX);
        let replay = Replay {
            records: u64::try_from(records.len()).unwrap_or(u64::MAX),
            transactions,
            bytes: blocks.saturating_mul(BASIC_BLOCK_U64),
            torn,
            unfinished: unfinished.saturating_add(recovery.owner_changes),
        };
        Ok((replay, recovery.overlay))
    }

    /// Buffers go before what changes parts of them, and what cancels buffers goes last
    /// (`xlog_recover_reorder_trans`).
    fn replay(&mut self, transaction: &Transaction) -> Result<()> {
        let mut others = Vec::new();
        let mut cancels = Vec::new();
        for item in &transaction.items {
            match item.kind()? {
                kind::BUFFER => match buffer_item::cancelled(item)? {
                    Some(buffer) => cancels.push(buffer),
                    None => buffer_item::replay(self, item, transaction.sequence)?,
                },
                kind::INODE_CREATE => inode_create::replay(self, item)?,
                _ => others.push(item),
            }
        }
        for item in others {
            let kind = item.kind()?;
            let id = || item.region(0).u64(8);
            if kind == kind::INODE {
                inode_item::replay(self, item, transaction.sequence)?;
            } else if let Some(intent) = kind::MAP_INTENTS.iter().find(|intent| **intent == kind) {
                if self.unfinished.insert((*intent, id()?)) {
                    self.volume.budget().keep(NOTE_COST)?;
                }
            } else if let Some((_, intent)) =
                kind::MAP_DONE.iter().zip(kind::MAP_INTENTS).find(|(done, _)| **done == kind)
            {
                self.unfinished.remove(&(intent, id()?));
            } else if !kind::NOT_READ.contains(&kind) {
                return Err(Error::unsupported("xfs log item", 0, format!("type {kind:#x}")));
            }
        }
        for buffer in cancels {
            if let Some(left) = self.cancelled.get_mut(&buffer) {
                *left = left.saturating_sub(1);
                if *left == 0 {
                    self.cancelled.remove(&buffer);
                }
            }
        }
        Ok(())
    }

    /// Whether a later item cancels exactly this buffer.
    pub(super) fn is_cancelled(&self, block: u64, blocks: u64) -> bool {
        self.cancelled.contains_key(&(block, blocks))
    }

    /// Whether a later item cancels a buffer that lies in this range.
    pub(super) fn is_any_cancelled(&self, block: u64, blocks: u64) -> bool {
        let end = block.saturating_add(blocks);
        self.cancelled.range((block, 0)..(end, 0)).next().is_some()
    }

    /// The tree of an inode has blocks that name another as their owner.
    pub(super) fn note_owner_change(&mut self) {
        self.owner_changes = self.owner_changes.saturating_add(1);
    }

    /// `len` bytes of the volume as they are at this point of the replay.
    pub(super) fn read(&self, byte: u64, len: usize) -> Result<Vec<u8>> {
        let mut buf = vec![0; len];
        self.volume.read_at(byte, &mut buf)?;
        self.overlay.apply(byte, &mut buf);
        Ok(buf)
    }

    /// Replaces the bytes of the volume from `byte` on by a row of them, if any, and empties it.
    /// Gives where it ends.
    pub(super) fn write_row(&mut self, byte: u64, row: &mut Vec<u8>) -> Result<u64> {
        if row.is_empty() {
            return Ok(byte);
        }
        self.write(byte, row)?;
        let end = byte.saturating_add(u64::try_from(row.len()).unwrap_or(u64::MAX));
        row.clear();
        Ok(end)
    }

    /// Replaces bytes of the volume.
    pub(super) fn write(&mut self, byte: u64, bytes: &[u8]) -> Result<()> {
        self.written = self.written.saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
        if self.written > MAX_WRITTEN {
            return Err(Error::Limit {
                structure: "xfs log",
                limit: MAX_WRITTEN,
                unit: "bytes to write",
            });
        }
        // Partitions that overlap can show one log hundreds of times.
        let budget = self.volume.budget();
        budget.spend_on_journals(u64::try_from(bytes.len()).unwrap_or(u64::MAX))?;
        let within = usize::try_from(byte % BASIC_BLOCK_U64).unwrap_or_default();
        let first = byte / BASIC_BLOCK_U64;
        let start = first.saturating_mul(BASIC_BLOCK_U64);
        let len = within.saturating_add(bytes.len()).next_multiple_of(BASIC_BLOCK);
        let mut whole = self.read(start, len)?;
        for (target, source) in whole.iter_mut().skip(within).zip(bytes) {
            *target = *source;
        }
        for (block, number) in whole.as_chunks::<BASIC_BLOCK>().0.iter().zip(first..) {
            if self.overlay.blocks.insert(number, Box::new(*block)).is_none() {
                budget.keep(BASIC_BLOCK_U64)?;
            }
        }
        Ok(())
    }
}

impl Item {
    fn kind(&self) -> Result<u16> {
        self.region(0).u16(0)
    }
}
