//! ifupdown's `/etc/network/interfaces` and the files that it includes.
//!
//! Sources: interfaces(5), ifup(8) and `networking.service` of Debian; what `ifup` 0.8.41 does.

use std::cell::Cell;
use std::collections::BTreeSet;

use super::files::{Content, Files, assignments, is_mac};
use super::programs::Programs;
use crate::fact::{Evidence, Fact};
use crate::guest::facts::{
    Addressing, InterfaceConfig, InterfaceKind, InterfaceMatch, NetworkProgram,
};
use crate::guest::glob;
use crate::guest::linux::pattern;

const INTERFACES: &str = "/etc/network/interfaces";
const INTERFACES_D: &str = "/etc/network/interfaces.d";

/// What `ifup --read-environment` is told at boot.
const DEFAULTS: &str = "/etc/default/networking";

/// Most stanzas of which one inherits through another, and most lines that it takes from each.
const MAX_INHERITED: usize = 16;

/// Most files that are included; each once.
const MAX_INCLUDED: usize = 256;

/// Most stanzas that are looked at.
const MAX_STANZAS: usize = 1024;

/// Most words after `auto` and `allow-…` that are looked at, and most in `EXCLUDE_INTERFACES`. Every
/// stanza is compared with each.
const MAX_WORDS: usize = 1024;

/// Longest name or pattern of an interface, and longest family and method of a stanza, in bytes. The
/// kernel's names have at most 15 (`IFNAMSIZ`); matching takes the product of two lengths, and each stanza
/// that inherits holds the method again.
const MAX_NAME: usize = 64;

/// Most comparisons of a pattern with a name, and most names that stanzas take from `auto` lines: of
/// 1024 stanzas and 1024 patterns there would be a million.
const MAX_COMPARED: usize = 65_536;

/// An `iface` stanza.
struct Stanza {
    name: String,
    /// Address family; empty: that of what it inherits from.
    family: String,
    /// Empty: that of what it inherits from.
    method: String,
    /// The stanza from which it inherits what it does not say itself.
    inherits: Option<String>,
    /// Where it begins.
    location: String,
    /// The line with its method.
    at: Evidence,
    macs: Vec<Evidence>,
    ports: Vec<String>,
    master: bool,
    other: bool,
    port: bool,
    /// `use dhcp`, as ifupdown-ng has it (interfaces(5) of ifupdown-ng).
    uses_dhcp: bool,
    by_cloud_init: bool,
    /// The file that holds it is not included by any that is read.
    loose: bool,
}

/// A word after `auto` or `allow-…`: which interfaces are brought up, and as what.
struct Start {
    /// Interface name or pattern.
    names: String,
    /// The stanza that they use; without one it is that of the interface's own name.
    stanza: Option<String>,
    by_mac: bool,
    /// udev brings it up (`allow-hotplug`), whatever `networking.service` leaves out.
    by_udev: bool,
    /// Why nothing comes of it.
    left_out: Option<Evidence>,
}

/// Compares patterns with names, as long as they are not too many.
#[derive(Default)]
struct Compared(Cell<usize>);

impl Compared {
    fn matches(&self, pattern: &str, name: &str) -> bool {
        if !pattern.contains(['*', '?', '[']) {
            return pattern == name;
        }
        self.count() && glob::matches(pattern, name)
    }

    /// Counts one more; whether it is still to be made.
    fn count(&self) -> bool {
        self.0.set(self.0.get().saturating_add(1));
        self.0.get() <= MAX_COMPARED
    }
}

/// What `/etc/default/networking` keeps `networking.service` from bringing up.
#[derive(Default)]
struct LeftOut {
    /// `CONFIGURE_INTERFACES=no`: everything.
    all: Option<Evidence>,
    /// `EXCLUDE_INTERFACES`: names or patterns, with their line.
    names: Option<(Vec<String>, Evidence)>,
}

