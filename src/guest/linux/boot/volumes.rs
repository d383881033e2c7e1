//! The volumes as a boot loader sees them: device names and files on them.

use std::rc::Rc;
use std::sync::Arc;

use super::grub_device::{self, Device};
use super::grub_script::Budget;
use super::stored::StoredFileSystems;
use super::volume_path::{self, Effort, Found};
use crate::bytes::Bytes;
use crate::disk::facts::{ArrayFacts, DiskFacts, VolumeFacts};
use crate::error::{Error, Result};
use crate::fact::Fact;
use crate::filesystem::{FileSystem, FileType};
use crate::guest::Machine;
use crate::guest::facts::{DeviceRef, ResolvedFile};

/// The mount option that shows Btrfs from its top-level subvolume on, in which all others lie
/// (btrfs(5)).
pub(in crate::guest::linux) const TOP_LEVEL: &str = "subvolid=5";

/// Longest name of a device or file system in bytes that is looked for. GRUB's name of a logical volume has
/// some 500 at most (lvm2: `NAME_LEN` 128 for the group and for the volume, dashes twice).
const MAX_NAME: usize = 1024;

/// How many arrays, their members and containers a look through the volumes may pass for each of them at the
/// cost of one more volume.
const HOLDERS_FOR_ONE: usize = 32;

/// The volumes of the machine.
pub(super) struct Volumes<'a> {
    machine: &'a Machine<'a>,
    /// Those without their journals, which is how a boot loader reads.
    stored: Option<&'a StoredFileSystems>,
    device_ref: &'a dyn Fn(&str) -> DeviceRef,
    effort: Effort,
    budget: Rc<Budget>,
    /// How much work a look through all of them is, one of them being 1.
    work: usize,
}

/// Where a file that a boot loader names should lie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    /// Its device.
    pub(super) device: Device,
    /// Its path there.
    pub(super) path: String,
}

impl<'a> Volumes<'a> {
    /// The volumes of `machine`; `device_ref` tells what `root=` means.
    pub(super) fn new(machine: &'a Machine<'a>, device_ref: &'a dyn Fn(&str) -> DeviceRef) -> Self {
        let disk = machine.disk;
        let members = disk.arrays.iter().map(|array| array.members.len().saturating_add(1));
        let holders = members.fold(disk.containers.len(), usize::saturating_add);
        let each = holders.div_euclid(HOLDERS_FOR_ONE).saturating_add(1);
        let work = disk.volumes.len().saturating_mul(each);
        let (effort, budget) = (Effort::default(), Rc::default());
        Self { machine, stored: None, device_ref, effort, budget, work }
    }

    /// What has been spent of the bounds on configurations.
    pub(super) fn budget(&self) -> &Rc<Budget> {
        &self.budget
    }

    /// Counts so many looks through all volumes.
    ///
    /// # Errors
    /// The words for it, when those before have exhausted the bound.
    pub(super) fn look_through(&self, times: usize) -> std::result::Result<(), String> {
        self.budget.work(self.work.saturating_mul(times));
        self.budget.left()
    }

    fn look_for(&self, name: &str) -> std::result::Result<(), String> {
        if name.len() > MAX_NAME {
            return Err(format!("a name of a device has more than {MAX_NAME} bytes"));
        }
        self.look_through(1)
    }

    /// The device that a name of GRUB 2 means ([`grub_device::resolve`]).
    pub(super) fn resolve(&self, name: &str) -> Device {
        let looked = self.look_for(name);
        looked.map_or_else(Device::Unknown, |()| grub_device::resolve(self.disk(), name))
    }

    /// The partition with that number as Linux counts it.
    pub(super) fn partition(&self, number: u32) -> Device {
        let looked = self.look_through(1);
        looked.map_or_else(Device::Unknown, |()| grub_device::partition_number(self.disk(), number))
    }

    /// The volume whose file system has that UUID.
    ///
    /// # Errors
    /// As [`grub_device::by_uuid`]; as [`Volumes::look_through`].
    pub(super) fn by_uuid(&self, uuid: &str) -> std::result::Result<Option<usize>, String> {
        self.look_for(uuid)?;
        grub_device::by_uuid(self.disk(), uuid)
    }

    /// The volume whose file system has that label.
    ///
    /// # Errors
    /// As [`Volumes::by_uuid`].
    pub(super) fn by_label(&self, label: &str) -> std::result::Result<Option<usize>, String> {
        self.look_for(label)?;
        grub_device::by_label(self.disk(), label)
    }

