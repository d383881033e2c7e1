//! Looking for a configuration where loaders usually have it, when the first sector does not lead
//! to one: UEFI-only disks, boot code that was wiped.

use super::entry::Configuration;
use super::first_stage::{LEGACY_DIRECTORIES, LEGACY_NAMES};
use super::grub_config;
use super::grub_device::Device;
use super::grub_script::{Interpreter, Platform};
use super::volumes::{Place, TOP_LEVEL, Volumes};
use super::{grub_legacy, portable_executable, syslinux, systemd_boot};
use crate::bytes::{Bytes, BytesExt};
use crate::disk::grub_core;
use crate::error::{Error, Result};
use crate::fact::Fact;
use crate::guest::facts::BootEntry;

/// Most configurations that are tried, those that cannot be read included.
const MAX_TRIED: u64 = 8;

/// Directories of GRUB 2: Debian's and upstream's, Red Hat's and SUSE's; on `/boot` itself first.
const GRUB_DIRECTORIES: [&str; 4] = ["/boot/grub", "/grub", "/boot/grub2", "/grub2"];

/// Subvolumes of the top level that have the root: Ubuntu's and Arch Linux's, Debian's. Upstream's
/// `grub-install` writes their path into the prefix in its program for UEFI, and nothing beside that.
const SUBVOLUMES: [&str; 2] = ["/@", "/@rootfs"];

/// GRUB for UEFI in a vendor's directory: behind shim; SUSE's without Secure Boot; for Arm; in the place of
/// shim.
const EFI_PROGRAMS: [&str; 5] =
    ["grubx64.efi", "grub.efi", "grubaa64.efi", "bootx64.efi", "bootaa64.efi"];

/// Longest of these programs in bytes that is looked through; Fedora's has some 4 MiB.
const MAX_EFI_PROGRAM: u64 = 16 << 20;

/// Most bytes of all of them together.
const MAX_EFI_PROGRAMS: u64 = 64 << 20;

/// Where vendors have their directories: on the EFI system partition, and on a root in which that
/// is a mere directory.
const EFI_DIRECTORIES: [&str; 2] = ["/EFI", "/boot/efi/EFI"];

/// The section with prefix, configuration and modules in GRUB's program for UEFI (`util/mkimage.c`).
const GRUB_SECTION: [u8; 8] = *b"mods\0\0\0\0";