impl LeftOut {
    fn read(files: &mut Files<'_>) -> Self {
        let mut left_out = Self::default();
        let Some(file) = files.file(DEFAULTS) else { return left_out };
        let wanted = |key: &str| matches!(key, "CONFIGURE_INTERFACES" | "EXCLUDE_INTERFACES");
        for set in assignments(files, &file, wanted) {
            let evidence = file.setting(set.line, set.text);
            if set.key == "CONFIGURE_INTERFACES" {
                left_out.all = (set.value == "no").then_some(evidence);
            } else {
                let words = || set.value.split_ascii_whitespace();
                if words().nth(MAX_WORDS).is_some() {
                    files.too_many(DEFAULTS, "EXCLUDE_INTERFACES", MAX_WORDS, "words");
                }
                // What is longer than any name takes none.
                let names = words().take(MAX_WORDS).filter(|word| word.len() <= MAX_NAME);
                left_out.names = Some((names.map(str::to_owned).collect(), evidence));
            }
        }
        left_out
    }

    /// Why nothing comes of a start.
    fn why(&self, start: &Start, compared: &Compared) -> Option<&Evidence> {
        if start.by_udev {
            return None;
        }
        let by_name = self
            .names
            .as_ref()
            .filter(|(names, _)| names.iter().any(|name| compared.matches(name, &start.names)));
        self.all.as_ref().or(by_name.map(|(_, evidence)| evidence))
    }
}

#[derive(Default)]
struct Reader {
    stanzas: Vec<Stanza>,
    starts: Vec<Start>,
    macs: Vec<Evidence>,
    seen: BTreeSet<String>,
}

pub(super) fn find(files: &mut Files<'_>, programs: &Programs, found: &mut Vec<InterfaceConfig>) {
    let mut reader = Reader::default();
    reader.include(files, INTERFACES, false);
    // What lies beside it is looked at, too, though nothing comes of it.
    for name in files.names(INTERFACES_D, |name| !name.starts_with('.')) {
        reader.include(files, &format!("{INTERFACES_D}/{name}"), true);
    }
    let left_out = LeftOut::read(files);
    reader.inherit(files);
    reader.configs(files, &left_out, programs, found);
}

impl Reader {
    /// Reads a file and what it includes, depth first; no file twice, so it ends.
    fn include(&mut self, files: &mut Files<'_>, path: &str, loose: bool) {
        let mut queue = vec![path.to_owned()];
        while let Some(path) = queue.pop() {
            if self.seen.len() >= MAX_INCLUDED {
                files.not_evaluated(&path, "more than 256 included files");
                return;
            }
            if !self.seen.insert(path.clone()) {
                continue;
            }
            if let Some(file) = files.file(&path) {
                let mut included = Vec::new();
                self.file(files, &file, loose, &mut included);
                included.reverse();
                queue.extend(included);
            }
        }
    }

    fn file(
        &mut self,
        files: &mut Files<'_>,
        file: &Content,
        loose: bool,
        included: &mut Vec<String>,
    ) {
        let mut inside = false;
        for (line, text) in joined(file) {
            let mut words = text.split_ascii_whitespace();
            let Some(first) = words.next().filter(|word| !word.starts_with('#')) else { continue };
            match first {
                "iface" => {
                    inside = self.iface(files, file, line, &text, loose);
                }
                "auto" => self.start(files, file, line, &text, loose),
                "source" | "source-directory" => {
                    inside = false;
                    for word in words {
                        if included.len() > MAX_INCLUDED {
                            files.not_evaluated(&file.path, "more than 256 included files");
                            break;
                        }
                        let paths = named(files, file, line, word, first == "source-directory");
                        let seen = &self.seen;
                        included.extend(paths.into_iter().filter(|path| !seen.contains(path)));
                    }
                }
                _ if first.starts_with("allow-") => self.start(files, file, line, &text, loose),
                "mapping" | "template" | "rename" | "no-auto-down" | "no-scripts" => {
                    inside = false;
                    if first == "mapping" && !loose {
                        files.not_evaluated(&format!("{}:{line}", file.path), "a mapping script");
                    }
                }
                _ => {
                    let stanza = if inside { self.stanzas.last_mut() } else { None };
                    match stanza {
                        Some(stanza) => stanza.option(files, file, line, first, &text),
                        // An address in a piece of a file is one all the same.
                        None if first == "hwaddress"
                            && words.any(is_mac)
                            && files.keeps(&file.path) =>
                        {
                            self.macs.push(file.evidence(line, &text));
                        }
                        None => {}
                    }
                }
            }
        }
    }

