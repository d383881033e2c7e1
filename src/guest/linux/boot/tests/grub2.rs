use super::*;
use crate::guest::facts::LoaderKind;

/// A menu of two entries that tell which one was run.
const TWO: &str = "menuentry 'A' --id a { linux /boot/vmlinuz-6.1.0-18-amd64 is-a }\n\
                   menuentry 'B' --id b { linux /boot/vmlinuz-6.1.0-18-amd64 is-b }\n";

fn probe(script: &str) -> String {
    command_line(&format!("{script}\nmenuentry x {{ linux /boot/vmlinuz-6.1.0-18-amd64 $result }}"))
}

/// GRUB 2.06 in QEMU starts B for the first; `eval` is implemented, other menus are not read.
#[test]
fn eval_runs_its_arguments_and_other_menus_leave_the_default_open() {
    assert!(command_line(&format!("eval \"set default=1\"\n{TWO}")).contains("is-b"));
    let entry = "menuentry x { eval \"linux /boot/vmlinuz-6.1.0-18-amd64 from-eval\" }";
    assert!(command_line(entry).contains("from-eval"));
    for script in [
        "legacy_configfile /boot/grub/menu.lst",
        "extract_entries_source /boot/grub/x.cfg",
        "source /boot/grub/x*.cfg",
        "for f in /boot/grub/x*.cfg; do source $f; done",
    ] {
        let facts = follow(&with_config(&format!("{script}\n{TWO}")));
        assert!(facts.default_entry.unread().is_some(), "{script}: {:?}", facts.default_entry);
    }
}

/// GRUB 2.06 in QEMU takes the files for the pattern once the module regexp is there.
#[test]
fn a_pattern_is_one_only_outside_of_quotes() {
    for script in [
        "for f in /boot/grub/x?.cfg; do set default=1; done",
        "for f in (hd*,*)/x.cfg; do menuentry C { true; }; done",
        "set f=/boot/grub/*.cfg\nconfigfile $f",
        "if [ -f /boot/grub/x*.cfg ]; then set default=1; fi",
    ] {
        let facts = follow(&with_config(&format!("insmod regexp\n{script}\n{TWO}")));
        assert!(undecided(&facts).contains("/boot/grub/grub.cfg:"), "{facts:?}");
        assert!(undecided(&facts).contains("which files"), "{script}: {facts:?}");
    }
    for script in [
        "source \"/boot/grub/x*.cfg\"",
        "for f in 'x*' x*; do set last=$f; done",
        "set title='* openSUSE'",
    ] {
        assert_eq!(command_line(&format!("{script}\n{TWO}")), "is-a", "{script}");
    }
}

#[test]
fn a_command_that_is_not_known_may_add_entries_from_there_on() {
    let first = format!("magic x\n{TWO}");
    assert!(undecided(&follow(&with_config(&first))).contains("\"magic\""));
    assert_eq!(command_line(&format!("set default=b\n{first}")), "is-b");
    assert_eq!(command_line(&format!("{TWO}magic x\n")), "is-a");
    let loader = "menuentry x { load_something /boot/vmlinuz-6.1.0-18-amd64 }";
    assert!(undecided(&follow(&with_config(loader))).contains("load_something"));
    let beside = "menuentry x { magic\nlinux /boot/vmlinuz-6.1.0-18-amd64 is-a\nmagic\n}";
    assert_eq!(command_line(beside), "is-a");
    // As a byte order mark makes of a name.
    assert_eq!(command_line(&format!("\u{feff}set x=1\n{TWO}")), "is-a");
    // A condition that is tested by a function or a file runs all that stands there.
    let by_function = format!("function f {{\nmagic\ntrue\n}}\nif f; then true; fi\n{TWO}");
    assert!(undecided(&follow(&with_config(&by_function))).contains("\"magic\""));
    let by_variable = format!("probe --set=c hd0\n$c default=1\n{TWO}");
    undecided(&follow(&with_config(&by_variable)));
    let maybe = format!("if magic; then eval \"set default=1\"; fi\n{TWO}");
    let maybe_not = format!("if magic; then true; else eval \"set default=1\"; fi\n{TWO}");
    for config in [maybe, maybe_not] {
        undecided(&follow(&with_config(&config)));
    }
}

/// What the scripts in grub.d of Debian, Ubuntu, Fedora, SUSE and upstream write beside entries.
#[test]
fn commands_of_usual_configurations_leave_the_menu_certain() {
    for command in [
        "insmod all_video",
        "serial --unit=0 --speed=115200",
        "terminfo -g 80x25 serial vt100",
        "terminal_input console",
        "terminal_output gfxterm",
        "loadfont ($root)/boot/grub/themes/x/dejavu.pf2",
        "background_image -m stretch /usr/share/images/x.png",
        "background_color 44,0,30,0",
        "play 480 440 1",
        "badram 0x01234567,0xfefefefe",
        "cmosclean 85:0",
        "cryptomount -u 0123456789abcdef",
        "hwmatch /boot/grub/gfxblacklist.txt 3",
        "save_env next_entry",
        "list_env",
        "increment boot_counter",
        "password_pbkdf2 root grub.pbkdf2.sha512.10000.00",
        "export timeout_style",
        "keymap de",
        "rmmod tpm",
        "smbios --type 2 --get-string 5 --set product",
        "cpuid -l",
        "drivemap -s (hd0) $root",
        "parttool ${root} hidden-",
        "acpi -2 /boot/dsdt.aml",
        "videoinfo",
        "tpm_record_pcrs 0-9",
        "gettext x",
        "sleep --interruptible 0",
        "fwsetup --is-supported",
        "efitextmode 0 0",
        "btrfs-mount-subvol ($root) /boot/grub2/i386-pc @/boot/grub2/i386-pc",
    ] {
        assert_eq!(command_line(&format!("{command}\n{TWO}")), "is-a", "{command}");
    }
}

/// Ubuntu's `00_header` and `10_linux` with `GRUB_FORCE_PARTUUID`, as in its cloud images.
#[test]
fn an_entry_that_starts_without_an_initramfs_first_is_judged_with_it() {
    let config = |second: &str, panic: &str| {
        format!(
            "if [ -s $prefix/grubenv ]; then\n set have_grubenv=true\n load_env\nfi\n\
             function initrdfail {{\n if [ -n \"${{have_grubenv}}\" ]; then if [ -n \"${{partuuid}}\" ]; then\n\
             if [ -z \"${{initrdfail}}\" ]; then\n set initrdfail=1\n fi\n save_env initrdfail\n fi; fi\n}}\n\
             set partuuid=1f0c3a5e-01\n\
             menuentry 'Ubuntu' {{\n if [ \"${{initrdfail}}\" = 1 ]; then\n\
             linux /boot/vmlinuz-6.1.0-18-amd64 root=PARTUUID=1f0c3a5e-01 ro\n initrd {second}\n else\n\
             linux /boot/vmlinuz-6.1.0-18-amd64 root=PARTUUID=1f0c3a5e-01 ro {panic}\n fi\n\
             initrdfail\n}}\n"
        )
    };
    let env = include_str!("../../../../../testdata/boot/debian12-grubenv");
    let initrds = |config: String, env: &str| {
        let fs = debian(&config).file("/boot/grub/grubenv", env);
        default_entry(&follow(&with_filesystem(fs))).initrds.len()
    };
    let there = "/boot/initrd.img-6.1.0-18-amd64";
    assert_eq!(initrds(config(there, "panic=-1"), env), 1);
    // Nothing starts it anew, the initramfs is not there, or nothing is noted.
    assert_eq!(initrds(config(there, ""), env), 0);
    assert_eq!(initrds(config("/boot/gone", "panic=-1"), env), 0);
    let unnoted = config(there, "panic=-1").replace("set partuuid", "set other");
    assert_eq!(initrds(unnoted, env), 0);
}

