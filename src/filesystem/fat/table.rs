//! The file allocation table: chains of clusters.
//!
//! Source: fatgen103, "FAT Data Structure".

use super::boot_sector::{BootSector, Width};
use crate::bytes::{Bytes, BytesExt};
use crate::error::{Error, Result};

const STRUCTURE: &str = "file allocation table";

/// Most bytes of the table that are read at once.
const MAX_WINDOW: usize = 4096;

/// The clusters of one chain, in order. It ends, whatever the table says: a chain that comes back to
/// itself is found out (Brent's algorithm: each cluster is compared with one that is left behind at
/// doubling distances).
pub(super) struct Chain<'a> {
    volume: &'a dyn Bytes,
    boot: &'a BootSector,
    next: Next,
    /// The cluster left behind, and how many more steps until another one is.
    mark: u32,
    steps: u32,
    distance: u32,
    /// A part of the table that was read, and its offset. Chains mostly go forwards.
    window: Vec<u8>,
    window_at: u64,
}

enum Next {
    /// This cluster, named by the table or directory entry at the offset.
    Cluster(u32, u64),
    /// What the entry of this cluster says.
    After(u32),
    End,
}

impl<'a> Chain<'a> {
    /// The chain from `first` on, which stands at byte `named_at`.
    pub(super) fn new(
        volume: &'a dyn Bytes,
        boot: &'a BootSector,
        first: u32,
        named_at: u64,
    ) -> Self {
        let next = Next::Cluster(first, named_at);
        let (window, window_at) = (Vec::new(), 0);
        Self { volume, boot, next, mark: 0, steps: 1, distance: 1, window, window_at }
    }

    fn advance(&mut self) -> Result<Option<u64>> {
        let (cluster, at) = match std::mem::replace(&mut self.next, Next::End) {
            Next::End => return Ok(None),
            Next::Cluster(cluster, at) => (cluster, at),
            Next::After(cluster) => match self.entry(cluster)? {
                (None, _) => return Ok(None),
                (Some(cluster), at) => (cluster, at),
            },
        };
        let offset = self.boot.cluster(cluster).ok_or_else(|| {
            let last = self.boot.clusters.saturating_add(1);
            Error::corrupt(
                STRUCTURE,
                at,
                format!("a cluster from 2 to {last}"),
                cluster.to_string(),
            )
        })?;
        if cluster == self.mark {
            return Err(Error::corrupt(STRUCTURE, at, "a chain that ends", "one that is a loop"));
        }
        self.steps = self.steps.saturating_sub(1);
        if self.steps == 0 {
            self.mark = cluster;
            self.distance = self.distance.saturating_mul(2);
            self.steps = self.distance;
        }
        self.next = Next::After(cluster);
        Ok(Some(offset))
    }

    /// What follows a cluster (`None`: the chain ends with it), and where that stands.
    fn entry(&mut self, cluster: u32) -> Result<(Option<u32>, u64)> {
        let index = u64::from(cluster);
        let (offset, end) = match self.boot.width {
            Width::Fat12 => (index.saturating_add(index >> 1), 0xff8),
            Width::Fat16 => (index.saturating_mul(2), 0xfff8),
            Width::Fat32 => (index.saturating_mul(4), 0x0fff_fff8),
        };
        let at = self.boot.table.saturating_add(offset);
        let value = match self.boot.width {
            Width::Fat12 => {
                let pair = u32::from(u16::from_le_bytes(self.table_at(at)?));
                if cluster & 1 == 0 { pair & 0xfff } else { pair >> 4 }
            }
            Width::Fat16 => u32::from(u16::from_le_bytes(self.table_at(at)?)),
            Width::Fat32 => u32::from_le_bytes(self.table_at(at)?) & 0x0fff_ffff,
        };
        Ok(((value < end).then_some(value), at))
    }

    /// The bytes of the table at an offset in the volume.
    fn table_at<const N: usize>(&mut self, at: u64) -> Result<[u8; N]> {
        let within = |window: &[u8], start: u64| -> Option<[u8; N]> {
            let index = usize::try_from(at.checked_sub(start)?).ok()?;
            window.get(index..)?.first_chunk().copied()
        };
        if let Some(bytes) = within(&self.window, self.window_at) {
            return Ok(bytes);
        }
        let end = self.boot.table.saturating_add(self.boot.table_len).min(self.volume.len());
        let left = usize::try_from(end.saturating_sub(at)).unwrap_or(MAX_WINDOW);
        self.window = self.volume.vec(at, left.min(MAX_WINDOW))?;
        self.window_at = at;
        within(&self.window, at).ok_or(Error::OutOfBounds { offset: at, end: at, len: end })
    }
}

impl Iterator for Chain<'_> {
    /// Offset of the cluster in the volume.
    type Item = Result<u64>;

    fn next(&mut self) -> Option<Self::Item> {
        self.advance().transpose()
    }
}

/// Whether the table's second entry says that the volume was not unmounted cleanly, or that a disk
/// error was met (fatgen103, `ClnShutBitMask` and `HrdErrBitMask`); FAT12 has no room for that.
pub(super) fn marks(volume: &dyn Bytes, boot: &BootSector) -> Result<(bool, bool)> {
    let missing = |value: u32, bit: u32| value & bit == 0;
    Ok(match boot.width {
        Width::Fat12 => (false, false),
        Width::Fat16 => {
            let value = u32::from(u16::from_le_bytes(volume.array(boot.table.saturating_add(2))?));
            (missing(value, 0x8000), missing(value, 0x4000))
        }
        Width::Fat32 => {
            let value = u32::from_le_bytes(volume.array(boot.table.saturating_add(4))?);
            (missing(value, 0x0800_0000), missing(value, 0x0400_0000))
        }
    })
}
