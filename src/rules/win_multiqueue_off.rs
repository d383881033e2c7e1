//! `win-multiqueue-off`

use super::win_note::WindowsNote;
use super::{Doc, Fixed, Profile};

/// Multi-queue makes Windows start slowly.
pub(super) static RULE: WindowsNote = WindowsNote {
    id: "win-multiqueue-off",
    profiles: &Profile::ALL,
    doc: &DOC,
    message: Fixed::new(
        "Leave multi-queue network cards off for this image: hw_vif_multiqueue_enabled.",
        "请勿为该镜像启用网卡多队列（hw_vif_multiqueue_enabled）。",
    ),
};

static DOC: Doc = Doc {
    title: Fixed::new(
        "Multi-queue network cards are left off for Windows",
        "Windows镜像不启用网卡多队列",
    ),
    why: Fixed::new(
        "With multi-queue network cards Windows starts slowly.",
        "启用网卡多队列后，Windows启动缓慢。",
    ),
    decided: Fixed::new(
        "Said of every Windows guest: the attribute stands in the request, not in the image.",
        "对所有Windows镜像提示：该属性在请求中设置，与镜像内容无关。",
    ),
    remedy: Fixed::new(
        "Leave hw_vif_multiqueue_enabled unset for the image.",
        "请勿为该镜像设置hw_vif_multiqueue_enabled。",
    ),
    source: "OTC 0085214115",
    predicts: &[],
    repaired_by_platform: false,
};
