//! The steps that are the same on every chain.

use crate::chinese::chinese;
use crate::fact::{Evidence, Unread};
use crate::guest::facts::LinkState;
use crate::rules::{Fixed, Outcome};
use crate::text;

/// A link as a finding names it.
pub(super) struct Link<'f, K> {
    pub(super) kind: K,
    pub(super) name: Fixed,
    pub(super) state: &'f LinkState,
    pub(super) evidence: &'f Evidence,
}

/// How far a chain holds.
pub(super) enum Walk<K> {
    /// A link of this kind is missing.
    Broken(K, Outcome),
    /// One is not known.
    Unknown(Outcome),
    /// None of those that there are is missing or unknown; each is shown.
    Holds(Vec<Evidence>),
}

/// Walks a chain. The first missing link counts before one that is not known.
pub(super) fn walk<K: Copy>(chain: &[Link<'_, K>]) -> Walk<K> {
    let evidence: Vec<_> = chain.iter().map(shown).collect();
    if let Some(link) = chain.iter().find(|link| *link.state == LinkState::Missing) {
        let Fixed { en, zh } = link.name;
        let (place, what) = (&link.evidence.location, &link.evidence.detail);
        let (place_zh, what_zh) = link.evidence.in_chinese();
        let outcome = Outcome::broken(
            text!(
                "The boot chain breaks at {en}: {place}: {what}.",
                "引导链在{zh}处中断：{place_zh}：{what_zh}。"
            ),
            evidence,
        );
        return Walk::Broken(link.kind, outcome);
    }
    if let Some((link, reason)) = chain.iter().find_map(|link| match link.state {
        LinkState::Unknown(reason) => Some((link, reason)),
        _ => None,
    }) {
        let Fixed { en, zh } = link.name;
        let reason_zh = chinese(reason);
        let outcome = Outcome::unverified(
            text!(
                "The boot chain could not be followed beyond {en}: {reason}.",
                "无法继续检查{zh}之后的引导链：{reason_zh}。"
            ),
            &Unread::new(link.evidence.location.clone(), reason.clone()),
        );
        return Walk::Unknown(Outcome { evidence, ..outcome });
    }
    Walk::Holds(evidence)
}

/// How the evidence of a file begins that is there, and cannot be used as it is.
const BROKEN: [&str; 5] = ["cut short", "damaged", "compressed", "encrypted", "HiddenSectors"];

/// Whether that evidence is of a file that is there, and cannot be used as it is.
pub(super) fn is_broken(detail: &str) -> bool {
    BROKEN.iter().any(|word| detail.starts_with(word))
}

/// A link with its state.
fn shown<K>(link: &Link<'_, K>) -> Evidence {
    let detail = &link.evidence.detail;
    let state = match link.state {
        LinkState::Found => "found",
        // It is there, and of no use.
        LinkState::Missing if is_broken(detail) => "broken",
        LinkState::Missing => "missing",
        LinkState::Unknown(_) => "not known",
        LinkState::NotNeeded => "not needed",
    };
    Evidence::new(link.evidence.location.clone(), format!("{}, {state}: {detail}", link.name.en))
}
