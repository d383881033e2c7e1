//! Windows, recognised by its system hive, or by what else can be seen of it; and what its registry
//! and its files say.
//!
//! In: the disk, and the file systems that can be read. Out: [`WindowsFacts`] when all that is seen
//! speaks for it. A data disk with NTFS on it, or a Linux disk beside an NTFS partition, is not
//! Windows.
//!
//! Sources: Microsoft, "UEFI/GPT-based hard drive partitions" and "BIOS/MBR-based hard drive
//! partitions" (Windows set-up makes an EFI system partition, a Microsoft reserved partition, the
//! Windows partition and a recovery partition; under BIOS an active system partition).

mod accounts;
pub mod bcd;
pub mod boot;
mod cloudbase_init;
mod display;
mod drivers;
mod drives;
#[cfg(test)]
#[allow(clippy::arithmetic_side_effects)]
mod fixture;
mod hklm;
mod network;
mod os;
pub mod pe;
mod pending;
pub mod registry;
mod remote_desktop;
mod services;
mod settings;
mod sysprep;
mod system_root;

use std::sync::Arc;

use self::hklm::Hklm;
use self::registry::Registry;
use self::system_root::SystemRoot;
use crate::disk::facts::{BootCodeKind, PartitionFacts, PartitionRole, SignatureKind};
use crate::error::Result;
use crate::fact::{Evidence, Fact, Unread};
use crate::filesystem::tree::Tree;
use crate::filesystem::{FileSystem, FileType};
use crate::guest::facts::{FirmwareFacts, WindowsBootFacts, WindowsBootPath, WindowsFacts};
use crate::guest::linux::boot::firmware::firmware;
use crate::guest::password::InitialPassword;
use crate::guest::{Machine, traced};

/// The boot manager on an EFI system partition.
const BOOT_MANAGER: [&str; 4] = ["EFI", "Microsoft", "Boot", "bootmgfw.efi"];

/// The system hive: no Windows is without it, no data disk has it. Windows 2000 and NT lie in
/// `\WINNT`.
const SYSTEM_HIVES: [[&str; 4]; 2] =
    [["Windows", "System32", "config", "SYSTEM"], ["WINNT", "System32", "config", "SYSTEM"]];

/// Windows on a disk, what it says of itself, and its tree; `None` as for `recognise`. With a supplied
/// password, its accounts say which of them it opens.
///
/// It is the installation that the boot chain of that firmware starts; where that is not known, the
/// only one that there is.
pub fn find(
    machine: &Machine<'_>,
    firmware: &Fact<FirmwareFacts>,
    password: Option<&InitialPassword>,
) -> Option<(WindowsFacts, Option<Tree>)> {
    let evidence = recognise(machine)?;
    let boot = traced("boot", || boot::follow(machine));
    Some(match system(machine, boot.of_firmware(firmware).0) {
        Ok((tree, directory)) => {
            (look_into(machine, &tree, &directory, (evidence, boot), password), Some(tree))
        }
        Err(unread) => (WindowsFacts { boot, ..WindowsFacts::unread(evidence, &unread) }, None),
    })
}

/// What the registry and the files of a tree say.
fn look_into(
    machine: &Machine<'_>,
    tree: &Tree,
    directory: &str,
    (evidence, boot): (Vec<Evidence>, WindowsBootFacts),
    password: Option<&InitialPassword>,
) -> WindowsFacts {
    let registry = traced("registry", || Registry::open_in(tree, &hives(directory)));
    let hklm = Hklm::new(&registry);
    let system_root = hklm
        .software(r"Microsoft\Windows NT\CurrentVersion")
        .and_then(|place| place.text("SystemRoot"))
        .ok()
        .flatten();
    let root = system_root.as_ref().map(|seen| seen.value.as_str());
    let root = SystemRoot::new(&registry.directory, root);
    let services = traced("services", || services::find(tree, &root, &hklm));
    WindowsFacts {
        evidence,
        boot,
        volume: tree.resolve("/").ok().and_then(|place| tree.volume(place)),
        hives: os::hives(&registry),
        os: os::identity(&hklm),
        arch: os::arch(tree, &root, &hklm),
        oem: os::oem(tree, &root, &hklm),
        accounts: traced("accounts", || accounts::find(&hklm, password)),
        bindings: traced("bindings", || drivers::bindings(&hklm)),
        interfaces: network::interfaces(&hklm),
        class_filters: services::class_filters(tree, &root, &hklm),
        fixed_macs: network::fixed_macs(&hklm),
        remote_desktop: traced("remote desktop", || remote_desktop::find(&hklm, &services)),
        san_policy: settings::san_policy(&hklm),
        display_off: display::off_after(tree, &root, &hklm),
        sysprep: traced("sysprep", || sysprep::find(tree, &root, &hklm)),
        hibernated: settings::hibernated(tree),
        pending: traced("pending", || pending::find(tree, &root, &hklm)),
        driver_policies: settings::driver_policies(&hklm),
        uvp_vmtools: settings::version_file(tree, "virtio"),
        uvp_pv_driver: settings::version_file(tree, "Xen PV Drivers"),
        cloudbase_init: traced("cloudbase-init", || cloudbase_init::find(tree, &root, &services)),
        domain: settings::domain(&hklm, &services),
        directory: os::directory(tree, &root, &hklm),
        foreign_drives: drives::foreign(&hklm, machine.disk),
        paging_files: drives::paging_files(&hklm),
        services,
    }
}

