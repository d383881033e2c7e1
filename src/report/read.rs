//! Reports that were written as JSON, read again: to be joined, or to be compared with.

use serde::Deserialize;

use super::layout::DiskLayout;
use super::{GuestSummary, ImageReport, ImageSummary, SCHEMA_VERSION, Verdict};
use crate::rules::Text;
use crate::rules::finding::Finding;

/// Longest file of reports that is read, in bytes: some ten thousand images.
pub const MAX_REPORT: u64 = 1 << 30;

/// Reports, and the profile by which they were made.
#[derive(Debug)]
#[non_exhaustive]
pub struct Reports {
    /// The profile's name.
    pub profile: String,
    /// Whether a warning failed an image; reports of the first versions do not say so.
    pub fail_on_warn: bool,
    /// One for each image.
    pub reports: Vec<ImageReport>,
}

#[derive(Deserialize)]
struct Document {
    schema_version: String,
    profile: String,
    #[serde(default)]
    fail_on: FailOn,
    reports: Vec<Element>,
}

#[derive(Deserialize)]
struct Line {
    schema_version: String,
    profile: String,
    #[serde(default)]
    fail_on: FailOn,
    #[serde(flatten)]
    report: Element,
}

#[derive(Deserialize, Default, PartialEq)]
#[serde(rename_all = "lowercase")]
enum FailOn {
    #[default]
    Fail,
    Warn,
}

#[derive(Deserialize)]
struct Element {
    image: ImageSummary,
    guest: GuestSummary,
    #[serde(default)]
    disk: Option<DiskLayout>,
    verdict: Verdict,
    findings: Vec<Finding<String>>,
    error: Option<String>,
}

impl From<Element> for ImageReport {
    fn from(element: Element) -> Self {
        let Element { image, guest, disk, verdict, findings, error } = element;
        let findings = findings.into_iter().map(in_one_language).collect();
        Self { image, guest, disk, verdict, findings, error }
    }
}

/// The report was written in one language; that is what both are now.
fn in_one_language(finding: Finding<String>) -> Finding {
    let text = |text: String| Text { en: text.clone(), zh: text };
    Finding {
        rule: finding.rule,
        level: finding.level,
        status: finding.status,
        message: text(finding.message),
        evidence: finding.evidence,
        remedy: finding.remedy.map(text),
        predicts: finding.predicts,
        repaired_by_platform: finding.repaired_by_platform,
        source: finding.source,
        waived: finding.waived,
    }
}

/// Reads a report in the form `json` or `json-lines`.
///
/// # Errors
/// Why it is none, as a sentence.
pub fn read(text: &str) -> Result<Reports, String> {
    let same = |version: &str| match version == SCHEMA_VERSION {
        true => Ok(()),
        false => Err(format!("schema_version is {version:?}, not {SCHEMA_VERSION:?}")),
    };
    // So is a report of no image in the form of lines. But a call that was killed leaves the same,
    // and its images must not be passed over.
    if text.trim().is_empty() {
        return Err("it is empty, as a call leaves it that was ended early".to_owned());
    }
    let document = match serde_json::from_str::<Document>(text) {
        Ok(document) => document,
        Err(error) => {
            let lines = text.lines().filter(|line| !line.trim().is_empty());
            let lines: Result<Vec<Line>, _> = lines.map(serde_json::from_str).collect();
            let Ok(lines) = lines else { return Err(error.to_string()) };
            let profile = lines.first().map(|line| line.profile.clone()).unwrap_or_default();
            for line in &lines {
                same(&line.schema_version)?;
                if line.profile != profile {
                    return Err(format!("both {profile} and {} are its profile", line.profile));
                }
            }
            let fail_on_warn = lines.iter().any(|line| line.fail_on == FailOn::Warn);
            let reports = lines.into_iter().map(|line| line.report.into()).collect();
            return Ok(Reports { profile, fail_on_warn, reports });
        }
    };
    same(&document.schema_version)?;
    let reports = document.reports.into_iter().map(ImageReport::from).collect();
    let fail_on_warn = document.fail_on == FailOn::Warn;
    Ok(Reports { profile: document.profile, fail_on_warn, reports })
}
