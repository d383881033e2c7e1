//! Whether GRUB's core image reaches GRUB's own files. For that it needs to have in it the driver of
//! the disk, the partition table, groups and arrays, and the file system (`util/grub-install.c`:
//! `probe_mods`; names by `grub-core/Makefile.core.def`). Everything else is loaded from there.

use std::collections::BTreeSet;

use super::elf_module;
use super::grub_device::Device;
use super::grub_script::Interpreter;
use super::volumes::Volumes;
use crate::disk::facts::{DiskFacts, GrubCoreFacts, SignatureKind, TableKind, VolumeFacts};
use crate::error::Error;
use crate::fact::{Evidence, Fact};
use crate::guest::facts::{LinkState, NOT_READ_BY_GRUB};

/// One of several modules that do.
type AnyOf = &'static [&'static str];

/// The firmware's disks; drivers that take over from it (`grub-core/commands/nativedisk.c`), none of
/// which knows virtio.
const DISK: AnyOf = &["biosdisk", "ahci", "pata", "usbms"];

/// How the files begin that GRUB unpacks as it reads them, by gzio, xzio and lzopio.
const PACKED: &[&[u8]] = &[b"\x1f\x8b", b"\xfd7zXZ", b"\x89LZO"];

/// The command by which GRUB loads a module.
const INSMOD: &str = "insmod";

/// Words of the script language that the parser of a core image does not know
/// (`grub-core/kern/rescue_parser.c`): it passes over the line and runs those between.
const SCRIPT: [&str; 12] = [
    "if",
    "elif",
    "else",
    "fi",
    "for",
    "while",
    "until",
    "do",
    "done",
    "function",
    "menuentry",
    "}",
];

/// The modules of commands that a core image's configuration may have; else GRUB passes over the line.
const COMMANDS: [(&str, &str); 7] = [
    ("search", "search"),
    ("search.fs_uuid", "search_fs_uuid"),
    ("search.fs_label", "search_label"),
    ("search.file", "search_fs_file"),
    ("configfile", "configfile"),
    ("source", "configfile"),
    ("normal", "normal"),
];

/// Features of ext for which no version of GRUB takes a file system for one of its kind
/// (`grub-core/fs/ext2.c`: neither in `EXT2_DRIVER_SUPPORTED_INCOMPAT` nor in
/// `EXT2_DRIVER_IGNORED_INCOMPAT` up to 2.12). `metadata_csum_seed` and `large_dir`, which 2.12 and
/// the patches of distributions ignore, are left out.
const REFUSED: [&str; 3] = ["ea_inode", "inline_data", "casefold"];

/// A feature with which block 0 is a part of the first group whatever the blocks' size is (mke2fs sets
/// `s_first_data_block` to 0, `lib/ext2fs/initialize.c`). GRUB takes the group descriptors to be in the
/// block behind that one, where with the smallest blocks the superblock is (`grub-core/fs/ext2.c`,
/// `grub_ext2_blockgroup`).
const BIGALLOC: &str = "bigalloc";
const SMALLEST_BLOCK: u32 = 1024;

/// Most modules of a core image that are named; `grub-install` puts some ten into it.
const MAX_SHOWN: usize = 32;

/// Why the configuration in a core image does not do what it says, or may not.
pub(super) fn not_in_core(text: &str, core: &GrubCoreFacts) -> Option<String> {
    let modules = core.modules.known()?;
    for line in text.lines() {
        let word = line.split_ascii_whitespace().next().unwrap_or_default();
        // It may bring any command.
        if word == INSMOD {
            return None;
        }
        if SCRIPT.contains(&word) {
            return Some(format!(
                "its configuration has {word:?}, which the core image does not know"
            ));
        }
        let module = COMMANDS.iter().find(|(command, _)| *command == word);
        if let Some((_, module)) =
            module.filter(|(_, module)| !modules.iter().any(|it| it == module))
        {
            return Some(format!(
                "its configuration has {word:?}, and the core image is without the module {module}"
            ));
        }
    }
    None
}

/// Where a core image lies.
pub(super) fn place_of(core: &GrubCoreFacts) -> String {
    format!("{}, byte {}{}", core.place, core.offset, of_disk(core))
}

/// What is said behind the byte at which a core image begins: in a partition it would be taken for one of
/// the partition.
pub(super) fn of_disk(core: &GrubCoreFacts) -> &'static str {
    let in_partition = ["partition", "BIOS boot partition"];
    if in_partition.iter().any(|kind| core.place.starts_with(kind)) { " of the disk" } else { "" }
}

