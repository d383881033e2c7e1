//! The guests of testdata/windows, as they are and with one thing taken away.

use std::path::Path as FilePath;
use std::sync::Arc;

use super::*;
use crate::disk::facts::{BootCodeKind, DiskFacts, TableKind};
use crate::fact::Fact;
use crate::filesystem::FileSystem;
use crate::filesystem::memory::MemoryFs;
use crate::filesystem::tree::Tree;
use crate::guest::Inspection;
use crate::guest::facts::{Resolution, WindowsStartKind, WindowsSystem};
use crate::image::Image;
use WindowsLinkKind::*;

/// A whole image.
const IMAGE: &[u8] = include_bytes!("../../../../testdata/windows/pe/loader-x64.efi");

type FileSystems = Vec<Fact<Option<Arc<dyn FileSystem>>>>;

fn guest(name: &str) -> (DiskFacts, FileSystems) {
    let path = FilePath::new(env!("CARGO_MANIFEST_DIR"));
    let path = path.join(format!("testdata/windows/{name}.qcow2"));
    let inspection = Inspection::of(&Image::open(&path).unwrap());
    (inspection.facts.disk.known().unwrap().clone(), inspection.filesystems)
}

fn followed((disk, filesystems): &(DiskFacts, FileSystems)) -> WindowsBootFacts {
    follow(&Machine { disk, filesystems })
}

/// The links with what they were found to be: `+` there, `-` missing, `?` unknown.
fn links(path: &WindowsBootPath) -> Vec<(WindowsLinkKind, char)> {
    let mark = |state: &LinkState| match state {
        LinkState::Found => '+',
        LinkState::Missing => '-',
        LinkState::Unknown(_) => '?',
        LinkState::NotNeeded => '0',
    };
    path.chain.iter().map(|link| (link.kind, mark(&link.state))).collect()
}

const FROM_STORE: [(WindowsLinkKind, char); 7] = [
    (BootConfiguration, '+'),
    (DefaultEntry, '+'),
    (WindowsPartition, '+'),
    (WindowsPartition, '+'),
    (OsLoader, '+'),
    (Kernel, '+'),
    (SystemHive, '+'),
];

fn with_start(start: &[(WindowsLinkKind, char)]) -> Vec<(WindowsLinkKind, char)> {
    start.iter().copied().chain(FROM_STORE).collect()
}

const START: [(WindowsLinkKind, char); 4] =
    [(BootCode, '+'), (ActivePartition, '+'), (BootSector, '+'), (BootManager, '+')];

#[test]
fn windows_with_a_system_partition_of_its_own_is_followed_to_its_kernel() {
    let facts = followed(&guest("good-server-2019"));
    assert_eq!(links(&facts.bios), with_start(&START));
    assert_eq!(facts.uefi, None);
    let places: Vec<_> = facts.bios.devices.iter().map(|device| &device.resolution).collect();
    assert_eq!(places, [&Resolution::Volume(1), &Resolution::Volume(1)]);
    assert!(facts.dynamic_disk.is_empty());
}

#[test]
fn windows_on_one_partition_is_followed_to_its_kernel() {
    for name in ["good-windows-7-x86", "good-server-2012-r2"] {
        let facts = followed(&guest(name));
        assert_eq!(links(&facts.bios), with_start(&START), "{name}");
        assert_eq!(facts.bios.devices[0].resolution, Resolution::Volume(0));
    }
}

#[test]
fn windows_on_gpt_is_followed_from_the_efi_system_partition() {
    let facts = followed(&guest("uefi-server-2019"));
    let uefi = facts.uefi.unwrap();
    assert_eq!(links(&uefi), with_start(&[(EfiSystemPartition, '+'), (BootManager, '+')]));
    assert_eq!(uefi.devices[1].resolution, Resolution::Volume(2));
    assert_eq!(links(&facts.bios)[0], (BootCode, '-'));
}

