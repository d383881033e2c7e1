//! The command line as a user or a pipeline meets it: sentences, exit codes, forms of the report.

#![cfg(feature = "cli")]
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    reason = "for tests"
)]

mod program;

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use program::{testdata, text};

fn run(args: &[&str]) -> Output {
    program::run(Path::new("."), args, "")
}

fn guest(name: &str) -> String {
    testdata(&format!("guests/{name}"))
}

/// The code, and all that was printed; no panic and no backtrace may be in it.
fn said(args: &[&str]) -> (i32, String) {
    let output = run(args);
    let all = text(&output.stdout) + &text(&output.stderr);
    assert!(!all.contains("panicked") && !all.contains("RUST_BACKTRACE"), "{all}");
    (output.status.code().unwrap(), all)
}

fn file(folder: &Path, name: &str, content: &[u8]) -> String {
    let path = folder.join(name);
    fs::write(&path, content).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn a_file_that_cannot_be_read_ends_with_one_sentence_and_exit_code_2() {
    let folder = tempfile::tempdir().unwrap();
    for path in ["/no/such/file.qcow2", folder.path().to_str().unwrap()] {
        let (code, all) = said(&["check", "--quiet", path]);
        assert_eq!(code, 2, "{all}");
        assert_eq!(all.lines().count(), 1, "{all}");
        assert!(all.contains(path), "{all}");
    }
}

#[test]
fn the_report_never_overwrites_an_image() {
    let folder = tempfile::tempdir().unwrap();
    let image = file(folder.path(), "disk.raw", b"precious");
    let link = folder.path().join("report.txt");
    fs::hard_link(&image, &link).unwrap();
    for output in [&*image, link.to_str().unwrap()] {
        let (code, all) = said(&["check", &image, "--output", output]);
        assert_eq!(code, 2, "{all}");
        assert!(all.contains("overwrite"), "{all}");
        assert_eq!(fs::read(&image).unwrap(), b"precious");
    }
}

#[test]
fn what_is_no_disk_image_fails_format_supported() {
    let folder = tempfile::tempdir().unwrap();
    let zeros = folder.path().join("zeros.raw");
    fs::File::create(&zeros).unwrap().set_len(1 << 30).unwrap();
    for path in [
        file(folder.path(), "empty.qcow2", b""),
        file(folder.path(), "text.img", "a text file\n".repeat(100).as_bytes()),
        file(folder.path(), "short", b"x"),
        zeros.to_str().unwrap().to_owned(),
    ] {
        let (code, all) = said(&["check", "--quiet", &path]);
        assert_eq!(code, 1, "{all}");
        assert!(all.contains("format-supported"), "{all}");
    }
}

#[test]
fn a_qcow2_cut_at_any_place_never_passes() {
    let folder = tempfile::tempdir().unwrap();
    let whole = fs::read(guest("good.qcow2")).unwrap();
    for percent in [0, 1, 5, 20, 50, 80, 95, 99] {
        let cut = file(folder.path(), "cut.qcow2", &whole[..whole.len() * percent / 100]);
        let (code, all) = said(&["check", "--quiet", &cut]);
        assert_ne!(code, 0, "cut at {percent} %: {all}");
    }
}

#[test]
fn one_bad_image_never_hides_the_others_and_the_worst_decides() {
    let good = guest("good.qcow2");
    let (code, all) = said(&["check", "--quiet", &good, "/no/such/file", &good]);
    assert_eq!(code, 2);
    assert_eq!(all.matches("PASS").count(), 2, "{all}");
    assert_eq!(all.matches("ERROR").count(), 1, "{all}");
}

#[test]
fn the_json_report_has_the_shape_of_its_contract() {
    let output = run(&["check", "--format", "json", &guest("good.qcow2"), "/no/such/file"]);
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["schema_version"], "1");
    assert_eq!(report["tool"]["name"], "image-preflight");
    assert_eq!(report["profile"], "ims-classic");
    let good = &report["reports"][0];
    assert_eq!(good["image"]["format"], "qcow2");
    assert!(good["image"]["virtual_size"].is_u64());
    assert_eq!(good["guest"]["os"], "linux");
    assert_eq!(good["verdict"], "pass");
    assert!(good["error"].is_null());
    let findings = good["findings"].as_array().unwrap();
    let mut counted = 0;
    for (status, count) in good["summary"].as_object().unwrap() {
        let found = findings.iter().filter(|finding| finding["status"] == *status).count();
        assert_eq!(count.as_u64().unwrap(), found as u64, "{status}");
        counted += found;
    }
    assert_eq!(counted, findings.len());
    for finding in findings {
        for key in ["rule", "level", "status", "message", "source"] {
            assert!(!finding[key].as_str().unwrap().is_empty(), "{key}: {finding}");
        }
        if finding["status"] == "pass" {
            assert!(!finding["evidence"].as_array().unwrap().is_empty(), "{finding}");
        }
    }
    let missing = &report["reports"][1];
    assert_eq!(missing["verdict"], "error");
    assert!(missing["error"].as_str().unwrap().contains("/no/such/file"));
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn json_lines_are_the_elements_of_the_json_report() {
    let good = guest("good.qcow2");
    let json = run(&["check", "--format", "json", &good, &good]);
    let report: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
    let lines = text(&run(&["check", "--format", "json-lines", &good, &good]).stdout);
    assert_eq!(lines.lines().count(), 2);
    for (line, element) in lines.lines().zip(report["reports"].as_array().unwrap()) {
        let mut line: serde_json::Value = serde_json::from_str(line).unwrap();
        let line = line.as_object_mut().unwrap();
        assert_eq!(line.remove("schema_version").unwrap(), "1");
        assert_eq!(line.remove("profile").unwrap(), "ims-classic");
        assert_eq!(line.remove("fail_on").unwrap(), report["fail_on"]);
        assert_eq!(line.remove("tool").unwrap(), report["tool"]);
        assert_eq!(&serde_json::Value::Object(line.clone()), element);
    }
}

#[test]
fn the_report_speaks_chinese_when_asked_and_by_the_locale() {
    let good = guest("good.qcow2");
    let (_, asked) = said(&["check", "--lang", "zh-CN", &good]);
    assert!(asked.contains("通过"), "{asked}");
    let output = Command::new(env!("CARGO_BIN_EXE_image-preflight"))
        .env_clear()
        .env("LANG", "zh_CN.UTF-8")
        .args(["check", &good])
        .output()
        .unwrap();
    assert_eq!(text(&output.stdout), asked);
}

#[test]
fn colour_is_only_written_when_asked_for() {
    let good = guest("good.qcow2");
    let (_, plain) = said(&["check", &good]);
    assert!(!plain.contains('\x1b'));
    let (_, coloured) = said(&["check", "--color", "always", &good]);
    assert!(coloured.contains('\x1b'));
}

#[test]
fn a_report_can_be_written_to_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("report.json");
    let output = run(&[
        "check",
        "--format",
        "json",
        "--output",
        path.to_str().unwrap(),
        &guest("good.qcow2"),
    ]);
    assert_eq!(output.status.code(), Some(0));
    assert!(output.stdout.is_empty());
    let report: serde_json::Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    assert_eq!(report["reports"][0]["verdict"], "pass");
}

