//! L1 table entries (QEMU `docs/interop/qcow2.rst`, Cluster mapping).

use crate::image::qcow2::address::HostOffset;

pub(super) const L1_TABLE: &str = "qcow2 L1 table";

/// Bits 9 to 55: the offset of the L2 table.
const OFFSET: u64 = 0x00ff_ffff_ffff_fe00;
/// Bits 0 to 8 and 56 to 62.
const RESERVED: u64 = 0x7f00_0000_0000_01ff;
/// Bit 63: the refcount of the L2 table is exactly one.
const COPIED: u64 = 1 << 63;

/// An entry of the L1 table, or of a snapshot's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct L1Entry(pub(super) u64);

impl L1Entry {
    /// Where the L2 table stands; `None` when all its clusters are unallocated.
    pub(super) fn l2_table(self) -> Option<HostOffset> {
        let offset = self.0 & OFFSET;
        (offset != 0).then_some(HostOffset(offset))
    }

    /// Whether it says that the L2 table's refcount is exactly one.
    pub(super) fn copied(self) -> bool {
        self.0 & COPIED != 0
    }

    /// Bits that must be zero and are not.
    pub(super) fn reserved_bits(self) -> u64 {
        self.0 & RESERVED
    }
}
