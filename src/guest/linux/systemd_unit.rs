//! Which services start at boot, told from the unit files alone.
//!
//! systemd starts `default.target` and what it pulls in; [`BootUnits::walk`] follows the same way:
//! `Wants=`, `Requires=`, `BindsTo=` and `Upholds=` of unit files and their drop-ins, `*.wants/` and
//! `*.requires/` directories, aliases, and cloud-init's generator. Systems without systemd are
//! asked for their SysV links and upstart jobs instead.
//!
//! Sources: systemd.unit(5) (search path, aliases, masking, drop-ins), systemd.special(7),
//! systemd.generator(7), systemd-sysv-generator(8), init(5) and upstart's `manual` override.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::error::{Error, Result};
use crate::fact::{Evidence, Fact, Unread};
use crate::filesystem::FileType;
use crate::filesystem::tree::Tree;
use crate::guest::facts::{UnitFacts, UnitState};

/// Where units are looked for, the strongest first (systemd.unit(5), "Unit File Load Path"); what
/// only exists at run time (`/run`) is left out.
const UNIT_DIRECTORIES: [&str; 4] = [
    "/etc/systemd/system",
    "/usr/local/lib/systemd/system",
    "/usr/lib/systemd/system",
    "/lib/systemd/system",
];

/// Where systemd itself is; without it unit files have no reader.
const SYSTEMD: [&str; 2] = ["/usr/lib/systemd/systemd", "/lib/systemd/systemd"];

/// Where cloud-init's generator may be, the strongest first. It adds `cloud-init.target` to
/// `multi-user.target` unless cloud-init is turned off.
pub(super) const CLOUD_INIT_GENERATOR: [&str; 4] = [
    "/etc/systemd/system-generators/cloud-init-generator",
    "/usr/local/lib/systemd/system-generators/cloud-init-generator",
    "/usr/lib/systemd/system-generators/cloud-init-generator",
    "/lib/systemd/system-generators/cloud-init-generator",
];

/// Directories of start links for runlevels 2 to 5, which systemd maps to `multi-user.target` and
/// `graphical.target`.
const RUNLEVELS: [&str; 8] = [
    "/etc/rc2.d",
    "/etc/rc3.d",
    "/etc/rc4.d",
    "/etc/rc5.d",
    "/etc/rc.d/rc2.d",
    "/etc/rc.d/rc3.d",
    "/etc/rc.d/rc4.d",
    "/etc/rc.d/rc5.d",
];

/// Longest unit file read; the longest in Debian has about 4 KiB.
const MAX_UNIT_FILE: u64 = 256 << 10;

/// Most units that one boot is followed through; a desktop starts about 400.
const MAX_UNITS: usize = 4096;

/// Most names that one unit may have on the way of its aliases.
const MAX_ALIASES: usize = 8;

/// Where a unit's file is.
enum UnitFile {
    /// A file, and the unit's own name behind its aliases.
    Found { path: String, name: String },
    /// Linked to `/dev/null`, or empty, here.
    Masked(String),
    /// Nowhere; for a link that leads nowhere, the link.
    Absent(Option<String>),
}

/// A directory of units with the names in it, or why it could not be read.
struct UnitDirectory {
    path: &'static str,
    names: Result<BTreeSet<String>>,
}

/// The units that a boot starts.
pub struct BootUnits<'a> {
    tree: &'a Tree,
    systemd: bool,
    /// Those that exist, the strongest first; a directory under two names is there once.
    directories: Vec<UnitDirectory>,
    /// Each started unit with what pulls it in.
    started: BTreeMap<String, Evidence>,
    /// The first thing that could not be read on the way.
    unread: Option<Unread>,
}

/// A unit as systemd would find it at boot; `name` with its suffix. For several units,
/// [`BootUnits::walk`] once.
pub fn unit(tree: &Tree, name: &str) -> UnitFacts {
    BootUnits::walk(tree).unit(name)
}

