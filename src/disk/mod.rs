//! Partition tables, boot code, the signatures of what lies in volumes, and the volumes that lie
//! inside arrays and volume groups.
//!
//! In: the disk's read-only bytes. Out: [`facts::DiskFacts`] and the volumes' bytes.
//! This room must not know files or operating systems.

mod boot_code;
pub mod facts;
#[cfg(test)]
mod fixture;
mod gpt;
pub(crate) mod grub_core;
mod grub_legacy;
mod grub_module;
mod layout;
mod lvm;
mod mapping;
mod mbr;
mod md;
mod partition_type;
pub(crate) mod record;
mod signature;
mod stack;
mod syslinux;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use facts::{
    BootCodeFacts, BootCodeKind, DiskFacts, GptFacts, GrubCoreFacts, GrubLegacyFacts,
    LayoutProblem, PartitionFacts, PartitionRole, TableKind, VolumeFacts,
};
use layout::Reserved;
use mbr::{FirstSector, Mbr};
use record::Record;

use crate::bytes::{Bytes, BytesExt, Part};
use crate::error::{Error, Result};
use crate::fact::{Evidence, Fact, Unread};

/// Logical sector size of a disk whose table does not tell.
const DEFAULT_SECTOR_SIZE: u32 = 512;

/// Offset of `BPB_HiddSec` in the boot sector of a FAT or NTFS volume.
const HIDDEN_SECTORS: usize = 0x1c;

/// A disk, taken apart into volumes.
///
/// ```
/// use std::path::Path;
///
/// use image_preflight::disk::Disk;
/// use image_preflight::image::Image;
///
/// let image = Image::open(Path::new("testdata/guests/good.qcow2"))?;
/// let disk = Disk::read(image.disk()?);
/// for partition in &disk.facts.partitions {
///     println!("{}: {} bytes at {}", partition.number, partition.size, partition.start);
/// }
/// assert_eq!(disk.facts.partitions[0].start, 1 << 20);
/// assert_eq!(disk.volumes.len(), 1);
/// # Ok::<(), image_preflight::Error>(())
/// ```
#[non_exhaustive]
pub struct Disk {
    /// What is known of it.
    pub facts: DiskFacts,
    /// The bytes of each volume, parallel to [`DiskFacts::volumes`]. A volume whose partition
    /// reaches beyond the end of the disk is cut there.
    pub volumes: Vec<Arc<dyn Bytes>>,
}

/// A partition table, whichever it is.
struct Table {
    kind: TableKind,
    sector_size: u32,
    mbr_signature: Option<String>,
    gpt: Option<GptFacts>,
    partitions: Vec<PartitionFacts>,
    problems: Vec<LayoutProblem>,
    reserved: Vec<Reserved>,
    complete: Result<()>,
}

impl Disk {
    /// Takes a disk apart. Never fails: what cannot be read is unknown in the facts.
    pub fn read(bytes: Arc<dyn Bytes>) -> Self {
        let disk = bytes.as_ref();
        let first: Result<[u8; 512]> = match disk.array(0) {
            // A disk of less than one sector is no unreadable disk: it holds nothing.
            Err(Error::OutOfBounds { .. }) => Ok([0; 512]),
            other => other,
        };
        let mut table = match &first {
            Ok(sector) => table(disk, sector),
            Err(error) => unread_table(error.clone()),
        };
        table.problems.extend(layout::problems(&table.partitions, &table.reserved, disk.len()));

        let mut volumes = Volumes::default();
        for partition in &mut table.partitions {
            let container =
                matches!(partition.role, PartitionRole::Extended | PartitionRole::Protective);
            if !container && partition.size != 0 {
                let name = format!("partition {}", partition.number);
                let part = Part::new(Arc::clone(&bytes), partition.start, partition.size);
                let number = Some(partition.number);
                partition.volume = Some(volumes.push(name, number, partition.start, part));
            }
        }
        if table.kind == TableKind::None && table.complete.is_ok() && !bytes.is_empty() {
            let part = Part::new(Arc::clone(&bytes), 0, bytes.len());
            volumes.push("whole disk".to_owned(), None, 0, part);
        }
        table.problems.extend(layout::too_small(&volumes.facts, &table.partitions));

        let inside = stack::open(&mut volumes);

        let boot_code = match &first {
            Ok(sector) => Fact::Known(boot_code(disk, sector, &table.partitions)),
            Err(error) => Fact::unknown("sector 0", error.to_string()),
        };
        let finds_xfs = first.as_ref().is_ok_and(boot_code::finds_xfs);
        let volume_boot_code = volumes.boot_code(disk, finds_xfs, &table.partitions);
        let facts = DiskFacts {
            size: bytes.len(),
            sector_size: table.sector_size,
            table: table.kind,
            table_read: Fact::from_result("partition table", table.complete),
            mbr_signature: table.mbr_signature,
            gpt: table.gpt,
            partitions: table.partitions,
            volume_boot_code,
            volumes: volumes.facts,
            volume_groups: inside.volume_groups,
            arrays: inside.arrays,
            containers: inside.containers,
            boot_code,
            problems: table.problems,
        };
        trace(&facts);
        Self { facts, volumes: volumes.bytes }
    }
}

