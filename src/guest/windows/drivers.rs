//! Which driver Windows would take for the devices of the platform.
//!
//! Before Windows 8 the boot loader's drivers are matched by `Control\CriticalDeviceDatabase`
//! (Microsoft KB314082); since then by `DriverDatabase\DeviceIds` of the hive SYSTEM or DRIVERS, whose
//! values name the INF file. Where the machine has run on such a device, `Enum` names the service.

use super::hklm::{Hklm, Place, fact};
use crate::error::{Error, Result};
use crate::fact::{Evidence, Fact};
use crate::guest::facts::DeviceBinding;

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

/// Most bindings kept: each device has a few hardware ids at most.
const MAX_BINDINGS: usize = 256;

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
        device_ids(&hklm.system(r"DriverDatabase\DeviceIds\PCI")?, &mut found)?;
        // The hive DRIVERS has the database at its root.
        if let Some(ids) = hklm.drivers(r"DriverDatabase\DeviceIds\PCI")? {
            device_ids(&ids, &mut found)?;
        }
        instances(&hklm.control_set(r"Enum\PCI")?, &mut found)?;
        if found.len() > MAX_BINDINGS {
            let limit = u64::try_from(MAX_BINDINGS).unwrap_or(u64::MAX);
            return Err(Error::Limit {
                structure: "registry",
                limit,
                unit: "devices with drivers",
            });
        }
        Ok(found)
    };
    fact(r"HKLM\SYSTEM\DriverDatabase", read())
}

fn critical_devices(database: &Place<'_>, found: &mut Vec<DeviceBinding>) -> Result<()> {
    for place in database.below()? {
        let Some(device) = device(place.name()) else { continue };
        if let Some(service) = place.text("Service")? {
            found.push(DeviceBinding {
                device: device.to_owned(),
                driver: service.value.to_ascii_lowercase(),
                evidence: service.evidence,
            });
        }
    }
    Ok(())
}

fn device_ids(database: &Place<'_>, found: &mut Vec<DeviceBinding>) -> Result<()> {
    for place in database.below()? {
        let Some(device) = device(&format!(r"PCI\{}", place.name())) else { continue };
        for value in place.values()? {
            let inf = value.name.to_ascii_lowercase();
            if inf.ends_with(".inf") {
                found.push(DeviceBinding {
                    device: device.to_owned(),
                    evidence: Evidence::new(place.path.clone(), inf.clone()),
                    driver: inf,
                });
            }
        }
    }
    Ok(())
}

fn instances(devices: &Place<'_>, found: &mut Vec<DeviceBinding>) -> Result<()> {
    for place in devices.below()? {
        let Some(device) = device(&format!(r"PCI\{}", place.name())) else { continue };
        for instance in place.below()? {
            if let Some(service) = instance.text("Service")? {
                found.push(DeviceBinding {
                    device: device.to_owned(),
                    driver: service.value.to_ascii_lowercase(),
                    evidence: service.evidence,
                });
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

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
