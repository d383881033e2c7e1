//! GRUB's core image for BIOS, followed as its boot sector follows it.
//!
//! Layout (GRUB 2.00 and later): `boot.img` in sector 0 names the sector of `diskboot.img`, whose
//! block list names the rest: `lzma_decompress.img` (`startup_raw.S`) and, compressed, the kernel
//! with the modules appended (`include/grub/i386/pc/boot.h`, `include/grub/offsets.h`,
//! `include/grub/kernel.h`, `util/mkimage.c`).

use liblzma::stream::{Action, Filters, LzmaOptions, Stream};

use super::facts::{GrubCoreFacts, PartitionFacts, PartitionRole};
use super::grub_module;
use super::layout::is_flaw;
use super::record::{Record, find};
use crate::bytes::{Bytes, BytesExt};
use crate::error::{Error, Result};
use crate::fact::Fact;

/// GRUB counts in sectors of 512 bytes.
const SECTOR: u64 = 512;

/// Field `kernel_sector` of `boot.img` (`GRUB_BOOT_MACHINE_KERNEL_SECTOR`).
const KERNEL_SECTOR: usize = 0x5c;

/// Field `boot_drive` of it (`GRUB_BOOT_MACHINE_BOOT_DRIVE`): the drive that has the core image.
const BOOT_DRIVE: usize = 0x64;

/// The drive that the firmware started from, and the first hard disk: on this machine the same.
const OWN_DRIVES: [u8; 2] = [0xff, 0x80];

/// How `boot.img` since 1.99 begins: a jump over its fields.
const BOOT_IMG: &[u8] = &[0xeb, 0x63];

/// Messages of `diskboot.img`.
const DISKBOOT_MESSAGES: &[u8] = b"Geom\0Read\0 Error";

/// First entry of `diskboot.img`'s block list; further ones stand before it.
const FIRST_BLOCK: usize = 0x1f4;

/// Bytes of a block list entry: start (u64), length in sectors (u16), segment (u16).
const BLOCK: usize = 12;

/// Lowest place of a block list entry: behind the messages.
const LAST_BLOCK: usize = 0x150;

/// Most bytes of a core image: it is loaded at 0x8000 below the 640 KiB of conventional memory.
const MAX_CORE: usize = 0xa_0000;

/// Most bytes that the compressed kernel may unpack to. All modules of GRUB 2.12 have about 3 MiB.
const MAX_KERNEL: u32 = 8 << 20;

/// Address at which what follows `diskboot.img` runs (`GRUB_BOOT_MACHINE_KERNEL_ADDR` + 0x200).
const LOADED_AT: usize = 0x8200;

/// Furthest that the compressed data may lie behind that address: `lzma_decompress.img` has less
/// than 3 KiB.
const MAX_DECOMPRESSOR: usize = 16 << 10;

/// Fields of `lzma_decompress.img` (`GRUB_DECOMPRESSOR_I386_PC_*`).
const COMPRESSED_SIZE: usize = 0x08;
const UNCOMPRESSED_SIZE: usize = 0x0c;
const NO_REED_SOLOMON_LENGTH: usize = 0x14;

/// Magic of `struct grub_module_info32`, `mimg`.
const MODULES: &[u8] = b"mimg";

/// Length of that structure: magic, offset of the first module, size of all.
const MODULES_HEADER: usize = 12;

/// Length of `struct grub_module_info64`: magic, padding, offset of the first module, size of all.
const MODULES_HEADER_64: usize = 24;

/// Types of modules (`include/grub/kernel.h`).
const OBJ_TYPE_ELF: u32 = 0;
const OBJ_TYPE_CONFIG: u32 = 2;
const OBJ_TYPE_PREFIX: u32 = 3;

/// Most modules looked at; GRUB 2.12 has about 300.
const MAX_MODULES: usize = 4096;

/// Most bytes of an embedded configuration; `grub-mkimage -c` is given some lines.
const MAX_CONFIG: usize = 64 << 10;

