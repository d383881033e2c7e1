//! `format-extension-match`

use std::path::Path;

use super::format_supported::is_no_disk;
use super::{Context, Doc, Fixed, Level, Outcome, Profile, Rule, shell};
use crate::fact::Evidence;
use crate::guest::facts::Facts;
use crate::image::facts::Format;
use crate::text;

/// The file's name ends as its format is called.
pub(super) struct FormatExtensionMatch;

static DOC: Doc = Doc {
    title: Fixed::new("The file name's suffix names its format", "文件名后缀与实际格式一致"),
    why: Fixed::new(
        "The console offers formats and the fast import by the name of the chosen file. A qcow2 file called .img may be taken for a raw disk, and a raw disk without a suffix for nothing at all.",
        "管理控制台根据所选文件的名称提供格式和快速导入选项。以.img命名的qcow2文件可能被当作raw磁盘处理，没有后缀的raw文件则可能无法识别。",
    ),
    decided: Fixed::new(
        "The suffix, without regard to case, is compared with the format that the content shows; raw disks may be called .raw or .img.",
        "将文件名后缀（不区分大小写）与根据内容识别出的格式进行比较；raw磁盘可使用.raw或.img。",
    ),
    remedy: Fixed::new("mv -n IMAGE IMAGE.FORMAT", "mv -n 镜像文件 镜像文件.格式"),
    source: "注册镜像（Linux） (OTC 0030713193): the choices depend on the chosen file; that the suffix decides is engineering knowledge",
    predicts: &[],
    repaired_by_platform: false,
};

/// Suffixes that name the format of a disk image.
const FORMATS: &[&str] = &[
    "img", "raw", "bin", "dd", "disk", "qcow2", "qcow", "vmdk", "vhd", "vpc", "vhdx", "vdi", "qed",
    "zvhd", "zvhd2",
];

impl Rule for FormatExtensionMatch {
    fn id(&self) -> &'static str {
        "format-extension-match"
    }

    fn level(&self, _: Profile) -> Option<Level> {
        Some(Level::Recommended)
    }

    fn doc(&self) -> &'static Doc {
        &DOC
    }

    fn check(&self, facts: &Facts, _: &Context) -> Outcome {
        let image = &facts.image;
        let name = image.format.name();
        if image.block_device {
            let path = shell::quote_path(&image.path);
            return Outcome::not_applicable(text!(
                "{path} is a block device; the name of its copy is what counts: qemu-img convert -p -O qcow2 {path} disk.qcow2",
                "{path}是块设备，其导出文件的名称才需要检查：qemu-img convert -p -O qcow2 {path} disk.qcow2",
            ));
        }
        let allowed: &[&str] = match image.format {
            Format::Raw if is_no_disk(facts) => &[],
            Format::Raw => &["raw", "img"],
            Format::Qcow2
            | Format::Qcow
            | Format::Vmdk
            | Format::Vhd
            | Format::Vhdx
            | Format::Vdi
            | Format::Qed
            | Format::Zvhd
            | Format::Zvhd2 => &[name],
            _ => &[],
        };
        if allowed.is_empty() {
            return Outcome::not_applicable(text!(
                "The file is no disk image that the platform imports (see format-supported).",
                "该文件不是平台支持导入的磁盘镜像（参见format-supported）。"
            ));
        }
        let path = Path::new(&image.path);
        let suffix = path.extension().map(|suffix| suffix.to_string_lossy().to_ascii_lowercase());
        let evidence = vec![Evidence::new(image.path.clone(), name), image.format_evidence.clone()];
        match suffix {
            Some(suffix) if allowed.contains(&suffix.as_str()) => Outcome::holds(
                text!(
                    "The suffix .{suffix} fits the {name} content.",
                    "后缀.{suffix}与{name}格式一致。"
                ),
                evidence,
            ),
            suffix => {
                let from = shell::quote_path(&image.path);
                // Only what names a format is replaced: `debian-12.7` keeps its version.
                let to = if suffix.as_deref().is_some_and(|suffix| FORMATS.contains(&suffix)) {
                    path.with_extension(name).to_string_lossy().into_owned()
                } else {
                    format!("{}.{name}", image.path)
                };
                let to = shell::quote_path(&to);
                let message = match suffix {
                    Some(suffix) => text!(
                        "The file is {name} but its name ends in .{suffix}.",
                        "该文件为{name}格式，但文件名后缀为.{suffix}。"
                    ),
                    None => text!(
                        "The file is {name} but its name has no suffix.",
                        "该文件为{name}格式，但文件名没有后缀。"
                    ),
                };
                Outcome::broken(message, evidence)
                    .remedy(text!("mv -n {from} {to}", "mv -n {from} {to}"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::facts::TableKind;
    use crate::rules::Status;
    use crate::rules::testing::*;

    #[test]
    fn a_qcow2_file_called_so_passes_in_any_case() {
        let mut facts = good_linux();
        expect(&FormatExtensionMatch, &facts, Status::Pass, "centos.qcow2");
        facts.image.path = "/tmp/CENTOS.QCOW2".to_owned();
        assert_eq!(status(&FormatExtensionMatch, &facts), Status::Pass);
    }

    #[test]
    fn a_qcow2_file_called_img_warns_with_its_new_name() {
        let mut facts = good_linux();
        facts.image.path = "a b.img".to_owned();
        let finding = expect(&FormatExtensionMatch, &facts, Status::Warn, ".img");
        assert_eq!(remedy(&finding), "mv -n 'a b.img' 'a b.qcow2'");
        facts.image.path = "disk".to_owned();
        expect(&FormatExtensionMatch, &facts, Status::Warn, "no suffix");
    }

    #[test]
    fn a_version_in_the_name_stays_and_no_file_is_overwritten() {
        let mut facts = good_linux();
        facts.image.path = "debian-12.7".to_owned();
        let finding = expect(&FormatExtensionMatch, &facts, Status::Warn, ".7");
        assert_eq!(remedy(&finding), "mv -n debian-12.7 debian-12.7.qcow2");
    }

    #[test]
    fn the_name_of_a_raw_disk_may_end_in_img() {
        let mut facts = good_linux();
        facts.image.format = Format::Raw;
        facts.image.path = "disk.img".to_owned();
        assert_eq!(status(&FormatExtensionMatch, &facts), Status::Pass);
    }

    #[test]
    fn a_block_device_is_not_to_be_renamed() {
        let mut facts = good_linux();
        facts.image.path = "/dev/sdb".to_owned();
        facts.image.block_device = true;
        assert_eq!(status(&FormatExtensionMatch, &facts), Status::NotApplicable);
    }

    #[test]
    fn a_file_that_is_no_disk_is_not_concerned() {
        let mut facts = foreign();
        facts.image.format = Format::Tar;
        assert_eq!(status(&FormatExtensionMatch, &facts), Status::NotApplicable);
        // A text file has no format to be called by.
        let mut facts = good_linux();
        facts.image.format = Format::Raw;
        assert_eq!(status(&FormatExtensionMatch, &facts), Status::Warn);
        let disk = disk_mut(&mut facts);
        disk.table = TableKind::None;
        disk.volumes.clear();
        assert_eq!(status(&FormatExtensionMatch, &facts), Status::NotApplicable);
    }
}
