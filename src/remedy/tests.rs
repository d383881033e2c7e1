//! Tests: what is planned, that nothing of a hostile image gets out of its quotes, and that the
//! functions of the shell do what their comments say. The shell is the machine's own `sh`.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use super::layout::Place;
use super::step::{Edit, Maker, Rebuild, Step};
use super::{Remedy, ScriptFormat, comment, covers, guestfish, layout, virt_customize};
use crate::fact::{Evidence, Fact, Unread};
use crate::guest::facts::{
    Addressing, Facts, InterfaceConfig, InterfaceKind, InterfaceMatch, MachineId, MountFacts,
    MountUnit, NetworkProgram, NicName, UnitState,
};
use crate::image::facts::Format;
use crate::rules::testing::{
    absent_disk, context, entry_mut, fstab_mut, good_linux, linux_mut, mount, qcow2_mut, windows,
};
use crate::rules::{Lang, Profile, RULES, Status, check_all};

const FORMATS: [ScriptFormat; 3] =
    [ScriptFormat::Sh, ScriptFormat::Guestfish, ScriptFormat::VirtCustomize];

/// What breaks out of quotes that are made by hand, or out of a comment.
const HOSTILE: &[&str] = &[
    "/x'; touch PWNED; '",
    "$(touch PWNED)`touch PWNED`",
    "\"; touch PWNED; \"",
    "a\\'; touch PWNED #",
    "/&/\\1[x]*.^$/;e touch PWNED",
    "GUESTFISH",
    "} ; touch PWNED ; {",
    "<! touch PWNED",
    "-e 1etouch PWNED",
];

fn remedy(facts: &Facts, rules: &[&str]) -> Remedy {
    let context = context(Profile::ImsClassic);
    let rules: Vec<String> = rules.iter().map(|rule| (*rule).to_owned()).collect();
    Remedy::new(facts, &check_all(facts, &context), &context, &rules)
}

fn script(facts: &Facts, rules: &[&str]) -> String {
    remedy(facts, rules).script(ScriptFormat::Sh, Lang::En)
}

/// The lines of a script that do something, behind the functions.
fn commands(script: &str) -> Vec<&str> {
    let body = script.split("\nmount_on / ").nth(1).unwrap_or_default();
    body.lines().skip(1).filter(|line| !line.is_empty() && !line.starts_with('#')).collect()
}

#[test]
fn a_unit_that_the_command_line_masks_is_unmasked_there() {
    let mut facts = good_linux();
    entry_mut(&mut facts).command_line.push_str(" systemd.mask=sshd");
    let masked = || Evidence::new("/boot/grub2/grub.cfg:100", "systemd.mask=sshd");
    let linux = linux_mut(&mut facts);
    for unit in linux.sshd.units.iter_mut().chain(&mut linux.cloud_init.units[..1]) {
        (unit.state, unit.evidence) = (Fact::Known(UnitState::Masked), masked());
    }
    for rule in ["sshd-enabled", "cloud-init-enabled"] {
        let script = script(&facts, &[rule]);
        let commands = commands(&script);
        assert!(commands.iter().any(|line| line.contains("100s/") && line.contains("mask=sshd")));
        assert!(!commands.iter().any(|line| line.starts_with("enable ")), "{commands:?}");
    }
}

/// Runs a script with these arguments in a directory.
fn sh(script: &str, arguments: &[&str], directory: &Path) -> Output {
    let mut command = Command::new("sh");
    command.arg("-c").arg(script).arg("sh").args(arguments).current_dir(directory);
    command.stdin(Stdio::null()).output().expect("sh")
}

fn is_script(script: &str) {
    let output = Command::new("sh").args(["-n", "-c", script]).output().expect("sh");
    assert!(output.status.success(), "{}\n{script}", String::from_utf8_lossy(&output.stderr));
}

/// With what stands in front of the steps, for a guest's tree in `root` of the directory.
fn in_tree(steps: &str) -> String {
    let (copy, mount) =
        (comment::functions(comment::COPY, Lang::En), comment::functions(comment::MOUNT, Lang::En));
    format!("set -eu\nexport LC_ALL=C\n{copy}{mount}ROOT=$PWD/root WORK=$PWD/work\n{steps}\n")
}

fn tree() -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    fs::create_dir_all(directory.path().join("root/etc")).unwrap();
    fs::create_dir(directory.path().join("work")).unwrap();
    directory
}

fn ran(steps: &str, directory: &Path) -> String {
    let output = sh(&in_tree(steps), &[], directory);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{steps}\n{said}");
    assert!(!directory.join("PWNED").exists() && !directory.join("root/PWNED").exists(), "{steps}");
    said
}

/// The good machine whose fstab mounts a disk that stays behind, by a line of that text.
fn with_absent_disk(text: &str) -> Facts {
    let mut facts = good_linux();
    let mut entry = mount(7, absent_disk(), "/data", "ext4");
    entry.source.spec = text.split(' ').next().unwrap_or_default().to_owned();
    entry.text = text.to_owned();
    fstab_mut(&mut facts).entries.push(entry);
    facts
}

#[test]
fn each_step_stands_below_its_finding() {
    let script = script(&with_absent_disk("UUID=dead /data ext4 defaults 0 0"), &[]);
    is_script(&script);
    let at = |text: &str| script.find(text).unwrap_or_else(|| panic!("no {text:?} in\n{script}"));
    let finding = at("# fstab-no-nonsystem-mounts (fail): Line 7 of /etc/fstab mounts /data");
    let evidence = at("#   | /etc/fstab:7  UUID=dead /data ext4 defaults 0 0");
    let step = at(
        "edit /etc/fstab '7s/^[[:space:]]*UUID=dead \\/data ext4 defaults 0 0[[:space:]]*$/#&/'",
    );
    assert!(finding < evidence && evidence < step);
    assert_eq!(
        commands(&script),
        [
            "begin fstab-no-nonsystem-mounts",
            "edit /etc/fstab '7s/^[[:space:]]*UUID=dead \\/data ext4 defaults 0 0[[:space:]]*$/#&/'",
            "RULE=''",
            "relabel",
            "sync",
            "release",
            "qemu-img convert -f raw -O qcow2 -o compat=1.1 \"$DISK\" \"$WORK/done\"",
            "deliver \"$WORK/done\"",
        ]
    );
    // The root is the second partition of the good machine's disk; /boot is not needed.
    assert!(!script.contains("\nmount_on /boot"));
}

#[test]
fn a_good_machine_needs_no_script_and_gets_one_that_says_so() {
    for format in FORMATS {
        for lang in [Lang::En, Lang::ZhCn] {
            let script = remedy(&good_linux(), &[]).script(format, lang);
            let output = sh(&script, &[], Path::new("/"));
            assert_eq!(output.status.code(), Some(4), "{script}");
            assert!(!output.stderr.is_empty(), "{script}");
            assert!(!script.contains("qemu-img convert"), "{script}");
        }
    }
}

#[test]
fn every_form_of_every_script_is_one_for_a_shell() {
    let mut broken = good_linux();
    qcow2_mut(&mut broken).snapshot_count = 2;
    let linux = linux_mut(&mut broken);
    linux.cloud_init.disabled_by =
        Fact::Known(vec![Evidence::new("/etc/cloud/cloud-init.disabled", "the file exists")]);
    linux.network.interfaces = Fact::Known(vec![static_address("eth0")]);
    entry_mut(&mut broken).command_line = "root=/dev/sda1 ro".to_owned();
    for facts in [broken, with_absent_disk("UUID=dead /data"), windows(), good_linux()] {
        for format in FORMATS {
            for lang in [Lang::En, Lang::ZhCn] {
                is_script(&remedy(&facts, &[]).script(format, lang));
            }
        }
    }
}

