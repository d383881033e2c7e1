//! What ties the system to the machine it came from: MAC addresses in its network set-up, disks by
//! serial number or bus.
//!
//! In: the guest's tree; its fstab and boot facts. Out: [`Binding`]s, each with its line.

mod network;
mod udev;

use crate::error::{Error, Result};
use crate::fact::{Evidence, Fact, Unread};
use crate::filesystem::FileType;
use crate::filesystem::tree::Tree;
use crate::guest::facts::{Binding, BindingKind, BootFacts, DeviceRef, Fstab, SourceKind};

/// Longest configuration file read; a rules file of a machine with many cards has a few KiB.
const MAX_FILE: u64 = 1 << 20;

/// Most bytes of configuration files read in all.
const MAX_TEXT: usize = 32 << 20;

/// Most bindings given.
const MAX_BINDINGS: usize = 1024;

/// Longest line shown as evidence, in characters.
const MAX_SHOWN: usize = 200;

/// Mount points whose device must be found for the system to start.
const SYSTEM_MOUNTS: [&str; 5] = ["/", "/boot", "/boot/efi", "/usr", "/var"];

/// Ties to network cards. Unknown when any file that may hold one could not be read: the list would
/// be short without saying so.
pub fn find(tree: &Tree) -> Fact<Vec<Binding>> {
    let mut finder = Finder { tree, found: Vec::new(), text: 0, unread: None };
    udev::find(&mut finder);
    network::find(&mut finder);
    match finder.unread {
        None => Fact::Known(finder.found),
        Some(mut unread) => {
            if let Some(binding) = finder.found.first() {
                unread.reason = format!("{}; seen: {}", unread.reason, binding.evidence.location);
            }
            Fact::Unknown(unread)
        }
    }
}

/// Ties to disks, in fstab and on the kernel command line of the default entry.
pub fn of_devices(fstab: &Fact<Fstab>, boot: &BootFacts) -> Vec<Binding> {
    let mut found = Vec::new();
    for entry in fstab.known().into_iter().flat_map(|fstab| &fstab.entries) {
        let system = SYSTEM_MOUNTS.contains(&entry.mount_point.as_str());
        if let Some(kind) = device_kind(&entry.source, system) {
            found.push(Binding { kind, evidence: entry.evidence() });
        }
    }
    if let Some(entry) = boot.default_entry.known().and_then(Option::as_ref) {
        for (key, device, system) in [("root", &entry.root, true), ("resume", &entry.resume, false)]
        {
            let kind = device.as_ref().and_then(|device| device_kind(device, system));
            if let (Some(kind), Some(device)) = (kind, device) {
                let detail = format!("{key}={}", device.spec);
                let evidence = Evidence::new(entry.command_line_location.clone(), detail);
                found.push(Binding { kind, evidence });
            }
        }
    }
    found
}

fn device_kind(device: &DeviceRef, system: bool) -> Option<BindingKind> {
    match device.kind {
        SourceKind::ById | SourceKind::ByPath => Some(BindingKind::DiskIdentity),
        _ if system && is_bus_name(&device.spec) => Some(BindingKind::BusName),
        _ => None,
    }
}

fn is_bus_name(spec: &str) -> bool {
    ["/dev/nvme", "/dev/mmcblk"].iter().any(|prefix| {
        let rest = spec.strip_prefix(prefix);
        rest.is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
    })
}

struct Finder<'a> {
    tree: &'a Tree,
    found: Vec<Binding>,
    /// Bytes read so far.
    text: usize,
    /// The first file that could not be read.
    unread: Option<Unread>,
}

impl Finder<'_> {
    fn doubt(&mut self, location: &str, error: &Error) {
        self.unread.get_or_insert_with(|| Unread::from((location, error)));
    }

    fn found(&mut self, kind: BindingKind, file: &Content, line: usize, text: &str) {
        if self.found.len() >= MAX_BINDINGS {
            let limit = u64::try_from(MAX_BINDINGS).unwrap_or(u64::MAX);
            let error = Error::Limit { structure: "bindings", limit, unit: "bindings" };
            return self.doubt(&file.path, &error);
        }
        let detail: String = text.trim().chars().take(MAX_SHOWN).collect();
        let kind = if file.by_cloud_init() { BindingKind::GeneratedMac } else { kind };
        let evidence = Evidence::new(format!("{}:{line}", file.path), detail);
        self.found.push(Binding { kind, evidence });
    }

    /// The regular files of a directory whose names `wanted` takes, with their text.
    fn files(&mut self, directory: &str, wanted: fn(&str) -> bool) -> Vec<Content> {
        let entries = match self.tree.read_dir(directory) {
            Ok(entries) => entries,
            Err(error) if error.is_absent() => return Vec::new(),
            Err(error) => {
                self.doubt(directory, &error);
                return Vec::new();
            }
        };
        let names =
            entries.into_iter().map(|entry| String::from_utf8_lossy(&entry.name).into_owned());
        names
            .filter(|name| wanted(name))
            .filter_map(|name| self.file(&format!("{directory}/{name}")))
            .collect()
    }

    /// A regular file's text; a link to `/dev/null` or to nowhere holds nothing.
    fn file(&mut self, path: &str) -> Option<Content> {
        match self.text(path) {
            Ok(text) => text.map(|text| Content { path: path.to_owned(), text }),
            Err(error) => {
                self.doubt(path, &error);
                None
            }
        }
    }

    fn text(&mut self, path: &str) -> Result<Option<String>> {
        if self.text > MAX_TEXT {
            let limit = u64::try_from(MAX_TEXT).unwrap_or(u64::MAX);
            let structure = "network configuration";
            return Err(Error::Limit { structure, limit, unit: "bytes" });
        }
        match self.tree.metadata(path) {
            Ok(metadata) if metadata.file_type == FileType::Regular => {
                let text = self.tree.read_text(path, MAX_FILE)?;
                self.text = self.text.saturating_add(text.len());
                Ok(Some(text))
            }
            Ok(_) => Ok(None),
            Err(error) if error.is_absent() => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// A file's text with its path.
struct Content {
    path: String,
    text: String,
}

impl Content {
    /// Whether cloud-init wrote it: its network renderers name their files after it or say so in
    /// the comment at the top (cloudinit/net/, `net_config_header`).
    fn by_cloud_init(&self) -> bool {
        self.path.rsplit('/').next().is_some_and(|name| name.contains("cloud-init"))
            || self
                .text
                .lines()
                .take_while(|line| line.starts_with('#'))
                .any(|line| line.contains("cloud-init"))
    }

    fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        (1_usize..).zip(self.text.lines().map(str::trim))
    }
}

/// Whether text is a MAC address: six pairs of hexadecimal digits with `:` or `-` between them (20
/// for InfiniBand), or in Cisco's form `0011.2233.4455`.
fn is_mac(text: &str) -> bool {
    let hex = |part: &str| part.chars().all(|c| c.is_ascii_hexdigit());
    let parts: Vec<&str> = text.split([':', '-']).collect();
    let pairs = matches!(parts.len(), 6 | 20)
        && parts.iter().all(|part| matches!(part.len(), 1 | 2) && hex(part));
    let dotted: Vec<&str> = text.split('.').collect();
    pairs || (dotted.len() == 3 && dotted.iter().all(|part| part.len() == 4 && hex(part)))
}

#[cfg(test)]
mod tests;
