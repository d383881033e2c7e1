//! The chain under BIOS from the first sector to the loader's configuration.

use super::entry::Configuration;
use super::firmware::active_in_mbr;
use super::grub_config;
use super::grub_device::Device;
use super::grub_script::{Interpreter, Platform, Stop};
use super::volumes::{Place, Volumes};
use super::{elf_module, grub_legacy, grub_modules, syslinux};
use crate::bytes::BytesExt;
use crate::disk::facts::{
    BootCodeKind, DiskFacts, GrubCoreFacts, GrubLegacyFacts, PartitionRole, TableKind, VolumeFacts,
};
use crate::error::{Error, Result};
use crate::fact::{Evidence, Fact};
use crate::guest::facts::{ChainLink, LinkKind, LinkState};

/// Directories of GRUB legacy's stages, on a file system with `/boot` in it and on `/boot` itself.
pub(super) const LEGACY_DIRECTORIES: [&str; 2] = ["/boot/grub", "/grub"];

/// Names of its configuration: upstream's, Red Hat's.
pub(super) const LEGACY_NAMES: [&str; 2] = ["menu.lst", "grub.conf"];

/// How many bytes of `ldlinux.sys` are searched for its version, which stands in its banner.
const SYSLINUX_BANNER: usize = 512;

/// First version of SYSLINUX that needs `ldlinux.c32` (syslinux NEWS, 5.00).
const SYSLINUX_WITH_MODULES: u32 = 5;

/// The chain so far.
pub(super) struct Chain(pub(super) Vec<ChainLink>);

impl Chain {
    pub(super) fn push(&mut self, kind: LinkKind, state: LinkState, evidence: Evidence) {
        self.0.push(ChainLink { kind, state, evidence });
    }

    /// A link that was looked for with that result; the value when it was found.
    pub(super) fn looked<T>(
        &mut self,
        kind: LinkKind,
        location: &str,
        result: Result<(T, Evidence)>,
    ) -> Option<T> {
        match result {
            Ok((value, evidence)) => {
                self.push(kind, LinkState::Found, evidence);
                Some(value)
            }
            Err(error) if error.is_absent() => {
                self.push(kind, LinkState::Missing, Evidence::new(location, error.to_string()));
                None
            }
            Err(error) => {
                let state = LinkState::Unknown(error.to_string());
                self.push(kind, state, Evidence::new(location, "not read"));
                None
            }
        }
    }
}

/// Follows the code of sector 0 to the configuration, if it leads there.
pub(super) fn follow(volumes: &Volumes<'_>, chain: &mut Chain) -> Option<Configuration> {
    let code = match &volumes.disk().boot_code {
        Fact::Known(code) => code,
        Fact::Unknown(unread) => {
            let state = LinkState::Unknown(unread.reason.clone());
            chain.push(LinkKind::BootCode, state, Evidence::new(&unread.location, "not read"));
            return None;
        }
    };
    let state = match code.kind {
        BootCodeKind::None => LinkState::Missing,
        _ if !code.signature => LinkState::Missing,
        BootCodeKind::Unrecognised => {
            LinkState::Unknown("the code in the first sector is not recognised".to_owned())
        }
        _ => LinkState::Found,
    };
    let found = state == LinkState::Found;
    chain.push(LinkKind::BootCode, state, code.evidence.clone());
    if !found {
        return None;
    }
    match code.kind {
        BootCodeKind::Grub2 => grub2(volumes, code.grub_core.as_ref(), &code.evidence, chain),
        BootCodeKind::GrubLegacy => match &code.grub_legacy {
            Some(stage) => stage_of_legacy(volumes, stage, chain),
            None => legacy(volumes, None, chain),
        },
        BootCodeKind::Syslinux if whole_disk(volumes.disk()).is_some() => {
            syslinux_from(volumes, whole_disk(volumes.disk())?, chain)
        }
        BootCodeKind::Syslinux | BootCodeKind::Windows | BootCodeKind::Generic => {
            active_partition(volumes, chain)
        }
        _ => {
            let reason = "what this code loads is not followed".to_owned();
            chain.push(LinkKind::LoaderImage, LinkState::Unknown(reason), code.evidence.clone());
            None
        }
    }
}

