//! The journal (jbd2; Linux Documentation/filesystems/ext4/journal.rst) and its replay in memory.
//!
//! In: the file system as it lies on the volume. Out: which blocks a mount would replace, and where
//! in the log their new content lies. Nothing is copied.

mod commit;
mod descriptor;
mod fast_commit;
mod revoke;
mod superblock;

use std::borrow::Cow;
use std::collections::HashMap;

use self::descriptor::Tag;
pub(super) use self::fast_commit::{Change, Found, Naming};
use self::revoke::Revoked;
use self::superblock::{Checksums, JournalSuperblock, has_valid_tail};
use super::checksum::{crc32_be, crc32c};
use super::feature::{compat, incompat};
use super::inode::Inode;
use super::runs::Runs;
use super::state::{JournalState, Replay};
use super::superblock::Superblock;
use super::volume::{Logged, Overlay, Volume};
use crate::checksum::holds;
use crate::error::{Error, Result};
use crate::filesystem::FileType;
use crate::filesystem::structure::Structure;

/// What each block of the log but content starts with.
pub(super) const MAGIC: u32 = 0xC03B_3998;

/// Bytes of the header: magic, kind, transaction.
const HEADER_SIZE: usize = 12;

const DESCRIPTOR_BLOCK: u32 = 1;
const COMMIT_BLOCK: u32 = 2;
const REVOKE_BLOCK: u32 = 5;

/// Most bytes of a log that are read: the longest journal that mke2fs makes by itself.
const MAX_LOG_BYTES: u64 = 1 << 30;

/// Most blocks of the file system that are read from the log (some 40 MiB to remember): as many as
/// a log of 1 GiB in blocks of 4 KiB holds.
const MAX_REPLAYED: usize = 1 << 18;

/// Replays the journal, if a mount would.
pub(super) fn replay(volume: &Volume, superblock: &Superblock) -> Replayed {
    let features = superblock.features;
    if !features.has_compat(compat::HAS_JOURNAL) {
        return Replayed::nothing(JournalState::Absent);
    }
    if !features.has_incompat(incompat::NEEDS_RECOVERY) {
        return Replayed::nothing(JournalState::Clean);
    }
    if superblock.journal_inode == 0 {
        let device = superblock.journal_device;
        let reason = format!("the journal is on another device ({device:#x})");
        return Replayed::nothing(JournalState::NotReplayed { reason });
    }
    Log::open(volume, superblock).and_then(|log| log.replay()).unwrap_or_else(|error| {
        Replayed::nothing(JournalState::NotReplayed { reason: error.to_string() })
    })
}

/// What a replay comes to.
pub(super) struct Replayed {
    pub(super) state: JournalState,
    pub(super) overlay: Overlay,
    /// What comes behind it.
    pub(super) fast_commits: Option<Found>,
}

impl Replayed {
    pub(super) fn nothing(state: JournalState) -> Self {
        Self { state, overlay: Overlay::default(), fast_commits: None }
    }
}

/// The journal's blocks.
struct Log<'a> {
    volume: &'a Volume,
    runs: Runs,
    superblock: JournalSuperblock,
}

/// A transaction whose commit block was not yet seen.
struct Open {
    /// What it logged: the tag and the block of the log.
    tags: Vec<(Tag, u32)>,
    revoked: Vec<u64>,
    /// CRC-32 of its descriptors and what follows each.
    checksum: u32,
    /// A descriptor or revoke block contradicts its checksum, so it may be the rest of an older use
    /// of the log.
    is_doubtful: bool,
}

impl Open {
    fn new() -> Self {
        Self { tags: Vec::new(), revoked: Vec::new(), checksum: u32::MAX, is_doubtful: false }
    }
}

/// What the committed transactions so far say.
#[derive(Default)]
struct Committed {
    /// The newest content of each block, with the number of its transaction in the log.
    blocks: HashMap<u64, (u32, Logged)>,
    /// Blocks whose content contradicts its checksum.
    damaged: Vec<(u64, u32)>,
    revoked: Revoked,
    transactions: u32,
    last_time: u64,
}

