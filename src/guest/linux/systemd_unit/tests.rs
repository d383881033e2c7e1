use super::*;
use crate::filesystem::memory::MemoryFs;

const SYSTEM: &str = "/usr/lib/systemd/system";

/// The skeleton of Debian 12: units and their dependencies as its packages ship them.
fn debian() -> MemoryFs {
    let unit = |fs: MemoryFs, name: &str, text: &str| fs.file(&format!("{SYSTEM}/{name}"), text);
    let fs = MemoryFs::new()
        .file("/usr/lib/systemd/systemd", "ELF")
        .symlink("/lib", "usr/lib")
        .symlink(&format!("{SYSTEM}/default.target"), "graphical.target")
        .symlink(
            "/etc/systemd/system/cloud-init.target.wants/cloud-init.service",
            "/lib/systemd/system/cloud-init.service",
        )
        .file("/usr/lib/systemd/system-generators/cloud-init-generator", "#!/bin/sh\n");
    let fs = unit(fs, "graphical.target", "[Unit]\nRequires=multi-user.target\nAfter=x.target\n");
    let fs = unit(fs, "multi-user.target", "[Unit]\nRequires=basic.target\n");
    let fs = unit(fs, "basic.target", "[Unit]\nRequires=sysinit.target\nWants=sockets.target\n");
    let fs = unit(fs, "cloud-init.target", "[Unit]\nAfter=multi-user.target\n");
    let fs = unit(fs, "cloud-init-local.service", "[Unit]\nDescription=a\n");
    unit(fs, "cloud-init.service", "[Unit]\nWants=cloud-init-local.service\n")
}

fn state(fs: MemoryFs, name: &str) -> UnitState {
    *unit(&fs.tree(), name).state.known().unwrap()
}

#[test]
fn the_generator_starts_what_the_cloud_init_target_wants() {
    assert_eq!(state(debian(), "cloud-init.service"), UnitState::Enabled);
    let facts = unit(&debian().tree(), "cloud-init.service");
    assert_eq!(facts.name, "cloud-init");
    assert_eq!(
        facts.evidence.location,
        "/etc/systemd/system/cloud-init.target.wants/cloud-init.service"
    );
    // Pulled in by the unit file of another.
    assert_eq!(state(debian(), "cloud-init-local.service"), UnitState::Enabled);
}

#[test]
fn a_link_under_a_target_that_nothing_starts_enables_nothing() {
    let path = "/usr/lib/systemd/system-generators/cloud-init-generator";
    assert_eq!(state(debian().without(path), "cloud-init.service"), UnitState::Disabled);
    let masked =
        debian().symlink("/etc/systemd/system-generators/cloud-init-generator", "/dev/null");
    assert_eq!(state(masked, "cloud-init.service"), UnitState::Disabled);
    let linked = debian().without(path).symlink(
        "/etc/systemd/system/multi-user.target.wants/cloud-init.target",
        "/usr/lib/systemd/system/cloud-init.target",
    );
    assert_eq!(state(linked, "cloud-init.service"), UnitState::Enabled);
}

#[test]
fn a_unit_is_masked_by_a_link_to_dev_null_and_by_an_empty_file() {
    let fs = debian().symlink("/etc/systemd/system/cloud-init.service", "/dev/null");
    assert_eq!(state(fs, "cloud-init.service"), UnitState::Masked);
    let fs = debian().file("/etc/systemd/system/cloud-init.service", "");
    assert_eq!(state(fs, "cloud-init.service"), UnitState::Masked);
}

#[test]
fn the_administrator_s_default_target_counts_before_the_package_s() {
    let fs = debian()
        .file(&format!("{SYSTEM}/rescue.target"), "[Unit]\nRequires=sysinit.target\n")
        .symlink("/etc/systemd/system/default.target", "/usr/lib/systemd/system/rescue.target");
    assert_eq!(state(fs, "cloud-init.service"), UnitState::Disabled);
}

