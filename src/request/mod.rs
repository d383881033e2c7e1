//! The body of the request that makes an image from a file: built from an image, or validated.
//!
//! In: a body as text, an image's facts and findings. Out: findings, as the rules of images have
//! them, and a corrected body.
//!
//! The body is that of `POST /v2/cloudimages/action` (制作镜像, ims_03_0603).
//!
//! ```
//! use std::path::Path;
//!
//! use image_preflight::request::{Draft, Subject, make, validate};
//! use image_preflight::rules::{Context, Profile, Status, check_all};
//!
//! let context = Context::today(Profile::ImsClassic);
//! let facts = image_preflight::inspect(Path::new("testdata/guests/good.qcow2"))?.facts;
//! let findings = check_all(&facts, &context);
//! let image = Subject { facts: &facts, findings: &findings };
//!
//! let draft = Draft::new("my-bucket:good.qcow2", "web-1");
//! let body = make(&draft, image, &context).body.to_string();
//! assert!(body.contains(r#""min_disk": 40"#));
//!
//! let checked = validate(&body, "body.json", &context, Some(image));
//! assert!(checked.findings.iter().all(|finding| finding.status != Status::Fail));
//! # Ok::<(), image_preflight::Error>(())
//! ```

mod body;
mod build;
mod lenient;
mod rules;

use serde_json::Number;

pub use self::body::{MAX_BODY, Node};
pub use self::build::{Draft, Made, make};
pub use self::rules::RULES;
#[cfg(feature = "cli")]
pub(crate) use self::rules::os_version::unread as os_version_unread;
pub use self::rules::os_version::{Proposal, of_image as os_version};
use crate::fact::Evidence;
use crate::guest::facts::Facts;
use crate::rules::finding::Finding;
use crate::rules::{Context, Doc, Lang, Level, Outcome, Profile, Status, Text};
use crate::text;

/// A requirement on the body.
#[derive(Debug)]
pub struct BodyRule {
    /// Its public id.
    pub id: &'static str,
    /// Its level where the profile knows the field.
    pub level: Level,
    /// The profiles whose documents have the field.
    pub profiles: &'static [Profile],
    /// What it says of itself.
    pub doc: Doc,
    check: fn(&Case<'_>) -> Checked,
}

impl BodyRule {
    /// Its level in a profile; `None` when the profile does not have it.
    pub fn level(&self, profile: Profile) -> Option<Level> {
        self.profiles.contains(&profile).then_some(self.level)
    }
}

/// Every profile.
const EVERYWHERE: &[Profile] = &[Profile::ImsClassic, Profile::Huaweicloud, Profile::Otc];

/// The rule of a body with that id.
pub fn rule(id: &str) -> Option<&'static BodyRule> {
    RULES.iter().find(|rule| rule.id == id).copied()
}

/// The image that a body is to register.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// What is known of it.
    pub facts: &'a Facts,
    /// What its rules found.
    pub findings: &'a [Finding],
}

/// What the validation of a body gave.
#[derive(Debug)]
#[non_exhaustive]
pub struct Validation {
    /// One finding for each rule of the profile.
    pub findings: Vec<Finding>,
    /// The body with every correction that is certain, when there is any.
    pub corrected: Option<Corrected>,
}

/// A body with every correction that is certain.
#[derive(Debug)]
#[non_exhaustive]
pub struct Corrected {
    /// The body.
    pub body: Node,
    /// JSON pointers of what was taken out.
    pub removed: Vec<String>,
    /// What is still broken or warned of.
    pub left: Vec<Finding>,
}

/// How often a body is corrected: one correction can show that another one is due, such as that of
/// a field's name that of its value.
const MAX_CORRECTIONS: usize = 4;

/// Which of the document's requests a body is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Variant {
    /// A system disk image from a server (`instance_id`).
    Server,
    /// Data disk images from a server's disks (`data_images` alone).
    DataDisks,
    /// An image from a file in a bucket (`image_url`).
    File,
}

impl Variant {
    fn of(body: &Node) -> Self {
        let has = |name| body.member(name).is_some();
        if has("image_url") {
            Self::File
        } else if has("instance_id") {
            Self::Server
        } else if has("data_images") {
            Self::DataDisks
        } else {
            Self::File
        }
    }
}