#[test]
fn every_rule_is_listed_and_explained() {
    let (code, list) = said(&["rules"]);
    assert_eq!(code, 0);
    assert!(list.lines().count() > 40);
    for line in list.lines() {
        let id = line.split_whitespace().next().unwrap();
        let (code, page) = said(&["explain", id]);
        assert_eq!(code, 0);
        assert!(page.starts_with(id), "{page}");
        let (code, page) = said(&["explain", "--lang", "zh-CN", id]);
        assert_eq!(code, 0);
        assert!(page.contains("要求"), "{page}");
    }
}

#[test]
fn an_unknown_rule_gets_a_suggestion() {
    let (code, all) = said(&["explain", "fstab-uid"]);
    assert_eq!(code, 2);
    assert!(all.contains("fstab-uuid"), "{all}");
}

#[test]
fn ls_and_cat_show_what_the_checker_sees() {
    let good = guest("good.qcow2");
    let (code, list) = said(&["ls", &good, "/"]);
    assert_eq!(code, 0);
    for name in ["etc", "boot"] {
        assert!(list.lines().any(|line| line.starts_with('d') && line.ends_with(name)), "{list}");
    }
    let (code, fstab) = said(&["cat", &good, "/etc/fstab"]);
    assert_eq!(code, 0);
    assert!(fstab.contains("UUID="), "{fstab}");
    let (code, all) = said(&["cat", &good, "/etc/no-such-file"]);
    assert_eq!(code, 2);
    assert!(all.contains("/etc/no-such-file: no such file"), "{all}");
    let unread = guest("qcow2-backing-file.qcow2");
    let (code, all) = said(&["ls", "--volume", "1", &unread, "/"]);
    assert_eq!(code, 2);
    assert!(all.contains("depends on the backing file"), "{all}");
}

