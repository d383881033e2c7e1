//! Reading of configuration files: bounded, with the first one that could not be read remembered.

use std::collections::BTreeMap;

use crate::error::{Error, Result};
use crate::fact::{Evidence, Unread, shortened, value_behind};
use crate::filesystem::tree::Tree;
use crate::filesystem::{FileType, Metadata};
use crate::guest::facts::InterfaceConfig;

/// Longest configuration file read; a rules file of a machine with many cards has a few KiB.
const MAX_FILE: u64 = 1 << 20;

/// Most bytes of configuration files read in all; a desktop's udev rules, the most of it, have 2 MiB.
/// What is made of them takes many times their length.
const MAX_TEXT: usize = 8 << 20;

/// Most files read in all.
const MAX_FILES: usize = 4096;

/// Most names and addresses kept of all files: interfaces, patterns and ports that lines list, and lines
/// with MAC addresses. A machine that runs hundreds of others has some thousand.
const MAX_KEPT: usize = 16_384;

/// Longest of the names and patterns kept, in bytes; those of interfaces have at most 127
/// (`ALTIFNAMSIZ` of Linux), and each is held against the names of a card.
const MAX_NAME: usize = 128;

/// The guest's files, and what could not be read of them.
pub(in crate::guest::linux) struct Files<'a> {
    pub(in crate::guest::linux) tree: &'a Tree,
    /// Bytes and files read so far.
    text: usize,
    count: usize,
    /// Names and addresses kept so far.
    kept: usize,
    /// The first file that could not be read or understood.
    pub(in crate::guest::linux) unread: Option<Unread>,
    /// The first line that is understood only by running it, or that its reader refuses.
    pub(super) unevaluated: Option<Unread>,
}

impl<'a> Files<'a> {
    pub(in crate::guest::linux) fn new(tree: &'a Tree) -> Self {
        Self { tree, text: 0, count: 0, kept: 0, unread: None, unevaluated: None }
    }

    pub(in crate::guest::linux) fn doubt(&mut self, location: &str, error: &Error) {
        self.unread.get_or_insert_with(|| Unread::from((location, error)));
    }

    /// Takes note of what a bound leaves out.
    pub(super) fn too_many(
        &mut self,
        location: &str,
        structure: &'static str,
        limit: usize,
        unit: &'static str,
    ) {
        self.doubt(location, &Error::too_much(structure, limit, unit));
    }

    /// Whether there is room for one more name or address.
    pub(super) fn keeps(&mut self, location: &str) -> bool {
        self.kept = self.kept.saturating_add(1);
        if self.kept > MAX_KEPT {
            self.too_many(location, "network configuration", MAX_KEPT, "names and addresses");
        }
        self.kept <= MAX_KEPT
    }

    /// Adds a configuration with as much of its lists as there is room for.
    pub(super) fn keep(&mut self, mut config: InterfaceConfig, found: &mut Vec<InterfaceConfig>) {
        let InterfaceConfig { location, matches, ports, macs, .. } = &mut config;
        for names in [&mut matches.names, &mut matches.drivers, ports] {
            if names.iter().any(|name| name.len() > MAX_NAME) {
                self.too_many(location, "network configuration", MAX_NAME, "bytes of a name");
            }
            names.retain(|name| name.len() <= MAX_NAME && self.keeps(location));
        }
        macs.retain(|_| self.keeps(location));
        found.push(config);
    }

    /// Takes note of what is understood only by running it.
    pub(super) fn not_evaluated(&mut self, location: &str, what: &str) {
        self.not_followed(location, format!("{what} is not evaluated"));
    }

    /// Takes note of what leaves unknown how the interfaces come up, in its own words.
    pub(super) fn not_followed(&mut self, location: &str, reason: String) {
        self.unevaluated.get_or_insert_with(|| Unread::new(location, reason));
    }

    /// The names in a directory that `wanted` takes, sorted; none when it is not there.
    pub(in crate::guest::linux) fn names(
        &mut self,
        directory: &str,
        wanted: impl Fn(&str) -> bool,
    ) -> Vec<String> {
        self.try_names(directory, wanted).unwrap_or_else(|error| {
            self.doubt(directory, &error);
            Vec::new()
        })
    }

