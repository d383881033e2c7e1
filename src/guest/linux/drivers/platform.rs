//! The devices of the platform's machines, as the kernel names them when it asks for their drivers.
//!
//! The aliases are those that QEMU's devices have (`/sys/devices/…/modalias`): vendor, device,
//! subsystem, class (PCI: `Documentation/PCI/pci.rst`; virtio ids: virtio specification, 5).

use crate::guest::facts::PlatformDevice;

/// A device with the links to its driver.
pub(super) struct Device {
    pub(super) device: PlatformDevice,
    pub(super) links: &'static [Link],
}

/// One link: something that the kernel finds, and what drives it.
pub(super) struct Link {
    /// Its aliases, of which one must lead to a driver.
    pub(super) aliases: &'static [&'static str],
    /// Its usual drivers, for kernels that have them built in, where no alias is needed.
    pub(super) drivers: &'static [&'static str],
    /// Whether the kernel itself drives it unless a module for it is there (the Xen platform device:
    /// only SUSE's `xen-kmp` has a module; elsewhere it is part of a kernel with Xen's front ends).
    pub(super) part_of_kernel: bool,
}

const VIRTIO_PCI: &[&str] = &["virtio_pci"];

/// The transitional device and the modern one on PCI.
const BLOCK_ON_PCI: Link = Link {
    aliases: &[
        "pci:v00001AF4d00001001sv00001AF4sd00000002bc01sc00i00",
        "pci:v00001AF4d00001042sv00001AF4sd00001100bc01sc00i00",
    ],
    drivers: VIRTIO_PCI,
    part_of_kernel: false,
};
const NET_ON_PCI: Link = Link {
    aliases: &[
        "pci:v00001AF4d00001000sv00001AF4sd00000001bc02sc00i00",
        "pci:v00001AF4d00001041sv00001AF4sd00001100bc02sc00i00",
    ],
    ..BLOCK_ON_PCI
};
const SCSI_ON_PCI: Link = Link {
    aliases: &[
        "pci:v00001AF4d00001004sv00001AF4sd00000008bc01sc00i00",
        "pci:v00001AF4d00001048sv00001AF4sd00001100bc01sc00i00",
    ],
    ..BLOCK_ON_PCI
};

const XEN_PLATFORM: Link = Link {
    aliases: &["pci:v00005853d00000001sv00005853sd00000001bcFFsc80i00"],
    drivers: &["xen_platform_pci", "platform_pci"],
    part_of_kernel: true,
};

const fn link(aliases: &'static [&'static str], drivers: &'static [&'static str]) -> Link {
    Link { aliases, drivers, part_of_kernel: false }
}

pub(super) const DEVICES: [Device; 6] = [
    Device {
        device: PlatformDevice::VirtioBlock,
        links: &[BLOCK_ON_PCI, link(&["virtio:d00000002v00001AF4"], &["virtio_blk"])],
    },
    Device {
        device: PlatformDevice::VirtioNet,
        links: &[NET_ON_PCI, link(&["virtio:d00000001v00001AF4"], &["virtio_net"])],
    },
    Device {
        device: PlatformDevice::VirtioScsi,
        links: &[SCSI_ON_PCI, link(&["virtio:d00000008v00001AF4"], &["virtio_scsi"])],
    },
    Device {
        device: PlatformDevice::Ide,
        links: &[link(
            &["pci:v00008086d00007010sv00001AF4sd00001100bc01sc01i80"],
            &["ata_piix", "ata_generic", "piix", "ide_pci_generic", "pata_acpi"],
        )],
    },
    Device {
        device: PlatformDevice::XenBlock,
        links: &[XEN_PLATFORM, link(&["xen:vbd"], &["xen_blkfront", "xen_vbd"])],
    },
    Device {
        device: PlatformDevice::XenNet,
        links: &[XEN_PLATFORM, link(&["xen:vif"], &["xen_netfront", "xen_vnif"])],
    },
];

/// Every alias.
pub(super) fn aliases() -> Vec<&'static str> {
    let links = DEVICES.iter().flat_map(|device| device.links);
    let mut aliases: Vec<_> = links.flat_map(|link| link.aliases.iter().copied()).collect();
    aliases.sort_unstable();
    aliases.dedup();
    aliases
}
