//! Where GRUB's paths begin on Btrfs.
//!
//! Upstream's GRUB begins at the top-level subvolume, whichever is the default one
//! (`grub-core/fs/btrfs.c`, `get_root`). The GRUB of SUSE and Fedora begins at the default one, or the
//! one that a variable names, while `btrfs_relative_path` begins with `1` or `y`
//! (grub2-btrfs-01-add-ability-to-boot-from-subvolumes.patch, grub2-btrfs-03-follow_default.patch),
//! and has `btrfs-mount-subvol` (grub2-btrfs-06-subvol-mount.patch). To upstream's the variable means
//! nothing.

use std::rc::Rc;

use super::interpreter::{Interpreter, Status};
use super::{Doubt, Stop, Text, shortened};
use crate::filesystem::FileType;
use crate::filesystem::tree::MAX_PATH;
use crate::guest::linux::boot::grub_device::Device;
use crate::guest::linux::boot::volumes::{Place, TOP_LEVEL};

/// Whether paths begin at the default subvolume, and which one is taken instead of it. GRUB exports
/// them.
pub(super) const VARIABLES: [&str; 3] = ["btrfs_relative_path", "btrfs_subvol", "btrfs_subvolid"];

/// The variable that setting `name` empties.
pub(super) fn displaced(name: &str) -> Option<&'static str> {
    match name {
        "btrfs_subvol" => Some("btrfs_subvolid"),
        "btrfs_subvolid" => Some("btrfs_subvol"),
        _ => None,
    }
}

/// A beginning of paths that leads into a subvolume.
#[derive(Debug, Clone)]
pub(super) struct SubvolumeMount {
    /// What paths begin with.
    directory: String,
    /// The volume, and the mount option that shows the subvolume; or why it is not known.
    target: Result<(usize, String), Doubt>,
}

impl Interpreter<'_, '_> {
    /// The place of a path on a device.
    pub(super) fn place_on(&self, device: Device, path: String) -> Place {
        match device {
            Device::Volume(volume) if self.volumes.is_btrfs(volume) => self.on_btrfs(volume, path),
            device => Place { device, path },
        }
    }

    fn on_btrfs(&self, volume: usize, path: String) -> Place {
        let device = self.beginning(volume);
        if matches!(device, Device::Unknown(_)) {
            return Place { device, path };
        }
        let Some(mount) = self.subvolume_mount(&path) else { return Place { device, path } };
        let is_relative = !matches!(&device, Device::Subvolume(_, option) if option == TOP_LEVEL);
        let device = match &mount.target {
            Ok((on, option)) if *on == volume && is_relative => {
                Device::Subvolume(volume, option.clone())
            }
            Ok(_) => {
                let path = shortened(&path);
                let reason = format!("where {path} leads by btrfs-mount-subvol is not followed");
                Device::Unknown(reason)
            }
            Err(doubt) => Device::Unknown(shortened(doubt)),
        };
        let rest = path.strip_prefix(&mount.directory).filter(|rest| !rest.is_empty());
        Place { device, path: rest.unwrap_or("/").to_owned() }
    }

    /// Where a path begins that leads through no mount.
    fn beginning(&self, volume: usize) -> Device {
        let [(relative, doubt), (path, of_path), (id, of_id)] =
            VARIABLES.map(|name| self.peek(name));
        if let Some(doubt) = doubt {
            return Device::Unknown(shortened(doubt));
        }
        let top_level = Device::Subvolume(volume, TOP_LEVEL.to_owned());
        if !relative.starts_with(['1', 'y']) || self.btrfs_relative_path == Some(false) {
            return top_level;
        }
        if let Some(doubt) = of_path.as_ref().or(of_id.as_ref()) {
            return Device::Unknown(shortened(doubt));
        }
        if path.len() > MAX_PATH {
            return Device::Unknown(format!("btrfs_subvol has more than {MAX_PATH} bytes"));
        }
        let device = match id.parse::<u64>() {
            _ if !path.is_empty() => Device::Subvolume(volume, format!("subvol={path}")),
            Ok(0) => Device::Volume(volume),
            Ok(id) => Device::Subvolume(volume, format!("subvolid={id}")),
            Err(_) if id.is_empty() => Device::Volume(volume),
            Err(_) => {
                let id = shortened(id);
                Device::Unknown(format!("btrfs_subvolid={id} is no number"))
            }
        };
        let is_the_same = || match &device {
            Device::Volume(_) => !self.volumes.has_default_subvolume(volume),
            device => *device == top_level,
        };
        match self.btrfs_relative_path.is_some() || is_the_same() {
            true => device,
            false => Device::Unknown(NOT_SEEN.to_owned()),
        }
    }

