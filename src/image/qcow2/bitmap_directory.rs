//! Persistent dirty bitmaps: the bitmap directory and bitmap tables (QEMU
//! `docs/interop/qcow2.rst`, Bitmaps).

use nom::IResult;
use nom::bytes::complete::take;
use nom::number::complete::{be_u8, be_u16, be_u32, be_u64};

use crate::image::qcow2::address::HostOffset;
use crate::image::qcow2::header::Geometry;

pub(super) const BITMAP_DIRECTORY: &str = "qcow2 bitmap directory";
pub(super) const BITMAP_TABLE: &str = "qcow2 bitmap table";

/// Most bitmaps (QEMU `QCOW2_MAX_BITMAPS`).
pub(super) const MAX_BITMAPS: u32 = 65_535;
/// 64 MiB (QEMU `QCOW2_MAX_BITMAP_DIRECTORY_SIZE`, 1 KiB a bitmap).
pub(super) const MAX_DIRECTORY_BYTES: u64 = 1024 * 65_535;
/// Bitmap data that QEMU loads (`BME_MAX_PHYS_SIZE`).
const MAX_BITMAP_BYTES: u64 = 512 << 20;
/// Longest name (specification, `name_size`).
const MAX_NAME: usize = 1023;
/// Granularity as a power of two (QEMU `BME_MIN_GRANULARITY_BITS`, `BME_MAX_GRANULARITY_BITS`).
const GRANULARITY_BITS: std::ops::RangeInclusive<u8> = 9..=31;
/// The only type there is: a dirty tracking bitmap.
const DIRTY_TRACKING: u8 = 1;
/// Flag `in_use`: the bitmap was not saved correctly, and its size may be that of an earlier disk.
const IN_USE: u32 = 1 << 0;
/// Flags beside `in_use` and `auto`. Bit 2, `extra_data_compatible`, is for extra data, of which
/// there is none that QEMU knows.
const UNKNOWN_FLAGS: u32 = !0b11;

/// Bits 9 to 55 of a bitmap table's entry.
const OFFSET: u64 = 0x00ff_ffff_ffff_fe00;
/// Bits 1 to 8 and 56 to 63.
const RESERVED: u64 = 0xff00_0000_0000_01fe;
/// Bit 0, where there is no offset: all bits of the cluster are ones.
const ALL_ONES: u64 = 1;

/// An entry of the bitmap directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct BitmapDirectoryEntry<'a> {
    pub(super) table_offset: HostOffset,
    /// Entries of the bitmap table.
    pub(super) table_size: u32,
    flags: u32,
    kind: u8,
    granularity_bits: u8,
    extra_data: usize,
    pub(super) name: &'a [u8],
}

impl<'a> BitmapDirectoryEntry<'a> {
    /// The entry at the start of `input`, and what is behind it and its padding.
    pub(super) fn parse(input: &'a [u8]) -> IResult<&'a [u8], Self> {
        let whole = input.len();
        let (input, table_offset) = be_u64(input)?;
        let (input, table_size) = be_u32(input)?;
        let (input, flags) = be_u32(input)?;
        let (input, kind) = be_u8(input)?;
        let (input, granularity_bits) = be_u8(input)?;
        let (input, name_size) = be_u16(input)?;
        let (input, extra_data_size) = be_u32(input)?;
        let (input, extra_data) = take(extra_data_size)(input)?;
        let (input, name) = take(name_size)(input)?;
        let padding = whole.wrapping_sub(input.len()).wrapping_neg() % 8;
        let (input, _) = take(padding)(input)?;
        let entry = Self {
            table_offset: HostOffset(table_offset),
            table_size,
            flags,
            kind,
            granularity_bits,
            extra_data: extra_data.len(),
            name,
        };
        Ok((input, entry))
    }

    /// Length of the bitmap table in bytes.
    pub(super) fn table_bytes(&self) -> u64 {
        u64::from(self.table_size).saturating_mul(8)
    }

    /// What contradicts the specification, or keeps QEMU from loading the bitmap and so from
    /// opening the file. `disk` is the virtual size in bytes.
    pub(super) fn fault(&self, geometry: Geometry, disk: u64) -> Option<String> {
        let data = u64::from(self.table_size).saturating_mul(geometry.cluster_size());
        if self.table_offset.0 == 0 || geometry.within_cluster(self.table_offset.0) != 0 {
            let at = self.table_offset.0;
            return Some(format!("bitmap table at byte {at:#x}, not on a cluster's border"));
        }
        if self.table_size == 0 || data > MAX_BITMAP_BYTES {
            return Some(format!("a bitmap table of {} entries", self.table_size));
        }
        if self.kind != DIRTY_TRACKING {
            return Some(format!("type {}, the only one is {DIRTY_TRACKING}", self.kind));
        }
        if !GRANULARITY_BITS.contains(&self.granularity_bits) {
            return Some(format!("granularity_bits {}", self.granularity_bits));
        }
        if self.flags & UNKNOWN_FLAGS != 0 {
            return Some(format!("reserved flags {:#x} are set", self.flags & UNKNOWN_FLAGS));
        }
        if self.extra_data != 0 {
            return Some(format!("{} bytes of extra data of no known kind", self.extra_data));
        }
        if self.name.len() > MAX_NAME {
            return Some(format!("a name of {} bytes, allowed are {MAX_NAME}", self.name.len()));
        }
        let needed = self.needed_entries(geometry, disk);
        (self.flags & IN_USE == 0 && needed != u64::from(self.table_size)).then(|| {
            format!("a bitmap table of {} entries, the disk needs {needed}", self.table_size)
        })
    }

    /// Entries that the bitmap of the whole disk takes. Its bits are stored in words of 64; QEMU
    /// leaves out what is no whole sector.
    fn needed_entries(&self, geometry: Geometry, disk: u64) -> u64 {
        let disk = disk & !511;
        let granularity = 1_u64.wrapping_shl(u32::from(self.granularity_bits));
        let bytes = disk.div_ceil(granularity).div_ceil(64).saturating_mul(8);
        bytes.div_ceil(geometry.cluster_size())
    }
}

/// An entry of a bitmap table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct BitmapTableEntry(pub(super) u64);

impl BitmapTableEntry {
    /// The cluster that holds this part of the bitmap; `None` when its bits are all alike.
    pub(super) fn cluster(self) -> Option<HostOffset> {
        let offset = self.0 & OFFSET;
        (offset != 0).then_some(HostOffset(offset))
    }

