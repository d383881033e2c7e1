//! GRUB's names of devices: `hd0,msdos1`, `lvm/vg-root`, `mduuid/…` (GRUB manual, "How to specify
//! devices").

use crate::disk::facts::{ArrayFacts, DiskFacts, Signature, SignatureKind, TableKind, VolumeFacts};

/// What a device name of a boot loader leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Device {
    /// The volume with this index, from the root that a mount without options shows.
    Volume(usize),
    /// The volume with this index, which holds Btrfs, from the root that this mount option chooses
    /// (`subvol=…`, `subvolid=…`).
    Subvolume(usize, String),
    /// Nothing on this disk; why.
    Absent(String),
    /// Not decided; why.
    Unknown(String),
}

/// GRUB's name of a volume, without parentheses.
pub(super) fn name(disk: &DiskFacts, volume: &VolumeFacts) -> String {
    if let Some(array) = disk.arrays.iter().find(|array| array.name == volume.name) {
        return array_name(array);
    }
    match (volume.partition, volume.name.split_once('/')) {
        (Some(number), _) => format!("hd0,{}{number}", table_name(disk.table)),
        (None, Some((group, logical))) => format!("lvm/{}", mapper_name(group, logical)),
        (None, None) if volume.start == Some(0) => "hd0".to_owned(),
        (None, None) => format!("md/{}", volume.name),
    }
}

/// The device mapper's spelling of a logical volume: dashes inside the names are doubled.
fn mapper_name(group: &str, logical: &str) -> String {
    format!("{}-{}", group.replace('-', "--"), logical.replace('-', "--"))
}

/// GRUB names an array by its superblock's name without the home host, or by its UUID when it has
/// none (GRUB, `grub-core/disk/diskfilter.c`: `grub_diskfilter_make_raid`).
fn array_name(array: &ArrayFacts) -> String {
    if array.name.starts_with("md/") {
        return array.name.clone();
    }
    format!("md/{}", hex(&array.uuid))
}

fn hex(text: &str) -> String {
    text.chars().filter(char::is_ascii_hexdigit).map(|c| c.to_ascii_lowercase()).collect()
}

fn table_name(table: TableKind) -> &'static str {
    match table {
        TableKind::Gpt | TableKind::HybridGpt => "gpt",
        TableKind::None | TableKind::Mbr => "msdos",
    }
}

/// The volume that GRUB 2 means by a name, with or without parentheses. `hd0`, and a name without
/// a disk (`,msdos1`), mean the disk that the firmware started: this one.
pub(super) fn resolve(disk: &DiskFacts, device: &str) -> Device {
    let device = device.trim_start_matches('(').trim_end_matches(')');
    if let Some(index) = disk.volumes.iter().position(|volume| name(disk, volume) == device) {
        return Device::Volume(index);
    }
    if let Some(partition) = device.strip_prefix(',') {
        return on_this_disk(disk, partition);
    }
    if let Some(rest) = device.strip_prefix("hd") {
        return match rest.split_once(',').unwrap_or((rest, "")) {
            ("0", "") => Device::Absent("hd0 has partitions, no file system of its own".into()),
            ("0", partition) => on_this_disk(disk, partition),
            _ => Device::Absent(format!("{device} is another disk")),
        };
    }
    if let Some(uuid) = device.strip_prefix("mduuid/") {
        return md_array(disk, uuid);
    }
    if device.starts_with("fd") || device.starts_with("cd") {
        return Device::Absent(format!("{device} is a removable drive"));
    }
    if device.starts_with("lvm/") || device.starts_with("md/") {
        return absent(disk, device);
    }
    if let Some(uuids) = device.strip_prefix("lvmid/") {
        return logical_volume(disk, uuids).map_or_else(|| absent(disk, device), Device::Volume);
    }
    if device.starts_with("crypto") {
        return Device::Unknown(format!("{device} is encrypted"));
    }
    match by_uuid(disk, device.strip_prefix("UUID=").unwrap_or(device)) {
        Ok(Some(index)) => Device::Volume(index),
        _ => Device::Unknown(format!("the device name {device:?} is not followed")),
    }
}

