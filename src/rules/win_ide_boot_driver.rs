//! `win-ide-boot-driver`

use super::scope::{Decision, known, settle, windows_only};
use super::win_drivers::{
    Flaw, SERVICES, boot_flaws, evidence as shown, listed, of_kind, path_flaws, repairs,
};
use super::{Context, Doc, Fixed, Level, Outcome, Profile, Rule, Text};
use crate::fact::Evidence;
#[cfg(test)]
use crate::fact::Fact;
use crate::guest::facts::{
    BindingSource, DeviceBinding, Facts, SoftwareKind, WINDOWS_8, WindowsFacts,
};
use crate::text;

/// Windows starts an IDE driver at boot.
pub(super) struct WinIdeBootDriver;

static DOC: Doc = Doc {
    title: Fixed::new("Windows loads an IDE driver at boot", "Windows启动时自动加载IDE驱动"),
    why: Fixed::new("The source document's platform shows the system disk at first as an IDE disk. Without a boot driver for it Windows stops with 0x7B INACCESSIBLE_BOOT_DEVICE. The automatic configuration restores the driver.", "源文档对应的平台首先以IDE磁盘形式提供系统盘。缺少启动驱动时，Windows会蓝屏（0x7B INACCESSIBLE_BOOT_DEVICE）。自动配置会恢复该驱动。"),
    decided: Fixed::new("The services atapi and intelide of the current control set have the Type of a driver, Start=0, no StartOverride that puts it off (Windows 8 and later), and their files are whole PE images for the processor of the kernel: otherwise broken. pciide, which drives IDE controllers that have no driver of their own, is only shown. Before Windows 8 the CriticalDeviceDatabase must bind the PIIX controller and its channel to services that are loaded at boot. Windows' own drivers on the way to the disk (ACPI, pci, disk, partmgr, volmgr, mountmgr), where their keys are there, are held to the same, and each filter of the classes System, HDC, DiskDrive and Volume must have a service and a file.", "当前控制集中atapi和intelide服务的Type为驱动，Start为0，没有推迟启动的StartOverride（Windows 8及以上），且驱动文件为完整的PE映像并与内核架构一致，否则判为不满足；通用驱动pciide仅作展示。Windows 8之前的系统，还要求CriticalDeviceDatabase将PIIX控制器及其通道关联到随系统启动加载的服务。通往磁盘的系统自带驱动（ACPI、pci、disk、partmgr、volmgr、mountmgr）若有服务项，要求相同；设备类System、HDC、DiskDrive和Volume的每个过滤驱动必须有对应的服务和文件。"),
    remedy: Fixed::new("for %s in (atapi intelide pciide) do reg add HKLM\\SYSTEM\\CurrentControlSet\\Services\\%s /v Start /t REG_DWORD /d 0 /f
for %s in (atapi intelide pciide) do reg delete HKLM\\SYSTEM\\CurrentControlSet\\Services\\%s\\StartOverride /f", "for %s in (atapi intelide pciide) do reg add HKLM\\SYSTEM\\CurrentControlSet\\Services\\%s /v Start /t REG_DWORD /d 0 /f
for %s in (atapi intelide pciide) do reg delete HKLM\\SYSTEM\\CurrentControlSet\\Services\\%s\\StartOverride /f"),
    source: "制作镜像 (ims_03_0603), Windows list item 6; OTC 0032307025",
    predicts: &[],
    repaired_by_platform: true,
};

impl Rule for WinIdeBootDriver {
    fn id(&self) -> &'static str {
        "win-ide-boot-driver"
    }

    fn level(&self, profile: Profile) -> Option<Level> {
        Some(match profile {
            Profile::ImsClassic => Level::Required,
            Profile::Huaweicloud | Profile::Otc => Level::Informational,
        })
    }

    fn doc(&self) -> &'static Doc {
        &DOC
    }

    fn check(&self, facts: &Facts, _: &Context) -> Outcome {
        settle(decide(facts))
    }
}

/// What must be in the CriticalDeviceDatabase before Windows 8: the channel, and the controller or
/// the class that every IDE controller has.
const CHANNEL: &str = "PRIMARY_IDE_CHANNEL";
const CONTROLLERS: [&str; 2] = [r"PCI\VEN_8086&DEV_7010", r"PCI\CC_0101"];

