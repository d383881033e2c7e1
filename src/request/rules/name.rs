//! `req-name`

use super::{
    BodyRule, Case, Checked, Doc, EVERYWHERE, Fix, Fixed, Level, Node, Outcome, Problems, Profile,
    Variant, wrong_type,
};
use crate::text;

/// Longest name of an image, in characters (镜像属性, name).
const MAX: usize = 128;

pub(super) static RULE: BodyRule = BodyRule {
    id: "req-name",
    level: Level::Required,
    profiles: EVERYWHERE,
    doc: Doc {
        title: Fixed::new("The image has a permitted name", "镜像名称符合要求"),
        why: Fixed::new(
            "A name with another character or a blank at an end is refused. The name must also be the tenant's only one of its kind, which no file can tell.",
            "名称包含其他字符或首尾有空格时，请求会被拒绝。名称在租户内还必须唯一，这一点无法通过文件判断。",
        ),
        decided: Fixed::new(
            "name is a string of 1 to 128 characters, letters, digits, Chinese characters (not on Open Telekom Cloud), '-', '.', '_' and blanks, without a blank at either end.",
            "name为1～128个字符的字符串，只能包含字母、数字、中文（Open Telekom Cloud不支持）、“-”、“.”、“_”和空格，首尾不能为空格。",
        ),
        remedy: Fixed::new("\"name\": \"my-image\"", "\"name\": \"my-image\""),
        source: "制作镜像 (ims_03_0603), name; 镜像属性; error codes IMG.0002, IMG.0003, IMG.0013, IMG.0062",
        predicts: &["IMG.0002", "IMG.0003", "IMG.0013", "IMG.0062"],
        repaired_by_platform: false,
    },
    check,
};

/// Han characters: the blocks that the platform's consoles accept as Chinese.
pub(super) fn is_chinese(char: char) -> bool {
    matches!(char, '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}')
}

fn allowed(char: char, profile: Profile) -> bool {
    char.is_ascii_alphanumeric()
        || matches!(char, '-' | '.' | '_' | ' ')
        || (profile != Profile::Otc && is_chinese(char))
}

/// Checks one name.
pub(super) fn of(problems: &mut Problems<'_, '_>, pointer: &str, value: &Node, profile: Profile) {
    let Some(name) = value.text() else {
        return wrong_type(problems, pointer, value, ("a string", "字符串"));
    };
    let length = name.chars().count();
    let trimmed = name.trim();
    if name.is_empty() {
        problems.broken(pointer, Some(value), text!("The name is empty.", "名称为空。"));
        return;
    }
    if length > MAX {
        let message = text!(
            "The name has {length} characters, more than {MAX}.",
            "名称有{length}个字符，超过{MAX}个。"
        );
        problems.broken(pointer, Some(value), message);
    }
    if trimmed.len() != name.len() {
        problems.broken(
            pointer,
            Some(value),
            text!("The name has a blank at an end.", "名称首尾有空格。"),
        );
    }
    let bad = trimmed.chars().find(|char| !allowed(*char, profile));
    if let Some(char) = bad {
        let shown = char.escape_debug();
        let message = text!(
            "The name has “{shown}”, which is not permitted.",
            "名称包含不允许的字符“{shown}”。"
        );
        problems.broken(pointer, Some(value), message);
    }
    let mended: String = trimmed
        .chars()
        .take(MAX)
        .map(|char| if allowed(char, profile) { char } else { '_' })
        .collect();
    let mended = mended.trim_end();
    if mended != name && mended.chars().any(|char| char != '_') {
        problems.fix(Fix::Set(pointer.to_owned(), Node::from(mended)));
    }
}

fn check(case: &Case<'_>) -> Checked {
    let Some(value) = case.field("name") else {
        if case.variant == Variant::DataDisks {
            return Outcome::not_applicable(text!(
                "Each data disk image has its own name (see req-data-images).",
                "各数据盘镜像有各自的名称（参见req-data-images）。"
            ))
            .into();
        }
        let mut problems = Problems::new(case);
        problems.broken("/name", None, text!("The body has no name.", "请求体中没有name。"));
        return problems.end(text!("", ""), &[]);
    };
    let mut problems = Problems::new(case);
    of(&mut problems, "/name", value, case.profile());
    problems.end(text!("The name is permitted.", "名称符合要求。"), &[("/name", value)])
}
