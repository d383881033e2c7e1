//! What an ELF program needs to run: the dynamic loader (`PT_INTERP`) and libraries (`DT_NEEDED`).
//!
//! Source: System V gABI, "ELF Header", "Program Header" and "Dynamic Section"; Linux,
//! `load_elf_binary` in `fs/binfmt_elf.c`, which does not start the program without the loader.

use crate::bytes::{Bytes, BytesExt};
use crate::error::{Error, Result};

/// Length of the header of a 64-bit file; that of a 32-bit file is shorter.
const HEADER: u64 = 64;

/// Most program headers that are looked at; programs have some ten.
const MAX_SEGMENTS: u16 = 128;

/// Longest path in bytes (Linux: `PATH_MAX`).
const MAX_PATH: usize = 4096;

/// Most entries of a dynamic section that are looked at; programs have some thirty.
const MAX_DYNAMIC: u64 = 1024;

const PT_LOAD: u32 = 1;
const PT_DYNAMIC: u32 = 2;
const PT_INTERP: u32 = 3;

const DT_NULL: u64 = 0;
const DT_NEEDED: u64 = 1;
const DT_STRTAB: u64 = 5;

/// A program header.
struct Segment {
    kind: u32,
    /// Where it stands, in bytes.
    at: u64,
    /// Where its bytes stand, in bytes.
    offset: u64,
    address: u64,
    size: u64,
}

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
    let Some((_, segments, complete)) = segments(bytes)? else { return Ok(None) };
    let Some(segment) = segments.iter().find(|segment| segment.kind == PT_INTERP) else {
        return if complete { Ok(None) } else { Err(too_many()) };
    };
    let size = usize::try_from(segment.size).unwrap_or(usize::MAX);
    if size > MAX_PATH {
        let found = size.to_string();
        return Err(Error::corrupt("PT_INTERP", segment.at, "at most 4096 bytes", found));
    }
    let path = bytes.vec(segment.offset, size)?;
    let path = path.split(|byte| *byte == 0).next().unwrap_or_default();
    Ok(Some(String::from_utf8_lossy(path).into_owned()))
}

