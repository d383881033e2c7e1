//! Superblocks of version 0.90 (Linux, `include/uapi/linux/raid/md_p.h`: `mdp_super_t`): 1,024
//! words in the byte order of the machine that wrote them.

use super::superblock::{Superblock, check_sum, fold};
use crate::bytes::{Bytes, BytesExt};
use crate::disk::record::Record;
use crate::error::{Error, Result};

const MAGIC: u32 = 0xa92b_4efc;

/// Size of the superblock in bytes (`MD_SB_BYTES`).
const SIZE: usize = 4096;

/// Word of the checksum (`MD_SB_GENERIC_CONSTANT_WORDS` + 6).
const CHECKSUM: usize = 38;

/// First word of the member's own descriptor (`this_disk`): number, major, minor, slot, state.
const THIS_DISK: usize = 992;

/// Bits of a descriptor's state (`MD_DISK_FAULTY`, `MD_DISK_SYNC`, `MD_DISK_REMOVED`).
const FAULTY: u32 = 1;
const SYNC: u32 = 1 << 2;
const REMOVED: u32 = 1 << 3;

/// Reads the superblock at `offset`, where its signature was found. Data lies before it, from the
/// start of the device on.
///
/// # Errors
/// [`Error::Corrupt`] for a wrong checksum or a size out of range.
pub(super) fn read(volume: &dyn Bytes, offset: u64) -> Result<Superblock> {
    let bytes: [u8; SIZE] = volume.array(offset)?;
    let fields = Record(&bytes);
    let is_little = fields.u32(0) == MAGIC;
    let word = |index: usize| {
        let at = index.saturating_mul(4);
        if is_little { fields.u32(at) } else { fields.be32(at) }
    };
    let sum = (0..SIZE / 4)
        .filter(|index| *index != CHECKSUM)
        .fold(0_u64, |sum, index| sum.saturating_add(u64::from(word(index))));
    check_sum(offset, fold(sum), word(CHECKSUM))?;
    let mut uuid = [0; 16];
    for (chunk, index) in uuid.chunks_exact_mut(4).zip([5, 13, 14, 15]) {
        chunk.copy_from_slice(&word(index).to_be_bytes());
    }
    // The two words of a 64-bit number stand in the machine's order, too.
    let (low, high) = if is_little { (39, 40) } else { (40, 39) };
    let raid_disks = word(10);
    let (slot, state) = (word(THIS_DISK + 3), word(THIS_DISK + 4));
    let is_active = state & (FAULTY | REMOVED) == 0 && state & SYNC != 0 && slot < raid_disks;
    let size = u64::from(word(8)).saturating_mul(1024);
    if size > offset {
        let found = format!("{size} bytes");
        return Err(Error::corrupt("md superblock", offset, "data before it", found));
    }
    Ok(Superblock {
        metadata: "0.90",
        uuid: Record(&uuid).uuid(0).unwrap_or_default(),
        set_name: None,
        minor: Some(word(11)),
        level: i32::from_le_bytes(word(7).to_le_bytes()),
        layout: word(64),
        chunk: u64::from(word(65)),
        raid_disks,
        size,
        data_offset: 0,
        data_size: offset,
        events: high_low(word(high), word(low)),
        slot: Some(slot).filter(|_| is_active),
        in_sync: if is_active { Ok(()) } else { Err("it is a spare, faulty or being rebuilt") },
        // 0.91 is written while the shape changes.
        is_reshaping: word(2) > 90,
    })
}

fn high_low(high: u32, low: u32) -> u64 {
    u64::from(high) << 32 | u64::from(low)
}
