//! Microsoft VHD ("Virtual Hard Disk Image Format Specification", 1.0, Hard Disk Footer Format;
//! big-endian).

use crate::bytes::{Bytes, BytesExt};
use crate::image::facts::Format;
use crate::image::format::{Detected, has_magic};

const COOKIE: [u8; 8] = *b"conectix";
const FOOTER_LEN: u64 = 512;

/// VHD: a footer in the last 512 bytes; dynamic and differencing disks keep a copy at byte 0.
pub(in crate::image) fn detect(bytes: &dyn Bytes) -> Option<Detected> {
    let at_end = bytes.len().checked_sub(FOOTER_LEN);
    at_end.and_then(|at| footer(bytes, at)).or_else(|| footer(bytes, 0)).or_else(|| {
        // No file system and no boot code begins with this word.
        has_magic(bytes, 0, &COOKIE).then(|| {
            Detected::new(Format::Vhd, 0, &COOKIE).variant("footer checksum does not match")
        })
    })
}

/// The footer at `offset`, when cookie and checksum are right: the last sector of a raw disk is
/// guest data, which might hold the cookie alone.
fn footer(bytes: &dyn Bytes, offset: u64) -> Option<Detected> {
    let footer: [u8; 512] = bytes.array(offset).ok()?;
    let (head, rest) = footer.split_at_checked(64)?;
    let (checksum, tail) = rest.split_at_checked(4)?;
    if !head.starts_with(&COOKIE) || checksum != complement_of_sum(head, tail).to_be_bytes() {
        return None;
    }
    let current_size = head.get(48..56)?.try_into().ok().map(u64::from_be_bytes);
    let found = Detected::new(Format::Vhd, offset, &COOKIE).virtual_size(current_size);
    let disk_type = head.get(60..64)?.try_into().ok().map(u32::from_be_bytes);
    Some(match disk_type {
        Some(2) => found.variant("fixed"),
        Some(3) => found.variant("dynamic"),
        Some(4) => found.variant("differencing"),
        _ => found,
    })
}

/// The footer's checksum: the one's complement of the sum of all its other bytes.
pub(super) fn complement_of_sum(head: &[u8], tail: &[u8]) -> u32 {
    !head.iter().chain(tail).fold(0_u32, |sum, &byte| sum.wrapping_add(u32::from(byte)))
}
