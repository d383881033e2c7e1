//! `req-enterprise-project`

use super::{BodyRule, Case, Checked, Doc, EVERYWHERE, Fixed, Level, Problems, absent, uuid};
use crate::text;

pub(super) static RULE: BodyRule = BodyRule {
    id: "req-enterprise-project",
    level: Level::Required,
    profiles: EVERYWHERE,
    doc: Doc {
        title: Fixed::new("enterprise_project_id is 0 or a UUID", "enterprise_project_id为0或UUID"),
        why: Fixed::new("Another value is refused.", "其他取值会被拒绝。"),
        decided: Fixed::new(
            "enterprise_project_id is the string 0 (the default project) or has the form of a UUID.",
            "enterprise_project_id为字符串0（default企业项目）或UUID格式。",
        ),
        remedy: Fixed::new(
            "\"enterprise_project_id\": \"0\", or leave it out.",
            "\"enterprise_project_id\": \"0\"，或去掉该字段。",
        ),
        source: "制作镜像 (ims_03_0603), enterprise_project_id; error codes IMG.0155, IMG.0156",
        predicts: &["IMG.0155", "IMG.0156"],
        repaired_by_platform: false,
    },
    check,
};

fn check(case: &Case<'_>) -> Checked {
    let pointer = "/enterprise_project_id";
    let Some(value) = case.field("enterprise_project_id") else {
        return absent("enterprise_project_id");
    };
    let mut problems = Problems::new(case);
    uuid(&mut problems, pointer, value, Some("0"));
    problems.end(
        text!("enterprise_project_id is 0 or a UUID.", "enterprise_project_id为0或UUID。"),
        &[(pointer, value)],
    )
}
