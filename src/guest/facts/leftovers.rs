//! What an earlier life of the guest left behind.

use serde::{Deserialize, Serialize};

use crate::fact::{Evidence, Fact, Unread};

/// What an earlier life of the guest left behind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct LeftoverFacts {
    /// `/etc/machine-id`.
    pub machine_id: Fact<MachineId>,
    /// Private host keys of the SSH server: `/etc/ssh/ssh_host_*_key`.
    pub host_keys: Fact<Vec<String>>,
    /// What lies in `/var/log`.
    pub logs: Fact<LogFacts>,
    /// Histories of shells and database clients of root and of those with a directory in `/home`,
    /// that are not empty.
    pub histories: Fact<Vec<FileSize>>,
    /// Guest tools of other hypervisors: directories, programs, units.
    pub hypervisor_tools: Fact<Vec<Evidence>>,
    /// `/etc/X11/xorg.conf`; `Known(None)` when it is not there.
    pub xorg_conf: Fact<Option<Evidence>>,
    /// The record of the platform's automatic configuration,
    /// `/var/log/rainbow_modification_record.log`; `Known(None)` when it is not there.
    pub rainbow_log: Fact<Option<Evidence>>,
    /// Directories of the platform's password-reset plug-in (`/Cloud*Reset*`).
    pub reset_plugin: Fact<Vec<String>>,
}

/// The identity that systemd gives a machine (machine-id(5)).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum MachineId {
    /// No file.
    Absent,
    /// Empty, or `uninitialized`: the next boot makes one.
    Unset(Evidence),
    /// Set, or taken from D-Bus's file, so that every machine made from the image has the same.
    Set(Evidence),
}

/// A file and its length in bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct FileSize {
    /// Path in the guest.
    pub path: String,
    /// Length in bytes.
    pub size: u64,
}

/// What lies in `/var/log`, without the files whose length follows the largest user id.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct LogFacts {
    /// Number of regular files.
    pub files: u64,
    /// Their lengths together, in bytes.
    pub bytes: u64,
    /// The largest few, the largest first.
    pub largest: Vec<FileSize>,
    /// What could not be counted, if anything.
    pub unread: Option<Unread>,
}
