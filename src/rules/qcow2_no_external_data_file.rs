//! `qcow2-no-external-data-file`

use super::scope::{Decision, qcow2, settle};
use super::{Context, Doc, Fixed, Level, Outcome, Profile, Rule, shell};
use crate::fact::Evidence;
use crate::guest::facts::Facts;
use crate::text;

/// The qcow2 file holds its guest's data itself.
pub(super) struct Qcow2NoExternalDataFile;

static DOC: Doc = Doc {
    title: Fixed::new(
        "A qcow2 file holds the guest's data itself",
        "QCOW2镜像文件不使用外部数据文件",
    ),
    why: Fixed::new(
        "One file is uploaded. With an external data file the qcow2 file holds only the tables, and the disk's content stays behind.",
        "注册镜像时只上传一个文件。使用外部数据文件时，QCOW2文件中只有元数据，磁盘内容不会被上传。",
    ),
    decided: Fixed::new(
        "Bit 2 of incompatible_features (byte 72) is clear. The data file is never opened.",
        "incompatible_features字段（偏移72字节）的第2位为0。检查过程不会打开外部数据文件。",
    ),
    remedy: Fixed::new(
        "Where the data file is at hand: qemu-img convert -p -O qcow2 IMAGE single.qcow2",
        "在保存有外部数据文件的主机上执行：qemu-img convert -p -O qcow2 镜像文件 single.qcow2",
    ),
    source: "QEMU docs/interop/qcow2.rst, incompatible_features bit 2 (engineering knowledge: a single file is uploaded)",
    predicts: &[],
    repaired_by_platform: false,
};

impl Rule for Qcow2NoExternalDataFile {
    fn id(&self) -> &'static str {
        "qcow2-no-external-data-file"
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
    let field = "qcow2 header, byte 72";
    if !qcow2.external_data_file {
        return Ok(Outcome::holds(
            text!("The guest's data lies in the file itself.", "磁盘数据保存在该文件内。"),
            vec![Evidence::new(field, "incompatible_features bit 2 is clear")],
        ));
    }
    let name = qcow2.data_file_name.as_deref().unwrap_or("?");
    let path = shell::quote_path(&facts.image.path);
    Ok(Outcome::broken(
        text!(
            "The guest's data lies in another file, “{name}”.",
            "磁盘数据保存在外部数据文件“{name}”中。"
        ),
        vec![Evidence::new(field, format!("incompatible_features bit 2; data file {name}"))],
    )
    .remedy(text!(
        "Where the data file is at hand: qemu-img convert -p -O qcow2 {path} single.qcow2",
        "在保存有外部数据文件的主机上执行：qemu-img convert -p -O qcow2 {path} single.qcow2"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::Status;
    use crate::rules::testing::*;

    #[test]
    fn a_file_with_its_own_data_passes() {
        expect(&Qcow2NoExternalDataFile, &good_linux(), Status::Pass, "bit 2 is clear");
    }

    #[test]
    fn an_external_data_file_fails_and_is_named() {
        let mut facts = good_linux();
        let qcow2 = qcow2_mut(&mut facts);
        qcow2.external_data_file = true;
        qcow2.data_file_name = Some("disk.data".to_owned());
        expect(&Qcow2NoExternalDataFile, &facts, Status::Fail, "disk.data");
    }

    #[test]
    fn an_unreadable_header_is_unverified() {
        expect(&Qcow2NoExternalDataFile, &unread(), Status::Unverified, "it was torn");
    }
}
