//! L2 table entries, standard and extended (QEMU `docs/interop/qcow2.rst`, Cluster mapping and
//! Extended L2 Entries).

use crate::image::qcow2::address::HostOffset;
use crate::image::qcow2::header::Geometry;

pub(super) const L2_TABLE: &str = "qcow2 L2 table";

/// Subclusters of a cluster.
pub(super) const SUBCLUSTERS: u32 = 32;

/// Bit 63: the refcount of the cluster is exactly one.
const COPIED: u64 = 1 << 63;
const COMPRESSED: u64 = 1 << 62;
const READS_AS_ZEROS: u64 = 1;
/// Bits 9 to 55 of a standard cluster descriptor.
const OFFSET: u64 = 0x00ff_ffff_ffff_fe00;
/// Bits 1 to 8 and 56 to 61 of a standard cluster descriptor.
const RESERVED: u64 = 0x3f00_0000_0000_01fe;
/// A compressed cluster's offset may not reach beyond bit 55.
const COMPRESSED_RESERVED: u64 = !0x00ff_ffff_ffff_ffff;

/// An L2 entry; the bitmap is 0 where entries are 64 bits wide.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct L2Entry {
    pub(super) descriptor: u64,
    pub(super) bitmap: u64,
}

/// Where the compressed bytes of a cluster stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct CompressedRange {
    pub(super) start: HostOffset,
    /// Up to the end of the last sector: the data may end before.
    pub(super) len: u64,
}

/// What an L2 entry says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cluster {
    Standard(StandardCluster),
    Compressed(CompressedRange),
}

/// A cluster whose bytes stand in the file as they are, if they stand there at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct StandardCluster {
    /// `None` when unallocated.
    pub(super) host: Option<HostOffset>,
    /// Bit x: subcluster x is allocated.
    pub(super) allocated: u32,
    /// Bit x: subcluster x reads as zeros.
    pub(super) zero: u32,
}

impl L2Entry {
    /// The entry at `index` of a table. `None` beyond the table.
    pub(super) fn at(table: &[u8], index: usize, geometry: Geometry) -> Option<Self> {
        let len = geometry.l2_entry_len();
        let start = index.checked_mul(len)?;
        let entry = table.get(start..start.checked_add(len)?)?;
        Some(Self::parse(entry))
    }

    /// An entry's bytes: 8 or 16.
    pub(super) fn parse(entry: &[u8]) -> Self {
        let word = |bytes: Option<&[u8; 8]>| bytes.copied().map_or(0, u64::from_be_bytes);
        Self {
            descriptor: word(entry.first_chunk::<8>()),
            bitmap: word(entry.get(8..).and_then(|rest| rest.first_chunk::<8>())),
        }
    }

    /// What the entry says. Without extended entries a cluster is one subcluster repeated: all of
    /// them are allocated, zero or neither.
    pub(super) fn cluster(self, geometry: Geometry) -> Cluster {
        if self.descriptor & COMPRESSED != 0 {
            return Cluster::Compressed(self.compressed_range(geometry));
        }
        let host = match self.descriptor & OFFSET {
            0 => None,
            offset => Some(HostOffset(offset)),
        };
        let (allocated, zero) = if geometry.extended_l2 {
            (low_half(self.bitmap), low_half(self.bitmap.wrapping_shr(32)))
        } else if self.descriptor & READS_AS_ZEROS != 0 && geometry.zero_flag {
            (0, u32::MAX)
        } else {
            (if host.is_some() { u32::MAX } else { 0 }, 0)
        };
        Cluster::Standard(StandardCluster { host, allocated, zero })
    }

    /// Whether it says that the cluster's refcount is exactly one.
    pub(super) fn copied(self) -> bool {
        self.descriptor & COPIED != 0
    }

    /// Whether it refers to a host cluster of its own, so that the next entry may go on behind it.
    pub(super) fn is_allocated(self) -> bool {
        self.descriptor & COMPRESSED == 0 && self.descriptor & OFFSET != 0
    }

    /// Bits that must be zero and are not.
    pub(super) fn reserved_bits(self, geometry: Geometry) -> u64 {
        if self.descriptor & COMPRESSED != 0 {
            return self.compressed_range(geometry).start.0 & COMPRESSED_RESERVED;
        }
        let zero_flag = if geometry.zero_flag { 0 } else { READS_AS_ZEROS };
        self.descriptor & (RESERVED | zero_flag)
    }

    fn compressed_range(self, geometry: Geometry) -> CompressedRange {
        // 9 <= cluster_bits <= 21, so 49 <= x <= 61.
        let sector_bits = geometry.cluster_bits.wrapping_sub(8);
        let x = 62_u32.wrapping_sub(sector_bits);
        let ones = |bits: u32| 1_u64.wrapping_shl(bits).wrapping_sub(1);
        let start = self.descriptor & ones(x);
        let additional = self.descriptor.wrapping_shr(x) & ones(sector_bits);
        let sectors = additional.saturating_add(1);
        CompressedRange {
            start: HostOffset(start),
            len: sectors.saturating_mul(512).saturating_sub(start % 512),
        }
    }
}

/// The low 32 bits.
fn low_half(bits: u64) -> u32 {
    u32::try_from(bits & u64::from(u32::MAX)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn geometry(cluster_bits: u32, extended_l2: bool) -> Geometry {
        Geometry { cluster_bits, extended_l2, zero_flag: !extended_l2 }
    }

    #[test]
    fn a_compressed_descriptor_splits_where_the_specification_says() {
        // 64 KiB clusters: x = 62 - (16 - 8) = 54.
        let entry = L2Entry { descriptor: COMPRESSED | (3 << 54) | 0x5_0123, bitmap: 0 };
        let range = CompressedRange { start: HostOffset(0x5_0123), len: 4 * 512 - 0x123 };
        assert_eq!(entry.cluster(geometry(16, false)), Cluster::Compressed(range));
        assert_eq!(entry.reserved_bits(geometry(16, false)), 0);
    }

    #[test]
    fn a_compressed_offset_beyond_bit_55_is_reserved_in_small_clusters() {
        // 512 byte clusters: x = 61, so the offset field reaches beyond bit 55.
        let entry = L2Entry { descriptor: COMPRESSED | (1 << 58) | 512, bitmap: 0 };
        assert_eq!(entry.reserved_bits(geometry(9, false)), 1 << 58);
    }

    #[test]
    fn the_zero_flag_is_reserved_in_version_2_and_with_subclusters() {
        let entry = L2Entry { descriptor: 0x5_0001, bitmap: 0 };
        assert_eq!(entry.reserved_bits(geometry(16, false)), 0);
        assert_eq!(entry.reserved_bits(geometry(16, true)), 1);
        let v2 = Geometry { zero_flag: false, ..geometry(16, false) };
        assert_eq!(entry.reserved_bits(v2), 1);
    }

    #[test]
    fn subclusters_are_read_from_the_bitmap() {
        let table = [0x80, 0, 0, 0, 0, 5, 0, 0, 0x80, 0, 0, 1, 0, 0, 0, 2];
        let entry = L2Entry::at(&table, 0, geometry(16, true)).unwrap();
        assert_eq!(
            entry.cluster(geometry(16, true)),
            Cluster::Standard(StandardCluster {
                host: Some(HostOffset(0x5_0000)),
                allocated: 2,
                zero: 0x8000_0001,
            })
        );
        assert_eq!(L2Entry::at(&table, 1, geometry(16, true)), None);
    }
}