    /// Bits that must be zero and are not; bit 0 is reserved beside an offset.
    pub(super) fn reserved_bits(self) -> u64 {
        let all_ones = if self.0 & OFFSET == 0 { 0 } else { ALL_ONES };
        self.0 & (RESERVED | all_ones)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GEOMETRY: Geometry = Geometry { cluster_bits: 16, extended_l2: false, zero_flag: true };
    const GIB: u64 = 1 << 30;

    fn entry<'a>() -> BitmapDirectoryEntry<'a> {
        BitmapDirectoryEntry {
            table_offset: HostOffset(0x5_0000),
            table_size: 1,
            flags: 2,
            kind: 1,
            granularity_bits: 16,
            extra_data: 0,
            name: b"backup",
        }
    }

    #[test]
    fn an_entry_is_read_with_its_padding() {
        let mut bytes = Vec::new();
        bytes.extend(0x5_0000_u64.to_be_bytes());
        bytes.extend(1_u32.to_be_bytes());
        bytes.extend(2_u32.to_be_bytes());
        bytes.extend([1, 16, 0, 6, 0, 0, 0, 0]);
        bytes.extend(b"backup\0\0next");
        let (rest, found) = BitmapDirectoryEntry::parse(&bytes).unwrap();
        assert_eq!((rest, found), (&b"next"[..], entry()));
        assert!(BitmapDirectoryEntry::parse(&bytes[..29]).is_err());
    }

    #[test]
    fn each_constraint_of_an_entry_has_its_fault() {
        assert_eq!(entry().fault(GEOMETRY, GIB), None);
        let faults = [
            BitmapDirectoryEntry { table_offset: HostOffset(0), ..entry() },
            BitmapDirectoryEntry { table_offset: HostOffset(0x5_0200), ..entry() },
            BitmapDirectoryEntry { table_size: 0, ..entry() },
            BitmapDirectoryEntry { table_size: 2, ..entry() },
            BitmapDirectoryEntry { table_size: u32::MAX, ..entry() },
            BitmapDirectoryEntry { flags: 4, ..entry() },
            BitmapDirectoryEntry { kind: 0, ..entry() },
            BitmapDirectoryEntry { granularity_bits: 8, ..entry() },
            BitmapDirectoryEntry { granularity_bits: 32, ..entry() },
            BitmapDirectoryEntry { extra_data: 8, ..entry() },
            BitmapDirectoryEntry { name: &[b'n'; 1024], ..entry() },
        ];
        for faulty in faults {
            assert!(faulty.fault(GEOMETRY, GIB).is_some(), "{faulty:?}");
        }
        // A bitmap in use may be of another size than the disk.
        assert_eq!(BitmapDirectoryEntry { flags: 1, ..entry() }.fault(GEOMETRY, 1 << 60), None);
    }

    #[test]
    fn bit_0_of_a_table_entry_is_reserved_beside_an_offset() {
        assert_eq!(BitmapTableEntry(1).reserved_bits(), 0);
        assert_eq!(BitmapTableEntry(1).cluster(), None);
        assert_eq!(BitmapTableEntry(0x5_0001).reserved_bits(), 1);
        assert_eq!(BitmapTableEntry(0x5_0000).cluster(), Some(HostOffset(0x5_0000)));
        assert_eq!(BitmapTableEntry(1 << 63 | 2).reserved_bits(), 1 << 63 | 2);
    }
}
