//! What a superblock of either format says of the array and of its own member.

use crate::error::{Error, Result};

/// The superblock of one member. Sizes and offsets in bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Superblock {
    /// `0.90`, `1.0`, `1.1`, `1.2`.
    pub(super) metadata: &'static str,
    pub(super) uuid: String,
    /// The array's name with its home host (1.x).
    pub(super) set_name: Option<String>,
    /// The array's number (0.90).
    pub(super) minor: Option<u32>,
    pub(super) level: i32,
    pub(super) layout: u32,
    pub(super) chunk: u64,
    pub(super) raid_disks: u32,
    /// How much of each member is used, for levels where that is the same for all.
    pub(super) size: u64,
    pub(super) data_offset: u64,
    pub(super) data_size: u64,
    pub(super) events: u64,
    /// The member's slot; none for spare, faulty and journal devices.
    pub(super) slot: Option<u32>,
    /// Whether the member holds what the array holds, or why not.
    pub(super) in_sync: std::result::Result<(), &'static str>,
    /// A change of the array's shape is under way.
    pub(super) is_reshaping: bool,
}

/// The checksum of either format: the sum of its 32-bit words, with what does not fit in 32 bits
/// added to the rest (`calc_sb_csum`, `calc_sb_1_csum` in `drivers/md/md.c`).
pub(super) fn fold(sum: u64) -> u64 {
    (sum & 0xffff_ffff).saturating_add(sum >> 32) & 0xffff_ffff
}

pub(super) fn check_sum(offset: u64, expected: u64, found: u32) -> Result<()> {
    if !crate::checksum::holds(found, expected) {
        let (expected, found) = (format!("checksum {expected:08x}"), format!("{found:08x}"));
        return Err(Error::corrupt("md superblock", offset, expected, found));
    }
    Ok(())
}
