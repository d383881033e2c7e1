//! `win-discontinued`

use super::win_note::WindowsNote;
use super::{Doc, Fixed, Profile};

/// The platform may take no more Windows images.
pub(super) static RULE: WindowsNote = WindowsNote {
    id: "win-discontinued",
    profiles: &[Profile::Huaweicloud],
    doc: &DOC,
    message: Fixed::new(
        "By newer pages of the platform (2025–2026) Windows images are no longer made; ask before the upload.",
        "平台较新的文档（2025至2026年）说明不再支持制作Windows镜像，上传前请先确认。",
    ),
};

static DOC: Doc = Doc {
    title: Fixed::new(
        "The platform may no longer take Windows images",
        "平台可能不再支持制作Windows镜像",
    ),
    why: Fixed::new(
        "By its international API pages of 2025 and 2026 the platform has stopped to offer Windows images, and the interface makes no more of them.",
        "国际站2025至2026年的API文档说明，平台已停止提供Windows镜像，相关接口不再支持制作Windows镜像。",
    ),
    decided: Fixed::new(
        "Said of every Windows guest under this profile.",
        "在该规则集下对所有Windows镜像提示。",
    ),
    remedy: Fixed::new(
        "Ask the platform for the account and region before the upload.",
        "上传前请向平台确认当前账号和区域是否支持。",
    ),
    source: "Creating an Image (New) (ims_03_0603_1), 2025–2026",
    predicts: &[],
    repaired_by_platform: false,
};
