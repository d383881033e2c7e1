//! `cargo xtask compare`: the checker against the real tools, on a whole Debian guest.

mod bad_input;
mod bytes;
mod consistency;
mod damage;
mod defect;
mod fixture;
mod hives;
mod layouts;
mod ntfs;
mod readonly;
mod repair;
mod report;
mod structures;
mod torture;
mod tree;
mod variant;
mod windows;

use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Result, bail};

use crate::whole::{self, Layout, SIZE};
use crate::workspace;
use report::{Checker, Expectation};

/// Compare with the real tools on a whole Debian guest
///
/// Builds the guest (or takes it from target/xtask), then: checks it as raw and in every variant of
/// qcow2; reads every byte of each variant and every file of the guest through the library and
/// compares them with qemu-img's input and the kernel's mount; puts each defect in and expects just
/// its finding; repairs broken guests by the scripts of `remedy`; checks the fixtures of testdata/guests; feeds bad input. Also: has the kernel write a
/// hard tree to every kind of file system and volume, lays the guest out on XFS, Btrfs, LVM and md
/// RAID, and damages one structure after another; makes Windows guests of each release with each
/// defect; damages qcow2 files of every kind and compares with qemu-img check. Needs root, and 20 GB below target/xtask.
#[derive(clap::Args)]
pub struct Arguments {
    /// Only these parts (all of them by default)
    #[arg(value_enum)]
    parts: Vec<Part>,

    /// Registry hives to compare besides those of testdata/registry: NAME.xz, NAME.LOG1.xz, …
    #[arg(long, value_name = "DIR")]
    hives: Option<PathBuf>,
}

#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Part {
    /// The whole guest passes, on MBR and on GPT
    Good,
    /// Every file equals what the kernel's mount shows
    Tree,
    /// A hard tree on every kind of file system and volume equals what the kernel's mount shows
    Torture,
    /// Every variant of qcow2 reads equal
    Variants,
    /// The guest on XFS, Btrfs, LVM, md RAID and others ends as the plain one
    Layouts,
    /// Sound and damaged qcow2 files are told as qemu-img check tells them
    Consistency,
    /// Every file of NTFS volumes, compressed in each way, equals what went in
    Ntfs,
    /// Every key and value of registry hives equals what hivex reads
    Hives,
    /// Each defect gives its finding
    Defects,
    /// Each broken guest passes once the script of `remedy` has repaired a copy
    Repair,
    /// No damage makes the checker crash, or pass what it cannot read
    Damage,
    /// Each fixture ends as its .expect.json says
    Fixtures,
    /// Each Windows guest, good or with a defect, ends as its expectation says
    Windows,
    /// Bad input gets one clear sentence
    BadInput,
    /// Nothing is written to an image
    Readonly,
}

/// What was compared, and what was wrong.
pub struct Log {
    wrong: Vec<String>,
    started: Instant,
}

impl Log {
    /// Says how a comparison ended: `wrong` is empty when all was as it must be.
    pub fn note(&mut self, what: &str, wrong: Vec<String>) {
        let seconds = self.started.elapsed().as_secs();
        println!("{seconds:>5} s  {}  {what}", if wrong.is_empty() { "same " } else { "WRONG" });
        for line in &wrong {
            println!("                {line}");
        }
        self.wrong.extend(wrong.into_iter().map(|line| format!("{what}: {line}")));
    }

    /// An error when anything was wrong.
    fn end(&self) -> Result<()> {
        if self.wrong.is_empty() {
            return Ok(());
        }
        bail!("{} differences:\n{}", self.wrong.len(), self.wrong.join("\n"))
    }

    /// Says that something could not be compared, and why.
    pub fn skip(&self, what: &str, why: &str) {
        println!("{:>5} s  left   {what}: {why}", self.started.elapsed().as_secs());
    }
}

pub fn run(arguments: &Arguments) -> Result<()> {
    workspace::ensure_root()?;
    let wanted = |part| arguments.parts.is_empty() || arguments.parts.contains(&part);
    let mut log = Log { wrong: Vec::new(), started: Instant::now() };
    if wanted(Part::Torture) {
        torture::compare(&mut log)?;
    }
    if wanted(Part::Ntfs) {
        ntfs::compare(&mut log)?;
    }
    if wanted(Part::Hives) {
        hives::compare(arguments.hives.as_deref(), &mut log)?;
    }
    if wanted(Part::Consistency) {
        consistency::compare(&mut log)?;
    }
    let by_library =
        |part: &Part| matches!(part, Part::Torture | Part::Ntfs | Part::Hives | Part::Consistency);
    if !arguments.parts.is_empty() && arguments.parts.iter().all(by_library) {
        // It is the library that reads; no binary is needed.
        return log.end();
    }
    let checker = Checker { binary: workspace::binary()? };
    if wanted(Part::Fixtures) {
        fixture::compare(&checker, &mut log)?;
    }
    if wanted(Part::BadInput) {
        bad_input::compare(&checker, &mut log)?;
    }
    if wanted(Part::Readonly) {
        readonly::compare(&checker, &mut log)?;
    }
    if wanted(Part::Windows) {
        windows::compare(&checker, &mut log)?;
    }
    // None of these looks at the whole guest, which takes long to build.
    let own = |part: &Part| {
        by_library(part)
            || matches!(part, Part::Fixtures | Part::BadInput | Part::Readonly | Part::Windows)
    };
    if !arguments.parts.is_empty() && arguments.parts.iter().all(own) {
        return log.end();
    }
    if wanted(Part::Damage) {
        damage::compare(&checker, &mut log)?;
    }
    let guest = whole::build(Layout::Mbr, SIZE)?;
    if wanted(Part::Good) {
        good(&checker, &guest.image, "whole guest, MBR", &mut log)?;
        let gpt = whole::build(Layout::Gpt, SIZE)?;
        good(&checker, &gpt.image, "whole guest, GPT with /boot, ESP and swap", &mut log)?;
    }
    if wanted(Part::Tree) {
        log.note("every file of the guest's ext4", tree::compare(&guest)?);
    }
    if wanted(Part::Layouts) {
        layouts::compare(&checker, &guest, &mut log)?;
    }
    if wanted(Part::Variants) {
        variant::compare(&checker, &guest, &mut log)?;
    }
    if wanted(Part::Defects) {
        defect::compare(&checker, &guest, &mut log)?;
    }
    if wanted(Part::Repair) {
        repair::compare(&checker, &guest, &mut log)?;
    }
    log.end()
}

/// What is said of the whole guest with nothing wrong in it: the platform's list for the profile
/// has no Debian 12.
const GUEST: &[(&str, &str)] = &[("os-supported", "warn")];

fn good(checker: &Checker, image: &Path, what: &str, log: &mut Log) -> Result<()> {
    let outcome = checker.check(image)?;
    let mut wrong = Expectation::new(0, GUEST, &[]).differences(&outcome);
    wrong.extend(outcome.unproved());
    log.note(what, wrong);
    Ok(())
}