#[test]
fn a_unit_without_a_file_is_absent_and_an_alias_is_what_it_leads_to() {
    assert_eq!(state(debian(), "cloud-final.service"), UnitState::Absent);
    let fs = debian()
        .file(&format!("{SYSTEM}/ssh.service"), "[Unit]\n")
        .symlink("/etc/systemd/system/sshd.service", "/usr/lib/systemd/system/ssh.service")
        .symlink(
            "/etc/systemd/system/multi-user.target.wants/ssh.service",
            "/usr/lib/systemd/system/ssh.service",
        );
    assert_eq!(state(fs, "sshd.service"), UnitState::Enabled);
}

#[test]
fn an_unreadable_wants_directory_leaves_a_unit_unknown_that_nothing_else_starts() {
    let fs = debian().unreadable("/etc/systemd/system/cloud-init.target.wants");
    let facts = unit(&fs.tree(), "cloud-init.service");
    assert!(facts.state.unread().is_some());
}

#[test]
fn units_that_pull_in_one_another_end() {
    let fs = debian()
        .file(&format!("{SYSTEM}/a.service"), "[Unit]\nWants=b.service a.service\n")
        .file(&format!("{SYSTEM}/b.service"), "[Unit]\nWants=a.service \\\n c.service\n")
        .file(&format!("{SYSTEM}/c.service"), "[Unit]\n")
        .symlink("/etc/systemd/system/basic.target.wants/a.service", "../a.service");
    assert_eq!(state(fs, "c.service"), UnitState::Enabled);
    let fs = debian()
        .symlink("/etc/systemd/system/a.service", "b.service")
        .symlink("/etc/systemd/system/b.service", "a.service");
    assert!(unit(&fs.tree(), "a.service").state.unread().is_some());
}

#[test]
fn without_systemd_start_links_and_upstart_jobs_count() {
    let centos6 = || {
        MemoryFs::new()
            .file("/etc/rc.d/init.d/cloud-init", "#!/bin/sh\n")
            .file("/etc/rc.d/init.d/cloud-final", "#!/bin/sh\n")
            .symlink("/etc/rc.d/rc3.d/S53cloud-init", "../init.d/cloud-init")
            .symlink("/etc/rc.d/rc3.d/K50cloud-final", "../init.d/cloud-final")
    };
    assert_eq!(state(centos6(), "cloud-init.service"), UnitState::Enabled);
    assert_eq!(state(centos6(), "cloud-final.service"), UnitState::Disabled);
    let trusty = || MemoryFs::new().file("/etc/init/cloud-init.conf", "start on mounted\n");
    assert_eq!(state(trusty(), "cloud-init.service"), UnitState::Enabled);
    let manual = trusty().file("/etc/init/cloud-init.override", "manual\n");
    assert_eq!(state(manual, "cloud-init.service"), UnitState::Disabled);
}

/// initscripts of CentOS 6 (`init/rcS.conf`: the runlevel of `initdefault`, 3 without one), Debian 7's
/// `inittab`, systemd-sysv-generator (2 to 4 are `multi-user.target`, 5 is `graphical.target`).
#[test]
fn only_the_start_links_of_the_runlevel_that_is_started_count() {
    let sshd = |levels: &str| {
        let fs = MemoryFs::new().file("/etc/rc.d/init.d/sshd", "#!/bin/sh\n");
        levels.chars().fold(fs, |fs, level| {
            fs.symlink(&format!("/etc/rc.d/rc{level}.d/S55sshd"), "../init.d/sshd")
        })
    };
    let inittab = |fs: MemoryFs, level: char| {
        fs.file("/etc/inittab", format!("#id:5:initdefault:\nid:{level}:initdefault:\n"))
    };
    let centos = |fs: MemoryFs| fs.file("/etc/init/rcS.conf", "start on startup\n");
    for (fs, expected) in [
        (inittab(sshd("24"), '3'), UnitState::Disabled),
        (inittab(sshd("2345"), '3'), UnitState::Enabled),
        (inittab(sshd("2345"), '1'), UnitState::Disabled),
        (inittab(sshd("5"), '5'), UnitState::Enabled),
        (centos(sshd("3")), UnitState::Enabled),
        (centos(sshd("245")), UnitState::Disabled),
        (sshd("4"), UnitState::Enabled),
    ] {
        assert_eq!(state(fs, "sshd.service"), expected);
    }
    let fs = inittab(sshd("24"), '3').tree();
    let seen = unit(&fs, "sshd.service").evidence;
    assert_eq!(seen.detail, "no start link in runlevel 3 (/etc/inittab:2)");
    // The kernel's command line names another.
    let (tree, entry) = (inittab(sshd("5"), '3').tree(), entry("ro 5"));
    let facts = BootUnits::of_entry(&tree, Some(&entry)).unit("sshd.service");
    assert_eq!(facts.state, Fact::Known(UnitState::Enabled));
    // Under systemd.
    let systemd = |level: &str| {
        debian()
            .file("/etc/init.d/sshd", "#!/bin/sh\n")
            .symlink(&format!("/etc/rc{level}.d/S55sshd"), "../init.d/sshd")
    };
    let default = "/etc/systemd/system/default.target";
    let multi_user = "/usr/lib/systemd/system/multi-user.target";
    assert_eq!(state(systemd("5"), "sshd.service"), UnitState::Enabled);
    assert_eq!(state(systemd("3"), "sshd.service"), UnitState::Enabled);
    let text = systemd("5").symlink(default, multi_user);
    assert_eq!(state(text, "sshd.service"), UnitState::Disabled);
    let text = systemd("3").symlink(default, multi_user);
    assert_eq!(state(text, "sshd.service"), UnitState::Enabled);
}