/// Whether the core image reaches `normal.mod` and can run it.
pub(super) fn files(
    volumes: &Volumes<'_>,
    core: &GrubCoreFacts,
    grub: &Interpreter<'_, '_>,
    prefix: &str,
) -> (LinkState, Evidence) {
    let shown = match prefix {
        "" => "no prefix".to_owned(),
        prefix => format!("prefix {prefix}"),
    };
    let in_core = Evidence::new(place_of(core), &shown);
    let modules = match &core.modules {
        Fact::Known(modules) => modules,
        Fact::Unknown(unread) => return (LinkState::Unknown(unread.reason.clone()), in_core),
    };
    let path = format!("{prefix}/i386-pc/normal.mod");
    let place = grub.place(&path);
    if let Some(volume) = place.as_ref().and_then(|place| volumes.volume_of(place).ok()) {
        let missing = missing(volumes.disk(), modules, volume);
        let embedded = core.embedded_config.known().and_then(Option::as_ref);
        if !missing.is_empty() {
            let has = modules.get(..MAX_SHOWN).map(|some| format!("{}, …", some.join(", ")));
            let (missing, has) = (missing.join(", "), has.unwrap_or_else(|| modules.join(", ")));
            // It may load more by its own configuration, from elsewhere.
            let state = match embedded.is_some_and(|config| config.contains(INSMOD)) {
                true => LinkState::Unknown(format!("the core image is without {missing}")),
                false => LinkState::Missing,
            };
            let has = if has.is_empty() { "none" } else { &has };
            let detail = format!("{shown} needs {missing}, and the core image has only {has}");
            return (state, Evidence { detail, ..in_core });
        }
        if let Some(refused) = refused(volumes, volume) {
            return (LinkState::Missing, refused);
        }
        if let Some(driver) = own_driver(modules) {
            let why =
                format!("the core image reads the disk by {driver} and not through the firmware");
            return (LinkState::Unknown(why), in_core);
        }
    }
    let found = place.ok_or_else(|| Error::NotFound { path: path.clone() });
    let found = found.and_then(|place| match &place.device {
        Device::Absent(why) => Err(Error::NotFound { path: format!("{path} ({why})") }),
        _ => {
            let (path, file) = volumes.open_at(&place)?;
            Ok((path, elf_module::defect(file.as_ref(), PACKED)?))
        }
    });
    let has = |wanted: &str| modules.iter().any(|name| name == wanted);
    let has_normal = has("normal");
    match found {
        // What the normal mode needs besides is loaded from there, too.
        Err(error) if error.is_absent() && has_normal => match has("linux") {
            true => (LinkState::NotNeeded, in_core),
            false => (LinkState::Unknown(error.to_string()), in_core),
        },
        Err(error) if error.is_absent() => {
            (LinkState::Missing, Evidence { detail: error.to_string(), ..in_core })
        }
        Err(error) => {
            let evidence = Evidence { detail: "not read".to_owned(), ..in_core };
            (LinkState::Unknown(error.to_string()), evidence)
        }
        Ok((path, Some(defect))) if !has_normal => {
            (LinkState::Missing, Evidence::new(path, defect))
        }
        Ok((path, _)) => (LinkState::Found, Evidence::new(path, shown)),
    }
}

/// The modules without which a core image that has `modules` cannot read `volume`.
fn missing(disk: &DiskFacts, modules: &[String], volume: usize) -> Vec<&'static str> {
    let mut needed = vec![DISK];
    let mut below = vec![volume];
    let mut seen = BTreeSet::new();
    while let Some(index) = below.pop() {
        if !seen.insert(index) {
            continue;
        }
        if let Some((group, _)) = disk.logical_volume(index) {
            needed.push(&["lvm"]);
            below.extend(group.physical_volumes.iter().filter_map(|pv| pv.volume));
        } else if let Some(array) = disk.array(index) {
            if !array.is_read_by_members() {
                needed.push(superblock(&array.metadata));
            }
            below.extend(array.members.iter().map(|member| member.volume));
        } else if disk.volumes.get(index).is_some_and(|volume| volume.partition.is_some()) {
            needed.extend(partition_map(disk.table));
        }
    }
    needed.extend(disk.volumes.get(volume).and_then(file_system));
    let mut missing: Vec<_> = needed
        .into_iter()
        .filter(|any| !modules.iter().any(|module| any.contains(&module.as_str())))
        .filter_map(|any| any.first().copied())
        .collect();
    missing.sort_unstable();
    missing.dedup();
    missing
}

/// The driver of GRUB's own by which a core image reads disks that does not ask the firmware.
fn own_driver(modules: &[String]) -> Option<&'static str> {
    let (firmware, own) = DISK.split_first()?;
    let has = |name: &&&str| modules.iter().any(|module| module == *name);
    if has(&firmware) { None } else { own.iter().find(has).copied() }
}

