//! `virtual-size-not-integer-gib`

use super::scope::undecided;
use super::size::{GIB, gib};
use super::virtual_size_range::least;
use super::{Context, Doc, Fixed, Level, Outcome, Profile, Rule};
use crate::fact::{Evidence, Unread};
use crate::guest::facts::Facts;
use crate::text;

/// The disk is a whole number of GiB.
pub(super) struct VirtualSizeNotIntegerGib;

static DOC: Doc = Doc {
    title: Fixed::new("The disk is a whole number of GiB", "磁盘大小为整数GiB"),
    why: Fixed::new(
        "min_disk is a whole number. A disk a few hundred KB over one (qemu-img makes such VHDs) does not fit into a min_disk rounded down, and the registration says that the system disk is larger than specified.",
        "min_disk只能取整数。如果磁盘比整数GiB大几百KB（qemu-img生成的VHD常见），而min_disk向下取整，注册时会提示系统盘大于设置的大小。",
    ),
    decided: Fixed::new(
        "The virtual size is divided by 2^30; a remainder is reported with the min_disk to use.",
        "将虚拟大小除以2^30，如有余数则给出应使用的min_disk。",
    ),
    remedy: Fixed::new("Use a min_disk that is rounded up.", "min_disk请向上取整。"),
    source: "FAQ on VHD sizes (OTC 0058841396)",
    predicts: &[],
    repaired_by_platform: false,
};

impl Rule for VirtualSizeNotIntegerGib {
    fn id(&self) -> &'static str {
        "virtual-size-not-integer-gib"
    }

    fn level(&self, _: Profile) -> Option<Level> {
        Some(Level::Informational)
    }

    fn doc(&self) -> &'static Doc {
        &DOC
    }

    fn check(&self, facts: &Facts, context: &Context) -> Outcome {
        let image = &facts.image;
        let Some(size) = image.virtual_size else {
            let name = image.format.name();
            return undecided(&Unread::new(
                image.path.clone(),
                format!("the disk size of this file ({name}) is not known"),
            ));
        };
        let shown = gib(size);
        let evidence =
            vec![Evidence::new(image.path.clone(), format!("virtual size {size} bytes"))];
        if size % GIB == 0 {
            return Outcome::holds(
                text!("The disk has exactly {shown}.", "磁盘大小正好为{shown}。"),
                evidence,
            );
        }
        // Never less than what virtual-size-range asks for.
        let ceiling = size.max(least(context)).div_ceil(GIB);
        Outcome::noted(
            text!(
                "The disk has {shown}: min_disk must be at least {ceiling}.",
                "磁盘大小为{shown}：min_disk至少为{ceiling}。"
            ),
            evidence,
        )
        .remedy(text!("\"min_disk\": {ceiling}", "\"min_disk\": {ceiling}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::Status;
    use crate::rules::testing::*;

    #[test]
    fn a_whole_number_passes() {
        expect(&VirtualSizeNotIntegerGib, &good_linux(), Status::Pass, "40 GiB");
    }

    #[test]
    fn the_documents_own_example_rounds_up_to_three() {
        let mut facts = good_linux();
        facts.image.virtual_size = Some(2_147_991_552);
        let rule = &VirtualSizeNotIntegerGib;
        let finding = expect_in(Profile::Otc, rule, &facts, Status::Info, "2.0004 GiB");
        assert_eq!(remedy(&finding), "\"min_disk\": 3");
        // Huawei Cloud's smallest system disk has 40 GB.
        let finding = expect(rule, &facts, Status::Info, "at least 40");
        assert_eq!(remedy(&finding), "\"min_disk\": 40");
    }

    #[test]
    fn an_unknown_size_is_unverified() {
        expect(&VirtualSizeNotIntegerGib, &unread(), Status::Unverified, "centos.qcow2");
    }
}
