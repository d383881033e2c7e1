//! `os-not-hardware-bound`

use super::scope::{Decision, disk, known, settle, some_guest, undecided, without_guest};
use super::system_mounts::is_boot;
use super::{Context, Doc, Fixed, Level, Outcome, Profile, Rule};
use crate::disk::facts::{DiskFacts, SignatureKind};
use crate::fact::{Evidence, Unread};
use crate::guest::facts::{
    BindingKind, DeviceRef, Facts, FstabEntry, Guest, LinuxFacts, SourceKind, WindowsFacts,
};
use crate::text;

/// The system is tied to no machine.
pub(super) struct OsNotHardwareBound;

static DOC: Doc = Doc {
    title: Fixed::new(
        "The operating system is not tied to particular hardware",
        "操作系统不与特定硬件绑定",
    ),
    why: Fixed::new(
        "The server has other disks, buses and MAC addresses. A root named by a serial number or bus path is not found; a network configuration for one MAC address leaves the server without a network, and so without a password from the metadata service.",
        "云服务器的磁盘、总线和MAC地址都与原机器不同。用序列号或总线路径引用的根设备无法找到；绑定MAC地址的网络配置会导致网卡无法启动，进而无法从元数据服务获取密码。",
    ),
    decided: Fixed::new(
        "Root and boot named by /dev/disk/by-id, by-path, nvme or mmc names, and members of firmware RAID (Intel IMSM, DDF) are broken. MAC addresses in udev rules or network configuration are broken too; in files that cloud-init writes anew on each new instance they warn, and so does an entry of /etc/lvm/devices/system.devices that knows a physical volume of this image by its old disk. Of Windows a MAC address that was set by hand (NetworkAddress) is broken on a card that the platform has: virtio, Xen, Realtek 8139; it stands in the key of one card, and another card gets a key of its own, so that on other cards it is only shown. Activation bound to hardware cannot be seen.",
        "根或启动设备使用/dev/disk/by-id、by-path、nvme或mmc名称，或磁盘为固件RAID（Intel IMSM、DDF）成员，判为不满足。udev规则或网络配置中的MAC地址同样判为不满足；位于cloud-init会在新实例上重新生成的文件中时，仅告警；/etc/lvm/devices/system.devices按原磁盘标识记录本镜像中的物理卷时，同样告警。Windows中平台提供的网卡（virtio、Xen、Realtek 8139）手工设置了MAC地址（NetworkAddress）时判为不满足；该值属于单个网卡的注册表项，新网卡使用自己的项，因此其他网卡仅作展示。与硬件绑定的激活信息无法检测。",
    ),
    remedy: Fixed::new(
        "Name disks by UUID in /etc/fstab and the boot loader; rm -f /etc/udev/rules.d/*persistent*net*; rm -f /etc/lvm/devices/system.devices; take HWADDR=, MACADDR= and macaddress: out of the network configuration.",
        "在/etc/fstab和引导配置中使用UUID；执行rm -f /etc/udev/rules.d/*persistent*net*和rm -f /etc/lvm/devices/system.devices；删除网络配置中的HWADDR=、MACADDR=和macaddress:。",
    ),
    source: "制作镜像 (ims_03_0603), Windows list item 13, Linux list item 13; 准备镜像文件（Linux） (ims_01_0209)",
    predicts: &[],
    repaired_by_platform: false,
};

impl Rule for OsNotHardwareBound {
    fn id(&self) -> &'static str {
        "os-not-hardware-bound"
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
    let guest = some_guest(facts)?;
    let (raid, mut unknown) = firmware_raid(disk(facts)?);
    let linux = match guest {
        Guest::Linux(linux) => linux,
        Guest::Windows(windows) => return of_windows(windows, raid, unknown),
        Guest::Absent(_) => return Err(Box::new(without_guest())),
    };
    let mut critical = device_names(linux);
    critical.extend(raid);
    let mut mild = Vec::new();
    match linux.bindings.as_result() {
        Ok(bindings) => {
            for binding in bindings {
                let evidence = binding.evidence.clone();
                let is_critical = match binding.kind {
                    BindingKind::BusName | BindingKind::UdevMac | BindingKind::NetworkMac => true,
                    BindingKind::DiskIdentity | BindingKind::GeneratedMac => false,
                };
                let list = if is_critical { &mut critical } else { &mut mild };
                list.push(evidence);
            }
        }
        Err(unread) => unknown = unknown.or(Some(unread)),
    }
    mild.retain(|seen| critical.iter().all(|other| other.location != seen.location));
    if let Some(first) = critical.first() {
        let (place, what) = (first.location.clone(), first.detail.clone());
        let (place_zh, what_zh) = first.in_chinese();
        critical.append(&mut mild);
        return Ok(Outcome::broken(
            text!(
                "The system is tied to its old machine: {place}: {what}.",
                "系统与原机器硬件绑定：{place_zh}：{what_zh}。"
            ),
            critical,
        ));
    }
    for fact in [linux.fstab.unread(), linux.boot.default_entry.unread()] {
        unknown = unknown.or(fact);
    }
    if let Some(unread) = unknown {
        return Err(Box::new(undecided(unread)));
    }
    if let Some(first) = mild.first() {
        let (place, what) = (first.location.clone(), first.detail.clone());
        let (place_zh, what_zh) = first.in_chinese();
        return Ok(Outcome::doubtful(
            text!(
                "A setting names the old machine's hardware: {place}: {what}.",
                "配置中包含原机器的硬件信息：{place_zh}：{what_zh}。"
            ),
            mild,
        ));
    }
    Ok(Outcome::holds(
        text!(
            "No disk is named by its hardware and no network setting by a MAC address. Activation cannot be seen.",
            "未发现按硬件引用的磁盘或绑定MAC地址的网络配置。激活状态无法检测。"
        ),
        vec![Evidence::new(
            "/etc/fstab, boot entry, udev rules, network configuration",
            "no bindings",
        )],
    ))
}

