//! Arrays and encrypted volumes that dracut is told of on the command line: it leaves alone what it is
//! not told of, and waits in vain for what is not there, until the start ends in a shell.
//!
//! Source: dracut.cmdline(7); `90mdraid/parse-md.sh`, `90crypt/parse-crypt.sh`.

use super::command_line::parameters;
use crate::disk::facts::{ArrayFacts, DiskFacts, SignatureKind};
use crate::fact::Fact;
use crate::guest::facts::{BootEntry, InitramfsFacts, ListingEnd, Resolution};
use crate::guest::linux::initramfs::{Files, Setting};

/// Files by which an initramfs is known as one of dracut since 034, which waits for what it is told of.
const DRACUT: [&str; 2] = ["lib/dracut/build-parameter.txt", "lib/dracut/hostonly-files"];

/// The words of the command line and those for dracut of the initramfs' own (dracut.cmdline(7), `/etc/cmdline.d`), where
/// all of them are known.
pub(super) fn all_words(
    initramfs: &InitramfsFacts,
    words: &[String],
    settings: &Files,
) -> Option<Vec<String>> {
    if initramfs.listing != Fact::Known(ListingEnd::Complete) || settings.overflow() {
        return None;
    }
    let mut all = words.to_vec();
    for (_, own) in own_words(settings) {
        all.extend(own?);
    }
    Some(all)
}

/// The files of the initramfs' own command line that dracut reads, and the words for it in each, where they are known
/// (`99base/dracut-lib.sh`, `getcmdline`: `/etc/cmdline`, `/etc/cmdline.d/*.conf`).
pub(super) fn own_words(settings: &Files) -> impl Iterator<Item = (&str, Option<Vec<String>>)> {
    let files = settings.below("etc/cmdline").into_iter();
    let read = files.filter(|(path, _)| *path == "etc/cmdline" || path.ends_with(".conf"));
    read.map(|(path, setting)| {
        let Setting::Text(text) = setting else { return (path, None) };
        // dracut's own alone: the list may have millions of others.
        let own = parameters(&String::from_utf8_lossy(text)).into_iter();
        (path, Some(own.filter(|word| word.starts_with("rd")).collect()))
    })
}

/// The word of the command line for which dracut waits in vain, until the start ends in its shell.
pub(super) fn absent(
    initramfs: &InitramfsFacts,
    words: &[String],
    settings: &Files,
    disk: &DiskFacts,
) -> Option<String> {
    let has = |program: &str| initramfs.programs.contains(program);
    if !is_dracut(settings) || !is_seen(disk) {
        return None;
    }
    let leaves_md = words.iter().any(|word| leaves(word, MD));
    let arrays = || words.iter().find(|word| is_absent_array(word, disk));
    let luks = || words.iter().find(|word| is_absent_luks(word, disk));
    // A key on another device makes it wait otherwise.
    let keyed = || words.iter().any(|word| is_off(word, "luks") || word.starts_with("rd.luks.key"));
    let array = if has("mdadm") && !leaves_md { arrays() } else { None };
    array.or_else(|| if has("cryptsetup") && !keyed() { luks() } else { None }).cloned()
}

/// Whether an initramfs is one of dracut since 034.
fn is_dracut(settings: &Files) -> bool {
    DRACUT.iter().any(|file| settings.get(file).is_some())
}

/// A module of dracut, and the word that switched it off before there was `rd.NAME=0`.
pub(super) type Module = (&'static str, &'static str);

const MD: Module = ("md", "rd_NO_MD");

/// Whether a word has dracut leave alone all that a module of it would assemble.
pub(super) fn leaves(word: &str, (module, old): Module) -> bool {
    is_off(word, module) || word == old
}

/// Whether a word switches a module of dracut off: `rd.md=0`.
fn is_off(word: &str, module: &str) -> bool {
    let value = word
        .strip_prefix("rd.")
        .and_then(|word| word.strip_prefix(module))
        .and_then(|word| word.strip_prefix('='));
    matches!(value, Some("0" | "no" | "off"))
}

fn hex(text: &str) -> String {
    text.chars().filter(char::is_ascii_hexdigit).map(|c| c.to_ascii_lowercase()).collect()
}

