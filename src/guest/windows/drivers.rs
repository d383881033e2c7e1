//! Which driver Windows would take for the devices of the platform.
//!
//! Before Windows 8 the boot loader's drivers are matched by `Control\CriticalDeviceDatabase`
//! (Microsoft KB314082); since then by `DriverDatabase\DeviceIds` of the hive SYSTEM or DRIVERS, whose
//! values name the INF file: `DriverInfFiles` names its package, and the package says which of its
//! configurations the device takes, and which service that is. Where the machine has run on such a
//! device, `Enum` names the service.
//!
//! Sources for the driver database: Microsoft, "Updating a KMDF device driver" (`DeviceIds`,
//! `DriverInfFiles`, `Active`); libguestfs-common, `mlcustomize/inject_virtio_win.ml`, which writes
//! these keys so that Windows starts from the disk.

use super::hklm::{Hklm, Place, fact};
use crate::error::{Error, Result};
use crate::fact::{Evidence, Fact};
use crate::guest::facts::{BindingSource, DeviceBinding, Seen};

/// The devices that matter, as they are named without what only narrows them: PIIX IDE and its
/// channels, IDE controllers as such, and virtio block, SCSI and network devices, transitional and
/// modern; Xen's platform device.
const DEVICES: &[&str] = &[
    "PRIMARY_IDE_CHANNEL",
    "SECONDARY_IDE_CHANNEL",
    r"PCI\CC_0101",
    r"PCI\VEN_8086&DEV_7010",
    r"PCI\VEN_1AF4&DEV_1000",
    r"PCI\VEN_1AF4&DEV_1001",
    r"PCI\VEN_1AF4&DEV_1004",
    r"PCI\VEN_1AF4&DEV_1041",
    r"PCI\VEN_1AF4&DEV_1042",
    r"PCI\VEN_1AF4&DEV_1048",
    r"PCI\VEN_5853&DEV_0001",
];

/// The first of [`DEVICES`], which make up an IDE disk controller.
const IDE_DEVICES: usize = 4;

/// Most bindings kept: each device has a few hardware ids at most.
const MAX_BINDINGS: usize = 256;

/// Most configurations of one driver package that are looked at; big ones have some hundred.
const MAX_CONFIGURATIONS: usize = 1024;

/// The device that an id names, without subsystem, revision and class; `None` when it does not matter.
fn device(id: &str) -> Option<&'static str> {
    let id = id.replace('#', "\\").to_ascii_uppercase();
    DEVICES.iter().copied().find(|device| {
        id.strip_prefix(device).is_some_and(|rest| rest.is_empty() || rest.starts_with('&'))
    })
}

/// What is known to drive the devices.
pub(super) fn bindings(hklm: &Hklm<'_>) -> Fact<Vec<DeviceBinding>> {
    let read = || {
        let mut found = Vec::new();
        critical_devices(&hklm.control_set(r"Control\CriticalDeviceDatabase")?, &mut found)?;
        let mut databases = vec![hklm.system("DriverDatabase")?];
        // The hive DRIVERS has the database at its root.
        databases.extend(hklm.drivers("DriverDatabase")?);
        for database in &databases {
            device_ids(&database.at(r"DeviceIds\PCI")?, &databases, &mut found)?;
        }
        instances(&hklm.control_set(r"Enum\PCI")?, &mut found)?;
        Ok(found)
    };
    fact(r"HKLM\SYSTEM\DriverDatabase", read())
}

/// The services that the `CriticalDeviceDatabase` names for IDE disks, in lower case.
///
/// # Errors
/// When they cannot be read.
pub(super) fn critical_services(hklm: &Hklm<'_>) -> Result<Vec<String>> {
    let mut found = Vec::new();
    critical_devices(&hklm.control_set(r"Control\CriticalDeviceDatabase")?, &mut found)?;
    found.retain(|it| DEVICES.iter().take(IDE_DEVICES).any(|device| *device == it.device));
    let mut names: Vec<_> = found.into_iter().map(|binding| binding.driver).collect();
    names.sort();
    names.dedup();
    Ok(names)
}

