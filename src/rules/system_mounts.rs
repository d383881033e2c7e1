//! Which lines of the mount table concern the system, and which its users' data.

use super::{Text, shell};
use crate::guest::facts::{FstabEntry, SourceKind};
use crate::text;

/// Without these the guest does not come up as far as a login.
const BOOT: &[&str] = &["/", "/boot", "/boot/efi", "/efi", "/usr", "/var"];

/// Further directories of the Filesystem Hierarchy Standard 3.0 that hold the system itself. Those
/// that hold users' and services' data (`/home`, `/opt`, `/srv`, `/mnt`, `/media`, everything else)
/// are not among them: a file system there may well have been a data disk.
const SYSTEM: &[&str] = &[
    "/boot/firmware",
    "/etc",
    "/root",
    "/tmp",
    "/usr/local",
    "/var/cache",
    "/var/lib",
    "/var/log",
    "/var/log/audit",
    "/var/spool",
    "/var/tmp",
];

/// Whether the guest needs this mount to start.
pub(super) fn is_boot(mount_point: &str) -> bool {
    BOOT.contains(&mount_point)
}

/// Whether the mount holds part of the system.
pub(super) fn is_system(mount_point: &str) -> bool {
    is_boot(mount_point) || SYSTEM.contains(&mount_point)
}

/// Whether the entry is swap space.
pub(crate) fn is_swap(entry: &FstabEntry) -> bool {
    entry.fs_type == "swap"
}

/// Whether the entry is carried out at boot (fstab(5): `noauto` is not).
pub(super) fn is_automatic(entry: &FstabEntry) -> bool {
    !entry.is_noauto() && entry.mount_point.starts_with('/')
}

/// Whether boot goes on without the mount (systemd.mount(5)).
pub(crate) fn is_optional(entry: &FstabEntry) -> bool {
    let automount = |option: &String| option == "comment=systemd.automount";
    entry.is_nofail()
        || entry.has_option("x-systemd.automount")
        || entry.options.iter().any(automount)
}

/// Whether the name depends on the bus or on the very disk, so that it changes with the import.
pub(crate) fn is_unstable(kind: SourceKind) -> bool {
    matches!(kind, SourceKind::KernelName | SourceKind::ById | SourceKind::ByPath)
}

/// Whether boot ends in emergency mode without the mount (systemd.special(7), `local-fs.target`); not
/// so for one that `remote-fs.target` requires, for which boot only waits.
pub(super) fn is_required(entry: &FstabEntry) -> bool {
    !is_optional(entry)
        && !entry.has_option("_netdev")
        && entry.unit.as_ref().is_none_or(|unit| unit.required)
}

/// The commands that take the entries out of the start: lines commented out, units disabled.
pub(super) fn take_out(entries: &[&FstabEntry]) -> Text {
    let lines: Vec<_> = entries
        .iter()
        .filter(|entry| entry.unit.is_none())
        .map(|entry| format!("{}s/^/#/", entry.line))
        .collect();
    let mut commands = Vec::new();
    if !lines.is_empty() {
        commands.push(format!("sed -i '{}' /etc/fstab", lines.join(";")));
    }
    let units = entries.iter().filter_map(|entry| entry.unit.as_ref());
    commands.extend(units.map(|unit| format!("systemctl disable {}", shell::quote(&unit.name))));
    let commands = commands.join(" && ");
    text!("{commands}", "{commands}")
}
