//! What the README and the pages of docs/ show of the program is what it says.
//!
//! With `UPDATE_DOCUMENTS=1` in the environment, what differs is written into them instead.

#![cfg(feature = "cli")]
#![allow(clippy::unwrap_used, clippy::panic, clippy::arithmetic_side_effects, reason = "for tests")]

use std::path::{Path, PathBuf};
use std::process::Command;

/// A shell that knows what the documents need: the program, `cat FILE`, `echo $?`, and behind one of
/// them `| sed -n A,Bp`.
#[derive(Default)]
struct Shell {
    /// The exit code of the last command.
    code: i32,
}

impl Shell {
    /// What a terminal shows of a command.
    fn run(&mut self, line: &str) -> String {
        let (command, lines) = match line.split_once(" | sed -n ") {
            None => (line, None),
            Some((command, lines)) => {
                let (first, last) = lines.strip_suffix('p').unwrap().split_once(',').unwrap();
                (command, Some((first.parse::<usize>().unwrap(), last.parse::<usize>().unwrap())))
            }
        };
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let (said, complained) = if command == "echo $?" {
            (format!("{}\n", self.code), String::new())
        } else if let Some(file) = command.strip_prefix("cat ") {
            (std::fs::read_to_string(root.join(file)).unwrap(), String::new())
        } else {
            let arguments = command.strip_prefix("image-preflight ").unwrap_or_else(|| {
                panic!("{line}: no command of a session that is tried; such a block is ```sh")
            });
            let output = Command::new(env!("CARGO_BIN_EXE_image-preflight"))
                .current_dir(root)
                .env_clear()
                .args(arguments.split(' '))
                .output()
                .unwrap();
            self.code = output.status.code().unwrap();
            let text = |bytes| String::from_utf8(bytes).unwrap();
            (text(output.stdout), text(output.stderr))
        };
        let (first, last) = lines.unwrap_or((1, usize::MAX));
        let chosen = said.lines().skip(first - 1).take(last - first + 1);
        chosen.fold(String::new(), |text, line| text + line + "\n") + &complained
    }
}

/// A document in which every session at a prompt (a block ```` ```console ````) says what the program
/// says now, and how many commands there are.
fn replayed(document: &str) -> (String, usize) {
    let (mut text, mut commands, mut inside) = (String::new(), 0, false);
    let mut shell = Shell::default();
    for line in document.lines() {
        let command = line.strip_prefix("$ ").filter(|_| inside);
        match line {
            "```console" => inside = true,
            "```" => inside = false,
            _ if inside && command.is_none() => continue,
            _ => {}
        }
        text.push_str(line);
        text.push('\n');
        if let Some(command) = command {
            text.push_str(&shell.run(command));
            commands += 1;
        }
    }
    (text, commands)
}

/// Every session of a document says what stands there; gives how many commands there were.
fn hold(path: &Path) -> usize {
    let document = std::fs::read_to_string(path).unwrap();
    let (said, commands) = replayed(&document);
    if said == document {
        return commands;
    }
    if std::env::var_os("UPDATE_DOCUMENTS").is_some() {
        std::fs::write(path, said).unwrap();
        return commands;
    }
    let mut lines = (1..).zip(document.lines().zip(said.lines()));
    let (line, (shown, now)) = lines.find(|(_, (shown, now))| shown != now).unwrap();
    panic!(
        "{}:{line}: shown is\n{shown}\nand said\n{now}\n(UPDATE_DOCUMENTS=1 cargo test --test readme)",
        path.display()
    );
}

/// The program that the README shows, compiled. Its lines are compared with those there.
#[allow(dead_code, clippy::print_stdout, reason = "nobody calls it")]
#[rustfmt::skip]
fn from_rust() -> image_preflight::Result<()> {
    // The README begins here.
    use std::path::Path;

    use image_preflight::Check;
    use image_preflight::rules::{Context, Profile, Status};

    let check = Check::new(Context::today(Profile::ImsClassic));
    let report = check.run(Path::new("guest.qcow2"))?;
    for finding in report.findings.iter().filter(|finding| finding.status == Status::Fail) {
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
    assert!(hold(&Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")) >= 3);
}

#[test]
fn every_session_that_a_page_of_the_docs_shows_says_what_stands_there() {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs");
    let mut pages: Vec<PathBuf> =
        std::fs::read_dir(docs).unwrap().map(|page| page.unwrap().path()).collect();
    pages.retain(|page| page.extension().is_some_and(|extension| extension == "md"));
    let commands: usize = pages.iter().map(|page| hold(page)).sum();
    assert!(commands >= 10, "{commands}");
}
