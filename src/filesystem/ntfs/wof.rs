//! Files that CompactOS compressed: chunks in the stream `WofCompressedData`.
//!
//! Source: \[MS-XCA\]; the layout of the stream is that of resources in Microsoft, *Windows Imaging
//! File Format (WIM)*: offsets of all chunks but the first, then the chunks.

use std::sync::Arc;

use super::reparse::Algorithm;
use super::stream::Units;
use super::{lzx, xpress};
use crate::bytes::{Bytes, BytesExt};
use crate::error::{Error, Result};

/// Name of the stream in UTF-16, little-endian.
pub(super) const STREAM: &[u8] = b"W\0o\0f\0C\0o\0m\0p\0r\0e\0s\0s\0e\0d\0D\0a\0t\0a\0";

/// From this length of a file on, offsets have eight bytes.
const LARGE: u64 = 1 << 32;

/// A compressed file.
pub(super) struct Wof {
    stored: Arc<dyn Bytes>,
    len: u64,
    algorithm: Algorithm,
    chunks: Units,
}

impl Wof {
    /// A file of `len` bytes in such chunks.
    pub(super) fn new(
        stored: Arc<dyn Bytes>,
        len: u64,
        algorithm: Algorithm,
        chunks: Units,
    ) -> Self {
        Self { stored, len, algorithm, chunks }
    }

    fn count(&self) -> u64 {
        self.len.div_ceil(self.chunks.len)
    }

    /// Where a chunk begins behind the table; of the last but one, the end.
    fn start(&self, index: u64) -> Result<u64> {
        let width: u64 = if self.len > LARGE { 8 } else { 4 };
        let table = self.count().saturating_sub(1).saturating_mul(width);
        if index >= self.count() {
            return Ok(self.stored.len());
        }
        let Some(entry) = index.checked_sub(1) else { return Ok(table) };
        let at = entry.saturating_mul(width);
        let start = if width == 8 {
            u64::from_le_bytes(self.stored.array(at)?)
        } else {
            u64::from(u32::from_le_bytes(self.stored.array(at)?))
        };
        Ok(table.saturating_add(start))
    }

    fn chunk_at(&self, offset: u64) -> Result<Vec<u8>> {
        let index = offset.checked_div(self.chunks.len).unwrap_or(0);
        let len = self.chunks.len.min(self.len.saturating_sub(offset));
        let len = usize::try_from(len).unwrap_or(0);
        let (start, end) = (self.start(index)?, self.start(index.saturating_add(1))?);
        let stored = end
            .checked_sub(start)
            .and_then(|stored| usize::try_from(stored).ok())
            .filter(|stored| (1..=len).contains(stored))
            .ok_or_else(|| {
                let expected = format!("a chunk of at most {len} bytes");
                Error::corrupt("WofCompressedData", start, expected, format!("its end at {end}"))
            })?;
        let stored = self.stored.vec(start, stored)?;
        if stored.len() == len {
            return Ok(stored);
        }
        let mut out = vec![0; len];
        match self.algorithm {
            Algorithm::Xpress => xpress::decompress(&stored, &mut out),
            Algorithm::Lzx => lzx::decompress(&stored, &mut out),
        }
        .ok_or_else(|| {
            Error::corrupt("WofCompressedData", start, "a compressed chunk", "damage")
        })?;
        Ok(out)
    }
}

impl Bytes for Wof {
    fn len(&self) -> u64 {
        self.len
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<()> {
        self.chunks.read(self.len, offset, buf, &|start| self.chunk_at(start))
    }
}