/// What a rule of the body sees.
struct Case<'a> {
    /// How reports name the body: its file.
    name: &'a str,
    body: &'a Node,
    variant: Variant,
    context: &'a Context,
    image: Option<Subject<'a>>,
}

impl<'a> Case<'a> {
    /// The value at the top level.
    fn field(&self, name: &str) -> Option<&'a Node> {
        self.body.member(name)
    }

    /// Where a value stands: the body's file and its JSON pointer as a fragment (RFC 6901, §6).
    fn place(&self, pointer: &str) -> String {
        format!("{}#{pointer}", self.name)
    }

    fn profile(&self) -> Profile {
        self.context.profile
    }

    /// Whether a required rule of the image is broken.
    fn broken_rules(&self) -> Vec<&'a str> {
        let findings = self.image.map(|image| image.findings).unwrap_or_default();
        let broken = findings.iter().filter(|found| found.status == Status::Fail);
        broken.map(|found| found.rule.as_str()).collect()
    }
}

/// A correction that is certain.
#[derive(Debug, Clone, PartialEq)]
enum Fix {
    /// Put this value at the pointer.
    Set(String, Node),
    /// Take the member at the pointer out.
    Remove(String),
    /// Give the member at the pointer another name.
    Rename(String, &'static str),
}

/// What a rule of the body gave.
struct Checked {
    outcome: Outcome,
    fixes: Vec<Fix>,
}

impl From<Outcome> for Checked {
    fn from(outcome: Outcome) -> Self {
        Self { outcome, fixes: Vec::new() }
    }
}

/// What is wrong with the values that one rule looks at, in the order of the body.
struct Problems<'a, 'b> {
    case: &'a Case<'b>,
    broken: bool,
    message: Option<Text>,
    evidence: Vec<Evidence>,
    fixes: Vec<Fix>,
    hint: Option<Text>,
}

impl<'a, 'b> Problems<'a, 'b> {
    fn new(case: &'a Case<'b>) -> Self {
        Self {
            case,
            broken: false,
            message: None,
            evidence: Vec::new(),
            fixes: Vec::new(),
            hint: None,
        }
    }

    /// The value at `pointer` is broken; `value` is what stands there, if anything does.
    fn broken(&mut self, pointer: &str, value: Option<&Node>, message: Text) {
        // The first that is broken gives the sentence, before what is only doubtful.
        if !self.broken {
            self.message = Some(message);
        }
        self.broken = true;
        self.note(pointer, value);
    }

    /// The value at `pointer` deserves a warning.
    fn doubtful(&mut self, pointer: &str, value: Option<&Node>, message: Text) {
        self.message.get_or_insert(message);
        self.note(pointer, value);
    }

    fn note(&mut self, pointer: &str, value: Option<&Node>) {
        let seen = value.map_or_else(|| "not there".to_owned(), Node::shown);
        self.evidence.push(Evidence::new(self.case.place(pointer), seen));
    }

    fn fix(&mut self, fix: Fix) {
        self.fixes.push(fix);
    }

    /// What to do where no correction is certain; the first counts.
    fn hint(&mut self, hint: Text) {
        self.hint.get_or_insert(hint);
    }

