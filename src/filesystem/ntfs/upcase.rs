//! `$UpCase`: the table by which names are compared without case.
//!
//! Source: Microsoft, *How NTFS Works* ("NTFS System Files").

use std::cmp::Ordering;

use crate::bytes::{Bytes, BytesExt};
use crate::error::{Error, Result};

/// Length of the table in bytes: one unit of UTF-16 for each.
const LEN: usize = 2 << 16;

pub(super) struct UpCase(Vec<u8>);

impl UpCase {
    /// Reads the table.
    ///
    /// # Errors
    /// [`Error::Corrupt`] when it has another length.
    pub(super) fn read(bytes: &dyn Bytes) -> Result<Self> {
        if bytes.len() != u64::try_from(LEN).unwrap_or(u64::MAX) {
            let found = format!("{} bytes", bytes.len());
            return Err(Error::corrupt("$UpCase", 0, format!("{LEN} bytes"), found));
        }
        bytes.vec(0, LEN).map(Self)
    }

    fn upper(&self, unit: u16) -> u16 {
        let at = usize::from(unit).saturating_mul(2);
        let upper = self.0.get(at..).and_then(<[u8]>::first_chunk);
        upper.map_or(unit, |upper| u16::from_le_bytes(*upper))
    }

    /// Compares two names (UTF-16, little-endian) as a directory sorts them.
    pub(super) fn compare(&self, a: &[u8], b: &[u8]) -> Ordering {
        let (a, _) = a.as_chunks::<2>();
        let (b, _) = b.as_chunks::<2>();
        let upper = |unit: &[u8; 2]| self.upper(u16::from_le_bytes(*unit));
        a.iter().map(upper).cmp(b.iter().map(upper))
    }
}
