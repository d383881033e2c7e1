//! Looking for a configuration where loaders usually have it, when the first sector does not lead
//! to one: UEFI-only disks, boot code that was wiped.

use super::entry::Configuration;
use super::first_stage::{LEGACY_DIRECTORIES, LEGACY_NAMES};
use super::grub_config;
use super::grub_device::Device;
use super::grub_script::{Interpreter, Platform};
use super::volumes::{Place, TOP_LEVEL, Volumes};
use super::{grub_legacy, syslinux, systemd_boot};
use crate::error::{Error, Result};

/// Most configurations that are tried.
const MAX_TRIED: usize = 8;

/// Directories of GRUB 2: Debian's and upstream's, Red Hat's and SUSE's; on `/boot` itself first.
const GRUB_DIRECTORIES: [&str; 4] = ["/boot/grub", "/grub", "/boot/grub2", "/grub2"];

/// Where vendors have their directories: on the EFI system partition, and on a root in which that
/// is a mere directory.
const EFI_DIRECTORIES: [&str; 2] = ["/EFI", "/boot/efi/EFI"];

/// The first configuration that leads to a kernel, or else the first at all.
///
/// # Errors
/// When none was found and something could not be read that may hold one; when a bound of this program
/// cut what comes before the one that was found.
pub(super) fn find(volumes: &Volumes<'_>) -> Result<Option<Configuration>> {
    let mut search = Search { tried: 0, first: None, failure: None };
    let found = search.grub2(volumes).or_else(|| search.others(volumes));
    match (found.or(search.first), search.failure.or_else(|| volumes.unreadable())) {
        // The loader reads on where the bound ends.
        (None, Some(error)) | (_, Some(error @ Error::Limit { .. })) => Err(error),
        (found, _) => Ok(found),
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

struct Search {
    tried: usize,
    /// The first configuration, without a kernel.
    first: Option<Configuration>,
    /// The first thing that could not be read; what a bound cut goes before others.
    failure: Option<Error>,
}

impl Search {
    /// The configuration, when it leads to a kernel; otherwise it is kept for the end.
    fn take(&mut self, read: Result<Configuration>) -> Option<Configuration> {
        match read {
            Ok(configuration) => {
                self.tried = self.tried.saturating_add(1);
                let entry = configuration.default.known().and_then(Option::as_ref);
                if entry.is_some_and(|entry| entry.kernel.is_some()) {
                    return Some(configuration);
                }
                self.first.get_or_insert(configuration);
            }
            Err(error) => self.fail(error),
        }
        None
    }

    fn fail(&mut self, error: Error) {
        let is_cut = |error: &Error| matches!(error, Error::Limit { .. });
        let counts = match &self.failure {
            Some(before) => is_cut(&error) && !is_cut(before),
            None => !error.is_absent(),
        };
        if counts {
            self.failure = Some(error);
        }
    }

    fn grub2(&mut self, volumes: &Volumes<'_>) -> Option<Configuration> {
        let devices = devices(volumes);
        for device in &devices {
            for efi in EFI_DIRECTORIES {
                let vendors = match volumes
                    .names_at(&Place { device: device.clone(), path: efi.to_owned() })
                {
                    Ok(vendors) => vendors,
                    Err(error) => {
                        self.fail(error);
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
            Err(error) => return self.take(Err(error)),
        };
        let mut grub = Interpreter::new(volumes, platform);
        let name = volumes.grub_name(volume);
        grub.preset("root", &name);
        grub.preset("prefix", &format!("({name}){directory}"));
        if *device == Device::Volume(volume) && volumes.is_btrfs(volume) {
            grub.preset("btrfs_relative_path", "y");
        }
        self.take(grub_config::read(grub, &place))
    }

    fn others(&mut self, volumes: &Volumes<'_>) -> Option<Configuration> {
        for volume in volumes.indices() {
            let on = |path: String| Place { device: Device::Volume(volume), path };
            if let found @ Some(_) = self.take(systemd_boot::read(volumes, volume)) {
                return found;
            }
            for directory in syslinux::DIRECTORIES {
                for name in syslinux::NAMES {
                    let place = on(format!("{directory}/{name}"));
                    if let found @ Some(_) = self.take(syslinux::read(volumes, &place)) {
                        return found;
                    }
                }
            }
            for directory in LEGACY_DIRECTORIES {
                for name in LEGACY_NAMES {
                    let place = on(format!("{directory}/{name}"));
                    if let found @ Some(_) = self.take(grub_legacy::read(volumes, &place)) {
                        return found;
                    }
                }
            }
        }
        None
    }
}
