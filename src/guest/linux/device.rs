//! From a device's name in a file of the guest to the volume that it means.
//!
//! Names are taken as udev and the kernel make them: `60-persistent-storage.rules` for the links
//! under `/dev/disk/`, the kernel's `Documentation/admin-guide/devices.txt` for the rest.

use std::collections::BTreeSet;

use crate::disk::facts::{
    ArrayFacts, DiskFacts, PartitionFacts, Signature, SignatureKind, VolumeFacts,
};
use crate::fact::{Unread, some_of};
use crate::guest::facts::{DeviceRef, Resolution, SourceKind};

/// The device that `spec` names (`UUID=…`, `/dev/sda1`, …), resolved among the disk's volumes.
///
/// Kernel names resolve by partition number on this one disk, whatever their bus (`sda1`, `vda1`,
/// `nvme0n1p1`); a name of a further disk (`sdb1`) leads to nothing here and has `other_disk` set.
///
/// UUIDs are compared letter by letter, as udev's links, mount(8) and systemd do.
pub fn device_ref(spec: &str, disk: &DiskFacts) -> DeviceRef {
    resolve(spec, disk, |own, value| own == value)
}

/// The device that `root=` means, whatever the case of its UUID: the kernel (`block/early-lookup.c`)
/// and older initramfs take it in any.
pub(super) fn root_ref(spec: &str, disk: &DiskFacts) -> DeviceRef {
    resolve(spec, disk, str::eq_ignore_ascii_case)
}

fn resolve(spec: &str, disk: &DiskFacts, is_same: fn(&str, &str) -> bool) -> DeviceRef {
    let (kind, value) = classify(spec);
    let mut other_disk = false;
    let resolution = match kind {
        SourceKind::Uuid => find(disk, spec, |volume| {
            has(volume, |signature| {
                signature.uuid.as_deref().is_some_and(|uuid| is_same(uuid, &value))
            })
        }),
        SourceKind::Label => find(disk, spec, |volume| {
            has(volume, |signature| signature.label.as_deref() == Some(value.as_str()))
        }),
        SourceKind::PartUuid => part_uuid(disk, spec, &value, is_same),
        SourceKind::PartLabel => {
            by_partition(disk, spec, |partition| partition.name.as_deref() == Some(value.as_str()))
        }
        SourceKind::KernelName => match kernel_name(&value).or_else(|| device_number(&value)) {
            Some((0, None)) => whole_disk(disk),
            Some((0, Some(number))) => {
                by_partition(disk, spec, |partition| partition.number == number)
            }
            Some(_) => {
                other_disk = true;
                Resolution::Missing
            }
            None => Resolution::Unknown(Unread::new(
                spec,
                "which disk has the number is settled at boot",
            )),
        },
        SourceKind::DeviceMapper => device_mapper(disk, &value),
        SourceKind::Md => array(disk, &value),
        SourceKind::ById | SourceKind::ByPath => by_disk_link(disk, spec, &value),
        SourceKind::Removable | SourceKind::Network | SourceKind::Virtual => Resolution::NoDevice,
        SourceKind::Other => {
            Resolution::Unknown(Unread::new(spec, "not a device name that is known"))
        }
    };
    DeviceRef { spec: spec.to_owned(), kind, resolution, other_disk }
}

/// How a device is named, and the value behind the tag, or the name behind `/dev/`.
fn classify(spec: &str) -> (SourceKind, String) {
    for (tag, kind) in [
        ("UUID", SourceKind::Uuid),
        ("LABEL", SourceKind::Label),
        ("PARTUUID", SourceKind::PartUuid),
        ("PARTLABEL", SourceKind::PartLabel),
        ("ID", SourceKind::ById),
    ] {
        if let Some(value) = spec.strip_prefix(tag).and_then(|rest| rest.strip_prefix('=')) {
            return (kind, value.trim_matches(['"', '\'']).to_owned());
        }
    }
    for (folder, kind) in [
        ("/dev/disk/by-uuid/", SourceKind::Uuid),
        ("/dev/disk/by-label/", SourceKind::Label),
        ("/dev/disk/by-partuuid/", SourceKind::PartUuid),
        ("/dev/disk/by-partlabel/", SourceKind::PartLabel),
        // These name what lies on a disk, not the disk.
        ("/dev/disk/by-id/dm-", SourceKind::DeviceMapper),
        ("/dev/disk/by-id/lvm-", SourceKind::DeviceMapper),
        ("/dev/disk/by-id/md-", SourceKind::Md),
        ("/dev/disk/by-id/", SourceKind::ById),
        ("/dev/disk/by-path/", SourceKind::ByPath),
        ("/dev/mapper/", SourceKind::DeviceMapper),
        ("/dev/md/", SourceKind::Md),
    ] {
        if spec.starts_with(folder) {
            let cut = folder.rfind('/').map_or(0, |slash| slash.saturating_add(1));
            return (kind, unescape_udev(spec.get(cut..).unwrap_or_default()));
        }
    }
    let Some(name) = spec.strip_prefix("/dev/") else {
        let network = spec.starts_with("//") || spec.contains(":/");
        let kind = if network {
            SourceKind::Network
        } else if is_device_number(spec) {
            SourceKind::KernelName
        } else if spec.starts_with('/') || !spec.contains(['/', '=']) {
            SourceKind::Virtual
        } else {
            SourceKind::Other
        };
        return (kind, spec.to_owned());
    };
    let kind = if is_removable(name) {
        SourceKind::Removable
    } else if kernel_name(name).is_some() {
        SourceKind::KernelName
    } else if is_numbered(name, "md") {
        SourceKind::Md
    } else if is_numbered(name, "dm-") {
        SourceKind::DeviceMapper
    } else if is_numbered(name, "loop") || is_numbered(name, "ram") || is_numbered(name, "zram") {
        SourceKind::Virtual
    } else if name.split('/').count() == 2 {
        // `/dev/<vg>/<lv>`: udev's link to a logical volume (lvm2, 11-dm-lvm.rules).
        SourceKind::DeviceMapper
    } else {
        SourceKind::Other
    };
    (kind, name.to_owned())
}

