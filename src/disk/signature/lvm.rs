//! LVM2 physical volumes (LVM2, `lib/format_text/layout.h`, `lib/label/label.h`).

use super::found;
use crate::bytes::{Bytes, BytesExt};
use crate::disk::facts::{Signature, SignatureKind};
use crate::disk::lvm::{checksum, dashed};
use crate::disk::record::Record;
use crate::error::Result;

/// Sectors in which the label may stand (`LABEL_SCAN_SECTORS`).
const LABEL_SECTORS: u64 = 4;

pub(super) fn probe(volume: &dyn Bytes) -> Result<Option<Signature>> {
    for number in 0..LABEL_SECTORS {
        let offset = number.saturating_mul(512);
        let sector: [u8; 512] = volume.array(offset)?;
        let label = Record(&sector);
        if !label.has(0, b"LABELONE")
            || !label.has(24, b"LVM2 001")
            || label.u64(8) != number
            || !crate::checksum::holds(label.u32(16), checksum(label.bytes(20, 492)))
        {
            continue;
        }
        let header = usize::try_from(label.u32(20)).unwrap_or(usize::MAX);
        let mut signature = found(SignatureKind::LvmPv, offset);
        signature.version = Some("LVM2 001".to_owned());
        signature.uuid = label.text(header, 32).map(|id| dashed(&id));
        signature.size = Some(label.u64(header.saturating_add(32))).filter(|&size| size != 0);
        return Ok(Some(signature));
    }
    Ok(None)
}
