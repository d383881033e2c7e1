//! `boot-and-system-same-disk`

use super::scope::{Decision, any_guest, disk, known, settle, undecided};
use super::system_mounts::{is_automatic, is_boot, is_optional};
use super::{Context, Doc, Fixed, Level, Outcome, Profile, Rule, volumes};
use crate::fact::{Evidence, Unread};
use crate::guest::facts::{Facts, Resolution, SourceKind};
use crate::text;

/// Everything that the guest boots from is in this image.
pub(super) struct BootAndSystemSameDisk;

static DOC: Doc = Doc {
    title: Fixed::new(
        "Boot partition and system partition are on the same disk",
        "镜像启动分区和系统分区在同一个磁盘中",
    ),
    why: Fixed::new(
        "One file becomes one disk. What /boot, /usr or the root file system needs from another disk is not there on the server, and the start ends in the boot loader, the initramfs or the emergency shell.",
        "一个镜像文件对应一个磁盘。如果/boot、/usr或根文件系统依赖另一个磁盘，云服务器上将找不到该磁盘，启动会停在引导程序、initramfs或紧急模式。",
    ),
    decided: Fixed::new(
        "Every device that the start needs must lead to a volume of this image: the root= of the default boot entry, and the /etc/fstab lines for /, /boot, /boot/efi, /usr and /var. A volume group or array that could not be opened leaves it undecided.",
        "启动所需的每个设备都必须对应到本镜像中的卷：默认引导项的root=，以及/etc/fstab中/、/boot、/boot/efi、/usr、/var各行。无法打开的卷组或阵列记为无法判定。",
    ),
    remedy: Fixed::new(
        "Copy the file system onto the system disk, correct its line in /etc/fstab and root=, and rebuild the boot loader's configuration; or export the disk that holds both.",
        "请将该文件系统的内容迁移到系统盘，修改/etc/fstab和root=中的对应项并重新生成引导配置；或导出同时包含两者的磁盘。",
    ),
    source: "制作镜像 (ims_03_0603), Windows list item 7, Linux list item 9",
    predicts: &[],
    repaired_by_platform: false,
};

impl Rule for BootAndSystemSameDisk {
    fn id(&self) -> &'static str {
        "boot-and-system-same-disk"
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
    let linux = any_guest(facts)?;
    let disk = disk(facts)?;
    let entry = linux.boot.default_entry.known().and_then(Option::as_ref);
    let root = entry.and_then(|entry| {
        let root = entry.root.as_ref()?;
        let line = format!("root={}", root.spec);
        Some(("root=", root, Evidence::new(entry.command_line_location.clone(), line), false))
    });
    let mounts = linux.fstab.known().into_iter().flat_map(|fstab| &fstab.entries);
    let mounts =
        mounts.filter(|entry| is_automatic(entry) && is_boot(&entry.mount_point)).map(|entry| {
            (entry.mount_point.as_str(), &entry.source, entry.evidence(), is_optional(entry))
        });
    let (mut missing, mut optional, mut unknown, mut seen) = (vec![], vec![], vec![], vec![]);
    for (what, device, evidence, is_optional) in root.into_iter().chain(mounts) {
        // What lies on another machine is not in this image either.
        let is_elsewhere =
            device.resolution == Resolution::Missing || device.kind == SourceKind::Network;
        match &device.resolution {
            _ if is_elsewhere && is_optional => optional.push((what, device, evidence)),
            _ if is_elsewhere => missing.push((what, device, evidence)),
            Resolution::Unknown(unread) => unknown.push(unread),
            Resolution::Volume(index) => {
                let volume = disk.volumes.get(*index).map(volumes::describe);
                let volume = volume.unwrap_or_default();
                seen.push(Evidence::new(evidence.location, format!("{what} on {volume}")));
            }
            Resolution::Missing | Resolution::NoDevice => seen.push(evidence),
        }
    }
    if let Some((what, device, _)) = missing.first().or(optional.first()) {
        let spec = &device.spec;
        let message = text!(
            "{what} is on {spec}, which is not in this image.",
            "{what}位于{spec}，但本镜像中没有该设备。"
        );
        let is_broken = !missing.is_empty();
        let mut evidence: Vec<_> =
            missing.into_iter().chain(optional).map(|(_, _, evidence)| evidence).collect();
        evidence.extend(volumes::identifiers(disk));
        return Ok(if is_broken {
            Outcome::broken(message, evidence)
        } else {
            Outcome::doubtful(message, evidence)
        });
    }
    if let Some(unread) = unknown.first() {
        return Err(Box::new(undecided(unread)));
    }
    known(&linux.fstab)?;
    known(&linux.boot.default_entry)?;
    if !linux.mounts.iter().any(|mount| mount.path == "/" && mount.volume.is_some()) {
        return Err(Box::new(undecided(&Unread::new("/", "the volume of the root is not known"))));
    }
    Ok(Outcome::holds(
        text!("All that the start needs is on this disk.", "启动所需的分区均在本磁盘中。"),
        seen,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::Status;
    use crate::rules::testing::*;

    #[test]
    fn a_disk_with_all_that_it_boots_from_passes() {
        expect(&BootAndSystemSameDisk, &good_linux(), Status::Pass, "/boot on partition 1 (ext4)");
    }

    #[test]
    fn a_boot_partition_elsewhere_fails_with_its_line() {
        let mut facts = good_linux();
        fstab_mut(&mut facts).entries[1].source = absent_disk();
        let finding = expect(&BootAndSystemSameDisk, &facts, Status::Fail, "/etc/fstab:2");
        assert!(finding.message.en.contains("/boot is on UUID=dead"));
    }

    #[test]
    fn a_system_directory_from_the_network_fails() {
        let mut facts = good_linux();
        let export = device("server:/usr", SourceKind::Network, Resolution::NoDevice);
        fstab_mut(&mut facts).entries.push(mount(9, export, "/usr", "nfs"));
        expect(&BootAndSystemSameDisk, &facts, Status::Fail, "/etc/fstab:9");
    }

    #[test]
    fn a_root_elsewhere_fails() {
        let mut facts = good_linux();
        entry_mut(&mut facts).root = Some(absent_disk());
        expect(&BootAndSystemSameDisk, &facts, Status::Fail, "/boot/grub2/grub.cfg:100");
    }

    #[test]
    fn a_data_disk_does_not_concern_it_and_an_optional_mount_warns() {
        let mut facts = good_linux();
        fstab_mut(&mut facts).entries.push(mount(7, absent_disk(), "/data", "ext4"));
        assert_eq!(status(&BootAndSystemSameDisk, &facts), Status::Pass);
        let efi = with_options(mount(8, absent_disk(), "/boot/efi", "vfat"), "defaults,nofail");
        fstab_mut(&mut facts).entries.push(efi);
        expect(&BootAndSystemSameDisk, &facts, Status::Warn, "/etc/fstab:8");
    }

    #[test]
    fn a_volume_group_that_cannot_be_opened_is_unverified() {
        let mut facts = good_linux();
        let why = Unread::new("partition 2", "LVM is not read");
        fstab_mut(&mut facts).entries[0].source =
            device("/dev/mapper/cl-root", SourceKind::DeviceMapper, Resolution::Unknown(why));
        expect(&BootAndSystemSameDisk, &facts, Status::Unverified, "LVM is not read");
        expect(&BootAndSystemSameDisk, &windows(), Status::Unverified, "recognised but not read");
        expect(&BootAndSystemSameDisk, &unread_inside(), Status::Unverified, "it was torn");
    }
}
