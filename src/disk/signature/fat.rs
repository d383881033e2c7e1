//! FAT12, FAT16 and FAT32 (Microsoft, *FAT: General Overview of On-Disk Format*, 1.03), and exFAT
//! (Microsoft, *exFAT file system specification*).

use super::{detail, found, serial};
use crate::bytes::{Bytes, BytesExt};
use crate::disk::facts::{Signature, SignatureKind};
use crate::disk::record::Record;
use crate::error::Result;

/// Most directory entries looked at for the volume label, which stands among the first.
const MAX_LABEL_ENTRIES: u64 = 2048;

/// Most clusters of a FAT32 root directory looked at for the volume label.
const MAX_LABEL_CLUSTERS: u32 = 64;

/// Fewest clusters of FAT16 (specification, "FAT Type Determination").
const FAT16_MIN_CLUSTERS: u64 = 4085;

/// Most clusters that Linux accepts without 32-bit FATs (`MAX_FAT16`, `fs/fat/fat.h`).
const FAT16_MAX_CLUSTERS: u64 = 0xfff4;

/// Most clusters of FAT32 (`MAX_FAT32`, `fs/fat/fat.h`).
const FAT32_MAX_CLUSTERS: u64 = 0x0fff_fff6;

/// The parameter block, all fields in the units that their names say.
struct Bpb {
    kind: SignatureKind,
    sector_size: u64,
    cluster_sectors: u64,
    reserved_sectors: u64,
    root_entries: u64,
    sectors: u64,
    fat_sectors: u64,
    fats: u64,
    first_data_sector: u64,
    root_cluster: u32,
}

/// Whether sector 0 is the boot sector of a FAT volume rather than an MBR, as libblkid and Linux
/// (`fat_valid_superblock`, `msdos_partition`) decide.
pub(in crate::disk) fn is_boot_sector(sector: &[u8; 512]) -> bool {
    bpb(Record(sector)).is_some()
}

fn bpb(sector: Record<'_>) -> Option<Bpb> {
    let marks: [(usize, &[u8]); 4] = [(0, &[0xeb]), (0, &[0xe9]), (54, b"FAT"), (82, b"FAT32")];
    if !marks.into_iter().any(|(offset, mark)| sector.has(offset, mark)) {
        return None;
    }
    // JFS and HPFS volumes carry a parameter block of FAT's shape.
    if !sector.has(510, &[0x55, 0xaa]) || sector.has(54, b"JFS     ") || sector.has(54, b"HPFS    ")
    {
        return None;
    }
    let sector_size = u64::from(sector.u16(11));
    let cluster_sectors = u64::from(sector.u8(13));
    let reserved_sectors = u64::from(sector.u16(14));
    let fats = u64::from(sector.u8(16));
    let media = sector.u8(21);
    if !sector_size.is_power_of_two()
        || !(512..=4096).contains(&sector_size)
        || !cluster_sectors.is_power_of_two()
        || reserved_sectors == 0
        || fats == 0
        || !(media == 0xf0 || media >= 0xf8)
    {
        return None;
    }
    let wide = sector.u16(22) == 0;
    let fat_sectors = if wide { u64::from(sector.u32(36)) } else { u64::from(sector.u16(22)) };
    let sectors = match sector.u16(19) {
        0 => u64::from(sector.u32(32)),
        count => count.into(),
    };
    let root_entries = u64::from(sector.u16(17));
    let root_sectors = root_entries.saturating_mul(32).div_ceil(sector_size);
    let first_data_sector = reserved_sectors
        .saturating_add(fats.saturating_mul(fat_sectors))
        .saturating_add(root_sectors);
    let clusters = sectors.checked_sub(first_data_sector)?.checked_div(cluster_sectors)?;
    let kind = match (wide, clusters) {
        (true, 1..=FAT32_MAX_CLUSTERS) => SignatureKind::Fat32,
        (false, 1..FAT16_MIN_CLUSTERS) => SignatureKind::Fat12,
        (false, FAT16_MIN_CLUSTERS..=FAT16_MAX_CLUSTERS) => SignatureKind::Fat16,
        _ => return None,
    };
    (fat_sectors != 0).then(|| Bpb {
        kind,
        sector_size,
        cluster_sectors,
        reserved_sectors,
        root_entries,
        sectors,
        fat_sectors,
        fats,
        first_data_sector,
        root_cluster: sector.u32(44),
    })
}

