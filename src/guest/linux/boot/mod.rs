//! How the guest boots: from the first sector over the loader and its default entry to the kernel,
//! the initramfs and the root device.
//!
//! In: the disk's facts and the volumes' file systems, as a boot loader sees them (no mounts). Out:
//! [`BootFacts`]. Each step is a link of the chain with what was seen; what is not decided is said
//! to be so, with the reason.

mod bls;
pub(super) mod command_line;
mod discovery;
mod dracut_devices;
mod elf_module;
mod entry;
#[cfg(test)]
mod fake;
pub mod firmware;
mod first_stage;
mod grub_config;
mod grub_device;
mod grub_legacy;
mod grub_modules;
mod grub_script;
mod grubenv;
mod gzip;
mod init;
mod initramfs_maker;
pub mod kernel_image;
mod portable_executable;
pub(super) mod program_interpreter;
mod stop;
mod stored;
mod syslinux;
mod systemd_boot;
#[cfg(test)]
mod tests;
mod unified_kernel_image;
mod volume_path;
mod volumes;

pub(super) use dracut_devices::unlisted_array;
pub use firmware::firmware;
pub use init::init_link;
pub use initramfs_maker::initramfs_makers;
pub(super) use stop::{is_taken, stop, unseen};
pub(super) use stored::StoredFileSystems;
pub(super) use volumes::TOP_LEVEL;

use command_line::MAX_COMMAND_LINE;
use entry::Configuration;
use first_stage::Chain;
use volumes::Volumes;

use super::device::{device_ref, root_ref};
use super::mounts::subvolume_option;
use crate::disk::facts::DiskFacts;
use crate::error::Result;
use crate::fact::{Evidence, Fact};
use crate::filesystem::FileSystem;
use crate::guest::Machine;
use crate::guest::facts::{
    BootEntry, BootFacts, BootFile, DeviceRef, KernelFacts, LinkKind, LinkState, LoaderKind,
    Resolution, SourceKind,
};

/// Follows the boot chain up to the root device. The link to init, which lies in the guest's tree,
/// is [`init_link`]; `guest_path` of the files stays `None`.
///
/// When the first sector leads to no configuration, one is looked for where loaders usually have
/// it, so that the default entry and what it names are known all the same.
pub fn follow(machine: &Machine<'_>) -> BootFacts {
    follow_stored(machine, &StoredFileSystems::of(machine))
}

/// As [`follow`], with the file systems as they are stored.
pub(super) fn follow_stored(machine: &Machine<'_>, stored: &StoredFileSystems) -> BootFacts {
    follow_with(machine, stored, &|spec| root_ref(spec, machine.disk))
}

fn follow_with(
    machine: &Machine<'_>,
    stored: &StoredFileSystems,
    device_ref: &dyn Fn(&str) -> DeviceRef,
) -> BootFacts {
    let volumes = Volumes::new(machine, device_ref).stored(stored);
    let mut boot = follow_on(&volumes);
    if stored.differ(machine) {
        let mounted = Volumes::new(machine, device_ref);
        stored::compare(&mut boot, &follow_on(&mounted), [&volumes, &mounted]);
    }
    boot
}

fn follow_on(volumes: &Volumes<'_>) -> BootFacts {
    let mut chain = Chain(Vec::new());
    let by_bios = first_stage::follow(volumes, &mut chain);
    let is_bios = by_bios.is_some();
    let found = match by_bios {
        Some(configuration) => Ok(Some(configuration)),
        None => discover(volumes, &mut chain),
    };
    match found {
        Ok(Some(configuration)) => {
            entry_links(volumes, &configuration, is_bios, &mut chain);
            BootFacts {
                configuration: configuration.file(),
                loader: Fact::Known(Some((configuration.kind, configuration.evidence))),
                chain: chain.0,
                default_entry: configuration.default,
                other_entries: configuration.others,
                timeout: configuration.timeout,
                stop: None,
            }
        }
        Ok(None) => BootFacts {
            loader: Fact::Known(None),
            configuration: None,
            chain: chain.0,
            default_entry: Fact::Known(None),
            other_entries: Vec::new(),
            timeout: None,
            stop: None,
        },
        Err(error) => BootFacts {
            loader: Fact::unknown("boot loader", error.to_string()),
            configuration: None,
            chain: chain.0,
            default_entry: Fact::unknown("boot loader", error.to_string()),
            other_entries: Vec::new(),
            timeout: None,
            stop: None,
        },
    }
}

