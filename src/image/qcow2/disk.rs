//! The guest's disk: reads by guest offset through the L1 and L2 tables.

use std::sync::Arc;

use crate::bytes::{Bytes, check_range};
use crate::decompressed::{Cache, Waste};
use crate::error::{Error, Result};
use crate::image::facts::Qcow2Compression;
use crate::image::qcow2::address::{GuestOffset, HostOffset};
use crate::image::qcow2::cluster;
use crate::image::qcow2::header::{Geometry, Header};
use crate::image::qcow2::l1_table::{L1_TABLE, L1Entry};
use crate::image::qcow2::l2_table::{
    Cluster, CompressedRange, L2_TABLE, L2Entry, SUBCLUSTERS, StandardCluster,
};

const DATA_CLUSTER: &str = "qcow2 data cluster";

/// How many unallocated L2 tables [`Bytes::zeroes_at`] passes over in one call: with the smallest
/// tables (512-byte clusters, 32 KiB each) 128 MiB, with the default ones 2 TiB. An allocated table
/// ends the search, because its entries have to be looked at: a caller that asks again for every
/// block must not pay for the whole disk each time.
const MAX_TABLES_LOOKED_AHEAD: u32 = 4096;

/// Most bytes of decompressed clusters of an image that are kept. Enough for the directories and inode tables
/// that a file-system reader keeps coming back to; small beside the bound of 256 MiB for a check.
const MAX_KEPT_BYTES: usize = 16 << 20;

/// The same for the largest clusters (1 and 2 MiB), of which the other bound would leave too few to
/// come back to.
const MAX_KEPT_LARGE: usize = 32 << 20;

/// Most bytes that are decompressed beyond those that are asked for, before reads of compressed
/// clusters are refused: what an image may cost whose files are laid out so that each small read takes
/// another cluster. Some three seconds of zlib; a whole Debian guest in clusters of 2 MiB is checked in
/// 0.2 s.
const MAX_WASTED: u64 = 1 << 30;

/// The disk inside a qcow2 file: read-only, without encryption, backing file or external data
/// file.
pub(super) struct Disk {
    image: Arc<dyn Bytes>,
    geometry: Geometry,
    compression: Qcow2Compression,
    size: u64,
    l1_table: HostOffset,
    cache: Cache<HostOffset>,
    waste: Waste,
}

/// Where the bytes of a stretch of the disk come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Source {
    Zeros,
    /// Contiguous in the image file from here on.
    Image(HostOffset),
    /// Within one compressed cluster.
    Compressed(CompressedRange),
}

/// A stretch of the disk with one source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Run {
    source: Source,
    len: u64,
}

impl Disk {
    /// The disk that `header` describes. [`Header::check_l1`] must have passed.
    pub(super) fn new(image: Arc<dyn Bytes>, header: &Header) -> Self {
        let cluster_len = header.geometry.cluster_len();
        let kept = if cluster_len < 1 << 20 { MAX_KEPT_BYTES } else { MAX_KEPT_LARGE };
        Self {
            image,
            geometry: header.geometry,
            compression: header.compression,
            size: header.size,
            l1_table: header.l1_table_offset,
            cache: Cache::new(cluster_len, kept),
            waste: Waste::new(DATA_CLUSTER, MAX_WASTED),
        }
    }

    /// The longest stretch with one source from `at` on that one L2 table maps, as far as `want`
    /// bytes.
    fn run(&self, at: GuestOffset, want: u64) -> Result<Run> {
        let reach = 1_u64.wrapping_shl(self.geometry.l2_reach_bits());
        let in_table = at.0 & reach.wrapping_sub(1);
        // At least 1: both differences are of an offset and an end behind it.
        let limit =
            reach.saturating_sub(in_table).min(self.size.saturating_sub(at.0)).min(want.max(1));
        let Some(table) = self.l2_table(at)? else {
            return Ok(Run { source: Source::Zeros, len: limit });
        };
        let mut run = self.piece(&table, at)?;
        while run.len < limit {
            // What lies behind may be damaged; that is for the read that reaches it to say.
            let Ok(next) = self.piece(&table, at.after(run.len)) else { break };
            let joins = match (run.source, next.source) {
                (Source::Zeros, Source::Zeros) => true,
                (Source::Image(host), Source::Image(next)) => host.after(run.len) == next,
                _ => false,
            };
            if !joins {
                break;
            }
            run.len = run.len.saturating_add(next.len);
        }
        run.len = run.len.min(limit);
        Ok(run)
    }

