//! Boot code and GRUB's core image.

use super::*;

#[test]
fn grub_in_the_embedding_gap_is_followed_to_its_prefix() {
    let facts = Sparse::fixture("boot/mbr_gap").read().facts;
    let code = facts.boot_code.known().unwrap();
    assert_eq!((code.kind, code.signature), (BootCodeKind::Grub2, true));
    let core = code.grub_core.as_ref().unwrap().known().unwrap();
    assert_eq!(core.intact, Fact::Known(()));
    assert_eq!((core.offset, core.place.as_str()), (512, "gap before partition 1"));
    assert_eq!(core.prefix, Fact::Known(Some("(,msdos1)/boot/grub".to_owned())));
    assert_eq!(core.embedded_config, Fact::Known(None));
    // 27030 bytes of core.img, doubled by Reed-Solomon codes, in 106 sectors.
    assert_eq!(core.size, 106 * 512);
}

#[test]
fn grub_in_a_bios_boot_partition_is_followed_to_its_configuration() {
    let facts = Sparse::fixture("boot/bios_boot").read().facts;
    let code = facts.boot_code.known().unwrap();
    let core = code.grub_core.as_ref().unwrap().known().unwrap();
    assert_eq!(core.intact, Fact::Known(()));
    assert_eq!((core.offset, core.place.as_str()), (1 << 20, "BIOS boot partition 14"));
    assert_eq!(core.prefix, Fact::Known(Some("/boot/grub".to_owned())));
    let config = "search.fs_uuid deadbeef root\n".trim_end().to_owned();
    assert_eq!(core.embedded_config, Fact::Known(Some(config)));
    assert_eq!(core.size, 27992_u64.next_multiple_of(512));
}

/// GRUB 2.06 in a Btrfs, as `grub-bios-setup '(hd0,msdos1)'` puts it there: boot sector and core image
/// lie in the partition, and count the sectors of the disk.
#[test]
fn grub_in_the_boot_sector_of_a_partition_is_followed_to_its_prefix() {
    let facts = Sparse::fixture("boot/partition").read().facts;
    assert_eq!(facts.boot_code.known().unwrap().kind, BootCodeKind::Syslinux);
    let [code] = &facts.volume_boot_code[..] else { panic!("{:?}", facts.volume_boot_code) };
    assert_eq!((code.volume, code.kind), (0, BootCodeKind::Grub2));
    let core = code.grub_core.as_ref().unwrap().known().unwrap();
    assert_eq!(core.intact, Fact::Known(()));
    assert_eq!((core.offset, core.place.as_str()), (2049 * 512, "partition 1"));
    assert_eq!(core.prefix, Fact::Known(Some("(,msdos1)/boot/grub".to_owned())));
    // It was made without a driver of Btrfs.
    let modules = core.modules.known().unwrap();
    assert!(!modules.iter().any(|name| name == "btrfs"), "{modules:?}");
    assert_eq!(core.btrfs_relative_path, None);
}

/// That of upstream's GRUB 2.06, which does not have the patches of SUSE and Fedora. `grub-mkimage` puts it
/// into a core image as it is.
#[test]
fn the_driver_of_btrfs_tells_whether_it_knows_the_variable() {
    let driver = testdata("boot/grub_btrfs.mod");
    assert_eq!(grub_core::btrfs_relative_path(&driver), Some(false));
    let with = [&driver[..], b"\0btrfs_relative_path\0"].concat();
    assert_eq!(grub_core::btrfs_relative_path(&with), Some(true));
}

#[test]
fn a_grub_core_that_was_overwritten_is_not_intact() {
    let reason = |disk: &Sparse| {
        let facts = disk.read().facts;
        let core = facts.boot_code.known().unwrap().grub_core.clone().unwrap();
        core.known().unwrap().intact.unread().unwrap().reason.clone()
    };
    let mut zeroed = Sparse::fixture("boot/mbr_gap");
    zeroed.write(512, &[0; 512]);
    assert!(reason(&zeroed).contains("zeroes"));

    let mut half = Sparse::fixture("boot/mbr_gap");
    half.write(1024, &vec![0; 105 * 512]);
    assert!(reason(&half).contains("zeroes in the 105 sectors"));

    let mut damaged = Sparse::fixture("boot/mbr_gap");
    damaged.write(8192, &[0x5a; 4096]);
    assert!(reason(&damaged).contains("damaged data"), "{}", reason(&damaged));

    let mut far = Sparse::fixture("boot/mbr_gap");
    far.write(0x5c, &u64::MAX.to_le_bytes());
    assert!(reason(&far).contains("beyond the end"));

    let mut list = Sparse::fixture("boot/mbr_gap");
    list.write(512 + 0x1f4, &(1_u64 << 63).to_le_bytes());
    assert!(reason(&list).contains("beyond the end"));

    let mut long = Sparse::fixture("boot/mbr_gap");
    long.write(512 + 0x1fc, &[0xff, 0xff]);
    assert!(reason(&long).contains("640 KiB"));
}

