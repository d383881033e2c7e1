//! The drivers that the cloud's machines need, by module and by configuration option.

use std::collections::BTreeSet;

use crate::guest::facts::KernelFacts;
use crate::guest::linux::initramfs::{Group, Wanted};

/// Configuration options and the drivers that `y` builds in (Linux: `drivers/{virtio,block,net,scsi,
/// ata,ide}/Makefile`). `CONFIG_PATA_…` is not listed: some of these options are no drivers
/// (`CONFIG_PATA_TIMINGS`), and what is built in stands in `modules.builtin`.
const OPTIONS: [(&str, &[&str]); 15] = [
    // Old kernels have an option of its own for the ring; in later ones it comes with CONFIG_VIRTIO.
    ("VIRTIO", &["virtio", "virtio_ring"]),
    ("VIRTIO_RING", &["virtio_ring"]),
    ("VIRTIO_PCI", &["virtio_pci"]),
    ("VIRTIO_BLK", &["virtio_blk"]),
    ("VIRTIO_NET", &["virtio_net"]),
    ("SCSI_VIRTIO", &["virtio_scsi"]),
    ("XEN_BLKDEV_FRONTEND", &["xen_blkfront"]),
    ("XEN_NETDEV_FRONTEND", &["xen_netfront"]),
    ("ATA_PIIX", &["ata_piix"]),
    ("ATA_GENERIC", &["ata_generic"]),
    ("BLK_DEV_PIIX", &["piix"]),
    ("BLK_DEV_GENERIC", &["ide_pci_generic"]),
    ("IDE_GENERIC", &["ide_generic"]),
    ("BLK_DEV_IDE", &["ide_core"]),
    ("BLK_DEV_IDEDISK", &["ide_disk"]),
];

/// What the platform's machines need from an initramfs: virtio (KVM), the Xen front ends (also by
/// the names of SUSE's `xen-kmp`), and any driver of the PIIX IDE controller.
pub fn sought() -> Wanted {
    Wanted::groups([
        Group::new(["virtio"]),
        Group::new(["virtio_ring"]),
        Group::new(["virtio_pci"]),
        Group::new(["virtio_blk"]),
        Group::new(["virtio_net"]),
        Group::new(["virtio_scsi"]),
        Group::new(["xen_blkfront", "xen_vbd"]),
        Group::new(["xen_netfront", "xen_vnif"]),
        Group::new(["ata_piix", "ata_generic", "pata_*", "piix", "ide_*"]),
    ])
}

/// The drivers that are built into a kernel, by its `modules.builtin` and by its configuration (for
/// the options in [`OPTIONS`]). What is not known counts as empty.
pub fn built_in_drivers(kernel: &KernelFacts) -> BTreeSet<String> {
    let mut drivers = kernel.builtin.known().cloned().flatten().unwrap_or_default();
    for option in kernel.config.known().into_iter().flatten().flatten() {
        if let Some((_, named)) = OPTIONS.iter().find(|(name, _)| name == option) {
            drivers.extend(named.iter().map(|driver| (*driver).to_owned()));
        }
    }
    drivers
}
