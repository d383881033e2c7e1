//! Linux guests: from the boot loader's view of the disk to the facts of the system that it starts.

pub mod accounts;
pub mod arch;
pub mod bindings;
pub mod boot;
pub mod cloud_init;
pub mod crypttab;
pub mod device;
pub mod fstab;
pub mod initramfs;
pub mod kernel;
pub mod mounts;
pub mod os_release;
pub mod package;
pub mod systemd_unit;

use std::sync::Arc;

use super::Machine;
use super::facts::{BootFacts, BootFile, Guest, LinuxFacts, Resolution, ResolvedFile};
use crate::bytes::Bytes;
use crate::error::{Error, Result};
use crate::fact::{Evidence, Fact, Unread};
use crate::filesystem::FileSystem;
use crate::filesystem::tree::{Mounted, Tree};

/// Looks for a Linux system: the one that the default boot entry starts, or the only one there is.
pub fn find(machine: &Machine<'_>) -> (Fact<Guest>, Option<Tree>) {
    let boot = boot::follow(machine);
    let (volume, evidence, others) = match root(machine, &boot) {
        Ok(root) => root,
        Err(NoRoot::Absent(looked_at)) => return (Fact::Known(Guest::Absent(looked_at)), None),
        Err(NoRoot::Unknown(unread)) => return (Fact::Unknown(unread), None),
    };
    let Some(Fact::Known(Some(filesystem))) = machine.filesystems.get(volume) else {
        return (Fact::unknown("root file system", "not read"), None);
    };
    let (facts, tree) = inspect(machine, boot, (filesystem.clone(), volume), evidence, others);
    (Fact::Known(Guest::Linux(Box::new(facts))), Some(tree))
}

fn inspect(
    machine: &Machine<'_>,
    mut boot: BootFacts,
    root: (Arc<dyn FileSystem>, usize),
    root_evidence: Evidence,
    other_roots: Vec<Evidence>,
) -> (LinuxFacts, Tree) {
    let fstab = fstab::find(&Tree::new(root.0.clone(), root.1), machine.disk);
    let (tree, mounts) = mounts::join(machine, root, root_evidence, &fstab);
    name_in_tree(&mut boot, &tree);
    let command_line = boot.default_entry.known().and_then(Option::as_ref);
    let command_line = command_line.map(|entry| entry.command_line.clone());
    boot.chain.push(boot::init_link(&tree, command_line.as_deref().unwrap_or_default()));

    let open = |file: &ResolvedFile| open_on_volume(machine, file);
    let (kernels, (accounts, cloud_init)) = rayon::join(
        || kernel::find(&tree, &boot, &open, &kernel::sought()),
        || (accounts::find(&tree), cloud_init::find(&tree, command_line.as_deref())),
    );
    let bindings = bindings::find(&tree).map(|mut found| {
        found.extend(bindings::of_devices(&fstab, &boot));
        found
    });
    let facts = LinuxFacts {
        os: os_release::find(&tree),
        arch: arch::find(&tree),
        usr_merged: usr_merged(&tree),
        mounts,
        other_roots,
        crypttab: crypttab::find(&tree, machine.disk),
        fstab,
        boot,
        kernels,
        accounts,
        cloud_init,
        bindings,
    };
    (facts, tree)
}

enum NoRoot {
    Absent(Vec<Evidence>),
    Unknown(Unread),
}

