use super::*;
use crate::guest::linux::boot::unified_kernel_image::tests::image;

const SNAPSHOT: &str = "@/.snapshots/1/snapshot";

fn kernel_and_config(fs: FakeFs, root: &str, start: &str, config: &str) -> FakeFs {
    let entry = format!(
        "menuentry 'x' {{\nlinux {start}/boot/vmlinuz-6.1.0-18-amd64 root=UUID={UUID}\n\
         initrd {start}/boot/initrd.img-6.1.0-18-amd64\n}}\n"
    );
    fs.file(&format!("{root}/boot/grub/grub.cfg"), format!("{config}{entry}"))
        .file(&format!("{root}/boot/vmlinuz-6.1.0-18-amd64"), kernel())
        .file(&format!("{root}/boot/initrd.img-6.1.0-18-amd64"), "cpio")
}

fn at_top_level(start: &str) -> FakeFs {
    let fs = FakeFs::new().file("/@/boot/grub/i386-pc/normal.mod", "\x7fELF");
    kernel_and_config(fs, "/@", start, "").btrfs("@")
}

fn started(fs: FakeFs, prefix: &str, embedded: Option<&str>) -> BootFacts {
    started_by(Some(true), fs, prefix, embedded)
}

/// As [`started`], by a GRUB that knows `btrfs_relative_path` or not.
fn started_by(
    btrfs_relative_path: Option<bool>,
    fs: FakeFs,
    prefix: &str,
    embedded: Option<&str>,
) -> BootFacts {
    let mut code = grub2_code(Some(prefix), embedded);
    if let Some(Fact::Known(core)) = &mut code.grub_core {
        core.btrfs_relative_path = btrfs_relative_path;
    }
    follow(&FakeMachine::new(TableKind::Mbr).partition(UUID, fs).boot_code(code))
}

fn loader_files(facts: &BootFacts) -> &LinkState {
    state(facts, LinkKind::LoaderFiles).unwrap()
}

#[test]
fn paths_begin_at_the_top_level_whatever_the_default_subvolume_is() {
    let prefix = "(,msdos1)/@/boot/grub";
    for fs in [at_top_level("/@"), at_top_level("/@").set_default("@")] {
        let facts = started(fs, prefix, None);
        all_found(&facts);
        let kernel = default_entry(&facts).kernel.as_ref().unwrap();
        let file = kernel.resolved.known().unwrap().as_ref().unwrap();
        assert_eq!(file.path, "/@/boot/vmlinuz-6.1.0-18-amd64");
    }
}

#[test]
fn a_loader_that_is_in_the_default_subvolume_alone_is_not_found_from_the_top_level() {
    let facts = started(at_top_level("").set_default("@"), "(,msdos1)/boot/grub", None);
    assert_eq!(loader_files(&facts), &LinkState::Missing);
    assert_eq!(state(&facts, LinkKind::Configuration), Some(&LinkState::Missing));
}

/// As openSUSE lays it out: the modules lie outside of the snapshot that is the root.
fn suse(config: &str) -> FakeFs {
    let fs = FakeFs::new()
        .file("/@/boot/grub/i386-pc/normal.mod", "\x7fELF")
        .file(&format!("{SNAPSHOT}/boot/grub/i386-pc/.keep"), "");
    kernel_and_config(fs, SNAPSHOT, "", config)
        .btrfs("@")
        .btrfs("@/boot/grub/i386-pc")
        .btrfs(SNAPSHOT)
        .set_default(SNAPSHOT)
}

/// What SUSE's grub2-install embeds; the command before the last line is `before`.
fn embedded(before: &str, subvolume: &str) -> String {
    format!(
        "set btrfs_relative_path='y'\nsearch.fs_uuid {UUID} root hd0,msdos1\n\
         set prefix=($root)'/boot/grub'\n{before}\n\
         btrfs-mount-subvol ($root) /boot/grub/i386-pc {subvolume}\n"
    )
}

#[test]
fn relative_paths_begin_at_the_default_subvolume_and_modules_are_mounted_into_it() {
    let config = "set btrfs_relative_path=\"y\"\nexport btrfs_relative_path\n";
    let embedded = embedded("", "@/boot/grub/i386-pc");
    let facts = started(suse(config), "/boot/grub", Some(&embedded));
    all_found(&facts);
    let link = facts.chain.iter().find(|link| link.kind == LinkKind::LoaderFiles).unwrap();
    assert_eq!(link.evidence.location, "/@/boot/grub/i386-pc/normal.mod");
    assert_eq!(default_entry(&facts).location, "/boot/grub/grub.cfg:3");
}

