//! `req-tags-exclusive`

use super::{BodyRule, Case, Checked, Doc, EVERYWHERE, Fix, Fixed, Level, Problems, absent};
use crate::text;

pub(super) static RULE: BodyRule = BodyRule {
    id: "req-tags-exclusive",
    level: Level::Required,
    profiles: EVERYWHERE,
    doc: Doc {
        title: Fixed::new("Only one of tags and image_tags is used", "tags和image_tags只使用一个"),
        why: Fixed::new(
            "Both say the same in an old and in a new form; together they are refused.",
            "两者是同一内容的新旧两种写法，同时使用会被拒绝。",
        ),
        decided: Fixed::new(
            "The body, and each data image in it, has tags or image_tags or neither.",
            "请求体及其中每个数据盘镜像只能有tags或image_tags，或两者都没有。",
        ),
        remedy: Fixed::new("Keep image_tags, take tags out.", "保留image_tags，去掉tags。"),
        source: "制作镜像 (ims_03_0603), tags and image_tags; error code IMG.0115",
        predicts: &["IMG.0115"],
        repaired_by_platform: false,
    },
    check,
};

fn check(case: &Case<'_>) -> Checked {
    match (case.field("tags"), case.field("image_tags")) {
        (Some(tags), Some(_)) => {
            let mut problems = Problems::new(case);
            problems.broken(
                "/tags",
                Some(tags),
                text!("The body has both tags and image_tags.", "请求体同时包含tags和image_tags。"),
            );
            problems.fix(Fix::Remove("/tags".to_owned()));
            problems.end(text!("", ""), &[])
        }
        (Some(tags), None) => Problems::new(case)
            .end(text!("Only tags is used.", "只使用了tags。"), &[("/tags", tags)]),
        (None, Some(tags)) => Problems::new(case).end(
            text!("Only image_tags is used.", "只使用了image_tags。"),
            &[("/image_tags", tags)],
        ),
        (None, None) => absent("tags, image_tags"),
    }
}