#[test]
fn a_list_of_blocks_is_not_taken_for_a_path() {
    let config = format!("source (hd0,msdos1)512+2\n{TWO}");
    assert!(undecided(&follow(&with_config(&config))).contains("list of blocks"));
}

/// QEMU with GRUB 2.06 prints "Unknown command `if'." and runs what stands between.
#[test]
fn the_parser_of_a_core_image_knows_no_script_and_no_command_without_its_module() {
    for (embedded, said) in [
        ("if [ -e /x ]; then\nset prefix=(hd0,msdos1)/boot/grub\nfi\n", "\"if\""),
        ("search.file /x root\nset prefix=($root)/boot/grub\n", "module search_fs_file"),
    ] {
        let code = grub2_code(Some("(hd0,msdos1)/boot/grub"), Some(embedded));
        let machine = FakeMachine::new(TableKind::Mbr).partition(UUID, debian(TWO)).boot_code(code);
        let facts = follow(&machine);
        let Some(LinkState::Unknown(why)) = state(&facts, LinkKind::LoaderFiles) else {
            panic!("{facts:?}")
        };
        assert!(why.contains(said), "{why}");
    }
}

/// As SUSE's installer does it: generic code in the first sector, GRUB in the active partition.
#[test]
fn grub_in_the_boot_sector_of_the_active_partition_is_followed() {
    let menu = format!(
        "menuentry 'x' {{\nlinux /boot/vmlinuz-6.1.0-18-amd64 root=UUID={UUID}\n\
         initrd /boot/initrd.img-6.1.0-18-amd64\n}}\n"
    );
    let machine = |core| {
        FakeMachine::new(TableKind::Mbr)
            .partition(UUID, debian(&menu))
            .boot_code(code(BootCodeKind::Generic))
            .with_record(1, core)
    };
    let facts = follow(&machine(grub2_code(Some("(,msdos1)/boot/grub"), None)));
    all_found(&facts);
    assert_eq!(default_entry(&facts).title, "x");
    assert_eq!(state(&facts, LinkKind::ActivePartition), Some(&LinkState::Found));
    let mut broken = grub2_code(Some("(,msdos1)/boot/grub"), None);
    if let Some(Fact::Known(core)) = &mut broken.grub_core {
        core.intact = Fact::unknown("sector 2049", "all zero");
    }
    let facts = follow(&machine(broken));
    assert_eq!(state(&facts, LinkKind::LoaderImage), Some(&LinkState::Missing));
}

#[test]
fn a_condition_follows_the_rules_of_test() {
    for (condition, holds) in [
        ("[ a = a ]", true),
        ("[ a == b ]", false),
        ("[ a != b ]", true),
        ("test -n \"$prefix\"", true),
        ("[ -z \"${unset}\" ]", true),
        ("[ \"${unset}\" ]", false),
        ("[ ]", true),
        ("[ ${unset} ]", true),
        ("[ ! -e /boot/none ]", true),
        ("[ -e /boot/grub -a -d /boot/grub ]", true),
        ("[ -f /boot/grub ]", false),
        ("[ -f $prefix/grub.cfg ]", true),
        ("[ -s /boot/empty ]", false),
        ("[ -e (hd1,msdos1)/boot ]", false),
        ("[ 10 -gt 9 -a 1 -eq 01 ]", true),
        ("[ -1 -lt 0 ]", true),
        ("[ vmlinuz-2 -plt vmlinuz-11 ]", true),
        ("[ a = b -o c = c ]", true),
        ("[ ( a = b -o c = c ) -a d = e ]", false),
        ("[ x$feature_menuentry_id = xy ]", true),
        ("[ \"$grub_platform\" = \"pc\" -a $grub_cpu = i386 ]", true),
        ("! false", true),
        ("true; false", false),
        ("loadfont unicode", false),
        ("keystatus --shift", false),
    ] {
        let script = format!("if {condition}; then set result=yes; else set result=no; fi");
        let config =
            format!("{script}\nmenuentry x {{ linux /boot/vmlinuz-6.1.0-18-amd64 $result }}");
        let fake = with_filesystem(debian(&config).file("/boot/empty", ""));
        let expected = if holds { "yes" } else { "no" };
        assert_eq!(default_entry(&follow(&fake)).command_line, expected, "{condition}");
    }
}

#[test]
fn variables_are_split_only_outside_of_quotes() {
    assert_eq!(probe("set x='a  b'\nset result=\"$x\""), "a b");
    assert_eq!(
        command_line(
            "set x='a  b'\nmenuentry x { linux /boot/vmlinuz-6.1.0-18-amd64 \"$x\" c=$x }"
        ),
        "\"a  b\" c=a b"
    );
    assert_eq!(probe("x=1\nset result=${x}2$none"), "12");
    assert_eq!(probe("set result=a\nunset result"), "");
}

#[test]
fn functions_loops_and_positional_parameters_work() {
    assert_eq!(
        probe(
            "function f {\nset result=\"$2-$#\"\nreturn 1\nset result=no\n}\nf a b\n\
               if [ $? = 1 ]; then set result=\"$result ok\"; fi"
        ),
        "b-2 ok"
    );
    assert_eq!(probe("for i in 1 2 3; do if [ $i = 3 ]; then break; fi; set result=$i; done"), "2");
    assert_eq!(probe("set i=0\nwhile [ $i -lt 5 ]; do increment i; done\nset result=$i"), "5");
    assert_eq!(probe("set i=0\nuntil [ $i = 3 ]; do increment i; done; set result=$i"), "3");
}

