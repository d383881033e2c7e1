//! The file systems on the disk, and what each says of its own health.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{Facts, Guest, LinuxFacts};
use crate::fact::{Fact, Unread};
use crate::filesystem::Health;

/// A volume that holds a file system.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct FileSystemFacts {
    /// Index of its volume in [`DiskFacts::volumes`](crate::disk::facts::DiskFacts::volumes).
    pub volume: usize,
    /// `ext4`, `xfs`, ….
    pub kind: String,
    /// What it says of itself; unknown when it could not be opened.
    pub health: Fact<Health>,
}

impl Facts {
    /// The file systems that the guest needs: those of its tree, and those that its boot loader
    /// reads. All of them where it is not known which those are.
    pub fn used_filesystems(&self) -> impl Iterator<Item = &FileSystemFacts> {
        let used = match &self.guest {
            Fact::Known(Guest::Linux(linux)) => Some(self.used_volumes(linux)),
            _ => None,
        };
        self.filesystems
            .iter()
            .filter(move |found| used.as_ref().is_none_or(|used| used.contains(&found.volume)))
    }

    /// Why what was read of the guest's files may be older than what its next start would see: the
    /// log of a file system that it needs was not replayed, or that of a registry hive.
    pub fn stale(&self) -> Option<&Unread> {
        let log = self.used_filesystems().find_map(|found| found.health.known()?.stale.as_ref());
        log.or_else(|| match &self.guest {
            Fact::Known(Guest::Windows(windows)) => windows.stale(),
            _ => None,
        })
    }

    /// Whether a file system that the guest needs, and whose files may be other ones at its next
    /// start, bears marks of errors: a start alone does not settle what they are.
    pub fn has_damaged_filesystem(&self) -> bool {
        self.used_filesystems()
            .filter_map(|found| found.health.known())
            .any(|health| health.stale.is_some() && !health.errors.is_empty())
    }

    fn used_volumes(&self, linux: &LinuxFacts) -> BTreeSet<usize> {
        let mut used: BTreeSet<usize> =
            linux.mounts.iter().filter_map(|mount| mount.volume).collect();
        let entry = linux.boot.default_entry.known().and_then(Option::as_ref);
        let files = entry.iter().flat_map(|entry| entry.kernel.iter().chain(&entry.initrds));
        used.extend(files.filter_map(|file| Some(file.resolved.known()?.as_ref()?.volume)));
        // The loader's configuration is shown with the name of its volume first.
        let loader = linux.boot.loader.known().and_then(Option::as_ref);
        if let Some(name) = loader.and_then(|(_, evidence)| evidence.detail.split(", ").next()) {
            let volumes = self.disk.known().map_or(&[][..], |disk| &disk.volumes);
            used.extend(volumes.iter().position(|volume| volume.name == name));
        }
        used
    }
}
