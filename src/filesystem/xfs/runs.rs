//! Which blocks hold a file.

use std::sync::Arc;

use super::bmap_btree;
use super::extent::Extent;
use super::inode::{Format, Inode};
use super::superblock::Superblock;
use super::volume::Volume;
use crate::bytes::Bytes;
use crate::error::{Error, Result};
use crate::filesystem::content::{self, Content};
use crate::filesystem::structure::Structure;

/// Most runs of one file that are gathered (24 MiB of them). A file needs this many only when it
/// is scattered over as many places.
const MAX_RUNS: usize = 1 << 20;

/// Consecutive blocks of a file that lie in consecutive blocks of the volume.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Run {
    /// First block of the file.
    pub(super) logical: u64,
    /// The byte of the volume at which it lies.
    pub(super) byte: u64,
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
    /// The block of the file behind all extents so far.
    next: u64,
    /// Extents so far, written or not.
    extents: u64,
}

impl Runs {
    /// The blocks of an inode's data fork.
    ///
    /// # Errors
    /// [`Error::Corrupt`] when the map contradicts itself or the file system; [`Error::Limit`] when
    /// it is too scattered.
    pub(super) fn read(
        volume: &Volume,
        superblock: &Superblock,
        inode: &Inode<'_>,
    ) -> Result<Self> {
        let mut runs = Self::default();
        match inode.format {
            Format::Extents => {
                let fork = inode.fork();
                let len = usize::try_from(inode.extents)
                    .ok()
                    .and_then(|count| count.checked_mul(Extent::SIZE))
                    .filter(|len| *len <= fork.raw.len())
                    .ok_or_else(|| {
                        let expected = format!("extents in {} bytes", fork.raw.len());
                        inode.corrupt(expected, format!("{} of them", inode.extents))
                    })?;
                runs.push_all(volume, &fork, 0, len)?;
            }
            Format::Btree => bmap_btree::read(volume, superblock, inode, &mut runs)?,
            Format::Local | Format::Device => {
                return Err(inode.corrupt("a fork with extents", format!("{:?}", inode.format)));
            }
        }
        if runs.extents != inode.extents {
            let found = format!("{} of them", runs.extents);
            return Err(inode.corrupt(format!("{} extents", inode.extents), found));
        }
        Ok(runs)
    }

    /// The content of a file of `len` bytes.
    pub(super) fn content(&self, volume: &Arc<Volume>, len: u64) -> Content {
        let size = volume.geometry.block_size;
        let bytes = |run: &Run| content::Run {
            start: run.logical.saturating_mul(size),
            place: run.byte,
            len: run.len.saturating_mul(size),
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

    /// Adds the extents that stand in `len` bytes from byte `at` on.
    pub(super) fn push_all(
        &mut self,
        volume: &Volume,
        s: &Structure<'_>,
        at: usize,
        len: usize,
    ) -> Result<()> {
        let (records, _) = s.bytes(at, len)?.as_chunks::<{ Extent::SIZE }>();
        for (record, at) in records.iter().zip((at..).step_by(Extent::SIZE)) {
            self.push(volume, s, at, Extent::parse(*record))?;
        }
        Ok(())
    }

    fn push(
        &mut self,
        volume: &Volume,
        s: &Structure<'_>,
        at: usize,
        extent: Extent,
    ) -> Result<()> {
        let Extent { logical, physical, len, unwritten } = extent;
        if len == 0 || logical < self.next {
            let expected = format!("blocks of the file from {} on", self.next);
            return Err(s.corrupt(at, expected, format!("{len} blocks at {logical}")));
        }
        let byte = volume.geometry.block_byte(physical, len).ok_or_else(|| {
            let found = format!("{len} blocks from {physical:#x}");
            s.corrupt(at, "an extent inside one allocation group", found)
        })?;
        self.next = logical.saturating_add(len);
        self.extents = self.extents.saturating_add(1);
        if unwritten {
            return Ok(());
        }
        if let Some(last) = self.runs.last_mut() {
            let behind = last.len.saturating_mul(volume.geometry.block_size);
            if last.end() == logical && last.byte.saturating_add(behind) == byte {
                last.len = last.len.saturating_add(len);
                return Ok(());
            }
        }
        if self.runs.len() >= MAX_RUNS {
            return Err(Error::too_much("xfs data fork", MAX_RUNS, "runs"));
        }
        self.runs.push(Run { logical, byte, len });
        Ok(())
    }
}
