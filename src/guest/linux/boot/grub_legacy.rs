//! GRUB legacy's `menu.lst` or `grub.conf` (GRUB 0.97 manual, "Configuration").

use super::entry::{
    Configuration, EntrySpec, FileSpec, MAX_INITRDS, MAX_LISTED_ENTRIES, lacks_kernel,
};
use super::grub_config::MAX_FALLBACKS;
use super::grub_device::Device;
use super::grub_script::shortened;
use super::volumes::{Place, Volumes};
use crate::error::Result;
use crate::fact::{Evidence, Fact};
use crate::guest::facts::{BootEntry, LoaderKind};

/// Longest configuration in bytes. A usual one has under 16 KiB.
const MAX_FILE_BYTES: u64 = 512 << 10;

/// Most entries that are read.
const MAX_ENTRIES: usize = 512;

/// Deepest `configfile` that is followed.
const MAX_CONFIGFILES: u32 = 4;

/// A command with its line.
struct Command<'t> {
    name: &'t str,
    rest: &'t str,
    line: u32,
}

/// A menu's commands: those before the first title, then those of each entry.
struct Menu<'t> {
    global: Vec<Command<'t>>,
    entries: Vec<(Command<'t>, Vec<Command<'t>>)>,
}

fn parse(text: &str) -> Menu<'_> {
    let mut menu = Menu { global: Vec::new(), entries: Vec::new() };
    for (line, text) in (1_u32..).zip(text.lines()) {
        let text = text.trim();
        if text.is_empty() || text.starts_with('#') {
            continue;
        }
        let separator = |c: char| c == '=' || c.is_ascii_whitespace();
        let end = text.find(separator).unwrap_or(text.len());
        let (name, rest) = text.split_at_checked(end).unwrap_or((text, ""));
        let command = Command { name, rest: rest.trim_start_matches(separator), line };
        let full = menu.entries.len() >= MAX_ENTRIES;
        match (name, menu.entries.last_mut()) {
            ("title", _) if full => break,
            ("title", _) => menu.entries.push((command, Vec::new())),
            (_, Some((_, commands))) => commands.push(command),
            (_, None) => menu.global.push(command),
        }
    }
    menu
}

/// Reads the configuration at a place; commands begin on its volume.
///
/// # Errors
/// When the file cannot be read.
pub(super) fn read(volumes: &Volumes<'_>, place: &Place) -> Result<Configuration> {
    read_nested(volumes, place, 0)
}

fn read_nested(volumes: &Volumes<'_>, place: &Place, depth: u32) -> Result<Configuration> {
    let (text, path) = volumes.text_at(place, MAX_FILE_BYTES)?;
    let menu = parse(&text);
    let reader = Reader { volumes, path: &path, home: &place.device };
    let mut root = place.device.clone();
    for command in &menu.global {
        if let Some(device) = reader.new_root(command) {
            root = device;
        }
        if command.name == "configfile"
            && menu.entries.is_empty()
            && depth < MAX_CONFIGFILES
            && let Some(next) = reader.place(command.rest, &root)
        {
            return read_nested(volumes, &next, depth.saturating_add(1));
        }
    }
    let volume = volumes.volume_of(place)?;
    let value = |name: &str| menu.global.iter().rev().find(|command| command.name == name);
    let mut built: Vec<(BootEntry, Option<String>)> = Vec::new();
    for (title, commands) in menu.entries.iter().take(MAX_LISTED_ENTRIES.saturating_add(1)) {
        built.push(reader.entry(title, commands, &root));
    }
    let entry_at = |index: usize| {
        menu.entries.get(index).map(|(title, commands)| reader.entry(title, commands, &root))
    };
    let default = match value("default") {
        Some(command) if command.rest.trim() == "saved" => reader.saved(),
        Some(command) => Ok(command.rest.trim().parse().unwrap_or(0)),
        None => Ok(0),
    };
    let (default, index, starts_other) = match default {
        Err(reason) => (Fact::unknown(path.clone(), reason), None, None),
        Ok(index) => {
            let mut index = index;
            let mut chosen = entry_at(index);
            if chosen.as_ref().is_some_and(|(entry, _)| lacks_kernel(entry)) {
                let fallbacks = value("fallback").map_or("", |command| command.rest);
                let numbers =
                    fallbacks.split_ascii_whitespace().filter_map(|word| word.parse().ok());
                for next in numbers.take(MAX_FALLBACKS) {
                    match entry_at(next) {
                        Some(entry) if !lacks_kernel(&entry.0) => {
                            (index, chosen) = (next, Some(entry));
                            break;
                        }
                        _ => {}
                    }
                }
            }
            match chosen {
                Some((entry, other)) => (Fact::Known(Some(entry)), Some(index), other),
                None => (Fact::Known(None), None, None),
            }
        }
    };
    let timeout = match value("timeout") {
        Some(command) => command.rest.trim().parse().ok().map(|seconds: i64| {
            let location = format!("{path}:{}", command.line);
            (seconds, Evidence::new(location, format!("timeout={seconds}")))
        }),
        None if menu.entries.is_empty() => Some((0, Evidence::new(path.clone(), "no menu"))),
        None => Some((-1, Evidence::new(path.clone(), "no timeout"))),
    };
    let locked = index.and_then(|index| {
        let (_, commands) = menu.entries.get(index)?;
        let command =
            commands.iter().find(|command| matches!(command.name, "lock" | "password"))?;
        Some(format!("it asks for a password: {} in line {}", command.name, command.line))
    });
    Ok(Configuration {
        kind: LoaderKind::GrubLegacy,
        locked,
        evidence: Evidence::new(path, volumes.name(volume)),
        volume: Some(volume),
        default,
        starts_other,
        others: built
            .into_iter()
            .enumerate()
            .filter(|(at, _)| Some(*at) != index)
            .map(|(_, (entry, _))| entry)
            .take(MAX_LISTED_ENTRIES)
            .collect(),
        timeout,
    })
}

