use super::*;
use crate::disk::facts::LdlinuxFacts;
use crate::guest::facts::LoaderKind;

fn fake(fs: FakeFs) -> FakeMachine {
    FakeMachine::new(TableKind::Mbr)
        .partition(UUID, fs)
        .boot_code(code(BootCodeKind::Syslinux))
        .active(1, Some(BootCodeKind::Syslinux))
}

fn extlinux(config: &str) -> FakeFs {
    FakeFs::new()
        .file("/boot/extlinux/ldlinux.sys", "\r\nEXTLINUX 6.03 2014-10-06  \r\n")
        .file("/boot/extlinux/ldlinux.c32", "\x7fELF")
        .file("/boot/extlinux/menu.c32", "x")
        .file("/boot/extlinux/vesamenu.c32", "x")
        .file("/boot/extlinux/extlinux.conf", config)
        .file("/boot/vmlinuz", kernel())
        .file("/boot/initrd", "x")
}

fn boot(config: &str) -> BootFacts {
    follow(&fake(extlinux(config)))
}

/// As Alpine is installed: the loader's files lie in `/boot` itself.
fn alpine() -> FakeFs {
    FakeFs::new()
        .file("/boot/ldlinux.sys", "\r\nEXTLINUX 6.04 2019-02-09  \r\n")
        .file("/boot/ldlinux.c32", "\x7fELF")
        .file("/boot/menu.c32", "x")
        .file(
            "/boot/extlinux.conf",
            format!(
                "DEFAULT menu.c32\nPROMPT 0\nTIMEOUT 10\nLABEL virt\n  MENU DEFAULT\n  LINUX \
                 vmlinuz-virt\n  INITRD initramfs-virt\n  APPEND root=UUID={UUID} modules=ext4\n"
            ),
        )
        .file("/boot/vmlinuz-virt", kernel())
        .file("/boot/initramfs-virt", "x")
}

/// SYSLINUX 6.04 in QEMU: "Failed to load COM32 file menu.c32", "Failed to load libutil.c32".
#[test]
fn a_menu_without_its_modules_does_not_come_up() {
    let config = "UI NAME\nLABEL a\n KERNEL /boot/vmlinuz\n INITRD /boot/initrd\n";
    let with = |name: &str, library: &str| {
        let fs = extlinux(&config.replace("NAME", name))
            .file("/boot/extlinux/linked.c32", "\u{7f}ELF\0libutil.c32\0");
        let fs = if library.is_empty() { fs } else { fs.file(library, "x") };
        state(&follow(&fake(fs)), LinkKind::DefaultEntry).cloned()
    };
    assert_eq!(with("menu.c32", ""), Some(LinkState::Found));
    assert_eq!(with("hdt.c32", ""), Some(LinkState::Missing));
    assert_eq!(with("linked.c32", ""), Some(LinkState::Missing));
    assert_eq!(with("linked.c32", "/boot/extlinux/libutil.c32"), Some(LinkState::Found));
    assert_eq!(with("hdt.c32\nPATH /lib", ""), Some(LinkState::Found));
}

/// As SYSLINUX 6.04 does in QEMU.
#[test]
fn a_prompt_that_ends_starts_ontimeout_and_a_kernel_brings_its_arguments() {
    let labels = "LABEL a\n KERNEL /boot/vmlinuz initrd=/boot/initrd is-a\n\
                  LABEL b\n KERNEL /boot/vmlinuz\n INITRD /boot/initrd\n APPEND is-b\n";
    let started = |head: &str| default_entry(&boot(&format!("{head}\n{labels}"))).clone();
    let entry = started("DEFAULT b\nONTIMEOUT a\nTIMEOUT 20\nPROMPT 1");
    assert!(entry.command_line.contains("is-a"), "{}", entry.command_line);
    assert_eq!(entry.initrds.len(), 1);
    for head in ["DEFAULT b\nONTIMEOUT a\nTIMEOUT 20", "DEFAULT b\nONTIMEOUT a\nPROMPT 1"] {
        assert_eq!(started(head).command_line, "is-b", "{head}");
    }
}

