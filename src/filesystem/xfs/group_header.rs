//! The headers of the allocation groups: what they count, and what a mount checks of them (*XFS
//! Algorithms & Data Structures*, "AG Free Space Management", "AG Inode Management"; Linux
//! fs/xfs/libxfs: `xfs_agf_verify`, `xfs_agi_verify`).

use super::feature::ro_compat;
use super::superblock::{Counts, Superblock};
use super::volume::{Span, Volume};
use crate::error::{Error, Result};
use crate::filesystem::structure::Structure;

/// `XAGF`, in the second sector of a group, and `XAGI` in the third.
const FREE_SPACE_MAGIC: u32 = 0x5841_4746;
const INODES_MAGIC: u32 = 0x5841_4749;

/// Where their checksums stand.
const FREE_SPACE_CHECKSUM: usize = 216;
const INODES_CHECKSUM: usize = 312;

/// Where the identity stands in them.
const FREE_SPACE_UUID: usize = 64;
const INODES_UUID: usize = 296;

/// The only version of both (`XFS_AGF_VERSION`, `XFS_AGI_VERSION`).
const VERSION: u32 = 1;

/// Fewest blocks of a group (`XFS_MIN_AG_BLOCKS`).
const MIN_BLOCKS: u32 = 64;

/// Bytes before the list of free blocks in its sector in version 5 (`struct xfs_agfl`).
const FREE_LIST_HEADER: u64 = 36;

/// Bytes before the records of a block of a B+tree in a group: version 4, version 5
/// (`XFS_BTREE_SBLOCK_LEN`, `XFS_BTREE_SBLOCK_CRC_LEN`).
const TREE_HEADER: u64 = 16;
const TREE_HEADER_V5: u64 = 56;

/// Inodes that a record of the tree of inodes stands for, as a logarithm
/// (`XFS_INODES_PER_CHUNK_LOG`).
const CHUNK_LOG: u32 = 6;

/// Most levels of any tree of a group (`XFS_BTREE_MAXLEVELS`).
const MAX_LEVELS: u32 = 9;

/// Lists of unlinked inodes in a group (`XFS_AGI_UNLINKED_BUCKETS`), and the end of one.
const UNLINKED: usize = 64;
const NO_INODE: u32 = u32::MAX;

/// Most groups that are looked at: each costs two pages, and mkfs.xfs makes four by itself, more
/// only where the file system grew.
const MAX_GROUPS: u64 = 1 << 14;

/// Most damaged headers that are passed over; of a file system that is worth a look all are sound.
const MAX_DAMAGED: u32 = 64;

/// What the headers of all groups come to.
#[derive(Default)]
pub(super) struct Groups {
    /// The sums over all of them.
    counts: Counts,
    /// The first header that keeps the kernel from mounting, or from using what it mounted.
    pub(super) refusal: Option<Error>,
    /// The first that it finds only when it allocates there.
    pub(super) damage: Option<Error>,
    /// The bound at which the others were not looked at.
    pub(super) unchecked: Option<Error>,
    /// Headers that are one or the other.
    damaged: u32,
}

impl Groups {
    /// Reads them all. After a clean unmount the kernel looks at a header at the mount only when it
    /// keeps blocks of the group for trees of the newer features, and at the inodes of the group
    /// that the root directory is in (`xfs_ag_resv_init`, `xfs_imap`); else it counts what is free
    /// in all of them (`xfs_initialize_perag_data`).
    pub(super) fn read(volume: &Volume, superblock: &Superblock, is_clean: bool) -> Self {
        let mut all = Self::default();
        let geometry = &superblock.geometry;
        if geometry.group_count > MAX_GROUPS {
            all.unchecked = Some(bound(MAX_GROUPS, "groups"));
            return all;
        }
        let has = |bit| superblock.features.has_ro_compat(bit);
        let keeps_inodes = !is_clean || has(ro_compat::FINOBT);
        let keeps = keeps_inodes || has(ro_compat::RMAPBT) || has(ro_compat::REFLINK);
        for group in 0..geometry.group_count {
            let free = free_space(volume, superblock, group, &mut all.counts);
            all.note(free, keeps);
            let inodes = inodes(volume, superblock, group, &mut all.counts);
            all.note(inodes, keeps_inodes || geometry.group_of(superblock.root_inode) == group);
            // A superblock may promise groups that are not there: each costs two pages.
            if all.refusal.is_some() {
                break;
            }
            if all.damaged > MAX_DAMAGED {
                all.unchecked = Some(bound(MAX_DAMAGED.into(), "damaged headers"));
                break;
            }
        }
        all
    }