/// `grub-core/script/execute.c`: `grub_script_return`, `grub_script_break`, `grub_script_function_call`.
#[test]
fn what_leaves_a_function_or_a_loop_does_nothing_outside_of_one() {
    for line in ["return", "return 0", "break", "continue", "break 3", "break 0", "break x"] {
        assert_eq!(probe(&format!("{line}\nset result=on")), "on", "{line}");
        let file =
            debian("source $prefix/x.cfg\nmenuentry a { linux /boot/vmlinuz-6.1.0-9-amd64 on }");
        let facts = follow(&with_filesystem(file.file("/boot/grub/x.cfg", format!("{line}\n"))));
        assert_eq!(default_entry(&facts).command_line, "on", "{line}");
    }
    let failed =
        |line: &str| probe(&format!("if {line}; then set result=no; else set result=failed; fi"));
    for line in ["return", "return 0", "break 0", "break x", "break 1 2"] {
        assert_eq!(failed(line), "failed", "{line}");
    }
    assert_eq!(failed("break"), "no");
    // Of loops no more are left than are run, and none of the caller's.
    let loops = "for i in 1 2; do\nset result=$result$i\nbreak 5\ndone\nset result=${result}on";
    assert_eq!(probe(loops), "1on");
    assert_eq!(
        probe("function f { break; }\nfor i in 1 2; do\nf\nset result=$result$i\ndone"),
        "12"
    );
    let nested = "for i in 1 2; do for j in 1 2; do continue 2; done; set result=no; done";
    assert_eq!(probe(nested), "");
    assert_eq!(
        probe("for i in 1 2; do while break; do set result=no; done; set result=$i; done"),
        "2"
    );
    assert_eq!(probe("function f {\nset result=a\nreturn x\nset result=b\n}\nf"), "b");
    // A file leaves the loop around it, and what stands behind it is told by its own line.
    let config = "for i in 1 2; do\nsource $prefix/x.cfg\ndone\nmenuentry a { linux /vmlinuz $i }";
    let facts = follow(&with_filesystem(debian(config).file("/boot/grub/x.cfg", "break\n")));
    assert_eq!(default_entry(&facts).command_line, "1");
    assert_eq!(default_entry(&facts).location, "/boot/grub/grub.cfg:4");
    // An entry goes on behind it in the next line.
    let entry = "menuentry a {\nlinux /boot/vmlinuz-6.1.0-9-amd64 a\nreturn\nlinux /b b\n}";
    assert!(undecided(&follow(&with_config(entry))).contains("the command \"return\""));
}

#[test]
fn what_may_leave_a_function_or_a_loop_leaves_open_what_stands_behind() {
    let doubt = "fwsetup --is-supported";
    let entry = "menuentry x { linux /boot/vmlinuz-6.1.0-18-amd64 $result }";
    for script in [
        format!("function f {{\nif {doubt}; then return; fi\nset result=1\n}}\nf"),
        format!("function f {{\nif ! {doubt}; then return; fi\nset result=1\n}}\nf"),
        format!("for i in 1 2; do\nif {doubt}; then break; fi\nset result=$i\ndone"),
        format!("for i in 1 2; do\nif ! {doubt}; then continue; fi\nset result=$i\ndone"),
        format!("for i in 1 2; do\nif ! {doubt}; then for j in 1; do break 2; done; fi; done"),
        format!("if ! {doubt}; then export default=1; fi"),
        format!("result=a\nif ! {doubt}; then search.fs_uuid x result; fi"),
    ] {
        assert!(
            follow(&with_config(&format!("{script}\n{entry}"))).default_entry.unread().is_some(),
            "{script}"
        );
    }
    let boot = format!(
        "menuentry x {{\nlinux /boot/vmlinuz-6.1.0-9-amd64 a\nif ! {doubt}; then boot; fi\nlinux /b b\n}}"
    );
    assert!(follow(&with_config(&boot)).default_entry.unread().is_some());
    // What a loop or a function of its own is left by changes nothing else.
    for script in [
        format!("function f {{\nreturn\n}}\nif {doubt}; then f; fi"),
        format!("function f {{\nreturn\n}}\nif ! {doubt}; then f; fi"),
        format!("if {doubt}; then for i in 1 2; do break; done; fi"),
        format!("if ! {doubt}; then for i in 1 2; do break; done; fi"),
        format!("for i in 1 2; do if ! {doubt}; then for j in 1; do break; done; fi; done"),
    ] {
        assert_eq!(probe(&script), "", "{script}");
    }
}

#[test]
fn elif_and_else_are_chosen_by_the_first_condition_that_holds() {
    assert_eq!(
        probe("if false; then set result=1\nelif true; then set result=2\nelse set result=3; fi"),
        "2"
    );
}

#[test]
fn the_default_is_a_number_an_id_or_a_title() {
    for default in ["1", "b", "B"] {
        assert_eq!(command_line(&format!("set default={default}\n{TWO}")), "is-b");
    }
    assert_eq!(command_line(TWO), "is-a");
    assert_eq!(command_line(&format!("set default=nothing\n{TWO}")), "is-a");
}

#[test]
fn a_default_leads_into_submenus() {
    let config = |default: &str| {
        format!(
            "set default='{default}'\nmenuentry 'Top' {{ linux /boot/vmlinuz-6.1.0-18-amd64 top }}\n\
             submenu 'More' --id more {{\n{TWO}}}\n"
        )
    };
    for (default, line, title) in [
        ("1>1", "is-b", "More>B"),
        ("more>b", "is-b", "More>B"),
        ("1", "is-a", "More>A"),
        ("More>A", "is-a", "More>A"),
        ("0", "top", "Top"),
    ] {
        let facts = follow(&with_config(&config(default)));
        assert_eq!(default_entry(&facts).command_line, line, "{default}");
        assert_eq!(default_entry(&facts).title, title, "{default}");
        assert_eq!(facts.other_entries.len(), 2);
    }
}

#[test]
fn only_exported_variables_reach_a_submenu() {
    let config = "set a=1\nset b=2\nexport b\nsubmenu s {\nmenuentry x { \
                  linux /boot/vmlinuz-6.1.0-18-amd64 a=$a b=$b }\n}";
    assert_eq!(command_line(config), "a= b=2");
}

#[test]
fn saved_and_next_entries_come_from_the_environment_block() {
    let header = "if [ -s $prefix/grubenv ]; then\n set have_grubenv=true\n load_env\nfi\n\
                  if [ \"${next_entry}\" ] ; then\n set default=\"${next_entry}\"\n set next_entry=\n \
                  save_env next_entry\nelse\n set default=\"${saved_entry}\"\nfi\n";
    let with_env = |env: &str| {
        let env = format!("# GRUB Environment Block\n{env}####");
        let fake =
            with_filesystem(debian(&format!("{header}{TWO}")).file("/boot/grub/grubenv", env));
        default_entry(&follow(&fake)).command_line.clone()
    };
    assert_eq!(with_env(""), "is-a");
    assert_eq!(with_env("saved_entry=b\n"), "is-b");
    assert_eq!(with_env("saved_entry=b\nnext_entry=A\n"), "is-a");
}