/// upstart's init(5): the last `start on` counts, and `manual` takes back those before it.
#[test]
fn an_upstart_job_starts_by_its_start_on() {
    let job = |text: &str| {
        MemoryFs::new()
            .file("/etc/init/rc-sysinit.conf", "env DEFAULT_RUNLEVEL=2\n")
            .file("/etc/init/ssh.conf", text)
    };
    let over = |text: &str, over: &str| job(text).file("/etc/init/ssh.override", over);
    for (fs, expected) in [
        (job("start on runlevel [2345]\nexec /usr/sbin/sshd -D\n"), UnitState::Enabled),
        (job("#start on runlevel [2345]\nexec /usr/sbin/sshd -D\n"), UnitState::Disabled),
        (job("start on runlevel [35]\n"), UnitState::Disabled),
        (job("start on runlevel [!2]\n"), UnitState::Disabled),
        (job("start on runlevel [!06]\n"), UnitState::Enabled),
        (job("start on (filesystem and runlevel [35])\n"), UnitState::Enabled),
        (job("pre-start script\nstart on runlevel [2]\nend script\n"), UnitState::Disabled),
        (over("start on runlevel [2]\n", "manual\n"), UnitState::Disabled),
        (over("start on runlevel [2]\n", "manual\nstart on runlevel [2]\n"), UnitState::Enabled),
        (over("manual\n", "start on runlevel [2]\n"), UnitState::Enabled),
    ] {
        assert_eq!(state(fs, "ssh.service"), expected);
    }
}

#[test]
fn the_runlevels_of_openrc_count() {
    let alpine = || {
        MemoryFs::new()
            .file("/sbin/openrc", "ELF")
            .file("/etc/init.d/cloud-init", "#!/sbin/openrc-run\n")
            .file("/etc/init.d/cloud-final", "#!/sbin/openrc-run\n")
            .symlink("/etc/runlevels/boot/cloud-init", "/etc/init.d/cloud-init")
    };
    assert_eq!(state(alpine(), "cloud-init.service"), UnitState::Enabled);
    assert_eq!(state(alpine(), "cloud-final.service"), UnitState::Disabled);
    assert_eq!(state(alpine(), "cloud-config.service"), UnitState::Absent);
}

#[test]
fn units_without_end_are_given_up_and_told() {
    let mut fs = debian();
    for unit in 0..3000 {
        let wants: String = (0..400).map(|n| format!(" x{}.service", (unit + n) % 3000)).collect();
        fs = fs.file(&format!("{SYSTEM}/x{unit}.service"), format!("[Unit]\nWants={wants}\n"));
    }
    let tree =
        fs.symlink("/etc/systemd/system/basic.target.wants/x0.service", "../x0.service").tree();
    let boot = BootUnits::walk(&tree);
    assert!(boot.unread.is_some());
}

