use super::*;
use crate::disk::facts::SignatureKind;
use crate::fact::Unread;
use crate::guest::facts::{
    DeviceRef, InitramfsFacts, KernelFacts, LoaderKind, Resolution, SourceKind,
};
use crate::guest::linux::boot::break_at_damaged_initramfs;
use crate::guest::linux::boot::entry::test_initramfs;
use crate::guest::linux::boot::firmware;

fn entry(root: &str) -> String {
    format!(
        "set root='hd0,msdos1'\nmenuentry 'Debian' {{\nlinux /boot/vmlinuz-6.1.0-18-amd64 root={root} ro\n\
         initrd /boot/initrd.img-6.1.0-18-amd64\n}}\n"
    )
}

#[test]
fn a_sound_chain_is_found_link_by_link_in_order() {
    let facts = follow(&with_config(&entry(&format!("UUID={UUID}"))));
    let kinds: Vec<_> = facts.chain.iter().map(|link| link.kind).collect();
    assert_eq!(
        kinds,
        [
            LinkKind::BootCode,
            LinkKind::LoaderImage,
            LinkKind::LoaderFiles,
            LinkKind::Configuration,
            LinkKind::DefaultEntry,
            LinkKind::Kernel,
            LinkKind::Initramfs,
            LinkKind::RootDevice,
        ]
    );
    all_found(&facts);
    let entry = default_entry(&facts);
    assert_eq!(entry.location, "/boot/grub/grub.cfg:2");
    let kernel = entry.kernel.as_ref().unwrap();
    assert_eq!(kernel.location, "/boot/grub/grub.cfg:3");
    let file = kernel.resolved.known().unwrap().as_ref().unwrap();
    assert_eq!((file.volume, file.size, file.guest_path.as_deref()), (0, 0x1000, None));
}

#[test]
fn a_root_that_is_not_handed_to_the_kernel_is_open() {
    let with = |length: usize| {
        let line = format!("{} root=/dev/gone", "x".repeat(length));
        let config = format!("menuentry a {{ linux /boot/vmlinuz-6.1.0-18-amd64 {line} }}");
        state(&follow(&with_config(&config)), LinkKind::RootDevice).cloned()
    };
    assert_eq!(with(2047 - 15), Some(LinkState::Missing));
    let more = LinkState::Unknown("more than 2047 bytes of kernel command line".to_owned());
    assert_eq!(with(2047 - 14), Some(more));
}

#[test]
fn wiped_boot_code_is_missing_and_the_default_entry_is_still_known() {
    let mut fake = with_config(&entry(&format!("UUID={UUID}")));
    fake = fake.boot_code(code(BootCodeKind::None));
    let facts = follow(&fake);
    assert_eq!(state(&facts, LinkKind::BootCode), Some(&LinkState::Missing));
    assert_eq!(state(&facts, LinkKind::Configuration), Some(&LinkState::Found));
    assert_eq!(state(&facts, LinkKind::RootDevice), Some(&LinkState::Found));
    assert_eq!(default_entry(&facts).title, "Debian");
}

#[test]
fn boot_code_without_its_signature_is_missing() {
    let mut boot_code = grub2_code(Some("(,msdos1)/boot/grub"), None);
    boot_code.signature = false;
    let facts = follow(&with_config(&entry("x")).boot_code(boot_code));
    assert_eq!(state(&facts, LinkKind::BootCode), Some(&LinkState::Missing));
}

#[test]
fn boot_code_that_is_not_read_or_recognised_is_not_decided() {
    let mut fake = with_config(&entry("x"));
    fake = fake.boot_code(code(BootCodeKind::Unrecognised));
    assert!(matches!(state(&follow(&fake), LinkKind::BootCode), Some(LinkState::Unknown(_))));
    fake.disk.boot_code = Fact::unknown("sector 0", "compressed cluster is corrupt");
    assert!(matches!(state(&follow(&fake), LinkKind::BootCode), Some(LinkState::Unknown(_))));
}

