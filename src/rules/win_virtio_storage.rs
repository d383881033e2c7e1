//! `win-virtio-storage`

use super::scope::{Decision, settle, windows_only};
use super::win_drivers::{
    Flaw, SERVICES, Storage, evidence, listed, path_flaws, repairs, virtio_storage,
};
use super::{Context, Doc, Fixed, Level, Outcome, Profile, Rule, Text};
use crate::fact::Evidence;
use crate::guest::facts::Facts;
use crate::text;

/// Windows starts a driver for virtio disks at boot.
pub(super) struct WinVirtioStorage;

static DOC: Doc = Doc {
    title: Fixed::new(
        "Windows loads a virtio disk driver at boot",
        "Windows启动时自动加载virtio磁盘驱动",
    ),
    why: Fixed::new(
        "On KVM servers the system disk is a virtio disk. Without its driver Windows stops with 0x7B INACCESSIBLE_BOOT_DEVICE.",
        "KVM云服务器的系统盘为virtio磁盘。缺少驱动时，Windows会蓝屏（0x7B INACCESSIBLE_BOOT_DEVICE），云服务器无法启动。",
    ),
    decided: Fixed::new(
        "viostor or vioscsi of the current control set has the Type of a driver, Start=0 and no StartOverride that puts it off (Windows 8 and later), its file is a whole PE image for the processor of the kernel, and something binds it to the device: CriticalDeviceDatabase before Windows 8, DriverDatabase\\DeviceIds (hive SYSTEM or DRIVERS) by way of the INF file's package since, or Enum where the machine has run on such a disk. Windows' own drivers on the way to the disk (ACPI, pci, disk, partmgr, volmgr, mountmgr), where their keys are there, are held to the same, and each filter of the classes System, SCSIAdapter, DiskDrive and Volume must have a service and a file. Signatures are not verified.",
        "当前控制集中viostor或vioscsi服务的Type为驱动，Start为0且没有推迟启动的StartOverride（Windows 8及以上），驱动文件为完整的PE映像且与内核架构一致，并已与设备关联：Windows 8之前看CriticalDeviceDatabase，之后看DriverDatabase\\DeviceIds（SYSTEM或DRIVERS配置单元）及其INF驱动包，或在此类磁盘上运行过的记录（Enum）。通往磁盘的系统自带驱动（ACPI、pci、disk、partmgr、volmgr、mountmgr）若有服务项，要求相同；设备类System、SCSIAdapter、DiskDrive和Volume的每个过滤驱动必须有对应的服务和文件。不验证签名。",
    ),
    remedy: Fixed::new(
        "Install UVP VMTools (vmtools-windows.zip) or virtio-win (viostor) in the running system before the image is taken: virtio-win-guest-tools.exe, or add a virtio disk and run pnputil /add-driver viostor.inf /install",
        "导出镜像前在系统内安装UVP VMTools（vmtools-windows.zip）或virtio-win（viostor）：运行virtio-win-guest-tools.exe，或添加一块virtio磁盘并执行pnputil /add-driver viostor.inf /install",
    ),
    source: "安装UVP-VMTools; OTC 0000001841305273; libguestfs-common mlcustomize/inject_virtio_win.ml",
    predicts: &[],
    repaired_by_platform: false,
};

impl Rule for WinVirtioStorage {
    fn id(&self) -> &'static str {
        "win-virtio-storage"
    }

    fn level(&self, profile: Profile) -> Option<Level> {
        Some(match profile {
            // Only the newer pages ask for it.
            Profile::ImsClassic => Level::Recommended,
            Profile::Huaweicloud | Profile::Otc => Level::Required,
        })
    }

    fn doc(&self) -> &'static Doc {
        &DOC
    }

    fn check(&self, facts: &Facts, _: &Context) -> Outcome {
        settle(decide(facts))
    }
}

