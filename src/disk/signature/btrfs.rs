//! Btrfs (Linux, `Documentation/dev-docs/On-disk-format` of btrfs-progs, "Superblock").

use super::found;
use crate::bytes::{Bytes, BytesExt};
use crate::disk::facts::{Signature, SignatureKind};
use crate::disk::record::Record;
use crate::error::Result;

/// Offset of the first superblock.
const SUPERBLOCK: u64 = 0x1_0000;

pub(super) fn probe(volume: &dyn Bytes) -> Result<Option<Signature>> {
    let bytes: [u8; 560] = volume.array(SUPERBLOCK)?;
    let sb = Record(&bytes);
    if !sb.has(64, b"_BHRfS_M") || sb.u64(48) != SUPERBLOCK || !sb.u32(144).is_power_of_two() {
        return Ok(None);
    }
    let mut signature = found(SignatureKind::Btrfs, SUPERBLOCK.saturating_add(64));
    signature.uuid = sb.uuid(32);
    signature.label = sb.text(299, 256);
    // The device item's size: the file system may span several devices.
    signature.size = Some(sb.u64(209));
    Ok(Some(signature))
}
