//! Descriptor blocks (journal.rst, "Descriptor Block"): which block of the volume each of the
//! following blocks of the log replaces.

use super::HEADER_SIZE;
use super::superblock::{Checksums, JournalSuperblock};
use crate::error::Result;
use crate::filesystem::structure::{Structure, join};

const FLAG_ESCAPE: u32 = 0x1;
const FLAG_SAME_UUID: u32 = 0x2;
const FLAG_LAST_TAG: u32 = 0x8;

/// Bytes of the UUID behind a tag without `FLAG_SAME_UUID`.
const UUID_SIZE: usize = 16;

/// One tag: the next block of the log goes to this block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Tag {
    pub(super) block: u64,
    pub(super) escaped: bool,
    /// 32 bits under `csum_v3`, 16 under `csum_v2`.
    pub(super) checksum: u32,
}

/// The tags of a descriptor block, in order.
pub(super) fn tags(block: &Structure<'_>, journal: &JournalSuperblock) -> Result<Vec<Tag>> {
    let size = tag_size(journal);
    let tail = if journal.checksums.seed().is_some() { 4 } else { 0 };
    let end = block.raw.len().saturating_sub(tail);
    let mut tags = Vec::new();
    let mut at = HEADER_SIZE;
    // Each round goes on by at least 8 bytes: the block's end ends the loop.
    while at.saturating_add(size) <= end {
        let (flags, checksum) = if matches!(journal.checksums, Checksums::V3(_)) {
            (block.be32(at.saturating_add(4))?, block.be32(at.saturating_add(12))?)
        } else {
            let checksum = block.be16(at.saturating_add(4))?;
            (u32::from(block.be16(at.saturating_add(6))?), u32::from(checksum))
        };
        let high = if journal.wide { block.be32(at.saturating_add(8))? } else { 0 };
        tags.push(Tag {
            block: join(block.be32(at)?, high),
            escaped: flags & FLAG_ESCAPE != 0,
            checksum,
        });
        at = at.saturating_add(size);
        if flags & FLAG_SAME_UUID == 0 {
            at = at.saturating_add(UUID_SIZE);
        }
        if flags & FLAG_LAST_TAG != 0 {
            break;
        }
    }
    Ok(tags)
}

/// Bytes of a tag (`journal_tag_bytes`): under `csum_v2` two more than its fields need, which the
/// first writers left there by mistake.
fn tag_size(journal: &JournalSuperblock) -> usize {
    let wide: usize = if journal.wide { 12 } else { 8 };
    match journal.checksums {
        Checksums::V3(_) => 16,
        Checksums::V2(_) => wide.saturating_add(2),
        Checksums::None | Checksums::Transaction => wide,
    }
}
