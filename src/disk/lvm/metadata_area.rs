//! A metadata area: a header, and a ring in which the texts follow each other (LVM2,
//! `lib/format_text/layout.h`: `struct mda_header`, `struct raw_locn`).

use super::checksum;
use crate::bytes::{Bytes, BytesExt};
use crate::disk::record::Record;
use crate::error::{Error, Result};

/// Size of the header; the ring begins behind it (`MDA_HEADER_SIZE`).
const HEADER_SIZE: u64 = 512;

/// The text in this location is not to be used (`RAW_LOCN_IGNORED`).
const IGNORED: u32 = 1;

/// Longest text that is read: that of 1,000 volumes has about 400 KiB, an area usually 1 MiB.
const MAX_TEXT: u64 = 4 << 20;

/// The newest text of a metadata area.
#[derive(Debug)]
pub(super) struct Text {
    pub(super) checksum: u32,
    pub(super) bytes: Vec<u8>,
}

/// The committed text of the area at `offset`; `None` when it has none, as on a physical volume
/// that belongs to no group.
///
/// # Errors
/// [`Error::Corrupt`] for wrong magic or checksums and places outside the area;
/// [`Error::Limit`] for a text of more than 4 MiB; [`Error::Unsupported`] for another version.
pub(super) fn read(volume: &dyn Bytes, offset: u64, size: u64) -> Result<Option<Text>> {
    const HEADER: &str = "LVM2 mda_header";
    let sector: [u8; 512] = volume.array(offset).map_err(|error| outside(offset, error))?;
    let header = Record(&sector);
    if !header.has(4, b" LVM2 x[5A%r0N*>") {
        let found = format!("{:02x?}", header.bytes(4, 16));
        return Err(Error::corrupt(HEADER, offset, "its magic", found));
    }
    let sum = checksum(header.bytes(4, 508));
    if !crate::checksum::holds(header.u32(0), sum) {
        let (expected, found) = (format!("checksum {sum:08x}"), format!("{:08x}", header.u32(0)));
        return Err(Error::corrupt(HEADER, offset, expected, found));
    }
    if header.u32(20) != 1 {
        return Err(Error::unsupported(HEADER, offset, format!("version {}", header.u32(20))));
    }
    if header.u64(24) != offset {
        let (expected, found) = (format!("start {offset}"), header.u64(24).to_string());
        return Err(Error::corrupt(HEADER, offset, expected, found));
    }
    // The first location is the committed one.
    let (start, len, text_sum) = (header.u64(40), header.u64(48), header.u32(56));
    if start == 0 || len == 0 || header.u32(60) & IGNORED != 0 {
        return Ok(None);
    }
    let size = header.u64(32).min(size);
    if start < HEADER_SIZE || start >= size || len > size.saturating_sub(HEADER_SIZE) {
        let found = format!("{len} bytes from byte {start} on");
        let expected = format!("text within the area's {size} bytes");
        return Err(Error::corrupt("LVM2 raw_locn", offset, expected, found));
    }
    if len > MAX_TEXT {
        return Err(Error::Limit {
            structure: "LVM2 metadata text",
            limit: MAX_TEXT,
            unit: "bytes",
        });
    }
    let first = len.min(size.saturating_sub(start));
    let mut bytes = part(volume, offset, start, first)?;
    if first < len {
        bytes.extend(part(volume, offset, HEADER_SIZE, len.saturating_sub(first))?);
    }
    let sum = checksum(&bytes);
    if !crate::checksum::holds(text_sum, sum) {
        let (expected, found) = (format!("checksum {text_sum:08x}"), format!("{sum:08x}"));
        let place = offset.saturating_add(start);
        return Err(Error::corrupt("LVM2 metadata text", place, expected, found));
    }
    Ok(Some(Text { checksum: sum, bytes }))
}

fn part(volume: &dyn Bytes, area: u64, start: u64, len: u64) -> Result<Vec<u8>> {
    let at = area.saturating_add(start);
    let len = usize::try_from(len).unwrap_or(usize::MAX);
    volume.vec(at, len).map_err(|error| outside(at, error))
}

/// An area that the header names and the volume does not hold is no absent area.
fn outside(offset: u64, error: Error) -> Error {
    match error {
        Error::OutOfBounds { len, .. } => Error::corrupt(
            "LVM2 metadata area",
            offset,
            "an area on the volume",
            format!("the volume's end at byte {len}"),
        ),
        other => other,
    }
}