/// `boot.img` → core image → prefix directory → `grub.cfg`.
fn grub2(
    volumes: &Volumes<'_>,
    core: Option<&Fact<GrubCoreFacts>>,
    code: &Evidence,
    chain: &mut Chain,
) -> Option<Configuration> {
    let core = match core {
        Some(Fact::Known(core)) => core,
        Some(Fact::Unknown(unread)) => {
            let state = LinkState::Unknown(unread.reason.clone());
            chain.push(LinkKind::LoaderImage, state, Evidence::new(&unread.location, "not read"));
            return None;
        }
        None => {
            let state = LinkState::Unknown("where the core image lies is not known".to_owned());
            chain.push(LinkKind::LoaderImage, state, code.clone());
            return None;
        }
    };
    let place = grub_modules::place_of(core);
    if let Fact::Unknown(unread) = &core.intact {
        let evidence = Evidence::new(place, unread.reason.clone());
        chain.push(LinkKind::LoaderImage, LinkState::Missing, evidence);
        return None;
    }
    let evidence = Evidence::new(&place, format!("GRUB core image of {} bytes", core.size));
    chain.push(LinkKind::LoaderImage, LinkState::Found, evidence);
    let (grub, ended) = match start_core(volumes, core) {
        Ok(started) => started,
        Err(reason) => {
            let evidence = Evidence::new(place, "prefix not read");
            chain.push(LinkKind::LoaderFiles, LinkState::Unknown(reason), evidence);
            return None;
        }
    };
    let prefix = grub.variable("prefix");
    let shown = match &prefix.value {
        value if value.is_empty() => "no prefix".to_owned(),
        value => format!("prefix {value}"),
    };
    if let Some(doubt) = prefix.doubt {
        let state = LinkState::Unknown(doubt.to_string());
        chain.push(LinkKind::LoaderFiles, state, Evidence::new(place, shown));
        return None;
    }
    match ended {
        Ok(()) => {}
        Err(Stop::Menu | Stop::Boot) => {
            // The embedded configuration brings its own menu.
            let evidence = Evidence::new(&place, "configuration embedded in the core image");
            let configuration = grub_config::conclude(&grub, ended, evidence, None);
            chain.push(LinkKind::Configuration, LinkState::Found, configuration.evidence.clone());
            return Some(configuration);
        }
        Err(Stop::End(reason)) => {
            let state = LinkState::Unknown(reason);
            chain.push(LinkKind::LoaderFiles, state, Evidence::new(place, shown));
            return None;
        }
        Err(_) => {}
    }
    let (state, evidence) = grub_modules::files(volumes, core, &grub, &prefix.value);
    chain.push(LinkKind::LoaderFiles, state, evidence);
    let path = format!("{}/grub.cfg", prefix.value);
    let read = match grub.place(&path) {
        Some(place) => grub_config::read(grub, &place),
        None => Err(Error::NotFound { path: path.clone() }),
    };
    chain.looked(
        LinkKind::Configuration,
        &path,
        read.map(|configuration| {
            let evidence = configuration.evidence.clone();
            (configuration, evidence)
        }),
    )
}

/// GRUB as its core image leaves it: root and prefix set, the embedded configuration run.
fn start_core<'v, 'a>(
    volumes: &'v Volumes<'a>,
    core: &GrubCoreFacts,
) -> Result<(Interpreter<'v, 'a>, Result<(), Stop>), String> {
    let reason = |unread: &crate::fact::Unread| unread.reason.clone();
    let prefix = core.prefix.as_result().map_err(reason)?.as_deref().unwrap_or_default();
    let embedded = core.embedded_config.as_result().map_err(reason)?;
    let mut grub = Interpreter::new(volumes, Platform::Bios);
    grub.btrfs_relative_path = core.btrfs_relative_path;
    let (device, path) = match prefix.strip_prefix('(').and_then(|rest| rest.split_once(')')) {
        // The drive, or all of the device, is what the firmware started (`grub-core/kern/main.c`:
        // `grub_set_prefix_and_root`).
        Some((device, path)) if device.is_empty() || device.starts_with(',') => {
            (format!("hd0{device}"), path)
        }
        Some((device, path)) => (device.to_owned(), path),
        None => ("hd0".to_owned(), prefix),
    };
    grub.preset("root", &device);
    if !path.is_empty() || prefix.starts_with('(') {
        grub.preset("prefix", &format!("({device}){path}"));
    }
    if let Some(why) = embedded.as_deref().and_then(|text| grub_modules::not_in_core(text, core)) {
        return Err(why);
    }
    let ended = match embedded {
        Some(text) => grub.run_text(text, "core image"),
        None => Ok(()),
    };
    Ok((grub, ended))
}

