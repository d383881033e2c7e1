//! `req-description`

use super::{
    BodyRule, Case, Checked, Doc, EVERYWHERE, Fix, Fixed, Level, Node, Problems, absent, wrong_type,
};
use crate::text;

/// Longest description, in characters (制作镜像, description).
const MAX: usize = 1024;

pub(super) static RULE: BodyRule = BodyRule {
    id: "req-description",
    level: Level::Required,
    profiles: EVERYWHERE,
    doc: Doc {
        title: Fixed::new("The description is a permitted one", "镜像描述符合要求"),
        why: Fixed::new(
            "A description with a line break, < or > is refused.",
            "描述中包含换行、<或>时，请求会被拒绝。",
        ),
        decided: Fixed::new(
            "description is a string of at most 1024 characters without line breaks, < and >.",
            "description为不超过1024个字符的字符串，不含换行、<和>。",
        ),
        remedy: Fixed::new(
            "\"description\": \"one line of text\"",
            "\"description\": \"单行文字\"",
        ),
        source: "制作镜像 (ims_03_0603), description; error codes IMG.0004, IMG.0054",
        predicts: &["IMG.0004", "IMG.0054"],
        repaired_by_platform: false,
    },
    check,
};

/// Checks one description.
pub(super) fn of(problems: &mut Problems<'_, '_>, pointer: &str, value: &Node) {
    let Some(text) = value.text() else {
        return wrong_type(problems, pointer, value, ("a string", "字符串"));
    };
    let length = text.chars().count();
    if length > MAX {
        let message = text!(
            "The description has {length} characters, more than {MAX}.",
            "描述有{length}个字符，超过{MAX}个。"
        );
        problems.broken(pointer, Some(value), message);
    }
    let is_break = |char: char| matches!(char, '\r' | '\n');
    let is_angle = |char: char| matches!(char, '<' | '>');
    if text.contains(is_break) {
        let message = text!("The description has a line break.", "描述中包含换行。");
        problems.broken(pointer, Some(value), message);
    }
    if text.contains(is_angle) {
        let message = text!("The description has < or >.", "描述中包含<或>。");
        problems.broken(pointer, Some(value), message);
    }
    // To cut a text that is too long is not for us.
    if length <= MAX && text.contains(|char| is_break(char) || is_angle(char)) {
        let mended: Vec<&str> =
            text.split(|char| is_break(char) || is_angle(char)).map(str::trim).collect();
        let mended: Vec<&str> = mended.into_iter().filter(|part| !part.is_empty()).collect();
        problems.fix(Fix::Set(pointer.to_owned(), Node::from(mended.join(" "))));
    }
}

fn check(case: &Case<'_>) -> Checked {
    let Some(value) = case.field("description") else { return absent("description") };
    let mut problems = Problems::new(case);
    of(&mut problems, "/description", value);
    problems
        .end(text!("The description is permitted.", "描述符合要求。"), &[("/description", value)])
}
