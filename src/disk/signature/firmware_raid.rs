//! Members of RAID sets that firmware manages: SNIA DDF and Intel's IMSM.

use super::found;
use crate::bytes::{Bytes, BytesExt};
use crate::disk::facts::{Signature, SignatureKind};
use crate::disk::record::Record;
use crate::error::Result;

/// The anchor header in the last sector (SNIA, *Common RAID Disk Data Format*, section 5.5).
pub(super) fn probe_ddf(volume: &dyn Bytes) -> Result<Option<Signature>> {
    let Some(offset) = volume.len().checked_sub(512) else { return Ok(None) };
    let bytes: [u8; 512] = volume.array(offset)?;
    let header = Record(&bytes);
    if header.be32(0) != 0xde11_de11 {
        return Ok(None);
    }
    // The checksum is computed with its own field all ones.
    let mut summed = bytes;
    if let Some(field) = summed.get_mut(4..8) {
        field.fill(0xff);
    }
    if header.be32(4) != crc32fast::hash(&summed) {
        return Ok(None);
    }
    let mut signature = found(SignatureKind::Ddf, offset);
    signature.version = header.text(32, 8);
    Ok(Some(signature))
}

/// The metadata anchor, two sectors before the end (mdadm, `super-intel.c`).
pub(super) fn probe_imsm(volume: &dyn Bytes) -> Result<Option<Signature>> {
    let Some(offset) = volume.len().checked_sub(1024) else { return Ok(None) };
    let bytes: [u8; 32] = volume.array(offset)?;
    let anchor = Record(&bytes);
    if !anchor.has(0, b"Intel Raid ISM Cfg Sig. ") {
        return Ok(None);
    }
    let mut signature = found(SignatureKind::Imsm, offset);
    signature.version = anchor.text(24, 6);
    Ok(Some(signature))
}
