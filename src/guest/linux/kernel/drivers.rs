//! The drivers that the cloud's machines need, by module and by configuration option.

use std::collections::BTreeSet;

use crate::guest::facts::KernelFacts;
use crate::guest::linux::initramfs::{Group, Wanted};

/// Configuration options and the drivers that `y` builds in (Linux: `drivers/{virtio,block,net,scsi,
/// ata,ide,md,xen}/Makefile`, `fs/Makefile`). `CONFIG_PATA_…` is not listed: some of these options
/// are no drivers (`CONFIG_PATA_TIMINGS`), and what is built in stands in `modules.builtin`.
const OPTIONS: [(&str, &[&str]); 32] = [
    // Old kernels have an option of its own for the ring; in later ones it comes with CONFIG_VIRTIO.
    ("VIRTIO", &["virtio", "virtio_ring"]),
    ("VIRTIO_RING", &["virtio_ring"]),
    ("VIRTIO_PCI", &["virtio_pci"]),
    ("VIRTIO_BLK", &["virtio_blk"]),
    ("VIRTIO_NET", &["virtio_net"]),
    ("SCSI_VIRTIO", &["virtio_scsi"]),
    ("XEN_BLKDEV_FRONTEND", &["xen_blkfront"]),
    ("XEN_NETDEV_FRONTEND", &["xen_netfront"]),
    ("XEN_PVHVM", &["xen_platform_pci"]),
    ("XEN_PLATFORM_PCI", &["xen_platform_pci"]),
    ("ATA_PIIX", &["ata_piix"]),
    ("ATA_GENERIC", &["ata_generic"]),
    ("BLK_DEV_PIIX", &["piix"]),
    ("BLK_DEV_GENERIC", &["ide_pci_generic"]),
    ("IDE_GENERIC", &["ide_generic"]),
    ("BLK_DEV_IDE", &["ide_core"]),
    ("BLK_DEV_IDEDISK", &["ide_disk"]),
    ("BLK_DEV_SD", &["sd_mod"]),
    ("EXT2_FS", &["ext2"]),
    ("EXT3_FS", &["ext3"]),
    ("EXT4_FS", &["ext4"]),
    ("XFS_FS", &["xfs"]),
    ("BTRFS_FS", &["btrfs"]),
    ("VFAT_FS", &["vfat"]),
    ("BLK_DEV_DM", &["dm_mod"]),
    ("DM_THIN_PROVISIONING", &["dm_thin_pool"]),
    ("DM_RAID", &["dm_raid"]),
    ("BLK_DEV_MD", &["md_mod"]),
    ("MD_RAID0", &["raid0"]),
    ("MD_RAID1", &["raid1"]),
    ("MD_RAID10", &["raid10"]),
    ("MD_RAID456", &["raid456"]),
];

/// The virtio drivers that lead to the disk of a KVM machine.
fn virtio() -> [Group; 4] {
    ["virtio", "virtio_ring", "virtio_pci", "virtio_blk"].map(|module| Group::new([module]))
}

/// What is sought in the initramfs of a kernel that is not the default: the drivers of virtio disks
/// that are not built into it.
pub(super) fn sought_in_other(kernel: &KernelFacts) -> Wanted {
    let groups = virtio();
    let is_sought = |name: &&str| groups.iter().any(|group| group.accepts(name));
    let built_in = built_in(kernel).filter(is_sought).map(str::to_owned).collect();
    Wanted::modules(virtio(), &built_in)
}

/// The drivers that are built into a kernel, by its `modules.builtin` and by its configuration (for
/// the options in `OPTIONS`). What is not known counts as empty.
pub fn built_in_drivers(kernel: &KernelFacts) -> BTreeSet<String> {
    built_in(kernel).map(str::to_owned).collect()
}

fn built_in(kernel: &KernelFacts) -> impl Iterator<Item = &str> {
    let listed = kernel.builtin.known().into_iter().flatten().flatten();
    let options = kernel.config.known().into_iter().flatten().flatten();
    let named = options.filter_map(|option| OPTIONS.iter().find(|(name, _)| name == option));
    listed.map(String::as_str).chain(named.flat_map(|(_, drivers)| drivers.iter().copied()))
}