    /// The mount that a path leads through: of several the one whose name is the greatest, of equal
    /// ones the latest (`find_mtab_subvol_tree`).
    fn subvolume_mount(&self, path: &str) -> Option<&SubvolumeMount> {
        let mounts = self.subvolume_mounts.iter();
        let leading = mounts.filter(|mount| path.starts_with(&mount.directory));
        leading.max_by(|a, b| a.directory.as_bytes().cmp(b.directory.as_bytes()))
    }

    /// `btrfs-mount-subvol (DEVICE) DIRECTORY SUBVOLUME`, whose path is that from the top level.
    pub(super) fn btrfs_mount_subvol(&mut self, args: &[Text]) -> Result<Status, Stop> {
        if self.btrfs_relative_path == Some(false) {
            return Ok(Status::of(false));
        }
        let [device, directory, subvolume, ..] = args else { return Ok(Status::of(false)) };
        let doubts = [device, directory, subvolume].map(|arg| arg.doubt.clone());
        if let Some(doubt) = doubts.into_iter().flatten().next().or_else(|| self.doubt()) {
            self.doubt_subvolume_mounts(&doubt)?;
            return Ok(Status { failed: false, doubt: Some(doubt) });
        }
        let name = device.value.trim_start_matches('(').split(')').next().unwrap_or_default();
        let volume = match self.volumes.resolve(name) {
            Device::Volume(volume) | Device::Subvolume(volume, _) => volume,
            Device::Absent(_) => return Ok(Status::of(false)),
            Device::Unknown(reason) => {
                self.doubt_subvolume_mounts(&reason.as_str().into())?;
                return Ok(Status::doubtful(true, reason));
            }
        };
        if !self.volumes.is_btrfs(volume) {
            return Ok(Status::of(false));
        }
        if subvolume.value.len() > MAX_PATH {
            let reason = format!("a subvolume's path of more than {MAX_PATH} bytes");
            self.doubt_subvolume_mounts(&reason.as_str().into())?;
            return Ok(Status::doubtful(true, reason));
        }
        let option = format!("subvol={}", subvolume.value);
        let at = Place { device: self.beginning(volume), path: directory.value.clone() };
        let root = Device::Subvolume(volume, option.clone());
        let root = self.volumes.find_at(&Place { device: root, path: "/".to_owned() });
        let target = match self.volumes.find_at(&at).and_then(|at| root.map(|_| at)) {
            Ok(at) if at.metadata.file_type != FileType::Directory => {
                return Ok(Status::of(false));
            }
            Err(error) if error.is_absent() => return Ok(Status::of(false)),
            Err(error) => Err(Doubt::from(format!("{}: {error}", self.site))),
            Ok(_) if self.btrfs_relative_path.is_none() => Err(Doubt::from(NOT_SEEN)),
            Ok(_) => Ok((volume, option)),
        };
        let doubt = target.as_ref().err().cloned();
        self.push_subvolume_mount(directory.value.clone(), target)?;
        Ok(Status { failed: false, doubt })
    }

    /// Any path may lead through a mount that is not known.
    pub(super) fn doubt_subvolume_mounts(&mut self, doubt: &Doubt) -> Result<(), Stop> {
        self.push_subvolume_mount(String::new(), Err(Rc::clone(doubt)))
    }

    fn push_subvolume_mount(
        &mut self,
        directory: String,
        target: Result<(usize, String), Doubt>,
    ) -> Result<(), Stop> {
        self.budget.text(directory.len().saturating_add(MOUNT_COST))?;
        self.subvolume_mounts.push(SubvolumeMount { directory, target });
        Ok(())
    }
}

/// Why it is open where paths begin.
const NOT_SEEN: &str = "whether this GRUB knows btrfs_relative_path is not seen";

/// What a mount costs of the bound on text: every path is compared with all of them.
const MOUNT_COST: usize = 4096;
