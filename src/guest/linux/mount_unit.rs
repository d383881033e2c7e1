//! systemd's own mount units (systemd.mount(5)): mounts at boot that no line of `/etc/fstab` names.

use std::collections::{BTreeMap, BTreeSet};

use super::device::device_ref;
use super::fstab;
use super::systemd_unit::BootUnits;
use crate::disk::facts::DiskFacts;
use crate::error::{Error, Result};
use crate::fact::{Fact, Unread};
use crate::filesystem::FileType;
use crate::filesystem::tree::Tree;
use crate::guest::facts::{
    BootEntry, Fstab, FstabEntry, MountUnit, Resolution, SourceKind, UnitState,
};

/// Where unit files are looked for, the strongest first, with whether they come before what
/// systemd-fstab-generator makes of `/etc/fstab` (systemd.unit(5), "Unit File Load Path").
const DIRECTORIES: [(&str, bool); 4] = [
    ("/etc/systemd/system", true),
    ("/usr/local/lib/systemd/system", false),
    ("/usr/lib/systemd/system", false),
    ("/lib/systemd/system", false),
];

/// Largest unit file or drop-in that is read, in bytes; a real mount unit has under 1 KiB.
const MAX_UNIT_FILE: u64 = 64 << 10;

/// Most mount units and drop-ins that are read; a system with a hundred snaps has about 200.
const MAX_FILES: usize = 2048;

/// Most bytes of mount units and drop-ins that are read: `MAX_FILES` of the usual length. Many names
/// may be links to one long file.
const MAX_TEXT: usize = 2 << 20;

/// Adds the mount units that boot starts and that mount a device to the table.
pub(super) fn add(tree: &Tree, disk: &DiskFacts, entry: Option<&BootEntry>, fstab: &mut Fstab) {
    match find(tree, disk, entry, fstab) {
        Ok((entries, unread)) => {
            fstab.entries.extend(entries);
            fstab.units_unread = unread;
        }
        Err(error) => fstab.units_unread = Some(Unread::from(("systemd mount units", &error))),
    }
}

fn find(
    tree: &Tree,
    disk: &DiskFacts,
    entry: Option<&BootEntry>,
    fstab: &Fstab,
) -> Result<(Vec<FstabEntry>, Option<Unread>)> {
    let search = Search::list(tree)?;
    let mut candidates = Vec::new();
    let mut read = Read::default();
    for (name, (directory, before_fstab)) in &search.units {
        let path = format!("{directory}/{name}");
        let Some(unit) = search.read(name, &path, &mut read)? else { continue };
        let Some(entry) = unit.entry(name, disk) else { continue };
        // systemd-fstab-generator's unit of that name goes before those in /usr.
        let in_fstab = fstab.entries.iter().any(|own| own.mount_point == entry.mount_point);
        if entry.source.resolution == Resolution::NoDevice
            && entry.source.kind != SourceKind::Removable
            || in_fstab && !before_fstab
        {
            continue;
        }
        candidates.push((name, entry));
    }
    let (mut entries, mut unread) = (Vec::new(), None);
    if candidates.is_empty() {
        return Ok((entries, None));
    }
    let boot = BootUnits::of_entry(tree, entry);
    for (name, mut entry) in candidates {
        let automount =
            name.strip_suffix(".mount").map(|stem| boot.unit(&format!("{stem}.automount")));
        let state = boot.unit(name);
        let started = match (state.state, automount) {
            (Fact::Known(UnitState::Enabled), _) => state.evidence,
            (_, Some(automount)) if automount.state == Fact::Known(UnitState::Enabled) => {
                entry.options.push("x-systemd.automount".to_owned());
                automount.evidence
            }
            (Fact::Unknown(reason), _) => {
                unread.get_or_insert(reason);
                continue;
            }
            (Fact::Known(_), _) => continue,
        };
        let required = search.is_required(name)?;
        if let Some(unit) = &mut entry.unit {
            unit.started_by = started;
            unit.required = required;
        }
        entries.push(entry);
    }
    Ok((entries, unread))
}

/// What was read so far.
#[derive(Default)]
struct Read {
    files: usize,
    bytes: usize,
}

/// The mount units by name, each with the directory that counts and whether it goes before fstab.
struct Search<'a> {
    tree: &'a Tree,
    directories: Vec<&'static str>,
    units: BTreeMap<String, (&'static str, bool)>,
}

