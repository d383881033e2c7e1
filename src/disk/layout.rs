//! Flaws in how partitions lie on the disk, whatever table describes them.

use super::facts::{
    LayoutProblem, PartitionFacts, PartitionRole, Severity, SignatureKind, VolumeFacts,
};
use crate::error::Error;
use crate::fact::Evidence;

/// Most partitions of one table that are looked at (Linux: `DISK_MAX_PARTS`,
/// `include/linux/blkdev.h`).
pub(super) const MAX_PARTITIONS: usize = 256;

pub(super) fn broken(location: impl Into<String>, detail: impl Into<String>) -> LayoutProblem {
    LayoutProblem { severity: Severity::Broken, evidence: Evidence::new(location, detail) }
}

pub(super) fn untidy(location: impl Into<String>, detail: impl Into<String>) -> LayoutProblem {
    LayoutProblem { severity: Severity::Untidy, evidence: Evidence::new(location, detail) }
}

/// Whether an error shows that the table is wrong, rather than that it could not be read.
pub(super) fn is_flaw(error: &Error) -> bool {
    matches!(error, Error::Corrupt { .. } | Error::OutOfBounds { .. })
}

/// A byte range of the disk that belongs to the table itself.
pub(super) struct Reserved {
    /// What lies there: `GPT entries`.
    pub(super) what: &'static str,
    /// First byte.
    pub(super) start: u64,
    /// One past the last byte.
    pub(super) end: u64,
}

fn end(partition: &PartitionFacts) -> u64 {
    partition.start.saturating_add(partition.size)
}

/// Partitions that reach beyond the disk, overlap each other, the table itself, or the extended
/// partition that should hold them.
pub(super) fn problems(
    partitions: &[PartitionFacts],
    reserved: &[Reserved],
    disk_size: u64,
) -> Vec<LayoutProblem> {
    let mut problems = Vec::new();
    for partition in partitions {
        if end(partition) > disk_size {
            problems.push(broken(
                partition.location.clone(),
                format!(
                    "partition {} ends at byte {}, the disk at byte {disk_size}",
                    partition.number,
                    end(partition)
                ),
            ));
        }
        for range in reserved {
            if partition.size != 0 && partition.start < range.end && end(partition) > range.start {
                problems.push(broken(
                    partition.location.clone(),
                    format!(
                        "partition {} (bytes {} to {}) lies over the {} (bytes {} to {})",
                        partition.number,
                        partition.start,
                        end(partition),
                        range.what,
                        range.start,
                        range.end
                    ),
                ));
            }
        }
    }
    overlaps(partitions, &mut problems);
    outside_extended(partitions, &mut problems);
    problems
}

/// At most one overlap a partition: with the one that reaches furthest among those before it.
fn overlaps(partitions: &[PartitionFacts], problems: &mut Vec<LayoutProblem>) {
    let mut sorted: Vec<&PartitionFacts> =
        partitions.iter().filter(|p| p.role != PartitionRole::Extended && p.size != 0).collect();
    sorted.sort_by_key(|partition| (partition.start, partition.number));
    let mut furthest: Option<&PartitionFacts> = None;
    for partition in sorted {
        match furthest {
            Some(before) if partition.start < end(before) => problems.push(broken(
                partition.location.clone(),
                format!(
                    "partition {} starts at byte {}, inside partition {} (bytes {} to {})",
                    partition.number,
                    partition.start,
                    before.number,
                    before.start,
                    end(before)
                ),
            )),
            _ => {}
        }
        if furthest.is_none_or(|before| end(partition) > end(before)) {
            furthest = Some(partition);
        }
    }
}

fn outside_extended(partitions: &[PartitionFacts], problems: &mut Vec<LayoutProblem>) {
    let extended = || partitions.iter().filter(|p| p.role == PartitionRole::Extended);
    if extended().next().is_none() {
        return;
    }
    for partition in partitions.iter().filter(|p| p.role != PartitionRole::Extended) {
        let logical = partition.number >= 5;
        let inside = extended().any(|e| partition.start >= e.start && end(partition) <= end(e));
        let touches = extended().any(|e| partition.start < end(e) && end(partition) > e.start);
        if logical && !inside {
            problems.push(broken(
                partition.location.clone(),
                format!("logical partition {} is not inside the extended one", partition.number),
            ));
        } else if !logical && touches {
            problems.push(broken(
                partition.location.clone(),
                format!("partition {} lies over the extended partition", partition.number),
            ));
        }
    }
}

/// Volumes that are smaller than what lies in them says that it is.
pub(super) fn too_small(
    volumes: &[VolumeFacts],
    partitions: &[PartitionFacts],
) -> Vec<LayoutProblem> {
    let mut problems = Vec::new();
    for volume in volumes {
        let Some(signature) = volume.signature() else { continue };
        // An ISO 9660 volume of a hybrid medium spans the whole medium, by design.
        let measured = signature.kind.is_filesystem() && signature.kind != SignatureKind::Iso9660
            || matches!(signature.kind, SignatureKind::Swap | SignatureKind::LvmPv);
        // The table's size, not the cut one: that the disk ends early is a finding of its own.
        let room = partitions
            .iter()
            .find(|partition| Some(partition.number) == volume.partition)
            .map_or(volume.size, |partition| partition.size);
        if let Some(size) = signature.size.filter(|&size| measured && size > room) {
            problems.push(broken(
                format!("{}, byte {}", volume.name, signature.offset),
                format!(
                    "{} says that it has {size} bytes, the volume has {room}",
                    signature.kind.name()
                ),
            ));
        }
    }
    problems
}
