//! `req-instance-id`

use super::{BodyRule, Case, Checked, Doc, EVERYWHERE, Fixed, Level, Problems, absent, uuid};
use crate::text;

pub(super) static RULE: BodyRule = BodyRule {
    id: "req-instance-id",
    level: Level::Required,
    profiles: EVERYWHERE,
    doc: Doc {
        title: Fixed::new(
            "instance_id is the UUID of a server, and the only source",
            "instance_id为云服务器的UUID，且是唯一来源",
        ),
        why: Fixed::new(
            "An image is made from a server, from its data disks, or from a file: two sources in one request are refused.",
            "镜像只能来自云服务器、其数据盘或镜像文件之一；一个请求中有两个来源会被拒绝。",
        ),
        decided: Fixed::new(
            "instance_id has the form of a UUID and stands neither beside image_url nor beside data_images that name disks.",
            "instance_id为UUID格式，且不与image_url或指定数据盘的data_images同时出现。",
        ),
        remedy: Fixed::new(
            "Keep the source that is meant, take the others out.",
            "保留所需的来源，去掉其他来源。",
        ),
        source: "制作镜像 (ims_03_0603), instance_id and data_images; error codes IMG.0005, IMG.0012",
        predicts: &["IMG.0005", "IMG.0012"],
        repaired_by_platform: false,
    },
    check,
};

fn check(case: &Case<'_>) -> Checked {
    let pointer = "/instance_id";
    let Some(value) = case.field("instance_id") else { return absent("instance_id") };
    let mut problems = Problems::new(case);
    uuid(&mut problems, pointer, value, None);
    for other in ["image_url", "data_images"] {
        if case.field(other).is_some() {
            problems.broken(
                pointer,
                Some(value),
                text!(
                    "instance_id stands beside {other}: only one source may be named.",
                    "instance_id与{other}同时出现：只能指定一个来源。"
                ),
            );
        }
    }
    problems.end(
        text!("instance_id names the only source.", "instance_id为唯一来源。"),
        &[(pointer, value)],
    )
}