fn static_address(name: &str) -> InterfaceConfig {
    InterfaceConfig {
        program: NetworkProgram::Ifupdown,
        name: name.to_owned(),
        location: "/etc/network/interfaces:4".to_owned(),
        matches: InterfaceMatch { names: vec![name.to_owned()], ..InterfaceMatch::default() },
        kind: InterfaceKind::Ethernet,
        ports: Vec::new(),
        ipv4: Addressing::Static,
        ipv4_at: Evidence::new("/etc/network/interfaces:4", format!("iface {name} inet static")),
        ipv6: Addressing::None,
        macs: Vec::new(),
        by_cloud_init: false,
        idle: Fact::Known(None),
        lacks: None,
        persistent_dhclient: None,
    }
}

#[test]
fn a_static_address_of_ifupdown_turns_to_dhcp() {
    let mut facts = good_linux();
    let network = &mut linux_mut(&mut facts).network;
    network.interfaces = Fact::Known(vec![static_address("eth0")]);
    network.nic_name =
        Fact::Known((NicName::Exactly("eth0".to_owned()), Evidence::new("kernel", "eth0")));
    let script = script(&facts, &["nic-dhcp"]);
    let edits: Vec<&str> =
        commands(&script).into_iter().filter(|line| line.starts_with("edit ")).collect();
    let directory = tree();
    let file = directory.path().join("root/etc/network/interfaces");
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    let before = "auto lo\niface lo inet loopback\nauto eth0\niface eth0 inet static\n  address \
                  10.0.0.2/24\n  gateway 10.0.0.1\n  dns-nameservers 10.0.0.1\nauto eth1\niface \
                  eth1 inet static\n  address 10.1.0.2\n";
    fs::write(&file, before).unwrap();
    ran(&edits.join("\n"), directory.path());
    assert_eq!(
        fs::read_to_string(&file).unwrap(),
        before
            .replacen("inet static", "inet dhcp", 1)
            .replacen("  address 10.0.0.2", "#  address 10.0.0.2", 1)
            .replacen("  gateway", "#  gateway", 1)
    );
}

#[test]
fn a_stanza_turns_to_dhcp_whole_or_not_at_all() {
    let words = ["iface", "eth0", "inet", "static"].map(str::to_owned).to_vec();
    let edit = Edit::ToDhcp { line: 2, words };
    let turned = |before: &str| {
        let directory = tree();
        let file = directory.path().join("root/etc/interfaces");
        fs::write(&file, before).unwrap();
        let step = Step::edit("/etc/interfaces", edit.clone());
        ran(&super::sh::step_line(&step).unwrap(), directory.path());
        fs::read_to_string(&file).unwrap()
    };
    for iface in ["iface eth0 inet\tstatic", "  iface  eth0\tinet   static  "] {
        for next in ["iface eth1 inet static", "auto eth1", "allow-hotplug eth1", "source x"] {
            let with = |iface: &str, sign: &str| {
                format!(
                    "auto eth0\n{iface}\n{sign}  address 10.0.0.2\n  mtu 9000\n{sign}\tgateway \
                     10.0.0.1\n{next}\n  address 10.1.0.2\n  gateway 10.1.0.1\n"
                )
            };
            let dhcp = iface.replace("static", "dhcp");
            assert_eq!(turned(&with(iface, "")), with(&dhcp, "#"));
        }
        // At the end of the file, and in front of another stanza with nothing between.
        assert_eq!(
            turned(&format!("\n{iface}\n")),
            format!("\n{}\n", iface.replace("static", "dhcp"))
        );
        let next = "\niface eth1 inet static\n address 10.1.0.2\n";
        let (before, after) = (iface.to_owned() + next, iface.replace("static", "dhcp") + next);
        assert_eq!(turned(&format!("\n{before}")), format!("\n{after}"));
    }
    for other in
        ["iface eth0 inet manual", "iface eth00 inet static", "#iface eth0 inet static", ""]
    {
        let before = format!("auto eth0\n{other}\n  address 10.0.0.2\n  gateway 10.0.0.1\n");
        assert_eq!(turned(&before), before);
    }
}

#[test]
fn a_line_and_a_word_are_found_where_they_are() {
    let changed = |before: &str, edit: Edit| {
        let directory = tree();
        let path = directory.path().join("root/etc/file");
        fs::write(&path, before).unwrap();
        ran(&super::sh::step_line(&Step::edit("/etc/file", edit)).unwrap(), directory.path());
        fs::read_to_string(&path).unwrap()
    };
    let seen = "HWADDR=1".to_owned();
    let comment = Edit::CommentOut { line: 1, seen: seen.clone() };
    assert_eq!(changed("\t HWADDR=1 \n", comment.clone()), "#\t HWADDR=1 \n");
    assert_eq!(changed("XHWADDR=1\n", comment), "XHWADDR=1\n");
    let replace = Edit::Replace { line: 1, seen, new: "HWADDR=2".to_owned() };
    assert_eq!(changed("\t HWADDR=1 \n", replace), "\t HWADDR=2\n");

    let swap = |old: &str, new: &str| Edit::Swap { line: 1, old: old.into(), new: new.into() };
    for (before, after) in [
        ("linux zroot=/dev/sda1 root=/dev/sda1 ro\n", "linux zroot=/dev/sda1 root=UUID=1 ro\n"),
        ("linux root=/dev/sda10 root=/dev/sda1\n", "linux root=/dev/sda10 root=UUID=1\n"),
        ("\troot=/dev/sda1\tro\n", "\troot=UUID=1\tro\n"),
        ("root=/dev/sda1 ro root=/dev/sda1\n", "root=UUID=1 ro root=UUID=1\n"),
    ] {
        assert_eq!(changed(before, swap("root=/dev/sda1", "root=UUID=1")), after);
    }
    let without = swap("resume=/dev/sda1", "");
    assert_eq!(changed("a resume=/dev/sda1 b\n", without.clone()), "a b\n");
    assert_eq!(changed("a resume=/dev/sda1\n", without.clone()), "a\n");
    assert_eq!(changed("a noresume=/dev/sda1\n", without), "a noresume=/dev/sda1\n");
}

