//! QEMU enhanced disk (QEMU `docs/interop/qed_spec.rst`; little-endian).

use crate::bytes::Bytes;
use crate::image::facts::Format;
use crate::image::format::{Detected, has_magic, le64};

const MAGIC: [u8; 4] = *b"QED\0";

/// Feature bit `QED_F_BACKING_FILE`.
const BACKING_FILE: u64 = 1;

/// QED: the magic at byte 0, the features at 16, the image size at 48.
pub(in crate::image) fn detect(bytes: &dyn Bytes) -> Option<Detected> {
    if !has_magic(bytes, 0, &MAGIC) {
        return None;
    }
    let found = Detected::new(Format::Qed, 0, &MAGIC).virtual_size(le64(bytes, 48));
    let backed = le64(bytes, 16).is_some_and(|features| features & BACKING_FILE != 0);
    Some(if backed { found.variant("with a backing file") } else { found })
}
