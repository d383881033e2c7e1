//! `req-architecture`

use super::{
    BodyRule, Case, Checked, Doc, Fix, Fixed, Level, Node, Outcome, Problems, Profile, word,
};
use crate::guest::facts::{Architecture, Facts, Guest};
use crate::text;

pub(super) static RULE: BodyRule = BodyRule {
    id: "req-architecture",
    level: Level::Required,
    profiles: &[Profile::Huaweicloud, Profile::Otc],
    doc: Doc {
        title: Fixed::new("architecture is that of the image", "architecture与镜像一致"),
        why: Fixed::new(
            "An image that is registered for another processor does not start, and one for Arm always starts by UEFI.",
            "以错误的架构注册的镜像无法启动；Arm镜像总是以UEFI方式启动。",
        ),
        decided: Fixed::new(
            "architecture is x86 (the default) or arm and agrees with the programs in the image.",
            "architecture为x86（默认）或arm，并与镜像中程序的架构一致。",
        ),
        remedy: Fixed::new("\"architecture\": \"x86\"", "\"architecture\": \"x86\""),
        source: "制作镜像 (ims_03_0603, later text), architecture; error code IMG.0212",
        predicts: &["IMG.0212"],
        repaired_by_platform: false,
    },
    check,
};

/// What the platform calls the architecture of the image's programs.
pub(in super::super) fn of_image(facts: &Facts) -> Option<&'static str> {
    let arch = match facts.guest.known()? {
        Guest::Linux(linux) => linux.arch.known()?.0,
        Guest::Windows(windows) => windows.arch.known()?.0,
        Guest::Absent(_) => return None,
    };
    match arch {
        Architecture::X86_64 | Architecture::I386 => Some("x86"),
        Architecture::Aarch64 | Architecture::Arm => Some("arm"),
        _ => None,
    }
}

fn check(case: &Case<'_>) -> Checked {
    let pointer = "/architecture";
    let found = case.image.and_then(|image| of_image(image.facts));
    let mut problems = Problems::new(case);
    let Some(value) = case.field("architecture") else {
        if found == Some("arm") {
            problems.broken(
                pointer,
                None,
                text!(
                    "The image's programs are for Arm; without architecture it is registered for x86.",
                    "镜像为Arm架构；不填写architecture时会按x86注册。"
                ),
            );
            problems.fix(Fix::Set(pointer.to_owned(), Node::from("arm")));
            return problems.end(text!("", ""), &[]);
        }
        return Outcome::not_applicable(text!(
            "The body has no architecture: x86 is the default.",
            "请求体中没有architecture：默认为x86。"
        ))
        .into();
    };
    word(&mut problems, pointer, value, ["x86", "arm"], found, |text| match text {
        "x86" | "x86_64" | "amd64" | "i386" => Some("x86"),
        "arm" | "arm64" | "aarch64" => Some("arm"),
        _ => None,
    });
    problems.end(text!("architecture is permitted.", "architecture符合要求。"), &[(pointer, value)])
}
