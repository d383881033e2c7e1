//! Inodes (*XFS Algorithms & Data Structures*, "On-disk Inode").

use std::borrow::Cow;

use super::superblock::Superblock;
use super::volume::Volume;
use crate::error::{Error, Result};
use crate::filesystem::FileType;
use crate::filesystem::structure::Structure;

/// `IN`.
const MAGIC: u16 = 0x494E;

/// `di_flags`: the content lies on the real-time device.
const FLAG_REALTIME: u16 = 0x1;

/// `di_flags2`.
const FLAG2_BIGTIME: u64 = 0x8;
const FLAG2_NREXT64: u64 = 0x10;

/// Bytes before the data fork in versions 1 and 2, and in version 3.
const CORE_SIZE: usize = 100;
const CORE_SIZE_V3: usize = 176;

/// Where the checksum of version 3 stands.
pub(super) const CHECKSUM: usize = 100;

/// Big timestamps count nanoseconds from the least time that 32 bits of seconds had
/// (`XFS_BIGTIME_EPOCH_OFFSET`).
const BIGTIME_EPOCH: i64 = 1 << 31;
const NANOSECONDS: u64 = 1_000_000_000;

/// How the data fork keeps what it keeps (`di_format`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    /// A device number.
    Device,
    /// The content itself.
    Local,
    /// A list of extents.
    Extents,
    /// The root of a B+tree of extents.
    Btree,
}

/// An inode that is in use.
#[derive(Debug, Clone)]
pub(super) struct Inode<'v> {
    pub(super) number: u64,
    /// The byte of the volume where it lies.
    pub(super) offset: u64,
    pub(super) file_type: FileType,
    pub(super) mode: u16,
    pub(super) uid: u32,
    pub(super) gid: u32,
    pub(super) links: u32,
    pub(super) size: u64,
    pub(super) mtime: i64,
    pub(super) format: Format,
    /// Number of extents of the data fork.
    pub(super) extents: u64,
    is_realtime: bool,
    raw: Cow<'v, [u8]>,
    /// Where the data fork starts and ends in `raw`.
    fork: std::ops::Range<usize>,
}

impl<'v> Inode<'v> {
    /// The inode of that number.
    ///
    /// # Errors
    /// [`Error::Corrupt`] when there is no such inode, it is not in use, or its checksum is wrong.
    pub(super) fn read(volume: &'v Volume, superblock: &Superblock, number: u64) -> Result<Self> {
        let byte = volume.geometry.inode_byte(number).ok_or_else(|| {
            Error::corrupt("xfs inode", 0, "an inode number inside the volume", number.to_string())
        })?;
        let span = volume.span(byte, volume.geometry.inode_len())?;
        let s = span.structure("xfs inode");
        if s.be16(0)? != MAGIC {
            let found = format!("inode {number}: {:#06x}", s.be16(0)?);
            return Err(s.corrupt(0, format!("magic {MAGIC:#06x}"), found));
        }
        let version = s.u8(4)?;
        if (version == 3) != superblock.features.is_v5() || !(1..=3).contains(&version) {
            let expected = if superblock.features.is_v5() { "version 3" } else { "version 1 or 2" };
            return Err(s.corrupt(4, expected, format!("inode {number}: {version}")));
        }
        if version == 3 {
            verify(&s, superblock, number, span.is_replayed)?;
        }
        let mode = s.be16(2)?;
        let Some(file_type) = FileType::from_mode(mode) else {
            let found = format!("inode {number} with mode {mode:#o}");
            return Err(s.corrupt(2, "an inode in use with a file type", found));
        };
        let flags2 = if version == 3 { s.be64(120)? } else { 0 };
        let extents =
            if flags2 & FLAG2_NREXT64 != 0 { s.be64(24)? } else { u64::from(s.be32(76)?) };
        let size = s.be64(56)?;
        if size > i64::MAX.unsigned_abs() {
            return Err(s.corrupt(56, "a size below 2^63", format!("inode {number}: {size}")));
        }
        Ok(Self {
            number,
            offset: byte,
            file_type,
            mode: mode & 0o7777,
            uid: s.be32(8)?,
            gid: s.be32(12)?,
            links: if version == 1 { u32::from(s.be16(6)?) } else { s.be32(16)? },
            size,
            mtime: mtime(&s, flags2)?,
            format: format(&s, file_type, number)?,
            extents,
            is_realtime: s.be16(90)? & FLAG_REALTIME != 0,
            fork: fork(&s, if version == 3 { CORE_SIZE_V3 } else { CORE_SIZE })?,
            raw: span.raw,
        })
    }

