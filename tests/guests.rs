//! Every committed guest gets exactly the findings that its defect deserves.
//!
//! Beside each `testdata/guests/NAME.qcow2` and `testdata/windows/NAME.qcow2` lies `NAME.expect.json`, written from the rules'
//! catalogue; `testdata/README.md` says what its keys mean.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    reason = "for tests"
)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use image_preflight::report::Verdict;
use image_preflight::rules::{Context, Profile, Status};

fn testdata(folder: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata").join(folder)
}

fn check(path: &Path) -> (Verdict, BTreeMap<String, Status>) {
    let context = Context::new(Profile::ImsClassic, 20_000);
    let report = image_preflight::check(path, &context, false).unwrap();
    let statuses =
        report.findings.iter().map(|finding| (finding.rule.clone(), finding.status)).collect();
    (report.verdict, statuses)
}

#[test]
fn each_linux_guest_gets_exactly_the_findings_that_its_defect_deserves() {
    expect_each(&testdata("guests"), 25);
}

#[test]
fn each_windows_guest_gets_exactly_the_findings_that_its_defect_deserves() {
    expect_each(&testdata("windows"), 10);
}

fn expect_each(folder: &Path, at_least: usize) {
    let mut wrong = Vec::new();
    let mut seen = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let expectation = entry.unwrap().path();
        let name = expectation.file_name().unwrap().to_str().unwrap().to_owned();
        let Some(stem) = name.strip_suffix(".expect.json") else { continue };
        seen += 1;
        let document: serde_json::Value =
            serde_json::from_slice(&std::fs::read(&expectation).unwrap()).unwrap();
        let (verdict, found) = check(&folder.join(format!("{stem}.qcow2")));
        if u64::from(verdict.exit_code()) != document["exit"].as_u64().unwrap() {
            wrong.push(format!(
                "{stem}: exit {} instead of {}",
                verdict.exit_code(),
                document["exit"]
            ));
        }
        let expected: BTreeMap<String, Status> =
            serde_json::from_value(document["findings"].clone()).unwrap();
        let unjudged: Vec<String> = serde_json::from_value(document["unjudged"].clone()).unwrap();
        let judged = |rule: &String| !unjudged.iter().any(|other| other == "*" || other == rule);
        for (rule, status) in &found {
            let wanted = expected.get(rule);
            if wanted.is_none() && !judged(rule) {
                continue;
            }
            let matters = matches!(status, Status::Fail | Status::Warn | Status::Unverified);
            if wanted.map_or(matters, |wanted| wanted != status) {
                wrong.push(format!("{stem}: {rule} is {status:?}, expected {wanted:?}"));
            }
        }
        for rule in expected.keys().filter(|rule| !found.contains_key(*rule)) {
            wrong.push(format!("{stem}: {rule} is missing"));
        }
    }
    assert!(seen >= at_least, "only {seen} guests");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
