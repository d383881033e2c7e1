//! The GUID partition table (UEFI specification 2.10, §5.3).
//!
//! What Linux makes of a table is in `block/partitions/efi.c`: it takes the primary header at LBA 1
//! and, unless `gpt` stands on its command line, nothing else.

use super::facts::{GptFacts, LayoutProblem, PartitionFacts};
use super::layout::{MAX_PARTITIONS, Reserved, broken, is_flaw, untidy};
use super::partition_type;
use super::record::Record;
use crate::bytes::{Bytes, BytesExt};
use crate::error::{Error, Result};
use crate::fact::Fact;

const SIGNATURE: &[u8] = b"EFI PART";

/// Bytes of the header that the specification defines.
const HEADER_SIZE: usize = 92;

/// Most bytes of an entry array: Linux refuses bigger ones (`KMALLOC_MAX_SIZE`, 4 MiB on x86-64).
const MAX_ARRAY: u64 = 4 << 20;

/// Biggest entry that is read. The specification allows any 128·2ⁿ; every known writer uses 128.
const MAX_ENTRY_SIZE: u32 = 4096;

/// The entry size that Linux, GRUB and EDK 2 read.
const ENTRY_SIZE: u32 = 128;

/// A header with its entries, both with the right checksum.
struct Table {
    lba: u64,
    alternate: u64,
    first_usable: u64,
    last_usable: u64,
    disk_guid: String,
    entries_lba: u64,
    entry_size: u32,
    array_crc: u32,
    array: Vec<u8>,
}

/// What stands at the place of a header.
enum Header {
    Sound(Box<Table>),
    /// `EFI PART` does not stand there.
    Absent(Error),
    Bad(Error),
}

impl Header {
    fn sound(&self) -> Option<&Table> {
        match self {
            Self::Sound(table) => Some(table),
            _ => None,
        }
    }

    fn error(&self) -> Option<&Error> {
        match self {
            Self::Sound(_) => None,
            Self::Absent(error) | Self::Bad(error) => Some(error),
        }
    }
}

/// A GPT as it was found.
pub(super) struct Gpt {
    pub(super) sector_size: u32,
    pub(super) facts: GptFacts,
    pub(super) partitions: Vec<PartitionFacts>,
    pub(super) problems: Vec<LayoutProblem>,
    pub(super) reserved: Vec<Reserved>,
    /// Whether the entries could be read in full.
    pub(super) complete: Result<()>,
}

/// Whether `EFI PART` stands at byte `offset`; beyond the end of the disk nothing stands.
fn signature_at(disk: &dyn Bytes, offset: u64) -> Result<bool> {
    match disk.array::<8>(offset) {
        Ok(bytes) => Ok(bytes.as_slice() == SIGNATURE),
        Err(Error::OutOfBounds { .. }) => Ok(false),
        Err(error) => Err(error),
    }
}

/// The sector size that a GPT on this disk is written for: where `EFI PART` stands, at the start
/// (LBA 1) or at the end (the last LBA). `None` when it stands nowhere.
fn sector_size(disk: &dyn Bytes) -> Result<Option<u32>> {
    let sizes = [512_u32, 4096];
    let primary = sizes.map(|size| (size, u64::from(size)));
    let backup = sizes.map(|size| (size, last_lba(disk, size).saturating_mul(size.into())));
    for (size, offset) in primary.into_iter().chain(backup) {
        if signature_at(disk, offset)? {
            return Ok(Some(size));
        }
    }
    Ok(None)
}

fn last_lba(disk: &dyn Bytes, sector_size: u32) -> u64 {
    disk.len().checked_div(sector_size.into()).unwrap_or_default().saturating_sub(1)
}

/// Whether `EFI PART` stands at LBA 1.
///
/// # Errors
/// When that place cannot be read.
pub(super) fn has_primary_signature(disk: &dyn Bytes) -> Result<bool> {
    Ok(signature_at(disk, 512)? || signature_at(disk, 4096)?)
}

