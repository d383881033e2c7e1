//! The journal's own superblock, its first block (Linux
//! Documentation/filesystems/ext4/journal.rst, "Super Block").

use super::MAGIC;
use crate::error::{Error, Result};
use crate::filesystem::ext::checksum::crc32c;
use crate::filesystem::structure::Structure;

/// Its length in bytes.
const SUPERBLOCK_SIZE: usize = 1024;

/// `h_blocktype` of the two versions.
const VERSION_1: u32 = 3;
const VERSION_2: u32 = 4;

const COMPAT_CHECKSUM: u32 = 0x1;
const INCOMPAT_64BIT: u32 = 0x2;
const INCOMPAT_ASYNC_COMMIT: u32 = 0x4;
const INCOMPAT_CSUM_V2: u32 = 0x8;
const INCOMPAT_CSUM_V3: u32 = 0x10;
const INCOMPAT_FAST_COMMIT: u32 = 0x20;
/// These, and `revoke` (0x1).
const INCOMPAT_KNOWN: u32 = 0x3F;

/// `s_checksum_type` of CRC-32C (`JBD2_CRC32C_CHKSUM`).
const CHECKSUM_CRC32C: u8 = 4;

/// Least length of a log in blocks (`JBD2_MIN_JOURNAL_BLOCKS`).
const MIN_LOG_BLOCKS: u32 = 1024;

/// Blocks for fast commits when the superblock does not say
/// (`JBD2_DEFAULT_FAST_COMMIT_BLOCKS`).
const DEFAULT_FAST_COMMIT_BLOCKS: u32 = 256;

/// How the log's blocks are checksummed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Checksums {
    /// Not at all.
    None,
    /// A CRC-32 over all blocks of a transaction, in its commit block (`checksum`).
    Transaction,
    /// A CRC-32C from this seed in each block, 16 bits of it for content (`csum_v2`).
    V2(u32),
    /// A CRC-32C from this seed in each block (`csum_v3`).
    V3(u32),
}

impl Checksums {
    /// Where the CRC-32C of the log's own blocks starts, when they have one.
    pub(super) fn seed(self) -> Option<u32> {
        match self {
            Self::V2(seed) | Self::V3(seed) => Some(seed),
            Self::None | Self::Transaction => None,
        }
    }
}

/// What the journal says about itself. After [`JournalSuperblock::parse`]
/// `first <= start < end <= maximum`, unless `start` is 0.
#[derive(Debug, Clone, Copy)]
pub(super) struct JournalSuperblock {
    /// First block of the log.
    pub(super) first: u32,
    /// The block behind the last of the log.
    pub(super) end: u32,
    /// Number of blocks of the journal; those from `end` on hold fast commits.
    pub(super) maximum: u32,
    /// The block of the log where the oldest transaction starts; 0 when there is none.
    pub(super) start: u32,
    /// The number of that transaction.
    pub(super) sequence: u32,
    /// Block numbers have 64 bits.
    pub(super) wide: bool,
    /// A commit block may be written before what it commits.
    pub(super) async_commit: bool,
    pub(super) fast_commit: bool,
    pub(super) checksums: Checksums,
}

