//! Fast commits (Linux fs/ext4/fast_commit.h, fast_commit.c): the end of the journal may hold
//! changes of inodes and names, as records of tag, length and value. They are recognised and not
//! replayed.

use super::Log;
use crate::error::Result;
use crate::filesystem::ext::checksum::crc32c;
use crate::filesystem::structure::Structure;

/// Tags of records (`EXT4_FC_TAG_…`): changes and padding run from 1 to 7.
const TAG_CHANGES: std::ops::RangeInclusive<u16> = 1..=7;
const TAG_TAIL: u16 = 8;
const TAG_HEAD: u16 = 9;

/// Bytes of tag and length.
const RECORD_HEADER: usize = 4;

/// What the checksum covers of a tail: its own header and the number of the transaction.
const TAIL_COVERED: usize = 8;

/// Where fast commits begin that a mount would replay behind the last full commit, as a byte of the
/// volume; `None` when there are none.
///
/// As in `ext4_fc_replay_scan`: a head must name the transaction that would have come next, and a
/// tail with that number and the checksum of all records up to it must follow. What no valid tail
/// closes is not replayed: the room may hold anything of an earlier use.
pub(super) fn follow(log: &Log<'_>, next_transaction: u32) -> Result<Option<u64>> {
    let journal = &log.superblock;
    if !journal.fast_commit {
        return Ok(None);
    }
    // The kernel leaves one block between the log and the fast commits (`j_fc_first`); e2fsprogs
    // before 1.47 did not.
    for first in [journal.end, journal.end.saturating_add(1)] {
        let mut sum = 0;
        for block in first..journal.maximum {
            let (_, raw) = log.block(block)?;
            let s = log.structure("ext fast commit", block, &raw);
            match records(&s, next_transaction, block == first, &mut sum)? {
                Scan::Valid => return log.byte(first).map(Some),
                Scan::Invalid => break,
                Scan::Continues => {}
            }
        }
    }
    Ok(None)
}

/// What the records of one block come to.
enum Scan {
    /// A tail is valid.
    Valid,
    /// Something is not, before any tail was.
    Invalid,
    /// No tail yet.
    Continues,
}

fn records(s: &Structure<'_>, transaction: u32, is_first: bool, sum: &mut u32) -> Result<Scan> {
    let mut at = 0_usize;
    if is_first && s.u16(0)? != TAG_HEAD {
        return Ok(Scan::Invalid);
    }
    // Each round goes on by at least the header.
    while at.saturating_add(RECORD_HEADER) <= s.raw.len() {
        let (tag, len) = (s.u16(at)?, usize::from(s.u16(at.saturating_add(2))?));
        let whole = RECORD_HEADER.saturating_add(len);
        let Ok(record) = s.bytes(at, whole) else {
            return Ok(Scan::Invalid);
        };
        let record = Structure { raw: record, ..*s };
        match tag {
            TAG_HEAD if len == 8 && record.u32(8)? == transaction => {
                // Features, of which none is defined yet: what needs them is no leftover.
                if record.u32(4)? != 0 {
                    return Ok(Scan::Valid);
                }
            }
            TAG_TAIL if len >= 8 => {
                *sum = crc32c(*sum, record.bytes(0, TAIL_COVERED)?);
                let is_valid =
                    record.u32(4)? == transaction && crate::checksum::holds(record.u32(8)?, *sum);
                return Ok(if is_valid { Scan::Valid } else { Scan::Invalid });
            }
            tag if TAG_CHANGES.contains(&tag) => {}
            _ => return Ok(Scan::Invalid),
        }
        *sum = crc32c(*sum, record.raw);
        at = at.saturating_add(whole);
    }
    Ok(Scan::Continues)
}
