//! What the process gave up is what it says, on all its threads. What is refused to it then is
//! tried beside the code, in `src/cli/sandbox.rs`.

#![cfg(feature = "cli")]
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "for tests")]

use std::fs;
use std::io::Read;
use std::process::{Command, Stdio};

const GOOD: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/guests/good.qcow2");

fn preflight(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_image-preflight"));
    command.env_clear().args(args).stdin(Stdio::null());
    command
}

#[test]
fn verbose_says_on_standard_error_what_was_given_up() {
    for (lang, words) in [("en", ["is in force", "is not in force"]), ("zh-CN", ["生效", "未生效"])]
    {
        let output = preflight(&["--lang", lang, "check", "-v", GOOD]).output().unwrap();
        assert_eq!(output.status.code(), Some(0));
        let said = String::from_utf8(output.stderr).unwrap();
        let lines: Vec<&str> = said.lines().collect();
        assert_eq!(lines.len(), 2, "{said}");
        assert!(lines[0].contains("Landlock") && lines[1].contains("seccomp"), "{said}");
        for line in lines {
            assert!(words.iter().any(|word| line.contains(word)), "{said}");
        }
        let quiet = preflight(&["--lang", lang, "check", GOOD]).output().unwrap();
        assert!(quiet.stderr.is_empty());
    }
}

#[test]
fn every_thread_of_a_running_check_is_confined() {
    // More than a pipe holds: the process waits in the middle of its work until we read on.
    let images = [GOOD; 16];
    let mut child = preflight(&["check", "--jobs", "2", "-v"])
        .args(images)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdout = child.stdout.take().unwrap();
    let mut first = [0];
    stdout.read_exact(&mut first).unwrap();
    let mut threads = Vec::new();
    for task in fs::read_dir(format!("/proc/{}/task", child.id())).unwrap() {
        // A thread that has just ended has no status.
        if let Ok(status) = fs::read_to_string(task.unwrap().path().join("status")) {
            threads.push(status);
        }
    }
    let mut rest = Vec::new();
    stdout.read_to_end(&mut rest).unwrap();
    assert!(rest.len() > 65_536, "{} bytes fit into the pipe", rest.len());
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(threads.len() >= 3, "{threads:?}");
    for status in threads {
        let value = |name: &str| {
            let line = status.lines().find(|line| line.starts_with(name)).unwrap();
            line.split_whitespace().nth(1).unwrap().to_owned()
        };
        if said.contains("Landlock is in force") {
            assert_eq!(value("NoNewPrivs:"), "1");
        }
        if said.contains("seccomp is in force") {
            // proc_pid_status(5): 2 is SECCOMP_MODE_FILTER.
            assert_eq!(value("Seccomp:"), "2");
        }
    }
}