#[test]
fn a_store_that_names_another_disk_leads_nowhere() {
    let facts = followed(&guest("bcd-other-disk"));
    let devices = &facts.bios.devices;
    assert!(devices.iter().all(|device| device.resolution == Resolution::Missing), "{devices:?}");
    assert!(devices[0].spec.contains("1f0cc5a1"), "{devices:?}");
    let broken = &links(&facts.bios)[6..];
    assert_eq!(broken, [(WindowsPartition, '-'), (WindowsPartition, '-')]);
}

/// The files of Windows on one partition, its store from a guest.
fn files() -> ((DiskFacts, FileSystems), MemoryFs) {
    let guest = guest("good-server-2012-r2");
    let filesystem = guest.1[0].known().unwrap().clone().unwrap();
    let store = Tree::new(filesystem, 0).read("/Boot/BCD", 1 << 20).unwrap();
    let files = MemoryFs::new()
        .file("/bootmgr", "x")
        .file("/Boot/BCD", store)
        .file("/Windows/system32/winload.exe", IMAGE)
        .file("/Windows/System32/ntoskrnl.exe", IMAGE)
        .file("/Windows/System32/config/SYSTEM", "regf");
    (guest, files)
}

fn on(mut guest: (DiskFacts, FileSystems), files: MemoryFs) -> (DiskFacts, FileSystems) {
    guest.1[0] = Fact::Known(Some(files.shared()));
    guest
}

#[test]
fn what_is_missing_is_missing_and_the_rest_is_followed_all_the_same() {
    let (guest, whole) = files();
    assert_eq!(links(&followed(&on(guest, whole)).bios), with_start(&START));
    for (path, kind) in [
        ("/bootmgr", BootManager),
        ("/Windows/system32/winload.exe", OsLoader),
        ("/Windows/System32/ntoskrnl.exe", Kernel),
        ("/Windows/System32/config/SYSTEM", SystemHive),
    ] {
        let (guest, whole) = files();
        let found = links(&followed(&on(guest, whole.without(path))).bios);
        let missing: Vec<_> = found.iter().filter(|(_, state)| *state != '+').collect();
        assert_eq!(missing, [&(kind, '-')], "{path}");
        assert_eq!(found.len(), 11);
    }
    let (guest, whole) = files();
    let found = links(&followed(&on(guest, whole.without("/Boot/BCD"))).bios);
    assert_eq!(found[4..], [(BootConfiguration, '-')]);
}

#[test]
fn what_cannot_be_read_is_unknown() {
    let (guest, whole) = files();
    let found = links(&followed(&on(guest, whole.unreadable("/Boot/BCD"))).bios);
    assert_eq!(found[4..], [(BootConfiguration, '?')]);
    let (guest, whole) = files();
    let found = links(&followed(&on(guest, whole.file("/Boot/BCD", "no hive"))).bios);
    assert_eq!(found[4..], [(BootConfiguration, '?')]);
    let (mut guest, _) = files();
    guest.1[0] = Fact::unknown("partition 1", "BitLocker is not read");
    let found = links(&followed(&guest).bios);
    assert_eq!(found[3..], [(BootManager, '?'), (BootConfiguration, '?')]);
}

#[test]
fn without_an_active_partition_the_boot_files_are_found_where_they_lie() {
    let (mut guest, whole) = files();
    guest.0.partitions[0].active = false;
    let found = links(&followed(&on(guest, whole)).bios);
    let start = [(BootCode, '+'), (ActivePartition, '-'), (BootManager, '+')];
    assert_eq!(found, with_start(&start));
}

#[test]
fn a_second_active_partition_stops_the_code_in_sector_0() {
    let mut guest = guest("good-server-2019");
    guest.0.partitions[1].active = true;
    let facts = followed(&guest);
    let link = &facts.bios.chain[1];
    assert_eq!((link.kind, &link.state), (ActivePartition, &LinkState::Missing));
    assert_eq!(link.evidence.detail, "partitions 1 and 2 are both active");
}