    fn note(&mut self, read: Result<()>, is_at_mount: bool) {
        let place = if is_at_mount { &mut self.refusal } else { &mut self.damage };
        if let Err(error) = read {
            place.get_or_insert(error);
            self.damaged = self.damaged.saturating_add(1);
        }
    }

    /// The sums, when all could be read.
    pub(super) fn counts(&self) -> Option<Counts> {
        self.unread().is_none().then_some(self.counts)
    }

    /// Why not all could be read.
    pub(super) fn unread(&self) -> Option<&Error> {
        self.refusal.as_ref().or(self.damage.as_ref()).or(self.unchecked.as_ref())
    }
}

fn bound(limit: u64, unit: &'static str) -> Error {
    Error::Limit { structure: "xfs allocation groups", limit, unit }
}

fn free_space(
    volume: &Volume,
    superblock: &Superblock,
    group: u64,
    counts: &mut Counts,
) -> Result<()> {
    let span = sector(volume, superblock, group, 1)?;
    let s = span.structure("xfs AGF");
    if superblock.features.is_v5() {
        verify(&s, superblock, FREE_SPACE_CHECKSUM, FREE_SPACE_UUID, span.is_replayed)?;
    }
    let length = belongs(&s, superblock, group, FREE_SPACE_MAGIC)?;
    let is_v5 = superblock.features.is_v5();
    let header = if is_v5 { FREE_LIST_HEADER } else { 0 };
    let places = superblock.sector_size.saturating_sub(header) / 4;
    for (at, most) in [(40, places.saturating_sub(1)), (44, places.saturating_sub(1)), (48, places)]
    {
        at_most(&s, at, most, "places in the list of free blocks")?;
    }
    at_most(&s, 52, length.into(), "free blocks")?;
    at_most(&s, 56, s.be32(52)?.into(), "free blocks together")?;
    // Records of 8 bytes, keys of 8 and pointers of 4; each other block may be free at most.
    let most = levels(superblock, 8, 12, superblock.geometry.group_blocks.div_ceil(2));
    for at in [28, 32] {
        has_levels(&s, at, most)?;
    }
    if superblock.features.counts_lazily() {
        at_most(&s, 60, length.into(), "blocks of the free-space trees")?;
    }
    if superblock.features.has_ro_compat(ro_compat::RMAPBT) {
        at_most(&s, 80, length.into(), "blocks of the tree of owners")?;
        has_levels(&s, 36, MAX_LEVELS)?;
    }
    if superblock.features.has_ro_compat(ro_compat::REFLINK) {
        at_most(&s, 84, length.into(), "blocks of the tree of references")?;
        has_levels(&s, 92, MAX_LEVELS)?;
    }
    // Free blocks, those that are kept for the free-space trees, and those trees' own
    // (`agf_freeblks`, `agf_flcount`, `agf_btreeblks`).
    for at in [52, 48, 60] {
        counts.free_blocks = counts.free_blocks.saturating_add(s.be32(at)?.into());
    }
    Ok(())
}

