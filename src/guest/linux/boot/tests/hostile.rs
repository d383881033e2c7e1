use super::*;
use crate::disk::facts::{ArrayFacts, ArrayMemberFacts};
use crate::guest::linux::device::tests::array;

const GOOD: &str = "menuentry A { linux /boot/vmlinuz-6.1.0-18-amd64 a }\n";

/// The reason why the default entry of this configuration is not decided.
fn why(config: &str) -> String {
    undecided(&follow(&with_config(config))).to_owned()
}

#[test]
fn a_configuration_that_sources_itself_ends() {
    assert!(why(&format!("source $prefix/grub.cfg\n{GOOD}")).contains("nested deeper"));
    assert!(why("configfile $prefix/grub.cfg\n").contains("nested deeper"));
    assert!(why("function f { f; }\nf\n").contains("nested deeper"));
    why("menuentry A { configfile $prefix/grub.cfg }");
}

/// Words and parts that come to nothing cost time and memory all the same.
#[test]
fn words_of_many_empty_parts_are_bounded() {
    let (parts, empty) = ("$x".repeat(20_000), "\"\" ".repeat(20_000));
    for words in [parts, empty] {
        assert!(
            why(&format!("while true; do true {words}; done\n{GOOD}")).contains("bytes of text")
        );
    }
    let word = "$x".repeat(100_001);
    assert!(why(&format!("menuentry x {{\n{word}\n}}\n{GOOD}")).contains("parts of words"));
}

#[test]
fn a_loop_without_end_ends() {
    assert!(why(&format!("while true; do true; done\n{GOOD}")).contains("commands"));
    why(&format!("until false; do set x=1; done\n{GOOD}"));
    assert!(why("menuentry A { while true; do true; done }").contains("commands"));
}

#[test]
fn text_that_doubles_ends() {
    let config = format!("set x=aaaaaaaaaaaaaaaa\nwhile true; do set x=\"$x$x\"; done\n{GOOD}");
    assert!(why(&config).contains("bytes of text"));
    assert!(why("while true; do menuentry A { true; }; done").contains("bytes of text"));
    let many = "i=0\nwhile true; do increment i; set v$i=x; done";
    assert!(why(many).contains("of text") || why(many).contains("commands"));
}

#[test]
fn a_loop_that_probes_files_ends() {
    assert!(!why(&format!(
        "set d=/boot\nwhile true; do\nif [ -e $d/x ]; then true; fi\nset d=$d/../boot\ndone\n{GOOD}"
    ))
    .is_empty());
}

#[test]
fn submenus_a_thousand_deep_end() {
    let mut config = "submenu a {\n".repeat(1000);
    config.push_str(&"}\n".repeat(1000));
    assert!(why(&config).contains("nested deeper"));
    let mut config = "submenu a {\n".repeat(20);
    config.push_str(GOOD);
    config.push_str(&"}\n".repeat(20));
    assert!(why(&config).contains("submenus nested deeper"));
}

#[test]
fn a_submenu_that_sources_its_own_file_ends() {
    assert!(!why("submenu a {\nsource $prefix/grub.cfg\n}\n").is_empty());
}

#[test]
fn a_configuration_longer_than_the_bound_is_not_decided() {
    let facts = follow(&with_config(&format!("{GOOD}{}", "#".repeat(600 << 10))));
    assert!(matches!(state(&facts, LinkKind::Configuration), Some(LinkState::Unknown(_))));
    assert!(facts.default_entry.unread().is_some());
}

#[test]
fn a_configuration_longer_than_the_bound_does_not_give_way_to_the_next() {
    let with = |stub: &str| {
        let esp = FakeFs::fat().file("/EFI/debian/grub.cfg", stub);
        follow(
            &FakeMachine::new(TableKind::Gpt)
                .partition("AAAA-0001", esp)
                .partition(UUID, debian(GOOD)),
        )
    };
    assert_eq!(default_entry(&with("# nothing\n")).command_line, "a");
    let long = with(&"#\n".repeat(300 << 10));
    assert!(undecided(&long).contains("more than 524288 bytes"), "{long:?}");
}

#[test]
fn a_syntax_error_puts_only_what_stands_behind_it_in_doubt() {
    assert_eq!(command_line(&format!("{GOOD}menuentry B {{ linux /b\n")), "a");
    assert!(why(&format!("menuentry 'B\" {{\n{GOOD}")).contains("quote"));
    assert!(why(&format!("a && b\n{GOOD}")).contains("Reserved"));
}