#[test]
fn a_core_image_in_a_partition_is_told_by_the_byte_of_the_disk() {
    for (place, location) in [
        ("gap before partition 1", "gap before partition 1, byte 512"),
        ("partition 1", "partition 1, byte 512 of the disk"),
        ("BIOS boot partition 2", "BIOS boot partition 2, byte 512 of the disk"),
    ] {
        let mut boot_code = grub2_code(Some("(,msdos1)/boot/grub"), None);
        if let Some(Fact::Known(core)) = &mut boot_code.grub_core {
            core.place = place.to_owned();
        }
        let facts = follow(&with_config(&entry("x")).boot_code(boot_code));
        let link = facts.chain.iter().find(|link| link.kind == LinkKind::LoaderImage).unwrap();
        assert_eq!(link.evidence.location, location);
    }
}

#[test]
fn an_overwritten_core_image_is_missing() {
    let mut boot_code = grub2_code(Some("(,msdos1)/boot/grub"), None);
    if let Some(Fact::Known(core)) = &mut boot_code.grub_core {
        core.intact = Fact::unknown("byte 512", "zeroes");
    }
    let facts = follow(&with_config(&entry("x")).boot_code(boot_code));
    assert_eq!(state(&facts, LinkKind::LoaderImage), Some(&LinkState::Missing));
    assert_eq!(state(&facts, LinkKind::DefaultEntry), Some(&LinkState::Found));
}

#[test]
fn missing_modules_and_a_missing_configuration_are_links_of_their_own() {
    let bare = FakeFs::new().file("/boot/grub/grub.cfg", entry("x"));
    let facts = follow(&with_filesystem(bare));
    assert_eq!(state(&facts, LinkKind::LoaderFiles), Some(&LinkState::Missing));
    assert_eq!(state(&facts, LinkKind::Configuration), Some(&LinkState::Found));
    let bare = FakeFs::new().file("/boot/grub/i386-pc/normal.mod", "\x7fELF");
    let facts = follow(&with_filesystem(bare));
    assert_eq!(state(&facts, LinkKind::LoaderFiles), Some(&LinkState::Found));
    assert_eq!(state(&facts, LinkKind::Configuration), Some(&LinkState::Missing));
    assert_eq!(facts.loader, Fact::Known(None));
}

/// GRUB 2.06 in QEMU: "unknown filesystem" and "no such partition" before `grub rescue>` for the
/// first two.
#[test]
fn a_core_image_that_cannot_read_its_prefix_reaches_no_files() {
    let with = |modules: &[&str], config: Option<&str>| {
        let mut code = grub2_code(Some("(,msdos1)/boot/grub"), config);
        if let Some(Fact::Known(core)) = &mut code.grub_core {
            core.modules = Fact::Known(modules.iter().map(|&name| name.to_owned()).collect());
        }
        let facts = follow(&with_config(&entry("x")).boot_code(code));
        let link = facts.chain.iter().find(|link| link.kind == LinkKind::LoaderFiles).unwrap();
        (link.state.clone(), link.evidence.detail.clone())
    };
    for (modules, needs) in [
        (["biosdisk", "part_msdos", "xfs"], "needs ext2,"),
        (["biosdisk", "part_gpt", "ext2"], "needs part_msdos,"),
        (["lvm", "part_msdos", "ext2"], "needs biosdisk,"),
    ] {
        let (state, detail) = with(&modules, None);
        assert_eq!(state, LinkState::Missing, "{modules:?}");
        assert!(detail.contains(needs), "{detail}");
    }
    // `grub-install --disk-module=native`.
    let (state, _) = with(&["pata", "ahci", "part_msdos", "ext2"], None);
    assert!(matches!(state, LinkState::Unknown(why) if why.contains("by ahci and not")));
    let (state, _) = with(&["biosdisk", "part_msdos"], Some("insmod (hd0,msdos2)/ext2.mod\n"));
    assert!(matches!(state, LinkState::Unknown(why) if why.contains("ext2")));
}

