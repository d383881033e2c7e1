//! Whatever stands in an image: a report in which every rule stands once, soon, and no panic.
//!
//! Mutants of the committed guests' disks and containers, at the places that a check looks at. The
//! mutants are the same in each run. `cargo xtask fuzz --mutations COUNT` makes many more, of which
//! wrong checksums hide nothing, and counts their memory.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    reason = "for tests"
)]

#[allow(dead_code, unreachable_pub, reason = "the fuzz targets use the rest")]
mod mutant;

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use image_preflight::bytes::Bytes;
use image_preflight::report::ImageReport;

use mutant::{GUESTS, Subject, XorShift, check, disk, testdata};

/// Mutants of each guest's disk, and of its container.
const MUTANTS: usize = 60;

/// Longest time of one check.
const MAX_TIME: Duration = Duration::from_secs(5);

type Rules = BTreeMap<&'static str, Vec<String>>;

fn rules(reports: Vec<(image_preflight::rules::Profile, ImageReport)>) -> Rules {
    let ids = |report: ImageReport| report.findings.into_iter().map(|finding| finding.rule);
    reports.into_iter().map(|(profile, report)| (profile.name(), ids(report).collect())).collect()
}

/// Checks it, a second time where the machine was busy.
fn check_in_time(name: &str, bytes: &Arc<dyn Bytes>) -> Rules {
    let timed = || {
        let begun = Instant::now();
        let found = catch_unwind(AssertUnwindSafe(|| rules(check(bytes.clone()))));
        (found.unwrap_or_else(|_| panic!("{name}: panicked")), begun.elapsed())
    };
    let (found, time) = timed();
    if time > MAX_TIME {
        let (_, again) = timed();
        assert!(again <= MAX_TIME, "{name}: {time:?}, then {again:?}");
    }
    found
}

fn mutants_give_whole_reports(of: impl Fn(&str) -> Arc<dyn Bytes>, in_one_piece: bool) {
    let expected = rules(check(of(GUESTS[0])));
    for ids in expected.values() {
        let mut unique = ids.clone();
        unique.sort();
        unique.dedup();
        assert_eq!(unique.len(), ids.len(), "a rule stands twice");
        assert!(ids.len() > 60, "{}", ids.len());
    }
    let mut random = XorShift(0x9E37_79B9_7F4A_7C15);
    for guest in GUESTS {
        let subject = Subject::new(of(guest), |bytes| drop(check(bytes)));
        assert!(subject.pages() > 3, "{guest}: {} pages", subject.pages());
        for number in 0..MUTANTS {
            let count = 1 + (random.next() % 8) as usize;
            let patched = subject.mutant(&random.edits(count));
            let bytes: Arc<dyn Bytes> =
                if in_one_piece { Arc::new(patched.to_vec()) } else { Arc::new(patched) };
            let found = check_in_time(&format!("{guest}, mutant {number}"), &bytes);
            assert_eq!(found, expected, "{guest}, mutant {number}");
        }
    }
}

#[test]
fn every_mutant_of_a_disk_gets_a_report_with_each_rule_once() {
    mutants_give_whole_reports(disk, false);
}

#[test]
fn every_mutant_of_a_container_gets_a_report_with_each_rule_once() {
    mutants_give_whole_reports(|guest| Arc::new(std::fs::read(testdata(guest)).unwrap()), true);
}
