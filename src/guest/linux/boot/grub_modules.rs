//! What GRUB reads of a disk, and what its core image needs to have in it for that so that it reaches
//! its own files: the driver of the disk, the partition table, groups and arrays, the file system (`util/grub-install.c`:
//! `probe_mods`; names by `grub-core/Makefile.core.def`). Everything else is loaded from there.

use super::volumes::Volumes;
use crate::disk::facts::{DiskFacts, SignatureKind, TableKind, VolumeFacts};
use crate::fact::Evidence;

/// One of several modules that do.
type AnyOf = &'static [&'static str];

/// The firmware's disks; drivers that take over from it (`grub-core/commands/nativedisk.c`), none of
/// which knows virtio.
const DISK: AnyOf = &["biosdisk", "ahci", "pata", "usbms"];

/// Features of ext for which no version of GRUB takes a file system for one of its kind
/// (`grub-core/fs/ext2.c`: neither in `EXT2_DRIVER_SUPPORTED_INCOMPAT` nor in
/// `EXT2_DRIVER_IGNORED_INCOMPAT` up to 2.12). `metadata_csum_seed` and `large_dir`, which 2.12 and
/// the patches of distributions ignore, are left out.
const REFUSED: [&str; 3] = ["ea_inode", "inline_data", "casefold"];

/// Most volumes below the one that holds the files, all members and physical volumes counted.
const MAX_VOLUMES: usize = 256;

/// The modules without which a core image that has `modules` cannot read `volume`.
pub(super) fn missing(disk: &DiskFacts, modules: &[String], volume: usize) -> Vec<&'static str> {
    let mut needed = vec![DISK];
    let mut below = vec![volume];
    for _ in 0..MAX_VOLUMES {
        let Some(index) = below.pop() else { break };
        if let Some((group, _)) = disk.logical_volume(index) {
            needed.push(&["lvm"]);
            below.extend(group.physical_volumes.iter().filter_map(|pv| pv.volume));
        } else if let Some(array) = disk.array(index) {
            needed.push(superblock(&array.metadata));
            below.extend(array.members.iter().map(|member| member.volume));
        } else if disk.volumes.get(index).is_some_and(|volume| volume.partition.is_some()) {
            needed.extend(partition_map(disk.table));
        }
    }
    needed.extend(disk.volumes.get(volume).and_then(file_system));
    let mut missing: Vec<_> = needed
        .into_iter()
        .filter(|any| !modules.iter().any(|module| any.contains(&module.as_str())))
        .filter_map(|any| any.first().copied())
        .collect();
    missing.sort_unstable();
    missing.dedup();
    missing
}

/// The driver of GRUB's own by which a core image reads disks that does not ask the firmware.
pub(super) fn own_driver(modules: &[String]) -> Option<&'static str> {
    let (firmware, own) = DISK.split_first()?;
    let has = |name: &&&str| modules.iter().any(|module| module == *name);
    if has(&firmware) { None } else { own.iter().find(has).copied() }
}

/// Why GRUB does not read the file system of `volume`, and what tells so.
pub(super) fn refused(volumes: &Volumes<'_>, volume: usize) -> Option<Evidence> {
    let filesystem = volumes.filesystem(volume).ok()?;
    let is_ext = filesystem.kind().starts_with("ext");
    let features: Vec<&str> = filesystem.features().iter().map(String::as_str).collect();
    let refused: Vec<&str> = REFUSED.into_iter().filter(|name| features.contains(name)).collect();
    (is_ext && !refused.is_empty()).then(|| {
        let location = format!("{}: ext superblock", volumes.name(volume));
        let names = refused.join(", ");
        Evidence::new(location, format!("GRUB reads no file system with the feature {names}"))
    })
}

/// GRUB reads no MBR beside a GPT (`grub-core/partmap/msdos.c`).
fn partition_map(table: TableKind) -> Option<AnyOf> {
    match table {
        TableKind::Mbr => Some(&["part_msdos"]),
        TableKind::Gpt | TableKind::HybridGpt => Some(&["part_gpt"]),
        TableKind::None => None,
    }
}

fn superblock(metadata: &str) -> AnyOf {
    match metadata {
        "0.90" => &["mdraid09", "mdraid09_be"],
        _ => &["mdraid1x"],
    }
}

fn file_system(volume: &VolumeFacts) -> Option<AnyOf> {
    match volume.signature()?.kind {
        SignatureKind::Ext2 | SignatureKind::Ext3 | SignatureKind::Ext4 => Some(&["ext2"]),
        SignatureKind::Xfs => Some(&["xfs"]),
        SignatureKind::Btrfs => Some(&["btrfs"]),
        SignatureKind::Fat12 | SignatureKind::Fat16 | SignatureKind::Fat32 => Some(&["fat"]),
        SignatureKind::Ntfs => Some(&["ntfs"]),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::facts::{
        ArrayFacts, ArrayMemberFacts, LogicalVolumeFacts, PhysicalVolumeFacts, VolumeGroupFacts,
    };
    use crate::fact::Fact;
    use crate::guest::linux::boot::fake::{FakeFs, FakeMachine};

    /// A logical volume in a group on an array on a partition: volumes 2, 1 and 0.
    fn nested() -> DiskFacts {
        let mut disk = FakeMachine::new(TableKind::Gpt)
            .partition("1", FakeFs::new())
            .partition("2", FakeFs::new())
            .partition("3", FakeFs::new())
            .disk;
        for volume in &mut disk.volumes[1..] {
            volume.partition = None;
        }
        disk.arrays.push(ArrayFacts {
            name: "md/0".to_owned(),
            set_name: None,
            uuid: "a".to_owned(),
            level: "raid1".to_owned(),
            metadata: "1.2".to_owned(),
            raid_disks: 1,
            members: vec![ArrayMemberFacts {
                volume: 0,
                slot: Some(0),
                events: 1,
                in_sync: Fact::Known(()),
            }],
            missing_slots: vec![],
            incomplete: false,
            volume: Some(1),
        });
        disk.volume_groups.push(VolumeGroupFacts {
            name: "vg".to_owned(),
            uuid: "g".to_owned(),
            seqno: 1,
            physical_volumes: vec![PhysicalVolumeFacts {
                uuid: "p".to_owned(),
                volume: Some(1),
                device: None,
                size: 0,
            }],
            logical_volumes: vec![LogicalVolumeFacts {
                name: "boot".to_owned(),
                uuid: "l".to_owned(),
                visible: true,
                size: 0,
                segment_types: vec![],
                missing_pvs: vec![],
                volume: Some(2),
            }],
            exported: false,
            system_id: None,
            notes: vec![],
        });
        disk
    }

    #[test]
    fn each_layer_below_the_files_needs_its_module() {
        let disk = nested();
        let modules =
            |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>();
        let none = modules(&[]);
        let all = ["biosdisk", "ext2", "lvm", "mdraid1x", "part_gpt"];
        assert_eq!(missing(&disk, &none, 2), all);
        assert_eq!(missing(&disk, &none, 1), ["biosdisk", "ext2", "mdraid1x", "part_gpt"]);
        assert_eq!(missing(&disk, &none, 0), ["biosdisk", "ext2", "part_gpt"]);
        assert!(missing(&disk, &modules(&all), 2).is_empty());
    }

    #[test]
    fn a_group_that_lies_in_itself_ends() {
        let mut disk = nested();
        disk.volume_groups[0].physical_volumes[0].volume = Some(2);
        assert_eq!(missing(&disk, &[], 2), ["biosdisk", "ext2", "lvm"]);
    }
}