/// What the driver of Btrfs says of other file systems (`grub-core/fs/btrfs.c`, `read_sblock`), and the name
/// of the variable, as they stand in a program: with the zero at their end, which a configuration that is
/// embedded in it does not have.
const BTRFS: &[u8] = b"not a Btrfs filesystem\0";
const BTRFS_RELATIVE_PATH: &[u8] = b"btrfs_relative_path\0";

/// The core image that the `boot.img` in `sector` loads.
pub(super) fn read(
    disk: &dyn Bytes,
    sector: &[u8; 512],
    partitions: &[PartitionFacts],
) -> Fact<GrubCoreFacts> {
    let boot = Record(sector);
    if !boot.has(0, BOOT_IMG) {
        return Fact::unknown(
            "the boot sector of GRUB, byte 0",
            "boot.img of a GRUB before 1.99, whose layout is not read by this program",
        );
    }
    let first = boot.u64(KERNEL_SECTOR);
    let offset = first.saturating_mul(SECTOR);
    let location = format!("sector {first}");
    let mut facts = GrubCoreFacts {
        offset,
        place: place(offset, partitions),
        size: 0,
        intact: Fact::Known(()),
        prefix: Fact::Known(None),
        embedded_config: Fact::Known(None),
        modules: Fact::Known(Vec::new()),
        btrfs_relative_path: None,
    };
    let unread = |facts: &mut GrubCoreFacts, reason: &str| {
        facts.prefix = Fact::unknown(location.clone(), reason);
        facts.embedded_config = Fact::unknown(location.clone(), reason);
        facts.modules = Fact::unknown(location.clone(), reason);
    };
    let kernel = core_bytes(disk, first, &mut facts.size).and_then(|core| kernel(&core, offset));
    match kernel {
        Ok(Kernel::Unpacked(kernel)) => match modules(&kernel, offset) {
            Ok(found) => {
                facts.btrfs_relative_path = btrfs_relative_path(&kernel);
                facts.prefix = Fact::Known(found.prefix);
                facts.embedded_config = Fact::Known(found.config);
                facts.modules = match found.names {
                    Some(names) => Fact::Known(names),
                    None => Fact::unknown(location, "a module in it has no name"),
                };
            }
            Err(error) => unread(&mut facts, &error.to_string()),
        },
        Ok(Kernel::OtherLayout) => {
            let reason = "the core image's layout is not known, so its kernel was not unpacked";
            unread(&mut facts, reason);
        }
        Err(error) if !is_flaw(&error) => return Fact::unknown(location, error.to_string()),
        Err(error) => {
            let reason = error.to_string();
            unread(&mut facts, &reason);
            facts.intact = Fact::unknown(location, reason);
        }
    }
    let drive = boot.u8(BOOT_DRIVE);
    if !OWN_DRIVES.contains(&drive) {
        let reason = format!(
            "boot.img, byte 0x64, asks the BIOS drive {drive:#04x} for it, not the disk that was started"
        );
        facts.intact = Fact::unknown("boot.img, byte 0x64", reason);
    }
    Fact::Known(facts)
}

/// Whether the driver of Btrfs in a program of GRUB knows the variable by which paths begin at the default
/// subvolume (grub2-btrfs-01-add-ability-to-boot-from-subvolumes.patch); `None` when it has no such
/// driver.
pub(crate) fn btrfs_relative_path(program: &[u8]) -> Option<bool> {
    find(program, BTRFS)?;
    Some(find(program, BTRFS_RELATIVE_PATH).is_some())
}

/// Where byte `offset` of the disk lies.
fn place(offset: u64, partitions: &[PartitionFacts]) -> String {
    let inside = partitions.iter().find(|partition| {
        partition.role != PartitionRole::Extended
            && offset >= partition.start
            && offset.saturating_sub(partition.start) < partition.size
    });
    if let Some(partition) = inside {
        let number = partition.number;
        return match partition.role {
            PartitionRole::BiosBoot => format!("BIOS boot partition {number}"),
            _ => format!("partition {number}"),
        };
    }
    match partitions.iter().min_by_key(|partition| partition.start) {
        Some(first) if offset < first.start => {
            format!("gap before partition {}", first.number)
        }
        None => "whole disk".to_owned(),
        _ => "space outside of partitions".to_owned(),
    }
}

