//! `cargo xtask windows`: Windows guests with nothing of Windows in them.
//!
//! Disk, file systems, hives and programs are made by the real tools; what stands in them is
//! written after the formats. None of them would boot.

pub mod bcd;
mod boot_code;
pub mod guest;
mod hive;
pub mod large;
pub mod ntfs;
pub mod pe;
pub mod registry;
pub mod release;
pub mod sam;
pub mod table;
pub mod text;

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use serde_json::json;

use crate::workspace;
use pe::Programs;
use table::{CASES, Case};

/// Make the Windows guests in testdata/windows, with nothing of Windows in them
///
/// Each is a qcow2 file with an `.expect.json` beside it, in the form of testdata/guests. Needs root
/// (loop devices), mkntfs, ntfs-3g, hivexregedit and mingw-w64.
#[derive(clap::Args)]
pub struct Arguments {
    /// Only those whose name contains this
    only: Option<String>,
    /// All guests, not only those that are kept
    #[arg(long)]
    all: bool,
    /// Only the large guest that `cargo xtask bench` measures, as a raw image below target/xtask
    #[arg(long)]
    large: bool,
    /// Write them below this directory instead of testdata/windows
    #[arg(long)]
    into: Option<PathBuf>,
}

/// Most bytes that all kept guests together may have.
const LIMIT: u64 = 4 << 20;

pub fn run(arguments: &Arguments) -> Result<()> {
    workspace::ensure_root()?;
    if arguments.large {
        println!("{}", large::image()?.display());
        return Ok(());
    }
    let into = arguments.into.clone().unwrap_or(workspace::root().join("testdata/windows"));
    fs::create_dir_all(&into)?;
    let programs = Programs::new()?;
    let mut total: u64 = 0;
    for case in CASES.iter().filter(|case| case.is_kept || arguments.all) {
        if arguments.only.as_ref().is_some_and(|only| !case.name.contains(only.as_str())) {
            continue;
        }
        let path = into.join(format!("{}.qcow2", case.name));
        case.make(&programs, &path)?;
        fs::write(into.join(format!("{}.expect.json", case.name)), case.expectation()?)?;
        let size = fs::metadata(&path)?.len();
        total = total.saturating_add(size);
        println!("{size:>10}  {}", case.name);
    }
    println!("{total:>10}  in all");
    ensure!(arguments.all || total <= LIMIT, "more than {LIMIT} bytes");
    Ok(())
}

impl Case {
    /// Makes the guest, as qcow2.
    pub fn make(&self, programs: &Programs, path: &std::path::Path) -> Result<()> {
        if path.exists() {
            fs::remove_file(path)?;
        }
        let mut guest = guest::Guest::new(programs, self.release, self.firmware)?;
        (self.spoil)(&mut guest).context(self.name)?;
        guest.pack(path).context(self.name)
    }

    /// How its check must end, in the form of `testdata/guests/*.expect.json`.
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