fn decide(facts: &Facts) -> Decision {
    let windows = windows_only(facts)?;
    let services = of_kind(windows, SoftwareKind::Ide)?;
    let mut evidence = Vec::new();
    let (mut broken, mut mild) = (Vec::new(), Vec::new());
    for name in ["atapi", "intelide", "pciide"] {
        let found = services.iter().find(|service| service.name.eq_ignore_ascii_case(name));
        let flaws = match found {
            Some(service) => {
                evidence.push(service.evidence.clone());
                boot_flaws(windows, service)?
            }
            None => vec![no_service(name)],
        };
        if name == "pciide" { mild.extend(flaws) } else { broken.extend(flaws) }
    }
    if broken.is_empty() && known(&windows.os)?.version < WINDOWS_8 {
        let bindings = known(&windows.bindings)?;
        let critical = |it: &&DeviceBinding| it.source == BindingSource::CriticalDevices;
        let has = |device: &str| bindings.iter().filter(critical).find(|it| it.device == device);
        let channel = has(CHANNEL);
        let controller = CONTROLLERS.iter().find_map(|device| has(device));
        for (found, device) in [(channel, CHANNEL), (controller, CONTROLLERS[0])] {
            match found {
                Some(binding) => {
                    let flaws = of_critical(windows, binding)?;
                    // What is wrong with them is told already, or they are in order.
                    evidence.push(binding.evidence.clone());
                    if let Some(first) = flaws.first() {
                        let (driver, Text { en, zh }) = (&binding.driver, &first.what);
                        let what = text!(
                            "the CriticalDeviceDatabase binds {device} to {driver}, and {en}",
                            "CriticalDeviceDatabase将{device}关联到{driver}，但{zh}"
                        );
                        let mut flaw = Flaw::of(driver, what, binding.evidence.clone(), []);
                        flaw.evidence.extend(shown(flaws));
                        broken.push(flaw);
                    }
                }
                None => broken.push(Flaw::of(
                    device,
                    text!(
                        "the CriticalDeviceDatabase does not know {device}",
                        "CriticalDeviceDatabase中没有{device}"
                    ),
                    Evidence::new(
                        r"HKLM\SYSTEM\CurrentControlSet\Control\CriticalDeviceDatabase",
                        format!("no {device}"),
                    ),
                    [],
                )),
            }
        }
    }
    let path = path_flaws(windows, "HDC");
    let path = if broken.is_empty() { path? } else { path.unwrap_or_default() };
    let repair_path = repairs(&path);
    broken.extend(path);
    if !broken.is_empty() {
        broken.append(&mut mild);
        let Text { en, zh } = listed(&broken);
        let own = repairs(&broken);
        let outcome = Outcome::broken(
            text!(
                "Windows would not find an IDE disk at boot: {en}.",
                "Windows启动时无法识别IDE磁盘：{zh}。"
            ),
            shown(broken),
        );
        return Ok(match repair_path.is_empty() {
            true => outcome,
            false => outcome.remedy(text!("{own}", "{own}")),
        });
    }
    // The controller's own driver takes it before the one for the class: machines of other IDE
    // controllers rightly keep the latter from starting.
    evidence.extend(shown(mild));
    Ok(Outcome::holds(
        text!("The IDE drivers are started at boot.", "IDE驱动随系统启动加载。"),
        evidence,
    ))
}

fn no_service(name: &str) -> Flaw {
    Flaw::of(
        name,
        text!("there is no service {name}", "没有{name}服务"),
        Evidence::new(SERVICES, format!("no {name}")),
        [],
    )
}

