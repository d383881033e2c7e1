//! Big data: a value that is longer than one segment.
//!
//! Source: regf, "Big data".

use super::bins::{Bins, Cell};
use crate::error::Result;

/// Length of each segment but the last in bytes.
pub(super) const SEGMENT: u32 = 16_344;

/// The `len` bytes of data behind the big data record in `cell`; `len` is bounded by the caller.
///
/// # Errors
/// [`crate::Error::Corrupt`] when the record is none, or has other segments than `len` asks for.
pub(super) fn read(bins: &Bins, cell: &Cell<'_>, len: u32) -> Result<Vec<u8>> {
    let record = cell.exact(8)?;
    let s = record.s();
    let signature = s.bytes(0, 2)?;
    if signature != b"db" {
        let found = format!("{:?}", String::from_utf8_lossy(signature));
        return Err(s.corrupt(0, "\"db\"", found));
    }
    let (count, needed) = (u32::from(s.u16(2)?), len.div_ceil(SEGMENT));
    if count != needed {
        return Err(s.corrupt(2, format!("{needed} segments for {len} bytes"), count));
    }
    let list = bins.cell("registry list of data segments", s.u32(4)?)?;
    let list = list.exact(count.saturating_mul(4))?;
    let mut data = Vec::new();
    let mut left = len;
    for index in 0..usize::try_from(count).unwrap_or(0) {
        let segment = list.s().u32(index.saturating_mul(4))?;
        let part = left.min(SEGMENT);
        let segment = bins.cell("registry data segment", segment)?.exact(part)?;
        data.extend(segment.into_raw());
        left = left.saturating_sub(part);
    }
    Ok(data)
}
