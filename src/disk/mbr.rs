//! The MBR partition table: four primary entries, and the chain of extended boot records.
//!
//! There is no specification; where readers differ, what counts is what Linux does
//! (`block/partitions/msdos.c`) and what libblkid calls a partition table
//! (`libblkid/src/partitions/dos.c`).

use std::collections::HashSet;

use super::boot_code;
use super::facts::{BootCodeKind, LayoutProblem, PartitionFacts};
use super::layout::{MAX_PARTITIONS, broken, is_flaw, untidy};
use super::partition_type;
use super::record::Record;
use super::signature::fat;
use crate::bytes::{Bytes, BytesExt};
use crate::error::{Error, Result};

/// Bytes of a sector in the units of an MBR. A table written for 4096-byte sectors cannot be told
/// from its bytes.
const SECTOR: u64 = 512;

/// First partition entry (16 bytes each).
const ENTRIES: usize = 446;

/// Where an MBR's disk signature stands.
const DISK_SIGNATURE: usize = 440;

/// Most extended boot records followed in one chain; Linux counts at most 256 partitions
/// (`DISK_MAX_PARTS`, `include/linux/blkdev.h`).
const MAX_EBRS: usize = 256;

/// One 16-byte entry as it stands in a table.
#[derive(Debug, Clone, Copy)]
struct Entry {
    flag: u8,
    kind: u8,
    /// First sector, relative to what the table's place says.
    start: u64,
    /// Length in sectors.
    sectors: u64,
    /// Byte of the entry in its sector.
    at: usize,
}

impl Entry {
    fn is_extended(self) -> bool {
        matches!(self.kind, 0x05 | 0x0f | 0x85)
    }
}

/// Sector 0, when it holds a partition table.
pub(super) struct Mbr {
    signature: u32,
    entries: [Entry; 4],
}

/// What stands in sector 0.
pub(super) enum FirstSector {
    /// A partition table.
    Table(Mbr),
    /// Something else: no 0x55AA, a volume boot record, other code.
    Other,
}

/// The partitions of an MBR.
pub(super) struct Partitions {
    pub(super) partitions: Vec<PartitionFacts>,
    pub(super) problems: Vec<LayoutProblem>,
    /// Whether every table of the chain was read.
    pub(super) complete: Result<()>,
}

fn entries(sector: Record<'_>) -> [Entry; 4] {
    [0_usize, 1, 2, 3].map(|index| {
        let at = ENTRIES.saturating_add(index.saturating_mul(16));
        let entry = Record(sector.bytes(at, 16));
        Entry {
            flag: entry.u8(0),
            kind: entry.u8(4),
            start: entry.u32(8).into(),
            sectors: entry.u32(12).into(),
            at,
        }
    })
}

/// Tells a partition table from the boot sector of a volume: 0x55AA, boot flags of 0x00 or 0x80
/// only, and no FAT, exFAT or NTFS parameter block (as libblkid, `probe_dos_pt`, and Linux,
/// `msdos_partition`, decide).
pub(super) fn first_sector(sector: &[u8; 512]) -> FirstSector {
    let record = Record(sector);
    if !record.has(510, &[0x55, 0xaa]) {
        return FirstSector::Other;
    }
    let entries = entries(record);
    if entries.iter().any(|entry| entry.flag & 0x7f != 0) {
        return FirstSector::Other;
    }
    let protective = entries.iter().any(|entry| entry.kind == 0xee);
    let volume = record.has(3, b"NTFS    ")
        || record.has(3, b"EXFAT   ")
        || record.has(3, b"-FVE-FS-")
        || fat::is_boot_sector(sector);
    if volume && !protective {
        return FirstSector::Other;
    }
    FirstSector::Table(Mbr { signature: record.u32(DISK_SIGNATURE), entries })
}

impl Mbr {
    /// The disk signature, 8 lower-case hex digits.
    pub(super) fn signature(&self) -> String {
        format!("{:08x}", self.signature)
    }

    /// Whether no entry is used.
    pub(super) fn is_empty(&self) -> bool {
        self.entries.iter().all(|entry| entry.sectors == 0)
    }

    /// Whether an entry claims that a GPT describes the disk, wherever it begins.
    pub(super) fn has_protective_type(&self) -> bool {
        self.entries.iter().any(|entry| entry.kind == 0xee)
    }

    /// Whether there is an entry of type 0xEE that begins at sector 1, as Linux asks for
    /// (`is_pmbr_valid`, `block/partitions/efi.c`).
    pub(super) fn is_protective(&self) -> bool {
        self.entries.iter().any(|entry| entry.kind == 0xee && entry.start == 1)
    }

    /// Whether other entries stand beside the protective one.
    pub(super) fn is_hybrid(&self) -> bool {
        self.entries.iter().any(|entry| !matches!(entry.kind, 0 | 0xee) && entry.sectors != 0)
    }

    /// Entries beside the protective one that name other sectors than the partitions of the GPT do:
    /// who reads the MBR sees another disk than who reads the GPT.
    pub(super) fn strangers(&self, gpt: &[PartitionFacts]) -> Vec<LayoutProblem> {
        let entries = self.entries.into_iter().filter(|entry| !matches!(entry.kind, 0 | 0xee));
        let strangers = entries.filter(|entry| {
            let (start, size) =
                (entry.start.saturating_mul(SECTOR), entry.sectors.saturating_mul(SECTOR));
            entry.sectors != 0 && !gpt.iter().any(|p| p.start == start && p.size == size)
        });
        let problem = |entry: Entry| {
            let what = format!(
                "sectors {} to {} are no partition of the GPT",
                entry.start,
                entry.start.saturating_add(entry.sectors)
            );
            broken(format!("MBR, byte {}", entry.at), what)
        };
        strangers.map(problem).collect()
    }

