//! Transaction logs of Windows 8.1 and newer: log entries.
//!
//! Source: regf, "New format".

use super::base_block::check_bins_len;
use super::log::{DirtyPage, PAGE};
use super::marvin32::Marvin32;
use crate::bytes::{Bytes, BytesExt, check_range};
use crate::error::{Error, Result};
use crate::filesystem::structure::Structure;

/// Length of an entry's header in bytes; both hashes are at its end.
const HEADER: u32 = 40;

/// Length of a reference to a dirty page in bytes.
const REFERENCE: u32 = 8;

/// How much is hashed at once, in bytes.
const CHUNK: u64 = 64 << 10;

/// A log entry that is whole.
pub(super) struct Entry {
    pub(super) sequence: u32,
    /// Length of the hive bins after the entry was applied.
    pub(super) bins_len: u32,
    pub(super) pages: Vec<DirtyPage>,
    /// Where the next entry would begin.
    pub(super) end: u64,
}

impl Entry {
    /// The entry at byte `at` of a log; none when something else stands there. One for which
    /// `is_applied` says that the hive has it already is told without its pages: they are not read.
    ///
    /// # Errors
    /// [`Error::Corrupt`] when its hashes do not hold or it contradicts the format: it was not
    /// written in full.
    pub(super) fn read(
        log: &dyn Bytes,
        at: u64,
        is_applied: impl FnOnce(u32) -> bool,
    ) -> Result<Option<Self>> {
        let mut raw = [0; 40];
        if check_range(log.len(), at, raw.len()).is_err() {
            return Ok(None);
        }
        log.read_at(at, &mut raw)?;
        let s = Structure::new("entry of a transaction log", at, &raw);
        if s.bytes(0, 4)? != b"HvLE" {
            return Ok(None);
        }
        let hash = |stored_at: usize, computed: u64| {
            let stored = s.u64(stored_at)?;
            if crate::checksum::holds(stored, computed) {
                return Ok(());
            }
            Err(s.corrupt(stored_at, format!("hash {computed:#018x}"), format!("{stored:#018x}")))
        };
        let mut header = Marvin32::new();
        header.update(s.bytes(0, 32)?);
        hash(32, header.finish())?;
        let len = s.u32(4)?;
        let count = s.u32(20)?;
        let references = count.checked_mul(REFERENCE).filter(|_| count > 0);
        let pages_at = references.and_then(|len| len.checked_add(HEADER));
        let has_room = |pages_at: &u32| {
            let least = count.checked_mul(PAGE).and_then(|pages| pages.checked_add(*pages_at));
            least.is_some_and(|least| least <= len) && len.is_multiple_of(PAGE)
        };
        let Some(pages_at) = pages_at.filter(has_room) else {
            let found = format!("{len} bytes with {count} pages");
            return Err(s.corrupt(4, "an entry of whole sectors, with pages", found));
        };
        let end = at.saturating_add(u64::from(len));
        if end > log.len() {
            return Err(s.corrupt(4, "an entry inside the log", format!("{len} bytes")));
        }
        let (sequence, bins_len) = (s.u32(12)?, s.u32(16)?);
        if is_applied(sequence) {
            return Ok(Some(Self { sequence, bins_len, pages: Vec::new(), end }));
        }
        hash(24, hash_of(log, at.saturating_add(u64::from(HEADER)), end)?)?;
        check_bins_len(&s, 16, bins_len)?;
        let references = usize::try_from(pages_at.saturating_sub(HEADER)).unwrap_or(usize::MAX);
        let references = log.vec(at.saturating_add(u64::from(HEADER)), references)?;
        let mut log_offset = at.saturating_add(u64::from(pages_at));
        let (references, _) = references.as_chunks::<8>();
        let mut pages = Vec::new();
        for raw in references {
            let r = Structure::new("dirty page reference", at, raw);
            let (offset, len) = (r.u32(0)?, r.u32(4)?);
            let inside = offset.checked_add(len).is_some_and(|end| end <= bins_len);
            let page_end = log_offset.saturating_add(u64::from(len));
            let whole = offset.is_multiple_of(PAGE) && len.is_multiple_of(PAGE) && len > 0;
            if !inside || !whole || page_end > end {
                let found = format!("{len} bytes at {offset:#x}");
                return Err(r.corrupt(0, "whole pages inside hive bins and entry", found));
            }
            pages.push(DirtyPage { offset, len, log_offset });
            log_offset = page_end;
        }
        Ok(Some(Self { sequence, bins_len, pages, end }))
    }
}

fn hash_of(log: &dyn Bytes, start: u64, end: u64) -> Result<u64, Error> {
    let mut hash = Marvin32::new();
    let mut at = start;
    while at < end {
        let len = CHUNK.min(end.saturating_sub(at));
        hash.update(&log.vec(at, usize::try_from(len).unwrap_or(0))?);
        at = at.saturating_add(len);
    }
    Ok(hash.finish())
}
