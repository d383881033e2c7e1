//! `qcow2-no-backing-file`

use super::scope::{Decision, qcow2, settle};
use super::{Context, Doc, Fixed, Level, Outcome, Profile, Rule, shell};
use crate::fact::Evidence;
use crate::guest::facts::Facts;
use crate::text;

/// The qcow2 file stands on no other file.
pub(super) struct Qcow2NoBackingFile;

static DOC: Doc = Doc {
    title: Fixed::new("A qcow2 file has no backing file", "QCOW2镜像文件不依赖后端文件"),
    why: Fixed::new(
        "A qcow2 file with a backing file holds only what differs from that file. Uploaded alone it is a disk full of holes; the platform does not import chains.",
        "带有后端文件（backing file）的QCOW2文件只保存与后端文件的差异数据，单独上传时磁盘内容不完整；平台不支持导入增量链。",
    ),
    decided: Fixed::new(
        "The header field backing_file_offset (byte 8) is 0. The file that it names is never opened.",
        "文件头的backing_file_offset字段（偏移8字节）为0。检查过程不会打开其指向的文件。",
    ),
    remedy: Fixed::new(
        "On the machine that has the backing file: qemu-img convert -p -O qcow2 IMAGE flat.qcow2",
        "在保存有后端文件的主机上执行：qemu-img convert -p -O qcow2 镜像文件 flat.qcow2",
    ),
    source: "Image file formats supported (OTC 0030713217): delta volumes are not supported",
    predicts: &[],
    repaired_by_platform: false,
};

impl Rule for Qcow2NoBackingFile {
    fn id(&self) -> &'static str {
        "qcow2-no-backing-file"
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
    let field = "qcow2 header, byte 8";
    let Some(backing) = &qcow2.backing_file else {
        return Ok(Outcome::holds(
            text!("The file has no backing file.", "该文件没有后端文件。"),
            vec![Evidence::new(field, "backing_file_offset 0")],
        ));
    };
    let format = qcow2.backing_format.as_deref();
    let detail = format.map_or_else(|| backing.clone(), |format| format!("{backing} ({format})"));
    let path = shell::quote_path(&facts.image.path);
    Ok(Outcome::broken(
        text!(
            "The file holds only the difference to its backing file “{backing}”.",
            "该文件只保存与后端文件“{backing}”的差异数据。"
        ),
        vec![Evidence::new(field, detail)],
    )
    .remedy(text!(
        "Where the backing file is at hand: qemu-img convert -p -O qcow2 {path} flat.qcow2",
        "在保存有后端文件的主机上执行：qemu-img convert -p -O qcow2 {path} flat.qcow2"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::Status;
    use crate::rules::testing::*;

    #[test]
    fn a_file_of_its_own_passes() {
        expect(&Qcow2NoBackingFile, &good_linux(), Status::Pass, "backing_file_offset 0");
    }

    #[test]
    fn an_overlay_fails_and_names_its_base() {
        let mut facts = good_linux();
        qcow2_mut(&mut facts).backing_file = Some("base.qcow2".to_owned());
        let finding = expect(&Qcow2NoBackingFile, &facts, Status::Fail, "base.qcow2");
        assert!(remedy(&finding).contains("convert -p -O qcow2 centos.qcow2"));
    }

    #[test]
    fn an_unreadable_header_is_unverified() {
        expect(&Qcow2NoBackingFile, &unread(), Status::Unverified, "it was torn");
    }
}