impl<'a> BootUnits<'a> {
    /// Follows the boot from `default.target`.
    pub fn walk(tree: &'a Tree) -> Self {
        let mut units = Self {
            tree,
            systemd: false,
            directories: unit_directories(tree),
            started: BTreeMap::new(),
            unread: None,
        };
        for path in SYSTEMD {
            match tree.exists(path) {
                Ok(exists) => units.systemd |= exists,
                Err(error) => units.doubt(path, &error),
            }
        }
        if units.systemd {
            units.follow();
        }
        units
    }

    /// Whether a unit has a file (masked or not).
    pub fn has_file(&self, name: &str) -> bool {
        !matches!(self.unit_file(name), Ok(UnitFile::Absent(_)) | Err(_))
    }

    /// The lines of a unit's file that begin with `Condition`; none when there is no such unit.
    ///
    /// # Errors
    /// When a file that should be there cannot be read.
    pub(super) fn conditions(&self, name: &str) -> Result<Vec<String>, Unread> {
        let unread = |error: Error| Unread::from((name, &error));
        let UnitFile::Found { path, .. } = self.unit_file(name).map_err(unread)? else {
            return Ok(Vec::new());
        };
        let text = self.tree.read_text(&path, MAX_UNIT_FILE).map_err(unread)?;
        let lines = text.lines().map(str::trim).filter(|line| line.starts_with("Condition"));
        Ok(lines.map(str::to_owned).collect())
    }

    /// The state of a unit; `name` with its suffix.
    pub fn unit(&self, name: &str) -> UnitFacts {
        let plain = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
        let (state, evidence) = match self.state(name, plain) {
            Ok((state, evidence)) => (Fact::Known(state), evidence),
            Err(unread) => {
                let evidence = Evidence::new(unread.location.clone(), unread.reason.clone());
                (Fact::Unknown(unread), evidence)
            }
        };
        UnitFacts { name: plain.to_owned(), state, evidence }
    }

    fn state(&self, name: &str, plain: &str) -> Result<(UnitState, Evidence), Unread> {
        let unread = |error: Error| Unread::from((name, &error));
        if self.systemd || self.unread.is_some() {
            match self.unit_file(name).map_err(unread)? {
                UnitFile::Masked(path) => {
                    return Ok((UnitState::Masked, Evidence::new(path, "masked")));
                }
                UnitFile::Found { path, name: own } => {
                    let by = self.started.get(name).or_else(|| self.started.get(&own));
                    return match (by, &self.unread) {
                        (Some(by), _) => Ok((UnitState::Enabled, by.clone())),
                        (None, Some(unread)) => Err(unread.clone()),
                        (None, None) => {
                            let evidence = Evidence::new(path, "nothing starts it");
                            Ok((UnitState::Disabled, evidence))
                        }
                    };
                }
                UnitFile::Absent(Some(link)) => {
                    return Ok((UnitState::Absent, Evidence::new(link, "leads to nothing")));
                }
                UnitFile::Absent(None) => {}
            }
        } else if let Some(found) = self.upstart(plain).map_err(unread)? {
            return Ok(found);
        }
        if let Some(found) = self.sysv(plain).map_err(unread)? {
            return Ok(found);
        }
        if let Some(unread) = &self.unread {
            return Err(unread.clone());
        }
        let evidence = Evidence::new(UNIT_DIRECTORIES.join(", "), format!("no {name}"));
        Ok((UnitState::Absent, evidence))
    }

