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
