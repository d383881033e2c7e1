//! `req-unknown-field`

use std::collections::BTreeSet;

use super::super::body;
use super::{BodyRule, Case, Checked, Doc, EVERYWHERE, Fix, Fixed, Level, Node, Problems, Profile};
use crate::text;

pub(super) static RULE: BodyRule = BodyRule {
    id: "req-unknown-field",
    level: Level::Recommended,
    profiles: EVERYWHERE,
    doc: Doc {
        title: Fixed::new("Each field is one that the documents know", "每个字段都是文档中的字段"),
        why: Fixed::new(
            "A field that is misspelled is passed over or refused; either way what was meant does not happen.",
            "拼写错误的字段会被忽略或拒绝，无论哪种情况都达不到预期效果。",
        ),
        decided: Fixed::new(
            "The names at the top of the body are compared with those of the document that the profile stands for.",
            "将请求体顶层的字段名与规则集所依据文档中的字段名比较。",
        ),
        remedy: Fixed::new(
            "Spell it as the document does, or take it out.",
            "请按文档拼写，或去掉该字段。",
        ),
        source: "制作镜像 (ims_03_0603), request parameters; that others are not taken is engineering knowledge",
        predicts: &["IMG.0001"],
        repaired_by_platform: false,
    },
    check,
};

/// Fields of the document of 2018-12; `is_config_init` stands in its samples only.
const FIELDS: &[&str] = &[
    "name",
    "description",
    "instance_id",
    "data_images",
    "tags",
    "image_tags",
    "enterprise_project_id",
    "max_ram",
    "min_ram",
    "os_version",
    "image_url",
    "min_disk",
    "is_config",
    "is_config_init",
    "cmk_id",
    "type",
];

/// Fields that later documents add, and whose.
const LATER: &[(&str, &[Profile])] = &[
    ("architecture", &[Profile::Huaweicloud, Profile::Otc]),
    ("is_quick_import", &[Profile::Huaweicloud, Profile::Otc]),
    ("hw_firmware_type", &[Profile::Otc]),
];

fn is_known(name: &str, profile: Profile) -> bool {
    FIELDS.contains(&name)
        || LATER.iter().any(|(known, whose)| *known == name && whose.contains(&profile))
}

/// A name without what is easily spelled wrong: case, `-` and `_`.
fn plain(text: &str) -> String {
    text.to_ascii_lowercase().replace(['_', '-'], "")
}

/// The field that a misspelled name is nearest to: the same but for case, `-` and `_`, or one letter.
fn nearest(name: &str) -> Option<&'static str> {
    let wanted = plain(name);
    let known = || FIELDS.iter().copied().chain(LATER.iter().map(|(name, _)| *name));
    known().find(|known| plain(known) == wanted).or_else(|| {
        known().find(|known| {
            let known = plain(known);
            let same = known.chars().zip(wanted.chars()).filter(|(a, b)| a == b).count();
            known.len().abs_diff(wanted.len()) <= 1 && same.saturating_add(1) >= known.len()
        })
    })
}

fn check(case: &Case<'_>) -> Checked {
    let mut problems = Problems::new(case);
    let Node::Object(members) = case.body else { return problems.end(text!("", ""), &[]) };
    let mut renamed = BTreeSet::new();
    for (name, value) in members {
        if is_known(name, case.profile()) {
            continue;
        }
        let pointer = format!("/{}", body::escaped(name));
        let message = match nearest(name) {
            Some(near) if near != name => text!(
                "“{name}” is no field of the request; is {near} meant?",
                "请求中没有字段“{name}”，是否应为{near}？"
            ),
            _ => text!(
                "“{name}” is no field of the request in this profile.",
                "本规则集的请求中没有字段“{name}”。"
            ),
        };
        problems.broken(&pointer, Some(value), message);
        // Another case, or `-` for `_`: the meaning is certain. A wrong letter is not.
        let certain = nearest(name).filter(|near| {
            plain(near) == plain(name)
                && is_known(near, case.profile())
                && case.field(near).is_none()
        });
        if let Some(near) = certain.filter(|near| renamed.insert(*near)) {
            problems.fix(Fix::Rename(pointer, near));
        }
    }
    let count = members.len();
    problems.end(text!("All {count} fields are known.", "{count}个字段均为已知字段。"), &[])
}
