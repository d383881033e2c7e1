//! The superblock that dm-raid keeps beside each leg of a mirror (Linux, `drivers/md/dm-raid.c`:
//! `struct dm_raid_superblock`).

use std::sync::Arc;

use super::logical_volume::{Failure, merge};
use crate::bytes::{Bytes, BytesExt};
use crate::disk::record::Record;
use crate::error::{Error, Result};

/// One leg of a mirror.
pub(super) struct Leg {
    pub(super) superblock: std::result::Result<Arc<dyn Bytes>, Failure>,
    pub(super) data: std::result::Result<Arc<dyn Bytes>, Failure>,
}

/// Nothing is left to be done from there on (`MaxSector`).
const MAX_SECTOR: u64 = u64::MAX;

/// The superblock has the fields that tell of a reshape and of features
/// (`FEATURE_FLAG_SUPPORTS_V190`).
const HAS_RESHAPE: u32 = 1;

/// A reshape is under way (`SB_FLAG_RESHAPE_ACTIVE`).
const RESHAPE_ACTIVE: u32 = 1;

/// What a superblock says of its leg and of the others.
struct Superblock {
    events: u64,
    /// Bit n: leg n has failed.
    failed: u64,
    is_recovered: bool,
    /// The legs have been made equal: before that, the others are copied from the first.
    is_equal: bool,
}

/// The data of the leg that is in sync: of those that are, the one whose superblock is the newest.
///
/// # Errors
/// The first reason why a leg cannot be read, with all that is missing; [`Error::Unreadable`] when
/// legs can be read but none is known to be in sync.
pub(super) fn choose(legs: Vec<Leg>) -> std::result::Result<Arc<dyn Bytes>, Failure> {
    let mut failure: Option<Failure> = None;
    let mut candidates: Vec<(u64, Superblock, Arc<dyn Bytes>)> = Vec::new();
    for (number, leg) in (0_u64..).zip(legs) {
        let found = leg.superblock.and_then(|superblock| {
            let data = leg.data?;
            Ok((number, read(superblock.as_ref(), number)?, data))
        });
        match found {
            Ok(found) => candidates.push(found),
            Err(error) => merge(&mut failure, error),
        }
    }
    let newest = candidates.iter().map(|(_, superblock, _)| superblock.events).max();
    let failed = candidates
        .iter()
        .filter(|(_, superblock, _)| Some(superblock.events) == newest)
        .fold(0, |failed, (_, superblock, _)| failed | superblock.failed);
    let has_failed = |number: u64| {
        let bit = u32::try_from(number).ok().and_then(|number| 1_u64.checked_shl(number));
        bit.is_some_and(|bit| failed & bit != 0)
    };
    let seen: Vec<u64> = candidates.iter().map(|(number, _, _)| *number).collect();
    let in_sync = candidates.into_iter().find(|(number, superblock, _)| {
        Some(superblock.events) == newest && superblock.is_recovered && !has_failed(*number)
    });
    match (in_sync, failure) {
        (Some((number, superblock, _)), failure)
            if !superblock.is_equal
                && (0..number).any(|before| !seen.contains(&before) && !has_failed(before)) =>
        {
            let what = format!("leg {number} of a mirror that was still being copied to it");
            let missing = failure.map(|failure| failure.missing).unwrap_or_default();
            Err(Failure { error: Error::unsupported("dm-raid superblock", 40, what), missing })
        }
        (Some((_, _, data)), _) => Ok(data),
        (None, Some(failure)) => Err(failure),
        (None, None) => {
            let reason = "no leg of the mirror is in sync".to_owned();
            Err(Error::Unreadable { path: "raid1".to_owned(), reason }.into())
        }
    }
}

fn read(bytes: &dyn Bytes, position: u64) -> Result<Superblock> {
    let sector: [u8; 512] = bytes.array(0)?;
    let fields = Record(&sector);
    if !fields.has(0, b"DmRd") {
        let found = format!("{:02x?}", fields.bytes(0, 4));
        return Err(Error::corrupt("dm-raid superblock", 0, "DmRd", found));
    }
    if u64::from(fields.u32(12)) != position {
        let found = fields.u32(12).to_string();
        return Err(Error::corrupt("dm-raid superblock", 12, format!("leg {position}"), found));
    }
    if fields.u32(4) & HAS_RESHAPE != 0 {
        let (flags, features) = (fields.u32(60), fields.u32(144));
        if flags & RESHAPE_ACTIVE != 0 || features != 0 {
            let what = format!("flags {flags:#x}, incompat_features {features:#x}");
            return Err(Error::unsupported("dm-raid superblock", 60, what));
        }
    }
    Ok(Superblock {
        events: fields.u64(16),
        failed: fields.u64(24),
        is_recovered: fields.u64(32) == MAX_SECTOR,
        is_equal: fields.u64(40) == MAX_SECTOR,
    })
}