#[test]
fn the_fallback_is_taken_when_the_default_kernel_is_gone() {
    let config = "set default=0\nset fallback='1'\nmenuentry A { linux /boot/gone a }\n\
                  menuentry B { linux /boot/vmlinuz-6.1.0-18-amd64 b }\n";
    assert_eq!(command_line(config), "b");
    let facts = follow(&with_config("menuentry A { linux /boot/gone a }"));
    assert_eq!(state(&facts, LinkKind::Kernel), Some(&LinkState::Missing));
}

#[test]
fn more_fallbacks_than_are_tried_leave_the_default_undecided() {
    let mut config = "set default=0\nset fallback='1 2 3 4 5 6 7 8 9'\n".to_owned();
    config.push_str(&"menuentry A { linux /boot/gone a }\n".repeat(9));
    config.push_str("menuentry B { linux /boot/vmlinuz-6.1.0-18-amd64 b }\n");
    assert!(undecided(&follow(&with_config(&config))).contains("more than 8 entries"));
}

#[test]
fn search_sets_the_root_and_a_failed_one_leaves_it() {
    let boot = || FakeFs::new().file("/vmlinuz", kernel()).file("/initrd", "x");
    let config = |search: &str| {
        format!(
            "menuentry x {{\nset root='hd0,msdos1'\n{search}\nlinux /vmlinuz r=$root\ninitrd /initrd\n}}"
        )
    };
    for (search, root) in [
        (format!("search --no-floppy --fs-uuid --set=root --hint-bios=hd0,msdos9 {BOOT_UUID}"), 2),
        (format!("search --no-floppy --fs-uuid --set {}", BOOT_UUID.to_uppercase()), 2),
        ("search --label --set=root label-2".to_owned(), 2),
        ("search --label label-2 --set root --no-floppy".to_owned(), 2),
        (format!("search -u -s root {BOOT_UUID}"), 2),
        ("search --label --set label-2 --no-floppy".to_owned(), 2),
        ("search --label label-2 --set prefix --no-floppy".to_owned(), 1),
        ("search --file --set=root /vmlinuz".to_owned(), 2),
        (format!("search.fs_uuid {BOOT_UUID} root hd0,msdos9"), 2),
        ("search --fs-uuid --set=root dead-beef".to_owned(), 1),
    ] {
        let fake = with_config(&config(&search)).partition(BOOT_UUID, boot());
        let facts = follow(&fake);
        let entry = default_entry(&facts);
        assert_eq!(entry.command_line, format!("r=hd0,msdos{root}"), "{search}");
        let found = entry.kernel.as_ref().unwrap().resolved.known().unwrap().is_some();
        assert_eq!(found, root == 2, "{search}");
    }
}

#[test]
fn a_search_that_may_lie_on_an_unread_volume_leaves_the_entry_undecided() {
    let config = "menuentry x {\nsearch --fs-uuid --set=root dead-beef\n\
                  linux /boot/vmlinuz-6.1.0-18-amd64 root=/dev/vda1\n}";
    let mut fake = with_config(config).partition(BOOT_UUID, FakeFs::new());
    fake.disk.volumes[1].signatures = Fact::unknown("partition 2", "beyond the end");
    let facts = follow(&fake);
    let kernel = default_entry(&facts).kernel.as_ref().unwrap();
    assert!(kernel.resolved.unread().is_some());
    assert!(matches!(state(&facts, LinkKind::Kernel), Some(LinkState::Unknown(_))));
}

#[test]
fn another_disk_is_missing() {
    let facts = follow(&with_config("menuentry x { linux (hd1,msdos1)/vmlinuz root=/dev/sdb1 }"));
    assert_eq!(state(&facts, LinkKind::Kernel), Some(&LinkState::Missing));
}

#[test]
fn an_unknown_command_in_a_condition_puts_only_what_it_guards_in_doubt() {
    let harmless = format!("if magic; then set gfx=keep; else set gfx=text; fi\n{TWO}");
    assert_eq!(command_line(&harmless), "is-a");
    let decisive = format!("set default=0\nif magic; then set default=1; fi\n{TWO}");
    assert!(undecided(&follow(&with_config(&decisive))).contains("magic"));
    let other_branch = format!("if magic; then true; else set default=1; fi\n{TWO}");
    assert!(undecided(&follow(&with_config(&other_branch))).contains("magic"));
    let by_variable = format!("probe --set=x hd0\nif [ $x = 1 ]; then set default=1; fi\n{TWO}");
    assert!(undecided(&follow(&with_config(&by_variable))).contains("probe"));
    let entries = format!("if magic; then\n{TWO}\nfi");
    undecided(&follow(&with_config(&entries)));
    let by_id = format!("set default=b\nif magic; then\nmenuentry C {{ linux /c }}\nfi\n{TWO}");
    assert_eq!(command_line(&by_id), "is-b");
    let in_body = "menuentry x {\nif magic; then set r=1; else set r=2; fi\n\
                   linux /boot/vmlinuz-6.1.0-18-amd64 $r\n}";
    undecided(&follow(&with_config(in_body)));
}

#[test]
fn an_environment_block_that_cannot_be_read_puts_its_variables_in_doubt() {
    let config = format!("load_env\nset default=\"${{saved_entry}}\"\n{TWO}");
    let huge = vec![b'#'; 600 << 10];
    let fake = with_filesystem(debian(&config).file("/boot/grub/grubenv", huge));
    assert!(undecided(&follow(&fake)).contains("grubenv"));
}

#[test]
fn source_shares_variables_and_configfile_shows_its_own_menu() {
    let fs = debian(
        "set config=outer\nif [ -f ${config_directory}/custom.cfg ]; then\n\
         source ${config_directory}/custom.cfg\nfi\nmenuentry A { linux /a }",
    )
    .file(
        "/boot/grub/custom.cfg",
        "set default=custom\nmenuentry C --id custom { linux /c $config }",
    );
    assert_eq!(default_entry(&follow(&with_filesystem(fs))).command_line, "outer");
    let fs = debian("set x=1\nset default=1\nconfigfile /other.cfg\nmenuentry A { linux /a }")
        .file("/other.cfg", "menuentry B { linux /b x=$x }\nmenuentry C { linux /c }");
    let facts = follow(&with_filesystem(fs));
    assert_eq!(default_entry(&facts).command_line, "x=");
    assert_eq!(default_entry(&facts).location, "/other.cfg:1");
    let (_, evidence) = facts.loader.known().unwrap().as_ref().unwrap();
    assert_eq!(evidence.location, "/other.cfg");
}

#[test]
fn an_entry_that_opens_another_configuration_is_followed() {
    let fs = debian("menuentry A { configfile /other.cfg }")
        .file("/other.cfg", "menuentry B { linux /boot/vmlinuz-6.1.0-18-amd64 b }");
    assert_eq!(default_entry(&follow(&with_filesystem(fs))).command_line, "b");
}

