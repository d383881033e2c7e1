//! `min-disk-ge-virtual-size`

use super::limits::{GIB, min_disk_range};
use super::{BodyRule, Case, Checked, Doc, EVERYWHERE, Fix, Fixed, Level, Node, Outcome, Problems};
use crate::fact::Unread;
use crate::text;

pub(super) static RULE: BodyRule = BodyRule {
    id: "min-disk-ge-virtual-size",
    level: Level::Required,
    profiles: EVERYWHERE,
    doc: Doc {
        title: Fixed::new(
            "min_disk holds the whole disk of the image",
            "min_disk不小于镜像的虚拟大小",
        ),
        why: Fixed::new(
            "A disk that is bigger than min_disk, even by a fraction of a GB, fails to register after the whole upload.",
            "镜像虚拟大小哪怕只比min_disk大一点，也会在上传完成后注册失败。",
        ),
        decided: Fixed::new(
            "min_disk is at least the image's virtual size in GB of 2^30 bytes, rounded up. For a fast import the documents want it to be larger.",
            "min_disk不小于镜像虚拟大小（1GB=2^30字节，向上取整）。快速导入要求大于虚拟大小。",
        ),
        remedy: Fixed::new(
            "Set min_disk to the virtual size rounded up; image-preflight inspect IMAGE shows it.",
            "请将min_disk设置为虚拟大小向上取整后的值；可执行image-preflight inspect 镜像文件查看。",
        ),
        source: "注册镜像（Linux） (OTC 0030713193); OTC 0030713213; 0058841396 (GB of 2^30 bytes); 镜像文件快速导入",
        predicts: &["IMG.0111"],
        repaired_by_platform: false,
    },
    check,
};

/// The smallest `min_disk` that holds the image, in GB.
pub(in super::super) fn least(case: &Case<'_>) -> Option<u64> {
    let size = case.image?.facts.image.virtual_size?;
    let (least, most) = min_disk_range(case.profile(), false);
    Some(size.div_ceil(GIB).max(least)).filter(|size| *size <= most)
}

fn check(case: &Case<'_>) -> Checked {
    let pointer = "/min_disk";
    let Some(image) = case.image else {
        return Outcome::not_applicable(text!(
            "No image was given to compare min_disk with.",
            "未指定镜像文件，无法与min_disk比较。"
        ))
        .into();
    };
    let Some((value, min_disk)) =
        case.field("min_disk").and_then(|value| Some((value, value.whole()?)))
    else {
        return Outcome::not_applicable(text!(
            "There is no min_disk to compare (see req-min-disk).",
            "没有可比较的min_disk（参见req-min-disk）。"
        ))
        .into();
    };
    let Some(size) = image.facts.image.virtual_size else {
        let path = image.facts.image.path.clone();
        let name = image.facts.image.format.name();
        return Outcome::unverified(
            text!(
                "Not decided: the disk size of this file ({name}) is not known.",
                "无法判定：无法得知该文件（{name}）的虚拟大小。"
            ),
            &Unread::new(path, "no virtual size"),
        )
        .into();
    };
    let needed = size.div_ceil(GIB);
    let mut problems = Problems::new(case);
    if min_disk < needed {
        problems.broken(
            pointer,
            Some(value),
            text!(
                "min_disk is {min_disk}, the disk in the image has {size} bytes: it needs {needed}.",
                "min_disk为{min_disk}，镜像虚拟大小为{size}字节，至少需要{needed}。"
            ),
        );
        if let Some(least) = least(case) {
            problems.fix(Fix::Set(pointer.to_owned(), Node::from(least)));
        }
    } else if case.field("is_quick_import") == Some(&Node::Bool(true))
        && min_disk.checked_mul(GIB) == Some(size)
    {
        problems.doubtful(
            pointer,
            Some(value),
            text!(
                "min_disk is just the size of the disk; the documents of the fast import want it larger.",
                "min_disk恰好等于虚拟大小；快速导入的文档要求大于虚拟大小。"
            ),
        );
    }
    let holds = text!(
        "min_disk is {min_disk}; the image's {size} bytes need {needed}.",
        "min_disk为{min_disk}，镜像虚拟大小{size}字节至少需要{needed}。"
    );
    problems.end(holds, &[(pointer, value)])
}
