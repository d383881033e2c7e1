//! `qcow2-no-internal-snapshots`

use super::scope::{Decision, qcow2, settle};
use super::{Context, Doc, Fixed, Level, Outcome, Profile, Rule, shell};
use crate::fact::Evidence;
use crate::guest::facts::Facts;
use crate::text;

/// The qcow2 file keeps no snapshots.
pub(super) struct Qcow2NoInternalSnapshots;

static DOC: Doc = Doc {
    title: Fixed::new("A qcow2 file keeps no internal snapshots", "QCOW2镜像文件不含内部快照"),
    why: Fixed::new(
        "The platform does not support image packages with snapshot volumes. Internal snapshots also make the file bigger than the disk needs, and only the current state is imported.",
        "平台不支持包含快照卷的镜像。内部快照还会增大文件体积，而导入的只是当前状态。",
    ),
    decided: Fixed::new(
        "The header field nb_snapshots (byte 60) is 0. The documents speak of snapshot volumes, not of qcow2's own snapshots, so this warns only.",
        "文件头的nb_snapshots字段（偏移60字节）为0。由于文档只提到快照卷，未明确提及QCOW2内部快照，因此仅告警。",
    ),
    remedy: Fixed::new(
        "qemu-img convert -p -O qcow2 IMAGE flat.qcow2",
        "qemu-img convert -p -O qcow2 镜像文件 flat.qcow2",
    ),
    source: "Image file formats supported (OTC 0030713217): snapshot volumes are not supported",
    predicts: &[],
    repaired_by_platform: false,
};

impl Rule for Qcow2NoInternalSnapshots {
    fn id(&self) -> &'static str {
        "qcow2-no-internal-snapshots"
    }

    fn level(&self, _: Profile) -> Option<Level> {
        Some(Level::Recommended)
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
    let count = qcow2.snapshot_count;
    let mut evidence =
        vec![Evidence::new("qcow2 header, byte 60", format!("nb_snapshots {count}"))];
    if count == 0 {
        return Ok(Outcome::holds(
            text!("The file keeps no snapshots.", "该文件不含内部快照。"),
            evidence,
        ));
    }
    match qcow2.snapshots.as_result() {
        Ok(names) => evidence
            .extend(names.iter().map(|name| Evidence::new("qcow2 snapshot table", name.clone()))),
        Err(unread) => {
            evidence.push(unread.evidence());
        }
    }
    let path = shell::quote_path(&facts.image.path);
    let s = if count == 1 { "" } else { "s" };
    Ok(Outcome::broken(
        text!("The file keeps {count} internal snapshot{s}.", "该文件包含{count}个内部快照。"),
        evidence,
    )
    .remedy(text!(
        "qemu-img convert -p -O qcow2 {path} flat.qcow2",
        "qemu-img convert -p -O qcow2 {path} flat.qcow2"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fact::Fact;
    use crate::rules::Status;
    use crate::rules::testing::*;

    #[test]
    fn a_file_without_snapshots_passes() {
        expect(&Qcow2NoInternalSnapshots, &good_linux(), Status::Pass, "nb_snapshots 0");
    }

    #[test]
    fn snapshots_warn_and_are_named() {
        let mut facts = good_linux();
        let qcow2 = qcow2_mut(&mut facts);
        qcow2.snapshot_count = 2;
        qcow2.snapshots = Fact::Known(vec!["1 before-update".to_owned()]);
        expect(&Qcow2NoInternalSnapshots, &facts, Status::Warn, "1 before-update");
        qcow2_mut(&mut facts).snapshots = Fact::unknown("snapshot table", "torn");
        expect(&Qcow2NoInternalSnapshots, &facts, Status::Warn, "nb_snapshots 2");
        expect(&Qcow2NoInternalSnapshots, &facts, Status::Warn, "2 internal snapshots.");
        qcow2_mut(&mut facts).snapshot_count = 1;
        expect(&Qcow2NoInternalSnapshots, &facts, Status::Warn, "1 internal snapshot.");
    }

    #[test]
    fn an_unreadable_header_is_unverified() {
        expect(&Qcow2NoInternalSnapshots, &unread(), Status::Unverified, "it was torn");
    }
}