/// Traces what was found on a disk.
fn trace(facts: &DiskFacts) {
    let DiskFacts { size, sector_size, .. } = *facts;
    tracing::debug!(table = ?facts.table, size, sector_size, "disk");
    for VolumeFacts { name, start, size, signatures, .. } in &facts.volumes {
        match signatures {
            Fact::Known(found) => {
                let kinds: Vec<_> = found.iter().map(|found| found.kind.name()).collect();
                tracing::debug!(volume = name, ?start, size, ?kinds, "volume");
            }
            Fact::Unknown(unread) => {
                tracing::debug!(volume = name, ?start, size, reason = unread.reason, "volume");
            }
        }
    }
    for problem in &facts.problems {
        let seen = &problem.evidence;
        tracing::debug!(at = seen.location, found = seen.detail, "flaw");
    }
}

/// Volumes under construction.
#[derive(Default)]
struct Volumes {
    facts: Vec<VolumeFacts>,
    bytes: Vec<Arc<dyn Bytes>>,
}

impl Volumes {
    /// Adds a partition or the whole disk; gives its index.
    fn push(&mut self, name: String, partition: Option<u32>, start: u64, part: Part) -> usize {
        let signatures = Fact::from_result(name.clone(), signature::find(&part));
        let size = part.len();
        let start = Some(start);
        self.add(VolumeFacts { name, partition, start, size, signatures }, Arc::new(part))
    }

    /// Adds a volume that lies inside others; gives its index. One that cannot be read has unknown
    /// signatures.
    fn push_inside(&mut self, name: String, bytes: mapping::Mapped) -> usize {
        let (signatures, bytes) = match bytes {
            Ok(bytes) => (signature::find(bytes.as_ref()), bytes),
            Err(unreadable) => {
                let bytes: Arc<dyn Bytes> = Arc::new(unreadable.clone());
                (Err(unreadable.error), bytes)
            }
        };
        let signatures = Fact::from_result(name.clone(), signatures);
        let size = bytes.len();
        self.add(VolumeFacts { name, partition: None, start: None, size, signatures }, bytes)
    }

    fn add(&mut self, facts: VolumeFacts, bytes: Arc<dyn Bytes>) -> usize {
        self.facts.push(facts);
        self.bytes.push(bytes);
        self.bytes.len().saturating_sub(1)
    }

    /// The boot code of those that have some; on XFS where the code in sector 0 of the disk finds it,
    /// if that `finds_xfs`.
    fn boot_code(
        &self,
        disk: &dyn Bytes,
        finds_xfs: bool,
        partitions: &[PartitionFacts],
    ) -> Vec<facts::VolumeBootCode> {
        let volumes = self.facts.iter().zip(&self.bytes).enumerate();
        let volumes = volumes.filter(|(_, (facts, _))| facts.start.is_some());
        volumes
            .filter_map(|(volume, (facts, bytes))| {
                let sector = match boot_sector(bytes.as_ref(), finds_xfs) {
                    Ok(sector) => sector,
                    // A volume of less than that has none.
                    Err(Error::OutOfBounds { .. }) => return None,
                    Err(error) => return Some(unread_boot_code(volume, &facts.name, &error)),
                };
                let (kind, evidence) = boot_code::volume(&sector, &facts.name)?;
                let (grub_core, grub_legacy) = grub(disk, kind, &sector, partitions);
                let is_syslinux = kind == BootCodeKind::Syslinux;
                let ldlinux = is_syslinux.then(|| syslinux::read(bytes.as_ref(), &sector));
                let record = Record(&sector);
                // exFAT has its place elsewhere.
                let has_bpb = kind == BootCodeKind::Windows && !record.has(3, b"EXFAT");
                let hidden_sectors = has_bpb.then(|| record.u32(HIDDEN_SECTORS));
                Some(facts::VolumeBootCode {
                    volume,
                    kind,
                    evidence,
                    unread: None,
                    hidden_sectors,
                    grub_core,
                    grub_legacy,
                    ldlinux: ldlinux.flatten(),
                })
            })
            .collect()
    }
}

/// The sector of a volume that may hold boot code.
fn boot_sector(bytes: &dyn Bytes, finds_xfs: bool) -> Result<[u8; 512]> {
    let first = bytes.array(0)?;
    match finds_xfs && boot_code::is_xfs(&first) {
        true => bytes.array(boot_code::XFS_BOOT_SECTOR),
        false => Ok(first),
    }
}

fn unread_boot_code(volume: usize, name: &str, error: &Error) -> facts::VolumeBootCode {
    let location = format!("{name}, boot sector");
    facts::VolumeBootCode {
        volume,
        kind: BootCodeKind::Unrecognised,
        evidence: Evidence::new(&location, "not read"),
        unread: Some(Unread::new(location, error.to_string())),
        hidden_sectors: None,
        grub_core: None,
        grub_legacy: None,
        ldlinux: None,
    }
}

