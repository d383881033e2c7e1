//! Services, drivers, the devices that they are for, and network interfaces.

use serde::{Deserialize, Serialize};

use crate::fact::{Evidence, Fact};
use crate::guest::facts::Architecture;

/// When a service or driver is started (`Start`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum StartType {
    /// 0: by the boot loader.
    Boot,
    /// 1: while the kernel starts.
    System,
    /// 2: by the service manager at each start.
    Automatic,
    /// 3: when something asks for it.
    Manual,
    /// 4: never.
    Disabled,
}

impl StartType {
    /// The value of `Start`.
    pub fn from_value(value: u32) -> Option<Self> {
        Some(match value {
            0 => Self::Boot,
            1 => Self::System,
            2 => Self::Automatic,
            3 => Self::Manual,
            4 => Self::Disabled,
            _ => return None,
        })
    }
}

/// Why a service is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum SoftwareKind {
    /// Drives an IDE disk.
    Ide,
    /// Drives a virtio disk.
    VirtioStorage,
    /// Drives a virtio network card.
    VirtioNet,
    /// Drives another device of a KVM or Xen machine.
    Virtual,
    /// Xen paravirtual drivers.
    Xen,
    /// Tools of another hypervisor.
    OtherHypervisor,
    /// A virus scanner that does not come with Windows.
    Antivirus,
    /// Cloudbase-Init.
    CloudbaseInit,
    /// Windows' own drivers between the machine and its system disk: buses, disks, volumes.
    StoragePath,
    /// What the `CriticalDeviceDatabase` names for an IDE disk, and nothing else of these has.
    CriticalDevice,
    /// A filter of a device class between the machine and its system disk.
    Filter,
    /// Part of Windows that other facts rest on.
    Windows,
}

/// How a driver is signed, as far as its own file tells. Whether a catalogue of `CatRoot` vouches for it
/// is not looked at: that takes the hashes in some thousand files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum DriverSignature {
    /// It has a certificate table; whether the signature is good is not verified.
    Embedded,
    /// It has none: a catalogue vouches for it, or nobody.
    NotEmbedded,
}

/// What a driver's file is, as far as its headers tell.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum DriverImage {
    /// A whole PE image, made for this processor.
    Whole(Architecture),
    /// None that can be loaded, and why not.
    Damaged(String),
}

/// A service or driver under `CurrentControlSet\Services`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ServiceFacts {
    /// Name of its key.
    pub name: String,
    /// Why it is looked at.
    pub kind: SoftwareKind,
    /// When it is started; none when the key does not say it.
    pub start: Option<StartType>,
    /// `StartOverride\0`, which Windows 8 and later obey instead (3: not at boot).
    pub start_override: Option<u32>,
    /// `Type`: 1 for a kernel driver.
    pub service_type: Option<u32>,
    /// `Group`: `SCSI miniport`, ….
    pub group: Option<String>,
    /// `ImagePath`, as it stands.
    pub image_path: Option<String>,
    /// `ObjectName`: the account that it runs as.
    pub account: Option<String>,
    /// The file that it starts, when it is there; `Known(None)` when it is not.
    pub file: Fact<Option<String>>,
    /// What that file is; `Known(None)` for what is no driver, or has no file.
    pub image: Fact<Option<DriverImage>>,
    /// Version in that file's version resource.
    pub file_version: Option<String>,
    /// How the file is signed; none for what is no driver, or could not be read.
    pub signature: Option<DriverSignature>,
    /// Its key and its start value.
    pub evidence: Evidence,
}

impl ServiceFacts {
    /// Whether its `Type` is that of a driver: of a device (1), a file system (2), or what recognises
    /// one (8). The kernel loads none without (`STATUS_ILL_FORMED_SERVICE_ENTRY`).
    pub fn is_driver(&self) -> bool {
        matches!(self.service_type, Some(1 | 2 | 8))
    }

    /// Whether anything may start it.
    pub fn may_start(&self) -> bool {
        !matches!(self.start, None | Some(StartType::Disabled))
    }
}

/// Where it stands what drives a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum BindingSource {
    /// `Control\CriticalDeviceDatabase`, which decides before Windows 8 and is not read since.
    CriticalDevices,
    /// `DriverDatabase`, since Windows 8.
    DriverDatabase,
    /// `Enum`: the machine has run with such a device.
    Instance,
}

/// What is known to drive a device of the platform.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct DeviceBinding {
    /// The device, in upper case and without what only narrows it: `PCI\VEN_1AF4&DEV_1001`.
    pub device: String,
    /// The service, or the `.inf` file that names it, in lower case.
    pub driver: String,
    /// The kind of the place.
    pub source: BindingSource,
    /// The services that it leads to, in lower case. Empty when the driver database does not have the
    /// INF file or its package, so that nothing can come of it; none when the package does not say.
    pub services: Option<Vec<String>>,
    /// Where it stands.
    pub evidence: Evidence,
}

/// The filters of a device class, above or below its devices' drivers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ClassFilters {
    /// Name of the class, as in `Class` of its key: `DiskDrive`.
    pub class: String,
    /// Name of the value: `UpperFilters` or `LowerFilters`.
    pub value: String,
    /// The filters.
    pub filters: Vec<ClassFilter>,
    /// Key of the class, and what stands there.
    pub evidence: Evidence,
}

/// One of the filters of a class.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ClassFilter {
    /// Name of its service.
    pub name: String,
    /// The service; none when there is no such key.
    pub service: Option<ServiceFacts>,
}

/// A network card whose MAC address is set by hand (`NetworkAddress`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct FixedMac {
    /// `MatchingDeviceId` of the card: `pci\ven_15ad&dev_07b0`.
    pub device: String,
    /// Its key, and the address.
    pub evidence: Evidence,
}

/// A network interface, by its card.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct WindowsInterface {
    /// Its GUID, in braces.
    pub guid: String,
    /// Its name, as people see it; none when it has no connection any more.
    pub name: Option<String>,
    /// The card's device instance: `PCI\VEN_15AD&DEV_07B0&…`.
    pub device: Option<String>,
    /// Whether only its settings are left: no connection has it any more.
    pub leftover: bool,
    /// Whether its addresses come by DHCP; none when it is not said.
    pub dhcp: Option<bool>,
    /// Addresses that are set by hand.
    pub addresses: Vec<String>,
    /// Name servers that are set by hand.
    pub name_servers: Vec<String>,
    /// Its key, and what stands there.
    pub evidence: Evidence,
}

impl WindowsInterface {
    /// Whether it is a card on a bus, as far as is known: not a tunnel, a switch or what else
    /// software makes, and not what an earlier card left.
    pub fn is_card(&self) -> bool {
        const BUSES: &[&str] =
            &["PCI\\", "XEN\\", "XENVIF\\", "XENBUS\\", "XENPCI\\", "VMBUS\\", "USB\\"];
        let Some(device) = &self.device else { return !self.leftover };
        let device = device.to_ascii_uppercase();
        BUSES.iter().any(|bus| device.starts_with(bus))
    }
}
