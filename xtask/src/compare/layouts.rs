//! The whole guest on other layouts ends as the plain one does.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use super::Log;
use super::report::{Checker, Outcome};
use crate::guest::layout::{Layout, missing_uuid};
use crate::whole::WholeGuest;

/// Checks of each image whose times are taken.
const RUNS: usize = 7;

/// What a layout is the very subject of: a rule, and how it ends there.
fn subject(layout: Layout) -> &'static [(&'static str, &'static str)] {
    match layout {
        // The guest's packages have no lvm2 and no mdadm, so its initramfs has none either.
        Layout::Lvm | Layout::LvmOnMd => {
            &[("lvm-root-no-injection", "info"), ("initramfs-root-reachable", "warn")]
        }
        Layout::Split => &[("fs-supported-by-autoconfig", "info")],
        // The cloud's disks are taken to have sectors of 512 bytes.
        Layout::LargeSectors => &[("partition-layout-sound", "warn")],
        _ => &[],
    }
}

pub fn compare(checker: &Checker, plain: &WholeGuest, log: &mut Log) -> Result<()> {
    let reference = statuses(&checker.check(&plain.image)?);
    let exit = checker.check(&plain.image)?.exit;
    for &layout in Layout::WHOLE {
        let image = layout.build(&plain.debian)?;
        let outcome = checker.check(&image).with_context(|| layout.what())?;
        let mut wrong = differences(&reference, &outcome, subject(layout));
        if outcome.exit != exit {
            wrong.push(format!("exit code {} instead of {exit}", outcome.exit));
        }
        wrong.extend(outcome.unproved());
        wrong.extend(undecided(&outcome));
        log.note(&format!("layout: {}", layout.what()), wrong);
        let (theirs, ours) = times(checker, &plain.image, &image)?;
        println!(
            "                {:.1} ms, {:.2} times the {:.1} ms of the plain guest",
            ours.as_secs_f64() * 1e3,
            ours.as_secs_f64() / theirs.as_secs_f64(),
            theirs.as_secs_f64() * 1e3
        );
    }
    spanning(checker, plain, log)
}

/// A guest whose root lies on two disks, of which one is given.
fn spanning(checker: &Checker, plain: &WholeGuest, log: &mut Log) -> Result<()> {
    let layout = Layout::LvmOnTwoDisks;
    let image = layout.build(&plain.debian)?;
    let missing = fs::read_to_string(missing_uuid()?)?;
    let outcome = checker.check(&image)?;
    let mut wrong = Vec::new();
    if outcome.exit != 1 {
        wrong.push(format!("exit code {} instead of 1", outcome.exit));
    }
    let rule = "boot-and-system-same-disk";
    let finding = outcome.findings.iter().find(|finding| finding.rule == rule).context(rule)?;
    if finding.status != "fail" || !finding.message.contains(&missing) {
        wrong.push(format!(
            "{rule} is {}, not naming {missing}: {}",
            finding.status, finding.message
        ));
    }
    log.note(&format!("layout: {}, the first disk alone", layout.what()), wrong);
    Ok(())
}

fn statuses(outcome: &Outcome) -> BTreeMap<String, String> {
    outcome.findings.iter().map(|found| (found.rule.clone(), found.status.clone())).collect()
}

fn differences(
    reference: &BTreeMap<String, String>,
    outcome: &Outcome,
    subject: &[(&str, &str)],
) -> Vec<String> {
    let mut wrong = Vec::new();
    for finding in &outcome.findings {
        let own = subject.iter().find(|(rule, _)| *rule == finding.rule).map(|(_, status)| *status);
        let expected = own.or(reference.get(&finding.rule).map(String::as_str));
        if expected != Some(&finding.status) {
            wrong.push(format!(
                "{} is {} instead of {}: {}",
                finding.rule,
                finding.status,
                expected.unwrap_or("not there"),
                finding.message
            ));
        }
    }
    wrong
}

fn undecided(outcome: &Outcome) -> Vec<String> {
    let required = outcome.findings.iter().filter(|finding| finding.level == "required");
    required
        .filter(|finding| finding.status == "unverified")
        .map(|finding| format!("{} is not decided: {}", finding.rule, finding.message))
        .collect()
}

/// The median times of checks of both, in turns.
fn times(checker: &Checker, plain: &Path, image: &Path) -> Result<(Duration, Duration)> {
    let (mut theirs, mut ours) = (Vec::new(), Vec::new());
    for _ in 0..RUNS {
        for (image, times) in [(plain, &mut theirs), (image, &mut ours)] {
            let started = Instant::now();
            Command::new(&checker.binary)
                .arg("check")
                .arg(image)
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .status()?;
            times.push(started.elapsed());
        }
    }
    let median = |mut times: Vec<Duration>| {
        times.sort();
        times.get(times.len() / 2).copied().context("no times")
    };
    Ok((median(theirs)?, median(ours)?))
}