    /// Takes up a stanza; whether there is room for it.
    fn iface(
        &mut self,
        files: &mut Files<'_>,
        file: &Content,
        line: usize,
        text: &str,
        loose: bool,
    ) -> bool {
        if self.stanzas.len() >= MAX_STANZAS {
            files.too_many(&file.path, "interfaces", MAX_STANZAS, "stanzas");
            return false;
        }
        let words: Vec<&str> = text.split_ascii_whitespace().skip(1).collect();
        let word = |index: usize| words.get(index).copied().unwrap_or_default().to_owned();
        let mut macs = Vec::new();
        if words.iter().any(|word| word.split('/').any(is_mac)) {
            macs.push(file.setting(line, text));
        }
        // `iface eth0 [FAMILY [METHOD]] [inherits STANZA]`
        let inherits = words.iter().skip(1).position(|word| *word == "inherits");
        let own = |index: usize| match inherits {
            Some(at) if index > at => String::new(),
            _ => word(index),
        };
        let (name, family, method) = (word(0), own(1), own(2));
        let inherits = inherits.map(|at| word(at.saturating_add(2)));
        if [&name, &family, &method].into_iter().chain(&inherits).any(|it| it.len() > MAX_NAME) {
            files.too_many(&file.path, "interfaces", MAX_NAME, "bytes of a name");
            return false;
        }
        let at = file.setting(line, text);
        self.stanzas.push(Stanza {
            other: name == "lo" || name.contains([':', '.']) || name.starts_with("vlan"),
            master: name.starts_with("br") || name.starts_with("vmbr") || name.starts_with("bond"),
            port: false,
            uses_dhcp: false,
            name,
            family,
            method,
            inherits,
            location: at.location.clone(),
            at,
            macs,
            ports: Vec::new(),
            by_cloud_init: file.by_cloud_init(),
            loose,
        });
        true
    }

    /// `auto eth0 /en*=lan /mac/…`.
    fn start(
        &mut self,
        files: &mut Files<'_>,
        file: &Content,
        line: usize,
        text: &str,
        loose: bool,
    ) {
        let has_mac = |word: &str| word.split(['/', '=']).any(is_mac);
        if text.split_ascii_whitespace().skip(1).any(has_mac) && files.keeps(&file.path) {
            self.macs.push(file.setting(line, text));
        }
        if loose {
            return;
        }
        let by_udev = text.starts_with("allow-") && !text.starts_with("allow-auto");
        for word in text.split_ascii_whitespace().skip(1) {
            let (names, stanza) = match word.split_once('=') {
                Some((names, stanza)) => (names, Some(stanza.to_owned())),
                None => (word, None),
            };
            let parts: Vec<&str> = names.split('/').collect();
            // `/pattern`, `/pattern/2`, `/mac/…`, `/variable/…`.
            let names = match parts.as_slice() {
                ["", pattern, ..] => pattern,
                _ => names,
            };
            let by_mac = parts.iter().any(|part| is_mac(part));
            if self.starts.len() >= MAX_WORDS {
                return files.too_many(&file.path, "interfaces", MAX_WORDS, "words after auto");
            }
            if names.len().max(stanza.as_ref().map_or(0, String::len)) > MAX_NAME {
                return files.too_many(&file.path, "interfaces", MAX_NAME, "bytes of a name");
            }
            let (names, left_out) = (names.to_owned(), None);
            self.starts.push(Start { names, stanza, by_mac, by_udev, left_out });
        }
    }

    /// Gives the stanzas what they inherit.
    fn inherit(&mut self, files: &mut Files<'_>) {
        for index in 0..self.stanzas.len() {
            for _ in 0..MAX_INHERITED {
                let Some(stanza) = self.stanzas.get(index) else { break };
                let Some(name) = &stanza.inherits else { break };
                let found = (0_usize..).zip(&self.stanzas).find(|(other, parent)| {
                    let family = stanza.family.is_empty() || stanza.family == parent.family;
                    // Other files may be included before it, though they were read after it.
                    let before = *other < index || file_of(stanza) != file_of(parent);
                    *other != index && before && parent.name == *name && family
                });
                let Some(parent) = found.map(|(_, parent)| parent.inheritance()) else {
                    if !stanza.loose {
                        let reason = format!(
                            "ifup refuses the file: no stanza {name} before it to inherit from"
                        );
                        files.not_followed(&stanza.location, reason);
                    }
                    break;
                };
                if let Some(stanza) = self.stanzas.get_mut(index) {
                    stanza.take(parent);
                }
            }
        }
    }