/// The volume of the root file system, what made it the root, and the roots of other systems.
fn root(
    machine: &Machine<'_>,
    boot: &BootFacts,
) -> std::result::Result<(usize, Evidence, Vec<Evidence>), NoRoot> {
    let mut roots = Vec::new();
    let mut looked_at = Vec::new();
    let mut unread: Option<Unread> = machine.disk.table_read.unread().cloned();
    for (index, (volume, filesystem)) in
        machine.disk.volumes.iter().zip(machine.filesystems).enumerate()
    {
        match filesystem {
            Fact::Known(Some(filesystem)) => match root_mark(filesystem, index) {
                Ok(Some(mark)) => {
                    roots.push((index, Evidence::new(format!("{}: {mark}", volume.name), "root")));
                }
                Ok(None) => looked_at.push(Evidence::new(
                    volume.name.clone(),
                    format!("{}, no operating system", filesystem.kind()),
                )),
                Err(error) => {
                    unread.get_or_insert(Unread::new(volume.name.clone(), error.to_string()));
                }
            },
            Fact::Known(None) => {
                let what = volume.signature().map_or("no signature", |found| found.kind.name());
                looked_at.push(Evidence::new(volume.name.clone(), what));
            }
            Fact::Unknown(reason) => {
                unread.get_or_insert(reason.clone());
            }
        }
    }
    let entry = boot.default_entry.known().and_then(Option::as_ref);
    if let Some((entry, device)) = entry.and_then(|entry| Some((entry, entry.root.as_ref()?))) {
        let evidence =
            Evidence::new(entry.command_line_location.clone(), format!("root={}", device.spec));
        match &device.resolution {
            Resolution::Volume(index) if roots.iter().any(|(root, _)| root == index) => {
                roots.retain(|(root, _)| root != index);
                return Ok((*index, evidence, roots.into_iter().map(|(_, other)| other).collect()));
            }
            Resolution::Volume(index) => {
                if let Some(Fact::Unknown(reason)) = machine.filesystems.get(*index) {
                    return Err(NoRoot::Unknown(reason.clone()));
                }
            }
            Resolution::Unknown(reason) => return Err(NoRoot::Unknown(reason.clone())),
            Resolution::Missing | Resolution::NoDevice => {}
        }
    }
    match (roots.len(), unread) {
        (1, _) => {
            let (index, evidence) = roots.remove(0);
            Ok((index, evidence, Vec::new()))
        }
        (0, None) => Err(NoRoot::Absent(looked_at)),
        (0, Some(unread)) => Err(NoRoot::Unknown(unread)),
        (count, _) => Err(NoRoot::Unknown(Unread::new(
            "boot configuration",
            format!("{count} systems on this disk, and no default entry says which one starts"),
        ))),
    }
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

/// The file that makes a file system a root, if one does.
fn root_mark(filesystem: &Arc<dyn FileSystem>, volume: usize) -> Result<Option<&'static str>> {
    let tree = Tree::new(filesystem.clone(), volume);
    for mark in ROOT_MARKS {
        // A link counts: `/usr` may be a file system of its own.
        match tree.symlink_metadata(mark) {
            Ok(_) => return Ok(Some(mark)),
            Err(error) if error.is_absent() => {}
            Err(error) => return Err(error),
        }
    }
    Ok(None)
}

/// Whether `/bin` is a link into `/usr`.
fn usr_merged(tree: &Tree) -> Fact<bool> {
    match tree.read_link("/bin") {
        Ok(target) => Fact::Known(target.trim_start_matches('/').starts_with("usr/")),
        Err(_) => Fact::from_result(
            "/bin",
            tree.symlink_metadata("/bin")
                .map(|_| false)
                .or_else(|error| if error.is_absent() { Ok(false) } else { Err(error) }),
        ),
    }
}

/// Gives the boot files their place in the guest's tree.
fn name_in_tree(boot: &mut BootFacts, tree: &Tree) {
    let entries = match &mut boot.default_entry {
        Fact::Known(Some(entry)) => Some(entry),
        _ => None,
    };
    let files = entries
        .into_iter()
        .chain(&mut boot.other_entries)
        .flat_map(|entry| entry.kernel.iter_mut().chain(&mut entry.initrds));
    for BootFile { resolved, .. } in files {
        let Fact::Known(Some(file)) = resolved else { continue };
        let mount = tree.mounts().iter().find_map(|(path, mounted)| match mounted {
            Mounted::Readable(_, volume) if *volume == file.volume => Some(path.as_str()),
            _ => None,
        });
        file.guest_path =
            mount.map(|mount| format!("{}{}", mount.trim_end_matches('/'), file.path));
    }
}

fn open_on_volume(machine: &Machine<'_>, file: &ResolvedFile) -> Result<Arc<dyn Bytes>> {
    match machine.filesystems.get(file.volume) {
        Some(Fact::Known(Some(filesystem))) => {
            Tree::new(filesystem.clone(), file.volume).open(&file.path)
        }
        Some(Fact::Unknown(unread)) => {
            Err(Error::Unreadable { path: file.path.clone(), reason: unread.reason.clone() })
        }
        _ => Err(Error::NotFound { path: file.path.clone() }),
    }
}