/// `grub-fstest` of GRUB 2.06 says "unknown filesystem" of such an ext4; of the last two 2.12 does not.
#[test]
fn a_file_system_that_no_grub_reads_breaks_the_chain() {
    for (feature, expected) in [
        ("inline_data", LinkState::Missing),
        ("casefold", LinkState::Missing),
        ("ea_inode", LinkState::Missing),
        ("metadata_csum_seed", LinkState::Found),
        ("large_dir", LinkState::Found),
    ] {
        let facts = follow(&with_filesystem(debian(&entry("x")).feature(feature)));
        assert_eq!(state(&facts, LinkKind::LoaderFiles), Some(&expected), "{feature}");
        let config = "menuentry x {\nset root='hd0,msdos2'\nlinux /vmlinuz\n}";
        let other = FakeFs::new().file("/vmlinuz", kernel()).feature(feature);
        let facts = follow(&with_config(config).partition(BOOT_UUID, other));
        assert_eq!(state(&facts, LinkKind::LoaderFiles), Some(&LinkState::Found));
        assert_eq!(state(&facts, LinkKind::Kernel), Some(&expected), "{feature}");
    }
}

/// `grub-fstest` of GRUB 2.06 says "unknown filesystem" of an ext4 by `mkfs.ext4 -O bigalloc -b 1024` alone.
#[test]
fn an_ext4_with_clusters_of_the_smallest_blocks_is_read_by_no_grub() {
    for (feature, block_size, expected) in [
        ("bigalloc", 1024, LinkState::Missing),
        ("bigalloc", 2048, LinkState::Found),
        ("bigalloc", 4096, LinkState::Found),
        ("extent", 1024, LinkState::Found),
    ] {
        let mut fake = with_filesystem(debian(&entry("x")).feature(feature));
        if let Fact::Known(signatures) = &mut fake.disk.volumes[0].signatures {
            signatures[0].block_size = Some(block_size);
        }
        let facts = follow(&fake);
        assert_eq!(state(&facts, LinkKind::LoaderFiles), Some(&expected), "{feature} {block_size}");
    }
}

#[test]
fn a_kernel_without_the_setup_header_of_x86_does_not_start_under_bios() {
    let mut arm64 = vec![0; 64];
    arm64[56..60].copy_from_slice(b"ARM\x64");
    let mut stub = arm64.clone();
    stub[..2].copy_from_slice(b"MZ");
    for kernel in [arm64, stub] {
        let config = "menuentry x { linux /vmlinuz }";
        let facts = follow(&with_filesystem(debian(config).file("/vmlinuz", &kernel)));
        assert_eq!(state(&facts, LinkKind::Kernel), Some(&LinkState::Missing));
        // Where the first sector leads nowhere, UEFI may start it.
        let fake = with_filesystem(debian(config).file("/vmlinuz", &kernel));
        let facts = follow(&fake.boot_code(code(BootCodeKind::None)));
        assert_eq!(state(&facts, LinkKind::Kernel), Some(&LinkState::Found));
    }
}

/// `grub-install` writes `()/boot/grub` for a file system without a partition table.
#[test]
fn a_prefix_without_a_device_is_on_the_disk_that_was_started() {
    let config = entry(&format!("UUID={UUID}")).replace("hd0,msdos1", "hd0");
    let mut fake = with_config(&config);
    fake.disk.table = TableKind::None;
    fake.disk.partitions.clear();
    fake.disk.volumes[0].partition = None;
    fake.disk.volumes[0].start = Some(0);
    all_found(&follow(&fake.boot_code(grub2_code(Some("()/boot/grub"), None))));
}

