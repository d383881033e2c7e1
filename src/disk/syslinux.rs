//! What the boot sector of SYSLINUX and EXTLINUX 4.00 and later loads, followed as it follows it.
//!
//! The installer writes the sector of the volume where `ldlinux.sys` begins into the boot sector's
//! code (`core/diskboot.inc`, `Sect1Load`; `libinstaller/syslxmod.c`, `syslinux_patch`); a file that
//! was copied anew lies elsewhere. The code loads that one sector, compares one word in it, and jumps
//! there.

use super::facts::LdlinuxFacts;
use super::layout::is_flaw;
use super::record::Record;
use crate::bytes::{Bytes, BytesExt};
use crate::error::Error;
use crate::fact::Fact;

/// Sectors are counted in 512 bytes.
const SECTOR: u64 = 512;

/// Where the boot sector has `LDLINUX_MAGIC` (`bs_magic`), and behind it where its code stands that
/// loads the sector (`bs_link`: the place, and in the upper bits `BS_MAGIC_VER`).
const BS_MAGIC: usize = 0x1f8;
const BS_LINK: usize = 0x1fc;
const LDLINUX_MAGIC: u32 = 0x3eb2_02fe;
const BS_MAGIC_VER: u16 = 0x1b << 9;
const PLACE: u16 = 0x1ff;

/// `mov eax, imm32`; `mov edx, imm32`: the sector's number. `mov bx, imm16`: where it is loaded.
const MOV_EAX: &[u8] = &[0x66, 0xb8];
const MOV_EDX: &[u8] = &[0x66, 0xba];
const MOV_BX: u8 = 0xbb;

/// `cmp dword [imm16], imm32`, behind a call: the word that the sector must hold, and where.
const CMP_DWORD: &[u8] = &[0x66, 0x81, 0x3e];

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
    let at = code.u16(21).checked_sub(code.u16(13)).filter(|&at| u64::from(at) < SECTOR)?;
    let wanted = code.u32(23);
    let location = format!("sector {number} of the volume");
    let intact = match volume.array::<512>(number.saturating_mul(SECTOR)) {
        Ok(first) if Record(&first).u32(at.into()) == wanted => Fact::Known(()),
        Ok(first) => {
            let zero = first.iter().all(|&byte| byte == 0);
            let found = if zero { "zeroes" } else { "other data" };
            let byte = number.saturating_mul(SECTOR);
            let expected = "the word by which the boot sector knows it";
            Fact::from_result(location, Err(Error::corrupt("ldlinux.sys", byte, expected, found)))
        }
        Err(error) if is_flaw(&error) => Fact::from_result(location, Err(error)),
        Err(error) => return Some(Fact::from_result(location, Err(error))),
    };
    Some(Fact::Known(LdlinuxFacts { sector: number, intact }))
}
