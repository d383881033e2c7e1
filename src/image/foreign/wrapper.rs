//! Archives and compressed wrappers round an image: tar (an OVA package is one; POSIX.1-1988
//! `ustar`), the OVF descriptor (DMTF DSP0243), gzip (RFC 1952), xz, Zstandard (RFC 8878), bzip2,
//! 7z and ZIP.

use crate::bytes::{Bytes, BytesExt};
use crate::image::facts::Format;
use crate::image::format::{Detected, has_magic, up_to};

const XZ: [u8; 6] = *b"\xfd7zXZ\0";
const ZSTD: [u8; 4] = 0xFD2F_B528_u32.to_le_bytes();
const SEVEN_ZIP: [u8; 6] = *b"7z\xbc\xaf\x27\x1c";

/// A ZIP file begins with a member, with the end record (empty), or with the marker of a split
/// archive (APPNOTE 4.3.7, 4.3.16, 8.5.3).
const ZIP: [[u8; 4]; 3] = [*b"PK\x03\x04", *b"PK\x05\x06", *b"PK\x07\x08"];

/// Compression method deflate, the only one defined (RFC 1952, 2.3.1).
const GZIP: [u8; 3] = [0x1f, 0x8b, 8];
/// Flag bits that must be zero.
const GZIP_RESERVED: u8 = 0xE0;

/// The first block's magic, or the end of an empty stream, follows the four bytes of the header.
const BZIP2_BLOCK: [u8; 6] = [0x31, 0x41, 0x59, 0x26, 0x53, 0x59];
const BZIP2_END: [u8; 6] = [0x17, 0x72, 0x45, 0x38, 0x50, 0x90];

/// How much of an XML file may stand before the root element: licence texts in comments.
const OVF_HEAD: usize = 8 * 1024;

/// An OVA's descriptor is its first member (DSP0243, 7.2), behind at most a few extended headers.
const MAX_TAR_MEMBERS: usize = 64;

/// An archive, a compressed stream or an OVF descriptor.
pub(in crate::image) fn detect(bytes: &dyn Bytes) -> Option<Detected> {
    let whole =
        |format, magic: &[u8]| has_magic(bytes, 0, magic).then(|| Detected::new(format, 0, magic));
    whole(Format::Xz, &XZ)
        .or_else(|| whole(Format::Zstd, &ZSTD))
        .or_else(|| whole(Format::SevenZip, &SEVEN_ZIP))
        .or_else(|| ZIP.iter().find_map(|magic| whole(Format::Zip, magic)))
        .or_else(|| gzip(bytes))
        .or_else(|| bzip2(bytes))
        .or_else(|| ovf(bytes))
        .or_else(|| tar(bytes))
}

fn gzip(bytes: &dyn Bytes) -> Option<Detected> {
    let [flags] = bytes.array(3).ok()?;
    (has_magic(bytes, 0, &GZIP) && flags & GZIP_RESERVED == 0)
        .then(|| Detected::new(Format::Gzip, 0, &GZIP))
}

fn bzip2(bytes: &dyn Bytes) -> Option<Detected> {
    let [b'B', b'Z', b'h', b'1'..=b'9', block @ ..] = bytes.array::<10>(0).ok()? else {
        return None;
    };
    (block == BZIP2_BLOCK || block == BZIP2_END).then(|| Detected::new(Format::Bzip2, 0, b"BZh"))
}

/// XML whose root element is an OVF envelope.
fn ovf(bytes: &dyn Bytes) -> Option<Detected> {
    let head = up_to(bytes, 0, OVF_HEAD);
    let text = head.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(&head).trim_ascii_start();
    let xml = text.starts_with(b"<?xml") || text.starts_with(b"<!--") || text.starts_with(b"<");
    let text = String::from_utf8_lossy(text);
    let envelope = ["<Envelope", ":Envelope"].iter().any(|root| text.contains(root))
        && text.contains("schemas.dmtf.org/ovf/envelope");
    (xml && envelope).then(|| Detected::new(Format::Ovf, 0, b"<Envelope"))
}

/// A tar header's field for the magic.
const USTAR: [u8; 5] = *b"ustar";
const USTAR_AT: u64 = 257;
const TAR_BLOCK: u64 = 512;

fn tar(bytes: &dyn Bytes) -> Option<Detected> {
    let first = TarHeader::read(bytes, 0)?;
    let found = Detected::new(Format::Tar, USTAR_AT, &USTAR);
    let mut at = 0_u64;
    let mut header = Some(first);
    for _ in 0..MAX_TAR_MEMBERS {
        let Some(member) = header else { break };
        if member.is_ovf {
            return Some(found.variant("OVA package"));
        }
        let Some(next) = at.checked_add(TAR_BLOCK).and_then(|at| at.checked_add(member.blocks))
        else {
            break;
        };
        at = next;
        header = TarHeader::read(bytes, at);
    }
    Some(found)
}

/// One member's header.
struct TarHeader {
    is_ovf: bool,
    /// Length of the member's data with its padding, in bytes.
    blocks: u64,
}

impl TarHeader {
    /// The header at `at`, when magic and checksum are right: byte 257 of a raw disk is boot code.
    fn read(bytes: &dyn Bytes, at: u64) -> Option<Self> {
        let block: [u8; 512] = bytes.array(at).ok()?;
        if !block.get(257..).is_some_and(|field| field.starts_with(&USTAR)) {
            return None;
        }
        // The sum of all bytes, those of the checksum field itself taken as spaces.
        let sum = block.iter().enumerate().fold(0_u64, |sum, (index, &byte)| {
            let byte = if (148..156).contains(&index) { b' ' } else { byte };
            sum.saturating_add(u64::from(byte))
        });
        if octal(block.get(148..156)?) != Some(sum) {
            return None;
        }
        let name = block.get(..100)?.split(|&byte| byte == 0).next().unwrap_or_default();
        let is_ovf = name.len() > 4
            && name.get(name.len().saturating_sub(4)..)?.eq_ignore_ascii_case(b".ovf");
        let size = number(block.get(124..136)?)?;
        Some(Self { is_ovf, blocks: size.checked_next_multiple_of(TAR_BLOCK)? })
    }
}

/// A size: octal text, or binary when the top bit is set (GNU, for members of 8 GiB and more).
fn number(field: &[u8]) -> Option<u64> {
    match field {
        [0x80, rest @ ..] => rest
            .iter()
            .try_fold(0_u64, |value, &byte| value.checked_mul(256)?.checked_add(u64::from(byte))),
        _ => octal(field),
    }
}

/// Octal digits between spaces and NULs.
fn octal(field: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(field).ok()?;
    u64::from_str_radix(text.trim_matches([' ', '\0']), 8).ok()
}
