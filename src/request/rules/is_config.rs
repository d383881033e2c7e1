//! `req-is-config`

use super::{
    BodyRule, Case, Checked, Doc, EVERYWHERE, Fixed, Level, Node, Outcome, Problems, Subject,
    boolean,
};
use crate::guest::facts::Guest;
use crate::rules::Status;
use crate::text;

pub(super) static RULE: BodyRule = BodyRule {
    id: "req-is-config",
    level: Level::Required,
    profiles: EVERYWHERE,
    doc: Doc {
        title: Fixed::new(
            "is_config is true or false and fits the image",
            "is_config为布尔值，且与镜像相符",
        ),
        why: Fixed::new(
            "With is_config the platform adds drivers and rewrites device names in the background, which repairs much, but does not work on every image.",
            "is_config为true时，平台在后台注入驱动并改写设备名，可修复许多问题，但并非对所有镜像都有效。",
        ),
        decided: Fixed::new(
            "is_config is a boolean; true warns where the platform is known not to configure the image (fs-supported-by-autoconfig, Windows with UEFI boot).",
            "is_config为布尔值；已知平台无法自动配置该镜像时（fs-supported-by-autoconfig、UEFI启动的Windows），取true会告警。",
        ),
        remedy: Fixed::new("\"is_config\": true", "\"is_config\": true"),
        source: "制作镜像 (ims_03_0603), is_config; OTC 0032307025; OTC 0113403127",
        predicts: &["IMG.0001"],
        repaired_by_platform: false,
    },
    check,
};

/// Why the platform would not configure the image by itself.
pub(in super::super) fn hindrance(image: Subject<'_>) -> Option<&'static str> {
    let facts = image.facts;
    let windows = matches!(facts.guest.known(), Some(Guest::Windows(_)));
    let uefi_only = facts
        .firmware
        .known()
        .is_some_and(|firmware| firmware.bios.is_empty() && !firmware.uefi.is_empty());
    if windows && uefi_only {
        return Some("win-uefi-no-offline-inject");
    }
    let left_out = image
        .findings
        .iter()
        .any(|found| found.rule == "fs-supported-by-autoconfig" && found.status == Status::Info);
    left_out.then_some("fs-supported-by-autoconfig")
}

fn check(case: &Case<'_>) -> Checked {
    let set = match boolean(case, "is_config") {
        Some(Ok(set)) => set,
        Some(Err(checked)) => return *checked,
        None => false,
    };
    let value = Node::Bool(set);
    let mut problems = Problems::new(case);
    let hindrance = case.image.and_then(hindrance);
    match (set, hindrance) {
        (true, Some(rule)) => problems.doubtful(
            "/is_config",
            Some(&value),
            text!(
                "The platform does not configure this image by itself ({rule}): bring the drivers along.",
                "平台无法自动配置该镜像（{rule}）：请自行在镜像中准备驱动。"
            ),
        ),
        (true, None) => {}
        (false, _) => {
            return Outcome::noted(
                text!(
                    "is_config is false: the platform adds no drivers and repairs nothing.",
                    "is_config为false：平台不注入驱动，也不修复任何问题。"
                ),
                vec![crate::fact::Evidence::new(case.place("/is_config"), "false")],
            )
            .into();
        }
    }
    problems.end(
        text!("The platform configures the image by itself.", "平台将自动配置该镜像。"),
        &[("/is_config", &value)],
    )
}