#[test]
fn a_mount_that_fails_or_is_not_made_leaves_the_modules_out() {
    let of = |embedded: &str| started(suse(""), "/boot/grub", Some(embedded));
    let without = embedded("", "@/boot/grub/i386-pc").replace("btrfs-mount-subvol", "echo");
    assert_eq!(loader_files(&of(&without)), &LinkState::Missing);
    assert_eq!(loader_files(&of(&embedded("", "@/gone"))), &LinkState::Missing);
    let elsewhere = embedded("", "@/boot/grub/i386-pc").replace(" /boot/grub/i386-pc", " /gone");
    assert_eq!(loader_files(&of(&elsewhere)), &LinkState::Missing);
}

#[test]
fn of_several_mounts_the_greatest_name_counts_and_of_equal_ones_the_latest() {
    let of = |before: &str| {
        let embedded = embedded(before, "@/boot/grub/i386-pc");
        let facts = started(suse(""), "/boot/grub", Some(&embedded));
        loader_files(&facts).clone()
    };
    assert_eq!(of("btrfs-mount-subvol ($root) /boot/grub/i386-pc @"), LinkState::Found);
    assert_eq!(of("btrfs-mount-subvol ($root) /boot/grub @"), LinkState::Found);
}

#[test]
fn a_mount_that_depends_on_something_else_leaves_the_paths_undecided() {
    let embedded = embedded("if keystatus --shift; then", "@/boot/grub/i386-pc") + "fi\n";
    let embedded = embedded.replace("keystatus --shift", "smbios --type 1 --get-string 5");
    let facts = started(suse(""), "/boot/grub", Some(&embedded));
    assert!(matches!(loader_files(&facts), LinkState::Unknown(_)), "{facts:?}");
}

#[test]
fn a_subvolume_that_a_variable_names_is_taken_for_the_default_one() {
    let other = "@/.snapshots/2/snapshot";
    let entry = |variables: &str| {
        let config = format!("{variables}\nset default=1\nmenuentry 'y' {{ true\n}}\n");
        let fs = kernel_and_config(suse(&config), other, "", "").btrfs(other);
        let facts = started(fs, "/boot/grub", Some(&embedded("", "@/boot/grub/i386-pc")));
        let kernel = default_entry(&facts).kernel.clone().unwrap();
        kernel.resolved.known().unwrap().as_ref().map(|file| file.path.clone())
    };
    let path = "/boot/vmlinuz-6.1.0-18-amd64";
    assert_eq!(entry("").unwrap(), path);
    assert_eq!(entry(&format!("set btrfs_subvol=/{other}")).unwrap(), format!("/{other}{path}"));
    assert_eq!(entry(&format!("set btrfs_subvol=/{other}\nunset btrfs_subvol")).unwrap(), path);
    assert_eq!(entry("set btrfs_subvolid=5"), None);
    assert_eq!(entry("set btrfs_relative_path=n"), None);
}

#[test]
fn a_file_is_searched_from_where_paths_begin() {
    for (relative, title) in [("n", "x"), ("y", "y")] {
        let config = format!(
            "set btrfs_relative_path={relative}\n\
             if search --file --set=found /{SNAPSHOT}/boot/grub/grub.cfg; then set default=1; fi\n\
             set btrfs_relative_path=y\nmenuentry 'y' {{ true\n}}\n"
        );
        let facts =
            started(suse(&config), "/boot/grub", Some(&embedded("", "@/boot/grub/i386-pc")));
        assert_eq!(default_entry(&facts).title, title);
    }
}

#[test]
fn without_a_loader_the_default_subvolume_is_looked_through_as_well() {
    let fake = FakeMachine::new(TableKind::Mbr).partition(UUID, suse(""));
    let facts = follow(&fake.boot_code(code(BootCodeKind::None)));
    assert_eq!(state(&facts, LinkKind::Kernel), Some(&LinkState::Found));
}

/// Upstream's driver looks at no variable (`grub-core/fs/btrfs.c`).
#[test]
fn to_a_grub_that_does_not_know_the_variable_it_means_nothing() {
    let relative = "set btrfs_relative_path=y\nset btrfs_subvol=@\n";
    let of = |knows: Option<bool>, default: &'static str| {
        let fs = FakeFs::new().file("/@/boot/grub/i386-pc/normal.mod", "\x7fELF");
        let fs = kernel_and_config(fs, "/@", "/@", relative).btrfs("@").btrfs("@other");
        started_by(knows, fs.set_default(default), "(,msdos1)/@/boot/grub", None)
    };
    let kernel = |facts: &BootFacts| state(facts, LinkKind::Kernel).unwrap().clone();
    all_found(&of(Some(false), "@"));
    assert_eq!(kernel(&of(Some(true), "@")), LinkState::Missing);
    let open = of(None, "@");
    assert!(matches!(kernel(&open), LinkState::Unknown(why) if why.contains("is not seen")));
    // It is the same where the top level is the default.
    let same = at_top_level("/@");
    let embedded = "set btrfs_relative_path=y\n";
    all_found(&started_by(None, same, "(,msdos1)/@/boot/grub", Some(embedded)));
    // It has no such command either.
    let embedded = "btrfs-mount-subvol ($root) /boot/grub/i386-pc @/boot/grub/i386-pc\n";
    let fs = || suse("").set_default(SNAPSHOT);
    let prefix = format!("(,msdos1)/{SNAPSHOT}/boot/grub");
    let facts = started_by(Some(false), fs(), &prefix, Some(embedded));
    assert_eq!(loader_files(&facts), &LinkState::Missing);
}