/// SYSLINUX 6.04 in QEMU loads the kernel of `b`.
#[test]
fn a_kernel_that_is_not_there_starts_what_onerror_names() {
    let config = |head: &str| {
        format!(
            "DEFAULT a\n{head}LABEL a\n KERNEL /gone\nLABEL b\n KERNEL /boot/vmlinuz\n APPEND is-b\n"
        )
    };
    let facts = boot(&config("ONERROR b\n"));
    assert_eq!(default_entry(&facts).command_line, "is-b a");
    assert_eq!(state(&facts, LinkKind::Kernel), Some(&LinkState::Found));
    for head in ["", "ONERROR c\n"] {
        let facts = boot(&config(head));
        assert_eq!(state(&facts, LinkKind::Kernel), Some(&LinkState::Missing), "{head}");
    }
}

#[test]
fn a_loader_in_boot_itself_is_found() {
    let facts = follow(&fake(alpine()));
    all_found(&facts);
    assert_eq!(default_entry(&facts).location, "/boot/extlinux.conf:4");
}

#[test]
fn a_loader_in_the_boot_sector_of_an_unpartitioned_disk_is_followed() {
    let mut fake = fake(alpine());
    fake.disk.table = TableKind::None;
    fake.disk.partitions.clear();
    fake.disk.volume_boot_code.clear();
    fake.disk.volumes[0].partition = None;
    fake.disk.volumes[0].start = Some(0);
    let facts = follow(&fake);
    all_found(&facts);
    assert_eq!(state(&facts, LinkKind::ActivePartition), None);
    let firmware = crate::guest::linux::boot::firmware(&fake.machine());
    assert_eq!(firmware.known().unwrap().bios.len(), 1);
}

#[test]
fn without_a_timeout_a_menu_waits_for_ever_and_a_default_starts_at_once() {
    for (head, seconds) in [
        ("default l0\n", 0),
        ("default l0\nprompt 0\n", 0),
        ("default l0\nprompt 1\n", -1),
        ("ui menu.c32\n", -1),
        ("default vesamenu.c32\n", -1),
    ] {
        let facts = boot(&format!("{head}label l0\nlinux /a\n"));
        assert_eq!(facts.timeout.as_ref().map(|(seconds, _)| *seconds), Some(seconds), "{head}");
    }
}

#[test]
fn a_chain_over_the_active_partition_is_followed() {
    let facts = boot(&format!(
        "DEFAULT linux\nTIMEOUT 50\nLABEL linux\n  MENU LABEL ^Linux\n  LINUX ../vmlinuz\n  \
         INITRD ../initrd\n  APPEND root=UUID={UUID} ro\n"
    ));
    let kinds: Vec<_> = facts.chain.iter().map(|link| link.kind).collect();
    assert_eq!(kinds[..3], [LinkKind::BootCode, LinkKind::ActivePartition, LinkKind::LoaderImage]);
    all_found(&facts);
    let entry = default_entry(&facts);
    assert_eq!(entry.title, "Linux");
    assert_eq!(entry.command_line, format!("root=UUID={UUID} ro"));
    assert_eq!(entry.kernel.as_ref().unwrap().location, "/boot/extlinux/extlinux.conf:5");
    assert_eq!(facts.timeout.as_ref().map(|(seconds, _)| *seconds), Some(5));
    let (kind, _) = facts.loader.known().unwrap().as_ref().unwrap();
    assert_eq!(*kind, LoaderKind::Syslinux);
}

#[test]
fn an_initrd_may_stand_in_append_and_keywords_have_no_case() {
    let facts = boot("default l0\nlabel l0\nkernel /boot/vmlinuz\nappend initrd=/boot/initrd ro\n");
    assert_eq!(default_entry(&facts).initrds[0].spec, "/boot/initrd");
    assert_eq!(state(&facts, LinkKind::Initramfs), Some(&LinkState::Found));
}