fn header(disk: &dyn Bytes, lba: u64, sector_size: u32) -> Header {
    let offset = lba.saturating_mul(sector_size.into());
    let sector =
        match usize::try_from(sector_size).map_or(Ok(Vec::new()), |len| disk.vec(offset, len)) {
            Ok(sector) => sector,
            Err(error @ Error::OutOfBounds { .. }) => return Header::Absent(error),
            Err(error) => return Header::Bad(error),
        };
    if !Record(&sector).has(0, SIGNATURE) {
        let found = format!("{:02x?}", Record(&sector).bytes(0, SIGNATURE.len()));
        return Header::Absent(Error::corrupt("GPT header", offset, "`EFI PART`", found));
    }
    match table(disk, lba, &sector, offset, sector_size) {
        Ok(table) => Header::Sound(Box::new(table)),
        Err(error) => Header::Bad(error),
    }
}

/// Checks everything that the header says of itself and of its entries.
fn table(
    disk: &dyn Bytes,
    lba: u64,
    sector: &[u8],
    offset: u64,
    sector_size: u32,
) -> Result<Table> {
    let corrupt = |expected: String, found: String| {
        Err(Error::corrupt("GPT header", offset, expected, found))
    };
    let header = Record(sector);
    let header_size = header.u32(12);
    let used = usize::try_from(header_size).unwrap_or(usize::MAX);
    if used < HEADER_SIZE || used > sector.len() {
        return corrupt(
            format!("a header of {HEADER_SIZE} to {} bytes", sector.len()),
            header_size.to_string(),
        );
    }
    let mut summed = header.bytes(0, used).to_vec();
    if let Some(field) = summed.get_mut(16..20) {
        field.fill(0);
    }
    let crc = crc32fast::hash(&summed);
    if !crate::checksum::holds(header.u32(16), crc) {
        return corrupt(format!("checksum {crc:#010x}"), format!("{:#010x}", header.u32(16)));
    }
    if header.u64(24) != lba {
        return corrupt(format!("its own LBA {lba}"), header.u64(24).to_string());
    }
    let (first_usable, last_usable) = (header.u64(40), header.u64(48));
    if first_usable > last_usable {
        return corrupt(
            "a first usable LBA before the last".to_owned(),
            format!("{first_usable} and {last_usable}"),
        );
    }
    let entry_size = header.u32(84);
    if !entry_size.is_power_of_two() || !(ENTRY_SIZE..=MAX_ENTRY_SIZE).contains(&entry_size) {
        return corrupt(
            format!("an entry size of 128·2ⁿ up to {MAX_ENTRY_SIZE}"),
            entry_size.to_string(),
        );
    }
    let count = header.u32(80);
    let len = u64::from(count).saturating_mul(entry_size.into());
    if len > MAX_ARRAY {
        return corrupt(
            format!("an entry array of at most {MAX_ARRAY} bytes"),
            format!("{count} entries of {entry_size} bytes"),
        );
    }
    let entries_lba = header.u64(72);
    let array_at = entries_lba.saturating_mul(sector_size.into());
    let array = disk.vec(array_at, usize::try_from(len).unwrap_or(usize::MAX))?;
    let array_crc = crc32fast::hash(&array);
    if !crate::checksum::holds(header.u32(88), array_crc) {
        return Err(Error::corrupt(
            "GPT entries",
            array_at,
            format!("checksum {:#010x}", header.u32(88)),
            format!("{array_crc:#010x}"),
        ));
    }
    Ok(Table {
        lba,
        alternate: header.u64(32),
        first_usable,
        last_usable,
        disk_guid: header.guid(56),
        entries_lba,
        entry_size,
        array_crc,
        array,
    })
}

