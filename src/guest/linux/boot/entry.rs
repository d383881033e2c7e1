//! From what a configuration says of an entry to the entry with its files and devices.

use super::command_line;
use super::volumes::{Place, Volumes};
use crate::fact::{Evidence, Fact};
use crate::guest::facts::{BootEntry, BootFile, ConfigurationFile, LoaderKind};
#[cfg(test)]
use crate::guest::facts::{DeviceRef, InitramfsFacts, ListingEnd};

/// Most entries that are listed beside the default one.
pub(super) const MAX_LISTED_ENTRIES: usize = 64;

/// Most initramfs files of an entry that are looked up; two or three are usual.
pub(super) const MAX_INITRDS: usize = 64;

/// A file as a configuration names it.
#[derive(Debug, Clone)]
pub(super) struct FileSpec {
    /// As it is written.
    pub(super) spec: String,
    /// The line.
    pub(super) location: String,
    /// Where it should lie; `None` when the name has no meaning for the loader.
    pub(super) place: Option<Place>,
}

/// An entry as a configuration gives it.
#[derive(Debug, Clone, Default)]
pub(super) struct EntrySpec {
    pub(super) title: String,
    pub(super) location: String,
    pub(super) kernel: Option<FileSpec>,
    pub(super) initrds: Vec<FileSpec>,
    pub(super) command_line: String,
    pub(super) command_line_location: String,
}

/// What a loader's configuration says.
#[derive(Debug, Clone)]
pub(super) struct Configuration {
    pub(super) kind: LoaderKind,
    /// The file.
    pub(super) evidence: Evidence,
    /// The volume of the file; none when it is embedded in the loader.
    pub(super) volume: Option<usize>,
    /// The entry that is started without a key press.
    pub(super) default: Fact<Option<BootEntry>>,
    /// What that entry starts instead of a Linux kernel (`chainloader +1`).
    pub(super) starts_other: Option<String>,
    /// Why that entry does not start without somebody at the console: it asks for a password.
    pub(super) locked: Option<String>,
    pub(super) others: Vec<BootEntry>,
    pub(super) timeout: Option<(i64, Evidence)>,
}

impl Configuration {
    /// The file on its volume.
    pub(super) fn file(&self) -> Option<ConfigurationFile> {
        let path = self.evidence.location.clone();
        self.volume.map(|volume| ConfigurationFile { volume, path })
    }
}

impl EntrySpec {
    /// The entry with its files looked up and its devices resolved.
    pub(super) fn resolve(self, volumes: &Volumes<'_>) -> BootEntry {
        let file = |file: FileSpec| BootFile {
            resolved: match &file.place {
                Some(place) => volumes.file_at(place),
                None => Fact::Known(None),
            },
            spec: file.spec,
            location: file.location,
        };
        let initrd = |(index, initrd): (usize, FileSpec)| match index < MAX_INITRDS {
            true => file(initrd),
            false => BootFile {
                resolved: Fact::unknown(
                    initrd.location.clone(),
                    format!("more than {MAX_INITRDS} initramfs files"),
                ),
                spec: initrd.spec,
                location: initrd.location,
            },
        };
        let initrds = self.initrds.into_iter().enumerate();
        let initrds = initrds.take(MAX_INITRDS.saturating_add(1)).map(initrd).collect();
        let device = |name| {
            command_line::last_value(&self.command_line, name).map(|spec| volumes.device_ref(&spec))
        };
        let root = device("root");
        let resume = match command_line::has_flag(&self.command_line, "noresume") {
            true => None,
            false => device("resume"),
        };
        BootEntry {
            title: self.title,
            location: self.location,
            kernel: self.kernel.map(file),
            initrds,
            command_line: self.command_line,
            command_line_location: self.command_line_location,
            root,
            resume,
        }
    }
}

/// Whether the entry's kernel is known not to be there: what makes a loader try its fallback.
pub(super) fn lacks_kernel(entry: &BootEntry) -> bool {
    entry.kernel.as_ref().is_some_and(|kernel| kernel.resolved == Fact::Known(None))
}

/// An entry that loads an initramfs, for tests.
#[cfg(test)]
pub(super) fn test_entry(command_line: &str, root: Option<DeviceRef>) -> BootEntry {
    let location = "/boot/grub/grub.cfg:98".to_owned();
    BootEntry {
        title: String::new(),
        location: location.clone(),
        kernel: None,
        initrds: vec![BootFile {
            spec: "/initrd".to_owned(),
            location: location.clone(),
            resolved: Fact::Known(None),
        }],
        command_line: command_line.to_owned(),
        command_line_location: location,
        root,
        resume: None,
    }
}

/// The initramfs of that entry with some of the programs that are taken note of, for tests.
#[cfg(test)]
pub(super) fn test_initramfs(programs: &[&str]) -> InitramfsFacts {
    InitramfsFacts {
        path: "/initrd".to_owned(),
        modules: Default::default(),
        releases: Default::default(),
        programs: programs.iter().map(|&name| name.to_owned()).collect(),
        noted: Vec::new(),
        segments: Vec::new(),
        persistent_net_rules: Vec::new(),
        listing: Fact::Known(ListingEnd::Complete),
        damaged: false,
    }
}
