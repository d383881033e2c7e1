//! Where the guest's file systems lie on the disk, and how they are mounted.

use super::step::Step;
use crate::disk::facts::DiskFacts;
use crate::fact::Fact;
use crate::guest::facts::{Facts, Guest, LinuxFacts, MountFacts};
use crate::report::escape;
use crate::rules::Text;
use crate::text;

/// The file systems of a Linux guest, and what else is to be checked before they are mounted.
#[derive(Debug, Clone)]
pub(super) struct Layout {
    /// `/` first, each after what it is mounted on.
    pub(super) mounts: Vec<Mounted>,
    /// The physical volumes of the volume group that some lie in.
    pub(super) physical_volumes: Vec<Range>,
    /// Directories of these that are shown at a second place, after `mounts`.
    pub(super) binds: Vec<Bind>,
}

/// A bind mount of fstab.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Bind {
    /// The directory in the guest that is shown.
    pub(super) source: String,
    /// Where in the guest.
    pub(super) path: String,
}

/// A part of the disk in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Range {
    pub(super) start: u64,
    pub(super) size: u64,
}

/// What a file system lies in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place {
    /// A partition by its number, or the whole disk.
    Part(Range, Option<u32>),
    /// A logical volume: its group's name and its own.
    Logical(String, String),
}

/// A file system that is mounted.
#[derive(Debug, Clone)]
pub(super) struct Mounted {
    pub(super) place: Place,
    /// Index of its volume.
    pub(super) volume: usize,
    /// As `mount -t` takes it.
    pub(super) kind: String,
    /// Where in the guest.
    pub(super) path: String,
    /// `subvol=…`.
    pub(super) options: Option<String>,
}

/// File systems that the kernel of a usual Linux machine mounts for writing.
const WRITABLE: [&str; 6] = ["ext2", "ext3", "ext4", "xfs", "btrfs", "vfat"];

impl Layout {
    /// Those file systems that the steps need: `/`, those that a step's path lies in, and for the
    /// guest's own programs all but the EFI system partition, which no program of theirs writes to.
    pub(super) fn needed<'a>(
        &self,
        steps: impl Iterator<Item = &'a Step> + Clone,
    ) -> impl Iterator<Item = &Mounted> {
        self.mounts.iter().filter(move |mount| {
            mount.path == "/"
                || steps.clone().any(|step| match step {
                    Step::CheckFileSystem(volume) => *volume == mount.volume,
                    step if step.runs_guest_programs() => mount.kind != "vfat",
                    step => step.paths().into_iter().any(|path| is_below(path, &mount.path)),
                })
                // What a bind mount shows is a step's path in other words.
                || self.binds_needed(steps.clone()).any(|bind| {
                    bind.source == mount.path || is_below(&bind.source, &mount.path)
                })
        })
    }

    /// Those bind mounts that the steps need, and those that these show.
    pub(super) fn binds_needed<'a>(
        &self,
        mut steps: impl Iterator<Item = &'a Step>,
    ) -> impl Iterator<Item = &Bind> {
        let needed = steps.any(|step| {
            let mut paths = step.paths().into_iter();
            step.runs_guest_programs()
                || paths.any(|path| self.binds.iter().any(|bind| is_below(path, &bind.path)))
        });
        self.binds.iter().filter(move |_| needed)
    }

    /// The file systems of the guest's tree; or why a script could not mount them.
    pub(super) fn of(facts: &Facts) -> Result<Self, Text> {
        let (Fact::Known(disk), Fact::Known(Guest::Linux(linux))) = (&facts.disk, &facts.guest)
        else {
            return Err(text!(
                "There is no Linux guest whose files could be changed.",
                "没有可修改文件的Linux系统。"
            ));
        };
        let mut mounts = Vec::new();
        let mut binds = Vec::new();
        for mount in &linux.mounts {
            if let Some(source) = bind_source(linux, &mount.path) {
                if ![source, mount.path.as_str()].into_iter().any(is_odd) {
                    binds.push(Bind { source: source.to_owned(), path: mount.path.clone() });
                }
                continue;
            }
            // What cannot be read needs no repair that a script could make.
            let (Some(volume), Some(kind)) = (mount.volume, mount.kind.as_deref()) else {
                continue;
            };
            if !WRITABLE.contains(&kind) {
                continue;
            }
            match mounted(disk, linux, mount, volume, kind) {
                Ok(mounted) => mounts.push(mounted),
                Err(why) if mount.path == "/" => return Err(why),
                Err(_) => {}
            }
        }
        mounts.sort_by_key(|mount| mount.path.split('/').filter(|name| !name.is_empty()).count());
        if mounts.first().is_none_or(|mount| mount.path != "/") {
            return Err(text!(
                "The root file system cannot be mounted by a script.",
                "脚本无法挂载根文件系统。"
            ));
        }
        let in_group = |mount: &Mounted| matches!(mount.place, Place::Logical(..));
        let mut physical_volumes = Vec::new();
        if mounts.iter().any(in_group) {
            let groups = disk.volume_groups.iter().flat_map(|group| &group.physical_volumes);
            for volume in groups.filter_map(|pv| disk.volumes.get(pv.volume?)) {
                if let Some(start) = volume.start {
                    physical_volumes.push(Range { start, size: volume.size });
                }
            }
        }
        Ok(Self { mounts, physical_volumes, binds })
    }
}