/// `msdos1`, `gpt2`, `1`: a partition of this disk, counted from 1.
fn on_this_disk(disk: &DiskFacts, partition: &str) -> Device {
    let digits = partition.trim_start_matches(|c: char| c.is_ascii_alphabetic());
    let table = partition.strip_suffix(digits).unwrap_or_default();
    let Ok(number) = digits.parse::<u32>() else {
        return Device::Unknown(format!("the partition name {partition:?} is not followed"));
    };
    if disk.table_read.known().is_none() && disk.partition(number).is_none() {
        return Device::Unknown("the partition table could not be read".into());
    }
    if !table.is_empty() && table != table_name(disk.table) {
        return Device::Absent(format!("hd0,{partition}: the disk has another partition table"));
    }
    partition_number(disk, number)
}

/// The partition with that number as Linux counts it.
pub(super) fn partition_number(disk: &DiskFacts, number: u32) -> Device {
    match disk.partition(number).and_then(|partition| partition.volume) {
        Some(index) => Device::Volume(index),
        None => Device::Absent(format!("there is no partition {number}")),
    }
}

/// `<group UUID>/<volume UUID>`.
fn logical_volume(disk: &DiskFacts, uuids: &str) -> Option<usize> {
    let (group, volume) = uuids.split_once('/')?;
    let group = disk.volume_groups.iter().find(|read| read.uuid == group)?;
    group.logical_volumes.iter().find(|read| read.uuid == volume)?.volume
}

/// The array with that UUID. Where it was not put together, a member stands for it: one that
/// carries its superblock at the end reads as the file system itself.
fn md_array(disk: &DiskFacts, uuid: &str) -> Device {
    let wanted = hex(uuid);
    let array = disk.arrays.iter().find(|array| hex(&array.uuid) == wanted);
    let member = || {
        disk.volumes.iter().position(|volume| {
            volume.signatures.known().is_some_and(|signatures| {
                signatures.iter().any(|found| {
                    found.kind == SignatureKind::MdRaid
                        && found.uuid.as_deref().is_some_and(|own| hex(own) == wanted)
                })
            })
        })
    };
    match array.and_then(|array| array.volume).or_else(member) {
        Some(index) => Device::Volume(index),
        None => absent(disk, &format!("md array {uuid}")),
    }
}

/// Absent, unless a volume that was not read may be it or hold it.
fn absent(disk: &DiskFacts, device: &str) -> Device {
    match unread(disk) {
        Some(name) => Device::Unknown(format!("{name} could not be read")),
        None => Device::Absent(format!("there is no {device}")),
    }
}

/// The first volume that is not known, or may hold others that are not.
fn unread(disk: &DiskFacts) -> Option<&str> {
    let mut volumes = disk.volumes.iter().enumerate();
    let is_unknown = |index: usize, volume: &VolumeFacts| {
        is_unread(volume)
            || volume.signature().is_some_and(|found| found.kind.is_member())
                && disk.unopened(index).is_some()
    };
    volumes
        .find(|(index, volume)| is_unknown(*index, volume))
        .map(|(_, volume)| volume.name.as_str())
}

fn is_unread(volume: &VolumeFacts) -> bool {
    volume.signatures.known().is_none()
}

/// The volume whose file system has that UUID.
///
/// # Errors
/// The name of a volume whose signatures could not be read, when no other has the UUID.
pub(super) fn by_uuid(disk: &DiskFacts, uuid: &str) -> Result<Option<usize>, String> {
    by_signature(disk, |_, own, _| own.is_some_and(|own| own.eq_ignore_ascii_case(uuid)))
}

/// The volume whose file system has that label.
///
/// # Errors
/// As [`by_uuid`].
pub(super) fn by_label(disk: &DiskFacts, label: &str) -> Result<Option<usize>, String> {
    by_signature(disk, |_, _, own| own == Some(label))
}