#[test]
fn an_entry_that_starts_another_loader_leaves_the_kernel_undecided() {
    let facts = follow(&with_config("menuentry Windows { chainloader +1 }"));
    assert!(
        matches!(state(&facts, LinkKind::Kernel), Some(LinkState::Unknown(why)) if why.contains("chainloader +1"))
    );
    let facts = follow(&with_config("menuentry Empty { echo hello }"));
    assert_eq!(state(&facts, LinkKind::Kernel), Some(&LinkState::Missing));
}

#[test]
fn a_kernel_behind_a_hypervisor_is_its_first_module() {
    let config = "menuentry Xen {\nmultiboot2 /boot/xen.gz placeholder\n\
                  module2 /boot/vmlinuz-6.1.0-18-amd64 placeholder root=UUID=1 ro\n\
                  module2 --nounzip /boot/initrd.img-6.1.0-18-amd64\n}";
    let facts = follow(&with_config(config));
    let entry = default_entry(&facts);
    assert_eq!(entry.command_line, "root=UUID=1 ro");
    assert_eq!(entry.initrds[0].spec, "/boot/initrd.img-6.1.0-18-amd64");
}

#[test]
fn a_configuration_without_a_menu_may_boot_directly() {
    let facts = follow(&with_config(&format!(
        "linux /boot/vmlinuz-6.1.0-18-amd64 root=UUID={UUID}\n\
         initrd /boot/initrd.img-6.1.0-18-amd64\nboot\n"
    )));
    assert_eq!(default_entry(&facts).root.as_ref().unwrap().spec, format!("UUID={UUID}"));
    all_found(&facts);
}

#[test]
fn several_initramfs_keep_their_order_and_an_empty_one_is_missing() {
    let config = "menuentry x {\nlinux /boot/vmlinuz-6.1.0-18-amd64\n\
                  initrd /boot/ucode.img /boot/initrd.img-6.1.0-18-amd64\n}";
    let facts = follow(&with_filesystem(debian(config).file("/boot/ucode.img", "u")));
    let specs: Vec<_> =
        default_entry(&facts).initrds.iter().map(|initrd| initrd.spec.as_str()).collect();
    assert_eq!(specs, ["/boot/ucode.img", "/boot/initrd.img-6.1.0-18-amd64"]);
    assert_eq!(state(&facts, LinkKind::Initramfs), Some(&LinkState::Found));
    let facts = follow(&with_filesystem(debian(config).file("/boot/ucode.img", "")));
    assert_eq!(state(&facts, LinkKind::Initramfs), Some(&LinkState::Missing));
}

#[test]
fn the_timeout_is_told_with_its_line_and_none_waits_for_ever() {
    let facts = follow(&with_config(&format!("set timeout=5\n{TWO}")));
    assert_eq!(facts.timeout, Some((5, Evidence::new("/boot/grub/grub.cfg:1", "timeout=5"))));
    let facts = follow(&with_config(TWO));
    assert_eq!(facts.timeout.as_ref().map(|(seconds, _)| *seconds), Some(-1));
    let facts = follow(&with_config(&format!("set timeout=-1\n{TWO}")));
    assert_eq!(facts.timeout.as_ref().map(|(seconds, _)| *seconds), Some(-1));
}

/// RHEL 8's `10_linux` with `blscfg`, `/boot` on a volume of its own.
fn rhel8(env: &str) -> FakeMachine {
    let machine = "0a1b2c3d4e5f60718293a4b5c6d7e8f9";
    let entry = |release: &str| {
        format!(
            "title Red Hat Enterprise Linux ({release}) 8.4 (Ootpa)\nversion {release}\n\
             linux /vmlinuz-{release}\ninitrd /initramfs-{release}.img $tuned_initrd\n\
             options $kernelopts $tuned_params\nid rhel-{release}\ngrub_users $grub_users\n\
             grub_arg --unrestricted\ngrub_class kernel\n"
        )
    };
    let config = format!(
        "set pager=1\n\nif [ -f ${{config_directory}}/grubenv ]; then\n  load_env -f ${{config_directory}}/grubenv\n\
         elif [ -s $prefix/grubenv ]; then\n  load_env\nfi\nif [ \"${{next_entry}}\" ] ; then\n   \
         set default=\"${{next_entry}}\"\n   set next_entry=\n   save_env next_entry\n   set boot_once=true\n\
         else\n   set default=\"${{saved_entry}}\"\nfi\n\nif [ x\"${{feature_menuentry_id}}\" = xy ]; then\n  \
         menuentry_id_option=\"--id\"\nelse\n  menuentry_id_option=\"\"\nfi\n\nexport menuentry_id_option\n\
         function load_video {{\n  true\n}}\nset timeout_style=menu\nset timeout=5\ninsmod part_msdos\ninsmod xfs\n\
         set root='hd0,msdos1'\nsearch --no-floppy --fs-uuid --set=root {BOOT_UUID}\ninsmod part_msdos\n\
         set boot='hd0,msdos1'\nsearch --no-floppy --fs-uuid --set=boot {BOOT_UUID}\n\
         if [ -z \"${{kernelopts}}\" ]; then\n  set kernelopts=\"root=UUID={UUID} ro fallback \"\nfi\n\n\
         insmod blscfg\nblscfg\n"
    );
    let env = format!("# GRUB Environment Block\n{env}####");
    let mut boot = FakeFs::new()
        .file("/grub2/i386-pc/normal.mod", "\x7fELF")
        .file("/grub2/grub.cfg", config)
        .file("/grub2/grubenv", env);
    for release in ["4.18.0-80.el8.x86_64", "4.18.0-305.el8.x86_64"] {
        boot = boot
            .file(&format!("/loader/entries/{machine}-{release}.conf"), entry(release))
            .file(&format!("/vmlinuz-{release}"), kernel())
            .file(&format!("/initramfs-{release}.img"), "x");
    }
    boot = boot.file(&format!("/loader/entries/{machine}-0-rescue.conf"), entry("0-rescue"));
    FakeMachine::new(TableKind::Mbr)
        .partition(BOOT_UUID, boot)
        .partition(UUID, FakeFs::new())
        .boot_code(grub2_code(Some("(,msdos1)/grub2"), None))
}

#[test]
fn boot_loader_specification_entries_are_newest_first() {
    let facts = follow(&rhel8(&format!("kernelopts=root=UUID={UUID} ro crashkernel=auto\n")));
    let entry = default_entry(&facts);
    assert_eq!(entry.title, "Red Hat Enterprise Linux (4.18.0-305.el8.x86_64) 8.4 (Ootpa)");
    assert_eq!(entry.command_line, format!("root=UUID={UUID} ro crashkernel=auto"));
    assert_eq!(
        entry.kernel.as_ref().unwrap().location,
        "/loader/entries/0a1b2c3d4e5f60718293a4b5c6d7e8f9-4.18.0-305.el8.x86_64.conf:3"
    );
    assert!(entry.command_line_location.ends_with(".conf:5"));
    assert_eq!(entry.initrds.len(), 1);
    assert_eq!(facts.other_entries.len(), 2);
    assert!(facts.other_entries[1].title.contains("rescue"));
    let (kind, _) = facts.loader.known().unwrap().as_ref().unwrap();
    assert_eq!(*kind, LoaderKind::Grub2Bls);
    all_found(&facts);
}

