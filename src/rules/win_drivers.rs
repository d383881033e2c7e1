//! What the rules about Windows' drivers share: whether a driver would be loaded, and for what.

use super::scope::{Decision, known, undecided};
use super::{Text, shell};
use crate::fact::{Evidence, Unread};
use crate::guest::facts::{
    BindingSource, ClassFilter, ClassFilters, DeviceBinding, DriverImage, ServiceFacts,
    SoftwareKind, StartType, WINDOWS_8, WindowsFacts,
};
use crate::text;

/// The driver of a virtio disk.
pub(super) enum Storage {
    /// It would be loaded at boot, and for the disk.
    Ready(Vec<Evidence>),
    /// It is there, but something keeps it from the disk.
    Flawed(Vec<Flaw>),
    /// There is none.
    Absent,
}

/// What is wrong with a driver.
pub(super) struct Flaw {
    /// The driver.
    pub(super) driver: String,
    /// What is wrong.
    pub(super) what: Text,
    /// Where it was seen.
    pub(super) evidence: Vec<Evidence>,
    /// The commands that repair it; none when the driver is to be installed anew.
    pub(super) repair: Vec<String>,
}

impl Flaw {
    pub(super) fn of(
        driver: &str,
        what: Text,
        evidence: Evidence,
        repair: impl IntoIterator<Item = String>,
    ) -> Self {
        let repair = repair.into_iter().collect();
        Self { driver: driver.to_owned(), what, evidence: vec![evidence], repair }
    }
}

/// Where services are looked for.
pub(super) const SERVICES: &str = r"HKLM\SYSTEM\CurrentControlSet\Services";

/// The virtio block (transitional and modern) and SCSI devices, by the driver for them.
const DISKS: [(&str, [&str; 2]); 2] = [
    ("viostor", [r"PCI\VEN_1AF4&DEV_1001", r"PCI\VEN_1AF4&DEV_1042"]),
    ("vioscsi", [r"PCI\VEN_1AF4&DEV_1004", r"PCI\VEN_1AF4&DEV_1048"]),
];

/// The services of a kind.
pub(super) fn of_kind(windows: &WindowsFacts, kind: SoftwareKind) -> Decision<Vec<&ServiceFacts>> {
    Ok(known(&windows.services)?.iter().filter(|service| service.kind == kind).collect())
}

/// What keeps a boot driver from being loaded by the boot loader.
pub(super) fn boot_flaws(windows: &WindowsFacts, service: &ServiceFacts) -> Decision<Vec<Flaw>> {
    let (name, key) = (&service.name, &service.evidence.location);
    let add = |value: &str, number: u32| {
        format!(
            r"reg add HKLM\SYSTEM\CurrentControlSet\Services\{name} /v {value} /t REG_DWORD /d {number} /f"
        )
    };
    let mut flaws = Vec::new();
    let mut unread = None;
    let is_boot = service.start == Some(StartType::Boot);
    match start_override(windows, service) {
        Ok(None) if is_boot => {}
        Ok(Some(StartType::Boot)) if is_boot => {}
        Ok(Some(StartType::Boot)) => {
            let reason = "whether the boot loader obeys a StartOverride of 0 against Start is not documented";
            unread = Some(Box::new(undecided(&Unread::new(key.clone(), reason))));
        }
        Ok(_) if !is_boot => flaws.push(Flaw::of(
            name,
            text!("{name} is not started at boot", "{name}不随系统启动加载"),
            service.evidence.clone(),
            [add("Start", 0)],
        )),
        Ok(_) => {
            let start = service.start_override.unwrap_or_default();
            flaws.push(Flaw::of(
                name,
                text!(
                    "StartOverride keeps {name} from being started at boot",
                    "StartOverride使{name}不随系统启动加载"
                ),
                Evidence::new(format!(r"{key}\StartOverride"), format!("0={start}")),
                [format!(
                    r"reg delete HKLM\SYSTEM\CurrentControlSet\Services\{name}\StartOverride /f"
                )],
            ));
        }
        Err(outcome) => unread = Some(outcome),
    }
    if !service.is_driver() {
        let detail = match service.service_type {
            Some(number) => format!("Type={number}"),
            None => "no Type".to_owned(),
        };
        flaws.push(Flaw::of(
            name,
            text!("{name} is no driver by its Type", "{name}的Type不是驱动程序"),
            Evidence::new(key.clone(), detail),
            [add("Type", 1)],
        ));
    }
    match file_flaw(windows, service) {
        Ok(flaw) => flaws.extend(flaw),
        Err(outcome) => unread = unread.or(Some(outcome)),
    }
    match unread {
        Some(outcome) if flaws.is_empty() => Err(outcome),
        _ => Ok(flaws),
    }
}

/// What the boot loader obeys before `Start`, which is so since Windows 8.
fn start_override(windows: &WindowsFacts, service: &ServiceFacts) -> Decision<Option<StartType>> {
    let Some(value) = service.start_override else { return Ok(None) };
    if known(&windows.os)?.version < WINDOWS_8 {
        return Ok(None);
    }
    // What is no start type starts nothing.
    Ok(Some(StartType::from_value(value).unwrap_or(StartType::Disabled)))
}

