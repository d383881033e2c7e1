//! `req-ram`

use super::{
    BodyRule, Case, Checked, Doc, EVERYWHERE, Fixed, Level, Node, Problems, absent, wrong_type,
};
use crate::text;

pub(super) static RULE: BodyRule = BodyRule {
    id: "req-ram",
    level: Level::Required,
    profiles: EVERYWHERE,
    doc: Doc {
        title: Fixed::new(
            "min_ram and max_ram are whole numbers of MB, in that order",
            "min_ram和max_ram为整数（单位MB），且min_ram不大于max_ram",
        ),
        why: Fixed::new(
            "Other values are refused; a minimum above the maximum fits no server.",
            "其他取值会被拒绝；最小内存大于最大内存时没有规格可用。",
        ),
        decided: Fixed::new(
            "min_ram and max_ram are whole numbers of at least 0; where both are set, and max_ram is not 0, min_ram is not above max_ram.",
            "min_ram和max_ram为不小于0的整数；两者都设置且max_ram不为0时，min_ram不大于max_ram。",
        ),
        remedy: Fixed::new("\"min_ram\": 1024", "\"min_ram\": 1024"),
        source: "制作镜像 (ims_03_0603), min_ram and max_ram; error code IMG.0055",
        predicts: &["IMG.0055"],
        repaired_by_platform: false,
    },
    check,
};

fn check(case: &Case<'_>) -> Checked {
    let mut problems = Problems::new(case);
    let mut seen = Vec::new();
    for (name, pointer) in [("min_ram", "/min_ram"), ("max_ram", "/max_ram")] {
        let Some(value) = case.field(name) else { continue };
        seen.push((pointer, value));
        if value.whole().is_none() {
            let wanted = ("a whole number of MB", "以MB为单位的整数");
            wrong_type(&mut problems, pointer, value, wanted);
        }
    }
    if seen.is_empty() {
        return absent("min_ram, max_ram");
    }
    let size = |name| case.field(name).and_then(Node::whole);
    if let (Some(min), Some(max)) = (size("min_ram"), size("max_ram"))
        && max != 0
        && min > max
    {
        problems.broken(
            "/min_ram",
            case.field("min_ram"),
            text!(
                "min_ram is {min}, above max_ram, which is {max}.",
                "min_ram为{min}，大于max_ram（{max}）。"
            ),
        );
    }
    problems.end(text!("The sizes of memory are whole numbers.", "内存大小为整数。"), &seen)
}