#[test]
fn a_saved_boot_loader_specification_entry_is_found_by_its_id() {
    let saved = "saved_entry=0a1b2c3d4e5f60718293a4b5c6d7e8f9-4.18.0-80.el8.x86_64\n";
    let facts = follow(&rhel8(saved));
    assert!(default_entry(&facts).title.contains("4.18.0-80"));
    assert!(default_entry(&facts).command_line.ends_with("ro fallback"));
}

#[test]
fn options_of_an_entry_keep_their_quotes_together() {
    let fs = debian("blscfg").file(
        "/boot/loader/entries/x.conf",
        "linux /boot/vmlinuz-6.1.0-18-amd64\noptions a \"b c\" d\n",
    );
    assert_eq!(default_entry(&follow(&with_filesystem(fs))).command_line, "a \"b c\" d");
}

#[test]
fn a_centos_7_configuration_gives_its_saved_entry() {
    let config = include_str!("../../../../../testdata/boot/centos7-grub.cfg");
    let release = "3.10.0-1160.el7.x86_64";
    let boot = |saved: &str| {
        let env = format!("# GRUB Environment Block\nsaved_entry={saved}\n####");
        FakeFs::new()
            .file("/grub2/i386-pc/normal.mod", "\x7fELF")
            .file("/grub2/grub.cfg", config)
            .file("/grub2/grubenv", env)
            .file(&format!("/vmlinuz-{release}"), kernel())
            .file(&format!("/initramfs-{release}.img"), "x")
    };
    let fake = |saved: &str| {
        FakeMachine::new(TableKind::Mbr)
            .partition(BOOT_UUID, boot(saved))
            .partition(UUID, FakeFs::new())
            .boot_code(grub2_code(Some("(,msdos1)/grub2"), None))
    };
    let facts = follow(&fake("CentOS Linux (3.10.0-1160.el7.x86_64) 7 (Core)"));
    let entry = default_entry(&facts);
    assert_eq!(entry.title, "CentOS Linux (3.10.0-1160.el7.x86_64) 7 (Core)");
    assert_eq!(
        entry.command_line,
        format!("root=UUID={UUID} ro crashkernel=auto rhgb quiet LANG=en_US.UTF-8")
    );
    all_found(&facts);
    let facts = follow(&fake("1"));
    assert!(default_entry(&facts).title.contains("rescue"));
    assert_eq!(state(&facts, LinkKind::Kernel), Some(&LinkState::Missing));
}

/// Made by `grub-mkconfig` and `grub-set-default` of GRUB 2.06 (Debian 12) in a system with two
/// kernels on a loop device, whose name was replaced by the file system's UUID afterwards.
#[test]
fn a_debian_12_configuration_made_by_grub_mkconfig_is_followed() {
    let config = include_str!("../../../../../testdata/boot/debian12-grub.cfg");
    let env = include_str!("../../../../../testdata/boot/debian12-grubenv");
    let facts = follow(&with_config(config));
    assert_eq!(default_entry(&facts).title, "Debian GNU/Linux");
    assert_eq!(default_entry(&facts).kernel.as_ref().unwrap().spec, "/boot/vmlinuz-6.1.0-18-amd64");
    assert_eq!(facts.other_entries.len(), 4);
    all_found(&facts);
    let facts = follow(&with_filesystem(debian(config).file("/boot/grub/grubenv", env)));
    let entry = default_entry(&facts);
    assert_eq!(
        entry.title,
        "Advanced options for Debian GNU/Linux>Debian GNU/Linux, with Linux 6.1.0-9-amd64"
    );
    assert_eq!(entry.command_line, format!("root=UUID={UUID} ro console=ttyS0 quiet"));
    assert_eq!(facts.timeout.as_ref().map(|(seconds, _)| *seconds), Some(5));
    all_found(&facts);
}

