//! `obs-object-encryption`

use super::checklist::Checklist;
use super::{Doc, Fixed};

/// The object can be read by the image service.
pub(super) static RULE: Checklist = Checklist {
    id: "obs-object-encryption",
    doc: &DOC,
    message: Fixed::new(
        "Make sure that the uploaded file is unencrypted or encrypted by SSE-KMS.",
        "请确认上传的镜像文件未加密或仅使用SSE-KMS加密。",
    ),
};

static DOC: Doc = Doc {
    title: Fixed::new(
        "The uploaded file is not encrypted, or by SSE-KMS only",
        "上传的镜像文件未加密或仅使用SSE-KMS加密",
    ),
    why: Fixed::new(
        "The image service can decrypt objects by SSE-KMS, not by keys that the client keeps (SSE-C).",
        "镜像服务可以解密SSE-KMS加密的对象，但无法解密由客户端保管密钥（SSE-C）的对象。",
    ),
    decided: Fixed::new(
        "It lies on the platform, not in the image: a checklist line.",
        "该项取决于平台设置而非镜像内容，列为人工确认项。",
    ),
    remedy: Fixed::new(
        "Upload without encryption or with SSE-KMS.",
        "上传时不加密，或使用SSE-KMS加密。",
    ),
    source: "上传镜像文件（Linux） (OTC 0030713192)",
    predicts: &[],
    repaired_by_platform: false,
};