/// One APPEND counts for every label.
#[test]
fn initramfs_files_and_text_without_end_are_bounded_and_told() {
    let labels: String =
        (0..70).map(|n| format!("label l{n}\nlinux /boot/vmlinuz\n")).collect::<String>();
    let many = vec!["/boot/initrd"; 70].join(",");
    let facts = boot(&format!("default l0\nappend initrd={many}\n{labels}"));
    let unread = |facts: &BootFacts| facts.default_entry.unread().unwrap().clone();
    let entry = default_entry(&facts);
    assert_eq!(entry.initrds.len(), 65);
    let told = entry.initrds[64].resolved.unread().unwrap();
    assert_eq!(told.reason, "more than 64 initramfs files");
    assert!(matches!(state(&facts, LinkKind::Initramfs), Some(LinkState::Unknown(_))));
    let exact = vec!["/boot/initrd"; 64].join(",");
    let facts = boot(&format!("default l0\nappend initrd={exact}\n{labels}"));
    assert_eq!(state(&facts, LinkKind::Initramfs), Some(&LinkState::Found));
    // The kernel takes 2047 bytes and a zero.
    let long = |len: usize| format!("default l0\nappend {}\n{labels}", "a".repeat(len));
    assert_eq!(default_entry(&boot(&long(2047))).command_line.len(), 2047);
    let facts = boot(&long(100_000));
    let why = unread(&facts);
    assert_eq!(why.location, "/boot/extlinux/extlinux.conf:2");
    assert_eq!(why.reason, "more than 2047 bytes of kernel command line");
    assert_eq!(facts.other_entries.len(), 64);
    assert!(facts.other_entries.iter().all(|entry| entry.command_line.len() <= 2048));
    let config = format!("{}default l0\n{labels}", "include big.cfg\n".repeat(5));
    let big = format!("#{}\n", "x".repeat(500 << 10));
    let facts = follow(&fake(extlinux(&config).file("/boot/extlinux/big.cfg", big)));
    assert!(unread(&facts).reason.contains("bytes of text"));
}

#[test]
fn a_menu_starts_its_own_default_and_included_files_are_read() {
    let facts =
        follow(&fake(extlinux("default vesamenu.c32\ninclude linux.cfg\nontimeout\n").file(
            "/boot/extlinux/linux.cfg",
            "label l0\nlinux /boot/a\nlabel l1\nmenu default\nlinux /boot/vmlinuz\n",
        )));
    let entry = default_entry(&facts);
    assert_eq!(
        (entry.title.as_str(), entry.location.as_str()),
        ("l1", "/boot/extlinux/linux.cfg:3")
    );
    let facts =
        boot("ui menu.c32\nontimeout l1 more\nlabel l0\nlinux /a\nlabel l1\nlinux /b\nappend x\n");
    assert_eq!(default_entry(&facts).command_line, "x more");
}

#[test]
fn a_default_that_is_no_label_is_the_kernel_itself() {
    let facts = boot("default /boot/vmlinuz root=/dev/sda1\n");
    assert_eq!(default_entry(&facts).command_line, "root=/dev/sda1");
    assert_eq!(state(&facts, LinkKind::Kernel), Some(&LinkState::Found));
}

#[test]
fn without_a_default_nothing_starts_by_itself() {
    assert_eq!(boot("label a\nlinux /boot/vmlinuz\n").default_entry, Fact::Known(None));
}

#[test]
fn a_configuration_that_includes_itself_ends() {
    let facts = boot("include extlinux.conf\ndefault a\nlabel a\nlinux /boot/vmlinuz\n");
    assert!(facts.default_entry.unread().is_some());
}

/// SYSLINUX looks in the subvolume whose name its installer wrote into it.
#[test]
fn on_btrfs_a_loader_that_is_not_seen_may_lie_in_another_subvolume() {
    let facts = follow(&fake(extlinux("default x").btrfs("@")));
    assert_eq!(state(&facts, LinkKind::LoaderImage), Some(&LinkState::Found));
    let facts = follow(&fake(FakeFs::new().btrfs("@")));
    assert!(matches!(state(&facts, LinkKind::LoaderImage), Some(LinkState::Unknown(_))));
}

#[test]
fn each_missing_step_is_told() {
    let config = "default a\nlabel a\nlinux /boot/vmlinuz\n";
    let mut fake = fake(extlinux(config));
    fake.disk.partitions[0].active = false;
    let facts = follow(&fake);
    assert_eq!(state(&facts, LinkKind::ActivePartition), Some(&LinkState::Missing));
    assert_eq!(default_entry(&facts).title, "a");
    fake.disk.partitions[0].active = true;
    fake.disk.volume_boot_code.clear();
    assert_eq!(state(&follow(&fake), LinkKind::ActivePartition), Some(&LinkState::Missing));

    let without = FakeFs::new().file("/extlinux.conf", config);
    let facts = follow(&super::syslinux::fake(without));
    assert_eq!(state(&facts, LinkKind::LoaderImage), Some(&LinkState::Missing));
    let new = FakeFs::new().file("/ldlinux.sys", "SYSLINUX 6.04").file("/syslinux.cfg", config);
    let facts = follow(&super::syslinux::fake(new));
    assert_eq!(state(&facts, LinkKind::LoaderFiles), Some(&LinkState::Missing));
    let old = FakeFs::new().file("/ldlinux.sys", "SYSLINUX 4.05").file("/syslinux.cfg", config);
    let facts = follow(&super::syslinux::fake(old));
    assert_eq!(state(&facts, LinkKind::LoaderFiles), Some(&LinkState::NotNeeded));
}