/// Reads the GPT of a disk. `None` when neither end of the disk has one.
///
/// # Errors
/// When the places of the headers cannot be read.
pub(super) fn read(disk: &dyn Bytes) -> Result<Option<Gpt>> {
    let Some(sector_size) = sector_size(disk)? else { return Ok(None) };
    let last = last_lba(disk, sector_size);
    let mut problems = Vec::new();

    let primary = header(disk, 1, sector_size);
    let primary_flaw = match &primary {
        Header::Sound(table) => beyond_disk(table, last, sector_size),
        Header::Absent(error) | Header::Bad(error) => Some(error.clone()),
    };
    if let Some(error) = primary_flaw.as_ref().filter(|error| is_flaw(error)) {
        problems.push(broken("GPT, primary header", error.to_string()));
    }

    let (backup, backup_flaw) = backup(disk, primary.sound(), last, sector_size, &mut problems);

    let unreadable = || Error::corrupt("GPT", 512, "a sound header", "none");
    let chosen = primary.sound().or(backup.sound());
    let mut partitions = Vec::new();
    let mut reserved = Vec::new();
    let complete = match chosen {
        Some(table) => {
            let result = entries(table, sector_size, &mut partitions, &mut problems);
            reserved = own_sectors(&primary, &backup, sector_size);
            outside_usable(table, &partitions, sector_size, &mut problems);
            // What Linux would read stands in the primary: the backup does not stand in for one
            // that could not be read.
            match primary.error() {
                Some(error) if !is_flaw(error) => Err(error.clone()),
                _ => result,
            }
        }
        None => Err(primary.error().cloned().unwrap_or_else(unreadable)),
    };
    Ok(Some(Gpt {
        sector_size,
        facts: GptFacts {
            disk_guid: chosen.map(|table| table.disk_guid.clone()).unwrap_or_default(),
            primary: Fact::from_result("GPT, primary header", primary_flaw.map_or(Ok(()), Err)),
            backup: Fact::from_result("GPT, backup header", backup_flaw.map_or(Ok(()), Err)),
        },
        partitions,
        problems,
        reserved,
        complete,
    }))
}

/// Linux refuses a header whose usable sectors do not lie on the disk (`is_gpt_valid`).
fn beyond_disk(table: &Table, last: u64, sector_size: u32) -> Option<Error> {
    (table.last_usable > last).then(|| {
        Error::corrupt(
            "GPT header",
            table.lba.saturating_mul(sector_size.into()),
            format!("a last usable LBA of at most {last}, the disk's last"),
            table.last_usable.to_string(),
        )
    })
}

/// Reads the backup and says what is wrong with it: it belongs at the last LBA, and it has to say
/// what the primary says.
fn backup(
    disk: &dyn Bytes,
    primary: Option<&Table>,
    last: u64,
    sector_size: u32,
    problems: &mut Vec<LayoutProblem>,
) -> (Header, Option<Error>) {
    let location = "GPT, backup header";
    let lba = primary.map_or(last, |table| table.alternate);
    // A "backup" at LBA 1 would be the primary itself.
    let backup = if lba <= 1 {
        Header::Bad(Error::corrupt("GPT header", 0, "an alternate LBA", lba.to_string()))
    } else {
        header(disk, lba, sector_size)
    };
    let flaw = match (&backup, primary) {
        (Header::Sound(copy), Some(primary)) => disagreement(primary, copy, sector_size),
        (Header::Sound(copy), None) => beyond_disk(copy, last, sector_size),
        (Header::Absent(error) | Header::Bad(error), _) => Some(error.clone()),
    };
    match (&flaw, &backup, primary) {
        (None, _, Some(_)) if lba < last => problems.push(untidy(
            location,
            format!(
                "at LBA {lba}, but the disk ends at LBA {last}: the disk was grown, or the header moved"
            ),
        )),
        (None, ..) => {}
        // The primary is what everybody reads, so a backup that is merely not there harms nobody
        // yet; one that lies beyond the disk shows that the disk was cut.
        (Some(error), Header::Absent(_), Some(_)) if lba <= last => {
            problems.push(untidy(location, error.to_string()));
        }
        (Some(error), ..) if is_flaw(error) => problems.push(broken(location, error.to_string())),
        (Some(_), ..) => {}
    }
    (backup, flaw)
}

fn disagreement(primary: &Table, backup: &Table, sector_size: u32) -> Option<Error> {
    let differs = |what: &str, expected: &dyn ToString, found: &dyn ToString| {
        Some(Error::corrupt(
            "GPT backup header",
            backup.lba.saturating_mul(sector_size.into()),
            format!("the primary's {what} {}", expected.to_string()),
            found.to_string(),
        ))
    };
    if backup.alternate != primary.lba {
        return differs("LBA", &primary.lba, &backup.alternate);
    }
    if backup.disk_guid != primary.disk_guid {
        return differs("disk GUID", &primary.disk_guid, &backup.disk_guid);
    }
    if backup.first_usable != primary.first_usable {
        return differs("first usable LBA", &primary.first_usable, &backup.first_usable);
    }
    if backup.last_usable != primary.last_usable {
        return differs("last usable LBA", &primary.last_usable, &backup.last_usable);
    }
    if backup.entry_size != primary.entry_size || backup.array.len() != primary.array.len() {
        return differs("entry array length", &primary.array.len(), &backup.array.len());
    }
    if backup.array_crc != primary.array_crc {
        return differs("entries, checksum", &primary.array_crc, &backup.array_crc);
    }
    None
}

