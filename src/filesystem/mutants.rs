//! For tests against damage: a look at everything of a tree that may be damaged, and numbers that are
//! the same in each run.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    clippy::indexing_slicing,
    reason = "for tests"
)]

use std::collections::HashSet;
use std::ops::ControlFlow;

use super::FileSystem;
use crate::error::Error;

/// Looks at everything below the root, at most at `most` names, and gives how many reads failed.
pub fn visit_all(fs: &dyn FileSystem, most: usize) -> usize {
    let is_failure = |error: Error| !matches!(error, Error::NotADirectory { .. });
    let mut failures = 0;
    let mut seen = HashSet::new();
    let mut budget = most;
    let mut stack = vec![fs.root()];
    while let Some(dir) = stack.pop() {
        let end = fs.read_dir(dir, &mut |entry| {
            budget = budget.saturating_sub(1);
            if budget > 0 && seen.insert(entry.node) {
                stack.push(entry.node);
            }
            if budget > 0 { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        });
        failures += usize::from(end.is_err_and(is_failure));
        failures += usize::from(fs.lookup(dir, b"absent").is_err_and(is_failure));
        failures += usize::from(fs.metadata(dir).is_err());
        let _ = fs.read_link(dir);
        match fs.open(dir) {
            Ok(file) => {
                let mut buf = [0; 4096];
                for offset in [0, file.len() / 2, file.len().saturating_sub(4096), file.len()] {
                    let len = file.len().saturating_sub(offset).min(4096) as usize;
                    failures += usize::from(file.read_at(offset, &mut buf[..len]).is_err());
                    let _ = file.slice(offset, len);
                    let _ = file.zeroes_at(offset);
                }
            }
            Err(error) => failures += usize::from(matches!(error, Error::Corrupt { .. })),
        }
    }
    failures
}

/// Marsaglia's xorshift: what it starts from decides all.
#[cfg(test)]
pub(crate) struct XorShift(pub(crate) u64);

#[cfg(test)]
impl XorShift {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    pub(crate) fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }
}
