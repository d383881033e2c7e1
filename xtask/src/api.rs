//! `cargo xtask api`: what the library offers, in a file that a change has to change with it.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use rustdoc_types::FORMAT_VERSION;
use serde_json::Value as Json;

use crate::tool::Tool;
use crate::workspace;

/// List what the library offers in public-api.txt, or compare it with an earlier version
///
/// The list is read from rustdoc's JSON, whose format changes between versions of Rust: with a Rust
/// of another format than this program reads, nothing is compared, and that is said.
#[derive(clap::Args)]
pub struct Arguments {
    /// Write nothing; fail when the list is not as it would be written
    #[arg(long, conflicts_with = "since")]
    check: bool,
    /// Fail when something of the list of this commit is gone, unless the version allows it
    #[arg(long, value_name = "COMMIT")]
    since: Option<String>,
}

/// The list, below the workspace's root.
const LIST: &str = "public-api.txt";

pub fn run(arguments: &Arguments) -> Result<()> {
    let json = rustdoc_json()?;
    let read: Json = serde_json::from_slice(&fs::read(&json)?)?;
    let (format, known) = (&read["format_version"], FORMAT_VERSION);
    if *format != known {
        println!(
            "this Rust's rustdoc writes JSON of format {format}, and {known} is read here: the \
             library's interface was compared with nothing"
        );
        return Ok(());
    }
    let now = list(&json)?;
    let path = workspace::root().join(LIST);
    if let Some(commit) = &arguments.since {
        let before = Tool::new("git").arg("show").arg(format!("{commit}:{LIST}"));
        return compare(&before.dir(&workspace::root()).run()?, &now);
    }
    if arguments.check {
        let before = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        for (sign, line) in differences(&before, &now) {
            println!("{sign} {line}");
        }
        ensure!(before == now, "{LIST}: cargo xtask api is due");
        println!("{} lines of {LIST} hold", now.lines().count());
        return Ok(());
    }
    fs::write(&path, now).with_context(|| path.display().to_string())
}

/// Has rustdoc describe the library in JSON, which stable Rust does only when it is told that it may.
/// Nothing else is told so: what is built stays as it is.
fn rustdoc_json() -> Result<PathBuf> {
    let dir = workspace::cache()?.join("api");
    fs::create_dir_all(&dir)?;
    let wrapper = dir.join("rustdoc");
    fs::write(&wrapper, "#!/bin/sh\nRUSTC_BOOTSTRAP=1 exec rustdoc \"$@\"\n")?;
    fs::set_permissions(&wrapper, fs::Permissions::from_mode(0o755))?;
    let status = workspace::cargo()
        .env("RUSTDOC", &wrapper)
        .args(["rustdoc", "--quiet", "--lib", "--package", "image-preflight", "--"])
        .args(["-Z", "unstable-options", "--output-format", "json", "--cap-lints", "allow"])
        .status()
        .context("cargo rustdoc")?;
    ensure!(status.success(), "rustdoc failed");
    Ok(workspace::target().join("doc/image_preflight.json"))
}

/// A line for each item; what the compiler derives is left out.
fn list(json: &Path) -> Result<String> {
    let api = public_api::Builder::from_rustdoc_json(json)
        .omit_blanket_impls(true)
        .omit_auto_trait_impls(true)
        .omit_auto_derived_impls(true)
        .sorted(true)
        .build()?;
    let mut out = format!("image-preflight {}\n", env!("CARGO_PKG_VERSION"));
    for item in api.items() {
        out.push_str(&format!("{item}\n"));
    }
    Ok(out)
}

/// What is gone (`-`) and what is new (`+`).
fn differences<'a>(before: &'a str, now: &'a str) -> Vec<(char, &'a str)> {
    let (old, new): (BTreeSet<_>, BTreeSet<_>) = (before.lines().collect(), now.lines().collect());
    let gone = old.difference(&new).map(|line| ('-', *line));
    gone.chain(new.difference(&old).map(|line| ('+', *line))).collect()
}

/// Fails when what users may have used is gone and the version says that nothing is.
fn compare(before: &str, now: &str) -> Result<()> {
    let differences = differences(before, now);
    for (sign, line) in &differences {
        println!("{sign} {line}");
    }
    let items = |sign| {
        let of = |(is, line): &&(char, &str)| *is == sign && !line.starts_with("image-preflight ");
        differences.iter().filter(of).count()
    };
    let (old, new) = (version(before)?, version(now)?);
    // Before 1.0 the second number counts as the first (Cargo's reference, "SemVer compatibility").
    let breaks = |[major, minor, _]: [u64; 3]| if major == 0 { (0, minor) } else { (major, 0) };
    ensure!(items('-') == 0 || breaks(new) != breaks(old), "items are gone: a breaking version");
    ensure!(items('+') == 0 || new != old, "items are new: another version");
    Ok(())
}

/// The version in the first line of a list.
fn version(list: &str) -> Result<[u64; 3]> {
    let first = list.lines().next().unwrap_or_default();
    let numbers = first.rsplit(' ').next().unwrap_or_default().split('.');
    let numbers: Vec<u64> = numbers.map(str::parse).collect::<Result<_, _>>()?;
    numbers.try_into().ok().with_context(|| format!("{first:?} has no version"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_allows_what_semantic_versioning_allows() {
        let list = |version: &str, items: &str| format!("image-preflight {version}\n{items}");
        for (old, new, before, now, allowed) in [
            ("0.1.0", "0.1.0", "a\nb\n", "a\nb\n", true),
            ("0.1.0", "0.1.1", "a\n", "a\nb\n", true),
            ("0.1.0", "0.1.0", "a\n", "a\nb\n", false),
            ("0.1.0", "0.1.1", "a\nb\n", "a\n", false),
            ("0.1.0", "0.2.0", "a\nb\n", "a\n", true),
            ("1.2.0", "1.3.0", "a\n", "b\n", false),
            ("1.2.0", "2.0.0", "a\n", "b\n", true),
        ] {
            let held = compare(&list(old, before), &list(new, now));
            assert_eq!(held.is_ok(), allowed, "{old} {before:?}, {new} {now:?}: {held:?}");
        }
        assert!(version("x").is_err());
    }
}
