//! Revoke blocks (journal.rst, "Revocation Block"): blocks of the volume that must not be replaced
//! by what this or an earlier transaction logged for them, because they were freed and may hold
//! something else since.

use std::collections::HashMap;

use super::HEADER_SIZE;
use super::superblock::JournalSuperblock;
use crate::error::{Error, Result};
use crate::filesystem::structure::{Structure, join};

/// Most revoked blocks that are kept, of one transaction and of all (some 24 MiB). Only directories
/// and block maps are revoked, so this many stand for as many deleted directories or large files.
const MAX_REVOKED: usize = 1 << 19;

/// The revoked blocks, each with the number of transactions from the first of the log to the last
/// that revokes it.
#[derive(Debug, Default)]
pub(super) struct Revoked {
    blocks: HashMap<u64, u32>,
}

impl Revoked {
    pub(super) fn add(&mut self, blocks: &[u64], transaction: u32) -> Result<()> {
        for block in blocks {
            self.blocks.insert(*block, transaction);
        }
        check_count(self.blocks.len())
    }

    /// Whether what the transaction logged for the block is revoked.
    pub(super) fn covers(&self, block: u64, transaction: u32) -> bool {
        self.blocks.get(&block).is_some_and(|last| *last >= transaction)
    }
}

/// Adds the block numbers of a revoke block to those of its transaction.
pub(super) fn read(
    block: &Structure<'_>,
    journal: &JournalSuperblock,
    revoked: &mut Vec<u64>,
) -> Result<()> {
    let tail = if journal.checksums.seed().is_some() { 4 } else { 0 };
    let room = block.raw.len().saturating_sub(tail);
    let used = usize::try_from(block.be32(HEADER_SIZE)?).unwrap_or(usize::MAX);
    if used > room {
        let expected = format!("at most {room} bytes in use");
        return Err(block.corrupt(HEADER_SIZE, expected, used.to_string()));
    }
    let size: usize = if journal.wide { 8 } else { 4 };
    let mut at = HEADER_SIZE.saturating_add(4);
    while at.saturating_add(size) <= used {
        revoked.push(if journal.wide { block.be64(at)? } else { join(block.be32(at)?, 0) });
        at = at.saturating_add(size);
    }
    check_count(revoked.len())
}

fn check_count(count: usize) -> Result<()> {
    if count > MAX_REVOKED {
        return Err(Error::too_much("jbd2 log", MAX_REVOKED, "revoked blocks"));
    }
    Ok(())
}