    /// An init script and its start links (systemd-sysv-generator(8); update-rc.d(8)).
    fn sysv(&self, name: &str) -> Result<Option<(UnitState, Evidence)>> {
        for directory in RUNLEVELS {
            let entries = match self.tree.read_dir(directory) {
                Ok(entries) => entries,
                Err(error) if error.is_absent() => continue,
                Err(error) => return Err(error),
            };
            for entry in entries {
                let link = String::from_utf8_lossy(&entry.name);
                let rest = link.strip_prefix('S').unwrap_or_default();
                let of = rest.trim_start_matches(|c: char| c.is_ascii_digit());
                if of == name && of.len() < rest.len() {
                    let evidence = Evidence::new(format!("{directory}/{link}"), "start link");
                    return Ok(Some((UnitState::Enabled, evidence)));
                }
            }
        }
        for path in [format!("/etc/init.d/{name}"), format!("/etc/rc.d/init.d/{name}")] {
            if self.tree.exists(&path)? {
                let evidence = Evidence::new(path, "no start link in runlevels 2 to 5");
                return Ok(Some((UnitState::Disabled, evidence)));
            }
        }
        Ok(None)
    }

    /// An upstart job, which starts by its own `start on` unless `manual` is said (init(5)).
    fn upstart(&self, name: &str) -> Result<Option<(UnitState, Evidence)>> {
        let job = format!("/etc/init/{name}.conf");
        let text = match self.tree.read_text(&job, MAX_UNIT_FILE) {
            Ok(text) => text,
            Err(error) if error.is_absent() => return Ok(None),
            Err(error) => return Err(error),
        };
        let over = format!("/etc/init/{name}.override");
        let override_text = match self.tree.read_text(&over, MAX_UNIT_FILE) {
            Ok(text) => text,
            Err(error) if error.is_absent() => String::new(),
            Err(error) => return Err(error),
        };
        for (path, text) in [(&over, &override_text), (&job, &text)] {
            for (line, content) in (1_usize..).zip(text.lines()) {
                if content.trim() == "manual" {
                    let evidence = Evidence::new(format!("{path}:{line}"), "manual");
                    return Ok(Some((UnitState::Disabled, evidence)));
                }
            }
        }
        Ok(Some((UnitState::Enabled, Evidence::new(job, "upstart job"))))
    }

    fn doubt(&mut self, location: &str, error: &Error) {
        self.unread.get_or_insert_with(|| Unread::from((location, error)));
    }

    fn follow(&mut self) {
        let wants = self.wants_directories();
        let generator = self.generator();
        let mut queue = VecDeque::from(["default.target".to_owned()]);
        let default = Evidence::new("systemd", "default.target");
        self.started.insert("default.target".to_owned(), default);
        while let Some(name) = queue.pop_front() {
            let mut found = Vec::new();
            if let Err(error) = self.pulled_in(&name, &wants, &mut found) {
                self.doubt(&name, &error);
            }
            if name == "multi-user.target"
                && let Some(path) = &generator
            {
                let evidence = Evidence::new(path.clone(), "pulls in cloud-init.target");
                found.push(("cloud-init.target".to_owned(), evidence));
            }
            for (unit, evidence) in found {
                if self.started.len() >= MAX_UNITS {
                    let limit = u64::try_from(MAX_UNITS).unwrap_or(u64::MAX);
                    let error = Error::Limit { structure: "units", limit, unit: "units" };
                    self.doubt(&name, &error);
                    return;
                }
                if !self.started.contains_key(&unit) {
                    self.started.insert(unit.clone(), evidence);
                    queue.push_back(unit);
                }
            }
        }
    }

    /// What a unit pulls in, each with the place that says so.
    fn pulled_in(
        &self,
        name: &str,
        wants: &BTreeMap<String, Vec<String>>,
        found: &mut Vec<(String, Evidence)>,
    ) -> Result<()> {
        let own = match self.unit_file(name)? {
            UnitFile::Found { path, name: own } => {
                self.dependencies(&path, found)?;
                own
            }
            UnitFile::Masked(_) | UnitFile::Absent(_) => return Ok(()),
        };
        // An alias stands for the unit itself: what `default.target` leads to is started, too.
        if own != name {
            found.push((own.clone(), Evidence::new(name, "alias")));
        }
        let template = template_of(name);
        for key in [Some(name), Some(own.as_str()).filter(|own| *own != name), template.as_deref()]
            .into_iter()
            .flatten()
        {
            for directory in wants.get(key).into_iter().flatten() {
                self.linked(directory, found)?;
            }
            let drop_in = format!("{key}.d");
            for directory in &self.directories {
                if directory.names.as_ref().is_ok_and(|names| names.contains(&drop_in)) {
                    self.drop_ins(&format!("{}/{drop_in}", directory.path), found)?;
                }
            }
        }
        Ok(())
    }

