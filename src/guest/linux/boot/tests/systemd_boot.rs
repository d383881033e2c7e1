use super::*;
use crate::guest::facts::{LoaderKind, Resolution};

fn esp(conf: &str) -> FakeFs {
    let entry = |version: &str| {
        format!(
            "title Arch {version}\nversion {version}\nlinux /vmlinuz-{version}\n\
             initrd /ucode.img\ninitrd /initrd-{version}\noptions root=UUID={UUID}\noptions rw\n"
        )
    };
    FakeFs::fat()
        .file("/loader/loader.conf", conf)
        .file("/loader/entries/arch-6.9.conf", entry("6.9"))
        .file("/loader/entries/arch-6.10.conf", entry("6.10"))
        .file("/vmlinuz-6.10", kernel())
        .file("/vmlinuz-6.9", kernel())
        .file("/ucode.img", "u")
        .file("/initrd-6.10", "x")
}

fn boot(conf: &str) -> BootFacts {
    follow(
        &FakeMachine::new(TableKind::Gpt)
            .partition("AAAA-0001", esp(conf))
            .partition(UUID, FakeFs::new()),
    )
}

#[test]
fn the_newest_entry_is_the_default_without_a_pattern() {
    let facts = boot("timeout 3\n");
    let entry = default_entry(&facts);
    assert_eq!(entry.title, "Arch 6.10");
    assert_eq!(entry.command_line, format!("root=UUID={UUID} rw"));
    assert_eq!(entry.initrds.len(), 2);
    assert_eq!(facts.other_entries.len(), 1);
    assert_eq!(facts.timeout, Some((3, Evidence::new("/loader/loader.conf:1", "3"))));
    let (kind, _) = facts.loader.known().unwrap().as_ref().unwrap();
    assert_eq!(*kind, LoaderKind::SystemdBoot);
    assert_eq!(state(&facts, LinkKind::BootCode), Some(&LinkState::Missing));
    assert_eq!(state(&facts, LinkKind::RootDevice), Some(&LinkState::Found));
}

#[test]
fn a_configuration_that_is_not_read_leaves_open_whether_a_later_one_counts() {
    let with = |comment: usize| {
        let config = format!("{}menuentry a {{ linux /gone }}\n", "#\n".repeat(comment));
        let fs = esp("timeout 3\n").file("/EFI/debian/grub.cfg", config);
        follow(&FakeMachine::new(TableKind::Gpt).partition("AAAA-0001", fs))
    };
    assert_eq!(default_entry(&with(0)).title, "a");
    let facts = with(400_000);
    let reason = undecided(&facts);
    assert!(reason.starts_with("a loader may take another configuration: "), "{reason}");
}

/// A loader that begins with a configuration takes no other, whatever comes of it.
#[test]
fn a_configuration_that_is_not_decided_is_not_passed_over() {
    let with = |config: &str| {
        let fs = esp("timeout 3\n").file("/EFI/debian/grub.cfg", config);
        follow(&FakeMachine::new(TableKind::Gpt).partition("AAAA-0001", fs))
    };
    for (config, why) in [
        ("source $prefix/grub.cfg\n", "nested deeper"),
        ("halt\n", "the command \"halt\""),
        ("while true; do true; done\n", "commands were run"),
        ("probe --set=root hd0\nconfigfile ($root)/grub.cfg\n", "what \"probe\" does"),
    ] {
        let facts = with(config);
        assert!(undecided(&facts).contains(why), "{facts:?}");
        let (_, evidence) = facts.loader.known().unwrap().as_ref().unwrap();
        assert_eq!(evidence.location, "/EFI/debian/grub.cfg");
    }
    // One that is decided and starts nothing, or another loader, is.
    for config in
        ["# nothing\n", "configfile (hd0,gpt9)/grub.cfg\n", "menuentry a { chainloader +1 }\n"]
    {
        assert_eq!(default_entry(&with(config)).title, "Arch 6.10", "{config}");
    }
}