/// The first configuration that leads to a kernel, or may, or else the first at all. Its default entry is
/// unknown where one in a place before it was not read.
///
/// # Errors
/// When none was found and something could not be read that may hold one, or where a GRUB for UEFI looks
/// for one.
pub(super) fn find(volumes: &Volumes<'_>) -> Result<Option<Configuration>> {
    let mut search = Search::default();
    let found = search
        .grub2(volumes)
        .or_else(|| search.others(volumes))
        .or_else(|| SUBVOLUMES.iter().find_map(|root| search.grub_directories(volumes, root)));
    let Some(mut found) = found.or(search.first.take()) else {
        let open = search.failure.take().or_else(|| volumes.unreadable());
        return open.map_or_else(|| search.programs(volumes), Err);
    };
    if let Some(error) = search.passed_over {
        let reason = format!("a loader may take another configuration: {error}");
        found.default = Fact::unknown(found.evidence.location.clone(), reason);
    }
    Ok(Some(found))
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

/// What all answers are, if they are the same.
fn agreed(answers: &[Option<bool>]) -> Option<bool> {
    let mut given = answers.iter().flatten();
    let first = *given.next()?;
    given.all(|answer| *answer == first).then_some(first)
}

#[derive(Default)]
struct Search {
    tried: u64,
    /// The first configuration, which leads to no kernel.
    first: Option<Configuration>,
    /// The first thing that could not be read.
    failure: Option<Error>,
    /// Why a configuration was not read that is on a readable file system, in a place before the one that was
    /// found.
    passed_over: Option<Error>,
    /// For each vendor's directory, whether the GRUB in it knows `btrfs_relative_path`; none where that
    /// is not seen.
    btrfs_relative_path: Vec<Option<bool>>,
    /// The bytes of programs that were looked through for it.
    looked_through: u64,
}

impl Search {
    /// The configuration, when it leads to a kernel; otherwise it is kept for the end. One of which that is
    /// not decided is not passed over: a loader that begins with it takes no other.
    fn take(
        &mut self,
        volumes: &Volumes<'_>,
        place: &Place,
        read: Result<Configuration>,
    ) -> Option<Configuration> {
        match read {
            Ok(configuration) => {
                let has_kernel = |entry: &Option<BootEntry>| {
                    entry.as_ref().is_some_and(|entry| entry.kernel.is_some())
                };
                if configuration.default.known().is_none_or(has_kernel) {
                    return Some(configuration);
                }
                self.first.get_or_insert(configuration);
            }
            Err(error) => self.fail(volumes, place, error),
        }
        None
    }

    /// What `read` makes of the file or directory at a place; it is not asked when that is not there, or
    /// enough were tried.
    fn look(
        &mut self,
        volumes: &Volumes<'_>,
        place: &Place,
        read: impl FnOnce() -> Result<Configuration>,
    ) -> Option<Configuration> {
        if self.tried > MAX_TRIED {
            return None;
        }
        if let Err(error) = volumes.find_at(place) {
            self.fail(volumes, place, error);
            return None;
        }
        self.tried = self.tried.saturating_add(1);
        if self.tried > MAX_TRIED {
            let (structure, unit) = ("configurations of boot loaders", "places");
            self.fail(volumes, place, Error::Limit { structure, limit: MAX_TRIED, unit });
            return None;
        }
        self.take(volumes, place, read())
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
        let has_btrfs = volumes.indices().any(|volume| volumes.is_btrfs(volume));
        for device in &devices(volumes) {
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
                    if self.tried > MAX_TRIED {
                        return None;
                    }
                    let directory = format!("{efi}/{vendor}");
                    let mut grub = Interpreter::new(volumes, Platform::Efi);
                    if has_btrfs {
                        grub.btrfs_relative_path = self.ask(volumes, device, &directory);
                        self.btrfs_relative_path.push(grub.btrfs_relative_path);
                    }
                    let found = self.try_grub(grub, device, &directory);
                    if found.is_some() {
                        return found;
                    }
                }
            }
        }
        self.grub_directories(volumes, "")
    }

    /// What is in the directories of GRUB below a path.
    fn grub_directories(&mut self, volumes: &Volumes<'_>, below: &str) -> Option<Configuration> {
        let devices = devices(volumes);
        for directory in GRUB_DIRECTORIES.map(|directory| format!("{below}{directory}")) {
            for device in &devices {
                let grub = Interpreter::new(volumes, Platform::Bios);
                let found = self.try_grub(grub, device, &directory);
                if found.is_some() {
                    return found;
                }
            }
        }
        None
    }

    fn try_grub(
        &mut self,
        mut grub: Interpreter<'_, '_>,
        device: &Device,
        directory: &str,
    ) -> Option<Configuration> {
        let volumes = grub.volumes();
        let place = Place { device: device.clone(), path: format!("{directory}/grub.cfg") };
        let volume = volumes.volume_of(&place).ok()?;
        if *device == Device::Volume(volume) && volumes.is_btrfs(volume) {
            // Only a GRUB that knows the variable reads this one.
            let known = match self.btrfs_relative_path.is_empty() {
                true => Some(true),
                false => agreed(&self.btrfs_relative_path),
            };
            if known == Some(false) {
                return None;
            }
            grub.btrfs_relative_path = known;
            grub.preset("btrfs_relative_path", "y");
        }
        let name = volumes.grub_name(volume);
        grub.preset("root", &name);
        grub.preset("prefix", &format!("({name}){directory}"));
        self.look(volumes, &place, || grub_config::read(grub, &place))
    }

    /// Whether the GRUB for UEFI in a directory knows `btrfs_relative_path`; none where one of its
    /// programs is not read, or they differ.
    fn ask(&mut self, volumes: &Volumes<'_>, device: &Device, directory: &str) -> Option<bool> {
        let mut answers = Vec::new();
        for name in EFI_PROGRAMS {
            let place = Place { device: device.clone(), path: format!("{directory}/{name}") };
            match volumes.open_at(&place) {
                Ok((_, file)) => {
                    let program = self.program(file.as_ref())?;
                    answers.push(grub_core::btrfs_relative_path(&program));
                }
                Err(error) if error.is_absent() => {}
                Err(_) => return None,
            }
        }
        agreed(&answers)
    }

    /// The bytes of a program, where they can be read within the bounds.
    fn program(&mut self, file: &dyn Bytes) -> Option<Vec<u8>> {
        let left = MAX_EFI_PROGRAMS.saturating_sub(self.looked_through);
        if file.len() > left.min(MAX_EFI_PROGRAM) {
            return None;
        }
        self.looked_through = self.looked_through.saturating_add(file.len());
        file.vec(0, usize::try_from(file.len()).ok()?).ok()
    }

    /// The configuration to which the prefix in a GRUB for UEFI leads.
    fn programs(&mut self, volumes: &Volumes<'_>) -> Result<Option<Configuration>> {
        for device in devices(volumes) {
            let on = |path: String| Place { device: device.clone(), path };
            for efi in EFI_DIRECTORIES {
                let vendors = match volumes.names_at(&on(efi.to_owned())) {
                    Err(error) if error.is_absent() => continue,
                    vendors => vendors?,
                };
                for vendor in vendors {
                    for name in EFI_PROGRAMS {
                        let place = on(format!("{efi}/{vendor}/{name}"));
                        match self.by_prefix(volumes, &place) {
                            Err(error) if error.is_absent() => {}
                            Ok(None) => {}
                            found => return found,
                        }
                    }
                }
            }
        }
        Ok(None)
    }

    /// The same of one program; nothing of another that is no GRUB.
    ///
    /// # Errors
    /// As for [`Volumes::open_at`] where the program or that configuration is not read; where the program
    /// has a configuration of its own, or its prefix is on another device than a partition of this disk.
    fn by_prefix(&mut self, volumes: &Volumes<'_>, place: &Place) -> Result<Option<Configuration>> {
        let (path, file) = match volumes.open_at(place) {
            Err(Error::NotAFile { .. }) => return Ok(None),
            opened => opened?,
        };
        let sections = match portable_executable::sections(file.as_ref()) {
            // The firmware does not start it.
            Err(Error::Corrupt { structure: portable_executable::HEADER, .. }) => return Ok(None),
            Err(Error::OutOfBounds { .. }) if file.len() <= portable_executable::PE_POINTER => {
                return Ok(None);
            }
            sections => sections?,
        };
        let Some(section) = sections.into_iter().find(|section| section.name == GRUB_SECTION)
        else {
            return Ok(None);
        };
        let start = usize::try_from(section.start).unwrap_or(usize::MAX);
        let program = self.program(file.as_ref());
        let embedded = program.and_then(|it| grub_core::uefi_modules(it.get(start..)?).ok());
        let prefix = embedded.filter(|it| it.config.is_none()).and_then(|it| it.prefix);
        // `(,gpt2)/boot/grub`: on the disk that was started (`grub-core/kern/main.c`,
        // `grub_set_prefix_and_root`).
        let partition = prefix.as_deref().and_then(|it| it.strip_prefix("(,")?.split_once(')'));
        let Some((partition, directory)) = partition else {
            let reason = "where this GRUB looks for its configuration is not read".to_owned();
            return Err(Error::Unreadable { path, reason });
        };
        let mut grub = Interpreter::new(volumes, Platform::Efi);
        let device = format!("hd0,{partition}");
        let prefix = format!("({device}){directory}");
        grub.preset("root", &device);
        grub.preset("prefix", &prefix);
        let config = format!("{prefix}/grub.cfg");
        let config = grub.place(&config).ok_or(Error::NotFound { path: config })?;
        grub_config::read(grub, &config).map(Some)
    }

    fn others(&mut self, volumes: &Volumes<'_>) -> Option<Configuration> {
        for volume in volumes.indices() {
            let on = |path: String| Place { device: Device::Volume(volume), path };
            let is_there = |place: &Place| match volumes.find_at(place) {
                Ok(_) => true,
                Err(error) => !error.is_absent(),
            };
            let mut places = systemd_boot::DIRECTORIES.map(|it| on(it.to_owned())).into_iter();
            if let Some(place) = places.find(is_there) {
                let found = self.look(volumes, &place, || systemd_boot::read(volumes, volume));
                if found.is_some() {
                    return found;
                }
            }
            for directory in syslinux::DIRECTORIES {
                for name in syslinux::NAMES {
                    let place = on(format!("{directory}/{name}"));
                    if let found @ Some(_) =
                        self.look(volumes, &place, || syslinux::read(volumes, &place))
                    {
                        return found;
                    }
                }
            }
            for directory in LEGACY_DIRECTORIES {
                for name in LEGACY_NAMES {
                    let place = on(format!("{directory}/{name}"));
                    if let found @ Some(_) =
                        self.look(volumes, &place, || grub_legacy::read(volumes, &place))
                    {
                        return found;
                    }
                }
            }
        }
        None
    }
}
