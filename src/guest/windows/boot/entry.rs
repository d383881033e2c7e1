//! From the boot configuration data to Windows' kernel.

use super::Path;
use super::volumes::Volumes;
use crate::fact::{Evidence, Fact, Unread};
use crate::guest::facts::{
    BcdDevice, BcdEntry, BootConfiguration, Resolution, WindowsBootDevice, WindowsBootLink,
    WindowsLinkKind, WindowsStartKind, WindowsSystem,
};
use crate::guest::windows::{SYSTEM_HIVES, bcd, registry};

/// Longest directory of a system in bytes (Windows: `MAX_PATH`, 260 characters, for all of a path).
const MAX_DIRECTORY: usize = 260;

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
    let first = configuration.first();
    let Some((entry, list)) = first.and_then(|(id, list)| Some((configuration.entry(id)?, list)))
    else {
        let why_not = |(id, list): (&str, _)| match configuration.entry(id) {
            Some(entry) => entry.flaw().map(|flaw| format!("{list} names {id}, but {flaw}")),
            None => Some(format!("{list} names {id}, which is not there")),
        };
        let detail = configuration.candidates().find_map(why_not);
        let detail =
            detail.unwrap_or_else(|| "neither a default entry nor a display order".to_owned());
        path.missing(KIND, Evidence::new(manager.evidence.location.clone(), detail));
        return None;
    };
    let place = &entry.evidence.location;
    match entry.kind {
        _ if entry.is_windows_loader() => {
            let detail = format!("{list}: {}", entry.evidence.detail);
            path.found(KIND, Evidence::new(place.clone(), detail));
            Some(entry)
        }
        Some(NTLDR) => {
            path.unknown(KIND, place, "an earlier Windows behind the boot manager is not followed");
            None
        }
        kind => {
            let kind = kind.unwrap_or_default();
            path.unknown(KIND, place, format!("an entry of type {kind:#010x} is not followed"));
            None
        }
    }
}

/// The entry's partitions, its loader, and the kernel.
fn loader(volumes: &Volumes<'_>, boot: usize, entry: &BcdEntry, path: &mut Path) {
    path.0.modes.clone_from(&entry.modes);
    let file = entry.path.as_deref().unwrap_or_else(|| default_loader(path, entry));
    let device = device(volumes, boot, entry, "loader", &entry.device, Some(file), path);
    let system = device_of_system(volumes, boot, entry, path);
    if let Some(volume) = device {
        if is_for_other_firmware(path, file) {
            let detail = "a loader for the other firmware, which this boot manager cannot start";
            path.missing(WindowsLinkKind::OsLoader, Evidence::new(file, detail));
        } else {
            path.program(WindowsLinkKind::OsLoader, volumes, volume, file);
        }
    }
    if let Some(volume) = system {
        let root = entry.system_root.as_deref().unwrap_or(r"\Windows");
        system_files(volumes, volume, root, path);
    }
}

/// What the boot manager starts when a Windows loader's entry names no program (ReactOS, `bootmgr.c`,
/// `BmpPopulateBootEntryList`).
fn default_loader(path: &Path, entry: &BcdEntry) -> &'static str {
    let is_pe = entry.modes.iter().any(|mode| mode.kind == WindowsStartKind::WindowsPe);
    match (is_pe, is_uefi(path)) {
        (true, true) => r"\Windows\System32\boot\winload.efi",
        (true, false) => r"\Windows\System32\boot\winload.exe",
        (false, true) => r"\Windows\System32\winload.efi",
        (false, false) => r"\Windows\System32\winload.exe",
    }
}

/// Whether a program's name says that it is not for the firmware that the chain began with: BIOS starts
/// `winload.exe`, UEFI `winload.efi`; a disk converted without `bcdboot` still names the other.
fn is_for_other_firmware(path: &Path, file: &str) -> bool {
    let file = file.to_ascii_lowercase();
    if is_uefi(path) { file.ends_with("winload.exe") } else { file.ends_with("winload.efi") }
}

/// Whether the chain began with UEFI.
fn is_uefi(path: &Path) -> bool {
    let starts_with_esp = |link: &WindowsBootLink| link.kind == WindowsLinkKind::EfiSystemPartition;
    path.0.chain.first().is_some_and(starts_with_esp)
}

/// The kernel and the hive that the loader reads, below the system's directory.
pub(super) fn system_files(volumes: &Volumes<'_>, volume: usize, root: &str, path: &mut Path) {
    let root = root.trim_end_matches(['\\', '/']);
    path.program(
        WindowsLinkKind::Kernel,
        volumes,
        volume,
        &format!(r"{root}\System32\ntoskrnl.exe"),
    );
    let hive = format!(r"{root}\System32\config\SYSTEM");
    let place = format!("{hive} on {}", volumes.name(volume));
    path.looked(WindowsLinkKind::SystemHive, &place, volumes.file(volume, &hive));
    let directory = format!("/{}", root.replace('\\', "/").trim_start_matches('/'));
    // As set-up spells it: `boot.ini` has it in capitals.
    let mut known = SYSTEM_HIVES.iter().map(|[known, ..]| format!("/{known}"));
    let known = known.find(|known| known.eq_ignore_ascii_case(&directory));
    let directory = known.unwrap_or(directory);
    path.0.system =
        (directory.len() <= MAX_DIRECTORY).then_some(WindowsSystem { volume, directory });
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
