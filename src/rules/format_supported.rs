//! `format-supported`

use super::scope::{Decision, disk, known, settle};
use super::{Context, Doc, Fixed, Judgement, Level, Outcome, Profile, Rule, Text, shell};
use crate::chinese::chinese;
use crate::disk::facts::{PartitionFacts, TableKind};
use crate::fact::{Evidence, Fact};
use crate::guest::facts::Facts;
use crate::image::facts::{Format, ImageFacts, SplitFile};
use crate::text;

/// The file is in a format that the platform imports.
pub(super) struct FormatSupported;

static DOC: Doc = Doc {
    title: Fixed::new(
        "The image file is in a format that the platform imports",
        "镜像文件的格式为平台支持导入的格式",
    ),
    why: Fixed::new(
        "The platform imports VMDK, VHD, QCOW2, RAW, VHDX, QED, VDI, QCOW, ZVHD2 and ZVHD files. It refuses packages (OVA, OVF), compressed files, descriptors without their extents and delta disks; the registration ends with an error after the whole upload.",
        "平台支持导入VMDK、VHD、QCOW2、RAW、VHDX、QED、VDI、QCOW、ZVHD2和ZVHD格式的镜像文件。OVA、OVF等打包文件、压缩文件、不含数据的描述文件以及增量磁盘均不受支持，上传完成后注册会失败。",
    ),
    decided: Fixed::new(
        "By the magic bytes, never by the file name. A file without a magic is raw only when it holds a partition table or a known signature of a file system. A VMDK that is only a descriptor, a flat or a delta extent and a differencing VHD or VHDX are refused, and so is the first part of a split file: one that is cut off and has the next part, by its name, beside it.",
        "根据文件头的魔数判断，不依据文件名。没有魔数的文件，只有包含分区表或已知的文件系统特征时才视为raw。仅为描述文件、flat或增量extent的VMDK，以及差分VHD、VHDX均判为不支持。被拆分的文件的第一部分（内容被截断，且同目录下有按名称排序的下一部分）同样判为不支持。",
    ),
    remedy: Fixed::new(
        "qemu-img convert -p -O qcow2 INPUT OUTPUT.qcow2",
        "qemu-img convert -p -O qcow2 源文件 目标文件.qcow2",
    ),
    source: "Image file formats supported (OTC 0030713217, 0118990097); 准备镜像文件（Linux） (ims_01_0209); Converting the image format (OTC 0117262219)",
    predicts: &["IMG.0057", "IMG.0072"],
    repaired_by_platform: false,
};

impl Rule for FormatSupported {
    fn id(&self) -> &'static str {
        "format-supported"
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
    let image = &facts.image;
    if let Some((split, cut)) = image.split.as_ref().zip(cut_off(facts)) {
        return Ok(first_part(split, cut));
    }
    if image.format == Format::Raw {
        return raw(facts);
    }
    let name = image.format.name();
    let evidence = vec![image.format_evidence.clone()];
    if let Some(remedy) = unpack(image) {
        let (en, zh) = what(image.format);
        return Ok(Outcome::broken(
            text!(
                "The file is {en}, which the platform does not import.",
                "该文件是{zh}，平台不支持导入。"
            ),
            evidence,
        )
        .remedy(remedy));
    }
    let variant = image.variant.as_deref().unwrap_or_default();
    let variant_zh = chinese(variant);
    if is_incomplete(image.format, variant) {
        let path = shell::quote_path(&image.path);
        return Ok(Outcome::broken(
            text!(
                "The {name} file does not hold a whole disk by itself ({variant}).",
                "该{name}文件（{variant_zh}）不包含完整的磁盘数据。"
            ),
            evidence,
        )
        .remedy(text!(
            "With all the files that belong to the disk side by side: qemu-img convert -p -O qcow2 {path} disk.qcow2",
            "将该磁盘的所有文件放在同一目录下，然后执行：qemu-img convert -p -O qcow2 {path} disk.qcow2"
        )));
    }
    Ok(Outcome::holds(
        text!(
            "The file is {name}, which the platform imports.",
            "该文件为{name}格式，平台支持导入。"
        ),
        evidence,
    ))
}

/// What lies beyond the end of the file, and where.
fn cut_off(facts: &Facts) -> Option<Evidence> {
    let length = facts.image.file_size;
    let qcow2 = facts.image.qcow2.as_ref().and_then(Fact::known);
    let end_of_clusters = qcow2.map(|qcow2| ("qcow2 tables".to_owned(), qcow2.highest_host_byte));
    let is_raw = facts.image.format == Format::Raw;
    let disk = facts.disk.known().filter(|_| is_raw);
    let end_of_partitions = disk.and_then(|disk| {
        let end = |partition: &PartitionFacts| {
            Some((partition.location.clone(), partition.start.checked_add(partition.size)?))
        };
        disk.partitions.iter().filter_map(end).max_by_key(|(_, end)| *end)
    });
    let (place, end) = end_of_clusters.or(end_of_partitions).filter(|(_, end)| *end > length)?;
    Some(Evidence::new(place, format!("reaches to byte {end}, the file ends at {length}")))
}

