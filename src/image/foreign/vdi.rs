//! VirtualBox disk image (QEMU `block/vdi.c`, `VdiHeader`; little-endian).

use crate::bytes::Bytes;
use crate::image::facts::Format;
use crate::image::format::{Detected, has_magic, le16, le32, le64};

/// Signature 0xbeda107f.
const SIGNATURE: [u8; 4] = 0xbeda_107f_u32.to_le_bytes();
const SIGNATURE_AT: u64 = 0x40;

/// VDI: the signature at 0x40, the version at 0x44, the image type at 0x4c, the size at 0x170.
pub(in crate::image) fn detect(bytes: &dyn Bytes) -> Option<Detected> {
    // Byte 0x40 is boot code on a raw disk, so the version must fit as well: VirtualBox has written
    // 0.1 and 1.1, the major number in the upper half.
    if !has_magic(bytes, SIGNATURE_AT, &SIGNATURE) || le16(bytes, 0x46)? > 1 {
        return None;
    }
    let found =
        Detected::new(Format::Vdi, SIGNATURE_AT, &SIGNATURE).virtual_size(le64(bytes, 0x170));
    Some(match le32(bytes, 0x4c) {
        Some(1) => found.variant("dynamic"),
        Some(2) => found.variant("fixed"),
        Some(3) => found.variant("undo"),
        Some(4) => found.variant("differencing"),
        _ => found,
    })
}
