//! LZ4's legacy frame, the kind that the kernel reads.
//!
//! Source: `doc/lz4_Frame_format.md` ("Legacy frame") and `lib/decompress_unlz4.c`: a magic, then
//! blocks of a 32-bit length and so many compressed bytes, each of at most 8 MiB when decompressed.
//! Nothing marks the end. The kernel takes the end of the file, and (since 5.11) a length of zero for
//! it, so that padding may follow.

use std::ops::ControlFlow;
use std::sync::{Arc, PoisonError};

use super::Budget;
use super::compression::Compression;
use super::segments::{Sink, Stop};
use super::source::Source;

/// The frame's magic; it may come again between blocks (`cat a.lz4 b.lz4`).
const MAGIC: u32 = 0x184C_2102;

/// Length of a whole block after decompression.
const BLOCK: usize = 8 << 20;

/// Longest block before decompression (`LZ4_COMPRESSBOUND`).
const MAX_COMPRESSED: usize = BLOCK + BLOCK / 255 + 16;

/// What a block or a magic number costs beside its bytes, as compressed bytes: a file may be made of the
/// shortest ones.
const BLOCK_COST: usize = 64;

/// Decompresses the frame at `source`, gives each block to `sink` until that breaks.
///
/// # Errors
/// When the frame is damaged or `budget` is spent, and what `sink` returns.
pub(super) fn unpack(
    source: &mut Source<'_>,
    budget: &mut Budget,
    sink: &mut Sink<'_>,
) -> Result<ControlFlow<()>, Stop> {
    let turn = Arc::clone(&budget.turn);
    let _turn = turn.lock().unwrap_or_else(PoisonError::into_inner);
    let mut output = Vec::new();
    let mut length = Vec::new();
    let mut input = Vec::new();
    let mut first = true;
    loop {
        let start = source.position();
        let word = source.take(4, &mut length)?;
        let size = match word.first_chunk().map(|word| u32::from_le_bytes(*word)) {
            Some(MAGIC) => {
                first = false;
                budget.take(BLOCK_COST)?;
                continue;
            }
            _ if first => return Err("no LZ4 legacy magic".to_owned().into()),
            None | Some(0) => {
                source.seek(start);
                return Ok(ControlFlow::Continue(()));
            }
            Some(size) => usize::try_from(size).unwrap_or(usize::MAX),
        };
        if size > MAX_COMPRESSED {
            return Err(Stop::Damaged(format!("an LZ4 block of {size} bytes, longer than any")));
        }
        let block = source.take(size, &mut input)?;
        if block.len() < size {
            return Err(Stop::Damaged("ends inside an LZ4 block".to_owned()));
        }
        output.resize(BLOCK, 0);
        let len = lz4_flex::block::decompress_into(block, &mut output)
            .map_err(|error| Stop::Damaged(error.to_string()))?;
        budget.take(Compression::Lz4.work(len, size.saturating_add(BLOCK_COST)))?;
        if sink(output.get(..len).unwrap_or(&[]))?.is_break() {
            return Ok(ControlFlow::Break(()));
        }
    }
}
