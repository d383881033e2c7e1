//! `cargo xtask truth`: what the checker says of a guest against how the guest boots.

mod bench;
mod case;
mod checker;
mod guest;
mod layout;
mod page;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};

use crate::boot::{self, console::Stage};
use crate::guest::debian::Debian;
use crate::tool::Tool;
use crate::workspace;
use bench::Bench;
use case::{CASES, Case, Guest};
use checker::{Checker, Finding};

/// A good guest needs about a minute on an idle machine.
const TIMEOUT: Duration = Duration::from_secs(420);

/// Boot a matrix of Debian guests in QEMU and compare with what the checker says of them
///
/// Each case takes the guest in a layout, does something to it, checks the image with the release
/// binary and starts it. What ends at a login prompt must break no required rule; what does not
/// must break one that names the cause. The guest, its disks, the consoles and the results are
/// kept under target/xtask/truth; docs/truth.md is written from all results that are there. Needs
/// root and QEMU.
#[derive(clap::Args)]
pub struct Arguments {
    /// Only the cases whose name contains this
    #[arg(long)]
    only: Option<String>,
    /// Boot so many at a time
    #[arg(long, default_value_t = 1)]
    jobs: usize,
    /// Only the cases that have no result yet
    #[arg(long)]
    missing: bool,
    /// Check again, but take how the cases booted from the last time
    #[arg(long)]
    check_only: bool,
}

/// What is known of a case. Kept between two runs.
#[derive(Clone, Serialize, Deserialize)]
struct Record {
    booted: bool,
    reached: String,
    /// Release of the kernel that was booted.
    kernel: String,
    verdict: String,
    findings: Vec<Finding>,
}

/// Whether checker and machine say the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Agreement {
    /// Both say that it boots, or both say why it does not.
    Yes,
    /// It does not boot, and a rule that names the cause warns.
    Warned,
    /// It does not boot, and a rule that names the cause says that it could not be decided.
    Unverified,
    /// It boots on this machine, and a required rule is broken that a case names.
    Stricter,
    /// One says that it boots, and the other not.
    No,
}

impl Agreement {
    fn of(case: &Case, record: &Record) -> Self {
        let named = |status: &str| {
            record.findings.iter().any(|finding| {
                finding.status == status && case.rules.contains(&finding.rule.as_str())
            })
        };
        let fails = record.verdict == "fail";
        match (record.booted, fails) {
            (true, false) => Self::Yes,
            (true, true) if named("fail") => Self::Stricter,
            (false, true) if named("fail") => Self::Yes,
            (false, _) if named("warn") => Self::Warned,
            (false, _) if named("unverified") => Self::Unverified,
            _ => Self::No,
        }
    }

    fn words(self) -> &'static str {
        match self {
            Self::Yes => "yes",
            Self::Warned => "warned only",
            Self::Unverified => "undecided",
            Self::Stricter => "stricter",
            Self::No => "**no**",
        }
    }
}

struct Matrix {
    cache: PathBuf,
    checker: Checker,
    small: Debian,
    records: Mutex<BTreeMap<String, Record>>,
    /// Loop devices and the guest's tree are used by one at a time.
    building: Mutex<()>,
}