struct Reader<'r, 'a> {
    volumes: &'r Volumes<'a>,
    path: &'r str,
    home: &'r Device,
}

impl Reader<'_, '_> {
    /// The device that `root (hd0,0)` or `uuid …` makes the root.
    fn new_root(&self, command: &Command<'_>) -> Option<Device> {
        match command.name {
            "root" | "rootnoverify" => Some(self.device(command.rest.trim())),
            "uuid" => Some(match self.volumes.by_uuid(command.rest.trim()) {
                Ok(Some(volume)) => Device::Volume(volume),
                Ok(None) => Device::Absent(format!("no file system has the UUID {}", command.rest)),
                Err(reason) => Device::Unknown(reason),
            }),
            _ => None,
        }
    }

    /// `(hd0,0)`: partitions count from 0, logical ones from 4.
    fn device(&self, name: &str) -> Device {
        let name = name.trim_start_matches('(').trim_end_matches(')');
        match name.split_once(',') {
            Some(("hd0", partition)) => match partition.trim().parse::<u32>() {
                Ok(number) => self.volumes.partition(number.saturating_add(1)),
                Err(_) => {
                    let name = shortened(name);
                    Device::Unknown(format!("the device name {name:?} is not followed"))
                }
            },
            _ => self.volumes.resolve(name),
        }
    }

    fn place(&self, name: &str, root: &Device) -> Option<Place> {
        let name = name.split_ascii_whitespace().next()?;
        if let Some((device, path)) = name.strip_prefix('(').and_then(|rest| rest.split_once(')')) {
            return Some(Place { device: self.device(device), path: path.to_owned() });
        }
        let path = name.strip_prefix("/").map(|_| name.to_owned())?;
        Some(Place { device: root.clone(), path })
    }

    fn entry(
        &self,
        title: &Command<'_>,
        commands: &[Command<'_>],
        root: &Device,
    ) -> (BootEntry, Option<String>) {
        let mut root = root.clone();
        let mut entry = EntrySpec {
            title: title.rest.to_owned(),
            location: format!("{}:{}", self.path, title.line),
            ..EntrySpec::default()
        };
        let mut other = None;
        let mut hypervisor = false;
        for command in commands {
            let location = format!("{}:{}", self.path, command.line);
            let file = |text: &str, root: &Device| FileSpec {
                spec: text.split_ascii_whitespace().next().unwrap_or_default().to_owned(),
                location: location.clone(),
                place: self.place(text, root),
            };
            if let Some(device) = self.new_root(command) {
                root = device;
            }
            let module = command.name == "module" || command.name == "modulenounzip";
            match command.name {
                "kernel" | "module" | "modulenounzip" if !module || entry.kernel.is_none() => {
                    // Options of the command itself: `--no-mem-option`, `--type=linux`.
                    let mut text = command.rest;
                    while text.starts_with("--") {
                        text = text.split_once(' ').map_or("", |(_, rest)| rest.trim_start());
                    }
                    let (name, arguments) =
                        text.split_once(|c: char| c.is_ascii_whitespace()).unwrap_or((text, ""));
                    if !module && name.rsplit('/').next().is_some_and(|n| n.starts_with("xen")) {
                        hypervisor = true;
                        other = Some(format!("kernel {name}"));
                        continue;
                    }
                    entry.kernel = Some(file(name, &root));
                    entry.command_line = arguments.trim().to_owned();
                    entry.command_line_location.clone_from(&location);
                }
                "initrd" => {
                    entry.initrds = command
                        .rest
                        .split_ascii_whitespace()
                        // One more tells that there are more.
                        .take(MAX_INITRDS.saturating_add(1))
                        .map(|name| file(name, &root))
                        .collect();
                }
                _ if module && hypervisor && entry.initrds.len() <= MAX_INITRDS => {
                    entry.initrds.push(file(command.rest, &root))
                }
                "chainloader" | "configfile" => {
                    other = Some(format!("{} {}", command.name, command.rest));
                }
                _ => {}
            }
        }
        (entry.resolve(self.volumes), other)
    }

    /// `default saved`: the number in the first line of the file `default` beside the stages.
    fn saved(&self) -> Result<usize, String> {
        let directory = self.path.rsplit_once('/').map_or("", |(directory, _)| directory);
        let path = format!("{directory}/default");
        let place = Place { device: self.home.clone(), path: path.clone() };
        match self.volumes.text_at(&place, MAX_FILE_BYTES) {
            Ok((text, _)) => {
                Ok(text.lines().next().and_then(|l| l.trim().parse().ok()).unwrap_or(0))
            }
            Err(error) if error.is_absent() => Ok(0),
            Err(error) => Err(format!("{path}: {error}")),
        }
    }
}
