//! What the release binary says of an image.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use crate::tool::Tool;

pub struct Checker {
    pub binary: PathBuf,
}

#[derive(Deserialize)]
struct Document {
    reports: Vec<Report>,
}

#[derive(Deserialize)]
struct Report {
    verdict: String,
    findings: Vec<Finding>,
}

#[derive(Clone, Deserialize, Serialize)]
pub struct Finding {
    pub rule: String,
    pub status: String,
    pub message: String,
}

/// The verdict and what is not as it must be.
pub struct Verdict {
    pub verdict: String,
    pub findings: Vec<Finding>,
}

impl Checker {
    pub fn check(&self, image: &Path, profile: &str) -> Result<Verdict> {
        let output = Tool::new(&self.binary.to_string_lossy())
            .words("check --lang en --format json --profile")
            .arg(profile)
            .arg(image)
            .output(b"")?;
        let document: Document = serde_json::from_slice(&output.stdout)
            .with_context(|| String::from_utf8_lossy(&output.stderr).into_owned())?;
        let report = document.reports.into_iter().next().context("no report")?;
        let told = ["fail", "warn", "unverified"];
        let findings = report.findings.into_iter();
        Ok(Verdict {
            verdict: report.verdict,
            findings: findings.filter(|finding| told.contains(&finding.status.as_str())).collect(),
        })
    }
}
