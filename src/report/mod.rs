//! Reports: what was found, and one file for each way of saying it.
//!
//! In: findings. Out: bytes for people and machines. This room must not know how a fact was found.
//!
//! ```
//! use std::path::Path;
//!
//! use image_preflight::report::{Format, Settings};
//! use image_preflight::rules::{Context, Lang, Profile};
//!
//! let context = Context::today(Profile::Otc);
//! let path = Path::new("testdata/guests/luks-root.qcow2");
//! let report = image_preflight::check(path, &context, false)?;
//! let mut settings = Settings::new(context);
//! settings.lang = Lang::ZhCn;
//! let mut page = Vec::new();
//! Format::Html.write(settings, [&report], &mut page).expect("a vector takes it");
//! assert!(String::from_utf8(page).expect("UTF-8").contains("disk-not-encrypted"));
//! # Ok::<(), image_preflight::Error>(())
//! ```

mod array;
pub mod escape;
mod fingerprint;
mod github;
mod gitlab;
mod html;
pub mod human;
pub mod json;
mod junit;
pub mod layout;
mod markdown;
pub mod read;
mod sarif;
pub(crate) mod words;

use std::io::{Result, Write};
use std::path::Path;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use self::human::Detail;
use self::layout::DiskLayout;
use crate::guest::facts::{Facts, Guest};
use crate::rules::finding::Finding;
use crate::rules::{Context, Lang, Level, Status};

/// Version of the JSON report's shape.
pub const SCHEMA_VERSION: &str = "1";

/// What a report says of an image as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
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
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
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
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
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
    /// How the disk is divided; none when it was not read.
    pub disk: Option<DiskLayout>,
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
            disk: DiskLayout::of(facts),
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
            disk: None,
            verdict: Verdict::Error,
            findings: Vec::new(),
            error: Some(error),
        }
    }

    /// The findings of a status; those that could not be verified for one and the same reason
    /// together.
    fn together(&self, status: Status) -> Vec<Vec<&Finding>> {
        self.all_together()
            .into_iter()
            .filter(|group| group.first().is_some_and(|first| first.status == status))
            .collect()
    }

    /// The same of every status, in the order of the findings.
    fn all_together(&self) -> Vec<Vec<&Finding>> {
        let mut groups: Vec<Vec<&Finding>> = Vec::new();
        for finding in &self.findings {
            let alike =
                groups.iter_mut().filter(|_| finding.status == Status::Unverified).find(|group| {
                    group.first().is_some_and(|first| {
                        first.status == finding.status && first.evidence == finding.evidence
                    })
                });
            match alike {
                Some(group) => group.push(finding),
                None => groups.push(vec![finding]),
            }
        }
        groups
    }

    /// How many findings ended so.
    pub fn count(&self, status: Status) -> usize {
        self.findings.iter().filter(|finding| finding.status == status).count()
    }
}

/// The form of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Format {
    /// For people at a terminal.
    Human,
    /// One JSON document.
    Json,
    /// One JSON document a line and image.
    JsonLines,
    /// SARIF 2.1.0.
    Sarif,
    /// JUnit's XML.
    Junit,
    /// GitHub flavoured Markdown, for a merge request's comment.
    Markdown,
    /// One self-contained HTML file.
    Html,
    /// Workflow commands of GitHub Actions.
    Github,
    /// GitLab's code quality report.
    Gitlab,
}

/// What all forms are told. [`Settings::new`] makes it; its fields are then set.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Settings {
    /// What was decided by.
    pub context: Context,
    /// Language.
    pub lang: Lang,
    /// How much is said; only [`Format::Human`] differs in it.
    pub detail: Detail,
    /// Columns of the terminal.
    pub width: usize,
    /// Whether a warning fails an image.
    pub fail_on_warn: bool,
}

impl Settings {
    /// English, as the command line shows it by itself on 100 columns.
    pub fn new(context: Context) -> Self {
        let (lang, detail) = (Lang::default(), Detail::default());
        Self { context, lang, detail, width: 100, fail_on_warn: false }
    }
}

/// Writes the reports of one call in one form, image by image: `begin`, `image` for each, `end`.
///
/// Each holds no more than the image that it is given, but for the few words about it that its end
/// repeats.
pub trait ReportWriter: Send {
    /// What comes before the first image.
    ///
    /// # Errors
    /// When `out` cannot be written.
    fn begin(&mut self, out: &mut dyn Write) -> Result<()> {
        let _ = out;
        Ok(())
    }

    /// One image.
    ///
    /// # Errors
    /// When `out` cannot be written.
    fn image(&mut self, report: &ImageReport, out: &mut dyn Write) -> Result<()>;

    /// What comes after the last image.
    ///
    /// # Errors
    /// When `out` cannot be written.
    fn end(&mut self, out: &mut dyn Write) -> Result<()> {
        let _ = out;
        Ok(())
    }
}

impl Format {
    /// Every form, and how the command line spells it.
    pub const ALL: [(Self, &str); 9] = [
        (Self::Human, "human"),
        (Self::Json, "json"),
        (Self::JsonLines, "json-lines"),
        (Self::Sarif, "sarif"),
        (Self::Junit, "junit"),
        (Self::Markdown, "markdown"),
        (Self::Html, "html"),
        (Self::Github, "github"),
        (Self::Gitlab, "gitlab"),
    ];

    /// What it is for, in a few words.
    pub fn purpose(self) -> &'static str {
        match self {
            Self::Human => "For people",
            Self::Json => "One JSON document",
            Self::JsonLines => "One JSON document a line and image",
            Self::Sarif => "SARIF 2.1.0, for code scanning",
            Self::Junit => "JUnit's XML, for test reports",
            Self::Markdown => "For a merge request's comment",
            Self::Html => "One self-contained page, with a picture of the disk",
            Self::Github => "Workflow commands of GitHub Actions (annotations)",
            Self::Gitlab => "GitLab's code quality report",
        }
    }

    /// Writes reports that are all there.
    ///
    /// # Errors
    /// When `out` cannot be written.
    pub fn write<'a>(
        self,
        settings: Settings,
        reports: impl IntoIterator<Item = &'a ImageReport>,
        out: &mut dyn Write,
    ) -> Result<()> {
        let mut form = self.writer(settings);
        form.begin(out)?;
        for report in reports {
            form.image(report, out)?;
        }
        form.end(out)
    }

    /// The writer of this form.
    pub fn writer(self, settings: Settings) -> Box<dyn ReportWriter> {
        match self {
            Self::Human => Box::new(human::Human::new(settings)),
            Self::Json => Box::new(json::Json::new(settings)),
            Self::JsonLines => Box::new(json::JsonLines { settings }),
            Self::Sarif => Box::new(sarif::Sarif::new(settings)),
            Self::Junit => Box::new(junit::Junit { settings }),
            Self::Markdown => Box::new(markdown::Markdown::new(settings)),
            Self::Html => Box::new(html::Html::new(settings)),
            Self::Github => Box::new(github::Github { settings }),
            Self::Gitlab => Box::new(gitlab::Gitlab::new(settings)),
        }
    }
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
