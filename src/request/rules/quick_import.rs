//! `req-quick-import`

use super::limits::GIB;
use super::{BodyRule, Case, Checked, Doc, Fixed, Level, Node, Problems, Profile, absent, boolean};
use crate::image::facts::Format;
use crate::text;

/// Biggest file of a fast import, in bytes (镜像文件快速导入: 1 TB).
const MAX_FILE: u64 = 1024 * GIB;

pub(super) static RULE: BodyRule = BodyRule {
    id: "req-quick-import",
    level: Level::Required,
    profiles: &[Profile::Huaweicloud, Profile::Otc],
    doc: Doc {
        title: Fixed::new(
            "A fast import has a format that allows it",
            "快速导入的镜像格式符合要求",
        ),
        why: Fixed::new(
            "Fast import copies the file as it is: it takes raw files with their bitmap (.mf) and ZVHD2, and configures nothing.",
            "快速导入直接复制文件：只支持带位图文件（.mf）的raw和ZVHD2格式，且不做任何配置。",
        ),
        decided: Fixed::new(
            "is_quick_import is a boolean. With true the image is raw or ZVHD2 and at most 1 TB; that the bitmap lies beside it in the bucket cannot be seen here. With is_config as well it warns.",
            "is_quick_import为布尔值；取true时，镜像为raw或ZVHD2格式且不超过1TB；位图文件是否已上传到桶中无法在此判断。同时设置is_config时告警。",
        ),
        remedy: Fixed::new(
            "Convert with qemu-img convert -O raw IMAGE IMAGE.raw and make the .mf file with the platform's CreateMF tool, or leave is_quick_import out.",
            "请执行qemu-img convert -O raw 镜像文件 镜像文件.raw转换格式，并使用平台的CreateMF工具生成.mf位图文件；或去掉is_quick_import。",
        ),
        source: "镜像文件快速导入; OTC 0133773658; error codes IMG.0158, IMG.0159",
        predicts: &["IMG.0158", "IMG.0159"],
        repaired_by_platform: false,
    },
    check,
};

fn check(case: &Case<'_>) -> Checked {
    let pointer = "/is_quick_import";
    let set = match boolean(case, "is_quick_import") {
        None => return absent("is_quick_import"),
        Some(Ok(set)) => set,
        Some(Err(checked)) => return *checked,
    };
    let value = Node::Bool(set);
    let mut problems = Problems::new(case);
    if let (true, Some(image)) = (set, case.image) {
        let image = &image.facts.image;
        if !matches!(image.format, Format::Raw | Format::Zvhd2) {
            let format = image.format.name();
            problems.broken(
                pointer,
                Some(&value),
                text!(
                    "A {format} file cannot be imported fast.",
                    "{format}格式的文件不支持快速导入。"
                ),
            );
        }
        if image.file_size > MAX_FILE {
            problems.broken(
                pointer,
                Some(&value),
                text!("The file has more than 1 TB.", "文件超过1TB。"),
            );
        }
    }
    if set && case.field("is_config") == Some(&Node::Bool(true)) {
        problems.doubtful(
            "/is_config",
            case.field("is_config"),
            text!(
                "A fast import configures nothing: is_config has no effect.",
                "快速导入不做任何配置：is_config不生效。"
            ),
        );
    }
    problems.end(
        text!("is_quick_import is permitted.", "is_quick_import符合要求。"),
        &[(pointer, &value)],
    )
}
