//! How Windows boots: the links from the firmware to its kernel, and what its boot configuration
//! names.

use serde::{Deserialize, Serialize};

use super::{FirmwareFacts, LinkState, Resolution};
use crate::fact::{Evidence, Fact, Unread};

/// A link of Windows' boot chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum WindowsLinkKind {
    /// BIOS: code in sector 0.
    BootCode,
    /// BIOS: the active partition.
    ActivePartition,
    /// BIOS: the code in the active partition's boot sector.
    BootSector,
    /// UEFI: the EFI system partition.
    EfiSystemPartition,
    /// `bootmgr`, `ntldr`, `bootmgfw.efi` or the loader at the removable-media path.
    BootManager,
    /// `ntdetect.com`, which `ntldr` runs.
    HardwareDetection,
    /// `\Boot\BCD`, `\EFI\Microsoft\Boot\BCD` or `boot.ini`.
    BootConfiguration,
    /// The entry that would be started without a key press.
    DefaultEntry,
    /// The partition that the entry's loader and system lie on.
    WindowsPartition,
    /// `winload.exe`, `winload.efi`.
    OsLoader,
    /// `\Windows\System32\ntoskrnl.exe`.
    Kernel,
    /// `\Windows\System32\config\SYSTEM`, which the loader reads before the kernel runs.
    SystemHive,
}

/// One link with what was seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct WindowsBootLink {
    /// Which link.
    pub kind: WindowsLinkKind,
    /// Its state.
    pub state: LinkState,
    /// Where it was looked for, and what was there.
    pub evidence: Evidence,
}

/// What a device of the boot configuration leads to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum BcdTarget {
    /// A partition of a disk with an MBR.
    Mbr {
        /// Disk signature, 8 lower-case hex digits.
        signature: String,
        /// First byte of the partition.
        offset: u64,
    },
    /// A partition of a disk with a GPT.
    Gpt {
        /// Disk GUID, lower case.
        disk: String,
        /// Partition GUID, lower case.
        partition: String,
    },
    /// The partition that the boot manager was loaded from.
    Boot,
    /// Whichever partition has the file that the entry names.
    Locate,
    /// A file loaded into memory, by its path.
    Ramdisk(Option<String>),
    /// A virtual disk in a file, by its path.
    VirtualDisk(Option<String>),
    /// A file taken for a disk, by its path.
    File(Option<String>),
    /// Anything else: the number of its type.
    Other(u32),
}

/// A device that an entry names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct BcdDevice {
    /// What it leads to.
    pub target: BcdTarget,
    /// The element.
    pub evidence: Evidence,
}

/// An object of the boot configuration data: the boot manager or one of its entries.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct BcdEntry {
    /// Its GUID in braces, lower case.
    pub id: String,
    /// `Type` of its description: `0x10200003` for a Windows loader.
    pub kind: Option<u32>,
    /// Its title; the boot manager passes over an entry without one.
    pub description: Option<String>,
    /// The device that its program lies on.
    pub device: Fact<Option<BcdDevice>>,
    /// Path of its program on that device.
    pub path: Option<String>,
    /// The device that the system lies on.
    pub os_device: Fact<Option<BcdDevice>>,
    /// Directory of the system on that device.
    pub system_root: Option<String>,
    /// What it asks for beside an ordinary start.
    pub modes: Vec<WindowsStartMode>,
    /// Its key.
    pub evidence: Evidence,
}

/// `Type` of an object whose program is a Windows loader ("BCD Reference", object types).
const WINDOWS_LOADER: u32 = 0x1020_0003;

impl BcdEntry {
    /// Whether its program is a Windows loader, which has a path by default.
    pub fn is_windows_loader(&self) -> bool {
        self.kind == Some(WINDOWS_LOADER)
    }

    /// What the boot manager misses in it, so that it passes over it as if it were not in the lists
    /// (ReactOS, `boot/environ/app/bootmgr/bootmgr.c`, `BmpPopulateBootEntryList`, whose ways are those
    /// of Windows' boot manager); `None` for one that it would start.
    pub fn flaw(&self) -> Option<&'static str> {
        match self {
            Self { device: Fact::Known(None), .. } => Some("it names no device of the loader"),
            Self { description: None, .. } => Some("it has no description"),
            Self { kind: None, .. } => Some("it has no type"),
            Self { path: None, .. } if !self.is_windows_loader() => Some("it names no program"),
            _ => None,
        }
    }
}

/// A start that is not the ordinary one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum WindowsStartKind {
    /// Safe mode: no network, no remote desktop.
    SafeMinimal,
    /// Safe mode with networking: only the services that are listed for it start.
    SafeNetwork,
    /// Directory services restore mode of a domain controller.
    DirectoryRepair,
    /// As Windows PE, which keeps no change of its registry and restarts after 72 hours.
    WindowsPe,
}

/// A start that is not the ordinary one, with what asks for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct WindowsStartMode {
    /// Which start.
    pub kind: WindowsStartKind,
    /// The element of the boot configuration, or the line of `boot.ini`.
    pub evidence: Evidence,
}

