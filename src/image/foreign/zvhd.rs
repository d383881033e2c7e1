//! Huawei ZVHD and ZVHD2 (<https://github.com/huaweicloud/ims-qemu-img>, `src/zvhd.c` and
//! `src/zvhd2.c`: `ZVHD_FOOTER`, `ZVHD2_FOOTER`; little-endian as written on x86).
//!
//! Both begin with the fields of a VHD footer under another cookie, in a block of 4096 bytes that is
//! repeated at the end; between stand compressed 2 MiB blocks, each with the prefix `hwstream bg`.

use crate::bytes::{Bytes, BytesExt};
use crate::image::facts::Format;
use crate::image::foreign::vhd::complement_of_sum;
use crate::image::format::{Detected, has_magic};

const ZVHD_COOKIE: [u8; 8] = *b"stream\0\0";
const ZVHD2_COOKIE: [u8; 8] = *b"z2strm\0\0";

/// What begins each compressed block, the first at byte 4096.
const BLOCK_PREFIX: [u8; 12] = *b"hwstream bg\0";
const FIRST_BLOCK: u64 = 4096;

/// ZVHD or ZVHD2: the cookie at byte 0, and the checksum or a first block to go with it.
pub(in crate::image) fn detect(bytes: &dyn Bytes) -> Option<Detected> {
    let footer: [u8; 512] = bytes.array(0).ok()?;
    let (cookie, format) = [(ZVHD_COOKIE, Format::Zvhd), (ZVHD2_COOKIE, Format::Zvhd2)]
        .into_iter()
        .find(|(cookie, _)| footer.starts_with(cookie))?;
    let (head, rest) = footer.split_at_checked(64)?;
    let (checksum, tail) = rest.split_at_checked(4)?;
    let sound = checksum == complement_of_sum(head, tail).to_le_bytes();
    if !sound && !has_magic(bytes, FIRST_BLOCK, &BLOCK_PREFIX) {
        return None;
    }
    // `curr_size`: the disk as the format's own driver shows it, rounded up to a whole GiB.
    let current_size = head.get(48..56)?.try_into().ok().map(u64::from_le_bytes);
    let found = Detected::new(format, 0, &cookie).virtual_size(current_size);
    Some(if sound { found } else { found.variant("header checksum does not match") })
}
