//! What was known before: findings that an earlier report has no longer fail an image.

use std::collections::{BTreeMap, BTreeSet};

use super::Status;
use super::finding::{Finding, LEFT_OUT};
use super::policy::Waived;
use crate::chinese::chinese;
use crate::fact::Evidence;

/// The findings of an earlier report.
///
/// ```
/// use std::path::Path;
///
/// use image_preflight::Check;
/// use image_preflight::report::Verdict;
/// use image_preflight::rules::baseline::Baseline;
/// use image_preflight::rules::{Context, Profile};
///
/// let path = Path::new("testdata/guests/fstab-data-disk.qcow2");
/// let mut check = Check::new(Context::today(Profile::ImsClassic));
/// let before = check.run(path)?;
/// assert_eq!(before.verdict, Verdict::Fail);
///
/// let known = Baseline::new("before", [(&*before.image.path, &*before.findings)]);
/// assert_eq!(check.baseline(&known).run(path)?.verdict, Verdict::Pass);
/// # Ok::<(), image_preflight::Error>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct Baseline {
    /// What reports call it.
    name: String,
    /// By the image's path and the rule.
    known: BTreeMap<(String, String), Known>,
}

/// A piece of evidence without what differs between two runs that see the same: the number of a line,
/// or a measured size.
type Sight = (String, String);

/// What an earlier report has of a rule in an image.
#[derive(Debug, Clone, Default)]
struct Known {
    /// Whether it failed, or was set aside, and did not only warn.
    failed: bool,
    seen: BTreeSet<Sight>,
}

/// A line of a file is known by its file and its text; anything else by its place and by what is
/// said of it but for the numbers. A report is in one language, so both are tried.
fn sights(evidence: &Evidence) -> [Sight; 2] {
    let Evidence { location, detail, .. } = evidence;
    let details = [detail.clone(), chinese(detail).into_owned()];
    match location.rsplit_once(':') {
        Some((file, line)) if !line.is_empty() && line.chars().all(|c| c.is_ascii_digit()) => {
            details.map(|detail| (file.to_owned(), detail))
        }
        // How many pieces were left out is no measure: more of them are new.
        _ if location == LEFT_OUT => details.map(|detail| (location.clone(), detail)),
        _ => details.map(|detail| (location.clone(), without_numbers(&detail))),
    }
}

fn without_numbers(text: &str) -> String {
    text.split(|char: char| char.is_ascii_digit()).filter(|part| !part.is_empty()).collect()
}

fn is_broken(finding: &Finding) -> bool {
    matches!(finding.status, Status::Fail | Status::Warn | Status::Waived)
}