fn entries(
    table: &Table,
    sector_size: u32,
    partitions: &mut Vec<PartitionFacts>,
    problems: &mut Vec<LayoutProblem>,
) -> Result<()> {
    if table.entry_size != ENTRY_SIZE {
        problems.push(broken(
            format!("GPT header at LBA {}, byte 84", table.lba),
            format!("entries of {} bytes; Linux reads only those of 128", table.entry_size),
        ));
    }
    let sector = u64::from(sector_size);
    let entry_size = usize::try_from(table.entry_size).unwrap_or(usize::MAX);
    let mut at = table.entries_lba.saturating_mul(sector);
    let mut number = 0_u32;
    for bytes in table.array.chunks_exact(entry_size) {
        let (entry, location) = (Record(bytes), format!("GPT entry, byte {at}"));
        at = at.saturating_add(table.entry_size.into());
        number = number.saturating_add(1);
        if entry.array::<16>(0) == [0; 16] {
            continue;
        }
        if partitions.len() >= MAX_PARTITIONS {
            let limit = u64::try_from(MAX_PARTITIONS).unwrap_or(u64::MAX);
            problems.push(broken(location, format!("more than {limit} partitions")));
            return Err(Error::Limit { structure: "GPT", limit, unit: "partitions" });
        }
        let (first, last) = (entry.u64(32), entry.u64(40));
        if first > last {
            problems.push(broken(
                location.clone(),
                format!("partition {number} starts at LBA {first}, after its end at LBA {last}"),
            ));
        }
        let start = first.saturating_mul(sector);
        let end = last.saturating_add(1).saturating_mul(sector);
        let type_id = entry.guid(0).to_uppercase();
        partitions.push(PartitionFacts {
            number,
            start,
            size: end.saturating_sub(start),
            role: partition_type::gpt(&type_id),
            type_id,
            name: entry.text_utf16(56, 36),
            uuid: Some(entry.guid(16)),
            active: entry.u64(48) & 0b100 != 0,
            location,
            volume: None,
        });
    }
    Ok(())
}

/// Sectors of the headers and their entries.
fn own_sectors(primary: &Header, backup: &Header, sector_size: u32) -> Vec<Reserved> {
    let sector = u64::from(sector_size);
    let tables = [
        ("primary GPT header", "primary GPT entries", primary),
        ("backup GPT header", "backup GPT entries", backup),
    ];
    let mut reserved = vec![Reserved { what: "MBR", start: 0, end: sector }];
    for (header_name, entries_name, header) in tables {
        let Some(table) = header.sound() else { continue };
        let header_at = table.lba.saturating_mul(sector);
        let array_at = table.entries_lba.saturating_mul(sector);
        let array_len = u64::try_from(table.array.len()).unwrap_or(u64::MAX);
        let pairs = [
            (header_name, header_at, header_at.saturating_add(sector)),
            (entries_name, array_at, array_at.saturating_add(array_len)),
        ];
        reserved.extend(pairs.map(|(what, start, end)| Reserved { what, start, end }));
    }
    reserved
}

/// Partitions outside the sectors that the header gives to them. Readers take them all the same.
fn outside_usable(
    table: &Table,
    partitions: &[PartitionFacts],
    sector_size: u32,
    problems: &mut Vec<LayoutProblem>,
) {
    let sector = u64::from(sector_size);
    let first = table.first_usable.saturating_mul(sector);
    let end = table.last_usable.saturating_add(1).saturating_mul(sector);
    for partition in partitions {
        if partition.start < first || partition.start.saturating_add(partition.size) > end {
            problems.push(untidy(
                partition.location.clone(),
                format!(
                    "partition {} does not lie within the usable bytes {first} to {end}",
                    partition.number
                ),
            ));
        }
    }
}
