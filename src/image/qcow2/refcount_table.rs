//! Refcount table entries (QEMU `docs/interop/qcow2.rst`, Host cluster management).

use crate::image::qcow2::address::HostOffset;

pub(super) const REFCOUNT_TABLE: &str = "qcow2 refcount table";

/// 8 MiB (QEMU `QCOW_MAX_REFTABLE_SIZE`).
pub(super) const MAX_REFCOUNT_TABLE_BYTES: u64 = 8 << 20;

/// Bits 0 to 8.
const RESERVED: u64 = 0x1ff;

/// An entry of the refcount table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct RefcountTableEntry(pub(super) u64);

impl RefcountTableEntry {
    /// Where the refcount block stands; `None` when all its refcounts are 0.
    pub(super) fn block(self) -> Option<HostOffset> {
        let offset = self.0 & !RESERVED;
        (offset != 0).then_some(HostOffset(offset))
    }

    /// Bits that must be zero and are not.
    pub(super) fn reserved_bits(self) -> u64 {
        self.0 & RESERVED
    }
}
