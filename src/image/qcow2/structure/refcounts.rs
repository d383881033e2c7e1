//! The refcounts that the file itself keeps.

use std::ops::Range;

use crate::bytes::Bytes;
use crate::image::qcow2::address::HostOffset;
use crate::image::qcow2::header::{Geometry, Header};
use crate::image::qcow2::refcount_block::RefcountBlock;
use crate::image::qcow2::refcount_table::{MAX_REFCOUNT_TABLE_BYTES, RefcountTableEntry};
use crate::image::qcow2::structure::slice_up_to;

/// The refcount table, in place.
pub(super) struct Refcounts<'a> {
    image: &'a dyn Bytes,
    geometry: Geometry,
    order: u32,
    /// As far as the file reaches.
    table: &'a [u8],
}

impl<'a> Refcounts<'a> {
    /// The table that the header names; empty when it cannot be right.
    pub(super) fn new(image: &'a dyn Bytes, header: &Header) -> Self {
        let (start, len) = (header.refcount_table_offset, header.refcount_table_bytes());
        let sound = len <= MAX_REFCOUNT_TABLE_BYTES && header.geometry.within_cluster(start.0) == 0;
        let table = if sound { slice_up_to(image, start, len) } else { &[] };
        Self { image, geometry: header.geometry, order: header.refcount_order, table }
    }

    /// Refcounts of a block, as a power of two: 6 to 24.
    pub(super) fn block_bits(&self) -> u32 {
        self.geometry.cluster_bits.saturating_add(3).saturating_sub(self.order)
    }

    /// Width of a refcount in bytes; 1 for those that are narrower.
    pub(super) fn width(&self) -> u64 {
        1_u64.wrapping_shl(self.order.saturating_sub(3))
    }

    /// The entries of the table.
    pub(super) fn entries(&self) -> impl Iterator<Item = RefcountTableEntry> {
        let (entries, _) = self.table.as_chunks::<8>();
        entries.iter().map(|entry| RefcountTableEntry(u64::from_be_bytes(*entry)))
    }

    /// Block `index` of the table: all zeros where there is none. `None` where its place cannot be
    /// right, so that nobody knows the refcounts.
    pub(super) fn block(&self, index: u64) -> Option<RefcountBlock<'a>> {
        let (entries, _) = self.table.as_chunks::<8>();
        let entry = usize::try_from(index).ok().and_then(|index| entries.get(index));
        let bytes = match entry.and_then(|e| RefcountTableEntry(u64::from_be_bytes(*e)).block()) {
            None => &[],
            Some(HostOffset(at)) if self.geometry.within_cluster(at) != 0 => return None,
            Some(at) => slice_up_to(self.image, at, self.geometry.cluster_size()),
        };
        Some(RefcountBlock::new(bytes, self.order))
    }

    /// Whether the table names a block with refcounts of any of `clusters`.
    pub(super) fn has_block(&self, clusters: &Range<u64>) -> bool {
        let (entries, _) = self.table.as_chunks::<8>();
        let index = |cluster: u64| usize::try_from(cluster.wrapping_shr(self.block_bits()));
        let (Ok(first), Ok(last)) = (index(clusters.start), index(clusters.end.saturating_sub(1)))
        else {
            return false;
        };
        let end = last.saturating_add(1).min(entries.len());
        let named = entries.get(first..end).unwrap_or_default();
        named.iter().any(|entry| RefcountTableEntry(u64::from_be_bytes(*entry)).block().is_some())
    }

    /// `clusters` in pieces that one block covers: the piece, its block, the index of the first.
    pub(super) fn pieces(
        &self,
        clusters: Range<u64>,
    ) -> impl Iterator<Item = (Range<u64>, Option<RefcountBlock<'a>>, usize)> {
        let bits = self.block_bits();
        let mut at = clusters.start;
        std::iter::from_fn(move || {
            if at >= clusters.end {
                return None;
            }
            let index = at.wrapping_shr(bits);
            let start = index.wrapping_shl(bits);
            let end = start.saturating_add(1_u64.wrapping_shl(bits)).min(clusters.end);
            let piece = (
                at..end,
                self.block(index),
                usize::try_from(at.saturating_sub(start)).unwrap_or(usize::MAX),
            );
            at = end;
            Some(piece)
        })
    }

    /// The refcount of a cluster, where it is known.
    pub(super) fn get(&self, cluster: u64) -> Option<u64> {
        let mut pieces = self.pieces(cluster..cluster.saturating_add(1));
        let (_, block, first) = pieces.next()?;
        Some(block?.get(first))
    }

    /// The clusters of `clusters` for which `copied` does not say whether the refcount is one: how
    /// many, the first, and its refcount.
    pub(super) fn wrongly_copied(&self, clusters: Range<u64>, copied: bool) -> (u64, u64, u64) {
        let mut wrong = (0_u64, 0, 0);
        for (piece, block, first) in self.pieces(clusters) {
            let Some(block) = block else { continue };
            let len = piece.end.saturating_sub(piece.start);
            let mut note = |position: u64, refcount: u64| {
                if wrong.0 == 0 {
                    wrong = (0, piece.start.saturating_add(position), refcount);
                }
                wrong.0 = wrong.0.saturating_add(1);
            };
            let others = (0..len).map(|_| 1);
            if copied {
                block.differences(first, others, |position, refcount, _| note(position, refcount));
            } else {
                let mut at = first;
                for position in 0..len {
                    if block.get(at) == 1 {
                        note(position, 1);
                    }
                    at = at.saturating_add(1);
                }
            }
        }
        wrong
    }
}
