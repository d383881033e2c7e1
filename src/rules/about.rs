//! What a requirement says of itself, whether it is one on the image or one on the request.

use super::{Doc, Level, Profile, Rule};
use crate::request::BodyRule;

/// A requirement's id, levels and texts.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct About {
    /// Its public id.
    pub id: &'static str,
    /// What it says of itself.
    pub doc: &'static Doc,
    /// Its level in each built-in profile.
    pub levels: [(Profile, Option<Level>); 3],
}

impl About {
    /// Its level in a profile.
    pub fn level(&self, profile: Profile) -> Option<Level> {
        self.levels.iter().find(|(known, _)| *known == profile).and_then(|(_, level)| *level)
    }
}

/// Every requirement: those on the image, then those on the request.
pub fn about_all() -> impl Iterator<Item = About> {
    let of_images = super::RULES.iter().map(|rule| About::from(*rule));
    of_images.chain(crate::request::RULES.iter().map(|rule| About::from(*rule)))
}

/// The requirement with that id, whether on the image or on the request.
pub fn about(id: &str) -> Option<About> {
    about_all().find(|rule| rule.id == id)
}

impl From<&'static dyn Rule> for About {
    fn from(rule: &'static dyn Rule) -> Self {
        let levels = Profile::ALL.map(|profile| (profile, rule.level(profile)));
        Self { id: rule.id(), doc: rule.doc(), levels }
    }
}

impl From<&'static BodyRule> for About {
    fn from(rule: &'static BodyRule) -> Self {
        let levels = Profile::ALL.map(|profile| (profile, rule.level(profile)));
        Self { id: rule.id, doc: &rule.doc, levels }
    }
}