/// A part of an image that was split for the way.
fn first_part(split: &SplitFile, cut: Evidence) -> Outcome {
    let SplitFile { next, stem, pattern } = split;
    let whole = match stem.trim_end_matches(['.', '-', '_']) {
        name if name.contains('.') => shell::quote_path(name),
        name => shell::quote_path(&format!("{name}.img")),
    };
    let parts = shell::quote_path(stem);
    Outcome::broken(
        text!(
            "The file is only the first part of an image: it is cut off, and {next} lies beside it.",
            "该文件只是镜像的第一部分：内容被截断，且同目录下有{next}。"
        ),
        vec![cut, Evidence::new(next.clone(), "the next part, by its name")],
    )
    .remedy(text!(
        "cat {parts}{pattern} > {whole}    # then check the file that comes out",
        "cat {parts}{pattern} > {whole}    # 然后检查合并得到的文件"
    ))
}

/// A raw file has no magic of its own: something must show that it is a disk.
fn raw(facts: &Facts) -> Decision {
    let disk = disk(facts)?;
    if disk.table != TableKind::None {
        let table = match disk.table {
            TableKind::Mbr => "MBR",
            _ => "GPT",
        };
        return Ok(Outcome::holds(
            text!(
                "The file is a raw disk with an {table} partition table.",
                "该文件为raw格式，包含{table}分区表。"
            ),
            vec![Evidence::new("sector 0", format!("{table} partition table"))],
        ));
    }
    known(&disk.table_read)?;
    for volume in &disk.volumes {
        if let Some(signature) = known(&volume.signatures)?.first() {
            let kind = signature.kind.name();
            return Ok(Outcome::holds(
                text!(
                    "The file is a raw disk whose whole holds {kind}.",
                    "该文件为raw格式，整盘为{kind}。"
                ),
                vec![Evidence::new(format!("byte {}", signature.offset), kind)],
            ));
        }
    }
    Ok(Outcome::broken(
        text!(
            "The file is no disk image: it has no magic of a known format, no partition table and no file system.",
            "该文件不是磁盘镜像：既没有已知格式的魔数，也没有分区表或文件系统。"
        ),
        vec![facts.image.format_evidence.clone()],
    )
    .remedy(text!(
        "Export the system disk again; qemu-img info and sfdisk -l on the new file must show a format and partitions.",
        "请重新导出系统盘，并用qemu-img info和sfdisk -l确认新文件的格式和分区。"
    )))
}

/// Whether nothing in the file shows that it is a disk.
pub(super) fn is_no_disk(facts: &Facts) -> bool {
    facts.image.format == Format::Raw
        && raw(facts).is_ok_and(|outcome| outcome.judgement == Judgement::Broken)
}

/// Whether the variant says that the data, or part of it, lies in other files.
fn is_incomplete(format: Format, variant: &str) -> bool {
    let variant = variant.to_ascii_lowercase();
    let any = |words: &[&str]| words.iter().any(|word| variant.contains(word));
    match format {
        Format::Vmdk => any(&["descriptor", "flat", "delta", "cowd", "vmfs"]),
        Format::Vhd | Format::Vhdx | Format::Vdi => any(&["differencing"]),
        _ => false,
    }
}

/// What a file of no importable format is.
fn what(format: Format) -> (&'static str, &'static str) {
    match format {
        Format::Tar => ("a tar archive (an OVA package is one)", "tar归档（OVA包即为此格式）"),
        Format::Ovf => ("an OVF descriptor", "OVF描述文件"),
        Format::Gzip => ("compressed with gzip", "gzip压缩文件"),
        Format::Xz => ("compressed with xz", "xz压缩文件"),
        Format::Zstd => ("compressed with zstd", "zstd压缩文件"),
        Format::Bzip2 => ("compressed with bzip2", "bzip2压缩文件"),
        Format::SevenZip => ("a 7z archive", "7z压缩包"),
        Format::Zip => ("a ZIP archive", "ZIP压缩包"),
        Format::Iso => ("an ISO 9660 installation medium", "ISO 9660安装介质"),
        Format::Empty => ("empty", "空文件"),
        _ => ("of an unknown format", "未知格式的文件"),
    }
}