/// Why GRUB does not read the file system of `volume`, and what tells so.
pub(super) fn refused(volumes: &Volumes<'_>, volume: usize) -> Option<Evidence> {
    let filesystem = volumes.filesystem(volume).ok()?;
    let is_ext = filesystem.kind().starts_with("ext");
    let features: Vec<&str> = filesystem.features().iter().map(String::as_str).collect();
    let mut refused: Vec<String> =
        REFUSED.into_iter().filter(|name| features.contains(name)).map(str::to_owned).collect();
    let signature = volumes.disk().volumes.get(volume).and_then(VolumeFacts::signature);
    if features.contains(&BIGALLOC)
        && signature.is_some_and(|found| found.block_size == Some(SMALLEST_BLOCK))
    {
        refused.push(format!("{BIGALLOC} (with blocks of {SMALLEST_BLOCK} bytes)"));
    }
    (is_ext && !refused.is_empty()).then(|| {
        let location = format!("{}: ext superblock", volumes.name(volume));
        let names = refused.join(", ");
        Evidence::new(location, format!("{NOT_READ_BY_GRUB} {names}"))
    })
}

/// GRUB reads no MBR beside a GPT (`grub-core/partmap/msdos.c`).
fn partition_map(table: TableKind) -> Option<AnyOf> {
    match table {
        TableKind::Mbr => Some(&["part_msdos"]),
        TableKind::Gpt | TableKind::HybridGpt => Some(&["part_gpt"]),
        TableKind::None => None,
    }
}

fn superblock(metadata: &str) -> AnyOf {
    match metadata {
        "0.90" => &["mdraid09", "mdraid09_be"],
        _ => &["mdraid1x"],
    }
}

fn file_system(volume: &VolumeFacts) -> Option<AnyOf> {
    match volume.signature()?.kind {
        SignatureKind::Ext2 | SignatureKind::Ext3 | SignatureKind::Ext4 => Some(&["ext2"]),
        SignatureKind::Xfs => Some(&["xfs"]),
        SignatureKind::Btrfs => Some(&["btrfs"]),
        SignatureKind::Fat12 | SignatureKind::Fat16 | SignatureKind::Fat32 => Some(&["fat"]),
        SignatureKind::Ntfs => Some(&["ntfs"]),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::facts::{
        ArrayFacts, ArrayMemberFacts, LogicalVolumeFacts, PhysicalVolumeFacts, VolumeGroupFacts,
    };
    use crate::fact::Fact;
    use crate::guest::linux::boot::fake::{FakeFs, FakeMachine};

    /// A logical volume in a group on an array on a partition: volumes 2, 1 and 0.
    fn nested() -> DiskFacts {
        let mut disk = FakeMachine::new(TableKind::Gpt)
            .partition("1", FakeFs::new())
            .partition("2", FakeFs::new())
            .partition("3", FakeFs::new())
            .disk;
        for volume in &mut disk.volumes[1..] {
            volume.partition = None;
        }
        disk.arrays.push(ArrayFacts {
            name: "md/0".to_owned(),
            set_name: None,
            uuid: "a".to_owned(),
            level: "raid1".to_owned(),
            metadata: "1.2".to_owned(),
            raid_disks: 1,
            members: vec![ArrayMemberFacts {
                volume: 0,
                slot: Some(0),
                events: 1,
                in_sync: Fact::Known(()),
            }],
            missing_slots: vec![],
            incomplete: false,
            volume: Some(1),
        });
        disk.volume_groups.push(VolumeGroupFacts {
            name: "vg".to_owned(),
            uuid: "g".to_owned(),
            seqno: 1,
            physical_volumes: vec![PhysicalVolumeFacts {
                uuid: "p".to_owned(),
                volume: Some(1),
                device: None,
                size: 0,
            }],
            logical_volumes: vec![LogicalVolumeFacts {
                name: "boot".to_owned(),
                uuid: "l".to_owned(),
                visible: true,
                size: 0,
                segment_types: vec![],
                missing_pvs: vec![],
                volume: Some(2),
            }],
            exported: false,
            system_id: None,
            notes: vec![],
        });
        disk
    }

    #[test]
    fn each_layer_below_the_files_needs_its_module() {
        let disk = nested();
        let modules =
            |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>();
        let none = modules(&[]);
        let all = ["biosdisk", "ext2", "lvm", "mdraid1x", "part_gpt"];
        assert_eq!(missing(&disk, &none, 2), all);
        assert_eq!(missing(&disk, &none, 1), ["biosdisk", "ext2", "mdraid1x", "part_gpt"]);
        assert_eq!(missing(&disk, &none, 0), ["biosdisk", "ext2", "part_gpt"]);
        assert!(missing(&disk, &modules(&all), 2).is_empty());
    }

    #[test]
    fn a_group_that_lies_in_itself_ends() {
        let mut disk = nested();
        disk.volume_groups[0].physical_volumes[0].volume = Some(2);
        assert_eq!(missing(&disk, &[], 2), ["biosdisk", "ext2", "lvm"]);
    }
}
