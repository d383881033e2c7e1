//! `obs-same-region`

use super::{Context, Doc, Fixed, Level, Outcome, Profile, Rule};
use crate::guest::facts::Facts;
use crate::text;

/// The bucket is where the image will be.
pub(super) struct ObsSameRegion;

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

impl Rule for ObsSameRegion {
    fn id(&self) -> &'static str {
        "obs-same-region"
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
        "Make sure that the OBS bucket is in the region where the image is to be made.",
        "请确认OBS桶与待创建的镜像在同一区域。"
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
            let finding = expect(&ObsSameRegion, &facts, Status::Manual, "");
            assert!(finding.remedy.is_some());
        }
    }
}