/// A word that lists an array: its name with `=`, and the UUID.
fn listed_array(word: &str) -> Option<(&str, &str)> {
    let names = ["rd.md.uuid=", "rd_MD_UUID="];
    names.iter().find(|name| word.starts_with(**name)).map(|name| word.split_at(name.len()))
}

/// What is listed of arrays on a command line.
enum Listed {
    /// No array, so that dracut since 024 assembles none.
    Nothing,
    /// The array that is asked for, or `rd.auto`, for which all are assembled.
    Array,
    /// Others alone.
    Others,
}

fn listed(words: &[String], array: &ArrayFacts) -> Listed {
    let mut uuids = words.iter().filter_map(|word| listed_array(word)).peekable();
    let is_any = uuids.peek().is_some();
    let is_auto = || {
        let named = |word: &String| word == "rd.auto" || word.starts_with("rd.auto=");
        words.iter().any(|word| named(word) && !is_off(word, "auto"))
    };
    if uuids.any(|(_, uuid)| hex(uuid) == hex(&array.uuid)) || !is_any && is_auto() {
        Listed::Array
    } else if is_any {
        Listed::Others
    } else {
        Listed::Nothing
    }
}

/// The word for which dracut does not assemble the array that root lies on, and what must stand in its
/// place: it leaves all alone, or assembles those that are listed, and this one is not among them.
pub(super) fn passes_over_array(
    entry: &BootEntry,
    initramfs: &InitramfsFacts,
    words: &[String],
    settings: &Files,
    disk: &DiskFacts,
) -> Option<(String, Option<String>)> {
    let array = under_root(entry, disk).filter(|_| initramfs.programs.contains("mdadm"))?;
    let all = all_words(initramfs, words, settings);
    let all = all.as_ref().map(|all| listed(all, array));
    if let Some(word) = words.iter().find(|word| leaves(word, MD)) {
        let missing = !matches!(all, Some(Listed::Array));
        return Some((word.clone(), missing.then(|| format!("rd.md.uuid={}", array.md_uuid()))));
    }
    let Some(Listed::Others) = all else { return None };
    // One that is in the initramfs' own list alone is no word to replace.
    let (word, name) = words.iter().find_map(|word| Some((word, listed_array(word)?.0)))?;
    // dracut 004 knows the old name alone.
    let missing = format!("{name}{}", array.md_uuid());
    let is_there = |word: &str| {
        disk.arrays
            .iter()
            .any(|array| listed_array(word).is_some_and(|(_, uuid)| hex(uuid) == hex(&array.uuid)))
    };
    let instead = if is_there(word) { format!("{word} {missing}") } else { missing };
    Some((word.clone(), Some(instead)))
}

/// Why it is open whether dracut assembles the array that root lies on: nothing tells it to. Since 024 it
/// assembles none then (`90mdraid/parse-md.sh`, `rd.auto`); that nothing else in the initramfs does is not
/// known.
pub(in crate::guest::linux) fn unlisted_array(
    entry: &BootEntry,
    initramfs: &InitramfsFacts,
    settings: &Files,
    disk: &DiskFacts,
) -> Option<String> {
    let is_used = !entry.initrds.is_empty() && initramfs.programs.contains("mdadm");
    let array = under_root(entry, disk).filter(|_| is_used && is_dracut(settings))?;
    let words = all_words(initramfs, &parameters(&entry.command_line), settings)?;
    let Listed::Nothing = listed(&words, array) else { return None };
    let uuid = array.md_uuid();
    Some(format!("dracut assembles no array unless rd.md.uuid={uuid} or rd.auto tells it to"))
}

/// The array that root is, or that its whole volume group lies on.
fn under_root<'d>(entry: &BootEntry, disk: &'d DiskFacts) -> Option<&'d ArrayFacts> {
    let Resolution::Volume(root) = entry.root.as_ref()?.resolution else { return None };
    disk.array(root).or_else(|| {
        let (group, _) = disk.logical_volume(root)?;
        let mut arrays = group.physical_volumes.iter().map(|physical| disk.array(physical.volume?));
        let first = arrays.next()??;
        // Which of several physical volumes has root on it is not looked for.
        arrays.all(|array| array.is_some_and(|array| array.uuid == first.uuid)).then_some(first)
    })
}

