//! What a user changes of a built-in profile, and which findings they set aside.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::finding::Finding;
use super::{Level, Status, day};
use crate::guest::glob;

/// Changes to a built-in profile.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Policy {
    /// What reports call the profile; the built-in one's name when there is none.
    pub name: Option<String>,
    /// Levels of rules by id; `None` takes the rule out.
    pub levels: BTreeMap<String, Option<Level>>,
    /// Limits.
    pub limits: Limits,
    /// Systems that count as supported beside the platform's list.
    pub systems: Vec<System>,
}

/// Limits in bytes; `None` leaves the profile's own.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Biggest image file.
    pub max_file_size: Option<u64>,
    /// Smallest disk inside.
    pub min_virtual_size: Option<u64>,
    /// Biggest disk inside.
    pub max_virtual_size: Option<u64>,
}

/// A system that counts as supported.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct System {
    /// `ID` of os-release, lower case: `almalinux`.
    pub id: String,
    /// Its version, or the beginning of it up to a dot: `9` stands for `9.4`, too. Every version when
    /// there is none.
    pub version: Option<String>,
    /// The value with which it is registered.
    pub os_version: String,
}

impl System {
    /// Every version of a system.
    pub fn new(id: impl Into<String>, os_version: impl Into<String>) -> Self {
        Self { id: id.into(), version: None, os_version: os_version.into() }
    }

    /// Whether a guest's id and version are meant.
    pub fn is(&self, id: &str, version: Option<&str>) -> bool {
        let is_id = self.id.eq_ignore_ascii_case(id);
        let Some(wanted) = &self.version else { return is_id };
        let rest = version.and_then(|version| version.strip_prefix(wanted.as_str()));
        is_id && rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    }
}

impl Policy {
    /// The level of a rule whose built-in level is `level`.
    pub fn level(&self, id: &str, level: Option<Level>) -> Option<Level> {
        self.levels.get(id).copied().unwrap_or(level)
    }
}

/// A finding that the user sets aside.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Waiver {
    /// Id of the rule.
    pub rule: String,
    /// Shell pattern of the image's path or file name; every image when there is none.
    pub image: Option<String>,
    /// Why.
    pub reason: String,
    /// The last day on which it counts, in days since 1970-01-01 UTC.
    pub expires: Option<i64>,
}

/// What a finding says of the waiver that set it aside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct Waived {
    /// The user's reason.
    pub reason: String,
    /// The last day on which it counts: `2026-12-31`.
    pub expires: Option<String>,
}

impl Waiver {
    /// A waiver of a rule for every image and every day.
    pub fn new(rule: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { rule: rule.into(), image: None, reason: reason.into(), expires: None }
    }

    /// Whether it still counts on that day.
    pub fn has_expired(&self, today: i64) -> bool {
        self.expires.is_some_and(|last| last < today)
    }

    /// Whether an image is meant, by its path.
    pub fn covers(&self, image: &str) -> bool {
        self.image.as_deref().is_none_or(|pattern| {
            let file = image.rsplit(['/', '\\']).next().unwrap_or(image);
            glob::matches(pattern, image) || glob::matches(pattern, file)
        })
    }

    /// Whether a rule and an image are meant.
    pub fn is_of(&self, rule: &str, image: &str) -> bool {
        self.rule == rule && self.covers(image)
    }
}

