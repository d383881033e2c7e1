//! What files mean: an operating system's facts, each with its evidence.
//!
//! In: the disk and its volumes, the trees of their file systems. Out: [`facts::Facts`].
//! This room judges nothing and knows no cloud.

pub mod facts;
pub mod glob;
pub mod linux;
pub mod password;
pub mod windows;

use std::collections::BTreeMap;
use std::sync::Arc;

use self::facts::{Facts, FileSystemFacts, Guest};
use self::password::InitialPassword;
use crate::bytes::Bytes;
use crate::disk::Disk;
use crate::disk::facts::{DiskFacts, SignatureKind};
use crate::error::Result;
use crate::fact::{Evidence, Fact, Unread};
use crate::filesystem::tree::Tree;
use crate::filesystem::{self, Budget, FileSystem};
use crate::image::Image;

/// The disk with the file systems of its volumes: what a boot loader sees.
pub struct Machine<'a> {
    /// The disk.
    pub disk: &'a DiskFacts,
    /// The file system of each volume, by the volume's index; `Known(None)` where the volume holds
    /// none (swap, nothing).
    pub filesystems: &'a [Fact<Option<Arc<dyn FileSystem>>>],
}

/// The files of an image: its volumes, their file systems, and the guest's tree, without what they
/// mean. It costs a part of what an [`Inspection`] does.
#[non_exhaustive]
pub struct Files {
    /// The disk; unknown when the container's content cannot be read.
    pub disk: Fact<DiskFacts>,
    /// The file systems of the volumes in [`DiskFacts::volumes`].
    pub filesystems: Vec<Fact<Option<Arc<dyn FileSystem>>>>,
    /// The tree of the system that would be booted; none when no volume holds one that can be read.
    pub tree: Fact<Option<Tree>>,
    /// The directory of Windows in the tree, as a path of it; none when it is another system's.
    pub windows_directory: Option<String>,
}

impl Files {
    /// Opens what is in `image`. Never fails: what could not be read is unknown.
    pub fn of(image: &Image) -> Self {
        let bytes = match image.disk() {
            Ok(bytes) => bytes,
            Err(error) => {
                let unread = Unread::new("image", error.to_string());
                return Self {
                    disk: Fact::Unknown(unread.clone()),
                    filesystems: Vec::new(),
                    tree: Fact::Unknown(unread),
                    windows_directory: None,
                };
            }
        };
        let Disk { facts: disk, volumes } = Disk::read(bytes);
        let filesystems = open_filesystems(&disk, volumes);
        let machine = Machine { disk: &disk, filesystems: &filesystems };
        let (tree, windows_directory) = match windows::recognise(&machine) {
            Some(_) => {
                let (tree, directory) = windows::tree(&machine).unzip();
                (Fact::Known(tree), directory)
            }
            None => (linux::tree(&machine), None),
        };
        Self { disk: Fact::Known(disk), filesystems, tree, windows_directory }
    }
}

/// An image that was looked into: its facts, and the files behind them.
#[non_exhaustive]
pub struct Inspection {
    /// All facts.
    pub facts: Facts,
    /// The file systems of the volumes in [`DiskFacts::volumes`].
    pub filesystems: Vec<Fact<Option<Arc<dyn FileSystem>>>>,
    /// The guest's tree, when a guest was found.
    pub tree: Option<Tree>,
}

impl Inspection {
    /// Looks into `image`. Never fails: what could not be read is unknown in the facts.
    pub fn of(image: &Image) -> Self {
        Self::with_password(image, None)
    }

    /// As [`Inspection::of`]; the facts say, too, what `password` is worth and which accounts it
    /// opens, and never hold it.
    pub fn with_password(image: &Image, password: Option<&InitialPassword>) -> Self {
        let structure = || traced("structure", || image.check_structure());
        let inside = || look_inside(image.disk(), password);
        let (structure, (disk, filesystems, firmware, guest, tree)) = if image.has_large_structure()
        {
            (structure(), inside())
        } else {
            rayon::join(structure, inside)
        };
        let mut image = image.facts().clone();
        if let Some(structure) = structure {
            image.set_structure(structure);
        }
        let health = disk.known().map(|disk| health(disk, &filesystems)).unwrap_or_default();
        let supplied_password = password.map(InitialPassword::described);
        let facts = Facts { image, disk, filesystems: health, firmware, guest, supplied_password };
        Self { facts, filesystems, tree }
    }
}

/// Runs a fact-finder, whose time is traced.
fn traced<T>(facts: &'static str, find: impl FnOnce() -> T) -> T {
    tracing::debug_span!("facts", of = facts).in_scope(find)
}

type Inside = (
    Fact<DiskFacts>,
    Vec<Fact<Option<Arc<dyn FileSystem>>>>,
    Fact<facts::FirmwareFacts>,
    Fact<Guest>,
    Option<Tree>,
);

fn look_inside(disk: Result<Arc<dyn Bytes>>, password: Option<&InitialPassword>) -> Inside {
    let bytes = match disk {
        Ok(bytes) => bytes,
        Err(error) => {
            let unread = Unread::new("image", error.to_string());
            return (
                Fact::Unknown(unread.clone()),
                Vec::new(),
                Fact::Unknown(unread.clone()),
                Fact::Unknown(unread),
                None,
            );
        }
    };
    let Disk { facts: disk, volumes } = Disk::read(bytes);
    let filesystems = open_filesystems(&disk, volumes);
    let machine = Machine { disk: &disk, filesystems: &filesystems };
    let firmware = traced("firmware", || linux::boot::firmware::firmware(&machine));
    let (guest, tree) = match windows::find(&machine, &firmware, password) {
        Some((windows, tree)) => (Fact::Known(Guest::Windows(Box::new(windows))), tree),
        None => linux::find(&machine, password),
    };
    (Fact::Known(disk), filesystems, firmware, guest, tree)
}

