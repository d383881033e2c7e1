//! `req-image-tags`

use super::tags::{Keys, count, tag};
use super::{
    BodyRule, Case, Checked, Doc, EVERYWHERE, Fixed, Level, Node, Problems, Profile, absent,
    wrong_type,
};
use crate::text;

pub(super) static RULE: BodyRule = BodyRule {
    id: "req-image-tags",
    level: Level::Required,
    profiles: EVERYWHERE,
    doc: Doc {
        title: Fixed::new(
            "Each of image_tags has a permitted key and value",
            "image_tags中的键和值符合要求",
        ),
        why: Fixed::new(
            "The platform refuses keys and values with other characters, or a key that is there twice.",
            "键或值包含其他字符，或键重复时，请求会被拒绝。",
        ),
        decided: Fixed::new(
            "image_tags is a list of at most 10 objects with key and value, within the limits of req-tags.",
            "image_tags为最多10个对象的列表，每个对象包含key和value，限制与req-tags相同。",
        ),
        remedy: Fixed::new(
            "\"image_tags\": [{\"key\": \"key\", \"value\": \"value\"}]",
            "\"image_tags\": [{\"key\": \"键\", \"value\": \"值\"}]",
        ),
        source: "镜像标签数据格式; 制作镜像 (ims_03_0603), image_tags; error codes IMG.0115, IMG.0116",
        predicts: &["IMG.0115", "IMG.0116"],
        repaired_by_platform: false,
    },
    check,
};

/// Checks that a tag has that member and that it is a string.
fn string(problems: &mut Problems<'_, '_>, pointer: &str, tag: &Node, name: &str) {
    let place = format!("{pointer}/{name}");
    match tag.member(name) {
        Some(Node::String(_)) => {}
        Some(other) => wrong_type(problems, &place, other, ("a string", "字符串")),
        None => {
            let path = pointer.trim_start_matches('/');
            let message = text!("{path} has no {name}.", "{path}没有{name}。");
            problems.broken(&place, None, message);
        }
    }
}

/// Checks a list of `{"key", "value"}`.
pub(super) fn of(problems: &mut Problems<'_, '_>, pointer: &str, value: &Node, profile: Profile) {
    let Node::Array(tags) = value else {
        return wrong_type(problems, pointer, value, ("a list of objects", "对象列表"));
    };
    count(problems, pointer, value, tags.len());
    let mut keys = Keys::default();
    for (index, value) in tags.iter().enumerate() {
        let pointer = format!("{pointer}/{index}");
        let member = |name| value.member(name).and_then(Node::text);
        match (member("key"), member("value")) {
            (Some(key), Some(text)) => {
                tag(problems, (&pointer, value), (key, text), &mut keys, profile);
            }
            _ if !matches!(value, Node::Object(_)) => {
                wrong_type(problems, &pointer, value, ("an object", "对象"));
            }
            _ => {
                for name in ["key", "value"] {
                    string(problems, &pointer, value, name);
                }
            }
        }
    }
}

fn check(case: &Case<'_>) -> Checked {
    let Some(value) = case.field("image_tags") else { return absent("image_tags") };
    let mut problems = Problems::new(case);
    of(&mut problems, "/image_tags", value, case.profile());
    problems.end(text!("Each tag is permitted.", "标签符合要求。"), &[("/image_tags", value)])
}