/// Keeps a binding, within [`MAX_BINDINGS`].
fn keep(found: &mut Vec<DeviceBinding>, binding: DeviceBinding) -> Result<()> {
    if found.len() >= MAX_BINDINGS {
        return Err(Error::too_much("registry", MAX_BINDINGS, "devices with drivers"));
    }
    found.push(binding);
    Ok(())
}

/// A binding to a service by its name.
fn to_service(device: &str, service: Seen<String>, source: BindingSource) -> DeviceBinding {
    let driver = service.value.to_ascii_lowercase();
    DeviceBinding {
        device: device.to_owned(),
        services: Some(vec![driver.clone()]),
        driver,
        source,
        evidence: service.evidence,
    }
}

fn critical_devices(database: &Place<'_>, found: &mut Vec<DeviceBinding>) -> Result<()> {
    for place in database.below()? {
        let Some(device) = device(place.name()) else { continue };
        if let Some(service) = place.text("Service")? {
            keep(found, to_service(device, service, BindingSource::CriticalDevices))?;
        }
    }
    Ok(())
}

fn device_ids(
    ids: &Place<'_>,
    databases: &[Place<'_>],
    found: &mut Vec<DeviceBinding>,
) -> Result<()> {
    for place in ids.below()? {
        let Some(device) = device(&format!(r"PCI\{}", place.name())) else { continue };
        for value in place.values()? {
            let inf = value.name.to_ascii_lowercase();
            if inf.ends_with(".inf") {
                let binding = DeviceBinding {
                    device: device.to_owned(),
                    source: BindingSource::DriverDatabase,
                    services: services_of(databases, &inf, place.name())?,
                    evidence: Evidence::new(place.path.clone(), inf.clone()),
                    driver: inf,
                };
                keep(found, binding)?;
            }
        }
    }
    Ok(())
}

/// Longest name of a service: Windows takes 256 characters (Microsoft, "CreateServiceW").
const MAX_SERVICE_NAME: usize = 1024;

/// Most services of the configurations of one package; real ones have one to three.
const MAX_SERVICES: usize = 64;

/// The services that an INF file's package has for a device below `PCI`, as
/// [`DeviceBinding::services`].
fn services_of(databases: &[Place<'_>], inf: &str, id: &str) -> Result<Option<Vec<String>>> {
    let Some(file) = first(databases, &format!(r"DriverInfFiles\{inf}"))? else {
        return Ok(Some(Vec::new()));
    };
    // The package that is in use, or all that were imported.
    let mut packages = file.texts("Active")?.into_iter().chain(file.texts("")?);
    let Some(package) = packages.next() else { return Ok(None) };
    let Some(package) = first(databases, &format!(r"DriverPackages\{package}"))? else {
        return Ok(Some(Vec::new()));
    };
    let configurations = package.at("Configurations")?;
    let descriptor = package.at(&format!(r"Descriptors\PCI\{id}"))?;
    if let Some(configuration) = descriptor.text("Configuration")?
        && let Some(service) = configurations.at(&configuration.value)?.text("Service")?
    {
        return Ok(Some(vec![service.value.to_ascii_lowercase()]));
    }
    let configurations = configurations.below()?;
    if configurations.len() > MAX_CONFIGURATIONS {
        return Err(Error::too_much("DriverDatabase", MAX_CONFIGURATIONS, "configurations"));
    }
    let mut services: Vec<String> = Vec::new();
    for configuration in configurations {
        let service = configuration.text("Service")?.map(|it| it.value.to_ascii_lowercase());
        let is_new = |name: &String| name.len() <= MAX_SERVICE_NAME && !services.contains(name);
        services.extend(service.filter(is_new));
        if services.len() > MAX_SERVICES {
            return Err(Error::too_much("DriverDatabase", MAX_SERVICES, "services"));
        }
    }
    Ok((!services.is_empty()).then_some(services))
}

/// The key of that path in the first of the databases that has it.
fn first<'a>(databases: &[Place<'a>], path: &str) -> Result<Option<Place<'a>>> {
    for database in databases {
        let place = database.at(path)?;
        if place.exists() {
            return Ok(Some(place));
        }
    }
    Ok(None)
}