#[test]
fn a_core_image_with_a_nameless_module_is_not_decided() {
    let mut code = grub2_code(Some("(,msdos1)/boot/grub"), None);
    if let Some(Fact::Known(core)) = &mut code.grub_core {
        core.modules = Fact::unknown("sector 1", "a module in it has no name");
    }
    let facts = follow(&with_config(&entry("x")).boot_code(code));
    assert!(matches!(state(&facts, LinkKind::LoaderFiles), Some(LinkState::Unknown(_))));
}

#[test]
fn a_core_image_with_the_normal_mode_in_it_needs_no_file_for_it() {
    let with = |names: &[&str]| {
        let mut code = grub2_code(Some("(,msdos1)/boot/grub"), None);
        if let Some(Fact::Known(core)) = &mut code.grub_core {
            let names = CORE_MODULES.iter().chain(names).map(|&name| name.to_owned());
            core.modules = Fact::Known(names.collect());
        }
        let files = |fs: FakeFs| {
            let fs = fs.file("/boot/grub/grub.cfg", entry("x"));
            let facts = follow(&with_filesystem(fs).boot_code(code.clone()));
            state(&facts, LinkKind::LoaderFiles).cloned().unwrap()
        };
        let empty = FakeFs::new().file("/boot/grub/i386-pc/normal.mod", "");
        (files(FakeFs::new()), files(empty))
    };
    assert_eq!(with(&["normal", "linux"]), (LinkState::NotNeeded, LinkState::Found));
    assert!(matches!(with(&["normal"]), (LinkState::Unknown(_), LinkState::Found)));
    assert_eq!(with(&[]), (LinkState::Missing, LinkState::Missing));
}

/// GRUB 2.06 says "ELF header smaller than expected" of an empty one; `grub-install --compress` packs
/// them.
#[test]
fn a_file_that_is_no_module_of_grub_is_broken() {
    for (content, expected) in [
        ("", LinkState::Missing),
        ("#!/bin/sh\n", LinkState::Missing),
        ("\u{7f}ELF\u{1}", LinkState::Found),
        ("\u{89}LZO\0", LinkState::Missing),
    ] {
        let fs = FakeFs::new()
            .file("/boot/grub/i386-pc/normal.mod", content)
            .file("/boot/grub/grub.cfg", entry("x"));
        let facts = follow(&with_filesystem(fs));
        assert_eq!(state(&facts, LinkKind::LoaderFiles), Some(&expected), "{content:?}");
    }
    for packed in [&b"\x1f\x8b\x08"[..], b"\xfd7zXZ\0", b"\x89LZO\0"] {
        let fs = FakeFs::new().file("/boot/grub/i386-pc/normal.mod", packed);
        let facts = follow(&with_filesystem(fs));
        assert_eq!(state(&facts, LinkKind::LoaderFiles), Some(&LinkState::Found), "{packed:?}");
    }
}

#[test]
fn prefixes_name_partitions_logical_volumes_and_arrays() {
    let fs = || debian(&entry("x"));
    let mut lvm = FakeMachine::new(TableKind::Gpt).partition(UUID, fs());
    lvm.disk.volumes[0].name = "vg-0/root".to_owned();
    lvm.disk.volumes[0].partition = None;
    lvm.disk.volumes[0].start = None;
    let gpt = FakeMachine::new(TableKind::Gpt).partition(UUID, fs());
    let mut array = FakeMachine::new(TableKind::Mbr).partition(UUID, fs());
    let Fact::Known(signatures) = &mut array.disk.volumes[0].signatures else { panic!() };
    let mut member = signatures[0].clone();
    member.kind = SignatureKind::MdRaid;
    member.uuid = Some("01234567:89abcdef:01234567:89abcdef".to_owned());
    signatures.push(member);
    for (fake, prefix) in [
        (lvm, "(lvm/vg--0-root)/boot/grub"),
        (gpt, "(,gpt1)/boot/grub"),
        (array, "(mduuid/0123456789abcdef0123456789abcdef)/boot/grub"),
    ] {
        let facts = follow(&fake.boot_code(grub2_code(Some(prefix), None)));
        assert_eq!(state(&facts, LinkKind::LoaderFiles), Some(&LinkState::Found), "{prefix}");
        assert_eq!(state(&facts, LinkKind::Configuration), Some(&LinkState::Found), "{prefix}");
    }
}

