//! Which drivers the default kernel would load by itself for the platform's devices, and what its
//! root needs before it can be mounted.
//!
//! In: the guest's tree, its kernels, the settings in the initramfs. Out: [`DriverFacts`].

mod alias;
mod dependencies;
mod explicit;
mod host_only;
mod modprobe;
mod platform;
mod resolve;
mod resume;
mod root;
mod source;
mod uvp;

use std::collections::BTreeSet;

use self::dependencies::Dependencies;
use self::explicit::Explicit;
use self::modprobe::Modprobe;
use self::resolve::{Aliases, Stage, built_in};
use self::source::{Folder, Source};
use crate::disk::facts::DiskFacts;
use crate::fact::{Fact, Unread};
use crate::filesystem::tree::Tree;
use crate::guest::facts::{
    BootFacts, Candidate, DeviceFacts, DriverFacts, DriverLink, InitramfsFacts, KernelFacts,
    ListingEnd, MountFacts, RootNeed,
};
use crate::guest::linux::initramfs::{Files, Setting};
use crate::guest::linux::kernel::built_in_drivers;

/// Largest list of aliases that is read of the guest's tree, in bytes; that of a full kernel has some
/// 1.5 MiB.
const MAX_ALIASES: u64 = 4 << 20;

/// What the lists beside a kernel's modules say of the platform's devices.
pub struct Listed {
    aliases: Aliases,
    /// Of the drivers that are built in.
    built_in: Fact<Vec<alias::Match>>,
}

impl Listed {
    /// The lists of the kernel of this release.
    pub fn read(tree: &Tree, release: &str) -> Self {
        let sought = platform::aliases();
        let path = format!("/lib/modules/{release}/modules.alias");
        let text = Fact::from_lookup(path.clone(), tree.read_text(&path, MAX_ALIASES));
        Self {
            aliases: Aliases::of(path, text, &sought),
            built_in: modinfo(tree, release, &sought),
        }
    }
}

/// What the root needs, by its file system and the volumes that it lies on.
pub fn root_needs(
    disk: &DiskFacts,
    boot: &BootFacts,
    mounts: &[MountFacts],
) -> Fact<Vec<RootNeed>> {
    root::needs(disk, boot, mounts)
}

/// What is known of the default kernel's drivers. `files` are the settings in its initramfs, `listed` is
/// what its lists say.
pub fn find(
    tree: &Tree,
    disk: &DiskFacts,
    boot: &BootFacts,
    kernels: &Fact<Vec<KernelFacts>>,
    files: &Files,
    listed: Option<Listed>,
    root_needs: Fact<Vec<RootNeed>>,
) -> DriverFacts {
    let all = kernels.known().map(Vec::as_slice).unwrap_or_default();
    let kernel = all.iter().find(|kernel| kernel.is_default);
    let initramfs = kernel.and_then(|kernel| kernel.initramfs.known()?.as_ref());
    let image = initramfs.map(|initramfs| initramfs.path.as_str());
    let dependencies = kernel.map_or(Ok(None), |kernel| Dependencies::read(tree, kernel));
    let root_needs = match (root_needs, &dependencies) {
        (Fact::Known(_), Err(unread)) => Fact::Unknown(unread.clone()),
        (Fact::Known(mut needs), Ok(Some(dependencies))) => {
            needs.extend(dependencies.needs(&needs));
            Fact::Known(needs)
        }
        (needs, _) => needs,
    };
    let devices = kernel
        .zip(listed)
        .map(|(kernel, listed)| devices(tree, boot, kernel, files, listed, dependencies));
    let uvp = match kernels {
        Fact::Known(kernels) => uvp::find(tree, kernels, initramfs),
        Fact::Unknown(unread) => Fact::Unknown(unread.clone()),
    };
    DriverFacts {
        devices: devices.unwrap_or_default(),
        host_only: image.map(|image| host_only::find(files, image)).unwrap_or_default(),
        root_needs,
        resume: resume::find(tree, image.map(|image| (files, image)), disk),
        uvp,
    }
}

/// Each device of the platform with what would drive it.
fn devices(
    tree: &Tree,
    boot: &BootFacts,
    kernel: &KernelFacts,
    files: &Files,
    listed: Listed,
    dependencies: Result<Option<Dependencies<'_>>, Unread>,
) -> Vec<DeviceFacts> {
    let sought = platform::aliases();
    let release = &kernel.release;
    let entry = boot.default_entry.known().and_then(Option::as_ref);
    let (place, command_line) = entry.map_or(("", ""), |entry| {
        (entry.command_line_location.as_str(), entry.command_line.as_str())
    });
    let built = built_in_drivers(kernel);
    let Listed { aliases, built_in: modinfo } = listed;
    let mut early = early(kernel, files, &aliases, &sought, (place, command_line));
    match (&mut early, dependencies) {
        (Ok(Some(stage)), Ok(dependencies)) => stage.dependencies = dependencies,
        (Ok(Some(_)), Err(unread)) => early = Err(unread),
        _ => {}
    }
    let late = late(tree, kernel, aliases, (place, command_line));

    let link = |link: &platform::Link| {
        let own =
            built_in(link, release, &built, modinfo.known().map(Vec::as_slice).unwrap_or_default());
        let no_modules = BTreeSet::new();
        let shipped = kernel.modules.known().and_then(Option::as_ref).unwrap_or(&no_modules);
        let as_module = |name: &str| {
            shipped.contains(name)
                || kernel
                    .initramfs
                    .known()
                    .and_then(Option::as_ref)
                    .is_some_and(|initramfs| initramfs.modules.contains(name))
        };
        if own.is_empty() && link.part_of_kernel && !link.drivers.iter().any(|name| as_module(name))
        {
            return None;
        }
        let of = |stage: &Result<Option<Stage<'_>>, Unread>| {
            let drivers = match stage {
                _ if !own.is_empty() => Fact::Known(own.clone()),
                Ok(Some(stage)) => stage.drivers(link),
                Ok(None) => Fact::Known(Vec::<Candidate>::new()),
                Err(unread) => Fact::Unknown(unread.clone()),
            };
            let none = |drivers: &Vec<Candidate>| drivers.iter().all(|c| c.blocked.is_some());
            match modinfo.unread() {
                // One may be built in.
                Some(unread) if drivers.known().is_none_or(none) => Fact::Unknown(unread.clone()),
                _ => drivers,
            }
        };
        let alias = link.aliases.first().copied().unwrap_or_default().to_owned();
        Some(DriverLink { alias, early: of(&early), late: of(&late) })
    };
    platform::DEVICES
        .iter()
        .map(|device| DeviceFacts {
            device: device.device,
            links: device.links.iter().filter_map(link).collect(),
        })
        .collect()
}

