//! Profiles of the user's own, and `image-preflight.toml`: the profile, what fails an image, waivers.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use toml::Spanned;
use toml::value::Datetime;

use super::Failure;
use super::args::{FailOnArg, LangArg};
use super::nearest::did_you_mean;
use crate::report::{Detail, ImageReport};
use crate::rules::policy::{Limits, Policy, System, Waiver};
use crate::rules::{Context, Lang, Level, Profile, about_all, day, os_version};

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

/// The configuration of image-preflight.
#[derive(Deserialize, JsonSchema)]
#[schemars(title = "image-preflight.toml")]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct ConfigFile {
    /// The requirements: ims-classic, huaweicloud, otc, or the path of a profile of your own,
    /// relative to this file.
    profile: Option<String>,
    /// What fails an image: a required rule that is broken, or also a recommended one.
    fail_on: Option<FailOnArg>,
    /// The language of reports.
    lang: Option<LangArg>,
    /// Findings that are set aside.
    #[serde(default)]
    waivers: Vec<WaiverEntry>,
}

/// A finding that is set aside: it no longer fails an image, and the report shows it as waived.
#[derive(Deserialize, JsonSchema)]
#[schemars(rename = "Waiver")]
#[serde(deny_unknown_fields)]
struct WaiverEntry {
    /// The rule's id.
    #[schemars(schema_with = "rule_ids")]
    rule: Spanned<String>,
    /// Shell pattern of the image's path or file name; every image without one.
    image: Option<String>,
    /// Why.
    #[schemars(with = "String", regex(pattern = r"\S"))]
    reason: Spanned<String>,
    /// The last day on which it counts.
    #[schemars(with = "Option<String>", extend("format" = "date"))]
    expires: Option<Spanned<Datetime>>,
}

/// A profile of image-preflight that changes a built-in one.
#[derive(Deserialize, JsonSchema)]
#[schemars(title = "image-preflight profile")]
#[serde(deny_unknown_fields)]
struct ProfileFile {
    /// The built-in profile that it changes.
    #[schemars(with = "Profile")]
    extends: Spanned<String>,
    /// What reports call it; the file's name without its suffix when there is none.
    name: Option<String>,
    /// How much a rule weighs, by its id.
    #[serde(default)]
    #[schemars(schema_with = "levels")]
    levels: BTreeMap<Spanned<String>, LevelWord>,
    /// Limits such as "128 GiB".
    #[serde(default)]
    limits: LimitsTable,
    /// Systems that count as supported beside the platform's list.
    #[serde(default)]
    systems: Vec<SystemEntry>,
}

/// How much a rule weighs; off takes it out.
#[derive(Deserialize, JsonSchema)]
#[schemars(rename = "Level")]
#[serde(rename_all = "kebab-case")]
enum LevelWord {
    Required,
    Recommended,
    Informational,
    Manual,
    Off,
}

/// Sizes such as "128 GiB".
#[derive(Default, Deserialize, JsonSchema)]
#[schemars(rename = "Limits")]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct LimitsTable {
    /// Biggest image file.
    #[schemars(with = "Option<Size>")]
    max_file_size: Option<Spanned<String>>,
    /// Smallest disk inside.
    #[schemars(with = "Option<Size>")]
    min_virtual_size: Option<Spanned<String>>,
    /// Biggest disk inside.
    #[schemars(with = "Option<Size>")]
    max_virtual_size: Option<Spanned<String>>,
}

/// A number and a unit of 1024: B, KiB, MiB, GiB, TiB.
#[derive(JsonSchema)]
#[schemars(transparent)]
struct Size(
    #[allow(dead_code, reason = "only its schema is of use")]
    #[schemars(regex(pattern = r"^\s*[0-9]+\s*(B|([KMGT](iB|B)?))?\s*$"))]
    String,
);

/// A system that counts as supported.
#[derive(Deserialize, JsonSchema)]
#[schemars(rename = "System")]
#[serde(deny_unknown_fields)]
struct SystemEntry {
    /// `ID` of /etc/os-release.
    id: String,
    /// Its version, or the beginning of it up to a dot; every version without one.
    version: Option<String>,
    /// The value with which it is registered, of the platform's list.
    #[schemars(with = "String")]
    os_version: Spanned<String>,
}

/// The ids of all rules.
fn rule_ids(_: &mut SchemaGenerator) -> Schema {
    let ids: Vec<&str> = about_all().map(|rule| rule.id).collect();
    json_schema!({ "description": "The rule's id.", "type": "string", "enum": ids })
}

/// A level for some of the rules.
fn levels(generator: &mut SchemaGenerator) -> Schema {
    let ids: Vec<&str> = about_all().map(|rule| rule.id).collect();
    let level = generator.subschema_for::<LevelWord>();
    json_schema!({
        "description": "How much a rule weighs, by its id.",
        "type": "object",
        "propertyNames": { "enum": ids },
        "additionalProperties": level,
    })
}

/// The JSON Schema (draft 2020-12) of the configuration.
pub(super) fn schema_of_config() -> Schema {
    generator().into_root_schema_for::<ConfigFile>()
}

/// The JSON Schema (draft 2020-12) of a profile's file.
pub(super) fn schema_of_profile() -> Schema {
    generator().into_root_schema_for::<ProfileFile>()
}