fn decide(facts: &Facts) -> Decision {
    let windows = windows_only(facts)?;
    let path = || path_flaws(windows, "SCSIAdapter");
    Ok(match virtio_storage(windows)? {
        Storage::Ready(mut seen) => {
            let flaws = path()?;
            if flaws.is_empty() {
                return Ok(Outcome::holds(
                    text!(
                        "The virtio disk driver is loaded at boot.",
                        "virtio磁盘驱动随系统启动加载。"
                    ),
                    seen,
                ));
            }
            let Text { en, zh } = listed(&flaws);
            let what = text!(
                "The virtio disk driver is loaded at boot, but Windows would not reach the disk: {en}.",
                "virtio磁盘驱动随系统启动加载，但Windows无法访问磁盘：{zh}。"
            );
            let remedy = of_the_path(&flaws);
            seen.splice(0..0, evidence(flaws));
            Outcome::broken(what, seen).remedy(remedy)
        }
        Storage::Absent => Outcome::broken(
            text!("There is no virtio disk driver.", "没有virtio磁盘驱动。"),
            vec![Evidence::new(SERVICES, "no viostor, no vioscsi")],
        ),
        Storage::Flawed(mut flaws) => {
            // What is not read of the way to the disk does not make the driver any better.
            flaws.extend(path().unwrap_or_default());
            let Text { en, zh } = listed(&flaws);
            let commands = repairs(&flaws);
            let outcome = Outcome::broken(
                text!(
                    "The virtio disk driver would not be loaded at boot: {en}.",
                    "virtio磁盘驱动不会随系统启动加载：{zh}。"
                ),
                evidence(flaws),
            );
            match commands.is_empty() {
                true => outcome,
                false => outcome.remedy(text!(
                    "Install the driver anew (virtio-win-guest-tools.exe or UVP VMTools); where only its start is wrong:\n{commands}",
                    "请重新安装驱动（virtio-win-guest-tools.exe或UVP VMTools）；若仅启动类型不正确：\n{commands}"
                )),
            }
        }
    })
}

