//! The log that dm-mirror keeps on a device: which regions are equal on all legs (Linux,
//! `drivers/md/dm-log.c`: `struct log_header_disk`, `disk_resume`).

use crate::bytes::{Bytes, BytesExt};
use crate::disk::record::Record;
use crate::error::{Error, Result};

/// `MiRr`, and the only version (`MIRROR_MAGIC`, `MIRROR_DISK_VERSION`).
const MAGIC: u32 = 0x4d69_5272;
const VERSION: u32 = 2;

/// Where the bits begin: a bit set for each region that is in sync (`LOG_OFFSET`, 2 sectors).
const BITS: u64 = 1024;

/// Most regions that are looked at: 2 TiB in regions of 512 KiB, which LVM takes by itself.
const MAX_REGIONS: u64 = 1 << 22;

/// Whether each region of a mirror of `len` bytes is in sync.
///
/// # Errors
/// [`Error::Corrupt`] when it is no such log; [`Error::Limit`] when there are too many regions.
pub(super) fn is_in_sync(log: &dyn Bytes, region_size: u64, len: u64) -> Result<bool> {
    let header: [u8; 16] = log.array(0)?;
    let fields = Record(&header);
    let found = (fields.u32(0), fields.u32(4));
    if found != (MAGIC, VERSION) {
        let expected = format!("magic {MAGIC:#x} of version {VERSION}");
        let found = format!("{:#x} of version {}", found.0, found.1);
        return Err(Error::corrupt("mirror log", 0, expected, found));
    }
    let regions = match len.checked_div(region_size) {
        Some(_) => len.div_ceil(region_size),
        None => return Err(Error::corrupt("mirror log", 0, "a region size over 0", "0")),
    };
    if regions > MAX_REGIONS {
        return Err(Error::Limit { structure: "mirror log", limit: MAX_REGIONS, unit: "regions" });
    }
    // Those behind are new and were never copied.
    if fields.u64(8) < regions {
        return Ok(false);
    }
    let whole = usize::try_from(regions / 8).unwrap_or(usize::MAX);
    if log.vec(BITS, whole)?.iter().any(|byte| *byte != u8::MAX) {
        return Ok(false);
    }
    let rest = u32::try_from(regions % 8).unwrap_or(0);
    if rest == 0 {
        return Ok(true);
    }
    let [last] = log.array(BITS.saturating_add(regions / 8))?;
    Ok(last.trailing_ones() >= rest)
}
