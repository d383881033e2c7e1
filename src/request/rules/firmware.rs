//! `req-firmware`

use super::{
    BodyRule, Case, Checked, Doc, Fix, Fixed, Level, Node, Problems, Profile, absent, word,
};
use crate::guest::facts::Facts;
use crate::text;

pub(super) static RULE: BodyRule = BodyRule {
    id: "req-firmware",
    level: Level::Required,
    profiles: &[Profile::Otc],
    doc: Doc {
        title: Fixed::new(
            "hw_firmware_type is how the image boots",
            "hw_firmware_type与镜像启动方式一致",
        ),
        why: Fixed::new(
            "A server that starts by the wrong firmware finds nothing to boot.",
            "固件类型错误时，云服务器找不到可启动的系统。",
        ),
        decided: Fixed::new(
            "hw_firmware_type is bios (the default) or uefi, and the image can be booted that way.",
            "hw_firmware_type为bios（默认）或uefi，且镜像支持该启动方式。",
        ),
        remedy: Fixed::new("\"hw_firmware_type\": \"uefi\"", "\"hw_firmware_type\": \"uefi\""),
        source: "OTC API, creating an image, hw_firmware_type; OTC 0161870891; error code IMG.0141",
        predicts: &["IMG.0141"],
        repaired_by_platform: false,
    },
    check,
};

/// The only firmware that can boot the image, when there is just one.
pub(in super::super) fn only(facts: &Facts) -> Option<&'static str> {
    let firmware = facts.firmware.known()?;
    match (firmware.bios.is_empty(), firmware.uefi.is_empty()) {
        (true, false) => Some("uefi"),
        (false, true) => Some("bios"),
        _ => None,
    }
}

fn check(case: &Case<'_>) -> Checked {
    let pointer = "/hw_firmware_type";
    let found = case.image.and_then(|image| only(image.facts));
    let mut problems = Problems::new(case);
    let Some(value) = case.field("hw_firmware_type") else {
        if found == Some("uefi") {
            problems.broken(
                pointer,
                None,
                text!(
                    "The image boots by UEFI alone; without hw_firmware_type it is registered for BIOS.",
                    "镜像只支持UEFI启动；不填写hw_firmware_type时会按BIOS注册。"
                ),
            );
            problems.fix(Fix::Set(pointer.to_owned(), Node::from("uefi")));
            return problems.end(text!("", ""), &[]);
        }
        return absent("hw_firmware_type");
    };
    word(&mut problems, pointer, value, ["bios", "uefi"], found, |text| match text {
        "bios" | "legacy" => Some("bios"),
        "uefi" | "efi" => Some("uefi"),
        _ => None,
    });
    problems.end(
        text!("hw_firmware_type is permitted.", "hw_firmware_type符合要求。"),
        &[(pointer, value)],
    )
}