#[test]
fn nested_quotes_and_parentheses_end() {
    let quotes = "'\"".repeat(50_000);
    why(&format!("set x={quotes}\n{GOOD}"));
    let parentheses = "( ".repeat(20_000);
    let config = format!("if [ {parentheses} ]; then set default=1; fi\n{GOOD}{GOOD}");
    assert!(why(&config).contains("parentheses"));
}

#[test]
fn many_submenus_and_entries_are_listed_up_to_the_bound() {
    let config: String = (0..2000)
        .map(|n| {
            format!(
                "submenu s{n} {{\nmenuentry A {{ linux /boot/vmlinuz-6.1.0-18-amd64 {n} }}\n}}\n"
            )
        })
        .collect();
    let facts = follow(&with_config(&config));
    assert_eq!(default_entry(&facts).command_line, "0");
    assert!(facts.other_entries.len() <= super::super::entry::MAX_LISTED_ENTRIES);
}

#[test]
fn bytes_of_every_kind_are_taken() {
    let mut noise = 1_u32;
    for _ in 0..200 {
        let config: Vec<u8> = (0..400)
            .map(|_| {
                noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let alphabet = b" \n\t'\"\\${}();=#[]!-abifthenl\xff";
                alphabet[usize::try_from(noise >> 16).unwrap() % alphabet.len()]
            })
            .collect();
        let fs = FakeFs::new()
            .file("/boot/grub/i386-pc/normal.mod", "x")
            .file("/boot/grub/grub.cfg", &config)
            .file("/boot/grub/menu.lst", &config)
            .file("/extlinux.conf", &config)
            .file("/loader/entries/a.conf", &config)
            .file("/boot/grub/grubenv", &config);
        follow(&with_filesystem(fs));
    }
}

/// To enter an entry and to run a file by itself takes copies of all variables.
#[test]
fn variables_that_are_copied_count_as_the_work_that_it_is() {
    let with = |variables: usize, looks: usize, files: usize| {
        let variables: String = (0..variables).map(|number| format!("v{number}=x\n")).collect();
        let looks = "search --fs-uuid --set=x nothing\n".repeat(looks);
        let files = "configfile /none\n".repeat(files);
        let config = format!("{variables}{looks}{files}{}", GOOD.repeat(100));
        follow(&more_volumes(with_config(&config), 3200))
    };
    // Some 200 commands a look, a file and an entry, and 125 more of these two for the variables.
    assert_eq!(default_entry(&with(0, 720, 200)).command_line, "a");
    assert!(undecided(&with(2000, 720, 200)).contains("commands were run"));
    assert_eq!(with(0, 915, 0).other_entries.len(), 64);
    let facts = with(2000, 915, 0);
    assert_eq!(default_entry(&facts).command_line, "a");
    assert!(facts.other_entries.len() < 50, "{}", facts.other_entries.len());
}

/// What the volumes are found by may be passed through thousands of times as well.
#[test]
fn members_of_arrays_count_as_the_work_that_it_is_to_pass_them() {
    let config = format!("{}{GOOD}", "search --fs-uuid --set=x nothing\n".repeat(1000));
    let with = |members: usize| {
        let mut fake = with_config(&config);
        let in_sync = Fact::Known(());
        let member = ArrayMemberFacts { volume: 0, slot: None, events: 1, in_sync };
        fake.disk.arrays.push(ArrayFacts { members: vec![member; members], ..array() });
        follow(&fake)
    };
    assert_eq!(default_entry(&with(32_000)).command_line, "a");
    assert!(undecided(&with(128_000)).contains("commands were run"));
}

/// A path as it is written may be as long as the file that it stands in.
#[test]
fn a_long_path_is_not_kept_with_each_file_nor_gone_through_again_and_again() {
    let long = "/.".repeat(200_000);
    let with = |config: String| {
        let start = std::time::Instant::now();
        let facts = follow(&with_filesystem(debian(&config).file("/boot/grub/x.cfg", GOOD)));
        assert!(start.elapsed().as_secs() < 20, "{:?}", start.elapsed());
        facts
    };
    let facts = with(format!("source {long}/boot/grub/x.cfg\n"));
    assert!(
        undecided(&facts).contains("path: more than 4095 bytes"),
        "{}",
        undecided(&facts).len()
    );
    let up = "/..".repeat(160_000);
    let facts = with(format!("set blsdir={up}\n{}{GOOD}", "blscfg\n".repeat(10)));
    assert!(undecided(&facts).contains("bytes of text"), "{facts:?}");
    // The file is found, and its path is as long as one may be.
    let dots = "/.".repeat(2000);
    let entry = format!(
        "menuentry a {{\nlinux /boot/vmlinuz-6.1.0-9-amd64\ninitrd {}\n}}\n",
        "/v ".repeat(5000)
    );
    let fs = debian(&format!("source {dots}/boot/grub/x.cfg\n")).file("/boot/grub/x.cfg", entry);
    assert_eq!(default_entry(&follow(&with_filesystem(fs))).initrds.len(), 65);
}