/// What keeps the service that a device is bound to from being loaded at boot.
fn of_critical(windows: &WindowsFacts, binding: &DeviceBinding) -> Decision<Vec<Flaw>> {
    let mut services = known(&windows.services)?.iter();
    match services.find(|service| service.name.eq_ignore_ascii_case(&binding.driver)) {
        Some(service) => boot_flaws(windows, service),
        None => Ok(vec![no_service(&binding.driver)]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::guest::facts::{ServiceFacts, StartType, WindowsIdentity};
    use crate::rules::Status;
    use crate::rules::testing::windows::*;
    use crate::rules::testing::*;

    const RULE: WinIdeBootDriver = WinIdeBootDriver;

    #[test]
    fn ide_drivers_that_start_at_boot_pass() {
        expect(&RULE, &good_windows(), Status::Pass, "intelide");
    }

    #[test]
    fn a_driver_that_does_not_start_at_boot_fails_where_the_disk_is_ide() {
        let mut facts = good_windows();
        service_mut(&mut facts, "intelide").start = Some(StartType::Manual);
        let finding = expect(&RULE, &facts, Status::Fail, "intelide is not started");
        assert!(finding.repaired_by_platform);
        expect_in(Profile::Otc, &RULE, &facts, Status::Info, "intelide is not started");
        let mut facts = good_windows();
        service_mut(&mut facts, "atapi").start_override = Some(3);
        expect(&RULE, &facts, Status::Fail, r"atapi\StartOverride");
        let mut facts = good_windows();
        service_mut(&mut facts, "atapi").file = Fact::Known(None);
        expect(&RULE, &facts, Status::Fail, r"drivers\atapi.sys");
        let mut facts = good_windows();
        keep_services(&mut facts, |service| service.name != "intelide");
        expect(&RULE, &facts, Status::Fail, "no service intelide");
    }

    #[test]
    fn start_override_counts_since_windows_8() {
        let mut facts = good_windows();
        service_mut(&mut facts, "atapi").start_override = Some(0);
        expect(&RULE, &facts, Status::Pass, "intelide");
        service_mut(&mut facts, "atapi").start = Some(StartType::Manual);
        expect(&RULE, &facts, Status::Unverified, "not documented");
        let atapi = service_mut(&mut facts, "atapi");
        (atapi.start, atapi.start_override) = (Some(StartType::Boot), Some(3));
        windows_mut(&mut facts).os = Fact::unknown("SOFTWARE", "torn hive");
        expect(&RULE, &facts, Status::Unverified, "torn hive");
        windows_mut(&mut facts).os = Fact::Known(WindowsIdentity { version: (6, 1), ..identity() });
        let Fact::Known(bindings) = &mut windows_mut(&mut facts).bindings else { panic!() };
        bindings[0].source = BindingSource::CriticalDevices;
        bindings[0].driver = "intelide".to_owned();
        let channel = DeviceBinding { device: CHANNEL.to_owned(), ..bindings[0].clone() };
        bindings.push(channel);
        expect(&RULE, &facts, Status::Pass, "intelide");
    }

    #[test]
    fn a_filter_without_a_driver_fails() {
        let mut facts = good_windows();
        windows_mut(&mut facts).class_filters = Fact::Known(vec![filters("HDC", "snapman")]);
        let finding = expect(&RULE, &facts, Status::Fail, "names snapman");
        assert!(remedy(&finding).ends_with("/v UpperFilters /t REG_MULTI_SZ /d partmgr /f"));
    }

    #[test]
    fn the_general_driver_is_not_needed() {
        let mut facts = good_windows();
        let general = service_mut(&mut facts, "pciide");
        general.start = Some(StartType::Manual);
        general.evidence.detail = "Start=3".to_owned();
        expect(&RULE, &facts, Status::Pass, "Start=3");
        service_mut(&mut facts, "intelide").start = Some(StartType::Manual);
        expect(&RULE, &facts, Status::Fail, "pciide is not started");
    }

    #[test]
    fn before_windows_8_the_critical_device_database_decides() {
        let mut facts = good_windows();
        identity_mut(&mut facts).version = (6, 1);
        expect(&RULE, &facts, Status::Fail, "PRIMARY_IDE_CHANNEL");
        let Fact::Known(bindings) = &mut windows_mut(&mut facts).bindings else { panic!() };
        bindings[0].source = BindingSource::CriticalDevices;
        let channel = DeviceBinding {
            device: CHANNEL.to_owned(),
            driver: "atapi".to_owned(),
            ..bindings[0].clone()
        };
        bindings[0].driver = "intelide".to_owned();
        bindings.push(channel);
        expect(&RULE, &facts, Status::Pass, "intelide");
        let Fact::Known(bindings) = &mut windows_mut(&mut facts).bindings else { panic!() };
        bindings[0].driver = "iastorv".to_owned();
        expect(&RULE, &facts, Status::Fail, "there is no service iastorv");
        let other = driver("iaStorV", SoftwareKind::CriticalDevice);
        add_service(&mut facts, ServiceFacts { start: Some(StartType::Manual), ..other });
        expect(&RULE, &facts, Status::Fail, "iaStorV is not started at boot");
        service_mut(&mut facts, "iaStorV").start = Some(StartType::Boot);
        expect(&RULE, &facts, Status::Pass, "intelide");
        windows_mut(&mut facts).bindings = Fact::unknown("SYSTEM", "torn key");
        expect(&RULE, &facts, Status::Unverified, "torn key");
    }

    #[test]
    fn what_cannot_be_read_is_unverified() {
        expect(&RULE, &windows_unread(), Status::Unverified, "it was torn");
        let mut facts = good_windows();
        service_mut(&mut facts, "atapi").file = Fact::unknown("atapi.sys", "torn file");
        expect(&RULE, &facts, Status::Unverified, "torn file");
        expect(&RULE, &good_linux(), Status::NotApplicable, "Linux");
        expect(&RULE, &no_guest(), Status::NotApplicable, "single-disk-image");
        expect(&RULE, &unread(), Status::Unverified, "it was torn");
    }
}
