//! Reports: what was found, and one file for each way of saying it.
//!
//! In: findings. Out: bytes for people and machines. This room must not know how a fact was found.

pub mod escape;
pub mod human;
pub mod json;

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::guest::facts::{Facts, Guest};
use crate::rules::finding::Finding;
use crate::rules::{Level, Profile, Status};

/// Version of the JSON report's shape.
pub const SCHEMA_VERSION: &str = "1";

/// What a report says of an image as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Every required rule holds, or is waived or not applicable.
    Pass,
    /// A required rule is broken.
    Fail,
    /// Nothing is broken, but a required rule that the bytes should decide stays unverified.
    Inconclusive,
    /// The image could not be checked.
    Error,
}

impl Verdict {
    /// The verdict that findings add up to. With `fail_on_warn`, a warning fails, too.
    pub fn of(findings: &[Finding], fail_on_warn: bool) -> Self {
        let any = |test: &dyn Fn(&Finding) -> bool| findings.iter().any(test);
        if any(&|finding| {
            finding.status == Status::Fail || (fail_on_warn && finding.status == Status::Warn)
        }) {
            Self::Fail
        } else if any(&|finding| {
            finding.status == Status::Unverified && finding.level == Level::Required
        }) {
            Self::Inconclusive
        } else {
            Self::Pass
        }
    }

    /// The exit code that stands for it.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Pass => 0,
            Self::Fail => 1,
            Self::Error => 2,
            Self::Inconclusive => 3,
        }
    }

    /// The exit code of several: the highest in the order 2, 1, 3, 0 counts.
    pub fn exit_code_of_all(verdicts: impl IntoIterator<Item = Self>) -> u8 {
        let rank = |verdict: &Self| match verdict {
            Self::Pass => 0,
            Self::Inconclusive => 1,
            Self::Fail => 2,
            Self::Error => 3,
        };
        verdicts.into_iter().max_by_key(rank).map_or(0, Self::exit_code)
    }
}

/// The image, as a report names it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageSummary {
    /// The path as it was given.
    pub path: String,
    /// The format by content.
    pub format: Option<String>,
    /// Length of the file in bytes.
    pub file_size: Option<u64>,
    /// Size of the disk in bytes.
    pub virtual_size: Option<u64>,
    /// Digest of the file, when one was asked for.
    pub digest: Option<String>,
}

/// The guest, as a report names it. What is not known is `None`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GuestSummary {
    /// `linux` or `windows`.
    pub os: Option<String>,
    /// `debian`, `centos`, ….
    pub id: Option<String>,
    /// `12.5`, `7.9`, ….
    pub version: Option<String>,
    /// The name that the system gives itself.
    pub name: Option<String>,
    /// As `uname -m` spells it.
    pub arch: Option<String>,
    /// `bios`, `uefi`, or `bios+uefi`: what could boot the image.
    pub firmware: Option<String>,
}

impl GuestSummary {
    fn of(facts: &Facts) -> Self {
        let firmware = facts.firmware.known().and_then(|firmware| {
            match (firmware.bios.is_empty(), firmware.uefi.is_empty()) {
                (false, true) => Some("bios"),
                (true, false) => Some("uefi"),
                (false, false) => Some("bios+uefi"),
                (true, true) => None,
            }
        });
        let mut summary = Self { firmware: firmware.map(str::to_owned), ..Self::default() };
        match facts.guest.known() {
            Some(Guest::Linux(linux)) => {
                summary.os = Some("linux".to_owned());
                summary.arch = linux.arch.known().map(|(arch, _)| arch.name().to_owned());
                if let Some(Some(os)) = linux.os.known() {
                    summary.id = Some(os.id.clone());
                    summary.version.clone_from(&os.version);
                    summary.name = Some(os.name.clone());
                }
            }
            Some(Guest::Windows(windows)) => {
                summary.os = Some("windows".to_owned());
                summary.arch = windows.arch.known().map(|(arch, _)| arch.name().to_owned());
                if let Some(os) = windows.os.known() {
                    summary.id = Some("windows".to_owned());
                    summary.version = Some(os.number());
                    summary.name = Some(os.name.clone());
                }
            }
            Some(Guest::Absent(_)) | None => {}
        }
        summary
    }
}

/// The report of one image.
#[derive(Debug, Clone)]
pub struct ImageReport {
    /// The image.
    pub image: ImageSummary,
    /// The guest.
    pub guest: GuestSummary,
    /// The verdict.
    pub verdict: Verdict,
    /// One finding for each rule of the profile.
    pub findings: Vec<Finding>,
    /// Why the image could not be checked.
    pub error: Option<String>,
}

impl ImageReport {
    /// The report of an image whose facts were judged.
    pub fn new(facts: &Facts, findings: Vec<Finding>, fail_on_warn: bool) -> Self {
        Self {
            image: ImageSummary {
                path: facts.image.path.clone(),
                format: Some(facts.image.format.name().to_owned()),
                file_size: Some(facts.image.file_size),
                virtual_size: facts.image.virtual_size,
                digest: None,
            },
            guest: GuestSummary::of(facts),
            verdict: Verdict::of(&findings, fail_on_warn),
            findings,
            error: None,
        }
    }

    /// The report of an image that could not be checked.
    pub fn error(path: &Path, error: String) -> Self {
        Self {
            image: ImageSummary {
                path: path.to_string_lossy().into_owned(),
                ..ImageSummary::default()
            },
            guest: GuestSummary::default(),
            verdict: Verdict::Error,
            findings: Vec::new(),
            error: Some(error),
        }
    }

    /// How many findings ended so.
    pub fn count(&self, status: Status) -> usize {
        self.findings.iter().filter(|finding| finding.status == status).count()
    }
}

/// The reports of one call.
#[derive(Debug, Clone)]
pub struct Report {
    /// The profile.
    pub profile: Profile,
    /// One report for each image, in the order in which they were named.
    pub reports: Vec<ImageReport>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_several_images_the_worst_counts_in_the_order_2_1_3_0() {
        use Verdict::{Error, Fail, Inconclusive, Pass};
        for (verdicts, code) in [
            (vec![], 0),
            (vec![Pass, Pass], 0),
            (vec![Pass, Inconclusive], 3),
            (vec![Inconclusive, Fail, Pass], 1),
            (vec![Fail, Error, Inconclusive], 2),
        ] {
            assert_eq!(Verdict::exit_code_of_all(verdicts), code);
        }
    }
}
