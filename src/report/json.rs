//! The JSON report and its line-by-line form: a contract that other tools read.

use std::io::{Result, Write};

use serde::Serialize;
use serde_json::ser::{CompactFormatter, Formatter, PrettyFormatter, Serializer};

use super::escape::is_unsafe;
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

/// JSON in which what could steer a terminal is escaped, which any reader of JSON undoes: the format
/// itself only asks for that below U+0020.
struct Safe<F>(F);

impl<F: Formatter> Formatter for Safe<F> {
    fn begin_array<W: ?Sized + Write>(&mut self, writer: &mut W) -> Result<()> {
        self.0.begin_array(writer)
    }

    fn end_array<W: ?Sized + Write>(&mut self, writer: &mut W) -> Result<()> {
        self.0.end_array(writer)
    }

    fn begin_array_value<W: ?Sized + Write>(&mut self, writer: &mut W, first: bool) -> Result<()> {
        self.0.begin_array_value(writer, first)
    }

    fn end_array_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> Result<()> {
        self.0.end_array_value(writer)
    }

    fn begin_object<W: ?Sized + Write>(&mut self, writer: &mut W) -> Result<()> {
        self.0.begin_object(writer)
    }

    fn end_object<W: ?Sized + Write>(&mut self, writer: &mut W) -> Result<()> {
        self.0.end_object(writer)
    }

    fn begin_object_key<W: ?Sized + Write>(&mut self, writer: &mut W, first: bool) -> Result<()> {
        self.0.begin_object_key(writer, first)
    }

    fn begin_object_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> Result<()> {
        self.0.begin_object_value(writer)
    }

    fn end_object_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> Result<()> {
        self.0.end_object_value(writer)
    }

    fn write_string_fragment<W: ?Sized + Write>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> Result<()> {
        let mut rest = fragment;
        while let Some((at, char)) = rest.char_indices().find(|(_, char)| is_unsafe(*char)) {
            let (plain, behind) = rest.split_at_checked(at).unwrap_or((rest, ""));
            writer.write_all(plain.as_bytes())?;
            for unit in char.encode_utf16(&mut [0; 2]) {
                write!(writer, "\\u{unit:04x}")?;
            }
            rest = behind.get(char.len_utf8()..).unwrap_or_default();
        }
        writer.write_all(rest.as_bytes())
    }
}

/// Writes any value as a JSON document with a line's end.
///
/// # Errors
/// When `out` cannot be written.
pub fn write_value<T: Serialize>(value: &T, out: &mut dyn Write) -> Result<()> {
    value.serialize(&mut Serializer::with_formatter(&mut *out, Safe(PrettyFormatter::new())))?;
    writeln!(out)
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
    write_value(&document, out)
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
    line.serialize(&mut Serializer::with_formatter(&mut *out, Safe(CompactFormatter)))?;
    writeln!(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_steer_a_terminal_is_escaped_and_reads_back_the_same() {
        let text = "a\x1b[31m\u{9b}2J\u{202e}x\u{e0041}\u{7f}\n\"文";
        let mut pretty = Vec::new();
        write_value(&vec![text], &mut pretty).unwrap();
        let mut compact = Vec::new();
        text.serialize(&mut Serializer::with_formatter(&mut compact, Safe(CompactFormatter)))
            .unwrap();
        assert_eq!(
            String::from_utf8(compact).unwrap(),
            r#""a\u001b[31m\u009b2J\u202ex\udb40\udc41\u007f\n\"文""#
        );
        assert_eq!(serde_json::from_slice::<Vec<String>>(&pretty).unwrap(), [text]);
    }
}