/// The volume of a disk without a partition table, whose boot sector is the disk's own.
pub(super) fn whole_disk(disk: &DiskFacts) -> Option<usize> {
    let is_whole = |volume: &VolumeFacts| volume.partition.is_none() && volume.start == Some(0);
    (disk.table == TableKind::None).then(|| disk.volumes.iter().position(is_whole))?
}

/// Boot code that hands over to the active partition's boot sector.
fn active_partition(volumes: &Volumes<'_>, chain: &mut Chain) -> Option<Configuration> {
    let disk = volumes.disk();
    let code = disk.boot_code.known().map_or(BootCodeKind::Generic, |code| code.kind);
    match active_in_mbr(disk, code) {
        Ok(true) => {}
        Ok(false) => {
            let words =
                "the code in sector 0 reads the protective MBR, where no partition is active";
            let evidence = Evidence::new("partition table", words);
            chain.push(LinkKind::ActivePartition, LinkState::Missing, evidence);
            return None;
        }
        Err(unread) => {
            let state = LinkState::Unknown(unread.reason);
            chain.push(
                LinkKind::ActivePartition,
                state,
                Evidence::new(unread.location, "not read"),
            );
            return None;
        }
    }
    let active: Vec<_> = disk
        .partitions
        .iter()
        .filter(|partition| partition.active && partition.role != PartitionRole::Protective)
        .collect();
    let missing = |chain: &mut Chain, location: &str, words: String| {
        let evidence = Evidence::new(location, words);
        chain.push(LinkKind::ActivePartition, LinkState::Missing, evidence);
    };
    let partition = match active.as_slice() {
        [partition] => *partition,
        [] => {
            if let Fact::Unknown(unread) = &disk.table_read {
                let state = LinkState::Unknown(unread.reason.clone());
                let evidence = Evidence::new(&unread.location, "not read");
                chain.push(LinkKind::ActivePartition, state, evidence);
            } else {
                missing(chain, "partition table", "no partition is active".to_owned());
            }
            return None;
        }
        several => {
            let count = several.len();
            missing(chain, "partition table", format!("{count} partitions are active"));
            return None;
        }
    };
    let record = partition
        .volume
        .and_then(|volume| disk.volume_boot_code.iter().find(|code| code.volume == volume))
        .filter(|code| code.kind != BootCodeKind::None);
    let Some(record) = record else {
        let words = format!("partition {} is active and has no boot code", partition.number);
        missing(chain, &partition.location, words);
        return None;
    };
    if let Some(unread) = &record.unread {
        let state = LinkState::Unknown(unread.reason.clone());
        let evidence = Evidence::new(&unread.location, "not read");
        chain.push(LinkKind::ActivePartition, state, evidence);
        return None;
    }
    chain.push(
        LinkKind::ActivePartition,
        LinkState::Found,
        Evidence::new(
            &partition.location,
            format!("partition {}: {}", partition.number, record.evidence.detail),
        ),
    );
    let unknown = |chain: &mut Chain, reason: &str| {
        let state = LinkState::Unknown(reason.to_owned());
        chain.push(LinkKind::LoaderImage, state, record.evidence.clone());
        None
    };
    match record.kind {
        BootCodeKind::Syslinux => syslinux_from(volumes, record.volume, chain),
        BootCodeKind::GrubLegacy => match &record.grub_legacy {
            Some(stage) => stage_of_legacy(volumes, stage, chain),
            None => legacy(volumes, Some(record.volume), chain),
        },
        BootCodeKind::Grub2 => grub2(volumes, record.grub_core.as_ref(), &record.evidence, chain),
        BootCodeKind::Windows => unknown(chain, "Microsoft's boot record starts no Linux itself"),
        _ => unknown(chain, "what the partition's boot sector loads is not followed"),
    }
}