#[test]
fn a_volume_that_is_no_partition_is_looked_into_by_its_name() {
    for (image, volume) in [
        ("lvm-root.qcow2", "system/root"),
        ("whole-disk-file-system.qcow2", "whole disk"),
        ("good.qcow2", "1"),
    ] {
        let (code, list) = said(&["ls", "-q", "--volume", volume, &guest(image), "/"]);
        assert_eq!(code, 0, "{list}");
        assert!(list.lines().any(|name| name == "etc"), "{list}");
    }
    for (volume, words) in [("0", "no partition 0"), ("system/swap", "no volume system/swap")] {
        let (code, all) = said(&["ls", "--volume", volume, &guest("lvm-root.qcow2"), "/"]);
        assert_eq!(code, 2);
        assert!(all.contains(words), "{all}");
    }
}

#[test]
fn inspect_prints_the_facts_that_the_rules_see() {
    let good = guest("good.qcow2");
    let output = run(&["inspect", "--format", "json", &good]);
    let facts: image_preflight::guest::facts::Facts =
        serde_json::from_slice(&output.stdout).unwrap();
    assert!(facts.disk.known().is_some());
    let (code, all) = said(&["inspect", &good]);
    assert_eq!(code, 0);
    assert!(all.contains("ext4"), "{all}");
}

/// What was done to each guest stands in `xtask/src/testdata/defects.rs`.
#[test]
fn inspect_shows_what_a_linux_guest_starts_and_whom_it_lets_in() {
    for (name, lines) in [
        (
            "good",
            &[
                "kernel         6.1.0-56-amd64, default",
                "initramfs      /boot/initrd.img-6.1.0-56-amd64: 34 modules",
                "account        root (0): has a password (sha512-crypt)",
                "interface      eth0 (/etc/network/interfaces:7): IPv4 DHCP, IPv6 none",
                "first card     eth0 (",
                "SSH server     1:9.2p1-2+deb12u10 (/usr/sbin/sshd)",
                "SSH server     ssh.service: enabled (",
                "firewall       none is started",
                "cloud-init     cloud-final: enabled (",
                "data sources   OpenStack (/etc/cloud/cloud.cfg.d/90-openstack.cfg:1)",
            ][..],
        ),
        ("good-centos-7", &["network by     NetworkManager: enabled ("]),
        ("cloud-init-disabled", &["cloud-init     turned off (/etc/cloud/cloud-init.disabled: "]),
        ("cloud-init-masked", &["cloud-init     cloud-init: masked ("]),
        ("root-locked-without-cloud-init", &["account        root (0): password locked"]),
        ("root-password-without-cloud-init", &["cloud-init     not installed"]),
        ("initrd-missing", &["initramfs      unknown: /boot/grub/grub.cfg:100: "]),
        ("initramfs-damaged", &[": 0 modules seen, the rest unknown: /boot/initrd.img-6.1.0-56-"]),
    ] {
        let (code, all) = said(&["inspect", &guest(&format!("{name}.qcow2"))]);
        assert_eq!(code, 0);
        for line in lines {
            assert!(all.contains(line), "{name}: {line}\n{all}");
        }
    }
}

/// The commands, as the short help lists them.
fn commands() -> Vec<String> {
    let (_, help) = said(&["-h"]);
    let list = help.split_once("Commands:\n").unwrap().1.split_once("\n\n").unwrap().0;
    let names = list.lines().filter(|line| line.starts_with("  ") && !line.starts_with("    "));
    names.map(|line| line.split_whitespace().next().unwrap().to_owned()).collect()
}

