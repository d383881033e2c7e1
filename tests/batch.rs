//! Many images in one call: in order, as they come, and none stops the others.

#![cfg(feature = "cli")]
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "for tests")]

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::Value;

fn preflight(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_image-preflight"));
    command.env_clear().args(args).stdin(Stdio::null());
    command
}

fn guest(name: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "testdata", "guests", name].iter().collect()
}

fn lines(output: &Output) -> Vec<Value> {
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Small disks without anything on them, which are checked at once.
fn blanks(folder: &Path, count: usize) -> Vec<PathBuf> {
    let paths: Vec<PathBuf> = (0..count).map(|n| folder.join(format!("{n}.raw"))).collect();
    for path in &paths {
        File::create(path).unwrap().set_len(1 << 20).unwrap();
    }
    paths
}

#[test]
fn reports_come_in_the_order_of_the_images_whatever_each_takes() {
    let folder = tempfile::tempdir().unwrap();
    let mut images = blanks(folder.path(), 40);
    // Slow ones among them, and those that cannot be opened.
    for (at, image) in [
        (0, guest("good.qcow2")),
        (7, guest("good-gpt-hybrid.qcow2")),
        (8, folder.path().join("absent")),
        (9, folder.path().to_owned()),
        (30, guest("good.qcow2")),
    ] {
        images.insert(at, image);
    }
    for jobs in ["1", "2", "7"] {
        let output = preflight(&["check", "--format", "json-lines", "--jobs", jobs])
            .args(&images)
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(2));
        let reports = lines(&output);
        let paths: Vec<&str> =
            reports.iter().map(|report| report["image"]["path"].as_str().unwrap()).collect();
        let given: Vec<&str> = images.iter().map(|path| path.to_str().unwrap()).collect();
        assert_eq!(paths, given);
        let errors = reports.iter().filter(|report| report["verdict"] == "error").count();
        assert_eq!(errors, 2);
    }
}

#[test]
fn a_report_is_out_before_far_later_images_are_opened() {
    let folder = tempfile::tempdir().unwrap();
    let images = blanks(folder.path(), 600);
    let mut child = preflight(&["check", "--format", "json-lines", "--jobs", "2"])
        .args(&images)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let mut first = String::new();
    stdout.read_line(&mut first).unwrap();
    assert!(first.contains("0.raw"), "{first}");
    // The pipe is full by now, and only so many images go ahead of what is written.
    fs::remove_file(images.last().unwrap()).unwrap();
    let mut rest = String::new();
    stdout.read_to_string(&mut rest).unwrap();
    assert!(!child.wait().unwrap().success());
    assert_eq!(rest.lines().count(), 599);
    let last: Value = serde_json::from_str(rest.lines().last().unwrap()).unwrap();
    assert!(last["error"].as_str().unwrap().contains("No such file"), "{last}");
}

#[test]
fn an_output_that_nobody_reads_any_more_ends_the_call() {
    let folder = tempfile::tempdir().unwrap();
    let mut child = preflight(&["check", "--format", "json-lines"])
        .args(blanks(folder.path(), 100))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut first = [0];
    child.stdout.take().unwrap().read_exact(&mut first).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
}

#[test]
fn an_image_that_shrinks_while_it_is_read_ends_with_a_sentence_and_the_others_go_on() {
    const ROUNDS: usize = 12;
    let folder = tempfile::tempdir().unwrap();
    let (shrinking, good) = (folder.path().join("shrinking"), guest("good.qcow2"));
    let whole = fs::read(&good).unwrap();
    fs::write(&shrinking, &whole).unwrap();
    let done = AtomicBool::new(false);
    let mut changed = 0;
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let file = File::options().write(true).open(&shrinking).unwrap();
            // Cut short and long again all the time: whatever the check reads, and whenever, pages
            // go missing beneath it.
            while !done.load(Ordering::Relaxed) {
                for length in [whole.len() / 2, 4096, 0] {
                    file.set_len(u64::try_from(length).unwrap()).unwrap();
                    std::thread::sleep(std::time::Duration::from_millis(1));
                }
                std::os::unix::fs::FileExt::write_all_at(&file, &whole, 0).unwrap();
                std::thread::sleep(std::time::Duration::from_millis(2));
            }
        });
        let rounds = (0..ROUNDS).map(|_| {
            preflight(&["check", "--format", "json-lines", "--jobs", "2"])
                .args([&good, &shrinking, &good])
                .output()
                .unwrap()
        });
        let outputs: Vec<Output> = rounds.collect();
        done.store(true, Ordering::Relaxed);
        for output in outputs {
            // Never by a signal.
            assert!(output.status.code().is_some(), "{:?}", output.status);
            let reports = lines(&output);
            assert_eq!(reports.len(), 3);
            assert_eq!(
                (&reports[0]["verdict"], &reports[2]["verdict"]),
                (&"pass".into(), &"pass".into())
            );
            if reports[1]["verdict"] == "error" {
                let said = reports[1]["error"].as_str().unwrap();
                assert!(said.ends_with("the file changed while it was read"), "{said}");
                assert_eq!(output.status.code(), Some(2));
                changed += 1;
            }
        }
    });
    // A check may fall between two changes, but hardly twelve times.
    assert!(changed > 0);
}