#[test]
fn grub_by_a_block_list_inside_a_partition_is_gathered_in_its_order() {
    let source = Sparse::fixture("boot/bios_boot");
    let mut disk = Sparse::fixture("boot/mbr_gap");
    for sector in 1..2048 {
        disk.sectors.remove(&(sector * 512));
    }
    // diskboot.img at sector 4000, the rest in three pieces that are not in order on the disk.
    disk.write(0x5c, &4000_u64.to_le_bytes());
    let mut diskboot = source.bytes(1 << 20, 512);
    let rest = source.bytes((1 << 20) + 512, 54 * 512);
    let mut segment = 0x820_u16;
    for (index, (start, from, sectors)) in
        [(6000_u64, 0_usize, 10_usize), (5000, 10, 20), (7000, 30, 24)].into_iter().enumerate()
    {
        let at = 0x1f4 - 12 * index;
        diskboot[at..at + 8].copy_from_slice(&start.to_le_bytes());
        diskboot[at + 8..at + 10].copy_from_slice(&(sectors as u16).to_le_bytes());
        diskboot[at + 10..at + 12].copy_from_slice(&segment.to_le_bytes());
        segment += sectors as u16 * 32;
        disk.write(start * 512, &rest[from * 512..(from + sectors) * 512]);
    }
    disk.write(4000 * 512, &diskboot);
    let facts = disk.read().facts;
    let core = facts.boot_code.known().unwrap().grub_core.clone().unwrap();
    let core = core.known().unwrap();
    assert_eq!((core.place.as_str(), core.size), ("partition 1", 55 * 512));
    assert_eq!(core.intact, Fact::Known(()));
    assert_eq!(core.prefix, Fact::Known(Some("/boot/grub".to_owned())));
}

/// As `grub-mkimage` was given them, each behind the modules that it depends on; `objcopy
/// --only-section=.modname` gives the same.
#[test]
fn the_modules_of_a_core_image_are_told_by_their_names() {
    for (disk, names) in [
        ("mbr_gap", &["biosdisk", "part_msdos", "fshelp", "ext2"][..]),
        ("bios_boot", &["biosdisk", "part_gpt", "fshelp", "ext2", "search_fs_uuid"]),
    ] {
        let facts = Sparse::fixture(&format!("boot/{disk}")).read().facts;
        let core = facts.boot_code.known().unwrap().grub_core.clone().unwrap();
        let names = names.iter().map(|&name| name.to_owned()).collect();
        assert_eq!(core.known().unwrap().modules, Fact::Known(names));
    }
}

/// With 0x81 there GRUB 2.06 hangs in QEMU behind `GRUB `, with 0x80 it starts.
#[test]
fn a_boot_sector_that_asks_another_drive_for_the_core_image_starts_nothing() {
    for (drive, starts) in [(0xff, true), (0x80, true), (0x81, false), (0, false)] {
        let mut disk = Sparse::fixture("boot/mbr_gap");
        disk.write(0x64, &[drive]);
        let facts = disk.read().facts;
        let core = facts.boot_code.known().unwrap().grub_core.clone().unwrap();
        let intact = &core.known().unwrap().intact;
        assert_eq!(intact.known().is_some(), starts, "{drive:#x}: {intact:?}");
    }
}

fn boot_sector(name: &str) -> Sparse {
    let mut disk = Sparse::new(1 << 20);
    disk.write(0, &testdata(&format!("boot/{name}.bin")));
    disk.write(510, &[0x55, 0xaa]);
    disk
}

#[test]
fn boot_code_is_told_by_its_maker() {
    let kind = |name: &str| boot_sector(name).read().facts.boot_code.known().unwrap().kind;
    assert_eq!(kind("syslinux_mbr"), BootCodeKind::Syslinux);
    assert_eq!(kind("syslinux_altmbr"), BootCodeKind::Syslinux);
    assert_eq!(kind("syslinux_gptmbr"), BootCodeKind::Syslinux);
    assert_eq!(kind("parted"), BootCodeKind::Generic);
    assert_eq!(kind("debian_mbr"), BootCodeKind::Generic);
    assert_eq!(kind("grub_stage1"), BootCodeKind::GrubLegacy);
    assert_eq!(kind("extlinux_ext2"), BootCodeKind::Syslinux);
}