    /// What the rule ends with; `holds` is its sentence when nothing is wrong, `seen` what was
    /// looked at.
    fn end(self, holds: Text, seen: &[(&str, &Node)]) -> Checked {
        let Some(message) = self.message else {
            let seen = seen
                .iter()
                .map(|(pointer, value)| Evidence::new(self.case.place(pointer), value.shown()));
            return Outcome::holds(holds, seen.collect()).into();
        };
        let mut outcome = match self.broken {
            true => Outcome::broken(message, self.evidence),
            false => Outcome::doubtful(message, self.evidence),
        };
        let corrections: Vec<Text> = self.fixes.iter().map(Fix::shown).collect();
        let lines = |lang| {
            let lines: Vec<&str> = corrections.iter().map(|shown| shown.get(lang)).collect();
            lines.join("\n")
        };
        if !corrections.is_empty() {
            outcome = outcome.remedy(Text { en: lines(Lang::En), zh: lines(Lang::ZhCn) });
        } else if let Some(hint) = self.hint {
            outcome = outcome.remedy(hint);
        }
        Checked { outcome, fixes: self.fixes }
    }
}

impl Fix {
    /// Ready to paste: `"min_disk": 40`.
    fn shown(&self) -> Text {
        let shown = match self {
            Self::Set(pointer, value) => {
                let name = pointer.rsplit('/').next().unwrap_or_default();
                match name.parse::<usize>() {
                    Ok(_) => value.shown(),
                    Err(_) => {
                        format!("{}: {}", Node::from(body::unescaped(name)).shown(), value.shown())
                    }
                }
            }
            Self::Remove(pointer) => {
                let path = pointer.trim_start_matches('/');
                return text!("take out {path}", "去掉{path}");
            }
            Self::Rename(pointer, name) => {
                let old = body::unescaped(pointer.trim_start_matches('/'));
                return text!("\"{name}\" instead of \"{old}\"", "将\"{old}\"改为\"{name}\"");
            }
        };
        Text { en: shown.clone(), zh: shown }
    }
}

impl From<u64> for Node {
    fn from(number: u64) -> Self {
        Self::Number(Number::from(number))
    }
}

/// Validates a body; `name` is how findings name it (its file's path), `image` what it is to
/// register.
pub fn validate(
    text: &str,
    name: &str,
    context: &Context,
    image: Option<Subject<'_>>,
) -> Validation {
    let (shape, body) = rules::shape::check(text, name);
    let mut findings: Vec<Finding> = Vec::new();
    findings.extend(finding(&rules::shape::RULE, shape, context));
    let Some(mended) = body else {
        let rest = RULES.iter().filter(|rule| rule.id != rules::shape::RULE.id);
        findings.extend(rest.filter_map(|rule| finding(rule, rules::shape::unread(name), context)));
        return Validation { findings, corrected: None };
    };
    let (of_fields, mut fixes) = judge(&mended.node, name, context, image);
    findings.extend(of_fields);
    let mut changed = mended.was_mended();
    let (mut body, mut removed, mut left) = (mended.node, Vec::new(), findings.clone());
    for _ in 0..MAX_CORRECTIONS {
        let mut changes = false;
        for fix in fixes {
            let removes = match &fix {
                Fix::Remove(pointer) => Some(pointer.clone()),
                Fix::Set(..) | Fix::Rename(..) => None,
            };
            if body.apply(fix) {
                changes = true;
                removed.extend(removes);
            }
        }
        changed |= changes;
        if !changes {
            break;
        }
        (left, fixes) = judge(&body, name, context, image);
    }
    let corrected = changed.then(|| {
        let (shape, _) = rules::shape::check(&body.to_string(), name);
        let shape = finding(&rules::shape::RULE, shape, context);
        // The text has changed, so that its shape is judged anew.
        left.retain(|found| found.rule != rules::shape::RULE.id);
        let left = shape.into_iter().chain(left);
        let is_left = |found: &Finding| matches!(found.status, Status::Fail | Status::Warn);
        Corrected { left: left.filter(is_left).collect(), removed, body }
    });
    Validation { findings, corrected }
}

/// The finding of a rule at its level; nothing when the profile does not have it.
fn finding(rule: &BodyRule, outcome: Outcome, context: &Context) -> Option<Finding> {
    let level = context.policy.level(rule.id, rule.level(context.profile))?;
    Some(Finding::new(rule.id, level, &rule.doc, outcome))
}

/// What the rules of the fields find in a body, and how to correct it.
fn judge(
    body: &Node,
    name: &str,
    context: &Context,
    image: Option<Subject<'_>>,
) -> (Vec<Finding>, Vec<Fix>) {
    let case = Case { name, body, variant: Variant::of(body), context, image };
    let (mut findings, mut fixes) = (Vec::new(), Vec::new());
    for rule in RULES.iter().filter(|rule| rule.id != rules::shape::RULE.id) {
        if rule.level(context.profile).is_none() {
            continue;
        }
        let checked = (rule.check)(&case);
        fixes.extend(checked.fixes);
        findings.extend(finding(rule, checked.outcome, context));
    }
    (findings, fixes)
}

#[cfg(test)]
mod tests;
