//! Which file system is the guest's root: the one that the default boot entry starts, or the only
//! one there is.

use std::sync::Arc;

use super::boot;
use super::mounts;
use super::rooted::Rooted;
use crate::error::Result;
use crate::fact::{Evidence, Fact, Unread};
use crate::filesystem::tree::{Counts, Tree};
use crate::filesystem::{FileSystem, FileType, NodeId};
use crate::guest::Machine;
use crate::guest::facts::{BootEntry, BootFacts, Resolution};

/// The root of the guest.
pub(super) struct Root {
    /// Index of its volume.
    pub(super) volume: usize,
    /// The file system, seen from the guest's root directory.
    pub(super) filesystem: Arc<dyn FileSystem>,
    /// What made it the root.
    pub(super) evidence: Evidence,
    /// The roots of other systems.
    pub(super) others: Vec<Evidence>,
    /// What the initramfs mounts beside it, by path.
    pub(super) beside: Vec<(&'static str, Arc<dyn FileSystem>)>,
    /// What looking for it spent, from which its trees go on.
    pub(super) counts: Arc<Counts>,
}

/// Why there is no root.
pub(super) enum NoRoot {
    /// Every volume was looked at; what was there.
    Absent(Vec<Evidence>),
    /// It could not be decided.
    Unknown(Unread),
}

/// Files of which a root file system has at least one.
const ROOT_MARKS: &[&str] = &[
    "/etc/os-release",
    "/usr/lib/os-release",
    "/etc/fstab",
    "/etc/passwd",
    "/etc/redhat-release",
    "/etc/SuSE-release",
    "/etc/debian_version",
];

/// What a file system has whose systems are OSTree deployments (ostree manual, "Anatomy of an
/// OSTree repository").
const OSTREE_MARK: &str = "/ostree/repo";

/// Btrfs subvolumes that installers make the root file system: Ubuntu's and SUSE's, Fedora's,
/// Debian's, and snapper's first snapshot.
const ROOT_SUBVOLUMES: &[&str] = &["/@", "/root", "/@rootfs", "/@/.snapshots/1/snapshot"];

/// Longest mount table that is looked through for `/usr`.
const MAX_FSTAB: u64 = 1 << 20;

/// A file system that bears the mark of a system.
struct Candidate {
    volume: usize,
    /// The subvolume that bears it, when it is not the file system's own root.
    subvolume: Option<&'static str>,
    /// Its root directory.
    root: NodeId,
    /// The mark.
    mark: &'static str,
    evidence: Evidence,
}

/// What was seen on all volumes.
#[derive(Default)]
struct Survey {
    candidates: Vec<Candidate>,
    looked_at: Vec<Evidence>,
    damaged: Vec<(usize, Unread)>,
    /// The first thing that could not be read.
    unread: Option<Unread>,
    /// What the trees of all volumes spent.
    counts: Arc<Counts>,
}

/// Looks for the root.
pub(super) fn find(machine: &Machine<'_>, boot: &BootFacts) -> std::result::Result<Root, NoRoot> {
    let mut survey = Survey::of(machine);
    if let Some(entry) = boot.default_entry.known().and_then(Option::as_ref)
        && let Some(root) = named(machine, &survey, entry)
    {
        return root.map_err(NoRoot::Unknown);
    }
    match (survey.candidates.len(), survey.unread) {
        (0, None) => Err(NoRoot::Absent(survey.looked_at)),
        (0, Some(unread)) => Err(NoRoot::Unknown(unread)),
        (1, unread) => {
            let candidate = survey.candidates.remove(0);
            // What could not be read may be the system that starts.
            match unread.filter(|_| !all_entries_start(boot, candidate.volume)) {
                Some(Unread { location, reason }) => {
                    let reason = format!(
                        "no boot entry says that {} is the root, and this may hold another system: {reason}",
                        candidate.evidence.location
                    );
                    Err(NoRoot::Unknown(Unread::new(location, reason)))
                }
                None => sole(machine, candidate, survey.counts).map_err(NoRoot::Unknown),
            }
        }
        (count, _) => Err(NoRoot::Unknown(Unread::new(
            "boot configuration",
            format!("{count} systems on this disk, and no default entry says which one starts"),
        ))),
    }
}

/// Whether every other entry of the menu names this volume as its root.
fn all_entries_start(boot: &BootFacts, volume: usize) -> bool {
    let mut roots = boot.other_entries.iter().filter_map(|entry| entry.root.as_ref()).peekable();
    roots.peek().is_some() && roots.all(|root| root.resolution == Resolution::Volume(volume))
}

/// The only root there is, which no entry names.
fn sole(
    machine: &Machine<'_>,
    candidate: Candidate,
    counts: Arc<Counts>,
) -> std::result::Result<Root, Unread> {
    let Candidate { volume, subvolume, mark, evidence, .. } = candidate;
    let unread = |reason: String| Unread::new(evidence.location.clone(), reason);
    if mark == OSTREE_MARK {
        let reason = "OSTree deployments, and no boot entry says which one starts";
        return Err(unread(reason.to_owned()));
    }
    let Some(Fact::Known(Some(filesystem))) = machine.filesystems.get(volume) else {
        return Err(unread("it has no file system".to_owned()));
    };
    let filesystem = match subvolume {
        None => filesystem.clone(),
        Some(path) => filesystem
            .subvolume(&format!("subvol={path}"))
            .map_err(|error| unread(error.to_string()))?,
    };
    Ok(Root { volume, filesystem, evidence, others: Vec::new(), beside: Vec::new(), counts })
}

/// The root that an entry names; `None` when it names none, or what is on no volume.
fn named(
    machine: &Machine<'_>,
    survey: &Survey,
    entry: &BootEntry,
) -> Option<std::result::Result<Root, Unread>> {
    let device = entry.root.as_ref()?;
    match &device.resolution {
        // Even when it bears no mark of a system: it is what would be started, and no other.
        Resolution::Volume(volume) => match machine.filesystems.get(*volume) {
            // Nothing is mounted.
            Some(Fact::Known(Some(filesystem)))
                if boot::absent_subvolume(filesystem.as_ref(), entry).is_some() =>
            {
                None
            }
            _ => Some(on_volume(machine, survey, entry, *volume)),
        },
        Resolution::Unknown(reason) => Some(Err(reason.clone())),
        Resolution::Missing | Resolution::NoDevice => None,
    }
}

fn on_volume(
    machine: &Machine<'_>,
    survey: &Survey,
    entry: &BootEntry,
    volume: usize,
) -> std::result::Result<Root, Unread> {
    let spec = entry.root.as_ref().map_or("", |device| device.spec.as_str());
    let place = &entry.command_line_location;
    let evidence = Evidence::new(place.clone(), format!("root={spec}"));
    let filesystem = match machine.filesystems.get(volume) {
        Some(Fact::Known(Some(filesystem))) => filesystem,
        Some(Fact::Unknown(reason)) => return Err(reason.clone()),
        Some(Fact::Known(None)) | None => {
            let name = machine.disk.volumes.get(volume).map(|volume| volume.name.as_str());
            let reason =
                format!("it leads to {}, which holds no file system", name.unwrap_or("no volume"));
            return Err(Unread::new(format!("{place}: root={spec}"), reason));
        }
    };
    // Whether there is a system in it could not be seen.
    if let Some((_, reason)) = survey.damaged.iter().find(|(at, _)| *at == volume) {
        return Err(reason.clone());
    }
    let flags = boot::root_flags(entry);
    let filesystem = mounts::chosen(filesystem, flags.split(','))
        .map_err(|reason| Unread::new(place.clone(), reason))?;
    let is_other =
        |candidate: &&Candidate| candidate.volume != volume || candidate.root != filesystem.root();
    let others = survey.candidates.iter().filter(is_other);
    let others = others.map(|candidate| candidate.evidence.clone()).collect();
    if let Some(usr) = boot::usr(entry)
        && lacks_usr(&Tree::counted(filesystem.clone(), volume, &survey.counts))
    {
        return Err(Unread::new(
            format!("{place}: mount.usr={usr}"),
            "the system is in a /usr of its own that the initramfs mounts, which is not followed",
        ));
    }
    let counts = Arc::clone(&survey.counts);
    let mut root = Root { volume, filesystem, evidence, others, beside: Vec::new(), counts };
    if let Some(path) = boot::ostree(entry) {
        enter_deployment(&mut root, &path)
            .map_err(|error| Unread::new(format!("{place}: ostree={path}"), error.to_string()))?;
    }
    Ok(root)
}

/// Whether there is nothing in `/usr`, and the mount table names none either: Flatcar's and Container
/// Linux's roots.
fn lacks_usr(tree: &Tree) -> bool {
    let absent = |path: &str| matches!(tree.exists(path), Ok(false));
    let table = tree.read_text("/etc/fstab", MAX_FSTAB).unwrap_or_default();
    let named = table.lines().any(|line| line.split_ascii_whitespace().nth(1) == Some("/usr"));
    absent("/usr/bin") && absent("/usr/lib") && !named
}

/// Makes the deployment that `ostree=` names the root, as `ostree-prepare-root` does: the
/// deployment's directory becomes `/`, the physical root is at `/sysroot`, and the `var` that all
/// deployments of the system share at `/var` (ostree manual, "Deployments").
fn enter_deployment(root: &mut Root, path: &str) -> Result<()> {
    let physical = root.filesystem.clone();
    let tree = root.tree();
    let (real, place) = tree.canonicalize(path)?;
    if tree.metadata(&real)?.file_type != FileType::Directory {
        return Err(crate::error::Error::NotADirectory { path: real });
    }
    let stateroot = real.split_once("/deploy/").and_then(|(ostree, rest)| {
        let (name, _) = rest.split_once("/deploy/")?;
        Some(format!("{ostree}/deploy/{name}/var"))
    });
    let mut beside = Vec::new();
    for (mount_point, path) in [("/var", stateroot), ("/boot", Some("/boot".to_owned()))] {
        match path.map(|path| tree.resolve(&path)) {
            Some(Ok(place)) => {
                beside.push((mount_point, Rooted::shared(physical.clone(), place.node)));
            }
            Some(Err(error)) if !error.is_absent() => return Err(error),
            _ => {}
        }
    }
    root.filesystem = Rooted::shared(physical.clone(), place.node);
    root.beside.extend(beside);
    root.beside.push(("/sysroot", physical));
    root.evidence.detail.push_str(&format!(", deployment {real}"));
    Ok(())
}

impl Root {
    /// A tree of the root alone.
    pub(super) fn tree(&self) -> Tree {
        Tree::counted(self.filesystem.clone(), self.volume, &self.counts)
    }
}

impl Survey {
    fn of(machine: &Machine<'_>) -> Self {
        let mut survey =
            Self { unread: machine.disk.table_read.unread().cloned(), ..Self::default() };
        for (index, volume) in machine.disk.volumes.iter().enumerate() {
            match machine.filesystems.get(index) {
                Some(Fact::Known(Some(filesystem))) => {
                    survey.file_system(filesystem, index, &volume.name);
                }
                Some(Fact::Known(None)) | None => {
                    let signature = volume.signature();
                    let what = signature.map_or("no signature", |found| found.kind.name());
                    match machine.disk.unopened(index) {
                        Some(reason) => {
                            survey.unread.get_or_insert(reason);
                        }
                        None => survey.looked_at.push(Evidence::new(volume.name.clone(), what)),
                    }
                }
                Some(Fact::Unknown(reason)) => {
                    survey.unread.get_or_insert(reason.clone());
                }
            }
        }
        survey
    }

