//! GitLab's code quality report: a JSON array of `description`, `check_name`, `fingerprint`,
//! `severity` (`info`, `minor`, `major`, `critical`, `blocker`), `location.path` and
//! `location.lines.begin` (GitLab's documentation, "Code Quality report format").
//!
//! It lists what is to be done: what is broken, to be looked at or not verified, rules that one reason
//! kept from it in one entry under the first of the weightiest. An image has no
//! lines, so all stand at line 1, which the format asks for.

use std::io::{Result, Write};

use serde::Serialize;

use super::array::Array;
use super::words;
use super::{ImageReport, ReportWriter, Settings, fingerprint};
use crate::rules::{Level, Status};

/// The code quality report.
pub(super) struct Gitlab {
    settings: Settings,
    issues: Array,
}

#[derive(Serialize)]
struct Issue<'a> {
    description: &'a str,
    check_name: &'a str,
    fingerprint: String,
    severity: &'static str,
    location: Location<'a>,
}

#[derive(Serialize)]
struct Location<'a> {
    path: &'a str,
    lines: Lines,
}

#[derive(Serialize)]
struct Lines {
    begin: u32,
}

impl Gitlab {
    pub(super) fn new(settings: Settings) -> Self {
        Self { settings, issues: Array::new("  ", "") }
    }

    fn issue(
        &mut self,
        path: &str,
        rule: &str,
        severity: &'static str,
        description: &str,
        out: &mut dyn Write,
    ) -> Result<()> {
        let issue = Issue {
            description,
            check_name: rule,
            fingerprint: fingerprint::of(path, rule),
            severity,
            // GitLab joins it to the repository's path.
            location: Location {
                path: path.strip_prefix("./").unwrap_or(path),
                lines: Lines { begin: 1 },
            },
        };
        self.issues.push(&issue, out)
    }
}

impl ReportWriter for Gitlab {
    fn begin(&mut self, out: &mut dyn Write) -> Result<()> {
        write!(out, "[")
    }

    fn image(&mut self, report: &ImageReport, out: &mut dyn Write) -> Result<()> {
        let path = &report.image.path;
        if let Some(error) = &report.error {
            let error = words::said(error, self.settings.lang);
            return self.issue(path, env!("CARGO_PKG_NAME"), "blocker", &error, out);
        }
        for alike in report.all_together() {
            // One entry stands for all that could not be verified for one reason.
            let Some(finding) = words::weightiest(&alike) else { continue };
            let severity = match (finding.status, finding.level) {
                (Status::Fail, _) => "critical",
                (Status::Warn, _) if self.settings.fail_on_warn => "major",
                (Status::Unverified, Level::Required) => "major",
                (Status::Warn, _) => "minor",
                (Status::Unverified, _) => "info",
                _ => continue,
            };
            let lang = self.settings.lang;
            let rules = words::rules_of(&alike, lang);
            let message = rules.as_deref().unwrap_or(finding.message.get(lang));
            self.issue(path, &finding.rule, severity, message, out)?;
        }
        Ok(())
    }

    fn end(&mut self, out: &mut dyn Write) -> Result<()> {
        self.issues.close(out)?;
        writeln!(out)
    }
}
