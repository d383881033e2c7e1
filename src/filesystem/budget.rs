//! What looking for files may cost in all.
//!
//! Each directory and each map of blocks has bounds of its own, but an image decides how often the
//! same one is read: a name in a directory of a hundred thousand entries, behind forty symbolic
//! links through two thousand components each. This bound is on the sum.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::bytes::Bytes;
use crate::decompressed::Waste;
use crate::error::{Error, Result};

/// Most bytes of directories and maps of blocks that are read for one image, each as often as it is
/// read. A whole check of a usual guest reads some ten MiB.
pub const MAX_METADATA_BYTES: u64 = 1 << 30;

/// Most bytes of journals that are read for one image and remembered: partitions that overlap can
/// show one journal hundreds of times.
const MAX_JOURNAL_BYTES: u64 = 4 << 30;

/// Most bytes of replayed logs and of maps (of master file tables, of chunks) that are kept for one image, all its
/// file systems together: partitions that overlap can show one hundreds of times. XFS lets a log fill to
/// three quarters before it writes back what is oldest (Linux: `xlog_grant_push_threshold`), so that the usual
/// one of 64 MiB changes some 48 MiB. What of memory else is taken is in the table of SECURITY.md.
pub(super) const MAX_KEPT_BYTES: u64 = 64 << 20;

/// Most bytes of compressed files of one image that are decompressed beyond those that are read: a
/// file may be made of small parts of as many units (NTFS), each of which is decompressed as a whole.
/// Some four seconds of LZX, which is the slowest; honest files are read from their beginning to their
/// end, or are small beside the caches of what was decompressed.
const MAX_DECOMPRESSED_IN_VAIN: u64 = 256 << 20;

/// The same of extents (Btrfs), in some three seconds of zlib, which is the slowest of theirs. A
/// database of packages is read here and there: of a table of SQLite of the size of 6,000 packages
/// (440 MiB) whose rows were all replaced some 25 KiB each are asked for, in 8,600 extents of 128 KiB,
/// 0.9 GiB in vain.
const MAX_EXTENTS_IN_VAIN: u64 = 1 << 30;

/// What those bounds are on.
const COMPRESSED: &str = "all compressed files that were read";

/// Counts the bytes of directories and maps of blocks that were read; shared by the file systems of
/// one image.
#[derive(Debug)]
pub struct Budget {
    limit: u64,
    spent: AtomicU64,
    journals: AtomicU64,
    kept: AtomicU64,
    pub(super) decompressed: Waste,
    pub(super) extents: Waste,
}

impl Default for Budget {
    fn default() -> Self {
        let [spent, journals, kept] = [0, 0, 0].map(AtomicU64::new);
        let decompressed = Waste::new(COMPRESSED, MAX_DECOMPRESSED_IN_VAIN);
        let extents = Waste::new(COMPRESSED, MAX_EXTENTS_IN_VAIN);
        Self { limit: MAX_METADATA_BYTES, spent, journals, kept, decompressed, extents }
    }
}

impl Budget {
    /// Without a bound, for a caller that reads whole trees and has its own.
    pub fn unlimited() -> Self {
        let [decompressed, extents] = [(); 2].map(|()| Waste::new(COMPRESSED, u64::MAX));
        Self { limit: u64::MAX, decompressed, extents, ..Self::default() }
    }

    #[cfg(test)]
    pub(super) fn of(limit: u64) -> Self {
        Self { limit, ..Self::default() }
    }

    #[cfg(test)]
    pub(super) fn wasting(limit: u64) -> Self {
        let [decompressed, extents] = [(); 2].map(|()| Waste::new(COMPRESSED, limit));
        Self { decompressed, extents, ..Self::default() }
    }

    /// Counts `bytes` more.
    ///
    /// # Errors
    /// [`Error::Limit`] once the sum is above the bound.
    pub fn spend(&self, bytes: u64) -> Result<()> {
        let before = self.spent.fetch_add(bytes, Ordering::Relaxed);
        if before.saturating_add(bytes) > self.limit {
            return Err(Error::Limit {
                structure: "all directories and maps of blocks that were read",
                limit: self.limit,
                unit: "bytes",
            });
        }
        Ok(())
    }

    /// Counts `bytes` more of journals; this is bounded for every caller.
    ///
    /// # Errors
    /// [`Error::Limit`] once the sum is above the bound.
    pub(super) fn spend_on_journals(&self, bytes: u64) -> Result<()> {
        let before = self.journals.fetch_add(bytes, Ordering::Relaxed);
        if before.saturating_add(bytes) > MAX_JOURNAL_BYTES {
            let (structure, limit) = ("all journals that were read", MAX_JOURNAL_BYTES);
            return Err(Error::Limit { structure, limit, unit: "bytes" });
        }
        Ok(())
    }

    /// Counts `bytes` more of logs and maps that are kept in memory; this is bounded for every
    /// caller.
    ///
    /// # Errors
    /// [`Error::Limit`] once the sum is above the bound.
    pub(super) fn keep(&self, bytes: u64) -> Result<()> {
        let before = self.kept.fetch_add(bytes, Ordering::Relaxed);
        if before.saturating_add(bytes) > MAX_KEPT_BYTES {
            let (structure, limit) = ("all logs and maps that are kept in memory", MAX_KEPT_BYTES);
            return Err(Error::Limit { structure, limit, unit: "bytes" });
        }
        Ok(())
    }

    /// Bytes of logs and maps that are kept so far.
    pub(super) fn kept(&self) -> u64 {
        self.kept.load(Ordering::Relaxed).min(MAX_KEPT_BYTES)
    }
}

/// Bytes whose reads are counted.
pub(super) struct Counted {
    pub(super) bytes: Arc<dyn Bytes>,
    pub(super) budget: Arc<Budget>,
}

impl Bytes for Counted {
    fn len(&self) -> u64 {
        self.bytes.len()
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<()> {
        self.budget.spend(u64::try_from(buf.len()).unwrap_or(u64::MAX))?;
        self.bytes.read_at(offset, buf)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decompressed::Cache;

    #[test]
    fn the_sum_is_bounded_and_stays_exceeded() {
        let budget = Budget::default();
        budget.spend(MAX_METADATA_BYTES).unwrap();
        for _ in 0..2 {
            let error = budget.spend(1).unwrap_err();
            assert!(matches!(error, Error::Limit { limit: MAX_METADATA_BYTES, .. }), "{error}");
        }
        Budget::unlimited().spend(u64::MAX).unwrap();
        Budget::unlimited().spend_on_journals(MAX_JOURNAL_BYTES + 1).unwrap_err();
        let budget = Budget::unlimited();
        budget.keep(64 << 20).unwrap();
        budget.keep(1).unwrap_err();
    }

    /// As measured with a table of SQLite into which 6,000 rows of 75,000 bytes on average were put,
    /// and then each replaced, at random.
    #[test]
    fn a_large_database_of_packages_in_compressed_extents_is_read_to_its_end() {
        let budget = Budget::default();
        let cache = Cache::new(128 << 10, 2 << 20);
        for extent in 0..8_644 {
            for _page in 0..4 {
                let sizes = (128 << 10, 4096);
                cache.unit(extent, &budget.extents, sizes, || Ok(Vec::new())).unwrap();
            }
        }
    }
}
