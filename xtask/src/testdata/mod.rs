//! `cargo xtask testdata`: the guests in `testdata/guests`, by the real tools.

pub mod defects;
mod maker;
pub mod small;
mod synthetic;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use serde_json::json;

use crate::guest::debian::Debian;
use crate::workspace;
use maker::Maker;

/// Make the small guests in testdata/guests with the real tools
///
/// Each is a qcow2 file with an `.expect.json` beside it, which says how a check under the profile
/// ims-classic must end: the exit code, and every rule that ends as fail, warn or unverified.
#[derive(clap::Args)]
pub struct Arguments {
    /// Only those whose name contains this
    only: Option<String>,
    /// Write them below this directory instead of testdata/guests
    #[arg(long)]
    into: Option<PathBuf>,
}

/// Most bytes that all fixtures together may have.
const LIMIT: u64 = 20 << 20;

/// A small guest, and how its check must end.
pub struct Fixture {
    pub name: &'static str,
    /// What is wrong with it, or what it shows.
    pub what: &'static str,
    pub exit: u8,
    /// Every rule that ends as `fail`, `warn` or `unverified`.
    pub findings: &'static [(&'static str, &'static str)],
    /// Rules whose end follows from the defect in no way that the requirements name; `*` for all
    /// that `findings` does not have.
    pub unjudged: &'static [&'static str],
    pub make: fn(&Maker) -> Result<()>,
}

pub fn run(arguments: &Arguments) -> Result<()> {
    let into = arguments.into.clone().unwrap_or(workspace::root().join("testdata/guests"));
    fs::create_dir_all(&into)?;
    let debian = Debian::build()?;
    for fixture in defects::FIXTURES {
        if arguments.only.as_ref().is_some_and(|only| !fixture.name.contains(only.as_str())) {
            continue;
        }
        let path = into.join(format!("{}.qcow2", fixture.name));
        if path.exists() {
            fs::remove_file(&path)?;
        }
        let maker = Maker::new(&debian, path.clone())?;
        (fixture.make)(&maker).with_context(|| fixture.name)?;
        fs::write(into.join(format!("{}.expect.json", fixture.name)), fixture.expectation()?)?;
        println!("{:>10}  {}", fs::metadata(&path)?.len(), fixture.name);
    }
    let total = size(&into)?;
    println!("{total:>10}  in all");
    ensure!(total <= LIMIT, "more than {LIMIT} bytes");
    Ok(())
}

impl Fixture {
    pub fn expectation(&self) -> Result<String> {
        let findings: BTreeMap<_, _> = self.findings.iter().copied().collect();
        let value = json!({
            "what": self.what,
            "exit": self.exit,
            "findings": findings,
            "unjudged": self.unjudged,
        });
        Ok(serde_json::to_string_pretty(&value)? + "\n")
    }
}

fn size(dir: &Path) -> Result<u64> {
    let mut total: u64 = 0;
    for entry in fs::read_dir(dir)? {
        total = total.saturating_add(entry?.metadata()?.len());
    }
    Ok(total)
}
