//! Volumes as messages name them.

use crate::disk::facts::{DiskFacts, VolumeFacts};
use crate::fact::Evidence;
use crate::guest::facts::{DeviceRef, Resolution, SourceKind};

/// The UUID of a volume's content as `UUID=` takes it; none when it has none, or when what stands
/// there could not be typed into a command.
pub(crate) fn uuid(disk: &DiskFacts, index: usize) -> Option<&str> {
    let signature = disk.volumes.get(index)?.signature()?;
    let uuid = signature.uuid.as_deref().filter(|_| !signature.kind.is_member())?;
    let plain = uuid.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    (plain && !uuid.is_empty()).then_some(uuid)
}

/// The UUID of the volume's partition as `PARTUUID=` takes it; as [`uuid`] none when it could not be
/// typed.
pub(super) fn partition_uuid(disk: &DiskFacts, index: usize) -> Option<&str> {
    let partition = disk.partitions.iter().find(|partition| partition.volume == Some(index))?;
    let uuid = partition.uuid.as_deref()?;
    let plain = uuid.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    (plain && !uuid.is_empty()).then_some(uuid)
}

/// The UUID that a missing device would lead to if upper and lower case were one.
pub(super) fn in_other_letters<'d>(disk: &'d DiskFacts, device: &DeviceRef) -> Option<&'d str> {
    if device.kind != SourceKind::Uuid || device.resolution != Resolution::Missing {
        return None;
    }
    let value = device.spec.rsplit(['=', '/']).next()?.trim_matches(['"', '\'']);
    let mut uuids = (0..disk.volumes.len()).filter_map(|index| uuid(disk, index));
    uuids.find(|uuid| uuid.eq_ignore_ascii_case(value))
}

/// The volume's name with what it holds: `partition 1 (ext4)`.
pub(super) fn describe(volume: &VolumeFacts) -> String {
    match volume.signature() {
        Some(signature) => format!("{} ({})", volume.name, signature.kind.name()),
        None => volume.name.clone(),
    }
}

/// The identifiers that do exist in the image, one a volume, for comparison with one that does not.
pub(super) fn identifiers(disk: &DiskFacts) -> Vec<Evidence> {
    disk.volumes
        .iter()
        .filter_map(|volume| {
            let signature = volume.signature().filter(|signature| !signature.kind.is_member())?;
            let uuid = signature.uuid.as_ref().map(|uuid| format!("UUID={uuid}"));
            let label = signature.label.as_ref().map(|label| format!("LABEL={label}"));
            let found: Vec<_> = uuid.into_iter().chain(label).collect();
            (!found.is_empty()).then(|| Evidence::new(describe(volume), found.join(" ")))
        })
        .collect()
}
