//! What the rules about Windows' drivers share: whether a driver would be loaded, and for what.

use super::Text;
use super::scope::{Decision, known, undecided};
use crate::fact::{Evidence, Fact};
use crate::guest::facts::{DeviceBinding, ServiceFacts, SoftwareKind, StartType, WindowsFacts};
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
    pub(super) evidence: Evidence,
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
pub(super) fn boot_flaws(service: &ServiceFacts) -> Decision<Vec<Flaw>> {
    let name = &service.name;
    let mut flaws = Vec::new();
    let mut add = |what, evidence| flaws.push(Flaw { driver: name.clone(), what, evidence });
    if service.start != Some(StartType::Boot) {
        add(
            text!("{name} is not started at boot", "{name}不随系统启动加载"),
            service.evidence.clone(),
        );
    } else if !service.starts_at_boot() {
        let start = service.start_override.unwrap_or_default();
        let Evidence { location, .. } = &service.evidence;
        add(
            text!(
                "StartOverride keeps {name} from being started at boot",
                "StartOverride使{name}不随系统启动加载"
            ),
            Evidence::new(format!(r"{location}\StartOverride"), format!("0={start}")),
        );
    }
    match &service.file {
        Fact::Known(Some(_)) => {}
        Fact::Known(None) => add(
            text!("the file of {name} is not there", "{name}的驱动文件不存在"),
            missing_file(service),
        ),
        Fact::Unknown(unread) if flaws.is_empty() => return Err(Box::new(undecided(unread))),
        Fact::Unknown(_) => {}
    }
    Ok(flaws)
}

/// The file that a service names and that is not there.
pub(super) fn missing_file(service: &ServiceFacts) -> Evidence {
    let default = || format!(r"\SystemRoot\System32\drivers\{}.sys", service.name);
    Evidence::new(service.image_path.clone().unwrap_or_else(default), "no such file")
}

/// Whether something says that `service` drives one of `devices`.
fn binding<'a>(
    windows: &'a WindowsFacts,
    service: &str,
    devices: &[&str],
) -> Decision<Option<&'a DeviceBinding>> {
    Ok(known(&windows.bindings)?.iter().find(|binding| {
        let drives =
            binding.driver.ends_with(".inf") || binding.driver.eq_ignore_ascii_case(service);
        drives && devices.contains(&binding.device.as_str())
    }))
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
        match (boot_flaws(service), binding(windows, name, &devices)) {
            (Ok(found), Ok(Some(binding))) if found.is_empty() => {
                let file = service.file.known().cloned().flatten().unwrap_or_default();
                return Ok(Storage::Ready(vec![
                    service.evidence.clone(),
                    Evidence::new(file, "there"),
                    binding.evidence.clone(),
                ]));
            }
            (Ok(found), bound) => {
                match bound {
                    Ok(None) => flaws.push(Flaw {
                        driver: name.to_owned(),
                        what: text!(
                            "nothing says that {name} drives the virtio disk",
                            "没有将{name}与virtio磁盘设备关联的记录"
                        ),
                        evidence: Evidence::new(
                            "CriticalDeviceDatabase, DriverDatabase, Enum",
                            format!("no {}", devices.join(", no ")),
                        ),
                    }),
                    Err(outcome) if found.is_empty() => unread = Some(outcome),
                    Ok(Some(_)) | Err(_) => {}
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
