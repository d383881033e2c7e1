//! From sector 0 to the boot manager under BIOS.

use super::ntldr::FIRST_LOGICAL;
use super::volumes::Volumes;
use super::{Path, entry, ntldr};
use crate::disk::facts::{BootCodeKind, DiskFacts, PartitionFacts, VolumeBootCode};
use crate::fact::{Evidence, Fact};
use crate::guest::facts::{WindowsBootPath, WindowsLinkKind};
use crate::guest::linux::boot::firmware::active_in_mbr;

/// The boot manager since Windows Vista, and its store.
const BOOT_MANAGER: &str = "/bootmgr";
const STORE: &str = "/Boot/BCD";

/// The boot manager before.
const OLD_BOOT_MANAGER: &str = "/ntldr";

pub(super) fn follow(volumes: &Volumes<'_>) -> WindowsBootPath {
    let mut path = Path::default();
    boot_code(volumes, &mut path);
    let active = active_partition(volumes, &mut path);
    let old = active.and_then(|partition| boot_sector(volumes, partition, &mut path));
    // Without an active partition the rest is followed from where the boot files lie.
    let active = active.and_then(|partition| partition.volume);
    match (old, active.or_else(|| boot_files(volumes))) {
        (Some(true), Some(volume)) => ntldr::follow(volumes, volume, &mut path),
        (_, Some(volume)) => {
            path.boot_manager(volumes, volume, BOOT_MANAGER);
            entry::follow(volumes, volume, STORE, &mut path);
        }
        (_, None) => {}
    }
    path.0
}

fn boot_code(volumes: &Volumes<'_>, path: &mut Path) {
    const KIND: WindowsLinkKind = WindowsLinkKind::BootCode;
    let code = match &volumes.disk().boot_code {
        Fact::Known(code) => code,
        Fact::Unknown(unread) => return path.unknown(KIND, &unread.location, &unread.reason),
    };
    let location = code.evidence.location.as_str();
    match code.kind {
        BootCodeKind::None => path.missing(KIND, code.evidence.clone()),
        _ if !code.signature => path.missing(KIND, code.evidence.clone()),
        // Each hands over to the active partition's boot sector.
        BootCodeKind::Windows | BootCodeKind::Generic | BootCodeKind::Syslinux => {
            path.found(KIND, code.evidence.clone());
        }
        BootCodeKind::Unrecognised => {
            path.unknown(KIND, location, "the code in the first sector is not recognised");
        }
        other => {
            let reason = format!("how {other:?} goes on to Windows is not followed");
            path.unknown(KIND, location, reason);
        }
    }
}

/// The one partition with the active flag: Microsoft's code stops at a second one.
fn active_partition<'m>(volumes: &Volumes<'m>, path: &mut Path) -> Option<&'m PartitionFacts> {
    const KIND: WindowsLinkKind = WindowsLinkKind::ActivePartition;
    let disk = volumes.machine.disk;
    let code = disk.boot_code.known().map_or(BootCodeKind::Windows, |code| code.kind);
    match active_in_mbr(disk, code) {
        Ok(true) => {}
        Ok(false) => {
            let detail =
                "the code in sector 0 reads the protective MBR, where no partition is active";
            path.missing(KIND, Evidence::new("partition table", detail));
            return None;
        }
        Err(unread) => {
            path.unknown(KIND, &unread.location, &unread.reason);
            return None;
        }
    }
    let mut active = disk.partitions.iter().filter(|partition| partition.active);
    let Some(first) = active.next() else {
        match &disk.table_read {
            Fact::Known(()) => {
                path.missing(KIND, Evidence::new("partition table", "no partition is active"));
            }
            Fact::Unknown(unread) => path.unknown(KIND, &unread.location, &unread.reason),
        }
        return None;
    };
    if let Some(second) = active.next() {
        let detail = format!("partitions {} and {} are both active", first.number, second.number);
        path.missing(KIND, Evidence::new(second.location.clone(), detail));
        return None;
    }
    let detail = format!("partition {}, type {}", first.number, first.type_id);
    path.found(KIND, Evidence::new(first.location.clone(), detail));
    Some(first)
}

/// Whether the code in the partition's boot sector loads `ntldr`; `None` when it has no code that
/// goes on to Windows.
fn boot_sector(volumes: &Volumes<'_>, partition: &PartitionFacts, path: &mut Path) -> Option<bool> {
    const KIND: WindowsLinkKind = WindowsLinkKind::BootSector;
    let name = format!("partition {}, boot sector", partition.number);
    let of_partition =
        |code: &&VolumeBootCode| partition.volume.is_some_and(|volume| code.volume == volume);
    let Some(code) = volumes.disk().volume_boot_code.iter().find(of_partition) else {
        path.missing(KIND, Evidence::new(name, "no boot code"));
        return None;
    };
    match code.kind {
        BootCodeKind::Windows => {
            match wrong_start(volumes.disk(), partition, code) {
                Some(detail) => path.missing(KIND, Evidence::new(name, detail)),
                None => path.found(KIND, code.evidence.clone()),
            }
            Some(code.evidence.detail.contains("NTLDR"))
        }
        BootCodeKind::None => {
            path.missing(KIND, code.evidence.clone());
            None
        }
        _ => {
            let not_followed = "what the code in this boot sector loads is not followed";
            let reason = code.unread.as_ref().map_or(not_followed, |unread| &unread.reason);
            path.unknown(KIND, &code.evidence.location, reason);
            None
        }
    }
}

/// Where the boot sector takes its partition to begin, when that is not where it begins: the code adds
/// that number to each sector of the volume that it reads, and stops with "A disk read error occurred"
/// (mkntfs(8), `-p`). A logical partition counts from its own table instead.
fn wrong_start(
    disk: &DiskFacts,
    partition: &PartitionFacts,
    code: &VolumeBootCode,
) -> Option<String> {
    let hidden = code.hidden_sectors.filter(|_| partition.number < FIRST_LOGICAL)?;
    let start = partition.start.checked_div(disk.sector_size.into())?;
    (u64::from(hidden) != start).then(|| {
        format!("HiddenSectors (byte 0x1C) is {hidden}, and the partition begins at sector {start}")
    })
}

/// The first volume with a boot manager or a store of boot configuration data.
fn boot_files(volumes: &Volumes<'_>) -> Option<usize> {
    [BOOT_MANAGER, STORE, OLD_BOOT_MANAGER]
        .into_iter()
        .find_map(|file| volumes.having(file).0.first().copied())
}