/// The entry with this command line.
fn entry(command_line: &str) -> BootEntry {
    BootEntry {
        title: "Debian".to_owned(),
        location: "/boot/grub/grub.cfg:90".to_owned(),
        kernel: None,
        initrds: Vec::new(),
        command_line: command_line.to_owned(),
        command_line_location: "/boot/grub/grub.cfg:98".to_owned(),
        root: None,
        resume: None,
    }
}

fn stop_of(fs: MemoryFs, command_line: &str) -> Option<(StopKind, String)> {
    let (tree, entry) = (fs.tree(), entry(command_line));
    BootUnits::of_entry(&tree, Some(&entry)).stop().map(|stop| (stop.kind, stop.word))
}

fn with_rescue() -> MemoryFs {
    debian()
        .file(&format!("{SYSTEM}/rescue.target"), "[Unit]\nRequires=sysinit.target\n")
        .file(&format!("{SYSTEM}/emergency.target"), "[Unit]\nRequires=emergency.service\n")
        .file(&format!("{SYSTEM}/poweroff.target"), "[Unit]\n")
        .symlink(&format!("{SYSTEM}/runlevel3.target"), "multi-user.target")
        .symlink(&format!("{SYSTEM}/runlevel1.target"), "rescue.target")
}

#[test]
fn words_of_the_command_line_choose_the_target() {
    let rescue = ["single", "s", "S", "1", "-s", "rescue", "systemd.unit=rescue.target"];
    let rescue = rescue.map(|word| (word, StopKind::Rescue));
    let others = [
        ("emergency", StopKind::Emergency),
        ("-b", StopKind::Emergency),
        ("systemd.unit=runlevel1.target", StopKind::Rescue),
        ("systemd.unit=poweroff.target", StopKind::PowerOff),
        // systemd takes rescue.target when there is no such unit.
        ("systemd.unit=gone.target", StopKind::Rescue),
    ];
    for (word, kind) in rescue.into_iter().chain(others) {
        let found = stop_of(with_rescue(), &format!("root=/dev/sda1 ro {word} quiet"));
        assert_eq!(found, Some((kind, word.to_owned())), "{word}");
    }
    for line in [
        "ro quiet splash",
        "ro 3",
        "5",
        "2",
        "single 3",
        "emergency systemd.unit=multi-user.target",
        "systemd.unit=graphical.target",
        "systemd.unit=runlevel3.target",
        "systemd.unit=default.target",
        "systemd.unit=rescue",
        "recovery nomodeset",
        "x=single rd.single",
    ] {
        assert_eq!(stop_of(with_rescue(), line), None, "{line}");
    }
    // Without systemd the same words, but its own.
    let sysv = || MemoryFs::new().file("/sbin/init", "ELF");
    assert_eq!(stop_of(sysv(), "ro single"), Some((StopKind::Rescue, "single".to_owned())));
    assert_eq!(stop_of(sysv(), "ro systemd.unit=rescue.target rescue"), None);
}

#[test]
fn ubuntus_recovery_menu_needs_its_generator() {
    let generator = "/lib/systemd/system-generators/friendly-recovery";
    let fs = || with_rescue().without("/lib").file(generator, "#!/bin/sh\n");
    let menu = Some((StopKind::Rescue, "recovery".to_owned()));
    assert_eq!(stop_of(fs(), "ro recovery nomodeset"), menu);
    assert_eq!(stop_of(fs(), "ro recovery 3"), None);
}