/// `ldlinux.sys` → (`ldlinux.c32`) → `extlinux.conf`, `syslinux.cfg`.
fn syslinux_from(volumes: &Volumes<'_>, volume: usize, chain: &mut Chain) -> Option<Configuration> {
    let on = |path: String| Place { device: Device::Volume(volume), path };
    let image = first_of(syslinux::DIRECTORIES.iter().map(|directory| {
        let path = format!("{directory}/ldlinux.sys");
        Ok((*directory, volumes.find(volume, &path)?.path))
    }));
    // In which subvolume it looks stands in `ldlinux.sys` itself (core/fs/btrfs/btrfs.c, `SubvolName`).
    let image = image.map_err(|error| match error.is_absent() && volumes.is_btrfs(volume) {
        true => Error::Unreadable {
            path: "ldlinux.sys".to_owned(),
            reason: "which subvolume EXTLINUX was installed in is not read".to_owned(),
        },
        false => error,
    });
    let location = format!("{}:/ldlinux.sys", volumes.name(volume));
    let name = volumes.name(volume);
    let (directory, image) = match (image, ldlinux_at(volumes, volume)) {
        (Ok(image), Ok(())) => {
            chain.push(LinkKind::LoaderImage, LinkState::Found, Evidence::new(&image.1, &name));
            image
        }
        (Ok(image), Err((state, evidence))) => {
            chain.push(LinkKind::LoaderImage, state, evidence);
            image
        }
        (Err(error), _) => {
            chain.looked::<()>(LinkKind::LoaderImage, &location, Err(error));
            return None;
        }
    };
    match syslinux_version(volumes, volume, &image) {
        Ok(Some(version)) if version < SYSLINUX_WITH_MODULES => chain.push(
            LinkKind::LoaderFiles,
            LinkState::NotNeeded,
            Evidence::new(image, format!("SYSLINUX {version}")),
        ),
        Ok(Some(_)) => {
            let path = format!("{directory}/ldlinux.c32");
            let module = volumes
                .open_at(&on(path.clone()))
                .and_then(|(path, file)| Ok((elf_module::defect(file.as_ref(), &[])?, path)));
            match module {
                Ok((Some(defect), path)) => {
                    let evidence = Evidence::new(path, defect);
                    chain.push(LinkKind::LoaderFiles, LinkState::Missing, evidence);
                }
                other => {
                    let found = other.map(|(_, path)| ((), Evidence::new(path, name.clone())));
                    chain.looked(LinkKind::LoaderFiles, &path, found);
                }
            }
        }
        Ok(None) => {
            let state = LinkState::Unknown("its version is not known".to_owned());
            chain.push(LinkKind::LoaderFiles, state, Evidence::new(image, name.clone()));
        }
        Err(error) => {
            let state = LinkState::Unknown(error.to_string());
            chain.push(LinkKind::LoaderFiles, state, Evidence::new(image, "not read"));
        }
    }
    let candidates = [directory].into_iter().chain(syslinux::DIRECTORIES);
    let read = first_of(
        candidates
            .flat_map(|directory| syslinux::NAMES.map(|name| format!("{directory}/{name}")))
            .map(|path| syslinux::read(volumes, &on(path))),
    );
    chain.looked(
        LinkKind::Configuration,
        &format!("{directory}/{}", syslinux::NAMES.join(" or ")),
        read.map(|configuration| {
            let evidence = configuration.evidence.clone();
            (configuration, evidence)
        }),
    )
}

/// Whether `ldlinux.sys` begins where the volume's boot sector looks for it; the link, when not.
fn ldlinux_at(volumes: &Volumes<'_>, volume: usize) -> Result<(), (LinkState, Evidence)> {
    let mut records = volumes.disk().volume_boot_code.iter();
    let record = records.find(|record| record.volume == volume);
    let ldlinux = match record.and_then(|record| record.ldlinux.as_ref()) {
        None => return Ok(()),
        Some(Fact::Known(ldlinux)) => ldlinux,
        Some(Fact::Unknown(unread)) => {
            let state = LinkState::Unknown(unread.reason.clone());
            return Err((state, Evidence::new(&unread.location, "not read")));
        }
    };
    let Fact::Unknown(unread) = &ldlinux.intact else { return Ok(()) };
    let location = format!("{}, sector {}", volumes.name(volume), ldlinux.sector);
    Err((LinkState::Missing, Evidence::new(location, unread.reason.clone())))
}

/// The major version in the banner at the start of `ldlinux.sys`: `SYSLINUX 6.03 …`.
fn syslinux_version(volumes: &Volumes<'_>, volume: usize, path: &str) -> Result<Option<u32>> {
    let bytes = volumes.open(volume, path)?;
    let len = usize::try_from(bytes.len()).unwrap_or(usize::MAX).min(SYSLINUX_BANNER);
    let text = String::from_utf8_lossy(&bytes.vec(0, len)?).into_owned();
    let version = text.split_once("LINUX ").map(|(_, rest)| rest);
    Ok(version.and_then(|rest| rest.split('.').next()?.trim().parse().ok()))
}

