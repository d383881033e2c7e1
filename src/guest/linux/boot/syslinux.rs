//! SYSLINUX's and EXTLINUX's configuration (syslinux wiki, "Config"; `doc/syslinux.txt`).

use super::command_line::MAX_COMMAND_LINE;
use super::entry::{Configuration, EntrySpec, FileSpec, MAX_INITRDS, MAX_LISTED_ENTRIES};
use super::grub_device::Device;
use super::volumes::{Place, Volumes};
use crate::bytes::BytesExt;
use crate::error::Result;
use crate::fact::{Evidence, Fact};
use crate::guest::facts::{BootEntry, LoaderKind};

/// Longest configuration in bytes (SYSLINUX itself reads any; usual ones have under 8 KiB).
const MAX_FILE_BYTES: u64 = 512 << 10;

/// Most files, those of `INCLUDE` counted.
const MAX_FILES: u32 = 32;

/// Most bytes of all files together.
const MAX_TEXT: usize = 2 << 20;

/// Deepest `INCLUDE` (SYSLINUX: `MAX_NESTING` 16 in `com32/menu/readconfig.c`).
const MAX_DEPTH: u32 = 16;

/// Most labels that are read.
const MAX_LABELS: usize = 1024;

/// Largest module that is searched for the names of libraries; SYSLINUX 6.04's largest has 180 KiB.
const MAX_MODULE: u64 = 1 << 20;

/// The libraries that modules of SYSLINUX 5 and later are linked with (`com32/lib`, `com32/libutil`,
/// `com32/gpllib`).
const LIBRARIES: [&str; 3] = ["libutil.c32", "libcom32.c32", "libgpl.c32"];

/// Directories in which SYSLINUX is installed and looks for its configuration.
pub(super) const DIRECTORIES: [&str; 6] =
    ["/boot/extlinux", "/boot/syslinux", "/boot", "/extlinux", "/syslinux", ""];

/// Names of its configuration.
pub(super) const NAMES: [&str; 2] = ["extlinux.conf", "syslinux.cfg"];

#[derive(Default)]
struct Label {
    name: String,
    title: Option<String>,
    location: String,
    kernel: Option<(String, String)>,
    append: Option<(String, String)>,
    initrds: Option<(String, String)>,
    other: Option<String>,
    /// The line of `MENU PASSWD`.
    password: Option<String>,
}

#[derive(Default)]
struct Config {
    default: Option<(String, String)>,
    ontimeout: Option<String>,
    onerror: Option<String>,
    menu_default: Option<usize>,
    ui: Option<String>,
    timeout: Option<(i64, Evidence)>,
    /// `PATH`: modules may lie elsewhere.
    path: bool,
    /// `PROMPT 1`: the prompt is shown even when no key is held.
    prompts: bool,
    append: Option<(String, String)>,
    labels: Vec<Label>,
    files: u32,
    /// Bytes read so far.
    text: usize,
    /// What was not read, and may change the choice.
    unread: Option<String>,
}

/// Whether a command is a module of SYSLINUX: a menu.
fn is_menu(command: &str) -> bool {
    let name = command.split_ascii_whitespace().next().unwrap_or_default();
    name.rsplit('/').next().is_some_and(|name| name.ends_with(".c32"))
}

/// Whether what `KERNEL` names is by its extension no Linux kernel (syslinux wiki, "Config":
/// "KERNEL").
fn is_other_program(command: &str) -> bool {
    let name = command.split_ascii_whitespace().next().unwrap_or_default().to_ascii_lowercase();
    [".c32", ".com", ".cbt", ".img", ".bin", ".bs", ".bss", ".0"]
        .iter()
        .any(|extension| name.ends_with(extension))
}

impl Config {
    /// Whether a menu is shown.
    fn has_menu(&self) -> bool {
        self.ui.is_some() || self.default.as_ref().is_some_and(|(text, _)| is_menu(text))
    }
}

