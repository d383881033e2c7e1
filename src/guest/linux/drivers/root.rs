//! What must be there before the root file system can be mounted.

use crate::disk::facts::DiskFacts;
use crate::fact::{Evidence, Fact};
use crate::guest::facts::{BootFacts, MountFacts, RootNeed};

/// File systems, the modules of which one mounts them, and the options that build these in (Linux:
/// `fs/Kconfig`; ext4 mounts ext2 and ext3 too, `CONFIG_EXT4_USE_FOR_EXT2` and the end of ext3 in 4.3).
const FILE_SYSTEMS: [(&str, &[&str], &[&str]); 6] = [
    ("ext2", &["ext2", "ext4"], &["EXT2_FS", "EXT4_FS"]),
    ("ext3", &["ext3", "ext4"], &["EXT3_FS", "EXT4_FS"]),
    ("ext4", &["ext4"], &["EXT4_FS"]),
    ("xfs", &["xfs"], &["XFS_FS"]),
    ("btrfs", &["btrfs"], &["BTRFS_FS"]),
    ("vfat", &["vfat"], &["VFAT_FS"]),
];

/// What `vgchange` loads for segments beyond `linear` and `striped`, which `dm_mod` itself maps (LVM2:
/// `lib/*/`, `_*_modules_needed`).
const SEGMENTS: [(&str, &str, &str); 4] = [
    ("thin", "dm_thin_pool", "DM_THIN_PROVISIONING"),
    ("raid", "dm_raid", "DM_RAID"),
    ("mirror", "dm_mirror", "DM_MIRROR"),
    ("cache", "dm_cache", "DM_CACHE"),
];

/// Modules of md's levels (Linux: `drivers/md/Makefile`).
const LEVELS: [(&str, &str, &str); 6] = [
    ("raid0", "raid0", "MD_RAID0"),
    ("raid1", "raid1", "MD_RAID1"),
    ("raid10", "raid10", "MD_RAID10"),
    ("raid4", "raid456", "MD_RAID456"),
    ("raid5", "raid456", "MD_RAID456"),
    ("raid6", "raid456", "MD_RAID456"),
];

/// Most things that a root may need; a file system on LVM on RAID needs some six.
const MAX_NEEDS: usize = 64;

/// What the root needs, by its file system and the volumes that it lies on.
pub(super) fn needs(
    disk: &DiskFacts,
    boot: &BootFacts,
    mounts: &[MountFacts],
) -> Fact<Vec<RootNeed>> {
    let Some(root) = mounts.iter().find(|mount| mount.path == "/") else {
        return Fact::unknown("/", "no file system is mounted there");
    };
    let (Some(volume), Some(kind)) = (root.volume, root.kind.as_deref()) else {
        return Fact::unknown(&root.evidence.location, "its file system is not known");
    };
    let Some((_, modules, options)) = FILE_SYSTEMS.iter().find(|(name, ..)| *name == kind) else {
        return Fact::unknown(&root.evidence.location, format!("what mounts {kind} is not known"));
    };
    let name = disk.volumes.get(volume).map_or("/", |volume| volume.name.as_str());
    let mut needs = vec![module(Evidence::new(name, kind), modules, options)];
    stack(disk, volume, &mut needs);
    multipath(boot, &mut needs);
    if needs.len() > MAX_NEEDS {
        return Fact::unknown(name, format!("it needs more than {MAX_NEEDS} things"));
    }
    Fact::Known(needs)
}

fn module(purpose: Evidence, modules: &[&str], options: &[&str]) -> RootNeed {
    let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    RootNeed { purpose, modules: owned(modules), options: owned(options), program: None }
}

fn program(purpose: Evidence, name: &str, options: &[&str]) -> RootNeed {
    RootNeed { program: Some(name.to_owned()), ..module(purpose, &[], options) }
}

/// What puts together the volume, and those below it: logical volumes on arrays are usual, the other
/// way round it is not.
fn stack(disk: &DiskFacts, volume: usize, needs: &mut Vec<RootNeed>) {
    array(disk, volume, needs);
    let Some((group, logical)) = disk.logical_volume(volume) else { return };
    let purpose =
        || Evidence::new(format!("logical volume {}/{}", group.name, logical.name), "LVM");
    needs.push(program(purpose(), "lvm", &[]));
    needs.push(module(purpose(), &["dm_mod"], &["BLK_DEV_DM"]));
    for (segment, name, option) in SEGMENTS {
        if logical.segment_types.iter().any(|segment_type| segment_type.starts_with(segment)) {
            needs.push(module(purpose(), &[name], &[option]));
        }
    }
    let mut members: Vec<_> = group.physical_volumes.iter().filter_map(|pv| pv.volume).collect();
    members.sort_unstable();
    members.dedup();
    for member in members {
        if needs.len() >= MAX_NEEDS {
            return;
        }
        array(disk, member, needs);
    }
}

fn array(disk: &DiskFacts, volume: usize, needs: &mut Vec<RootNeed>) {
    let Some(array) = disk.array(volume) else { return };
    let purpose = || Evidence::new(array.name.clone(), format!("md {}", array.level));
    // The kernel itself starts arrays with superblocks of the old format (Documentation/admin-guide/
    // md.rst, "Boot time autodetection").
    let autodetect: &[&str] =
        if array.metadata.starts_with("0.9") { &["MD_AUTODETECT"] } else { &[] };
    needs.push(program(purpose(), "mdadm", autodetect));
    needs.push(module(purpose(), &["md_mod"], &["BLK_DEV_MD"]));
    match LEVELS.iter().find(|(level, ..)| *level == array.level) {
        Some((_, name, option)) => needs.push(module(purpose(), &[name], &[option])),
        None => needs.push(module(purpose(), &[&array.level], &[])),
    }
}

/// A root that the entry names as multipath makes it: `/dev/mapper/mpatha1`.
fn multipath(boot: &BootFacts, needs: &mut Vec<RootNeed>) {
    let Some(entry) = boot.default_entry.known().and_then(Option::as_ref) else { return };
    let Some(root) = entry.root.as_ref().filter(|root| root.spec.starts_with("/dev/mapper/mpath"))
    else {
        return;
    };
    let purpose =
        || Evidence::new(entry.command_line_location.clone(), format!("root={}", root.spec));
    needs.push(program(purpose(), "multipath", &[]));
    needs.push(module(purpose(), &["dm_multipath"], &["DM_MULTIPATH"]));
}
