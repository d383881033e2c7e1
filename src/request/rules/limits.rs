//! Limits that several rules of the body share.

use super::Profile;

/// Bytes in what the platform calls a GB (FAQ on VHD sizes, OTC topic 0058841396).
pub(crate) const GIB: u64 = 1 << 30;

/// Biggest system disk, in GB (制作镜像, min_disk).
pub(super) const MAX_SYSTEM_DISK: u64 = 1024;

/// Biggest data disk, in GB (使用外部镜像文件制作数据镜像, min_disk).
pub(super) const MAX_DATA_DISK: u64 = 2048;

/// Smallest and biggest `min_disk` of a system disk, in GB (制作镜像: 40 to 1024; OTC API: 1 to 1024;
/// 镜像文件快速导入: 1 to 1024).
pub(crate) fn min_disk_range(profile: Profile, quick: bool) -> (u64, u64) {
    (smallest(profile, quick), MAX_SYSTEM_DISK)
}

/// Smallest and biggest `min_disk` of a data disk, in GB (40 to 2048; OTC: 1 to 2048).
pub(super) fn data_disk_range(profile: Profile, quick: bool) -> (u64, u64) {
    (smallest(profile, quick), MAX_DATA_DISK)
}

fn smallest(profile: Profile, quick: bool) -> u64 {
    if quick || profile == Profile::Otc { 1 } else { 40 }
}
