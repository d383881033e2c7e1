//! A rule that no byte of the image decides: what the platform knows and the file does not.

use super::{Context, Doc, Fixed, Level, Outcome, Profile, Rule};
use crate::guest::facts::Facts;

/// A line of the checklist.
pub(super) struct Checklist {
    /// The rule's id.
    pub(super) id: &'static str,
    /// What it says of itself.
    pub(super) doc: &'static Doc,
    /// What is to be made sure of.
    pub(super) message: Fixed,
}

impl Rule for Checklist {
    fn id(&self) -> &'static str {
        self.id
    }

    fn level(&self, _: Profile) -> Option<Level> {
        Some(Level::Manual)
    }

    fn doc(&self) -> &'static Doc {
        self.doc
    }

    fn check(&self, _: &Facts, _: &Context) -> Outcome {
        Outcome::manual(self.message.text())
    }
}

#[cfg(test)]
mod tests {
    use crate::rules::testing::*;
    use crate::rules::{Status, rule};

    #[test]
    fn it_is_a_checklist_line_whatever_the_image() {
        let ids = [
            "obs-standard-storage",
            "obs-same-region",
            "obs-object-encryption",
            "obs-access",
            "quota",
        ];
        for id in ids {
            for facts in [good_linux(), windows(), no_guest(), unread()] {
                let finding = expect(rule(id).unwrap(), &facts, Status::Manual, "");
                assert!(finding.remedy.is_some(), "{id}");
            }
        }
    }
}
