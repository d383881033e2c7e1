//! NTFS (boot sector and `$Volume`; layout as in Linux `fs/ntfs3/ntfs.h`).

use super::{detail, found};
use crate::bytes::{Bytes, BytesExt};
use crate::disk::facts::{Signature, SignatureKind};
use crate::disk::record::Record;
use crate::error::Result;

/// Number of the MFT record of `$Volume`.
const VOLUME_RECORD: u64 = 3;

/// Type of the attribute `$VOLUME_NAME`.
const VOLUME_NAME: u32 = 0x60;

/// Most attributes of `$Volume` looked at; it has seven or eight.
const MAX_ATTRIBUTES: usize = 32;

pub(super) fn probe(volume: &dyn Bytes) -> Result<Option<Signature>> {
    let sector: [u8; 512] = volume.array(0)?;
    let boot = Record(&sector);
    let sector_size = u64::from(boot.u16(11));
    let cluster_sectors = match boot.u8(13) {
        count @ 1..=128 if count.is_power_of_two() => u64::from(count),
        // Clusters of more than 128 sectors are stored as a negative power of two.
        power @ 240..=249 => 1_u64 << (0_u8.wrapping_sub(power)),
        _ => return Ok(None),
    };
    // Fields that FAT has and that NTFS demands to be zero.
    let zero = [14..21, 22..24, 32..36];
    if !boot.has(3, b"NTFS    ")
        || !boot.has(510, &[0x55, 0xaa])
        || !sector_size.is_power_of_two()
        || !(256..=4096).contains(&sector_size)
        || zero.into_iter().any(|range| sector.get(range).is_none_or(|b| b.iter().any(|&x| x != 0)))
        || boot.u64(40) == 0
    {
        return Ok(None);
    }
    let mut signature = found(SignatureKind::Ntfs, 3);
    signature.uuid = Some(format!("{:016X}", boot.u64(72)));
    signature.size = Some(boot.u64(40).saturating_mul(sector_size));
    let cluster_size = cluster_sectors.saturating_mul(sector_size);
    let record_size = match boot.u8(64) {
        clusters @ 1..=127 => u64::from(clusters).saturating_mul(cluster_size),
        power => 1_u64.checked_shl(u32::from(0_u8.wrapping_sub(power))).unwrap_or_default(),
    };
    let at = boot
        .u64(48)
        .saturating_mul(cluster_size)
        .saturating_add(record_size.saturating_mul(VOLUME_RECORD));
    signature.label = detail(label(volume, at))?;
    Ok(Some(signature))
}

/// The resident `$VOLUME_NAME` in the first sector of `$Volume`'s record at byte `at`. The sector's
/// last two bytes are the update sequence's, so nothing is taken from them.
fn label(volume: &dyn Bytes, at: u64) -> Result<Option<String>> {
    let bytes: [u8; 510] = volume.array(at)?;
    let record = Record(&bytes);
    if !record.has(0, b"FILE") {
        return Ok(None);
    }
    let mut offset = usize::from(record.u16(0x14));
    for _ in 0..MAX_ATTRIBUTES {
        let attribute = Record(bytes.get(offset..).unwrap_or_default());
        let len = usize::try_from(attribute.u32(4)).unwrap_or(usize::MAX);
        if len < 24 {
            break;
        }
        if attribute.u32(0) == VOLUME_NAME && attribute.u8(8) == 0 {
            let units = usize::try_from(attribute.u32(0x10) >> 1).unwrap_or(usize::MAX);
            return Ok(attribute.text_utf16(attribute.u16(0x14).into(), units));
        }
        offset = offset.saturating_add(len);
    }
    Ok(None)
}
