//! `obs-access`

use super::checklist::Checklist;
use super::{Doc, Fixed};

/// The one who registers may read the bucket.
pub(super) static RULE: Checklist = Checklist {
    id: "obs-access",
    doc: &DOC,
    message: Fixed::new(
        "Make sure that the user who registers the image has Tenant Administrator rights for OBS.",
        "请确认注册镜像的用户具有OBS的Tenant Administrator权限。",
    ),
};

static DOC: Doc = Doc {
    title: Fixed::new(
        "The user who registers the image may read the OBS bucket",
        "注册镜像的用户具有OBS桶的访问权限",
    ),
    why: Fixed::new(
        "The image service reads the file with the caller's rights; without them it says that the file does not exist or the bucket cannot be accessed.",
        "镜像服务以调用者的权限读取文件；权限不足时会提示文件不存在或桶无法访问。",
    ),
    decided: Fixed::new(
        "It lies on the platform, not in the image: a checklist line.",
        "该项取决于平台设置而非镜像内容，列为人工确认项。",
    ),
    remedy: Fixed::new(
        "Give the user IMS Administrator and OBS Tenant Administrator (Tenant Administrator) rights in the region.",
        "请为用户授予该区域的IMS Administrator和OBS Tenant Administrator（Tenant Administrator）权限。",
    ),
    source: "注册镜像; 错误码, IMG.0057, IMG.0069",
    predicts: &["IMG.0057", "IMG.0069"],
    repaired_by_platform: false,
};