/// The bytes that `diskboot.img`'s block list names, in the order in which they are loaded.
/// `size` becomes the length of the core image, `diskboot.img` included.
fn core_bytes(disk: &dyn Bytes, first: u64, size: &mut u64) -> Result<Vec<u8>> {
    let offset = first.saturating_mul(SECTOR);
    let corrupt = |expected: &str, found: String| {
        Err(Error::corrupt("diskboot.img", offset, expected, found))
    };
    if first == 0 {
        return corrupt("a sector behind boot.img", "sector 0".to_owned());
    }
    let sector: [u8; 512] = disk.array(offset)?;
    if find(&sector, DISKBOOT_MESSAGES).is_none() {
        let zero = sector.iter().all(|&byte| byte == 0);
        return corrupt(
            "the messages `Geom`, `Read`, ` Error`",
            if zero { "zeroes".to_owned() } else { "other bytes".to_owned() },
        );
    }
    *size = SECTOR;
    let list = Record(&sector);
    let mut core = Vec::new();
    let mut at = FIRST_BLOCK;
    while at >= LAST_BLOCK {
        let (start, sectors) = (list.u64(at), list.u16(at.saturating_add(8)));
        if sectors == 0 {
            break;
        }
        let len = usize::from(sectors).saturating_mul(512);
        if core.len().saturating_add(len) > MAX_CORE {
            return corrupt("a core image below 640 KiB", format!("{sectors} sectors more"));
        }
        let bytes = disk.vec(start.saturating_mul(SECTOR), len)?;
        *size = size.saturating_add(u64::from(sectors).saturating_mul(SECTOR));
        if bytes.iter().all(|&byte| byte == 0) {
            return corrupt(
                "code",
                format!("zeroes in the {sectors} sectors from sector {start} on"),
            );
        }
        core.extend(bytes);
        at = at.saturating_sub(BLOCK);
    }
    if core.is_empty() {
        return corrupt("a block list", "an empty one".to_owned());
    }
    Ok(core)
}

/// What became of the compressed kernel.
enum Kernel {
    Unpacked(Vec<u8>),
    /// No `lzma_decompress.img` that is known.
    OtherLayout,
}

/// Unpacks the kernel behind `lzma_decompress.img`.
fn kernel(core: &[u8], offset: u64) -> Result<Kernel> {
    let header = Record(core);
    let compressed = header.u32(COMPRESSED_SIZE);
    let uncompressed = header.u32(UNCOMPRESSED_SIZE);
    let unprotected = usize::try_from(header.u32(NO_REED_SOLOMON_LENGTH)).unwrap_or(usize::MAX);
    // startup_raw.S begins with a far jump over its fields.
    if header.u8(0) != 0xea || unprotected >= MAX_DECOMPRESSOR || uncompressed > MAX_KERNEL {
        return Ok(Kernel::OtherLayout);
    }
    let Some(start) = compressed_start(core, unprotected) else { return Ok(Kernel::OtherLayout) };
    let len = usize::try_from(compressed).unwrap_or(usize::MAX);
    let Some(data) = start.checked_add(len).and_then(|end| core.get(start..end)) else {
        return Err(Error::corrupt(
            "GRUB core image",
            offset,
            format!("{compressed} bytes of compressed kernel"),
            format!("{}, by its block list", core.len().saturating_sub(start)),
        ));
    };
    unpack(data, uncompressed).map(Kernel::Unpacked).ok_or_else(|| {
        Error::corrupt(
            "GRUB core image",
            offset,
            format!("a compressed kernel that unpacks to {uncompressed} bytes"),
            "damaged data (GRUB's error correction, if it was embedded, was not tried)",
        )
    })
}

