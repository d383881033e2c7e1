//! Members of Linux software RAID (Linux, `include/uapi/linux/raid/md_p.h`).

use super::{detail, found};
use crate::bytes::{Bytes, BytesExt};
use crate::disk::facts::{Signature, SignatureKind};
use crate::disk::record::Record;
use crate::error::Result;

const MAGIC: u32 = 0xa92b_4efc;

/// Space at the end of the device that a 0.90 superblock lies in (`MD_RESERVED_BYTES`).
const RESERVED: u64 = 65_536;

pub(super) fn probe(volume: &dyn Bytes) -> Result<Option<Signature>> {
    let len = volume.len();
    // 1.0: 8 KiB before the end, rounded down to 4 KiB.
    let last = (len >> 9).checked_sub(16).map(|sector| (sector & !7) << 9);
    let places = [("1.1", Some(0)), ("1.2", Some(4096)), ("1.0", last)];
    for (version, offset) in places {
        let Some(offset) = offset else { continue };
        let member = detail(version_1(volume, offset, version))?;
        if member.is_some() {
            return Ok(member);
        }
    }
    match (len & !RESERVED.saturating_sub(1)).checked_sub(RESERVED) {
        Some(offset) => version_0(volume, offset),
        None => Ok(None),
    }
}

fn version_1(volume: &dyn Bytes, offset: u64, version: &str) -> Result<Option<Signature>> {
    let bytes: [u8; 256] = volume.array(offset)?;
    let sb = Record(&bytes);
    // The superblock knows its own sector, which tells 1.0 from a leftover of another size.
    if sb.u32(0) != MAGIC || sb.u32(4) != 1 || sb.u64(144) != offset >> 9 {
        return Ok(None);
    }
    let mut signature = found(SignatureKind::MdRaid, offset);
    signature.uuid = sb.uuid(16);
    signature.label = sb.text(32, 32);
    signature.version = Some(version.to_owned());
    Ok(Some(signature))
}

fn version_0(volume: &dyn Bytes, offset: u64) -> Result<Option<Signature>> {
    let bytes: [u8; 64] = volume.array(offset)?;
    let sb = Record(&bytes);
    // It is written in the byte order of the machine.
    let field = |at| if sb.u32(0) == MAGIC { sb.u32(at) } else { sb.be32(at) };
    if field(0) != MAGIC || field(4) != 0 || field(8) != 90 {
        return Ok(None);
    }
    let mut signature = found(SignatureKind::MdRaid, offset);
    let mut uuid = [0; 16];
    for (chunk, at) in uuid.chunks_exact_mut(4).zip([20, 52, 56, 60]) {
        chunk.copy_from_slice(&field(at).to_be_bytes());
    }
    signature.uuid = Record(&uuid).uuid(0);
    signature.version = Some("0.90".to_owned());
    Ok(Some(signature))
}