/// Reads the configuration at a place; names of files without a leading slash are taken from its
/// directory.
///
/// # Errors
/// When the file cannot be read.
pub(super) fn read(volumes: &Volumes<'_>, place: &Place) -> Result<Configuration> {
    let (text, path) = volumes.text_at(place, MAX_FILE_BYTES)?;
    let directory = path.rsplit_once('/').map_or("", |(directory, _)| directory).to_owned();
    let reader = Reader { volumes, device: &place.device, directory: &directory };
    let mut config = Config::default();
    reader.parse(&text, &path, &mut config, 0);
    let volume = volumes.volume_of(place)?;
    let resolve = |(entry, index, other): Choice| (entry.resolve(volumes), index, other);
    let mut chosen = reader.choose(&config).map(resolve);
    let fails = chosen.as_ref().is_some_and(|(entry, ..)| lacks_kernel(entry));
    if let Some(command) = config.onerror.as_ref().filter(|_| fails && !config.has_menu()) {
        let failed = config.default.as_ref().map_or("", |(text, _)| text);
        chosen = reader.start(&config, &format!("{command} {failed}")).map(resolve);
    }
    let (default, index, starts_other) = match (&config.unread, chosen) {
        (Some(reason), _) => (Fact::unknown(path.clone(), reason.clone()), None, None),
        (None, None) => (Fact::Known(None), None, None),
        (None, Some((entry, _, None))) if entry.command_line.len() > MAX_COMMAND_LINE => {
            let reason = format!("more than {MAX_COMMAND_LINE} bytes of kernel command line");
            (Fact::unknown(entry.command_line_location, reason), None, None)
        }
        (None, Some((entry, index, other))) => (Fact::Known(Some(entry)), index, other),
    };
    let others = config
        .labels
        .iter()
        .enumerate()
        .filter(|(at, label)| Some(*at) != index && label.kernel.is_some())
        .take(MAX_LISTED_ENTRIES)
        .map(|(_, label)| reader.entry(label, &config, "").resolve(volumes))
        .collect();
    // Only the menu asks.
    let label = index.filter(|_| config.has_menu()).and_then(|index| config.labels.get(index));
    let locked = label.and_then(|label| {
        Some(format!("it asks for a password: MENU PASSWD in {}", label.password.as_ref()?))
    });
    let locked = locked.or_else(|| reader.missing_module(&config));
    Ok(Configuration {
        kind: LoaderKind::Syslinux,
        locked,
        default,
        starts_other,
        others,
        timeout: config.timeout.clone().or_else(|| {
            // Without TIMEOUT a menu, or a prompt, waits for ever; else the default starts at once.
            let seconds = if config.has_menu() || config.prompts { -1 } else { 0 };
            config.unread.is_none().then(|| (seconds, Evidence::new(&path, "no timeout")))
        }),
        evidence: Evidence::new(path, volumes.name(volume)),
        volume: Some(volume),
    })
}

struct Reader<'r, 'a> {
    volumes: &'r Volumes<'a>,
    device: &'r Device,
    directory: &'r str,
}

impl Reader<'_, '_> {
    fn parse(&self, text: &str, path: &str, config: &mut Config, depth: u32) {
        config.files = config.files.saturating_add(1);
        config.text = config.text.saturating_add(text.len());
        if config.text > MAX_TEXT {
            config.unread = Some(format!("more than {MAX_TEXT} bytes of text"));
            return;
        }
        for (line, text) in (1_u32..).zip(text.lines()) {
            let text = text.trim();
            if text.is_empty() || text.starts_with('#') {
                continue;
            }
            let location = format!("{path}:{line}");
            let (keyword, rest) = cut(text);
            let labels = config.labels.len();
            match (keyword.as_str(), config.labels.last_mut()) {
                ("default", _) => config.default = Some((rest.to_owned(), location)),
                ("ontimeout", _) if !rest.is_empty() => config.ontimeout = Some(rest.to_owned()),
                ("onerror", _) if !rest.is_empty() => config.onerror = Some(rest.to_owned()),
                ("prompt", _) => config.prompts = !rest.is_empty() && rest != "0",
                ("path", _) => config.path = true,
                ("ui", _) => config.ui = Some(rest.to_owned()),
                ("timeout", _) => {
                    // Tenths of a second; 0 waits for ever.
                    config.timeout = rest.parse::<i64>().ok().map(|tenths| {
                        let seconds = if tenths == 0 { -1 } else { tenths.div_euclid(10) };
                        (seconds, Evidence::new(location, text))
                    });
                }
                ("include", _) => self.include(rest, config, depth),
                ("label", _) => {
                    if labels >= MAX_LABELS {
                        config.unread = Some(format!("more than {MAX_LABELS} labels"));
                        return;
                    }
                    let name = rest.to_owned();
                    config.labels.push(Label { name, location, ..Label::default() });
                }
                ("menu", label) => match (cut(rest), label) {
                    ((word, rest), Some(label)) if word == "label" => {
                        label.title = Some(rest.replace('^', ""));
                    }
                    ((word, _), Some(_)) if word == "default" => {
                        config.menu_default = labels.checked_sub(1);
                    }
                    ((word, _), Some(label)) if word == "passwd" => {
                        label.password = Some(location);
                    }
                    ((word, rest), _) if word == "include" => self.include(rest, config, depth),
                    _ => {}
                },
                ("kernel", Some(label)) if is_other_program(rest) => {
                    label.other = Some(text.to_owned());
                }
                ("kernel" | "linux", Some(label)) => {
                    label.kernel = Some((rest.to_owned(), location));
                }
                ("append", Some(label)) => label.append = Some((bounded(rest), location)),
                ("append", None) => config.append = Some((bounded(rest), location)),
                ("initrd", Some(label)) => label.initrds = Some((rest.to_owned(), location)),
                (
                    "localboot" | "com32" | "boot" | "bss" | "pxe" | "fdimage" | "comboot"
                    | "config",
                    Some(label),
                ) => label.other = Some(text.to_owned()),
                _ => {}
            }
        }
    }