    /// All partitions, the logical ones after the primary ones.
    pub(super) fn partitions(&self, disk: &dyn Bytes) -> Partitions {
        let mut found =
            Partitions { partitions: Vec::new(), problems: Vec::new(), complete: Ok(()) };
        let mut number = 0_u32;
        for entry in self.entries {
            number = number.saturating_add(1);
            if entry.sectors != 0 {
                let location = format!("MBR, byte {}", entry.at);
                found.partitions.push(self.partition(entry, number, 0, location));
            } else if entry.kind != 0 {
                found.problems.push(untidy(
                    format!("MBR, byte {}", entry.at),
                    format!("entry of type {:#04x} with no sectors", entry.kind),
                ));
            }
        }
        let active = self.entries.iter().filter(|entry| entry.flag & 0x80 != 0);
        let active: Vec<String> = active.map(|entry| entry.at.to_string()).collect();
        if active.len() > 1 {
            // Code that does not read the flags starts all the same.
            let code =
                disk.array(0).map_or(BootCodeKind::Unrecognised, |s| boot_code::disk(&s).kind);
            let flaw = match code {
                BootCodeKind::Grub2 | BootCodeKind::GrubLegacy | BootCodeKind::Lilo => untidy,
                _ => broken,
            };
            found.problems.push(flaw(
                format!("MBR, bytes {}", active.join(", ")),
                format!("{} entries are marked active", active.len()),
            ));
        }
        for entry in self.entries.into_iter().filter(|e| e.is_extended() && e.sectors != 0) {
            if let Err(error) = self.logical(disk, entry, &mut found) {
                found.complete = Err(error);
            }
        }
        found
    }

    fn partition(&self, entry: Entry, number: u32, base: u64, location: String) -> PartitionFacts {
        PartitionFacts {
            number,
            start: base.saturating_add(entry.start).saturating_mul(SECTOR),
            size: entry.sectors.saturating_mul(SECTOR),
            type_id: format!("{:#04x}", entry.kind),
            role: partition_type::mbr(entry.kind),
            name: None,
            uuid: Some(format!("{:08x}-{number:02x}", self.signature)),
            active: entry.flag & 0x80 != 0,
            location,
            volume: None,
        }
    }

    /// Follows the chain of one extended partition as Linux does (`parse_extended`): a data entry
    /// is relative to its own record, the link to the next record is relative to the start of the
    /// extended partition.
    fn logical(&self, disk: &dyn Bytes, extended: Entry, found: &mut Partitions) -> Result<()> {
        let first = extended.start;
        let mut at = first;
        let mut seen = HashSet::new();
        loop {
            let place = format!("EBR at sector {at}");
            if seen.len() >= MAX_EBRS || found.partitions.len() >= MAX_PARTITIONS {
                let limit = u64::try_from(MAX_EBRS).unwrap_or(u64::MAX);
                found.problems.push(broken(place, format!("more than {limit} partitions")));
                return Err(Error::Limit { structure: "EBR chain", limit, unit: "partitions" });
            }
            if !seen.insert(at) {
                found.problems.push(broken(place, "the chain comes back to this record"));
                return Ok(());
            }
            let offset = at.saturating_mul(SECTOR);
            let sector = match disk.array::<512>(offset) {
                Ok(sector) => sector,
                Err(error) => {
                    if is_flaw(&error) {
                        found.problems.push(broken(place, error.to_string()));
                    }
                    return Err(error);
                }
            };
            let record = Record(&sector);
            if !record.has(510, &[0x55, 0xaa]) {
                let what = "no signature 0x55AA, so the chain ends here";
                // An extended partition that nobody put a logical one into yet; Linux takes it as
                // empty (`block/partitions/msdos.c`, `parse_extended`).
                let is_blank = at == first && sector == [0; 512];
                let flaw = if is_blank { untidy(place, what) } else { broken(place, what) };
                found.problems.push(flaw);
                return Ok(());
            }
            let entries = entries(record);
            for (index, &entry) in entries.iter().enumerate() {
                if entry.sectors == 0 || entry.is_extended() {
                    continue;
                }
                // DR-DOS and others leave rubbish in the last two entries; Linux takes them only
                // when they lie inside the extended partition.
                let start = at.saturating_add(entry.start);
                let end = start.saturating_add(entry.sectors);
                if index >= 2
                    && (entry.start.saturating_add(entry.sectors) > extended.sectors
                        || start < first
                        || end > first.saturating_add(extended.sectors))
                {
                    continue;
                }
                let count = found.partitions.iter().filter(|p| p.number >= 5).count();
                let number = u32::try_from(count).unwrap_or(u32::MAX).saturating_add(5);
                let location = format!("{place}, byte {}", entry.at);
                found.partitions.push(self.partition(entry, number, at, location));
            }
            match entries.iter().find(|entry| entry.is_extended() && entry.sectors != 0) {
                Some(link) => at = first.saturating_add(link.start),
                None => return Ok(()),
            }
        }
    }
}
