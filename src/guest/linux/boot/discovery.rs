//! Looking for a configuration where loaders usually have it, when the first sector does not lead
//! to one: UEFI-only disks, boot code that was wiped.

use super::entry::Configuration;
use super::first_stage::{LEGACY_DIRECTORIES, LEGACY_NAMES};
use super::grub_config;
use super::grub_device::Device;
use super::grub_script::{Interpreter, Platform};
use super::volumes::{Place, Volumes};
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
/// When none was found and something could not be read that may hold one.
pub(super) fn find(volumes: &Volumes<'_>) -> Result<Option<Configuration>> {
    let mut search = Search { tried: 0, first: None, failure: None };
    let found = search.grub2(volumes).or_else(|| search.others(volumes));
    match (found.or(search.first), search.failure.or_else(|| volumes.unreadable())) {
        (None, Some(error)) => Err(error),
        (found, _) => Ok(found),
    }
}

struct Search {
    tried: usize,
    /// The first configuration, without a kernel.
    first: Option<Configuration>,
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
            Err(error) if error.is_absent() => {}
            Err(error) => {
                self.failure.get_or_insert(error);
            }
        }
        None
    }

    fn grub2(&mut self, volumes: &Volumes<'_>) -> Option<Configuration> {
        for volume in volumes.indices() {
            for efi in EFI_DIRECTORIES {
                let vendors = match volumes.names(volume, efi) {
                    Ok(vendors) => vendors,
                    Err(error) => {
                        if !error.is_absent() {
                            self.failure.get_or_insert(error);
                        }
                        continue;
                    }
                };
                for vendor in vendors {
                    let found =
                        self.try_grub(volumes, volume, &format!("{efi}/{vendor}"), Platform::Efi);
                    if found.is_some() {
                        return found;
                    }
                }
            }
        }
        for directory in GRUB_DIRECTORIES {
            for volume in volumes.indices() {
                let found = self.try_grub(volumes, volume, directory, Platform::Bios);
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
        volume: usize,
        directory: &str,
        platform: Platform,
    ) -> Option<Configuration> {
        let place = Place { device: Device::Volume(volume), path: format!("{directory}/grub.cfg") };
        if self.tried >= MAX_TRIED {
            return None;
        }
        if let Err(error) = volumes.find_at(&place) {
            return self.take(Err(error));
        }
        let mut grub = Interpreter::new(volumes, platform);
        let device = volumes.grub_name(volume);
        grub.preset("root", &device);
        grub.preset("prefix", &format!("({device}){directory}"));
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