/// A guest for UEFI whose configuration on the ESP goes on to `/boot/grub/grub.cfg`, of `fs`, with these
/// variables set, and the programs of GRUB beside it.
fn by_uefi(fs: FakeFs, variables: &str, programs: &[(&str, &str)]) -> BootFacts {
    let config = format!(
        "set btrfs_relative_path=yes\n{variables}\nsearch --fs-uuid --set=root {UUID}\n\
         set prefix=($root)/boot/grub\nsource $prefix/grub.cfg\n"
    );
    let mut esp = FakeFs::fat().file("/EFI/opensuse/grub.cfg", config);
    for (name, program) in programs {
        esp = esp.file(&format!("/EFI/{name}"), program);
    }
    let fake = FakeMachine::new(TableKind::Gpt).partition("AAAA-0001", esp);
    follow(&fake.partition(UUID, fs))
}

const UPSTREAM: &str = "MZ\0not a Btrfs filesystem\0";
const PATCHED: &str = "MZ\0not a Btrfs filesystem\0btrfs_relative_path\0";

fn kernel_found(facts: &BootFacts) {
    assert_eq!(state(facts, LinkKind::Kernel), Some(&LinkState::Found), "{facts:?}");
}

fn not_seen(facts: &BootFacts) {
    let open = |kind| {
        matches!(
            state(facts, kind),
            Some(LinkState::Unknown(why)) if why.contains("is not seen")
        )
    };
    assert!(open(LinkKind::DefaultEntry) || open(LinkKind::Kernel), "{facts:?}");
}

#[test]
fn a_grub_for_uefi_tells_by_itself_whether_it_knows_the_variable() {
    let by = |programs: &[(&str, &str)]| by_uefi(suse(""), "", programs);
    for name in ["grub.efi", "grubx64.efi", "bootx64.efi", "BOOTAA64.EFI"] {
        kernel_found(&by(&[(&format!("opensuse/{name}"), PATCHED)]));
        // From the top level there is no such file, and GRUB shows its command line.
        let facts = by(&[(&format!("opensuse/{name}"), UPSTREAM)]);
        assert_eq!(state(&facts, LinkKind::DefaultEntry), Some(&LinkState::Missing), "{facts:?}");
    }
    // Behind shim.
    let shim = ("opensuse/bootx64.efi", "MZ\0shim\0");
    kernel_found(&by(&[shim, ("opensuse/grub.efi", PATCHED)]));
    not_seen(&by(&[shim]));
    not_seen(&by(&[]));
    not_seen(&by(&[("opensuse/grub.efi", PATCHED), ("opensuse/grubx64.efi", UPSTREAM)]));
    let long = format!("{PATCHED}{}", "\0".repeat(16 << 20));
    not_seen(&by(&[("opensuse/grub.efi", &long)]));
}

/// A guest for UEFI that has nothing but this program of GRUB on the ESP, and `fs`.
fn by_program(program: impl AsRef<[u8]>, fs: FakeFs) -> BootFacts {
    let esp = FakeFs::fat().file("/EFI/opensuse/grubx64.efi", program);
    follow(&FakeMachine::new(TableKind::Gpt).partition("AAAA-0001", esp).partition(UUID, fs))
}

/// As `grub2-install` of openSUSE does it without Secure Boot: the configuration is in the program.
#[test]
fn a_grub_for_uefi_without_a_configuration_beside_it_tells_as_well() {
    kernel_found(&by_program(PATCHED, suse("")));
    not_seen(&by_program("MZ", suse("")));
}

/// As upstream's `grub-install` leaves it, whose program has the subvolume in its prefix.
#[test]
fn a_configuration_below_a_subvolume_is_found_when_there_is_no_other() {
    for fs in [at_top_level("/@"), at_top_level("/@").set_default("@")] {
        let facts = by_program(UPSTREAM, fs);
        kernel_found(&facts);
        assert_eq!(state(&facts, LinkKind::Configuration), Some(&LinkState::Found));
        assert_eq!(default_entry(&facts).location, "/@/boot/grub/grub.cfg:1");
    }
    let root = kernel_and_config(FakeFs::new(), "/@rootfs", "/@rootfs", "").btrfs("@rootfs");
    kernel_found(&by_program(UPSTREAM, root));
    let other = "default other\nlabel other\nkernel /vmlinuz\n";
    let other = at_top_level("/@").file("/extlinux/extlinux.conf", other);
    assert_eq!(default_entry(&by_program(UPSTREAM, other)).title, "other");
}

