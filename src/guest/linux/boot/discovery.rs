//! Looking for a configuration where loaders usually have it, when the first sector does not lead
//! to one: UEFI-only disks, boot code that was wiped.

use super::entry::Configuration;
use super::first_stage::{LEGACY_DIRECTORIES, LEGACY_NAMES};
use super::grub_config;
use super::grub_device::Device;
use super::grub_script::{Interpreter, Platform};
use super::volumes::{Place, TOP_LEVEL, Volumes};
use super::{grub_legacy, syslinux, systemd_boot};
use crate::bytes::BytesExt;
use crate::disk::grub_core;
use crate::error::{Error, Result};
use crate::fact::Fact;

/// Most configurations that are tried.
const MAX_TRIED: usize = 8;

/// Directories of GRUB 2: Debian's and upstream's, Red Hat's and SUSE's; on `/boot` itself first.
const GRUB_DIRECTORIES: [&str; 4] = ["/boot/grub", "/grub", "/boot/grub2", "/grub2"];

/// GRUB for UEFI in a vendor's directory: behind shim; SUSE's without Secure Boot; for Arm.
const EFI_PROGRAMS: [&str; 3] = ["grubx64.efi", "grub.efi", "grubaa64.efi"];

/// Most bytes of it that are looked through; Fedora's has some 4 MiB.
const MAX_EFI_PROGRAM: u64 = 16 << 20;

/// Where vendors have their directories: on the EFI system partition, and on a root in which that
/// is a mere directory.
const EFI_DIRECTORIES: [&str; 2] = ["/EFI", "/boot/efi/EFI"];

/// The first configuration that leads to a kernel, or else the first at all.
///
/// # Errors
/// When none was found and something could not be read that may hold one; when a bound of this program
/// cut what comes before the one that was found.
pub(super) fn find(volumes: &Volumes<'_>) -> Result<Option<Configuration>> {
    let mut search = Search::default();
    let found = search.grub2(volumes).or_else(|| search.others(volumes));
    match (found.or(search.first), search.failure.or_else(|| volumes.unreadable())) {
        (None, Some(error)) => Err(error),
        (None, None) => Ok(None),
        (Some(mut found), _) => {
            if let Some(error) = search.passed_over {
                let reason = format!("a loader may take another configuration: {error}");
                found.default = Fact::unknown(found.evidence.location.clone(), reason);
            }
            Ok(Some(found))
        }
    }
}

/// Where GRUB may begin: of Btrfs at the top level, and those that know `btrfs_relative_path` at the
/// default subvolume.
fn devices(volumes: &Volumes<'_>) -> Vec<Device> {
    let of = |volume: usize| {
        let top = Device::Subvolume(volume, TOP_LEVEL.to_owned());
        match (volumes.is_btrfs(volume), volumes.has_default_subvolume(volume)) {
            (true, true) => vec![top, Device::Volume(volume)],
            (true, false) => vec![top],
            (false, _) => vec![Device::Volume(volume)],
        }
    };
    volumes.indices().flat_map(of).collect()
}

/// Whether the GRUB for UEFI in a directory knows `btrfs_relative_path`; none where that is not seen, or
/// nothing is there that it would matter for.
fn btrfs_relative_path(volumes: &Volumes<'_>, device: &Device, directory: &str) -> Option<bool> {
    if !volumes.indices().any(|volume| volumes.has_default_subvolume(volume)) {
        return None;
    }
    EFI_PROGRAMS.iter().find_map(|name| {
        let place = Place { device: device.clone(), path: format!("{directory}/{name}") };
        let (_, file) = volumes.open_at(&place).ok()?;
        let len = file.len().min(MAX_EFI_PROGRAM);
        grub_core::btrfs_relative_path(&file.vec(0, usize::try_from(len).ok()?).ok()?)
    })
}

#[derive(Default)]
struct Search {
    tried: usize,
    /// The first configuration, without a kernel.
    first: Option<Configuration>,
    /// The first thing that could not be read; what a bound cut goes before others.
    failure: Option<Error>,
    /// Why a configuration was not read that is on a readable file system, in a place before the one that was
    /// found.
    passed_over: Option<Error>,
    /// Whether one of the GRUBs for UEFI that were seen knows `btrfs_relative_path`.
    btrfs_relative_path: Option<bool>,
}

