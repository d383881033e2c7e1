//! What ties the system to the machine it came from: MAC addresses in its network set-up, disks by
//! serial number or bus.
//!
//! In: the guest's tree; its fstab and boot facts. Out: [`Binding`]s, each with its line.

mod lvm;
pub(in crate::guest::linux) mod udev;

use super::network::Configuration;
use super::network::files::Files;
use crate::disk::facts::DiskFacts;
use crate::error::Error;
use crate::fact::{Evidence, Fact, Unread};
use crate::filesystem::tree::Tree;
use crate::guest::facts::{Binding, BindingKind, BootFacts, DeviceRef, Fstab, SourceKind};

/// Most bindings given.
const MAX_BINDINGS: usize = 1024;

/// Mount points whose device must be found for the system to start.
const SYSTEM_MOUNTS: [&str; 5] = ["/", "/boot", "/boot/efi", "/usr", "/var"];

/// Ties to network cards. Unknown when any file that may hold one could not be read: the list would
/// be short without saying so.
pub fn find(tree: &Tree, network: &Configuration) -> Fact<Vec<Binding>> {
    let mut files = Files::new(tree);
    let mut found = udev::find(&mut files);
    let links =
        network.links.iter().map(|link| (BindingKind::UdevMac, link.by_cloud_init, &link.evidence));
    let interfaces = network.interfaces.iter().flat_map(|interface| {
        let bound = |evidence| (BindingKind::NetworkMac, interface.by_cloud_init, evidence);
        interface.macs.iter().map(bound)
    });
    for (kind, by_cloud_init, evidence) in links.chain(interfaces) {
        let kind = if by_cloud_init { BindingKind::GeneratedMac } else { kind };
        found.push(Binding { kind, evidence: evidence.clone() });
    }
    if found.len() > MAX_BINDINGS {
        found.truncate(MAX_BINDINGS);
        let error = Error::too_much("bindings", MAX_BINDINGS, "bindings");
        files.doubt("network configuration", &error);
    }
    match files.unread.or_else(|| network.unread.clone()) {
        None => Fact::Known(found),
        Some(mut unread) => {
            if let Some(binding) = found.first() {
                unread.reason = format!("{}; seen: {}", unread.reason, binding.evidence.location);
            }
            Fact::Unknown(unread)
        }
    }
}

/// Ties of LVM's physical volumes in this image to the disks of the old machine.
///
/// # Errors
/// When LVM's devices file is there and cannot be read.
pub fn of_lvm(tree: &Tree, disk: &DiskFacts) -> Result<Vec<Binding>, Unread> {
    let volumes = disk.volume_groups.iter().flat_map(|group| &group.physical_volumes);
    let here = volumes.filter(|volume| volume.volume.is_some());
    let here: Vec<String> = here.map(|volume| volume.uuid.clone()).collect();
    if here.is_empty() { Ok(Vec::new()) } else { lvm::find(tree, &here) }
}

/// Ties to disks, in fstab and on the kernel command line of the default entry.
pub fn of_devices(fstab: &Fact<Fstab>, boot: &BootFacts) -> Vec<Binding> {
    let mut found = Vec::new();
    for entry in fstab.known().into_iter().flat_map(|fstab| &fstab.entries) {
        let system = SYSTEM_MOUNTS.contains(&entry.mount_point.as_str());
        if let Some(kind) = device_kind(&entry.source, system) {
            found.push(Binding { kind, evidence: entry.evidence() });
        }
    }
    if let Some(entry) = boot.default_entry.known().and_then(Option::as_ref) {
        for (key, device, system) in [("root", &entry.root, true), ("resume", &entry.resume, false)]
        {
            let kind = device.as_ref().and_then(|device| device_kind(device, system));
            if let (Some(kind), Some(device)) = (kind, device) {
                let detail = format!("{key}={}", device.spec);
                let evidence = Evidence::new(entry.command_line_location.clone(), detail);
                found.push(Binding { kind, evidence });
            }
        }
    }
    found
}

fn device_kind(device: &DeviceRef, system: bool) -> Option<BindingKind> {
    match device.kind {
        SourceKind::ById | SourceKind::ByPath => Some(BindingKind::DiskIdentity),
        _ if system && is_bus_name(&device.spec) => Some(BindingKind::BusName),
        _ => None,
    }
}

fn is_bus_name(spec: &str) -> bool {
    ["/dev/nvme", "/dev/mmcblk"].iter().any(|prefix| {
        let rest = spec.strip_prefix(prefix);
        rest.is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
    })
}

#[cfg(test)]
mod tests;
