//! Encrypted volumes: LUKS (cryptsetup, *LUKS1/LUKS2 On-Disk Format Specification*) and BitLocker.

use super::{detail, found};
use crate::bytes::{Bytes, BytesExt};
use crate::disk::facts::{Signature, SignatureKind};
use crate::disk::record::Record;
use crate::error::Result;

/// Where the secondary LUKS2 header may begin (LUKS2 specification 1.1.1, section 2.1).
const SECONDARY: [u64; 9] =
    [0x4000, 0x8000, 0x1_0000, 0x2_0000, 0x4_0000, 0x8_0000, 0x10_0000, 0x20_0000, 0x40_0000];

/// GUID in a BitLocker To Go boot sector, whose OEM name is FAT's.
const TO_GO: [u8; 16] = [
    0x3b, 0xd6, 0x67, 0x49, 0x29, 0x2e, 0xd8, 0x4a, 0x83, 0x99, 0xf6, 0xa3, 0x39, 0xe3, 0xd0, 0x01,
];

pub(super) fn probe(volume: &dyn Bytes) -> Result<Option<Signature>> {
    if let Some(signature) = header(volume, 0, b"LUKS\xba\xbe")? {
        return Ok(Some(signature));
    }
    for offset in SECONDARY {
        let secondary = detail(header(volume, offset, b"SKUL\xba\xbe"))?;
        if secondary.is_some() {
            return Ok(secondary);
        }
    }
    Ok(None)
}

fn header(volume: &dyn Bytes, offset: u64, magic: &[u8]) -> Result<Option<Signature>> {
    if volume.array::<6>(offset)?.as_slice() != magic {
        return Ok(None);
    }
    let bytes: [u8; 264] = volume.array(offset)?;
    let header = Record(&bytes);
    let version = header.be16(6);
    let kind = match version {
        0 => return Ok(None),
        1 => SignatureKind::Luks1,
        _ => SignatureKind::Luks2,
    };
    if version == 2 && header.be64(256) != offset {
        return Ok(None);
    }
    let mut signature = found(kind, offset);
    signature.version = Some(format!("LUKS{version}"));
    signature.uuid = header.text(168, 40);
    if version == 2 {
        signature.label = header.text(24, 48);
    }
    Ok(Some(signature))
}

/// BitLocker by its boot sector (libbde, *BitLocker Drive Encryption (BDE) format*, section 2).
pub(super) fn probe_bitlocker(volume: &dyn Bytes) -> Result<Option<Signature>> {
    let sector: [u8; 512] = volume.array(0)?;
    let boot = Record(&sector);
    if boot.has(3, b"-FVE-FS-") {
        return Ok(Some(found(SignatureKind::Bitlocker, 3)));
    }
    Ok(boot.has(424, &TO_GO).then(|| found(SignatureKind::Bitlocker, 424)))
}