/// How to get at the disk inside a wrapper; `None` for formats that are disks themselves.
fn unpack(image: &ImageFacts) -> Option<Text> {
    let path = shell::quote_path(&image.path);
    let then_check = |command: &str| {
        text!(
            "{command}    # then check the file that comes out",
            "{command}    # 然后检查解压得到的文件"
        )
    };
    Some(match image.format {
        Format::Tar => text!(
            "tar xf {path}    # then check and upload the .vmdk inside, or: qemu-img convert -p -O qcow2 DISK.vmdk DISK.qcow2",
            "tar xf {path}    # 然后检查并上传其中的.vmdk文件，或执行：qemu-img convert -p -O qcow2 DISK.vmdk DISK.qcow2"
        ),
        Format::Ovf => text!(
            "Upload the disk that the descriptor names (its File element), not the descriptor: qemu-img convert -p -O qcow2 DISK.vmdk DISK.qcow2",
            "请上传描述文件中File元素指明的磁盘文件，而不是描述文件本身：qemu-img convert -p -O qcow2 DISK.vmdk DISK.qcow2"
        ),
        Format::Gzip => then_check(&format!("gunzip -k {path}")),
        Format::Xz => then_check(&format!("xz -dk {path}")),
        Format::Zstd => then_check(&format!("zstd -d {path}")),
        Format::Bzip2 => then_check(&format!("bunzip2 -k {path}")),
        Format::SevenZip => then_check(&format!("7z x {path}")),
        Format::Zip => then_check(&format!("unzip {path}")),
        Format::Iso => text!(
            "Install a system from the medium on a virtual machine and upload that machine's disk, or register the file as an ISO image.",
            "请使用该介质在虚拟机中安装操作系统并上传其系统盘，或将该文件注册为ISO镜像。"
        ),
        Format::Empty => text!(
            "Export the system disk again; the export wrote nothing.",
            "导出未写入任何数据，请重新导出系统盘。"
        ),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::facts::SignatureKind;
    use crate::rules::Status;
    use crate::rules::testing::*;

    fn raw_disk() -> Facts {
        let mut facts = good_linux();
        facts.image.format = Format::Raw;
        facts.image.path = "disk.raw".to_owned();
        facts.image.qcow2 = None;
        facts.image.format_evidence = Evidence::new("byte 0", "no magic");
        facts
    }

    #[test]
    fn a_qcow2_file_and_a_partitioned_raw_disk_pass() {
        expect(&FormatSupported, &good_linux(), Status::Pass, "qcow2");
        expect(&FormatSupported, &raw_disk(), Status::Pass, "MBR");
        expect(&FormatSupported, &foreign(), Status::Pass, "KDMV");
    }

    #[test]
    fn the_first_part_of_a_split_image_fails_with_the_command_that_joins_it() {
        let mut facts = raw_disk();
        facts.image.split = Some(SplitFile {
            next: "my disk.raw.002".to_owned(),
            stem: "my disk.raw.".to_owned(),
            pattern: "[0-9][0-9][0-9]".to_owned(),
        });
        // Its name alone says nothing.
        facts.image.file_size = u64::MAX;
        expect(&FormatSupported, &facts, Status::Pass, "MBR");
        facts.image.file_size = 1 << 20;
        let finding = expect(&FormatSupported, &facts, Status::Fail, "the file ends at 1048576");
        let command = "cat 'my disk.raw.'[0-9][0-9][0-9] > 'my disk.raw'";
        assert!(remedy(&finding).starts_with(command), "{finding:?}");
    }

    #[test]
    fn a_raw_file_without_table_and_signature_fails() {
        let mut facts = raw_disk();
        let disk = disk_mut(&mut facts);
        disk.table = TableKind::None;
        disk.volumes.truncate(1);
        expect(&FormatSupported, &facts, Status::Pass, "ext4");
        disk_mut(&mut facts).volumes[0].signatures = Fact::Known(Vec::new());
        expect(&FormatSupported, &facts, Status::Fail, "no magic");
        assert_eq!(
            disk_mut(&mut good_linux()).volumes[0].signature().unwrap().kind,
            SignatureKind::Ext4
        );
    }

    #[test]
    fn wrappers_fail_with_the_command_that_opens_them() {
        for (format, command) in [
            (Format::Tar, "tar xf 'my image.ova'"),
            (Format::Gzip, "gunzip -k 'my image.ova'"),
            (Format::Xz, "xz -dk"),
            (Format::Zstd, "zstd -d"),
            (Format::Bzip2, "bunzip2 -k"),
            (Format::SevenZip, "7z x"),
            (Format::Zip, "unzip"),
            (Format::Ovf, "qemu-img convert"),
            (Format::Iso, "ISO image"),
            (Format::Empty, "again"),
        ] {
            let mut facts = foreign();
            facts.image.format = format;
            facts.image.path = "my image.ova".to_owned();
            let finding = expect(&FormatSupported, &facts, Status::Fail, "KDMV");
            assert!(remedy(&finding).contains(command), "{finding:?}");
        }
    }

    #[test]
    fn a_descriptor_and_a_differencing_disk_fail() {
        let mut facts = foreign();
        facts.image.variant = Some("monolithicFlat descriptor".to_owned());
        expect(&FormatSupported, &facts, Status::Fail, "monolithicFlat descriptor");
        facts.image.format = Format::Vhd;
        facts.image.variant = Some("differencing".to_owned());
        expect(&FormatSupported, &facts, Status::Fail, "differencing");
    }

    #[test]
    fn a_raw_file_that_cannot_be_read_is_unverified() {
        let mut facts = unread();
        facts.image.format = Format::Raw;
        expect(&FormatSupported, &facts, Status::Unverified, "it was torn");
    }
}
