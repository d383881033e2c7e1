//! `req-cmk-id`

use super::{
    BodyRule, Case, Checked, Doc, EVERYWHERE, Fix, Fixed, Level, Node, Problems, absent, uuid,
};
use crate::text;

pub(super) static RULE: BodyRule = BodyRule {
    id: "req-cmk-id",
    level: Level::Required,
    profiles: EVERYWHERE,
    doc: Doc {
        title: Fixed::new(
            "cmk_id is the UUID of a key, and not set for bare metal",
            "cmk_id为密钥的UUID，且不用于裸金属镜像",
        ),
        why: Fixed::new(
            "An encrypted image needs a key that exists, and images of bare metal servers cannot be encrypted.",
            "加密镜像需要存在的密钥；裸金属服务器的镜像不能加密。",
        ),
        decided: Fixed::new(
            "cmk_id has the form of a UUID; type is neither BMS nor Ironic. Whether the key exists and is enabled only the platform knows.",
            "cmk_id为UUID格式，且type不为BMS或Ironic。密钥是否存在、是否启用只有平台知道。",
        ),
        remedy: Fixed::new(
            "Copy the key's id from the key management service, or leave cmk_id out.",
            "请从密钥管理服务复制密钥ID，或去掉cmk_id。",
        ),
        source: "制作镜像 (ims_03_0603), cmk_id; error codes IMG.0095, IMG.0097, IMG.0099, IMG.0118",
        predicts: &["IMG.0095", "IMG.0097", "IMG.0099", "IMG.0118"],
        repaired_by_platform: false,
    },
    check,
};

fn check(case: &Case<'_>) -> Checked {
    let Some(value) = case.field("cmk_id") else { return absent("cmk_id") };
    let mut problems = Problems::new(case);
    uuid(&mut problems, "/cmk_id", value, None);
    let kind = case.field("type").and_then(Node::text).unwrap_or("ECS");
    if matches!(kind, "BMS" | "Ironic") {
        problems.broken(
            "/cmk_id",
            Some(value),
            text!("An image of type {kind} cannot be encrypted.", "类型为{kind}的镜像不能加密。"),
        );
        problems.fix(Fix::Remove("/cmk_id".to_owned()));
    }
    problems.end(text!("cmk_id is a UUID.", "cmk_id为UUID。"), &[("/cmk_id", value)])
}