/// The aliases of the drivers that are built in; none before Linux 5.2, where the usual names decide.
fn modinfo(tree: &Tree, release: &str, sought: &[&str]) -> Fact<Vec<alias::Match>> {
    let path = format!("/lib/modules/{release}/modules.builtin.modinfo");
    let text = Fact::from_lookup(path.clone(), tree.read_text(&path, MAX_ALIASES));
    match text {
        Fact::Known(Some(text)) => match alias::in_modinfo(&text, sought, &path) {
            Ok(found) => Fact::Known(found),
            Err(unread) => Fact::Unknown(unread),
        },
        Fact::Known(None) => Fact::Known(Vec::new()),
        Fact::Unknown(unread) => Fact::Unknown(unread),
    }
}

/// Why a setting of an initramfs is not known that is not among those that are kept.
const MORE_SETTINGS: &str = "more settings than are read";

/// Whether tools of that age read files in `modprobe.d` of any name: module-init-tools, which came
/// with kernels before 3.x, did.
fn folder(release: &str) -> Folder {
    Folder { name: "modprobe.d", conf_only: !release.starts_with("2.") }
}

/// What the initramfs loads; nothing when there is none.
fn early<'a>(
    kernel: &'a KernelFacts,
    files: &Files,
    in_tree: &Aliases,
    sought: &[&str],
    (place, command_line): (&str, &str),
) -> Result<Option<Stage<'a>>, Unread> {
    let initramfs: &InitramfsFacts = match &kernel.initramfs {
        Fact::Known(Some(initramfs)) => initramfs,
        Fact::Known(None) => return Ok(None),
        Fact::Unknown(unread) => return Err(unread.clone()),
    };
    let release = &kernel.release;
    let image = initramfs.path.as_str();
    let path = format!("lib/modules/{release}/modules.alias");
    let location = format!("{image}: {path}");
    let aliases = match files.get(&path) {
        Some(Setting::Text(text)) => {
            let text = String::from_utf8_lossy(text).into_owned();
            Aliases::of(location, Fact::Known(Some(text)), sought)
        }
        Some(Setting::Link(_)) => Aliases::Unread(Unread::new(location, "a symbolic link")),
        Some(Setting::TooLong(len)) => {
            Aliases::Unread(Unread::new(location, format!("{len} bytes, more than are read")))
        }
        // Its index is made from the same aliases as the list beside the kernel's modules.
        None if files.has_index(release) => match in_tree.clone() {
            Aliases::Absent(_) => {
                let reason = "only the index is there, which is not read";
                Aliases::Unread(Unread::new(format!("{location}.bin"), reason))
            }
            aliases => aliases,
        },
        None if files.overflow() => Aliases::Unread(Unread::new(location, MORE_SETTINGS)),
        None => Aliases::Absent(location),
    };
    let mut sources = source::in_initramfs(files, image, folder(release));
    if release.starts_with("2.") {
        sources.extend(source::single(files, image, "etc/modprobe.conf"));
    }
    if files.overflow() {
        let text = Fact::unknown(image, MORE_SETTINGS);
        sources.push(Source { location: image.to_owned(), text });
    }
    let mut modprobe = Modprobe::of(sources);
    modprobe.add_command_line(place, command_line, true);
    let incomplete = match &initramfs.listing {
        Fact::Known(ListingEnd::Complete | ListingEnd::Satisfied) => None,
        Fact::Unknown(unread) => Some(unread.clone()),
    };
    Ok(Some(Stage {
        place: image.to_owned(),
        modules: &initramfs.modules,
        incomplete,
        aliases,
        modprobe,
        explicit: Explicit::early(files, image, place, command_line),
        dependencies: None,
    }))
}

/// What is loaded from `/lib/modules` once the root is mounted.
fn late<'a>(
    tree: &Tree,
    kernel: &'a KernelFacts,
    aliases: Aliases,
    (place, command_line): (&str, &str),
) -> Result<Option<Stage<'a>>, Unread> {
    let modules = match &kernel.modules {
        Fact::Known(Some(modules)) => modules,
        Fact::Known(None) => return Ok(None),
        Fact::Unknown(unread) => return Err(unread.clone()),
    };
    let release = &kernel.release;
    let mut sources = source::in_tree(tree, folder(release));
    if release.starts_with("2.") {
        sources.extend(source::file(tree, "/etc/modprobe.conf"));
    }
    let mut modprobe = Modprobe::of(sources);
    modprobe.add_command_line(place, command_line, false);
    Ok(Some(Stage {
        place: format!("/lib/modules/{release}"),
        modules,
        incomplete: None,
        aliases,
        modprobe,
        explicit: Explicit::late(tree, place, command_line),
        dependencies: None,
    }))
}

#[cfg(test)]
mod tests;
