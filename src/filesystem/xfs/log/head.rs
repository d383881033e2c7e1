//! Where the log ends (Linux fs/xfs/xfs_log_recover.c, `xlog_find_head`, `xlog_find_tail`).
//!
//! Each block starts with the number of the cycle in which it was written, so that the end is where
//! the number becomes less; but as several records are written at the same time, some before the
//! last may be missing.

use super::record::{MAGIC, Record};
use super::{End, Log, MAX_TORN};
use crate::error::{Error, Result};

/// Most blocks that may be under way at the same time: eight records of 256 KiB
/// (`XLOG_TOTAL_REC_SHIFT`).
const UNDER_WAY: u64 = 4096;

impl Log<'_> {
    /// The cycle in which a block was written; 0 when it never was.
    fn cycle(&self, at: u64) -> Result<u32> {
        let span = self.block(at)?;
        let s = span.structure("xfs log block");
        match s.be32(0)? {
            MAGIC => s.be32(4),
            cycle => Ok(cycle),
        }
    }

    /// The first block of that cycle behind `low`, when block `high` is of it and all before are of
    /// another.
    fn first_of(&self, cycle: u32, low: u64, high: u64) -> Result<u64> {
        let (mut low, mut high) = (low, high);
        while high.saturating_sub(low) > 1 {
            let middle = low.midpoint(high);
            if self.cycle(middle)? == cycle {
                high = middle;
            } else {
                low = middle;
            }
        }
        Ok(high)
    }

    /// The first block of that cycle among those from `from` to below `to`, or else `to`.
    fn hole(&self, cycle: u32, from: u64, to: u64) -> Result<u64> {
        for at in from..to {
            if self.cycle(at)? == cycle {
                return Ok(at);
            }
        }
        Ok(to)
    }

    /// The block where the cycle changes and the cycle of what lies behind; `None` when nothing
    /// was ever written. The block is behind the last, not 0, when all blocks are of one cycle.
    fn change(&self) -> Result<Option<(u64, u32)>> {
        let last_block = self.blocks.saturating_sub(1);
        let (first, last) = (self.cycle(0)?, self.cycle(last_block)?);
        if first == 0 {
            return Ok(None);
        }
        if first == last {
            return Ok(Some((self.blocks, last.wrapping_sub(1))));
        }
        Ok(Some((self.first_of(last, 0, last_block)?, last)))
    }

    /// The block behind the last of those that were written without a gap.
    fn head(&self, head: u64, old: u32) -> Result<u64> {
        // What was under way may go round: those at the end of the log are of a cycle before.
        let beyond = UNDER_WAY.saturating_sub(head).min(self.blocks.saturating_sub(head));
        if beyond > 0 && old > 0 {
            let from = self.blocks.saturating_sub(beyond);
            let hole = self.hole(old.wrapping_sub(1), from, self.blocks)?;
            if hole < self.blocks {
                return Ok(hole);
            }
        }
        let hole = self.hole(old, head.saturating_sub(UNDER_WAY), head)?;
        Ok(if hole == self.blocks { 0 } else { hole })
    }

    /// The last record that starts before `head`, and how many blocks before.
    fn last_before(&self, head: u64) -> Result<(Record, u64)> {
        for distance in 1..=UNDER_WAY.min(self.blocks) {
            let at = self.before(head, distance);
            let span = self.block(at)?;
            if span.structure("xfs log block").be32(0)? == MAGIC {
                return Ok((Record::read(self, at)?, distance));
            }
        }
        let found = format!("none before block {head}");
        Err(Error::corrupt("xfs log", self.start, "a record at the end", found))
    }

    /// Where the log ends; `None` when it is clean.
    pub(super) fn end(&self) -> Result<Option<End>> {
        let Some((change, old)) = self.change()? else {
            return Ok(None);
        };
        // An unmount is written alone when all before it has been, so that nothing can be missing:
        // most logs are done here.
        if let Ok((last, distance)) =
            self.last_before(if change == self.blocks { 0 } else { change })
            && distance == last.blocks()
            && last.is_unmount(self)?
        {
            return Ok(None);
        }
        let mut head = self.head(change, old)?;
        let mut torn = false;
        for _ in 0..=MAX_TORN {
            let (last, distance) = self.last_before(head)?;
            if distance != last.blocks() {
                torn = true;
                head = last.at;
                continue;
            }
            if last.tail == head || last.is_unmount(self)? {
                return Ok(None);
            }
            return Ok(Some(End { head, last, torn }));
        }
        let found = format!("{MAX_TORN} incomplete ones before block {head}");
        Err(Error::corrupt("xfs log", self.start, "a complete record at the end", found))
    }
}