/// Ubuntu 22.04: a hidden menu, boot counting, `gfxmode`, a saved entry below a submenu.
#[test]
fn an_ubuntu_configuration_gives_its_saved_entry_below_the_submenu() {
    let entry = |title: &str, id: &str, release: &str| {
        format!(
            "menuentry '{title}' --class ubuntu --class os $menuentry_id_option '{id}' {{\n\trecordfail\n\
             \tload_video\n\tgfxmode $linux_gfx_mode\n\tinsmod gzio\n\
             \tif [ x$grub_platform = xxen ]; then insmod xzio; insmod lzopio; fi\n\tinsmod part_gpt\n\
             \tset root='hd0,gpt1'\n\tif [ x$feature_platform_search_hint = xy ]; then\n\
             \t  search --no-floppy --fs-uuid --set=root --hint-bios=hd0,gpt1  {UUID}\n\telse\n\
             \t  search --no-floppy --fs-uuid --set=root {UUID}\n\tfi\n\
             \tlinux\t/boot/vmlinuz-{release} root=UUID={UUID} ro  quiet splash $vt_handoff\n\
             \tinitrd\t/boot/initrd.img-{release}\n}}\n"
        )
    };
    let config = format!(
        "if [ -s $prefix/grubenv ]; then\n  set have_grubenv=true\n  load_env\nfi\n\
         if [ \"${{initrdfail}}\" = 2 ]; then\n   set initrdfail=\nelif [ \"${{initrdfail}}\" = 1 ]; then\n\
         \x20  set next_entry=\"${{prev_entry}}\"\n   set initrdfail=2\nfi\n\
         if [ \"${{next_entry}}\" ] ; then\n   set default=\"${{next_entry}}\"\n   set next_entry=\n   \
         save_env next_entry\n   set boot_once=true\nelse\n   set default=\"${{saved_entry}}\"\nfi\n\
         if [ x\"${{feature_menuentry_id}}\" = xy ]; then\n  menuentry_id_option=\"--id\"\nelse\n  \
         menuentry_id_option=\"\"\nfi\nexport menuentry_id_option\n\
         function recordfail {{\n  set recordfail=1\n  if [ -n \"${{have_grubenv}}\" ]; then if [ -z \"${{boot_once}}\" ]; \
         then save_env recordfail; fi; fi\n}}\nfunction load_video {{\n  insmod all_video\n}}\n\
         if [ x$feature_default_font_path = xy ] ; then\n   font=unicode\nfi\n\
         if loadfont $font ; then\n  set gfxmode=auto\n  load_video\n  insmod gfxterm\nfi\n\
         terminal_output gfxterm\nif [ \"${{recordfail}}\" = 1 ] ; then\n  set timeout=30\nelse\n  \
         if [ x$feature_timeout_style = xy ] ; then\n    set timeout_style=hidden\n    set timeout=0\n  \
         elif sleep --hidden-timeout 0 ; then\n    set timeout=0\n  fi\nfi\n\
         function gfxmode {{\n\tset gfxpayload=\"${{1}}\"\n\tif [ \"${{1}}\" = \"keep\" ]; then\n\t\tset vt_handoff=vt.handoff=7\n\
         \telse\n\t\tset vt_handoff=\n\tfi\n}}\n\
         if [ \"${{recordfail}}\" != 1 ]; then\n  if [ -e ${{prefix}}/gfxblacklist.txt ]; then\n    \
         if hwmatch ${{prefix}}/gfxblacklist.txt 3; then\n      if [ ${{match}} = 0 ]; then\n        \
         set linux_gfx_mode=keep\n      else\n        set linux_gfx_mode=text\n      fi\n    else\n      \
         set linux_gfx_mode=text\n    fi\n  else\n    set linux_gfx_mode=keep\n  fi\nelse\n  \
         set linux_gfx_mode=text\nfi\nexport linux_gfx_mode\n{}\
         submenu 'Advanced options for Ubuntu' $menuentry_id_option 'gnulinux-advanced-{UUID}' {{\n{}{}}}\n",
        entry("Ubuntu", "simple", "6.1.0-18-amd64"),
        entry("Ubuntu, with Linux 18", "adv-18", "6.1.0-18-amd64"),
        entry("Ubuntu, with Linux 9", "adv-9", "6.1.0-9-amd64"),
    );
    let boot = |env: &str| {
        let env = format!("# GRUB Environment Block\n{env}####");
        let fs = debian(&config).file("/boot/grub/grubenv", env);
        follow(
            &FakeMachine::new(TableKind::Gpt)
                .partition(UUID, fs.file("/boot/grub/gfxblacklist.txt", "#\n"))
                .boot_code(grub2_code(Some("(,gpt1)/boot/grub"), None)),
        )
    };
    let facts = boot("");
    assert_eq!(default_entry(&facts).title, "Ubuntu");
    assert_eq!(
        default_entry(&facts).command_line,
        format!("root=UUID={UUID} ro quiet splash vt.handoff=7")
    );
    assert_eq!(facts.timeout.as_ref().map(|(seconds, _)| *seconds), Some(0));
    all_found(&facts);
    let facts = boot(&format!("saved_entry=gnulinux-advanced-{UUID}>adv-9\nrecordfail=1\n"));
    assert_eq!(default_entry(&facts).title, "Advanced options for Ubuntu>Ubuntu, with Linux 9");
    assert_eq!(facts.timeout.as_ref().map(|(seconds, _)| *seconds), Some(30));
    all_found(&facts);
}

/// What coreos-assembler and bootupd put on the EFI system partition, and into `/boot`.
#[test]
fn a_stub_that_sets_the_prefix_by_a_label_leads_to_the_configuration() {
    let find = |variable: &str| {
        format!(
            "if [ -e (md/md-boot) ]; then\n  set {variable}=md/md-boot\nelse\n\
             \x20 if [ -f ${{config_directory}}/bootuuid.cfg ]; then\n\
             \x20   source ${{config_directory}}/bootuuid.cfg\n  fi\n\
             \x20 if [ -n \"${{BOOT_UUID}}\" ]; then\n\
             \x20   search --fs-uuid \"${{BOOT_UUID}}\" --set {variable} --no-floppy\n  else\n\
             \x20   search --label label-2 --set {variable} --no-floppy\n  fi\nfi\n"
        )
    };
    let stub = format!(
        "{}if [ -d ($prefix)/grub2 ]; then\n  set prefix=($prefix)/grub2\n  configfile $prefix/grub.cfg\n\
         else\n  set prefix=($prefix)/boot/grub2\n  configfile $prefix/grub.cfg\nfi\nboot\n",
        find("prefix")
    );
    let config = format!(
        "{}set root=$boot\nmenuentry 'Fedora CoreOS' {{\nlinux /vmlinuz-6.9.0 root=UUID={UUID}\n\
         initrd /initramfs-6.9.0.img\n}}\n",
        find("boot")
    );
    for uuid in [None, Some(BOOT_UUID)] {
        let mut esp = FakeFs::fat().file("/EFI/fedora/grub.cfg", &stub);
        if let Some(uuid) = uuid {
            esp = esp.file("/EFI/fedora/bootuuid.cfg", format!("set BOOT_UUID=\"{uuid}\"\n"));
        }
        let boot = FakeFs::new().file("/vmlinuz-6.9.0", kernel()).file("/initramfs-6.9.0.img", "x");
        let whole = boot.file("/grub2/grub.cfg", &config);
        let fake = FakeMachine::new(TableKind::Gpt).partition("AAAA-0001", esp);
        let facts = follow(&fake.partition(BOOT_UUID, whole));
        assert_eq!(default_entry(&facts).title, "Fedora CoreOS");
        assert_eq!(state(&facts, LinkKind::Initramfs), Some(&LinkState::Found));
    }
}

/// EulerOS with UEFI: the whole configuration lies on the EFI system partition.
#[test]
fn a_configuration_on_the_efi_system_partition_is_followed() {
    let config = format!(
        "set default=\"0\"\nset timeout=5\nmenuentry 'EulerOS (4.18.0) 2.0 (SP9)' --class euleros --unrestricted \
         $menuentry_id_option 'x' {{\n\tset root='hd0,gpt2'\n\
         \tsearch --no-floppy --fs-uuid --set=root {BOOT_UUID}\n\
         \tlinuxefi /vmlinuz-4.18.0 root=/dev/mapper/euleros-root ro\n\tinitrdefi /initramfs-4.18.0.img\n}}\n"
    );
    let fake = FakeMachine::new(TableKind::Gpt)
        .partition("AAAA-0001", FakeFs::fat().file("/EFI/euleros/grub.cfg", config))
        .partition(
            BOOT_UUID,
            FakeFs::new().file("/vmlinuz-4.18.0", kernel()).file("/initramfs-4.18.0.img", "x"),
        );
    let facts = follow(&fake);
    assert_eq!(default_entry(&facts).title, "EulerOS (4.18.0) 2.0 (SP9)");
    assert_eq!(state(&facts, LinkKind::BootCode), Some(&LinkState::Missing));
    assert_eq!(state(&facts, LinkKind::Initramfs), Some(&LinkState::Found));
    assert_eq!(default_entry(&facts).root.as_ref().unwrap().spec, "/dev/mapper/euleros-root");
}