/// The mount options that the entry gives to the root (`rootflags=`).
pub fn root_flags(entry: &BootEntry) -> String {
    command_line::last_value(&entry.command_line, "rootflags").unwrap_or_default()
}

/// The option of `rootflags=` that chooses a subvolume which the root's file system does not have.
pub fn absent_subvolume(filesystem: &dyn FileSystem, entry: &BootEntry) -> Option<String> {
    let flags = root_flags(entry);
    let option = subvolume_option(flags.split(','))?;
    let absent = filesystem.kind() == "btrfs"
        && filesystem.subvolume(option).is_err_and(|error| error.is_absent());
    absent.then(|| option.to_owned())
}

/// The deployment that the entry starts (`ostree=`).
pub fn ostree(entry: &BootEntry) -> Option<String> {
    command_line::last_value(&entry.command_line, "ostree").filter(|path| path.starts_with('/'))
}

/// Where the entry has the initramfs mount `/usr` from (systemd-fstab-generator(8), `mount.usr=`).
pub(super) fn usr(entry: &BootEntry) -> Option<String> {
    command_line::last_value(&entry.command_line, "mount.usr")
}

/// Breaks the chain at an initramfs that is damaged: what lies behind that place never runs.
pub fn break_at_damaged_initramfs(boot: &mut BootFacts, kernels: &Fact<Vec<KernelFacts>>) {
    let mut kernels = kernels.known().into_iter().flatten();
    let default = kernels.find(|kernel| kernel.is_default);
    let initramfs = default.and_then(|kernel| kernel.initramfs.known()?.as_ref());
    let Some(unread) = initramfs.filter(|it| it.damaged).and_then(|it| it.listing.unread()) else {
        return;
    };
    let link = boot.chain.iter_mut().find(|link| link.kind == LinkKind::Initramfs);
    if let Some(link) = link.filter(|link| link.state == LinkState::Found) {
        link.state = LinkState::Missing;
        link.evidence = Evidence::new(&unread.location, format!("damaged: {}", unread.reason));
    }
}

/// Takes the case of UUIDs on the command lines as it counts. `by_letter` says that the initramfs
/// looks for the root by the letters of its UUID: initramfs-tools asks blkid(8)
/// (`scripts/functions`, `resolve_device`), systemd waits for udev's link (systemd-fstab-generator(8)).
pub(super) fn settle_spelling(boot: &mut BootFacts, by_letter: bool, disk: &DiskFacts) {
    let is_other = |device: &DeviceRef| {
        device.kind == SourceKind::Uuid
            && matches!(device.resolution, Resolution::Volume(_))
            && device_ref(&device.spec, disk).resolution == Resolution::Missing
    };
    let default = match &mut boot.default_entry {
        Fact::Known(Some(entry)) => Some(entry),
        _ => None,
    };
    let mut wrong_root = None;
    for (index, entry) in default.into_iter().chain(&mut boot.other_entries).enumerate() {
        if let Some(resume) = entry.resume.as_mut().filter(|resume| is_other(resume)) {
            resume.resolution = Resolution::Missing;
        }
        let by_letter = by_letter && !entry.initrds.is_empty();
        if let Some(root) = entry.root.as_mut().filter(|root| by_letter && is_other(root)) {
            root.resolution = Resolution::Missing;
            if index == 0 {
                wrong_root = Some(format!("root={}", root.spec));
            }
        }
    }
    let mut links = boot.chain.iter_mut().filter(|link| link.state == LinkState::Found);
    let link = links.find(|link| link.kind == LinkKind::RootDevice);
    if let (Some(named), Some(link)) = (wrong_root, link) {
        link.state = LinkState::Missing;
        link.evidence.detail =
            format!("{named}: a volume has this UUID in other letters only, and their case counts");
    }
}

