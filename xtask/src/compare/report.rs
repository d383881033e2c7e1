//! A check by the release binary, and what it must have found.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

use crate::tool::Tool;

/// The release binary.
pub struct Checker {
    pub binary: PathBuf,
}

#[derive(Deserialize)]
struct Document {
    reports: Vec<Report>,
}

#[derive(Deserialize)]
struct Report {
    findings: Vec<Finding>,
}

#[derive(Deserialize)]
pub struct Finding {
    pub rule: String,
    pub level: String,
    pub status: String,
    pub message: String,
    pub evidence: Vec<serde_json::Value>,
}

/// How a check ended.
pub struct Outcome {
    pub exit: i32,
    pub findings: Vec<Finding>,
}

/// How a check must end. The form of `testdata/guests/*.expect.json`.
#[derive(Deserialize)]
pub struct Expectation {
    pub exit: i32,
    pub findings: BTreeMap<String, String>,
    #[serde(default)]
    pub unjudged: Vec<String>,
}

impl Checker {
    /// Checks `image` under the profile `ims-classic`.
    pub fn check(&self, image: &Path) -> Result<Outcome> {
        let output = Tool::new(&self.binary.to_string_lossy())
            .words("check --profile ims-classic --format json")
            .arg(image)
            .output(b"")?;
        let exit = output.status.code().context("ended by a signal")?;
        let document: Document = serde_json::from_slice(&output.stdout).with_context(|| {
            format!("exit {exit}, no report: {}", String::from_utf8_lossy(&output.stderr))
        })?;
        ensure!(document.reports.len() == 1, "{} reports", document.reports.len());
        let findings = document.reports.into_iter().flat_map(|report| report.findings).collect();
        Ok(Outcome { exit, findings })
    }
}

impl Expectation {
    pub fn new(exit: i32, findings: &[(&str, &str)], unjudged: &[&str]) -> Self {
        Self {
            exit,
            findings: findings.iter().map(|(r, s)| ((*r).to_owned(), (*s).to_owned())).collect(),
            unjudged: unjudged.iter().map(|rule| (*rule).to_owned()).collect(),
        }
    }

    /// What of `outcome` is otherwise than expected.
    pub fn differences(&self, outcome: &Outcome) -> Vec<String> {
        let mut wrong = Vec::new();
        if outcome.exit != self.exit {
            wrong.push(format!("exit code {} instead of {}", outcome.exit, self.exit));
        }
        for (rule, status) in &self.findings {
            match outcome.findings.iter().find(|finding| finding.rule == *rule) {
                Some(finding) if finding.status == *status => {}
                Some(finding) => wrong.push(format!(
                    "{rule} is {} instead of {status}: {}",
                    finding.status, finding.message
                )),
                None => wrong.push(format!("{rule} is missing")),
            }
        }
        let all_unjudged = self.unjudged.iter().any(|rule| rule == "*");
        for finding in &outcome.findings {
            let judged = ["fail", "warn", "unverified"].contains(&finding.status.as_str());
            let expected = self.findings.contains_key(&finding.rule)
                || all_unjudged
                || self.unjudged.contains(&finding.rule);
            if judged && !expected {
                wrong.push(format!(
                    "{} is {} without cause: {}",
                    finding.rule, finding.status, finding.message
                ));
            }
        }
        wrong
    }
}

impl Outcome {
    /// Passes of required rules that show nothing for it.
    pub fn unproved(&self) -> Vec<String> {
        self.findings
            .iter()
            .filter(|finding| {
                finding.level == "required"
                    && finding.status == "pass"
                    && finding.evidence.is_empty()
            })
            .map(|finding| format!("{} passes without evidence", finding.rule))
            .collect()
    }
}
