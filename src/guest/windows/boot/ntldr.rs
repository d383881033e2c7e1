//! From `ntldr` to the kernel: Windows 2000, XP and Server 2003.

use super::boot_ini::{ArcPath, BootIni, System};
use super::volumes::Volumes;
use super::{Path, entry};
use crate::disk::facts::{DiskFacts, PartitionFacts, PartitionRole};
use crate::error::Result;
use crate::fact::{Evidence, Fact, Unread};
use crate::guest::facts::{LinkState, Resolution, WindowsBootDevice, WindowsLinkKind};

/// Longest `boot.ini` that is read; real ones have some hundred bytes.
const MAX_BOOT_INI: u64 = 64 << 10;

/// First number of a logical partition as Linux counts them, and so as [`PartitionFacts`] does.
pub(super) const FIRST_LOGICAL: u32 = 5;

/// What `ntldr` starts when there is no `boot.ini`.
const WITHOUT_BOOT_INI: &str = r"multi(0)disk(0)rdisk(0)partition(1)\WINDOWS";

pub(super) fn follow(volumes: &Volumes<'_>, boot: usize, path: &mut Path) {
    let name = volumes.name(boot);
    path.boot_manager(volumes, boot, "/ntldr");
    path.looked(WindowsLinkKind::HardwareDetection, name, volumes.file(boot, "/ntdetect.com"));
    let Some((system, evidence)) = default_system(volumes, boot, path) else { return };
    let Some(arc) = ArcPath::parse(&system) else {
        path.unknown(
            WindowsLinkKind::DefaultEntry,
            &evidence.location,
            format!("{system} is not followed"),
        );
        return;
    };
    path.found(WindowsLinkKind::DefaultEntry, evidence.clone());
    let resolution = resolve(volumes.disk(), &arc);
    path.0.devices.push(WindowsBootDevice {
        what: "system".to_owned(),
        spec: system,
        resolution: resolution.clone(),
        evidence: evidence.clone(),
    });
    const KIND: WindowsLinkKind = WindowsLinkKind::WindowsPartition;
    match resolution {
        Resolution::Volume(volume) => {
            let detail = format!("system on {}", volumes.name(volume));
            path.found(KIND, Evidence::new(evidence.location, detail));
            entry::system_files(volumes, volume, &arc.directory, path);
        }
        Resolution::Unknown(unread) => path.unknown(KIND, &unread.location, &unread.reason),
        Resolution::Missing | Resolution::NoDevice => {
            let detail = format!("{}: no such partition in this image", evidence.detail);
            path.missing(KIND, Evidence::new(evidence.location, detail));
        }
    }
}

/// What would be started without a key press, and where it stands.
fn default_system(
    volumes: &Volumes<'_>,
    boot: usize,
    path: &mut Path,
) -> Option<(String, Evidence)> {
    const KIND: WindowsLinkKind = WindowsLinkKind::BootConfiguration;
    let read: Result<String> =
        volumes.tree(boot).and_then(|tree| tree.read_text("/boot.ini", MAX_BOOT_INI));
    match read {
        Ok(text) => {
            let detail = format!("{} bytes on {}", text.len(), volumes.name(boot));
            path.found(KIND, Evidence::new(r"\boot.ini", detail));
            let ini = BootIni::parse(&text);
            match ini.first() {
                Some((system, line)) => {
                    path.0.modes = ini.system(system).map(System::modes).unwrap_or_default();
                    let place = format!(r"\boot.ini:{line}");
                    Some((system.to_owned(), Evidence::new(place, system)))
                }
                None => {
                    let evidence = Evidence::new(r"\boot.ini", "names no system");
                    path.missing(WindowsLinkKind::DefaultEntry, evidence);
                    None
                }
            }
        }
        Err(error) if error.is_absent() => {
            let evidence =
                Evidence::new(r"\boot.ini", "not there: ntldr takes the first partition");
            path.push(KIND, LinkState::NotNeeded, evidence.clone());
            Some((WITHOUT_BOOT_INI.to_owned(), evidence))
        }
        Err(error) => {
            path.unknown(KIND, r"\boot.ini", error);
            None
        }
    }
}

/// The partition of an ARC path: primary partitions in the order of the table, then logical ones;
/// extended ones do not count.
fn resolve(disk: &DiskFacts, arc: &ArcPath) -> Resolution {
    let is_this = match &arc.signature {
        Some(signature) => disk.mbr_signature.as_ref() == Some(signature),
        None => arc.adapter == 0 && arc.disk == 0,
    };
    let counted = |partition: &&PartitionFacts| partition.role != PartitionRole::Extended;
    let (primary, logical): (Vec<_>, Vec<_>) = disk
        .partitions
        .iter()
        .filter(counted)
        .partition(|partition| partition.number < FIRST_LOGICAL);
    let index = usize::try_from(arc.partition).ok().and_then(|number| number.checked_sub(1));
    let found = index.and_then(|index| primary.into_iter().chain(logical).nth(index));
    match found.and_then(|partition| partition.volume) {
        Some(volume) if is_this => Resolution::Volume(volume),
        _ => match &disk.table_read {
            Fact::Known(()) => Resolution::Missing,
            Fact::Unknown(Unread { location, reason }) => {
                Resolution::Unknown(Unread::new(location.clone(), reason.clone()))
            }
        },
    }
}