    /// The same, no journal replayed.
    pub(super) fn stored(self, stored: &'a StoredFileSystems) -> Self {
        Self { stored: Some(stored), ..self }
    }

    pub(super) fn disk(&self) -> &'a DiskFacts {
        self.machine.disk
    }

    pub(super) fn device_ref(&self, spec: &str) -> DeviceRef {
        (self.device_ref)(spec)
    }

    /// Indices of all volumes.
    pub(super) fn indices(&self) -> std::ops::Range<usize> {
        0..self.machine.disk.volumes.len()
    }

    fn facts(&self, volume: usize) -> Option<&'a VolumeFacts> {
        self.machine.disk.volumes.get(volume)
    }

    /// The volume's name for people: `partition 1`.
    pub(super) fn name(&self, volume: usize) -> String {
        self.facts(volume).map_or_else(|| format!("volume {volume}"), |facts| facts.name.clone())
    }

    /// The volume's name for GRUB: `hd0,msdos1`.
    pub(super) fn grub_name(&self, volume: usize) -> String {
        self.facts(volume)
            .map_or_else(String::new, |facts| grub_device::name(self.machine.disk, facts))
    }

    /// The file system of a volume.
    ///
    /// # Errors
    /// [`Error::NotFound`] when the volume has none; [`Error::Unreadable`] when it could not be
    /// read or is encrypted.
    pub(super) fn filesystem(&self, volume: usize) -> Result<&'a Arc<dyn FileSystem>> {
        let unreadable = |reason: String| Error::Unreadable { path: self.name(volume), reason };
        match self.machine.filesystems.get(volume) {
            Some(Fact::Known(Some(fs))) => match self.stored {
                Some(stored) => {
                    stored.get(volume, fs).map_err(|error| unreadable(error.to_string()))
                }
                None => Ok(fs),
            },
            Some(Fact::Unknown(unread)) => Err(unreadable(unread.reason.clone())),
            Some(Fact::Known(None)) | None => {
                match self.facts(volume).and_then(VolumeFacts::signature) {
                    Some(signature) if signature.kind.is_encryption() => {
                        Err(unreadable(format!("it is encrypted ({})", signature.kind.name())))
                    }
                    _ => Err(Error::NotFound { path: format!("{}:/", self.name(volume)) }),
                }
            }
        }
    }

    /// The file system at a place, from the root at which its path begins.
    pub(super) fn filesystem_at(&self, place: &Place) -> Result<Arc<dyn FileSystem>> {
        let filesystem = self.filesystem(self.volume_of(place)?)?;
        match &place.device {
            Device::Subvolume(_, option) => {
                self.effort.follow(option)?;
                filesystem.subvolume(option)
            }
            _ => Ok(Arc::clone(filesystem)),
        }
    }

    /// Whether a volume holds Btrfs, whose paths may begin at any subvolume.
    pub(super) fn is_btrfs(&self, volume: usize) -> bool {
        self.filesystem(volume).is_ok_and(|filesystem| filesystem.kind() == "btrfs")
    }

    /// Whether a volume holds Btrfs whose default subvolume is another than the top-level one.
    pub(super) fn has_default_subvolume(&self, volume: usize) -> bool {
        self.filesystem(volume).is_ok_and(|filesystem| {
            let top = filesystem.subvolume(TOP_LEVEL);
            top.is_ok_and(|top| top.root() != filesystem.root())
        })
    }

    /// The first volume whose files cannot be read, with the reason.
    pub(super) fn unreadable(&self) -> Option<Error> {
        self.indices()
            .filter_map(|volume| self.filesystem(volume).err())
            .find(|error| !error.is_absent())
    }

    /// The node at `path` on a volume.
    ///
    /// # Errors
    /// As [`Volumes::filesystem`] and [`volume_path::find`].
    pub(super) fn find(&self, volume: usize, path: &str) -> Result<Found> {
        self.find_at(&Place { device: Device::Volume(volume), path: path.to_owned() })
    }

    /// The node at a place.
    ///
    /// # Errors
    /// As [`Volumes::find`]; [`Error::NotFound`] for an absent device, [`Error::Unreadable`] for one
    /// that is not decided.
    pub(super) fn find_at(&self, place: &Place) -> Result<Found> {
        let filesystem = self.filesystem_at(place)?;
        let mut found = volume_path::find(filesystem.as_ref(), &place.path, &self.effort)?;
        found.path = from_top_level(&place.device, found.path);
        Ok(found)
    }

    /// The volume of a place.
    ///
    /// # Errors
    /// [`Error::NotFound`] for an absent device, [`Error::Unreadable`] for one that is not decided.
    pub(super) fn volume_of(&self, place: &Place) -> Result<usize> {
        match &place.device {
            Device::Volume(volume) | Device::Subvolume(volume, _) => Ok(self.mirror_on(*volume)),
            Device::Absent(_) => Err(Error::NotFound { path: place.path.clone() }),
            Device::Unknown(reason) => {
                Err(Error::Unreadable { path: place.path.clone(), reason: reason.clone() })
            }
        }
    }

    /// The mirror whose bytes begin where those of its member do, so that a boot loader reads the member
    /// as if it were the file system: md(4), superblocks of version 0.90 and 1.0 are at the end. Else the
    /// volume itself.
    fn mirror_on(&self, volume: usize) -> usize {
        let mirrors = self.disk().arrays.iter().filter(|array| array.is_read_by_members());
        let holds = |array: &&ArrayFacts| array.members.iter().any(|it| it.volume == volume);
        mirrors.filter(holds).find_map(|array| array.volume).unwrap_or(volume)
    }

    /// The text of a file of at most `limit` bytes, and its path without symbolic links.
    ///
    /// # Errors
    /// As [`Volumes::find_at`] and [`volume_path::text`].
    pub(super) fn text_at(&self, place: &Place, limit: u64) -> Result<(String, String)> {
        let filesystem = self.filesystem_at(place)?;
        let (text, path) =
            volume_path::text(filesystem.as_ref(), &place.path, limit, &self.effort)?;
        Ok((text, from_top_level(&place.device, path)))
    }

    /// The names in a directory, sorted.
    ///
    /// # Errors
    /// As [`Volumes::find_at`] and [`volume_path::names`].
    pub(super) fn names_at(&self, place: &Place) -> Result<Vec<String>> {
        let filesystem = self.filesystem_at(place)?;
        volume_path::names(filesystem.as_ref(), &place.path, &self.effort)
    }

    /// As [`Volumes::names_at`], from the root of a volume.
    ///
    /// # Errors
    /// As there.
    pub(super) fn names(&self, volume: usize, dir: &str) -> Result<Vec<String>> {
        self.names_at(&Place { device: Device::Volume(volume), path: dir.to_owned() })
    }

    /// The regular file at a place, if it is there.
    pub(super) fn file_at(&self, place: &Place) -> Fact<Option<ResolvedFile>> {
        let found = self.volume_of(place).and_then(|volume| Ok((volume, self.find_at(place)?)));
        match found {
            Ok((volume, found)) if found.metadata.file_type == FileType::Regular => {
                Fact::Known(Some(ResolvedFile {
                    volume,
                    path: found.path,
                    guest_path: None,
                    size: found.metadata.len,
                    node: Some(found.node),
                }))
            }
            Ok(_) => Fact::Known(None),
            Err(error) => Fact::<ResolvedFile>::from_lookup(&place.path, Err(error)),
        }
    }

    /// The content of a file.
    ///
    /// # Errors
    /// As [`Volumes::find`]; [`Error::NotAFile`].
    pub(super) fn open(&self, volume: usize, path: &str) -> Result<Arc<dyn Bytes>> {
        let place = Place { device: Device::Volume(volume), path: path.to_owned() };
        Ok(self.open_at(&place)?.1)
    }

    /// The path of the file at a place without symbolic links, and its content.
    ///
    /// # Errors
    /// As [`Volumes::find_at`]; [`Error::NotAFile`].
    pub(super) fn open_at(&self, place: &Place) -> Result<(String, Arc<dyn Bytes>)> {
        let filesystem = self.filesystem_at(place)?;
        let found = volume_path::find(filesystem.as_ref(), &place.path, &self.effort)?;
        Ok((from_top_level(&place.device, found.path), filesystem.open(found.node)?))
    }

    /// The content of a file that was found.
    ///
    /// # Errors
    /// As [`FileSystem::open`].
    pub(super) fn content(&self, file: &ResolvedFile) -> Result<Arc<dyn Bytes>> {
        let absent = || Error::NotFound { path: file.path.clone() };
        self.filesystem(file.volume)?.open(file.node.ok_or_else(absent)?)
    }
}

/// A path on a device; of a subvolume that is named by its path, from the top-level one on.
fn from_top_level(device: &Device, path: String) -> String {
    match device {
        Device::Subvolume(_, option) => match option.strip_prefix("subvol=") {
            Some(subvolume) => format!("/{}{path}", subvolume.trim_matches('/')),
            None => path,
        },
        _ => path,
    }
}