/// SYSLINUX 6.04 in QEMU says "Failed to load ldlinux.c32" of an empty one.
#[test]
fn an_ldlinux_c32_that_is_no_module_is_broken() {
    let config = "default a\nlabel a\nlinux /boot/vmlinuz\n";
    let fs = FakeFs::new()
        .file("/ldlinux.sys", "SYSLINUX 6.04")
        .file("/ldlinux.c32", "")
        .file("/syslinux.cfg", config);
    let facts = follow(&fake(fs));
    assert_eq!(state(&facts, LinkKind::LoaderFiles), Some(&LinkState::Missing));
}

#[test]
fn an_ldlinux_sys_that_lies_elsewhere_than_the_boot_sector_looks_is_missing() {
    let mut fake = fake(extlinux("default a\nlabel a\nlinux /boot/vmlinuz\n"));
    let mut with = |intact: Fact<()>| {
        let ldlinux = Fact::Known(LdlinuxFacts { sector: 42752, intact });
        fake.disk.volume_boot_code[0].ldlinux = Some(ldlinux);
        let facts = follow(&fake);
        assert_eq!(state(&facts, LinkKind::Configuration), Some(&LinkState::Found));
        let link = facts.chain.iter().find(|link| link.kind == LinkKind::LoaderImage).unwrap();
        (link.state.clone(), link.evidence.location.clone())
    };
    assert_eq!(with(Fact::Known(())).0, LinkState::Found);
    let (state, place) = with(Fact::unknown("sector 42752 of the volume", "zeroes"));
    assert_eq!((state, place.as_str()), (LinkState::Missing, "partition 1, sector 42752"));
}

#[test]
fn boot_records_of_others_are_not_decided() {
    for kind in [BootCodeKind::Windows, BootCodeKind::Grub2, BootCodeKind::Generic] {
        let fake = FakeMachine::new(TableKind::Mbr)
            .partition(UUID, debian("menuentry x { linux /boot/vmlinuz-6.1.0-18-amd64 }"))
            .boot_code(code(BootCodeKind::Windows))
            .active(1, Some(kind));
        let facts = follow(&fake);
        assert!(matches!(state(&facts, LinkKind::LoaderImage), Some(LinkState::Unknown(_))));
        assert_eq!(default_entry(&facts).title, "x");
    }
}

/// Code that reads the MBR alone finds no active partition in a protective one, whatever the GPT marks.
#[test]
fn what_a_gpt_marks_is_not_active_for_code_that_reads_the_mbr() {
    let active = |table, kind| {
        let fake = FakeMachine::new(table)
            .partition(UUID, alpine())
            .boot_code(code(kind))
            .active(1, Some(BootCodeKind::Syslinux));
        state(&follow(&fake), LinkKind::ActivePartition).cloned()
    };
    assert_eq!(active(TableKind::Gpt, BootCodeKind::Syslinux), Some(LinkState::Found));
    assert_eq!(active(TableKind::Mbr, BootCodeKind::Generic), Some(LinkState::Found));
    for kind in [BootCodeKind::Generic, BootCodeKind::Windows] {
        assert_eq!(active(TableKind::Gpt, kind), Some(LinkState::Missing));
        let hybrid = active(TableKind::HybridGpt, kind);
        assert!(matches!(hybrid, Some(LinkState::Unknown(_))), "{hybrid:?}");
    }
}

#[test]
fn a_label_with_a_password_or_another_program_starts_no_kernel_by_itself() {
    let link = |config: &str, kind| state(&boot(config), kind).cloned();
    let locked = "UI menu.c32\nDEFAULT a\nLABEL a\nMENU PASSWD x\nLINUX /boot/vmlinuz\n";
    assert_eq!(link(locked, LinkKind::DefaultEntry), Some(LinkState::Missing));
    let text = locked.replace("UI menu.c32\n", "");
    assert_eq!(link(&text, LinkKind::DefaultEntry), Some(LinkState::Found));
    let chain = "DEFAULT a\nLABEL a\nKERNEL chain.c32\nAPPEND hd0 2\n";
    assert!(matches!(link(chain, LinkKind::Kernel), Some(LinkState::Unknown(_))));
}
