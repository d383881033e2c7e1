//! What the boot sector of SYSLINUX and EXTLINUX 4.00 and later loads, followed as it follows it.
//!
//! The installer writes the sector of the volume where `ldlinux.sys` begins into the boot sector's
//! code (`core/diskboot.inc`, `Sect1Load`; `libinstaller/syslxmod.c`, `syslinux_patch`); a file that
//! was copied anew lies elsewhere. The code loads that one sector, compares one word in it, and jumps
//! there. The code there loads the rest by a list of extents and adds all up (`core/diskstart.inc`,
//! `load_rest`, `verify_checksum`).

use super::facts::LdlinuxFacts;
use super::layout::is_flaw;
use super::record::{Record, find};
use crate::bytes::{Bytes, BytesExt};
use crate::error::{Error, Result};
use crate::fact::Fact;

/// Sectors are counted in 512 bytes.
const SECTOR: usize = 512;

/// Where the boot sector has `LDLINUX_MAGIC` (`bs_magic`), and behind it where its code stands that
/// loads the sector (`bs_link`: the place, and in the upper bits `BS_MAGIC_VER`).
const BS_MAGIC: usize = 0x1f8;
const BS_LINK: usize = 0x1fc;
const LDLINUX_MAGIC: u32 = 0x3eb2_02fe;
const BS_MAGIC_VER: u16 = 0x1b << 9;
const PLACE: u16 = 0x1ff;

/// Where the boot sector has the size of a sector (`bsBytesPerSec`), by which SYSLINUX 6.04 counts.
const BYTES_PER_SECTOR: usize = 0x0b;

/// `mov eax, imm32`; `mov edx, imm32`: the sector's number. `mov bx, imm16`: where it is loaded.
const MOV_EAX: &[u8] = &[0x66, 0xb8];
const MOV_EDX: &[u8] = &[0x66, 0xba];
const MOV_BX: u8 = 0xbb;

/// `cmp dword [imm16], imm32`, behind a call: the word that the sector must hold, and where.
const CMP_DWORD: &[u8] = &[0x66, 0x81, 0x3e];

/// `lea esi, [imm16]`: where the extents stand (`SectorPtrs`). Soon behind it (4.00 loads EBX between
/// the two) `mov cx, [imm16]`; `dec cx`: how many sectors there are (`DataSectors`), without the first.
const LEA_ESI: &[u8] = &[0x66, 0x8d, 0x36];
const MOV_CX: &[u8] = &[0x8b, 0x0e];
const DEC_CX: u8 = 0x49;
const BETWEEN: usize = 6;

/// Where the patch area has its fields, from the word on that the boot sector compares
/// (`libinstaller/syslxint.h`, `struct patch_area`, `instance`).
const DATA_SECTORS: usize = 4;
const DWORDS: usize = 8;

/// Bytes of an extent: its first sector (8) and how many there are (2; `struct syslinux_extent`).
const EXTENT: usize = 10;

/// Most sectors that there is room for: from 0x8000, where the file is loaded, up to where the video
/// memory begins (0xA0000).
const MAX_SECTORS: u16 = 1216;

/// What the code in `sector`, the boot sector of `volume`, loads; `None` for code of another layout.
pub(super) fn read(volume: &dyn Bytes, sector: &[u8; 512]) -> Option<Fact<LdlinuxFacts>> {
    let boot = Record(sector);
    let link = boot.u16(BS_LINK);
    if boot.u32(BS_MAGIC) != LDLINUX_MAGIC || link & !PLACE != BS_MAGIC_VER {
        return None;
    }
    let code = Record(sector.get(usize::from(link & PLACE)..)?);
    if !(code.has(0, MOV_EAX) && code.has(6, MOV_EDX) && code.u8(12) == MOV_BX) {
        return None;
    }
    let number = u64::from(code.u32(8)) << 32 | u64::from(code.u32(2));
    if !code.has(18, CMP_DWORD) {
        return None;
    }
    let base = code.u16(13);
    let at = code.u16(21).checked_sub(base).map(usize::from).filter(|&at| at < SECTOR)?;
    let file = Ldlinux { volume, number, base, at };
    let location = format!("sector {number} of the volume");
    let unfollowed = |why: &str| Error::unsupported("ldlinux.sys", file.byte(), why);
    let loaded = file.first(code.u32(23)).and_then(|first| match boot.u16(BYTES_PER_SECTOR) {
        512 => match file.patch_area(&first) {
            Some(area) => file.check(&first, &area),
            None => Err(unfollowed("code of another layout in its first sector")),
        },
        other => Err(unfollowed(&format!("a sector size of {other} bytes"))),
    });
    match loaded {
        Err(error) if !is_flaw(&error) => Some(Fact::from_result(location, Err(error))),
        other => {
            let intact = Fact::from_result(location, other);
            Some(Fact::Known(LdlinuxFacts { sector: number, intact }))
        }
    }
}

