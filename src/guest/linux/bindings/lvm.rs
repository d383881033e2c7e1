//! LVM's devices file: the disks at which LVM looks for physical volumes, by what identifies them.
//!
//! Sources: lvmdevices(8); lvm2, `lib/device/device_id.c` (`idtype_from_str`, `device_ids_read`).

use super::MAX_BINDINGS;
use crate::fact::{Evidence, Unread};
use crate::filesystem::tree::Tree;
use crate::guest::facts::{Binding, BindingKind};

const DEVICES: &str = "/etc/lvm/devices/system.devices";

/// `use_devicesfile=0` stands here, where the file does not count.
const CONFIGURATION: &str = "/etc/lvm/lvm.conf";

/// Longest file that is read; an entry has some 150 bytes, Fedora's `lvm.conf` 110 KiB.
const MAX_FILE: u64 = 1 << 20;

/// What a disk is known by that another machine's does not have; `devname`, `md_uuid` and the like it
/// may have.
const OF_HARDWARE: [&str; 5] = ["sys_wwid", "sys_serial", "wwid_naa", "wwid_eui", "wwid_t10"];

/// Entries that tie one of the physical volumes in this image to the disk of the old machine. `volumes`
/// are their UUIDs, with or without dashes.
pub(super) fn find(tree: &Tree, volumes: &[String]) -> Result<Vec<Binding>, Unread> {
    let volumes: Vec<String> = volumes.iter().map(|uuid| uuid.replace('-', "")).collect();
    let text = read(tree, DEVICES)?;
    let mut found = Vec::new();
    for (line, content) in (1_usize..).zip(text.lines()) {
        let content = content.trim();
        if content.starts_with('#') || found.len() >= MAX_BINDINGS {
            continue;
        }
        let value = |key: &str| {
            let mut words = content.split_ascii_whitespace();
            words.find_map(|word| word.strip_prefix(key)?.strip_prefix('='))
        };
        let (Some(kind), Some(volume)) = (value("IDTYPE"), value("PVID")) else { continue };
        if OF_HARDWARE.contains(&kind) && volumes.contains(&volume.replace('-', "")) {
            let evidence = Evidence::new(format!("{DEVICES}:{line}"), content);
            let evidence = evidence.marked(line, content, 0..0);
            found.push(Binding { kind: BindingKind::DiskIdentity, evidence });
        }
    }
    if !found.is_empty() && is_off(&read(tree, CONFIGURATION)?) {
        found.clear();
    }
    Ok(found)
}

fn read(tree: &Tree, path: &str) -> Result<String, Unread> {
    match tree.read_text(path, MAX_FILE) {
        Ok(text) => Ok(text),
        Err(error) if error.is_absent() => Ok(String::new()),
        Err(error) => Err(Unread::from((path, &error))),
    }
}

/// Whether the configuration says `use_devicesfile = 0`.
fn is_off(configuration: &str) -> bool {
    configuration.lines().any(|line| {
        let mut sides = line.split('=').map(str::trim);
        let key = sides.next().unwrap_or_default();
        matches!(key, "use_devicesfile" | "devices/use_devicesfile") && sides.next() == Some("0")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::filesystem::memory::MemoryFs;

    /// As lvm2 2.03.16 writes it (`lvmdevices --adddev`), the disk that of a VMware machine.
    const FILE: &str = "\
# LVM uses devices listed in this file.
# Created by LVM command lvmdevices pid 1234 at Mon Jan  1 00:00:00 2024
VERSION=1.1.2
IDTYPE=sys_wwid IDNAME=naa.6000c29e8a1b2c3d4e5f60718293a4b5 DEVNAME=/dev/sda3 PVID=6dTwKYu0nSp2nWC0R5RVgH8tZ0yXzOeL PART=3
";

    const VOLUME: &str = "6dTwKY-u0nS-p2nW-C0R5-RVgH-8tZ0-yXzOeL";

    fn lines(fs: MemoryFs, volume: &str) -> Vec<String> {
        let found = find(&fs.tree(), &[volume.to_owned()]).unwrap();
        found.into_iter().map(|binding| binding.evidence.location).collect()
    }

    #[test]
    fn an_entry_of_the_old_disk_for_a_volume_in_the_image_is_a_binding() {
        let with = |text: &str| MemoryFs::new().file(DEVICES, text);
        assert_eq!(lines(with(FILE), VOLUME), [format!("{DEVICES}:4")]);
        assert_eq!(lines(MemoryFs::new(), VOLUME), [""; 0]);
        // Of another disk, by what a new machine has too, and commented out.
        assert_eq!(lines(with(FILE), "aaaaaa-u0nS-p2nW-C0R5-RVgH-8tZ0-yXzOeL"), [""; 0]);
        for kind in ["devname", "md_uuid", "crypt_uuid", "mpath_uuid"] {
            assert_eq!(lines(with(&FILE.replace("sys_wwid", kind)), VOLUME), [""; 0]);
        }
        assert_eq!(lines(with(&FILE.replace("IDTYPE", "#IDTYPE")), VOLUME), [""; 0]);
        let off = with(FILE).file(CONFIGURATION, "devices {\n\tuse_devicesfile = 0\n}\n");
        assert_eq!(lines(off, VOLUME), [""; 0]);
        let on = with(FILE).file(CONFIGURATION, "devices {\n\t# use_devicesfile = 0\n}\n");
        assert_eq!(lines(on, VOLUME), [format!("{DEVICES}:4")]);
        let torn = find(&with(FILE).unreadable(DEVICES).tree(), &[VOLUME.to_owned()]);
        assert_eq!(torn.unwrap_err().location, DEVICES);
    }
}