impl<'a> Log<'a> {
    fn open(volume: &'a Volume, superblock: &Superblock) -> Result<Self> {
        let inode = Inode::read(volume, superblock, u64::from(superblock.journal_inode))?;
        if inode.file_type != FileType::Regular {
            return Err(inode.corrupt("a journal that is a file", format!("{:?}", inode.file_type)));
        }
        let runs = Runs::read(volume, &inode)?;
        let first = physical(&runs, 0)?;
        let raw = volume.block(first)?;
        let block = Structure::new("jbd2 superblock", volume.byte(first), &raw);
        let (blocks, _) = volume.split(inode.size);
        let superblock = JournalSuperblock::parse(&block, blocks)?;
        Ok(Self { volume, runs, superblock })
    }

    /// A block of the journal, and the block of the volume where it lies.
    fn block(&self, at: u32) -> Result<(u64, Cow<'a, [u8]>)> {
        let block = physical(&self.runs, at)?;
        self.volume.count_journal(1)?;
        Ok((block, self.volume.block(block)?))
    }

    /// The byte of the volume where a block of the journal lies.
    fn byte(&self, at: u32) -> Result<u64> {
        Ok(self.volume.byte(physical(&self.runs, at)?))
    }

    fn structure<'b>(&self, name: &'static str, at: u32, raw: &'b [u8]) -> Structure<'b> {
        let block = physical(&self.runs, at).unwrap_or_default();
        Structure::new(name, self.volume.byte(block), raw)
    }

    /// The block of the log that comes `count` blocks after `at`: behind the last comes the first.
    fn after(&self, at: u32, count: u32) -> u32 {
        let JournalSuperblock { first, end, .. } = self.superblock;
        let next = at.saturating_add(count);
        // No caller goes further than once round.
        next.checked_sub(end).map_or(next, |behind| first.saturating_add(behind).min(end))
    }

    /// Goes through the transactions from the oldest on, until one was not completely written.
    fn replay(&self) -> Result<Replayed> {
        let journal = &self.superblock;
        if journal.start == 0 {
            return Ok(Replayed::nothing(JournalState::Clean));
        }
        let mut committed = Committed::default();
        let mut open = Open::new();
        let mut at = journal.start;
        let mut left = journal.end.saturating_sub(journal.first);
        let (budget, _) = self.volume.split(MAX_LOG_BYTES);
        let mut budget = u32::try_from(budget).unwrap_or(u32::MAX);
        let mut torn_commits = 0;
        loop {
            let sequence = journal.sequence.wrapping_add(committed.transactions);
            if left == 0 {
                break;
            }
            let (_, raw) = self.block(at)?;
            let s = self.structure("jbd2 log block", at, &raw);
            if s.be32(0)? != MAGIC || s.be32(8)? != sequence {
                break;
            }
            let mut used = 1_u32;
            match s.be32(4)? {
                DESCRIPTOR_BLOCK => {
                    open.is_doubtful |= !self.has_valid_tail(&s)?;
                    let tags = descriptor::tags(&s, journal)?;
                    let count = u32::try_from(tags.len()).unwrap_or(u32::MAX);
                    used = used.saturating_add(count);
                    if used > left {
                        break;
                    }
                    self.log(&mut open, at, &raw, tags)?;
                }
                REVOKE_BLOCK => {
                    // A block that may be stale says nothing; the commit block will tell.
                    if self.has_valid_tail(&s)? {
                        revoke::read(&s, journal, &mut open.revoked)?;
                    } else {
                        open.is_doubtful = true;
                    }
                }
                COMMIT_BLOCK => {
                    let time = commit::time(&s)?;
                    if open.is_doubtful {
                        if time < committed.last_time {
                            break;
                        }
                        let found = format!("another in transaction {sequence}");
                        return Err(s.corrupt(0, "the checksum of each block", found));
                    }
                    if !commit::is_valid(&s, journal.checksums, open.checksum)? {
                        let is_stale = time < committed.last_time;
                        torn_commits = u64::from(!is_stale && !journal.async_commit);
                        break;
                    }
                    let done = std::mem::replace(&mut open, Open::new());
                    self.commit(&mut committed, done, sequence)?;
                    committed.last_time = time;
                }
                _ => break,
            }
            left = left.saturating_sub(used);
            budget = budget.checked_sub(used).ok_or(Error::Limit {
                structure: "jbd2 log",
                limit: MAX_LOG_BYTES,
                unit: "bytes",
            })?;
            at = self.after(at, used);
        }
        self.finish(committed, torn_commits)
    }

    fn has_valid_tail(&self, s: &Structure<'_>) -> Result<bool> {
        self.superblock.checksums.seed().map_or(Ok(true), |seed| has_valid_tail(s, seed))
    }