    fn configs(
        self,
        files: &mut Files<'_>,
        left_out: &LeftOut,
        programs: &Programs,
        found: &mut Vec<InterfaceConfig>,
    ) {
        let Self { stanzas, mut starts, mut macs, .. } = self;
        let compared = Compared::default();
        for start in &mut starts {
            start.left_out = left_out.why(start, &compared).cloned();
        }
        for stanza in stanzas {
            let ipv6 = stanza.family == "inet6";
            // Both families of an interface are one configuration, as long as the first is IPv4.
            if let Some(config) = found.iter_mut().rev().find(|config| {
                ipv6 && config.program == NetworkProgram::Ifupdown && config.name == stanza.name
            }) {
                config.ipv6 = stanza.addressing();
                config.macs.extend(stanza.macs);
                continue;
            }
            let uses = |start: &&Start| start.uses(&stanza.name, &compared) && compared.count();
            let by: Vec<&Start> = starts.iter().filter(uses).collect();
            let idle = stanza.idle(&by, programs);
            let by_mac = stanza.name.split('/').any(is_mac)
                || (!by.is_empty() && by.iter().all(|start| start.by_mac));
            let mut names: Vec<String> = by.iter().map(|start| start.names.clone()).collect();
            if names.is_empty() {
                names.push(stanza.name.clone());
            }
            let kind = if stanza.other || stanza.method == "loopback" {
                InterfaceKind::Other
            } else if stanza.master || !stanza.ports.is_empty() {
                InterfaceKind::Master
            } else {
                InterfaceKind::Ethernet
            };
            let addressing = stanza.addressing();
            found.push(InterfaceConfig {
                program: NetworkProgram::Ifupdown,
                name: stanza.name.clone(),
                location: stanza.location.clone(),
                matches: InterfaceMatch { names, by_mac, ..InterfaceMatch::default() },
                kind,
                ipv4: if ipv6 { Addressing::None } else { addressing },
                ipv4_at: stanza.at,
                ipv6: if ipv6 { addressing } else { Addressing::None },
                ports: stanza.ports,
                macs: stanza.macs,
                by_cloud_init: stanza.by_cloud_init,
                idle,
                lacks: None,
                persistent_dhclient: None,
            });
        }
        if !compared.count() {
            files.too_many(INTERFACES, "interfaces", MAX_COMPARED, "comparisons of names");
        }
        if let Some(first) = macs.first().cloned() {
            macs.dedup();
            // Lines that belong to no stanza: they bind an address, and set nothing up.
            found.push(InterfaceConfig {
                program: NetworkProgram::Ifupdown,
                name: first.location.clone(),
                location: first.location.clone(),
                matches: InterfaceMatch { by_mac: true, ..InterfaceMatch::default() },
                kind: InterfaceKind::Other,
                ports: Vec::new(),
                ipv4: Addressing::None,
                ipv4_at: first,
                ipv6: Addressing::None,
                macs,
                by_cloud_init: false,
                idle: programs.idle(&[NetworkProgram::Ifupdown]),
                lacks: None,
                persistent_dhclient: None,
            });
        }
    }
}

impl Start {
    /// Whether it brings something up with that stanza.
    fn uses(&self, stanza: &str, compared: &Compared) -> bool {
        match &self.stanza {
            Some(name) => name == stanza,
            None => compared.matches(&self.names, stanza) || compared.matches(stanza, &self.names),
        }
    }
}

impl Stanza {
    /// What another stanza takes over from it.
    fn inheritance(&self) -> Self {
        Self {
            macs: self.macs.iter().take(MAX_INHERITED).cloned().collect(),
            ports: self.ports.iter().take(MAX_INHERITED).cloned().collect(),
            name: self.name.clone(),
            family: self.family.clone(),
            method: self.method.clone(),
            inherits: self.inherits.clone(),
            location: self.location.clone(),
            at: self.at.clone(),
            ..*self
        }
    }

    /// Takes over what another stanza has beyond it, and from what that one inherits.
    fn take(&mut self, parent: Self) {
        if self.family.is_empty() {
            self.family = parent.family;
        }
        if self.method.is_empty() {
            (self.method, self.at) = (parent.method, parent.at);
        }
        self.inherits = parent.inherits;
        self.macs.extend(parent.macs);
        self.ports.extend(parent.ports);
        self.master |= parent.master;
        self.port |= parent.port;
    }

