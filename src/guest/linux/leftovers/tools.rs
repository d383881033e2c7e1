//! Guest tools of VMware, Xen, VirtualBox, Parallels and Hyper-V.

use super::super::systemd_unit::BootUnits;
use crate::fact::{Evidence, Fact, Unread};
use crate::filesystem::tree::Tree;
use crate::guest::facts::UnitState;

/// Directories and programs that only these tools bring, with whose they are.
const PATHS: [(&str, &str); 12] = [
    ("/etc/vmware-tools", "VMware Tools"),
    ("/usr/lib/vmware-tools", "VMware Tools"),
    ("/usr/bin/vmtoolsd", "VMware Tools (open-vm-tools)"),
    ("/usr/sbin/vmtoolsd", "VMware Tools"),
    ("/usr/sbin/xe-daemon", "XenServer guest tools"),
    ("/usr/sbin/xe-linux-distribution", "XenServer guest tools"),
    ("/usr/sbin/VBoxService", "VirtualBox Guest Additions"),
    ("/usr/bin/VBoxService", "VirtualBox Guest Additions"),
    ("/usr/lib/parallels-tools", "Parallels Tools"),
    ("/usr/bin/prltoolsd", "Parallels Tools"),
    ("/usr/sbin/hypervkvpd", "Hyper-V daemons"),
    ("/usr/sbin/hv_kvp_daemon", "Hyper-V daemons"),
];

/// Their services.
const UNITS: [(&str, &str); 12] = [
    ("vmtoolsd.service", "VMware Tools"),
    ("open-vm-tools.service", "VMware Tools (open-vm-tools)"),
    ("vmware-tools.service", "VMware Tools"),
    ("vmware-tools-thinprint.service", "VMware Tools"),
    ("vgauthd.service", "VMware Tools"),
    ("xe-linux-distribution.service", "XenServer guest tools"),
    ("xe-daemon.service", "XenServer guest tools"),
    ("vboxadd-service.service", "VirtualBox Guest Additions"),
    ("vboxadd.service", "VirtualBox Guest Additions"),
    ("prltoolsd.service", "Parallels Tools"),
    ("hypervkvpd.service", "Hyper-V daemons"),
    ("hv-kvp-daemon.service", "Hyper-V daemons"),
];

pub(super) fn find(tree: &Tree, units: &BootUnits<'_>) -> Fact<Vec<Evidence>> {
    let mut found = Vec::new();
    for (path, whose) in PATHS {
        match tree.exists(path) {
            Ok(true) => found.push(Evidence::new(path, whose)),
            Ok(false) => {}
            Err(error) => return Fact::Unknown(Unread::from((path, &error))),
        }
    }
    // Installed from a disc: `/opt/VBoxGuestAdditions-7.0.14`.
    match tree.read_dir("/opt") {
        Ok(entries) => {
            for entry in entries {
                let name = String::from_utf8_lossy(&entry.name);
                if name.starts_with("VBoxGuestAdditions") {
                    found.push(Evidence::new(format!("/opt/{name}"), "VirtualBox Guest Additions"));
                }
            }
        }
        Err(error) if error.is_absent() => {}
        Err(error) => return Fact::Unknown(Unread::from(("/opt", &error))),
    }
    for (name, whose) in UNITS {
        let unit = units.unit(name);
        match unit.state {
            Fact::Known(UnitState::Absent | UnitState::Masked) => {}
            Fact::Known(state) => {
                let state =
                    if state == UnitState::Enabled { "started at boot" } else { "not started" };
                found.push(Evidence::new(name, format!("{whose}, {state}")));
            }
            Fact::Unknown(unread) => return Fact::Unknown(unread),
        }
    }
    Fact::Known(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::filesystem::memory::MemoryFs;

    #[test]
    fn directories_programs_and_units_are_each_told() {
        let unit =
            "[Unit]\nConditionVirtualization=vmware\n[Service]\nExecStart=/usr/bin/vmtoolsd\n";
        let tree = MemoryFs::new()
            .file("/usr/lib/systemd/systemd", "ELF")
            .file("/usr/lib/systemd/system/default.target", "[Unit]\nWants=vmtoolsd.service\n")
            .file("/usr/lib/systemd/system/vmtoolsd.service", unit)
            .symlink("/etc/systemd/system/vgauthd.service", "/dev/null")
            .dir("/etc/vmware-tools")
            .dir("/opt/VBoxGuestAdditions-7.0.14")
            .tree();
        let found = find(&tree, &BootUnits::walk(&tree));
        let told: Vec<_> = found
            .known()
            .unwrap()
            .iter()
            .map(|seen| (seen.location.as_str(), seen.detail.as_str()))
            .collect();
        assert_eq!(
            told,
            [
                ("/etc/vmware-tools", "VMware Tools"),
                ("/opt/VBoxGuestAdditions-7.0.14", "VirtualBox Guest Additions"),
                ("vmtoolsd.service", "VMware Tools, started at boot"),
            ]
        );
    }

    #[test]
    fn an_unreadable_directory_is_unknown() {
        let tree = MemoryFs::new().dir("/opt").unreadable("/opt").tree();
        assert_eq!(find(&tree, &BootUnits::walk(&tree)).unread().unwrap().location, "/opt");
    }
}
