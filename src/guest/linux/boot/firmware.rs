//! Which firmware can boot the disk, from the disk alone.

use super::first_stage::whole_disk;
use super::grub_modules;
use super::volumes::Volumes;
use crate::disk::facts::{
    BootCodeKind, DiskFacts, PartitionFacts, PartitionRole, SignatureKind, TableKind, VolumeFacts,
};
use crate::error::Error;
use crate::fact::{Evidence, Fact, Unread};
use crate::filesystem::FileType;
use crate::guest::Machine;
use crate::guest::facts::{DeviceRef, FirmwareFacts, Resolution, SourceKind};

/// Most loaders that are named as evidence, besides those of the removable-media path.
const MAX_LOADERS: usize = 32;

/// Directory of the removable-media path (UEFI 2.10, 3.5.1.1).
const FALLBACK_DIRECTORY: &str = "BOOT";

/// Names at the removable-media path: x86-64, AArch64, IA-32, ARM, RISC-V.
const FALLBACK_NAMES: [&str; 5] =
    ["BOOTX64.EFI", "BOOTAA64.EFI", "BOOTIA32.EFI", "BOOTARM.EFI", "BOOTRISCV64.EFI"];

/// Where Windows set-up puts its boot manager (Microsoft, "Boot and UEFI").
const WINDOWS_BOOT_MANAGER: &str = "/EFI/Microsoft/Boot/bootmgfw.efi";

/// What lets BIOS and UEFI boot the disk.
///
/// Unknown when the boot code could not be read, or when BIOS cannot boot the disk and an EFI
/// system partition could not be read.
pub fn firmware(machine: &Machine<'_>) -> Fact<FirmwareFacts> {
    let bios = match bios(machine.disk) {
        Ok(bios) => bios,
        Err(unread) => return Fact::Unknown(unread),
    };
    let no_devices = |spec: &str| DeviceRef {
        spec: spec.to_owned(),
        kind: SourceKind::Other,
        resolution: Resolution::NoDevice,
        other_disk: false,
    };
    let volumes = Volumes::new(machine, &no_devices);
    let mut facts = FirmwareFacts { bios, uefi: Vec::new(), uefi_fallback: Vec::new() };
    let mut unread = None;
    for (volume, of_volume) in machine.disk.volumes.iter().enumerate() {
        let esp = machine
            .disk
            .partitions
            .iter()
            .find(|partition| is_esp(partition) && partition.volume == Some(volume));
        if esp.is_none() && !is_fat(of_volume) {
            continue;
        }
        match loaders(&volumes, volume) {
            Ok(loaders) => facts.add(volumes.name(volume), esp, loaders),
            Err(error) if error.is_absent() => {}
            Err(error) => {
                unread.get_or_insert(Unread::new(volumes.name(volume), error.to_string()));
            }
        }
    }
    match unread {
        Some(unread) if facts.bios.is_empty() && facts.uefi.is_empty() => Fact::Unknown(unread),
        _ => Fact::Known(facts),
    }
}

impl FirmwareFacts {
    fn add(&mut self, volume: String, esp: Option<&PartitionFacts>, loaders: Vec<Loader>) {
        // Firmware takes any FAT volume for the removable-media path, an ESP for the others.
        let counts = |loader: &&Loader| esp.is_some() || loader.fallback;
        let mut found = loaders.iter().filter(counts).peekable();
        if let (Some(esp), Some(_)) = (esp, found.peek()) {
            let detail = format!("EFI system partition {}, type {}", esp.number, esp.type_id);
            self.uefi.push(Evidence::new(&esp.location, detail));
        }
        for loader in found {
            let evidence = Evidence::new(&loader.path, &volume);
            if loader.fallback {
                self.uefi_fallback.push(evidence.clone());
            }
            self.uefi.push(evidence);
        }
    }
}

/// What lets BIOS boot the disk; empty when it cannot.
fn bios(disk: &DiskFacts) -> Result<Vec<Evidence>, Unread> {
    let code = disk.boot_code.as_result().map_err(Clone::clone)?;
    if !code.signature {
        return Ok(Vec::new());
    }
    match code.kind {
        BootCodeKind::None => Ok(Vec::new()),
        BootCodeKind::Grub2 => {
            let core = match &code.grub_core {
                Some(core) => core.as_result().map_err(Clone::clone)?,
                None => {
                    let location = code.evidence.location.clone();
                    return Err(Unread::new(location, "where GRUB's core image lies is not known"));
                }
            };
            Ok(match core.intact {
                Fact::Known(()) => {
                    let detail = format!(
                        "GRUB core image at byte {}{}",
                        core.offset,
                        grub_modules::of_disk(core)
                    );
                    vec![code.evidence.clone(), Evidence::new(&core.place, detail)]
                }
                Fact::Unknown(_) => Vec::new(),
            })
        }
        BootCodeKind::GrubLegacy | BootCodeKind::Lilo => Ok(vec![code.evidence.clone()]),
        // The boot sector of a file system on the whole disk loads `ldlinux.sys` itself.
        BootCodeKind::Syslinux if whole_disk(disk).is_some() => Ok(vec![code.evidence.clone()]),
        BootCodeKind::Syslinux
        | BootCodeKind::Windows
        | BootCodeKind::Generic
        | BootCodeKind::Unrecognised => {
            let active = match active_in_mbr(disk, code.kind)? {
                true => active_boot_record(disk)?,
                false => None,
            };
            match active {
                Some(record) => Ok(vec![code.evidence.clone(), record]),
                None if code.kind == BootCodeKind::Unrecognised => Err(Unread::new(
                    code.evidence.location.clone(),
                    "the code in the first sector is not recognised",
                )),
                None => match &disk.table_read {
                    Fact::Known(()) => Ok(Vec::new()),
                    Fact::Unknown(unread) => Err(unread.clone()),
                },
            }
        }
    }
}