/// Sets aside what a waiver covers: findings that fail or warn.
pub fn waive(findings: &mut [Finding], image: &str, waivers: &[Waiver], today: i64) {
    for finding in findings {
        if !matches!(finding.status, Status::Fail | Status::Warn) {
            continue;
        }
        let waiver = waivers
            .iter()
            .find(|waiver| !waiver.has_expired(today) && waiver.is_of(&finding.rule, image));
        if let Some(waiver) = waiver {
            let expires = waiver.expires.map(day::date);
            finding.set_aside(Waived { reason: waiver.reason.clone(), expires });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::testing::{absent_disk, context, fstab_mut, good_linux, linux_mut, mount};
    use crate::rules::{Profile, check_all};

    const RULE: &str = "fstab-no-nonsystem-mounts";

    fn broken() -> Vec<Finding> {
        let mut facts = good_linux();
        fstab_mut(&mut facts).entries.push(mount(7, absent_disk(), "/data", "ext4"));
        check_all(&facts, &context(Profile::ImsClassic))
    }

    fn waiver() -> Waiver {
        Waiver {
            rule: RULE.to_owned(),
            image: None,
            reason: "attached by hand".to_owned(),
            expires: Some(20_454),
        }
    }

    fn after(waiver: Waiver, image: &str, today: i64) -> Status {
        let mut findings = broken();
        waive(&mut findings, image, &[waiver], today);
        findings.iter().find(|finding| finding.rule == RULE).unwrap().status
    }

    #[test]
    fn a_waiver_sets_its_rule_aside_up_to_its_last_day() {
        assert_eq!(after(waiver(), "a.qcow2", 20_454), Status::Waived);
        assert_eq!(after(waiver(), "a.qcow2", 20_455), Status::Fail);
        let mut findings = broken();
        waive(&mut findings, "a.qcow2", &[waiver()], 20_000);
        let waived: Vec<_> = findings.iter().filter_map(|finding| finding.waived.clone()).collect();
        let expires = Some("2026-01-01".to_owned());
        assert_eq!(waived, [Waived { reason: "attached by hand".to_owned(), expires }]);
        let message = &findings.iter().find(|finding| finding.rule == RULE).unwrap().message;
        assert!(message.en.ends_with("Waived until 2026-01-01: attached by hand"));
        assert!(message.zh.ends_with("豁免至2026-01-01：attached by hand"));
    }

    #[test]
    fn a_pattern_takes_a_path_or_a_file_name() {
        for (pattern, status) in [
            ("*.qcow2", Status::Waived),
            ("legacy-?.qcow2", Status::Waived),
            ("/images/*", Status::Waived),
            ("legacy", Status::Fail),
            ("*.raw", Status::Fail),
        ] {
            let waiver = Waiver { image: Some(pattern.to_owned()), ..waiver() };
            assert_eq!(after(waiver, "/images/legacy-1.qcow2", 0), status, "{pattern}");
        }
    }

    #[test]
    fn what_could_not_be_verified_cannot_be_waived() {
        let mut facts = good_linux();
        linux_mut(&mut facts).fstab = crate::fact::Fact::unknown("/etc/fstab", "damaged");
        let mut findings = check_all(&facts, &context(Profile::ImsClassic));
        waive(&mut findings, "a.qcow2", &[waiver()], 0);
        let finding = findings.iter().find(|finding| finding.rule == RULE).unwrap();
        assert_eq!(finding.status, Status::Unverified);
    }

    #[test]
    fn levels_are_changed_and_rules_taken_out() {
        let mut context = context(Profile::ImsClassic);
        context.policy.levels.insert(RULE.to_owned(), Some(Level::Recommended));
        context.policy.levels.insert("fstab-uuid".to_owned(), None);
        let mut facts = good_linux();
        fstab_mut(&mut facts).entries.push(mount(7, absent_disk(), "/data", "ext4"));
        let findings = check_all(&facts, &context);
        let finding = findings.iter().find(|finding| finding.rule == RULE).unwrap();
        assert_eq!((finding.level, finding.status), (Level::Recommended, Status::Warn));
        assert!(findings.iter().all(|finding| finding.rule != "fstab-uuid"));
    }

    #[test]
    fn a_version_stands_for_its_minor_ones() {
        let system = |version: Option<&str>| System {
            id: "almalinux".to_owned(),
            version: version.map(str::to_owned),
            os_version: "Other Linux (64 bit)".to_owned(),
        };
        assert!(system(Some("9")).is("almalinux", Some("9.4")));
        assert!(system(Some("9.4")).is("almalinux", Some("9.4")));
        assert!(!system(Some("9")).is("almalinux", Some("90")));
        assert!(!system(Some("9")).is("almalinux", None));
        assert!(system(None).is("almalinux", None));
        assert!(!system(None).is("rocky", Some("9")));
    }
}
