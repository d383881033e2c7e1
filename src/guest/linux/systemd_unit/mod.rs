//! Which services start at boot, told from the unit files alone.
//!
//! systemd starts `default.target`, or what the kernel's command line names, and what that pulls in;
//! [`BootUnits::of_entry`] follows the same way:
//! `Wants=`, `Requires=`, `BindsTo=` and `Upholds=` of unit files and their drop-ins, `*.wants/` and
//! `*.requires/` directories, aliases, cloud-init's generator, and on a first boot the presets. Systems without systemd are
//! asked for their SysV links and upstart jobs instead. A unit whose conditions surely do not hold is
//! passed over; what it pulls in is started all the same.
//!
//! Sources: systemd.unit(5) (search path, aliases, masking, drop-ins), systemd.special(7),
//! systemd.generator(7), systemd-sysv-generator(8), init(5) and upstart's `manual` override.

mod command_line;
mod conditions;
mod contents;
mod other_init;
mod preset;
mod unit_file;

use std::cell::{Cell, OnceCell};
use std::collections::{BTreeMap, VecDeque};

use command_line::Words;
pub(in crate::guest::linux) use conditions::boolean;
use contents::names_in;
use other_init::Runlevels;
use preset::FirstBoot;
use unit_file::{
    Entry, UNIT_DIRECTORIES, UnitDirectories, UnitFile, is_dev_null, mask_or_file, template_of,
};

use crate::error::{Error, Result};
use crate::fact::{Evidence, Fact, Unread, shortened};
use crate::filesystem::FileType;
use crate::filesystem::tree::Tree;
use crate::guest::facts::{BootEntry, StartStop, StopKind, UnitFacts, UnitState};

/// Where systemd itself is; without it unit files have no reader.
pub(in crate::guest::linux) const SYSTEMD: [&str; 2] =
    ["/usr/lib/systemd/systemd", "/lib/systemd/systemd"];

/// Where cloud-init's generator may be, the strongest first. It adds `cloud-init.target` to
/// `multi-user.target` unless cloud-init is turned off.
pub(in crate::guest::linux) const CLOUD_INIT_GENERATOR: [&str; 4] = [
    "/etc/systemd/system-generators/cloud-init-generator",
    "/usr/local/lib/systemd/system-generators/cloud-init-generator",
    "/usr/lib/systemd/system-generators/cloud-init-generator",
    "/lib/systemd/system-generators/cloud-init-generator",
];

/// Ubuntu's generator that makes a menu of the start when the command line says `recovery`.
const FRIENDLY_RECOVERY: [&str; 2] = [
    "/usr/lib/systemd/system-generators/friendly-recovery",
    "/lib/systemd/system-generators/friendly-recovery",
];

/// Longest unit file read; the longest in Debian has about 4 KiB.
const MAX_UNIT_FILE: u64 = 64 << 10;

/// Most units that one boot is followed through; a desktop starts about 400.
const MAX_UNITS: usize = 4096;

/// Units that are started, each with what pulls it in.
pub(in crate::guest::linux) type Started = BTreeMap<String, Evidence>;