impl<'a> Search<'a> {
    fn list(tree: &'a Tree) -> Result<Self> {
        let mut seen = BTreeSet::new();
        let mut search = Self { tree, directories: Vec::new(), units: BTreeMap::new() };
        for (directory, before_fstab) in DIRECTORIES {
            let real = match tree.canonicalize(directory) {
                Ok((real, _)) => real,
                Err(error) if error.is_absent() => continue,
                Err(error) => return Err(error),
            };
            // `/lib` is a link to `/usr/lib` where `/usr` is merged.
            if !seen.insert(real) {
                continue;
            }
            search.directories.push(directory);
            for entry in tree.read_dir(directory)? {
                let Ok(name) = String::from_utf8(entry.name) else { continue };
                if name.ends_with(".mount") {
                    search.units.entry(name).or_insert((directory, before_fstab));
                }
            }
        }
        Ok(search)
    }

    /// A unit with its drop-ins; `None` when it is masked, or a link that leads nowhere.
    fn read(&self, name: &str, path: &str, read: &mut Read) -> Result<Option<Unit>> {
        let mut unit = Unit::default();
        match self.text(path, read)? {
            Some(text) if !text.is_empty() => unit.take(path, &text),
            _ => return Ok(None),
        }
        let mut drop_ins: BTreeMap<String, String> = BTreeMap::new();
        for directory in &self.directories {
            let directory = format!("{directory}/{name}.d");
            let entries = match self.tree.read_dir(&directory) {
                Ok(entries) => entries,
                Err(error) if error.is_absent() => continue,
                Err(error) => return Err(error),
            };
            for entry in entries {
                if entry.name.ends_with(b".conf") {
                    let file = entry.text()?;
                    let path = format!("{directory}/{file}");
                    drop_ins.entry(file).or_insert(path);
                }
            }
        }
        for path in drop_ins.values() {
            if let Some(text) = self.text(path, read)? {
                unit.take(path, &text);
            }
        }
        Ok(Some(unit))
    }

