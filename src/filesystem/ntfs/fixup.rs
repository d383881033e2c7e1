//! The update sequence array, which shows whether every sector of a record was written.
//!
//! Source: Microsoft, *NTFS Attribute Types* and `MULTI_SECTOR_HEADER` of the NTFS master file table
//! documentation.

use crate::error::Result;
use crate::filesystem::structure::Structure;

/// The stride of the array, whatever the disk's sectors are (`SEQUENCE_NUMBER_STRIDE`).
const STRIDE: usize = 512;

/// Checks the last two bytes of each 512 of a record and puts back what they stood for.
///
/// # Errors
/// [`crate::Error::Corrupt`] when the record has another magic, its array does not fit, or a sector
/// is not of the same write as the first.
pub(super) fn apply(
    structure: &'static str,
    offset: u64,
    magic: &[u8; 4],
    raw: &mut [u8],
) -> Result<()> {
    let s = Structure::new(structure, offset, raw);
    if s.bytes(0, 4)? != magic {
        let found = String::from_utf8_lossy(s.bytes(0, 4)?).into_owned();
        return Err(s.corrupt(
            0,
            format!("{:?}", String::from_utf8_lossy(magic)),
            format!("{found:?}"),
        ));
    }
    let at = usize::from(s.u16(4)?);
    let count = usize::from(s.u16(6)?);
    let strides = raw.len().checked_div(STRIDE).unwrap_or(0);
    if count != strides.saturating_add(1) {
        let expected = format!("an update sequence array of {} numbers", strides.saturating_add(1));
        return Err(s.corrupt(6, expected, count.to_string()));
    }
    let array = s.bytes(at, count.saturating_mul(2))?.to_vec();
    let (pairs, _) = array.as_chunks::<2>();
    let Some((number, originals)) = pairs.split_first() else { return Ok(()) };
    for (index, original) in originals.iter().enumerate() {
        let end = index.saturating_add(1).saturating_mul(STRIDE);
        let s = Structure::new(structure, offset, raw);
        let place = end.saturating_sub(2);
        let found: [u8; 2] = s.array(place)?;
        if found != *number {
            let (number, found) = (u16::from_le_bytes(*number), u16::from_le_bytes(found));
            return Err(s.corrupt(
                place,
                format!("update sequence number {number:#06x}"),
                format!("{found:#06x}"),
            ));
        }
        if let Some(tail) = raw.get_mut(place..end) {
            tail.copy_from_slice(original);
        }
    }
    Ok(())
}