fn mounted(
    disk: &DiskFacts,
    linux: &LinuxFacts,
    mount: &MountFacts,
    volume: usize,
    kind: &str,
) -> Result<Mounted, Text> {
    let path = &mount.path;
    let found = disk.volumes.get(volume);
    let place = match found.and_then(|found| Some((found.start?, found.size, found.partition))) {
        Some((start, size, partition)) => Place::Part(Range { start, size }, partition),
        None => match disk.logical_volume(volume) {
            Some((group, logical)) => Place::Logical(group.name.clone(), logical.name.clone()),
            None => {
                return Err(text!(
                    "{path} lies in an md array, which this script does not assemble; repair it in the machine itself.",
                    "{path}位于md阵列中，脚本不会组装阵列；请在原机器中修复。"
                ));
            }
        },
    };
    let options = (kind == "btrfs").then(|| subvolume(linux, path)).flatten();
    let names = match &place {
        Place::Logical(group, logical) => vec![group, logical],
        Place::Part(..) => Vec::new(),
    };
    if !names.into_iter().all(|name| is_lvm_name(name))
        || [path].into_iter().chain(options.as_ref()).any(|text| is_odd(text))
    {
        return Err(text!(
            "The name of a file system's place is one that no script is written with.",
            "文件系统位置的名称含有不能写入脚本的字符。"
        ));
    }
    Ok(Mounted { place, volume, kind: kind.to_owned(), path: path.clone(), options })
}

/// Whether `path` lies below the directory `above`.
fn is_below(path: &str, above: &str) -> bool {
    path.strip_prefix(above.trim_end_matches('/')).is_some_and(|rest| rest.starts_with('/'))
}

/// Whether it is better not written into a script.
fn is_odd(text: &str) -> bool {
    text.chars().any(escape::is_unsafe) || text.contains([',', ':'])
}

/// Whether LVM takes it for the name of a group or volume (lvm(8), "VALID NAMES"): then it is also one
/// word, no option, and no path that leads elsewhere.
pub(super) fn is_lvm_name(name: &str) -> bool {
    let valid = |c: char| c.is_ascii_alphanumeric() || "+_.-".contains(c);
    !name.is_empty()
        && name.chars().all(valid)
        && !name.starts_with('-')
        && name != "."
        && name != ".."
}

/// The directory that fstab shows at `path` by a bind mount.
fn bind_source<'a>(linux: &'a LinuxFacts, path: &str) -> Option<&'a str> {
    let entries = &linux.fstab.known()?.entries;
    let entry = entries.iter().rfind(|entry| entry.mount_point == path)?;
    let bind = entry.has_option("bind") || entry.has_option("rbind");
    (bind && path != "/").then_some(entry.source.spec.as_str())
}

/// The option that chooses a subvolume of Btrfs: of `/` that of the boot entry, else that of fstab.
fn subvolume(linux: &LinuxFacts, path: &str) -> Option<String> {
    let is_subvolume =
        |option: &&str| option.starts_with("subvol=") || option.starts_with("subvolid=");
    let entry = linux.boot.default_entry.known().and_then(Option::as_ref);
    let on_line = entry.filter(|_| path == "/").and_then(|entry| {
        let words = entry.command_line.split_ascii_whitespace();
        let flags = words.filter_map(|word| word.strip_prefix("rootflags=")).next_back()?;
        flags.split(',').rfind(is_subvolume).map(str::to_owned)
    });
    on_line.or_else(|| {
        let fstab = linux.fstab.known()?;
        let entry = fstab.entries.iter().find(|entry| entry.mount_point == path)?;
        entry.options.iter().map(String::as_str).rfind(is_subvolume).map(str::to_owned)
    })
}