/// What a boot sector of GRUB loads. It counts the sectors of the disk, wherever it stands itself.
fn grub(
    disk: &dyn Bytes,
    kind: BootCodeKind,
    sector: &[u8; 512],
    partitions: &[PartitionFacts],
) -> (Option<Fact<GrubCoreFacts>>, Option<Fact<GrubLegacyFacts>>) {
    let core = (kind == BootCodeKind::Grub2).then(|| grub_core::read(disk, sector, partitions));
    let is_legacy = kind == BootCodeKind::GrubLegacy;
    (core, is_legacy.then(|| grub_legacy::read(disk, sector)))
}

fn boot_code(disk: &dyn Bytes, sector: &[u8; 512], partitions: &[PartitionFacts]) -> BootCodeFacts {
    let code = boot_code::disk(sector);
    let (grub_core, grub_legacy) = grub(disk, code.kind, sector, partitions);
    BootCodeFacts {
        kind: code.kind,
        signature: code.signature,
        evidence: code.evidence,
        grub_core,
        grub_legacy,
    }
}

fn unread_table(error: Error) -> Table {
    Table { complete: Err(error), ..no_table() }
}

fn no_table() -> Table {
    Table {
        kind: TableKind::None,
        sector_size: DEFAULT_SECTOR_SIZE,
        mbr_signature: None,
        gpt: None,
        partitions: Vec::new(),
        problems: Vec::new(),
        reserved: Vec::new(),
        complete: Ok(()),
    }
}

/// Decides which table describes the disk: Linux reads a GPT only behind a protective MBR entry.
fn table(disk: &dyn Bytes, sector: &[u8; 512]) -> Table {
    let mbr = match mbr::first_sector(sector) {
        FirstSector::Table(mbr) if mbr.has_protective_type() => return gpt_table(disk, Some(&mbr)),
        FirstSector::Table(mbr) if !mbr.is_empty() => return mbr_table(disk, &mbr),
        FirstSector::Table(mbr) => Some(mbr),
        FirstSector::Other => None,
    };
    match (gpt::has_primary_signature(disk), mbr) {
        (Err(error), _) => unread_table(error),
        (Ok(true), mbr) => gpt_table(disk, mbr.as_ref()),
        (Ok(false), None) => no_table(),
        // Boot code with an empty table may as well be the boot sector of a file system that takes
        // the whole disk.
        (Ok(false), Some(mbr)) => match signature::find(disk) {
            Ok(signatures) if signatures.is_empty() => mbr_table(disk, &mbr),
            Ok(_) => no_table(),
            Err(error) => unread_table(error),
        },
    }
}

fn mbr_table(disk: &dyn Bytes, mbr: &Mbr) -> Table {
    let found = mbr.partitions(disk);
    let mut problems = found.problems;
    // Where it cannot be read, the MBR is what counts all the same.
    if gpt::has_primary_signature(disk).unwrap_or(false) {
        problems.push(layout::untidy(
            "GPT, primary header",
            "a GPT beside an MBR without a protective entry; nobody reads it",
        ));
    }
    Table {
        kind: TableKind::Mbr,
        mbr_signature: Some(mbr.signature()),
        partitions: found.partitions,
        problems,
        reserved: vec![Reserved { what: "MBR", start: 0, end: DEFAULT_SECTOR_SIZE.into() }],
        complete: found.complete,
        ..no_table()
    }
}

/// A GPT, or what is left of one.
fn gpt_table(disk: &dyn Bytes, mbr: Option<&Mbr>) -> Table {
    let kind = match mbr {
        Some(mbr) if mbr.is_hybrid() => TableKind::HybridGpt,
        _ => TableKind::Gpt,
    };
    let mut table = Table { kind, mbr_signature: mbr.map(Mbr::signature), ..no_table() };
    match gpt::read(disk) {
        Ok(Some(gpt)) => {
            table.sector_size = gpt.sector_size;
            table.gpt = Some(gpt.facts);
            table.partitions = gpt.partitions;
            table.problems = gpt.problems;
            table.reserved = gpt.reserved;
            table.complete = gpt.complete;
            if table.sector_size == DEFAULT_SECTOR_SIZE {
                let strangers = mbr.map(|mbr| mbr.strangers(&table.partitions));
                table.problems.extend(strangers.unwrap_or_default());
            }
        }
        Err(error) => table.complete = Err(error),
        Ok(None) => {
            let found = "`EFI PART` neither at LBA 1 nor at the last LBA";
            let error = Error::corrupt("GPT", 512, "a header behind the protective MBR", found);
            table.problems.push(layout::broken("GPT", error.to_string()));
            table.complete = Err(error);
        }
    }
    if !mbr.is_some_and(Mbr::is_protective) {
        table.problems.push(layout::broken(
            "MBR, byte 446",
            "no entry of type 0xee that starts at sector 1, so Linux does not look for the GPT",
        ));
    }
    table
}
