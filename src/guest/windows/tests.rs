use super::*;
use crate::disk::facts::{
    BootCodeFacts, DiskFacts, Signature, TableKind, VolumeBootCode, VolumeFacts,
};
use crate::fact::Fact;
use crate::filesystem::memory::MemoryFs;

type FileSystems = Vec<Fact<Option<Arc<dyn FileSystem>>>>;

/// The volume of a partition number.
fn index(number: u32) -> usize {
    usize::try_from(number.saturating_sub(1)).unwrap()
}

/// A disk of partitions, each with its role, its signature, and whether it is active.
fn disk(
    code: BootCodeKind,
    partitions: &[(PartitionRole, Option<SignatureKind>, bool)],
) -> DiskFacts {
    let parts = (1_u32..).zip(partitions);
    DiskFacts {
        size: 1 << 30,
        sector_size: 512,
        table: TableKind::Gpt,
        table_read: Fact::Known(()),
        mbr_signature: None,
        gpt: None,
        partitions: parts
            .clone()
            .map(|(number, (role, _, active))| PartitionFacts {
                number,
                start: 1 << 20,
                size: 1 << 20,
                type_id: String::new(),
                role: *role,
                name: None,
                uuid: None,
                active: *active,
                location: format!("entry {number}"),
                volume: Some(index(number)),
            })
            .collect(),
        volumes: parts
            .clone()
            .map(|(number, (_, kind, _))| VolumeFacts {
                name: format!("partition {number}"),
                partition: Some(number),
                start: Some(1 << 20),
                size: 1 << 20,
                signatures: Fact::Known(
                    kind.iter()
                        .map(|kind| Signature {
                            kind: *kind,
                            offset: 0,
                            uuid: None,
                            label: None,
                            size: None,
                            version: None,
                        })
                        .collect(),
                ),
            })
            .collect(),
        volume_groups: vec![],
        arrays: vec![],
        containers: vec![],
        boot_code: Fact::Known(BootCodeFacts {
            kind: code,
            signature: true,
            evidence: Evidence::new("MBR", "code"),
            grub_core: None,
            grub_legacy: None,
        }),
        // Windows and its own mkfs write their boot record into every NTFS.
        volume_boot_code: parts
            .filter(|(_, (_, kind, _))| *kind == Some(SignatureKind::Ntfs))
            .map(|(number, _)| VolumeBootCode {
                volume: index(number),
                kind: BootCodeKind::Windows,
                evidence: Evidence::new(format!("partition {number}"), "BOOTMGR"),
                hidden_sectors: None,
                grub_core: None,
                grub_legacy: None,
            })
            .collect(),
        problems: Vec::new(),
    }
}

fn is_windows(disk: &DiskFacts, first: Option<MemoryFs>) -> bool {
    let mut filesystems: FileSystems =
        disk.volumes.iter().map(|_| Fact::unknown("volume", "not read")).collect();
    if let Some(fs) = first {
        filesystems[0] = Fact::Known(Some(fs.shared()));
    }
    recognise(&Machine { disk, filesystems: &filesystems }).is_some()
}

use PartitionRole as Role;
use SignatureKind as Kind;

#[test]
fn the_layouts_of_windows_set_up_are_windows() {
    let uefi = disk(
        BootCodeKind::None,
        &[
            (Role::Esp, Some(Kind::Fat32), false),
            (Role::MicrosoftReserved, None, false),
            (Role::WindowsData, Some(Kind::Ntfs), false),
            (Role::WindowsRecovery, Some(Kind::Ntfs), false),
        ],
    );
    assert!(is_windows(&uefi, None));
    let manager = MemoryFs::new().file("/EFI/Microsoft/Boot/bootmgfw.efi", "MZ");
    assert!(is_windows(&uefi, Some(manager)));
    let bios = disk(
        BootCodeKind::Windows,
        &[
            (Role::WindowsData, Some(Kind::Ntfs), true),
            (Role::WindowsData, Some(Kind::Bitlocker), false),
        ],
    );
    assert!(is_windows(&bios, None));
}

#[test]
fn the_system_hive_is_windows_wherever_it_lies() {
    let fs = MemoryFs::new().file("/Windows/System32/config/SYSTEM", "regf");
    let whole = disk(BootCodeKind::None, &[(Role::WindowsData, Some(Kind::Fat32), false)]);
    assert!(is_windows(&whole, Some(fs)));
}

#[test]
fn a_data_disk_of_windows_is_not_windows() {
    let gpt = disk(
        BootCodeKind::Windows,
        &[(Role::MicrosoftReserved, None, false), (Role::WindowsData, Some(Kind::Ntfs), false)],
    );
    assert!(!is_windows(&gpt, None));
    let mbr = disk(BootCodeKind::Windows, &[(Role::WindowsData, Some(Kind::Ntfs), false)]);
    assert!(!is_windows(&mbr, None));
}

#[test]
fn linux_beside_an_ntfs_partition_is_not_windows() {
    let bios = disk(
        BootCodeKind::Generic,
        &[
            (Role::LinuxFilesystem, Some(Kind::Xfs), false),
            (Role::WindowsData, Some(Kind::Ntfs), true),
        ],
    );
    assert!(!is_windows(&bios, None));
    let uefi = disk(
        BootCodeKind::None,
        &[
            (Role::Esp, Some(Kind::Fat32), false),
            (Role::Lvm, Some(Kind::LvmPv), false),
            (Role::WindowsData, Some(Kind::Ntfs), false),
        ],
    );
    let manager = MemoryFs::new().file("/EFI/Microsoft/Boot/bootmgfw.efi", "MZ");
    assert!(!is_windows(&uefi, Some(manager)));
    let grub = disk(BootCodeKind::Grub2, &[(Role::WindowsData, Some(Kind::Ntfs), true)]);
    assert!(!is_windows(&grub, None));
}

#[test]
fn windows_partitions_without_any_ntfs_are_not_windows() {
    let empty = disk(
        BootCodeKind::Windows,
        &[(Role::Esp, Some(Kind::Fat32), true), (Role::MicrosoftReserved, None, false)],
    );
    assert!(!is_windows(&empty, None));
}

#[test]
fn the_tree_is_that_of_the_volume_with_the_system_hive() {
    let disk = disk(
        BootCodeKind::Windows,
        &[
            (PartitionRole::Other, Some(SignatureKind::Ntfs), true),
            (PartitionRole::Other, Some(SignatureKind::Ntfs), false),
        ],
    );
    let data = MemoryFs::new().file("/Windows/readme.txt", "x");
    let system = MemoryFs::new().file("/Windows/System32/config/SYSTEM", "regf");
    let filesystems = [Fact::Known(Some(data.shared())), Fact::Known(Some(system.shared()))];
    let machine = Machine { disk: &disk, filesystems: &filesystems };
    let tree = tree(&machine).unwrap();
    assert_eq!(tree.read("/Windows/System32/config/SYSTEM", 16).unwrap(), b"regf");
    let none = Machine { disk: &disk, filesystems: &filesystems[..1] };
    assert!(super::tree(&none).is_none());
}