/// Where the compressed data begin: the address that the code behind the part without error
/// correction loads into ESI for the decompressor (`startup_raw.S`, `decompressor_end`).
fn compressed_start(core: &[u8], unprotected: usize) -> Option<usize> {
    const MOV_ESI: u8 = 0xbe;
    let code = core.get(unprotected..unprotected.checked_add(256)?)?;
    let (at, _) = code.iter().enumerate().find(|&(at, &byte)| {
        let address = usize::try_from(Record(code).u32(at.saturating_add(1))).unwrap_or(0);
        let range =
            LOADED_AT.saturating_add(unprotected)..LOADED_AT.saturating_add(MAX_DECOMPRESSOR);
        byte == MOV_ESI && range.contains(&address)
    })?;
    let address = usize::try_from(Record(code).u32(at.checked_add(1)?)).ok()?;
    address.checked_sub(LOADED_AT)
}

/// Raw LZMA as `grub-mkimage` writes it (`util/mkimage.c`, `compress_kernel_lzma`): lc 3, lp 0,
/// pb 2, a dictionary of 64 KiB, no end mark. `None` unless exactly `len` bytes come out.
fn unpack(data: &[u8], len: u32) -> Option<Vec<u8>> {
    let mut options = LzmaOptions::new_preset(6).ok()?;
    options.dict_size(1 << 16).literal_context_bits(3).literal_position_bits(0).position_bits(2);
    let mut filters = Filters::new();
    filters.lzma1(&options);
    let mut stream = Stream::new_raw_decoder(&filters).ok()?;
    let len = usize::try_from(len).ok()?;
    let mut out = vec![0; len];
    stream.process(data, &mut out, Action::Run).ok()?;
    (stream.total_out() == u64::try_from(len).ok()?).then_some(out)
}

/// What is embedded behind the kernel.
pub(crate) struct Modules {
    pub(crate) prefix: Option<String>,
    pub(crate) config: Option<String>,
    /// Names of the modules; `None` when one has none that can be read.
    names: Option<Vec<String>>,
}

/// Reads the modules behind the kernel.
fn modules(kernel: &[u8], offset: u64) -> Result<Modules> {
    let missing = || Error::corrupt("GRUB core image", offset, "modules (`mimg`)", "none");
    // The kernel's code compares with the magic, so it stands there, too; the structure reaches
    // exactly to the end.
    let mut from = 0_usize;
    let section = loop {
        let rest = kernel.get(from..).ok_or_else(missing)?;
        let at = find(rest, MODULES).ok_or_else(missing)?;
        let section = rest.get(at..).unwrap_or_default();
        let (first, size) = (Record(section).u32(4), Record(section).u32(8));
        if usize::try_from(first) == Ok(MODULES_HEADER)
            && usize::try_from(size) == Ok(section.len())
        {
            break section;
        }
        from = from.saturating_add(at).saturating_add(1);
    };
    embedded(section, MODULES_HEADER)
}

/// Reads what is embedded in a program of GRUB for UEFI of 64 bits, from its section `mods` on.
///
/// # Errors
/// [`Error::Corrupt`] where that does not begin as it is known, [`Error::Limit`].
pub(crate) fn uefi_modules(section: &[u8]) -> Result<Modules> {
    let header = Record(section);
    let (first, size) = (header.u64(8), header.u64(16));
    let all = usize::try_from(size).ok().and_then(|size| section.get(..size));
    match all.filter(|_| header.has(0, MODULES) && usize::try_from(first) == Ok(MODULES_HEADER_64))
    {
        Some(section) => embedded(section, MODULES_HEADER_64),
        None => Err(Error::corrupt("GRUB for UEFI", 0, "modules (`mimg`)", "other bytes")),
    }
}