/// What each file system says of itself; places get the name of the volume before them.
fn health(
    disk: &DiskFacts,
    filesystems: &[Fact<Option<Arc<dyn FileSystem>>>],
) -> Vec<FileSystemFacts> {
    let of = |(index, opened): (usize, &Fact<Option<Arc<dyn FileSystem>>>)| {
        let volume = disk.volumes.get(index)?;
        let (kind, health) = match opened {
            Fact::Known(None) => return None,
            Fact::Unknown(unread) => {
                let signature = volume.signature()?;
                if signature.kind.is_member() || !filesystem::may_hold_files(signature.kind) {
                    return None;
                }
                (signature.kind.name(), Fact::Unknown(unread.clone()))
            }
            Fact::Known(Some(filesystem)) => {
                let mut health = filesystem.health();
                let name = |location: &mut String| {
                    *location = format!("{}: {location}", volume.name);
                };
                match &mut health.shutdown {
                    Fact::Known((_, Evidence { location, .. }))
                    | Fact::Unknown(Unread { location, .. }) => name(location),
                }
                match &mut health.space {
                    Fact::Known(space) => name(&mut space.evidence.location),
                    Fact::Unknown(unread) => name(&mut unread.location),
                }
                let unread = health.stale.iter_mut().chain(&mut health.unchecked);
                unread.for_each(|unread| name(&mut unread.location));
                health.errors.iter_mut().for_each(|mark| name(&mut mark.location));
                health.needs.iter_mut().for_each(|need| name(&mut need.evidence.location));
                (filesystem.kind(), Fact::Known(health))
            }
        };
        Some(FileSystemFacts { volume: index, kind: kind.to_owned(), health })
    };
    filesystems.iter().enumerate().filter_map(of).collect()
}

fn open_filesystems(
    disk: &DiskFacts,
    volumes: Vec<Arc<dyn Bytes>>,
) -> Vec<Fact<Option<Arc<dyn FileSystem>>>> {
    let budget = Arc::new(Budget::default());
    let sets = device_sets(disk);
    let mut opened: Vec<Fact<Option<Arc<dyn FileSystem>>>> = Vec::with_capacity(volumes.len());
    for (index, facts) in disk.volumes.iter().enumerate().take(volumes.len()) {
        let signature = match facts.signatures.as_result() {
            Ok(signatures) => signatures.first(),
            Err(unread) => {
                opened.push(Fact::Unknown(unread.clone()));
                continue;
            }
        };
        opened.push(match signature {
            // What lies in a member of something bigger is a volume of its own.
            Some(signature) if signature.kind.is_member() => {
                disk.unopened(index).map_or(Fact::Known(None), Fact::Unknown)
            }
            Some(signature) if filesystem::may_hold_files(signature.kind) => {
                let alone = [index];
                let set = sets.iter().find(|set| set.contains(&index));
                let set = set.map_or(&alone[..], Vec::as_slice);
                // The file system of a set is the same on each of its devices.
                match set.first().filter(|first| **first < index).and_then(|at| opened.get(*at)) {
                    Some(first) => first.clone(),
                    None => {
                        let devices: Vec<_> =
                            set.iter().filter_map(|at| volumes.get(*at)).cloned().collect();
                        let found = filesystem::open_devices(signature.kind, &devices, &budget);
                        Fact::from_result(facts.name.clone(), found.map(Some))
                    }
                }
            }
            _ => Fact::Known(None),
        });
        let (volume, last) = (&facts.name, opened.last());
        match last {
            Some(Fact::Known(Some(found))) => {
                tracing::debug!(volume, kind = found.kind(), "opened")
            }
            Some(Fact::Unknown(unread)) => {
                tracing::debug!(volume, reason = unread.reason, "not opened");
            }
            _ => tracing::debug!(volume, "holds no file system"),
        }
    }
    opened
}

/// The volumes that are devices of the same file system, which bear its UUID, each of them.
fn device_sets(disk: &DiskFacts) -> Vec<Vec<usize>> {
    let mut sets: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (index, volume) in disk.volumes.iter().enumerate() {
        let signature = volume.signature().filter(|found| found.kind == SignatureKind::Btrfs);
        if let Some(uuid) = signature.and_then(|signature| signature.uuid.as_deref()) {
            sets.entry(uuid).or_default().push(index);
        }
    }
    sets.into_values().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bytes::BytesExt;
    use crate::filesystem::btrfs::tests::Image;

    #[test]
    fn the_devices_of_one_file_system_are_opened_together() {
        let Disk { facts, volumes } = Disk::read(Arc::new(Image::read("set-raid0")));
        let opened = open_filesystems(&facts, volumes);
        assert_eq!(opened.len(), 3);
        for found in &opened {
            let filesystem = found.known().unwrap().as_ref().unwrap();
            let etc = filesystem.lookup(filesystem.root(), b"etc").unwrap().unwrap();
            let hello = filesystem.lookup(etc, b"hello").unwrap().unwrap();
            assert_eq!(filesystem.open(hello).unwrap().array(0), Ok(*b"hello\n"));
        }
        for found in health(&facts, &opened) {
            assert_eq!(found.health.known().unwrap().errors, []);
        }
    }
}
