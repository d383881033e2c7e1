//! `qcow2-features-conservative`

use super::scope::{Decision, qcow2, settle};
use super::{Context, Doc, Fixed, Level, Outcome, Profile, Rule, shell};
use crate::fact::Evidence;
use crate::guest::facts::Facts;
use crate::image::facts::Qcow2Compression;
use crate::text;

/// The qcow2 file uses no feature that an importer may not know.
pub(super) struct Qcow2FeaturesConservative;

static DOC: Doc = Doc {
    title: Fixed::new(
        "A qcow2 file uses only features that every importer reads",
        "QCOW2镜像文件只使用通用特性",
    ),
    why: Fixed::new(
        "The documents' own sample is compat 1.1. Zstandard clusters and extended L2 entries need a recent QEMU and have broken importers elsewhere; a file marked dirty or corrupt, or with a feature that the specification does not know, may be refused or read wrongly.",
        "文档示例使用compat 1.1。zstd压缩簇和扩展L2表项需要较新版本的QEMU，曾导致其他平台导入失败；被标记为dirty或corrupt，或带有规范未定义特性的文件，可能被拒绝或被错误读取。",
    ),
    decided: Fixed::new(
        "From incompatible_features (byte 72) and compression_type (byte 104). The corrupt bit and unknown bits fail; the dirty bit, Zstandard compression and extended L2 entries warn. Versions 2 and 3 both pass.",
        "根据incompatible_features（偏移72字节）和compression_type（偏移104字节）判断。corrupt位或未知位判为失败；dirty位、zstd压缩和扩展L2表项仅告警。版本2和版本3均可。",
    ),
    remedy: Fixed::new(
        "qemu-img convert -p -O qcow2 -o compat=1.1 IMAGE conservative.qcow2",
        "qemu-img convert -p -O qcow2 -o compat=1.1 镜像文件 conservative.qcow2",
    ),
    source: "Converting the image format (OTC 0117262219, 0089615820), sample output; QEMU docs/interop/qcow2.rst",
    predicts: &["IMG.0057"],
    repaired_by_platform: false,
};

impl Rule for Qcow2FeaturesConservative {
    fn id(&self) -> &'static str {
        "qcow2-features-conservative"
    }

    fn level(&self, _: Profile) -> Option<Level> {
        Some(Level::Required)
    }

    fn doc(&self) -> &'static Doc {
        &DOC
    }

    fn check(&self, facts: &Facts, _: &Context) -> Outcome {
        settle(decide(facts))
    }
}

