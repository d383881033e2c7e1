//! `req-min-disk`

use super::limits::min_disk_range;
use super::{
    BodyRule, Case, Checked, Doc, EVERYWHERE, Fix, Fixed, Level, Node, Outcome, Problems, Variant,
    wrong_type,
};
use crate::text;

pub(super) static RULE: BodyRule = BodyRule {
    id: "req-min-disk",
    level: Level::Required,
    profiles: EVERYWHERE,
    doc: Doc {
        title: Fixed::new("min_disk is a size that a disk may have", "min_disk在允许的范围内"),
        why: Fixed::new(
            "The platform needs the size of the system disk and refuses what no system disk may have.",
            "平台要求指定系统盘大小，超出范围的取值会被拒绝。",
        ),
        decided: Fixed::new(
            "min_disk is a whole number of GB from 40 to 1024 (Open Telekom Cloud and fast import: from 1).",
            "min_disk为40～1024之间的整数，单位GB（Open Telekom Cloud和快速导入从1开始）。",
        ),
        remedy: Fixed::new("\"min_disk\": 40", "\"min_disk\": 40"),
        source: "制作镜像 (ims_03_0603), min_disk; 镜像文件快速导入; error codes IMG.0055, IMG.0111",
        predicts: &["IMG.0055", "IMG.0111"],
        repaired_by_platform: false,
    },
    check,
};

/// Checks one `min_disk`.
pub(super) fn of(
    problems: &mut Problems<'_, '_>,
    pointer: &str,
    value: &Node,
    (least, most): (u64, u64),
) {
    let meant = match value {
        Node::Number(number) => number.as_u64().or_else(|| {
            // 40.0 is what some writers make of 40.
            let text = number.to_string();
            text.strip_suffix(".0").and_then(|text| text.parse().ok())
        }),
        Node::String(text) => text.trim().trim_end_matches(['G', 'B', 'g', 'b', ' ']).parse().ok(),
        _ => None,
    };
    match value.whole() {
        None => wrong_type(problems, pointer, value, ("a whole number of GB", "以GB为单位的整数")),
        Some(size) if !(least..=most).contains(&size) => problems.broken(
            pointer,
            Some(value),
            text!(
                "min_disk is {size}, not between {least} and {most}.",
                "min_disk为{size}，不在{least}～{most}之间。"
            ),
        ),
        Some(_) => return,
    }
    if let Some(meant) = meant.filter(|meant| *meant <= most) {
        problems.fix(Fix::Set(pointer.to_owned(), Node::from(meant.max(least))));
    } else {
        hint(problems, (least, most));
    }
}

/// What a `min_disk` is, where none is certain.
fn hint(problems: &mut Problems<'_, '_>, (least, most): (u64, u64)) {
    problems.hint(text!(
        "\"min_disk\": the size of the image's disk in GB, rounded up, from {least} to {most}",
        "\"min_disk\"：镜像的虚拟大小（GB，向上取整），{least}～{most}"
    ));
}

fn check(case: &Case<'_>) -> Checked {
    let pointer = "/min_disk";
    let mut problems = Problems::new(case);
    let Some(value) = case.field("min_disk") else {
        if case.variant != Variant::File {
            return Outcome::not_applicable(text!(
                "The size of a server's disk is known to the platform.",
                "平台已知云服务器磁盘的大小。"
            ))
            .into();
        }
        let message = text!("The body has no min_disk.", "请求体中没有min_disk。");
        problems.broken(pointer, None, message);
        if let Some(size) = super::min_disk_ge_virtual_size::least(case) {
            problems.fix(Fix::Set(pointer.to_owned(), Node::from(size)));
        } else {
            hint(&mut problems, min_disk_range(case.profile(), false));
        }
        return problems.end(text!("", ""), &[]);
    };
    let quick = case.field("is_quick_import") == Some(&Node::Bool(true));
    of(&mut problems, pointer, value, min_disk_range(case.profile(), quick));
    problems.end(
        text!("min_disk is a size that a system disk may have.", "min_disk在允许的范围内。"),
        &[(pointer, value)],
    )
}