    fn option(
        &mut self,
        files: &mut Files<'_>,
        file: &Content,
        line: usize,
        key: &str,
        text: &str,
    ) {
        let mut words = text.split_ascii_whitespace().skip(1);
        match key {
            "hwaddress" if words.any(is_mac) && files.keeps(&file.path) => {
                self.macs.push(file.setting(line, text));
            }
            "bridge_ports" | "bridge-ports" | "bond-slaves" | "slaves" => {
                self.master = true;
                let names = words
                    .filter(|word| !matches!(*word, "none" | "all"))
                    .take_while(|_| files.keeps(&file.path));
                self.ports.extend(names.map(str::to_owned));
            }
            "bond-master" => self.port = true,
            "use"
                if self.method.is_empty()
                    && self.inherits.is_none()
                    && words.any(|word| word == "dhcp") =>
            {
                self.uses_dhcp = true;
                self.at = file.setting(line, text);
            }
            _ => {}
        }
    }

    fn addressing(&self) -> Addressing {
        match self.method.as_str() {
            _ if self.port => Addressing::None,
            "dhcp" => Addressing::Dhcp,
            "static" => Addressing::Static,
            "auto" => Addressing::RouterAdvertisement,
            "" if self.uses_dhcp => Addressing::Dhcp,
            _ => Addressing::None,
        }
    }

    fn idle(&self, uses: &[&Start], programs: &Programs) -> Fact<Option<Evidence>> {
        let location = &self.location;
        if self.loose {
            let reason = format!("{INTERFACES} does not include it");
            return Fact::Known(Some(Evidence::new(location.clone(), reason)));
        }
        if uses.is_empty() {
            let reason = format!("no auto and no allow-hotplug names {}", self.name);
            return Fact::Known(Some(Evidence::new(location.clone(), reason)));
        }
        match uses.iter().map(|start| start.left_out.as_ref()).collect::<Option<Vec<_>>>() {
            Some(why) => Fact::Known(why.first().copied().cloned()),
            None => programs.idle(&[NetworkProgram::Ifupdown]),
        }
    }
}

/// The file in which a stanza begins.
fn file_of(stanza: &Stanza) -> &str {
    stanza.location.rsplit_once(':').map_or("", |(file, _)| file)
}

/// Lines joined over a backslash at their end, each with the number of its first line.
fn joined(file: &Content) -> Vec<(usize, String)> {
    let mut found: Vec<(usize, String)> = Vec::new();
    let mut open = false;
    for (line, text) in file.lines() {
        let (text, more) = match text.strip_suffix('\\') {
            Some(text) => (text, true),
            None => (text, false),
        };
        match found.last_mut() {
            Some((_, before)) if open => before.push_str(text),
            _ => found.push((line, text.to_owned())),
        }
        open = more;
    }
    found
}

/// The files that `source` or `source-directory` names.
fn named(
    files: &mut Files<'_>,
    file: &Content,
    line: usize,
    word: &str,
    directory: bool,
) -> Vec<String> {
    let parent = file.path.rsplit_once('/').map_or("", |(parent, _)| parent);
    let path = if word.starts_with('/') { word.to_owned() } else { format!("{parent}/{word}") };
    let place = format!("{}:{line}", file.path);
    if directory {
        let plain = |name: &str| {
            !name.is_empty()
                && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-')
        };
        let path = path.trim_end_matches('/');
        if let Err(error) = pattern::within_bound(path) {
            files.doubt(&place, &error);
            return Vec::new();
        }
        if path.contains(['*', '?', '[', '$', '`', '~']) {
            files.not_evaluated(&place, word);
            return Vec::new();
        }
        let names = files.names(path, plain);
        return names.iter().map(|name| format!("{path}/{name}")).collect();
    }
    let Some((parent, _)) = path.rsplit_once('/') else { return Vec::new() };
    if parent.contains(['*', '?', '[']) || path.contains(['$', '`', '~', '{']) {
        files.not_evaluated(&place, word);
        return Vec::new();
    }
    pattern::files(files.tree, &path).unwrap_or_else(|error| {
        files.doubt(&place, &error);
        Vec::new()
    })
}