    /// The text of a unit file; `None` for a link to nowhere or to `/dev/null`.
    fn text(&self, path: &str, read: &mut Read) -> Result<Option<String>> {
        let limit = |limit: usize, unit| Err(Error::too_much("mount units", limit, unit));
        read.files = read.files.saturating_add(1);
        if read.files > MAX_FILES {
            return limit(MAX_FILES, "files");
        }
        if let Ok(target) = self.tree.read_link(path)
            && target.ends_with("/dev/null")
        {
            return Ok(None);
        }
        match self.tree.metadata(path) {
            Ok(metadata) if metadata.file_type == FileType::Regular => {
                let text = self.tree.read_text(path, MAX_UNIT_FILE)?;
                read.bytes = read.bytes.saturating_add(text.len());
                if read.bytes > MAX_TEXT {
                    return limit(MAX_TEXT, "bytes");
                }
                Ok(Some(text))
            }
            Ok(_) => Ok(None),
            Err(error) if error.is_absent() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Whether a link makes `local-fs.target` require the unit.
    fn is_required(&self, name: &str) -> Result<bool> {
        for directory in &self.directories {
            let link = format!("{directory}/local-fs.target.requires/{name}");
            match self.tree.symlink_metadata(&link) {
                Ok(_) => return Ok(true),
                Err(error) if error.is_absent() => {}
                Err(error) => return Err(error),
            }
        }
        Ok(false)
    }
}

/// What a unit says, the last of several assignments (systemd.syntax(7)).
#[derive(Default)]
struct Unit {
    /// `What=` with its file, line and text.
    what: Option<(String, String, u32, String)>,
    place: String,
    kind: String,
    options: String,
    conditions: Vec<String>,
}

impl Unit {
    fn take(&mut self, path: &str, text: &str) {
        let mut section = "";
        for (line, text) in (1_u32..).zip(text.lines()) {
            let content = text.trim();
            if content.starts_with('[') {
                section = content;
                continue;
            }
            let Some((key, value)) = content.split_once('=') else { continue };
            let (key, value) = (key.trim_end(), value.trim_start());
            match (section, key) {
                ("[Mount]", "What") => {
                    self.what = Some((value.to_owned(), path.to_owned(), line, content.to_owned()));
                }
                ("[Mount]", "Where") => value.clone_into(&mut self.place),
                ("[Mount]", "Type") => value.clone_into(&mut self.kind),
                ("[Mount]", "Options") => value.clone_into(&mut self.options),
                ("[Unit]", key) if key.starts_with("Condition") => {
                    self.conditions.push(content.to_owned());
                }
                _ => {}
            }
        }
    }

    /// The unit as a line of the mount table; `None` when it mounts nothing, or only if its device
    /// is there.
    fn entry(self, name: &str, disk: &DiskFacts) -> Option<FstabEntry> {
        let (what, path, line, text) = self.what.filter(|(what, ..)| !what.is_empty())?;
        if !self.place.starts_with('/') {
            return None;
        }
        let options: Vec<String> = self.options.split(',').map(str::to_owned).collect();
        let mut source = fstab::source(&what, &self.kind, &options, disk);
        let doubt = if what.replace("%%", "").contains('%') {
            Some(format!("{text}: what the specifiers stand for is not looked up"))
        } else if source.resolution == Resolution::Missing {
            let path_of = |condition: &String| {
                Some(condition.strip_prefix("ConditionPathExists=")?.trim().to_owned())
            };
            let paths = self.conditions.iter().filter_map(path_of);
            if paths.into_iter().any(|path| {
                path.starts_with("/dev/")
                    && device_ref(&path, disk).resolution == Resolution::Missing
            }) {
                return None;
            }
            self.conditions.first().map(|condition| format!("{condition} is not evaluated"))
        } else {
            None
        };
        if let Some(reason) = doubt {
            source.resolution = Resolution::Unknown(Unread::new(path.clone(), reason));
        }
        let started_by = crate::fact::Evidence::new(path.clone(), text.clone());
        Some(FstabEntry {
            line,
            text,
            source,
            mount_point: fstab::without_slash(&self.place),
            fs_type: if self.kind.is_empty() { "auto".to_owned() } else { self.kind },
            options,
            pass: 0,
            requires: Vec::new(),
            unit: Some(MountUnit { name: name.to_owned(), path, started_by, required: false }),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::filesystem::memory::MemoryFs;
    use crate::guest::linux::device::tests::{ROOT, disk};

    const ABSENT: &str = "/dev/disk/by-uuid/ffffffff-0000-0000-0000-000000000000";

    /// A system whose default target wants local-fs.target, as systemd's own units have it.
    fn system() -> MemoryFs {
        let target = |wants: &str| format!("[Unit]\nWants={wants}\n");
        MemoryFs::new()
            .file("/etc/machine-id", "")
            .file("/usr/lib/systemd/systemd", "ELF")
            .symlink("/lib", "usr/lib")
            .symlink("/usr/lib/systemd/system/default.target", "multi-user.target")
            .file("/usr/lib/systemd/system/multi-user.target", "[Unit]\nRequires=basic.target\n")
            .file("/usr/lib/systemd/system/basic.target", "[Unit]\nRequires=sysinit.target\n")
            .file("/usr/lib/systemd/system/sysinit.target", target("local-fs.target swap.target"))
            .file("/usr/lib/systemd/system/local-fs.target", "[Unit]\nOnFailure=emergency.target\n")
            .file(
                "/usr/lib/systemd/system/tmp.mount",
                "[Mount]\nWhat=tmpfs\nWhere=/tmp\nType=tmpfs\n",
            )
            .symlink("/usr/lib/systemd/system/local-fs.target.wants/tmp.mount", "../tmp.mount")
    }

    fn data(what: &str) -> String {
        format!(
            "[Unit]\nDescription=data\n\n[Mount]\n# the disk\nWhat={what}\nWhere=/data\nType=ext4\n\
             Options=defaults\n\n[Install]\nWantedBy=local-fs.target\n"
        )
    }

    const UNIT: &str = "/etc/systemd/system/data.mount";
    const WANTS: &str = "/etc/systemd/system/local-fs.target.wants/data.mount";

    fn table(fs: MemoryFs) -> Fstab {
        let mut fstab = Fstab::default();
        add(&fs.tree(), &disk(), None, &mut fstab);
        fstab
    }

    #[test]
    fn a_unit_that_local_fs_wants_is_an_entry_with_its_file_and_line() {
        let fstab = table(system().file(UNIT, data(ABSENT)).symlink(WANTS, UNIT));
        let [entry] = &fstab.entries[..] else { panic!("{fstab:?}") };
        assert_eq!(entry.evidence().location, "/etc/systemd/system/data.mount:6");
        assert_eq!(entry.evidence().detail, format!("What={ABSENT}"));
        assert_eq!((entry.mount_point.as_str(), entry.fs_type.as_str()), ("/data", "ext4"));
        assert_eq!(entry.source.resolution, Resolution::Missing);
        let unit = entry.unit.as_ref().unwrap();
        assert_eq!((unit.started_by.location.as_str(), unit.required), (WANTS, false));
        assert_eq!(fstab.units_unread, None);
    }

    #[test]
    fn a_unit_that_local_fs_requires_is_told_apart() {
        let requires = WANTS.replace("wants", "requires");
        let fstab = table(system().file(UNIT, data(ABSENT)).symlink(&requires, UNIT));
        assert!(fstab.entries[0].unit.as_ref().unwrap().required);
    }

    #[test]
    fn a_unit_that_nothing_starts_or_that_is_masked_does_not_count() {
        assert_eq!(table(system().file(UNIT, data(ABSENT))).entries, []);
        let masked = system()
            .file("/usr/lib/systemd/system/data.mount", data(ABSENT))
            .symlink(UNIT, "/dev/null")
            .symlink(WANTS, UNIT);
        assert_eq!(table(masked).entries, []);
        assert_eq!(table(system()).entries, []);
    }

    #[test]
    fn an_automount_starts_it_only_when_somebody_looks() {
        let fs = system()
            .file(UNIT, data(ABSENT))
            .file("/etc/systemd/system/data.automount", "[Automount]\nWhere=/data\n");
        let fs = fs.symlink(
            "/etc/systemd/system/multi-user.target.wants/data.automount",
            "../data.automount",
        );
        assert!(table(fs).entries[0].has_option("x-systemd.automount"));
    }

    #[test]
    fn drop_ins_change_the_device_and_fstab_goes_before_units_in_usr() {
        let fs = system().file(UNIT, data(ABSENT)).symlink(WANTS, UNIT).file(
            "/etc/systemd/system/data.mount.d/disk.conf",
            format!("[Mount]\nWhat=UUID={ROOT}\n"),
        );
        let fstab = table(fs);
        assert_eq!(fstab.entries[0].source.resolution, Resolution::Volume(1));
        let location = fstab.entries[0].evidence().location;
        assert_eq!(location, "/etc/systemd/system/data.mount.d/disk.conf:2");
        let vendor = system()
            .file("/usr/lib/systemd/system/data.mount", data(ABSENT))
            .symlink(WANTS, "/usr/lib/systemd/system/data.mount")
            .file("/etc/fstab", format!("UUID={ROOT} /data ext4 defaults 0 2\n"));
        let tree = vendor.tree();
        let mut fstab = fstab::find(&tree, &disk()).known().unwrap().clone();
        add(&tree, &disk(), None, &mut fstab);
        assert_eq!(fstab.entries.len(), 1);
    }

    #[test]
    fn a_condition_on_the_device_lets_boot_go_on_and_others_are_not_decided() {
        let with = |condition: &str| {
            let text = data(ABSENT).replace("[Mount]", &format!("{condition}\n[Mount]"));
            table(system().file(UNIT, text).symlink(WANTS, UNIT))
        };
        assert_eq!(with(&format!("ConditionPathExists={ABSENT}")).entries, []);
        let fstab = with("ConditionVirtualization=vmware");
        assert!(matches!(fstab.entries[0].source.resolution, Resolution::Unknown(_)));
    }

    #[test]
    fn more_bytes_of_units_than_the_bound_leave_the_table_in_doubt() {
        let text = format!("{}Options={}\n", data(ABSENT), "a,".repeat(32_000));
        let fs = (0..40)
            .fold(system(), |fs, n| fs.file(&format!("/etc/systemd/system/m{n}.mount"), &text));
        let unread = table(fs).units_unread.unwrap();
        assert!(unread.reason.contains("more than 2097152 bytes"), "{unread:?}");
    }

    #[test]
    fn units_that_cannot_be_read_leave_the_table_in_doubt() {
        let fs = system().file(UNIT, data(ABSENT)).unreadable(UNIT);
        assert!(table(fs).units_unread.is_some());
    }

    #[test]
    fn a_drop_in_whose_name_is_not_utf_8_leaves_the_table_in_doubt() {
        let path = "/etc/systemd/system/data.mount.d/a.conf";
        let fs = system().file(UNIT, data(ABSENT)).symlink(WANTS, UNIT).file(path, "[Mount]\n");
        let unread = table(fs.renamed(path, b"\xff.conf")).units_unread.unwrap();
        assert!(unread.reason.contains("is not UTF-8"), "{unread:?}");
    }
}
