//! The superblock (*XFS Algorithms & Data Structures*, "Superblocks"): byte 0 of the volume.

use super::feature::{Features, features2, incompat, version};
use super::geometry::Geometry;
use crate::error::{Error, Result};
use crate::filesystem::structure::Structure;

/// Bytes of its fields, and the least size of a sector, which the superblock fills.
pub(super) const SUPERBLOCK_SIZE: usize = 512;

/// `XFSB`.
const MAGIC: u32 = 0x5846_5342;

/// Sizes of 2^9 to 2^16 bytes of a block, and to 2^15 of a sector (`XFS_MIN_BLOCKSIZE_LOG`, …).
const BLOCK_LOGS: std::ops::RangeInclusive<u32> = 9..=16;
const SECTOR_LOGS: std::ops::RangeInclusive<u32> = 9..=15;

/// Sizes of 2^8 to 2^11 bytes of an inode (`XFS_DINODE_MIN_LOG`, `XFS_DINODE_MAX_LOG`).
const INODE_LOGS: std::ops::RangeInclusive<u32> = 8..=11;

/// A group has fewer than 2^31 blocks: at most 1 TiB (`XFS_MAX_AG_BYTES`), in blocks of 512 bytes.
const MAX_GROUP_BLOCK_LOG: u32 = 31;

/// Where the checksum stands.
const CHECKSUM: usize = 224;

/// What is counted of blocks and inodes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) free_blocks: u64,
    /// Inodes that exist, in use or not.
    pub(super) inodes: u64,
    pub(super) free_inodes: u64,
}

/// What the superblock says.
#[derive(Debug, Clone)]
pub(super) struct Superblock {
    pub(super) features: Features,
    pub(super) geometry: Geometry,
    /// What each block of metadata must bear in version 5.
    pub(super) meta_uuid: [u8; 16],
    pub(super) uuid: [u8; 16],
    pub(super) root_inode: u64,
    /// Bytes of a sector: 512 to 32 KiB.
    pub(super) sector_size: u64,
    /// First block of the log; 0 when it is on another device.
    pub(super) log_start: u64,
    /// Blocks of the log.
    pub(super) log_blocks: u64,
    pub(super) counts: Counts,
    pub(super) realtime_blocks: u64,
    /// Why the kernel does not mount it although it can be read.
    pub(super) refusal: Option<Error>,
}

impl Superblock {
    /// The size of the sector that a superblock fills and its checksum covers.
    pub(super) fn sector_len(raw: &[u8; SUPERBLOCK_SIZE]) -> Result<usize> {
        let s = Structure::new("xfs superblock", 0, raw);
        s.must_have_magic(0, MAGIC)?;
        let log = power(&s, 121, SECTOR_LOGS, u32::from(s.be16(102)?))?;
        Ok(1_usize.checked_shl(log).unwrap_or_default())
    }

    /// `raw` is the whole sector. The checksum of a superblock that the log has changed says
    /// nothing.
    pub(super) fn parse(raw: &[u8], is_replayed: bool) -> Result<Self> {
        let s = Structure::new("xfs superblock", 0, raw);
        s.must_have_magic(0, MAGIC)?;
        let features = features(&s)?;
        if features.is_v5() && !is_replayed {
            s.verify_checksum(CHECKSUM)?;
        }
        let unread = features.unread();
        if !unread.is_empty() {
            let what = format!("the feature {}", unread.join(", "));
            return Err(Error::unsupported(s.name, 216, what));
        }
        if s.u8(126)? != 0 {
            return Err(s.corrupt(126, "a finished mkfs.xfs", "one in progress"));
        }
        let uuid = s.array(32)?;
        let has_meta_uuid = features.has_incompat(incompat::META_UUID);
        let geometry = geometry(&s)?;
        let root_inode = s.be64(56)?;
        if geometry.inode_byte(root_inode).is_none() {
            return Err(s.corrupt(56, "a root inode inside the volume", root_inode.to_string()));
        }
        Ok(Self {
            features,
            geometry,
            meta_uuid: if has_meta_uuid { s.array(248)? } else { uuid },
            uuid,
            root_inode,
            sector_size: u64::from(s.be16(102)?),
            log_start: s.be64(48)?,
            log_blocks: u64::from(s.be32(96)?),
            counts: Counts {
                free_blocks: s.be64(144)?,
                inodes: s.be64(128)?,
                free_inodes: s.be64(136)?,
            },
            realtime_blocks: s.be64(16)?,
            refusal: mountable(&s, features, &geometry).err(),
        })
    }
}

/// Quota flags that version 5 does not have (`XFS_OQUOTA_ENFD`, `XFS_OQUOTA_CHKD`).
const OLD_QUOTA: u16 = 0x30;

/// Bytes of an extent of a real-time device (`XFS_MIN_RTEXTSIZE`, `XFS_MAX_RTEXTSIZE`); the kernel
/// computes them in 32 bits.
const REALTIME_EXTENTS: std::ops::RangeInclusive<u32> = 4096..=1 << 30;

/// Inodes that are made together (`XFS_INODES_PER_CHUNK`).
const INODES_TOGETHER: u64 = 64;

