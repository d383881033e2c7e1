//! The rules: one file each, every one a pure function from [`Facts`] to an [`Outcome`].
//!
//! In: facts and a profile. Out: findings. A rule never sees a disk, a file or an output format.

use serde::{Deserialize, Serialize};

use crate::fact::{Evidence, Unread};
use crate::guest::facts::Facts;

/// A sentence in each of the report's languages, made while checking.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text {
    /// English.
    pub en: String,
    /// Simplified Chinese.
    pub zh: String,
}

/// Makes a [`Text`] from two format strings that may capture variables:
/// `text!("{n} snapshots" , "{n} 个快照")`.
#[macro_export]
macro_rules! text {
    ($en:literal, $zh:literal $(,)?) => {
        $crate::rules::Text { en: format!($en), zh: format!($zh) }
    };
}

/// A fixed sentence in each of the report's languages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fixed {
    /// English.
    pub en: &'static str,
    /// Simplified Chinese.
    pub zh: &'static str,
}

/// A language of the report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Lang {
    /// English.
    #[default]
    En,
    /// Simplified Chinese.
    ZhCn,
}

impl Text {
    /// The sentence in `lang`.
    pub fn get(&self, lang: Lang) -> &str {
        match lang {
            Lang::En => &self.en,
            Lang::ZhCn => &self.zh,
        }
    }
}

impl Fixed {
    /// The sentence in `lang`.
    pub fn get(self, lang: Lang) -> &'static str {
        match lang {
            Lang::En => self.en,
            Lang::ZhCn => self.zh,
        }
    }

    /// As an owned [`Text`].
    pub fn text(self) -> Text {
        Text { en: self.en.to_owned(), zh: self.zh.to_owned() }
    }
}

/// How much a rule weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    /// Broken means that the image must not be uploaded.
    Required,
    /// Broken means a warning.
    Recommended,
    /// Nothing to judge.
    Informational,
    /// The bytes cannot tell: a checklist line.
    Manual,
}

/// A set of requirements.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Profile {
    /// The source document of 2018-12, read literally.
    ImsClassic,
    /// Huawei Cloud's later pages.
    Huaweicloud,
    /// Open Telekom Cloud.
    Otc,
}

/// How a rule ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs, reason = "each is the name of what it stands for")]
pub enum Status {
    Fail,
    Unverified,
    Warn,
    Manual,
    Info,
    Pass,
    NotApplicable,
    Waived,
}

/// Beside the facts, what a rule may depend on.
#[derive(Debug, Clone)]
pub struct Context {
    /// The profile.
    pub profile: Profile,
    /// Today, in days since 1970-01-01 UTC (for account expiry).
    pub today: i64,
}

/// What a rule found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// The judgement before the level is applied.
    pub judgement: Judgement,
    /// One sentence: what was found.
    pub message: Text,
    /// What was seen, and where.
    pub evidence: Vec<Evidence>,
    /// The repair for just this case, when it can be said more exactly than the rule's own remedy.
    pub remedy: Option<Text>,
}

/// A judgement before the level is applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Judgement {
    /// It holds.
    Holds,
    /// It is broken: `fail` for a required rule, `warn` for a recommended one, `info` for an
    /// informational one.
    Broken,
    /// It is at most worth a warning, whatever the level (`info` for an informational one).
    Doubtful,
    /// Worth knowing.
    Noted,
    /// The bytes should tell but did not.
    Unverified,
    /// The bytes cannot tell.
    Manual,
    /// Does not concern this image.
    NotApplicable,
}

impl Outcome {
    fn new(judgement: Judgement, message: Text) -> Self {
        Self { judgement, message, evidence: Vec::new(), remedy: None }
    }

    /// It holds; `evidence` names what was looked at.
    pub fn holds(message: Text, evidence: Vec<Evidence>) -> Self {
        Self { evidence, ..Self::new(Judgement::Holds, message) }
    }

    /// It is broken, as `evidence` shows.
    pub fn broken(message: Text, evidence: Vec<Evidence>) -> Self {
        Self { evidence, ..Self::new(Judgement::Broken, message) }
    }

    /// It deserves a warning and no more.
    pub fn doubtful(message: Text, evidence: Vec<Evidence>) -> Self {
        Self { evidence, ..Self::new(Judgement::Doubtful, message) }
    }

    /// Worth knowing.
    pub fn noted(message: Text, evidence: Vec<Evidence>) -> Self {
        Self { evidence, ..Self::new(Judgement::Noted, message) }
    }

    /// It could not be decided, because of `unread`.
    pub fn unverified(message: Text, unread: &Unread) -> Self {
        Self {
            evidence: vec![Evidence::new(unread.location.clone(), unread.reason.clone())],
            ..Self::new(Judgement::Unverified, message)
        }
    }

    /// The bytes cannot tell.
    pub fn manual(message: Text) -> Self {
        Self::new(Judgement::Manual, message)
    }

    /// Does not concern this image.
    pub fn not_applicable(message: Text) -> Self {
        Self::new(Judgement::NotApplicable, message)
    }

    /// With the repair for just this case.
    #[must_use]
    pub fn remedy(mut self, remedy: Text) -> Self {
        self.remedy = Some(remedy);
        self
    }
}

/// What a rule says of itself.
#[derive(Debug, Clone, Copy)]
pub struct Doc {
    /// The requirement in one short line.
    pub title: Fixed,
    /// Why it matters: what happens in the cloud when it is broken.
    pub why: Fixed,
    /// How it is decided from the image's bytes.
    pub decided: Fixed,
    /// How to repair it, with commands.
    pub remedy: Fixed,
    /// Where the requirement stands: document and, where there is one, the place in it.
    pub source: &'static str,
    /// The cloud's error codes that a broken rule leads to.
    pub predicts: &'static [&'static str],
    /// Whether the platform repairs it when the request sets `is_config`.
    pub repaired_by_platform: bool,
}

/// A requirement.
pub trait Rule: Sync {
    /// Its public id.
    fn id(&self) -> &'static str;

    /// Its level in a profile; `None` when the profile does not have it.
    fn level(&self, profile: Profile) -> Option<Level>;

    /// What it says of itself.
    fn doc(&self) -> &'static Doc;

    /// Decides it.
    fn check(&self, facts: &Facts, context: &Context) -> Outcome;
}