/// Whether a program links a library by this name; a file that is not ELF links none.
///
/// # Errors
/// When the bytes cannot be read, or what the headers name lies outside the file.
pub(in crate::guest::linux) fn needs(bytes: &dyn Bytes, library: &str) -> Result<bool> {
    let Some((layout, segments, complete)) = segments(bytes)? else { return Ok(false) };
    let Some(dynamic) = segments.iter().find(|segment| segment.kind == PT_DYNAMIC) else {
        return if complete { Ok(false) } else { Err(too_many()) };
    };
    let word: u64 = if layout.wide { 8 } else { 4 };
    let (mut names, mut strings) = (Vec::new(), None);
    let entry_length = word.saturating_mul(2);
    for index in 0..dynamic.size.checked_div(entry_length).unwrap_or(0) {
        if index >= MAX_DYNAMIC {
            let (structure, limit) = ("ELF dynamic section", MAX_DYNAMIC);
            return Err(Error::Limit { structure, limit, unit: "entries" });
        }
        let entry = dynamic.offset.saturating_add(index.saturating_mul(entry_length));
        let value = layout.word(bytes, entry.saturating_add(word))?;
        match layout.word(bytes, entry)? {
            DT_NULL => break,
            DT_NEEDED => names.push(value),
            DT_STRTAB => strings = Some(value),
            _ => {}
        }
    }
    // The table is named by where it is loaded.
    let loaded = |address: u64| {
        let inside = |segment: &&Segment| {
            segment.kind == PT_LOAD
                && address.checked_sub(segment.address).is_some_and(|at| at < segment.size)
        };
        let segment = segments.iter().find(inside)?;
        address.checked_sub(segment.address)?.checked_add(segment.offset)
    };
    if names.is_empty() {
        return Ok(false);
    }
    let Some(table) = strings.and_then(loaded) else {
        let found = "not in any segment".to_owned();
        return Err(Error::corrupt("DT_STRTAB", dynamic.offset, "an address", found));
    };
    let wanted = [library.as_bytes(), b"\0"].concat();
    for name in names {
        let at = table.saturating_add(name);
        // One that is cut short by the end of the file is another.
        let fits =
            at.saturating_add(u64::try_from(wanted.len()).unwrap_or(u64::MAX)) <= bytes.len();
        if fits && *bytes.vec(at, wanted.len())? == *wanted {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The program headers, at most [`MAX_SEGMENTS`], and whether those are all; `None` when the file is
/// not ELF.
fn segments(bytes: &dyn Bytes) -> Result<Option<(Layout, Vec<Segment>, bool)>> {
    if bytes.len() < HEADER {
        return Ok(None);
    }
    let [0x7f, b'E', b'L', b'F', class, data] = bytes.array(0)? else { return Ok(None) };
    let layout = Layout { wide: class == 2, big_endian: data == 2 };
    let (table, length, count) = if layout.wide { (0x20, 0x36, 0x38) } else { (0x1c, 0x2a, 0x2c) };
    let table = layout.word(bytes, table)?;
    let length = u64::from(layout.half(bytes, length)?);
    let count = layout.half(bytes, count)?;
    let mut segments = Vec::new();
    for index in 0..u64::from(count.min(MAX_SEGMENTS)) {
        let at = table.saturating_add(index.saturating_mul(length));
        let field = |offset: u64| layout.word(bytes, at.saturating_add(offset));
        let (offset, address, size) = if layout.wide { (8, 0x10, 0x20) } else { (4, 8, 0x10) };
        segments.push(Segment {
            kind: layout.number(bytes.array(at)?),
            at,
            offset: field(offset)?,
            address: field(address)?,
            size: field(size)?,
        });
    }
    Ok(Some((layout, segments, count <= MAX_SEGMENTS)))
}

fn too_many() -> Error {
    let limit = MAX_SEGMENTS.into();
    Error::Limit { structure: "ELF program headers", limit, unit: "segments" }
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

/// A 64-bit program that is loaded at address 0x1000 and links `library`, laid out after the gABI.
#[cfg(test)]
pub(in crate::guest::linux) fn library(library: &str) -> Vec<u8> {
    let mut image = vec![0_u8; 0x110];
    image[..6].copy_from_slice(b"\x7fELF\x02\x01");
    image[0x20] = 0x40;
    image[0x36] = 0x38;
    image[0x38] = 2;
    // PT_LOAD of the whole file; PT_DYNAMIC of four entries: two names, the table, the end.
    let words: [(usize, u64); 14] = [
        (0x40, 1),
        (0x50, 0x1000),
        (0x60, 0x200),
        (0x78, 2),
        (0x80, 0xb0),
        (0x88, 0x10b0),
        (0x98, 0x40),
        (0xb0, 1),
        (0xb8, 1),
        (0xc0, 1),
        (0xc8, 11),
        (0xd0, 5),
        (0xd8, 0x1110),
        (0xe0, 0),
    ];
    for (at, word) in words {
        image[at..][..8].copy_from_slice(&word.to_le_bytes());
    }
    image.extend(format!("\0libfoo.so\0{library}\0").bytes());
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
    fn the_libraries_are_what_the_dynamic_section_names() {
        let image = library("libwrap.so.0");
        assert_eq!(needs(&image, "libwrap.so.0"), Ok(true));
        assert_eq!(needs(&image, "libfoo.so"), Ok(true));
        for other in ["libwrap.so", "wrap.so.0", "libwrap.so.0.7"] {
            assert_eq!(needs(&image, other), Ok(false), "{other}");
        }
        assert_eq!(needs(&program("/lib/ld"), "libwrap.so.0"), Ok(false));
        assert_eq!(needs(&b"#!/bin/sh\n".to_vec(), "libwrap.so.0"), Ok(false));
        let mut endless = image.clone();
        endless[0x98..0xa0].copy_from_slice(&0x10_0000_u64.to_le_bytes());
        endless.truncate(0xb0);
        endless.extend([7; 0x4010]);
        assert!(matches!(needs(&endless, "x"), Err(Error::Limit { .. })));
        let mut outside = image;
        outside[0xda] = 1;
        assert!(needs(&outside, "libwrap.so.0").is_err());
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
