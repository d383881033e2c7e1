//! Superblocks of version 1 (Linux, `include/uapi/linux/raid/md_p.h`: `struct mdp_superblock_1`).
//! 1.0 lies at the end of the device, 1.1 at its start, 1.2 at 4 KiB; little endian.

use super::superblock::{Superblock, check_sum, fold};
use crate::bytes::{Bytes, BytesExt};
use crate::disk::record::Record;
use crate::error::{Error, Result};

/// Where the list of roles begins.
const ROLES: usize = 256;

/// Most roles that fit in the 4 KiB of a superblock (`MD_SB_BYTES`).
const MAX_ROLES: u32 = (4096 - 256) / 2;

/// Bits of `feature_map` (`MD_FEATURE_…`).
const RECOVERY_OFFSET: u32 = 2;
const RESHAPE_ACTIVE: u32 = 4;
const BAD_BLOCKS: u32 = 8;
const RECOVERY_BITMAP: u32 = 128;
/// Those that do not change where data lies: all up to here but clustering's.
const KNOWN: u32 = 0x1fff;

/// Roles that are no slots: spare, faulty, journal (`MD_DISK_ROLE_…`).
const ROLE_FAULTY: u16 = 0xfffe;
const ROLE_MAX: u16 = 0xff00;

/// Reads the superblock at `offset`, where its signature was found.
///
/// # Errors
/// [`Error::Corrupt`] for a wrong checksum or values out of range, [`Error::Unsupported`] for
/// features that are not known.
pub(super) fn read(volume: &dyn Bytes, offset: u64, metadata: &'static str) -> Result<Superblock> {
    let fixed: [u8; ROLES] = volume.array(offset)?;
    let max_roles = Record(&fixed).u32(220);
    if max_roles > MAX_ROLES {
        let expected = format!("at most {MAX_ROLES} roles");
        return Err(Error::corrupt("md superblock", offset, expected, max_roles.to_string()));
    }
    let roles = usize::try_from(max_roles).unwrap_or(0).saturating_mul(2);
    let bytes = volume.vec(offset, ROLES.saturating_add(roles))?;
    let fields = Record(&bytes);
    check_sum(offset, checksum(&bytes), fields.u32(216))?;
    let features = fields.u32(8);
    if features & !KNOWN != 0 {
        let what = format!("feature_map {features:#x}");
        return Err(Error::unsupported("md superblock", offset, what));
    }
    let own = usize::try_from(fields.u32(160)).unwrap_or(usize::MAX);
    let role = match own.checked_mul(2).and_then(|at| at.checked_add(ROLES)) {
        Some(at) if own < usize::try_from(max_roles).unwrap_or(0) => fields.u16(at),
        _ => ROLE_FAULTY,
    };
    let raid_disks = fields.u32(92);
    let slot = Some(u32::from(role)).filter(|&slot| role < ROLE_MAX && slot < raid_disks);
    let in_sync = if slot.is_none() {
        Err("it is a spare or faulty")
    } else if features & (RECOVERY_OFFSET | RECOVERY_BITMAP) != 0 {
        Err("it is being rebuilt")
    } else if features & BAD_BLOCKS != 0 {
        Err("it has recorded bad blocks")
    } else {
        Ok(())
    };
    Ok(Superblock {
        metadata,
        uuid: fields.uuid(16).unwrap_or_default(),
        set_name: fields.text(32, 32),
        minor: None,
        level: i32::from_le_bytes(fields.array(72)),
        layout: fields.u32(76),
        chunk: u64::from(fields.u32(88)).saturating_mul(512),
        raid_disks,
        size: sectors(fields.u64(80), offset)?,
        data_offset: sectors(fields.u64(128), offset)?,
        data_size: sectors(fields.u64(136), offset)?,
        events: fields.u64(200),
        slot,
        in_sync,
        is_reshaping: features & RESHAPE_ACTIVE != 0,
    })
}

fn checksum(bytes: &[u8]) -> u64 {
    let (words, rest) = bytes.as_chunks::<4>();
    let sum = words.iter().enumerate().fold(0_u64, |sum, (index, word)| {
        // Its own field counts as zero: word 54, byte 216.
        let word = if index == 54 { 0 } else { u32::from_le_bytes(*word) };
        sum.saturating_add(u64::from(word))
    });
    let last = rest.first_chunk::<2>().map_or(0, |half| u16::from_le_bytes(*half));
    fold(sum.saturating_add(u64::from(last)))
}

fn sectors(count: u64, offset: u64) -> Result<u64> {
    count.checked_mul(512).ok_or_else(|| {
        let found = format!("{count} sectors");
        Error::corrupt("md superblock", offset, "a size below 2^64 bytes", found)
    })
}
