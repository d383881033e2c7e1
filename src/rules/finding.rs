//! What a rule found in one image, ready for a report.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::policy::Waived;
use super::{Context, Doc, Fixed, Judgement, Lang, Level, Outcome, RULES, Rule, Status, Text};
use crate::chinese::chinese;
use crate::fact::{Evidence, Fact, Unread};
use crate::guest::facts::Facts;
use crate::text;

/// The finding of one rule. Its texts are kept in every language (`T` is [`Text`]) until
/// [`Finding::in_language`] chooses one; then it serialises as an element of `findings` in the JSON
/// report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "Finding")]
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
    /// The user's waiver that set it aside.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waived: Option<Waived>,
}

impl Finding {
    /// What a requirement's outcome is at its level, fit for a report.
    pub(crate) fn new(id: &str, level: Level, doc: &Doc, mut outcome: Outcome) -> Self {
        cut(&mut outcome.message.en);
        cut(&mut outcome.message.zh);
        let remedy = match outcome.judgement {
            Judgement::Holds | Judgement::NotApplicable => None,
            Judgement::Noted | Judgement::Unverified => outcome.remedy,
            Judgement::Broken | Judgement::Doubtful | Judgement::Manual => {
                Some(outcome.remedy.unwrap_or_else(|| doc.remedy.text()))
            }
        };
        Self {
            rule: id.to_owned(),
            level,
            status: status(outcome.judgement, level),
            message: outcome.message,
            evidence: shown(outcome.evidence),
            remedy,
            predicts: doc.predicts.iter().map(|&code| code.to_owned()).collect(),
            repaired_by_platform: doc.repaired_by_platform,
            source: doc.source.to_owned(),
            waived: None,
        }
    }

    /// Sets it aside, and says so.
    pub(super) fn set_aside(&mut self, waived: Waived) {
        self.status = Status::Waived;
        let Text { en, zh } = &mut self.message;
        let reason = &waived.reason;
        // A user's own words stay as they are; those of a baseline are ours.
        let is_ours = reason.starts_with("known from ");
        let reason_zh = if is_ours { chinese(reason) } else { reason.as_str().into() };
        match &waived.expires {
            Some(last) => {
                en.push_str(&format!(" Waived until {last}: {reason}"));
                zh.push_str(&format!("豁免至{last}：{reason_zh}"));
            }
            None => {
                en.push_str(&format!(" Waived: {reason}"));
                zh.push_str(&format!("已豁免：{reason_zh}"));
            }
        }
        self.waived = Some(waived);
    }

    /// The finding with its texts in one language.
    pub fn in_language(&self, lang: Lang) -> Finding<String> {
        Finding {
            rule: self.rule.clone(),
            level: self.level,
            status: self.status,
            message: self.message.get(lang).to_owned(),
            evidence: self.evidence.iter().map(|seen| in_words(seen, lang)).collect(),
            remedy: self.remedy.as_ref().map(|remedy| remedy.get(lang).to_owned()),
            predicts: self.predicts.clone(),
            repaired_by_platform: self.repaired_by_platform,
            source: self.source.clone(),
            waived: self.waived.clone(),
        }
    }
}

/// The evidence with its prose, where it is some, in one language. A line of a file is none.
fn in_words(seen: &Evidence, lang: Lang) -> Evidence {
    let mut seen = seen.clone();
    if lang == Lang::ZhCn && seen.excerpt.is_none() {
        seen.detail = chinese(&seen.detail).into_owned();
    }
    seen
}

/// Most pieces of evidence of one finding: beyond that a report helps nobody, and an image could make
/// it as long as it likes. How many were left out is said.
const MAX_EVIDENCE: usize = 256;

/// Most characters of a piece of evidence and of a message, for the same reason; `…` stands for the
/// rest.
const MAX_SHOWN: usize = 2000;

fn cut(text: &mut String) {
    if let Some((at, _)) = text.char_indices().nth(MAX_SHOWN) {
        text.truncate(at);
        text.push('…');
    }
}

/// The place of what was left out.
pub(super) const LEFT_OUT: &str = "…";

