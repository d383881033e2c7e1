//! Whose code stands in a boot sector, told by marks that its makers have kept stable.

use super::facts::BootCodeKind;
use super::record::{Record, find};
use crate::fact::Evidence;

/// Bytes of sector 0 that are code; behind them stand the disk signature and the table.
const CODE: usize = 440;

/// What a boot sector is, and what told it.
pub(super) struct BootCode {
    pub(super) kind: BootCodeKind,
    /// Bytes 510–511 are 0x55 0xAA.
    pub(super) signature: bool,
    pub(super) evidence: Evidence,
}

/// Messages of GRUB's first stage. GRUB 2's `boot.img` and GRUB legacy's `stage1` share them.
const GRUB_MESSAGES: &[u8] = b"Geom\0Hard Disk\0Read\0 Error";

/// First bytes of Microsoft's MBR code since MS-DOS 7 (`xor ax,ax; mov ss,ax; mov sp,7c00`), whose
/// messages are translated; with the two ways in which it goes on (95B to XP; Vista and later).
const MICROSOFT: [&[u8]; 2] = [
    b"\x33\xc0\x8e\xd0\xbc\x00\x7c\xfb\x50\x07\x50\x1f\xfc\xbe",
    b"\x33\xc0\x8e\xd0\xbc\x00\x7c\x8e\xc0\x8e\xd8\xbe\x00\x7c\xbf\x00\x06",
];

/// `int 13h`, the BIOS' disk service.
const INT13: &[u8] = &[0xcd, 0x13];

/// Address of the partition table as code refers to it: in the sector where the BIOS loads it
/// (0x7c00), or where it moves itself to make room (0x0600).
const TABLE_ADDRESSES: [&[u8]; 2] = [&[0xbe, 0x7d], &[0xbe, 0x07]];

/// Where EXTLINUX puts its boot sector on XFS, in bytes: behind the headers of the first allocation
/// group, as sector 0 is the superblock (`extlinux/main.c`, `XFS_BOOTSECT_OFFSET`).
pub(super) const XFS_BOOT_SECTOR: u64 = 2048;

/// `sb_magicnum`.
const XFS_MAGIC: &[u8] = b"XFSB";

/// Whether a volume that begins with `sector` is an XFS.
pub(super) fn is_xfs(sector: &[u8; 512]) -> bool {
    sector.starts_with(XFS_MAGIC)
}

/// Whether the code in sector 0 of a disk looks for an XFS's boot sector where EXTLINUX puts it, which
/// SYSLINUX 6.04's `mbr.bin` does, and neither its `altmbr.bin` nor its `gptmbr.bin`.
pub(super) fn finds_xfs(sector: &[u8; 512]) -> bool {
    syslinux_mbr(sector).is_some() && find(Record(sector).bytes(0, CODE), XFS_MAGIC).is_some()
}

/// The code in sector 0 of a disk.
pub(super) fn disk(sector: &[u8; 512]) -> BootCode {
    let record = Record(sector);
    let code = record.bytes(0, CODE);
    let signature = record.has(510, &[0x55, 0xaa]);
    if !signature {
        return none("byte 510", hex(record.bytes(510, 2)), signature);
    }
    if code.iter().all(|&byte| byte == 0) {
        return none("bytes 0 to 439", "zero".to_owned(), signature);
    }
    let told = boot_loader(record, "sector 0")
        .or_else(|| syslinux_mbr(code))
        .or_else(|| microsoft_mbr(code))
        .or_else(|| generic(code));
    let (kind, evidence) = told
        .unwrap_or_else(|| (BootCodeKind::Unrecognised, seen("sector 0", 0, record.bytes(0, 16))));
    BootCode { kind, signature, evidence }
}

fn none(location: &str, detail: String, signature: bool) -> BootCode {
    let evidence = Evidence::new(format!("sector 0, {location}"), detail);
    BootCode { kind: BootCodeKind::None, signature, evidence }
}

fn hex(bytes: &[u8]) -> String {
    let digits: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    digits.join(" ")
}

fn seen(place: &str, offset: usize, bytes: &[u8]) -> Evidence {
    Evidence::new(format!("{place}, byte {offset}"), hex(bytes))
}

fn text(place: &str, code: &[u8], text: &str) -> Option<Evidence> {
    let offset = find(code, text.as_bytes())?;
    Some(Evidence::new(format!("{place}, byte {offset}"), format!("`{text}`")))
}

