//! `obs-access`

use super::{Context, Doc, Fixed, Level, Outcome, Profile, Rule};
use crate::guest::facts::Facts;
use crate::text;

/// The one who registers may read the bucket.
pub(super) struct ObsAccess;

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

impl Rule for ObsAccess {
    fn id(&self) -> &'static str {
        "obs-access"
    }

    fn level(&self, _: Profile) -> Option<Level> {
        Some(Level::Manual)
    }

    fn doc(&self) -> &'static Doc {
        &DOC
    }

    fn check(&self, _: &Facts, _: &Context) -> Outcome {
        checklist()
    }
}

fn checklist() -> Outcome {
    Outcome::manual(text!(
        "Make sure that the user who registers the image has Tenant Administrator rights for OBS.",
        "请确认注册镜像的用户具有OBS的Tenant Administrator权限。"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::Status;
    use crate::rules::testing::*;

    #[test]
    fn it_is_a_checklist_line_whatever_the_image() {
        for facts in [good_linux(), windows(), no_guest(), unread()] {
            let finding = expect(&ObsAccess, &facts, Status::Manual, "");
            assert!(finding.remedy.is_some());
        }
    }
}
