//! Completions and manual pages.

#![cfg(feature = "cli")]
#![allow(clippy::unwrap_used, reason = "for tests")]

mod program;

use std::path::Path;
use std::process::Output;

fn run(args: &[&str]) -> Output {
    program::run(Path::new("."), args, "")
}

#[test]
fn each_shell_gets_completions_of_every_command() {
    for shell in ["bash", "zsh", "fish", "powershell"] {
        let output = run(&["completions", shell]);
        assert_eq!(output.status.code(), Some(0), "{shell}");
        let script = String::from_utf8(output.stdout).unwrap();
        for word in ["check", "os-version", "password-file"] {
            assert!(script.contains(word), "{shell}: {word}");
        }
    }
    assert_eq!(run(&["completions", "csh"]).status.code(), Some(2));
}

#[test]
fn each_command_has_a_manual_page() {
    let output = run(&["man"]);
    assert!(String::from_utf8(output.stdout).unwrap().starts_with(".ie"));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_str().unwrap();
    assert_eq!(run(&["man", path]).status.code(), Some(0));
    for name in ["image-preflight", "image-preflight-check", "image-preflight-os-version"] {
        let page = std::fs::read_to_string(folder.path().join(format!("{name}.1"))).unwrap();
        assert!(page.contains(".SH SYNOPSIS"), "{name}");
        assert!(page.contains(".SH OPTIONS"), "{name}");
        assert!(page.contains(".SH \"EXIT STATUS\"") && page.contains(".SH EXAMPLES"), "{name}");
    }
    assert_eq!(run(&["man", "/no/such/folder"]).status.code(), Some(2));
}