/// Runs a step as a command inside the guest would, with the paths of this machine.
fn ran_inside(step: &Step) -> String {
    let output = sh(&step.inside().unwrap(), &[], Path::new("/"));
    assert!(output.status.success(), "{step:?}");
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn inside_the_guest_no_file_of_the_users_is_lost() {
    for name in HOSTILE {
        let directory = tempfile::tempdir().unwrap();
        let path = |file: &str| {
            let path =
                directory.path().join("deep").join(format!("{file}{}", name.replace('/', "_")));
            path.to_str().unwrap().to_owned()
        };
        let read = |file: &str| fs::read_to_string(path(file)).unwrap();
        // The directory is made.
        ran_inside(&Step::append(&path("a"), name));
        assert_eq!(read("a"), format!("{name}\n"));
        // A last line without its end stays a line of its own; a line that is there comes once.
        fs::write(path("a"), "last").unwrap();
        for _ in 0..2 {
            ran_inside(&Step::append(&path("a"), name));
        }
        assert_eq!(read("a"), format!("last\n{name}\n"));

        let said = ran_inside(&Step::write(&path("a"), &["other"]));
        assert!(said.contains("left out") && read("a").starts_with("last"));
        ran_inside(&Step::write(&path("w"), &[name, "-n"]));
        assert_eq!(read("w"), format!("{name}\n-n\n"));

        let rename = Step::Rename { from: path("a"), to: path("w") };
        assert!(ran_inside(&rename).contains("left out"));
        assert_eq!((read("a").lines().count(), read("w").lines().count()), (2, 2));
        ran_inside(&Step::Rename { from: path("a"), to: path("b") });
        assert!(!Path::new(&path("a")).exists() && read("b").starts_with("last"));

        // A link stays one.
        symlink(path("b"), path("l")).unwrap();
        let edit = Edit::CommentOut { line: 1, seen: "last".to_owned() };
        let edit = Step::edit(&path("l"), edit);
        assert_eq!(ran_inside(&edit), "");
        assert_eq!(read("b"), format!("#last\n{name}\n"));
        assert!(Path::new(&path("l")).is_symlink());
        assert!(ran_inside(&edit).contains("left out"));
        fs::remove_file(path("b")).unwrap();
        assert!(ran_inside(&edit).contains("left out"));
        assert!(!Path::new("/PWNED").exists());
    }
    for path in ["/a{b,c}", "/a*", "/~root"] {
        let option = virt_customize::option(&Step::Delete(path.to_owned())).unwrap();
        assert!(option.starts_with("--run-command "), "{option}");
    }
}

#[test]
fn what_is_written_lies_beside_the_users_own_files() {
    let mut facts = good_linux();
    let cloud_init = &mut linux_mut(&mut facts).cloud_init;
    cloud_init.datasource_list = Fact::Known(None);
    let rule = "cloud-init-datasource-openstack";
    let folder = "/etc/cloud/cloud.cfg.d";
    cloud_init.files.push(format!("{folder}/zz-openstack.cfg"));
    let step = script(&facts, &[rule]);
    assert!(step.contains(&format!("\nput {folder}/zzz-zz-openstack.cfg ")), "{step}");
    linux_mut(&mut facts).cloud_init.files.push(format!("{folder}/~.cfg"));
    let left = script(&facts, &[rule]);
    assert!(!left.contains("\nput ") && left.contains("has the last word"), "{left}");

    let mut facts = with_absent_disk("What=/dev/disk/by-uuid/dead");
    let entry = fstab_mut(&mut facts).entries.last_mut().unwrap();
    let path = "/etc/systemd/system/data.mount";
    entry.unit = Some(MountUnit {
        name: "data.mount".to_owned(),
        path: path.to_owned(),
        started_by: Evidence::new(path, "link"),
        required: true,
    });
    let masked = script(&facts, &["fstab-no-nonsystem-mounts"]);
    let kept = format!("\nrename {path} {path}.disabled\nlink {path} /dev/null\n");
    assert!(masked.contains(&kept), "{masked}");
}

#[test]
fn lines_are_changed_before_they_or_their_file_move() {
    let mut facts = good_linux();
    let path = "/etc/sysconfig/network-scripts/ifcfg-ens33";
    let mut config = static_address("ens33");
    config.program = NetworkProgram::NetworkScripts;
    config.location = path.to_owned();
    config.ipv4_at = Evidence::new(format!("{path}:3"), "BOOTPROTO=static");
    let mac = "HWADDR=00:0c:29:00:00:01";
    config.macs = vec![Evidence::new(format!("{path}:5"), mac).marked(5, mac, 7..24)];
    let network = &mut linux_mut(&mut facts).network;
    network.interfaces = Fact::Known(vec![config]);
    network.nic_name =
        Fact::Known((NicName::Exactly("eth0".to_owned()), Evidence::new("kernel", "eth0")));
    let script = script(&facts, &["nic-dhcp", "nic-name-mismatch", "nic-mac-bound"]);
    let steps = commands(&script);
    let at = |start: &str| {
        let found = steps.iter().position(|line| line.starts_with(start));
        found.unwrap_or_else(|| panic!("no {start} in\n{script}"))
    };
    let moved = at(&format!("rename {path} "));
    assert!(at(&format!("edit {path} '5s/")) < moved);
    assert!(at(&format!("append {path} BOOTPROTO")) < moved);
    assert!(steps.iter().skip(moved + 1).all(|line| !line.contains("ens33")), "{script}");
}

#[test]
fn a_name_brings_no_line_of_its_own_into_a_command() {
    let mut facts = good_linux();
    let mut config = static_address("eth0\ntouch PWNED");
    config.program = NetworkProgram::Netplan;
    linux_mut(&mut facts).network.interfaces = Fact::Known(vec![config]);
    let script = script(&facts, &["nic-dhcp"]);
    assert!(script.contains("control characters"), "{script}");
    assert!(script.lines().all(|line| !line.starts_with("touch")), "{script}");
    assert!(!Step::run("a\nb").is_plain());
}

#[test]
fn what_makes_the_initramfs_of_alpine_and_arch_is_named() {
    for (id, command) in [("alpine", "mkinitfs 3.10.0-957.el7.x86_64"), ("arch", "mkinitcpio -P")] {
        let mut facts = good_linux();
        entry_mut(&mut facts).initrds[0].resolved = Fact::Known(None);
        if let Fact::Known(Some(os)) = &mut linux_mut(&mut facts).os {
            (os.id, os.id_like) = (id.to_owned(), Vec::new());
        }
        let script = script(&facts, &["initrd-referenced-exists"]);
        assert!(script.contains(&format!("by {command}.")), "{script}");
        assert!(!script.contains("not known"), "{script}");
    }
}

#[test]
fn an_initramfs_is_not_made_for_the_devices_of_this_machine() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    // As mkinitramfs reads its settings.
    let tool = "#!/bin/sh\n. ./initramfs.conf\nfor f in conf.d/*; do [ ! -e $f ] || . ./$f; done\n\
                echo $MODULES $*\nexit 7\n";
    fs::write(path.join("update-initramfs"), tool).unwrap();
    fs::set_permissions(path.join("update-initramfs"), fs::Permissions::from_mode(0o755)).unwrap();
    let maker = Maker::InitramfsTools;
    let rebuild = Rebuild { maker, release: "6.1".to_owned(), image: None };
    let command = rebuild.command().replace("/etc/initramfs-tools", path.to_str().unwrap());
    for (main, policy, used) in [
        ("most", None, "most"),
        ("dep", None, "most"),
        ("list", None, "list"),
        ("most", Some("dep"), "most"),
        ("dep", Some("list"), "list"),
    ] {
        fs::write(path.join("initramfs.conf"), format!("# MODULES=dep\nMODULES={main}\n")).unwrap();
        if let Some(policy) = policy {
            fs::create_dir_all(path.join("conf.d")).unwrap();
            fs::write(path.join("conf.d/driver-policy"), format!("MODULES=\"{policy}\"\n"))
                .unwrap();
        }
        let output = sh(&format!("PATH=.:$PATH\n{command}"), &[], path);
        assert_eq!(String::from_utf8_lossy(&output.stdout), format!("{used} -c -k 6.1\n"));
        assert_eq!(output.status.code(), Some(7));
        assert!(!path.join("conf.d/zzz-once").exists());
    }
}

#[test]
fn an_entry_that_is_too_long_is_told_as_left() {
    let long = format!("UUID=dead /data ext4 {} 0 0", "x,".repeat(4500));
    let script = script(&with_absent_disk(&long), &[]);
    assert!(!script.contains("\nedit "), "{script}");
    assert!(script.contains("too long for a script: /etc/fstab:7."), "{script}");
}