/// Reads the modules from byte `at` of their section on.
fn embedded(section: &[u8], mut at: usize) -> Result<Modules> {
    let mut found = Modules { prefix: None, config: None, names: Some(Vec::new()) };
    for _ in 0..MAX_MODULES {
        let module = Record(section.get(at..).unwrap_or_default());
        let size = usize::try_from(module.u32(4)).unwrap_or(usize::MAX);
        if size < 8 {
            return Ok(found);
        }
        let content = size.saturating_sub(8).min(module.0.len().saturating_sub(8));
        if content > MAX_CONFIG && module.u32(0) == OBJ_TYPE_CONFIG {
            let limit = u64::try_from(MAX_CONFIG).unwrap_or(u64::MAX);
            let structure = "GRUB core image";
            return Err(Error::Limit { structure, limit, unit: "bytes of configuration" });
        }
        match module.u32(0) {
            OBJ_TYPE_ELF => {
                let name = grub_module::name(Record(module.bytes(8, content)));
                found.names = found.names.zip(name).map(|(mut names, name)| {
                    names.push(name);
                    names
                });
            }
            OBJ_TYPE_PREFIX => found.prefix = module.text(8, content),
            OBJ_TYPE_CONFIG => found.config = module.text(8, content),
            _ => {}
        }
        at = at.saturating_add(size);
    }
    Err(Error::too_much("GRUB core image", MAX_MODULES, "modules"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kernel(modules: &[(u32, usize)]) -> Vec<u8> {
        let mut section = b"mimg\x0c\0\0\0\0\0\0\0".to_vec();
        for (kind, content) in modules {
            let size = u32::try_from(content.saturating_add(8)).unwrap();
            section.extend(kind.to_le_bytes());
            section.extend(size.to_le_bytes());
            section.extend(vec![b'x'; *content]);
        }
        let len = u32::try_from(section.len()).unwrap();
        section[8..12].copy_from_slice(&len.to_le_bytes());
        section
    }

    #[test]
    fn an_embedded_configuration_and_modules_beyond_their_bounds_are_not_cut() {
        let read = |list: &[(u32, usize)]| modules(&kernel(list), 0);
        let found = read(&[(OBJ_TYPE_CONFIG, 100), (OBJ_TYPE_PREFIX, 9)]).unwrap();
        assert_eq!(found.prefix.as_deref(), Some("xxxxxxxxx"));
        assert_eq!(found.config.map(|config| config.len()), Some(100));
        assert!(matches!(read(&[(OBJ_TYPE_CONFIG, 70_000)]), Err(Error::Limit { .. })));
        assert!(matches!(read(&[(0, 0); 4096]), Err(Error::Limit { .. })));
    }

    #[test]
    fn a_section_for_uefi_that_is_cut_or_begins_otherwise_is_an_error() {
        let mut section = b"mimg\0\0\0\0\x18\0\0\0\0\0\0\0\x24\0\0\0\0\0\0\0".to_vec();
        section.extend(b"\x03\0\0\0\x0c\0\0\0/a\0\0padding");
        assert_eq!(uefi_modules(&section).unwrap().prefix.as_deref(), Some("/a"));
        assert!(uefi_modules(&section[..35]).is_err());
        for at in [0, 8, 16, 23] {
            let mut other = section.clone();
            other[at] ^= 0x80;
            assert!(uefi_modules(&other).is_err(), "{at}");
        }
        assert!(uefi_modules(b"").is_err());
    }

    #[test]
    fn the_variable_of_the_driver_is_no_word_of_a_configuration() {
        let program = |text: &str| {
            [b"\0", text.as_bytes(), b"\0not a Btrfs filesystem\0not BtrFS\0"].concat()
        };
        assert_eq!(btrfs_relative_path(&program("btrfs_relative_path")), Some(true));
        for config in ["set btrfs_relative_path='y'\n", "export btrfs_relative_path\n"] {
            assert_eq!(btrfs_relative_path(&program(config)), Some(false));
        }
        assert_eq!(btrfs_relative_path(b"btrfs_relative_path\0"), None);
    }
}