#[test]
fn the_long_help_of_each_command_has_examples_and_exit_codes() {
    let commands = commands();
    assert!(commands.len() > 12, "{commands:?}");
    for command in commands.iter().filter(|name| *name != "help") {
        let (code, long) = said(&[command, "--help"]);
        assert_eq!(code, 0);
        assert!(long.contains("\nExamples:\n"), "{command}: {long}");
        assert!(long.contains("image-preflight "), "{command}: {long}");
        assert!(long.contains("  2  the call could not be carried out"), "{command}: {long}");
        let of_body = command == "request";
        assert_eq!(long.contains("  1  the body breaks a required rule"), of_body, "{command}");
        let judges = ["check", "merge"].contains(&command.as_str());
        for line in ["  0  every required rule", "  1  a required rule", "  3  nothing is"] {
            assert_eq!(long.contains(line), judges, "{command}: {long}");
        }
        let (_, short) = said(&[command, "-h"]);
        assert!(short.len() < long.len() && !short.contains("Examples:"), "{command}");
    }
    let (_, help) = said(&["check", "-h"]);
    let places = ["What to check:", "Requirements:", "Output:"].map(|head| help.find(head));
    assert!(places.iter().all(Option::is_some) && places.is_sorted(), "{help}");
}

#[test]
fn what_was_probably_meant_is_said() {
    let good = guest("good.qcow2");
    for (args, meant) in [
        (&["check", &good, "--profile", "otcc"][..], "did you mean otc?"),
        (&["rules", "--profile", "huaweiclod"], "did you mean huaweicloud?"),
        (&["explain", "uuid-fstab"], "did you mean fstab-uuid"),
        (&["explain", "IMG.57"], "did you mean IMG.0057?"),
        (&["check", &good, "--format", "jsn"], "'json'"),
        (&["chekc"], "'check'"),
    ] {
        let (code, all) = said(args);
        assert_eq!(code, 2, "{all}");
        assert!(all.contains(meant), "{args:?}: {all}");
    }
}

#[test]
fn less_and_more_are_said_when_asked_for() {
    let good = guest("good.qcow2");
    let (_, ids) = said(&["rules", "-q"]);
    let (_, list) = said(&["rules"]);
    assert_eq!(ids.lines().count(), list.lines().count());
    for (id, line) in ids.lines().zip(list.lines()) {
        assert_eq!(line.split_whitespace().next(), Some(id));
    }
    let (_, names) = said(&["ls", "-q", &good, "/"]);
    assert!(names.lines().any(|name| name == "etc"), "{names}");
    assert_eq!(names.lines().count(), said(&["ls", &good, "/"]).1.lines().count());
    let output = run(&["os-version", &good]);
    let quiet = run(&["os-version", "--quiet", &good]);
    assert_eq!(output.stdout, quiet.stdout);
    assert!(text(&output.stderr).contains("nearest") && quiet.stderr.is_empty());
    let (_, short) = said(&["inspect", "-q", &good]);
    assert_eq!(short.lines().count(), 2, "{short}");
    let verbose = text(&run(&["cat", "-v", &good, "/etc/fstab"]).stderr);
    assert!(verbose.contains("Landlock") && verbose.contains("seccomp"), "{verbose}");
}

#[test]
fn one_who_has_read_enough_is_no_error() {
    for args in [&["rules"][..], &["explain"], &["--help"], &["completions", "bash"], &["man"]] {
        let mut child = Command::new(env!("CARGO_BIN_EXE_image-preflight"))
            .args(args)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        assert_eq!(text(&output.stderr), "", "{args:?}");
    }
}

#[test]
fn the_version_in_full_says_what_a_bug_report_needs() {
    let (code, short) = said(&["--version"]);
    assert_eq!((code, short.lines().count()), (0, 1));
    for args in [&["--version", "--verbose"][..], &["--verbose", "--version"], &["-Vv"]] {
        let (code, all) = said(args);
        assert_eq!(code, 0);
        assert!(all.starts_with(&short), "{all}");
        for word in [
            std::env::consts::ARCH,
            "ims-classic",
            "values of os_version",
            "language     en",
            "no terminal, 100 columns, no colour",
            "processors",
            "Landlock is",
            "seccomp is",
        ] {
            assert!(all.contains(word), "{word}: {all}");
        }
    }
}