#[test]
fn a_line_is_changed_when_it_is_just_what_was_seen() {
    let odd = ["a.b", "[x]*", "^$", "/dev/sda1\t/data ext4", "x & y \\1 \\n", "'\"`$(", "数据 盘"];
    for text in odd.into_iter().chain(HOSTILE.iter().copied()) {
        let directory = tree();
        let path = directory.path().join("root/etc/file");
        let edit = |edit: Edit| {
            let script = super::sh::step_line(&Step::edit("/etc/file", edit)).unwrap();
            let said = ran(&script, directory.path());
            (fs::read_to_string(&path).unwrap(), said)
        };
        let seen = text.to_owned();
        let write = |line: &str| fs::write(&path, format!("first\n{line}  \nlast\n")).unwrap();

        write(text);
        let (after, _) = edit(Edit::CommentOut { line: 2, seen: seen.clone() });
        assert_eq!(after, format!("first\n#{text}  \nlast\n"));

        // Once more: the line is no longer what was seen.
        let (after, said) = edit(Edit::CommentOut { line: 2, seen: seen.clone() });
        assert_eq!(after, format!("first\n#{text}  \nlast\n"));
        assert!(said.contains("left out"), "{said}");

        for (line, seen) in [(1, text), (2, "firs"), (3, text)] {
            write(text);
            let (after, said) = edit(Edit::CommentOut { line, seen: seen.to_owned() });
            assert_eq!(after, format!("first\n{text}  \nlast\n"));
            assert!(said.contains("left out"), "{said}");
        }

        write("old");
        let (after, _) = edit(Edit::Replace { line: 2, seen: "old".into(), new: seen.clone() });
        assert_eq!(after, format!("first\n{text}\nlast\n"));

        write(&format!("kernel root={text} ro"));
        let (old, new) = (format!("root={text}"), "root=UUID=1".to_owned());
        let (after, _) = edit(Edit::Swap { line: 2, old, new });
        assert_eq!(after, "first\nkernel root=UUID=1 ro  \nlast\n");

        write(&format!("kernel {text} ro"));
        let (after, _) = edit(Edit::Extend { line: 2, guard: seen, words: text.to_owned() });
        assert_eq!(after, format!("first\nkernel {text} ro   {text}\nlast\n"));
    }
}

#[test]
fn nothing_of_an_image_gets_out_of_its_quotes() {
    for text in HOSTILE {
        let facts = with_absent_disk(&format!("{text} /data"));
        for format in FORMATS {
            for lang in [Lang::En, Lang::ZhCn] {
                is_script(&remedy(&facts, &[]).script(format, lang));
            }
        }
        let script = script(&facts, &[]);
        let steps: Vec<&str> =
            commands(&script).into_iter().filter(|line| line.starts_with("edit ")).collect();
        assert_eq!(steps.len(), 1, "{script}");
        let directory = tree();
        let fstab = directory.path().join("root/etc/fstab");
        fs::write(&fstab, format!("{}{text} /data\n", "\n".repeat(6))).unwrap();
        ran(&steps.join("\n"), directory.path());
        let after = fs::read_to_string(&fstab).unwrap();
        assert_eq!(after, format!("{}#{text} /data\n", "\n".repeat(6)));
    }
}

#[test]
fn the_paths_of_steps_are_words_whatever_they_hold() {
    for text in HOSTILE {
        let directory = tree();
        let name = text.replace('/', "_");
        let path = format!("/etc/{name}");
        let steps = [
            Step::append(&path, text),
            Step::append(&path, text),
            Step::Rename { from: path.clone(), to: format!("{path}2") },
            Step::Delete(format!("{path}3")),
            Step::Empty(format!("{path}4")),
            Step::Link { path: format!("{path}5"), target: (*text).to_owned() },
            Step::write(&format!("/etc/x/{name}"), &[text, "", "-n"]),
        ];
        for step in steps {
            assert!(step.is_plain());
            ran(&super::sh::step_line(&step).unwrap(), directory.path());
        }
        let etc = directory.path().join("root/etc");
        assert_eq!(fs::read_to_string(etc.join(format!("{name}2"))).unwrap(), format!("{text}\n"));
        assert_eq!(fs::read(etc.join(format!("{name}4"))).unwrap(), b"");
        assert_eq!(fs::read_link(etc.join(format!("{name}5"))).unwrap(), Path::new(text));
        let written = fs::read_to_string(etc.join("x").join(&name)).unwrap();
        assert_eq!(written, format!("{text}\n\n-n\n"));
    }
}

#[test]
fn a_comment_ends_with_its_own_line() {
    for text in ["a\nrm -rf /", "a\r\nrm -rf /", "a\u{2028}rm\u{1b}[2J", "\u{202e}x", "a\u{b}rm"] {
        let mut facts = with_absent_disk("UUID=dead /data");
        let entry = fstab_mut(&mut facts).entries.last_mut().unwrap();
        entry.source.spec = text.to_owned();
        entry.mount_point = format!("/{text}");
        for format in FORMATS {
            let script = remedy(&facts, &[]).script(format, Lang::En);
            assert!(script.lines().all(|line| !line.trim_start().starts_with("rm -rf /")));
            assert!(
                !script.contains(['\u{1b}', '\u{202e}', '\u{2028}', '\r', '\u{b}']),
                "{script}"
            );
        }
        // Where a step itself would need such a name, there is none.
        entry_text(&mut facts, text);
        let script = script(&facts, &[]);
        assert!(!script.contains("\nedit "), "{script}");
        assert!(script.contains("control characters"), "{script}");
    }
}

fn entry_text(facts: &mut Facts, text: &str) {
    fstab_mut(facts).entries.last_mut().unwrap().text = format!("{text} /data");
}

#[test]
fn links_of_the_guest_lead_nowhere_else() {
    let directory = tree();
    let (root, outside) = (directory.path().join("root"), directory.path().join("outside"));
    fs::create_dir(&outside).unwrap();
    fs::write(outside.join("secret"), "x\n").unwrap();
    let outside = outside.to_str().unwrap();
    symlink(format!("{outside}/secret"), root.join("etc/fstab")).unwrap();
    symlink(outside, root.join("etc/cloud")).unwrap();
    symlink(format!("../../../../..{outside}"), root.join("etc/up")).unwrap();
    symlink("/etc/loop2", root.join("etc/loop1")).unwrap();
    symlink("/etc/loop1", root.join("etc/loop2")).unwrap();
    symlink("real", root.join("etc/short")).unwrap();

    let said = ran("edit /etc/fstab '1s/^/#/'", directory.path());
    assert!(said.contains("left out"));
    ran("put /etc/cloud/x 'y'", directory.path());
    ran("append /etc/up/x 'y'", directory.path());
    ran("put /etc/short 'y'", directory.path());
    assert_eq!(fs::read_to_string(root.join("etc/real")).unwrap(), "y\n");
    // What is there stays.
    assert!(ran("put /etc/short 'z'", directory.path()).contains("left out"));
    assert_eq!(fs::read_to_string(root.join("etc/real")).unwrap(), "y\n");
    let inside = root.join(outside.trim_start_matches('/'));
    assert_eq!(fs::read_to_string(inside.join("x")).unwrap(), "y\n");
    ran("delete /etc/cloud/secret; empty_all /etc/cloud", directory.path());
    assert_eq!(fs::read_to_string(inside.join("x")).unwrap(), "");
    assert_eq!(fs::read_to_string(Path::new(outside).join("secret")).unwrap(), "x\n");
    assert_eq!(fs::read_dir(outside).unwrap().count(), 1);
    // A link itself goes, not what it leads to.
    ran("delete /etc/fstab", directory.path());
    assert!(root.join("etc/fstab").symlink_metadata().is_err());
    assert!(Path::new(outside).join("secret").exists());

    let looped = sh(&in_tree("put /etc/loop1 'y'"), &[], directory.path());
    assert!(!looped.status.success());
    assert!(String::from_utf8_lossy(&looped.stderr).contains("too many links"));
}