/// What is wrong with the file of a driver.
pub(super) fn file_flaw(windows: &WindowsFacts, service: &ServiceFacts) -> Decision<Option<Flaw>> {
    let name = &service.name;
    let Some(file) = known(&service.file)? else {
        return Ok(Some(Flaw::of(
            name,
            text!("the file of {name} is not there", "{name}的驱动文件不存在"),
            missing_file(service),
            [],
        )));
    };
    Ok(match known(&service.image)? {
        Some(DriverImage::Damaged(reason)) => Some(Flaw::of(
            name,
            text!("the file of {name} cannot be loaded", "{name}的驱动文件无法加载"),
            Evidence::new(file.clone(), reason.clone()),
            [],
        )),
        Some(DriverImage::Whole(made_for)) => {
            let (kernel, _) = known(&windows.arch)?;
            (made_for != kernel).then(|| {
                let (made_for, kernel) = (made_for.name(), kernel.name());
                Flaw::of(
                    name,
                    text!(
                        "the file of {name} is made for {made_for}, Windows for {kernel}",
                        "{name}的驱动文件适用于{made_for}，而Windows适用于{kernel}"
                    ),
                    Evidence::new(file.clone(), made_for),
                    [],
                )
            })
        }
        None => None,
    })
}

/// The file that a service names and that is not there.
fn missing_file(service: &ServiceFacts) -> Evidence {
    let default = || format!(r"\SystemRoot\System32\drivers\{}.sys", service.name);
    Evidence::new(service.image_path.clone().unwrap_or_else(default), "no such file")
}

/// What keeps Windows from its system disk, whichever driver serves it: its own drivers of buses,
/// disks and volumes, and the filters of their classes and of `controllers`, the class of the driver.
pub(super) fn path_flaws(windows: &WindowsFacts, controllers: &str) -> Decision<Vec<Flaw>> {
    let mut flaws = Vec::new();
    let mut unread = None;
    for service in of_kind(windows, SoftwareKind::StoragePath)? {
        // Before Windows Vista a machine may run without ACPI.
        if service.name.eq_ignore_ascii_case("ACPI") && known(&windows.os)?.version < (6, 0) {
            continue;
        }
        match boot_flaws(windows, service) {
            Ok(found) => flaws.extend(found),
            Err(outcome) => unread = Some(outcome),
        }
    }
    match windows.class_filters.as_result() {
        Ok(all) => {
            let on_the_way =
                |class: &str| ["System", "DiskDrive", "Volume", controllers].contains(&class);
            for filters in all.iter().filter(|filters| on_the_way(&filters.class)) {
                match filter_flaws(windows, filters) {
                    Ok(found) => flaws.extend(found),
                    Err(outcome) => unread = Some(outcome),
                }
            }
        }
        Err(cause) => unread = Some(Box::new(undecided(cause))),
    }
    match unread {
        Some(outcome) if flaws.is_empty() => Err(outcome),
        _ => Ok(flaws),
    }
}

