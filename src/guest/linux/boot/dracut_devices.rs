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

/// The words of the command line and of the initramfs' own (dracut.cmdline(7), `/etc/cmdline.d`), where
/// all of them are known.
pub(super) fn all_words(
    initramfs: &InitramfsFacts,
    words: &[String],
    settings: &Files,
) -> Option<Vec<String>> {
    if initramfs.listing != Fact::Known(ListingEnd::Complete) {
        return None;
    }
    let mut all = words.to_vec();
    for (_, setting) in settings.below("etc/cmdline") {
        let Setting::Text(text) = setting else { return None };
        all.extend(parameters(&String::from_utf8_lossy(text)));
    }
    Some(all)
}

/// The word of the command line for which the start ends in dracut's shell.
pub(super) fn absent(
    entry: &BootEntry,
    initramfs: &InitramfsFacts,
    words: &[String],
    settings: &Files,
    disk: &DiskFacts,
) -> Option<String> {
    let has = |program: &str| initramfs.programs.contains(program);
    let waits = DRACUT.iter().any(|file| settings.get(file).is_some()) && is_seen(disk);
    let arrays = if has("mdadm") {
        let absent = || words.iter().find(|word| is_absent_array(word, disk) && !leaves_md(words));
        passes_over_array(entry, initramfs, words, settings, disk)
            .or_else(|| absent().filter(|_| waits).cloned())
    } else {
        None
    };
    let luks = || words.iter().find(|word| is_absent_luks(word, disk)).cloned();
    let opens = has("cryptsetup");
    // A key on another device makes it wait otherwise.
    let plain = !words.iter().any(|word| is_off(word, "luks") || word.starts_with("rd.luks.key"));
    arrays.or_else(|| luks().filter(|_| waits && opens && plain))
}

/// Whether a word switches a module of dracut off: `rd.md=0`.
fn is_off(word: &str, module: &str) -> bool {
    let value = word
        .strip_prefix("rd.")
        .and_then(|word| word.strip_prefix(module))
        .and_then(|word| word.strip_prefix('='));
    matches!(value, Some("0" | "no" | "off"))
}

fn leaves_md(words: &[String]) -> bool {
    words.iter().any(|word| is_off(word, "md") || word == "rd_NO_MD")
}

fn hex(text: &str) -> String {
    text.chars().filter(char::is_ascii_hexdigit).map(|c| c.to_ascii_lowercase()).collect()
}

fn uuid_of_array(word: &str) -> Option<&str> {
    word.strip_prefix("rd.md.uuid=").or_else(|| word.strip_prefix("rd_MD_UUID="))
}

/// The word for which dracut does not assemble the array that root lies on: it leaves all alone, or
/// assembles those that are listed, and this one is not among them.
fn passes_over_array(
    entry: &BootEntry,
    initramfs: &InitramfsFacts,
    words: &[String],
    settings: &Files,
    disk: &DiskFacts,
) -> Option<String> {
    let Resolution::Volume(root) = entry.root.as_ref()?.resolution else { return None };
    let array = under(root, disk)?;
    if let Some(word) = words.iter().find(|word| is_off(word, "md") || *word == "rd_NO_MD") {
        return Some(word.clone());
    }
    let all = all_words(initramfs, words, settings)?;
    let mut listed = all.iter().filter_map(|word| uuid_of_array(word)).peekable();
    let is_any = listed.peek().is_some();
    let has_root = listed.any(|uuid| hex(uuid) == hex(&array.uuid));
    words.iter().find(|word| uuid_of_array(word).is_some()).filter(|_| is_any && !has_root).cloned()
}