#[test]
fn a_unit_is_enabled_as_systemctl_would() {
    let directory = tree();
    let root = directory.path().join("root");
    fs::create_dir_all(root.join("usr/lib/systemd/system")).unwrap();
    fs::create_dir_all(root.join("etc/systemd/system")).unwrap();
    symlink("usr/lib", root.join("lib")).unwrap();
    let unit = "[Install]\nWantedBy=multi-user.target graphical.target\nAlias=sshd.service\n\
                RequiredBy = ../../../x.target a.target\n";
    fs::write(root.join("usr/lib/systemd/system/ssh.service"), unit).unwrap();
    symlink("/dev/null", root.join("etc/systemd/system/ssh.service")).unwrap();
    ran("enable ssh.service", directory.path());
    let etc = root.join("etc/systemd/system");
    let target = Path::new("/usr/lib/systemd/system/ssh.service");
    for link in [
        "multi-user.target.wants/ssh.service",
        "graphical.target.wants/ssh.service",
        "sshd.service",
        "a.target.requires/ssh.service",
    ] {
        assert_eq!(fs::read_link(etc.join(link)).unwrap(), target, "{link}");
    }
    assert!(etc.join("ssh.service").symlink_metadata().is_err(), "still masked");
    assert!(!root.join("x.target.requires").exists());
    assert!(ran("enable absent.service", directory.path()).contains("left out"));
}

/// A stand-in for `qemu-img convert`, which copies.
const QEMU_IMG: &str = "#!/bin/sh\nfor word; do from=${to-} to=$word; done\ncp \"$from\" \"$to\"\n";

#[test]
fn the_image_is_only_read_and_nothing_is_overwritten() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    let tool = path.join("qemu-img");
    fs::write(&tool, QEMU_IMG).unwrap();
    fs::set_permissions(&tool, fs::Permissions::from_mode(0o755)).unwrap();
    let image = path.join("-a:b 'c'.qcow2");
    fs::write(&image, "image").unwrap();
    fs::set_permissions(&image, fs::Permissions::from_mode(0o400)).unwrap();

    let mut facts = good_linux();
    qcow2_mut(&mut facts).snapshot_count = 1;
    facts.image.path = "-a:b 'c'.qcow2".to_owned();
    facts.image.file_size = 5;
    qcow2_mut(&mut facts).highest_host_byte = 5;
    let script = format!("PATH=$PWD:$PATH\n{}", script(&facts, &[]));
    let output = sh(&script, &[], path);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}\n{script}");
    let copy = path.join("-a:b 'c'-repaired.qcow2");
    assert_eq!(fs::read_to_string(&copy).unwrap(), "image");
    assert_eq!(fs::read_to_string(&image).unwrap(), "image");
    assert_eq!(fs::metadata(&copy).unwrap().permissions().mode() & 0o777, 0o400);

    let again = sh(&script, &[], path);
    assert!(!again.status.success());
    assert!(String::from_utf8_lossy(&again.stderr).contains("not overwritten"));
    let own = image.to_str().unwrap();
    assert!(!sh(&script, &[own, own], path).status.success());
    fs::write(path.join("other"), "other image").unwrap();
    let other = sh(&script, &["other", "out"], path);
    assert!(String::from_utf8_lossy(&other.stderr).contains("another length"));
    // Nothing is left behind.
    let mut names: Vec<_> = fs::read_dir(path).unwrap().map(|e| e.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["-a:b 'c'-repaired.qcow2", "-a:b 'c'.qcow2", "other", "qemu-img"]);
}

#[test]
fn the_functions_are_whole_in_both_languages() {
    for lang in [Lang::En, Lang::ZhCn] {
        let functions =
            [comment::COPY, comment::MOUNT].map(|text| comment::functions(text, lang)).concat();
        is_script(&functions);
        let odd = |word: &str| word.len() > 2 && word.starts_with('@') && word.ends_with('@');
        let words = functions.split(|c: char| !(c.is_ascii_lowercase() || "@_".contains(c)));
        assert_eq!(words.filter(|word| odd(word)).collect::<Vec<_>>(), [""; 0]);
        assert!(functions.lines().all(|line| line.chars().count() <= 110), "{functions}");
    }
}

