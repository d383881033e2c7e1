//! Members of a ZFS pool (*ZFS On-Disk Specification*, chapter 1: vdev labels).

use super::found;
use crate::bytes::{Bytes, BytesExt};
use crate::disk::facts::{Signature, SignatureKind};
use crate::disk::record::Record;
use crate::error::Result;

/// Offset of the name-value pairs in the first label.
const PAIRS: u64 = 16 << 10;

/// Offset of the uberblock array in the first label.
const UBERBLOCKS: u64 = 128 << 10;

/// Magic of an uberblock, in the byte order of the writer.
const UBERBLOCK: u64 = 0x00ba_b10c;

/// Bytes of the pairs that are read. Name, GUID and version stand among the first.
const PAIRS_READ: usize = 4096;

/// Most pairs looked at.
const MAX_PAIRS: usize = 64;

/// Types of values (`data_type_t`, `sys/nvpair.h`).
const UINT64: u32 = 8;
const STRING: u32 = 9;

pub(super) fn probe(volume: &dyn Bytes) -> Result<Option<Signature>> {
    // An nvlist in XDR encoding (1) of version 0 with unique names (1).
    let head: [u8; 12] = volume.array(PAIRS)?;
    let head = Record(&head);
    if head.u8(0) != 1 || head.u8(1) > 1 || head.be32(4) != 0 || head.be32(8) != 1 {
        return Ok(None);
    }
    if !has_uberblock(volume)? {
        return Ok(None);
    }
    let bytes = volume.vec(PAIRS, PAIRS_READ)?;
    let mut signature = found(SignatureKind::Zfs, UBERBLOCKS);
    let mut at = 12_usize;
    for _ in 0..MAX_PAIRS {
        let pair = Record(bytes.get(at..).unwrap_or_default());
        let len = usize::try_from(pair.be32(0)).unwrap_or(usize::MAX);
        let name_len = usize::try_from(pair.be32(8)).unwrap_or(usize::MAX);
        if len < 20 || len > bytes.len() || name_len > len {
            break;
        }
        let name = pair.bytes(12, name_len);
        let value = name_len.next_multiple_of(4).saturating_add(20);
        match (name, pair.be32(value.saturating_sub(8))) {
            (b"version", UINT64) => signature.version = Some(pair.be64(value).to_string()),
            (b"name", STRING) => {
                let text_len = usize::try_from(pair.be32(value)).unwrap_or(usize::MAX);
                signature.label = pair.text(value.saturating_add(4), text_len);
            }
            (b"pool_guid", UINT64) => signature.uuid = Some(pair.be64(value).to_string()),
            _ => {}
        }
        at = at.saturating_add(len);
    }
    Ok(Some(signature))
}

/// Whether one of the uberblocks is there. They lie 1 KiB apart, or further with bigger sectors.
fn has_uberblock(volume: &dyn Bytes) -> Result<bool> {
    for index in 0..128_u64 {
        let magic: [u8; 8] = volume.array(UBERBLOCKS.saturating_add(index << 10))?;
        if u64::from_le_bytes(magic) == UBERBLOCK || u64::from_be_bytes(magic) == UBERBLOCK {
            return Ok(true);
        }
    }
    Ok(false)
}
