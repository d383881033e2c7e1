//! `req-type`

use super::{
    BodyRule, Case, Checked, Doc, EVERYWHERE, Fix, Fixed, Level, Node, Problems, Profile, absent,
    wrong_type,
};
use crate::text;

pub(super) static RULE: BodyRule = BodyRule {
    id: "req-type",
    level: Level::Required,
    profiles: EVERYWHERE,
    doc: Doc {
        title: Fixed::new("type is one that the platform knows", "type为平台支持的类型"),
        why: Fixed::new("Another type is refused.", "其他类型会被拒绝。"),
        decided: Fixed::new(
            "type is ECS, FusionCompute, BMS or Ironic; later documents also have IsoImage, and DataImage for the fast import.",
            "type为ECS、FusionCompute、BMS或Ironic；后来的文档还有IsoImage，快速导入还有DataImage。",
        ),
        remedy: Fixed::new(
            "\"type\": \"ECS\", or leave it out: that is the default.",
            "\"type\": \"ECS\"，或去掉该字段（默认为ECS）。",
        ),
        source: "制作镜像 (ims_03_0603), type; error codes IMG.0024, IMG.0117, IMG.0157",
        predicts: &["IMG.0024", "IMG.0117", "IMG.0157"],
        repaired_by_platform: false,
    },
    check,
};

const TYPES: &[&str] = &["ECS", "BMS", "FusionCompute", "Ironic"];
const LATER_TYPES: &[&str] = &["IsoImage", "DataImage"];

fn check(case: &Case<'_>) -> Checked {
    let pointer = "/type";
    let Some(value) = case.field("type") else { return absent("type") };
    let mut problems = Problems::new(case);
    let Some(text) = value.text() else {
        wrong_type(&mut problems, pointer, value, ("a string", "字符串"));
        return problems.end(text!("", ""), &[]);
    };
    let later = case.profile() != Profile::ImsClassic && LATER_TYPES.contains(&text);
    if !TYPES.contains(&text) && !later {
        problems.broken(
            pointer,
            Some(value),
            text!("“{text}” is no type of the platform's.", "平台不支持类型“{text}”。"),
        );
        let meant = TYPES.iter().find(|known| known.eq_ignore_ascii_case(text.trim()));
        if let Some(meant) = meant {
            problems.fix(Fix::Set(pointer.to_owned(), Node::from(*meant)));
        }
    }
    problems.end(text!("The type is {text}.", "类型为{text}。"), &[(pointer, value)])
}