/// `stage1` → the stage that its block list leads to → (`stage2`) → `menu.lst`.
fn stage_of_legacy(
    volumes: &Volumes<'_>,
    stage: &Fact<GrubLegacyFacts>,
    chain: &mut Chain,
) -> Option<Configuration> {
    let stage = match stage {
        Fact::Known(stage) => stage,
        Fact::Unknown(unread) => {
            let state = LinkState::Unknown(unread.reason.clone());
            chain.push(LinkKind::LoaderImage, state, Evidence::new(&unread.location, "not read"));
            return None;
        }
    };
    let place = format!("byte {}", stage.offset);
    if let Fact::Unknown(unread) = &stage.intact {
        let detail = format!("{}: {}", unread.location, unread.reason);
        chain.push(LinkKind::LoaderImage, LinkState::Missing, Evidence::new(place, detail));
        return None;
    }
    let name = if stage.is_stage2 { "stage 2" } else { "stage 1.5" };
    let mut files = stage.files.iter().map(String::as_str);
    let second = if stage.is_stage2 { None } else { files.next() };
    let configuration = files.next();
    let words = stage.files.join(" ");
    let detail = format!("GRUB legacy {name} of {} bytes: {words}", stage.size);
    chain.push(LinkKind::LoaderImage, LinkState::Found, Evidence::new(&place, detail));
    // `(hd0,0)` before a name stands for the partition that the stage was installed on otherwise.
    let on = |path: &str| {
        let named = path.strip_prefix("(hd0,").and_then(|rest| rest.split_once(')'));
        let (partition, path) = match named {
            Some((number, path)) => (number.parse::<u32>().ok()?.checked_add(1), path),
            None => (stage.partition, path),
        };
        let volume = volumes.disk().volumes.iter().position(|volume| match partition {
            Some(_) => volume.partition == partition,
            None => volume.start == Some(0),
        })?;
        Some((volume, path.to_owned()))
    };
    if let Some(second) = second {
        let found = match on(second) {
            Some((volume, path)) => volumes.find(volume, &path).map(|found| (volume, found.path)),
            None => Err(Error::NotFound { path: second.to_owned() }),
        };
        chain.looked(
            LinkKind::LoaderFiles,
            second,
            found.map(|(volume, path)| ((), Evidence::new(path, volumes.name(volume)))),
        )?;
    }
    let Some((volume, path)) = configuration.and_then(on) else {
        // An old stage 2 asks for the configuration beside it.
        let volume = stage.partition.and_then(|number| {
            volumes.disk().volumes.iter().position(|volume| volume.partition == Some(number))
        });
        return legacy(volumes, volume, chain);
    };
    let read =
        grub_legacy::read(volumes, &Place { device: Device::Volume(volume), path: path.clone() });
    chain.looked(
        LinkKind::Configuration,
        &path,
        read.map(|configuration| {
            let evidence = configuration.evidence.clone();
            (configuration, evidence)
        }),
    )
}

/// Stage 2 → `menu.lst`, where they usually are.
fn legacy(
    volumes: &Volumes<'_>,
    volume: Option<usize>,
    chain: &mut Chain,
) -> Option<Configuration> {
    let candidates: Vec<usize> =
        volumes.indices().filter(|index| volume.is_none_or(|volume| volume == *index)).collect();
    let stage = first_of(candidates.into_iter().flat_map(|index| {
        LEGACY_DIRECTORIES.map(|directory| {
            let found = volumes.find(index, &format!("{directory}/stage2"))?;
            Ok((index, directory, found.path))
        })
    }));
    let (index, directory) = chain.looked(
        LinkKind::LoaderImage,
        "/boot/grub/stage2",
        stage.map(|(index, directory, path)| {
            ((index, directory), Evidence::new(path, volumes.name(index)))
        }),
    )?;
    let read = first_of(LEGACY_NAMES.into_iter().map(|name| {
        let path = format!("{directory}/{name}");
        grub_legacy::read(volumes, &Place { device: Device::Volume(index), path })
    }));
    chain.looked(
        LinkKind::Configuration,
        &format!("{directory}/{}", LEGACY_NAMES.join(" or ")),
        read.map(|configuration| {
            let evidence = configuration.evidence.clone();
            (configuration, evidence)
        }),
    )
}

/// The first that is there. When none is: the first that could not be read, else that it is absent.
pub(super) fn first_of<T>(candidates: impl Iterator<Item = Result<T>>) -> Result<T> {
    let mut failure: Option<Error> = None;
    for candidate in candidates {
        match candidate {
            Ok(value) => return Ok(value),
            Err(error) => {
                if failure.as_ref().is_none_or(|old| old.is_absent() && !error.is_absent()) {
                    failure = Some(error);
                }
            }
        }
    }
    Err(failure.unwrap_or(Error::NotFound { path: "/".to_owned() }))
}
