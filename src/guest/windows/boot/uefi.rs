//! From the EFI system partition to the boot manager under UEFI.

use super::volumes::Volumes;
use super::{Path, entry};
use crate::disk::facts::{PartitionFacts, PartitionRole};
use crate::fact::Evidence;
use crate::guest::facts::{WindowsBootPath, WindowsLinkKind};

/// The boot manager where Windows set-up puts it, and its store.
const BOOT_MANAGER: &str = "/EFI/Microsoft/Boot/bootmgfw.efi";
const STORE: &str = "/EFI/Microsoft/Boot/BCD";

/// Its copies at the removable-media path (UEFI 2.10, 3.5.1.1).
const FALLBACK: [&str; 3] =
    ["/EFI/Boot/bootx64.efi", "/EFI/Boot/bootia32.efi", "/EFI/Boot/bootaa64.efi"];

/// The way from the EFI system partition that has Windows' boot files, or else from the first one;
/// `None` when the disk has none.
pub(super) fn follow(volumes: &Volumes<'_>) -> Option<WindowsBootPath> {
    let is_esp = |partition: &&PartitionFacts| partition.role == PartitionRole::Esp;
    let partitions = || volumes.disk().partitions.iter().filter(is_esp);
    let has_boot_files = |partition: &&PartitionFacts| {
        let has =
            |volume| [BOOT_MANAGER, STORE].iter().any(|file| volumes.file(volume, file).is_ok());
        partition.volume.is_some_and(has)
    };
    let partition = partitions().find(has_boot_files).or_else(|| partitions().next())?;
    let volume = partition.volume?;
    let mut path = Path::default();
    let detail = format!("EFI system partition {}, type {}", partition.number, partition.type_id);
    path.found(
        WindowsLinkKind::EfiSystemPartition,
        Evidence::new(partition.location.clone(), detail),
    );
    let own = volumes.file(volume, BOOT_MANAGER);
    // Firmware without an entry for Windows starts the copy, which reads the same store.
    let copy = FALLBACK.iter().find_map(|file| volumes.file(volume, file).ok());
    let found = match (own, copy) {
        (Err(_), Some(copy)) => Ok(copy),
        (own, _) => own,
    };
    path.looked(WindowsLinkKind::BootManager, volumes.name(volume), found);
    entry::follow(volumes, volume, STORE, &mut path);
    Some(path.0)
}