/// Why the volume of Windows is not seen: the first NTFS or BitLocker volume that cannot be opened.
fn unopened(machine: &Machine<'_>) -> Unread {
    let may_hold = |kind| matches!(kind, SignatureKind::Ntfs | SignatureKind::Bitlocker);
    let volumes = machine.disk.volumes.iter().zip(machine.filesystems);
    volumes
        .filter(|(volume, _)| volume.signature().is_some_and(|found| may_hold(found.kind)))
        .find_map(|(_, opened)| opened.unread().cloned())
        .unwrap_or_else(|| Unread::new("guest", "no volume that can be read has its system hive"))
}

/// Recognises Windows on a disk.
///
/// `None` does not say that there is no Windows: where both a Linux file system and Windows' boot
/// files are seen, which of the two would run is not told here.
pub(super) fn recognise(machine: &Machine<'_>) -> Option<Vec<Evidence>> {
    if has_linux_volume(machine) {
        return None;
    }
    let mut evidence = system_directory(machine);
    if !evidence.is_empty() {
        return Some(evidence);
    }
    // Windows itself lies on NTFS (or in BitLocker); everything below is worth nothing without.
    let ntfs = windows_volume(machine)?;
    evidence.extend(uefi(machine));
    evidence.extend(bios(machine));
    if evidence.is_empty() {
        return None;
    }
    evidence.push(ntfs);
    Some(evidence)
}

/// The system hives in the file systems that can be read.
fn system_directory(machine: &Machine<'_>) -> Vec<Evidence> {
    let of = |(name, fs): (String, Arc<dyn FileSystem>)| {
        let hive = system_hives(fs.as_ref()).next()?;
        Some(Evidence::new(name, hive.join("\\")))
    };
    filesystems(machine).filter_map(of).collect()
}

/// The paths of the system hives in a file system.
fn system_hives(fs: &dyn FileSystem) -> impl Iterator<Item = &'static [&'static str; 4]> {
    SYSTEM_HIVES.iter().filter(|path| matches!(file_at(fs, *path), Ok(true)))
}

/// The tree of the volume of the Windows that would be booted, and its directory in it; none where it
/// has none that can be read, or which one it is is not known.
pub fn tree(machine: &Machine<'_>) -> Option<(Tree, String)> {
    let boot = boot::follow(machine);
    let (path, _) = boot.of_firmware(&firmware(machine));
    system(machine, path).ok()
}

/// The tree and the directory of the installation that a boot chain leads to; where it leads to none,
/// those of the only installation.
fn system(machine: &Machine<'_>, path: &WindowsBootPath) -> Result<(Tree, String), Unread> {
    if let Some(named) = &path.system {
        match boot::tree(machine, named.volume) {
            // An error is not "not there": opening the hive tells it.
            Ok(tree)
                if tree.exists(&format!("{}/SYSTEM", hives(&named.directory))).unwrap_or(true) =>
            {
                return Ok((tree, named.directory.clone()));
            }
            Err(error) if !error.is_absent() => {
                let volume = machine.disk.volumes.get(named.volume);
                let name = volume.map_or("guest", |volume| volume.name.as_str());
                let opened = machine.filesystems.get(named.volume);
                let unread = opened.and_then(|opened| opened.unread().cloned());
                return Err(unread.unwrap_or_else(|| Unread::new(name, error.to_string())));
            }
            _ => {}
        }
    }
    let volumes = machine.filesystems.iter().enumerate();
    let volumes = volumes.filter_map(|(index, opened)| Some((index, opened.known()?.as_ref()?)));
    let found: Vec<_> = volumes
        .flat_map(|(index, fs)| {
            system_hives(fs.as_ref()).map(move |[directory, ..]| (index, fs, *directory))
        })
        .collect();
    match found.as_slice() {
        [] => Err(unopened(machine)),
        [(index, fs, directory)] => {
            Ok((Tree::new(Arc::clone(fs), *index), format!("/{directory}")))
        }
        several => {
            let names = several.iter().map(|(index, _, directory)| {
                let volume = machine.disk.volumes.get(*index);
                let name = volume.map_or("volume", |volume| volume.name.as_str());
                format!(r"\{directory} on {name}")
            });
            let names = names.collect::<Vec<_>>().join(", ");
            let reason = format!("which installation of Windows starts is not known: {names}");
            Err(Unread::new("boot configuration", reason))
        }
    }
}