/// Looks for a configuration to which the first sector did not lead.
fn discover(volumes: &Volumes<'_>, chain: &mut Chain) -> Result<Option<Configuration>> {
    let found = discovery::find(volumes);
    if !chain.0.iter().any(|link| link.kind == LinkKind::Configuration) {
        let (state, evidence) = match &found {
            Ok(Some(configuration)) => (LinkState::Found, configuration.evidence.clone()),
            Ok(None) => {
                let evidence = Evidence::new("all volumes", "no boot loader's configuration");
                (LinkState::Missing, evidence)
            }
            Err(error) => {
                (LinkState::Unknown(error.to_string()), Evidence::new("all volumes", "not read"))
            }
        };
        chain.push(LinkKind::Configuration, state, evidence);
    }
    found
}

/// The links from the default entry on. `is_bios` says that BIOS led to the configuration.
fn entry_links(
    volumes: &Volumes<'_>,
    configuration: &Configuration,
    is_bios: bool,
    chain: &mut Chain,
) {
    let entry = match &configuration.default {
        Fact::Known(Some(entry)) => entry,
        Fact::Known(None) => {
            let evidence = Evidence::new(&configuration.evidence.location, "no default entry");
            return chain.push(LinkKind::DefaultEntry, LinkState::Missing, evidence);
        }
        Fact::Unknown(unread) => {
            let state = LinkState::Unknown(unread.reason.clone());
            let evidence = Evidence::new(&unread.location, "not decided");
            return chain.push(LinkKind::DefaultEntry, state, evidence);
        }
    };
    let (state, detail) = match &configuration.locked {
        Some(why) => (LinkState::Missing, format!("{}: {why}", entry.title)),
        None => (LinkState::Found, entry.title.clone()),
    };
    chain.push(LinkKind::DefaultEntry, state, Evidence::new(&entry.location, detail));
    let (state, evidence) = kernel_link(volumes, entry, configuration, is_bios);
    chain.push(LinkKind::Kernel, state, evidence);
    let other_loader = entry.kernel.is_none();
    if !other_loader {
        let (state, evidence) = initramfs_link(entry);
        chain.push(LinkKind::Initramfs, state, evidence);
        let (state, evidence) = root_link(volumes, entry);
        chain.push(LinkKind::RootDevice, state, evidence);
    }
}

/// What is said of a kernel of arm64, or one that only UEFI starts, where BIOS starts.
const NOT_FOR_BIOS: &str = "no kernel that starts under BIOS: without the setup header of x86";

fn kernel_link(
    volumes: &Volumes<'_>,
    entry: &BootEntry,
    configuration: &Configuration,
    is_bios: bool,
) -> (LinkState, Evidence) {
    let Some(kernel) = &entry.kernel else {
        return match configuration.starts_other.as_deref() {
            Some(other) => (
                LinkState::Unknown(format!("the entry starts something else: {other}")),
                Evidence::new(&entry.location, other),
            ),
            None => (LinkState::Missing, Evidence::new(&entry.location, "the entry has no kernel")),
        };
    };
    let (state, evidence) = file_link(kernel);
    let (LinkState::Found, Fact::Known(Some(file))) = (&state, &kernel.resolved) else {
        return (state, evidence);
    };
    let is_grub = matches!(configuration.kind, LoaderKind::Grub2 | LoaderKind::Grub2Bls);
    let refused = if is_grub { grub_modules::refused(volumes, file.volume) } else { None };
    if let Some(evidence) = refused {
        return (LinkState::Missing, evidence);
    }
    let examined = volumes.content(file).and_then(|bytes| {
        let bytes = bytes.as_ref();
        Ok(if !kernel_image::is_kernel(bytes)? {
            Some("not a kernel image".to_owned())
        } else if is_bios && !kernel_image::starts_under_bios(bytes)? {
            Some(NOT_FOR_BIOS.to_owned())
        } else {
            kernel_image::defect(bytes)?
        })
    });
    match examined {
        Ok(Some(defect)) => (LinkState::Missing, Evidence::new(&file.path, defect)),
        Ok(None) => (state, evidence),
        Err(error) => (LinkState::Unknown(error.to_string()), evidence),
    }
}

