//! Which drivers the default kernel would load by itself, and what its root needs of it.

use serde::{Deserialize, Serialize};

use super::DeviceRef;
use crate::fact::{Evidence, Fact, Unread};

/// Which drivers the default kernel would load by itself, and what its root needs of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct DriverFacts {
    /// The devices of the platform and what would drive them.
    pub devices: Vec<DeviceFacts>,
    /// What shows that the initramfs was made for one machine alone.
    pub host_only: Vec<Evidence>,
    /// What must be there before the root file system can be mounted.
    pub root_needs: Fact<Vec<RootNeed>>,
    /// From where the system would resume, by the settings beside the default entry's `resume=`.
    pub resume: Fact<Vec<ResumeSetting>>,
    /// What Huawei's old drivers and their monitor left behind, in the root and in the initramfs.
    pub uvp: Fact<Vec<Evidence>>,
}

/// A device of the platform.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum PlatformDevice {
    /// The PIIX IDE controller.
    Ide,
    /// A virtio disk.
    VirtioBlock,
    /// A virtio network card.
    VirtioNet,
    /// A virtio SCSI controller.
    VirtioScsi,
    /// A Xen paravirtual disk.
    XenBlock,
    /// A Xen paravirtual network card.
    XenNet,
}

impl PlatformDevice {
    /// Its name for people.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ide => "PIIX IDE",
            Self::VirtioBlock => "virtio-blk",
            Self::VirtioNet => "virtio-net",
            Self::VirtioScsi => "virtio-scsi",
            Self::XenBlock => "xen:vbd",
            Self::XenNet => "xen:vif",
        }
    }
}

/// A device and the chain of drivers that leads to it: `virtio_pci` finds the virtio device behind
/// the PCI one, `virtio_blk` drives it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct DeviceFacts {
    /// The device.
    pub device: PlatformDevice,
    /// Its drivers' links, the bus first.
    pub links: Vec<DriverLink>,
}

/// One link of that chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct DriverLink {
    /// The device's alias (`MODALIAS`).
    pub alias: String,
    /// Drivers before the root file system is mounted: built in, or in the initramfs.
    pub early: Fact<Vec<Candidate>>,
    /// Drivers under `/lib/modules`, once the root file system is mounted.
    pub late: Fact<Vec<Candidate>>,
}

/// A driver for an alias.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Candidate {
    /// Its module.
    pub module: String,
    /// What makes the system load it, or that it is built in; or where the module lies when nothing
    /// does.
    pub evidence: Evidence,
    /// What keeps it from being loaded: a blacklist; that nothing names it for the alias.
    pub blocked: Option<Evidence>,
}

/// What must be there before the root file system can be mounted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RootNeed {
    /// What asks for it: `ext4 on partition 2`, `logical volume vg/root`.
    pub purpose: Evidence,
    /// Modules of which one is enough, `-` as `_`; none when only a program is needed.
    pub modules: Vec<String>,
    /// Kernel options that build one of them in.
    pub options: Vec<String>,
    /// A program that must be in the initramfs.
    pub program: Option<String>,
}

/// A setting that says from where to resume.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ResumeSetting {
    /// The line.
    pub evidence: Evidence,
    /// The device; `None` for `none` and `auto`.
    pub device: Option<DeviceRef>,
}

impl DriverFacts {
    /// Nothing is known of them.
    pub fn unknown(unread: &Unread) -> Self {
        Self {
            devices: Vec::new(),
            host_only: Vec::new(),
            root_needs: Fact::Unknown(unread.clone()),
            resume: Fact::Unknown(unread.clone()),
            uvp: Fact::Unknown(unread.clone()),
        }
    }
}
