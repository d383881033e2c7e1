//! JUnit's XML, as Jenkins, GitLab and others read it: a test suite an image, a test case a rule.
//!
//! What is broken is a `failure`; what a required rule could not verify is an `error`; what does not
//! apply, is waived, is left to people or could not be verified by a rule that fails nothing is
//! `skipped`, with its reason. A warning passes and says so in `system-out`, because a case that
//! fails makes the pipeline fail; with `--fail-on warn` it is a failure.

use std::borrow::Cow;
use std::io::{Result, Write};

use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesEnd, BytesStart, BytesText, Event};

use super::escape::{for_terminal, lines};
use super::words;
use super::{ImageReport, ReportWriter, Settings};
use crate::rules::finding::Finding;
use crate::rules::{Lang, Level, Status};

/// The JUnit report.
pub(super) struct Junit {
    pub(super) settings: Settings,
}

/// How a test case ended.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ending {
    Passed,
    Warned,
    Failure,
    Error,
    Skipped,
}

impl Ending {
    fn element(self) -> Option<&'static str> {
        match self {
            Self::Passed => None,
            Self::Warned => Some("system-out"),
            Self::Failure => Some("failure"),
            Self::Error => Some("error"),
            Self::Skipped => Some("skipped"),
        }
    }
}

impl ReportWriter for Junit {
    fn begin(&mut self, out: &mut dyn Write) -> Result<()> {
        let mut xml = Writer::new_with_indent(&mut *out, b' ', 2);
        xml.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
        writeln!(out, "\n<testsuites name=\"{}\">", env!("CARGO_PKG_NAME"))
    }

    fn image(&mut self, report: &ImageReport, out: &mut dyn Write) -> Result<()> {
        let mut suite = Vec::new();
        self.suite(report, &mut Writer::new_with_indent(&mut suite, b' ', 2))?;
        out.write_all(&suite)?;
        writeln!(out)
    }

    fn end(&mut self, out: &mut dyn Write) -> Result<()> {
        writeln!(out, "</testsuites>")
    }
}

impl Junit {
    fn ending(&self, finding: &Finding) -> Ending {
        match (finding.status, finding.level) {
            (Status::Fail, _) => Ending::Failure,
            (Status::Warn, _) if self.settings.fail_on_warn => Ending::Failure,
            (Status::Warn, _) => Ending::Warned,
            (Status::Unverified, Level::Required) => Ending::Error,
            (Status::Pass | Status::Info, _) => Ending::Passed,
            _ => Ending::Skipped,
        }
    }

    fn suite(&self, report: &ImageReport, xml: &mut Writer<&mut Vec<u8>>) -> Result<()> {
        let path = text(&report.image.path);
        let count = |ending| {
            report.findings.iter().filter(|finding| self.ending(finding) == ending).count()
        };
        let failed = usize::from(report.error.is_some());
        let mut suite = BytesStart::new("testsuite");
        suite.push_attribute(("name", path.as_ref()));
        for (name, count) in [
            ("tests", report.findings.len().saturating_add(failed)),
            ("failures", count(Ending::Failure)),
            ("errors", count(Ending::Error).saturating_add(failed)),
            ("skipped", count(Ending::Skipped)),
        ] {
            suite.push_attribute((name, count.to_string().as_str()));
        }
        xml.write_event(Event::Start(suite))?;
        if let Some(error) = &report.error {
            let error = words::said(error, self.settings.lang);
            case(&path, env!("CARGO_PKG_NAME"), Ending::Error, "error", &error, "", xml)?;
        }
        for finding in &report.findings {
            let ending = self.ending(finding);
            let lang = self.settings.lang;
            let kind = words::status(finding.status).get(lang);
            let finding = finding.in_language(lang);
            let body = body(&finding, lang);
            case(&path, &finding.rule, ending, kind, &finding.message, &body, xml)?;
        }
        xml.write_event(Event::End(BytesEnd::new("testsuite")))
    }
}

/// What was seen and how to repair it, in lines.
fn body(finding: &Finding<String>, lang: Lang) -> String {
    let mut body = String::new();
    for seen in &finding.evidence {
        let place = words::said(&seen.location, lang);
        body.push_str(&format!("{}  {}\n", text(&place), text(&seen.detail)));
    }
    if let Some(remedy) = &finding.remedy {
        body.push_str(words::fix(&finding.rule, remedy).get(lang));
        for line in lines(remedy) {
            body.push_str(&format!("{}\n", text(&line)));
        }
    }
    body
}

fn case(
    suite: &str,
    name: &str,
    ending: Ending,
    kind: &str,
    message: &str,
    body: &str,
    xml: &mut Writer<&mut Vec<u8>>,
) -> Result<()> {
    let mut case = BytesStart::new("testcase");
    case.push_attribute(("classname", suite));
    case.push_attribute(("name", name));
    let Some(element) = ending.element() else {
        return xml.write_event(Event::Empty(case));
    };
    xml.write_event(Event::Start(case))?;
    let message = text(message);
    let mut inner = BytesStart::new(element);
    let body = if ending == Ending::Warned {
        format!("{kind}: {message}\n{body}")
    } else {
        inner.push_attribute(("message", message.as_ref()));
        // JUnit's schema gives `skipped` no type.
        if ending != Ending::Skipped {
            inner.push_attribute(("type", kind));
        }
        body.to_owned()
    };
    xml.write_event(Event::Start(inner))?;
    xml.write_event(Event::Text(BytesText::new(&body)))?;
    xml.write_event(Event::End(BytesEnd::new(element)))?;
    xml.write_event(Event::End(BytesEnd::new("testcase")))
}

/// Text that XML 1.0 can hold (§2.2, `Char`): its control characters are shown, and the two
/// noncharacters that it excludes as well.
fn text(text: &str) -> Cow<'_, str> {
    let text = for_terminal(text);
    if !text.contains(['\u{fffe}', '\u{ffff}']) {
        return text;
    }
    Cow::Owned(text.replace('\u{fffe}', "\\u{fffe}").replace('\u{ffff}', "\\u{ffff}"))
}
