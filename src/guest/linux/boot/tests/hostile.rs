use super::*;

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

#[test]
fn a_look_through_many_volumes_counts_as_the_work_that_it_is() {
    let test = format!("if [ {}-e (a)/ ]; then true; fi\n", "-e (a)/ -o ".repeat(100));
    let config = format!("{}{GOOD}", test.repeat(100));
    let with = |volumes: usize| {
        let mut fake = with_config(&config);
        let volume = fake.disk.volumes[0].clone();
        fake.disk.volumes.extend((0..volumes).map(|number| {
            let name = format!("vg/lv{number}");
            crate::disk::facts::VolumeFacts { name, partition: None, ..volume.clone() }
        }));
        follow(&fake)
    };
    assert!(with(0).default_entry.known().is_some_and(Option::is_some));
    assert!(undecided(&with(3200)).contains("commands were run"));
}

/// Each of the vendors has a configuration that cannot be read, and a GRUB of 16 MiB.
#[test]
fn of_many_vendors_with_a_grub_of_their_own_few_are_looked_through() {
    let mut esp = FakeFs::fat().file("/program", vec![0; 16 << 20]);
    for number in 0..200 {
        esp = esp
            .file(&format!("/EFI/{number}/grub.cfg/x"), "")
            .link(&format!("/EFI/{number}/grubx64.efi"), "/program");
    }
    let read = esp.read();
    let fake = FakeMachine::new(TableKind::Gpt).partition("AAAA-0001", esp);
    let facts = follow(&fake.partition(UUID, debian(GOOD).btrfs("@").set_default("@")));
    assert!(undecided(&facts).contains("not a regular file"), "{facts:?}");
    let read = read.load(std::sync::atomic::Ordering::Relaxed);
    assert!(read <= 64 << 20, "{read}");
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