impl Search {
    /// The configuration, when it leads to a kernel; otherwise it is kept for the end.
    fn take(
        &mut self,
        volumes: &Volumes<'_>,
        place: &Place,
        read: Result<Configuration>,
    ) -> Option<Configuration> {
        match read {
            Ok(configuration) => {
                self.tried = self.tried.saturating_add(1);
                let entry = configuration.default.known().and_then(Option::as_ref);
                if entry.is_some_and(|entry| entry.kernel.is_some()) {
                    return Some(configuration);
                }
                self.first.get_or_insert(configuration);
            }
            Err(error) => self.fail(volumes, place, error),
        }
        None
    }

    fn fail(&mut self, volumes: &Volumes<'_>, place: &Place, error: Error) {
        if error.is_absent() {
            return;
        }
        if volumes.filesystem_at(place).is_ok() {
            self.passed_over.get_or_insert_with(|| error.clone());
        }
        self.failure.get_or_insert(error);
    }

    fn grub2(&mut self, volumes: &Volumes<'_>) -> Option<Configuration> {
        let devices = devices(volumes);
        for device in &devices {
            for efi in EFI_DIRECTORIES {
                let place = Place { device: device.clone(), path: efi.to_owned() };
                let vendors = match volumes.names_at(&place) {
                    Ok(vendors) => vendors,
                    Err(error) => {
                        self.fail(volumes, &place, error);
                        continue;
                    }
                };
                for vendor in vendors {
                    let found =
                        self.try_grub(volumes, device, &format!("{efi}/{vendor}"), Platform::Efi);
                    if found.is_some() {
                        return found;
                    }
                }
            }
        }
        for directory in GRUB_DIRECTORIES {
            for device in &devices {
                let found = self.try_grub(volumes, device, directory, Platform::Bios);
                if found.is_some() {
                    return found;
                }
            }
        }
        None
    }

    fn try_grub(
        &mut self,
        volumes: &Volumes<'_>,
        device: &Device,
        directory: &str,
        platform: Platform,
    ) -> Option<Configuration> {
        let place = Place { device: device.clone(), path: format!("{directory}/grub.cfg") };
        if self.tried >= MAX_TRIED {
            return None;
        }
        let volume = match volumes.find_at(&place).and_then(|_| volumes.volume_of(&place)) {
            Ok(volume) => volume,
            Err(error) => return self.take(volumes, &place, Err(error)),
        };
        let mut grub = Interpreter::new(volumes, platform);
        let name = volumes.grub_name(volume);
        grub.preset("root", &name);
        grub.preset("prefix", &format!("({name}){directory}"));
        if platform == Platform::Efi {
            grub.btrfs_relative_path = btrfs_relative_path(volumes, device, directory);
            self.btrfs_relative_path = self.btrfs_relative_path.max(grub.btrfs_relative_path);
        }
        if *device == Device::Volume(volume) && volumes.is_btrfs(volume) {
            // Only a GRUB that knows it reads this one.
            if self.btrfs_relative_path == Some(false) {
                return None;
            }
            grub.preset("btrfs_relative_path", "y");
            grub.btrfs_relative_path = Some(true);
        }
        self.take(volumes, &place, grub_config::read(grub, &place))
    }

    fn others(&mut self, volumes: &Volumes<'_>) -> Option<Configuration> {
        for volume in volumes.indices() {
            let on = |path: String| Place { device: Device::Volume(volume), path };
            if let found @ Some(_) =
                self.take(volumes, &on(String::new()), systemd_boot::read(volumes, volume))
            {
                return found;
            }
            for directory in syslinux::DIRECTORIES {
                for name in syslinux::NAMES {
                    let place = on(format!("{directory}/{name}"));
                    if let found @ Some(_) =
                        self.take(volumes, &place, syslinux::read(volumes, &place))
                    {
                        return found;
                    }
                }
            }
            for directory in LEGACY_DIRECTORIES {
                for name in LEGACY_NAMES {
                    let place = on(format!("{directory}/{name}"));
                    if let found @ Some(_) =
                        self.take(volumes, &place, grub_legacy::read(volumes, &place))
                    {
                        return found;
                    }
                }
            }
        }
        None
    }
}