    /// As [`Files::names`], without doubt about all that is read where the directory is not.
    ///
    /// # Errors
    /// When the directory is there and cannot be read.
    pub(super) fn try_names(
        &mut self,
        directory: &str,
        wanted: impl Fn(&str) -> bool,
    ) -> Result<Vec<String>> {
        match self.tree.read_dir(directory) {
            Ok(entries) => Ok(entries
                .iter()
                .filter(|entry| wanted(&String::from_utf8_lossy(&entry.name)))
                .filter_map(|entry| {
                    entry.text().map_err(|error| self.doubt(directory, &error)).ok()
                })
                .collect()),
            Err(error) if error.is_absent() => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }

    /// The files of a directory that `wanted` takes.
    pub(in crate::guest::linux) fn files(
        &mut self,
        directory: &str,
        wanted: impl Fn(&str) -> bool,
    ) -> Vec<Content> {
        let names = self.names(directory, wanted);
        names.iter().filter_map(|name| self.file(&format!("{directory}/{name}"))).collect()
    }

    /// The files of several directories, the strongest first: of equal names the first counts, and
    /// they are given in the order of their names.
    pub(in crate::guest::linux) fn layered(
        &mut self,
        directories: &[&str],
        wanted: impl Fn(&str) -> bool,
    ) -> Vec<Content> {
        let mut paths = BTreeMap::new();
        for directory in directories {
            for name in self.names(directory, &wanted) {
                let path = format!("{directory}/{name}");
                paths.entry(name).or_insert(path);
            }
        }
        paths.values().filter_map(|path| self.file(path)).collect()
    }

    /// A regular file's text; a link to `/dev/null` or to nowhere holds nothing.
    pub(in crate::guest::linux) fn file(&mut self, path: &str) -> Option<Content> {
        match self.text(path) {
            Ok(text) => text.map(|text| Content::new(path, text)),
            Err(error) => {
                self.doubt(path, &error);
                None
            }
        }
    }

    /// Owner and mode of what a path leads to.
    pub(super) fn metadata(&mut self, path: &str) -> Option<Metadata> {
        self.tree.metadata(path).map_err(|error| self.doubt(path, &error)).ok()
    }

    fn text(&mut self, path: &str) -> Result<Option<String>> {
        let structure = "network configuration";
        self.count = self.count.saturating_add(1);
        if self.count > MAX_FILES {
            return Err(Error::too_much(structure, MAX_FILES, "files"));
        }
        if self.text > MAX_TEXT {
            return Err(Error::too_much(structure, MAX_TEXT, "bytes"));
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
pub(in crate::guest::linux) struct Content {
    pub(in crate::guest::linux) path: String,
    pub(in crate::guest::linux) text: String,
    by_cloud_init: bool,
}

impl Content {
    fn new(path: &str, text: String) -> Self {
        let mut head = text.lines().take_while(|line| line.starts_with('#'));
        let by_cloud_init = path.rsplit('/').next().is_some_and(|name| name.contains("cloud-init"))
            || head.any(|line| line.contains("cloud-init"));
        Self { path: path.to_owned(), text, by_cloud_init }
    }

    /// Whether cloud-init wrote it: its network renderers name their files after it or say so in
    /// the comment at the top (cloudinit/net/, `net_config_header`).
    pub(in crate::guest::linux) fn by_cloud_init(&self) -> bool {
        self.by_cloud_init
    }

    /// Its lines without blanks around them, each with its number.
    pub(in crate::guest::linux) fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        (1_usize..).zip(self.text.lines().map(str::trim))
    }

    /// As [`Content::lines`], to take single lines out of.
    pub(super) fn numbered(&self) -> Lines<'_> {
        Lines { file: self, lines: self.text.lines().map(str::trim).collect() }
    }

    /// A line as evidence.
    pub(in crate::guest::linux) fn evidence(&self, line: usize, text: &str) -> Evidence {
        Evidence::new(format!("{}:{line}", self.path), shortened(text.trim()))
    }

    /// A setting's line as evidence; what is set is the part that matters.
    pub(in crate::guest::linux) fn setting(&self, line: usize, text: &str) -> Evidence {
        self.evidence(line, text).marked(line, text, value_behind(text, &['=', ' ', '\t']))
    }

    /// The file's name without its directory.
    pub(super) fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or_default()
    }
}

/// The lines of a file by their number, found once for all that ask for one.
pub(super) struct Lines<'c> {
    pub(super) file: &'c Content,
    lines: Vec<&'c str>,
}

