//! How the disk is divided, for the report's picture: taken from the facts, nothing judged.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::disk::facts::{DiskFacts, PartitionRole, TableKind};
use crate::guest::facts::{Facts, Guest};

/// How the disk is divided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DiskLayout {
    /// Size of the disk in bytes.
    pub size: u64,
    /// Which partition table there is.
    pub table: TableKind,
    /// The partitions by their first byte; without a table the file system on the whole disk.
    pub partitions: Vec<DiskPart>,
    /// What lies inside partitions: logical volumes and arrays, in the order in which they were
    /// found.
    pub inside: Vec<DiskPart>,
}

/// A partition, a logical volume or an array.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DiskPart {
    /// `partition 1`, `whole disk`, `vg/lv`, `md0`.
    pub name: String,
    /// First byte on the disk; null for what lies inside others.
    pub start: Option<u64>,
    /// Length in bytes, as the table says.
    pub size: u64,
    /// What the partition's type says that it is for; null for what is no partition.
    pub role: Option<PartitionRole>,
    /// What was found in it, as `blkid` spells it: `ext4`, `vfat`, `LVM2_member`, ….
    pub content: Option<String>,
    /// Where the guest mounts it.
    pub mounts: Vec<String>,
}

impl DiskLayout {
    /// The division that the facts tell; `None` when the disk was not read.
    pub fn of(facts: &Facts) -> Option<Self> {
        let disk = facts.disk.known()?;
        let mut partitions: Vec<DiskPart> = disk
            .partitions
            .iter()
            .map(|partition| DiskPart {
                name: format!("partition {}", partition.number),
                start: Some(partition.start),
                size: partition.size,
                role: Some(partition.role),
                content: partition.volume.and_then(|volume| content(disk, volume)),
                mounts: partition.volume.map_or_else(Vec::new, |volume| mounts(facts, volume)),
            })
            .collect();
        let mut inside = Vec::new();
        for (index, volume) in disk.volumes.iter().enumerate() {
            if volume.partition.is_some() {
                continue;
            }
            let part = DiskPart {
                name: volume.name.clone(),
                start: volume.start,
                size: volume.size,
                role: None,
                content: content(disk, index),
                mounts: mounts(facts, index),
            };
            if volume.start.is_some() { partitions.push(part) } else { inside.push(part) }
        }
        partitions.sort_by_key(|part| part.start);
        Some(Self { size: disk.size, table: disk.table, partitions, inside })
    }
}

fn content(disk: &DiskFacts, volume: usize) -> Option<String> {
    Some(disk.volumes.get(volume)?.signature()?.kind.name().to_owned())
}

fn mounts(facts: &Facts, volume: usize) -> Vec<String> {
    match facts.guest.known() {
        Some(Guest::Linux(linux)) => linux
            .mounts
            .iter()
            .filter(|mount| mount.volume == Some(volume))
            .map(|mount| mount.path.clone())
            .collect(),
        _ => Vec::new(),
    }
}