/// Makes evidence fit for a report, and says what was left out.
fn shown(mut evidence: Vec<Evidence>) -> Vec<Evidence> {
    let more = evidence.len().saturating_sub(MAX_EVIDENCE);
    if more > 0 {
        evidence.truncate(MAX_EVIDENCE);
        evidence.push(Evidence::new(LEFT_OUT, format!("{more} more")));
    }
    for Evidence { location, detail, .. } in &mut evidence {
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

/// Why files may not be what a rule takes them for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Doubt {
    /// A file system's log was not replayed: what was seen was there, but may be there no more.
    Older,
    /// Not all was looked at that keeps the kernel from mounting their file system.
    Hidden,
}

/// Takes back what an outcome says more than it can know.
///
/// A rule whose outcome is another one without the guest's facts rests on its files. Such a rule does
/// not pass.
fn take_back(
    mut outcome: Outcome,
    doubt: Doubt,
    unread: &Unread,
    rule: &dyn Rule,
    facts: &Facts,
    context: &Context,
) -> Outcome {
    let passes = match outcome.judgement {
        Judgement::Holds => true,
        Judgement::Broken | Judgement::Doubtful | Judgement::Noted if doubt == Doubt::Older => {
            false
        }
        _ => return outcome,
    };
    let blind = Facts { guest: Fact::Unknown(unread.clone()), ..facts.clone() };
    if rule.check(&blind, context) == outcome {
        return outcome;
    }
    let (location, reason) = (&unread.location, &unread.reason);
    let (location_zh, reason_zh) = (chinese(location), chinese(reason));
    let (what, message, remedy) = match doubt {
        Doubt::Older => (
            "what was read may be older",
            text!(
                "Not decided: {location}: {reason}. By the files as they were before, it would pass.",
                "无法判定：{location_zh}：{reason_zh}。按此前的文件内容，本规则可通过。"
            ),
            if facts.has_damaged_filesystem() { MEND } else { REPLAY },
        ),
        Doubt::Hidden => (
            "not looked at as a whole",
            text!(
                "Not decided: {location}: {reason}. The kernel may not mount this file system; by its files, it would pass.",
                "无法判定：{location_zh}：{reason_zh}。内核可能无法挂载该文件系统；仅按文件内容，本规则可通过。"
            ),
            LOOK,
        ),
    };
    // First, so that it is never what a long list leaves out.
    outcome.evidence.insert(0, Evidence::new(location.clone(), format!("{reason}: {what}")));
    if !passes {
        return outcome;
    }
    Outcome { judgement: Judgement::Unverified, message, ..outcome }.remedy(remedy.text())
}

const MEND: Fixed = Fixed::new(
    "Check the file system from a rescue system (e2fsck -f, xfs_repair, btrfs check), then start and shut down the machine once and take the image again.",
    "请在救援系统中检查文件系统（e2fsck -f、xfs_repair、btrfs check），然后正常启动并关机一次，重新导出镜像。",
);

const REPLAY: Fixed = Fixed::new(
    "Start the virtual machine once, shut it down from inside, and take the image again.",
    "请启动一次该虚拟机，从系统内正常关机，然后重新导出镜像。",
);

const LOOK: Fixed = Fixed::new(
    "Check the file system from a rescue system (xfs_repair -n), and repair it where it is damaged.",
    "请在救援系统中检查该文件系统（xfs_repair -n），如有损坏请修复。",
);

/// Decides one rule; `None` when the profile does not have it.
pub fn judge(rule: &dyn Rule, facts: &Facts, context: &Context) -> Option<Finding> {
    let level = context.policy.level(rule.id(), rule.level(context.profile))?;
    let mut outcome = rule.check(facts, context);
    if let Some(unread) = facts.stale() {
        outcome = take_back(outcome, Doubt::Older, unread, rule, facts, context);
    }
    if let Some(unread) = facts.unchecked() {
        outcome = take_back(outcome, Doubt::Hidden, unread, rule, facts, context);
    }
    Some(Finding::new(rule.id(), level, rule.doc(), outcome))
}

/// Decides every rule of the profile: exactly one finding each, in the order of the catalogue.
pub fn check_all(facts: &Facts, context: &Context) -> Vec<Finding> {
    let judged = |rule: &'static dyn Rule| {
        let finding = judge(rule, facts, context)?;
        tracing::debug!(rule = finding.rule, status = ?finding.status, "judged");
        Some(finding)
    };
    RULES.iter().copied().filter_map(judged).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::testing::*;
    use crate::rules::{Profile, rule};

    const REASON: &str = "it holds fast commits";

    fn with_stale_root() -> Facts {
        let mut facts = good_linux();
        let place = "partition 2: ext journal, byte 4096";
        health_mut(&mut facts, 1).stale = Some(Unread::new(place, REASON));
        facts
    }

    #[test]
    fn a_log_that_was_not_replayed_leaves_what_files_tell_unverified() {
        let facts = with_stale_root();
        for id in ["fstab-uuid", "initramfs-virtio-storage", "root-account-usable"] {
            let finding = expect(rule(id).unwrap(), &facts, Status::Unverified, REASON);
            assert!(finding.message.en.contains("partition 2: ext journal, byte 4096"));
            assert!(finding.remedy.is_some());
            assert!(finding.evidence.len() > 1, "what was seen stays: {finding:#?}");
        }
    }

    #[test]
    fn a_log_that_was_not_replayed_does_not_touch_what_no_file_tells() {
        let facts = with_stale_root();
        for id in ["file-size-max", "qcow2-not-encrypted", "virtual-size-range", "format-supported"]
        {
            let rule = rule(id).unwrap();
            let expected = judged(rule, &good_linux(), Profile::ImsClassic);
            assert_eq!(judged(rule, &facts, Profile::ImsClassic), expected);
            assert_eq!(expected.status, Status::Pass);
        }
    }

    #[test]
    fn no_rule_passes_on_stale_files_in_any_profile() {
        let mut blind = good_linux();
        blind.guest = Fact::Unknown(Unread::new("x", "y"));
        for profile in [Profile::ImsClassic, Profile::Huaweicloud, Profile::Otc] {
            for finding in check_all(&with_stale_root(), &context(profile)) {
                let rule = rule(&finding.rule).unwrap();
                if finding.status == Status::Pass {
                    assert_eq!(judged(rule, &blind, profile).status, Status::Pass, "{finding:#?}");
                }
            }
        }
    }

    #[test]
    fn a_broken_rule_says_that_what_was_read_may_be_older() {
        let mut facts = with_stale_root();
        fstab_mut(&mut facts).entries.push(mount(7, absent_disk(), "/data", "ext4"));
        let rule = rule("fstab-no-nonsystem-mounts").unwrap();
        let finding = expect(rule, &facts, Status::Fail, "what was read may be older");
        assert!(finding.evidence.iter().any(|seen| seen.location == "/etc/fstab:7"));
    }

    #[test]
    fn a_file_system_that_is_damaged_is_checked_before_anything_is_started() {
        let mut facts = with_stale_root();
        health_mut(&mut facts, 1).errors.push(Evidence::new("partition 2: xfs AGF", "damaged"));
        let finding = expect(rule("fstab-uuid").unwrap(), &facts, Status::Unverified, REASON);
        assert!(finding.remedy.unwrap().en.contains("xfs_repair"));
    }

    #[test]
    fn a_file_system_that_was_not_looked_at_as_a_whole_leaves_open_what_its_files_would_pass() {
        let mut facts = good_linux();
        let unread = Unread::new("partition 2: xfs allocation groups", "more than 16384 groups");
        health_mut(&mut facts, 1).unchecked = Some(unread);
        let id = rule("fstab-uuid").unwrap();
        let finding = expect(id, &facts, Status::Unverified, "more than 16384 groups");
        // Its files are no older ones.
        assert!(!finding.message.en.contains("before"), "{finding:#?}");
        assert!(finding.remedy.unwrap().en.contains("xfs_repair -n"));
        let format = rule("format-supported").unwrap();
        assert_eq!(judged(format, &facts, Profile::ImsClassic).status, Status::Pass);
        fstab_mut(&mut facts).entries.push(mount(7, absent_disk(), "/data", "ext4"));
        let rule = rule("fstab-no-nonsystem-mounts").unwrap();
        let finding = expect(rule, &facts, Status::Fail, "/data");
        assert!(finding.evidence.iter().all(|seen| !seen.detail.contains("older")));
    }

    #[test]
    fn a_stale_file_system_that_the_guest_does_not_use_is_not_its_business() {
        let mut facts = with_stale_root();
        facts.filesystems[1].volume = 2;
        assert_eq!(facts.stale(), None);
        // Where no system was found, it may lie in what was not replayed.
        facts.guest = no_guest().guest;
        assert!(facts.stale().is_some());
    }

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
