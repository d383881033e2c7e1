//! Inodes (Linux Documentation/filesystems/ext4/inodes.rst).

use std::borrow::Cow;

use super::checksum::crc32c;
use super::feature::incompat;
use super::group_descriptor::GroupDescriptor;
use super::superblock::{OLD_INODE_SIZE, Superblock};
use super::volume::Volume;
use crate::error::{Error, Result};
use crate::filesystem::FileType;
use crate::filesystem::structure::{Structure, join};

/// `i_flags`.
pub(super) mod flag {
    pub(in super::super) const ENCRYPT: u32 = 0x800;
    pub(in super::super) const INDEX: u32 = 0x1000;
    pub(in super::super) const EXTENTS: u32 = 0x8_0000;
    pub(in super::super) const INLINE_DATA: u32 = 0x1000_0000;
    pub(in super::super) const CASEFOLD: u32 = 0x4000_0000;
}

/// Bytes of `i_block`.
pub(super) const I_BLOCK_LEN: usize = 60;

/// Bytes of the part behind the first 128 that hold `i_checksum_hi`, and `i_mtime_extra`.
const EXTRA_WITH_CHECKSUM: usize = 4;
const EXTRA_WITH_MTIME: usize = 12;

/// An inode that is in use.
#[derive(Debug, Clone)]
pub(super) struct Inode {
    pub(super) number: u32,
    /// The byte of the volume where it lies.
    pub(super) offset: u64,
    pub(super) file_type: FileType,
    pub(super) mode: u16,
    pub(super) uid: u32,
    pub(super) gid: u32,
    pub(super) links: u32,
    pub(super) size: u64,
    pub(super) mtime: i64,
    pub(super) flags: u32,
    /// The map of the blocks, or content.
    pub(super) block: [u8; I_BLOCK_LEN],
    /// Where the checksums of everything that belongs to it start; `None` without `metadata_csum`.
    pub(super) checksum_seed: Option<u32>,
}

impl Inode {
    /// The inode of that number.
    ///
    /// # Errors
    /// [`Error::Corrupt`] when there is no such inode, it is not in use, or its checksum is wrong.
    pub(super) fn read(volume: &Volume, superblock: &Superblock, number: u64) -> Result<Self> {
        let (number, offset, raw) = raw_inode(volume, superblock, number)?;
        let s = Structure::new("ext inode", offset, &raw);
        let checksum_seed = match superblock.checksum_seed {
            Some(seed) => Some(verify(&s, seed, number, extra_size(&s)?)?),
            None => None,
        };
        Self::parse(superblock, number, &s, checksum_seed)
    }

    /// The inode of that number with the bytes that a fast commit left, which have no checksum.
    pub(super) fn committed(
        volume: &Volume,
        superblock: &Superblock,
        number: u64,
        raw: &[u8],
    ) -> Result<Self> {
        let (number, offset, _) = raw_inode(volume, superblock, number)?;
        let s = Structure::new("ext inode", offset, raw);
        let seed = superblock.checksum_seed.map(|seed| seed_of(&s, seed, number)).transpose()?;
        Self::parse(superblock, number, &s, seed)
    }

    fn parse(
        superblock: &Superblock,
        number: u32,
        s: &Structure<'_>,
        checksum_seed: Option<u32>,
    ) -> Result<Self> {
        let mode = s.u16(0x0)?;
        let Some(file_type) = FileType::from_mode(mode) else {
            let what = "an inode in use with a file type";
            return Err(s.corrupt(0x0, what, format!("inode {number} with mode {mode:#o}")));
        };
        // The upper half was once the ACL of a directory (`i_dir_acl`).
        let has_high =
            file_type == FileType::Regular || superblock.features.has_incompat(incompat::LARGE_DIR);
        let size = join(s.u32(0x4)?, if has_high { s.u32(0x6C)? } else { 0 });
        Ok(Self {
            number,
            offset: s.offset,
            file_type,
            mode: mode & 0o7777,
            uid: u32::from(s.u16(0x78)?) << 16 | u32::from(s.u16(0x2)?),
            gid: u32::from(s.u16(0x7A)?) << 16 | u32::from(s.u16(0x18)?),
            links: u32::from(s.u16(0x1A)?),
            size,
            mtime: mtime(s, extra_size(s)?)?,
            flags: s.u32(0x20)?,
            block: s.array(0x28)?,
            checksum_seed,
        })
    }

    pub(super) fn has(&self, flag: u32) -> bool {
        self.flags & flag != 0
    }

    /// An error about this inode.
    pub(super) fn corrupt(
        &self,
        expected: impl Into<String>,
        found: impl std::fmt::Display,
    ) -> Error {
        Error::corrupt(
            "ext inode",
            self.offset,
            expected,
            format!("inode {}: {found}", self.number),
        )
    }

