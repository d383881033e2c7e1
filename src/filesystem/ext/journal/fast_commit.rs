//! Fast commits (Linux fs/ext4/fast_commit.h, fast_commit.c): the end of the journal may hold
//! changes of inodes and names, as records of tag, length and value.

use super::Log;
use crate::error::{Error, Result};
use crate::filesystem::ext::checksum::crc32c;
use crate::filesystem::ext::extent;
use crate::filesystem::ext::runs::Run;
use crate::filesystem::structure::Structure;

/// Tags of records (`EXT4_FC_TAG_…`).
mod tag {
    pub(super) const ADD_RANGE: u16 = 1;
    pub(super) const DEL_RANGE: u16 = 2;
    pub(super) const CREAT: u16 = 3;
    pub(super) const LINK: u16 = 4;
    pub(super) const UNLINK: u16 = 5;
    pub(super) const INODE: u16 = 6;
    pub(super) const PAD: u16 = 7;
    pub(super) const TAIL: u16 = 8;
    pub(super) const HEAD: u16 = 9;
}

/// Bytes of tag and length.
const RECORD_HEADER: usize = 4;

/// What the checksum covers of a tail: its own header and the number of the transaction.
const TAIL_COVERED: usize = 8;

/// Most bytes of fast commits that are replayed: the kernel's own room is 256 blocks.
const MAX_BYTES: usize = 16 << 20;

/// What happens to a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Naming {
    /// A new inode gets its first name.
    Create,
    Link,
    Unlink,
}

/// A change that a fast commit tells of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) enum Change {
    Name {
        naming: Naming,
        dir: u32,
        inode: u32,
        name: Vec<u8>,
    },
    /// The bytes of an inode, as far as its fields go.
    Inode {
        inode: u32,
        raw: Vec<u8>,
    },
    /// Blocks of a file; those that are not written read as zeros.
    AddRange {
        inode: u32,
        run: Run,
        is_written: bool,
    },
    RemoveRange {
        inode: u32,
        start: u64,
        len: u64,
    },
}

/// Fast commits that a mount would replay.
#[derive(Debug)]
pub(in super::super) struct Found {
    /// The byte of the volume where they begin.
    pub(in super::super) at: u64,
    pub(in super::super) changes: Result<Vec<Change>>,
}

/// The fast commits that a mount would replay behind the last full commit; `None` when there are
/// none.
///
/// As in `ext4_fc_replay_scan`: a head must name the transaction that would have come next, and a
/// tail with that number and the checksum of all records up to it must follow. What no valid tail
/// closes is not replayed: the room may hold anything of an earlier use.
pub(super) fn follow(log: &Log<'_>, next_transaction: u32) -> Result<Option<Found>> {
    let journal = &log.superblock;
    if !journal.fast_commit {
        return Ok(None);
    }
    // The kernel leaves one block between the log and the fast commits (`j_fc_first`); e2fsprogs
    // before 1.47 did not.
    for first in [journal.end, journal.end.saturating_add(1)] {
        let mut scan = Scan { transaction: next_transaction, ..Scan::default() };
        for block in first..journal.maximum {
            let (_, raw) = log.block(block)?;
            let s = log.structure("ext fast commit", block, &raw);
            if !scan.block(&s, block == first)? {
                break;
            }
        }
        if scan.is_valid {
            let at = log.byte(first)?;
            return Ok(Some(Found { at, changes: scan.refusal.map_or(Ok(scan.changes), Err) }));
        }
    }
    Ok(None)
}

/// What the blocks so far come to.
#[derive(Default)]
struct Scan {
    transaction: u32,
    /// The checksum since the last tail.
    sum: u32,
    bytes: usize,
    /// There was a valid tail.
    is_valid: bool,
    /// What stands before the last valid tail, and what was found since.
    changes: Vec<Change>,
    open: Vec<Change>,
    /// Why they cannot be replayed.
    refusal: Option<Error>,
}

impl Scan {
    /// Reads a block, and tells whether the next one may go on.
    fn block(&mut self, s: &Structure<'_>, is_first: bool) -> Result<bool> {
        if is_first && s.u16(0)? != tag::HEAD {
            return Ok(false);
        }
        self.bytes = self.bytes.saturating_add(s.raw.len());
        if self.bytes > MAX_BYTES {
            return Err(Error::too_much("ext fast commits", MAX_BYTES, "bytes"));
        }
        let mut rest = *s;
        // Each round goes on by at least the header.
        while rest.raw.len() >= RECORD_HEADER {
            let len = usize::from(rest.u16(2)?);
            let whole = RECORD_HEADER.saturating_add(len);
            let Ok(raw) = rest.bytes(0, whole) else { return Ok(false) };
            if !self.record(&Structure { raw, ..rest })? {
                return Ok(false);
            }
            rest = rest.after(whole);
        }
        Ok(true)
    }

    fn record(&mut self, record: &Structure<'_>) -> Result<bool> {
        let value = record.after(RECORD_HEADER);
        match record.u16(0)? {
            tag::HEAD if value.raw.len() == 8 && value.u32(4)? == self.transaction => {
                let features = value.u32(0)?;
                if features != 0 {
                    // None is defined yet: what needs them is no leftover.
                    let what = format!("fast commits with the features {features:#x}");
                    self.refusal.get_or_insert(record.unsupported(RECORD_HEADER, what));
                    self.is_valid = true;
                    return Ok(false);
                }
            }
            tag::TAIL if value.raw.len() >= 8 => {
                let sum = crc32c(self.sum, record.bytes(0, TAIL_COVERED)?);
                if value.u32(0)? != self.transaction || !crate::checksum::holds(value.u32(4)?, sum)
                {
                    return Ok(false);
                }
                self.sum = 0;
                self.is_valid = true;
                self.changes.append(&mut self.open);
                return Ok(true);
            }
            tag @ tag::ADD_RANGE..=tag::PAD => match change(tag, &value) {
                Ok(Some(change)) => self.open.push(change),
                Ok(None) => {}
                // The kernel stops where a record is too short.
                Err(_) => return Ok(false),
            },
            _ => return Ok(false),
        }
        self.sum = crc32c(self.sum, record.raw);
        Ok(true)
    }
}

/// The change in a record; none in padding.
fn change(tag: u16, value: &Structure<'_>) -> Result<Option<Change>> {
    let naming = match tag {
        tag::PAD => return Ok(None),
        tag::ADD_RANGE => {
            let (run, is_written) = extent::entry(&value.after(4))?;
            return Ok(Some(Change::AddRange { inode: value.u32(0)?, run, is_written }));
        }
        tag::DEL_RANGE => {
            let (inode, start, len) = (value.u32(0)?, value.u32(4)?.into(), value.u32(8)?.into());
            return Ok(Some(Change::RemoveRange { inode, start, len }));
        }
        tag::INODE => {
            let raw = value.after(4).raw.to_vec();
            return Ok(Some(Change::Inode { inode: value.u32(0)?, raw }));
        }
        tag::CREAT => Naming::Create,
        tag::LINK => Naming::Link,
        tag::UNLINK => Naming::Unlink,
        other => return Err(value.corrupt(0, "a known tag", other)),
    };
    let (dir, inode) = (value.u32(0)?, value.u32(4)?);
    Ok(Some(Change::Name { naming, dir, inode, name: value.after(8).raw.to_vec() }))
}
