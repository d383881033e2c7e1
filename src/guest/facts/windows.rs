//! Windows: what its registry and its files say.
//!
//! Each part is a [`Fact`] of its own, so that a hive that cannot be read leaves unknown only what
//! stands in it. Places are written as Windows writes them: `HKLM\SYSTEM\…`, `\Windows\…`.

mod accounts;
mod devices;
mod logon;
mod os;
mod pending;

use serde::{Deserialize, Serialize};

pub use self::accounts::{
    ADMINISTRATOR_RID, Hindrance, WindowsAccount, WindowsAccounts, WindowsPassword,
};
pub use self::devices::{
    BindingSource, ClassFilter, ClassFilters, DeviceBinding, DriverImage, DriverSignature,
    FixedMac, ServiceFacts, SoftwareKind, StartType, WindowsInterface,
};
pub use self::logon::{
    CloudbaseInit, CloudbaseInitConf, ConfValue, FirewallVerdict, IMAGE_STATE_COMPLETE,
    IMAGE_STATE_UNDEPLOYABLE, RemoteDesktop, SysprepFacts,
};
pub use self::os::{HiveFacts, HiveSync, OemMark, ProductType, WINDOWS_8, WindowsIdentity};
pub use self::pending::PendingFacts;
use super::{Architecture, WindowsBootFacts};
use crate::fact::{Evidence, Fact, Unread};

/// A value of the guest, and where it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Seen<T> {
    /// The value.
    pub value: T,
    /// Where it stands, and as what.
    pub evidence: Evidence,
}

impl<T> Seen<T> {
    /// A value with its evidence.
    pub fn new(value: T, evidence: Evidence) -> Self {
        Self { value, evidence }
    }
}

/// A Windows guest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct WindowsFacts {
    /// What told that it is Windows.
    pub evidence: Vec<Evidence>,
    /// Index of the volume that it lies on; none when no file system that can be read has its
    /// system hive.
    pub volume: Option<usize>,
    /// How it boots.
    pub boot: WindowsBootFacts,
    /// The hives and how they were left.
    pub hives: Vec<HiveFacts>,
    /// Which Windows it is.
    pub os: Fact<WindowsIdentity>,
    /// Architecture of its kernel.
    pub arch: Fact<(Architecture, Evidence)>,
    /// What speaks of a maker's edition; empty when nothing does.
    pub oem: Fact<Vec<OemMark>>,
    /// Who may log in.
    pub accounts: Fact<WindowsAccounts>,
    /// Which of the services and drivers that matter are there.
    pub services: Fact<Vec<ServiceFacts>>,
    /// What is known to drive the devices of the platform.
    pub bindings: Fact<Vec<DeviceBinding>>,
    /// Filters of the device classes between the machine and its system disk.
    pub class_filters: Fact<Vec<ClassFilters>>,
    /// Its network interfaces.
    pub interfaces: Fact<Vec<WindowsInterface>>,
    /// Network cards whose MAC address is set by hand.
    pub fixed_macs: Fact<Vec<FixedMac>>,
    /// Remote Desktop.
    pub remote_desktop: RemoteDesktop,
    /// `SanPolicy` of the partition manager; `Known(None)` when it is not set.
    pub san_policy: Fact<Option<Seen<u32>>>,
    /// Seconds after which the active power scheme turns the display off, 0 for never; `Known(None)`
    /// when no scheme says it.
    pub display_off: Fact<Option<Seen<u32>>>,
    /// What Sysprep and setup left behind.
    pub sysprep: SysprepFacts,
    /// `hiberfil.sys` with the memory of a machine that was hibernated, or shut down by fast
    /// start-up; `Known(None)` when there is none that would be resumed.
    pub hibernated: Fact<Option<Evidence>>,
    /// What the next start would finish.
    pub pending: PendingFacts,
    /// Policies that restrict the installation of device drivers.
    pub driver_policies: Fact<Vec<Evidence>>,
    /// Version file of the platform's tools (`virtio\bin\version`); `Known(None)` without it.
    pub uvp_vmtools: Fact<Option<Seen<String>>>,
    /// Version file of the platform's Xen drivers (`Xen PV Drivers\bin\version`).
    pub uvp_pv_driver: Fact<Option<Seen<String>>>,
    /// Cloudbase-Init.
    pub cloudbase_init: CloudbaseInit,
    /// The domain that it is a member of; `Known(None)` for a workgroup.
    pub domain: Fact<Option<Seen<String>>>,
    /// The database with the accounts of the directory, when it is a domain controller; `Known(None)`
    /// when it is none.
    pub directory: Fact<Option<Evidence>>,
    /// Drive letters that lead to a partition which is not in this image.
    pub foreign_drives: Fact<Vec<Seen<char>>>,
    /// The paging files that are set up.
    pub paging_files: Fact<Vec<Seen<String>>>,
}

impl WindowsFacts {
    /// Windows that cannot be looked into, because of `unread`.
    pub fn unread(evidence: Vec<Evidence>, unread: &Unread) -> Self {
        Self {
            evidence,
            volume: None,
            boot: WindowsBootFacts::unread(unread),
            hives: Vec::new(),
            os: Fact::Unknown(unread.clone()),
            arch: Fact::Unknown(unread.clone()),
            oem: Fact::Unknown(unread.clone()),
            accounts: Fact::Unknown(unread.clone()),
            services: Fact::Unknown(unread.clone()),
            bindings: Fact::Unknown(unread.clone()),
            class_filters: Fact::Unknown(unread.clone()),
            interfaces: Fact::Unknown(unread.clone()),
            fixed_macs: Fact::Unknown(unread.clone()),
            remote_desktop: RemoteDesktop::unread(unread),
            san_policy: Fact::Unknown(unread.clone()),
            display_off: Fact::Unknown(unread.clone()),
            sysprep: SysprepFacts::unread(unread),
            hibernated: Fact::Unknown(unread.clone()),
            pending: PendingFacts::unread(unread),
            driver_policies: Fact::Unknown(unread.clone()),
            uvp_vmtools: Fact::Unknown(unread.clone()),
            uvp_pv_driver: Fact::Unknown(unread.clone()),
            cloudbase_init: CloudbaseInit::unread(unread),
            domain: Fact::Unknown(unread.clone()),
            directory: Fact::Unknown(unread.clone()),
            foreign_drives: Fact::Unknown(unread.clone()),
            paging_files: Fact::Unknown(unread.clone()),
        }
    }

    /// Why what the registry says may be older than what the next start would see: a hive that was
    /// left in the midst of a write, whose logs do not hold the rest.
    pub fn stale(&self) -> Option<&Unread> {
        self.hives.iter().find_map(|hive| match &hive.sync {
            Fact::Known(HiveSync::Torn(unread)) => Some(unread),
            _ => None,
        })
    }
}
