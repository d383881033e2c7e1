//! `win-virtio-storage`

use super::scope::{Decision, settle, windows_only};
use super::{Context, Doc, Fixed, Level, Outcome, Profile, Rule, Text};
use std::collections::BTreeSet;

use super::win_drivers::{SERVICES, Storage, listed, virtio_storage};
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
        "viostor or vioscsi of the current control set has Start=0 and no StartOverride that puts it off, its file exists, and something binds it to the device: CriticalDeviceDatabase before Windows 8, DriverDatabase\\DeviceIds (hive SYSTEM or DRIVERS) since, or Enum where the machine has run on such a disk.",
        "当前控制集中viostor或vioscsi服务的Start为0且没有推迟启动的StartOverride，驱动文件存在，并已与设备关联：Windows 8之前看CriticalDeviceDatabase，之后看DriverDatabase\\DeviceIds（SYSTEM或DRIVERS配置单元），或在此类磁盘上运行过的记录（Enum）。",
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
    Ok(match virtio_storage(windows_only(facts)?)? {
        Storage::Ready(evidence) => Outcome::holds(
            text!("The virtio disk driver is loaded at boot.", "virtio磁盘驱动随系统启动加载。"),
            evidence,
        ),
        Storage::Absent => Outcome::broken(
            text!("There is no virtio disk driver.", "没有virtio磁盘驱动。"),
            vec![Evidence::new(SERVICES, "no viostor, no vioscsi")],
        ),
        Storage::Flawed(flaws) => {
            let Text { en, zh } = listed(&flaws);
            let drivers: BTreeSet<_> = flaws.iter().map(|flaw| flaw.driver.clone()).collect();
            let start = drivers.iter().flat_map(|name| {
                let key = format!(r"HKLM\SYSTEM\CurrentControlSet\Services\{name}");
                [
                    format!("reg add {key} /v Start /t REG_DWORD /d 0 /f"),
                    format!(r"reg delete {key}\StartOverride /f"),
                ]
            });
            let start = start.collect::<Vec<_>>().join("\n");
            let outcome = Outcome::broken(
                text!(
                    "The virtio disk driver would not be loaded at boot: {en}.",
                    "virtio磁盘驱动不会随系统启动加载：{zh}。"
                ),
                flaws.into_iter().map(|flaw| flaw.evidence).collect(),
            );
            outcome.remedy(text!(
                "Install the driver anew (virtio-win-guest-tools.exe or UVP VMTools); where only its start is wrong:\n{start}",
                "请重新安装驱动（virtio-win-guest-tools.exe或UVP VMTools）；若仅启动类型不正确：\n{start}"
            ))
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::fact::Fact;
    use crate::guest::facts::{SoftwareKind, StartType};
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
        bindings[1].driver = "rhelscsi".to_owned();
        fails(&facts, "nothing says that viostor drives");
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
