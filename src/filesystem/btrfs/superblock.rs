//! The superblock (Btrfs on-disk format, "Superblock").

use std::ops::RangeInclusive;

use super::checksum::ChecksumType;
use super::feature::{self, incompat};
use crate::bytes::{Bytes, BytesExt};
use crate::error::{Error, Result};
use crate::filesystem::structure::Structure;

/// Where the superblock lies, and its copies on volumes that are big enough.
pub(super) const OFFSETS: [u64; 3] = [64 << 10, 64 << 20, 256 << 30];

pub(super) const SUPERBLOCK_SIZE: usize = 4096;

const MAGIC: &[u8; 8] = b"_BHRfS_M";

const NAME: &str = "btrfs superblock";

/// What sectors and nodes may measure (`btrfs_validate_super`).
const SIZES: RangeInclusive<u32> = 4096..=65536;

/// Levels of a tree (`BTRFS_MAX_LEVEL`): with the smallest nodes, 121^8 items.
pub(super) const MAX_LEVEL: u8 = 8;

/// `BTRFS_SYSTEM_CHUNK_ARRAY_SIZE`.
const MAX_SYSTEM_CHUNKS: u32 = 2048;

/// Byte of the superblock at which the system chunks stand.
pub(super) const SYSTEM_CHUNKS: usize = 0x32B;

/// Bits of `flags`.
mod flag {
    pub(super) const ERROR: u64 = 1 << 2;
    pub(super) const SEEDING: u64 = 1 << 32;
    pub(super) const METADUMP: u64 = 1 << 33;
    pub(super) const METADUMP_V2: u64 = 1 << 34;
    /// The identity, the block groups or the checksums are being rewritten.
    pub(super) const CHANGING: u64 = 1 << 35 | 1 << 36 | 1 << 38 | 1 << 39 | 1 << 40;
}

/// A device of the file system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Device {
    pub(super) id: u64,
    pub(super) uuid: [u8; 16],
}

/// Where the root of a tree lies.
#[derive(Debug, Clone, Copy)]
pub(super) struct RootPointer {
    pub(super) logical: u64,
    pub(super) level: u8,
    pub(super) generation: u64,
}

/// A superblock that contradicts nothing.
pub(super) struct Superblock {
    pub(super) offset: u64,
    pub(super) checksum: ChecksumType,
    pub(super) fsid: [u8; 16],
    /// The identity that stands in every node.
    pub(super) metadata_uuid: [u8; 16],
    pub(super) generation: u64,
    pub(super) root: RootPointer,
    pub(super) chunk_root: RootPointer,
    /// The tree of log trees; none when there is nothing to replay.
    pub(super) log_root: Option<RootPointer>,
    pub(super) total_bytes: u64,
    pub(super) bytes_used: u64,
    pub(super) root_dir: u64,
    pub(super) devices: u64,
    pub(super) sector_size: u32,
    pub(super) node_size: u32,
    pub(super) device: Device,
    pub(super) device_bytes: u64,
    pub(super) label: String,
    pub(super) features: Vec<String>,
    pub(super) has_errors: bool,
    pub(super) seeding: bool,
    /// Keys and chunk items, one behind the other.
    pub(super) system_chunks: Vec<u8>,
}

impl Superblock {
    /// The superblock that counts, and why the primary one does not when it is a copy.
    ///
    /// A mount looks at the primary one alone. When that is damaged, the newest of the copies says
    /// what was there.
    pub(super) fn read(bytes: &dyn Bytes) -> Result<(Self, Option<Error>)> {
        let [primary, copies @ ..] = OFFSETS;
        let error = match Self::read_at(bytes, primary) {
            Ok(superblock) => return Ok((superblock, None)),
            // A copy would say the same.
            Err(error @ Error::Unsupported { .. }) => return Err(error),
            Err(error) => error,
        };
        let newest = copies
            .into_iter()
            .filter_map(|offset| Self::read_at(bytes, offset).ok())
            .max_by_key(|superblock| superblock.generation);
        match newest {
            Some(superblock) => Ok((superblock, Some(error))),
            None => Err(error),
        }
    }

    fn read_at(bytes: &dyn Bytes, offset: u64) -> Result<Self> {
        Self::parse(&bytes.array::<SUPERBLOCK_SIZE>(offset)?, offset)
    }