/// `ldlinux.sys` as the boot sector knows it.
struct Ldlinux<'a> {
    volume: &'a dyn Bytes,
    /// Its first sector on the volume.
    number: u64,
    /// The address at which it is loaded.
    base: u16,
    /// Where in it the word stands that the boot sector compares.
    at: usize,
}

/// What the first sector says of the others.
struct PatchArea {
    data_sectors: u16,
    dwords: u32,
    /// Where in the file the extents stand.
    extents: usize,
}

impl Ldlinux<'_> {
    fn byte(&self) -> u64 {
        self.number.saturating_mul(512)
    }

    fn corrupt(&self, expected: impl Into<String>, found: impl Into<String>) -> Error {
        Error::corrupt("ldlinux.sys", self.byte(), expected.into(), found.into())
    }

    /// The first sector, which holds the word that is wanted.
    fn first(&self, wanted: u32) -> Result<[u8; SECTOR]> {
        let first: [u8; SECTOR] = self.volume.array(self.byte())?;
        if Record(&first).u32(self.at) == wanted {
            return Ok(first);
        }
        let zero = first.iter().all(|&byte| byte == 0);
        let found = if zero { "zeroes" } else { "other data" };
        Err(self.corrupt("the word by which the boot sector knows it", found))
    }

    /// `None` for code of another layout.
    fn patch_area(&self, first: &[u8; SECTOR]) -> Option<PatchArea> {
        let record = Record(first);
        let field = |offset: usize| self.at.saturating_add(offset);
        let lea = find(first, LEA_ESI)?;
        let extents = record.u16(lea.saturating_add(LEA_ESI.len())).checked_sub(self.base)?;
        let behind = first.get(lea.saturating_add(LEA_ESI.len()).saturating_add(2)..)?;
        let count = find(behind.get(..BETWEEN.saturating_add(MOV_CX.len()))?, MOV_CX)?;
        let count = Record(behind.get(count.saturating_add(MOV_CX.len())..)?);
        let counted = usize::from(count.u16(0).checked_sub(self.base)?);
        (counted == field(DATA_SECTORS) && count.u8(2) == DEC_CX).then(|| PatchArea {
            data_sectors: record.u16(field(DATA_SECTORS)),
            dwords: record.u32(field(DWORDS)),
            extents: extents.into(),
        })
    }

    /// Loads what the first sector names and adds it up: with the checksum, which lies in it, all
    /// 32-bit words make [`LDLINUX_MAGIC`].
    fn check(&self, first: &[u8; SECTOR], area: &PatchArea) -> Result<()> {
        let sectors = area.data_sectors;
        if !(1..=MAX_SECTORS).contains(&sectors) {
            let expected = format!("1 to {MAX_SECTORS} sectors to load");
            return Err(self.corrupt(expected, sectors.to_string()));
        }
        let mut loaded = first.to_vec();
        let (mut left, mut at) = (sectors.saturating_sub(1), area.extents);
        while left != 0 {
            let extent = Record(loaded.get(at..at.saturating_add(EXTENT)).unwrap_or_default());
            let (sector, len) = (extent.u64(0), extent.u16(8));
            left = match left.checked_sub(len).filter(|_| len != 0) {
                Some(left) => left,
                None => {
                    let expected = format!("an extent of 1 to {left} sectors at its byte {at}");
                    return Err(self.corrupt(expected, len.to_string()));
                }
            };
            let len = usize::from(len).saturating_mul(SECTOR);
            loaded.extend(self.volume.vec(sector.saturating_mul(512), len)?);
            at = at.saturating_add(EXTENT);
        }
        let (words, _) = loaded.as_chunks::<4>();
        let count = usize::try_from(area.dwords).unwrap_or(usize::MAX);
        // The code adds up the first sector before it counts.
        let Some(words) = words.get(..count).filter(|_| count > SECTOR / 4) else {
            let expected = format!("a count of 32-bit words within its {sectors} sectors");
            return Err(self.corrupt(expected, area.dwords.to_string()));
        };
        let add = |sum: u32, word: &[u8; 4]| sum.wrapping_add(u32::from_le_bytes(*word));
        let sum = words.iter().fold(0, add);
        if sum == LDLINUX_MAGIC {
            return Ok(());
        }
        let expected = format!("{LDLINUX_MAGIC:#x} as the sum of its {sectors} sectors");
        Err(self.corrupt(expected, format!("{sum:#x}: damaged data")))
    }
}