/// Loaders that may stand in the disk's first sector or in a volume's.
fn boot_loader(sector: Record<'_>, place: &str) -> Option<(BootCodeKind, Evidence)> {
    let bytes = sector.bytes(0, 512);
    if let Some(offset) = find(bytes, GRUB_MESSAGES) {
        let evidence = |detail: String| Evidence::new(format!("{place}, byte {offset}"), detail);
        let messages = "`Geom`, `Hard Disk`, `Read`, ` Error`";
        // stage1 keeps its version, 3.2, where the jump at its start leads over (stage1.h:
        // STAGE1_VER_MAJ_OFFS); boot.img jumps further, over the sector number at 0x5c.
        return Some(if sector.has(0x3e, &[3, 2]) && sector.has(0, &[0xeb, 0x48]) {
            (BootCodeKind::GrubLegacy, evidence(format!("{messages}; version 3.2 at byte 62")))
        } else {
            (BootCodeKind::Grub2, evidence(messages.to_owned()))
        });
    }
    // LILO's first stage has its name behind the jump (LILO, `first.S`).
    if sector.has(6, b"LILO") || sector.has(2, b"LILO") {
        return Some((BootCodeKind::Lilo, text(place, bytes, "LILO")?));
    }
    if sector.has(3, b"SYSLINUX") || sector.has(3, b"EXTLINUX") {
        let name = if sector.has(3, b"SYSLINUX") { "SYSLINUX" } else { "EXTLINUX" };
        return Some((BootCodeKind::Syslinux, text(place, bytes, name)?));
    }
    None
}

/// SYSLINUX' `mbr.bin`, `altmbr.bin`, `gptmbr.bin` and their kin, and `isohdpfx.bin`.
fn syslinux_mbr(code: &[u8]) -> Option<(BootCodeKind, Evidence)> {
    // gptmbr.bin hands over with `!GPT` in EAX; mbr.bin and altmbr.bin end in the loop that prints
    // this message (`mbr/mbr.S`).
    let load_error = || {
        let evidence = text("sector 0", code, "Operating system load error.")?;
        find(code, b"\xac\xb4\x0e\x8a\x3e\x62\x04\xb3\x07\xcd\x10\x3c\x0a").map(|_| evidence)
    };
    let gpt = || {
        find(code, b"\x66\xb8!GPT")?;
        text("sector 0", code, "!GPT")
    };
    let hybrid = || text("sector 0", code, "isolinux.bin missing or corrupt");
    let evidence = load_error().or_else(gpt).or_else(hybrid)?;
    Some((BootCodeKind::Syslinux, evidence))
}

fn microsoft_mbr(code: &[u8]) -> Option<(BootCodeKind, Evidence)> {
    let prefix = MICROSOFT.into_iter().find(|prefix| code.starts_with(prefix));
    let evidence = match prefix {
        Some(prefix) => seen("sector 0", 0, prefix),
        None => {
            find(code, b"Missing operating system")?;
            find(code, b"Error loading operating system")?;
            text("sector 0", code, "Invalid partition table")?
        }
    };
    Some((BootCodeKind::Windows, evidence))
}

/// Code that reads the disk and walks the partition table.
fn generic(code: &[u8]) -> Option<(BootCodeKind, Evidence)> {
    let int13 = find(code, INT13)?;
    let table = TABLE_ADDRESSES.into_iter().find_map(|address| find(code, address))?;
    let detail = format!("address of the partition table; int 13h at byte {int13}");
    Some((BootCodeKind::Generic, Evidence::new(format!("sector 0, byte {table}"), detail)))
}

/// Whose code stands in the boot sector of a volume; `None` when there is none.
pub(super) fn volume(sector: &[u8; 512], name: &str) -> Option<(BootCodeKind, Evidence)> {
    let record = Record(sector);
    // The superblock of an XFS has none, and a nested MBR is no volume boot record.
    if !record.has(510, &[0x55, 0xaa]) {
        return None;
    }
    let place = format!("{name}, boot sector");
    let told = boot_loader(record, &place).or_else(|| {
        let mark = ["BOOTMGR", "NTLDR", "IO      SYS"];
        let evidence = mark.into_iter().find_map(|mark| text(&place, sector, mark))?;
        Some((BootCodeKind::Windows, evidence))
    });
    told.or_else(|| {
        // mkfs.fat and mkntfs write code that only prints that there is nothing to boot.
        let jumps = matches!(sector, [0xeb | 0xe9, ..]);
        let dummy = find(sector, b"This is not a bootable disk").is_some();
        let works = jumps && !dummy && find(sector, INT13).is_some();
        works.then(|| (BootCodeKind::Unrecognised, seen(&place, 0, record.bytes(0, 16))))
    })
}
