//! `cargo xtask docs`: the pages that are made from the rules and from the limits.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use image_preflight::rules::{about_all, page};

use crate::{book, limits, workspace};

/// Write docs/rules/*.md, a page for each rule, from what the rules say of themselves, docs/rules.md
/// and the rules' part of docs/SUMMARY.md from their list, and docs/limits.md from the comments of
/// the limits
#[derive(clap::Args)]
pub struct Arguments {
    /// Write nothing; fail when a page is not as it would be written
    #[arg(long)]
    check: bool,
}

pub fn run(arguments: &Arguments) -> Result<()> {
    let dir = workspace::root().join("docs/rules");
    fs::create_dir_all(&dir)?;
    let mut names = BTreeSet::new();
    for rule in about_all() {
        let name = OsString::from(format!("{}.md", rule.id));
        hold(arguments, &dir.join(&name), &page(&rule))?;
        names.insert(name);
    }
    let docs = workspace::root().join("docs");
    hold(arguments, &docs.join("limits.md"), &limits::page()?)?;
    hold(arguments, &docs.join("rules.md"), &book::rules::page()?)?;
    let summary = docs.join("SUMMARY.md");
    let listed = fs::read_to_string(&summary).with_context(|| summary.display().to_string())?;
    hold(arguments, &summary, &book::rules::in_summary(&listed)?)?;
    for entry in fs::read_dir(&dir)? {
        let name = entry?.file_name();
        ensure!(names.contains(&name), "{}: no rule has that page", dir.join(name).display());
    }
    Ok(())
}

/// Writes a page, or fails when it is not as it would be written.
fn hold(arguments: &Arguments, path: &Path, text: &str) -> Result<()> {
    if arguments.check {
        let same = fs::read_to_string(path).is_ok_and(|before| before == text);
        ensure!(same, "{}: cargo xtask docs is due", path.display());
        return Ok(());
    }
    fs::write(path, text).with_context(|| path.display().to_string())
}
