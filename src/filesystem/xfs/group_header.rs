//! What the headers of the allocation groups count (*XFS Algorithms & Data Structures*, "AG Free
//! Space Management", "AG Inode Management").

use super::superblock::{Counts, Superblock};
use super::volume::{Span, Volume};
use crate::error::Result;

/// `XAGF`, in the second sector of a group, and `XAGI` in the third.
const FREE_SPACE_MAGIC: u32 = 0x5841_4746;
const INODES_MAGIC: u32 = 0x5841_4749;

/// Where their checksums stand.
const FREE_SPACE_CHECKSUM: usize = 216;
const INODES_CHECKSUM: usize = 312;

/// Most groups that are counted: each costs two pages, and mkfs.xfs makes four by itself, more
/// only where the file system grew.
const MAX_GROUPS: u64 = 1 << 14;

/// The sums over all groups; `None` when not all can be read.
pub(super) fn count(volume: &Volume, superblock: &Superblock) -> Option<Counts> {
    if superblock.geometry.group_count > MAX_GROUPS {
        return None;
    }
    let mut counts = Counts::default();
    for group in 0..superblock.geometry.group_count {
        add(volume, superblock, group, &mut counts).ok()?;
    }
    Some(counts)
}

fn add(volume: &Volume, superblock: &Superblock, group: u64, counts: &mut Counts) -> Result<()> {
    let span = sector(volume, superblock, group, 1)?;
    let s = span.structure("xfs AGF");
    s.must_have_magic(0, FREE_SPACE_MAGIC)?;
    if superblock.features.is_v5() && !span.is_replayed {
        s.verify_checksum(FREE_SPACE_CHECKSUM)?;
    }
    // Free blocks, those that are kept for the free-space trees, and those trees' own
    // (`agf_freeblks`, `agf_flcount`, `agf_btreeblks`).
    for at in [52, 48, 60] {
        counts.free_blocks = counts.free_blocks.saturating_add(s.be32(at)?.into());
    }
    let span = sector(volume, superblock, group, 2)?;
    let s = span.structure("xfs AGI");
    s.must_have_magic(0, INODES_MAGIC)?;
    if superblock.features.is_v5() && !span.is_replayed {
        s.verify_checksum(INODES_CHECKSUM)?;
    }
    counts.inodes = counts.inodes.saturating_add(s.be32(16)?.into());
    counts.free_inodes = counts.free_inodes.saturating_add(s.be32(28)?.into());
    Ok(())
}

fn sector<'v>(
    volume: &'v Volume,
    superblock: &Superblock,
    group: u64,
    index: u64,
) -> Result<Span<'v>> {
    let start = volume.geometry.group_byte(group, 0, 1).unwrap_or(u64::MAX);
    let size = superblock.sector_size;
    let byte = start.saturating_add(size.saturating_mul(index));
    volume.span(byte, usize::try_from(size).unwrap_or_default())
}