impl JournalSuperblock {
    /// Reads it from the first block of a journal of `blocks` blocks.
    pub(super) fn parse(block: &Structure<'_>, blocks: u64) -> Result<Self> {
        let s = Structure::new("jbd2 superblock", block.offset, block.bytes(0, SUPERBLOCK_SIZE)?);
        let magic = s.be32(0x0)?;
        if magic != MAGIC {
            return Err(s.corrupt(0x0, format!("magic {MAGIC:#x}"), format!("{magic:#x}")));
        }
        let version = s.be32(0x4)?;
        let [compat, incompat] = match version {
            VERSION_1 => [0, 0],
            VERSION_2 => [s.be32(0x24)?, s.be32(0x28)?],
            other => {
                return Err(s.corrupt(0x4, "block type 3 or 4", other.to_string()));
            }
        };
        if incompat & !INCOMPAT_KNOWN != 0 {
            let what = format!("the feature incompat {:#x}", incompat & !INCOMPAT_KNOWN);
            return Err(Error::unsupported(s.name, s.offset.saturating_add(0x28), what));
        }
        let size = s.be32(0xC)?;
        if usize::try_from(size) != Ok(block.raw.len()) {
            return Err(s.corrupt(
                0xC,
                format!("blocks of {} bytes", block.raw.len()),
                size.to_string(),
            ));
        }
        let checksums = checksums(&s, compat, incompat)?;

        let maximum = s.be32(0x10)?;
        if u64::from(maximum) > blocks {
            return Err(s.corrupt(0x10, format!("at most {blocks} blocks"), maximum.to_string()));
        }
        let fast_commit = incompat & INCOMPAT_FAST_COMMIT != 0;
        let end = if fast_commit { fast_commit_start(&s, maximum)? } else { maximum };
        let first = s.be32(0x14)?;
        if first == 0 || first >= end {
            return Err(s.corrupt(
                0x14,
                format!("a block from 1 to below {end}"),
                first.to_string(),
            ));
        }
        let start = s.be32(0x1C)?;
        if start != 0 && !(first..end).contains(&start) {
            let expected = format!("0 or a block from {first} to below {end}");
            return Err(s.corrupt(0x1C, expected, start.to_string()));
        }
        Ok(Self {
            first,
            end,
            maximum,
            start,
            sequence: s.be32(0x18)?,
            wide: incompat & INCOMPAT_64BIT != 0,
            async_commit: incompat & INCOMPAT_ASYNC_COMMIT != 0,
            fast_commit,
            checksums,
        })
    }
}

fn checksums(s: &Structure<'_>, compat: u32, incompat: u32) -> Result<Checksums> {
    let transaction = compat & COMPAT_CHECKSUM != 0;
    let v2 = incompat & INCOMPAT_CSUM_V2 != 0;
    let v3 = incompat & INCOMPAT_CSUM_V3 != 0;
    match (transaction, v2, v3) {
        (false, false, false) => return Ok(Checksums::None),
        (true, false, false) => return Ok(Checksums::Transaction),
        (false, true, false) | (false, false, true) => {}
        _ => {
            let found = "more than one of checksum, csum_v2, csum_v3";
            return Err(s.corrupt(0x24, "one kind of checksum", found));
        }
    }
    let kind = s.u8(0x50)?;
    if kind != CHECKSUM_CRC32C {
        let what = format!("checksum type {kind}");
        return Err(Error::unsupported(s.name, s.offset.saturating_add(0x50), what));
    }
    let mut computed = crc32c(u32::MAX, s.bytes(0, 0xFC)?);
    computed = crc32c(computed, &[0; 4]);
    computed = crc32c(computed, s.bytes(0x100, SUPERBLOCK_SIZE.saturating_sub(0x100))?);
    let stored = s.be32(0xFC)?;
    if !crate::checksum::holds(stored, computed) {
        return Err(s.corrupt(
            0xFC,
            format!("checksum {computed:#010x}"),
            format!("{stored:#010x}"),
        ));
    }
    let seed = crc32c(u32::MAX, s.bytes(0x30, 16)?);
    Ok(if v3 { Checksums::V3(seed) } else { Checksums::V2(seed) })
}

/// The block behind the log when fast commits take the end of the journal; a journal too short for
/// both has none.
fn fast_commit_start(s: &Structure<'_>, maximum: u32) -> Result<u32> {
    let blocks = match s.be32(0x54)? {
        0 => DEFAULT_FAST_COMMIT_BLOCKS,
        blocks => blocks,
    };
    Ok(match maximum.checked_sub(blocks) {
        Some(rest) if rest >= MIN_LOG_BLOCKS => rest,
        _ => maximum,
    })
}

/// The checksum of a block of the log that ends with one: descriptor and revoke blocks.
pub(super) fn has_valid_tail(block: &Structure<'_>, seed: u32) -> Result<bool> {
    let at = block.raw.len().saturating_sub(4);
    let computed = crc32c(crc32c(seed, block.bytes(0, at)?), &[0; 4]);
    Ok(crate::checksum::holds(block.be32(at)?, computed))
}