impl Baseline {
    /// The findings of earlier reports: of each the image's path and what was found. `name` is how
    /// findings call the baseline.
    pub fn new<'a>(
        name: &str,
        reports: impl IntoIterator<Item = (&'a str, &'a [Finding])>,
    ) -> Self {
        let mut known: BTreeMap<(String, String), Known> = BTreeMap::new();
        for (image, findings) in reports {
            for finding in findings.iter().filter(|finding| is_broken(finding)) {
                let key = (image.to_owned(), finding.rule.clone());
                let before = known.entry(key).or_default();
                before.failed |= finding.status != Status::Warn;
                before.seen.extend(finding.evidence.iter().flat_map(sights));
            }
        }
        Self { name: name.to_owned(), known }
    }

    /// Sets aside what fails or warns and is not new: everything that the finding shows was seen
    /// before, by the same rule in the image of the same path, and it weighed as much.
    pub fn apply(&self, findings: &mut [Finding], image: &str) {
        for finding in findings {
            let is_failure = match finding.status {
                Status::Fail => true,
                Status::Warn => false,
                _ => continue,
            };
            let key = (image.to_owned(), finding.rule.clone());
            let Some(before) = self.known.get(&key) else { continue };
            let is_known =
                |evidence: &Evidence| sights(evidence).iter().any(|s| before.seen.contains(s));
            if (before.failed || !is_failure) && finding.evidence.iter().all(is_known) {
                let reason = format!("known from {}", self.name);
                finding.set_aside(Waived { reason, expires: None });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::testing::{absent_disk, context, fstab_mut, good_linux, mount};
    use crate::rules::{Profile, check_all};

    const RULE: &str = "fstab-no-nonsystem-mounts";

    /// The findings with foreign disks mounted by these lines.
    fn with(lines: &[(u32, &str)]) -> Vec<Finding> {
        let mut facts = good_linux();
        for (line, path) in lines {
            fstab_mut(&mut facts).entries.push(mount(*line, absent_disk(), path, "ext4"));
        }
        check_all(&facts, &context(Profile::ImsClassic))
    }

    fn status(before: &[(u32, &str)], now: &[(u32, &str)], image: &str) -> Status {
        let before = with(before);
        let baseline = Baseline::new("old.json", [("a.qcow2", before.as_slice())]);
        let mut findings = with(now);
        baseline.apply(&mut findings, image);
        findings.iter().find(|finding| finding.rule == RULE).unwrap().status
    }

    #[test]
    fn what_was_there_before_is_set_aside_and_what_is_new_fails() {
        assert_eq!(status(&[(7, "/data")], &[(7, "/data")], "a.qcow2"), Status::Waived);
        // A line was added above it.
        assert_eq!(status(&[(7, "/data")], &[(8, "/data")], "a.qcow2"), Status::Waived);
        assert_eq!(status(&[(7, "/data")], &[(7, "/data"), (8, "/more")], "a.qcow2"), Status::Fail);
        assert_eq!(status(&[(7, "/data")], &[(7, "/data")], "b.qcow2"), Status::Fail);
        assert_eq!(status(&[], &[(7, "/data")], "a.qcow2"), Status::Fail);
    }

    /// How a warning of this status and evidence ends after one of those before it.
    fn after(before: (Status, &str, &str), now: (Status, &str, &str)) -> Status {
        let made = |(status, location, detail): (Status, &str, &str)| {
            let mut found = with(&[(7, "/data")]).into_iter().find(|f| f.rule == RULE).unwrap();
            found.status = status;
            found.evidence = vec![Evidence::new(location, detail)];
            found
        };
        let old = [made(before)];
        let baseline = Baseline::new("old.json", [("a.qcow2", old.as_slice())]);
        let mut findings = [made(now)];
        baseline.apply(&mut findings, "a.qcow2");
        findings[0].status
    }

    #[test]
    fn what_gets_worse_is_new() {
        use Status::{Fail, Waived, Warn};
        let bits = "qcow2 header, byte 72";
        assert_eq!(after((Warn, bits, "bit 0: dirty"), (Fail, bits, "bit 1: corrupt")), Fail);
        assert_eq!(after((Warn, bits, "bit 0: dirty"), (Warn, bits, "bit 1: corrupt")), Warn);
        assert_eq!(after((Warn, bits, "bit 0: dirty"), (Fail, bits, "bit 0: dirty")), Fail);
        assert_eq!(after((Fail, bits, "bit 0: dirty"), (Warn, bits, "bit 0: dirty")), Waived);
        assert_eq!(after((Waived, bits, "bit 0: dirty"), (Fail, bits, "bit 0: dirty")), Waived);
        // A size that was measured again.
        assert_eq!(after((Fail, "/", "7 of 9 blocks"), (Fail, "/", "6 of 9 blocks")), Waived);
        assert_eq!(after((Fail, "…", "7 more"), (Fail, "…", "7 more")), Waived);
        assert_eq!(after((Fail, "…", "7 more"), (Fail, "…", "8 more")), Fail);
    }

    #[test]
    fn a_finding_that_was_set_aside_says_by_what() {
        let before = with(&[(7, "/data")]);
        let baseline = Baseline::new("old.json", [("a.qcow2", before.as_slice())]);
        let mut findings = with(&[(7, "/data")]);
        baseline.apply(&mut findings, "a.qcow2");
        let waived: Vec<_> =
            findings.iter().filter_map(|finding| finding.waived.as_ref()).collect();
        assert!(waived.iter().all(|waived| waived.reason == "known from old.json"));
        assert!(!waived.is_empty());
    }
}
