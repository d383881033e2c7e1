//! Logged buffers (*XFS Algorithms & Data Structures*, "Buffer Log Item"): which chunks of 128
//! bytes of a range of the volume have changed, and to what.

use super::replay::Recovery;
use super::transaction::Item;
use crate::error::Result;
use crate::filesystem::structure::Structure;
use crate::filesystem::xfs::volume::{BASIC_BLOCK, BASIC_BLOCK_U64};

/// `blf_flags`: inodes, of which only the links among unlinked ones are logged in this way.
const INODES: u16 = 0x1;
/// The buffer is no longer what it was.
const CANCEL: u16 = 0x2;
/// Quotas of users, projects, groups.
const QUOTAS: u16 = 0x4 | 0x8 | 0x10;

/// Bytes of a chunk, for which there is a bit each.
const CHUNK: usize = 128;
const CHUNK_U64: u64 = 128;
/// Where the bits start in the format.
const BITS: usize = 20;

/// Most basic blocks of a buffer: 64 KiB.
const MAX_BLOCKS: u16 = 128;

struct Format<'a> {
    flags: u16,
    block: u64,
    blocks: u16,
    /// Words of 32 bits, lowest bit first.
    bits: &'a [u8],
}

impl<'a> Format<'a> {
    fn parse(item: &'a Item) -> Result<Self> {
        let s = item.region(0);
        let blocks = s.u16(6)?;
        if blocks > MAX_BLOCKS {
            let expected = format!("a buffer of at most {MAX_BLOCKS} blocks");
            return Err(s.corrupt(6, expected, blocks.to_string()));
        }
        let words = usize::try_from(s.u32(16)?).unwrap_or(usize::MAX);
        Ok(Self {
            flags: s.u16(4)?,
            block: s.u64(8)?,
            blocks,
            bits: s.bytes(BITS, words.saturating_mul(4))?,
        })
    }
}

/// The first block and the length of the buffer, when the item only says that it is no longer one.
pub(super) fn cancelled(item: &Item) -> Result<Option<(u64, u64)>> {
    let format = Format::parse(item)?;
    Ok((format.flags & CANCEL != 0).then_some((format.block, format.blocks.into())))
}

/// Puts the logged chunks in their places, unless the volume has a later state of the buffer.
pub(super) fn replay(recovery: &mut Recovery<'_>, item: &Item, sequence: u64) -> Result<()> {
    let format = Format::parse(item)?;
    let blocks = u64::from(format.blocks);
    if format.flags & (INODES | QUOTAS) != 0 || recovery.is_cancelled(format.block, blocks) {
        return Ok(());
    }
    let byte = format.block.saturating_mul(BASIC_BLOCK_U64);
    let there = recovery.read(byte, BASIC_BLOCK)?;
    let there = Structure::new("xfs log item", byte, &there);
    if written(&there, &recovery.superblock.meta_uuid).is_some_and(|written| written >= sequence) {
        return Ok(());
    }
    // One row of chunks after another: each is one region, or several.
    let mut regions = (1..).map(|index| item.region(index).raw);
    let mut row = Vec::new();
    let mut at = byte;
    let chunks = usize::from(format.blocks).saturating_mul(BASIC_BLOCK / CHUNK);
    let mut rest: &[u8] = &[];
    for is_logged in format.bits.iter().flat_map(|byte| bits(*byte)).take(chunks) {
        if is_logged {
            if rest.is_empty() {
                rest = regions.next().unwrap_or_default();
            }
            let Some((logged, behind)) = rest.split_at_checked(CHUNK) else {
                let found = format!("{} bytes", rest.len());
                return Err(item.region(0).corrupt(BITS, "the content of each chunk", found));
            };
            row.extend_from_slice(logged);
            rest = behind;
            continue;
        }
        let end = recovery.write_row(at, &mut row)?;
        at = end.saturating_add(CHUNK_U64);
    }
    recovery.write_row(at, &mut row).map(|_| ())
}

fn bits(byte: u8) -> impl Iterator<Item = bool> {
    (0..u8::BITS).map(move |bit| byte.checked_shr(bit).unwrap_or_default() & 1 == 1)
}

/// Which state of the log a block of metadata was written in, by its own word; `None` when it does
/// not tell, so that the log counts (Linux fs/xfs/xfs_buf_item_recover.c,
/// `xlog_recover_get_buf_lsn`).
fn written(s: &Structure<'_>, uuid: &[u8; 16]) -> Option<u64> {
    let magic = s.array::<4>(0).ok()?;
    let short_magic = s.array::<2>(8).ok()?;
    let (sequence_at, uuid_at) = match (&magic, &short_magic) {
        (b"AB3B" | b"AB3C" | b"IAB3" | b"FIB3" | b"RMB3" | b"R3FC", _) => (24, 32),
        (b"BMA3", _) => (32, 40),
        (b"XAGF", _) => (208, 64),
        (b"XAFL", _) => (24, 8),
        (b"XAGI", _) => (320, 296),
        (b"XSLM", _) => (48, 16),
        (b"XDB3" | b"XDD3" | b"XDF3", _) => (16, 24),
        // The UUID of the metadata stands elsewhere when it differs.
        (b"XFSB", _) => return sequence(s, 240),
        (_, [0x3D, 0xF1 | 0xFF] | [0x3B, 0xEE] | [0x3E, 0xBE]) => (24, 32),
        _ => return None,
    };
    if s.array::<16>(uuid_at).ok()? != *uuid {
        return None;
    }
    sequence(s, sequence_at)
}

fn sequence(s: &Structure<'_>, at: usize) -> Option<u64> {
    s.be64(at).ok().filter(|sequence| !matches!(*sequence, 0 | u64::MAX))
}
