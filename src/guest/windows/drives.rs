//! Drive letters and paging files.
//!
//! Source: Microsoft, "Mount manager": a value of `MountedDevices` is the disk's signature and the
//! partition's offset (12 bytes), or `DMIO:ID:` and the GUID of a GPT partition (24 bytes); other
//! devices are named by a path.

use super::hklm::{Hklm, fact};
use crate::disk::facts::DiskFacts;
use crate::fact::{Evidence, Fact};
use crate::guest::facts::Seen;

/// The letters of partitions that are not on this disk.
pub(super) fn foreign(hklm: &Hklm<'_>, disk: &DiskFacts) -> Fact<Vec<Seen<char>>> {
    let read = || {
        let place = hklm.system("MountedDevices")?;
        let mut found = Vec::new();
        for value in place.values()? {
            let Some(rest) = value.name.strip_prefix(r"\DosDevices\") else { continue };
            let Some(letter) = super::system_root::letter(rest) else { continue };
            if let Some(elsewhere) = elsewhere(&value.data, disk) {
                let location = format!(r"{}\{}", place.path, value.name);
                found.push(Seen::new(letter, Evidence::new(location, elsewhere)));
            }
        }
        Ok(found)
    };
    fact(r"HKLM\SYSTEM\MountedDevices", read())
}

/// Which other disk or partition a value names; `None` for one of this disk, and for what is no
/// partition of a disk.
fn elsewhere(data: &[u8], disk: &DiskFacts) -> Option<String> {
    if let [a, b, c, d, ..] = data
        && data.len() == 12
    {
        let signature = format!("{:08x}", u32::from_le_bytes([*a, *b, *c, *d]));
        let own = disk.mbr_signature.as_ref();
        let is_own = own.is_some_and(|own| own.eq_ignore_ascii_case(&signature));
        return (!is_own).then(|| format!("disk {signature}"));
    }
    let guid: &[u8; 16] = data.strip_prefix(b"DMIO:ID:")?.try_into().ok()?;
    let guid = guid_text(guid);
    let mut own = disk.partitions.iter().filter_map(|partition| partition.uuid.as_ref());
    (!own.any(|own| own.eq_ignore_ascii_case(&guid))).then(|| format!("partition {guid}"))
}

/// A GUID as it is written: its first three fields lie in little-endian order.
fn guid_text(guid: &[u8; 16]) -> String {
    let [a, b, c, d, e, f, g, h, tail @ ..] = *guid;
    let (first, second) = (u32::from_le_bytes([a, b, c, d]), u16::from_le_bytes([e, f]));
    let third = u16::from_le_bytes([g, h]);
    let hex: String = tail.iter().map(|byte| format!("{byte:02x}")).collect();
    let (clock, node) = hex.split_at_checked(4).unwrap_or((&hex, ""));
    format!("{first:08x}-{second:04x}-{third:04x}-{clock}-{node}")
}

/// The paging files that are set up; `?:` stands for the drive that Windows chooses.
pub(super) fn paging_files(hklm: &Hklm<'_>) -> Fact<Vec<Seen<String>>> {
    const MEMORY: &str = r"Control\Session Manager\Memory Management";
    let read = || {
        let place = hklm.control_set(MEMORY)?;
        let files = place.texts("PagingFiles")?.into_iter();
        Ok(files.map(|file| Seen::new(file.clone(), place.evidence("PagingFiles", file))).collect())
    };
    fact(MEMORY, read())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guest::windows::fixture::guest;

    #[test]
    fn a_letter_of_another_disk_and_the_paging_files_are_told() {
        // 0009a3b1, at byte 1 MiB.
        let other = [0xb1, 0xa3, 9, 0, 0, 0, 16, 0, 0, 0, 0, 0];
        let memory = r"ControlSet001\Control\Session Manager\Memory Management";
        let guest = guest().system(|hive| {
            let hive = hive.key("MountedDevices").binary(r"\DosDevices\E:", &other);
            let hive = hive.binary(r"\??\Volume{1}", &other).binary(r"\DosDevices\A:", b"path");
            hive.key(memory).texts("PagingFiles", &[r"?:\pagefile.sys", r"D:\p.sys 1 1"])
        });
        let disk = crate::disk::Disk::read(std::sync::Arc::new(vec![0; 4096])).facts;
        let (letters, files) = guest.look(|_, _, hklm| (foreign(hklm, &disk), paging_files(hklm)));
        let [letter] = letters.known().unwrap().as_slice() else { panic!("{letters:?}") };
        assert_eq!((letter.value, letter.evidence.detail.as_str()), ('E', "disk 0009a3b1"));
        let files: Vec<_> = files.known().unwrap().iter().map(|file| file.value.as_str()).collect();
        assert_eq!(files, [r"?:\pagefile.sys", r"D:\p.sys 1 1"]);
    }

    #[test]
    fn a_guid_is_written_as_everybody_writes_it() {
        // The type of an EFI system partition, as it lies on disk.
        let bytes = [
            0x28, 0x73, 0x2a, 0xc1, 0x1f, 0xf8, 0xd2, 0x11, 0xba, 0x4b, 0x00, 0xa0, 0xc9, 0x3e,
            0xc9, 0x3b,
        ];
        assert_eq!(guid_text(&bytes), "c12a7328-f81f-11d2-ba4b-00a0c93ec93b");
    }
}