#[test]
fn the_version_in_full_says_the_language_of_the_call() {
    for args in [&["--version", "-v", "--lang", "zh-CN"][..], &["-Vv", "--lang=zh-CN"]] {
        let (_, all) = said(args);
        assert!(all.contains("language     zh-CN"), "{all}");
    }
}

#[test]
fn inspect_shows_the_marks_of_a_container() {
    let (_, all) = said(&["inspect", &guest("qcow2-corrupt.qcow2")]);
    assert!(all.contains("0 pieces of damage, marked as corrupt"), "{all}");
}

#[test]
fn a_trace_goes_to_standard_error_and_changes_no_report() {
    let good = guest("good.qcow2");
    let plain = run(&["check", &good]);
    let traced = Command::new(env!("CARGO_BIN_EXE_image-preflight"))
        .env_clear()
        .env("RUST_LOG", "image_preflight=debug")
        .args(["check", &good])
        .output()
        .unwrap();
    assert_eq!(plain.stdout, traced.stdout);
    assert!(plain.stderr.is_empty());
    let trace = text(&traced.stderr);
    for words in [
        "image: container path=",
        "format=qcow2",
        "disk: volume volume=partition 1",
        "kind=ext4",
        "kind=RootDevice state=Found",
        "facts of=accounts took ",
        "judged rule=fstab-uuid status=Pass",
    ] {
        assert!(trace.contains(words), "{words}: {trace}");
    }
    let only = Command::new(env!("CARGO_BIN_EXE_image-preflight"))
        .env_clear()
        .env("RUST_LOG", "image_preflight::disk=debug")
        .args(["check", "-q", &good])
        .output()
        .unwrap();
    let trace = text(&only.stderr);
    assert!(!trace.is_empty() && trace.lines().all(|line| line.contains(" disk: ")), "{trace}");
}

#[test]
fn a_name_with_terminal_sequences_is_shown_in_a_trace_not_obeyed() {
    let folder = tempfile::tempdir().unwrap();
    let image = file(folder.path(), "a\x1b[31m\nb.raw", &[0; 1024]);
    let output = Command::new(env!("CARGO_BIN_EXE_image-preflight"))
        .env_clear()
        .env("RUST_LOG", "debug")
        .args(["check", "-q", &image])
        .output()
        .unwrap();
    let trace = text(&output.stderr);
    assert!(trace.contains("a\\u{1b}[31m\\u{a}b.raw"), "{trace}");
    assert!(trace.lines().all(|line| line.starts_with('[')), "{trace}");
}

#[test]
fn colour_follows_the_variables_that_decide_of_it() {
    let good = guest("good.qcow2");
    let coloured = |name: &str, value: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_image-preflight"));
        let output = command.env_clear().env(name, value).args(["check", &good]).output().unwrap();
        text(&output.stdout).contains('\x1b')
    };
    assert!(coloured("CLICOLOR_FORCE", "1"));
    assert!(!coloured("NO_COLOR", "1"));
    assert!(!coloured("TERM", "dumb"));
}

#[test]
fn errors_come_in_the_language_of_the_call() {
    for (args, words) in [
        (&["check", "-q", "/no/such/file"][..], "文件或目录不存在"),
        (&["check", "-"], "无法从标准输入读取镜像"),
        (&["explain", "fstab-uid"], "是否指fstab-uuid？"),
        (&["rules", "--profile", "otcc"], "是否指otc？"),
        (&["ls", &guest("good.qcow2"), "/nowhere"], "/nowhere：文件或目录不存在"),
        (&["inspect", "/dev/null"], "是字符设备"),
    ] {
        let (code, all) = said(&[&["--lang", "zh-CN"], args].concat());
        assert_eq!(code, 2);
        assert!(all.contains(words), "{args:?}: {all}");
    }
    let (_, facts) = said(&["--lang", "zh-CN", "inspect", &guest("good.qcow2")]);
    for words in ["分区表", "未正常卸载", "分区1", "内核命令行"] {
        let is_there = facts.contains(words);
        assert_eq!(is_there, words != "未正常卸载", "{words}: {facts}");
    }
}

