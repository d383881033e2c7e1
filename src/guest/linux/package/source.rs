//! A database's file, read in pieces and never in full.

use std::cell::Cell;

use crate::bytes::{Bytes, BytesExt};
use crate::error::{Error, Result};

/// Most bytes read of one database. Its index and each package's first pages count; a desktop with
/// 5,000 packages stays under 100 MiB.
const MAX_READ: u64 = 160 << 20;

/// A database's file, with what was read of it so far.
pub(super) struct Source<'a> {
    bytes: &'a dyn Bytes,
    spent: Cell<u64>,
}

impl<'a> Source<'a> {
    pub(super) fn new(bytes: &'a dyn Bytes) -> Self {
        Self { bytes, spent: Cell::new(0) }
    }

    pub(super) fn len(&self) -> u64 {
        self.bytes.len()
    }

    /// Reads `len` bytes, which the caller has bounded.
    pub(super) fn read(&self, offset: u64, len: usize) -> Result<Vec<u8>> {
        let more = u64::try_from(len).unwrap_or(u64::MAX);
        self.spent.set(self.spent.get().saturating_add(more));
        if self.spent.get() > MAX_READ {
            let (structure, unit) = ("package database", "bytes");
            return Err(Error::Limit { structure, limit: MAX_READ, unit });
        }
        self.bytes.vec(offset, len)
    }
}

/// Byte order of a structure's numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    Little,
    Big,
}

impl Order {
    /// The 32-bit number at `at`.
    pub(super) fn u32(self, bytes: &[u8], at: usize) -> Option<u32> {
        let word = *bytes.get(at..)?.first_chunk()?;
        Some(match self {
            Self::Little => u32::from_le_bytes(word),
            Self::Big => u32::from_be_bytes(word),
        })
    }

    /// The 16-bit number at `at`.
    pub(super) fn u16(self, bytes: &[u8], at: usize) -> Option<u16> {
        let word = *bytes.get(at..)?.first_chunk()?;
        Some(match self {
            Self::Little => u16::from_le_bytes(word),
            Self::Big => u16::from_be_bytes(word),
        })
    }
}

/// A number of the image as a length in memory.
pub(super) fn size(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}
