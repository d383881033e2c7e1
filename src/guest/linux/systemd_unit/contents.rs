//! What a unit says: its file and its drop-ins (systemd.unit(5), systemd.syntax(7)).
//!
//! systemd gathers drop-ins, and the links in `*.wants/` and the like, by their names over all
//! directories: of several with one name the first counts, so that one which is masked or no link takes
//! out the others (`unit_file_find_dropin_paths`, `src/shared/dropin.c`; `conf_files_list_strv`,
//! `src/basic/conf-files.c`; `process_deps`, `src/core/load-dropin.c`; so since 2017). The
//! directories of prefixes (`a-.service.d`) and types (`service.d`) are left out: what stands there holds
//! for many units, and so says nothing of what one of them starts.

use std::collections::BTreeMap;

use super::conditions::{self, Asked};
use super::unit_file::UnitFile;
use super::{BootUnits, MAX_UNIT_FILE, preset, spend};
use crate::error::{Error, Result};
use crate::fact::{Evidence, Unread};
use crate::filesystem::FileType;

/// Longest name of a unit, in bytes (`UNIT_NAME_MAX`, `src/basic/unit-name.h`, has one more for the NUL).
pub(super) const MAX_NAME: usize = 255;

/// Most drop-ins of one unit that are read for what it says; a unit has one or two.
const MAX_DROP_INS: usize = 64;

/// Most bytes of unit files read in one boot, those of the units that are asked for again; a desktop's
/// have about 1 MiB.
const MAX_TEXT: usize = 16 << 20;

/// Most links, names of dependencies, drop-ins, conditions and values that are asked for looked at in one
/// boot; a desktop has about 3,000.
const MAX_DEPENDENCIES: usize = 30_000;