/// `rd.md.uuid=` with the UUID of no array on this disk: dracut waits for its device.
fn is_absent_array(word: &str, disk: &DiskFacts) -> bool {
    word.strip_prefix("rd.md.uuid=")
        .is_some_and(|uuid| disk.arrays.iter().all(|array| hex(&array.uuid) != hex(uuid)))
}

/// `rd.luks.uuid=` that is part of no encrypted volume's UUID on this disk: the queue of dracut does not
/// end before it is open.
fn is_absent_luks(word: &str, disk: &DiskFacts) -> bool {
    let Some(uuid) = word.strip_prefix("rd.luks.uuid=") else { return false };
    let uuid = uuid.strip_prefix("luks-").unwrap_or(uuid);
    let signatures = disk.volumes.iter().filter_map(|volume| volume.signature());
    let mut luks = signatures
        .filter(|found| matches!(found.kind, SignatureKind::Luks1 | SignatureKind::Luks2));
    !uuid.is_empty()
        && luks.all(|found| found.uuid.as_ref().is_some_and(|has| !hex(has).contains(&hex(uuid))))
}

/// Whether all volumes of the disk were looked into, and none is an array of the firmware, whose UUIDs are
/// not known.
fn is_seen(disk: &DiskFacts) -> bool {
    let is_foreign = |kind| matches!(kind, SignatureKind::Imsm | SignatureKind::Ddf);
    disk.table_read.known().is_some()
        && disk.volumes.iter().enumerate().all(|(index, volume)| {
            volume.signatures.known().is_some()
                && disk.unopened(index).is_none()
                && !volume.signature().is_some_and(|found| is_foreign(found.kind))
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::facts::{PhysicalVolumeFacts, VolumeGroupFacts};
    use crate::guest::linux::boot::entry::{test_entry, test_initramfs};
    use crate::guest::linux::device::device_ref;
    use crate::guest::linux::device::tests::{array, disk, group};

    const ROOT: &str = "01234567-89ab-cdef-0123-456789abcdef";
    const AS_MDADM: &str = "01234567:89abcdef:01234567:89abcdef";

    fn entry(line: &str, disk: &DiskFacts) -> BootEntry {
        let entry = test_entry(line, Some(device_ref("/dev/sda5", disk)));
        assert_eq!(entry.root.as_ref().unwrap().resolution, Resolution::Volume(1));
        entry
    }

    fn initramfs() -> InitramfsFacts {
        test_initramfs(&["mdadm", "cryptsetup"])
    }

    /// A disk whose partition 5, the root, is the array.
    fn on_array() -> DiskFacts {
        let mut disk = disk();
        disk.arrays.push(ArrayFacts { volume: Some(1), ..array() });
        disk
    }

    fn passed_over(line: &str, settings: &Files) -> Option<(String, Option<String>)> {
        let disk = on_array();
        passes_over_array(&entry(line, &disk), &initramfs(), &parameters(line), settings, &disk)
    }

    /// dracut's own test of degraded arrays: `rd.md.uuid=failme failme`.
    #[test]
    fn an_array_that_is_not_listed_is_not_assembled() {
        let old = Files::default();
        let other = "rd.md.uuid=fedcba98:76543210:fedcba98:76543210";
        for (word, instead) in [
            ("rd.md=0", "rd.md.uuid="),
            ("rd_NO_MD", "rd.md.uuid="),
            ("rd.md.uuid=failme", "rd.md.uuid="),
            (other, "rd.md.uuid="),
            ("rd_MD_UUID=failme", "rd_MD_UUID="),
        ] {
            let instead = Some(format!("{instead}{AS_MDADM}"));
            assert_eq!(passed_over(&format!("ro {word}"), &old), Some((word.to_owned(), instead)));
        }
        for line in [
            "ro".to_owned(),
            format!("rd.md.uuid={AS_MDADM}"),
            format!("rd.md.uuid={}", ROOT.replace('-', "")),
            format!("rd.md.uuid=failme rd_MD_UUID={AS_MDADM}"),
        ] {
            assert_eq!(passed_over(&line, &old), None, "{line}");
        }
        let own = Files::with("etc/cmdline.d/90mdraid.conf", &format!(" rd.md.uuid={AS_MDADM}\n"));
        assert_eq!(passed_over(other, &own), None);
        // Here it is enough to take the word out.
        assert_eq!(passed_over("rd.md=0", &own), Some(("rd.md=0".to_owned(), None)));
        // More files than are kept: one that is not may list it.
        let mut cut = Files::default();
        while !cut.overflow() {
            let path = format!("etc/modprobe.d/{}.conf", cut.below("etc/modprobe.d/").len());
            cut.extend(Files::with(&path, ""));
        }
        assert_eq!(passed_over(other, &cut), None);
    }

    #[test]
    fn an_array_that_is_listed_and_there_stays_listed() {
        let mut disk = on_array();
        let uuid = "fedcba98-7654-3210-fedc-ba9876543210".to_owned();
        disk.arrays.push(ArrayFacts { uuid, volume: Some(0), ..array() });
        let word = "rd.md.uuid=fedcba98:76543210:fedcba98:76543210";
        let words = [word.to_owned()];
        let found =
            passes_over_array(&entry(word, &disk), &initramfs(), &words, &Files::default(), &disk);
        let instead = format!("{word} rd.md.uuid={AS_MDADM}");
        assert_eq!(found, Some((word.to_owned(), Some(instead))));
    }

    /// `parse-md.sh` since dracut 024: `! [ -n "$MD_UUID" ] && ! getargbool 0 rd.auto` ends in `rd_NO_MD=1`.
    #[test]
    fn it_is_open_whether_an_array_is_assembled_that_nothing_lists() {
        let new = Files::with(DRACUT[0], "--force\n");
        let (plain, disk) = (disk(), on_array());
        let open = |line: &str, settings: &Files| {
            unlisted_array(&entry(line, &disk), &initramfs(), settings, &disk)
        };
        assert!(open("ro", &new).unwrap().contains(AS_MDADM));
        assert!(open("ro rd.auto=0", &new).is_some());
        assert_eq!(open("ro rd.auto", &new), None);
        assert_eq!(open("ro rd.auto=1", &new), None);
        assert_eq!(open(&format!("rd.md.uuid={AS_MDADM}"), &new), None);
        // dracut 004 assembles all.
        assert_eq!(open("ro", &Files::default()), None);
        assert_eq!(unlisted_array(&entry("ro", &plain), &initramfs(), &new, &plain), None);
    }

    #[test]
    fn a_group_lies_on_an_array_when_all_of_it_does() {
        let on = |physical: &[Option<usize>]| {
            let mut disk = disk();
            disk.arrays.push(ArrayFacts { volume: Some(0), ..array() });
            let physical_volumes = physical.iter().map(|volume| PhysicalVolumeFacts {
                uuid: String::new(),
                volume: *volume,
                device: None,
                size: 1,
            });
            disk.volume_groups
                .push(VolumeGroupFacts { physical_volumes: physical_volumes.collect(), ..group() });
            under_root(&entry("ro", &disk), &disk).map(|array| array.name.clone())
        };
        assert_eq!(on(&[Some(0)]), Some("md0".to_owned()));
        assert_eq!(on(&[Some(0), Some(0)]), Some("md0".to_owned()));
        for physical in [[Some(0), Some(1)], [Some(1), Some(0)], [Some(0), None]] {
            assert_eq!(on(&physical), None, "{physical:?}");
        }
    }

    #[test]
    fn dracut_waits_for_what_is_not_there() {
        let new = Files::with(DRACUT[0], "--force\n");
        let mut disk = disk();
        disk.arrays.push(ArrayFacts { volume: Some(0), ..array() });
        let stops =
            |line: &str, settings: &Files| absent(&initramfs(), &parameters(line), settings, &disk);
        let other = "rd.md.uuid=fedcba98:76543210:fedcba98:76543210";
        assert_eq!(stops(other, &new), Some(other.to_owned()));
        // An old dracut does not wait.
        assert_eq!(stops(other, &Files::default()), None);
        assert_eq!(stops(&format!("{other} rd.md=0"), &new), None);
        assert_eq!(stops(&format!("rd.md.uuid={AS_MDADM}"), &new), None);
        let luks = "rd.luks.uuid=luks-11111111-2222-3333-4444-555555555555";
        assert_eq!(stops(luks, &new), Some(luks.to_owned()));
        assert_eq!(stops(&format!("{luks} rd.luks=0"), &new), None);
        assert_eq!(stops(luks, &Files::default()), None);
    }
}