    /// The superblock in `raw`, which was read at `offset`.
    pub(super) fn parse(raw: &[u8], offset: u64) -> Result<Self> {
        let s = Structure::new(NAME, offset, raw);
        let magic = s.array::<8>(0x40)?;
        if &magic != MAGIC {
            let found = String::from_utf8_lossy(&magic).into_owned();
            return Err(s.corrupt(0x40, "the magic _BHRfS_M", format!("{found:?}")));
        }
        let number = s.u16(0xC4)?;
        let checksum = ChecksumType::from_number(number)
            .ok_or_else(|| s.unsupported(0xC4, format!("the checksum type {number}")))?;
        checksum.verify(&s)?;
        let own_offset = s.u64(0x30)?;
        if own_offset != offset {
            return Err(s.corrupt(0x30, format!("its own place {offset}"), own_offset));
        }
        let flags = s.u64(0x38)?;
        if flags & (flag::METADUMP | flag::METADUMP_V2) != 0 {
            return Err(s.unsupported(0x38, "a dump of metadata alone"));
        }
        if flags & flag::CHANGING != 0 {
            return Err(s.unsupported(0x38, "a conversion that did not end"));
        }
        let incompat_flags = s.u64(0xBC)?;
        feature::check(&s, 0xBC, incompat_flags)?;
        let fsid = s.array(0x20)?;
        let has_own_uuid = incompat_flags & incompat::METADATA_UUID != 0;
        let sector_size = size(&s, 0x90, *SIZES.start())?;
        let generation = s.u64(0x48)?;
        let devices = s.u64(0x88)?;
        if devices == 0 {
            return Err(s.corrupt(0x88, "at least one device", devices));
        }
        let array_size = s.u32(0xA0)?;
        if array_size > MAX_SYSTEM_CHUNKS {
            let expected = format!("at most {MAX_SYSTEM_CHUNKS} bytes of system chunks");
            return Err(s.corrupt(0xA0, expected, array_size));
        }
        let array_size = usize::try_from(array_size).unwrap_or(usize::MAX);
        let label = s.array::<256>(0x12B)?;
        let label = label.split(|byte| *byte == 0).next().unwrap_or_default();
        Ok(Self {
            offset,
            checksum,
            fsid,
            metadata_uuid: if has_own_uuid { s.array(0x23B)? } else { fsid },
            generation,
            root: RootPointer { logical: s.u64(0x50)?, level: level(&s, 0xC6)?, generation },
            chunk_root: RootPointer {
                logical: s.u64(0x58)?,
                level: level(&s, 0xC7)?,
                generation: s.u64(0xA4)?,
            },
            log_root: log_root(&s, generation)?,
            total_bytes: s.u64(0x70)?,
            bytes_used: s.u64(0x78)?,
            root_dir: s.u64(0x80)?,
            devices,
            sector_size,
            node_size: size(&s, 0x94, sector_size)?,
            device: Device { id: s.u64(0xC9)?, uuid: s.array(0xC9 + 66)? },
            device_bytes: s.u64(0xC9 + 8)?,
            label: String::from_utf8_lossy(label).into_owned(),
            features: feature::names(incompat_flags, s.u64(0xB4)?),
            has_errors: flags & flag::ERROR != 0,
            seeding: flags & flag::SEEDING != 0,
            system_chunks: s.bytes(SYSTEM_CHUNKS, array_size)?.to_vec(),
        })
    }
}

/// A size of sectors or nodes.
fn size(s: &Structure<'_>, at: usize, least: u32) -> Result<u32> {
    let size = s.u32(at)?;
    if !size.is_power_of_two() || !SIZES.contains(&size) || size < least {
        let expected = format!("a power of two from {least} to {}", SIZES.end());
        return Err(s.corrupt(at, expected, size));
    }
    Ok(size)
}

/// The tree of log trees. It belongs to the transaction behind the last one that was committed
/// (`btrfs_replay_log`).
fn log_root(s: &Structure<'_>, generation: u64) -> Result<Option<RootPointer>> {
    let (logical, level) = (s.u64(0x60)?, level(s, 0xC8)?);
    let generation = generation.saturating_add(1);
    Ok((logical != 0).then_some(RootPointer { logical, level, generation }))
}

/// The level of a root.
fn level(s: &Structure<'_>, at: usize) -> Result<u8> {
    let level = s.u8(at)?;
    if level >= MAX_LEVEL {
        return Err(s.corrupt(at, format!("a level below {MAX_LEVEL}"), level));
    }
    Ok(level)
}
