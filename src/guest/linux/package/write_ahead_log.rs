//! SQLite's write-ahead log: the pages that were committed and not yet copied into the database.
//!
//! Source: <https://sqlite.org/fileformat2.html>, section 4 ("The Write-Ahead Log"). Only frames whose
//! salts and running checksum are right belong to the log, and only up to the last commit.

use std::collections::BTreeMap;

use super::source::{Order, Source, size};
use crate::error::{Error, Result};

/// The magic, whose last bit says that checksums are over big-endian words.
const MAGIC: u32 = 0x377f_0682;

const VERSION: u32 = 3_007_000;

const HEADER: usize = 32;
const FRAME_HEADER: usize = 24;

/// Longest log read. SQLite starts to copy it back at 1,000 pages (4 MiB).
const MAX_LOG: u64 = 64 << 20;

/// Where the newest committed version of each page is: its offset in the log.
pub(super) fn committed(log: &Source<'_>, page_size: usize) -> Result<BTreeMap<u32, u64>> {
    let mut committed = BTreeMap::new();
    if log.len() > MAX_LOG {
        return Err(Error::Limit { structure: "SQLite WAL", limit: MAX_LOG, unit: "bytes" });
    }
    // A log without a right header is an empty one (section 4.4: what is not valid is not there).
    let Ok(header) = log.read(0, HEADER) else { return Ok(committed) };
    let word = |bytes: &[u8], at| Order::Big.u32(bytes, at).unwrap_or(0);
    let magic = word(&header, 0);
    let order = if magic & 1 == 1 { Order::Big } else { Order::Little };
    let mut sum = Sum { order, first: 0, second: 0 };
    sum.add(header.get(..24).unwrap_or_default());
    if magic & !1 != MAGIC || !sum.is(word(&header, 24), word(&header, 28)) {
        return Ok(committed);
    }
    if word(&header, 4) != VERSION {
        let what = format!("version {}", word(&header, 4));
        return Err(Error::unsupported("SQLite WAL", 4, what));
    }
    if size(word(&header, 8)) != page_size {
        let expected = format!("pages of {page_size} bytes");
        let found = word(&header, 8).to_string();
        return Err(Error::corrupt("SQLite WAL", 8, expected, found));
    }
    let frame = FRAME_HEADER.saturating_add(page_size);
    let step = u64::try_from(frame).unwrap_or(u64::MAX);
    let mut pending = BTreeMap::new();
    let mut at = u64::try_from(HEADER).unwrap_or(0);
    while at.saturating_add(step) <= log.len() {
        let bytes = log.read(at, frame)?;
        let (head, page) = bytes.split_at_checked(FRAME_HEADER).unwrap_or_default();
        sum.add(head.get(..8).unwrap_or_default());
        sum.add(page);
        let salts = (head.get(8..16), header.get(16..24));
        if salts.0 != salts.1 || !sum.is(word(head, 16), word(head, 20)) {
            break;
        }
        let content = at.saturating_add(u64::try_from(FRAME_HEADER).unwrap_or(0));
        pending.insert(word(head, 0), content);
        // The size of the database after a commit; zero in frames that end none.
        if word(head, 4) != 0 {
            // Not `append`, which makes the whole map anew for each commit.
            committed.extend(std::mem::take(&mut pending));
        }
        at = at.saturating_add(step);
    }
    Ok(committed)
}

/// The running checksum (section 4.2).
struct Sum {
    order: Order,
    first: u32,
    second: u32,
}

impl Sum {
    fn add(&mut self, bytes: &[u8]) {
        for pair in bytes.chunks_exact(8) {
            let word = |at| self.order.u32(pair, at).unwrap_or(0);
            let (first, second) = (word(0), word(4));
            self.first = self.first.wrapping_add(first).wrapping_add(self.second);
            self.second = self.second.wrapping_add(second).wrapping_add(self.first);
        }
    }

    fn is(&self, first: u32, second: u32) -> bool {
        (self.first, self.second) == (first, second)
    }
}
