//! The bytes of a file.

use std::sync::Arc;

use crate::bytes::{Bytes, check_range};
use crate::error::{Error, Result};

/// Most runs of clusters of one file. A file of 4 GiB in ten thousands of pieces is damage.
const MAX_RUNS: usize = 1 << 18;

/// Clusters that lie one behind the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Run {
    /// Offset in the file.
    start: u64,
    /// Offset in the volume.
    offset: u64,
    /// Length in bytes.
    len: u64,
}

/// A file: runs without gaps from its start to its end.
pub(super) struct File {
    volume: Arc<dyn Bytes>,
    runs: Vec<Run>,
    len: u64,
}

impl File {
    /// The first `len` bytes of the clusters, which stand at the offsets.
    ///
    /// # Errors
    /// [`Error::Corrupt`] when the chain is shorter; what the chain found. `entry` is the offset of
    /// the directory entry.
    pub(super) fn new(
        volume: Arc<dyn Bytes>,
        mut clusters: impl Iterator<Item = Result<u64>>,
        cluster_size: u32,
        len: u64,
        entry: u64,
    ) -> Result<Self> {
        let cluster_size = u64::from(cluster_size);
        let mut runs: Vec<Run> = Vec::new();
        let mut have = 0_u64;
        while have < len {
            let Some(offset) = clusters.next().transpose()? else {
                let expected = format!("clusters for {len} bytes");
                let found = format!("clusters for {have}");
                return Err(Error::corrupt("FAT directory entry", entry, expected, found));
            };
            let behind = |run: &&mut Run| run.offset.saturating_add(run.len) == offset;
            if let Some(run) = runs.last_mut().filter(behind) {
                run.len = run.len.saturating_add(cluster_size);
            } else if runs.len() >= MAX_RUNS {
                let limit = u64::try_from(MAX_RUNS).unwrap_or(u64::MAX);
                return Err(Error::Limit { structure: "FAT file", limit, unit: "runs" });
            } else {
                runs.push(Run { start: have, offset, len: cluster_size });
            }
            have = have.saturating_add(cluster_size);
        }
        Ok(Self { volume, runs, len })
    }

    /// Where byte `at` lies in the volume, and how many bytes lie there together.
    fn locate(&self, at: u64) -> Option<(u64, u64)> {
        let index = self.runs.partition_point(|run| run.start <= at).checked_sub(1)?;
        let run = self.runs.get(index)?;
        let within = at.checked_sub(run.start)?;
        let left = run.len.checked_sub(within)?.min(self.len.checked_sub(at)?);
        Some((run.offset.checked_add(within)?, left))
    }
}

impl Bytes for File {
    fn len(&self) -> u64 {
        self.len
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<()> {
        let end = check_range(self.len, offset, buf.len())?;
        let mut at = offset;
        let mut rest = buf;
        while !rest.is_empty() {
            let out = Error::OutOfBounds { offset, end, len: self.len };
            let (place, left) = self.locate(at).ok_or_else(|| out.clone())?;
            let count = usize::try_from(left).unwrap_or(usize::MAX).min(rest.len());
            let (now, later) = rest.split_at_mut_checked(count).ok_or(out)?;
            self.volume.read_at(place, now)?;
            at = at.saturating_add(u64::try_from(count).unwrap_or(u64::MAX));
            rest = later;
        }
        Ok(())
    }

    fn slice(&self, offset: u64, len: usize) -> Option<&[u8]> {
        check_range(self.len, offset, len).ok()?;
        if len == 0 {
            return Some(&[]);
        }
        let (place, left) = self.locate(offset)?;
        if u64::try_from(len).ok()? > left {
            return None;
        }
        self.volume.slice(place, len)
    }

    fn zeroes_at(&self, offset: u64) -> u64 {
        self.locate(offset).map_or(0, |(place, left)| self.volume.zeroes_at(place).min(left))
    }
}
