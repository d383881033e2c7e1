//! What a file system says about itself.

use super::checksum::ChecksumType;
use crate::fact::{Evidence, Fact, Unread};
use crate::filesystem::health::{cut, large_pages, place, refused};
use crate::filesystem::{Health, Shutdown, Space};

/// Plain facts about a Btrfs file system, as its superblock and chunk tree tell them.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct BtrfsState {
    /// The identity, `UUID` to libblkid.
    pub fsid: [u8; 16],
    /// The label; empty when it has none.
    pub label: String,
    /// The last transaction that was committed.
    pub generation: u64,
    /// Features by the names of `mkfs.btrfs -O`; a bit without a name as `compat_ro bit 9`.
    pub features: Vec<String>,
    /// How metadata is summed. Its checksums are verified; those of data are not.
    pub checksum: ChecksumType,
    /// Bytes of a sector.
    pub sector_size: u32,
    /// Bytes of a node.
    pub node_size: u32,
    /// The byte of the volume where the superblock lies that counts.
    pub superblock_offset: u64,
    /// Bytes of all devices.
    pub total_bytes: u64,
    /// Bytes in use.
    pub bytes_used: u64,
    /// Number of devices.
    pub devices: u64,
    /// The numbers of the devices that were read, ascending.
    pub present_devices: Vec<u64>,
    /// The numbers of the devices that are not here. What lies on them alone is not read, and a
    /// mount refuses the rest unless it is told `degraded`.
    pub missing_devices: Vec<u64>,
    /// The numbers of the devices that were away when others were written.
    pub behind_devices: Vec<u64>,
    /// Bytes that these devices should have but the volumes do not: they were cut.
    pub missing_bytes: u64,
    /// What became of the log tree.
    pub log: LogState,
    /// The superblock says that the kernel saw an error.
    pub has_errors: bool,
    /// The file system is a seed: read-only until a device is added.
    pub seeding: bool,
    /// Why the primary superblock could not be used. The newest copy was read, but a mount refuses
    /// such a file system.
    pub damaged_superblock: Option<String>,
}

/// What became of the log tree. It is there when the file system was in use, and what programs made
/// sure of with `fsync` since the last transaction is in it alone.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum LogState {
    /// There is none.
    Absent,
    /// It was replayed in memory, as a mount would.
    Replayed(Replay),
    /// It could not be replayed: the newest changes are missing.
    NotReplayed {
        /// Why.
        reason: String,
    },
}

/// A replay of the log tree in memory.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Replay {
    /// Subvolumes that had a log.
    pub subvolumes: u64,
    /// Inodes in their logs.
    pub inodes: u64,
    /// Items of subvolumes that are others, new or gone.
    pub items: u64,
}

/// Where some fields of the superblock stand.
const FLAGS: u64 = 0x38;
const SECTOR_SIZE: u64 = 0x90;
const LOG_ROOT: u64 = 0x60;
const TOTAL_BYTES: u64 = 0x70;

/// Where the devices of the set are listed.
const DEVICES: &str = "btrfs device items";

fn list(ids: &[u64]) -> String {
    ids.iter().map(u64::to_string).collect::<Vec<_>>().join(", ")
}

impl BtrfsState {
    /// What the kernel does not mount it for (`open_ctree`, `read_one_dev`).
    fn refusals(&self) -> Vec<Evidence> {
        let mut found = Vec::new();
        if let Some(reason) = &self.damaged_superblock {
            found.push(Evidence::new("btrfs superblock, byte 65536", reason));
        }
        if !self.missing_devices.is_empty() {
            let ids = list(&self.missing_devices);
            let detail = format!("device {ids} of the set is not in this image");
            found.push(Evidence::new(DEVICES, detail));
        }
        found.extend(cut(DEVICES.to_owned(), self.missing_bytes));
        found
    }

    /// The same in the words of every file system.
    pub(super) fn health(&self) -> Health {
        let at =
            |field: u64| place("btrfs superblock", self.superblock_offset.saturating_add(field));
        let (shutdown, detail) = match self.log {
            LogState::Absent => (Shutdown::Clean, "there is no log tree"),
            _ => (Shutdown::Unclean, "there is a log tree"),
        };
        let mut errors = self.refusals();
        let stale = errors.first().map(refused).or_else(|| match &self.log {
            LogState::NotReplayed { reason } => {
                let reason = format!("there is a log tree, which could not be replayed: {reason}");
                Some(Unread::new(at(LOG_ROOT), reason))
            }
            _ => None,
        });
        if self.has_errors {
            errors.push(Evidence::new(at(FLAGS), "the flag of errors"));
        }
        if self.seeding {
            let detail = "the flag of a seeding device, which can only be mounted read-only";
            errors.push(Evidence::new(at(FLAGS), detail));
        }
        if !self.behind_devices.is_empty() {
            let ids = list(&self.behind_devices);
            let detail = format!("device {ids} of the set was away when others were written");
            errors.push(Evidence::new(DEVICES, detail));
        }
        let free = self.total_bytes.saturating_sub(self.bytes_used);
        Health {
            shutdown: Fact::Known((shutdown, Evidence::new(at(LOG_ROOT), detail))),
            stale,
            unchecked: None,
            errors,
            // Linux: fs/btrfs/disk-io.c, `btrfs_validate_super`; an experiment since 6.18.
            needs: large_pages(at(SECTOR_SIZE), self.sector_size.into(), (6, 18))
                .into_iter()
                .collect(),
            space: Fact::Known(Space {
                total: self.total_bytes,
                free,
                inodes: None,
                evidence: Evidence::new(
                    at(TOTAL_BYTES),
                    format!("{} of {} bytes in use", self.bytes_used, self.total_bytes),
                ),
            }),
        }
    }
}