#[test]
fn a_prefix_on_a_partition_that_is_gone_is_missing() {
    let fake = with_config(&entry("x"));
    let facts = follow(&fake.boot_code(grub2_code(Some("(,msdos5)/boot/grub"), None)));
    assert_eq!(state(&facts, LinkKind::LoaderFiles), Some(&LinkState::Missing));
    assert_eq!(state(&facts, LinkKind::Configuration), Some(&LinkState::Missing));
    assert_eq!(state(&facts, LinkKind::DefaultEntry), Some(&LinkState::Found));
}

#[test]
fn the_embedded_configuration_of_the_core_image_is_run() {
    // As grub-install of Debian 12 writes it (load.cfg).
    let load = format!("search.fs_uuid {UUID} root hd0,msdos1 \nset prefix=($root)'/boot/grub'\n");
    let fake = with_config(&entry(&format!("UUID={UUID}")));
    all_found(&follow(&fake.boot_code(grub2_code(Some("/boot/grub"), Some(&load)))));
    let other = load.replace("0b0c", "ffff");
    let fake = with_config(&entry(&format!("UUID={UUID}")));
    let facts = follow(&fake.boot_code(grub2_code(Some("/boot/grub"), Some(&other))));
    assert_eq!(state(&facts, LinkKind::LoaderFiles), Some(&LinkState::Missing));
}

#[test]
fn a_prefix_that_was_not_read_leaves_the_loader_files_undecided() {
    let mut boot_code = grub2_code(None, None);
    if let Some(Fact::Known(core)) = &mut boot_code.grub_core {
        core.prefix = Fact::unknown("core image", "LZMA with unknown parameters");
    }
    let facts = follow(&with_config(&entry("x")).boot_code(boot_code));
    assert!(matches!(state(&facts, LinkKind::LoaderFiles), Some(LinkState::Unknown(_))));
    assert_eq!(state(&facts, LinkKind::DefaultEntry), Some(&LinkState::Found));
}

#[test]
fn a_file_that_is_no_kernel_is_missing_as_a_kernel() {
    let config = "menuentry x { linux /boot/initrd.img-6.1.0-18-amd64 root=/dev/vda1 }";
    let facts = follow(&with_config(config));
    assert_eq!(state(&facts, LinkKind::Kernel), Some(&LinkState::Missing));
    let link = facts.chain.iter().find(|link| link.kind == LinkKind::Kernel).unwrap();
    assert_eq!(link.evidence.detail, "not a kernel image");
}

#[test]
fn a_kernel_shorter_than_its_header_says_is_missing_and_one_with_more_behind_it_is_not() {
    let config = entry(&format!("UUID={UUID}")).replace("vmlinuz-6.1.0-18-amd64", "vmlinuz-cut");
    let with = |len: usize| {
        let mut image = kernel();
        image[0x1f1] = 1;
        image[0x1f4..0x1f8].copy_from_slice(&0xc0_u32.to_le_bytes());
        image.resize(len, 0);
        follow(&with_filesystem(debian(&config).file("/boot/vmlinuz-cut", image)))
    };
    // Boot sector and one setup sector, then 0xc0 units of 16 bytes.
    let cut = with(1024 + 0xc00 - 1);
    assert_eq!(state(&cut, LinkKind::Kernel), Some(&LinkState::Missing));
    let link = cut.chain.iter().find(|link| link.kind == LinkKind::Kernel).unwrap();
    assert_eq!(link.evidence.detail, "cut short: 4095 of 4096 bytes");
    all_found(&with(4096));
    all_found(&with(6000));
}