    fn include(&self, name: &str, config: &mut Config, depth: u32) {
        if depth >= MAX_DEPTH || config.files >= MAX_FILES {
            config.unread = Some(format!("more than {MAX_FILES} files, {MAX_DEPTH} deep"));
            return;
        }
        let name = name.split_ascii_whitespace().next().unwrap_or_default();
        match self.volumes.text_at(&self.place(name), MAX_FILE_BYTES) {
            Ok((text, path)) => self.parse(&text, &path, config, depth.saturating_add(1)),
            Err(error) if error.is_absent() => {}
            Err(error) => config.unread = Some(format!("{name}: {error}")),
        }
    }

    /// Why the menu does not come up: its module, or a library that the module is linked with, is not
    /// there. SYSLINUX looks in the directory of its configuration and in its own.
    fn missing_module(&self, config: &Config) -> Option<String> {
        let default = config.default.as_ref().map(|(text, _)| text).filter(|text| is_menu(text));
        let module = cut_word(config.ui.as_ref().or(default)?).0;
        if config.path {
            return None;
        }
        // What could not be read may be there.
        let is_missing = |name: &str| {
            let own = std::iter::once(self.place(name));
            let others = DIRECTORIES.iter().map(|directory| {
                let path = format!("{directory}/{name}");
                Place { device: self.device.clone(), path }
            });
            own.chain(others)
                .all(|place| self.volumes.find_at(&place).is_err_and(|error| error.is_absent()))
        };
        let why = |name: &str| format!("the menu's module {name} is not there");
        if is_missing(module) {
            return Some(why(module));
        }
        let place = self.place(module);
        let volume = self.volumes.volume_of(&place).ok()?;
        let bytes = self.volumes.open(volume, &place.path).ok()?;
        if bytes.len() > MAX_MODULE {
            return None;
        }
        let bytes = bytes.vec(0, usize::try_from(bytes.len()).ok()?).ok()?;
        let is_linked = |library: &&&str| {
            let name = [library.as_bytes(), b"\0"].concat();
            bytes.starts_with(b"\x7fELF") && bytes.windows(name.len()).any(|part| part == name)
        };
        LIBRARIES.iter().filter(is_linked).find(|name| is_missing(name)).map(|name| why(name))
    }

    fn place(&self, name: &str) -> Place {
        let path = match name.starts_with('/') {
            true => name.to_owned(),
            false => format!("{}/{name}", self.directory),
        };
        Place { device: self.device.clone(), path }
    }