/// The array that a volume is, or that its volume group lies on.
fn under(volume: usize, disk: &DiskFacts) -> Option<&ArrayFacts> {
    disk.array(volume).or_else(|| {
        let (group, _) = disk.logical_volume(volume)?;
        group.physical_volumes.iter().find_map(|physical| disk.array(physical.volume?))
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
    use crate::guest::linux::device::device_ref;
    use crate::guest::linux::device::tests::disk;

    const ROOT: &str = "01234567-89ab-cdef-0123-456789abcdef";
    const AS_MDADM: &str = "01234567:89abcdef:01234567:89abcdef";

    /// What stops a start whose root is on the array, or on no array.
    fn stops(on_array: bool, line: &str, settings: &Files) -> Option<String> {
        let mut disk = disk();
        disk.arrays.push(ArrayFacts {
            name: "md0".to_owned(),
            set_name: None,
            uuid: ROOT.to_owned(),
            level: "raid1".to_owned(),
            metadata: "1.2".to_owned(),
            raid_disks: 1,
            members: Vec::new(),
            missing_slots: Vec::new(),
            incomplete: false,
            volume: Some(usize::from(on_array)),
        });
        let location = "/boot/grub/grub.cfg:98".to_owned();
        let entry = BootEntry {
            title: String::new(),
            location: location.clone(),
            kernel: None,
            initrds: Vec::new(),
            command_line: line.to_owned(),
            command_line_location: location,
            root: Some(device_ref(&disk.volumes[1].name.replace("partition ", "/dev/sda"), &disk)),
            resume: None,
        };
        assert_eq!(entry.root.as_ref().unwrap().resolution, Resolution::Volume(1));
        let initramfs = InitramfsFacts {
            path: "/initrd".to_owned(),
            modules: Default::default(),
            releases: Default::default(),
            programs: ["mdadm".to_owned(), "cryptsetup".to_owned()].into(),
            noted: Vec::new(),
            segments: Vec::new(),
            persistent_net_rules: Vec::new(),
            listing: Fact::Known(ListingEnd::Complete),
            damaged: false,
        };
        absent(&entry, &initramfs, &parameters(line), settings, &disk)
    }

    /// dracut's own test of degraded arrays: `rd.md.uuid=failme failme`.
    #[test]
    fn an_array_that_is_not_listed_is_not_assembled() {
        let old = Files::default();
        let other = "rd.md.uuid=fedcba98:76543210:fedcba98:76543210";
        for word in ["rd.md=0", "rd_NO_MD", "rd.md.uuid=failme", other, "rd_MD_UUID=failme"] {
            assert_eq!(stops(true, &format!("ro {word}"), &old), Some(word.to_owned()));
        }
        for line in [
            "ro".to_owned(),
            format!("rd.md.uuid={AS_MDADM}"),
            format!("rd.md.uuid={}", ROOT.replace('-', "")),
            format!("rd.md.uuid=failme rd_MD_UUID={AS_MDADM}"),
        ] {
            assert_eq!(stops(true, &line, &old), None, "{line}");
        }
        let own = Files::with("etc/cmdline.d/90mdraid.conf", &format!(" rd.md.uuid={AS_MDADM}\n"));
        assert_eq!(stops(true, other, &own), None);
        // Where root is elsewhere, an old dracut does not wait.
        assert_eq!(stops(false, other, &old), None);
    }

    #[test]
    fn dracut_waits_for_what_is_not_there() {
        let new = Files::with(DRACUT[0], "--force\n");
        let other = "rd.md.uuid=fedcba98:76543210:fedcba98:76543210";
        assert_eq!(stops(false, other, &new), Some(other.to_owned()));
        assert_eq!(stops(false, &format!("{other} rd.md=0"), &new), None);
        assert_eq!(stops(false, &format!("rd.md.uuid={AS_MDADM}"), &new), None);
        let luks = "rd.luks.uuid=luks-11111111-2222-3333-4444-555555555555";
        assert_eq!(stops(false, luks, &new), Some(luks.to_owned()));
        assert_eq!(stops(false, &format!("{luks} rd.luks=0"), &new), None);
        assert_eq!(stops(false, luks, &Files::default()), None);
    }
}