#[test]
fn a_store_for_uefi_does_not_start_windows_under_bios() {
    // The store of a machine that boots by BIOS, whose loader's name is that for UEFI.
    let (guest, whole) = files();
    let filesystem = guest.1[0].known().unwrap().clone().unwrap();
    let mut store = Tree::new(filesystem, 0).read("/Boot/BCD", 1 << 20).unwrap();
    let utf16 = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
    let (old, new) = (utf16("winload.exe"), utf16("winload.efi"));
    let at = store.windows(old.len()).position(|bytes| bytes == old).unwrap();
    store[at..][..new.len()].copy_from_slice(&new);
    let files = whole.file("/Boot/BCD", store).file("/Windows/system32/winload.efi", IMAGE);
    let facts = followed(&on(guest, files));
    let link = facts.bios.chain.iter().find(|link| link.kind == OsLoader).unwrap();
    assert_eq!(link.state, LinkState::Missing);
    assert!(link.evidence.detail.contains("other firmware"), "{link:?}");
}

#[test]
fn code_of_another_loader_is_not_followed() {
    let (mut guest, whole) = files();
    let Fact::Known(code) = &mut guest.0.boot_code else { panic!() };
    code.kind = BootCodeKind::Grub2;
    let found = links(&followed(&on(guest, whole)).bios);
    assert_eq!(found[0], (BootCode, '?'));
}

const BOOT_INI: &str = "[boot loader]\r\ntimeout=30\r\n\
    default=multi(0)disk(0)rdisk(0)partition(1)\\WINDOWS\r\n[operating systems]\r\n\
    multi(0)disk(0)rdisk(0)partition(1)\\WINDOWS=\"Windows Server 2003\" /fastdetect\r\n";

/// Windows before Vista on the same partition.
fn ntldr(boot_ini: &str) -> (DiskFacts, FileSystems) {
    let mut guest = guest("good-windows-7-x86");
    guest.0.volume_boot_code[0].evidence.detail = "`NTLDR`".to_owned();
    let files = MemoryFs::new()
        .file("/ntldr", "x")
        .file("/ntdetect.com", "x")
        .file("/boot.ini", boot_ini)
        .file("/WINDOWS/System32/ntoskrnl.exe", IMAGE)
        .file("/WINDOWS/System32/config/SYSTEM", "regf");
    on(guest, files)
}

#[test]
fn windows_before_vista_is_followed_by_its_boot_ini() {
    let facts = followed(&ntldr(BOOT_INI));
    let expected = [
        (BootCode, '+'),
        (ActivePartition, '+'),
        (BootSector, '+'),
        (BootManager, '+'),
        (HardwareDetection, '+'),
        (BootConfiguration, '+'),
        (DefaultEntry, '+'),
        (WindowsPartition, '+'),
        (Kernel, '+'),
        (SystemHive, '+'),
    ];
    assert_eq!(links(&facts.bios), expected);
    assert_eq!(facts.bios.devices[0].evidence.location, r"\boot.ini:3");
}

#[test]
fn a_boot_ini_that_names_another_disk_leads_nowhere() {
    for place in ["rdisk(1)partition(1)", "rdisk(0)partition(2)", "rdisk(0)partition(0)"] {
        let ini = BOOT_INI.replace("rdisk(0)partition(1)", place);
        let facts = followed(&ntldr(&ini));
        assert_eq!(facts.bios.devices[0].resolution, Resolution::Missing, "{place}");
        assert_eq!(links(&facts.bios).last(), Some(&(WindowsPartition, '-')));
    }
    let scsi = BOOT_INI.replace("multi(0)", "scsi(0)");
    assert_eq!(links(&followed(&ntldr(&scsi)).bios).last(), Some(&(DefaultEntry, '?')));
}

#[test]
fn without_a_boot_ini_ntldr_takes_the_first_partition() {
    let mut guest = ntldr("");
    let files = MemoryFs::new()
        .file("/ntldr", "x")
        .file("/ntdetect.com", "x")
        .file("/WINDOWS/System32/ntoskrnl.exe", IMAGE)
        .file("/WINDOWS/System32/config/SYSTEM", "regf");
    guest = on(guest, files);
    let found = links(&followed(&guest).bios);
    assert_eq!(found[5], (BootConfiguration, '0'));
    assert_eq!(found.last(), Some(&(SystemHive, '+')));
}

