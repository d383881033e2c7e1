//! `req-is-config-init`

use super::{
    BodyRule, Case, Checked, Doc, EVERYWHERE, Fixed, Level, Node, Problems, absent, boolean,
};
use crate::text;

pub(super) static RULE: BodyRule = BodyRule {
    id: "req-is-config-init",
    level: Level::Required,
    profiles: EVERYWHERE,
    doc: Doc {
        title: Fixed::new(
            "is_config_init is true only for an image that is ready",
            "仅在镜像已完成初始化配置时，is_config_init取true",
        ),
        why: Fixed::new(
            "It declares that the image's initial configuration is done. Of an image that breaks required rules that is not true.",
            "该字段声明镜像已完成初始化配置；如果镜像不满足必须的规则，则与事实不符。",
        ),
        decided: Fixed::new(
            "is_config_init is a boolean; true warns when a required rule of the image is broken.",
            "is_config_init为布尔值；镜像不满足必须的规则时，取true会告警。",
        ),
        remedy: Fixed::new(
            "Repair the image first, or leave the field out: its default is false.",
            "请先修复镜像，或去掉该字段（默认为false）。",
        ),
        source: "制作镜像 (ims_03_0603), samples; 镜像属性, __is_config_init",
        predicts: &["IMG.0001"],
        repaired_by_platform: false,
    },
    check,
};

fn check(case: &Case<'_>) -> Checked {
    let set = match boolean(case, "is_config_init") {
        None => return absent("is_config_init"),
        Some(Ok(set)) => set,
        Some(Err(checked)) => return *checked,
    };
    let value = Node::Bool(set);
    let mut problems = Problems::new(case);
    let broken = case.broken_rules();
    if let (true, Some(first)) = (set, broken.first()) {
        problems.doubtful(
            "/is_config_init",
            Some(&value),
            text!(
                "is_config_init is true, but the image breaks {first}.",
                "is_config_init为true，但镜像不满足{first}。"
            ),
        );
    }
    problems.end(
        text!("is_config_init is a boolean.", "is_config_init为布尔值。"),
        &[("/is_config_init", &value)],
    )
}