#[test]
fn the_command_line_chooses_what_is_started_and_masked() {
    let state = |command_line: &str, name: &str| {
        let (tree, entry) = (with_rescue().tree(), entry(command_line));
        BootUnits::of_entry(&tree, Some(&entry)).unit(name)
    };
    let known =
        |command_line: &str| *state(command_line, "cloud-init.service").state.known().unwrap();
    assert_eq!(known("ro quiet"), UnitState::Enabled);
    // A start that stops is another finding than that a unit is not started.
    assert_eq!(known("single"), UnitState::Enabled);
    assert_eq!(known("systemd.unit=basic.target"), UnitState::Disabled);
    assert_eq!(known("systemd.unit=basic.target systemd.wants=cloud-init"), UnitState::Enabled);
    assert_eq!(known("systemd.mask=cloud-init"), UnitState::Masked);
    assert_eq!(known("systemd.mask=x.service"), UnitState::Enabled);
    // What is masked pulls in nothing.
    assert_eq!(known("systemd.mask=multi-user.target"), UnitState::Disabled);
    let masked = state("ro systemd.mask=cloud-init.service", "cloud-init.service").evidence;
    assert_eq!(masked, Evidence::new("/boot/grub/grub.cfg:98", "systemd.mask=cloud-init.service"));
    let unit = state("systemd.mask=cloud-init", "cloud-init.service");
    assert_eq!(unit.mask_word(), Some("systemd.mask=cloud-init"));
}

#[test]
fn a_word_may_say_that_it_is_a_first_start() {
    let text = "[Unit]\nConditionFirstBoot=yes\n";
    let fs = with_rescue()
        .file(&format!("{SYSTEM}/cloud-init.service"), text)
        .file("/etc/machine-id", "0123456789abcdef0123456789abcdef\n");
    let tree = fs.tree();
    for (word, expected) in [
        ("quiet", UnitState::Skipped),
        ("systemd.condition-first-boot=1", UnitState::Enabled),
        ("systemd.condition_first_boot=1", UnitState::Enabled),
    ] {
        let entry = entry(word);
        let unit = BootUnits::of_entry(&tree, Some(&entry)).unit("cloud-init.service");
        assert_eq!(unit.state, Fact::Known(expected), "{word}");
    }
}

#[test]
fn a_unit_whose_condition_does_not_hold_is_passed_over() {
    const DROP_IN: &str = "/etc/systemd/system/cloud-init-local.service.d/x.conf";
    let with = |file: &str, drop_in: &str| {
        let fs = debian()
            .file(&format!("{SYSTEM}/cloud-init-local.service"), format!("[Unit]\n{file}\n"));
        let fs = if drop_in.is_empty() { fs } else { fs.file(DROP_IN, drop_in) };
        let facts = unit(&fs.file("/etc/there", "").tree(), "cloud-init-local.service");
        (facts.state.known().copied(), facts.evidence.location)
    };
    let state = |file: &str, drop_in: &str| with(file, drop_in).0.unwrap();
    use UnitState::{Enabled, Skipped};
    for (lines, expected) in [
        ("ConditionPathExists=!/etc/ssh/sshd_not_to_be_run", Enabled),
        ("ConditionPathExists=!/etc/there", Skipped),
        ("ConditionPathExists=/etc/there", Enabled),
        ("ConditionPathExists=/nonexistent", Skipped),
        ("AssertPathExists = /nonexistent", Skipped),
        ("ConditionPathExists=|/nonexistent\nConditionPathExists=|/etc/there", Enabled),
        ("ConditionPathExists=|/nonexistent\nConditionPathExists=|!/etc/there", Skipped),
        ("ConditionPathExists=|/nonexistent\nConditionVirtualization=|vm", Enabled),
        ("ConditionPathExists=/nonexistent\nConditionPathExists=|/etc/there", Skipped),
        ("ConditionPathExists=/nonexistent\nConditionVirtualization=", Enabled),
        ("ConditionPathExists=/nonexistent\nAssertPathExists=", Skipped),
        ("#ConditionPathExists=/nonexistent", Enabled),
        ("Description=a \\\nConditionPathExists=/nonexistent", Enabled),
        ("ConditionPathExists=\\\n# and so on\n  /nonexistent", Skipped),
        ("ConditionPathExists=/run/made/at/start", Enabled),
        ("ConditionPathExists=/var/lib/made/at/start", Enabled),
        ("ConditionPathExists=/dev/virtio-ports/x", Enabled),
        ("ConditionPathExists=/etc/%N", Enabled),
        ("ConditionKernelCommandLine=!cloud-init=disabled", Enabled),
        ("[Service]\nConditionPathExists=/nonexistent", Enabled),
    ] {
        assert_eq!(state(lines, ""), expected, "{lines}");
    }
    let drop_in = "[Unit]\nConditionPathExists=/nonexistent\n";
    assert_eq!(with("", drop_in), (Some(Skipped), format!("{DROP_IN}:2")));
    assert_eq!(
        state("ConditionPathExists=/nonexistent", "[Unit]\nConditionPathExists=\n"),
        Enabled
    );
    // Of two drop-ins with one name that of the administrator counts.
    let fs = debian()
        .file(&format!("{SYSTEM}/cloud-init-local.service.d/x.conf"), drop_in)
        .file(DROP_IN, "[Unit]\n");
    assert_eq!(self::state(fs, "cloud-init-local.service"), Enabled);
    let torn = debian().file(DROP_IN, drop_in).unreadable(DROP_IN);
    assert!(unit(&torn.tree(), "cloud-init-local.service").state.unread().is_some());
}