    /// The links in a `.wants` or `.requires` directory; one to `/dev/null` takes a name out.
    fn linked(&self, directory: &str, found: &mut Vec<(String, Evidence)>) -> Result<()> {
        for entry in self.tree.read_dir(directory)? {
            let Ok(name) = String::from_utf8(entry.name) else { continue };
            let path = format!("{directory}/{name}");
            let target = match self.tree.symlink_metadata(&path)?.file_type {
                FileType::Symlink => self.tree.read_link(&path)?,
                _ => continue,
            };
            if !is_dev_null(&target) {
                found.push((name, Evidence::new(path, format!("link to {target}"))));
            }
        }
        Ok(())
    }

    fn drop_ins(&self, directory: &str, found: &mut Vec<(String, Evidence)>) -> Result<()> {
        let entries = match self.tree.read_dir(directory) {
            Ok(entries) => entries,
            Err(error) if error.is_absent() => return Ok(()),
            Err(error) => return Err(error),
        };
        for entry in entries {
            let name = String::from_utf8_lossy(&entry.name);
            if name.ends_with(".conf") {
                self.dependencies(&format!("{directory}/{name}"), found)?;
            }
        }
        Ok(())
    }

    fn dependencies(&self, path: &str, found: &mut Vec<(String, Evidence)>) -> Result<()> {
        let text = match self.tree.read_text(path, MAX_UNIT_FILE) {
            Ok(text) => text,
            // A drop-in that masks another is a link to /dev/null.
            Err(error) if error.is_absent() => return Ok(()),
            Err(Error::NotAFile { .. }) => return Ok(()),
            Err(error) => return Err(error),
        };
        for (line, name) in dependencies_in(&text) {
            let evidence = Evidence::new(format!("{path}:{line}"), format!("pulls in {name}"));
            found.push((name, evidence));
        }
        Ok(())
    }

    /// All `*.wants`, `*.requires` and `*.upholds` directories, by the unit that they belong to.
    fn wants_directories(&mut self) -> BTreeMap<String, Vec<String>> {
        let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let mut unread = Vec::new();
        for directory in &self.directories {
            let names = match &directory.names {
                Ok(names) => names,
                Err(error) => {
                    unread.push(Unread::from((directory.path, error)));
                    continue;
                }
            };
            for name in names {
                let unit = [".wants", ".requires", ".upholds"]
                    .iter()
                    .find_map(|suffix| name.strip_suffix(suffix));
                if let Some(unit) = unit {
                    let path = format!("{}/{name}", directory.path);
                    found.entry(unit.to_owned()).or_default().push(path);
                }
            }
        }
        self.unread = self.unread.take().or(unread.into_iter().next());
        found
    }

