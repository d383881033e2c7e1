//! What a requirement says of itself, whether it is one on the image or one on the request.

use super::{Doc, Fixed, Level, Profile, Rule};
use crate::request::BodyRule;

/// The parts of the catalogue, in its order: the first requirement of each, and its title. What
/// follows up to the next part's first belongs to it.
const GROUPS: &[(&str, Fixed)] = &[
    ("format-supported", Fixed::new("File, container and disk", "文件、容器格式与磁盘")),
    ("os-supported", Fixed::new("Operating system", "操作系统")),
    ("boot-chain-complete", Fixed::new("Linux: boot and drivers", "Linux：引导与驱动")),
    ("fstab-no-nonsystem-mounts", Fixed::new("Linux: disk identifiers", "Linux：磁盘标识")),
    ("udev-persistent-net", Fixed::new("Linux: network", "Linux：网络")),
    (
        "login-credential-or-cloudinit",
        Fixed::new("Linux: accounts and cloud-init", "Linux：账号与Cloud-Init"),
    ),
    ("win-administrator-usable", Fixed::new("Windows", "Windows")),
    ("obs-standard-storage", Fixed::new("Object storage and quota", "对象存储与配额")),
    ("req-body-shape", Fixed::new("The request", "请求体")),
];

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

/// A part of the catalogue.
#[derive(Debug, Clone)]
pub struct Group {
    /// Its title.
    pub title: Fixed,
    /// Its requirements, in the order of the catalogue.
    pub rules: Vec<About>,
}

/// The catalogue in its parts: every requirement of [`about_all`] in one of them.
pub fn groups() -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    for rule in about_all() {
        match (GROUPS.iter().find(|(first, _)| *first == rule.id), groups.last_mut()) {
            (None, Some(group)) => group.rules.push(rule),
            (first, _) => {
                let title = first.map_or(rule.doc.title, |(_, title)| *title);
                groups.push(Group { title, rules: vec![rule] });
            }
        }
    }
    groups
}

/// Whether what a requirement asks for is changed inside of the guest: it stands in none of the parts
/// about the file, the object storage and the request.
pub(crate) fn is_of_guest(id: &str) -> bool {
    let place = |id: &str| super::RULES.iter().position(|rule| rule.id() == id);
    let (first, behind) = (place("os-supported"), place("obs-standard-storage"));
    place(id).is_some_and(|at| first <= Some(at) && Some(at) < behind)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_changed_in_the_guest_is_told_from_the_file_and_the_request() {
        for (id, is) in [
            ("fstab-uuid", true),
            ("win-dhcp", true),
            ("os-supported", true),
            ("file-size-max", false),
            ("obs-standard-storage", false),
            ("req-name", false),
            ("gone", false),
        ] {
            assert_eq!(is_of_guest(id), is, "{id}");
        }
    }

    #[test]
    fn every_part_of_the_catalogue_begins_with_its_first_requirement() {
        let groups = groups();
        let firsts: Vec<_> = groups.iter().map(|group| group.rules[0].id).collect();
        let named: Vec<_> = GROUPS.iter().map(|(first, _)| *first).collect();
        assert_eq!(firsts, named);
        assert_eq!(groups.iter().map(|g| g.rules.len()).sum::<usize>(), about_all().count());
    }
}
