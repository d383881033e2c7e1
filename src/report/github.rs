//! Workflow commands of GitHub Actions, which its runner shows as annotations.
//!
//! `::error file=IMAGE,title=RULE::MESSAGE`; in the message `%`, CR and LF are escaped as `%25`, `%0D`
//! and `%0A`, in a property `:` and `,` as `%3A` and `%2C` as well (GitHub's toolkit,
//! `packages/core/src/command.ts`; its runner, `ActionCommand.cs`).
//!
//! An annotation asks somebody to act, so what holds is not among them. What a required rule could
//! not verify fails the call (exit code 3) and is a warning; what a recommended one could not is a
//! notice; those that one reason kept from it share an annotation. GitHub shows at most ten of each
//! kind a step; all stay in the log.

use std::io::{Result, Write};

use super::escape::{for_terminal, lines};
use super::words;
use super::{ImageReport, ReportWriter, Settings};
use crate::rules::finding::Finding;
use crate::rules::{Level, Status};

/// The workflow commands.
pub(super) struct Github {
    pub(super) settings: Settings,
}

impl ReportWriter for Github {
    fn image(&mut self, report: &ImageReport, out: &mut dyn Write) -> Result<()> {
        if let Some(error) = &report.error {
            let error = words::said(error, self.settings.lang);
            return command("error", &report.image.path, env!("CARGO_PKG_NAME"), &error, out);
        }
        for alike in report.all_together() {
            // One annotation stands for all that could not be verified for one reason.
            let Some((first, kind)) =
                words::weightiest(&alike).and_then(|first| Some((first, self.kind(first)?)))
            else {
                continue;
            };
            let mut title = first.rule.clone();
            let mut first = first.in_language(self.settings.lang);
            if let Some(rules) = words::rules_of(&alike, self.settings.lang) {
                title = words::and_more(&first.rule, alike.len(), self.settings.lang);
                first.message = rules;
                let remedy = words::shared_remedy(&alike);
                first.remedy = remedy.map(|remedy| remedy.get(self.settings.lang).to_owned());
            }
            command(kind, &report.image.path, &title, &self.message(&first), out)?;
        }
        Ok(())
    }
}

impl Github {
    fn kind(&self, finding: &Finding) -> Option<&'static str> {
        match (finding.status, finding.level) {
            (Status::Fail, _) => Some("error"),
            (Status::Warn, _) if self.settings.fail_on_warn => Some("error"),
            (Status::Warn, _) | (Status::Unverified, Level::Required) => Some("warning"),
            (Status::Unverified, _) => Some("notice"),
            _ => None,
        }
    }

    fn message(&self, finding: &Finding<String>) -> String {
        let lang = self.settings.lang;
        let mut message = finding.message.clone();
        for seen in &finding.evidence {
            let place = words::said(&seen.location, lang);
            message.push_str(&format!("\n{place}  {}", seen.detail));
        }
        if let Some(remedy) = &finding.remedy {
            message.push_str(&format!("\n{}{remedy}", words::fix(&finding.rule, remedy).get(lang)));
        }
        message
    }
}

fn command(kind: &str, file: &str, title: &str, message: &str, out: &mut dyn Write) -> Result<()> {
    let lines: Vec<_> = lines(message).collect();
    let (file, title) = (for_terminal(file), for_terminal(title));
    let message = data(&lines.join("\n"));
    writeln!(out, "::{kind} file={},title={}::{message}", property(&file), property(&title))
}

fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