/// Undoes udev's `\xNN` escapes in link names (systemd `encode_devnode_name`).
fn unescape_udev(name: &str) -> String {
    let mut out = Vec::with_capacity(name.len());
    let mut rest = name.as_bytes();
    while let Some((&byte, tail)) = rest.split_first() {
        let code = (byte == b'\\' && tail.first() == Some(&b'x'))
            .then(|| tail.get(1..3))
            .flatten()
            .and_then(|hex| std::str::from_utf8(hex).ok())
            .and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match code {
            Some(code) => {
                out.push(code);
                rest = tail.get(3..).unwrap_or_default();
            }
            None => {
                out.push(byte);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

fn is_removable(name: &str) -> bool {
    matches!(name, "cdrom" | "cdrw" | "dvd" | "dvdrw" | "floppy")
        || ["sr", "scd", "fd", "cdrom", "floppy"].iter().any(|prefix| is_numbered(name, prefix))
}

fn is_numbered(name: &str, prefix: &str) -> bool {
    name.strip_prefix(prefix)
        .is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Disk (0 = the first) and partition of a kernel name; `None` when it is not such a name.
///
/// The names are those of the kernel's sd, virtio-blk, xen-blkfront, IDE, NVMe and MMC drivers.
fn kernel_name(name: &str) -> Option<(u32, Option<u32>)> {
    for prefix in ["sd", "vd", "hd", "xvd", "ubd"] {
        let Some(rest) = name.strip_prefix(prefix) else { continue };
        let letters: String = rest.chars().take_while(char::is_ascii_lowercase).collect();
        let digits = rest.get(letters.len()..)?;
        if letters.is_empty() || letters.len() > 3 {
            continue;
        }
        let mut disk: u32 = 0;
        for letter in letters.bytes() {
            let value = u32::from(letter.checked_sub(b'a')?).checked_add(1)?;
            disk = disk.checked_mul(26)?.checked_add(value)?;
        }
        return Some((disk.checked_sub(1)?, partition_number(digits)?));
    }
    let (disk, partition) = match name.strip_prefix("mmcblk") {
        Some(rest) => split_partition(rest)?,
        None => {
            let (controller, rest) = name.strip_prefix("nvme")?.split_once('n')?;
            let (namespace, partition) = split_partition(rest)?;
            if controller != "0" {
                return Some((1, partition));
            }
            (namespace.checked_sub(1)?, partition)
        }
    };
    Some((disk, partition))
}

fn split_partition(rest: &str) -> Option<(u32, Option<u32>)> {
    match rest.split_once('p') {
        Some((disk, partition)) => Some((disk.parse().ok()?, Some(partition.parse().ok()?))),
        None => Some((rest.parse().ok()?, None)),
    }
}

/// Major and minor number of a device as `root=` may name it: `8:1`, or both in hexadecimal digits,
/// `801` (Linux: `block/early-lookup.c`, `devt_from_devnum`; `include/linux/kdev_t.h`,
/// `new_decode_dev`).
fn major_and_minor(spec: &str) -> Option<(u32, u32)> {
    if let Some((major, minor)) = spec.split_once(':') {
        return Some((major.parse().ok()?, minor.parse().ok()?));
    }
    let number = u32::from_str_radix(spec, 16).ok()?;
    Some(((number >> 8) & 0xfff, (number & 0xff) | ((number >> 12) & 0xf_ff00)))
}

/// Whether it is such a number. A source of a file system without a device may be any word, so that
/// hexadecimal ones count only when they begin with a digit and name a disk's driver.
fn is_device_number(spec: &str) -> bool {
    if spec.contains(':') {
        return major_and_minor(spec).is_some();
    }
    (3..=5).contains(&spec.len())
        && spec.starts_with(|c: char| c.is_ascii_digit())
        && major_and_minor(spec).is_some_and(|(major, _)| MINORS.iter().any(|(m, ..)| *m == major))
}

/// Major numbers of disk drivers, the first disk of each, and how many minor numbers a disk has
/// (Linux: Documentation/admin-guide/devices.txt). Those of virtio and NVMe disks are given at boot.
const MINORS: [(u32, u32, u32); 11] = [
    (3, 0, 64),
    (22, 2, 64),
    (8, 0, 16),
    (65, 16, 16),
    (66, 32, 16),
    (67, 48, 16),
    (68, 64, 16),
    (69, 80, 16),
    (70, 96, 16),
    (71, 112, 16),
    (202, 0, 16),
];

/// Disk and partition of a device number; `None` when its driver's numbers are given at boot.
fn device_number(spec: &str) -> Option<(u32, Option<u32>)> {
    let (major, minor) = major_and_minor(spec)?;
    let (_, first, minors) = MINORS.iter().find(|(own, ..)| *own == major)?;
    let disk = minor.checked_div(*minors)?.checked_add(*first)?;
    let partition = minor.checked_rem(*minors)?;
    Some((disk, Some(partition).filter(|partition| *partition > 0)))
}

/// `Some(None)` for no digits, `None` for what is no number.
fn partition_number(digits: &str) -> Option<Option<u32>> {
    if digits.is_empty() { Some(None) } else { digits.parse().ok().map(Some) }
}

fn has(volume: &VolumeFacts, test: impl Fn(&Signature) -> bool) -> bool {
    // Members of arrays and physical volumes are no file systems: their UUIDs name the container.
    volume.signature().is_some_and(|signature| !signature.kind.is_member() && test(signature))
}

/// The volume that passes; `Missing` only when nothing that could hold it stayed unread. When
/// several do, which one gets the link in `/dev/disk` is settled by the order in which they appear.
fn find(disk: &DiskFacts, spec: &str, test: impl Fn(&VolumeFacts) -> bool) -> Resolution {
    let found = disk.volumes.iter().enumerate().filter(|(_, volume)| test(volume));
    let found: Vec<(usize, &VolumeFacts)> = found.collect();
    match found.as_slice() {
        [] => missing_or_hidden(disk),
        [(index, _)] => Resolution::Volume(*index),
        [(index, first), rest @ ..] => {
            let kind = |volume: &VolumeFacts| volume.signature().map(|found| found.kind);
            // The devices of one file system bear its UUID, each of them.
            let shared = matches!(kind(first), Some(SignatureKind::Btrfs | SignatureKind::Zfs));
            if shared && rest.iter().all(|(_, volume)| kind(volume) == kind(first)) {
                return Resolution::Volume(*index);
            }
            ambiguous(spec, found.iter().map(|(_, volume)| &volume.name))
        }
    }
}

fn ambiguous(spec: &str, names: impl Iterator<Item = impl AsRef<str>>) -> Resolution {
    let names = some_of(names).join(", ");
    let reason = format!("{names} have it, and which one is taken is settled at boot");
    Resolution::Unknown(Unread::new(spec, reason))
}

/// `Missing`, unless something on this disk that is not looked into (or could not be read) may hide
/// the device.
fn missing_or_hidden(disk: &DiskFacts) -> Resolution {
    if let Some(unread) = disk.table_read.unread() {
        return Resolution::Unknown(unread.clone());
    }
    // A thousand volumes may be a thousand containers, and a boot configuration names hundreds of devices.
    let opened = disk.containers.iter().filter(|container| container.opened.known().is_some());
    let opened: BTreeSet<usize> = opened.map(|container| container.volume).collect();
    let mut volumes = disk.volumes.iter().enumerate();
    let unread = volumes.find_map(|(index, volume)| {
        let unopened = || if opened.contains(&index) { None } else { disk.unopened(index) };
        volume.signatures.unread().cloned().or_else(unopened)
    });
    unread.map_or(Resolution::Missing, Resolution::Unknown)
}

fn by_partition(
    disk: &DiskFacts,
    spec: &str,
    test: impl Fn(&PartitionFacts) -> bool,
) -> Resolution {
    let found: Vec<_> = disk.partitions.iter().filter(|partition| test(partition)).collect();
    match (found.as_slice(), disk.table_read.unread()) {
        ([partition], _) => partition.volume.map_or(Resolution::Missing, Resolution::Volume),
        ([], Some(unread)) => Resolution::Unknown(unread.clone()),
        ([], None) => Resolution::Missing,
        (several, _) => {
            let name = |partition: &&PartitionFacts| format!("partition {}", partition.number);
            ambiguous(spec, several.iter().map(name))
        }
    }
}

/// A partition by its UUID, or one so many numbers behind it (`UUID/PARTNROFF=1`, Linux:
/// `block/early-lookup.c`, `devt_from_partuuid`).
fn part_uuid(
    disk: &DiskFacts,
    spec: &str,
    value: &str,
    is_same: fn(&str, &str) -> bool,
) -> Resolution {
    let (uuid, offset) = match value.split_once("/PARTNROFF=") {
        Some((uuid, offset)) => (uuid, offset.parse::<i64>()),
        None => (value, Ok(0)),
    };
    let Ok(offset) = offset else {
        return Resolution::Unknown(Unread::new(spec, "the number behind PARTNROFF= is none"));
    };
    let is_it = |partition: &PartitionFacts| {
        partition.uuid.as_deref().is_some_and(|own| is_same(own, uuid))
    };
    if offset == 0 {
        return by_partition(disk, spec, is_it);
    }
    let first = disk.partitions.iter().find(|partition| is_it(partition));
    let number = first.and_then(|first| i64::from(first.number).checked_add(offset));
    by_partition(disk, spec, |partition| Some(i64::from(partition.number)) == number)
}

fn whole_disk(disk: &DiskFacts) -> Resolution {
    let whole = |volume: &VolumeFacts| volume.partition.is_none() && volume.start == Some(0);
    let found = disk.volumes.iter().position(whole);
    found.map_or(Resolution::Missing, Resolution::Volume)
}

/// A logical volume, or something else of the device mapper's: a name under `/dev/mapper/`,
/// `<vg>/<lv>`, or a link under `/dev/disk/by-id/` (lvm2, `11-dm-lvm.rules`, `13-dm-disk.rules`).
fn device_mapper(disk: &DiskFacts, name: &str) -> Resolution {
    if is_numbered(name, "dm-") {
        // Numbers go by the order of activation.
        return match disk.volume_groups.iter().any(|group| !group.logical_volumes.is_empty()) {
            true => Resolution::Unknown(Unread::new(name, "the number is given at boot")),
            false => missing_or_hidden(disk),
        };
    }
    if let Some(uuid) = name.strip_prefix("lvm-pv-uuid-") {
        let mut pvs = disk.volume_groups.iter().flat_map(|group| &group.physical_volumes);
        let volume = pvs.find(|pv| pv.uuid == uuid).and_then(|pv| pv.volume);
        return volume.map_or_else(|| missing_or_hidden(disk), Resolution::Volume);
    }
    if let Some(uuids) = name.strip_prefix("dm-uuid-LVM-") {
        return logical_volume(disk, uuids);
    }
    match name.split_once('/') {
        Some((group, volume)) => named_logical_volume(disk, group, volume),
        None => match split_mapper_name(name.strip_prefix("dm-name-").unwrap_or(name)) {
            Some((group, volume)) => named_logical_volume(disk, &group, &volume),
            None => missing_or_hidden(disk),
        },
    }
}

/// The logical volume whose two UUIDs, put together without dashes, are `uuids`.
fn logical_volume(disk: &DiskFacts, uuids: &str) -> Resolution {
    let found = disk.volume_groups.iter().find_map(|group| {
        let volume = uuids.strip_prefix(&group.uuid.replace('-', ""))?;
        let mut volumes = group.logical_volumes.iter();
        volumes.find(|read| read.uuid.replace('-', "") == volume)?.volume
    });
    found.map_or_else(|| missing_or_hidden(disk), Resolution::Volume)
}

/// A logical volume by its names. Of a group that was read, a volume that is not in it is missing,
/// whatever else may be hidden on the disk.
fn named_logical_volume(disk: &DiskFacts, group: &str, volume: &str) -> Resolution {
    let mut groups = disk.volume_groups.iter().filter(|read| read.name == group).peekable();
    if groups.peek().is_none() {
        return missing_or_hidden(disk);
    }
    match groups.flat_map(|group| &group.logical_volumes).find(|read| read.name == volume) {
        None => Resolution::Missing,
        Some(found) => found.volume.map_or_else(
            || {
                let types = found.segment_types.join(", ");
                let reason = format!("a volume of type {types} is not looked into");
                Resolution::Unknown(Unread::new(format!("{group}/{volume}"), reason))
            },
            Resolution::Volume,
        ),
    }
}

/// Group and volume of a name under `/dev/mapper/`: a dash parts them, two are one inside a name
/// (lvm2, `dm_split_lvm_name`).
fn split_mapper_name(name: &str) -> Option<(String, String)> {
    let mut at = 0_usize;
    let single = loop {
        let dash = name.get(at..)?.find('-')?.checked_add(at)?;
        let next = dash.checked_add(1)?;
        if name.get(next..)?.starts_with('-') {
            at = next.checked_add(1)?;
        } else {
            break dash;
        }
    };
    let (group, volume) = (name.get(..single)?, name.get(single.checked_add(1)?..)?);
    let plain = |text: &str| text.replace("--", "-");
    (!group.is_empty() && !volume.is_empty()).then(|| (plain(group), plain(volume)))
}

/// An md array: `md0`, a name under `/dev/md/`, or a link under `/dev/disk/by-id/` (mdadm,
/// `63-md-raid-arrays.rules`).
fn array(disk: &DiskFacts, name: &str) -> Resolution {
    let number = name.strip_prefix("md").filter(|_| is_numbered(name, "md"));
    let is_it = |array: &&ArrayFacts| {
        let own = array.name.strip_prefix("md/").unwrap_or(&array.name);
        if let Some(uuid) = name.strip_prefix("md-uuid-") {
            array.md_uuid() == uuid
        } else if let Some(full) = name.strip_prefix("md-name-") {
            array.set_name.as_deref() == Some(full)
        } else if let Some(number) = number {
            own == number || own == name
        } else {
            own == name || array.set_name.as_deref() == Some(name)
        }
    };
    if let Some(found) = disk.arrays.iter().find(is_it) {
        let unread = || Unread::new(found.name.clone(), "its content was not looked into");
        return found.volume.map_or_else(|| Resolution::Unknown(unread()), Resolution::Volume);
    }
    let by_uuid = name.starts_with("md-uuid-");
    match disk.arrays.as_slice() {
        // Arrays whose names are no numbers get the highest that is free (mdadm, `mdopen.c`).
        [ArrayFacts { volume: Some(volume), .. }] if name == "md127" => Resolution::Volume(*volume),
        [] => missing_or_hidden(disk),
        _ if by_uuid => missing_or_hidden(disk),
        _ => Resolution::Unknown(Unread::new(
            name,
            "which array has the name is settled by mdadm.conf or when it starts",
        )),
    }
}

/// Links by serial number or bus place: which disk they mean is not in the image; the partition is.
fn by_disk_link(disk: &DiskFacts, spec: &str, name: &str) -> Resolution {
    let number = name.rsplit_once("-part").and_then(|(_, number)| number.parse::<u32>().ok());
    match number {
        Some(number) => by_partition(disk, spec, |partition| partition.number == number),
        None => whole_disk(disk),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::disk::facts::{
        ContainerFacts, LogicalVolumeFacts, PartitionRole, PhysicalVolumeFacts, SignatureKind,
        TableKind, VolumeGroupFacts,
    };
    use crate::fact::Fact;

    pub(crate) const ROOT: &str = "0b3e1a52-6d84-4f0e-9f4e-2d1b6a7c8d90";

    fn volume(number: u32, signature: Signature) -> VolumeFacts {
        VolumeFacts {
            name: format!("partition {number}"),
            partition: Some(number),
            start: Some(1 << 20),
            size: 1 << 30,
            signatures: Fact::Known(vec![signature]),
        }
    }

    fn signature(kind: SignatureKind, uuid: &str, label: Option<&str>) -> Signature {
        Signature {
            kind,
            offset: 0,
            uuid: Some(uuid.to_owned()),
            label: label.map(str::to_owned),
            size: None,
            version: None,
            block_size: None,
        }
    }

    /// An array of one disk that is no volume yet.
    pub(crate) fn array() -> ArrayFacts {
        ArrayFacts {
            name: "md0".to_owned(),
            set_name: None,
            uuid: "01234567-89ab-cdef-0123-456789abcdef".to_owned(),
            level: "raid1".to_owned(),
            metadata: "1.2".to_owned(),
            raid_disks: 1,
            members: Vec::new(),
            missing_slots: Vec::new(),
            incomplete: false,
            volume: None,
        }
    }

    /// A group without physical volumes whose only logical volume is the volume 1.
    pub(crate) fn group() -> VolumeGroupFacts {
        VolumeGroupFacts {
            name: "system".to_owned(),
            uuid: String::new(),
            seqno: 1,
            exported: false,
            system_id: None,
            physical_volumes: Vec::new(),
            logical_volumes: vec![LogicalVolumeFacts {
                name: "root".to_owned(),
                uuid: String::new(),
                visible: true,
                size: 1,
                segment_types: Vec::new(),
                missing_pvs: Vec::new(),
                volume: Some(1),
            }],
            notes: Vec::new(),
        }
    }

    pub(crate) fn disk() -> DiskFacts {
        let partition = |number: u32, volume| PartitionFacts {
            number,
            start: 1 << 20,
            size: 1 << 30,
            type_id: "0x83".into(),
            role: PartitionRole::LinuxFilesystem,
            name: Some(format!("part-{number}")),
            uuid: Some(format!("6f0a1b2c-0{number}")),
            active: false,
            location: "MBR, byte 446".into(),
            volume: Some(volume),
        };
        DiskFacts {
            size: 40 << 30,
            sector_size: 512,
            table: TableKind::Mbr,
            table_read: Fact::Known(()),
            mbr_signature: Some("6f0a1b2c".into()),
            gpt: None,
            partitions: vec![partition(1, 0), partition(5, 1)],
            volumes: vec![
                volume(1, signature(SignatureKind::Fat32, "ABCD-1234", None)),
                volume(5, signature(SignatureKind::Ext4, ROOT, Some("root fs"))),
            ],
            volume_groups: vec![],
            arrays: vec![],
            containers: vec![],
            boot_code: Fact::unknown("MBR", "not looked at"),
            volume_boot_code: vec![],
            problems: vec![],
        }
    }

    #[test]
    fn every_stable_name_of_a_volume_leads_to_it() {
        let disk = disk();
        for (spec, kind, volume) in [
            (&*format!("UUID={ROOT}"), SourceKind::Uuid, 1),
            (&*format!("UUID=\"{ROOT}\""), SourceKind::Uuid, 1),
            ("UUID=ABCD-1234", SourceKind::Uuid, 0),
            ("/dev/disk/by-uuid/ABCD-1234", SourceKind::Uuid, 0),
            ("LABEL=root fs", SourceKind::Label, 1),
            ("/dev/disk/by-label/root\\x20fs", SourceKind::Label, 1),
            ("PARTUUID=6f0a1b2c-05", SourceKind::PartUuid, 1),
            ("PARTLABEL=part-1", SourceKind::PartLabel, 0),
        ] {
            let found = device_ref(spec, &disk);
            assert_eq!(
                (found.kind, found.resolution),
                (kind, Resolution::Volume(volume)),
                "{spec}"
            );
        }
    }

    #[test]
    fn a_uuid_in_another_case_is_another_one_but_to_the_kernel() {
        let disk = disk();
        let upper = ROOT.to_uppercase();
        for spec in [
            &*format!("UUID={upper}"),
            &*format!("/dev/disk/by-uuid/{upper}"),
            "UUID=abcd-1234",
            "PARTUUID=6F0A1B2C-05",
        ] {
            assert_eq!(device_ref(spec, &disk).resolution, Resolution::Missing, "{spec}");
            assert_ne!(root_ref(spec, &disk).resolution, Resolution::Missing, "{spec}");
        }
    }

    #[test]
    fn kernel_names_lead_to_the_partition_of_that_number_on_the_first_disk_only() {
        let disk = disk();
        for (spec, volume) in [
            ("/dev/sda5", Some(1)),
            ("/dev/vda1", Some(0)),
            ("/dev/xvda5", Some(1)),
            ("/dev/hda1", Some(0)),
            ("/dev/nvme0n1p5", Some(1)),
            ("/dev/mmcblk0p1", Some(0)),
            ("/dev/sda2", None),
            ("/dev/sdb1", None),
            ("/dev/vdb", None),
            ("/dev/sdaa1", None),
            ("/dev/nvme1n1p1", None),
            ("/dev/mmcblk1p1", None),
        ] {
            let found = device_ref(spec, &disk);
            let expected = volume.map_or(Resolution::Missing, Resolution::Volume);
            assert_eq!(
                (found.kind, found.resolution),
                (SourceKind::KernelName, expected),
                "{spec}"
            );
        }
        assert!(device_ref("/dev/sdb1", &disk).other_disk);
        assert!(!device_ref("/dev/sda9", &disk).other_disk);
    }

    #[test]
    fn an_identifier_that_two_volumes_have_leads_to_neither() {
        let mut disk = disk();
        disk.volumes.push(volume(6, signature(SignatureKind::Ext4, ROOT, Some("root fs"))));
        for spec in [&*format!("UUID={ROOT}"), "LABEL=root fs"] {
            match device_ref(spec, &disk).resolution {
                Resolution::Unknown(unread) => {
                    assert!(unread.reason.contains("partition 5, partition 6"), "{unread:?}");
                }
                other => panic!("{spec}: {other:?}"),
            }
        }
        // The devices of one Btrfs file system share its UUID.
        for volume in &mut disk.volumes[1..] {
            let Fact::Known(signatures) = &mut volume.signatures else { panic!() };
            signatures[0].kind = SignatureKind::Btrfs;
        }
        let found = device_ref(&format!("UUID={ROOT}"), &disk);
        assert_eq!(found.resolution, Resolution::Volume(1));
        disk.partitions[1].name = Some("part-1".to_owned());
        let found = device_ref("PARTLABEL=part-1", &disk);
        assert!(matches!(found.resolution, Resolution::Unknown(_)), "{found:?}");
    }

    #[test]
    fn of_very_many_volumes_with_one_identifier_some_are_named() {
        let mut disk = disk();
        let long = "x".repeat(240);
        disk.volumes.extend((0..998).map(|n| inside(&format!("vg/{n}{long}"), ROOT)));
        let found = device_ref(&format!("UUID={ROOT}"), &disk);
        let Resolution::Unknown(unread) = found.resolution else { panic!("{found:?}") };
        assert!(unread.reason.contains(", and 983 more have it"), "{unread:?}");
        assert!(unread.reason.len() < 1024, "{}", unread.reason.len());
    }

    #[test]
    fn device_numbers_and_offsets_are_read_as_the_kernel_reads_them() {
        let disk = disk();
        for (spec, kind, volume) in [
            ("8:1", SourceKind::KernelName, Some(0)),
            ("8:5", SourceKind::KernelName, Some(1)),
            ("0805", SourceKind::KernelName, Some(1)),
            ("801", SourceKind::KernelName, Some(0)),
            ("305", SourceKind::KernelName, Some(1)),
            ("ca01", SourceKind::Virtual, None),
            ("202:1", SourceKind::KernelName, Some(0)),
            ("8:17", SourceKind::KernelName, None),
            ("8:0", SourceKind::KernelName, None),
            ("PARTUUID=6f0a1b2c-01/PARTNROFF=4", SourceKind::PartUuid, Some(1)),
            ("PARTUUID=6f0a1b2c-05/PARTNROFF=-4", SourceKind::PartUuid, Some(0)),
            ("PARTUUID=6f0a1b2c-01/PARTNROFF=1", SourceKind::PartUuid, None),
        ] {
            let found = device_ref(spec, &disk);
            let missing = match kind {
                SourceKind::Virtual => Resolution::NoDevice,
                _ => Resolution::Missing,
            };
            let expected = volume.map_or(missing, Resolution::Volume);
            assert_eq!((found.kind, found.resolution), (kind, expected), "{spec}");
        }
        assert!(device_ref("8:17", &disk).other_disk);
        // virtio's major number is given at boot.
        assert!(matches!(device_ref("252:1", &disk).resolution, Resolution::Unknown(_)));
        for word in ["none", "tmpfs", "cgroup2", "shm", "9p", "2024"] {
            assert_eq!(device_ref(word, &disk).kind, SourceKind::Virtual, "{word}");
        }
    }

    #[test]
    fn a_name_by_serial_number_leads_to_its_partition() {
        let found = device_ref("/dev/disk/by-id/ata-VBOX_HARDDISK_VB1-part5", &disk());
        assert_eq!((found.kind, found.resolution), (SourceKind::ById, Resolution::Volume(1)));
    }

    #[test]
    fn what_is_no_disk_leads_to_no_device() {
        for (spec, kind) in [
            ("tmpfs", SourceKind::Virtual),
            ("/swapfile", SourceKind::Virtual),
            ("/dev/sr0", SourceKind::Removable),
            ("/dev/cdrom", SourceKind::Removable),
            ("10.0.0.1:/export", SourceKind::Network),
            ("//server/share", SourceKind::Network),
        ] {
            let found = device_ref(spec, &disk());
            assert_eq!((found.kind, found.resolution), (kind, Resolution::NoDevice), "{spec}");
        }
    }

    #[test]
    fn an_absent_uuid_is_missing_unless_something_unread_may_hide_it() {
        let mut disk = disk();
        let spec = "UUID=ffffffff-0000-0000-0000-000000000000";
        assert_eq!(device_ref(spec, &disk).resolution, Resolution::Missing);
        assert_eq!(device_ref("/dev/mapper/vg-root", &disk).resolution, Resolution::Missing);
        disk.volumes.push(volume(6, signature(SignatureKind::LvmPv, "pv", None)));
        assert!(matches!(device_ref(spec, &disk).resolution, Resolution::Unknown(_)));
        let found = device_ref("/dev/vg/root", &disk);
        assert_eq!(found.kind, SourceKind::DeviceMapper);
        assert!(matches!(found.resolution, Resolution::Unknown(_)));
    }

    fn inside(name: &str, uuid: &str) -> VolumeFacts {
        VolumeFacts {
            name: name.to_owned(),
            partition: None,
            start: None,
            ..volume(0, signature(SignatureKind::Ext4, uuid, None))
        }
    }

    /// Partition 6 is a physical volume of `vg-x`, 7 and 8 are members of an array.
    pub(crate) fn stacked() -> DiskFacts {
        let mut disk = disk();
        disk.volumes.push(volume(6, signature(SignatureKind::LvmPv, "pv", None)));
        disk.volumes.push(volume(7, signature(SignatureKind::MdRaid, "md", None)));
        disk.volumes.push(inside("vg-x/lv--root", "aaaa"));
        disk.volumes.push(inside("md/root", "bbbb"));
        let container = |volume| ContainerFacts { volume, opened: Fact::Known(()) };
        disk.containers = vec![container(2), container(3)];
        disk.volume_groups = vec![VolumeGroupFacts {
            name: "vg-x".into(),
            uuid: "GROUPa-bbbb".into(),
            seqno: 1,
            exported: false,
            system_id: None,
            physical_volumes: vec![PhysicalVolumeFacts {
                uuid: "PVaaaa-bbbb".into(),
                volume: Some(2),
                device: None,
                size: 0,
            }],
            logical_volumes: vec![LogicalVolumeFacts {
                name: "lv--root".into(),
                uuid: "LVaaaa-cccc".into(),
                visible: true,
                size: 0,
                segment_types: vec!["linear".into()],
                missing_pvs: vec![],
                volume: Some(4),
            }],
            notes: vec![],
        }];
        disk.arrays = vec![ArrayFacts {
            name: "md/root".into(),
            set_name: Some("host:root".into()),
            raid_disks: 2,
            volume: Some(5),
            ..array()
        }];
        disk
    }

    #[test]
    fn every_name_of_a_logical_volume_or_an_array_leads_to_it() {
        let disk = stacked();
        for (spec, kind, volume) in [
            ("/dev/mapper/vg--x-lv----root", SourceKind::DeviceMapper, 4),
            ("/dev/vg-x/lv--root", SourceKind::DeviceMapper, 4),
            ("/dev/disk/by-id/dm-name-vg--x-lv----root", SourceKind::DeviceMapper, 4),
            ("/dev/disk/by-id/dm-uuid-LVM-GROUPabbbbLVaaaacccc", SourceKind::DeviceMapper, 4),
            ("/dev/disk/by-id/lvm-pv-uuid-PVaaaa-bbbb", SourceKind::DeviceMapper, 2),
            ("UUID=aaaa", SourceKind::Uuid, 4),
            ("/dev/md/root", SourceKind::Md, 5),
            ("/dev/md/host:root", SourceKind::Md, 5),
            ("/dev/md127", SourceKind::Md, 5),
            ("/dev/disk/by-id/md-name-host:root", SourceKind::Md, 5),
            ("/dev/disk/by-id/md-uuid-01234567:89abcdef:01234567:89abcdef", SourceKind::Md, 5),
            ("UUID=bbbb", SourceKind::Uuid, 5),
        ] {
            let found = device_ref(spec, &disk);
            assert_eq!(
                (found.kind, found.resolution),
                (kind, Resolution::Volume(volume)),
                "{spec}"
            );
        }
    }

    #[test]
    fn what_a_group_that_was_read_does_not_have_is_missing() {
        let mut disk = stacked();
        for spec in
            ["/dev/mapper/vg--x-swap", "/dev/vg-x/swap", "/dev/mapper/other-root", "UUID=pv"]
        {
            assert_eq!(device_ref(spec, &disk).resolution, Resolution::Missing, "{spec}");
        }
        // The whole disk has partitions and is none of the volumes inside.
        assert_eq!(device_ref("/dev/sda", &disk).resolution, Resolution::Missing);
        // Numbers of the device mapper and of arrays are given at boot.
        for spec in ["/dev/dm-0", "/dev/md0"] {
            assert!(matches!(device_ref(spec, &disk).resolution, Resolution::Unknown(_)), "{spec}");
        }
        // Something else that was not looked into does not hide volumes of this group.
        disk.containers.pop();
        assert_eq!(device_ref("/dev/vg-x/swap", &disk).resolution, Resolution::Missing);
        assert!(matches!(device_ref("/dev/vg/swap", &disk).resolution, Resolution::Unknown(_)));
    }

    #[test]
    fn a_mapper_name_is_split_at_its_single_dash() {
        let split =
            |name| split_mapper_name(name).map(|(group, volume)| format!("{group} {volume}"));
        assert_eq!(split("vg-lv").as_deref(), Some("vg lv"));
        assert_eq!(split("vg--x-lv--root").as_deref(), Some("vg-x lv-root"));
        assert_eq!(split("a---b").as_deref(), Some("a- b"));
        for none in ["vg", "vg--lv", "-lv", "vg-", ""] {
            assert_eq!(split(none), None, "{none}");
        }
    }
}