fn decide(facts: &Facts) -> Decision {
    let qcow2 = qcow2(facts)?;
    let features = "qcow2 header, byte 72";
    let compression = "qcow2 header, byte 104";
    let mut fatal = Vec::new();
    let mut risky = Vec::new();
    if qcow2.corrupt {
        fatal.push(Evidence::new(features, "bit 1: corrupt"));
    }
    for (nth, bit) in qcow2.unknown_incompatible_bits.iter().enumerate() {
        let name = qcow2.unknown_feature_names.get(nth).map_or("unknown", String::as_str);
        fatal.push(Evidence::new(features, format!("bit {bit}: {name}")));
    }
    match qcow2.compression {
        Qcow2Compression::Zlib => {}
        Qcow2Compression::Zstd => {
            risky.push(Evidence::new(compression, "compression_type 1: zstd"))
        }
        Qcow2Compression::Unknown(kind) => {
            fatal.push(Evidence::new(compression, format!("compression_type {kind}: unknown")));
        }
    }
    if qcow2.dirty {
        risky.push(Evidence::new(features, "bit 0: dirty"));
    }
    if qcow2.extended_l2 {
        risky.push(Evidence::new(features, "bit 4: extended L2 entries"));
    }
    let path = shell::quote_path(&facts.image.path);
    let is_unknown = !qcow2.unknown_incompatible_bits.is_empty()
        || matches!(qcow2.compression, Qcow2Compression::Unknown(_));
    let remedy = if is_unknown {
        // QEMU refuses to open such a file at all.
        text!(
            "Only the program that wrote the file reads it: export the disk again from there, as qcow2 without this feature or as raw.",
            "只有写入该文件的程序才能读取它：请在该程序中重新导出磁盘，格式为不含此特性的qcow2或raw。"
        )
    } else if qcow2.dirty || qcow2.corrupt {
        text!(
            "qemu-img check -r all {path} && qemu-img convert -p -O qcow2 -o compat=1.1 {path} conservative.qcow2",
            "qemu-img check -r all {path} && qemu-img convert -p -O qcow2 -o compat=1.1 {path} conservative.qcow2"
        )
    } else {
        text!(
            "qemu-img convert -p -O qcow2 -o compat=1.1 {path} conservative.qcow2",
            "qemu-img convert -p -O qcow2 -o compat=1.1 {path} conservative.qcow2"
        )
    };
    let is_fatal = !fatal.is_empty();
    fatal.append(&mut risky);
    let list = fatal.iter().map(|seen| seen.detail.as_str()).collect::<Vec<_>>().join("; ");
    Ok(if is_fatal {
        Outcome::broken(
            text!(
                "The qcow2 header says that the file cannot be read safely ({list}).",
                "QCOW2文件头表明该文件无法被安全读取（{list}）。"
            ),
            fatal,
        )
        .remedy(remedy)
    } else if !fatal.is_empty() {
        Outcome::doubtful(
            text!(
                "The qcow2 file uses what the platform may not read ({list}).",
                "该QCOW2文件使用了平台可能不支持的特性（{list}）。"
            ),
            fatal,
        )
        .remedy(remedy)
    } else {
        let version = qcow2.version;
        Outcome::holds(
            text!(
                "qcow2 version {version} without unusual features.",
                "QCOW2版本{version}，未使用特殊特性。"
            ),
            vec![
                Evidence::new("qcow2 header, byte 4", format!("version {version}")),
                Evidence::new(features, "incompatible_features: none in question"),
            ],
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::Status;
    use crate::rules::testing::*;

    fn with(change: impl FnOnce(&mut crate::image::facts::Qcow2Facts)) -> Facts {
        let mut facts = good_linux();
        change(qcow2_mut(&mut facts));
        facts
    }

    #[test]
    fn versions_two_and_three_pass() {
        expect(&Qcow2FeaturesConservative, &good_linux(), Status::Pass, "version 3");
        expect(&Qcow2FeaturesConservative, &with(|q| q.version = 2), Status::Pass, "version 2");
    }

    #[test]
    fn new_features_and_the_dirty_bit_warn() {
        let zstd = with(|q| q.compression = Qcow2Compression::Zstd);
        expect(&Qcow2FeaturesConservative, &zstd, Status::Warn, "zstd");
        expect(&Qcow2FeaturesConservative, &with(|q| q.extended_l2 = true), Status::Warn, "bit 4");
        let finding =
            expect(&Qcow2FeaturesConservative, &with(|q| q.dirty = true), Status::Warn, "bit 0");
        assert!(remedy(&finding).starts_with("qemu-img check -r all centos.qcow2"));
    }

    #[test]
    fn the_corrupt_bit_and_unknown_bits_fail() {
        expect(&Qcow2FeaturesConservative, &with(|q| q.corrupt = true), Status::Fail, "bit 1");
        let unknown = with(|q| q.unknown_incompatible_bits = vec![17]);
        let finding = expect(&Qcow2FeaturesConservative, &unknown, Status::Fail, "bit 17");
        assert!(!remedy(&finding).contains("qemu-img"), "QEMU does not open it: {finding:#?}");
    }

    #[test]
    fn an_unreadable_header_is_unverified() {
        expect(&Qcow2FeaturesConservative, &unread(), Status::Unverified, "it was torn");
    }
}
