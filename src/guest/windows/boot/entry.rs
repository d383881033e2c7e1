//! From the boot configuration data to Windows' kernel.

use super::Path;
use super::volumes::Volumes;
use crate::fact::{Evidence, Fact, Unread};
use crate::guest::facts::{
    BcdDevice, BcdEntry, BootConfiguration, Resolution, WindowsBootDevice, WindowsBootLink,
    WindowsLinkKind,
};
use crate::guest::windows::{bcd, registry};

/// `Type` of an object whose program is a Windows loader ("BCD Reference", object types).
const WINDOWS_LOADER: u32 = 0x1020_0003;

/// `Type` of `ntldr`.
const NTLDR: u32 = 0x1030_0006;

/// Follows the store at `store` on the volume of the boot manager.
pub(super) fn follow(volumes: &Volumes<'_>, boot: usize, store: &str, path: &mut Path) {
    let read = volumes.tree(boot).and_then(|tree| {
        let hive = registry::open(&tree, store)?;
        let configuration = bcd::read(&hive, store)?;
        let shown = store.replace('/', r"\");
        let detail = format!("boot configuration data on {}", volumes.name(boot));
        Ok((configuration, Evidence::new(shown, detail)))
    });
    let place = format!("{} on {}", store.replace('/', r"\"), volumes.name(boot));
    let Some(configuration) = path.looked(WindowsLinkKind::BootConfiguration, &place, read) else {
        return;
    };
    if let Some(entry) = default_entry(&configuration, path) {
        loader(volumes, boot, entry, path);
    }
    path.0.configuration = Some(configuration);
}

fn default_entry<'c>(
    configuration: &'c BootConfiguration,
    path: &mut Path,
) -> Option<&'c BcdEntry> {
    const KIND: WindowsLinkKind = WindowsLinkKind::DefaultEntry;
    let store = configuration.path.replace('/', r"\");
    let Some(manager) = &configuration.manager else {
        path.missing(KIND, Evidence::new(store, "no boot manager"));
        return None;
    };
    let Some((id, list)) = configuration.first() else {
        let detail = "neither a default entry nor a display order";
        path.missing(KIND, Evidence::new(manager.evidence.location.clone(), detail));
        return None;
    };
    let Some(entry) = configuration.entry(id) else {
        let detail = format!("{list} names {id}, which is not there");
        path.missing(KIND, Evidence::new(manager.evidence.location.clone(), detail));
        return None;
    };
    let place = &entry.evidence.location;
    match entry.kind {
        Some(WINDOWS_LOADER) | None => {
            let detail = format!("{list}: {}", entry.evidence.detail);
            path.found(KIND, Evidence::new(place.clone(), detail));
            Some(entry)
        }
        Some(NTLDR) => {
            path.unknown(KIND, place, "an earlier Windows behind the boot manager is not followed");
            None
        }
        Some(kind) => {
            path.unknown(KIND, place, format!("an entry of type {kind:#010x} is not followed"));
            None
        }
    }
}

/// The entry's partitions, its loader, and the kernel.
fn loader(volumes: &Volumes<'_>, boot: usize, entry: &BcdEntry, path: &mut Path) {
    let file = entry.path.as_deref();
    let device = device(volumes, boot, entry, "loader", &entry.device, file, path);
    let system = device_of_system(volumes, boot, entry, path);
    if let Some(volume) = device {
        match file {
            Some(file) if is_for_other_firmware(path, file) => {
                let detail =
                    "a loader for the other firmware, which this boot manager cannot start";
                path.missing(WindowsLinkKind::OsLoader, Evidence::new(file, detail));
            }
            Some(file) => {
                let found = volumes.file(volume, file);
                let place = format!("{file} on {}", volumes.name(volume));
                path.looked(WindowsLinkKind::OsLoader, &place, found);
            }
            None => {
                let evidence = Evidence::new(entry.evidence.location.clone(), "names no program");
                path.missing(WindowsLinkKind::OsLoader, evidence);
            }
        }
    }
    if let Some(volume) = system {
        let root = entry.system_root.as_deref().unwrap_or(r"\Windows");
        system_files(volumes, volume, root, path);
    }
}

/// Whether a program's name says that it is not for the firmware that the chain began with: BIOS starts
/// `winload.exe`, UEFI `winload.efi`; a disk converted without `bcdboot` still names the other.
fn is_for_other_firmware(path: &Path, file: &str) -> bool {
    let starts_with_esp = |link: &WindowsBootLink| link.kind == WindowsLinkKind::EfiSystemPartition;
    let is_uefi = path.0.chain.first().is_some_and(starts_with_esp);
    let file = file.to_ascii_lowercase();
    if is_uefi { file.ends_with("winload.exe") } else { file.ends_with("winload.efi") }
}

/// The kernel and the hive that the loader reads, below the system's directory.
pub(super) fn system_files(volumes: &Volumes<'_>, volume: usize, root: &str, path: &mut Path) {
    for (kind, file) in [
        (WindowsLinkKind::Kernel, r"System32\ntoskrnl.exe"),
        (WindowsLinkKind::SystemHive, r"System32\config\SYSTEM"),
    ] {
        let file = format!(r"{}\{file}", root.trim_end_matches(['\\', '/']));
        let place = format!("{file} on {}", volumes.name(volume));
        path.looked(kind, &place, volumes.file(volume, &file));
    }
}

/// The volume of the system: the one of the loader, when the entry names no other.
fn device_of_system(
    volumes: &Volumes<'_>,
    boot: usize,
    entry: &BcdEntry,
    path: &mut Path,
) -> Option<usize> {
    let root = entry.system_root.as_deref().unwrap_or(r"\Windows");
    let hive = format!(r"{}\System32\config\SYSTEM", root.trim_end_matches(['\\', '/']));
    device(volumes, boot, entry, "system", &entry.os_device, Some(&hive), path)
}

/// Resolves one device of an entry, and notes it as a link and as a device.
fn device(
    volumes: &Volumes<'_>,
    boot: usize,
    entry: &BcdEntry,
    what: &str,
    device: &Fact<Option<BcdDevice>>,
    file: Option<&str>,
    path: &mut Path,
) -> Option<usize> {
    const KIND: WindowsLinkKind = WindowsLinkKind::WindowsPartition;
    let device = match device {
        Fact::Known(Some(device)) => device,
        Fact::Known(None) => {
            let detail = format!("names no device of the {what}");
            path.missing(KIND, Evidence::new(entry.evidence.location.clone(), detail));
            return None;
        }
        Fact::Unknown(Unread { location, reason }) => {
            path.unknown(KIND, location, reason);
            return None;
        }
    };
    let resolution = volumes.resolve(&device.target, Some(boot), file);
    let spec = bcd::describe(&device.target);
    let place = &device.evidence.location;
    match &resolution {
        Resolution::Volume(volume) => {
            let detail = format!("{what} on {}: {spec}", volumes.name(*volume));
            path.found(KIND, Evidence::new(place.clone(), detail));
        }
        Resolution::Unknown(unread) => path.unknown(KIND, place, &unread.reason),
        Resolution::Missing | Resolution::NoDevice => {
            let detail = format!("{what} on {spec}, which is not in this image");
            path.missing(KIND, Evidence::new(place.clone(), detail));
        }
    }
    let volume = match resolution {
        Resolution::Volume(volume) => Some(volume),
        _ => None,
    };
    path.0.devices.push(WindowsBootDevice {
        what: what.to_owned(),
        spec,
        resolution,
        evidence: device.evidence.clone(),
    });
    volume
}
