//! ISO 9660 (ECMA-119, 8.4 Primary Volume Descriptor).

use crate::bytes::{Bytes, BytesExt};
use crate::image::facts::Format;
use crate::image::format::{Detected, has_magic, up_to};

/// Type 1 (primary), identifier `CD001`, version 1.
const PRIMARY_VOLUME_DESCRIPTOR: [u8; 7] = *b"\x01CD001\x01";

/// The first volume descriptor stands in logical sector 16 of 2048 bytes: disk sector 64.
const DESCRIPTOR_AT: u64 = 16 * 2048;
const DESCRIPTOR_SECTOR: u64 = DESCRIPTOR_AT / 512;

/// MBR entry that stands for a whole GUID partition table (UEFI 2.10, 5.2.3).
const PROTECTIVE: u8 = 0xEE;

/// Where DOS put the first partition: its sector 64 belongs to a disk, not to an ISO.
const DOS_FIRST_PARTITION: u64 = 63;

/// The entry array of a GUID partition table as every tool lays it out: 128 entries of 128 bytes
/// from sector 2 on.
const GPT_ENTRIES_AT: u64 = 1024;
const GPT_ENTRY_LEN: usize = 128;
const GPT_ENTRIES_LEN: usize = 128 * GPT_ENTRY_LEN;

/// ISO 9660.
///
/// An installation medium that also boots from a USB stick (isohybrid) carries an MBR, so a boot
/// signature alone does not make a disk of it. What tells it from a disk on which an old ISO left
/// its descriptor in the gap before the first partition: a partition covers the descriptor
/// (isohybrid's begins at sector 0, xorriso's at 0, 1 or 64), where a disk's begins behind it.
pub(in crate::image) fn detect(bytes: &dyn Bytes) -> Option<Detected> {
    if !has_magic(bytes, DESCRIPTOR_AT, &PRIMARY_VOLUME_DESCRIPTOR) {
        return None;
    }
    let found = Detected::new(Format::Iso, DESCRIPTOR_AT, &PRIMARY_VOLUME_DESCRIPTOR)
        .virtual_size(Some(bytes.len()));
    let mbr: [u8; 512] = bytes.array(0).ok()?;
    if !mbr.ends_with(&[0x55, 0xAA]) {
        return Some(found);
    }
    let covered = mbr.get(446..510)?.chunks_exact(16).any(|entry| {
        let [_, _, _, _, kind, _, _, _, s0, s1, s2, s3, n0, n1, n2, n3] = *entry else {
            return false;
        };
        let start = u64::from(u32::from_le_bytes([s0, s1, s2, s3]));
        let count = u64::from(u32::from_le_bytes([n0, n1, n2, n3]));
        match kind {
            PROTECTIVE => gpt_covers_descriptor(bytes),
            _ => {
                start != DOS_FIRST_PARTITION
                    && start <= DESCRIPTOR_SECTOR
                    && DESCRIPTOR_SECTOR < start.saturating_add(count)
            }
        }
    });
    covered.then(|| found.variant("hybrid"))
}

/// Whether a partition of the GUID partition table covers the volume descriptor.
fn gpt_covers_descriptor(bytes: &dyn Bytes) -> bool {
    up_to(bytes, GPT_ENTRIES_AT, GPT_ENTRIES_LEN).chunks_exact(GPT_ENTRY_LEN).any(|entry| {
        let lba = |at: std::ops::Range<usize>| {
            entry.get(at).and_then(|lba| lba.try_into().ok()).map(u64::from_le_bytes)
        };
        let used = entry.iter().take(16).any(|&byte| byte != 0);
        used && lba(32..40).is_some_and(|first| first <= DESCRIPTOR_SECTOR)
            && lba(40..48).is_some_and(|last| last >= DESCRIPTOR_SECTOR)
    })
}