/// FAT by its parameter block.
pub(super) fn probe(volume: &dyn Bytes) -> Result<Option<Signature>> {
    let sector: [u8; 512] = volume.array(0)?;
    let record = Record(&sector);
    let Some(bpb) = bpb(record) else { return Ok(None) };
    let (extended, magic) = if bpb.kind == SignatureKind::Fat32 { (66, 82) } else { (38, 54) };
    let boot_signature = record.u8(extended);
    let mut signature = found(bpb.kind, magic);
    signature.size = Some(bpb.sectors.saturating_mul(bpb.sector_size));
    if matches!(boot_signature, 0x28 | 0x29) {
        let at = usize::saturating_add(extended, 1);
        signature.uuid = serial(record.array(at));
    }
    signature.label = match detail(root_label(volume, &bpb))? {
        Some(label) => Some(label),
        None if boot_signature == 0x29 => record
            .text(usize::saturating_add(extended, 5), 11)
            .filter(|label| label.as_str() != "NO NAME"),
        None => None,
    };
    Ok(Some(signature))
}

/// The label among the entries of the root directory.
fn root_label(volume: &dyn Bytes, bpb: &Bpb) -> Result<Option<String>> {
    let byte = |sector: u64| sector.saturating_mul(bpb.sector_size);
    if bpb.kind != SignatureKind::Fat32 {
        let root = bpb.reserved_sectors.saturating_add(bpb.fats.saturating_mul(bpb.fat_sectors));
        let entries = bpb.root_entries.min(MAX_LABEL_ENTRIES);
        return Ok(label_among(volume, byte(root), entries)?.1);
    }
    let cluster_size = bpb.cluster_sectors.saturating_mul(bpb.sector_size);
    let mut cluster = bpb.root_cluster;
    for _ in 0..MAX_LABEL_CLUSTERS {
        let Some(index) = cluster.checked_sub(2) else { return Ok(None) };
        let at = byte(bpb.first_data_sector)
            .saturating_add(u64::from(index).saturating_mul(cluster_size));
        let entries = (cluster_size >> 5).min(MAX_LABEL_ENTRIES);
        let (more, label) = label_among(volume, at, entries)?;
        if label.is_some() || !more {
            return Ok(label);
        }
        let entry = byte(bpb.reserved_sectors).saturating_add(u64::from(cluster).saturating_mul(4));
        cluster = u32::from_le_bytes(volume.array(entry)?) & 0x0fff_ffff;
        if cluster >= 0x0fff_fff7 {
            return Ok(None);
        }
    }
    Ok(None)
}

/// The label among `entries` directory entries from byte `at` on; and whether the directory goes on
/// behind them.
fn label_among(volume: &dyn Bytes, at: u64, entries: u64) -> Result<(bool, Option<String>)> {
    for index in 0..entries {
        let bytes: [u8; 32] = volume.array(at.saturating_add(index.saturating_mul(32)))?;
        let entry = Record(&bytes);
        match (entry.u8(0), entry.u8(11)) {
            (0, _) => return Ok((false, None)),
            (0xe5, _) => {}
            // Volume label, neither a directory nor a part of a long name.
            (_, attributes) if attributes & 0x18 == 0x08 && attributes & 0x3f != 0x0f => {
                return Ok((false, entry.text(0, 11)));
            }
            _ => {}
        }
    }
    Ok((true, None))
}

/// exFAT by its boot sector (specification, section 3.1).
pub(super) fn probe_exfat(volume: &dyn Bytes) -> Result<Option<Signature>> {
    let sector: [u8; 512] = volume.array(0)?;
    let record = Record(&sector);
    let (sector_shift, cluster_shift) = (record.u8(108), record.u8(109));
    if !record.has(3, b"EXFAT   ")
        || !record.has(510, &[0x55, 0xaa])
        || record.bytes(11, 53).iter().any(|&byte| byte != 0)
        || !(9..=12).contains(&sector_shift)
        || cluster_shift > 25_u8.saturating_sub(sector_shift)
        || !(1..=2).contains(&record.u8(110))
    {
        return Ok(None);
    }
    let sector_size = 1_u64 << sector_shift.min(12);
    let mut signature = found(SignatureKind::Exfat, 3);
    signature.size = Some(record.u64(72).saturating_mul(sector_size));
    signature.uuid = serial(record.array(100));
    signature.label = detail(exfat_label(volume, record, sector_size))?;
    Ok(Some(signature))
}

/// The volume label among the entries of the root directory's first cluster (section 7.3).
fn exfat_label(volume: &dyn Bytes, boot: Record<'_>, sector_size: u64) -> Result<Option<String>> {
    let cluster_size = sector_size << boot.u8(109).min(25);
    let root = u64::from(boot.u32(96)).saturating_sub(2).saturating_mul(cluster_size);
    let root = u64::from(boot.u32(88)).saturating_mul(sector_size).saturating_add(root);
    for index in 0..(cluster_size >> 5).min(MAX_LABEL_ENTRIES) {
        let bytes: [u8; 32] = volume.array(root.saturating_add(index.saturating_mul(32)))?;
        let entry = Record(&bytes);
        match entry.u8(0) {
            0 => break,
            0x83 => return Ok(entry.text_utf16(2, usize::from(entry.u8(1)).min(11))),
            _ => {}
        }
    }
    Ok(None)
}
