//! Fast commits (Linux fs/ext4/fast_commit.h): the end of the journal may hold changes of inodes
//! and names, as records of tag, length and value. They are recognised and not replayed.

use super::Log;
use crate::error::Result;

/// The record that opens fast commits, and the length of its value: features, transaction.
const TAG_HEAD: u16 = 9;
const HEAD_SIZE: u16 = 8;

/// Whether fast commits follow the last full commit: their head names the transaction that would
/// have come next.
pub(super) fn follow(log: &Log<'_>, next_transaction: u32) -> Result<bool> {
    let journal = &log.superblock;
    if !journal.fast_commit {
        return Ok(false);
    }
    // The kernel leaves one block between the log and the fast commits (`j_fc_first`).
    for block in [journal.end, journal.end.saturating_add(1)] {
        if block >= journal.maximum {
            break;
        }
        let (_, raw) = log.block(block)?;
        let s = log.structure("ext fast commit", block, &raw);
        let is_head = s.u16(0)? == TAG_HEAD && s.u16(2)? == HEAD_SIZE;
        if is_head && s.u32(8)? == next_transaction {
            return Ok(true);
        }
    }
    Ok(false)
}