/// Members of firmware RAID, and why others may have been missed. Firmware keeps its metadata on
/// disks and partitions, not inside other volumes.
fn firmware_raid(disk: &DiskFacts) -> (Vec<Evidence>, Option<&Unread>) {
    let (mut members, mut unknown) = (Vec::new(), None);
    for volume in disk.volumes.iter().filter(|volume| volume.start.is_some()) {
        match volume.signatures.as_result() {
            Ok(signatures) => {
                let raid = |kind| matches!(kind, SignatureKind::Imsm | SignatureKind::Ddf);
                let found = signatures.iter().filter(|signature| raid(signature.kind));
                members.extend(found.map(|s| Evidence::new(volume.name.clone(), s.kind.name())));
            }
            Err(unread) => unknown = unknown.or(Some(unread)),
        }
    }
    (members, unknown)
}

/// Windows finds its disks by their signatures: what ties it to a machine is a MAC address that was
/// set by hand, and firmware RAID.
fn of_windows(windows: &WindowsFacts, raid: Vec<Evidence>, unknown: Option<&Unread>) -> Decision {
    let macs = windows.fixed_macs.known().into_iter().flatten();
    let (here, elsewhere): (Vec<_>, Vec<_>) = macs.partition(|mac| is_of_the_platform(&mac.device));
    let ties: Vec<_> = here.iter().map(|mac| mac.evidence.clone()).chain(raid).collect();
    if let Some(first) = ties.first() {
        let (place, what) = (first.location.clone(), first.detail.clone());
        let (place_zh, what_zh) = first.in_chinese();
        return Ok(Outcome::broken(
            text!(
                "The system is tied to its old machine: {place}: {what}.",
                "系统与原机器硬件绑定：{place_zh}：{what_zh}。"
            ),
            ties,
        )
        .remedy(text!(
            "Set “Network address” of the card to “not present” in Device Manager (devmgmt.msc), Advanced; move the disk off firmware RAID.",
            "在设备管理器（devmgmt.msc）中将网卡高级属性“网络地址”设为“不存在”；磁盘不要使用固件RAID。"
        )));
    }
    known(&windows.fixed_macs)?;
    if let Some(unread) = unknown {
        return Err(Box::new(undecided(unread)));
    }
    if !elsewhere.is_empty() {
        return Ok(Outcome::holds(
            text!(
                "Only a card that the platform does not have has a MAC address that was set by hand; another card does not take it over. Activation cannot be seen.",
                "仅平台不提供的网卡手工设置了MAC地址，新网卡不会沿用。激活状态无法检测。"
            ),
            elsewhere.iter().map(|mac| mac.evidence.clone()).collect(),
        ));
    }
    Ok(Outcome::holds(
        text!(
            "No network card has a MAC address of its own. Activation cannot be seen.",
            "未发现手工设置MAC地址的网卡。激活状态无法检测。"
        ),
        vec![Evidence::new(
            r"HKLM\SYSTEM\CurrentControlSet\Control\Class\{4D36E972-E325-11CE-BFC1-08002BE10318}",
            "no NetworkAddress",
        )],
    ))
}

/// Whether a server of the platform has network cards of that id: virtio, those of Xen (`xen\vif`,
/// `xenvif\…`, its platform device), and what Xen emulates.
fn is_of_the_platform(device: &str) -> bool {
    const CARDS: &[&str] = &[r"pci\ven_1af4", r"pci\ven_5853", r"pci\ven_10ec&dev_8139", "xen"];
    CARDS.iter().any(|card| device.starts_with(card))
}