#[test]
fn no_error_is_said_half_in_chinese() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str, content: &str| file(folder.path(), name, content.as_bytes());
    let good = guest("good.qcow2");
    let absent = folder.path().join("absent").to_str().unwrap().to_owned();
    let empty = at("empty", "");
    let (json, variant) = (at("r.json", "[]"), at("a.toml", "lang = \"de\""));
    let (number, double) = (at("b.toml", "waivers = 3"), at("c.toml", "lang='en'\nlang='en'"));
    let (below, unread) = (format!("{good}/x"), guest("qcow2-backing-file.qcow2"));
    let typed = r#"{"schema_version":"1","tool":{"name":"image-preflight","version":"1"},"#;
    let typed = at("typed.json", &format!("{typed}\"profile\":\"otc\",\"reports\":3}}"));
    for (args, words) in [
        (&["merge", &absent][..], "无法读取报告"),
        (&["merge", &json], "不是image-preflight的报告：长度0不符，应为含4个成员的对象"),
        (&["merge", &empty], "不是image-preflight的报告：内容为空"),
        (&["check", &good, "--baseline", &absent], "无法读取报告"),
        (&["merge", &typed], "报告：类型不符：integer `3`，应为数组（第1行第"),
        (&["ls", "--volume", "1", &unread, "/"], "镜像：qcow2文件头（字节8）：本程序不读取依赖"),
        (&["ls", "--volume", "7", &good, "/"], "：没有分区7"),
        (&["cat", "--volume", "a/b", &good, "/"], "：没有卷a/b"),
        (&["check", &below], "：不是目录"),
        (&["check", &good, "--output", folder.path().to_str().unwrap()], "：是目录"),
        (&["check", &good, "--password-file", &empty], "：密码为空"),
        (&["request", "--body", &absent], "请求体"),
        (&["request", &good, "--image-url", "b:x", "--tag", "x"], "--tag x：应为KEY=VALUE"),
        (&["remedy", &good, "--rule", "fstab"], "没有名为"),
        (&["--config", &variant, "check", &good], "未知的取值`de`，应为`en`或`zh-CN`"),
        (&["--config", &number, "check", &good], "类型不符：integer `3`，应为数组"),
        (&["--config", &double, "check", &good], "键重复"),
        (&["--config", &absent, "check", &good], "无法读取"),
    ] {
        let (code, all) = said(&[&["--lang", "zh-CN"], args].concat());
        assert_eq!(code, 2, "{args:?}: {all}");
        assert!(all.contains(words) && !all.contains(" (os error "), "{args:?}: {all}");
    }
    let waiver =
        |rule: &str, more: &str| format!("[[waivers]]\nrule = \"{rule}\"\nreason = \"x\"\n{more}");
    let waivers = [
        waiver("fstab-uuid", ""),
        waiver("grub-timeout", "expires = 2020-01-01\n"),
        waiver("sshd-enabled", "image = \"other\"\n"),
    ];
    let config = at("w.toml", &waivers.concat());
    let args = ["--lang", "zh-CN", "--config", &config, "check", "-v", &good];
    let notes = text(&run(&args).stderr);
    for words in
        ["w.toml:2：对fstab-uuid的豁免没有", "grub-timeout的豁免已于2020-01-01过期", "无关"]
    {
        assert!(notes.contains(words), "{notes}");
    }
    let english = text(&run(&["--lang", "en", "--config", &config, "check", &good]).stderr);
    assert!(english.contains("w.toml:2: the waiver of fstab-uuid set nothing aside"), "{english}");
    let broken = guest("fstab-data-disk.qcow2");
    let before = folder.path().join("before.json");
    let before = before.to_str().unwrap();
    said(&["check", "--format", "json", "--output", before, &broken]);
    let (_, all) = said(&["--lang", "zh-CN", "check", "-v", &broken, "--baseline", before]);
    assert!(all.contains("中已有") && !all.contains("known from"), "{all}");
}
