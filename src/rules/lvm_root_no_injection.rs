//! `lvm-root-no-injection`

use super::scope::{Decision, disk, known, linux_only, settle, undecided};
use super::{Context, Doc, Fixed, Level, Outcome, Profile, Rule};
use crate::disk::facts::SignatureKind;
use crate::fact::{Evidence, Unread};
use crate::guest::facts::Facts;
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
        "The volume of the root file system is a logical volume of a volume group found by its physical-volume labels (LABELONE, LVM2 001).",
        "根文件系统所在的卷是逻辑卷，其卷组通过物理卷标签（LABELONE，LVM2 001）找到。",
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
    let linux = linux_only(facts)?;
    let root = linux.mounts.iter().find(|mount| mount.path == "/");
    let Some((root, index)) = root.and_then(|root| Some((root, root.volume?))) else {
        return Err(Box::new(undecided(&Unread::new("/", "the volume of the root is not known"))));
    };
    let labels: Vec<_> = disk
        .volumes
        .iter()
        .filter(|volume| volume.signature().is_some_and(|s| s.kind == SignatureKind::LvmPv))
        .map(|volume| Evidence::new(volume.name.clone(), "LABELONE, LVM2 001"))
        .collect();
    if let Some((group, volume)) = disk.logical_volume(index) {
        let (group, volume) = (&group.name, &volume.name);
        let mut evidence =
            vec![Evidence::new(root.evidence.location.clone(), format!("/ on {group}/{volume}"))];
        evidence.extend(labels);
        return Ok(Outcome::noted(
            text!(
                "The root is the logical volume {group}/{volume}: servers made from this image do not support file injection.",
                "根文件系统位于逻辑卷{group}/{volume}：使用该镜像创建的弹性云服务器不支持文件注入。"
            ),
            evidence,
        ));
    }
    // A root that is no logical volume is on LVM only if it is on an array that is.
    let volume = disk.volumes.get(index);
    if let Some(volume) = volume {
        known(&volume.signatures)?;
    }
    let below = disk.array(index).into_iter().flat_map(|array| &array.members);
    if let Some(member) =
        below.map(|member| member.volume).find(|&index| disk.logical_volume(index).is_some())
    {
        let name = disk.volumes.get(member).map(|volume| volume.name.clone()).unwrap_or_default();
        return Ok(Outcome::noted(
            text!(
                "The root is on the logical volume {name}: servers made from this image do not support file injection.",
                "根文件系统位于逻辑卷{name}：使用该镜像创建的弹性云服务器不支持文件注入。"
            ),
            labels,
        ));
    }
    let evidence = root.evidence.clone();
    Ok(if labels.is_empty() {
        Outcome::holds(
            text!("No volume is an LVM physical volume.", "没有LVM物理卷。"),
            vec![evidence],
        )
    } else {
        Outcome::holds(
            text!(
                "There is LVM on the disk, but the root is not on it.",
                "磁盘上有LVM，但根文件系统不在LVM上。"
            ),
            labels,
        )
    })
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
    fn a_root_on_lvm_is_worth_knowing_with_its_names() {
        let mut facts = good_linux();
        let disk = disk_mut(&mut facts);
        disk.volumes[1].start = None;
        disk.volume_groups = vec![volume_group(1, None)];
        expect(&LvmRootNoInjection, &facts, Status::Info, "vg/root");
    }

    #[test]
    fn a_root_whose_volume_cannot_be_read_is_unverified() {
        let mut facts = good_linux();
        disk_mut(&mut facts).volumes[1].signatures = Fact::unknown("partition 2", "torn");
        expect(&LvmRootNoInjection, &facts, Status::Unverified, "torn");
    }

    #[test]
    fn a_root_that_was_not_found_is_unverified() {
        let mut facts = good_linux();
        facts.guest = Fact::unknown("partition 2 (LVM2_member)", "LVM is not read");
        expect(&LvmRootNoInjection, &facts, Status::Unverified, "LVM is not read");
        assert_eq!(status(&LvmRootNoInjection, &windows()), Status::NotApplicable);
    }
}
