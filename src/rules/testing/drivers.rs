//! The good machine: drivers.

use super::{RELEASE, ROOT_UUID};
use crate::fact::{Evidence, Fact};
use crate::guest::facts::*;

/// The chain of drivers of each device, with the pattern of its alias.
const DEVICES: [(PlatformDevice, &[(&str, &str)]); 6] = {
    const VIRTIO: (&str, &str) = ("virtio_pci", "pci:v00001AF4d*sv*sd*bc*sc*i*");
    [
        (PlatformDevice::VirtioBlock, &[VIRTIO, ("virtio_blk", "virtio:d00000002v*")]),
        (PlatformDevice::VirtioNet, &[VIRTIO, ("virtio_net", "virtio:d00000001v*")]),
        (PlatformDevice::VirtioScsi, &[VIRTIO, ("virtio_scsi", "virtio:d00000008v*")]),
        (PlatformDevice::Ide, &[("ata_piix", "pci:v00008086d00007010sv*sd*bc*sc*i*")]),
        (PlatformDevice::XenBlock, &[("xen_blkfront", "xen:vbd")]),
        (PlatformDevice::XenNet, &[("xen_netfront", "xen:vif")]),
    ]
};

/// A driver that an alias leads to.
pub(in crate::rules) fn candidate(module: &str, pattern: &str) -> Candidate {
    Candidate {
        module: module.to_owned(),
        evidence: Evidence::new(
            format!("{}: lib/modules/{RELEASE}/modules.alias:7", super::INITRAMFS),
            format!("alias {pattern} {module}"),
        ),
        blocked: None,
    }
}

/// As the good machine has it.
pub(super) fn good() -> DriverFacts {
    let link = |&(module, pattern): &(&str, &str)| DriverLink {
        alias: pattern.to_owned(),
        early: Fact::Known(vec![candidate(module, pattern)]),
        late: Fact::Known(vec![candidate(module, pattern)]),
    };
    DriverFacts {
        devices: DEVICES
            .iter()
            .map(|(device, links)| DeviceFacts {
                device: *device,
                links: links.iter().map(link).collect(),
            })
            .collect(),
        host_only: Vec::new(),
        root_needs: Fact::Known(vec![RootNeed {
            purpose: Evidence::new(format!("partition 2 (UUID={ROOT_UUID})"), "ext4"),
            modules: vec!["ext4".to_owned()],
            options: vec!["EXT4_FS".to_owned()],
            program: None,
        }]),
        resume: Fact::Known(Vec::new()),
        uvp: Fact::Known(Vec::new()),
    }
}

/// Nothing of it could be read.
pub(super) fn unread() -> DriverFacts {
    let mut facts = DriverFacts::unknown(&super::why());
    facts.devices = good().devices;
    for link in facts.devices.iter_mut().flat_map(|device| &mut device.links) {
        link.early = Fact::Unknown(super::why());
        link.late = Fact::Unknown(super::why());
    }
    facts
}
