//! `lvm-root-no-injection`

use super::scope::{Decision, disk, guest, known, linux_only, settle, undecided, without_guest};
use super::{Context, Doc, Fixed, Level, Outcome, Profile, Rule};
use crate::disk::facts::SignatureKind;
use crate::fact::{Evidence, Unread};
use crate::guest::facts::{Facts, Guest};
use crate::text;

/// The root is not on LVM, or one knows what that means.
pub(super) struct LvmRootNoInjection;

static DOC: Doc = Doc {
    title: Fixed::new(
        "File injection works: the system disk is not LVM",
        "系统盘不是LVM设备，支持文件注入",
    ),
    why: Fixed::new(
        "Servers made from an image whose system disk is LVM do not support file injection. That is a limit, not a fault; passwords and keys then come by cloud-init.",
        "系统盘为LVM设备的镜像创建的弹性云服务器不支持文件注入。这是限制而非故障，此时可通过cloud-init注入密码和密钥。",
    ),
    decided: Fixed::new(
        "A volume bears an LVM physical-volume label (LABELONE, LVM2 001), and the root is named through the device mapper.",
        "卷上存在LVM物理卷标签（LABELONE，LVM2 001），且根设备通过device mapper引用。",
    ),
    remedy: Fixed::new(
        "Nothing need be done; use cloud-init user data where files were injected. To be rid of the limit, install the system on a plain partition.",
        "无需处理；需要注入文件时请使用cloud-init的用户数据。如需消除该限制，请将系统安装在普通分区上。",
    ),
    source: "制作镜像 (ims_03_0603), Linux list item 15; 准备镜像文件（Linux） (ims_01_0209)",
    predicts: &[],
    repaired_by_platform: false,
};

impl Rule for LvmRootNoInjection {
    fn id(&self) -> &'static str {
        "lvm-root-no-injection"
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
    let disk = disk(facts)?;
    known(&disk.table_read)?;
    let mut labels = Vec::new();
    for volume in &disk.volumes {
        let signatures = known(&volume.signatures)?;
        if signatures.iter().any(|signature| signature.kind == SignatureKind::LvmPv) {
            labels.push(Evidence::new(volume.name.clone(), "LABELONE, LVM2 001"));
        }
    }
    if labels.is_empty() {
        let linux = linux_only(facts)?;
        let root = linux.mounts.iter().find(|mount| mount.path == "/");
        return Ok(Outcome::holds(
            text!("No volume is an LVM physical volume.", "没有LVM物理卷。"),
            root.map(|root| root.evidence.clone()).into_iter().collect(),
        ));
    }
    let linux = match guest(facts) {
        Ok(Guest::Linux(linux)) => linux,
        _ => return linux_only(facts).map(|_| without_guest()),
    };
    let root = linux.mounts.iter().find(|mount| mount.path == "/");
    let is_physical = |index: usize| {
        let name = disk.volumes.get(index).map(|volume| volume.name.as_str());
        let on_label = labels.iter().any(|label| Some(label.location.as_str()) == name);
        // A logical volume has no place of its own on the disk.
        on_label || disk.volumes.get(index).is_some_and(|volume| volume.start.is_none())
    };
    match root.and_then(|root| root.volume) {
        Some(index) if is_physical(index) => Ok(Outcome::noted(
            text!(
                "The root lies on LVM: servers made from this image do not support file injection.",
                "根文件系统位于LVM：使用该镜像创建的弹性云服务器不支持文件注入。"
            ),
            labels,
        )),
        Some(_) => Ok(Outcome::holds(
            text!(
                "There is LVM on the disk, but the root is not on it.",
                "磁盘上有LVM，但根文件系统不在LVM上。"
            ),
            labels,
        )),
        None => {
            let unread = Unread::new("/", "the volume of the root is not known");
            Err(Box::new(undecided(&unread)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fact::Fact;
    use crate::rules::Status;
    use crate::rules::testing::*;

    fn with_lvm(facts: &mut Facts, volume: usize) {
        let Fact::Known(signatures) = &mut disk_mut(facts).volumes[volume].signatures else {
            panic!()
        };
        signatures[0].kind = SignatureKind::LvmPv;
    }

    #[test]
    fn a_root_on_a_plain_partition_passes() {
        let mut facts = good_linux();
        expect(&LvmRootNoInjection, &facts, Status::Pass, "/etc/fstab:1");
        with_lvm(&mut facts, 2);
        expect(&LvmRootNoInjection, &facts, Status::Pass, "not on it");
    }

    #[test]
    fn a_root_on_lvm_is_worth_knowing() {
        let mut facts = good_linux();
        with_lvm(&mut facts, 1);
        expect(&LvmRootNoInjection, &facts, Status::Info, "partition 2");
        disk_mut(&mut facts).volumes[1].signatures = Fact::unknown("partition 2", "torn");
        expect(&LvmRootNoInjection, &facts, Status::Unverified, "torn");
    }

    #[test]
    fn a_root_that_was_not_found_is_unverified() {
        let mut facts = good_linux();
        with_lvm(&mut facts, 1);
        facts.guest = Fact::unknown("partition 2 (LVM2_member)", "LVM is not read");
        expect(&LvmRootNoInjection, &facts, Status::Unverified, "LVM is not read");
        assert_eq!(status(&LvmRootNoInjection, &windows()), Status::NotApplicable);
    }
}