/// What a store of boot configuration data says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct BootConfiguration {
    /// Path of the hive on its volume.
    pub path: String,
    /// The boot manager; none when the store has none.
    pub manager: Option<BcdEntry>,
    /// Identifiers of the entries that are tried just once, before the default one.
    pub boot_sequence: Vec<String>,
    /// Identifier of the default entry.
    pub default: Option<String>,
    /// Identifiers of the entries in the menu.
    pub display_order: Vec<String>,
    /// Seconds that the menu waits.
    pub timeout: Option<u64>,
    /// The entries that these lists name and that the store has.
    pub entries: Vec<BcdEntry>,
}

impl BootConfiguration {
    /// The identifier of the entry that is started without a key press, and the list that names it.
    ///
    /// What is to be tried once comes first. Then the entries of the menu count, and the default one
    /// alone where there is no menu; those that the boot manager passes over ([`BcdEntry::flaw`]) do
    /// not. A default entry that is not among them is not started: the first of them is (ReactOS,
    /// `bootmgr.c`, `BmEnumerateBootEntries` and `BmpGetDefaultBootEntry`).
    pub fn first(&self) -> Option<(&str, &'static str)> {
        let starts = |id: &&String| self.entry(id).is_some_and(|entry| entry.flaw().is_none());
        let default = self.default.as_ref().filter(starts);
        let mut menu = self.display_order.iter().filter(starts);
        let once = self.boot_sequence.iter().find(starts).map(|id| (id, "bootsequence"));
        let chosen = || match default {
            Some(id) if self.display_order.is_empty() => Some((id, "default")),
            Some(id) if menu.clone().any(|listed| listed.eq_ignore_ascii_case(id)) => {
                Some((id, "default"))
            }
            _ => menu.next().map(|id| (id, "displayorder")),
        };
        let (id, list) = once.or_else(chosen)?;
        Some((id, list))
    }

    /// The identifiers among which [`BootConfiguration::first`] chooses, each with its list.
    pub fn candidates(&self) -> impl Iterator<Item = (&str, &'static str)> {
        let once = self.boot_sequence.iter().map(|id| (id.as_str(), "bootsequence"));
        let listed = self.display_order.iter().map(|id| (id.as_str(), "displayorder"));
        let default = self.default.iter().filter(|_| self.display_order.is_empty());
        once.chain(listed).chain(default.map(|id| (id.as_str(), "default")))
    }

    /// The entry with that identifier.
    pub fn entry(&self, id: &str) -> Option<&BcdEntry> {
        self.entries.iter().find(|entry| entry.id.eq_ignore_ascii_case(id))
    }
}

/// A device that the start needs, and what it leads to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct WindowsBootDevice {
    /// What lies on it: `loader`, `system`.
    pub what: String,
    /// The device in words: `the partition at byte 1048576 of disk 1f0c3a5e`.
    pub spec: String,
    /// What it leads to in this image.
    pub resolution: Resolution,
    /// What names it.
    pub evidence: Evidence,
}

/// The way from one firmware to Windows' kernel.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct WindowsBootPath {
    /// The links in order; links after a missing one are there where they could be followed.
    pub chain: Vec<WindowsBootLink>,
    /// The boot configuration data; none when there is none, or before Windows Vista.
    pub configuration: Option<BootConfiguration>,
    /// The devices that the default entry names.
    pub devices: Vec<WindowsBootDevice>,
    /// Where the system lies that the default entry starts; none where that is not known.
    pub system: Option<WindowsSystem>,
    /// What the default entry asks for beside an ordinary start.
    pub modes: Vec<WindowsStartMode>,
}

/// Where an installation of Windows lies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct WindowsSystem {
    /// Index of its volume.
    pub volume: usize,
    /// Its directory as a path of the volume: `/Windows`.
    pub directory: String,
}

/// How Windows boots.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct WindowsBootFacts {
    /// Under BIOS.
    pub bios: WindowsBootPath,
    /// Under UEFI; none when the disk has no EFI system partition.
    pub uefi: Option<WindowsBootPath>,
    /// Partitions that belong to a dynamic disk (logical disk manager).
    pub dynamic_disk: Vec<Evidence>,
}

impl WindowsBootFacts {
    /// The way of the firmware that boots the disk, BIOS where it can; and whether it is that of UEFI.
    pub fn of_firmware(&self, firmware: &Fact<FirmwareFacts>) -> (&WindowsBootPath, bool) {
        let is_uefi_only = firmware
            .known()
            .is_some_and(|firmware| firmware.bios.is_empty() && !firmware.uefi.is_empty());
        match &self.uefi {
            Some(path) if is_uefi_only => (path, true),
            _ => (&self.bios, false),
        }
    }

    /// Nothing known, because of `unread`.
    pub fn unread(unread: &Unread) -> Self {
        let link = WindowsBootLink {
            kind: WindowsLinkKind::BootCode,
            state: LinkState::Unknown(unread.reason.clone()),
            evidence: Evidence::new(unread.location.clone(), "not read"),
        };
        let bios = WindowsBootPath { chain: vec![link], ..WindowsBootPath::default() };
        Self { bios, uefi: None, dynamic_disk: Vec::new() }
    }
}