/// The one link of that kind under BIOS.
fn link(guest: &(DiskFacts, FileSystems), kind: WindowsLinkKind) -> WindowsBootLink {
    let chain = followed(guest).bios.chain;
    chain.into_iter().find(|link| link.kind == kind).unwrap()
}

#[test]
fn a_program_that_is_cut_or_no_image_starts_nothing() {
    for (path, kind) in
        [("/Windows/system32/winload.exe", OsLoader), ("/Windows/System32/ntoskrnl.exe", Kernel)]
    {
        for (content, what) in
            [(&IMAGE[..600], "damaged: section table"), (b"garbage", "damaged: MS-DOS header")]
        {
            let (guest, whole) = files();
            let link = link(&on(guest, whole.file(path, content)), kind);
            assert_eq!(link.state, LinkState::Missing, "{link:?}");
            assert!(link.evidence.detail.starts_with(what), "{link:?}");
        }
        let (guest, whole) = files();
        let link = link(&on(guest, whole.unreadable(path)), kind);
        assert!(matches!(link.state, LinkState::Unknown(_)), "{link:?}");
    }
}

#[test]
fn the_boot_sector_reads_no_compressed_or_encrypted_boot_manager() {
    for how in ["compressed", "encrypted"] {
        let (guest, whole) = files();
        let link = link(&on(guest, whole.file("/bootmgr", "x").stored(how)), BootManager);
        assert_eq!(link.state, LinkState::Missing);
        let detail = format!("{how} on partition 1");
        assert!(link.evidence.detail.starts_with(&detail), "{link:?}");
    }
}

#[test]
fn a_boot_sector_that_was_moved_reads_other_sectors() {
    let mut guest = guest("good-server-2019");
    // As mkntfs -p wrote it: the partition begins at 1 MiB.
    assert_eq!(guest.0.volume_boot_code[0].hidden_sectors, Some(2048));
    guest.0.volume_boot_code[0].hidden_sectors = Some(63);
    let link = link(&guest, BootSector);
    assert_eq!(link.state, LinkState::Missing);
    let detail = "HiddenSectors (byte 0x1C) is 63, and the partition begins at sector 2048";
    assert_eq!(link.evidence.detail, detail);
}

#[test]
fn windows_code_in_sector_0_does_not_see_what_a_gpt_marks() {
    let mut guest = guest("good-server-2019");
    guest.0.table = TableKind::Gpt;
    let link = link(&guest, ActivePartition);
    assert_eq!(link.state, LinkState::Missing, "{link:?}");
    guest.0.table = TableKind::HybridGpt;
    let link = super::tests::link(&guest, ActivePartition);
    assert!(matches!(link.state, LinkState::Unknown(_)), "{link:?}");
}

#[test]
fn the_system_is_the_one_that_the_entry_names() {
    let system = followed(&guest("good-server-2019")).bios.system;
    assert_eq!(system, Some(WindowsSystem { volume: 1, directory: "/Windows".to_owned() }));
    let system = followed(&guest("uefi-server-2019")).uefi.unwrap().system;
    assert_eq!(system, Some(WindowsSystem { volume: 2, directory: "/Windows".to_owned() }));
    assert_eq!(followed(&guest("bcd-other-disk")).bios.system, None);
    let old = BOOT_INI.replace(r"partition(1)\WINDOWS", r"partition(1)\WINNT");
    let system = followed(&ntldr(&old)).bios.system;
    assert_eq!(system, Some(WindowsSystem { volume: 0, directory: "/WINNT".to_owned() }));
}

#[test]
fn a_line_of_boot_ini_that_asks_for_safe_mode_is_told() {
    assert!(followed(&ntldr(BOOT_INI)).bios.modes.is_empty());
    let ini = BOOT_INI.replace("/fastdetect", "/fastdetect /safeboot:minimal");
    let [mode] = &followed(&ntldr(&ini)).bios.modes[..] else { panic!("{ini}") };
    assert_eq!(mode.kind, WindowsStartKind::SafeMinimal);
    assert_eq!(mode.evidence, Evidence::new(r"\boot.ini:5", "/safeboot:minimal"));
}
