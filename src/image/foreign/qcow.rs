//! QCOW version 1 (QEMU `block/qcow.c`, `QCowHeader`; big-endian).

use crate::bytes::Bytes;
use crate::image::facts::Format;
use crate::image::format::{Detected, QCOW_MAGIC, be32, be64, has_magic};

/// QCOW version 1: the magic it shares with QCOW2, and the version.
pub(in crate::image) fn detect(bytes: &dyn Bytes) -> Option<Detected> {
    if !has_magic(bytes, 0, &QCOW_MAGIC) || be32(bytes, 4) != Some(1) {
        return None;
    }
    let found = Detected::new(Format::Qcow, 0, &QCOW_MAGIC).virtual_size(be64(bytes, 24));
    let backing = be64(bytes, 8).is_some_and(|offset| offset != 0);
    let encrypted = be32(bytes, 36).is_some_and(|method| method != 0);
    Some(match (backing, encrypted) {
        (false, false) => found,
        (true, false) => found.variant("with a backing file"),
        (false, true) => found.variant("encrypted"),
        (true, true) => found.variant("encrypted, with a backing file"),
    })
}
