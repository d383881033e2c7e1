//! The JSON report and its line-by-line form: a contract that other tools read.

use std::io::{Result, Write};

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema};
use serde::Serialize;
use serde_json::ser::{CompactFormatter, Formatter, PrettyFormatter, Serializer};

use super::array::Array;
use super::escape::is_unsafe;
use super::layout::DiskLayout;
use super::{
    GuestSummary, ImageReport, ImageSummary, ReportWriter, SCHEMA_VERSION, Settings, Verdict,
};
use crate::rules::finding::Finding;
use crate::rules::{Lang, Status};

/// The program that made a report.
#[derive(Serialize, JsonSchema)]
pub(super) struct Tool {
    pub(super) name: &'static str,
    pub(super) version: &'static str,
}

pub(super) const TOOL: Tool =
    Tool { name: env!("CARGO_PKG_NAME"), version: env!("CARGO_PKG_VERSION") };

/// The report of image-preflight on one or more images.
#[derive(Serialize, JsonSchema)]
#[schemars(title = "image-preflight report")]
struct Document<'a> {
    /// Version of this shape: `1`.
    schema_version: &'static str,
    tool: Tool,
    /// The set of requirements.
    profile: &'a str,
    /// What fails an image: `fail`, a broken required rule, or `warn`, also a broken recommended one.
    fail_on: &'static str,
    /// One for each image, in the order in which they were named.
    reports: Vec<Element<'a>>,
}

/// The report of image-preflight on one image, a line of its own.
#[derive(Serialize, JsonSchema)]
#[schemars(title = "image-preflight report, one line an image")]
struct Line<'a> {
    /// Version of this shape: `1`.
    schema_version: &'static str,
    tool: Tool,
    /// The set of requirements.
    profile: &'a str,
    /// What fails an image: `fail`, a broken required rule, or `warn`, also a broken recommended one.
    fail_on: &'static str,
    #[serde(flatten)]
    report: Element<'a>,
}

/// The report of one image.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ImageReport")]
struct Element<'a> {
    image: &'a ImageSummary,
    guest: &'a GuestSummary,
    /// How the disk is divided; null when it was not read.
    disk: Option<&'a DiskLayout>,
    verdict: Verdict,
    summary: Summary,
    /// Exactly one for each rule of the profile; none when the image could not be checked.
    findings: Vec<Finding<String>>,
    /// Why the image could not be checked.
    error: Option<&'a str>,
}

/// How many findings ended how.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Summary {
    pass: usize,
    fail: usize,
    warn: usize,
    unverified: usize,
    manual: usize,
    info: usize,
    not_applicable: usize,
    waived: usize,
}

impl Summary {
    pub(super) fn of(report: &ImageReport) -> Self {
        Self {
            pass: report.count(Status::Pass),
            fail: report.count(Status::Fail),
            warn: report.count(Status::Warn),
            unverified: report.count(Status::Unverified),
            manual: report.count(Status::Manual),
            info: report.count(Status::Info),
            not_applicable: report.count(Status::NotApplicable),
            waived: report.count(Status::Waived),
        }
    }
}

/// One element of `reports` in the JSON report, for any format of serde.
///
/// ```
/// use std::path::Path;
///
/// use image_preflight::report::json;
/// use image_preflight::rules::{Context, Lang, Profile};
///
/// let context = Context::today(Profile::ImsClassic);
/// let path = Path::new("testdata/guests/initrd-missing.qcow2");
/// let report = image_preflight::check(path, &context, false)?;
/// let value = serde_json::to_value(json::element(&report, Lang::En)).expect("JSON");
/// assert_eq!(value["verdict"], "fail");
/// assert_eq!(value["guest"]["id"], "debian");
/// # Ok::<(), image_preflight::Error>(())
/// ```
pub fn element(report: &ImageReport, lang: Lang) -> impl Serialize + '_ {
    element_of(report, lang)
}

fn element_of(report: &ImageReport, lang: Lang) -> Element<'_> {
    Element {
        image: &report.image,
        guest: &report.guest,
        disk: report.disk.as_ref(),
        verdict: report.verdict,
        summary: Summary::of(report),
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

/// A value as JSON in lines, without the last line's end.
pub(super) fn pretty(value: &impl Serialize) -> Result<String> {
    let mut text = Vec::new();
    value.serialize(&mut Serializer::with_formatter(&mut text, Safe(PrettyFormatter::new())))?;
    String::from_utf8(text).map_err(std::io::Error::other)
}

/// Which of the two shapes of the report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// One document.
    Json,
    /// One document a line and image.
    JsonLines,
}

/// The JSON Schema (draft 2020-12) of the report.
pub fn schema(shape: Shape) -> Schema {
    let generator = SchemaSettings::draft2020_12().for_serialize().into_generator();
    match shape {
        Shape::Json => generator.into_root_schema_for::<Document<'_>>(),
        Shape::JsonLines => generator.into_root_schema_for::<Line<'_>>(),
    }
}

fn fail_on(settings: &Settings) -> &'static str {
    if settings.fail_on_warn { "warn" } else { "fail" }
}

/// The report as one JSON document.
pub(super) struct Json {
    settings: Settings,
    reports: Array,
}

impl Json {
    pub(super) fn new(settings: Settings) -> Self {
        Self { settings, reports: Array::new("    ", "  ") }
    }
}

impl ReportWriter for Json {
    fn begin(&mut self, out: &mut dyn Write) -> Result<()> {
        let head = Document {
            schema_version: SCHEMA_VERSION,
            tool: TOOL,
            profile: self.settings.context.profile_name(),
            fail_on: fail_on(&self.settings),
            reports: Vec::new(),
        };
        let head = pretty(&head)?;
        write!(out, "{}", head.strip_suffix("]\n}").unwrap_or(&head))
    }

    fn image(&mut self, report: &ImageReport, out: &mut dyn Write) -> Result<()> {
        self.reports.push(&element_of(report, self.settings.lang), out)
    }

    fn end(&mut self, out: &mut dyn Write) -> Result<()> {
        self.reports.close(out)?;
        writeln!(out, "\n}}")
    }
}

/// The report as one JSON document a line and image.
pub(super) struct JsonLines {
    pub(super) settings: Settings,
}

impl ReportWriter for JsonLines {
    fn image(&mut self, report: &ImageReport, out: &mut dyn Write) -> Result<()> {
        let line = Line {
            schema_version: SCHEMA_VERSION,
            tool: TOOL,
            profile: self.settings.context.profile_name(),
            fail_on: fail_on(&self.settings),
            report: element_of(report, self.settings.lang),
        };
        line.serialize(&mut Serializer::with_formatter(&mut *out, Safe(CompactFormatter)))?;
        writeln!(out)
    }
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
