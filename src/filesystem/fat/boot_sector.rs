//! The boot sector with the BIOS parameter block.
//!
//! Source: Microsoft, *FAT32 File System Specification* 1.03 (fatgen103), "Boot Sector and BPB"; and
//! what Linux accepts (`fs/fat/inode.c`, `fat_read_bpb` and `fat_fill_super`). The jump instruction
//! and the signature 55 AA are not looked at, as Linux does not.

use crate::bytes::{Bytes, BytesExt};
use crate::error::{Error, Result};

const STRUCTURE: &str = "FAT boot sector";

/// Length of a directory entry in bytes.
pub(super) const DIR_ENTRY: u64 = 32;

/// Most clusters of FAT12 (fatgen103, "FAT Type Determination").
const MAX_FAT12_CLUSTERS: u32 = 4084;

/// Most clusters of FAT16 (fatgen103, "FAT Type Determination").
const MAX_FAT16_CLUSTERS: u32 = 65_524;

/// Most clusters of FAT32: 28 bits less the reserved values (Linux: `MAX_FAT32`).
const MAX_FAT32_CLUSTERS: u32 = 0x0fff_fff6;

/// Width of the entries of the file allocation table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Width {
    /// 12 bits.
    Fat12,
    /// 16 bits.
    Fat16,
    /// 32 bits, of which 28 count.
    Fat32,
}

/// Where the root directory lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Root {
    /// FAT12, FAT16: a fixed place of so many bytes.
    Fixed { offset: u64, len: u64 },
    /// FAT32: a chain from this cluster on.
    Chain(u32),
}

/// The geometry. What it names lies where it says, if the volume is long enough.
#[derive(Debug, Clone, Copy)]
pub(super) struct BootSector {
    pub(super) width: Width,
    /// Length of a cluster in bytes: 512 bytes to 512 KiB.
    pub(super) cluster_size: u32,
    /// Offset of the first file allocation table in bytes.
    pub(super) table: u64,
    /// Length of one table in bytes.
    pub(super) table_len: u64,
    /// Offset of cluster 2 in bytes.
    pub(super) data: u64,
    /// Number of data clusters; they are numbered from 2 on.
    pub(super) clusters: u32,
    pub(super) root: Root,
    /// Linux's mark that the volume is mounted or was not unmounted (`FAT_STATE_DIRTY`).
    pub(super) dirty: bool,
}

impl BootSector {
    /// Reads the boot sector of a volume.
    ///
    /// # Errors
    /// [`Error::Corrupt`] where Linux, too, refuses the volume.
    pub(super) fn read(volume: &dyn Bytes) -> Result<Self> {
        let bytes: [u8; 512] = volume.array(0)?;
        let byte = |offset: usize| bytes.get(offset).copied().unwrap_or(0);
        let short =
            |offset: usize| u16::from_le_bytes([byte(offset), byte(offset.saturating_add(1))]);
        let long = |offset: usize| {
            u32::from(short(offset)) | u32::from(short(offset.saturating_add(2))) << 16
        };

        let sector = short(0x0b);
        check(
            sector.is_power_of_two() && (512..=4096).contains(&sector),
            0x0b,
            "sector size",
            sector,
        )?;
        let per_cluster = byte(0x0d);
        check(per_cluster.is_power_of_two(), 0x0d, "a power of two of sectors", per_cluster)?;
        let reserved = short(0x0e);
        check(reserved != 0, 0x0e, "reserved sectors", reserved)?;
        let tables = byte(0x10);
        check(tables != 0, 0x10, "a file allocation table", tables)?;
        let media = byte(0x15);
        check(media == 0xf0 || media >= 0xf8, 0x15, "a media descriptor", media)?;

        let sector = u64::from(sector);
        let wide = short(0x16) == 0;
        let table_sectors = if wide { long(0x24) } else { u32::from(short(0x16)) };
        check(table_sectors != 0, 0x16, "a length of the table", table_sectors)?;
        let sectors = if short(0x13) == 0 { long(0x20) } else { u32::from(short(0x13)) };

        let table = u64::from(reserved).saturating_mul(sector);
        let table_len = u64::from(table_sectors).saturating_mul(sector);
        let root_offset = table.saturating_add(table_len.saturating_mul(u64::from(tables)));
        let root_len = u64::from(short(0x11)).saturating_mul(DIR_ENTRY);
        check(root_len.is_multiple_of(sector), 0x11, "root entries in whole sectors", short(0x11))?;
        let data = root_offset.saturating_add(root_len);
        let cluster_size = u32::from(per_cluster).saturating_mul(u32::from(short(0x0b)));
        let data_len = u64::from(sectors).saturating_mul(sector).checked_sub(data);
        let data_len = data_len.ok_or_else(|| corrupt(0x20, "room for data", sectors))?;
        let counted = data_len.checked_div(u64::from(cluster_size)).unwrap_or(0);
        let clusters = u32::try_from(counted).unwrap_or(u32::MAX);

        let (width, bits, limit) = match clusters {
            _ if wide => (Width::Fat32, 32, MAX_FAT32_CLUSTERS),
            ..=MAX_FAT12_CLUSTERS => (Width::Fat12, 12, MAX_FAT12_CLUSTERS),
            _ => (Width::Fat16, 16, MAX_FAT16_CLUSTERS),
        };
        check(clusters <= limit, 0x20, "no more clusters than the width can number", clusters)?;
        let in_table = table_len.saturating_mul(8).checked_div(bits).unwrap_or(0).saturating_sub(2);
        let clusters = clusters.min(u32::try_from(in_table).unwrap_or(u32::MAX));

        let root = if wide {
            let flags = short(0x28);
            if flags & 0x80 != 0 && flags & 0x0f != 0 {
                return Err(Error::unsupported(STRUCTURE, 0x28, "an active table but the first"));
            }
            check(short(0x2a) == 0, 0x2a, "version 0", short(0x2a))?;
            Root::Chain(long(0x2c))
        } else {
            Root::Fixed { offset: root_offset, len: root_len }
        };
        let dirty = byte(if wide { 0x41 } else { 0x25 }) & 1 != 0;
        Ok(Self { width, cluster_size, table, table_len, data, clusters, root, dirty })
    }

    /// Offset of a cluster in bytes; `None` when there is no such cluster.
    pub(super) fn cluster(&self, cluster: u32) -> Option<u64> {
        let index = cluster.checked_sub(2).filter(|index| *index < self.clusters)?;
        u64::from(index).checked_mul(u64::from(self.cluster_size))?.checked_add(self.data)
    }
}

fn check(holds: bool, offset: u64, expected: &str, found: impl std::fmt::Display) -> Result<()> {
    if holds { Ok(()) } else { Err(corrupt(offset, expected, found)) }
}

fn corrupt(offset: u64, expected: &str, found: impl std::fmt::Display) -> Error {
    Error::corrupt(STRUCTURE, offset, expected, found.to_string())
}
