//! VMware virtual disk ("Virtual Disk Format 5.0": Hosted Sparse Extents, ESXi Host Sparse Extents,
//! The Descriptor File; little-endian). SEsparse after QEMU `block/vmdk.c`,
//! `VMDKSESparseConstHeader`.

use crate::bytes::Bytes;
use crate::image::facts::Format;
use crate::image::format::{Detected, has_magic, le32, le64, up_to};

const SPARSE: [u8; 4] = *b"KDMV";
const COW: [u8; 4] = *b"COWD";
/// The constant header's magic 0xcafebabe and version 0x2_0000_0001, each 64 bits.
const SE_SPARSE: [u8; 16] = 0x0000_0002_0000_0001_0000_0000_cafe_babe_u128.to_le_bytes();
const DESCRIPTOR: &[u8; 21] = b"# Disk DescriptorFile";

/// `gdOffset` of a stream-optimized extent: the footer, one sector before the end-of-stream marker,
/// repeats the header with the real values.
const GRAIN_DIRECTORY_AT_END: u64 = u64::MAX;
const FOOTER_BEFORE_END: u64 = 1024;

/// Descriptors are reserved 20 sectors in hosted sparse extents (written so by VMware and QEMU);
/// twice that allows for long change-tracking and extent lists.
const MAX_DESCRIPTOR: usize = 20 * 1024;

const SECTOR: u64 = 512;

/// VMDK: a sparse extent, a COW extent, or a descriptor as text.
pub(in crate::image) fn detect(bytes: &dyn Bytes) -> Option<Detected> {
    if has_magic(bytes, 0, &SPARSE) {
        return Some(sparse(bytes));
    }
    if has_magic(bytes, 0, &COW) {
        let size = le32(bytes, 12).and_then(|sectors| u64::from(sectors).checked_mul(SECTOR));
        let found = Detected::new(Format::Vmdk, 0, &COW).virtual_size(size);
        return Some(found.variant("COWD (ESXi host sparse extent)"));
    }
    if has_magic(bytes, 0, &SE_SPARSE) {
        let size = le64(bytes, 16).and_then(|sectors| sectors.checked_mul(SECTOR));
        let found = Detected::new(Format::Vmdk, 0, &SE_SPARSE).virtual_size(size);
        return Some(found.variant("seSparse extent"));
    }
    let head = up_to(bytes, 0, MAX_DESCRIPTOR);
    let magic = head.get(..DESCRIPTOR.len())?;
    if !magic.eq_ignore_ascii_case(DESCRIPTOR) {
        return None;
    }
    let descriptor = Descriptor::parse(&head);
    let found = Detected::new(Format::Vmdk, 0, magic).virtual_size(descriptor.size);
    let mut variant = descriptor
        .create_type
        .map_or_else(|| "descriptor".to_owned(), |create_type| format!("{create_type} descriptor"));
    if descriptor.has_parent {
        variant.push_str(", delta of a parent disk");
    }
    Some(found.variant(variant))
}

/// A hosted sparse extent with the descriptor inside it, if it has one.
fn sparse(bytes: &dyn Bytes) -> Detected {
    let footer = (le64(bytes, 56) == Some(GRAIN_DIRECTORY_AT_END))
        .then(|| bytes.len().checked_sub(FOOTER_BEFORE_END))
        .flatten()
        .filter(|&at| has_magic(bytes, at, &SPARSE));
    let capacity = le64(bytes, footer.unwrap_or(0).saturating_add(12));
    let found = Detected::new(Format::Vmdk, 0, &SPARSE)
        .virtual_size(capacity.and_then(|sectors| sectors.checked_mul(SECTOR)));
    let descriptor = le64(bytes, 28)
        .filter(|&sector| sector != 0)
        .and_then(|sector| sector.checked_mul(SECTOR))
        .map(|at| Descriptor::parse(&up_to(bytes, at, MAX_DESCRIPTOR)));
    match descriptor {
        Some(Descriptor { create_type: Some(kind), has_parent: false, .. }) => found.variant(kind),
        Some(Descriptor { create_type: Some(kind), has_parent: true, .. }) => {
            found.variant(format!("{kind}, delta of a parent disk"))
        }
        _ => found.variant("sparse extent without a descriptor"),
    }
}

/// What a descriptor says.
struct Descriptor {
    create_type: Option<String>,
    has_parent: bool,
    /// The sum of its extents in bytes.
    size: Option<u64>,
}

impl Descriptor {
    fn parse(text: &[u8]) -> Self {
        let text = text.split(|&byte| byte == 0).next().unwrap_or_default();
        let text = String::from_utf8_lossy(text);
        let mut found = Self { create_type: None, has_parent: false, size: None };
        for line in text.lines().map(str::trim) {
            if let Some((key, value)) = line.split_once('=') {
                let value = value.trim().trim_matches('"');
                match key.trim() {
                    "createType" if is_word(value) => found.create_type = Some(value.to_owned()),
                    "parentCID" => found.has_parent = !value.eq_ignore_ascii_case("ffffffff"),
                    _ => {}
                }
            } else if let Some(sectors) = extent_sectors(line) {
                let bytes = sectors.saturating_mul(SECTOR);
                found.size = Some(found.size.unwrap_or(0).saturating_add(bytes));
            }
        }
        found
    }
}

/// Sectors of an extent line: `RW 4192256 SPARSE "test-s001.vmdk"`.
fn extent_sectors(line: &str) -> Option<u64> {
    let mut words = line.split_ascii_whitespace();
    matches!(words.next()?, "RW" | "RDONLY" | "NOACCESS").then_some(())?;
    words.next()?.parse().ok()
}

/// Whether a create type is a plain word (`streamOptimized`), fit to be shown.
fn is_word(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}