/// How the way to the disk is repaired.
fn of_the_path(flaws: &[Flaw]) -> Text {
    let commands = repairs(flaws);
    match commands.is_empty() {
        true => text!(
            "Restore the files with sfc /scannow, or install anew the program that they belong to.",
            "执行sfc /scannow恢复文件，或重新安装其所属程序。"
        ),
        false => text!("{commands}", "{commands}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::fact::Fact;
    use crate::guest::facts::{
        Architecture, BindingSource, DriverImage, ServiceFacts, SoftwareKind, StartType,
    };
    use crate::rules::Status;
    use crate::rules::testing::windows::*;
    use crate::rules::testing::*;

    const RULE: WinVirtioStorage = WinVirtioStorage;

    fn fails(facts: &Facts, needle: &str) {
        expect_in(Profile::Huaweicloud, &RULE, facts, Status::Fail, needle);
        expect(&RULE, facts, Status::Warn, needle);
    }

    #[test]
    fn a_driver_that_is_loaded_at_boot_passes() {
        expect_in(Profile::Huaweicloud, &RULE, &good_windows(), Status::Pass, "viostor");
        let mut facts = good_windows();
        keep_services(&mut facts, |service| service.name != "viostor");
        add_service(&mut facts, driver("vioscsi", SoftwareKind::VirtioStorage));
        let Fact::Known(bindings) = &mut windows_mut(&mut facts).bindings else { panic!() };
        bindings[1].device = r"PCI\VEN_1AF4&DEV_1048".to_owned();
        bindings[1].services = None;
        expect_in(Profile::Otc, &RULE, &facts, Status::Pass, "vioscsi");
    }

    #[test]
    fn without_a_driver_it_fails() {
        let mut facts = good_windows();
        keep_services(&mut facts, |service| service.name != "viostor");
        fails(&facts, "no viostor");
    }

    #[test]
    fn a_driver_that_is_not_loaded_for_the_disk_fails() {
        let mut facts = good_windows();
        service_mut(&mut facts, "viostor").start = Some(StartType::Manual);
        fails(&facts, "not started at boot");
        let mut facts = good_windows();
        service_mut(&mut facts, "viostor").start_override = Some(3);
        fails(&facts, "StartOverride");
        let mut facts = good_windows();
        service_mut(&mut facts, "viostor").file = Fact::Known(None);
        fails(&facts, "viostor.sys");
        let mut facts = good_windows();
        windows_mut(&mut facts).bindings = Fact::Known(Vec::new());
        fails(&facts, "nothing says that viostor drives");
        // Another service holds the device.
        let mut facts = good_windows();
        let Fact::Known(bindings) = &mut windows_mut(&mut facts).bindings else { panic!() };
        bindings[1].services = Some(vec!["rhelscsi".to_owned()]);
        fails(&facts, "nothing says that viostor drives");
    }

    #[test]
    fn the_database_of_the_release_decides() {
        let with = |source, services: &[&str], version| {
            let mut facts = good_windows();
            identity_mut(&mut facts).version = version;
            let Fact::Known(bindings) = &mut windows_mut(&mut facts).bindings else { panic!() };
            bindings[1].source = source;
            bindings[1].services = Some(services.iter().map(|it| (*it).to_owned()).collect());
            facts
        };
        use BindingSource::*;
        let passes = |facts: Facts| expect(&RULE, &facts, Status::Pass, "viostor");
        fails(&with(CriticalDevices, &["viostor"], (10, 0)), "no PCI\\VEN_1AF4&DEV_1001");
        passes(with(CriticalDevices, &["viostor"], (6, 1)));
        fails(&with(DriverDatabase, &["viostor"], (6, 1)), "CriticalDeviceDatabase, Enum");
        passes(with(Instance, &["viostor"], (10, 0)));
        fails(&with(DriverDatabase, &[], (10, 0)), "does not have it");
    }

    #[test]
    fn a_file_that_cannot_be_loaded_and_a_type_that_is_no_drivers_fail() {
        let mut facts = good_windows();
        let damaged = DriverImage::Damaged("it is empty".to_owned());
        service_mut(&mut facts, "viostor").image = Fact::Known(Some(damaged));
        fails(&facts, "it is empty");
        let mut facts = good_windows();
        let other = DriverImage::Whole(Architecture::I386);
        service_mut(&mut facts, "viostor").image = Fact::Known(Some(other));
        fails(&facts, "made for i386, Windows for x86_64");
        windows_mut(&mut facts).arch = Fact::unknown("ntoskrnl.exe", "torn kernel");
        expect(&RULE, &facts, Status::Unverified, "torn kernel");
        let mut facts = good_windows();
        service_mut(&mut facts, "viostor").service_type = None;
        fails(&facts, "no Type");
    }

    #[test]
    fn what_lies_on_the_way_to_the_disk_must_start() {
        let mut facts = good_windows();
        let pci = driver("pci", SoftwareKind::StoragePath);
        add_service(&mut facts, ServiceFacts { start_override: Some(3), ..pci.clone() });
        fails(&facts, r"pci\StartOverride");
        let finding = expect_in(Profile::Otc, &RULE, &facts, Status::Fail, "would not reach");
        assert_eq!(
            remedy(&finding),
            r"reg delete HKLM\SYSTEM\CurrentControlSet\Services\pci\StartOverride /f"
        );
        identity_mut(&mut facts).version = (5, 2);
        let acpi = ServiceFacts { start: Some(StartType::Disabled), ..pci };
        add_service(&mut facts, ServiceFacts { name: "ACPI".to_owned(), ..acpi });
        let Fact::Known(bindings) = &mut windows_mut(&mut facts).bindings else { panic!() };
        bindings[1].source = BindingSource::CriticalDevices;
        expect(&RULE, &facts, Status::Pass, "loaded at boot");
    }

    #[test]
    fn a_filter_without_a_driver_fails_where_it_filters_the_disk() {
        let mut facts = good_windows();
        windows_mut(&mut facts).class_filters = Fact::Known(vec![filters("DiskDrive", "snapman")]);
        fails(&facts, "names snapman, and there is no such service");
        let finding = expect_in(Profile::Otc, &RULE, &facts, Status::Fail, "no snapman");
        assert!(remedy(&finding).ends_with("/v UpperFilters /t REG_MULTI_SZ /d partmgr /f"));
        windows_mut(&mut facts).class_filters = Fact::Known(vec![filters("HDC", "snapman")]);
        expect(&RULE, &facts, Status::Pass, "loaded at boot");
        windows_mut(&mut facts).class_filters = Fact::Known(vec![filters("DiskDrive", "partmgr")]);
        expect(&RULE, &facts, Status::Pass, "loaded at boot");
        windows_mut(&mut facts).class_filters = Fact::unknown("Class", "torn key");
        expect(&RULE, &facts, Status::Unverified, "torn key");
    }

    #[test]
    fn what_cannot_be_read_is_unverified() {
        expect(&RULE, &windows_unread(), Status::Unverified, "it was torn");
        let mut facts = good_windows();
        windows_mut(&mut facts).bindings = Fact::unknown("DRIVERS", "torn hive");
        expect(&RULE, &facts, Status::Unverified, "torn hive");
        expect(&RULE, &good_linux(), Status::NotApplicable, "Linux");
    }
}
