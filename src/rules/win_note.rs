//! What is worth knowing of every Windows image, whatever is in it.

use super::scope::{Decision, settle, windows_only};
use super::{Context, Doc, Fixed, Level, Outcome, Profile, Rule};
use crate::guest::facts::Facts;

/// A note on Windows images.
pub(super) struct WindowsNote {
    /// The rule's id.
    pub(super) id: &'static str,
    /// The profiles that have it.
    pub(super) profiles: &'static [Profile],
    /// What it says of itself.
    pub(super) doc: &'static Doc,
    /// What is worth knowing.
    pub(super) message: Fixed,
}

impl WindowsNote {
    fn decide(&self, facts: &Facts) -> Decision {
        Ok(Outcome::noted(self.message.text(), windows_only(facts)?.evidence.clone()))
    }
}

impl Rule for WindowsNote {
    fn id(&self) -> &'static str {
        self.id
    }

    fn level(&self, profile: Profile) -> Option<Level> {
        self.profiles.contains(&profile).then_some(Level::Informational)
    }

    fn doc(&self) -> &'static Doc {
        self.doc
    }

    fn check(&self, facts: &Facts, _: &Context) -> Outcome {
        settle(self.decide(facts))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::testing::windows::*;
    use crate::rules::testing::*;
    use crate::rules::{Status, rule};

    #[test]
    fn it_is_said_of_each_windows_and_of_nothing_else() {
        for id in ["win-discontinued", "win-keypair-unsupported", "win-multiqueue-off"] {
            let ends =
                |facts: &Facts| judged(rule(id).unwrap(), facts, Profile::Huaweicloud).status;
            assert_eq!(ends(&good_windows()), Status::Info, "{id}");
            assert_eq!(ends(&windows_unread()), Status::Info, "{id}");
            assert_eq!(ends(&good_linux()), Status::NotApplicable, "{id}");
            assert_eq!(ends(&unread()), Status::Unverified, "{id}");
        }
    }
}