pub fn run(arguments: &Arguments) -> Result<()> {
    workspace::ensure_root()?;
    let qemu = boot::version()?;
    let cache = workspace::cache()?.join("truth");
    fs::create_dir_all(&cache)?;
    let small = guest::build(&cache)?;
    let kept = fs::read(cache.join("records.json")).unwrap_or_default();
    let matrix = Matrix {
        checker: Checker { binary: workspace::binary()? },
        small,
        records: Mutex::new(serde_json::from_slice(&kept).unwrap_or_default()),
        cache,
        building: Mutex::new(()),
    };
    let cases: Vec<&Case> = CASES
        .iter()
        .filter(|case| arguments.only.as_ref().is_none_or(|part| case.name.contains(part.as_str())))
        .filter(|case| !arguments.missing || matrix.record(case).is_none())
        .collect();
    let (next, failed) = (AtomicUsize::new(0), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for _ in 0..arguments.jobs.max(1) {
            scope.spawn(|| {
                while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if let Err(error) = matrix.try_case(case, arguments.check_only) {
                        println!("{}: {error:#}", case.name);
                        failed.fetch_add(1, Ordering::Relaxed);
                    }
                }
            });
        }
    });
    page::write(&matrix, &qemu)?;
    let wrong = cases
        .iter()
        .filter_map(|case| matrix.record(case).map(|record| Agreement::of(case, &record)))
        .filter(|agreement| *agreement == Agreement::No)
        .count();
    match (wrong, failed.into_inner()) {
        (0, 0) => Ok(()),
        (wrong, failed) => bail!("{wrong} cases disagree, {failed} could not be tried"),
    }
}

impl Matrix {
    fn record(&self, case: &Case) -> Option<Record> {
        self.records.lock().ok()?.get(case.name).cloned()
    }

    fn try_case(&self, case: &Case, check_only: bool) -> Result<()> {
        let file_name: String = case
            .name
            .chars()
            .map(|char| if char.is_ascii_alphanumeric() { char } else { '-' })
            .collect();
        let image = self.cache.join(format!("case-{file_name}.raw"));
        let tried = self.check_and_boot(case, &image, &file_name, check_only);
        let _ = fs::remove_file(&image);
        let record = tried?;
        println!(
            "{:<10} {}: {}; {}: {}",
            Agreement::of(case, &record).words(),
            case.name,
            record.reached,
            record.verdict,
            record
                .findings
                .iter()
                .map(|finding| format!("{} {}", finding.status, finding.rule))
                .collect::<Vec<_>>()
                .join(", ")
        );
        let Ok(mut records) = self.records.lock() else { bail!("another case panicked") };
        records.insert(case.name.to_owned(), record);
        let text = serde_json::to_string_pretty(&*records)?;
        let partial = self.cache.join("records.partial");
        fs::write(&partial, text)?;
        Ok(fs::rename(partial, self.cache.join("records.json"))?)
    }

    fn check_and_boot(
        &self,
        case: &Case,
        image: &Path,
        file_name: &str,
        check_only: bool,
    ) -> Result<Record> {
        self.build(case, image)?;
        let verdict = self.checker.check(image, case.profile())?;
        let (booted, reached, kernel) = match self.record(case) {
            Some(record) if check_only => (record.booted, record.reached, record.kernel),
            _ => {
                let boot = boot::boot(image, case.bus, TIMEOUT, Stage::Login)?;
                fs::write(self.cache.join(format!("case-{file_name}.log")), &boot.console)?;
                let reached = format!("{}{}", boot.stage.words(), boot.end.words());
                println!("{:>6} s    {}", boot.seconds, case.name);
                (boot.stage >= Stage::Login, reached, self.small.kernel.clone())
            }
        };
        let (verdict, findings) = (verdict.verdict, verdict.findings);
        Ok(Record { booted, reached, kernel, verdict, findings })
    }

    fn build(&self, case: &Case, image: &Path) -> Result<()> {
        let Ok(_one) = self.building.lock() else { bail!("another case panicked") };
        let (cloud, cloud_cache);
        let (debian, cache) = match case.guest {
            Guest::Small => (&self.small, &self.cache),
            Guest::Cloud => {
                cloud = Debian::build()?;
                cloud_cache = self.cache.join("cloud");
                fs::create_dir_all(&cloud_cache)?;
                (&cloud, &cloud_cache)
            }
        };
        let guest = case.layout.build(debian, cache)?;
        Tool::new("cp").arg("--sparse=always").arg(guest).arg(image).run()?;
        let bench = Bench { debian, layout: case.layout, image: image.to_owned() };
        (case.make)(&bench).context("what the case does to the guest")
    }
}