/// A template of which an instance is started, with 64 drop-ins of that text.
fn with_drop_ins(text: &str) -> Tree {
    let link = "/etc/systemd/system/multi-user.target.wants/m@1.service";
    let fs = debian()
        .file(&format!("{SYSTEM}/m@.service"), "[Unit]\n")
        .symlink(link, &format!("{SYSTEM}/m@.service"));
    let path = |index| format!("/etc/systemd/system/m@.service.d/{index}.conf");
    (0..64).fold(fs, |fs, index| fs.file(&path(index), text)).tree()
}

#[test]
fn drop_ins_that_are_read_for_unit_after_unit_spend_the_bytes_of_the_boot() {
    let tree = with_drop_ins(&"#".repeat(63 << 10));
    let boot = BootUnits::walk(&tree);
    // 4 MiB each time, and as much to follow the boot.
    for _ in 0..3 {
        assert_eq!(boot.unit("m@1.service").state, Fact::Known(UnitState::Enabled));
    }
    let unit = boot.unit("m@1.service");
    let reason = unit.state.unread().map(|unread| unread.reason.clone()).unwrap_or_default();
    assert!(reason.contains("more than 16777216 bytes of unit files"), "{reason}");
}

#[test]
fn conditions_without_end_are_counted() {
    let tree = with_drop_ins(&format!("[Unit]\n{}", "Condition=1\n".repeat(5000)));
    let unit = unit(&tree, "m@1.service");
    let reason = unit.state.unread().map(|unread| unread.reason.clone()).unwrap_or_default();
    assert!(reason.contains("more than 30000 dependencies"), "{reason}");
}

#[test]
fn commands_without_end_are_counted() {
    let tree = with_drop_ins(&format!("[Service]\n{}", "ExecStart=x\n".repeat(5000)));
    let commands = BootUnits::walk(&tree).commands("m@1.service");
    let reason = commands.err().map(|unread| unread.reason).unwrap_or_default();
    assert!(reason.contains("more than 30000 dependencies"), "{reason}");
}

#[test]
fn a_drop_in_whose_name_is_not_utf_8_leaves_the_unit_unknown() {
    let path = "/etc/systemd/system/cloud-init-local.service.d/a.conf";
    let text = "[Unit]\nConditionPathExists=/nonexistent\n";
    for (name, known) in [(&b"\xff.conf"[..], false), (b"\xff.conf~", true)] {
        let fs = debian().file(path, text).renamed(path, name);
        let unit = unit(&fs.tree(), "cloud-init-local.service");
        assert_eq!(unit.state.known().is_some(), known, "{unit:?}");
    }
}

#[test]
fn a_directory_of_units_that_cannot_be_listed_may_hold_drop_ins() {
    let own = "/usr/local/lib/systemd/system";
    let fs = || {
        MemoryFs::new()
            .file("/usr/lib/systemd/systemd", "ELF")
            .file("/etc/systemd/system/default.target", "[Unit]\nWants=own.service\n")
            .file("/etc/systemd/system/own.service", "[Unit]\n")
    };
    assert_eq!(state(fs(), "own.service"), UnitState::Enabled);
    let torn = unit(&fs().dir(own).unreadable(own).tree(), "own.service");
    assert!(torn.state.unread().is_some(), "{torn:?}");
}

