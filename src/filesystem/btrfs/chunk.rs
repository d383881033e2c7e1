//! Chunks: where logical addresses lie on devices (Btrfs on-disk format, "Chunk tree").

use super::device::Devices;
use super::key::{KEY_SIZE, item};
use super::superblock::Device;
use crate::error::{Error, Result};
use crate::filesystem::structure::Structure;

/// Bytes of a chunk item before its stripes, and of a stripe.
const CHUNK_HEADER: usize = 48;
const STRIPE_SIZE: usize = 32;

/// Bytes that lie on one device before the next one follows (`BTRFS_STRIPE_LEN`).
const STRIPE_LEN: u64 = 64 << 10;

/// Most chunks of a file system: 64 TiB in chunks of 1 GiB, as they are on disks of that size.
const MAX_CHUNKS: usize = 1 << 16;

/// Most stripes of all chunks together, which bounds what the map takes (4 MiB).
const MAX_STRIPES: usize = 1 << 18;

const NAME: &str = "btrfs chunk item";

/// How the stripes of a chunk make up its bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Profile {
    /// Each stripe is a copy: single, DUP, RAID1, RAID1C3, RAID1C4.
    Copies,
    /// Stripe after stripe, each in so many copies: RAID0, RAID10.
    Striped { copies: u64 },
    /// Not read.
    Parity(&'static str),
}

/// Where a copy begins.
#[derive(Debug, Clone, Copy)]
struct Stripe {
    /// The index of the device; the number of one that is not here.
    device: std::result::Result<usize, u64>,
    physical: u64,
}

/// Logical addresses that lie together.
#[derive(Debug, Clone)]
pub(super) struct Chunk {
    logical: u64,
    len: u64,
    profile: Profile,
    stripes: Vec<Stripe>,
}

/// Bytes of a copy that lie together on one device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Piece {
    /// Which of the devices that are here.
    pub(super) device: usize,
    /// Where, in bytes of the device.
    pub(super) physical: u64,
    /// How many bytes from there on.
    pub(super) len: u64,
}

impl Chunk {
    /// Reads the chunk item at the beginning of `s`, whose key's offset is `logical`.
    fn parse(s: &Structure<'_>, logical: u64, devices: &Devices) -> Result<Self> {
        let len = s.u64(0)?;
        if len == 0 || logical.checked_add(len).is_none() {
            return Err(s.corrupt(0, "a length that ends below 2^64", len));
        }
        let stripe_len = s.u64(16)?;
        if stripe_len != STRIPE_LEN {
            return Err(s.corrupt(16, format!("stripes of {STRIPE_LEN} bytes"), stripe_len));
        }
        let count = s.u16(44)?;
        let profile = profile(s, count)?;
        let mut stripes = Vec::with_capacity(usize::from(count));
        for index in 0..usize::from(count) {
            let at = CHUNK_HEADER.saturating_add(index.saturating_mul(STRIPE_SIZE));
            let device = Device { id: s.u64(at)?, uuid: s.array(at.saturating_add(16))? };
            let physical = s.u64(at.saturating_add(8))?;
            stripes.push(Stripe { device: devices.index(&device).ok_or(device.id), physical });
        }
        Ok(Self { logical, len, profile, stripes })
    }

    /// Bytes of the item.
    fn size(&self) -> usize {
        CHUNK_HEADER.saturating_add(self.stripes.len().saturating_mul(STRIPE_SIZE))
    }

    fn end(&self) -> u64 {
        self.logical.saturating_add(self.len)
    }

    /// How many copies there are of each byte.
    pub(super) fn copies(&self) -> usize {
        match self.profile {
            Profile::Copies => self.stripes.len(),
            Profile::Striped { copies } => usize::try_from(copies).unwrap_or(usize::MAX),
            Profile::Parity(_) => 1,
        }
    }

    /// Where copy number `copy` of a logical address in this chunk lies.
    ///
    /// # Errors
    /// [`Error::Unsupported`] when it lies on a device that is not here, which it names, or when the
    /// profile is not read.
    pub(super) fn locate(&self, logical: u64, copy: usize) -> Result<Piece> {
        let within = logical.saturating_sub(self.logical);
        let (index, skipped, len) = match self.profile {
            Profile::Copies => (Some(copy), within, self.len.saturating_sub(within)),
            Profile::Striped { copies } => {
                let (number, rest) = (within / STRIPE_LEN, within % STRIPE_LEN);
                let count = u64::try_from(self.stripes.len()).unwrap_or(u64::MAX);
                let columns = count.checked_div(copies).unwrap_or(1).max(1);
                let (row, column) = (
                    number.checked_div(columns).unwrap_or(0),
                    number.checked_rem(columns).unwrap_or(0),
                );
                let index = u64::try_from(copy)
                    .ok()
                    .and_then(|copy| column.checked_mul(copies)?.checked_add(copy))
                    .and_then(|index| usize::try_from(index).ok());
                let skipped = row.saturating_mul(STRIPE_LEN).saturating_add(rest);
                let len = STRIPE_LEN.saturating_sub(rest).min(self.len.saturating_sub(within));
                (index, skipped, len)
            }
            Profile::Parity(name) => {
                return Err(Error::unsupported(
                    "btrfs chunk",
                    logical,
                    format!("the profile {name}"),
                ));
            }
        };
        let missing = || Error::corrupt(NAME, logical, "a stripe for each copy", "too few");
        let stripe = index.and_then(|index| self.stripes.get(index)).ok_or_else(missing)?;
        match stripe.device {
            Ok(device) => {
                Ok(Piece { device, physical: stripe.physical.saturating_add(skipped), len })
            }
            Err(device) => {
                let what = format!("device {device}, which is not in this image,");
                Err(Error::unsupported("btrfs chunk", logical, what))
            }
        }
    }
}