/// Disks as `setup (hd0)` and `install … (hd0,0)/boot/grub/stage2 p (hd0,0)/boot/grub/menu.lst` of
/// GRUB 0.97-80 left them, as far as they count.
fn grub_legacy(is_embedded: bool) -> Sparse {
    let mut disk = Sparse::new(16 << 20);
    if is_embedded {
        disk.write(0, &testdata("boot/grub_legacy_stage1_5.bin"));
    } else {
        let raw = testdata("boot/grub_legacy_stage2.bin");
        disk.write(0, &raw[..512]);
        disk.write(17475 * 512, &raw[512..]);
    }
    disk
}

fn legacy_facts(disk: &Sparse) -> GrubLegacyFacts {
    let code = disk.read().facts.boot_code.known().unwrap().clone();
    assert_eq!(code.kind, BootCodeKind::GrubLegacy);
    code.grub_legacy.unwrap().known().unwrap().clone()
}

#[test]
fn the_block_list_of_grub_legacy_leads_to_its_stage() {
    let files = |files: &[&str]| files.iter().map(|file| (*file).to_owned()).collect::<Vec<_>>();
    let embedded = legacy_facts(&grub_legacy(true));
    let expected = GrubLegacyFacts {
        offset: 512,
        size: 19 * 512,
        intact: Fact::Known(()),
        is_stage2: false,
        partition: Some(1),
        files: files(&["/boot/grub/stage2", "/boot/grub/menu.lst"]),
    };
    assert_eq!(embedded, expected);
    let listed = legacy_facts(&grub_legacy(false));
    let expected = GrubLegacyFacts {
        offset: 17475 * 512,
        size: (1 + 31 + 96 + 106) * 512,
        is_stage2: true,
        files: files(&["(hd0,0)/boot/grub/menu.lst"]),
        ..expected
    };
    assert_eq!(listed, expected);
}

#[test]
fn a_block_list_of_grub_legacy_that_leads_elsewhere_is_broken() {
    for is_embedded in [true, false] {
        let first = legacy_facts(&grub_legacy(is_embedded)).offset;
        // The first sector gone, the second gone, a block behind the end of the disk.
        for (at, bytes) in [
            (first, vec![0; 512]),
            (first + 512, vec![0; 512]),
            (first + 0x1f8, vec![0xff, 0xff, 0xff, 0x7f, 9, 0]),
        ] {
            let mut disk = grub_legacy(is_embedded);
            disk.write(at, &bytes);
            assert!(legacy_facts(&disk).intact.unread().is_some(), "{is_embedded} {at}");
        }
        let mut disk = grub_legacy(is_embedded);
        disk.write(0x44, &[0xff; 4]);
        assert!(legacy_facts(&disk).intact.unread().is_some());
    }
}

#[test]
fn sector_0_without_code_or_signature_boots_nothing() {
    let kind = |disk: &Sparse| disk.read().facts.boot_code.known().unwrap().kind;
    assert_eq!(kind(&Sparse::fixture("table/sfdisk_dos")), BootCodeKind::None);
    let mut unsigned = boot_sector("syslinux_mbr");
    unsigned.write(510, &[0, 0]);
    assert_eq!(kind(&unsigned), BootCodeKind::None);
    let mut other = Sparse::new(1 << 20);
    other.write(0, b"\xeb\xfe some code");
    other.write(510, &[0x55, 0xaa]);
    assert_eq!(kind(&other), BootCodeKind::Unrecognised);
}

#[test]
fn microsoft_code_is_told_by_its_first_bytes_or_its_messages() {
    let kind = |code: &[u8]| {
        let mut disk = Sparse::new(1 << 20);
        disk.write(0, code);
        disk.write(510, &[0x55, 0xaa]);
        disk.read().facts.boot_code.known().unwrap().kind
    };
    // Windows 7 to 10, whose messages are translated; as published in many disassemblies.
    let seven = b"\x33\xc0\x8e\xd0\xbc\x00\x7c\x8e\xc0\x8e\xd8\xbe\x00\x7c\xbf\x00\x06\xb9\x00\x02";
    assert_eq!(kind(seven), BootCodeKind::Windows);
    let messages = b"\xfa\x33\xc0Invalid partition table\0Error loading operating system\0\
        Missing operating system\0";
    assert_eq!(kind(messages), BootCodeKind::Windows);
}

