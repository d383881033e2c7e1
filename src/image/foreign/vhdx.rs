//! Microsoft VHDX ([MS-VHDX], sections 2.2 and 2.6; little-endian).

use crate::bytes::{Bytes, BytesExt};
use crate::image::facts::Format;
use crate::image::format::{Detected, has_magic, le16, le32, le64};

const SIGNATURE: [u8; 8] = *b"vhdxfile";

/// The two copies of the region table ([MS-VHDX] 2.2.3).
const REGION_TABLES: [u64; 2] = [192 * 1024, 256 * 1024];

/// Most entries of a region or metadata table ([MS-VHDX] 2.2.3.1 and 2.6.1.1).
const MAX_ENTRIES: u64 = 2047;

/// 8B7CA206-4790-4B9A-B8FE-575F050F886E ([MS-VHDX] 2.2.3.2); here and below as it stands in the
/// file, the first three fields little-endian.
const METADATA_REGION: [u8; 16] = [
    0x06, 0xA2, 0x7C, 0x8B, 0x90, 0x47, 0x9A, 0x4B, 0xB8, 0xFE, 0x57, 0x5F, 0x05, 0x0F, 0x88, 0x6E,
];
/// CAA16737-FA36-4D43-B3B6-33F0AA44E76B ([MS-VHDX] 2.6.2).
const FILE_PARAMETERS: [u8; 16] = [
    0x37, 0x67, 0xA1, 0xCA, 0x36, 0xFA, 0x43, 0x4D, 0xB3, 0xB6, 0x33, 0xF0, 0xAA, 0x44, 0xE7, 0x6B,
];
/// 2FA54224-CD1B-4876-B211-5DBED83BF4B8 ([MS-VHDX] 2.6.2).
const VIRTUAL_DISK_SIZE: [u8; 16] = [
    0x24, 0x42, 0xA5, 0x2F, 0x1B, 0xCD, 0x76, 0x48, 0xB2, 0x11, 0x5D, 0xBE, 0xD8, 0x3B, 0xF4, 0xB8,
];

/// Flags of the file parameters item ([MS-VHDX] 2.6.2.1).
const LEAVE_BLOCKS_ALLOCATED: u32 = 1;
const HAS_PARENT: u32 = 2;

/// VHDX: the signature at byte 0; kind and size from the metadata region.
pub(in crate::image) fn detect(bytes: &dyn Bytes) -> Option<Detected> {
    if !has_magic(bytes, 0, &SIGNATURE) {
        return None;
    }
    let found = Detected::new(Format::Vhdx, 0, &SIGNATURE);
    let Some(metadata) = REGION_TABLES.into_iter().find_map(|at| metadata_region(bytes, at)) else {
        return Some(found);
    };
    let size = item(bytes, metadata, VIRTUAL_DISK_SIZE).and_then(|at| le64(bytes, at));
    let flags =
        item(bytes, metadata, FILE_PARAMETERS).and_then(|at| le32(bytes, at.saturating_add(4)));
    let found = found.virtual_size(size);
    Some(match flags {
        Some(flags) if flags & HAS_PARENT != 0 => found.variant("differencing"),
        Some(flags) if flags & LEAVE_BLOCKS_ALLOCATED != 0 => found.variant("fixed"),
        Some(_) => found.variant("dynamic"),
        None => found,
    })
}

/// Where the metadata region begins, as the region table at `table` says.
fn metadata_region(bytes: &dyn Bytes, table: u64) -> Option<u64> {
    if !has_magic(bytes, table, b"regi") {
        return None;
    }
    let count = u64::from(le32(bytes, table.checked_add(8)?)?).min(MAX_ENTRIES);
    let entry = entry(bytes, table.checked_add(16)?, count, METADATA_REGION)?;
    le64(bytes, entry.checked_add(16)?)
}

/// Where the metadata item `id` begins.
fn item(bytes: &dyn Bytes, metadata: u64, id: [u8; 16]) -> Option<u64> {
    if !has_magic(bytes, metadata, b"metadata") {
        return None;
    }
    let count = u64::from(le16(bytes, metadata.checked_add(10)?)?).min(MAX_ENTRIES);
    let entry = entry(bytes, metadata.checked_add(32)?, count, id)?;
    metadata.checked_add(u64::from(le32(bytes, entry.checked_add(16)?)?))
}

/// The entry that begins with `id`, of `count` entries of 32 bytes from `first` on.
fn entry(bytes: &dyn Bytes, first: u64, count: u64, id: [u8; 16]) -> Option<u64> {
    (0..count)
        .map_while(|index| first.checked_add(index.saturating_mul(32)))
        .find(|&at| bytes.array::<16>(at).is_ok_and(|found| found == id))
}
