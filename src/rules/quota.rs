//! `quota`

use super::checklist::Checklist;
use super::{Doc, Fixed};

/// There is room for one more image.
pub(super) static RULE: Checklist = Checklist {
    id: "quota",
    doc: &DOC,
    message: Fixed::new(
        "Make sure that the region's quota of private images has room for one more.",
        "请确认该区域的私有镜像配额充足。",
    ),
};

static DOC: Doc = Doc {
    title: Fixed::new("The quota of private images is not used up", "私有镜像配额未用完"),
    why: Fixed::new(
        "A region has a limit of private images (50 or 100, by account) and of images that are made at the same time (40).",
        "每个区域的私有镜像数量有上限（50或100，视账号而定），同时创建的镜像数量上限为40。",
    ),
    decided: Fixed::new(
        "It lies on the platform, not in the image: a checklist line.",
        "该项取决于平台设置而非镜像内容，列为人工确认项。",
    ),
    remedy: Fixed::new(
        "Look at the quota on the console (My Quotas); delete images that are not needed or apply for more.",
        "在管理控制台的“我的配额”中查看；删除不需要的镜像或申请扩大配额。",
    ),
    source: "Constraints (OTC 0192505040); 错误码, IMG.0015, IMG.0060",
    predicts: &["IMG.0015", "IMG.0060"],
    repaired_by_platform: false,
};