    /// What of this inode is not read.
    pub(super) fn unsupported(&self, what: &str) -> Error {
        let what = format!("{what} (inode {})", self.number);
        Error::unsupported("ext inode", self.offset, what)
    }

    /// Fails for what fscrypt has encrypted.
    pub(super) fn must_be_plain(&self) -> Result<()> {
        if self.has(flag::ENCRYPT) {
            return Err(self.unsupported("encrypted content"));
        }
        Ok(())
    }
}

/// Overwrites a part of an inode's bytes; nothing when there is no room for it.
pub(super) fn put(raw: &mut [u8], at: usize, part: &[u8]) {
    if let Some(place) = raw.get_mut(at..at.saturating_add(part.len())) {
        place.copy_from_slice(part);
    }
}

/// The bytes of an inode, with its number and its place in the volume.
pub(super) fn raw_inode<'v>(
    volume: &'v Volume,
    superblock: &Superblock,
    number: u64,
) -> Result<(u32, u64, Cow<'v, [u8]>)> {
    let (Ok(small), Some(index)) = (u32::try_from(number), number.checked_sub(1)) else {
        return Err(no_such_inode(superblock, number));
    };
    if small > superblock.inode_count {
        return Err(no_such_inode(superblock, number));
    }
    let per_group = superblock.inodes_per_group;
    let group = GroupDescriptor::read(volume, superblock, index / per_group)?;
    let size = u64::try_from(superblock.inode_size).unwrap_or(u64::MAX);
    let byte = (index % per_group).saturating_mul(size);
    let (table_block, within) = volume.split(byte);
    let block = group.inode_table.saturating_add(table_block);
    let raw = volume.span(block, within, superblock.inode_size)?;
    Ok((small, volume.byte(block).saturating_add(within), raw))
}

fn no_such_inode(superblock: &Superblock, number: u64) -> Error {
    let expected = format!("an inode number from 1 to {}", superblock.inode_count);
    Error::corrupt("ext inode", 0, expected, number.to_string())
}

/// Bytes of fields behind the first 128; attributes follow them.
pub(super) fn extra_size(s: &Structure<'_>) -> Result<usize> {
    let room = s.raw.len().saturating_sub(OLD_INODE_SIZE);
    if room == 0 {
        return Ok(0);
    }
    let extra = usize::from(s.u16(0x80)?);
    if extra > room || !extra.is_multiple_of(4) {
        let expected = format!("i_extra_isize, a multiple of 4 up to {room}");
        return Err(s.corrupt(0x80, expected, extra.to_string()));
    }
    Ok(extra)
}

/// Verifies the checksum and gives the seed for what belongs to the inode (checksums.rst): the
/// number and the generation go before the inode, the two halves of the checksum count as zeros.
fn verify(s: &Structure<'_>, seed: u32, number: u32, extra: usize) -> Result<u32> {
    let seed = seed_of(s, seed, number)?;
    let mut sum = crc32c(seed, s.bytes(0, 0x7C)?);
    sum = crc32c(sum, &[0; 2]);
    sum = crc32c(sum, s.bytes(0x7E, 2)?);
    let mut stored = u32::from(s.u16(0x7C)?);
    let mut mask = 0xFFFF;
    if s.raw.len() > OLD_INODE_SIZE {
        sum = crc32c(sum, s.bytes(0x80, 2)?);
        if extra >= EXTRA_WITH_CHECKSUM {
            stored |= u32::from(s.u16(0x82)?) << 16;
            mask = u32::MAX;
            sum = crc32c(sum, &[0; 2]);
        } else {
            sum = crc32c(sum, s.bytes(0x82, 2)?);
        }
        sum = crc32c(sum, s.raw.get(0x84..).unwrap_or_default());
    }
    let computed = sum & mask;
    if !crate::checksum::holds(stored, computed) {
        return Err(s.corrupt(
            0x7C,
            format!("checksum {computed:#010x}"),
            format!("inode {number}: {stored:#010x}"),
        ));
    }
    Ok(seed)
}

/// The seed for what belongs to the inode.
fn seed_of(s: &Structure<'_>, seed: u32, number: u32) -> Result<u32> {
    Ok(crc32c(crc32c(seed, &number.to_le_bytes()), s.bytes(0x64, 4)?))
}

/// Seconds are signed 32 bits; two more bits of `i_mtime_extra` count epochs of 2^32 seconds
/// (inodes.rst, "Inode Timestamps").
fn mtime(s: &Structure<'_>, extra: usize) -> Result<i64> {
    let seconds = i64::from(i32::from_le_bytes(s.array(0x10)?));
    if extra < EXTRA_WITH_MTIME {
        return Ok(seconds);
    }
    let epoch = i64::from(s.u32(0x88)? & 3);
    Ok(seconds.saturating_add(epoch << 32))
}