    fn entry(&self, label: &Label, config: &Config, more: &str) -> EntrySpec {
        let file = |name: &str, location: &str| FileSpec {
            spec: name.to_owned(),
            location: location.to_owned(),
            place: Some(self.place(name)),
        };
        let none = (String::new(), label.location.clone());
        let (append, append_location) =
            label.append.as_ref().or(config.append.as_ref()).unwrap_or(&none);
        let mut append = if append == "-" { String::new() } else { append.clone() };
        // A kernel named with arguments of its own (`kernel vmlinuz root=…`): they come first.
        let own = label.kernel.as_ref().map_or("", |(name, _)| cut_word(name).1);
        if !own.is_empty() {
            append = format!("{own} {append}").trim().to_owned();
        }
        if !more.is_empty() {
            append = format!("{append} {more}").trim().to_owned();
        }
        let from_append = super::command_line::last_value(&append, "initrd");
        let initrds = match (&label.initrds, from_append) {
            (Some((names, location)), _) => Some((names.clone(), location)),
            (None, Some(names)) => Some((names, append_location)),
            (None, None) => None,
        };
        EntrySpec {
            title: label.title.clone().unwrap_or_else(|| label.name.clone()),
            location: label.location.clone(),
            kernel: label.kernel.as_ref().map(|(name, location)| {
                file(name.split_ascii_whitespace().next().unwrap_or_default(), location)
            }),
            initrds: initrds.map_or_else(Vec::new, |(names, location)| {
                // One more tells that there are more.
                let names = names.split(',').take(MAX_INITRDS.saturating_add(1));
                names.map(|name| file(name.trim(), location)).collect()
            }),
            command_line: bounded(&append),
            command_line_location: append_location.clone(),
        }
    }

    /// What is started when nobody presses a key.
    fn choose(&self, config: &Config) -> Option<Choice> {
        let default = config.default.as_ref().map(|(text, _)| text);
        match (config.has_menu(), &config.ontimeout) {
            (true, Some(command)) => self.start(config, command),
            (true, None) => {
                let plain = default.filter(|text| !is_menu(text));
                let named = || self.label(config, plain?);
                let index = config.menu_default.or_else(named).unwrap_or(0);
                let label = config.labels.get(index)?;
                Some((self.entry(label, config, ""), Some(index), label.other.clone()))
            }
            (false, Some(command)) if waits_at_prompt(config) => self.start(config, command),
            (false, _) => self.start(config, default?),
        }
    }

    /// What a command starts: a label, or else the kernel of that name; the words behind it are more
    /// arguments.
    fn start(&self, config: &Config, command: &str) -> Option<Choice> {
        let (name, arguments) = cut_word(command);
        let index = self.label(config, command);
        if let Some(label) = index.and_then(|index| config.labels.get(index)) {
            return Some((self.entry(label, config, arguments), index, label.other.clone()));
        }
        let location = config.default.as_ref().map_or_else(String::new, |(_, at)| at.clone());
        let label = Label {
            name: name.to_owned(),
            location: location.clone(),
            kernel: Some((name.to_owned(), location)),
            ..Label::default()
        };
        Some((self.entry(&label, config, arguments), None, None))
    }

    fn label(&self, config: &Config, command: &str) -> Option<usize> {
        let name = cut_word(command).0;
        config.labels.iter().position(|label| label.name == name)
    }
}

/// What is started: the entry, the label that it is, and what the label starts that is no Linux kernel.
type Choice = (EntrySpec, Option<usize>, Option<String>);

/// Whether the entry's kernel is not there: then ONERROR counts.
fn lacks_kernel(entry: &BootEntry) -> bool {
    entry.kernel.as_ref().is_some_and(|kernel| kernel.resolved == Fact::Known(None))
}

/// Whether the prompt is shown and ends by itself: then ONTIMEOUT counts.
fn waits_at_prompt(config: &Config) -> bool {
    config.prompts && config.timeout.as_ref().is_some_and(|(seconds, _)| *seconds >= 0)
}

/// As much of a command line as the kernel takes, and one character more of a longer one: it counts
/// for each label without one of its own.
fn bounded(command_line: &str) -> String {
    command_line.chars().take(MAX_COMMAND_LINE.saturating_add(1)).collect()
}

/// The first word in lower case, and the rest.
fn cut(text: &str) -> (String, &str) {
    let (word, rest) = cut_word(text);
    (word.to_ascii_lowercase(), rest)
}

fn cut_word(text: &str) -> (&str, &str) {
    let text = text.trim();
    let (word, rest) = text.split_once([' ', '\t']).unwrap_or((text, ""));
    (word, rest.trim_start())
}