/// The filters of a class that cannot be loaded: no device of the class starts without them.
fn filter_flaws(windows: &WindowsFacts, filters: &ClassFilters) -> Decision<Vec<Flaw>> {
    let (class, value) = (&filters.class, &filters.value);
    let mut flaws = Vec::new();
    let mut unread = None;
    for ClassFilter { name, service } in &filters.filters {
        let why = match service {
            None => {
                let seen = Evidence::new(SERVICES, format!("no {name}"));
                let what = text!("there is no such service", "没有该服务");
                Flaw::of(name, what, seen, [])
            }
            Some(service) => match file_flaw(windows, service) {
                Ok(None) => continue,
                Ok(Some(flaw)) => flaw,
                Err(outcome) => {
                    unread = Some(outcome);
                    continue;
                }
            },
        };
        let Text { en, zh } = &why.what;
        let what = text!(
            "{value} of the class {class} names {name}, and {en}",
            "设备类{class}的{value}包含{name}，但{zh}"
        );
        let mut flaw = Flaw::of(name, what, filters.evidence.clone(), []);
        flaw.evidence.extend(why.evidence);
        flaws.push(flaw);
    }
    // One command takes all of them out.
    let is_bad = |name: &String| flaws.iter().any(|flaw| flaw.driver == *name);
    let left: Vec<_> =
        filters.filters.iter().map(|filter| &filter.name).filter(|name| !is_bad(name)).collect();
    let is_plain = left.iter().all(|name| shell::quote_cmd(name).as_ref() == Some(*name));
    let key = &filters.evidence.location;
    let command = match left.is_empty() {
        true => format!(r#"reg delete "{key}" /v {value} /f"#),
        false => {
            let left = left.iter().map(|name| name.as_str()).collect::<Vec<_>>().join(r"\0");
            format!(r#"reg add "{key}" /v {value} /t REG_MULTI_SZ /d {left} /f"#)
        }
    };
    if let Some(first) = flaws.first_mut()
        && is_plain
    {
        first.repair.push(command);
    }
    match unread {
        Some(outcome) if flaws.is_empty() => Err(outcome),
        _ => Ok(flaws),
    }
}

/// What says that `service` drives one of `devices`, or that nothing does. Before Windows 8 the
/// `CriticalDeviceDatabase` counts, since then the driver database; where the machine has run on such
/// a device, the device's own key does.
pub(super) fn binding<'a>(
    windows: &'a WindowsFacts,
    service: &str,
    devices: &[&str],
) -> Decision<Result<&'a DeviceBinding, Box<Flaw>>> {
    let is_old = known(&windows.os)?.version < WINDOWS_8;
    let of_devices = known(&windows.bindings)?.iter().filter(|binding| {
        let counts = match binding.source {
            BindingSource::CriticalDevices => is_old,
            BindingSource::DriverDatabase => !is_old,
            _ => true,
        };
        counts && devices.contains(&binding.device.as_str())
    });
    let leads = |binding: &&DeviceBinding| match &binding.services {
        Some(services) => services.iter().any(|it| it.eq_ignore_ascii_case(service)),
        None => true,
    };
    if let Some(found) = of_devices.clone().find(leads) {
        return Ok(Ok(found));
    }
    let lost =
        of_devices.clone().find(|binding| binding.services.as_ref().is_some_and(Vec::is_empty));
    let database = if is_old { "CriticalDeviceDatabase, Enum" } else { "DriverDatabase, Enum" };
    Ok(Err(Box::new(match lost {
        Some(lost) => {
            let inf = &lost.driver;
            Flaw::of(
                service,
                text!(
                    "the driver database names {inf} for the device of {service} and does not have it",
                    "驱动数据库为{service}的设备指定了{inf}，但其中没有该驱动包"
                ),
                lost.evidence.clone(),
                [],
            )
        }
        None => Flaw::of(
            service,
            text!(
                "nothing says that {service} drives the virtio device",
                "没有将{service}与virtio设备关联的记录"
            ),
            Evidence::new(database, format!("no {}", devices.join(", no "))),
            [],
        ),
    })))
}

/// The driver of a virtio disk: viostor or vioscsi, whichever would work.
pub(super) fn virtio_storage(windows: &WindowsFacts) -> Decision<Storage> {
    let services = of_kind(windows, SoftwareKind::VirtioStorage)?;
    let mut flaws = Vec::new();
    let mut unread = None;
    for (name, devices) in DISKS {
        let Some(service) = services.iter().find(|it| it.name.eq_ignore_ascii_case(name)) else {
            continue;
        };
        match (boot_flaws(windows, service), binding(windows, name, &devices)) {
            (Ok(found), Ok(Ok(binding))) if found.is_empty() => {
                let file = service.file.known().cloned().flatten().unwrap_or_default();
                return Ok(Storage::Ready(vec![
                    service.evidence.clone(),
                    Evidence::new(file, "there"),
                    binding.evidence.clone(),
                ]));
            }
            (Ok(found), bound) => {
                match bound {
                    Ok(Err(flaw)) => flaws.push(*flaw),
                    Err(outcome) if found.is_empty() => unread = Some(outcome),
                    Ok(Ok(_)) | Err(_) => {}
                }
                flaws.extend(found);
            }
            (Err(outcome), _) => unread = Some(outcome),
        }
    }
    match (unread, flaws.is_empty()) {
        (Some(outcome), _) => Err(outcome),
        (None, true) => Ok(Storage::Absent),
        (None, false) => Ok(Storage::Flawed(flaws)),
    }
}

/// The devices of a virtio network card, transitional and modern.
pub(super) const VIRTIO_NET: [&str; 2] = [r"PCI\VEN_1AF4&DEV_1000", r"PCI\VEN_1AF4&DEV_1041"];

/// The flaws in one line.
pub(super) fn listed(flaws: &[Flaw]) -> Text {
    let join = |get: fn(&Text) -> &str, by: &str| {
        flaws.iter().map(|flaw| get(&flaw.what)).collect::<Vec<_>>().join(by)
    };
    Text { en: join(|text| &text.en, "; "), zh: join(|text| &text.zh, "；") }
}

/// The commands that repair the flaws, each once, by lines.
pub(super) fn repairs(flaws: &[Flaw]) -> String {
    let mut lines: Vec<&str> = Vec::new();
    for line in flaws.iter().flat_map(|flaw| &flaw.repair) {
        if !lines.contains(&line.as_str()) {
            lines.push(line);
        }
    }
    lines.join("\n")
}

/// What shows the flaws.
pub(super) fn evidence(flaws: Vec<Flaw>) -> Vec<Evidence> {
    flaws.into_iter().flat_map(|flaw| flaw.evidence).collect()
}