/// Whether the code in sector 0 finds the active partition where the facts have it. Windows' code and
/// code of no particular maker read the table of the MBR alone: of a GPT disk that is the protective
/// entry, and the attribute "legacy BIOS bootable" is for code that reads a GPT (SYSLINUX'
/// `gptmbr.bin`; UEFI 2.10, table 5.7).
///
/// # Errors
/// For a hybrid MBR, whose own entries are no partitions of the facts.
pub(in crate::guest) fn active_in_mbr(
    disk: &DiskFacts,
    code: BootCodeKind,
) -> Result<bool, Unread> {
    match (code, disk.table) {
        (BootCodeKind::Windows | BootCodeKind::Generic, TableKind::Gpt) => Ok(false),
        (BootCodeKind::Windows | BootCodeKind::Generic, TableKind::HybridGpt) => {
            Err(Unread::new("MBR", "which entry of a hybrid MBR is active is not looked at"))
        }
        _ => Ok(true),
    }
}

/// The active partition, when its boot sector has code.
///
/// # Errors
/// When that could not be read.
fn active_boot_record(disk: &DiskFacts) -> Result<Option<Evidence>, Unread> {
    let mut active = disk.partitions.iter().filter(|partition| partition.active);
    let found = active.find_map(|partition| {
        let volume = partition.volume?;
        let code = disk
            .volume_boot_code
            .iter()
            .find(|code| code.volume == volume && code.kind != BootCodeKind::None)?;
        if let Some(unread) = &code.unread {
            return Some(Err(unread.clone()));
        }
        let detail = format!(
            "partition {} is active; {}: {}",
            partition.number, code.evidence.location, code.evidence.detail
        );
        Some(Ok(Evidence::new(&partition.location, detail)))
    });
    found.transpose()
}

fn is_esp(partition: &PartitionFacts) -> bool {
    partition.role == PartitionRole::Esp
}

fn is_fat(volume: &VolumeFacts) -> bool {
    volume.signatures.known().is_some_and(|signatures| {
        signatures.iter().any(|signature| {
            matches!(
                signature.kind,
                SignatureKind::Fat12 | SignatureKind::Fat16 | SignatureKind::Fat32
            )
        })
    })
}

struct Loader {
    path: String,
    fallback: bool,
}

/// The loaders `EFI/*/*.efi` on a volume, and Windows' boot manager.
fn loaders(volumes: &Volumes<'_>, volume: usize) -> Result<Vec<Loader>, Error> {
    let mut loaders = Vec::new();
    for vendor in volumes.names(volume, "/EFI")? {
        let directory = format!("/EFI/{vendor}");
        let names = match volumes.names(volume, &directory) {
            Ok(names) => names,
            Err(error) if error.is_absent() => continue,
            Err(error) => return Err(error),
        };
        for name in names {
            let is_loader = name.to_ascii_lowercase().ends_with(".efi");
            let path = format!("{directory}/{name}");
            let fallback = vendor.eq_ignore_ascii_case(FALLBACK_DIRECTORY)
                && FALLBACK_NAMES.iter().any(|own| own.eq_ignore_ascii_case(&name));
            if !is_loader || (loaders.len() >= MAX_LOADERS && !fallback) {
                continue;
            }
            let found = volumes.find(volume, &path)?;
            if found.metadata.file_type == FileType::Regular && found.metadata.len > 0 {
                loaders.push(Loader { path, fallback });
            }
        }
    }
    // Windows' boot manager lies a directory deeper than those of others.
    match volumes.find(volume, WINDOWS_BOOT_MANAGER) {
        Ok(found) if found.metadata.file_type == FileType::Regular && found.metadata.len > 0 => {
            loaders.push(Loader { path: WINDOWS_BOOT_MANAGER.to_owned(), fallback: false });
        }
        Ok(_) => {}
        Err(error) if error.is_absent() => {}
        Err(error) => return Err(error),
    }
    Ok(loaders)
}