/// systemd's `unit_file_find_dropin_paths` (`src/shared/dropin.c`), `conf_files_list_strv`
/// (`src/basic/conf-files.c`) and `process_deps` (`src/core/load-dropin.c`).
#[test]
fn a_name_in_a_stronger_directory_takes_out_its_namesakes() {
    const ETC: &str = "/etc/systemd/system";
    use UnitState::{Disabled, Enabled};
    let foo = || debian().file(&format!("{SYSTEM}/foo.service"), "[Unit]\n");
    let linked = || foo().symlink(&format!("{SYSTEM}/multi-user.target.wants/foo.service"), "../x");
    let own = format!("{ETC}/multi-user.target.wants/foo.service");
    let requires = format!("{ETC}/multi-user.target.requires/foo.service");
    let conf = |fs: MemoryFs, path: &str| {
        fs.file(&format!("{path}/multi-user.target.d/a.conf"), "[Unit]\nWants=foo.service\n")
    };
    let dropped = || conf(foo(), SYSTEM);
    let drop_in = format!("{ETC}/multi-user.target.d/a.conf");
    for (case, fs, expected) in [
        ("a link", linked(), Enabled),
        ("a mask", linked().symlink(&own, "/dev/null"), Disabled),
        ("no link", linked().file(&own, "x"), Disabled),
        ("a link to nothing", linked().symlink(&own, "gone"), Enabled),
        ("a directory", linked().dir(&own), Enabled),
        ("another kind", linked().symlink(&requires, "/dev/null"), Enabled),
        ("a drop-in", dropped(), Enabled),
        ("a masked drop-in", dropped().symlink(&drop_in, "/dev/null"), Disabled),
        ("another drop-in", dropped().file(&drop_in, "[Unit]\n"), Disabled),
        ("a later drop-in", conf(foo(), SYSTEM).file(&format!("{drop_in}.conf"), "x"), Enabled),
        (
            "a hidden one",
            foo().file(&drop_in.replace("a.conf", ".a.conf"), "[Unit]\nWants=foo.service\n"),
            Disabled,
        ),
    ] {
        assert_eq!(state(fs, "foo.service"), expected, "{case}");
    }
}

/// The directories of an instance and of its template take turns (`unit_file_find_dirs`).
#[test]
fn a_template_s_directory_in_etc_goes_before_an_instance_s_in_usr() {
    let fs = |directory: &str| {
        debian()
            .file(&format!("{SYSTEM}/m@.service"), "[Unit]\n")
            .symlink("/etc/systemd/system/multi-user.target.wants/m@1.service", "../x")
            .file(&format!("{SYSTEM}/m@1.service.d/x.conf"), "[Unit]\nConditionPathExists=/none\n")
            .file(&format!("{directory}/m@.service.d/x.conf"), "[Unit]\n")
    };
    assert_eq!(state(fs("/etc/systemd/system"), "m@1.service"), UnitState::Enabled);
    assert_eq!(state(fs(SYSTEM), "m@1.service"), UnitState::Skipped);
}

#[test]
fn a_line_that_goes_on_is_no_setting_of_its_own() {
    let with = |text: &str| {
        debian()
            .file(&format!("{SYSTEM}/foo.service"), "[Unit]\n")
            .file(&format!("{SYSTEM}/basic.target"), text)
    };
    let wants = "[Unit]\nWants=a.service \\\n# a comment between\n foo.service\n";
    assert_eq!(state(with(wants), "foo.service"), UnitState::Enabled);
    let other = "[Unit]\nDescription=a \\\nWants=foo.service\n";
    assert_eq!(state(with(other), "foo.service"), UnitState::Disabled);
    // A backslash before another is none that lets a line go on, nor is one before a blank.
    for (end, expected) in [
        (r"\\", UnitState::Enabled),
        (r"\\\", UnitState::Disabled),
        (r"\ ", UnitState::Enabled),
        ("\\\r", UnitState::Disabled),
    ] {
        let text = format!("[Unit]\nDescription=a{end}\nWants=foo.service\n");
        assert_eq!(state(with(&text), "foo.service"), expected, "{end:?}");
    }
}
