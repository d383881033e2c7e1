use super::system as system_of;
use super::*;
use crate::disk::facts::{
    BootCodeFacts, DiskFacts, Signature, TableKind, VolumeBootCode, VolumeFacts,
};
use crate::fact::Fact;
use crate::filesystem::memory::MemoryFs;
use crate::guest::Inspection;
use crate::guest::facts::WindowsSystem;

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
                            block_size: None,
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
                unread: None,
                hidden_sectors: None,
                grub_core: None,
                grub_legacy: None,
                ldlinux: None,
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
    let (tree, directory) = tree(&machine).unwrap();
    assert_eq!(directory, "/Windows");
    assert_eq!(tree.read("/Windows/System32/config/SYSTEM", 16).unwrap(), b"regf");
    let none = Machine { disk: &disk, filesystems: &filesystems[..1] };
    assert!(super::tree(&none).is_none());
}

/// What is judged where the boot chain leads to that volume and directory: the volume's index and the
/// directory, or why it is not known.
fn judged(
    filesystems: FileSystems,
    named: Option<(usize, &str)>,
) -> Result<(usize, String), Unread> {
    let kind = (PartitionRole::Other, Some(SignatureKind::Ntfs), false);
    let disk = disk(BootCodeKind::Windows, &vec![kind; filesystems.len()]);
    let system =
        named.map(|(volume, directory)| WindowsSystem { volume, directory: directory.to_owned() });
    let path = WindowsBootPath { system, ..WindowsBootPath::default() };
    let found = system_of(&Machine { disk: &disk, filesystems: &filesystems }, &path);
    found.map(|(tree, directory)| (tree.volume(tree.resolve("/").unwrap()).unwrap(), directory))
}

fn windows_in(directories: &[&str]) -> Fact<Option<Arc<dyn FileSystem>>> {
    let fs = directories.iter().fold(MemoryFs::new(), |fs, directory| {
        fs.file(&format!("/{directory}/System32/config/SYSTEM"), "regf")
    });
    Fact::Known(Some(fs.shared()))
}

#[test]
fn of_several_installations_the_one_that_is_started_is_judged() {
    let two = || vec![windows_in(&["Windows"]), windows_in(&["Windows", "Windows2"])];
    let of = |index, directory: &str| Ok((index, directory.to_owned()));
    assert_eq!(judged(two(), Some((1, "/Windows"))), of(1, "/Windows"));
    assert_eq!(judged(two(), Some((1, "/Windows2"))), of(1, "/Windows2"));
    assert_eq!(judged(two(), Some((0, "/Windows"))), of(0, "/Windows"));
    // Where the chain leads nowhere, both may be the one.
    for named in [None, Some((0, "/gone"))] {
        let unread = judged(two(), named).unwrap_err();
        let names = r"\Windows on partition 1, \Windows on partition 2";
        assert!(unread.reason.ends_with(names), "{unread:?}");
    }
    let unread = judged(vec![windows_in(&["Windows", "WINNT"])], None).unwrap_err();
    assert!(unread.reason.ends_with(r"\WINNT on partition 1"), "{unread:?}");
}

#[test]
fn the_only_installation_is_judged_wherever_the_chain_leads() {
    for named in [None, Some((1, "/gone")), Some((0, "/Windows")), Some((7, "/Windows"))] {
        let one = vec![windows_in(&[]), windows_in(&["WINNT"])];
        assert_eq!(judged(one, named), Ok((1, "/WINNT".to_owned())));
    }
}

#[test]
fn another_installation_is_not_judged_for_one_that_cannot_be_read() {
    let of =
        || vec![windows_in(&["Windows"]), Fact::unknown("partition 2", "BitLocker is not read")];
    let unread = judged(of(), Some((1, "/Windows"))).unwrap_err();
    assert_eq!(unread.reason, "BitLocker is not read");
    assert_eq!(judged(of(), None), Ok((0, "/Windows".to_owned())));
}

#[test]
fn hives_on_the_partition_of_the_boot_files_are_not_those_of_the_system() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let path = path.join("testdata/windows/good-server-2019.qcow2");
    let image = crate::image::Image::open(&path).unwrap();
    let Inspection { facts, mut filesystems, .. } = Inspection::of(&image);
    let boot = Tree::new(filesystems[0].known().unwrap().clone().unwrap(), 0);
    let copies = MemoryFs::new()
        .file("/bootmgr", "x")
        .file("/Boot/BCD", boot.read("/Boot/BCD", 1 << 20).unwrap())
        .file("/Windows/System32/config/SYSTEM", "regf");
    filesystems[0] = Fact::Known(Some(copies.shared()));
    let disk = facts.disk.known().unwrap();
    let machine = Machine { disk, filesystems: &filesystems };
    let (windows, tree) = find(&machine, &facts.firmware, None).unwrap();
    assert_eq!(windows.volume, Some(1));
    assert_eq!(windows.os.known().unwrap().build, 17_763);
    assert!(tree.unwrap().exists("/Windows/System32/ntoskrnl.exe").unwrap());
}