/// The profile in the type of a chunk with so many stripes.
fn profile(s: &Structure<'_>, stripes: u16) -> Result<Profile> {
    const TYPES: u64 = 0b111;
    const PROFILES: u64 = 0xFF << 3;
    let kind = s.u64(24)?;
    if kind & TYPES == 0 {
        return Err(s.corrupt(24, "data, system or metadata", format!("type {kind:#x}")));
    }
    if kind & !(TYPES | PROFILES) != 0 {
        return Err(s.unsupported(24, format!("the chunk type {kind:#x}")));
    }
    let (profile, fits) = match kind & PROFILES {
        0 => (Profile::Copies, stripes == 1),
        0x8 => (Profile::Striped { copies: 1 }, stripes >= 1),
        0x10 | 0x20 => (Profile::Copies, stripes == 2),
        0x40 => {
            let copies = s.u16(46)?;
            let fits = copies == 2 && stripes >= 2 && stripes.is_multiple_of(2);
            (Profile::Striped { copies: u64::from(copies) }, fits)
        }
        0x80 => (Profile::Parity("raid5"), stripes >= 2),
        0x100 => (Profile::Parity("raid6"), stripes >= 3),
        0x200 => (Profile::Copies, stripes == 3),
        0x400 => (Profile::Copies, stripes == 4),
        more => return Err(s.corrupt(24, "one profile", format!("profile bits {more:#x}"))),
    };
    if !fits {
        return Err(s.corrupt(44, "as many stripes as the profile has", stripes));
    }
    Ok(profile)
}

/// The chunks of a file system.
#[derive(Debug, Default, Clone)]
pub(super) struct Chunks {
    /// Ascending, without overlaps.
    chunks: Vec<Chunk>,
    stripes: usize,
}

impl Chunks {
    /// The chunks in the superblock, which say where the chunk tree lies.
    pub(super) fn system(array: &Structure<'_>, devices: &Devices) -> Result<Self> {
        let mut found = Vec::new();
        let mut rest = *array;
        while !rest.raw.is_empty() {
            let key = rest.key(0)?;
            if key.kind != item::CHUNK_ITEM {
                return Err(rest.corrupt(8, "the key of a chunk item", key));
            }
            let body = rest.after(KEY_SIZE);
            let chunk = Chunk::parse(&body, key.offset, devices)?;
            rest = body.after(chunk.size());
            found.push(chunk);
        }
        // A balance appends what it moves.
        found.sort_by_key(|chunk| chunk.logical);
        let mut chunks = Self::default();
        found.into_iter().try_for_each(|chunk| chunks.add(array, chunk))?;
        Ok(chunks)
    }

    /// Bytes that they take in memory.
    pub(super) fn bytes(&self) -> u64 {
        let chunks = self.chunks.len().saturating_mul(size_of::<Chunk>());
        let stripes = self.stripes.saturating_mul(size_of::<Stripe>());
        u64::try_from(chunks.saturating_add(stripes)).unwrap_or(u64::MAX)
    }

    /// Adds the chunk of an item whose key's offset is `logical`. Items come in ascending order.
    pub(super) fn push(
        &mut self,
        s: &Structure<'_>,
        logical: u64,
        devices: &Devices,
    ) -> Result<()> {
        let chunk = Chunk::parse(s, logical, devices)?;
        if chunk.size() != s.raw.len() {
            return Err(s.corrupt(44, "as many stripes as the item has room for", s.raw.len()));
        }
        self.add(s, chunk)
    }

    fn add(&mut self, s: &Structure<'_>, chunk: Chunk) -> Result<()> {
        let limit = |limit: usize, unit| Error::Limit {
            structure: "btrfs chunk tree",
            limit: u64::try_from(limit).unwrap_or(u64::MAX),
            unit,
        };
        self.stripes = self.stripes.saturating_add(chunk.stripes.len());
        if self.stripes > MAX_STRIPES {
            return Err(limit(MAX_STRIPES, "stripes"));
        }
        if self.chunks.len() >= MAX_CHUNKS {
            return Err(limit(MAX_CHUNKS, "chunks"));
        }
        if let Some(last) = self.chunks.last().filter(|last| last.end() > chunk.logical) {
            let expected = format!("a chunk at or behind {}", last.end());
            return Err(s.corrupt(0, expected, chunk.logical));
        }
        self.chunks.push(chunk);
        Ok(())
    }

    /// The chunk that a logical address lies in.
    pub(super) fn find(&self, logical: u64) -> Result<&Chunk> {
        let index = self.chunks.partition_point(|chunk| chunk.end() <= logical);
        self.chunks.get(index).filter(|chunk| chunk.logical <= logical).ok_or_else(|| {
            let expected = format!("a chunk for the logical address {logical}");
            Error::corrupt("btrfs chunk tree", 0, expected, "none")
        })
    }
}