#[test]
fn a_damaged_initramfs_breaks_the_chain_and_one_that_is_only_not_read_does_not() {
    let initramfs = |damaged| InitramfsFacts {
        listing: Fact::unknown("/initrd", "the compressed stream is cut off"),
        damaged,
        ..test_initramfs(&[])
    };
    let kernel = |damaged| KernelFacts {
        release: "6.1.0-18-amd64".to_owned(),
        is_default: true,
        modules_dir: Fact::Known(None),
        builtin: Fact::Known(None),
        modules: Fact::Known(None),
        image: Fact::Known(None),
        config: Fact::Known(None),
        initramfs: Fact::Known(Some(initramfs(damaged))),
    };
    let mut facts = follow(&with_config(&entry(&format!("UUID={UUID}"))));
    break_at_damaged_initramfs(&mut facts, &Fact::Known(vec![kernel(false)]));
    all_found(&facts);
    break_at_damaged_initramfs(&mut facts, &Fact::Known(vec![kernel(true)]));
    assert_eq!(state(&facts, LinkKind::Initramfs), Some(&LinkState::Missing));
    let link = facts.chain.iter().find(|link| link.kind == LinkKind::Initramfs).unwrap();
    assert_eq!(link.evidence.detail, "damaged: the compressed stream is cut off");
}

#[test]
fn a_root_that_resolves_to_nothing_is_missing_and_none_is_not_decided() {
    let facts = follow(&with_config(&entry("UUID=dead")));
    assert_eq!(state(&facts, LinkKind::RootDevice), Some(&LinkState::Missing));
    let facts = follow(&with_config("menuentry x { linux /boot/vmlinuz-6.1.0-18-amd64 ro }"));
    assert_eq!(state(&facts, LinkKind::Initramfs), Some(&LinkState::NotNeeded));
    assert!(matches!(state(&facts, LinkKind::RootDevice), Some(LinkState::Unknown(_))));
}

#[test]
fn a_subvolume_that_the_root_does_not_have_is_a_missing_root() {
    let with = |flags: &str| {
        let config = entry(&format!("UUID={UUID} rootflags={flags}"));
        follow(&with_filesystem(debian(&config).btrfs("@")))
    };
    all_found(&with("noatime,subvol=@"));
    all_found(&with("subvol=@gone,subvol=@"));
    let facts = with("subvol=@gone");
    assert_eq!(state(&facts, LinkKind::RootDevice), Some(&LinkState::Missing));
    let link = facts.chain.iter().find(|link| link.kind == LinkKind::RootDevice).unwrap();
    assert!(link.evidence.detail.ends_with("has no subvol=@gone"), "{link:?}");
}

#[test]
fn resume_is_told_unless_it_is_turned_off() {
    let resume = |line: &str| {
        let config = format!("menuentry x {{ linux /boot/vmlinuz-6.1.0-18-amd64 {line} }}");
        default_entry(&follow(&with_config(&config))).resume.clone().map(|device| device.spec)
    };
    assert_eq!(resume("resume=/dev/a resume=UUID=b").as_deref(), Some("UUID=b"));
    assert_eq!(resume("resume=UUID=b noresume"), None);
    assert_eq!(resume("ro"), None);
}

