//! `req-tags`

use super::name::is_chinese;
use super::{
    BodyRule, Case, Checked, Doc, EVERYWHERE, Fixed, Level, Node, Problems, Profile, absent,
    wrong_type,
};
use crate::text;

/// Longest key of a tag, in characters (镜像标签数据格式).
const MAX_KEY: usize = 36;

/// Longest value of a tag, in characters (镜像标签数据格式).
const MAX_VALUE: usize = 43;

/// Most tags of an image (镜像标签数据格式).
const MAX_TAGS: usize = 10;

pub(super) static RULE: BodyRule = BodyRule {
    id: "req-tags",
    level: Level::Required,
    profiles: EVERYWHERE,
    doc: Doc {
        title: Fixed::new(
            "Each tag is key.value with permitted characters",
            "标签为“键.值”且字符符合要求",
        ),
        why: Fixed::new(
            "The platform splits a tag at its first dot and refuses keys and values with other characters, or a key that is there twice.",
            "平台以第一个点分割标签；键或值包含其他字符，或键重复时，请求会被拒绝。",
        ),
        decided: Fixed::new(
            "tags is a list of at most 10 strings; the key before the first dot has 1 to 36 characters, the value behind it at most 43: letters, digits, '_', '-' and Chinese characters, in the value also '.' (Open Telekom Cloud: neither Chinese nor '.'). No key is there twice.",
            "tags为最多10个字符串的列表；第一个点之前的键为1～36个字符，之后的值不超过43个字符；只能包含字母、数字、“_”、“-”和中文，值还可以包含“.”（Open Telekom Cloud不支持中文和“.”）。键不能重复。",
        ),
        remedy: Fixed::new("\"tags\": [\"key.value\"]", "\"tags\": [\"键.值\"]"),
        source: "镜像标签数据格式; 制作镜像 (ims_03_0603), tags; error codes IMG.0115, IMG.0116",
        predicts: &["IMG.0115", "IMG.0116"],
        repaired_by_platform: false,
    },
    check,
};

/// The keys that a list of tags has so far.
#[derive(Default)]
pub(super) struct Keys<'a>(Vec<&'a str>);

/// Checks one tag.
pub(super) fn tag<'a>(
    problems: &mut Problems<'_, '_>,
    (pointer, shown): (&str, &Node),
    (key, value): (&'a str, &str),
    keys: &mut Keys<'a>,
    profile: Profile,
) {
    let plain = |char: char| {
        char.is_ascii_alphanumeric()
            || matches!(char, '_' | '-')
            || (profile != Profile::Otc && is_chinese(char))
    };
    let in_value = |char: char| plain(char) || (profile != Profile::Otc && char == '.');
    let (key_length, value_length) = (key.chars().count(), value.chars().count());
    let mut broken = |message| problems.broken(pointer, Some(shown), message);
    if !(1..=MAX_KEY).contains(&key_length) {
        broken(text!(
            "The tag's key has {key_length} characters, not 1 to {MAX_KEY}.",
            "标签的键有{key_length}个字符，应为1～{MAX_KEY}个。"
        ));
    } else if value_length > MAX_VALUE {
        broken(text!(
            "The tag's value has {value_length} characters, more than {MAX_VALUE}.",
            "标签的值有{value_length}个字符，超过{MAX_VALUE}个。"
        ));
    }
    let bad = key.chars().find(|c| !plain(*c)).or_else(|| value.chars().find(|c| !in_value(*c)));
    if let Some(char) = bad {
        let char = char.escape_debug();
        broken(text!(
            "The tag has “{char}”, which is not permitted.",
            "标签包含不允许的字符“{char}”。"
        ));
    }
    if keys.0.contains(&key) {
        broken(text!("The key “{key}” is there twice.", "键“{key}”重复。"));
    }
    keys.0.push(key);
}

/// Checks the number of tags.
pub(super) fn count(problems: &mut Problems<'_, '_>, pointer: &str, value: &Node, count: usize) {
    if count > MAX_TAGS {
        problems.broken(
            pointer,
            Some(value),
            text!(
                "There are {count} tags, more than {MAX_TAGS}.",
                "标签有{count}个，超过{MAX_TAGS}个。"
            ),
        );
    }
}

/// Checks a list of `key.value`.
pub(super) fn of(problems: &mut Problems<'_, '_>, pointer: &str, value: &Node, profile: Profile) {
    let Node::Array(tags) = value else {
        return wrong_type(problems, pointer, value, ("a list of strings", "字符串列表"));
    };
    count(problems, pointer, value, tags.len());
    let mut keys = Keys::default();
    for (index, value) in tags.iter().enumerate() {
        let pointer = format!("{pointer}/{index}");
        match value.text() {
            Some(text) => {
                let parts = text.split_once('.').unwrap_or((text, ""));
                tag(problems, (&pointer, value), parts, &mut keys, profile);
            }
            None => wrong_type(problems, &pointer, value, ("a string", "字符串")),
        }
    }
}

fn check(case: &Case<'_>) -> Checked {
    let Some(value) = case.field("tags") else { return absent("tags") };
    let mut problems = Problems::new(case);
    of(&mut problems, "/tags", value, case.profile());
    problems.end(text!("Each tag is permitted.", "标签符合要求。"), &[("/tags", value)])
}