impl<'c> Lines<'c> {
    /// The line of a number from 1, without blanks around it; empty where there is none.
    pub(super) fn get(&self, line: usize) -> &'c str {
        let index = line.checked_sub(1);
        index.and_then(|index| self.lines.get(index)).copied().unwrap_or_default()
    }
}

/// Whether text is a MAC address: six pairs of hexadecimal digits with `:` or `-` between them (20
/// for InfiniBand), or in Cisco's form `0011.2233.4455`.
pub(in crate::guest::linux) fn is_mac(text: &str) -> bool {
    let hex = |part: &str| part.chars().all(|c| c.is_ascii_hexdigit());
    let parts: Vec<&str> = text.split([':', '-']).collect();
    let pairs = matches!(parts.len(), 6 | 20)
        && parts.iter().all(|part| matches!(part.len(), 1 | 2) && hex(part));
    let dotted: Vec<&str> = text.split('.').collect();
    pairs || (dotted.len() == 3 && dotted.iter().all(|part| part.len() == 4 && hex(part)))
}

/// A line `key = value` in a section of an INI file.
pub(super) struct IniLine<'c> {
    pub(super) file: &'c Content,
    pub(super) line: usize,
    pub(super) section: &'c str,
    pub(super) key: &'c str,
    pub(super) value: &'c str,
    pub(super) text: &'c str,
}

impl IniLine<'_> {
    pub(super) fn evidence(&self) -> Evidence {
        self.file.setting(self.line, self.text)
    }
}

/// The lines of an INI file as systemd and GLib read it: sections in brackets, comments after `#`
/// or `;` at a line's beginning.
pub(super) fn ini(file: &Content) -> Vec<IniLine<'_>> {
    let mut section = "";
    let mut found = Vec::new();
    for (line, text) in file.lines() {
        if text.starts_with(['#', ';']) {
            continue;
        }
        if let Some(name) = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            section = name;
        } else if let Some((key, value)) = text.split_once('=') {
            found.push(IniLine { file, line, section, key: key.trim(), value: value.trim(), text });
        }
    }
    found
}

/// An assignment in a file that a shell sources.
pub(super) struct Assignment<'c> {
    pub(super) line: usize,
    pub(super) key: &'c str,
    pub(super) value: String,
    pub(super) text: &'c str,
}

/// The assignments of a file that a shell sources; what a shell would have to expand is noted in
/// `files` when `wanted` takes the variable.
pub(super) fn assignments<'c>(
    files: &mut Files<'_>,
    file: &'c Content,
    wanted: impl Fn(&str) -> bool,
) -> Vec<Assignment<'c>> {
    let mut found = Vec::new();
    for (line, text) in file.lines() {
        let Some((key, value)) = text.trim_start_matches("export ").split_once('=') else {
            continue;
        };
        if !wanted(key) {
            continue;
        }
        if value.contains(['$', '`']) && !value.starts_with('\'') {
            files.not_evaluated(&format!("{}:{line}", file.path), text);
            continue;
        }
        found.push(Assignment { line, key, value: word(value), text });
    }
    found
}

/// The first word of a shell's assignment without its quotes and without a comment behind it.
fn word(value: &str) -> String {
    let mut out = String::new();
    let mut quote = None;
    for c in value.chars() {
        match (quote, c) {
            (None, '"' | '\'') => quote = Some(c),
            (Some(open), c) if open == c => quote = None,
            (None, c) if c.is_whitespace() || c == ';' => break,
            (_, c) => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_the_word_that_a_shell_sees() {
        for (value, seen) in [
            ("dhcp", "dhcp"),
            ("\"dhcp\"", "dhcp"),
            ("'dhcp' # as before", "dhcp"),
            ("no # comment", "no"),
            ("", ""),
            ("'a b'", "a b"),
        ] {
            assert_eq!(word(value), seen);
        }
    }
}