    /// Looks for a unit's file, following aliases.
    fn unit_file(&self, name: &str) -> Result<UnitFile> {
        let mut name = name.to_owned();
        let mut seen = BTreeSet::new();
        for _ in 0..MAX_ALIASES {
            if !seen.insert(name.clone()) {
                break;
            }
            match self.unit_entry(&name)? {
                None => return Ok(UnitFile::Absent(None)),
                Some((path, Entry::Masked)) => return Ok(UnitFile::Masked(path)),
                Some((path, Entry::File)) => return Ok(UnitFile::Found { path, name }),
                Some((path, Entry::Link(target))) => {
                    let last = target.rsplit('/').next().unwrap_or_default();
                    let same = last == name || template_of(&name).as_deref() == Some(last);
                    if !same && self.unit_entry(last)?.is_some() {
                        name = last.to_owned();
                        continue;
                    }
                    // `systemctl link` and the like: the file is elsewhere.
                    return match self.tree.metadata(&path) {
                        Ok(metadata) if metadata.len == 0 => Ok(UnitFile::Masked(path)),
                        Ok(_) => Ok(UnitFile::Found { path, name }),
                        Err(error) if error.is_absent() => Ok(UnitFile::Absent(Some(path))),
                        Err(error) => Err(error),
                    };
                }
            }
        }
        Err(Error::SymlinkLoop { path: name })
    }

    /// The first entry of that name in the unit directories; for an instance, its template's.
    fn unit_entry(&self, name: &str) -> Result<Option<(String, Entry)>> {
        if name.is_empty() || name.contains('/') {
            return Ok(None);
        }
        for name in [Some(name.to_owned()), template_of(name)].into_iter().flatten() {
            for directory in &self.directories {
                if !directory.names.as_ref().map_err(Error::clone)?.contains(&name) {
                    continue;
                }
                let path = format!("{}/{name}", directory.path);
                if let Some(entry) = mask_or_file(self.tree, &path)? {
                    return Ok(Some((path, entry)));
                }
            }
        }
        Ok(None)
    }

    fn generator(&mut self) -> Option<String> {
        for path in CLOUD_INIT_GENERATOR {
            match mask_or_file(self.tree, path) {
                Ok(Some(Entry::File)) => return Some(path.to_owned()),
                Ok(Some(Entry::Masked)) => return None,
                Ok(Some(Entry::Link(_))) => {
                    if matches!(self.tree.exists(path), Ok(true)) {
                        return Some(path.to_owned());
                    }
                }
                Ok(None) => {}
                Err(error) => self.doubt(path, &error),
            }
        }
        None
    }
}

fn unit_directories(tree: &Tree) -> Vec<UnitDirectory> {
    let mut seen = BTreeSet::new();
    let mut directories = Vec::new();
    for path in UNIT_DIRECTORIES {
        // `/lib` is a link to `/usr/lib` where `/usr` is merged.
        let names = tree.canonicalize(path).and_then(|(real, _)| {
            if !seen.insert(real) {
                return Ok(None);
            }
            let names = tree.read_dir(path)?.into_iter().map(|entry| String::from_utf8(entry.name));
            Ok(Some(names.filter_map(std::result::Result::ok).collect()))
        });
        match names.transpose() {
            Some(Err(error)) if error.is_absent() => {}
            Some(names) => directories.push(UnitDirectory { path, names }),
            None => {}
        }
    }
    directories
}

/// The names after `Wants=`, `Requires=`, `BindsTo=`, `Upholds=` in `[Unit]`, each with its line.
fn dependencies_in(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let mut in_unit = false;
    let mut continued = false;
    for (line, content) in (1_usize..).zip(text.lines()) {
        let content = content.trim();
        if content.starts_with(['#', ';']) {
            continue;
        }
        let names = if continued {
            content
        } else if content.starts_with('[') {
            in_unit = content == "[Unit]";
            continue;
        } else {
            let Some((key, value)) = content.split_once('=') else { continue };
            let key = key.trim_end();
            if !in_unit || !matches!(key, "Wants" | "Requires" | "BindsTo" | "Upholds") {
                continue;
            }
            value
        };
        continued = names.ends_with('\\');
        for name in names.trim_end_matches('\\').split_ascii_whitespace() {
            found.push((line, name.to_owned()));
        }
    }
    found
}

/// What stands at a path in a unit directory.
enum Entry {
    File,
    Masked,
    Link(String),
}

