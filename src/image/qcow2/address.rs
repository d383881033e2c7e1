//! Two address spaces that must not be mixed: the image file, and the disk that the guest sees.

/// A byte offset in the image file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct HostOffset(pub(super) u64);

/// A byte offset on the guest's disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct GuestOffset(pub(super) u64);

impl HostOffset {
    /// `bytes` further on. Saturates: no file reaches there, so a read of it is refused.
    pub(super) fn after(self, bytes: u64) -> Self {
        Self(self.0.saturating_add(bytes))
    }
}

impl GuestOffset {
    /// `bytes` further on.
    pub(super) fn after(self, bytes: u64) -> Self {
        Self(self.0.saturating_add(bytes))
    }
}