#[test]
fn boot_code_of_volumes_is_told() {
    let volume = |sector: &[u8]| {
        let mut disk = Sparse::fixture("table/sfdisk_dos");
        disk.write(2048 * 512, sector);
        let facts = disk.read().facts;
        facts.volume_boot_code.first().map(|code| (code.volume, code.kind))
    };
    assert_eq!(volume(&testdata("boot/extlinux_ext2.bin")), Some((0, BootCodeKind::Syslinux)));
    // What mkfs.fat and mkntfs write only says that the volume is not bootable.
    assert_eq!(volume(&Sparse::fixture("signature/fat32").bytes(0, 512)), None);
    assert_eq!(volume(&Sparse::fixture("signature/ntfs").bytes(0, 512)), None);
    let mut windows = Sparse::fixture("signature/ntfs").bytes(0, 512);
    windows[400..407].copy_from_slice(b"BOOTMGR");
    assert_eq!(volume(&windows), Some((0, BootCodeKind::Windows)));
}

/// The boot sector of a volume with SYSLINUX and what it says of `ldlinux.sys`.
fn ldlinux(disk: &Sparse) -> Fact<LdlinuxFacts> {
    let [code] = &disk.read().facts.volume_boot_code[..] else { panic!() };
    assert_eq!(code.kind, BootCodeKind::Syslinux);
    code.ldlinux.clone().unwrap()
}

fn not_intact(disk: &Sparse) -> String {
    ldlinux(disk).known().unwrap().intact.unread().unwrap().reason.clone()
}

/// The partition of `extlinux_xfs`, the boot sector in it and its `ldlinux.sys`: the first sector and the
/// 113 that its extent names, right behind it.
const XFS: u64 = 2048 * 512;
const XFS_BOOT: u64 = XFS + 2048;
const LDLINUX: u64 = XFS + 163_520 * 512;

/// XFS has its superblock in sector 0, and SYSLINUX's `mbr.bin` loads sector 4 of it. With `altmbr.bin`
/// instead nothing starts in QEMU.
#[test]
fn the_boot_sector_of_extlinux_on_xfs_is_found_by_an_mbr_that_looks_for_it() {
    let mut disk = Sparse::fixture("boot/extlinux_xfs");
    let [code] = &disk.read().facts.volume_boot_code[..] else { panic!() };
    assert_eq!((code.volume, code.kind), (0, BootCodeKind::Syslinux));
    let facts = LdlinuxFacts { sector: 163_520, intact: Fact::Known(()) };
    assert_eq!(code.ldlinux, Some(Fact::Known(facts)));
    // The same code elsewhere is none of the volume's.
    disk.write(XFS, b"XFSC");
    assert!(disk.read().facts.volume_boot_code.is_empty());
    for other in ["syslinux_altmbr", "parted"] {
        let mut disk = Sparse::fixture("boot/extlinux_xfs");
        disk.write(0, &testdata(&format!("boot/{other}.bin"))[..439]);
        assert!(disk.read().facts.volume_boot_code.is_empty(), "{other}");
    }
}

/// When the sector that the boot sector of EXTLINUX 6.04 names holds something else, it says "Boot
/// error" in QEMU.
#[test]
fn the_boot_sector_of_syslinux_knows_ldlinux_sys_by_a_word() {
    let good = Sparse::fixture("boot/extlinux_xfs");
    let mut disk = good.clone();
    disk.write(LDLINUX, &[0; 512]);
    assert!(not_intact(&disk).contains("zeroes"));
    let mut disk = good.clone();
    disk.write(LDLINUX + 0x1c, &[0]);
    assert!(not_intact(&disk).contains("other data"));
    let mut disk = good.clone();
    disk.write(XFS_BOOT + 0x118 + 8, &[0xff; 4]);
    assert!(ldlinux(&disk).known().unwrap().intact.unread().is_some());
    // Another layout.
    let mut disk = good;
    disk.write(XFS_BOOT + 0x118, &[0x90]);
    let [code] = &disk.read().facts.volume_boot_code[..] else { panic!() };
    assert_eq!((code.kind, &code.ldlinux), (BootCodeKind::Syslinux, &None));
}

