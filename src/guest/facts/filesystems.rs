//! The file systems on the disk, and what each says of its own health.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{Architecture, Facts, Guest, LinuxFacts};
use crate::disk::facts::{DiskFacts, PartitionRole};
use crate::fact::{Evidence, Fact, Unread};
use crate::filesystem::{Health, NeedKind};

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

    /// The bound at which a file system that the guest needs was not looked at further.
    pub fn unchecked(&self) -> Option<&Unread> {
        self.used_filesystems().find_map(|found| found.health.known()?.unchecked.as_ref())
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

impl LinuxFacts {
    /// What the guest's own kernel is certain not to mount a file system for, mounted with these
    /// options: blocks larger than its pages, or a log on a device that is not on this disk.
    pub fn refusal<'o>(
        &self,
        health: &Health,
        disk: &DiskFacts,
        mut options: impl Iterator<Item = &'o str>,
    ) -> Option<Evidence> {
        let has_device = options.any(|option| {
            ["logdev=", "journal_dev=", "journal_path="].iter().any(|name| option.starts_with(name))
        });
        let is_refused = |kind: NeedKind| match kind {
            NeedKind::LargePages(major, minor) => {
                self.has_small_pages()
                    && self.kernel_version().is_some_and(|it| it < (major, minor))
            }
            NeedKind::LogDevice(must_be_named) => {
                !has_device && (must_be_named || !may_hold_a_journal(disk))
            }
        };
        let need = health.needs.iter().find(|need| is_refused(need.kind))?;
        let Evidence { location, detail, .. } = &need.evidence;
        Some(Evidence::new(location, format!("{detail}: the kernel does not mount it")))
    }

    /// Why the guest does not use a logical volume, or it is open whether it does: its group belongs to
    /// one host by its ID, and this is not that of the guest (lvmsystemid(7)).
    pub(crate) fn of_other_host(&self, disk: &DiskFacts, volume: usize) -> Option<Fact<Evidence>> {
        let (group, _) = disk.logical_volume(volume)?;
        let id = group.system_id.as_ref()?;
        let group = format!("volume group {}", group.name);
        match &self.lvm_system_ids {
            Fact::Known(ids) if ids.iter().any(|has| has.detail == *id) => None,
            Fact::Known(ids) => {
                let has = ids.first().map_or("none", |has| has.detail.as_str());
                let what =
                    format!("it belongs to the host with the system ID {id}; the guest has {has}");
                Some(Fact::Known(Evidence::new(group, what)))
            }
            Fact::Unknown(Unread { location, reason }) => {
                let what =
                    format!("it belongs to the host with the system ID {id}: {location}: {reason}");
                Some(Fact::unknown(group, what))
            }
        }
    }

    /// Whether the kernel's pages have 4096 bytes, whatever it was built with.
    fn has_small_pages(&self) -> bool {
        let arch = self.arch.known().map(|(arch, _)| *arch);
        matches!(arch, Some(Architecture::X86_64 | Architecture::I386))
    }

    /// Major and minor version of the default kernel.
    fn kernel_version(&self) -> Option<(u32, u32)> {
        let kernel = self.kernels.known()?.iter().find(|kernel| kernel.is_default)?;
        let mut numbers = kernel.release.split(|c: char| !c.is_ascii_digit());
        Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
    }
}

/// Whether something on the disk may be the journal of a file system elsewhere: it bears no signature
/// that is known.
fn may_hold_a_journal(disk: &DiskFacts) -> bool {
    let is_for_loader = |index: usize| {
        let mut partitions = disk.partitions.iter();
        partitions.any(|it| it.volume == Some(index) && it.role == PartitionRole::BiosBoot)
    };
    disk.volumes.iter().enumerate().any(|(index, volume)| {
        let is_unsigned = volume.signatures.known().is_none_or(Vec::is_empty);
        (is_unsigned && !is_for_loader(index)) || disk.unopened(index).is_some()
    })
}
