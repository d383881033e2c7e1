//! Folders, patterns and shards.

#![cfg(feature = "cli")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "for tests")]

mod program;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Output;

use program::{testdata, text};

fn run(folder: &Path, args: &[&str]) -> Output {
    program::run(folder, args, "")
}

/// The images of a report, as it names them.
fn images(output: &Output) -> Vec<String> {
    text(&output.stdout)
        .lines()
        .map(|line| {
            let report: serde_json::Value = serde_json::from_str(line).unwrap();
            report["image"]["path"].as_str().unwrap().to_owned()
        })
        .collect()
}

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let good = testdata("guests/data-disk-only.qcow2");
    for name in ["b/2.qcow2", "b/1.QCOW2", "a/x.img", "a/notes.txt", "a/deep/er/y.raw"] {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::copy(&good, path).unwrap();
    }
    folder
}

#[test]
fn a_folder_is_walked_when_it_is_asked_for() {
    let folder = folder();
    let output = run(folder.path(), &["check", ".", "--recursive", "--format", "json-lines"]);
    assert_eq!(images(&output), ["./a/deep/er/y.raw", "./a/x.img", "./b/1.QCOW2", "./b/2.qcow2"]);
    let output = run(folder.path(), &["check", "a"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stdout).contains("a: "), "{}", text(&output.stdout));
    fs::create_dir(folder.path().join("empty")).unwrap();
    let output = run(folder.path(), &["check", "empty", "--recursive"]);
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn a_pattern_that_no_shell_expanded_is_expanded() {
    let folder = folder();
    let output = run(folder.path(), &["check", "*/?.qcow2", "--format", "json-lines"]);
    assert_eq!(images(&output), ["b/2.qcow2"]);
    let output = run(folder.path(), &["check", "*.iso"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stdout).contains("*.iso matches no file"));
    // A name that only looks like one is a file.
    fs::copy(folder.path().join("b/2.qcow2"), folder.path().join("[1].qcow2")).unwrap();
    let output = run(folder.path(), &["check", "[1].qcow2", "--format", "json-lines"]);
    assert_eq!(images(&output), ["[1].qcow2"]);
}

#[test]
fn what_is_no_image_has_a_report_of_its_own_and_hides_no_other() {
    let folder = folder();
    let odd = folder.path().join("odd");
    fs::create_dir(&odd).unwrap();
    std::os::unix::fs::symlink("nowhere", odd.join("gone.qcow2")).unwrap();
    fs::create_dir(folder.path().join("empty")).unwrap();
    let check = ["check", "--format", "json-lines"];
    for (args, paths, wrong) in [
        (&["-R", "odd", "a/x.img"][..], &["odd/gone.qcow2", "a/x.img"][..], 0),
        (&["[old].qcow2", "a/x.img"], &["[old].qcow2", "a/x.img"], 0),
        (&["a/x.img", "-R", "empty"], &["a/x.img", "empty"], 1),
        (&["-R", "*/deep"], &["a/deep/er/y.raw"], usize::MAX),
        // Each once.
        (&["-R", "a/deep/er/y.raw", "a/deep", "a/*/*/y.raw"], &["a/deep/er/y.raw"], usize::MAX),
    ] {
        let output = run(folder.path(), &[&check[..], args].concat());
        assert_eq!(images(&output), paths, "{args:?}");
        let errors: Vec<bool> = text(&output.stdout)
            .lines()
            .map(|line| line.contains("\"verdict\":\"error\""))
            .collect();
        let expected: Vec<bool> = (0..paths.len()).map(|index| index == wrong).collect();
        assert_eq!(errors, expected, "{args:?}: {}", text(&output.stdout));
    }
    let output = run(folder.path(), &["check", "a", "--lang", "en"]);
    assert!(text(&output.stdout).contains("--recursive checks the images in it"));
}

#[test]
fn an_old_report_does_not_stay_where_the_new_one_is_empty() {
    let folder = folder();
    let file = folder.path().join("report.jsonl");
    fs::write(&file, "old").unwrap();
    let args = ["check", "a/x.img", "--format", "json-lines", "-o", "report.jsonl", "--shard"];
    // One of two shards has the image.
    let both: Vec<String> = ["1/2", "2/2"]
        .into_iter()
        .map(|shard| {
            fs::write(&file, "old").unwrap();
            run(folder.path(), &[&args[..], &[shard]].concat());
            fs::read_to_string(&file).unwrap()
        })
        .collect();
    assert!(both.contains(&String::new()), "{both:?}");
    assert!(both.iter().all(|report| report != "old"), "{both:?}");
    // What is read is never written over.
    fs::write(folder.path().join("own.toml"), "lang = \"en\"\n").unwrap();
    for read in [["--config", "own.toml"], ["--password-file", "own.toml"]] {
        let args = ["check", "a/x.img", "-o", "own.toml"];
        let output = run(folder.path(), &[&args[..], &read].concat());
        assert_eq!(output.status.code(), Some(2));
        assert!(text(&output.stderr).contains("would overwrite own.toml"), "{read:?}");
    }
}

#[test]
fn standard_input_is_refused_with_the_reason() {
    let folder = folder();
    let output = run(folder.path(), &["check", "-"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("standard input"));
}

#[test]
fn shards_together_are_the_whole() {
    let folder = folder();
    let all = ["check", ".", "--recursive", "--format", "json-lines"];
    let whole: BTreeSet<_> = images(&run(folder.path(), &all)).into_iter().collect();
    let mut together = Vec::new();
    for shard in ["1/3", "2/3", "3/3"] {
        let args: Vec<&str> = all.iter().copied().chain(["--shard", shard]).collect();
        let output = run(folder.path(), &args);
        assert_ne!(output.status.code(), Some(2), "{}", text(&output.stderr));
        together.extend(images(&output));
    }
    assert_eq!(together.len(), whole.len());
    assert_eq!(together.into_iter().collect::<BTreeSet<_>>(), whole);
    assert_eq!(run(folder.path(), &["check", "x.qcow2", "--shard", "3/2"]).status.code(), Some(2));
}

#[test]
fn a_digest_is_that_of_the_whole_file() {
    let folder = tempfile::tempdir().unwrap();
    // printf abc | sha256sum, md5sum
    fs::write(folder.path().join("abc.img"), "abc").unwrap();
    for (kind, digest) in [
        ("sha256", "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        ("md5", "md5:900150983cd24fb0d6963f7d28e17f72"),
    ] {
        let args = ["check", "abc.img", "--digest", kind, "--format"];
        let output = run(folder.path(), &[&args[..], &["json-lines"]].concat());
        let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(report["image"]["digest"], digest);
        let output = run(folder.path(), &[&args[..], &["human"]].concat());
        assert!(text(&output.stdout).contains(digest), "{}", text(&output.stdout));
    }
    let output = run(folder.path(), &["check", "abc.img", "--format", "json-lines"]);
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["image"]["digest"], serde_json::Value::Null);
}

#[test]
fn the_first_part_of_a_split_image_gets_the_command_that_joins_it() {
    let folder = tempfile::tempdir().unwrap();
    let whole = fs::read(testdata("guests/good-compat-0.10.qcow2")).unwrap();
    let (first, second) = whole.split_at(whole.len() / 2);
    // An MBR with one Linux partition of 1 GiB from sector 2048 on.
    let mut disk = vec![0; 1 << 20];
    disk[446..462].copy_from_slice(&[0, 0, 2, 0, 0x83, 0, 0, 0, 0, 8, 0, 0, 0, 0, 0x20, 0]);
    disk[510..512].copy_from_slice(&[0x55, 0xaa]);
    for (name, bytes) in
        [("xaa", first), ("xab", second), ("d.raw.001", &disk), ("d.raw.002", &disk[..512])]
    {
        fs::write(folder.path().join(name), bytes).unwrap();
    }
    for (name, command) in
        [("xaa", "cat x[a-z][a-z] > x.img"), ("d.raw.001", "cat d.raw.[0-9][0-9][0-9] > d.raw")]
    {
        let output = run(folder.path(), &["check", name]);
        assert_eq!(output.status.code(), Some(1), "{name}");
        let said = text(&output.stdout);
        assert!(said.contains("fail format-supported") && said.contains(command), "{said}");
    }
    // Put together it is no part any more, whatever its name.
    fs::write(folder.path().join("xaa"), &whole).unwrap();
    let output = run(folder.path(), &["check", "-q", "xaa"]);
    assert!(!text(&output.stdout).contains("format-supported"), "{}", text(&output.stdout));
}

#[cfg(unix)]
#[test]
fn what_can_hold_no_image_is_refused_by_what_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let _socket = std::os::unix::net::UnixListener::bind(folder.path().join("socket")).unwrap();
    for (name, what) in
        [("pipe", "is a FIFO"), ("socket", "is a socket"), ("/dev/null", "is a character device")]
    {
        let output = run(folder.path(), &["check", "-q", name]);
        assert_eq!(output.status.code(), Some(2), "{name}");
        assert!(text(&output.stdout).contains(what), "{}", text(&output.stdout));
    }
    let output = run(folder.path(), &["inspect", "-"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("standard input"), "{}", text(&output.stderr));
}