/// With these EXTLINUX 6.04 says "Load error - Boot error" in QEMU, or hangs.
#[test]
fn an_ldlinux_sys_that_is_damaged_behind_its_first_sector_is_not_intact() {
    let good = Sparse::fixture("boot/extlinux_xfs");
    let damaged = |at: u64, bytes: &[u8]| {
        let mut disk = good.clone();
        disk.write(at, bytes);
        not_intact(&disk)
    };
    let reason = damaged(LDLINUX + 8192, &[0; 16 << 10]);
    assert!(reason.contains("the sum of its 114 sectors"), "{reason}");
    // The last of its 14592 words, and the checksum (behind magic, instance, sectors and words).
    assert!(damaged(LDLINUX + 14_592 * 4 - 1, &[0x5a]).contains("damaged"));
    assert!(damaged(LDLINUX + 0x18 + 16, &[0]).contains("damaged"));
    // No sectors, more than fit, more than the extent names; no words, more than the sectors have.
    assert!(damaged(LDLINUX + 0x18 + 8, &[0, 0]).contains("1 to 1216 sectors"));
    assert!(damaged(LDLINUX + 0x18 + 8, &[0xff, 0xff]).contains("1 to 1216 sectors"));
    assert!(damaged(LDLINUX + 0x18 + 8, &[115, 0]).contains("an extent of 1 to 1 sectors"));
    assert!(damaged(LDLINUX + 0x18 + 12, &[0; 4]).contains("count of 32-bit words"));
    assert!(damaged(LDLINUX + 0x18 + 12, &[0xff; 4]).contains("count of 32-bit words"));
    // The extent: elsewhere, longer than the sectors, behind the end of the volume.
    assert!(damaged(LDLINUX + 0x1ee, &[0, 0]).contains("the sum"));
    assert!(damaged(LDLINUX + 0x1ee + 8, &[0xff, 0xff]).contains("an extent of 1 to 113 sectors"));
    assert!(!damaged(LDLINUX + 0x1ee + 4, &[0xff; 4]).is_empty());
    // The tail that is no whole word and the two sectors of the auxiliary data are not summed up.
    let mut disk = good.clone();
    disk.write(LDLINUX + 114 * 512, &[0x5a; 1024]);
    assert_eq!(ldlinux(&disk).known().unwrap().intact, Fact::Known(()));
    // Code of another layout there, and other sectors, are not followed.
    for (at, bytes) in [(LDLINUX + 0x7e, &[0x90][..]), (XFS_BOOT + 0x0b, &[0, 16])] {
        let mut disk = good.clone();
        disk.write(at, bytes);
        assert!(ldlinux(&disk).unread().is_some(), "{at}");
    }
}

/// EXTLINUX 6.04 on an ext4 of which every second block was free wrote 57 extents, of one and two sectors,
/// and started from them in QEMU.
#[test]
fn an_ldlinux_sys_in_many_pieces_is_gathered_by_its_extents() {
    let mut disk = Sparse::fixture("boot/extlinux_xfs");
    let mut file = disk.bytes(LDLINUX, 114 * 512);
    for sector in 1..114_usize {
        // From the end on, every second sector.
        let extent = 0x1ee + (sector - 1) * 10;
        file[extent..extent + 8].copy_from_slice(&(164_000 - 2 * sector as u64).to_le_bytes());
        file[extent + 8..extent + 10].copy_from_slice(&1_u16.to_le_bytes());
    }
    file[0x18 + 16..0x18 + 20].fill(0);
    let words = file[..14_592 * 4].as_chunks::<4>().0.iter();
    let sum = words.fold(0_u32, |sum, word| sum.wrapping_add(u32::from_le_bytes(*word)));
    let checksum = 0x3eb2_02fe_u32.wrapping_sub(sum);
    file[0x18 + 16..0x18 + 20].copy_from_slice(&checksum.to_le_bytes());
    disk.write(LDLINUX, &vec![0; 114 * 512]);
    disk.write(LDLINUX, &file[..512]);
    for sector in 1..114 {
        let at = XFS + (164_000 - 2 * sector as u64) * 512;
        disk.write(at, &file[sector * 512..(sector + 1) * 512]);
    }
    assert_eq!(ldlinux(&disk).known().unwrap().intact, Fact::Known(()));
    disk.write(XFS + (164_000 - 2 * 113) * 512, &[0x5a; 4]);
    assert!(not_intact(&disk).contains("the sum of its 114 sectors"));
}
