//! The identifiers of every guest built here, fixed so that two builds are alike.

/// Disk signature of an MBR.
pub const MBR_SIGNATURE: &str = "0x1f0c3a5e";
/// Disk GUID of a GPT.
pub const DISK_GUID: &str = "8D9B2C1E-5A77-4C0E-9B6F-3E1D5F0A7C21";
/// The root file system.
pub const ROOT_UUID: &str = "3f2b1c5d-7e8a-4b6c-9d0e-1a2b3c4d5e6f";
/// A file system for `/boot` of its own.
pub const BOOT_UUID: &str = "b7c8d9e0-1f2a-4b3c-8d4e-5f6a7b8c9d0e";
/// A swap area.
pub const SWAP_UUID: &str = "5d6e7f80-9a0b-4c1d-ae2f-3a4b5c6d7e8f";
/// A data file system.
pub const DATA_UUID: &str = "c0ffee00-1234-4abc-9def-0123456789ab";
/// A UUID that no file system here has.
pub const ABSENT_UUID: &str = "deadbeef-0000-4000-8000-00000000dead";
/// Volume id of the EFI system partition, as `mkfs.vfat -i` takes it.
pub const ESP_ID: &str = "1A2B3C4D";
/// The same as `blkid` and fstab spell it.
pub const ESP_UUID: &str = "1A2B-3C4D";
/// SHA-512-crypt of `Preflight-2024`, the password of root.
pub const ROOT_HASH: &str = "$6$preflight$fC4IeEz/vMdoHNW6gTmQPrRP6HMIogNVzzCoe21h4pGuWRlXB8A2GWcLcGkiz4IgD4WlDNCo63deG/uYu41dB.";
/// Seconds since 1970 that stand for "now" while file systems are made: 2024-01-01.
pub const NOW: &str = "1704067200";