    /// The data fork.
    pub(super) fn fork(&self) -> Structure<'_> {
        let raw = self.raw.get(self.fork.clone()).unwrap_or_default();
        let start = u64::try_from(self.fork.start).unwrap_or(u64::MAX);
        Structure::new("xfs data fork", self.offset.saturating_add(start), raw)
    }

    /// The content that lies in the inode itself.
    pub(super) fn local(&self) -> Result<Structure<'_>> {
        let fork = self.fork();
        let len = usize::try_from(self.size).unwrap_or(usize::MAX);
        if len > fork.raw.len() {
            let expected = format!("content of at most {} bytes", fork.raw.len());
            return Err(self.corrupt(expected, self.size));
        }
        Ok(Structure { raw: fork.bytes(0, len)?, ..fork })
    }

    /// An error about this inode.
    pub(super) fn corrupt(
        &self,
        expected: impl Into<String>,
        found: impl std::fmt::Display,
    ) -> Error {
        let found = format!("inode {}: {found}", self.number);
        Error::corrupt("xfs inode", self.offset, expected, found)
    }

    /// Fails for content that lies on the real-time device.
    pub(super) fn must_be_on_data_device(&self) -> Result<()> {
        if self.is_realtime {
            let what = format!("the content of inode {} on the real-time device", self.number);
            return Err(Error::unsupported("xfs inode", self.offset, what));
        }
        Ok(())
    }
}

/// Version 3 tells what it is (*XFS Algorithms & Data Structures*, "Inode Core": `di_crc`,
/// `di_ino`, `di_uuid`).
fn verify(
    s: &Structure<'_>,
    superblock: &Superblock,
    number: u64,
    is_replayed: bool,
) -> Result<()> {
    if !is_replayed {
        s.verify_checksum(CHECKSUM)?;
    }
    let found = s.be64(152)?;
    if found != number {
        return Err(s.corrupt(152, format!("inode {number}"), found.to_string()));
    }
    if s.array::<16>(160)? != superblock.meta_uuid {
        return Err(s.corrupt(160, "the file system's UUID", format!("inode {number}: another")));
    }
    Ok(())
}

fn format(s: &Structure<'_>, file_type: FileType, number: u64) -> Result<Format> {
    let stored = s.u8(5)?;
    let format = match (stored, file_type) {
        (0, FileType::CharDevice | FileType::BlockDevice | FileType::Fifo | FileType::Socket) => {
            Format::Device
        }
        (1, FileType::Directory | FileType::Symlink) => Format::Local,
        (2, FileType::Regular | FileType::Directory | FileType::Symlink) => Format::Extents,
        (3, FileType::Regular | FileType::Directory) => Format::Btree,
        _ => {
            let expected = format!("a data fork as {file_type:?} may have");
            return Err(s.corrupt(5, expected, format!("inode {number}: format {stored}")));
        }
    };
    Ok(format)
}

/// The data fork goes from the core to the attribute fork, at `di_forkoff` times 8 bytes behind the
/// core, or to the end.
fn fork(s: &Structure<'_>, core: usize) -> Result<std::ops::Range<usize>> {
    let offset = usize::from(s.u8(82)?).saturating_mul(8);
    let end = if offset == 0 { s.raw.len() } else { core.saturating_add(offset) };
    if end > s.raw.len() {
        let expected = format!("a fork that ends within {} bytes", s.raw.len());
        return Err(s.corrupt(82, expected, end.to_string()));
    }
    Ok(core..end)
}

/// Seconds are signed 32 bits, or, in inodes with `bigtime`, nanoseconds since 1901 in 64
/// (*XFS Algorithms & Data Structures*, "Timestamps").
fn mtime(s: &Structure<'_>, flags2: u64) -> Result<i64> {
    if flags2 & FLAG2_BIGTIME == 0 {
        return s.array(40).map(|seconds| i64::from(i32::from_be_bytes(seconds)));
    }
    let seconds = i64::try_from(s.be64(40)? / NANOSECONDS).unwrap_or(i64::MAX);
    Ok(seconds.saturating_sub(BIGTIME_EPOCH))
}
