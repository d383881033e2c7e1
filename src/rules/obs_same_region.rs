//! `obs-same-region`

use super::checklist::Checklist;
use super::{Doc, Fixed};

/// The bucket is where the image will be.
pub(super) static RULE: Checklist = Checklist {
    id: "obs-same-region",
    doc: &DOC,
    message: Fixed::new(
        "Make sure that the OBS bucket is in the region where the image is to be made.",
        "请确认OBS桶与待创建的镜像在同一区域。",
    ),
};

static DOC: Doc = Doc {
    title: Fixed::new("The OBS bucket is in the region of the image", "OBS桶与镜像在同一区域"),
    why: Fixed::new(
        "The image service reads only buckets of its own region.",
        "镜像服务只能读取本区域的OBS桶。",
    ),
    decided: Fixed::new(
        "It lies on the platform, not in the image: a checklist line.",
        "该项取决于平台设置而非镜像内容，列为人工确认项。",
    ),
    remedy: Fixed::new(
        "obsutil stat obs://BUCKET shows the region; create a bucket in the image's region and upload there.",
        "用obsutil stat obs://桶名查看所在区域；如不一致，请在镜像所在区域创建桶并上传。",
    ),
    source: "上传镜像文件（Linux） (OTC 0030713192); 错误码, IMG.0058",
    predicts: &["IMG.0058"],
    repaired_by_platform: false,
};