    fn file_system(&mut self, filesystem: &Arc<dyn FileSystem>, volume: usize, name: &str) {
        let tree = Tree::counted(filesystem.clone(), volume, &self.counts);
        let subvolumes = ROOT_SUBVOLUMES.iter().map(|path| Some(*path));
        let subvolumes = subvolumes.filter(|_| filesystem.kind() == "btrfs");
        let mut found = false;
        for subvolume in std::iter::once(None).chain(subvolumes) {
            let path = subvolume.unwrap_or_default();
            let root = match subvolume {
                None => Ok(filesystem.root()),
                Some(path) => match filesystem.subvolume(&format!("subvol={path}")) {
                    Ok(shown) => Ok(shown.root()),
                    Err(error) if error.is_absent() => continue,
                    Err(error) => Err(error),
                },
            };
            // Elsewhere than at its usual place it is no subvolume to mount by that path.
            let mark = root.and_then(|root| {
                let is_there = subvolume.map_or(Ok(true), |path| is_at(&tree, path, root))?;
                let mark = if is_there { root_mark(&tree, path)? } else { None };
                Ok(mark.map(|mark| (root, mark)))
            });
            match mark {
                Ok(Some((root, mark))) => {
                    found = true;
                    let evidence = Evidence::new(format!("{name}: {path}{mark}"), "root");
                    self.candidates.push(Candidate { volume, subvolume, root, mark, evidence });
                }
                Ok(None) => {}
                Err(error) => {
                    found = true;
                    let reason = Unread::new(name, error.to_string());
                    self.unread.get_or_insert(reason.clone());
                    self.damaged.push((volume, reason));
                    break;
                }
            }
        }
        if !found {
            let what = format!("{}, no operating system", filesystem.kind());
            self.looked_at.push(Evidence::new(name, what));
        }
    }
}

fn is_at(tree: &Tree, path: &str, node: NodeId) -> Result<bool> {
    match tree.resolve(path) {
        Ok(place) => Ok(place.node == node),
        Err(error) if error.is_absent() => Ok(false),
        Err(error) => Err(error),
    }
}

/// The file that makes a directory a root, if one does.
fn root_mark(tree: &Tree, directory: &str) -> Result<Option<&'static str>> {
    for mark in ROOT_MARKS.iter().chain([&OSTREE_MARK]) {
        // A link counts: `/usr` may be a file system of its own.
        match tree.symlink_metadata(&format!("{directory}{mark}")) {
            Ok(_) => return Ok(Some(mark)),
            Err(error) if error.is_absent() => {}
            Err(error) => return Err(error),
        }
    }
    Ok(None)
}