impl BootUnits<'_> {
    /// The commands of a service (`ExecStart=`, systemd.service(5)), each with its place; none when
    /// there is no such unit.
    ///
    /// # Errors
    /// When a file that should be there cannot be read, and when a drop-in takes back all commands.
    pub(in crate::guest::linux) fn commands(
        &self,
        name: &str,
    ) -> Result<Vec<(String, String)>, Unread> {
        let values = self.values(name, "[Service]", &["ExecStart"])?;
        match values.as_slice() {
            [(place, value)] if value.is_empty() => Err(Unread::new(place, "no command is left")),
            _ => Ok(values.into_iter().filter(|(_, value)| !value.is_empty()).collect()),
        }
    }

    /// What a unit gives some keys that may stand more than once, each value with its place, key by key; none
    /// when there is no such unit. An empty value takes back those of its key before it, and is kept.
    ///
    /// # Errors
    /// When a file that should be there cannot be read.
    pub(in crate::guest::linux) fn values(
        &self,
        name: &str,
        section: &str,
        keys: &[&str],
    ) -> Result<Vec<(String, String)>, Unread> {
        let unread = |error: Error| Unread::from((name, &error));
        let UnitFile::Found { path, name: own } = self.units.unit_file(name).map_err(unread)?
        else {
            return Ok(Vec::new());
        };
        let mut found: BTreeMap<usize, Vec<(String, String)>> = BTreeMap::new();
        for (path, text) in &self.files(&path, &[&own, name]).map_err(unread)? {
            for (line, key, value) in assignments(text, section) {
                let Some(key) = keys.iter().position(|own| *own == key) else { continue };
                self.count_dependency().map_err(unread)?;
                let values = found.entry(key).or_default();
                if value.is_empty() {
                    values.clear();
                }
                values.push((format!("{path}:{line}"), value));
            }
        }
        Ok(found.into_values().flatten().collect())
    }

    /// The condition of a unit, in its file or its drop-ins, that keeps it from being started.
    pub(super) fn unmet(&self, path: &str, names: &[&str]) -> Result<Option<Evidence>> {
        let files = self.files(path, names)?;
        let asked = Asked {
            tree: self.tree,
            count: &|| self.count_dependency(),
            may_be_first: &|| Ok(self.words.first_boot || preset::is_first(self.tree)?.is_some()),
        };
        conditions::unmet(&asked, &files)
    }

    /// A unit's file at `path` and its drop-ins by all its names, its own first; path and text of each
    /// in the order in which they are read.
    fn files(&self, path: &str, names: &[&str]) -> Result<Vec<(String, String)>> {
        let mut drop_ins = BTreeMap::new();
        self.drop_ins(names, &mut drop_ins)?;
        if drop_ins.len() > MAX_DROP_INS {
            return Err(Error::too_much("units", MAX_DROP_INS, "drop-ins of a unit"));
        }
        let mut files = vec![(path.to_owned(), self.text_of(path)?)];
        for path in drop_ins.into_values() {
            files.extend(self.file(&path)?.map(|text| (path, text)));
        }
        Ok(files)
    }

    /// Gathers the drop-ins of a unit.
    pub(super) fn drop_ins(
        &self,
        names: &[&str],
        found: &mut BTreeMap<String, String>,
    ) -> Result<()> {
        self.gather(names, ".d", ".conf", |_, _| Ok(false), found)
    }

    /// Gathers the files of a unit's directories with a suffix by their names, each with the path of the
    /// one that counts. Those that are `passed` over do not count. What was found before an error holds.
    pub(super) fn gather(
        &self,
        names: &[&str],
        suffix: &str,
        ending: &str,
        passed: impl Fn(&str, &str) -> Result<bool>,
        found: &mut BTreeMap<String, String>,
    ) -> Result<()> {
        for directory in self.units.below(names, suffix)? {
            let entries = match self.tree.read_dir(&directory) {
                Ok(entries) => entries,
                Err(error) if error.is_absent() => continue,
                Err(error) => return Err(error),
            };
            for entry in entries {
                self.count_dependency()?;
                // `dirent_is_file_with_suffix`
                let is_file = entry.file_type.is_none_or(|file_type| {
                    matches!(file_type, FileType::Regular | FileType::Symlink)
                });
                let hidden = entry.name.starts_with(b".");
                if !is_file || hidden || !entry.name.ends_with(ending.as_bytes()) {
                    continue;
                }
                let name = match entry.text() {
                    Ok(name) => name,
                    // No name of a unit.
                    Err(_) if ending.is_empty() => continue,
                    Err(error) => return Err(error),
                };
                if !passed(&directory, &name)? {
                    let path = format!("{directory}/{name}");
                    found.entry(name).or_insert(path);
                }
            }
        }
        Ok(())
    }

    pub(super) fn text_of(&self, path: &str) -> Result<String> {
        let text = self.tree.read_text(path, MAX_UNIT_FILE)?;
        spend(&self.text, text.len(), MAX_TEXT, "bytes of unit files")?;
        Ok(text)
    }

    /// As [`BootUnits::text_of`]; `None` where no file is: a drop-in that masks another is a link to
    /// `/dev/null`.
    pub(super) fn file(&self, path: &str) -> Result<Option<String>> {
        match self.text_of(path) {
            Ok(text) => Ok(Some(text)),
            Err(error) if error.is_absent() => Ok(None),
            Err(Error::NotAFile { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    pub(super) fn count_dependency(&self) -> Result<()> {
        spend(&self.dependencies, 1, MAX_DEPENDENCIES, "dependencies")
    }
}

/// The names of units, or parts of such, after some keys in one section, each with its line. What is too
/// long for one systemd passes over, too.
pub(super) fn names_in(text: &str, section: &str, keys: &[&str]) -> Vec<(usize, String)> {
    let pieces = pieces(text, section).into_iter().filter(|piece| keys.contains(&piece.key));
    pieces
        .flat_map(|piece| {
            let words = piece.value.split_ascii_whitespace().filter(|word| word.len() <= MAX_NAME);
            words.map(move |word| (piece.line, word.to_owned()))
        })
        .collect()
}

/// The assignments in one section: line, key and value, of which lines that go on are one.
pub(super) fn assignments<'t>(text: &'t str, section: &str) -> Vec<(usize, &'t str, String)> {
    let mut found: Vec<(usize, &str, String)> = Vec::new();
    for piece in pieces(text, section) {
        match found.last_mut().filter(|_| piece.goes_on) {
            Some((.., value)) => {
                if !value.is_empty() {
                    value.push(' ');
                }
                value.push_str(piece.value);
            }
            None => found.push((piece.line, piece.key, piece.value.to_owned())),
        }
    }
    found
}

/// A line of an assignment.
struct Piece<'t> {
    line: usize,
    key: &'t str,
    value: &'t str,
    /// Whether it goes on with the line before.
    goes_on: bool,
}

/// The lines of one section's assignments. A backslash at the very end of a line, which is not that of a
/// pair, lets it go on with the next that is no comment (systemd.syntax(7); `config_parse`,
/// `src/shared/conf-parser.c`).
fn pieces<'t>(text: &'t str, section: &str) -> Vec<Piece<'t>> {
    let mut found = Vec::new();
    let mut in_section = false;
    // The key of a line that goes on.
    let mut going_on: Option<&str> = None;
    for (line, content) in (1_usize..).zip(text.lines()) {
        let goes_further = content.bytes().rev().take_while(|byte| *byte == b'\\').count() % 2 == 1;
        let content =
            if goes_further { content.strip_suffix('\\').unwrap_or(content) } else { content };
        let content = content.trim();
        if content.starts_with(['#', ';']) {
            continue;
        }
        let goes_on = going_on.is_some();
        let (key, value) = match going_on {
            Some(key) => (key, content),
            None if content.starts_with('[') => {
                in_section = content == section;
                continue;
            }
            None => match content.split_once('=') {
                Some((key, value)) => (key.trim_end(), value.trim_start()),
                None => continue,
            },
        };
        going_on = goes_further.then_some(key);
        if in_section {
            found.push(Piece { line, key, value, goes_on });
        }
    }
    found
}