/// The devices that the start needs and that are named by serial number or bus path.
fn device_names(linux: &LinuxFacts) -> Vec<Evidence> {
    let is_identity =
        |device: &DeviceRef| matches!(device.kind, SourceKind::ById | SourceKind::ByPath);
    let boot = linux.boot.default_entry.known().and_then(Option::as_ref);
    let root = boot.and_then(|boot| {
        let root = boot.root.as_ref().filter(|root| is_identity(root))?;
        let what = format!("root={}", root.spec);
        Some(Evidence::new(boot.command_line_location.clone(), what))
    });
    let mounts = linux.fstab.known().into_iter().flat_map(|fstab| &fstab.entries);
    mounts
        .filter(|mount| is_boot(&mount.mount_point) && is_identity(&mount.source))
        .map(FstabEntry::evidence)
        .chain(root)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fact::Fact;
    use crate::guest::facts::{Binding, FixedMac, Resolution};
    use crate::rules::Status;
    use crate::rules::testing::windows::*;
    use crate::rules::testing::*;

    fn bound(kind: BindingKind, location: &str) -> Facts {
        let mut facts = good_linux();
        let evidence = Evidence::new(location, "00:50:56:aa:bb:cc");
        linux_mut(&mut facts).bindings = Fact::Known(vec![Binding { kind, evidence }]);
        facts
    }

    #[test]
    fn a_machine_without_bindings_passes() {
        expect(&OsNotHardwareBound, &good_linux(), Status::Pass, "no bindings");
    }

    #[test]
    fn a_root_named_by_serial_number_fails() {
        let mut facts = good_linux();
        let spec = "/dev/disk/by-id/ata-VMware_0001-part2";
        entry_mut(&mut facts).root = Some(device(spec, SourceKind::ById, Resolution::Missing));
        expect(&OsNotHardwareBound, &facts, Status::Fail, "ata-VMware_0001-part2");
    }

    #[test]
    fn a_mac_address_fails_unless_cloud_init_writes_the_file_anew() {
        let facts = bound(BindingKind::NetworkMac, "/etc/sysconfig/network-scripts/ifcfg-eth0:4");
        expect(&OsNotHardwareBound, &facts, Status::Fail, "ifcfg-eth0:4");
        let facts = bound(BindingKind::UdevMac, "/etc/udev/rules.d/70-persistent-net.rules:2");
        expect(&OsNotHardwareBound, &facts, Status::Fail, "00:50:56");
        let facts = bound(BindingKind::GeneratedMac, "/etc/netplan/50-cloud-init.yaml:9");
        expect(&OsNotHardwareBound, &facts, Status::Warn, "50-cloud-init.yaml:9");
    }

    #[test]
    fn a_bus_name_fails_and_another_disk_identity_warns() {
        let facts = bound(BindingKind::BusName, "/etc/fstab:1");
        expect(&OsNotHardwareBound, &facts, Status::Fail, "/etc/fstab:1");
        let facts = bound(BindingKind::DiskIdentity, "/etc/fstab:9");
        expect(&OsNotHardwareBound, &facts, Status::Warn, "/etc/fstab:9");
    }

    #[test]
    fn a_member_of_firmware_raid_fails() {
        let mut facts = good_linux();
        let Fact::Known(signatures) = &mut disk_mut(&mut facts).volumes[1].signatures else {
            panic!()
        };
        signatures[0].kind = SignatureKind::Imsm;
        expect(&OsNotHardwareBound, &facts, Status::Fail, "isw_raid_member");
    }

    #[test]
    fn unreadable_settings_are_unverified() {
        let mut facts = good_linux();
        linux_mut(&mut facts).bindings = Fact::unknown("/etc/udev/rules.d", "torn");
        expect(&OsNotHardwareBound, &facts, Status::Unverified, "torn");
        expect(&OsNotHardwareBound, &windows(), Status::Unverified, "it is not read");
    }

    #[test]
    fn a_mac_address_that_was_set_in_windows_fails() {
        let mut facts = good_windows();
        expect(&OsNotHardwareBound, &facts, Status::Pass, "no NetworkAddress");
        let mut set = |device: &str| {
            let evidence = Evidence::new(r"Class\{4D36E972}\0007", "NetworkAddress=005056AABBCC");
            let mac = FixedMac { device: device.to_owned(), evidence };
            windows_mut(&mut facts).fixed_macs = Fact::Known(vec![mac]);
            facts.clone()
        };
        for device in [r"pci\ven_1af4&dev_1000&subsys_00011af4&rev_00", r"xen\vif"] {
            let finding = expect(&OsNotHardwareBound, &set(device), Status::Fail, "005056AABBCC");
            assert!(remedy(&finding).contains("devmgmt.msc"));
        }
        let facts = set(r"pci\ven_15ad&dev_07b0&subsys_07b015ad&rev_01");
        expect(&OsNotHardwareBound, &facts, Status::Pass, "does not take it over");
    }
}
