//! Profiles of the user's own, and `image-preflight.toml`: the profile, what fails an image, waivers.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use serde::Deserialize;
use toml::Spanned;
use toml::value::Datetime;

use super::Failure;
use super::args::{FailOnArg, LangArg};
use super::explain::nearest;
use crate::report::ImageReport;
use crate::rules::policy::{Limits, Policy, System, Waiver};
use crate::rules::{Context, Level, Profile, about_all, day};

/// Read when `--config` names no other.
pub(super) const DEFAULT: &str = "image-preflight.toml";

/// Longest configuration that is read, in bytes: thousands of waivers fit.
const MAX_FILE: u64 = 1 << 20;

/// The configuration of a call.
#[derive(Default)]
pub(super) struct Config {
    /// As messages name it.
    name: String,
    /// Its folder: paths in it are relative to that.
    folder: PathBuf,
    /// A built-in profile's name or the path of a profile's file.
    pub(super) profile: Option<String>,
    /// What fails an image.
    pub(super) fail_on: Option<FailOnArg>,
    /// The language of the report.
    pub(super) lang: Option<LangArg>,
    /// What is set aside.
    pub(super) waivers: Vec<Waiver>,
    /// The line on which each waiver stands.
    lines: Vec<usize>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct ConfigFile {
    profile: Option<String>,
    fail_on: Option<FailOnArg>,
    lang: Option<LangArg>,
    #[serde(default)]
    waivers: Vec<WaiverEntry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WaiverEntry {
    rule: Spanned<String>,
    image: Option<String>,
    reason: Spanned<String>,
    expires: Option<Spanned<Datetime>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ProfileFile {
    extends: Spanned<String>,
    name: Option<String>,
    #[serde(default)]
    levels: BTreeMap<Spanned<String>, LevelWord>,
    #[serde(default)]
    limits: LimitsTable,
    #[serde(default)]
    systems: Vec<SystemEntry>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum LevelWord {
    Required,
    Recommended,
    Informational,
    Manual,
    Off,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct LimitsTable {
    max_file_size: Option<Spanned<String>>,
    min_virtual_size: Option<Spanned<String>>,
    max_virtual_size: Option<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SystemEntry {
    id: String,
    version: Option<String>,
    os_version: String,
}

/// A file's text, and the name by which messages call it.
struct Source {
    name: String,
    text: String,
}

impl Source {
    fn read(path: &Path) -> io::Result<Self> {
        let mut text = String::new();
        // One byte more than is taken, so that a longer file is seen to be longer.
        let mut file = File::open(path)?.take(MAX_FILE.saturating_add(1));
        let read = file.read_to_string(&mut text)?;
        if u64::try_from(read).unwrap_or(u64::MAX) > MAX_FILE {
            return Err(io::Error::other(format!("more than {MAX_FILE} bytes")));
        }
        Ok(Self { name: path.display().to_string(), text })
    }

    /// The number of the line in which a byte stands, from 1.
    fn line(&self, at: usize) -> usize {
        let before = self.text.get(..at).unwrap_or_default();
        before.matches('\n').count().saturating_add(1)
    }

    fn said(&self, at: usize, what: &str) -> Failure {
        Failure::Said(format!("{}:{}: {what}", self.name, self.line(at)))
    }

    fn parse<T: for<'de> Deserialize<'de>>(&self) -> Result<T, Failure> {
        toml::from_str(&self.text).map_err(|error| {
            let at = error.span().map_or(0, |span| span.start);
            self.said(at, error.message())
        })
    }

    /// The id of a rule that exists.
    fn rule(&self, id: &Spanned<String>) -> Result<String, Failure> {
        let wanted = id.get_ref();
        if about_all().any(|rule| rule.id == wanted) {
            return Ok(wanted.clone());
        }
        let near = nearest(wanted).map_or(String::new(), |near| format!("; did you mean {near}?"));
        Err(self.said(id.span().start, &format!("no rule is called {wanted:?}{near}")))
    }

    /// A size such as `128 GiB` in bytes. The platform's GB has 2^30 bytes, so GB and GiB are one.
    fn size(&self, size: Option<&Spanned<String>>) -> Result<Option<u64>, Failure> {
        let Some(size) = size else { return Ok(None) };
        let text = size.get_ref().trim();
        let digits = text.find(|char: char| !char.is_ascii_digit()).unwrap_or(text.len());
        let (number, unit) = text.split_at_checked(digits).unwrap_or((text, ""));
        let shift = match unit.trim() {
            "" | "B" => Some(0_u32),
            "KiB" | "KB" | "K" => Some(10),
            "MiB" | "MB" | "M" => Some(20),
            "GiB" | "GB" | "G" => Some(30),
            "TiB" | "TB" | "T" => Some(40),
            _ => None,
        };
        let bytes = number.parse::<u64>().ok().zip(shift);
        match bytes.and_then(|(number, shift)| number.checked_mul(1_u64.checked_shl(shift)?)) {
            Some(bytes) => Ok(Some(bytes)),
            None => {
                Err(self.said(size.span().start, &format!("{text:?} is no size such as 128 GiB")))
            }
        }
    }
}

impl Config {
    /// Reads the file that was named, or the default one when it is there.
    pub(super) fn read(named: Option<&Path>) -> Result<Self, Failure> {
        let path = named.unwrap_or(Path::new(DEFAULT));
        let source = match Source::read(path) {
            Ok(source) => source,
            Err(error) if named.is_none() && error.kind() == io::ErrorKind::NotFound => {
                return Ok(Self::default());
            }
            Err(error) => {
                return Err(Failure::Said(format!("cannot read {}: {error}", path.display())));
            }
        };
        let file: ConfigFile = source.parse()?;
        let lines = file.waivers.iter().map(|entry| source.line(entry.rule.span().start)).collect();
        let waiver = |entry: WaiverEntry| -> Result<Waiver, Failure> {
            if entry.reason.get_ref().trim().is_empty() {
                return Err(source.said(entry.reason.span().start, "a waiver needs a reason"));
            }
            let expires = match &entry.expires {
                None => None,
                Some(at) => match at.get_ref().date {
                    Some(date) => Some(day::number(date.year.into(), date.month, date.day)),
                    None => {
                        let what = "expires is a date such as 2026-12-31";
                        return Err(source.said(at.span().start, what));
                    }
                },
            };
            Ok(Waiver {
                rule: source.rule(&entry.rule)?,
                image: entry.image,
                reason: entry.reason.into_inner(),
                expires,
            })
        };
        Ok(Self {
            name: source.name.clone(),
            folder: path.parent().unwrap_or(Path::new("")).to_owned(),
            profile: file.profile,
            fail_on: file.fail_on,
            lang: file.lang,
            waivers: file.waivers.into_iter().map(waiver).collect::<Result<_, _>>()?,
            lines,
        })
    }

    /// The profile that the command line names, or this configuration, or the default one.
    pub(super) fn context(&self, named: Option<&str>, today: i64) -> Result<Context, Failure> {
        match (named, &self.profile) {
            (Some(name), _) => context(name, Path::new(name), today),
            (None, Some(name)) => context(name, &self.folder.join(name), today),
            (None, None) => Ok(Context::new(Profile::default(), today)),
        }
    }

    /// Notes which waivers set a finding of the report aside.
    pub(super) fn mark_used(&self, report: &ImageReport, used: &mut [bool]) {
        let waived = || report.findings.iter().filter(|found| found.waived.is_some());
        for (waiver, used) in self.waivers.iter().zip(used) {
            *used |= waived().any(|found| waiver.is_of(&found.rule, &report.image.path));
        }
    }

    /// Says of each waiver that has expired, or that was not `used`, that it may go.
    pub(super) fn tell_of_waivers(
        &self,
        used: &[bool],
        today: i64,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        for ((waiver, line), used) in self.waivers.iter().zip(&self.lines).zip(used) {
            let Waiver { rule, expires, .. } = waiver;
            let what = match expires {
                Some(last) if waiver.has_expired(today) => {
                    format!("expired on {}", day::date(*last))
                }
                _ if !used => "set nothing aside".to_owned(),
                _ => continue,
            };
            let name = crate::report::escape::for_terminal(&self.name);
            writeln!(out, "image-preflight: {name}:{line}: the waiver of {rule} {what}")?;
        }
        Ok(())
    }
}

/// A built-in profile, or one from a file.
fn context(name: &str, path: &Path, today: i64) -> Result<Context, Failure> {
    if let Some(profile) = Profile::from_name(name) {
        return Ok(Context::new(profile, today));
    }
    let source = Source::read(path).map_err(|error| {
        let built_in = Profile::ALL.map(Profile::name).join(", ");
        Failure::Said(format!("the profile {name} is none of {built_in}, and no file: {error}"))
    })?;
    let file: ProfileFile = source.parse()?;
    let Some(profile) = Profile::from_name(file.extends.get_ref()) else {
        let built_in = Profile::ALL.map(Profile::name).join(", ");
        let what = format!("extends is none of {built_in}");
        return Err(source.said(file.extends.span().start, &what));
    };
    let level = |(id, word): (&Spanned<String>, &LevelWord)| -> Result<_, Failure> {
        let level = match word {
            LevelWord::Required => Some(Level::Required),
            LevelWord::Recommended => Some(Level::Recommended),
            LevelWord::Informational => Some(Level::Informational),
            LevelWord::Manual => Some(Level::Manual),
            LevelWord::Off => None,
        };
        Ok((source.rule(id)?, level))
    };
    let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let policy = Policy {
        name: Some(file.name.unwrap_or(stem)),
        levels: file.levels.iter().map(level).collect::<Result<_, _>>()?,
        limits: Limits {
            max_file_size: source.size(file.limits.max_file_size.as_ref())?,
            min_virtual_size: source.size(file.limits.min_virtual_size.as_ref())?,
            max_virtual_size: source.size(file.limits.max_virtual_size.as_ref())?,
        },
        systems: file
            .systems
            .into_iter()
            .map(|SystemEntry { id, version, os_version }| System { id, version, os_version })
            .collect(),
    };
    Ok(Context { policy, ..Context::new(profile, today) })
}
