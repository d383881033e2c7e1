//! Which blocks hold a file.

use std::sync::Arc;

use super::block_map;
use super::extent;
use super::inode::{Inode, flag};
use super::volume::Volume;
use crate::bytes::Bytes;
use crate::error::{Error, Result};
use crate::filesystem::content::{self, Content};

/// Most runs of one file that are gathered (24 MiB of them). A file needs this many only when it
/// is scattered over as many places.
const MAX_RUNS: usize = 1 << 20;

/// Consecutive blocks of a file that lie in consecutive blocks of the volume.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Run {
    /// First block of the file.
    pub(super) logical: u64,
    /// First block of the volume.
    pub(super) physical: u64,
    /// Number of blocks.
    pub(super) len: u64,
}

impl Run {
    /// The block of the file behind the last.
    pub(super) fn end(&self) -> u64 {
        self.logical.saturating_add(self.len)
    }
}

/// The written blocks of a file, ascending and without overlap in the file; everything else reads
/// as zero.
#[derive(Debug, Default)]
pub(super) struct Runs {
    runs: Vec<Run>,
    /// Blocks claimed so far, written or not.
    claimed: u64,
}

impl Runs {
    /// The blocks of an inode that has a map of blocks.
    ///
    /// # Errors
    /// [`Error::Corrupt`] when the map contradicts itself or the file system; [`Error::Limit`] when
    /// it is too scattered.
    pub(super) fn read(volume: &Volume, inode: &Inode) -> Result<Self> {
        if inode.has(flag::EXTENTS) {
            extent::runs(volume, inode)
        } else {
            block_map::runs(volume, inode)
        }
    }

    /// The content of a file of `len` bytes.
    pub(super) fn content(&self, volume: &Arc<Volume>, len: u64) -> Content {
        let bytes = |run: &Run| content::Run {
            start: volume.byte(run.logical),
            place: volume.byte(run.physical),
            len: volume.byte(run.len),
        };
        let volume: Arc<dyn Bytes> = Arc::<Volume>::clone(volume);
        Content::new(volume, self.runs.iter().map(bytes).collect(), len)
    }

    pub(super) fn as_slice(&self) -> &[Run] {
        &self.runs
    }

    /// The run that holds a block of the file, or else the first behind it.
    pub(super) fn at_or_after(&self, logical: u64) -> Option<Run> {
        let index = self.runs.partition_point(|run| run.end() <= logical);
        self.runs.get(index).copied()
    }

    /// Counts blocks that the file claims. A file that claims more blocks than there are claims one
    /// twice, which bounds the work that a map can cause.
    pub(super) fn claim(&mut self, volume: &Volume, inode: &Inode, len: u64) -> Result<()> {
        self.claimed = self.claimed.saturating_add(len);
        if self.claimed > volume.block_count() {
            let expected = format!("at most the {} blocks there are", volume.block_count());
            return Err(inode.corrupt(expected, "more blocks mapped"));
        }
        Ok(())
    }

    /// Adds blocks behind all that were added before.
    pub(super) fn push(&mut self, run: Run) -> Result<()> {
        if let Some(last) = self.runs.last_mut() {
            let follows =
                last.end() == run.logical && last.physical.saturating_add(last.len) == run.physical;
            if follows {
                last.len = last.len.saturating_add(run.len);
                return Ok(());
            }
        }
        if self.runs.len() >= MAX_RUNS {
            return Err(Error::too_much("ext block map", MAX_RUNS, "runs"));
        }
        self.runs.push(run);
        Ok(())
    }
}