fn by_signature(
    disk: &DiskFacts,
    is_it: impl Fn(SignatureKind, Option<&str>, Option<&str>) -> bool,
) -> Result<Option<usize>, String> {
    let matches = |own: &Signature| {
        own.kind.is_filesystem() && is_it(own.kind, own.uuid.as_deref(), own.label.as_deref())
    };
    // A member of a mirror shows the file system, too; the mirror itself goes first.
    let decisive = |volume: &VolumeFacts| volume.signature().is_some_and(matches);
    let any = |volume: &VolumeFacts| {
        volume.signatures.known().is_some_and(|signatures| signatures.iter().any(matches))
    };
    let volumes = &disk.volumes;
    let found = volumes.iter().position(decisive).or_else(|| volumes.iter().position(any));
    match (found, unread(disk)) {
        (None, Some(name)) => Err(format!("the signatures of {name} were not read")),
        (found, _) => Ok(found),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guest::linux::boot::fake::{FakeFs, FakeMachine};

    fn disk(table: TableKind) -> DiskFacts {
        let mut disk = FakeMachine::new(table)
            .partition("AAAA-0001", FakeFs::fat())
            .partition("0b0c0d0e-0000-4000-8000-000000000001", FakeFs::new())
            .disk;
        disk.volumes.push(VolumeFacts {
            name: "vg-a/root".to_owned(),
            partition: None,
            start: None,
            size: 1,
            signatures: crate::fact::Fact::Known(Vec::new()),
        });
        disk
    }

    #[test]
    fn partitions_are_named_by_table_and_number_from_one() {
        let mbr = disk(TableKind::Mbr);
        for name in ["hd0,msdos2", "(hd0,msdos2)", ",msdos2", "hd0,2"] {
            assert_eq!(resolve(&mbr, name), Device::Volume(1), "{name}");
        }
        assert!(matches!(resolve(&mbr, "hd0,gpt2"), Device::Absent(_)));
        assert_eq!(resolve(&disk(TableKind::Gpt), "hd0,gpt1"), Device::Volume(0));
    }

    #[test]
    fn another_disk_is_absent() {
        assert!(matches!(resolve(&disk(TableKind::Mbr), "hd1,msdos1"), Device::Absent(_)));
        assert!(matches!(resolve(&disk(TableKind::Mbr), "hd0,msdos7"), Device::Absent(_)));
    }

    #[test]
    fn dashes_in_names_of_logical_volumes_are_doubled() {
        let disk = disk(TableKind::Mbr);
        assert_eq!(resolve(&disk, "lvm/vg--a-root"), Device::Volume(2));
        assert!(matches!(resolve(&disk, "lvm/vg-a-root"), Device::Absent(_)));
        assert!(matches!(resolve(&disk, "lvmid/x/y"), Device::Absent(_)));
    }

    #[test]
    fn a_uuid_that_may_be_on_an_unread_volume_is_not_decided() {
        let mut disk = disk(TableKind::Mbr);
        assert_eq!(by_uuid(&disk, "aaaa-0001"), Ok(Some(0)));
        assert_eq!(by_uuid(&disk, "ffff"), Ok(None));
        disk.volumes[1].signatures = crate::fact::Fact::unknown("partition 2", "beyond the end");
        assert!(by_uuid(&disk, "ffff").is_err());
        assert_eq!(by_uuid(&disk, "aaaa-0001"), Ok(Some(0)));
    }

    #[test]
    fn arrays_and_logical_volumes_are_found_by_name_and_by_uuid() {
        let disk = crate::guest::linux::device::tests::stacked();
        for (device, volume) in [
            ("lvm/vg--x-lv----root", 4),
            ("lvmid/GROUPa-bbbb/LVaaaa-cccc", 4),
            ("md/root", 5),
            ("mduuid/0123456789abcdef0123456789abcdef", 5),
        ] {
            assert_eq!(resolve(&disk, device), Device::Volume(volume), "{device}");
        }
        for device in ["lvm/vg--x-swap", "lvmid/GROUPa-bbbb/x", "md/swap", "mduuid/00"] {
            assert!(matches!(resolve(&disk, device), Device::Absent(_)), "{device}");
        }
        assert_eq!(name(&disk, &disk.volumes[5]), "md/root");
    }
}
