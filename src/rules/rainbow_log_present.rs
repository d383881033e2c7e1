//! `rainbow-log-present`

use super::scope::{Decision, known, linux_only, settle};
use super::{Context, Doc, Fixed, Level, Outcome, Profile, Rule};
use crate::fact::Evidence;
use crate::guest::facts::Facts;
use crate::text;

/// The platform's record in the image.
pub(super) struct RainbowLogPresent;

static DOC: Doc = Doc {
    title: Fixed::new(
        "The platform has not configured this image before",
        "平台未曾自动配置过该镜像",
    ),
    why: Fixed::new(
        "The platform's automatic configuration writes a record into the image. An image that has one was registered before, and its fstab, boot loader configuration and initramfs may have been edited then.",
        "平台的自动配置会在镜像中留下记录。存在该记录说明镜像曾经注册过，其fstab、引导配置和initramfs可能已被修改。",
    ),
    decided: Fixed::new(
        "Whether /var/log/rainbow_modification_record.log is there.",
        "检查/var/log/rainbow_modification_record.log是否存在。",
    ),
    remedy: Fixed::new(
        "Read the record to see what was changed; then rm /var/log/rainbow_modification_record.log",
        "查看该记录以了解被修改的内容；之后可执行rm /var/log/rainbow_modification_record.log",
    ),
    source: "What Will the System Do to an Image File When I Use the File to Register a Private Image? (OTC 0032307025)",
    predicts: &[],
    repaired_by_platform: false,
};

impl Rule for RainbowLogPresent {
    fn id(&self) -> &'static str {
        "rainbow-log-present"
    }

    fn level(&self, _: Profile) -> Option<Level> {
        Some(Level::Informational)
    }

    fn doc(&self) -> &'static Doc {
        &DOC
    }

    fn check(&self, facts: &Facts, _: &Context) -> Outcome {
        settle(decide(facts))
    }
}

fn decide(facts: &Facts) -> Decision {
    let linux = linux_only(facts)?;
    Ok(match known(&linux.leftovers.rainbow_log)? {
        None => Outcome::holds(
            text!(
                "There is no record of an earlier automatic configuration.",
                "没有自动配置的历史记录。"
            ),
            vec![Evidence::new("/var/log/rainbow_modification_record.log", "not there")],
        ),
        Some(seen) => Outcome::noted(
            text!(
                "The platform's automatic configuration already worked on this image.",
                "平台已经对该镜像执行过自动配置。"
            ),
            vec![seen.clone()],
        )
        .remedy(DOC.remedy.text()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fact::Fact;
    use crate::rules::Status;
    use crate::rules::testing::*;

    #[test]
    fn the_file_is_worth_knowing() {
        expect(&RainbowLogPresent, &good_linux(), Status::Pass, "not there");
        let mut facts = good_linux();
        let seen = Evidence::new("/var/log/rainbow_modification_record.log", "12 bytes");
        linux_mut(&mut facts).leftovers.rainbow_log = Fact::Known(Some(seen));
        expect(&RainbowLogPresent, &facts, Status::Info, "12 bytes");
    }

    #[test]
    fn what_could_not_be_read_is_unverified() {
        expect(&RainbowLogPresent, &unread_inside(), Status::Unverified, "it was torn");
        assert_eq!(status(&RainbowLogPresent, &windows()), Status::NotApplicable);
    }
}
