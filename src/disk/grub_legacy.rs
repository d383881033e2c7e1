//! What GRUB legacy's first stage loads, followed as it follows it.
//!
//! Layout (GRUB 0.97): `stage1` in sector 0 names a sector (`stage1/stage1.h`,
//! `STAGE1_STAGE2_SECTOR`); in that one, the first of `stage2` or of a `*_stage1_5`, a block list
//! names the rest (`stage2/start.S`); the first sector of the rest says what it is and which files it
//! goes on with (`stage2/asm.S`, `stage2/shared.h`).

use super::facts::GrubLegacyFacts;
use super::record::Record;
use crate::bytes::{Bytes, BytesExt};
use crate::error::{Error, Result};
use crate::fact::Fact;

/// GRUB counts in sectors of 512 bytes.
const SECTOR: u64 = 512;

/// Where `stage1` has the sector that it loads.
const STAGE2_SECTOR: usize = 0x44;

/// First entry of the block list; further ones stand before it, down to one without sectors.
const FIRST_BLOCK: usize = 0x1f8;

/// Bytes of an entry: start (u32), length in sectors (u16), segment (u16).
const BLOCK: usize = 8;

/// Lowest place of an entry: behind the code and its messages.
const LAST_BLOCK: usize = 0x140;

/// Most sectors of a stage: it is loaded below the 640 KiB of conventional memory.
const MAX_SECTORS: u64 = 1200;

/// Where the second sector has the version that stages must agree in, 3.2, the partition that stage 2
/// was installed on, what it is, and the version in words (`STAGE2_VER_MAJ_OFFS` and behind it).
const VERSION: usize = 0x6;
const INSTALLED_ON: usize = 0x8;
const STAGE: usize = 0x10;
const VERSION_TEXT: usize = 0x12;

/// The stage that needs no other (`STAGE2_ID_STAGE2`).
const STAGE2: u8 = 0;

/// A partition number that stands for the whole disk.
const WHOLE_DISK: u32 = 0xff;

/// Longest list of files.
const MAX_FILES: usize = 128;

/// The stage that the `stage1` in `sector` loads.
pub(super) fn read(disk: &dyn Bytes, sector: &[u8; 512]) -> Fact<GrubLegacyFacts> {
    let first = u64::from(Record(sector).u32(STAGE2_SECTOR));
    let mut facts = GrubLegacyFacts {
        offset: first.saturating_mul(SECTOR),
        size: 0,
        intact: Fact::Known(()),
        is_stage2: false,
        partition: None,
        files: Vec::new(),
    };
    match stage(disk, first, &mut facts) {
        Ok(()) => {}
        Err(Error::Corrupt { structure, offset, expected, found }) => {
            let place = format!("{structure} at byte {offset}");
            facts.intact = Fact::unknown(place, format!("expected {expected}, found {found}"));
        }
        // Behind the end of the disk.
        Err(error @ Error::OutOfBounds { .. }) => {
            facts.intact = Fact::unknown(format!("sector {first}"), error.to_string());
        }
        Err(error) => return Fact::unknown(format!("sector {first}"), error.to_string()),
    }
    Fact::Known(facts)
}

fn sector_at(disk: &dyn Bytes, number: u64) -> Result<[u8; 512]> {
    disk.array(number.saturating_mul(SECTOR))
}

fn stage(disk: &dyn Bytes, first: u64, facts: &mut GrubLegacyFacts) -> Result<()> {
    let start = sector_at(disk, first)?;
    let start = Record(&start);
    let mut sectors = 1_u64;
    let mut second = None;
    let mut at = FIRST_BLOCK;
    while at >= LAST_BLOCK {
        let (from, len) = (u64::from(start.u32(at)), u64::from(start.u16(at.saturating_add(4))));
        if len == 0 {
            break;
        }
        second = second.or(Some(from));
        sectors = sectors.saturating_add(len);
        let end = from.saturating_add(len).saturating_mul(SECTOR);
        if sectors > MAX_SECTORS || end > disk.len() {
            let byte = first.saturating_mul(SECTOR);
            let expected = "a block list of sectors of this disk";
            let found = format!("{len} sectors from {from} on");
            return Err(Error::corrupt("GRUB legacy block list", byte, expected, found));
        }
        at = at.saturating_sub(BLOCK);
    }
    facts.size = sectors.saturating_mul(SECTOR);
    let Some(second) = second else {
        let byte = first.saturating_mul(SECTOR);
        return Err(Error::corrupt("GRUB legacy block list", byte, "blocks", "none"));
    };
    let raw = sector_at(disk, second)?;
    let header = Record(&raw);
    if !header.has(VERSION, &[3, 2]) || !header.has(VERSION_TEXT, b"0.") {
        let byte = second.saturating_mul(SECTOR);
        return Err(Error::corrupt(
            "GRUB legacy stage",
            byte,
            "version 3.2 of a stage",
            "other data",
        ));
    }
    facts.is_stage2 = header.has(STAGE, &[STAGE2]);
    let version = header.bytes(VERSION_TEXT, MAX_FILES);
    let behind = version.iter().position(|byte| *byte == 0).unwrap_or(0).saturating_add(1);
    let at = VERSION_TEXT.saturating_add(behind);
    // A stage 1.5 has the device of stage 2 before the names.
    let (device, names) = if facts.is_stage2 {
        (header.u32(INSTALLED_ON), at)
    } else {
        (header.u32(at), at.saturating_add(4))
    };
    let partition = device >> 16 & 0xff;
    facts.partition = (partition != WHOLE_DISK).then(|| partition.saturating_add(1));
    let names = header.bytes(names, MAX_FILES);
    let names = names.split(|byte| *byte == 0).next().unwrap_or_default();
    let names = String::from_utf8_lossy(names);
    facts.files = names.split_ascii_whitespace().map(str::to_owned).collect();
    Ok(())
}
