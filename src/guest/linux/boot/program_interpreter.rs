//! The program that an ELF program needs to run (`PT_INTERP`): the dynamic loader.
//!
//! Source: System V gABI, "ELF Header" and "Program Header"; Linux, `load_elf_binary` in
//! `fs/binfmt_elf.c`, which does not start the program without it.

use crate::bytes::{Bytes, BytesExt};
use crate::error::{Error, Result};

/// Length of the header of a 64-bit file; that of a 32-bit file is shorter.
const HEADER: u64 = 64;

/// Most program headers that are looked at; programs have some ten.
const MAX_SEGMENTS: u16 = 128;

/// Longest path in bytes (Linux: `PATH_MAX`).
const MAX_PATH: usize = 4096;

const PT_INTERP: u32 = 3;

/// Where the numbers stand, in bytes, and how they are written.
struct Layout {
    wide: bool,
    big_endian: bool,
}

/// The path of the interpreter; `None` when the file is not ELF or needs none.
///
/// # Errors
/// When the bytes cannot be read, or the program headers lie outside the file.
pub(super) fn interpreter(bytes: &dyn Bytes) -> Result<Option<String>> {
    if bytes.len() < HEADER {
        return Ok(None);
    }
    let [0x7f, b'E', b'L', b'F', class, data] = bytes.array(0)? else { return Ok(None) };
    let layout = Layout { wide: class == 2, big_endian: data == 2 };
    let (table, length, count) = if layout.wide { (0x20, 0x36, 0x38) } else { (0x1c, 0x2a, 0x2c) };
    let table = layout.word(bytes, table)?;
    let length = u64::from(layout.half(bytes, length)?);
    let count = layout.half(bytes, count)?;
    for index in 0..u64::from(count.min(MAX_SEGMENTS)) {
        let segment = table.saturating_add(index.saturating_mul(length));
        let at = |offset: u64| segment.saturating_add(offset);
        if layout.number(bytes.array(segment)?) != PT_INTERP {
            continue;
        }
        let (offset, size) = if layout.wide { (at(8), at(0x20)) } else { (at(4), at(0x10)) };
        let size = usize::try_from(layout.word(bytes, size)?).unwrap_or(usize::MAX);
        if size > MAX_PATH {
            return Err(Error::corrupt(
                "PT_INTERP",
                segment,
                "at most 4096 bytes",
                size.to_string(),
            ));
        }
        let path = bytes.vec(layout.word(bytes, offset)?, size)?;
        let path = path.split(|byte| *byte == 0).next().unwrap_or_default();
        return Ok(Some(String::from_utf8_lossy(path).into_owned()));
    }
    if count > MAX_SEGMENTS {
        let limit = MAX_SEGMENTS.into();
        return Err(Error::Limit { structure: "ELF program headers", limit, unit: "segments" });
    }
    Ok(None)
}

impl Layout {
    fn half(&self, bytes: &dyn Bytes, offset: u64) -> Result<u16> {
        let number = bytes.array(offset)?;
        Ok(if self.big_endian { u16::from_be_bytes(number) } else { u16::from_le_bytes(number) })
    }

    fn number(&self, number: [u8; 4]) -> u32 {
        if self.big_endian { u32::from_be_bytes(number) } else { u32::from_le_bytes(number) }
    }

    /// An offset or a length.
    fn word(&self, bytes: &dyn Bytes, offset: u64) -> Result<u64> {
        if !self.wide {
            return Ok(u64::from(self.number(bytes.array(offset)?)));
        }
        let number = bytes.array(offset)?;
        Ok(if self.big_endian { u64::from_be_bytes(number) } else { u64::from_le_bytes(number) })
    }
}

/// A 64-bit program of two segments, the second of which names `path`, laid out after the gABI.
#[cfg(test)]
pub(super) fn program(path: &str) -> Vec<u8> {
    let mut image = vec![0_u8; 0xb0];
    image[..6].copy_from_slice(b"\x7fELF\x02\x01");
    image[0x20] = 0x40;
    image[0x36] = 0x38;
    image[0x38] = 2;
    image[0x40] = 6;
    image[0x78] = 3;
    image[0x80] = 0xb0;
    let path = format!("{path}\0");
    image[0x98..0x9a].copy_from_slice(&u16::try_from(path.len()).unwrap().to_le_bytes());
    image.extend(path.bytes());
    image
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interpreter_is_what_the_segment_names() {
        let image = program("/lib64/ld-linux-x86-64.so.2");
        let found = interpreter(&image).unwrap();
        assert_eq!(found.as_deref(), Some("/lib64/ld-linux-x86-64.so.2"));
    }

    #[test]
    fn a_32_bit_program_of_the_other_byte_order_is_read_too() {
        let mut image = vec![0_u8; 0x60];
        image[..6].copy_from_slice(b"\x7fELF\x01\x02");
        image[0x1f] = 0x34;
        image[0x2b] = 0x20;
        image[0x2d] = 1;
        image[0x37] = 3;
        image[0x3b] = 0x54;
        image[0x47] = 8;
        image[0x54..0x5b].copy_from_slice(b"/lib/ld");
        assert_eq!(interpreter(&image).unwrap().as_deref(), Some("/lib/ld"));
    }

    #[test]
    fn what_is_not_elf_or_static_needs_none() {
        assert_eq!(interpreter(&b"#!/bin/sh\n".to_vec()).unwrap(), None);
        assert_eq!(interpreter(&vec![b'#'; 100]).unwrap(), None);
        let mut image = program("/lib/ld");
        image[0x38] = 1;
        assert_eq!(interpreter(&image).unwrap(), None);
    }

    #[test]
    fn headers_outside_the_file_and_endless_paths_are_errors() {
        let mut image = program("/lib/ld");
        image[0x22] = 1;
        assert!(interpreter(&image).is_err());
        let mut image = program("/lib/ld");
        image[0x38] = 129;
        image[0x78] = 1;
        image.resize(0x40 + 129 * 0x38, 0);
        assert!(matches!(interpreter(&image), Err(Error::Limit { .. })));
        let mut image = program("/lib/ld");
        image[0x9f] = 1;
        assert!(interpreter(&image).is_err());
        image.truncate(0xa0);
        assert!(interpreter(&image).is_err());
    }
}
