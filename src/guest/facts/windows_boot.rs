//! How Windows boots: the links from the firmware to its kernel, and what its boot configuration
//! names.

use serde::{Deserialize, Serialize};

use super::{LinkState, Resolution};
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
    /// Its title.
    pub description: Option<String>,
    /// The device that its program lies on.
    pub device: Fact<Option<BcdDevice>>,
    /// Path of its program on that device.
    pub path: Option<String>,
    /// The device that the system lies on.
    pub os_device: Fact<Option<BcdDevice>>,
    /// Directory of the system on that device.
    pub system_root: Option<String>,
    /// Its key.
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
    /// The identifier of the entry that would be started without a key press, and the list that
    /// names it.
    pub fn first(&self) -> Option<(&str, &'static str)> {
        let sequence = self.boot_sequence.first().map(|id| (id.as_str(), "bootsequence"));
        let default = || self.default.as_ref().map(|id| (id.as_str(), "default"));
        let displayed = || self.display_order.first().map(|id| (id.as_str(), "displayorder"));
        sequence.or_else(default).or_else(displayed)
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