fn mask_or_file(tree: &Tree, path: &str) -> Result<Option<Entry>> {
    let metadata = match tree.symlink_metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.is_absent() => return Ok(None),
        Err(error) => return Err(error),
    };
    Ok(Some(match metadata.file_type {
        FileType::Symlink => {
            let target = tree.read_link(path)?;
            if is_dev_null(&target) { Entry::Masked } else { Entry::Link(target) }
        }
        FileType::Regular if metadata.len > 0 => Entry::File,
        FileType::Regular | FileType::CharDevice => Entry::Masked,
        _ => return Ok(None),
    }))
}

/// `getty@tty1.service` → `getty@.service`.
fn template_of(name: &str) -> Option<String> {
    let (stem, suffix) = name.rsplit_once('.')?;
    let (template, instance) = stem.split_once('@')?;
    (!instance.is_empty()).then(|| format!("{template}@.{suffix}"))
}

/// Whether a link's target means `/dev/null`, whatever way it is written.
fn is_dev_null(target: &str) -> bool {
    target == "/dev/null" || (target.starts_with("../") && target.ends_with("/dev/null"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::filesystem::memory::MemoryFs;

    const SYSTEM: &str = "/usr/lib/systemd/system";

    /// The skeleton of Debian 12: units and their dependencies as its packages ship them.
    fn debian() -> MemoryFs {
        let unit =
            |fs: MemoryFs, name: &str, text: &str| fs.file(&format!("{SYSTEM}/{name}"), text);
        let fs = MemoryFs::new()
            .file("/usr/lib/systemd/systemd", "ELF")
            .symlink("/lib", "usr/lib")
            .symlink(&format!("{SYSTEM}/default.target"), "graphical.target")
            .symlink(
                "/etc/systemd/system/cloud-init.target.wants/cloud-init.service",
                "/lib/systemd/system/cloud-init.service",
            )
            .file("/usr/lib/systemd/system-generators/cloud-init-generator", "#!/bin/sh\n");
        let fs =
            unit(fs, "graphical.target", "[Unit]\nRequires=multi-user.target\nAfter=x.target\n");
        let fs = unit(fs, "multi-user.target", "[Unit]\nRequires=basic.target\n");
        let fs =
            unit(fs, "basic.target", "[Unit]\nRequires=sysinit.target\nWants=sockets.target\n");
        let fs = unit(fs, "cloud-init.target", "[Unit]\nAfter=multi-user.target\n");
        let fs = unit(fs, "cloud-init-local.service", "[Unit]\nDescription=a\n");
        unit(fs, "cloud-init.service", "[Unit]\nWants=cloud-init-local.service\n")
    }

    fn state(fs: MemoryFs, name: &str) -> UnitState {
        *unit(&fs.tree(), name).state.known().unwrap()
    }

    #[test]
    fn the_generator_starts_what_the_cloud_init_target_wants() {
        assert_eq!(state(debian(), "cloud-init.service"), UnitState::Enabled);
        let facts = unit(&debian().tree(), "cloud-init.service");
        assert_eq!(facts.name, "cloud-init");
        assert_eq!(
            facts.evidence.location,
            "/etc/systemd/system/cloud-init.target.wants/cloud-init.service"
        );
        // Pulled in by the unit file of another.
        assert_eq!(state(debian(), "cloud-init-local.service"), UnitState::Enabled);
    }

    #[test]
    fn a_link_under_a_target_that_nothing_starts_enables_nothing() {
        let path = "/usr/lib/systemd/system-generators/cloud-init-generator";
        assert_eq!(state(debian().without(path), "cloud-init.service"), UnitState::Disabled);
        let masked =
            debian().symlink("/etc/systemd/system-generators/cloud-init-generator", "/dev/null");
        assert_eq!(state(masked, "cloud-init.service"), UnitState::Disabled);
        let linked = debian().without(path).symlink(
            "/etc/systemd/system/multi-user.target.wants/cloud-init.target",
            "/usr/lib/systemd/system/cloud-init.target",
        );
        assert_eq!(state(linked, "cloud-init.service"), UnitState::Enabled);
    }

    #[test]
    fn a_unit_is_masked_by_a_link_to_dev_null_and_by_an_empty_file() {
        let fs = debian().symlink("/etc/systemd/system/cloud-init.service", "/dev/null");
        assert_eq!(state(fs, "cloud-init.service"), UnitState::Masked);
        let fs = debian().file("/etc/systemd/system/cloud-init.service", "");
        assert_eq!(state(fs, "cloud-init.service"), UnitState::Masked);
    }

    #[test]
    fn the_administrator_s_default_target_counts_before_the_package_s() {
        let fs = debian()
            .file(&format!("{SYSTEM}/rescue.target"), "[Unit]\nRequires=sysinit.target\n")
            .symlink("/etc/systemd/system/default.target", "/usr/lib/systemd/system/rescue.target");
        assert_eq!(state(fs, "cloud-init.service"), UnitState::Disabled);
    }

    #[test]
    fn a_unit_without_a_file_is_absent_and_an_alias_is_what_it_leads_to() {
        assert_eq!(state(debian(), "cloud-final.service"), UnitState::Absent);
        let fs = debian()
            .file(&format!("{SYSTEM}/ssh.service"), "[Unit]\n")
            .symlink("/etc/systemd/system/sshd.service", "/usr/lib/systemd/system/ssh.service")
            .symlink(
                "/etc/systemd/system/multi-user.target.wants/ssh.service",
                "/usr/lib/systemd/system/ssh.service",
            );
        assert_eq!(state(fs, "sshd.service"), UnitState::Enabled);
    }

    #[test]
    fn an_unreadable_wants_directory_leaves_a_unit_unknown_that_nothing_else_starts() {
        let fs = debian().unreadable("/etc/systemd/system/cloud-init.target.wants");
        let facts = unit(&fs.tree(), "cloud-init.service");
        assert!(facts.state.unread().is_some());
    }

    #[test]
    fn units_that_pull_in_one_another_end() {
        let fs = debian()
            .file(&format!("{SYSTEM}/a.service"), "[Unit]\nWants=b.service a.service\n")
            .file(&format!("{SYSTEM}/b.service"), "[Unit]\nWants=a.service \\\n c.service\n")
            .file(&format!("{SYSTEM}/c.service"), "[Unit]\n")
            .symlink("/etc/systemd/system/basic.target.wants/a.service", "../a.service");
        assert_eq!(state(fs, "c.service"), UnitState::Enabled);
        let fs = debian()
            .symlink("/etc/systemd/system/a.service", "b.service")
            .symlink("/etc/systemd/system/b.service", "a.service");
        assert!(unit(&fs.tree(), "a.service").state.unread().is_some());
    }

    #[test]
    fn without_systemd_start_links_and_upstart_jobs_count() {
        let centos6 = || {
            MemoryFs::new()
                .file("/etc/rc.d/init.d/cloud-init", "#!/bin/sh\n")
                .file("/etc/rc.d/init.d/cloud-final", "#!/bin/sh\n")
                .symlink("/etc/rc.d/rc3.d/S53cloud-init", "../init.d/cloud-init")
                .symlink("/etc/rc.d/rc3.d/K50cloud-final", "../init.d/cloud-final")
        };
        assert_eq!(state(centos6(), "cloud-init.service"), UnitState::Enabled);
        assert_eq!(state(centos6(), "cloud-final.service"), UnitState::Disabled);
        let trusty = || MemoryFs::new().file("/etc/init/cloud-init.conf", "start on mounted\n");
        assert_eq!(state(trusty(), "cloud-init.service"), UnitState::Enabled);
        let manual = trusty().file("/etc/init/cloud-init.override", "manual\n");
        assert_eq!(state(manual, "cloud-init.service"), UnitState::Disabled);
    }
}
