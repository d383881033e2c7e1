//! What the README shows is what the program says.

#![allow(clippy::unwrap_used, reason = "for tests")]

use std::process::Command;

/// The blocks of the README that are a session at a prompt: each command with what follows it.
fn sessions(readme: &str) -> Vec<(String, String)> {
    let mut sessions: Vec<(String, String)> = Vec::new();
    let mut inside = false;
    for line in readme.lines() {
        match (inside, line) {
            (false, "```console") => inside = true,
            (true, "```") => inside = false,
            (true, line) => match line.strip_prefix("$ image-preflight ") {
                Some(command) => sessions.push((command.to_owned(), String::new())),
                None => {
                    let (_, said) = sessions.last_mut().unwrap();
                    said.push_str(line);
                    said.push('\n');
                }
            },
            _ => {}
        }
    }
    sessions
}

/// The program that the README shows, compiled. Its lines are compared with those there.
#[allow(dead_code, clippy::print_stdout, reason = "nobody calls it")]
#[rustfmt::skip]
fn from_rust() -> image_preflight::Result<()> {
    // The README begins here.
    use image_preflight::rules::{Context, Profile};

    let context = Context::new(Profile::ImsClassic, 20_000); // days since 1970-01-01
    let report = image_preflight::check("guest.qcow2".as_ref(), &context, false)?;
    for finding in &report.findings {
        println!("{}: {}", finding.rule, finding.message.en);
    }
    // The README ends here.
    Ok(())
}

#[test]
fn the_program_that_the_readme_shows_compiles() {
    let source = include_str!("readme.rs");
    let (_, compiled) = source.split_once("    // The README begins here.\n").unwrap();
    let (compiled, _) = compiled.split_once("    // The README ends here.\n").unwrap();
    let compiled = compiled.lines().map(|line| line.strip_prefix("    ").unwrap_or(line));
    let (_, shown) = include_str!("../README.md").split_once("\n```rust\n").unwrap();
    let (shown, _) = shown.split_once("```").unwrap();
    assert!(compiled.eq(shown.lines()), "{shown}");
}

#[test]
fn every_session_that_the_readme_shows_says_what_stands_there() {
    let sessions = sessions(include_str!("../README.md"));
    assert!(sessions.len() >= 5, "{sessions:?}");
    for (command, shown) in sessions {
        let output = Command::new(env!("CARGO_BIN_EXE_image-preflight"))
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .env_clear()
            .args(command.split(' '))
            .output()
            .unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        assert_eq!(said, shown, "{command}");
    }
}