fn generator() -> SchemaGenerator {
    SchemaSettings::draft2020_12().into_generator()
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
            let message = error.message();
            // serde: "unknown field `profil`, expected one of `profile`, `lang`".
            let is_unknown = message.starts_with("unknown ");
            let mut words = message.split('`').skip(1).step_by(2);
            let near = match words.next().filter(|_| is_unknown) {
                Some(word) => did_you_mean(word, words),
                None if message.ends_with("a TOML datetime") => {
                    "; a date is written without quotes: expires = 2026-12-31".to_owned()
                }
                None => String::new(),
            };
            self.said(at, &format!("{message}{near}"))
        })
    }

    /// The id of a rule that exists.
    fn rule(&self, id: &Spanned<String>) -> Result<String, Failure> {
        let wanted = id.get_ref();
        if about_all().any(|rule| rule.id == wanted) {
            return Ok(wanted.clone());
        }
        let near = did_you_mean(wanted, about_all().map(|rule| rule.id));
        Err(self.said(id.span().start, &format!("no rule is called {wanted:?}{near}")))
    }

    /// A value of the platform's list of systems: any other would be refused.
    fn os_version(&self, value: &Spanned<String>) -> Result<String, Failure> {
        let wanted = value.get_ref();
        let listed = || os_version::listed().iter().map(|row| row.value);
        if listed().any(|value| value == wanted) {
            return Ok(wanted.clone());
        }
        let near = did_you_mean(wanted, listed());
        let what = format!("{wanted:?} is not in the platform's list of os_version{near}");
        Err(self.said(value.span().start, &what))
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

    /// The file that was read.
    pub(super) fn file(&self) -> Option<&Path> {
        (!self.name.is_empty()).then_some(Path::new(&self.name))
    }

    /// Notes what each waiver is to the report of one more image.
    pub(super) fn mark_used(&self, report: &ImageReport, used: &mut Vec<Used>) {
        used.resize(self.waivers.len(), Used::NoImage);
        // Nothing is known of an image that could not be checked.
        if report.error.is_some() {
            return;
        }
        let waived = || report.findings.iter().filter(|found| found.waived.is_some());
        for (waiver, used) in self.waivers.iter().zip(used) {
            let image = &*report.image.path;
            let now = if waived().any(|found| waiver.is_of(&found.rule, image)) {
                Used::Yes
            } else if waiver.covers(image)
                && report.findings.iter().any(|found| found.rule == waiver.rule)
            {
                Used::No
            } else {
                Used::NoImage
            };
            *used = now.max(*used);
        }
    }

    /// Says of each waiver that has expired, or that was not `used`, that it may go; of one for
    /// other images than those of the call only when `detail` is full: they may fall to another call.
    pub(super) fn tell_of_waivers(
        &self,
        used: &[Used],
        today: i64,
        (lang, detail): (Lang, Detail),
        out: &mut dyn Write,
    ) -> io::Result<()> {
        for ((waiver, line), used) in self.waivers.iter().zip(&self.lines).zip(used) {
            let Waiver { rule, expires, .. } = waiver;
            let what = match (expires, used) {
                (Some(last), _) if waiver.has_expired(today) => {
                    format!("expired on {}", day::date(*last))
                }
                (_, Used::No) => "set nothing aside".to_owned(),
                (_, Used::NoImage) if detail == Detail::Full => {
                    "is for nothing that this call checks".to_owned()
                }
                (_, Used::Yes | Used::NoImage) => continue,
            };
            let said = format!("{}:{line}: the waiver of {rule} {what}", self.name);
            let said = super::words_in(&said, lang);
            writeln!(out, "image-preflight: {}", crate::report::escape::for_terminal(&said))?;
        }
        Ok(())
    }
}

/// What a waiver was to the images of a call, the least first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Used {
    /// None of them is meant, or the rule was not asked.
    NoImage,
    /// It set nothing of theirs aside.
    No,
    /// It set a finding aside.
    Yes,
}

/// A built-in profile, or one from a file.
fn context(name: &str, path: &Path, today: i64) -> Result<Context, Failure> {
    if let Some(profile) = Profile::from_name(name) {
        return Ok(Context::new(profile, today));
    }
    let source = Source::read(path).map_err(|error| {
        let built_in = Profile::ALL.map(Profile::name);
        let (near, built_in) = (did_you_mean(name, built_in), built_in.join(", "));
        match error.kind() {
            io::ErrorKind::NotFound => Failure::Said(format!(
                "the profile {name} is none of {built_in}, and no file ({error}){near}"
            )),
            _ => Failure::Said(format!("cannot read {name}: {error}")),
        }
    })?;
    let file: ProfileFile = source.parse()?;
    let Some(profile) = Profile::from_name(file.extends.get_ref()) else {
        let built_in = Profile::ALL.map(Profile::name);
        let near = did_you_mean(file.extends.get_ref(), built_in);
        let what = format!("extends is none of {}{near}", built_in.join(", "));
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
    let limits = Limits {
        max_file_size: source.size(file.limits.max_file_size.as_ref())?,
        min_virtual_size: source.size(file.limits.min_virtual_size.as_ref())?,
        max_virtual_size: source.size(file.limits.max_virtual_size.as_ref())?,
    };
    if let (Some(min), Some(max)) = (limits.min_virtual_size, limits.max_virtual_size)
        && min > max
        && let Some(size) = &file.limits.min_virtual_size
    {
        let what = "min-virtual-size is more than max-virtual-size";
        return Err(source.said(size.span().start, what));
    }
    let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let policy = Policy {
        name: Some(file.name.unwrap_or(stem)),
        levels: file.levels.iter().map(level).collect::<Result<_, _>>()?,
        limits,
        systems: file
            .systems
            .into_iter()
            .map(|SystemEntry { id, version, os_version }| {
                Ok(System { os_version: source.os_version(&os_version)?, id, version })
            })
            .collect::<Result<_, Failure>>()?,
    };
    Ok(Context { policy, ..Context::new(profile, today) })
}
