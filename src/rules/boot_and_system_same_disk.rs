//! `boot-and-system-same-disk`

use super::scope::{Decision, any_guest, disk, guest, known, settle, undecided};
use super::system_mounts::{is_automatic, is_boot, is_required};
use super::{Context, Doc, Fixed, Level, Outcome, Profile, Rule, volumes};
use crate::disk::facts::{DiskFacts, VolumeFacts};
use crate::fact::{Evidence, Fact, Unread};
use crate::filesystem::NeedKind;
use crate::guest::facts::{Facts, Guest, LinuxFacts, Resolution, SourceKind};
use crate::text;

mod windows;

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
        "Every device that the start needs must lead to a volume of this image: the root= of the default boot entry, and the /etc/fstab lines for /, /boot, /boot/efi, /usr and /var. A logical volume or array of which a physical volume or member is missing does not count, nor one of an exported group or of one that belongs to a host with another LVM system ID, nor an ext file system whose journal is elsewhere; a volume group or array that could not be opened leaves it undecided. Windows: the devices of the default entry in the boot configuration (BCD, boot.ini) must be partitions of this disk, by its disk signature and their offset or by their GUIDs, and the disk must not be a dynamic disk.",
        "启动所需的每个设备都必须对应到本镜像中的卷：默认引导项的root=，以及/etc/fstab中/、/boot、/boot/efi、/usr、/var各行。缺少物理卷或成员盘的逻辑卷或阵列，已导出（vgexport）或属于其他LVM系统ID的主机的卷组，以及日志在其他设备上的ext文件系统不算在内；无法打开的卷组或阵列记为无法判定。Windows：启动配置（BCD、boot.ini）默认启动项引用的设备必须是本磁盘的分区（按磁盘签名和偏移，或按GUID），且磁盘不能是动态磁盘。",
    ),
    remedy: Fixed::new(
        "Copy the file system onto the system disk, correct its line in /etc/fstab and root=, and rebuild the boot loader's configuration; or export the disk that holds both. Windows: bcdboot C:\\Windows /s S: (S: is the partition with the boot files) names the partitions anew.",
        "请将该文件系统的内容迁移到系统盘，修改/etc/fstab和root=中的对应项并重新生成引导配置；或导出同时包含两者的磁盘。Windows：执行bcdboot C:\\Windows /s S:（S:为启动文件所在分区）重新指定分区。",
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
    let disk = disk(facts)?;
    if let Fact::Unknown(unread) = &facts.guest
        && let Some(index) = spread(disk, unread)
    {
        let name = disk.volumes.get(index).map_or("", |volume| volume.name.as_str());
        let missing = disk.missing_members(index);
        let list = details(&missing);
        return Ok(Outcome::broken(
            text!(
                "No root file system is on this disk as a whole: {name} needs what is not in this image: {list}.",
                "本磁盘上没有完整的根文件系统：{name}所需的部分不在本镜像中：{list}。"
            ),
            missing,
        ));
    }
    if let Guest::Windows(windows) = guest(facts)? {
        return windows::decide(facts, disk, windows);
    }
    let linux = any_guest(facts)?;
    let entry = linux.boot.default_entry.known().and_then(Option::as_ref);
    let root = entry.and_then(|entry| {
        let root = entry.root.as_ref()?;
        let line = format!("root={}", root.spec);
        Some(("root=", root, Evidence::new(entry.command_line_location.clone(), line), false))
    });
    let mounts = linux.fstab.known().into_iter().flat_map(|fstab| &fstab.entries);
    let mounts =
        mounts.filter(|entry| is_automatic(entry) && is_boot(&entry.mount_point)).map(|entry| {
            (entry.mount_point.as_str(), &entry.source, entry.evidence(), !is_required(entry))
        });
    let (mut missing, mut optional, mut unknown, mut seen) = (vec![], vec![], vec![], vec![]);
    let (mut members, mut degraded) = (Vec::new(), Vec::new());
    for (what, device, evidence, is_optional) in root.into_iter().chain(mounts) {
        // What lies on another machine is not in this image either.
        let is_missing = device.resolution == Resolution::Missing
            && volumes::in_other_letters(disk, device).is_none();
        let is_elsewhere = is_missing || device.kind == SourceKind::Network;
        match &device.resolution {
            _ if is_elsewhere && is_optional => optional.push((what, device, evidence)),
            _ if is_elsewhere => missing.push((what, device, evidence)),
            Resolution::Unknown(unread) if !is_optional && spread(disk, unread).is_some() => {
                missing.push((what, device, evidence));
                members.extend(spread(disk, unread).map(|index| disk.missing_members(index)));
            }
            Resolution::Unknown(unread) => unknown.push(unread.clone()),
            Resolution::Volume(index) => match unusable(facts, linux, disk, *index) {
                Some(Fact::Unknown(unread)) => unknown.push(unread),
                Some(Fact::Known(why)) => {
                    let list = if is_optional { &mut optional } else { &mut missing };
                    list.push((what, device, evidence));
                    members.push(why);
                }
                None => {
                    degraded.extend(incomplete_group(disk, *index));
                    let volume = disk.volumes.get(*index).map(volumes::describe);
                    let volume = volume.unwrap_or_default();
                    seen.push(Evidence::new(evidence.location, format!("{what} on {volume}")));
                }
            },
            Resolution::Missing | Resolution::NoDevice => seen.push(evidence),
        }
    }
    if let Some((what, device, _)) = missing.first().or(optional.first()) {
        let spec = &device.spec;
        let mut members: Vec<Evidence> = members.into_iter().flatten().collect();
        members.sort_unstable();
        members.dedup();
        let list = details(&members);
        let message = if members.is_empty() {
            text!(
                "{what} is on {spec}, which is not in this image.",
                "{what}位于{spec}，但本镜像中没有该设备。"
            )
        } else {
            text!(
                "{what} is on {spec}, which is not in this image as a whole: {list}.",
                "{what}位于{spec}，但该设备在本镜像中不完整：{list}。"
            )
        };
        let is_broken = !missing.is_empty();
        let mut evidence: Vec<_> =
            missing.into_iter().chain(optional).map(|(_, _, evidence)| evidence).collect();
        evidence.extend(members);
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
    if let Some(unread) = &known(&linux.fstab)?.units_unread {
        return Err(Box::new(undecided(unread)));
    }
    known(&linux.boot.default_entry)?;
    if !linux.mounts.iter().any(|mount| mount.path == "/" && mount.volume.is_some()) {
        return Err(Box::new(undecided(&Unread::new("/", "the volume of the root is not known"))));
    }
    if !degraded.is_empty() {
        degraded.sort_unstable();
        degraded.dedup();
        let list = details(&degraded);
        return Ok(Outcome::doubtful(
            text!(
                "The volume group that the start needs is not complete, so that it may not be activated: {list}.",
                "启动所需的卷组不完整，可能无法激活：{list}。"
            ),
            degraded,
        ));
    }
    Ok(Outcome::holds(
        text!("All that the start needs is on this disk.", "启动所需的分区均在本磁盘中。"),
        seen,
    ))
}

/// Why the guest does not use a volume though it is on the disk, or it is open whether it does.
fn unusable(
    facts: &Facts,
    linux: &LinuxFacts,
    disk: &DiskFacts,
    index: usize,
) -> Option<Fact<Vec<Evidence>>> {
    let missing = disk.missing_members(index);
    if !missing.is_empty() {
        return Some(Fact::Known(missing));
    }
    let why = exported(disk, index)
        .map(Fact::Known)
        .or_else(|| linux.of_other_host(disk, index))
        .or_else(|| log_elsewhere(facts, linux, disk, index).map(Fact::Known));
    why.map(|why| why.map(|evidence| vec![evidence]))
}

/// What says that a logical volume's group is exported, so that nothing activates it (vgexport(8)).
fn exported(disk: &DiskFacts, index: usize) -> Option<Evidence> {
    let (group, _) = disk.logical_volume(index).filter(|(group, _)| group.exported)?;
    let detail = "it is exported, and no machine activates it before vgimport";
    Some(Evidence::new(format!("volume group {}", group.name), detail))
}

/// What says that the log of a volume's file system is on a device that is not in this image.
fn log_elsewhere(
    facts: &Facts,
    linux: &LinuxFacts,
    disk: &DiskFacts,
    index: usize,
) -> Option<Evidence> {
    let found = facts.filesystems.iter().find(|found| found.volume == index)?;
    let mut health = found.health.known()?.clone();
    // A device that a mount option has to name may be one of this disk.
    health.needs.retain(|need| need.kind == NeedKind::LogDevice(false));
    linux.refusal(&health, disk, std::iter::empty())
}

/// The volume that `unread` speaks of, when it is unread for its missing members alone and nothing
/// else on the disk stayed unseen: what is not found then is not in this image as a whole.
fn spread(disk: &DiskFacts, unread: &Unread) -> Option<usize> {
    let is_spread = |index: usize| !disk.missing_members(index).is_empty();
    let is_hiding = |(index, volume): (usize, &VolumeFacts)| {
        volume.signatures.known().is_none() && !is_spread(index) || disk.unopened(index).is_some()
    };
    if disk.table_read.known().is_none() || disk.volumes.iter().enumerate().any(is_hiding) {
        return None;
    }
    let found = disk.volumes.iter().position(|volume| volume.name == unread.location);
    found.filter(|index| is_spread(*index))
}

/// What is missing from the group of a logical volume that is whole itself: groups are activated at
/// boot once they are complete (lvmautoactivation(7)).
fn incomplete_group(disk: &DiskFacts, volume: usize) -> Vec<Evidence> {
    let group = disk.logical_volume(volume).map(|(group, _)| group);
    let missing = group.map(|group| group.missing_pvs().map(|pv| pv.missing(group)).collect());
    missing.unwrap_or_default()
}

/// The details of evidence in one line.
fn details(evidence: &[Evidence]) -> String {
    let details = evidence.iter().map(|seen| format!("{}: {}", seen.location, seen.detail));
    details.collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::filesystem::Need;
    use crate::rules::Status;
    use crate::rules::testing::*;

    #[test]
    fn a_uuid_in_other_letters_is_no_other_disk() {
        let mut facts = good_linux();
        let spec = format!("UUID={}", ROOT_UUID.to_uppercase());
        entry_mut(&mut facts).root = Some(device(&spec, SourceKind::Uuid, Resolution::Missing));
        assert_eq!(status(&BootAndSystemSameDisk, &facts), Status::Pass);
    }

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
        expect(&BootAndSystemSameDisk, &unread_inside(), Status::Unverified, "it was torn");
    }

    #[test]
    fn a_root_whose_journal_is_on_another_device_fails() {
        let mut facts = good_linux();
        let evidence =
            Evidence::new("partition 2: ext superblock, byte 1252", "its journal is away");
        let need = Need { kind: NeedKind::LogDevice(false), evidence };
        health_mut(&mut facts, 1).needs.push(need);
        expect(&BootAndSystemSameDisk, &facts, Status::Fail, "its journal is away");
        // What bears no signature that is known may be it.
        disk_mut(&mut facts).volumes[2].signatures = Fact::Known(Vec::new());
        assert_eq!(status(&BootAndSystemSameDisk, &facts), Status::Pass);
    }

    /// The root is a logical volume, one physical volume of whose group is missing.
    fn on_a_group_in_part(is_needed: bool) -> Facts {
        let mut facts = good_linux();
        let mut group = volume_group(1, Some("Zr3WgP-gone"));
        if !is_needed {
            group.logical_volumes[0].missing_pvs.clear();
        }
        let disk = disk_mut(&mut facts);
        disk.volume_groups = vec![group];
        disk.volumes[1].name = "vg/root".to_owned();
        disk.volumes[1].start = None;
        facts
    }

    #[test]
    fn a_root_on_a_missing_physical_volume_fails_with_its_uuid() {
        let mut facts = on_a_group_in_part(true);
        let why = "its physical volume Zr3WgP-gone is not in this image";
        disk_mut(&mut facts).volumes[1].signatures = Fact::unknown("vg/root", why);
        let finding = expect(&BootAndSystemSameDisk, &facts, Status::Fail, "Zr3WgP-gone");
        assert!(finding.message.en.contains("Zr3WgP-gone"), "{}", finding.message.en);
        // Then the guest itself is not known, either.
        facts.guest = Fact::unknown("vg/root", why);
        expect(&BootAndSystemSameDisk, &facts, Status::Fail, "Zr3WgP-gone");
        disk_mut(&mut facts).volumes[0].signatures = Fact::unknown("partition 1", "torn");
        expect(&BootAndSystemSameDisk, &facts, Status::Unverified, "Zr3WgP-gone");
    }

    #[test]
    fn a_root_in_an_exported_group_fails_and_in_that_of_a_host_is_open() {
        let mut facts = on_a_group_in_part(false);
        let group = &mut disk_mut(&mut facts).volume_groups[0];
        group.physical_volumes.truncate(1);
        group.system_id = Some("otherhost".to_owned());
        expect(&BootAndSystemSameDisk, &facts, Status::Fail, "the guest has none");
        linux_mut(&mut facts).lvm_system_ids = Fact::unknown("/etc/lvm/lvm.conf:3", "by uname");
        expect(&BootAndSystemSameDisk, &facts, Status::Unverified, "otherhost");
        let own = Evidence::new("/etc/lvm/lvmlocal.conf:2", "otherhost");
        linux_mut(&mut facts).lvm_system_ids = Fact::Known(vec![own]);
        expect(&BootAndSystemSameDisk, &facts, Status::Pass, "on this disk");
        disk_mut(&mut facts).volume_groups[0].exported = true;
        expect(&BootAndSystemSameDisk, &facts, Status::Fail, "before vgimport");
    }

    #[test]
    fn a_whole_root_in_a_group_that_is_not_complete_warns() {
        let facts = on_a_group_in_part(false);
        expect(&BootAndSystemSameDisk, &facts, Status::Warn, "Zr3WgP-gone");
    }
}