    /// The L2 table that maps `at`, in place; `None` when nothing there is allocated.
    fn l2_table(&self, at: GuestOffset) -> Result<Option<L2Table<'_>>> {
        let index = at.0.wrapping_shr(self.geometry.l2_reach_bits());
        let entry_at = self.l1_table.after(index.saturating_mul(8));
        let entry = self
            .image
            .slice(entry_at.0, 8)
            .and_then(|bytes| bytes.first_chunk::<8>())
            .ok_or_else(|| self.beyond_end(L1_TABLE, entry_at))?;
        let Some(start) = L1Entry(u64::from_be_bytes(*entry)).l2_table() else {
            return Ok(None);
        };
        if self.geometry.within_cluster(start.0) != 0 {
            return Err(unaligned(L1_TABLE, entry_at, start));
        }
        match self.image.slice(start.0, self.geometry.cluster_len()) {
            Some(entries) => Ok(Some(L2Table { start, entries })),
            None => Err(self.beyond_end(L2_TABLE, start)),
        }
    }

    /// The stretch from `at` to the end of its cluster, or of the subclusters of its kind.
    fn piece(&self, table: &L2Table<'_>, at: GuestOffset) -> Result<Run> {
        let geometry = self.geometry;
        let mask = 1_u64.wrapping_shl(geometry.l2_bits()).wrapping_sub(1);
        let index = at.0.wrapping_shr(geometry.cluster_bits) & mask;
        let entry = usize::try_from(index)
            .ok()
            .and_then(|index| L2Entry::at(table.entries, index, geometry))
            .ok_or_else(|| self.beyond_end(L2_TABLE, table.start))?;
        let within = geometry.within_cluster(at.0);
        match entry.cluster(geometry) {
            Cluster::Compressed(range) => Ok(Run {
                source: Source::Compressed(range),
                len: geometry.cluster_size().saturating_sub(within),
            }),
            Cluster::Standard(cluster) => {
                standard_piece(geometry, cluster, within).map_err(|bad| {
                    let width = u64::try_from(geometry.l2_entry_len()).unwrap_or(16);
                    let entry_at = table.start.after(index.saturating_mul(width));
                    match bad {
                        BadEntry::Unaligned(host) => unaligned(L2_TABLE, entry_at, host),
                        BadEntry::Bitmap => Error::corrupt(
                            L2_TABLE,
                            entry_at.0,
                            "subclusters that are allocated, with an offset, or zero",
                            format!("bitmap {:#018x}", entry.bitmap),
                        ),
                    }
                })
            }
        }
    }

    /// Reads within one run.
    fn read_run(&self, at: GuestOffset, run: Run, buf: &mut [u8]) -> Result<()> {
        match run.source {
            Source::Zeros => buf.fill(0),
            Source::Image(host) => {
                let bytes = self
                    .image
                    .slice(host.0, buf.len())
                    .ok_or_else(|| self.beyond_end(DATA_CLUSTER, host))?;
                buf.copy_from_slice(bytes);
            }
            Source::Compressed(range) => self.read_compressed(range, at, buf)?,
        }
        Ok(())
    }

    /// Reads within one compressed cluster: a whole one straight into `buf`, part of one by way of
    /// the cache.
    fn read_compressed(
        &self,
        range: CompressedRange,
        at: GuestOffset,
        buf: &mut [u8],
    ) -> Result<()> {
        let within = usize::try_from(self.geometry.within_cluster(at.0)).unwrap_or(usize::MAX);
        let len = self.geometry.cluster_len();
        if buf.len() == len && self.cache.get(range.start).is_none() {
            return self.decompress(range, buf);
        }
        let cluster = self.cache.unit(range.start, &self.waste, (len, buf.len()), || {
            let mut cluster = vec![0; len];
            self.decompress(range, &mut cluster)?;
            Ok(cluster)
        })?;
        let part = within
            .checked_add(buf.len())
            .and_then(|end| cluster.get(within..end))
            .ok_or_else(|| self.beyond_end(DATA_CLUSTER, range.start))?;
        buf.copy_from_slice(part);
        Ok(())
    }

    fn decompress(&self, range: CompressedRange, cluster: &mut [u8]) -> Result<()> {
        // The last sector need not be in the file as a whole: its data ends somewhere within.
        let rest = self.image.len().saturating_sub(range.start.0);
        let data = usize::try_from(range.len.min(rest))
            .ok()
            .filter(|&len| len > 0)
            .and_then(|len| self.image.slice(range.start.0, len))
            .ok_or_else(|| self.beyond_end(DATA_CLUSTER, range.start))?;
        cluster::decompress(self.compression, range.start, data, cluster)
    }

    fn beyond_end(&self, structure: &'static str, at: HostOffset) -> Error {
        Error::corrupt(
            structure,
            at.0,
            "bytes inside the image file",
            format!("the end of the file at byte {}", self.image.len()),
        )
    }
}

