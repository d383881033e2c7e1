//! From a finding to steps: one file for each part of an image, as the catalogue of rules has them.
//!
//! Nothing is judged here: which lines and devices are wrong is what the finding's evidence says; the
//! facts add what a step needs to know besides. A step does what the rule's own remedy says.

mod access;
mod boot;
mod cloud_init;
mod container;
mod drivers;
mod fstab;
mod leftovers;
mod network;

use super::step::{Edit, Step};
use crate::fact::{Evidence, Fact};
use crate::guest::facts::{Facts, Guest, LinuxFacts};
use crate::rules::shell::file_and_line;
use crate::rules::{Context, Finding, Status, Text};
use crate::text;

/// What a script does about a finding.
pub(super) enum Plan {
    /// These steps; when there are none, the finding is left to the user.
    Steps(Vec<Step>, Option<Text>),
    /// Nothing, for this reason.
    ByHand(Text),
}

impl Plan {
    /// Steps, and nothing to say besides.
    fn steps(steps: Vec<Step>) -> Self {
        Self::Steps(steps, None)
    }

    /// One step.
    fn one(step: Step) -> Self {
        Self::steps(vec![step])
    }
}

/// What is planned for a finding that is broken, or is told.
pub(super) fn of(facts: &Facts, finding: &Finding, all: &[Finding], context: &Context) -> Plan {
    if let Some(plan) = container::of(facts, finding) {
        return plan;
    }
    let Fact::Known(Guest::Linux(linux)) = &facts.guest else {
        return Plan::ByHand(text!(
            "To be done inside the machine: start it once, run the commands, shut it down and take the image again.",
            "需在虚拟机内操作：启动一次，执行命令，正常关机后重新导出镜像。"
        ));
    };
    let case = Case { facts, linux, finding, all, context };
    let parts =
        [fstab::of, boot::of, drivers::of, network::of, cloud_init::of, access::of, leftovers::of];
    parts.iter().find_map(|part| part(&case)).unwrap_or_else(|| Plan::ByHand(no_step()))
}

/// Why there is no step, where nothing more exact can be said.
pub(super) fn no_step() -> Text {
    text!("It needs a decision, or the machine itself.", "需要人工决定，或须在原机器中处理。")
}

/// A finding in a Linux guest.
struct Case<'a> {
    facts: &'a Facts,
    linux: &'a LinuxFacts,
    finding: &'a Finding,
    /// All findings of the image.
    all: &'a [Finding],
    context: &'a Context,
}

impl Case<'_> {
    fn rule(&self) -> &str {
        &self.finding.rule
    }

    fn evidence(&self) -> &[Evidence] {
        &self.finding.evidence
    }

    /// The rule's own remedy for this case.
    fn remedy(&self) -> &str {
        self.finding.remedy.as_ref().map_or("", |remedy| remedy.en.as_str())
    }

    /// Whether another rule fails or warns, so that its own repair stands in the script as well.
    fn is_broken(&self, rule: &str) -> bool {
        let broken = |found: &&Finding| matches!(found.status, Status::Fail | Status::Warn);
        self.all.iter().filter(broken).any(|found| found.rule == rule)
    }
}

/// A comment sign in front of the line that the evidence shows.
fn comment_out(seen: &Evidence) -> Option<Step> {
    let (file, line) = file_and_line(&seen.location)?;
    let excerpt = seen.excerpt.as_ref()?;
    let edit = Edit::CommentOut { line, seen: excerpt.text.clone() };
    Some(Step::edit(file, edit))
}

/// The line that the evidence shows becomes `new`; where it shows that there is none, `new` is put
/// at the end of `file`.
fn set(seen: &Evidence, file: &str, key: &str, new: &str) -> Step {
    match file_and_line(&seen.location) {
        Some((file, line)) => {
            Step::edit(file, Edit::Set { line, key: key.to_owned(), new: new.to_owned() })
        }
        None => Step::append(file, new),
    }
}
