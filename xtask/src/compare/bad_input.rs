//! What is no image gets one clear sentence and the right exit code.

use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Output;

use anyhow::Result;

use super::Log;
use super::report::Checker;
use crate::tool::Tool;
use crate::workspace;

/// The user and group `nobody`, who may not read what belongs to root.
const NOBODY: &str = "65534";

/// A call that cannot be carried out: a heading with the file's name at the most, and one sentence.
fn refused(output: &Output) -> Vec<String> {
    let mut wrong = ended(output, 2);
    let text = [&output.stdout[..], &output.stderr[..]].concat();
    let text = String::from_utf8_lossy(&text);
    if !(1..=2).contains(&text.lines().filter(|line| !line.trim().is_empty()).count()) {
        wrong.push(format!("not one sentence: {text}"));
    }
    wrong
}

/// An image that the cloud would refuse.
fn failed(output: &Output) -> Vec<String> {
    let mut wrong = ended(output, 1);
    if output.stdout.is_empty() {
        wrong.push("no report".to_owned());
    }
    wrong
}

fn ended(output: &Output, exit: i32) -> Vec<String> {
    let mut wrong = Vec::new();
    if output.status.code() != Some(exit) {
        wrong.push(format!("{} instead of {exit}", output.status));
    }
    for text in [&output.stdout, &output.stderr] {
        let text = String::from_utf8_lossy(text);
        if ["panicked", "RUST_BACKTRACE", "stack backtrace"].iter().any(|word| text.contains(word))
        {
            wrong.push(text.into_owned());
        }
    }
    wrong
}

pub fn compare(checker: &Checker, log: &mut Log) -> Result<()> {
    let dir = tempfile::tempdir()?;
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755))?;
    let at = |name: &str| dir.path().join(name);
    let binary = at("image-preflight");
    fs::copy(&checker.binary, &binary)?;
    let check = |path: &Path| {
        Tool::new(&binary.to_string_lossy())
            .arg("check")
            .arg(path)
            .env("RUST_BACKTRACE", "1")
            .output(b"")
    };

    log.note("missing file", refused(&check(&at("missing.qcow2"))?));
    log.note("directory", refused(&check(dir.path())?));

    fs::write(at("empty.img"), "")?;
    log.note("empty file", failed(&check(&at("empty.img"))?));

    File::create(at("zeros.img"))?.set_len(1 << 30)?;
    log.note("1 GiB of zeros", failed(&check(&at("zeros.img"))?));

    fs::write(at("letter.img"), "Dear reader,\nthis is no disk.\n".repeat(100))?;
    log.note("text file", failed(&check(&at("letter.img"))?));

    let good = fs::read(workspace::root().join("testdata/guests/good.qcow2"))?;
    for len in [8, 72, 104, 512, 65_536, 200_000] {
        fs::write(at("short.qcow2"), good.get(..len).unwrap_or(&good))?;
        log.note(&format!("qcow2 of {len} bytes"), failed(&check(&at("short.qcow2"))?));
    }

    fs::write(at("closed.img"), "")?;
    fs::set_permissions(at("closed.img"), fs::Permissions::from_mode(0o600))?;
    let output = Tool::new("setpriv")
        .arg(format!("--reuid={NOBODY}"))
        .arg(format!("--regid={NOBODY}"))
        .arg("--clear-groups")
        .arg(&binary)
        .arg("check")
        .arg(at("closed.img"))
        .output(b"")?;
    log.note("no right to read", refused(&output));
    Ok(())
}