fn inodes(volume: &Volume, superblock: &Superblock, group: u64, counts: &mut Counts) -> Result<()> {
    let span = sector(volume, superblock, group, 2)?;
    let s = span.structure("xfs AGI");
    if superblock.features.is_v5() {
        verify(&s, superblock, INODES_CHECKSUM, INODES_UUID, span.is_replayed)?;
    }
    belongs(&s, superblock, group, INODES_MAGIC)?;
    // Records of 16 bytes, keys and pointers of 4.
    let geometry = &superblock.geometry;
    let numbers = geometry.first_inode(1, 0).checked_shr(CHUNK_LOG).unwrap_or(0);
    let most = levels(superblock, 16, 8, numbers);
    has_levels(&s, 24, most)?;
    if superblock.features.has_ro_compat(ro_compat::FINOBT) {
        has_levels(&s, 332, most)?;
    }
    for index in 0..UNLINKED {
        let at = index.saturating_mul(4).saturating_add(40);
        let number = s.be32(at)?;
        if number != NO_INODE && geometry.inode_byte(number.into()).is_none() {
            return Err(s.corrupt(at, "an inode of the group", number));
        }
    }
    counts.inodes = counts.inodes.saturating_add(s.be32(16)?.into());
    counts.free_inodes = counts.free_inodes.saturating_add(s.be32(28)?.into());
    Ok(())
}

/// Checksum and identity. The log does not keep the checksums of what it holds.
fn verify(
    s: &Structure<'_>,
    superblock: &Superblock,
    checksum: usize,
    uuid: usize,
    is_replayed: bool,
) -> Result<()> {
    if !is_replayed {
        s.verify_checksum(checksum)?;
    }
    if s.array(uuid)? != superblock.meta_uuid {
        return Err(s.corrupt(uuid, "the identity of this file system", "another"));
    }
    Ok(())
}

/// Magic, version, number and length of the group, which it gives (`xfs_validate_ag_length`).
fn belongs(s: &Structure<'_>, superblock: &Superblock, group: u64, magic: u32) -> Result<u32> {
    s.must_have_magic(0, magic)?;
    let (version, number, length) = (s.be32(4)?, s.be32(8)?, s.be32(12)?);
    if version != VERSION {
        return Err(s.corrupt(4, format!("version {VERSION}"), version));
    }
    if u64::from(number) != group {
        return Err(s.corrupt(8, format!("group {group}"), number));
    }
    let whole = superblock.geometry.group_blocks;
    let is_last = group.saturating_add(1) == superblock.geometry.group_count;
    let fits =
        u64::from(length) == whole || is_last && length >= MIN_BLOCKS && u64::from(length) < whole;
    if !fits {
        return Err(s.corrupt(12, format!("a group of {whole} blocks"), length));
    }
    Ok(length)
}

fn at_most(s: &Structure<'_>, at: usize, most: u64, what: &str) -> Result<()> {
    let found = s.be32(at)?;
    if u64::from(found) > most {
        return Err(s.corrupt(at, format!("at most {most} {what}"), found));
    }
    Ok(())
}

fn has_levels(s: &Structure<'_>, at: usize, most: u32) -> Result<()> {
    let found = s.be32(at)?;
    if !(1..=most).contains(&found) {
        return Err(s.corrupt(at, format!("1 to {most} levels of a tree"), found));
    }
    Ok(())
}

/// The levels of a tree of `records` records of so many bytes when each of its blocks is half full
/// (`xfs_btree_compute_maxlevels`); `entry` is the bytes of a key with its pointer.
fn levels(superblock: &Superblock, record: u64, entry: u64, records: u64) -> u32 {
    let header = if superblock.features.is_v5() { TREE_HEADER_V5 } else { TREE_HEADER };
    let room = superblock.geometry.block_size.saturating_sub(header);
    let half = |size: u64| (room.checked_div(size).unwrap_or(0) / 2).max(2);
    let mut blocks = records.div_ceil(half(record));
    let mut levels = 1_u32;
    while blocks > 1 {
        blocks = blocks.div_ceil(half(entry));
        levels = levels.saturating_add(1);
    }
    levels
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