#[test]
fn a_word_for_guestfish_stays_one_word() {
    assert_eq!(guestfish::quote("a \"b\" \\ 'c' | !x\n\ty"), r#""a \"b\" \\ 'c' | !x\n\ty""#);
    let facts = with_absent_disk("GUESTFISH /data");
    let script = remedy(&facts, &[]).script(ScriptFormat::Guestfish, Lang::En);
    assert_eq!(script.lines().filter(|line| *line == "GUESTFISH").count(), 1, "{script}");
    let at = script.lines().position(|line| line == "GUESTFISH").unwrap();
    assert!(script.lines().nth(at - 1).is_some_and(|line| line == "umount-all"));
}

#[test]
fn virt_customize_leaves_no_machine_id_where_there_was_none() {
    // It sets one by itself (guestfs-tools 1.48, seen).
    let last = "set -- \"$@\" --run-command 'if [ -e /etc/machine-id ]; then : > /etc/machine-id; fi'\n\nvirt-customize --format qcow2";
    let mut facts = with_absent_disk("UUID=dead /data");
    let form = ScriptFormat::VirtCustomize;
    assert!(remedy(&facts, &[]).script(form, Lang::En).contains(last));
    let seen = Evidence::new("/etc/machine-id", "0123456789abcdef0123456789abcdef");
    linux_mut(&mut facts).leftovers.machine_id = Fact::Known(MachineId::Set(seen));
    let fstab = &["fstab-no-nonsystem-mounts"];
    assert!(!remedy(&facts, fstab).script(form, Lang::En).contains("/etc/machine-id"));
}

#[test]
fn of_windows_the_container_alone_is_repaired() {
    let mut facts = windows();
    qcow2_mut(&mut facts).snapshot_count = 1;
    let script = script(&facts, &[]);
    assert!(script.contains("# qcow2-no-internal-snapshots (warn)"), "{script}");
    assert!(!script.contains("losetup") && script.contains("qemu-img convert"), "{script}");
}

#[test]
fn what_is_only_told_is_repaired_when_its_rule_is_named() {
    let mut facts = good_linux();
    linux_mut(&mut facts).leftovers.xorg_conf =
        Fact::Known(Some(Evidence::new("/etc/X11/xorg.conf", "120 bytes")));
    let all = script(&facts, &[]);
    assert!(all.contains("--rule: xorg-conf-present"), "{all}");
    assert!(!all.contains("\nrename "), "{all}");
    let asked = script(&facts, &["xorg-conf-present"]);
    assert!(commands(&asked).contains(&"rename /etc/X11/xorg.conf /etc/X11/xorg.conf.old"));
    let other = script(&with_absent_disk("UUID=dead /data"), &["grub-root-uuid"]);
    assert!(!other.contains("fstab"), "{other}");
}

#[test]
fn a_damaged_container_gets_no_script_that_would_hide_it() {
    let mut facts = with_absent_disk("UUID=dead /data");
    let qcow2 = qcow2_mut(&mut facts);
    qcow2.problem_count = 1;
    qcow2.problems = vec![Evidence::new("L2 table", "beyond the end")];
    let script = script(&facts, &[]);
    assert!(!script.contains("qemu-img convert -f"), "{script}");
    assert!(script.contains("# fstab-no-nonsystem-mounts (fail)"), "{script}");
}

#[test]
fn a_backing_file_that_is_no_file_is_not_opened() {
    for (name, opened) in [
        ("base.qcow2", true),
        ("/images/a:b.qcow2", true),
        ("json:{\"driver\":\"file\"}", false),
        ("nbd://host/x", false),
        ("fd:3", false),
    ] {
        let mut facts = good_linux();
        qcow2_mut(&mut facts).backing_file = Some(name.to_owned());
        let script = script(&facts, &[]);
        assert_eq!(script.contains("qemu-img convert -f"), opened, "{name}\n{script}");
        assert!(script.contains("qcow2-no-backing-file (fail)"));
    }
}

#[test]
fn no_copy_is_made_of_a_disk_that_is_not_whole() {
    let fstab = "fstab-no-nonsystem-mounts";
    let mut cut = with_absent_disk("UUID=dead /data");
    let Fact::Known(disk) = &mut cut.disk else { panic!() };
    disk.partitions.last_mut().unwrap().size = 1 << 50;
    let mut other = with_absent_disk("UUID=dead /data");
    other.image.format = Format::Iso;
    for facts in [cut, other] {
        for rules in [&[][..], &[fstab]] {
            for format in FORMATS {
                let script = remedy(&facts, rules).script(format, Lang::En);
                assert!(!script.contains("qemu-img convert -f"), "{script}");
                assert!(script.contains(&format!("# {fstab} (fail)")), "{script}");
            }
        }
    }
}

#[test]
fn no_other_repair_opens_what_the_image_names() {
    for (name, rules) in [
        ("json:{\"file.filename\":\"/etc/shadow\"}", &[][..]),
        ("json:{\"file.filename\":\"/etc/shadow\"}", &["qcow2-no-internal-snapshots"]),
        ("base.qcow2", &["qcow2-no-internal-snapshots"]),
    ] {
        let (mut backing, mut data) = (good_linux(), good_linux());
        qcow2_mut(&mut backing).backing_file = Some(name.to_owned());
        qcow2_mut(&mut data).external_data_file = true;
        qcow2_mut(&mut data).data_file_name = Some(name.to_owned());
        for mut facts in [backing, data] {
            qcow2_mut(&mut facts).snapshot_count = 1;
            let made = |facts: &Facts, rules: &[&str]| {
                FORMATS.map(|format| {
                    let script = remedy(facts, rules).script(format, Lang::En);
                    assert!(script.contains("# qcow2-no-internal-snapshots (warn)"), "{script}");
                    script.contains("qemu-img convert -f")
                })
            };
            assert_eq!(made(&facts, rules), [false; 3], "{name}");
        }
    }
    // Whatever is waived.
    let mut facts = good_linux();
    qcow2_mut(&mut facts).snapshot_count = 1;
    qcow2_mut(&mut facts).backing_file = Some("base.qcow2".to_owned());
    let context = context(Profile::ImsClassic);
    let mut findings = check_all(&facts, &context);
    let made = |findings: &[_]| {
        let remedy = Remedy::new(&facts, findings, &context, &[]);
        remedy.script(ScriptFormat::Sh, Lang::En).contains("qemu-img convert -f")
    };
    assert!(made(&findings));
    let backing = findings.iter_mut().find(|finding| finding.rule == "qcow2-no-backing-file");
    backing.unwrap().status = Status::Waived;
    assert!(!made(&findings));
}

#[test]
fn a_check_never_writes_to_what_the_image_names() {
    for (backing, data) in [(None, None), (Some("b"), None), (None, Some("d"))] {
        let mut facts = good_linux();
        let qcow2 = qcow2_mut(&mut facts);
        qcow2.dirty = true;
        qcow2.backing_file = backing.map(str::to_owned);
        qcow2.data_file_name = data.map(str::to_owned);
        qcow2.external_data_file = data.is_some();
        let script = script(&facts, &[]);
        let alone = backing.is_none() && data.is_none();
        assert_eq!(script.contains("qemu-img check -r all -f"), alone, "{script}");
        assert!(script.contains("# qcow2-features-conservative ("), "{script}");
    }
}

#[test]
fn a_format_that_is_not_read_comes_with_the_command_that_converts_it() {
    let mut facts = good_linux();
    let unread = Unread::new("vhd", "the content of a file in format vhd is not read");
    facts.image.format = Format::Vhd;
    facts.image.qcow2 = None;
    facts.image.content = Fact::Unknown(unread.clone());
    facts.disk = Fact::Unknown(unread.clone());
    facts.firmware = Fact::Unknown(unread.clone());
    facts.guest = Fact::Unknown(unread);
    facts.filesystems.clear();
    let script = script(&facts, &[]);
    assert_eq!(script.matches("#   > qemu-img convert -p -O qcow2 ").count(), 1, "{script}");
}

#[test]
fn a_line_that_is_gone_is_not_changed_again() {
    let edit = |edit| Step::edit("/etc/fstab", edit);
    let seen = "/dev/sda1 /".to_owned();
    let comment = edit(Edit::CommentOut { line: 2, seen: seen.clone() });
    let replace = edit(Edit::Replace { line: 2, seen, new: "UUID=1 /".into() });
    let swap = |line| edit(Edit::Swap { line, old: "a".into(), new: "b".into() });
    assert!(covers(&replace, &comment) && covers(&comment, &replace) && covers(&replace, &swap(2)));
    assert!(!covers(&replace, &swap(3)) && !covers(&swap(2), &swap(3)));
    assert!(covers(&Step::Delete("/etc/fstab".into()), &comment));
}

#[test]
fn each_finding_of_a_broken_machine_is_told() {
    // Whatever fails or warns stands in the script, with steps or with the reason why there are
    // none.
    let mut facts = with_absent_disk("UUID=dead /data");
    linux_mut(&mut facts).os = Fact::unknown("/etc/os-release", "it was torn");
    let context = context(Profile::Huaweicloud);
    let findings = check_all(&facts, &context);
    for format in FORMATS {
        let script = Remedy::new(&facts, &findings, &context, &[]).script(format, Lang::En);
        for finding in &findings {
            // What one reason leaves undecided is told once for all.
            if finding.status == Status::Unverified {
                assert!(script.contains(&finding.rule), "{}", finding.rule);
                continue;
            }
            let told = script.contains(&format!("# {} (", finding.rule));
            let expected = matches!(finding.status, Status::Fail | Status::Warn);
            assert_eq!(told, expected, "{}: {:?}", finding.rule, finding.status);
        }
    }
    assert!(RULES.len() > 50);
}

/// What steps say that end the script.
fn died(steps: &str, directory: &Path) -> String {
    let output = sh(&in_tree(steps), &[], directory);
    assert_eq!(output.status.code(), Some(1), "{steps}\n{output:?}");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn make_fifo(path: &Path) {
    assert!(Command::new("mkfifo").arg(path).status().expect("mkfifo").success());
}

#[test]
fn the_mark_of_a_relabel_follows_no_link_and_waits_for_nobody() {
    let directory = tree();
    let root = directory.path().join("root");
    let outside = directory.path().join("outside");
    fs::write(&outside, "x\n").unwrap();
    fs::create_dir(root.join("etc/selinux")).unwrap();
    fs::write(root.join("etc/selinux/config"), "SELINUX=enforcing\n").unwrap();
    let mark = root.join(".autorelabel");

    symlink(&outside, &mark).unwrap();
    ran("relabel", directory.path());
    assert_eq!(fs::read_to_string(&outside).unwrap(), "x\n");
    fs::remove_file(&mark).unwrap();
    symlink(directory.path().join("absent"), &mark).unwrap();
    ran("relabel", directory.path());
    assert!(!directory.path().join("absent").exists());
    fs::remove_file(&mark).unwrap();
    make_fifo(&mark);
    ran("relabel", directory.path());
    fs::remove_file(&mark).unwrap();
    ran("relabel", directory.path());
    assert_eq!(fs::read(&mark).unwrap(), b"");
}

#[test]
fn a_link_to_a_name_that_ends_in_a_line_break_is_not_followed() {
    let directory = tree();
    let root = directory.path().join("root");
    let outside = directory.path().join("outside");
    fs::create_dir(&outside).unwrap();
    // Without its line break it is the name of a link to this machine's directory.
    symlink(&outside, root.join("a")).unwrap();
    fs::create_dir(root.join("a\n")).unwrap();
    symlink("/a\n", root.join("etc/cloud")).unwrap();
    for step in [
        "put /etc/cloud/x y",
        "append /etc/cloud y",
        "delete /etc/cloud/x",
        "clear_directory /etc/cloud",
        "empty_all /etc/cloud",
        "link /etc/cloud/x y",
        "mount_on /etc/cloud ext4 ''",
    ] {
        let said = died(&format!("mount() {{ touch PWNED; }}\n{step}"), directory.path());
        assert!(said.contains("a link that is not followed"), "{said}");
        assert_eq!(fs::read_dir(&outside).unwrap().count(), 0, "{step}");
    }
    assert!(!directory.path().join("PWNED").exists());
}

#[test]
fn a_file_system_is_mounted_where_it_belongs_and_cannot_stop_the_kernel() {
    let directory = tree();
    let steps = "mount() { say \"$@\"; }\nDEVICE=/dev/loop7\nmount_on / ext4 ''\n\
                 mount_on /boot xfs ,nouuid\nmount_on /home ext2 ''\nbind /home /srv/home";
    let said = ran(steps, directory.path());
    let root = directory.path().join("root");
    let root = root.display();
    let expected = format!(
        "-t ext4 -o nodev,nosuid,errors=remount-ro /dev/loop7 {root}\n\
         -t xfs -o nodev,nosuid,nouuid /dev/loop7 {root}/boot\n\
         -t ext2 -o nodev,nosuid,errors=remount-ro /dev/loop7 {root}/home\n\
         --bind {root}/home {root}/srv/home\n"
    );
    assert_eq!(said, expected);
}

#[test]
fn a_program_of_the_guest_can_neither_leave_its_root_nor_mount_nor_open_a_device() {
    let directory = tree();
    let bin = directory.path().join("bin");
    fs::create_dir(&bin).unwrap();
    let stub = |name: &str, script: &str| {
        let path = bin.join(name);
        fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    };
    stub("unshare", "while [ \"$1\" != -- ]; do shift; done\nshift\nexec \"$@\"");
    for name in ["mount", "mknod", "cp", "capsh", "setpriv"] {
        stub(name, "echo \"${0##*/} $*\" >&2");
    }
    let said = ran("PATH=$PWD/bin:$PATH LOOPS=/dev/loop7\nin_guest yes dracut", directory.path());
    let root = directory.path().join("root").display().to_string();
    let said: Vec<String> = said.lines().map(|line| line.replace(&root, "ROOT")).collect();
    // No device is opened but in /dev, where none can be made.
    let open: Vec<_> = said
        .iter()
        .filter(|line| line.starts_with("mount -") && !line.contains("nodev"))
        .filter(|line| !line.contains("make-rprivate") && !line.starts_with("mount --bind"))
        .collect();
    assert_eq!(
        open,
        [
            "mount -t tmpfs -o nosuid,mode=755 tmpfs ROOT/dev",
            "mount -o remount,bind,ro,nosuid ROOT/dev",
            // Its own terminals alone.
            "mount -t devpts -o nosuid,noexec,newinstance,ptmxmode=666,mode=620 devpts ROOT/dev/pts"
        ]
    );
    let at = |line: &str| said.iter().position(|found| found == line).expect(line);
    assert!(at("cp -a /dev/loop7 ROOT/dev/") < at(open[1]));
    // Nothing of the kernel or of this machine is changed through a file: of those in /proc that are
    // there, /proc/scsi/scsi takes disks away whatever the capabilities of who writes.
    assert!(comment::MOUNT.contains("for name in acpi bus fs irq scsi sys sysrq-trigger; do"));
    for path in ["ROOT/proc/sys", "ROOT/etc/resolv.conf"] {
        at(&format!("mount -o remount,bind,ro,nosuid,nodev {path}"));
    }
    at("mount -t sysfs -o ro,nosuid,nodev,noexec sysfs ROOT/sys");
    let [.., last] = &said[..] else { panic!("{said:#?}") };
    let (limits, run) = last.split_once(" env -i ").unwrap();
    assert_eq!(
        limits,
        "setpriv --inh-caps -all --bounding-set -all,+chown,+dac_override,+fowner,+fsetid,+kill,\
         +setgid,+setuid,+mknod,+audit_write,+setfcap,+sys_chroot,+setpcap"
    );
    assert!(
        run.ends_with(
            "/capsh --drop=cap_sys_chroot,cap_setpcap --chroot=ROOT --shell=/bin/sh -- -ec dracut"
        ),
        "{run}"
    );
}

#[test]
fn a_volume_that_rests_on_a_disk_of_this_machine_is_not_taken() {
    let directory = tree();
    let steps = |below: &str| {
        format!(
            "lsblk() {{ printf '%s\\n' {below}; }}\nvgs() {{ echo ' none-such'; say \"$@\"; }}\n\
             vgchange() {{ say vgchange; }}\nvgmknodes() {{ say vgmknodes; }}\n\
             LOOPS=' /dev/loop7 /dev/loop8'\nactivate vg0; activate vg1\n\
             logical /dev/mapper/vg0-root\nsay \"$DEVICE $GROUP\""
        )
    };
    let said = ran(&steps("'dm-0 lvm' 'dm-3 lvm' 'loop8 loop'"), directory.path());
    let filter = r#"filter=[ "a|^/dev/loop7$|", "a|^/dev/loop8$|", "r|.*|" ]"#;
    let devices = format!("devices {{ use_devicesfile=0 {filter} global_{filter} }}");
    assert!(said.contains(&devices), "{said}");
    assert!(said.ends_with("/dev/mapper/vg0-root  vg0 vg1\n"), "{said}");
    for below in ["'dm-0 lvm' 'sda2 part' 'sda disk'", "'dm-0 lvm'", "'dm-0 lvm' 'loop9 loop'"] {
        assert!(died(&steps(below), directory.path()).contains("a volume of this machine's"));
    }
}

#[test]
fn each_group_is_started_and_each_volume_named_as_the_kernel_does() {
    let mut remedy = remedy(&with_absent_disk("UUID=dead /data"), &[]);
    let layout = remedy.layout.as_mut().unwrap();
    let mut mounted = layout.mounts[0].clone();
    for (group, logical, path) in [("a-b", "c-d", "/etc"), ("x", "y", "/etc/x"), ("x", "z", "/e")] {
        mounted.place = Place::Logical(group.to_owned(), logical.to_owned());
        path.clone_into(&mut mounted.path);
        layout.mounts.push(mounted.clone());
    }
    remedy.repairs[0].steps.push(Step::Delete("/etc/x/y".to_owned()));
    remedy.repairs[0].steps.push(Step::Delete("/e/y".to_owned()));
    let script = remedy.script(ScriptFormat::Sh, Lang::En);
    let lines = |word: &str| -> Vec<&str> {
        script.lines().filter_map(|line| line.strip_prefix(word)).collect()
    };
    assert_eq!(lines("activate "), ["a-b", "x"]);
    let nodes = ["/dev/mapper/a--b-c--d", "/dev/mapper/x-y", "/dev/mapper/x-z"];
    assert_eq!(lines("logical "), nodes);
}

#[test]
fn a_name_that_lvm_would_not_give_is_not_used() {
    for name in ["vg0", "a-b", "a.b+c_d", "..."] {
        assert!(layout::is_lvm_name(name), "{name}");
    }
    for name in ["", ".", "..", "-ay", "a/b", "./loop77", "a b", "a\nb", "a*"] {
        assert!(!layout::is_lvm_name(name), "{name}");
    }
}

#[test]
fn a_bind_mount_is_no_second_device() {
    let mut facts = with_absent_disk("UUID=dead /data");
    let root = linux_mut(&mut facts).mounts[0].clone();
    let shown = MountFacts { path: "/srv/etc".to_owned(), ..root };
    linux_mut(&mut facts).mounts.push(shown);
    let mut entry = mount(8, absent_disk(), "/srv/etc", "none");
    entry.source.spec = "/etc".to_owned();
    entry.options = vec!["bind".to_owned()];
    fstab_mut(&mut facts).entries.push(entry);
    let fstab = &["fstab-no-nonsystem-mounts"];
    let mut remedy = remedy(&facts, fstab);
    let script = remedy.script(ScriptFormat::Sh, Lang::En);
    assert_eq!(script.matches("\npart ").count(), 1, "{script}");
    assert!(!script.contains("\nbind "), "{script}");
    // What a step changes below it is seen through it.
    remedy.repairs[0].steps.push(Step::Delete("/srv/etc/x".to_owned()));
    let script = remedy.script(ScriptFormat::Sh, Lang::En);
    assert_eq!(script.matches("\npart ").count(), 1, "{script}");
    assert!(script.contains("\nmount_on / ext4 ''\nbind /etc /srv/etc\n"), "{script}");
}

#[test]
fn what_a_unit_asks_for_is_a_unit_and_replaces_none() {
    let directory = tree();
    let root = directory.path().join("root");
    let etc = root.join("etc/systemd/system");
    fs::create_dir_all(&etc).unwrap();
    let unit = "[Install]\nWantedBy=* ../x.target .. a.conf %i.target good.target\n\
                Alias=a.socket .service /x.service ssh.service real.service also.service\n\
                RequiredBy=held.target last.target\n";
    fs::write(etc.join("real.service"), "its own\n").unwrap();
    fs::create_dir_all(etc.join("held.target.requires/ssh.service")).unwrap();
    fs::create_dir_all(root.join("usr/lib/systemd/system")).unwrap();
    fs::write(root.join("usr/lib/systemd/system/ssh.service"), unit).unwrap();
    symlink("../../../dev/null", etc.join("ssh.service")).unwrap();
    let said = ran("enable ssh.service", directory.path());
    assert_eq!(said.matches("left out").count(), 10, "{said}");
    let mut names: Vec<_> = fs::read_dir(&etc).unwrap().map(|e| e.unwrap().file_name()).collect();
    names.sort();
    let expected = [
        "also.service",
        "good.target.wants",
        "held.target.requires",
        "last.target.requires",
        "real.service",
        "ssh.service",
    ];
    assert_eq!(names, expected);
    assert_eq!(fs::read_to_string(etc.join("real.service")).unwrap(), "its own\n");
    for name in ["..", ".", "ssh", "*", "x.conf"] {
        assert!(ran(&format!("enable '{name}'"), directory.path()).contains("left out"), "{name}");
    }
}

#[test]
fn what_cannot_be_written_is_left_out_and_the_others_go_on() {
    let directory = tree();
    let root = directory.path().join("root");
    make_fifo(&root.join("etc/fifo"));
    fs::create_dir(root.join("etc/directory")).unwrap();
    fs::write(root.join("etc/file"), "x\n").unwrap();
    let steps = [
        "edit /etc/fifo s/x/y/",
        "append /etc/fifo y",
        "put /etc/directory y",
        "empty /etc/file/x",
        "put /etc/file/x y",
        "link /etc/directory y",
        "rename /etc/file /etc/directory",
        "empty_all /etc/absent",
    ];
    let said = ran(&format!("{}\nedit /etc/file s/x/y/", steps.join("\n")), directory.path());
    assert_eq!(said.matches("left out").count(), steps.len(), "{said}");
    assert_eq!(fs::read_to_string(root.join("etc/file")).unwrap(), "y\n");
}

#[test]
fn the_code_for_a_copy_is_given_for_a_copy_alone() {
    let directory = tree();
    for (command, code) in [("sh -c 'exit 3'", 1), ("exit 0", 1), ("kill -TERM $$; sleep 9", 143)] {
        let steps = format!(
            "release() {{ kill -TERM $$; say released; }}\ntrap leave EXIT\n\
             trap 'exit 143' TERM\n{command}"
        );
        let output = sh(&in_tree(&steps), &[], directory.path());
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{command}: {said}");
        assert!(said.contains("released\n") && said.contains("no copy was made"), "{said}");
        fs::create_dir(directory.path().join("work")).unwrap();
    }
}

/// What the head of the script for an image of this path takes `OUTPUT` for.
fn default_output(path: &str, arguments: &[&str], lang: Lang) -> Output {
    let mut facts = with_absent_disk("UUID=dead /data");
    path.clone_into(&mut facts.image.path);
    let script = remedy(&facts, &[]).script(ScriptFormat::Sh, lang);
    assert!(!script.contains(['\u{1b}', '\u{202e}']), "{script}");
    let (head, _) = script.split_once("\nsay() {").unwrap();
    sh(&format!("{head}\nprintf %s \"$OUTPUT\""), arguments, Path::new("/"))
}

#[test]
fn the_copy_lies_beside_the_image_but_for_a_device() {
    for (path, arguments, expected) in [
        ("a.b.qcow2", &[][..], "./a.b-repaired.qcow2"),
        ("/x y/a", &[], "/x y/a-repaired.qcow2"),
        ("-a.raw", &[], "./-a-repaired.qcow2"),
        ("/dev/mapper/a", &[], "./a-repaired.qcow2"),
        ("a", &["/dev/sdb"], "./sdb-repaired.qcow2"),
        ("a", &["d/b.c"], "d/b-repaired.qcow2"),
        ("a", &["d/b.c", "/dev/shm/x"], "/dev/shm/x"),
    ] {
        let output = default_output(path, arguments, Lang::En);
        assert_eq!(String::from_utf8_lossy(&output.stdout), expected, "{path} {arguments:?}");
    }
}

#[test]
fn an_image_whose_name_shows_as_another_is_to_be_named_by_the_user() {
    for path in ["a\u{1b}[2J", "a\u{202e}b", "a\u{fffd}b", "a\nb"] {
        for lang in [Lang::En, Lang::ZhCn] {
            assert!(!default_output(path, &[], lang).status.success(), "{path:?}");
            let named = default_output(path, &["d/b.c"], lang);
            assert_eq!(String::from_utf8_lossy(&named.stdout), "d/b-repaired.qcow2");
        }
    }
}

#[test]
fn a_link_that_leads_nowhere_stands_in_the_way_of_the_copy() {
    let directory = tree();
    fs::write(directory.path().join("image"), "12345").unwrap();
    symlink("nowhere", directory.path().join("out")).unwrap();
    let steps = "command() { :; }\nIMAGE=image OUTPUT=out SIZE=5\nstart";
    assert!(died(steps, directory.path()).contains("not overwritten"));
}
