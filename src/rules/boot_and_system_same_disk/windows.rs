//! Where the boot configuration of Windows looks for it.

use crate::chinese::chinese;
use crate::disk::facts::DiskFacts;
use crate::fact::{Evidence, Unread};
use crate::guest::facts::{Facts, LinkState, Resolution, WindowsFacts};
use crate::rules::scope::{Decision, undecided};
use crate::rules::{Outcome, volumes};
use crate::text;

pub(super) fn decide(facts: &Facts, disk: &DiskFacts, windows: &WindowsFacts) -> Decision {
    let (path, _) = windows.boot.of_firmware(&facts.firmware);
    let missing = path.devices.iter().find(|device| device.resolution == Resolution::Missing);
    if let Some(device) = missing {
        let spec = &device.spec;
        let spec_zh = chinese(spec);
        let (en, zh) = match device.what.as_str() {
            "loader" => ("Windows' loader", "Windows加载程序"),
            _ => ("Windows", "Windows"),
        };
        let mut evidence = vec![device.evidence.clone()];
        evidence.extend(identity(disk));
        evidence.extend(volumes::identifiers(disk));
        return Ok(Outcome::broken(
            text!(
                "The boot configuration looks for {en} on {spec}, which is not in this image.",
                "启动配置从{spec_zh}启动{zh}，但本镜像中没有该分区。"
            ),
            evidence,
        )
        .remedy(text!(
            "If Windows lies on this disk, name its partition anew, from the command prompt of an installation medium: bcdboot C:\\Windows /s S: (S: is the partition with the boot files); otherwise export the disk that holds both.",
            "如果Windows就在本磁盘上，请在安装介质的命令提示符下重新指定分区：bcdboot C:\\Windows /s S:（S:为启动文件所在分区）；否则请导出同时包含两者的磁盘。"
        )));
    }
    if !windows.boot.dynamic_disk.is_empty() {
        return Ok(Outcome::broken(
            text!(
                "The disk is a dynamic disk, whose volumes may span other disks.",
                "磁盘为动态磁盘，其卷可能跨越其他磁盘。"
            ),
            windows.boot.dynamic_disk.clone(),
        )
        .remedy(text!(
            "Move the system to a basic disk: make an image of the volume and restore it to a new basic disk, then bcdboot C:\\Windows. diskpart's convert basic erases the volumes.",
            "请将系统迁移到基本磁盘：备份该卷并还原到新的基本磁盘，再执行bcdboot C:\\Windows。diskpart的convert basic会删除卷上的数据。"
        )));
    }
    let unknown = path.devices.iter().find_map(|device| match &device.resolution {
        Resolution::Unknown(Unread { reason, .. }) => {
            Some(Unread::new(device.evidence.location.clone(), reason.clone()))
        }
        _ => None,
    });
    if let Some(unread) = unknown {
        return Err(Box::new(undecided(&unread)));
    }
    if path.devices.is_empty() {
        return Err(Box::new(undecided(&why_not_named(windows, facts))));
    }
    let seen = path.devices.iter().map(|device| {
        let volume = match device.resolution {
            Resolution::Volume(index) => disk.volumes.get(index).map(volumes::describe),
            _ => None,
        };
        let on = volume.unwrap_or_else(|| device.spec.clone());
        Evidence::new(device.evidence.location.clone(), format!("{} on {on}", device.what))
    });
    Ok(Outcome::holds(
        text!("All that the start needs is on this disk.", "启动所需的分区均在本磁盘中。"),
        seen.collect(),
    ))
}

/// Which disk this is, as a boot configuration would name it.
fn identity(disk: &DiskFacts) -> Option<Evidence> {
    match (&disk.gpt, &disk.mbr_signature) {
        (Some(gpt), _) => Some(Evidence::new("GPT header", format!("disk {}", gpt.disk_guid))),
        (None, Some(signature)) => {
            Some(Evidence::new("MBR, byte 440", format!("disk signature {signature}")))
        }
        (None, None) => None,
    }
}

/// Why the boot configuration names no device: the first link that is not there.
fn why_not_named(windows: &WindowsFacts, facts: &Facts) -> Unread {
    let (path, _) = windows.boot.of_firmware(&facts.firmware);
    let broken = path.chain.iter().find_map(|link| {
        let location = link.evidence.location.clone();
        match &link.state {
            LinkState::Unknown(reason) => Some(Unread::new(location, reason.clone())),
            LinkState::Missing => Some(Unread::new(location, link.evidence.detail.clone())),
            LinkState::Found | LinkState::NotNeeded => None,
        }
    });
    broken.unwrap_or_else(|| Unread::new("boot configuration", "it names no device"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::Status;
    use crate::rules::boot_and_system_same_disk::BootAndSystemSameDisk;
    use crate::rules::testing::windows::*;
    use crate::rules::testing::*;

    #[test]
    fn a_boot_configuration_that_names_this_disk_passes() {
        expect(&BootAndSystemSameDisk, &good_windows(), Status::Pass, "partition 2 (ntfs)");
        expect(&BootAndSystemSameDisk, &windows_uefi(), Status::Pass, r"\EFI\Microsoft\Boot\BCD");
    }

    #[test]
    fn a_boot_configuration_that_names_another_disk_fails() {
        let mut facts = good_windows();
        windows_mut(&mut facts).boot.bios.devices[1].resolution = Resolution::Missing;
        let finding = expect(&BootAndSystemSameDisk, &facts, Status::Fail, "21000001");
        assert!(finding.evidence.iter().any(|seen| seen.detail.contains("0009a3b1")));
        assert!(remedy(&finding).contains("bcdboot"));
    }

    #[test]
    fn a_dynamic_disk_fails() {
        let mut facts = good_windows();
        windows_mut(&mut facts).boot.dynamic_disk =
            vec![Evidence::new("MBR, byte 446", "partition 1, type 0x42")];
        expect(&BootAndSystemSameDisk, &facts, Status::Fail, "0x42");
    }

    #[test]
    fn a_boot_configuration_that_is_not_read_is_unverified() {
        let mut facts = good_windows();
        let boot = &mut windows_mut(&mut facts).boot.bios;
        boot.devices.clear();
        boot.chain[4].state = LinkState::Unknown("the hive is torn".to_owned());
        expect(&BootAndSystemSameDisk, &facts, Status::Unverified, "the hive is torn");
        expect(&BootAndSystemSameDisk, &windows_unread(), Status::Unverified, "it was torn");
        let mut facts = good_windows();
        windows_mut(&mut facts).boot.bios.devices[0].resolution =
            Resolution::Unknown(Unread::new("x", "a system on a virtual disk is not followed"));
        expect(&BootAndSystemSameDisk, &facts, Status::Unverified, "virtual disk");
    }
}