#[test]
fn a_doubt_does_not_grow_with_each_command_that_hands_it_on() {
    let config =
        format!("probe --set=x hd0\nwhile true; do search --set=x --label $x; done\n{GOOD}");
    assert!(why(&config).len() < 3000);
    let script = format!("probe --set=x hd0\n{}", "search --set=x --label $x\n".repeat(200));
    let reason = why(&format!("{script}menuentry A {{ linux /boot/vmlinuz-6.1.0-18-amd64 $x }}\n"));
    assert!(reason.len() < 3000, "{} bytes", reason.len());
    let script =
        format!("probe --set=x hd0\nset default=\"$x\"\n{}", "load_env --file $x\n".repeat(200));
    let reason = why(&format!("{script}set default=\"$none\"\n{GOOD}"));
    assert!(reason.len() < 3000, "{} bytes", reason.len());
}

#[test]
fn many_variables_entries_and_configurations_end_within_seconds() {
    let start = std::time::Instant::now();
    let mut config = "i=0\nwhile [ $i -lt 5000 ]; do increment i; set v$i=x; done\n".to_owned();
    config.push_str(&"menuentry x { true }\n".repeat(1000));
    let mut fake = FakeMachine::new(TableKind::Mbr);
    for _ in 0..20 {
        let fs = FakeFs::fat()
            .file("/EFI/a/grub.cfg", &config)
            .file("/boot/grub/grub.cfg", &config)
            .file("/grub2/grub.cfg", &config);
        fake = fake.partition(UUID, fs);
    }
    follow(&fake);
    assert!(start.elapsed().as_secs() < 60, "{:?}", start.elapsed());
}

/// The same with so many more volumes, in which nothing is.
fn more_volumes(mut fake: FakeMachine, volumes: usize) -> FakeMachine {
    let volume = fake.disk.volumes[0].clone();
    fake.disk.volumes.extend((0..volumes).map(|number| {
        let name = format!("vg/lv{number}");
        crate::disk::facts::VolumeFacts { name, partition: None, ..volume.clone() }
    }));
    fake
}

#[test]
fn a_look_through_many_volumes_counts_as_the_work_that_it_is() {
    let test = format!("if [ {}-e (a)/ ]; then true; fi\n", "-e (a)/ -o ".repeat(100));
    let config = format!("{}{GOOD}", test.repeat(100));
    let with = |volumes: usize| follow(&more_volumes(with_config(&config), volumes));
    assert!(with(0).default_entry.known().is_some_and(Option::is_some));
    assert!(undecided(&with(3200)).contains("commands were run"));
}

/// What looks for a volume by a file, a UUID, a label or a name goes through all of them.
#[test]
fn whatever_looks_through_many_volumes_counts_as_the_work_that_it_is() {
    for (line, times) in [
        ("search --set=x /nowhere", 300),
        ("search --fs-uuid --set=x nothing", 1200),
        ("search.fs_label nothing x", 1200),
        // Its own device and that of `root`.
        ("blscfg (lvm/no-no)/loader/entries", 700),
        ("btrfs-mount-subvol (lvm/no-no) /a b", 1200),
    ] {
        let fake = with_config(&format!("{}{GOOD}", format!("{line}\n").repeat(times)));
        assert!(follow(&fake).default_entry.known().is_some_and(Option::is_some), "{line}");
        let facts = follow(&more_volumes(fake, 3200));
        assert!(undecided(&facts).contains("commands were run"), "{line}");
    }
}

/// The same in GRUB legacy, which has no bound on commands.
#[test]
fn devices_of_grub_legacy_are_looked_for_up_to_the_bound() {
    for line in ["uuid nothing", "root (hd0,0)", "root (lvm/no-no)"] {
        let config = format!(
            "title A\n{}root (hd0,0)\nkernel /vmlinuz a\n",
            format!("{line}\n").repeat(1200)
        );
        let fs = FakeFs::new()
            .file("/grub/stage2", "x")
            .file("/grub/menu.lst", &config)
            .file("/vmlinuz", kernel());
        let fake = FakeMachine::new(TableKind::Mbr)
            .partition(UUID, fs)
            .boot_code(code(BootCodeKind::GrubLegacy));
        assert_eq!(state(&follow(&fake), LinkKind::Kernel), Some(&LinkState::Found), "{line}");
        let facts = follow(&more_volumes(fake, 3200));
        let Some(LinkState::Unknown(why)) = state(&facts, LinkKind::Kernel) else {
            panic!("{line}: {facts:?}")
        };
        assert!(why.contains("commands were run"), "{line}: {why}");
    }
}