/// What a mount asks of fields that nothing is read by (`xfs_validate_sb_common`). Not looked at is
/// what only the log's geometry and the newest features decide.
fn mountable(s: &Structure<'_>, features: Features, geometry: &Geometry) -> Result<()> {
    for (at, what) in [(16, "blocks"), (24, "extents"), (152, "free extents")] {
        let found = s.be64(at)?;
        if found != 0 {
            return Err(s.corrupt(at, format!("no {what} of a real-time device"), found));
        }
    }
    let block = geometry.block_size;
    for (at, found, is_sound, expected) in [
        (92, u64::from(s.be32(92)?), s.be32(92)? == 0, "no bitmap of a real-time device"),
        (125, s.u8(125)?.into(), s.u8(125)? == 0, "no extents of a real-time device"),
        (
            80,
            s.be32(80)?.into(),
            REALTIME_EXTENTS.contains(&s.be32(80)?.wrapping_mul(s.be32(4)?)),
            "extents of 4 KiB to 1 GiB on a real-time device",
        ),
        (
            106,
            s.be16(106)?.into(),
            u64::from(s.be16(106)?).saturating_mul(inode_size(geometry)) == block,
            "as many inodes as a block holds",
        ),
        (127, s.u8(127)?.into(), s.u8(127)? <= 100, "at most 100 percent for inodes"),
        (179, s.u8(179)?.into(), s.u8(179)? == 0, "no shared version"),
    ] {
        if !is_sound {
            return Err(s.corrupt(at, expected, found));
        }
    }
    if features.is_v5() && s.be16(176)? & OLD_QUOTA != 0 {
        return Err(s.corrupt(176, "no quota flags of version 4", s.be16(176)?));
    }
    if features.has_incompat(incompat::SPARSE_INODES) {
        let together = INODES_TOGETHER.saturating_mul(inode_size(geometry));
        let blocks = together.checked_div(block).unwrap_or(0);
        if u64::from(s.be32(180)?) != blocks {
            return Err(s.corrupt(180, format!("inodes aligned to {blocks} blocks"), s.be32(180)?));
        }
    }
    let (unit, width) = (s.be32(184)?, s.be32(188)?);
    let is_whole = width.checked_rem(unit).map_or(width == 0, |rest| rest == 0 && width > 0);
    if (unit != 0) != (features.version & version::STRIPES != 0) || !is_whole {
        let found = format!("{unit} and {width} blocks");
        return Err(s.corrupt(184, "a stripe unit and a width made of whole ones", found));
    }
    Ok(())
}

fn inode_size(geometry: &Geometry) -> u64 {
    u64::try_from(geometry.inode_len()).unwrap_or(u64::MAX)
}

fn features(s: &Structure<'_>) -> Result<Features> {
    let word = s.be16(100)?;
    let number = word & version::NUMBER;
    if !(4..=5).contains(&number) || word & version::DIRECTORY_V2 == 0 {
        let what = format!("version {number} with directories of version 1");
        let what = if number < 4 { format!("version {number}") } else { what };
        return Err(Error::unsupported(s.name, 100, what));
    }
    let is_v5 = number == 5;
    let has_more = word & version::MORE_BITS != 0;
    let v5 = |at| if is_v5 { s.be32(at) } else { Ok(0) };
    let mut features2 = if has_more { s.be32(200)? } else { 0 };
    if is_v5 {
        // There the incompatible feature counts alone (`xfs_has_ftype`).
        features2 &= !features2::FTYPE;
    }
    Ok(Features {
        version: word,
        features2,
        ro_compat: v5(212)?,
        incompat: v5(216)?,
        log_incompat: v5(220)?,
    })
}

fn geometry(s: &Structure<'_>) -> Result<Geometry> {
    let block_log = power(s, 120, BLOCK_LOGS, s.be32(4)?)?;
    let inode_log = power(s, 122, INODE_LOGS, u32::from(s.be16(104)?))?;
    let block_size = u64::from(s.be32(4)?);
    if inode_log > block_log || u32::from(s.u8(123)?) != block_log.saturating_sub(inode_log) {
        return Err(s.corrupt(123, "whole inodes in a block", s.u8(123)?.to_string()));
    }
    let directory_log = u32::from(s.u8(192)?);
    if directory_log.saturating_add(block_log) > *BLOCK_LOGS.end() {
        let found = format!("2^{directory_log} blocks");
        return Err(s.corrupt(192, "a directory block of at most 64 KiB", found));
    }
    let group_blocks = s.be32(84)?;
    let group_count = s.be32(88)?;
    let group_block_log = u32::from(s.u8(124)?);
    // The smallest power of two that holds the number of every block of a group.
    let needed = u32::BITS.saturating_sub(group_blocks.saturating_sub(1).leading_zeros());
    if group_blocks == 0 || group_block_log != needed || needed > MAX_GROUP_BLOCK_LOG {
        let expected = format!("{needed} bits for {group_blocks} blocks, at most 31");
        return Err(s.corrupt(124, expected, group_block_log.to_string()));
    }
    let block_count = s.be64(8)?;
    let whole = u64::from(group_blocks).saturating_mul(u64::from(group_count));
    let before_last = whole.saturating_sub(u64::from(group_blocks));
    if block_count > whole || block_count <= before_last {
        let expected = format!("{group_count} groups of {group_blocks} blocks");
        return Err(s.corrupt(8, expected, format!("{block_count} blocks")));
    }
    Ok(Geometry {
        block_size,
        block_log,
        block_count,
        group_count: group_count.into(),
        group_blocks: group_blocks.into(),
        group_block_log,
        inode_log,
        directory_log,
    })
}

/// A size and its base-2 logarithm, which stands at byte `at`; gives the logarithm.
fn power(
    s: &Structure<'_>,
    at: usize,
    range: std::ops::RangeInclusive<u32>,
    size: u32,
) -> Result<u32> {
    let log = u32::from(s.u8(at)?);
    if !range.contains(&log) || 1_u32.checked_shl(log) != Some(size) {
        let expected = format!("the logarithm of a size of 2^{range:?} bytes");
        return Err(s.corrupt(at, expected, format!("{log} for {size} bytes")));
    }
    Ok(log)
}
