//! The JSON report and its line-by-line form: a contract that other tools read.

use std::io::{Result, Write};

use serde::Serialize;

use super::{GuestSummary, ImageReport, ImageSummary, Report, SCHEMA_VERSION, Verdict};
use crate::rules::finding::Finding;
use crate::rules::{Lang, Profile, Status};

#[derive(Serialize)]
struct Tool {
    name: &'static str,
    version: &'static str,
}

const TOOL: Tool = Tool { name: env!("CARGO_PKG_NAME"), version: env!("CARGO_PKG_VERSION") };

#[derive(Serialize)]
struct Document<'a> {
    schema_version: &'static str,
    tool: Tool,
    profile: Profile,
    reports: Vec<Element<'a>>,
}

#[derive(Serialize)]
struct Line<'a> {
    schema_version: &'static str,
    tool: Tool,
    profile: Profile,
    #[serde(flatten)]
    report: Element<'a>,
}

#[derive(Serialize)]
struct Element<'a> {
    image: &'a ImageSummary,
    guest: &'a GuestSummary,
    verdict: Verdict,
    summary: Summary,
    findings: Vec<Finding<String>>,
    error: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Summary {
    pass: usize,
    fail: usize,
    warn: usize,
    unverified: usize,
    manual: usize,
    info: usize,
    not_applicable: usize,
    waived: usize,
}

fn element(report: &ImageReport, lang: Lang) -> Element<'_> {
    Element {
        image: &report.image,
        guest: &report.guest,
        verdict: report.verdict,
        summary: Summary {
            pass: report.count(Status::Pass),
            fail: report.count(Status::Fail),
            warn: report.count(Status::Warn),
            unverified: report.count(Status::Unverified),
            manual: report.count(Status::Manual),
            info: report.count(Status::Info),
            not_applicable: report.count(Status::NotApplicable),
            waived: report.count(Status::Waived),
        },
        findings: report.findings.iter().map(|found| found.in_language(lang)).collect(),
        error: report.error.as_deref(),
    }
}

/// Writes the report as one JSON document.
///
/// # Errors
/// When `out` cannot be written.
pub fn write(report: &Report, lang: Lang, out: &mut dyn Write) -> Result<()> {
    let document = Document {
        schema_version: SCHEMA_VERSION,
        tool: TOOL,
        profile: report.profile,
        reports: report.reports.iter().map(|report| element(report, lang)).collect(),
    };
    serde_json::to_writer_pretty(&mut *out, &document)?;
    writeln!(out)
}

/// Writes one image's report as one line.
///
/// # Errors
/// When `out` cannot be written.
pub fn write_line(
    profile: Profile,
    report: &ImageReport,
    lang: Lang,
    out: &mut dyn Write,
) -> Result<()> {
    let line =
        Line { schema_version: SCHEMA_VERSION, tool: TOOL, profile, report: element(report, lang) };
    serde_json::to_writer(&mut *out, &line)?;
    writeln!(out)
}
