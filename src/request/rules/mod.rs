//! The rules of the body, one file each.

pub(super) mod architecture;
mod cmk_id;
mod data_images;
mod description;
mod enterprise_project;
pub(super) mod firmware;
mod image_tags;
mod image_url;
mod instance_id;
pub(super) mod is_config;
mod is_config_init;
mod limits;
mod min_disk;
mod min_disk_ge_virtual_size;
mod name;
pub(super) mod os_version;
mod quick_import;
mod ram;
pub(super) mod shape;
mod tags;
mod tags_exclusive;
mod r#type;
mod unknown_field;

pub(super) use self::limits::{GIB, min_disk_range};
use super::{BodyRule, Case, Checked, EVERYWHERE, Fix, Node, Problems, Subject, Variant};
use crate::rules::{Doc, Fixed, Level, Outcome, Profile};
use crate::text;

/// Every rule of the body, in the order of the catalogue.
pub static RULES: &[&BodyRule] = &[
    &shape::RULE,
    &name::RULE,
    &description::RULE,
    &os_version::RULE,
    &image_url::RULE,
    &min_disk::RULE,
    &min_disk_ge_virtual_size::RULE,
    &is_config::RULE,
    &is_config_init::RULE,
    &cmk_id::RULE,
    &tags_exclusive::RULE,
    &tags::RULE,
    &image_tags::RULE,
    &r#type::RULE,
    &enterprise_project::RULE,
    &ram::RULE,
    &instance_id::RULE,
    &data_images::RULE,
    &architecture::RULE,
    &firmware::RULE,
    &quick_import::RULE,
    &unknown_field::RULE,
];

/// The field is not in the body, and need not be.
fn absent(name: &str) -> Checked {
    Outcome::not_applicable(text!(
        "The body has no {name}, and need not have it.",
        "请求体中没有{name}，该字段可不填。"
    ))
    .into()
}

/// Names what type a value should have had.
fn wrong_type(problems: &mut Problems<'_, '_>, pointer: &str, value: &Node, wanted: (&str, &str)) {
    let (kind, (en, zh)) = (value.kind(), wanted);
    let name = pointer.trim_start_matches('/');
    problems.broken(
        pointer,
        Some(value),
        text!("{name} is a JSON {kind}, not {en}.", "{name}的JSON类型为{kind}，应为{zh}。"),
    );
}

/// A field that is true or false.
fn boolean<'a>(case: &Case<'a>, name: &str) -> Option<Result<bool, Box<Checked>>> {
    let value = case.field(name)?;
    let Node::Bool(set) = value else {
        let pointer = format!("/{name}");
        let mut problems = Problems::new(case);
        wrong_type(&mut problems, &pointer, value, ("true or false", "true或false"));
        let meant = value.text().and_then(|text| match text.trim().to_ascii_lowercase().as_str() {
            "true" | "yes" => Some(true),
            "false" | "no" => Some(false),
            _ => None,
        });
        if let Some(meant) = meant {
            problems.fix(Fix::Set(pointer, Node::Bool(meant)));
        } else {
            problems.hint(text!(
                "\"{name}\": true or \"{name}\": false",
                "\"{name}\": true或\"{name}\": false"
            ));
        }
        return Some(Err(Box::new(problems.end(text!("", ""), &[]))));
    };
    Some(Ok(*set))
}

/// Checks a field that is one of two words and says the same as the image; `meant` is the word for
/// another spelling.
fn word(
    problems: &mut Problems<'_, '_>,
    pointer: &str,
    value: &Node,
    words: [&'static str; 2],
    of_image: Option<&'static str>,
    meant: impl Fn(&str) -> Option<&'static str>,
) {
    let name = pointer.trim_start_matches('/');
    let Some(text) = value.text() else {
        return wrong_type(problems, pointer, value, ("a string", "字符串"));
    };
    let right = if words.contains(&text) {
        let Some(found) = of_image.filter(|found| *found != text) else { return };
        let message = text!(
            "{name} is {text}, the image is for {found} alone.",
            "{name}为{text}，但镜像只支持{found}。"
        );
        problems.broken(pointer, Some(value), message);
        Some(found)
    } else {
        let [one, other] = words;
        let message = text!(
            "{name} is “{text}”, neither {one} nor {other}.",
            "{name}为“{text}”，应为{one}或{other}。"
        );
        problems.broken(pointer, Some(value), message);
        meant(&text.trim().to_ascii_lowercase())
    };
    if let Some(right) = right {
        problems.fix(Fix::Set(pointer.to_owned(), Node::from(right)));
    }
}

/// Whether a text is a UUID as the platform writes it: 8-4-4-4-12 hexadecimal digits (RFC 9562, §4).
fn is_uuid(text: &str) -> bool {
    let groups: Vec<&str> = text.split('-').collect();
    let lengths: Vec<usize> = groups.iter().map(|group| group.len()).collect();
    lengths == [8, 4, 4, 4, 12]
        && groups.iter().all(|group| group.chars().all(|c| c.is_ascii_hexdigit()))
}

/// Checks a field that is a UUID; `also` is a value that is allowed besides.
fn uuid(problems: &mut Problems<'_, '_>, pointer: &str, value: &Node, also: Option<&str>) {
    let name = pointer.trim_start_matches('/');
    match value.text() {
        None => wrong_type(problems, pointer, value, ("a string", "字符串")),
        Some(text) if also == Some(text) || is_uuid(text) => {}
        Some(text) => {
            problems.broken(
                pointer,
                Some(value),
                text!("{name} is not a UUID.", "{name}不是合法的UUID。"),
            );
            if is_uuid(text.trim()) {
                problems.fix(Fix::Set(pointer.to_owned(), Node::from(text.trim())));
            }
        }
    }
}
