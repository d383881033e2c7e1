//! A module of GRUB for i386-pc, by its name.
//!
//! A relocatable object of ELF whose section `.modname` holds the name (`grub-core/genmod.sh.in`,
//! `grub-core/kern/dl.c`: `grub_dl_resolve_name`; System V ABI, "Sections").

use super::record::Record;

/// How an object of ELF for 32 bits, least significant byte first, begins.
const ELF32: &[u8] = b"\x7fELF\x01\x01";

/// Fields of its header: offset of the section headers, their length and count, and which of them is
/// the table of the sections' names.
const E_SHOFF: usize = 0x20;
const E_SHENTSIZE: usize = 0x2e;
const E_SHNUM: usize = 0x30;
const E_SHSTRNDX: usize = 0x32;

/// Fields of a section header: where the name stands in that table, offset and length of the content.
const SH_NAME: usize = 0x00;
const SH_OFFSET: usize = 0x10;
const SH_SIZE: usize = 0x14;

/// The section that holds the name, with the zero at its end.
const MODNAME: &[u8] = b".modname\0";

/// Most sections that are looked at; modules of GRUB 2.12 have at most 20.
const MAX_SECTIONS: u16 = 128;

/// Longest name; GRUB's own have under 32 bytes.
const MAX_NAME: usize = 64;

/// The name of a module; `None` when it does not tell.
pub(super) fn name(module: Record<'_>) -> Option<String> {
    if !module.has(0, ELF32) {
        return None;
    }
    let section = |index: u16| {
        let offset = usize::from(index).checked_mul(module.u16(E_SHENTSIZE).into())?;
        let start = usize::try_from(module.u32(E_SHOFF)).ok()?.checked_add(offset)?;
        Some(Record(module.0.get(start..)?))
    };
    let field = |of: Record<'_>, at| usize::try_from(of.u32(at)).ok();
    let names = field(section(module.u16(E_SHSTRNDX))?, SH_OFFSET)?;
    let of_name = (0..module.u16(E_SHNUM).min(MAX_SECTIONS)).find_map(|index| {
        let section = section(index)?;
        let at = names.checked_add(field(section, SH_NAME)?)?;
        module.has(at, MODNAME).then_some(section)
    })?;
    module.text(field(of_name, SH_OFFSET)?, field(of_name, SH_SIZE)?.min(MAX_NAME))
}
