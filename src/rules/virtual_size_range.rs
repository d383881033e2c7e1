//! `virtual-size-range`

use super::scope::undecided;
use super::size::{GIB, gib};
use super::{Context, Doc, Fixed, Level, Outcome, Profile, Rule};
use crate::fact::{Evidence, Unread};
use crate::guest::facts::Facts;
use crate::text;

/// The disk has a size that a system disk may have.
pub(super) struct VirtualSizeRange;

/// Biggest system disk (制作镜像: 1024GB).
const MAX: u64 = 1024 * GIB;

static DOC: Doc = Doc {
    title: Fixed::new(
        "The disk inside is between 40 GB and 1024 GB",
        "系统盘大小在40GB到1024GB之间",
    ),
    why: Fixed::new(
        "A system disk of the platform has between 40 GB and 1024 GB (Open Telekom Cloud: from 1 GB). A bigger disk cannot be registered. A smaller one can, with a min_disk of at least 40; the rest of the server's disk stays unused until the partition is grown.",
        "平台的系统盘大小为40GB～1024GB（Open Telekom Cloud为1GB起）。更大的磁盘无法注册；更小的磁盘可以将min_disk设置为40或以上进行注册，但多出的空间需要扩展分区后才能使用。",
    ),
    decided: Fixed::new(
        "The virtual size in the header (raw: the file's length) is at most 1024 GiB; below 40 GiB (Open Telekom Cloud: 1 GiB) it warns.",
        "镜像头中的虚拟大小（raw为文件长度）不超过1024 GiB；小于40 GiB（Open Telekom Cloud为1 GiB）时告警。",
    ),
    remedy: Fixed::new(
        "Too big: shrink file systems and partitions, then qemu-img resize --shrink IMAGE SIZE. Too small: register with \"min_disk\": 40, or qemu-img resize IMAGE 40G",
        "过大时：先缩小文件系统和分区，再执行qemu-img resize --shrink 镜像文件 大小。过小时：注册时设置\"min_disk\": 40，或执行qemu-img resize 镜像文件 40G",
    ),
    source: "制作镜像 (ims_03_0603), Windows list item 4, Linux list item 5, min_disk; 准备镜像文件（Linux） (ims_01_0209); Constraints (OTC 0192505040)",
    predicts: &["IMG.0055", "IMG.0111"],
    repaired_by_platform: false,
};

/// The smallest system disk of the profile, in bytes.
pub(super) fn least(context: &Context) -> u64 {
    let own = if context.profile == Profile::Otc { GIB } else { 40 * GIB };
    context.policy.limits.min_virtual_size.unwrap_or(own)
}

impl Rule for VirtualSizeRange {
    fn id(&self) -> &'static str {
        "virtual-size-range"
    }

    fn level(&self, _: Profile) -> Option<Level> {
        Some(Level::Required)
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
        let limits = &context.policy.limits;
        let min = least(context);
        let max = limits.max_virtual_size.unwrap_or(MAX);
        let (shown, least, most) = (gib(size), gib(min), gib(max));
        let (whole_least, whole_most) = (min.div_ceil(GIB), max / GIB);
        let evidence =
            vec![Evidence::new(image.path.clone(), format!("virtual size {size} bytes"))];
        if size > max {
            Outcome::broken(
                text!("The disk has {shown}, more than {most}.", "磁盘大小为{shown}，超过{most}。"),
                evidence,
            )
            .remedy(text!(
                "Shrink file systems and partitions, then qemu-img resize --shrink IMAGE {whole_most}G",
                "先缩小文件系统和分区，再执行qemu-img resize --shrink 镜像文件 {whole_most}G"
            ))
        } else if size < min {
            Outcome::doubtful(
                text!(
                    "The disk has {shown}, less than {least}: register it with a min_disk of at least {least}.",
                    "磁盘大小为{shown}，小于{least}：注册时min_disk不能小于{least}。"
                ),
                evidence,
            )
            .remedy(text!(
                "Register with \"min_disk\": {whole_least}, or qemu-img resize IMAGE {whole_least}G",
                "注册时设置\"min_disk\": {whole_least}，或执行qemu-img resize 镜像文件 {whole_least}G"
            ))
        } else {
            Outcome::holds(
                text!(
                    "The disk has {shown}, between {least} and {most}.",
                    "磁盘大小为{shown}，在{least}到{most}之间。"
                ),
                evidence,
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::Status;
    use crate::rules::testing::*;

    fn of(size: u64) -> Facts {
        let mut facts = good_linux();
        facts.image.virtual_size = Some(size);
        facts
    }

    #[test]
    fn the_borders_belong_to_the_range() {
        expect(&VirtualSizeRange, &of(40 * GIB), Status::Pass, "40 GiB");
        expect(&VirtualSizeRange, &of(MAX), Status::Pass, "1024 GiB");
    }

    #[test]
    fn a_bigger_disk_fails() {
        let finding =
            expect(&VirtualSizeRange, &of(MAX + 512), Status::Fail, "1099511628288 bytes");
        let remedy = remedy(&finding);
        assert!(
            remedy.contains("--shrink IMAGE 1024G") && !remedy.contains("min_disk"),
            "{remedy}"
        );
    }

    #[test]
    fn a_smaller_disk_warns_by_the_profiles_own_border() {
        let finding = expect(&VirtualSizeRange, &of(10 * GIB), Status::Warn, "10 GiB");
        let remedy = remedy(&finding);
        assert!(remedy.contains("\"min_disk\": 40") && !remedy.contains("shrink"), "{remedy}");
        expect_in(Profile::Otc, &VirtualSizeRange, &of(10 * GIB), Status::Pass, "10 GiB");
        expect_in(Profile::Otc, &VirtualSizeRange, &of(GIB / 2), Status::Warn, "0.5000 GiB");
    }

    #[test]
    fn an_unknown_size_is_unverified() {
        expect(&VirtualSizeRange, &unread(), Status::Unverified, "centos.qcow2");
    }
}
