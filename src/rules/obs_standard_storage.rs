//! `obs-standard-storage`

use super::checklist::Checklist;
use super::{Doc, Fixed};

/// Bucket and object are of standard storage.
pub(super) static RULE: Checklist = Checklist {
    id: "obs-standard-storage",
    doc: &DOC,
    message: Fixed::new(
        "Make sure that the OBS bucket and the uploaded file are of the Standard storage class.",
        "请确认OBS桶和上传的镜像文件的存储类别均为标准存储。",
    ),
};

static DOC: Doc = Doc {
    title: Fixed::new(
        "The OBS bucket and the image file are of the Standard storage class",
        "OBS桶和镜像文件的存储类别为标准存储",
    ),
    why: Fixed::new(
        "The image service does not read objects of the Warm or Cold classes.",
        "镜像服务无法读取低频访问或归档存储类别的对象。",
    ),
    decided: Fixed::new(
        "It lies on the platform, not in the image: a checklist line.",
        "该项取决于平台设置而非镜像内容，列为人工确认项。",
    ),
    remedy: Fixed::new(
        "obsutil stat obs://BUCKET/OBJECT shows the class; upload with obsutil cp IMAGE obs://BUCKET/ -sc=standard",
        "用obsutil stat obs://桶名/对象名查看存储类别；上传时使用obsutil cp 镜像文件 obs://桶名/ -sc=standard",
    ),
    source: "制作镜像 (ims_03_0603), Windows list item 15, Linux list item 16, image_url",
    predicts: &[],
    repaired_by_platform: false,
};