/// The directory of the hives below that of Windows.
pub(crate) fn hives(directory: &str) -> String {
    format!("{directory}/System32/config")
}

/// What makes a disk boot Windows under UEFI: its boot manager; or, where the EFI system partition
/// cannot be read, the partitions that only Windows set-up makes together.
fn uefi(machine: &Machine<'_>) -> Vec<Evidence> {
    let boot_managers: Vec<_> = filesystems(machine)
        .filter(|(_, fs)| matches!(file_at(fs.as_ref(), &BOOT_MANAGER), Ok(true)))
        .map(|(name, _)| Evidence::new(name, BOOT_MANAGER.join("/")))
        .collect();
    if !boot_managers.is_empty() {
        return boot_managers;
    }
    let of_role = |role| machine.disk.partitions.iter().find(|partition| partition.role == role);
    let esp = of_role(PartitionRole::Esp);
    // Every GPT disk that Windows initialised has a reserved partition, data disks too: only with an
    // EFI system partition is it a system disk's.
    let reserved = of_role(PartitionRole::MicrosoftReserved).filter(|_| esp.is_some());
    let recovery = of_role(PartitionRole::WindowsRecovery);
    [reserved, recovery]
        .into_iter()
        .flatten()
        .map(|partition| {
            let detail = match partition.role {
                PartitionRole::WindowsRecovery => "Windows recovery partition",
                _ => "Microsoft reserved partition beside an EFI system partition",
            };
            Evidence::new(partition.location.clone(), detail)
        })
        .collect()
}

/// What makes a disk boot Windows under BIOS: an active partition with Microsoft's boot record, and
/// boot code in the first sector that hands over to it. Windows formats data partitions with the
/// same boot record, so the active flag decides.
fn bios(machine: &Machine<'_>) -> Vec<Evidence> {
    let Some(code) = machine.disk.boot_code.known() else { return Vec::new() };
    if !matches!(code.kind, BootCodeKind::Windows | BootCodeKind::Generic) {
        return Vec::new();
    }
    let active = machine.disk.partitions.iter().filter(|partition| partition.active);
    for partition in active {
        if let Some(record) = boot_record(machine, partition) {
            return vec![code.evidence.clone(), record];
        }
    }
    Vec::new()
}

fn boot_record(machine: &Machine<'_>, partition: &PartitionFacts) -> Option<Evidence> {
    let volume = partition.volume?;
    let record = machine
        .disk
        .volume_boot_code
        .iter()
        .find(|code| code.volume == volume && code.kind == BootCodeKind::Windows)?;
    Some(record.evidence.clone())
}

/// A volume that may hold Windows.
fn windows_volume(machine: &Machine<'_>) -> Option<Evidence> {
    machine.disk.volumes.iter().find_map(|volume| {
        let kind = volume.signature()?.kind;
        matches!(kind, SignatureKind::Ntfs | SignatureKind::Bitlocker)
            .then(|| Evidence::new(volume.name.clone(), kind.name()))
    })
}

/// Whether a volume is of a kind that Linux systems lie on.
fn has_linux_volume(machine: &Machine<'_>) -> bool {
    machine.disk.volumes.iter().filter_map(|volume| volume.signature()).any(|signature| {
        matches!(
            signature.kind,
            SignatureKind::Ext2
                | SignatureKind::Ext3
                | SignatureKind::Ext4
                | SignatureKind::Xfs
                | SignatureKind::Btrfs
                | SignatureKind::F2fs
                | SignatureKind::Reiserfs
                | SignatureKind::Jfs
                | SignatureKind::Zfs
                | SignatureKind::Bcache
                | SignatureKind::Squashfs
                | SignatureKind::Erofs
                | SignatureKind::Swap
                | SignatureKind::SwapSuspended
                | SignatureKind::LvmPv
                | SignatureKind::MdRaid
                | SignatureKind::Luks1
                | SignatureKind::Luks2
                | SignatureKind::Stratis
                | SignatureKind::Vdo
        )
    })
}

/// The file systems that can be read, with their volumes' names.
fn filesystems<'a>(
    machine: &Machine<'a>,
) -> impl Iterator<Item = (String, Arc<dyn FileSystem>)> + use<'a> {
    let names = machine.disk.volumes.iter().map(|volume| volume.name.clone());
    names.zip(machine.filesystems).filter_map(|(name, fs)| {
        let fs = fs.known()?.as_ref()?;
        Some((name, Arc::clone(fs)))
    })
}

/// Whether a path of names leads to a regular file.
fn file_at(fs: &dyn FileSystem, path: &[&str]) -> Result<bool> {
    let mut node = fs.root();
    for name in path {
        if fs.metadata(node)?.file_type != FileType::Directory {
            return Ok(false);
        }
        match fs.lookup(node, name.as_bytes())? {
            Some(next) => node = next,
            None => return Ok(false),
        }
    }
    Ok(fs.metadata(node)?.file_type == FileType::Regular)
}

#[cfg(test)]
mod tests;
