//! What a file system says about itself.

use super::checksum::ChecksumType;

/// Plain facts about a Btrfs file system, as its superblock and chunk tree tell them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BtrfsState {
    /// The identity, `UUID` to libblkid.
    pub fsid: [u8; 16],
    /// The label; empty when it has none.
    pub label: String,
    /// The last transaction that was committed.
    pub generation: u64,
    /// Features by the names of `mkfs.btrfs -O`; a bit without a name as `compat_ro bit 9`.
    pub features: Vec<String>,
    /// How metadata is summed. Its checksums are verified; those of data are not.
    pub checksum: ChecksumType,
    /// Bytes of a sector.
    pub sector_size: u32,
    /// Bytes of a node.
    pub node_size: u32,
    /// Bytes of all devices.
    pub total_bytes: u64,
    /// Bytes in use.
    pub bytes_used: u64,
    /// Number of devices.
    pub devices: u64,
    /// The number of the device that was read.
    pub device: u64,
    /// The numbers of the other devices. What lies on them alone is not read.
    pub missing_devices: Vec<u64>,
    /// Bytes that this device should have but the volume does not: it was cut.
    pub missing_bytes: u64,
    /// There is a log tree: the file system was in use, and what programs made sure of with `fsync`
    /// since the last transaction is in that log alone. It is not replayed, as a mount would.
    pub has_log: bool,
    /// The superblock says that the kernel saw an error.
    pub has_errors: bool,
    /// The file system is a seed: read-only until a device is added.
    pub seeding: bool,
    /// Why the primary superblock could not be used. The newest copy was read, but a mount refuses
    /// such a file system.
    pub damaged_superblock: Option<String>,
}