#[test]
fn a_stub_on_the_efi_system_partition_leads_to_the_configuration() {
    // As grub-install of Debian writes it for EFI.
    let stub = format!(
        "search.fs_uuid {UUID} root hd0,gpt2 \nset prefix=($root)'/boot/grub'\n\
         configfile $prefix/grub.cfg\n"
    );
    let config = "if [ \"$grub_platform\" = efi ]; then set x=efi; fi\nmenuentry 'D' {\n\
                  linux /boot/vmlinuz-6.1.0-18-amd64 root=UUID=0b0c0d0e-1111-4222-8333-444455556666 $x\n}";
    let fake = FakeMachine::new(TableKind::Gpt)
        .partition("AAAA-0001", FakeFs::fat().file("/EFI/debian/grub.cfg", stub))
        .partition(UUID, debian(config));
    let facts = follow(&fake);
    assert!(default_entry(&facts).command_line.ends_with("efi"));
    let (kind, evidence) = facts.loader.known().unwrap().as_ref().unwrap();
    assert_eq!(*kind, LoaderKind::Grub2);
    assert_eq!(evidence.detail, "partition 2, by way of /EFI/debian/grub.cfg");
}

#[test]
fn nothing_to_boot_is_known_unless_something_could_not_be_read() {
    let mut fake = FakeMachine::new(TableKind::Mbr).partition(UUID, FakeFs::new());
    assert_eq!(follow(&fake).loader, Fact::Known(None));
    assert_eq!(follow(&fake).default_entry, Fact::Known(None));
    fake.filesystems[0] = Fact::unknown("partition 1", "xfs: a feature that is not read");
    assert!(follow(&fake).loader.unread().is_some());
    let encrypted =
        FakeMachine::new(TableKind::Mbr).volume(UUID, SignatureKind::Luks2, Fact::Known(None));
    assert!(follow(&encrypted).loader.unread().is_some_and(|u| u.reason.contains("encrypted")));
}

#[test]
fn an_unreadable_boot_volume_leaves_the_chain_undecided() {
    let mut fake = with_config(&entry("x"));
    fake.filesystems[0] = Fact::unknown("partition 1", "the extent tree lies");
    let facts = follow(&fake);
    assert!(matches!(state(&facts, LinkKind::LoaderFiles), Some(LinkState::Unknown(_))));
    assert!(matches!(state(&facts, LinkKind::Configuration), Some(LinkState::Unknown(_))));
    assert!(facts.default_entry.unread().is_some());
}

#[test]
fn a_kernel_without_an_initramfs_finds_no_root_by_the_uuid_of_its_file_system() {
    let entry = |root: &str| {
        format!(
            "menuentry 'x' {{\nlinux (hd0,msdos1)/boot/vmlinuz-6.1.0-18-amd64 root={root}\n}}\n"
        )
    };
    let facts = follow(&with_config(&entry(&format!("UUID={UUID}"))));
    assert_eq!(state(&facts, LinkKind::Initramfs), Some(&LinkState::NotNeeded));
    assert_eq!(state(&facts, LinkKind::RootDevice), Some(&LinkState::Missing));
    // As Ubuntu's cloud images boot; the stand-in resolves no such name.
    let fake = with_config(&entry("PARTUUID=12345678-01"));
    let machine = fake.machine();
    let facts = follow_with(&machine, &StoredFileSystems::of(&machine), &|spec| DeviceRef {
        kind: SourceKind::PartUuid,
        resolution: Resolution::Volume(0),
        ..fake.device_ref(spec)
    });
    assert_eq!(state(&facts, LinkKind::RootDevice), Some(&LinkState::Found));
}

#[test]
fn a_boot_sector_of_the_active_partition_that_is_not_read_leaves_the_chain_open() {
    let mut fake = FakeMachine::new(TableKind::Mbr)
        .partition(UUID, FakeFs::new())
        .boot_code(code(BootCodeKind::Syslinux))
        .active(1, Some(BootCodeKind::Unrecognised));
    let unread = Unread::new("partition 1, boot sector", "a made-up feature");
    fake.disk.volume_boot_code[0].unread = Some(unread.clone());
    let facts = follow(&fake);
    let open = LinkState::Unknown("a made-up feature".to_owned());
    assert_eq!(state(&facts, LinkKind::ActivePartition), Some(&open));
    assert_eq!(firmware(&fake.machine()).unread(), Some(&unread));
}