    /// Notes what a descriptor at `at` and the blocks behind it say.
    fn log(&self, open: &mut Open, at: u32, raw: &[u8], tags: Vec<Tag>) -> Result<()> {
        let is_summed = self.superblock.checksums == Checksums::Transaction;
        if is_summed {
            open.checksum = crc32_be(open.checksum, raw);
        }
        let mut content = at;
        for tag in tags {
            content = self.after(content, 1);
            if is_summed {
                let (_, raw) = self.block(content)?;
                open.checksum = crc32_be(open.checksum, &raw);
            }
            open.tags.push((tag, content));
        }
        if open.tags.len() > MAX_REPLAYED {
            return Err(too_many_blocks());
        }
        Ok(())
    }

    /// Takes over what a transaction says whose commit block was seen.
    fn commit(&self, committed: &mut Committed, done: Open, sequence: u32) -> Result<()> {
        let number = committed.transactions;
        for (tag, at) in done.tags {
            let (block, raw) = self.block(at)?;
            // Not the superblock's number of blocks: the journal may hold the growth of it.
            let (blocks, _) = self.volume.split(self.volume.volume_len());
            if tag.block >= blocks {
                return Err(Error::corrupt(
                    "jbd2 descriptor block",
                    self.volume.byte(block),
                    format!("blocks below {blocks}"),
                    format!("block {} in transaction {sequence}", tag.block),
                ));
            }
            if self.is_content_valid(&tag, &raw, sequence) {
                let logged = Logged { block, escaped: tag.escaped };
                committed.blocks.insert(tag.block, (number, logged));
            } else {
                committed.damaged.push((tag.block, number));
            }
        }
        if committed.blocks.len().saturating_add(committed.damaged.len()) > MAX_REPLAYED {
            return Err(too_many_blocks());
        }
        committed.revoked.add(&done.revoked, number)?;
        committed.transactions = number.saturating_add(1);
        Ok(())
    }

    /// The checksum of a logged block covers the number of its transaction and the block as it
    /// stands in the log (`jbd2_block_tag_csum_verify`).
    fn is_content_valid(&self, tag: &Tag, raw: &[u8], sequence: u32) -> bool {
        let sum = |seed| crc32c(crc32c(seed, &sequence.to_be_bytes()), raw);
        match self.superblock.checksums {
            Checksums::None | Checksums::Transaction => true,
            Checksums::V2(seed) => holds(tag.checksum, sum(seed) & 0xFFFF),
            Checksums::V3(seed) => holds(tag.checksum, sum(seed)),
        }
    }

    fn finish(&self, committed: Committed, torn_commits: u64) -> Result<Replayed> {
        let Committed { blocks, damaged, revoked, transactions, .. } = committed;
        let next = self.superblock.sequence.wrapping_add(transactions);
        let logged = blocks.len();
        let mut kept: Vec<_> = blocks
            .into_iter()
            .filter(|(block, (number, _))| !revoked.covers(*block, *number))
            .map(|(block, (_, logged))| (block, logged))
            .collect();
        kept.sort_unstable_by_key(|(block, _)| *block);
        let damaged = damaged.iter().filter(|(block, number)| !revoked.covers(*block, *number));
        let replay = Replay {
            first_transaction: self.superblock.sequence,
            transactions,
            blocks: u64::try_from(kept.len()).unwrap_or(u64::MAX),
            revoked: u64::try_from(logged.saturating_sub(kept.len())).unwrap_or(u64::MAX),
            damaged: u64::try_from(damaged.count())
                .unwrap_or(u64::MAX)
                .saturating_add(torn_commits),
            fast_commits: None,
        };
        self.volume.count_journal(kept.len())?;
        Ok(Replayed {
            state: JournalState::Replayed(replay),
            overlay: Overlay::new(kept),
            fast_commits: fast_commit::follow(self, next)?,
        })
    }
}

fn too_many_blocks() -> Error {
    Error::too_much("jbd2 log", MAX_REPLAYED, "blocks")
}

/// The block of the volume where a block of the journal lies.
fn physical(runs: &Runs, at: u32) -> Result<u64> {
    let at = u64::from(at);
    match runs.at_or_after(at) {
        Some(run) if run.logical <= at => {
            Ok(run.physical.saturating_add(at.saturating_sub(run.logical)))
        }
        _ => Err(Error::corrupt("jbd2 log", 0, format!("block {at} of the journal"), "a hole")),
    }
}