/// An L2 table in the memory map.
struct L2Table<'a> {
    start: HostOffset,
    entries: &'a [u8],
}

/// What is wrong with an L2 entry.
enum BadEntry {
    Unaligned(HostOffset),
    Bitmap,
}

/// The stretch from byte `within` of a standard cluster on over all subclusters of one kind.
fn standard_piece(
    geometry: Geometry,
    cluster: StandardCluster,
    within: u64,
) -> Result<Run, BadEntry> {
    let StandardCluster { host, allocated, zero } = cluster;
    if allocated & zero != 0 || (allocated != 0 && host.is_none()) {
        return Err(BadEntry::Bitmap);
    }
    if let Some(host) = host
        && geometry.within_cluster(host.0) != 0
        && allocated != 0
    {
        return Err(BadEntry::Unaligned(host));
    }
    // 32 subclusters: their size is the cluster size shifted by 5.
    let subcluster_bits = geometry.cluster_bits.wrapping_sub(SUBCLUSTERS.trailing_zeros());
    let first = u32::try_from(within.wrapping_shr(subcluster_bits)).unwrap_or(SUBCLUSTERS);
    let from_first = allocated.wrapping_shr(first);
    let alike =
        if from_first & 1 == 1 { from_first.trailing_ones() } else { from_first.trailing_zeros() };
    let end = u64::from(first.saturating_add(alike).min(SUBCLUSTERS)).wrapping_shl(subcluster_bits);
    let source = match host {
        Some(host) if from_first & 1 == 1 => Source::Image(host.after(within)),
        _ => Source::Zeros,
    };
    Ok(Run { source, len: end.saturating_sub(within) })
}

fn unaligned(structure: &'static str, entry_at: HostOffset, found: HostOffset) -> Error {
    Error::corrupt(
        structure,
        entry_at.0,
        "an offset that is a multiple of the cluster size",
        format!("{:#x}", found.0),
    )
}

impl Bytes for Disk {
    fn len(&self) -> u64 {
        self.size
    }

    /// Fills `buf`. Uncompressed clusters are copied straight from the map in runs as long as they
    /// are contiguous in the file.
    ///
    /// # Errors
    /// Besides those of [`Bytes::read_at`]: [`Error::Corrupt`] where a table or a cluster lies
    /// beyond the end of the file or a compressed cluster is damaged.
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<()> {
        check_range(self.size, offset, buf.len())?;
        let mut at = GuestOffset(offset);
        let mut rest = buf;
        while !rest.is_empty() {
            let want = u64::try_from(rest.len()).unwrap_or(u64::MAX);
            let run = self.run(at, want)?;
            let len = usize::try_from(run.len).unwrap_or(usize::MAX).clamp(1, rest.len());
            let (now, later) = rest.split_at_mut(len);
            self.read_run(at, run, now)?;
            at = at.after(u64::try_from(len).unwrap_or(u64::MAX));
            rest = later;
        }
        Ok(())
    }

    fn slice(&self, offset: u64, len: usize) -> Option<&[u8]> {
        check_range(self.size, offset, len).ok()?;
        if len == 0 {
            return Some(&[]);
        }
        let want = u64::try_from(len).ok()?;
        match self.run(GuestOffset(offset), want).ok()? {
            Run { source: Source::Image(host), len: run } if run >= want => {
                self.image.slice(host.0, len)
            }
            _ => None,
        }
    }

    fn zeroes_at(&self, offset: u64) -> u64 {
        let mut at = GuestOffset(offset);
        for _ in 0..MAX_TABLES_LOOKED_AHEAD {
            if at.0 >= self.size {
                break;
            }
            let allocated = !matches!(self.l2_table(at), Ok(None));
            match self.run(at, u64::MAX) {
                Ok(Run { source: Source::Zeros, len }) => at = at.after(len),
                _ => break,
            }
            if allocated {
                break;
            }
        }
        at.0.saturating_sub(offset)
    }
}