fn instances(devices: &Place<'_>, found: &mut Vec<DeviceBinding>) -> Result<()> {
    for place in devices.below()? {
        let Some(device) = device(&format!(r"PCI\{}", place.name())) else { continue };
        for instance in place.below()? {
            if let Some(service) = instance.text("Service")? {
                keep(found, to_service(device, service, BindingSource::Instance))?;
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guest::windows::fixture::{Hive, guest};

    const DISK: &str = "VEN_1AF4&DEV_1001&SUBSYS_00021AF4&REV_00";

    /// As inject_virtio_win.ml of libguestfs-common writes the database, up to the part that is
    /// missing.
    fn injected(parts: usize) -> DeviceBinding {
        let found = guest().system(|hive| {
            let hive = hive.key(&format!(r"DriverDatabase\DeviceIds\PCI\{DISK}"));
            let hive = hive.binary("guestor.inf", &[1, 0xff, 0, 0]);
            let package = r"DriverDatabase\DriverPackages\guestor.inf_tmp";
            let steps: [&dyn Fn(_) -> _; 4] = [
                &|hive: Hive| {
                    let hive = hive.key(r"DriverDatabase\DriverInfFiles\guestor.inf");
                    hive.texts("", &["guestor.inf_tmp"]).text("Active", "guestor.inf_tmp")
                },
                &|hive| hive.key(package),
                &|hive| {
                    let hive = hive.key(&format!(r"{package}\Configurations\guestor_conf"));
                    let hive = hive.dword("ConfigFlags", 0).text("Service", "viostor");
                    let other = format!(r"{package}\Configurations\other_conf");
                    hive.key(&other).text("Service", "Other")
                },
                &|hive| {
                    let hive = hive.key(&format!(r"{package}\Descriptors\PCI\{DISK}"));
                    hive.text("Configuration", "guestor_conf")
                },
            ];
            steps.iter().take(parts).fold(hive, |hive, step| step(hive))
        });
        let found = found.look(|_, _, hklm| bindings(hklm));
        let [binding] = found.known().unwrap().as_slice() else { panic!("{found:?}") };
        binding.clone()
    }

    #[test]
    fn an_inf_file_leads_to_the_service_of_its_package() {
        let binding = injected(4);
        assert_eq!(binding.driver, "guestor.inf");
        assert_eq!(binding.source, BindingSource::DriverDatabase);
        let services = |parts| injected(parts).services;
        assert_eq!(binding.services, Some(vec!["viostor".to_owned()]));
        assert_eq!(services(3), Some(vec!["viostor".to_owned(), "other".to_owned()]));
        assert_eq!(services(2), None, "the package does not say it");
        assert_eq!(services(1), Some(Vec::new()), "no package");
        assert_eq!(services(0), Some(Vec::new()), "no such INF file");
    }

    #[test]
    fn an_id_is_known_whatever_narrows_it() {
        for id in [
            "PCI#VEN_1AF4&DEV_1001&SUBSYS_00021AF4&REV_00",
            r"PCI\VEN_1AF4&DEV_1001",
            "pci#ven_1af4&dev_1001&subsys_00000000",
        ] {
            assert_eq!(device(id), Some(r"PCI\VEN_1AF4&DEV_1001"), "{id}");
        }
        assert_eq!(device("primary_ide_channel"), Some("PRIMARY_IDE_CHANNEL"));
        assert_eq!(device("pci#cc_010180"), None);
        assert_eq!(device("PCI#VEN_1AF4&DEV_10010"), None);
    }
}
