//! `file-size-max`

use super::size::{GIB, gib};
use super::{Context, Doc, Fixed, Level, Outcome, Profile, Rule, shell};
use crate::fact::Evidence;
use crate::guest::facts::Facts;
use crate::image::facts::Format;
use crate::text;

/// The file is not bigger than the platform imports.
pub(super) struct FileSizeMax;

/// Biggest file of a normal import (制作镜像: 128G).
const MAX_NORMAL: u64 = 128 * GIB;

/// Biggest file of a fast import (镜像文件快速导入: 1TB).
const MAX_FAST: u64 = 1024 * GIB;

static DOC: Doc = Doc {
    title: Fixed::new("The image file is at most 128 GB", "镜像文件大小不超过128GB"),
    why: Fixed::new(
        "A normal import takes files up to 128 GB. The later pages take raw and ZVHD2 files up to 1 TB through the fast import, which needs a bitmap file (.mf) beside a raw file; nothing bigger is imported.",
        "普通导入方式的镜像文件不能超过128GB。后续文档支持通过快速导入方式导入不超过1TB的RAW或ZVHD2文件，其中RAW文件还需要位表文件（.mf）；超过1TB的文件无法导入。",
    ),
    decided: Fixed::new(
        "The length of the file is compared with 128 GiB and 1024 GiB. Holes count: a sparse raw file is uploaded at its full length.",
        "将文件长度与128 GiB、1024 GiB比较。稀疏文件的空洞也计算在内，因为raw文件按完整长度上传。",
    ),
    remedy: Fixed::new(
        "qemu-img convert -p -c -O qcow2 IMAGE small.qcow2    # leaves out zeros and compresses",
        "qemu-img convert -p -c -O qcow2 镜像文件 small.qcow2    # 去除零数据并压缩",
    ),
    source: "制作镜像 (ims_03_0603), Windows list item 3, Linux list item 3; 镜像文件快速导入 (OTC 0133188204)",
    predicts: &["IMG.0059", "IMG.0158"],
    repaired_by_platform: false,
};

impl Rule for FileSizeMax {
    fn id(&self) -> &'static str {
        "file-size-max"
    }

    fn level(&self, _: Profile) -> Option<Level> {
        Some(Level::Required)
    }

    fn doc(&self) -> &'static Doc {
        &DOC
    }

    fn check(&self, facts: &Facts, context: &Context) -> Outcome {
        let image = &facts.image;
        let length = image.file_size;
        let shown = gib(length);
        let path = shell::quote_path(&image.path);
        let evidence = vec![Evidence::new(image.path.clone(), format!("{length} bytes"))];
        let own = context.policy.limits.max_file_size;
        let most = own.unwrap_or(MAX_NORMAL);
        let at_most = gib(most);
        if length <= most {
            return Outcome::holds(
                text!(
                    "The file has {shown}, at most {at_most}.",
                    "文件大小为{shown}，不超过{at_most}。"
                ),
                evidence,
            );
        }
        let fast = matches!(image.format, Format::Raw | Format::Zvhd2)
            && context.profile != Profile::ImsClassic
            && own.is_none();
        if fast && length <= MAX_FAST {
            return Outcome::doubtful(
                text!(
                    "The file has {shown}, more than 128 GiB: it can only be imported by fast import.",
                    "文件大小为{shown}，超过128 GiB，只能通过快速导入方式导入。"
                ),
                evidence,
            )
            .remedy(text!(
                "Compress it below 128 GiB (qemu-img convert -p -c -O qcow2 {path} small.qcow2), or use fast import; for a raw file make the bitmap first: java -jar CreateMF.jar {path} STEM.mf",
                "将其压缩到128 GiB以内（qemu-img convert -p -c -O qcow2 {path} small.qcow2），或使用快速导入；raw文件需先生成位表文件：java -jar CreateMF.jar {path} 同名.mf"
            ));
        }
        let limit = if fast { gib(MAX_FAST) } else { at_most };
        Outcome::broken(
            text!(
                "The file has {shown}, more than {limit}.",
                "文件大小为{shown}，超过{limit}。"
            ),
            evidence,
        )
        .remedy(text!(
            "qemu-img convert -p -c -O qcow2 {path} small.qcow2    # leaves out zeros and compresses",
            "qemu-img convert -p -c -O qcow2 {path} small.qcow2    # 去除零数据并压缩"
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::Status;
    use crate::rules::testing::*;

    fn of(format: Format, size: u64) -> Facts {
        let mut facts = good_linux();
        facts.image.format = format;
        facts.image.file_size = size;
        facts
    }

    #[test]
    fn exactly_128_gib_passes_and_a_byte_more_fails() {
        expect(&FileSizeMax, &of(Format::Qcow2, MAX_NORMAL), Status::Pass, "137438953472 bytes");
        let finding =
            expect(&FileSizeMax, &of(Format::Qcow2, MAX_NORMAL + 1), Status::Fail, "137438953473");
        assert!(remedy(&finding).contains("convert -p -c -O qcow2 centos.qcow2"));
    }

    #[test]
    fn a_bigger_raw_file_only_warns_where_there_is_fast_import() {
        let raw = of(Format::Raw, 200 * GIB);
        expect(&FileSizeMax, &raw, Status::Fail, "200 GiB");
        expect_in(Profile::Huaweicloud, &FileSizeMax, &raw, Status::Warn, "fast import");
        let huge = of(Format::Raw, MAX_FAST + 1);
        expect_in(Profile::Huaweicloud, &FileSizeMax, &huge, Status::Fail, "1024 GiB");
        let qcow2 = of(Format::Qcow2, 200 * GIB);
        expect_in(Profile::Otc, &FileSizeMax, &qcow2, Status::Fail, "200 GiB");
    }

    #[test]
    fn the_size_is_known_even_when_nothing_inside_is() {
        assert_eq!(status(&FileSizeMax, &unread()), Status::Pass);
    }
}