#[test]
fn configurations_that_are_tried_count_together() {
    let config = format!("set x={}\n", "a".repeat(310_000));
    let with = |vendors: usize| {
        let esp = (0..vendors).fold(FakeFs::fat(), |esp, number| {
            esp.file(&format!("/EFI/{number}/grub.cfg"), &config)
        });
        let fake = FakeMachine::new(TableKind::Gpt).partition("AAAA-0001", esp);
        follow(&fake.partition(UUID, debian(GOOD)))
    };
    assert_eq!(default_entry(&with(6)).command_line, "a");
    assert!(undecided(&with(7)).contains("bytes of text"));
}

#[test]
fn a_long_file_that_is_run_again_and_again_counts_as_the_work_that_it_is() {
    let with = |times: usize| {
        let config = format!("{}{GOOD}", "source /boot/grub/long.cfg\n".repeat(times));
        follow(&with_filesystem(debian(&config).file("/boot/grub/long.cfg", "#\n".repeat(250_000))))
    };
    assert_eq!(default_entry(&with(25)).command_line, "a");
    assert!(undecided(&with(26)).contains("commands were run"));
}

#[test]
fn a_long_name_of_a_device_is_not_kept_with_each_file() {
    let long = "é".repeat(100_000);
    for config in [
        format!("set root={long}\n{GOOD}"),
        format!("search --set=root --label {long}\n{GOOD}"),
        format!("if [ -e (x)/{long} ]; then set root=(hd0); fi\n{GOOD}"),
    ] {
        let facts = follow(&with_config(&config));
        let Some(LinkState::Unknown(why)) = state(&facts, LinkKind::Kernel) else {
            panic!("{facts:?}")
        };
        assert!(why.len() < 3000, "{} bytes", why.len());
    }
}

/// Each of the vendors has a configuration that cannot be read, and a GRUB of that many bytes.
#[test]
fn of_many_vendors_with_a_grub_of_their_own_few_are_looked_through() {
    let with = |program: usize| {
        let mut esp = FakeFs::fat().file("/program", vec![0; program]);
        for number in 0..200 {
            esp = esp
                .file(&format!("/EFI/{number}/grub.cfg/x"), "")
                .link(&format!("/EFI/{number}/grubx64.efi"), "/program");
        }
        let read = esp.read();
        let fake = FakeMachine::new(TableKind::Gpt).partition("AAAA-0001", esp);
        let facts = follow(&fake.partition(UUID, debian(GOOD).btrfs("@").set_default("@")));
        assert!(undecided(&facts).contains("not a regular file"), "{facts:?}");
        read.load(std::sync::atomic::Ordering::Relaxed)
    };
    // All programs together, and one more vendor than configurations are tried.
    assert_eq!(with(16 << 20), 64 << 20);
    assert_eq!(with(1 << 10), 9 << 10);
}

#[test]
fn a_configuration_behind_too_many_others_is_not_decided() {
    let with = |vendors: usize, config: &str| {
        let esp = (0..vendors).fold(FakeFs::fat(), |esp, number| {
            esp.file(&format!("/EFI/{number}/grub.cfg"), config)
        });
        let fake = FakeMachine::new(TableKind::Gpt).partition("AAAA-0001", esp);
        follow(&fake.partition(UUID, debian(GOOD)))
    };
    assert_eq!(default_entry(&with(7, "# nothing\n")).command_line, "a");
    for vendors in [8, 9, 100] {
        let facts = with(vendors, "# nothing\n");
        let why = undecided(&facts);
        assert!(why.contains("configurations of boot loaders: more than 8 places"), "{why}");
    }
    let facts = with(100, &"#\n".repeat(300 << 10));
    assert!(undecided(&facts).contains("more than 524288 bytes"), "{facts:?}");
}

#[test]
fn of_many_volumes_with_configurations_few_are_read() {
    let config = "#\n".repeat(200 << 10);
    let mut fake = FakeMachine::new(TableKind::Gpt);
    let mut counts = Vec::new();
    for _ in 0..20 {
        let fs = FakeFs::new()
            .file("/loader/entries/a.conf", "title a\n")
            .file("/extlinux/extlinux.conf", &config)
            .file("/boot/grub/menu.lst", &config);
        counts.push(fs.read());
        fake = fake.partition(UUID, fs);
    }
    let facts = follow(&fake);
    assert!(undecided(&facts).contains("more than 8 places"), "{facts:?}");
    let read = counts.iter().map(|read| read.load(std::sync::atomic::Ordering::Relaxed));
    let read = read.sum::<usize>();
    assert!(read <= 8 * config.len(), "{read}");
}
