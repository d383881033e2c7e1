//! Revoke blocks (journal.rst, "Revocation Block"): blocks of the volume that must not be replaced
//! by what this or an earlier transaction logged for them, because they were freed and may hold
//! something else since.

use std::collections::HashMap;

use super::HEADER_SIZE;
use super::superblock::JournalSuperblock;
use crate::error::{Error, Result};
use crate::filesystem::ext::structure::{Structure, join};

/// Most revoked blocks that are kept (some 36 MiB). A log of the usual 1 GiB at the most would
/// need to be filled with revocations alone to hold as many.
const MAX_REVOKED: usize = 1 << 20;

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
        if self.blocks.len() > MAX_REVOKED {
            let limit = u64::try_from(MAX_REVOKED).unwrap_or(u64::MAX);
            return Err(Error::Limit { structure: "jbd2 log", limit, unit: "revoked blocks" });
        }
        Ok(())
    }

    /// Whether what the transaction logged for the block is revoked.
    pub(super) fn covers(&self, block: u64, transaction: u32) -> bool {
        self.blocks.get(&block).is_some_and(|last| *last >= transaction)
    }
}

/// The block numbers of a revoke block.
pub(super) fn records(block: &Structure<'_>, journal: &JournalSuperblock) -> Result<Vec<u64>> {
    let tail = if journal.checksums.seed().is_some() { 4 } else { 0 };
    let room = block.raw.len().saturating_sub(tail);
    let used = usize::try_from(block.be32(HEADER_SIZE)?).unwrap_or(usize::MAX);
    if used > room {
        let expected = format!("at most {room} bytes in use");
        return Err(block.corrupt(HEADER_SIZE, expected, used.to_string()));
    }
    let size: usize = if journal.wide { 8 } else { 4 };
    let mut blocks = Vec::new();
    let mut at = HEADER_SIZE.saturating_add(4);
    while at.saturating_add(size) <= used {
        blocks.push(if journal.wide { block.be64(at)? } else { join(block.be32(at)?, 0) });
        at = at.saturating_add(size);
    }
    Ok(blocks)
}