/// The units that a boot starts.
pub struct BootUnits<'a> {
    tree: &'a Tree,
    systemd: bool,
    units: UnitDirectories<'a>,
    /// What the command line says.
    words: Words<'a>,
    /// Each started unit with what pulls it in.
    started: Started,
    /// What the presets would change at a first boot.
    first_boot: FirstBoot,
    /// cloud-init's generator.
    generator: Option<String>,
    /// Bytes of unit files read so far.
    text: Cell<usize>,
    /// What [`BootUnits::count_dependency`] counted so far.
    dependencies: Cell<usize>,
    runlevels: OnceCell<Runlevels>,
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
        Self::of_entry(tree, None)
    }

    /// Follows the boot as the command line of the default entry directs it.
    pub fn of_entry(tree: &'a Tree, entry: Option<&'a BootEntry>) -> Self {
        let words = Words::of(entry);
        let mut units = Self {
            tree,
            systemd: false,
            units: UnitDirectories::list(tree, &words),
            words,
            started: Started::new(),
            first_boot: FirstBoot::default(),
            generator: None,
            text: Cell::new(0),
            dependencies: Cell::new(0),
            runlevels: OnceCell::new(),
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

    /// Where the start ends by the words that init reads, when that is not the whole system.
    pub(in crate::guest::linux) fn stop(&self) -> Option<StartStop> {
        let stops = |kind, word: &str| {
            let evidence = self.words.entry?.command_line_evidence(word);
            Some(StartStop { kind, word: word.to_owned(), instead: None, evidence })
        };
        let Some((target, word)) = &self.words.target else {
            let menu = self.systemd && self.words.recovery;
            let is_there = |path: &&str| matches!(self.tree.exists(path), Ok(true));
            let menu = menu && FRIENDLY_RECOVERY.iter().any(is_there);
            return if menu { stops(StopKind::Rescue, "recovery") } else { None };
        };
        if !self.systemd && (word == "rescue" || word.contains('=')) {
            return None;
        }
        let real = if self.systemd { self.start_unit(target) } else { target.clone() };
        stops(stop_kind(&real)?, word)
    }

    /// The unit behind the aliases of the one that is to be started; systemd takes `rescue.target`
    /// when there is none (`src/core/main.c`, `do_queue_default_job`).
    fn start_unit(&self, target: &str) -> String {
        match self.units.unit_file(target) {
            Ok(UnitFile::Found { name, .. }) => name,
            Ok(UnitFile::Masked(_) | UnitFile::Absent(_)) => RESCUE.to_owned(),
            Err(_) => target.to_owned(),
        }
    }

    /// Whether systemd is the guest's init.
    pub(in crate::guest::linux) fn is_systemd(&self) -> bool {
        self.systemd
    }

    /// Whether a unit has a file (masked or not).
    pub fn has_file(&self, name: &str) -> bool {
        !matches!(self.units.unit_file(name), Ok(UnitFile::Absent(_)) | Err(_))
    }

    /// The state of a unit; `name` with its suffix.
    pub fn unit(&self, name: &str) -> UnitFacts {
        self.unit_of(&self.started, name)
    }

    /// The state of a unit where these are started; of a template, then those of its instances.
    pub(in crate::guest::linux) fn states(&self, started: &Started, name: &str) -> Vec<UnitFacts> {
        let is_instance = |unit: &&String| template_of(unit).as_deref() == Some(name);
        let instances = started.keys().filter(|_| name.contains("@.")).filter(is_instance);
        let names = std::iter::once(name).chain(instances.map(String::as_str));
        names.map(|name| self.unit_of(started, name)).collect()
    }

    /// The names of all services that have a file or a directory of drop-ins, each with whether one of
    /// those is the administrator's.
    ///
    /// # Errors
    /// When a directory of units cannot be listed.
    pub(in crate::guest::linux) fn services(&self) -> Result<BTreeMap<&str, bool>, Unread> {
        let mut found = BTreeMap::new();
        for directory in &self.units.directories {
            let names = directory.names.as_ref();
            for name in names.map_err(|error| Unread::from((directory.path, error)))? {
                let name = name.strip_suffix(".d").unwrap_or(name);
                if name.ends_with(".service") {
                    *found.entry(name).or_default() |= directory.path == UNIT_DIRECTORIES[0];
                }
            }
        }
        Ok(found)
    }

    fn unit_of(&self, started: &Started, name: &str) -> UnitFacts {
        let plain = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
        let (state, evidence) = match self.state(started, name, plain) {
            Ok((state, evidence)) => (Fact::Known(state), evidence),
            Err(unread) => {
                let evidence = Evidence::new(unread.location.clone(), unread.reason.clone());
                (Fact::Unknown(unread), evidence)
            }
        };
        UnitFacts { name: plain.to_owned(), state, evidence }
    }

    fn state(
        &self,
        started: &Started,
        name: &str,
        plain: &str,
    ) -> Result<(UnitState, Evidence), Unread> {
        let unread = |error: Error| Unread::from((name, &error));
        if self.systemd || self.unread.is_some() {
            match self.units.unit_file(name).map_err(unread)? {
                UnitFile::Masked(seen) => return Ok((UnitState::Masked, seen)),
                UnitFile::Found { path, name: own } => {
                    let by = started.get(name).or_else(|| started.get(&own));
                    return match (by, &self.unread) {
                        (Some(by), _) => match self.unmet(&path, &[&own, name]).map_err(unread)? {
                            Some(condition) => Ok((UnitState::Skipped, condition)),
                            None => Ok((UnitState::Enabled, by.clone())),
                        },
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
        } else if let Some(found) = self
            .runlevels()
            .and_then(|runlevels| other_init::upstart(self.tree, runlevels, plain))
            .map_err(unread)?
        {
            return Ok(found);
        } else if let Some(found) = other_init::openrc(self.tree, plain).map_err(unread)? {
            return Ok(found);
        }
        let runlevels = self.runlevels().map_err(unread)?;
        if let Some(found) = other_init::sysv(self.tree, runlevels, plain).map_err(unread)? {
            return Ok(found);
        }
        if let Some(unread) = &self.unread {
            return Err(unread.clone());
        }
        let evidence = Evidence::new(UNIT_DIRECTORIES.join(", "), format!("no {name}"));
        Ok((UnitState::Absent, evidence))
    }

    /// The runlevels whose start links count, found once.
    fn runlevels(&self) -> Result<&Runlevels> {
        if let Some(found) = self.runlevels.get() {
            return Ok(found);
        }
        let found = self.find_runlevels()?;
        Ok(self.runlevels.get_or_init(|| found))
    }

    fn find_runlevels(&self) -> Result<Runlevels> {
        if self.systemd {
            let started = |target| self.started.contains_key(target);
            return Ok(Runlevels::of_systemd(
                started("multi-user.target"),
                started("graphical.target"),
            ));
        }
        let word = self.words.target.as_ref().map(|(_, word)| word.as_str());
        match (word.and_then(|word| word.parse::<u8>().ok()), self.words.entry) {
            (Some(level @ 1..=5), Some(entry)) => Ok(Runlevels::named(
                char::from(b'0'.saturating_add(level)),
                &entry.command_line_location,
            )),
            _ => Runlevels::of_inittab(self.tree),
        }
    }

    fn doubt(&mut self, location: &str, error: &Error) {
        self.unread.get_or_insert_with(|| Unread::from((location, error)));
    }

    fn follow(&mut self) {
        for directory in &self.units.directories {
            if let Err(error) = &directory.names {
                self.unread.get_or_insert_with(|| Unread::from((directory.path, error)));
            }
        }
        self.first_boot = self.find_first_boot();
        self.generator = self.find_generator();
        // A start that stops is judged by itself; the units are those of one that does not.
        let chosen = self.words.target.as_ref().zip(self.words.entry);
        let chosen = chosen.map(|((target, word), entry)| {
            (self.start_unit(target), Evidence::new(&entry.command_line_location, word))
        });
        let (first, place) = chosen
            .filter(|(target, _)| stop_kind(target).is_none())
            .unwrap_or(("default.target".to_owned(), Evidence::new("systemd", "default.target")));
        let mut queue = VecDeque::from([first.clone()]);
        let mut started = Started::from([(first, place)]);
        for wanted in std::mem::take(&mut self.words.wanted) {
            let place = self.words.entry.map_or("", |entry| &entry.command_line_location);
            let evidence = Evidence::new(place, format!("systemd.wants={wanted}"));
            started.insert(wanted.clone(), evidence);
            queue.push_back(wanted);
        }
        let unread = self.reach(queue, &mut started);
        self.started = started;
        self.unread = self.unread.take().or(unread);
    }

    /// The units of the boot.
    pub(in crate::guest::linux) fn started(&self) -> &Started {
        &self.started
    }

    /// The units of the boot, with some that it may start later and what those pull in.
    ///
    /// # Errors
    /// When something could not be read on the way.
    pub(in crate::guest::linux) fn started_with(&self, units: &[&str]) -> Result<Started, Unread> {
        let mut started = self.started.clone();
        let mut queue = VecDeque::new();
        for unit in units {
            if !started.contains_key(*unit) {
                started.insert((*unit).to_owned(), Evidence::new(*unit, "started"));
                queue.push_back((*unit).to_owned());
            }
        }
        self.reach(queue, &mut started).map_or(Ok(started), Err)
    }

    /// Follows what the units in a queue pull in; what of that could not be read.
    fn reach(&self, mut queue: VecDeque<String>, started: &mut Started) -> Option<Unread> {
        let mut unread = None;
        while let Some(name) = queue.pop_front() {
            let mut found = Vec::new();
            if let Err(error) = self.pulled_in(&name, &mut found) {
                unread.get_or_insert_with(|| Unread::from((name.as_str(), &error)));
            }
            found.extend_from_slice(self.first_boot.pulled_in(&name));
            if name == "multi-user.target"
                && let Some(path) = &self.generator
                && !matches!(self.units.unit_file(&name), Ok(UnitFile::Masked(_)))
            {
                let evidence = Evidence::new(path.clone(), "pulls in cloud-init.target");
                found.push(("cloud-init.target".to_owned(), evidence));
            }
            for (unit, evidence) in found {
                if started.len() >= MAX_UNITS {
                    let error = Error::too_much("units", MAX_UNITS, "units");
                    return unread.or_else(|| Some(Unread::from((name.as_str(), &error))));
                }
                if !started.contains_key(&unit) {
                    started.insert(unit.clone(), evidence);
                    queue.push_back(unit);
                }
            }
        }
        unread
    }

    /// What a unit pulls in, each with the place that says so.
    fn pulled_in(&self, name: &str, found: &mut Vec<(String, Evidence)>) -> Result<()> {
        let own = match self.units.unit_file(name)? {
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
        let names = [own.as_str(), name];
        let takes = |directory: &str, unit: &str| self.first_boot.takes(directory, unit);
        for suffix in [".wants", ".requires", ".upholds"] {
            let mut links = BTreeMap::new();
            let complete = self.gather(&names, suffix, "", takes, &mut links);
            for (unit, path) in links {
                self.linked(unit, path, found)?;
            }
            complete?;
        }
        let mut drop_ins = BTreeMap::new();
        let complete = self.drop_ins(&names, &mut drop_ins);
        for path in drop_ins.into_values() {
            self.dependencies(&path, found)?;
        }
        complete?;
        Ok(())
    }

    /// A link in a `.wants` directory or the like; one to `/dev/null` takes a name out.
    fn linked(
        &self,
        name: String,
        path: String,
        found: &mut Vec<(String, Evidence)>,
    ) -> Result<()> {
        if self.tree.symlink_metadata(&path)?.file_type != FileType::Symlink {
            return Ok(());
        }
        let target = self.tree.read_link(&path)?;
        if !is_dev_null(&target) {
            found.push((name, Evidence::new(path, format!("link to {}", shortened(&target)))));
        }
        Ok(())
    }

    fn dependencies(&self, path: &str, found: &mut Vec<(String, Evidence)>) -> Result<()> {
        let Some(text) = self.file(path)? else { return Ok(()) };
        for (line, name) in dependencies_in(&text) {
            self.count_dependency()?;
            let evidence = Evidence::new(format!("{path}:{line}"), format!("pulls in {name}"));
            found.push((name, evidence));
        }
        Ok(())
    }

    /// What the presets would link if the next boot is the first.
    fn find_first_boot(&mut self) -> FirstBoot {
        let read = |path: &str| self.text_of(path);
        let links = preset::is_first(self.tree).and_then(|first| match first {
            Some(first) => preset::enabled(self.tree, &self.units, &first, read),
            None => Ok(FirstBoot::default()),
        });
        links.unwrap_or_else(|error| {
            self.doubt("presets of the first boot", &error);
            FirstBoot::default()
        })
    }

    fn find_generator(&mut self) -> Option<String> {
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

/// The target for one user at the console.
const RESCUE: &str = "rescue.target";

/// Where a start ends that goes to this target (systemd.special(7)); `None` for one that goes on to
/// the system, as far as its name tells.
fn stop_kind(target: &str) -> Option<StopKind> {
    match target {
        RESCUE | "runlevel1.target" | "friendly-recovery.target" => Some(StopKind::Rescue),
        "emergency.target" => Some(StopKind::Emergency),
        "halt.target"
        | "poweroff.target"
        | "reboot.target"
        | "kexec.target"
        | "exit.target"
        | "shutdown.target"
        | "ctrl-alt-del.target"
        | "runlevel0.target"
        | "runlevel6.target" => Some(StopKind::PowerOff),
        _ => None,
    }
}

/// Counts what one boot costs.
fn spend(spent: &Cell<usize>, more: usize, limit: usize, unit: &'static str) -> Result<()> {
    spent.set(spent.get().saturating_add(more));
    if spent.get() > limit {
        return Err(Error::too_much("units", limit, unit));
    }
    Ok(())
}

/// The names after `Wants=`, `Requires=`, `BindsTo=`, `Upholds=` in `[Unit]`, each with its line.
fn dependencies_in(text: &str) -> Vec<(usize, String)> {
    names_in(text, "[Unit]", &["Wants", "Requires", "BindsTo", "Upholds"])
}

#[cfg(test)]
mod tests;