fn file_link(file: &BootFile) -> (LinkState, Evidence) {
    match &file.resolved {
        Fact::Known(Some(found)) => {
            let evidence = Evidence::new(&found.path, format!("{} bytes", found.size));
            let state = if found.size == 0 { LinkState::Missing } else { LinkState::Found };
            (state, evidence)
        }
        Fact::Known(None) => (LinkState::Missing, Evidence::new(&file.location, &file.spec)),
        Fact::Unknown(unread) => {
            (LinkState::Unknown(unread.reason.clone()), Evidence::new(&file.location, &file.spec))
        }
    }
}

fn initramfs_link(entry: &BootEntry) -> (LinkState, Evidence) {
    let links: Vec<_> = entry.initrds.iter().map(file_link).collect();
    let worst = |wanted: fn(&LinkState) -> bool| links.iter().find(|(state, _)| wanted(state));
    worst(|state| *state == LinkState::Missing)
        .or_else(|| worst(|state| matches!(state, LinkState::Unknown(_))))
        .or_else(|| links.last())
        .cloned()
        .unwrap_or_else(|| {
            (LinkState::NotNeeded, Evidence::new(&entry.location, "the entry names no initramfs"))
        })
}

fn root_link(volumes: &Volumes<'_>, entry: &BootEntry) -> (LinkState, Evidence) {
    // What is behind that is not handed to the kernel, the root itself or another one maybe.
    if entry.command_line.len() > MAX_COMMAND_LINE {
        let reason = format!("more than {MAX_COMMAND_LINE} bytes of kernel command line");
        return (
            LinkState::Unknown(reason),
            Evidence::new(&entry.command_line_location, "not decided"),
        );
    }
    let Some(root) = &entry.root else {
        return (
            LinkState::Unknown("the command line names no root; kernel or initramfs decide".into()),
            Evidence::new(&entry.command_line_location, &entry.command_line),
        );
    };
    let named = format!("root={}", root.spec);
    let at = |detail: String| Evidence::new(&entry.command_line_location, detail);
    if entry.initrds.is_empty() && needs_initramfs(root.kind) {
        let detail = "only an initramfs knows such a name, and the entry loads none; the kernel itself knows PARTUUID= and device names";
        return (LinkState::Missing, at(format!("{named}: {detail}")));
    }
    match &root.resolution {
        Resolution::Volume(volume) => {
            let absent = volumes
                .filesystem(*volume)
                .ok()
                .and_then(|fs| absent_subvolume(fs.as_ref(), entry));
            let name = volumes.name(*volume);
            match absent {
                Some(option) => {
                    (LinkState::Missing, at(format!("{named}: {name} has no {option}")))
                }
                None => (LinkState::Found, at(format!("{named}: {name}"))),
            }
        }
        Resolution::Missing => (LinkState::Missing, at(named)),
        Resolution::NoDevice => (LinkState::Unknown("the root is on no disk".into()), at(named)),
        Resolution::Unknown(unread) => (LinkState::Unknown(unread.reason.clone()), at(named)),
    }
}

/// Whether the kernel needs the help of an initramfs to find a root that is named so (Linux:
/// `block/early-lookup.c`, before 6.5 `name_to_dev_t` in `init/do_mounts.c`).
fn needs_initramfs(kind: SourceKind) -> bool {
    matches!(
        kind,
        SourceKind::Uuid
            | SourceKind::Label
            | SourceKind::DeviceMapper
            | SourceKind::ById
            | SourceKind::ByPath
    )
}