#[test]
fn a_pattern_chooses_the_first_entry_that_matches() {
    assert_eq!(default_entry(&boot("default *6.9.conf\n")).title, "Arch 6.9");
    assert_eq!(default_entry(&boot("default arch-6.?\n")).title, "Arch 6.9");
    assert_eq!(default_entry(&boot("default nothing*\n")).title, "Arch 6.10");
}

#[test]
fn a_pattern_of_many_stars_ends() {
    boot(&format!("default {}b\n", "*a".repeat(5000)));
}

#[test]
fn entries_and_initramfs_files_without_end_are_bounded_and_told() {
    let with = |count: usize, lines: usize| {
        let text = format!("linux /vmlinuz-6.10\n{}", "initrd /ucode.img\n".repeat(lines));
        let add = |fs: FakeFs, n: usize| fs.file(&format!("/loader/entries/e{n}.conf"), &text);
        let fake = FakeMachine::new(TableKind::Gpt);
        follow(&fake.partition("AAAA-0001", (0..count).fold(esp("default e0.conf\n"), add)))
    };
    let facts = with(70, 70);
    let entry = default_entry(&facts);
    assert_eq!((entry.initrds.len(), facts.other_entries.len()), (65, 64));
    let told = entry.initrds[64].resolved.unread().unwrap();
    assert_eq!(told.reason, "more than 64 initramfs files");
    assert!(matches!(state(&facts, LinkKind::Initramfs), Some(LinkState::Unknown(_))));
    assert_eq!(state(&with(1, 64), LinkKind::Initramfs), Some(&LinkState::Found));
    let why = undecided(&with(40, 3_500)).to_owned();
    assert!(why.contains("2097152 bytes"), "{why}");
}

#[test]
fn a_unified_kernel_image_is_an_entry_of_its_own() {
    use crate::guest::linux::boot::unified_kernel_image::tests::image;

    let uki = |line: &str| image(&[(b".cmdline", line), (b".linux\0\0", "MZ")]);
    let esp = |conf: &str| {
        FakeFs::fat()
            .file("/loader/loader.conf", conf)
            .file("/EFI/Linux/linux-6.5.efi", uki(&format!("root=UUID={UUID} old")))
            .file("/EFI/Linux/linux-6.10.efi", uki(&format!("root=UUID={UUID} new")))
    };
    let boot = |fs: FakeFs| {
        let fake = FakeMachine::new(TableKind::Gpt).partition("AAAA-0001", fs);
        follow(&fake.partition(UUID, FakeFs::new()))
    };
    let facts = boot(esp("timeout 3\n"));
    let entry = default_entry(&facts);
    assert_eq!(entry.command_line, format!("root=UUID={UUID} new"));
    assert_eq!(entry.root.as_ref().unwrap().resolution, Resolution::Volume(1));
    assert_eq!(facts.other_entries.len(), 1);
    let facts = boot(esp("default linux-6.5*\n"));
    assert_eq!(default_entry(&facts).command_line, format!("root=UUID={UUID} old"));
    let both = esp("").file("/loader/entries/a.conf", "title A\nlinux /vmlinuz\n");
    assert!(undecided(&boot(both)).contains("unified kernel images"));
    // One that is not looked at may be the default; what else lies there may be any number.
    let many = |count: usize, extension: &str| {
        let add = |fs: FakeFs, n: usize| fs.file(&format!("/EFI/Linux/a-{n}.{extension}"), "");
        boot((0..count).fold(esp("default a-0.efi\n"), add))
    };
    default_entry(&many(510, "efi"));
    default_entry(&many(600, "txt"));
    assert!(undecided(&many(511, "efi")).contains("512 unified kernel images"));
}

#[test]
fn entries_and_unified_kernel_images_of_a_volume_are_tried_once() {
    let fake = (0..4).fold(FakeMachine::new(TableKind::Gpt), |fake, _| {
        let esp = FakeFs::fat().file("/loader/entries/a.conf", "title a\n");
        fake.partition("AAAA-0001", esp.file("/EFI/Linux/readme.txt", ""))
    });
    let config = "default other\nlabel other\nkernel /vmlinuz\n";
    let other = FakeFs::new().file("/extlinux/extlinux.conf", config);
    assert_eq!(default_entry(&follow(&fake.partition(UUID, other))).title, "other");
}
