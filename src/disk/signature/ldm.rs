//! Windows' volume managers: logical disk manager (dynamic disks) and Storage Spaces.

use super::{detail, found};
use crate::bytes::{Bytes, BytesExt};
use crate::disk::facts::{Signature, SignatureKind};
use crate::disk::record::Record;
use crate::error::Result;

/// Sectors of a dynamic disk's database at its end, or of the GPT partition that holds it.
const DATABASE_SECTORS: u64 = 2048;

/// Sectors of the second and third private header in the database (Linux,
/// `block/partitions/ldm.h`: `OFF_PRIV2`, `OFF_PRIV3`).
const DATABASE_HEADERS: [u64; 2] = [1856, 2047];

/// Sector of the first private header on an MBR disk (`OFF_PRIV1`).
const FIRST_HEADER: u64 = 6;

pub(super) fn probe(volume: &dyn Bytes) -> Result<Option<Signature>> {
    let database = (volume.len() >> 9).saturating_sub(DATABASE_SECTORS);
    let sectors = DATABASE_HEADERS.map(|sector| database.saturating_add(sector));
    for sector in std::iter::once(FIRST_HEADER).chain(sectors) {
        let offset = sector.saturating_mul(512);
        let Some(header) = detail(volume.array::<512>(offset).map(Some))? else { continue };
        let header = Record(&header);
        if header.has(0, b"PRIVHEAD") && header.be16(12) == 2 {
            let mut signature = found(SignatureKind::Ldm, offset);
            signature.version = Some(format!("{}.{}", header.be16(12), header.be16(14)));
            signature.uuid = header.text(48, 64);
            return Ok(Some(signature));
        }
    }
    Ok(None)
}

/// The header of a Storage Spaces pool's database, at the start of the member's partition.
pub(super) fn probe_storage_spaces(volume: &dyn Bytes) -> Result<Option<Signature>> {
    for offset in [0, 4096] {
        if &volume.array::<8>(offset)? == b"SPACEDB " {
            return Ok(Some(found(SignatureKind::StorageSpaces, offset)));
        }
    }
    Ok(None)
}
