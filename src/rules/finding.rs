//! What a rule found in one image, ready for a report.

use serde::{Deserialize, Serialize};

use super::{Context, Judgement, Lang, Level, RULES, Rule, Status, Text};
use crate::fact::Evidence;
use crate::guest::facts::Facts;

/// The finding of one rule. Its texts are kept in every language (`T` is [`Text`]) until
/// [`Finding::in_language`] chooses one; then it serialises as an element of `findings` in the JSON
/// report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding<T = Text> {
    /// Id of the rule.
    pub rule: String,
    /// Its level in the profile.
    pub level: Level,
    /// How it ended.
    pub status: Status,
    /// One sentence: what was found in this image.
    pub message: T,
    /// What was seen, and where.
    pub evidence: Vec<Evidence>,
    /// How to repair it, or for a checklist line what to do; none where nothing is to be done.
    pub remedy: Option<T>,
    /// The cloud's error codes that a broken rule leads to.
    pub predicts: Vec<String>,
    /// Whether the platform repairs it when the request sets `is_config`.
    pub repaired_by_platform: bool,
    /// Where the requirement stands.
    pub source: String,
}

impl Finding {
    /// The finding with its texts in one language.
    pub fn in_language(&self, lang: Lang) -> Finding<String> {
        Finding {
            rule: self.rule.clone(),
            level: self.level,
            status: self.status,
            message: self.message.get(lang).to_owned(),
            evidence: self.evidence.clone(),
            remedy: self.remedy.as_ref().map(|remedy| remedy.get(lang).to_owned()),
            predicts: self.predicts.clone(),
            repaired_by_platform: self.repaired_by_platform,
            source: self.source.clone(),
        }
    }
}

/// Most pieces of evidence of one finding, and the characters of each and of its message: beyond
/// that a report helps nobody, and an image could make it as long as it likes.
const MAX_EVIDENCE: usize = 256;
const MAX_SHOWN: usize = 2000;

fn cut(text: &mut String) {
    if let Some((at, _)) = text.char_indices().nth(MAX_SHOWN) {
        text.truncate(at);
        text.push('…');
    }
}

/// Makes evidence fit for a report, and says what was left out.
fn shown(mut evidence: Vec<Evidence>) -> Vec<Evidence> {
    let more = evidence.len().saturating_sub(MAX_EVIDENCE);
    if more > 0 {
        evidence.truncate(MAX_EVIDENCE);
        evidence.push(Evidence::new("…", format!("{more} more")));
    }
    for Evidence { location, detail } in &mut evidence {
        cut(location);
        cut(detail);
    }
    evidence
}

/// How a judgement ends at a level.
fn status(judgement: Judgement, level: Level) -> Status {
    match (judgement, level) {
        (Judgement::Holds, _) => Status::Pass,
        (Judgement::Unverified, _) => Status::Unverified,
        (Judgement::NotApplicable, _) => Status::NotApplicable,
        (Judgement::Noted, _) => Status::Info,
        (Judgement::Manual, _) | (Judgement::Broken | Judgement::Doubtful, Level::Manual) => {
            Status::Manual
        }
        (Judgement::Broken, Level::Required) => Status::Fail,
        (Judgement::Broken, Level::Recommended)
        | (Judgement::Doubtful, Level::Required | Level::Recommended) => Status::Warn,
        (Judgement::Broken | Judgement::Doubtful, Level::Informational) => Status::Info,
    }
}

/// Decides one rule; `None` when the profile does not have it.
pub fn judge(rule: &dyn Rule, facts: &Facts, context: &Context) -> Option<Finding> {
    let level = rule.level(context.profile)?;
    let doc = rule.doc();
    let mut outcome = rule.check(facts, context);
    cut(&mut outcome.message.en);
    cut(&mut outcome.message.zh);
    let remedy = match outcome.judgement {
        Judgement::Holds | Judgement::NotApplicable => None,
        Judgement::Noted | Judgement::Unverified => outcome.remedy,
        Judgement::Broken | Judgement::Doubtful | Judgement::Manual => {
            Some(outcome.remedy.unwrap_or_else(|| doc.remedy.text()))
        }
    };
    Some(Finding {
        rule: rule.id().to_owned(),
        level,
        status: status(outcome.judgement, level),
        message: outcome.message,
        evidence: shown(outcome.evidence),
        remedy,
        predicts: doc.predicts.iter().map(|&code| code.to_owned()).collect(),
        repaired_by_platform: doc.repaired_by_platform,
        source: doc.source.to_owned(),
    })
}

/// Decides every rule of the profile: exactly one finding each, in the order of the catalogue.
pub fn check_all(facts: &Facts, context: &Context) -> Vec<Finding> {
    RULES.iter().filter_map(|&rule| judge(rule, facts, context)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn evidence_is_cut_where_it_helps_nobody_and_says_so() {
        let mut text = "线".repeat(MAX_SHOWN);
        cut(&mut text);
        assert_eq!(text.chars().count(), MAX_SHOWN);
        text.push_str("xx");
        cut(&mut text);
        assert_eq!((text.chars().count(), text.chars().last()), (MAX_SHOWN + 1, Some('…')));
        let evidence = shown(vec![Evidence::new("/etc/fstab:1", text); MAX_EVIDENCE + 3]);
        assert_eq!(evidence.len(), MAX_EVIDENCE + 1);
        assert_eq!(evidence.last(), Some(&Evidence::new("…", "3 more")));
    }
}
