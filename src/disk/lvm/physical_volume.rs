//! The label and header of a physical volume (LVM2, `lib/label/label.h`,
//! `lib/format_text/layout.h`: `struct pv_header`).

use super::checksum;
use crate::bytes::{Bytes, BytesExt};
use crate::disk::record::Record;
use crate::error::{Error, Result};

/// Sectors in which the label may stand (`LABEL_SCAN_SECTORS`).
const LABEL_SECTORS: u64 = 4;

/// The header of a physical volume.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct PhysicalVolume {
    /// Its UUID with dashes.
    pub(super) uuid: String,
    /// Offset and size of its metadata areas, in bytes.
    pub(super) metadata_areas: Vec<(u64, u64)>,
}

/// Reads the header behind the first label.
///
/// # Errors
/// [`Error::Corrupt`] when there is no label, or the header does not end within its sector.
pub(super) fn read(volume: &dyn Bytes) -> Result<PhysicalVolume> {
    for number in 0..LABEL_SECTORS {
        let offset = number.saturating_mul(512);
        let sector: [u8; 512] = volume.array(offset)?;
        let label = Record(&sector);
        if label.has(0, b"LABELONE")
            && label.has(24, b"LVM2 001")
            && label.u64(8) == number
            && crate::checksum::holds(label.u32(16), checksum(label.bytes(20, 492)))
        {
            return header(label, offset);
        }
    }
    Err(Error::corrupt("LVM2 label", 0, "LABELONE in one of four sectors", "none"))
}

fn header(label: Record<'_>, offset: u64) -> Result<PhysicalVolume> {
    let at = usize::try_from(label.u32(20)).unwrap_or(usize::MAX);
    let torn = || {
        let found = format!("one from byte {at} on");
        Error::corrupt("LVM2 pv_header", offset, "a header within its sector", found)
    };
    let uuid = dashed(label.text(at, 32).ok_or_else(torn)?.as_str());
    // Two lists of `disk_locn`, each ended by one of zeros: data areas, then metadata areas.
    let mut place = at.checked_add(40).ok_or_else(torn)?;
    let mut lists = [Vec::new(), Vec::new()];
    for list in &mut lists {
        loop {
            if label.bytes(place, 16).is_empty() {
                return Err(torn());
            }
            let area = (label.u64(place), label.u64(place.saturating_add(8)));
            place = place.saturating_add(16);
            if area.0 == 0 {
                break;
            }
            list.push(area);
        }
    }
    let [_, metadata_areas] = lists;
    Ok(PhysicalVolume { uuid, metadata_areas })
}

/// The 32 characters of an identifier in groups of 6-4-4-4-4-4-6 (`id_write_format`).
pub(in crate::disk) fn dashed(id: &str) -> String {
    let mut text = String::with_capacity(38);
    for (index, character) in id.chars().enumerate() {
        if matches!(index, 6 | 10 | 14 | 18 | 22 | 26) {
            text.push('-');
        }
        text.push(character);
    }
    text
}