/// A program of GRUB as `grub-mkimage` lays it out (`util/mkimage.c`, `include/grub/kernel.h`).
fn grub(prefix: &str, config: &str) -> Vec<u8> {
    let header = "mimg\0\0\0\0\x18\0\0\0\0\0\0\0\x60\0\0\0\0\0\0\0";
    let module = |kind: &str, text: &str| format!("{kind}\0\0\0\x24\0\0\0{text:\0<28}");
    let config = if config.is_empty() { String::new() } else { module("\x02", config) };
    let section = format!("{header}{}{config}", module("\x03", prefix));
    image(&[(b"mods\0\0\0\0", &format!("{section:\0<96}{UPSTREAM}"))])
}

#[test]
fn the_prefix_in_a_grub_for_uefi_leads_to_its_configuration() {
    let of = |fs: FakeFs| by_program(grub("(,gpt2)/@r/boot/grub", ""), fs);
    let facts = of(kernel_and_config(FakeFs::new(), "/@r", "/@r", "").btrfs("@r"));
    kernel_found(&facts);
    assert_eq!(default_entry(&facts).location, "/@r/boot/grub/grub.cfg:1");
    let facts = of(FakeFs::new().btrfs("@r"));
    assert_eq!(state(&facts, LinkKind::Configuration), Some(&LinkState::Missing));
}

#[test]
fn without_a_configuration_it_is_open_where_a_grub_for_uefi_looks_for_one() {
    let program = |section| image(&[(section, UPSTREAM)]);
    let why = "/EFI/opensuse/grubx64.efi: where this GRUB looks for its configuration is not read";
    for fs in [suse(""), FakeFs::new()] {
        let facts = by_program(program(b"mods\0\0\0\0"), fs);
        let open = LinkState::Unknown(why.to_owned());
        assert_eq!(state(&facts, LinkKind::Configuration), Some(&open));
        assert_eq!(undecided(&facts), why);
    }
    let own = "source x\n";
    for (prefix, config) in [("(memdisk)/boot/grub", ""), ("/EFI/debian", ""), ("(,gpt2)/", own)] {
        assert_eq!(undecided(&by_program(grub(prefix, config), FakeFs::new())), why);
    }
    // Another program by that name.
    for other in [program(b".text\0\0\0"), b"MZ".to_vec()] {
        let facts = by_program(other, FakeFs::new());
        assert_eq!(state(&facts, LinkKind::Configuration), Some(&LinkState::Missing));
    }
}

/// As Fedora has it, whose default subvolume is the top level.
#[test]
fn a_grub_for_uefi_follows_the_subvolume_that_a_variable_names() {
    let fs = || kernel_and_config(FakeFs::new(), "/root", "", "").btrfs("root");
    let by = |program: &str| {
        by_uefi(fs(), "set btrfs_subvol=/root", &[("opensuse/grubx64.efi", program)])
    };
    let facts = by(PATCHED);
    kernel_found(&facts);
    let kernel = default_entry(&facts).kernel.as_ref().unwrap();
    let file = kernel.resolved.known().unwrap().as_ref().unwrap();
    assert_eq!(file.path, "/root/boot/vmlinuz-6.1.0-18-amd64");
    let facts = by(UPSTREAM);
    assert_eq!(state(&facts, LinkKind::DefaultEntry), Some(&LinkState::Missing), "{facts:?}");
}

#[test]
fn a_mount_by_a_grub_that_may_not_have_the_command_is_not_followed() {
    let by = |knows: Option<bool>| {
        let fs =
            FakeFs::new().file("/boot/grub/i386-pc/.keep", "").file("/@m/normal.mod", "\x7fELF");
        let fs = kernel_and_config(fs, "", "", "").btrfs("@m");
        let facts = started_by(knows, fs, "/boot/grub", Some(&embedded("", "@m")));
        loader_files(&facts).clone()
    };
    assert_eq!(by(Some(true)), LinkState::Found);
    assert_eq!(by(Some(false)), LinkState::Missing);
    assert!(matches!(by(None), LinkState::Unknown(why) if why.contains("is not seen")));
}

#[test]
fn a_mount_is_not_followed_where_it_is_open_where_paths_begin() {
    let embedded = embedded("", "@/boot/grub/i386-pc")
        + "smbios --type 1 --get-string 5 --set x\nset btrfs_relative_path=$x\n";
    let facts = started(suse(""), "/boot/grub", Some(&embedded));
    assert!(matches!(loader_files(&facts), LinkState::Unknown(_)), "{facts:?}");
}