/// openSUSE: the title carries a product, the command line a variable that is not set.
#[test]
fn an_open_suse_entry_with_an_unset_variable_keeps_its_command_line_clean() {
    let config = format!(
        "set btrfs_relative_path=\"y\"\nexport btrfs_relative_path\n\
         if [ -f ${{config_directory}}/grubenv ]; then\n  load_env -f ${{config_directory}}/grubenv\n\
         elif [ -s $prefix/grubenv ]; then\n  load_env\nfi\nset default=\"${{saved_entry}}\"\n\
         menuentry 'openSUSE Leap 15.5'  --class opensuse $menuentry_id_option 'gnulinux-simple-{UUID}' {{\n\
         \tset root='hd0,msdos1'\n\
         \tlinux\t/boot/vmlinuz-6.1.0-18-amd64 root=UUID={UUID}  ${{extra_cmdline}} splash=silent mitigations=auto\n\
         \tinitrd\t/boot/initrd.img-6.1.0-18-amd64\n}}\n"
    );
    let env = format!("# GRUB Environment Block\nsaved_entry=gnulinux-simple-{UUID}\n###");
    let facts = follow(&with_filesystem(debian(&config).file("/boot/grub/grubenv", env)));
    assert_eq!(
        default_entry(&facts).command_line,
        format!("root=UUID={UUID} splash=silent mitigations=auto")
    );
    all_found(&facts);
}

#[test]
fn the_question_whether_the_firmware_has_a_set_up_leaves_the_default_entry_certain() {
    // GRUB 2.12's 30_uefi-firmware, asked on every platform here.
    let question = "fwsetup --is-supported\nif [ \"$?\" = 0 ]; then\nmenuentry 'UEFI Firmware \
                    Settings' {\nfwsetup\n}\nfi\n";
    let facts = follow(&with_config(&format!("{TWO}{question}")));
    assert!(facts.default_entry.known().is_some_and(Option::is_some), "{facts:?}");
    // Before the others it shifts the numbers, or does not.
    let facts = follow(&with_config(&format!("{question}{TWO}")));
    assert!(undecided(&facts).contains("firmware"), "{facts:?}");
}

#[test]
fn an_entry_that_asks_for_a_password_does_not_start_by_itself() {
    let head = "set superusers=\"root\"\nexport superusers\n\
                password_pbkdf2 root grub.pbkdf2.sha512.10000.AA.BB\n";
    let entry = |options: &str| {
        format!("menuentry 'x' {options} {{ linux /boot/vmlinuz-6.1.0-18-amd64 root=/dev/vda1 }}\n")
    };
    let link = |config: &str| {
        let facts = follow(&with_config(config));
        let link = facts.chain.iter().find(|link| link.kind == LinkKind::DefaultEntry).unwrap();
        (link.state.clone(), link.evidence.clone())
    };
    for options in ["", "--users \"\"", "--class os --users root"] {
        let (state, evidence) = link(&format!("{head}{}", entry(options)));
        assert_eq!(state, LinkState::Missing, "{options}");
        assert!(evidence.detail.contains("superusers=\"root\""), "{evidence:?}");
        assert_eq!(evidence.location, "/boot/grub/grub.cfg:4");
    }
    assert_eq!(link(&format!("{head}{}", entry("--unrestricted"))).0, LinkState::Found);
    assert_eq!(link(&entry("")).0, LinkState::Found);
    // The entry below a submenu that everybody may open.
    let inner = format!("{head}submenu 's' --unrestricted {{\n{}}}\n", entry(""));
    assert_eq!(link(&inner).0, LinkState::Missing);
    let outer = format!("{head}submenu 's' {{\n{}}}\n", entry("--unrestricted"));
    assert_eq!(link(&outer).0, LinkState::Missing);
}

#[test]
fn a_boot_loader_specification_entry_is_restricted_once_grub_users_is_set() {
    let link = |env: &str| {
        let facts = follow(&rhel8(env));
        facts.chain.iter().find(|link| link.kind == LinkKind::DefaultEntry).unwrap().state.clone()
    };
    assert_eq!(link("superusers=root\n"), LinkState::Found);
    assert_eq!(link("superusers=root\ngrub_users=root\n"), LinkState::Missing);
}

/// Fedora 39 as grub2-mkconfig writes it: `/etc/grub.d/08_fallback_counting`,
/// `10_reset_boot_success` and `12_menu_auto_hide` around the entries.
#[test]
fn fedora_s_boot_counting_and_hidden_menu_are_followed() {
    let config = "set timeout_style=menu\nset timeout=5\nset default=0\n\
         insmod increment\n\
         if [ -n \"${boot_counter}\" -a \"${boot_success}\" = \"0\" ]; then\n  \
         if [ \"${boot_counter}\" = \"0\" -o \"${boot_counter}\" = \"-1\" ]; then\n    \
         set default=1\n    set boot_counter=-1\n  else\n    decrement boot_counter\n  fi\n  \
         save_env boot_counter\nfi\n\
         if [ \"${boot_success}\" = \"1\" -o \"${boot_indeterminate}\" = \"1\" ]; then\n  \
         set menu_hide_ok=1\nelse\n  set menu_hide_ok=0 \nfi\n\
         if [ \"${boot_success}\" = \"1\" ] ; then\n  set boot_indeterminate=0\n\
         elif [ \"${boot_indeterminate}\" = \"1\" ]; then\n  set boot_indeterminate=2\nfi\n\
         set boot_success=0\nsave_env boot_success boot_indeterminate\n\
         if [ x$feature_timeout_style = xy ] ; then\n  if [ \"${menu_show_once}\" ]; then\n    \
         unset menu_show_once\n    save_env menu_show_once\n    set timeout_style=menu\n    \
         set timeout=60\n  elif [ \"${menu_auto_hide}\" -a \"${menu_hide_ok}\" = \"1\" ]; then\n    \
         set orig_timeout_style=${timeout_style}\n    set orig_timeout=${timeout}\n    \
         if [ \"${fastboot}\" = \"1\" ]; then\n      set timeout_style=menu\n      set timeout=0\n    \
         else\n      set timeout_style=hidden\n      set timeout=1\n    fi\n  fi\nfi\n";
    let boot = |env: &str| {
        let env = format!("# GRUB Environment Block\n{env}####");
        let config = format!("if [ -s $prefix/grubenv ]; then\n  load_env\nfi\n{config}{TWO}");
        let facts = follow(&with_filesystem(debian(&config).file("/boot/grub/grubenv", env)));
        (default_entry(&facts).command_line.clone(), facts.timeout.unwrap().0)
    };
    assert_eq!(boot(""), ("is-a".to_owned(), 5));
    assert_eq!(boot("menu_auto_hide=1\nboot_success=1\n"), ("is-a".to_owned(), 1));
    assert_eq!(boot("menu_auto_hide=1\nboot_success=0\n"), ("is-a".to_owned(), 5));
    assert_eq!(boot("boot_success=0\nboot_counter=0\n"), ("is-b".to_owned(), 5));
    assert_eq!(boot("menu_show_once=1\n"), ("is-a".to_owned(), 60));
}
