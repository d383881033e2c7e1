//! Where a unit's file is: search path, aliases, templates and masks (systemd.unit(5)).

use std::collections::{BTreeMap, BTreeSet};

use super::command_line::Words;
use crate::error::{Error, Result};
use crate::fact::Evidence;
use crate::filesystem::FileType;
use crate::filesystem::tree::Tree;

/// Where units are looked for, the strongest first (systemd.unit(5), "Unit File Load Path"); what
/// only exists at run time (`/run`) is left out.
pub(super) const UNIT_DIRECTORIES: [&str; 4] = [
    "/etc/systemd/system",
    "/usr/local/lib/systemd/system",
    "/usr/lib/systemd/system",
    "/lib/systemd/system",
];

/// Most names that one unit may have on the way of its aliases.
const MAX_ALIASES: usize = 8;

/// Where a unit's file is.
pub(super) enum UnitFile {
    /// A file, and the unit's own name behind its aliases.
    Found { path: String, name: String },
    /// Linked to `/dev/null`, or empty, or masked by the command line, here.
    Masked(Evidence),
    /// Nowhere; for a link that leads nowhere, the link.
    Absent(Option<String>),
}

/// A directory of units with the names in it, or why it could not be read.
pub(super) struct UnitDirectory {
    pub(super) path: &'static str,
    pub(super) names: Result<BTreeSet<String>>,
}

/// All unit directories of a system, the strongest first; one under two names is there once.
pub(super) struct UnitDirectories<'a> {
    tree: &'a Tree,
    pub(super) directories: Vec<UnitDirectory>,
    /// Units that the command line masks, which goes before all files
    /// (systemd-debug-generator(8)).
    masked: BTreeMap<String, Evidence>,
}

impl<'a> UnitDirectories<'a> {
    /// Lists the directories.
    pub(super) fn list(tree: &'a Tree, words: &Words<'_>) -> Self {
        let place = words.entry.map_or("", |entry| &entry.command_line_location);
        let masked = words.masked.iter();
        let masked = masked.map(|(name, word)| (name.clone(), Evidence::new(place, word)));
        let masked = masked.collect();
        let mut seen = BTreeSet::new();
        let mut directories = Vec::new();
        for path in UNIT_DIRECTORIES {
            // `/lib` is a link to `/usr/lib` where `/usr` is merged.
            let names = tree.canonicalize(path).and_then(|(real, _)| {
                if !seen.insert(real) {
                    return Ok(None);
                }
                let names =
                    tree.read_dir(path)?.into_iter().map(|entry| String::from_utf8(entry.name));
                Ok(Some(names.filter_map(std::result::Result::ok).collect()))
            });
            match names.transpose() {
                Some(Err(error)) if error.is_absent() => {}
                Some(names) => directories.push(UnitDirectory { path, names }),
                None => {}
            }
        }
        Self { tree, directories, masked }
    }

    /// The directories with a suffix of a unit by its names, its own first, in the order in which they are
    /// looked through: each name's by the strength of the units' directories, there an instance's before its
    /// template's (systemd: `unit_file_find_dirs`, `src/shared/dropin.c`).
    ///
    /// # Errors
    /// When one of the units' directories could not be listed.
    pub(super) fn below(&self, names: &[&str], suffix: &str) -> Result<Vec<String>> {
        let mut found = Vec::new();
        for name in names {
            let template = template_of(name).map(|template| format!("{template}{suffix}"));
            let both = [Some(format!("{name}{suffix}")), template];
            for directory in &self.directories {
                let there = directory.names.as_ref().map_err(Error::clone)?;
                for name in both.iter().flatten().filter(|name| there.contains(*name)) {
                    let path = format!("{}/{name}", directory.path);
                    if !found.contains(&path) {
                        found.push(path);
                    }
                }
            }
        }
        Ok(found)
    }

    /// Looks for a unit's file, following aliases.
    pub(super) fn unit_file(&self, name: &str) -> Result<UnitFile> {
        let mut name = name.to_owned();
        let mut seen = BTreeSet::new();
        for _ in 0..MAX_ALIASES {
            if !seen.insert(name.clone()) {
                break;
            }
            let template = template_of(&name);
            let of_template = || self.masked.get(template.as_ref()?);
            if let Some(seen) = self.masked.get(&name).or_else(of_template) {
                return Ok(UnitFile::Masked(seen.clone()));
            }
            let masked = |path| Ok(UnitFile::Masked(Evidence::new(path, "masked")));
            match self.unit_entry(&name)? {
                None => return Ok(UnitFile::Absent(None)),
                Some((path, Entry::Masked)) => return masked(path),
                Some((path, Entry::File)) => return Ok(UnitFile::Found { path, name }),
                Some((path, Entry::Link(target))) => {
                    let last = target.rsplit('/').next().unwrap_or_default();
                    let same = last == name || template_of(&name).as_deref() == Some(last);
                    if !same && self.unit_entry(last)?.is_some() {
                        name = last.to_owned();
                        continue;
                    }
                    // `systemctl link` and the like: the file is elsewhere.
                    return match self.tree.metadata(&path) {
                        Ok(metadata) if metadata.len == 0 => masked(path),
                        Ok(_) => Ok(UnitFile::Found { path, name }),
                        Err(error) if error.is_absent() => Ok(UnitFile::Absent(Some(path))),
                        Err(error) => Err(error),
                    };
                }
            }
        }
        Err(Error::SymlinkLoop { path: name })
    }

    /// The first entry of that name in the unit directories; for an instance, its template's.
    fn unit_entry(&self, name: &str) -> Result<Option<(String, Entry)>> {
        if name.is_empty() || name.contains('/') {
            return Ok(None);
        }
        for name in [Some(name.to_owned()), template_of(name)].into_iter().flatten() {
            for directory in &self.directories {
                if !directory.names.as_ref().map_err(Error::clone)?.contains(&name) {
                    continue;
                }
                let path = format!("{}/{name}", directory.path);
                if let Some(entry) = mask_or_file(self.tree, &path)? {
                    return Ok(Some((path, entry)));
                }
            }
        }
        Ok(None)
    }
}

/// What stands at a path in a unit directory.
pub(super) enum Entry {
    File,
    Masked,
    Link(String),
}

pub(super) fn mask_or_file(tree: &Tree, path: &str) -> Result<Option<Entry>> {
    let metadata = match tree.symlink_metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.is_absent() => return Ok(None),
        Err(error) => return Err(error),
    };
    Ok(Some(match metadata.file_type {
        FileType::Symlink => {
            let target = tree.read_link(path)?;
            if is_dev_null(&target) { Entry::Masked } else { Entry::Link(target) }
        }
        FileType::Regular if metadata.len > 0 => Entry::File,
        FileType::Regular | FileType::CharDevice => Entry::Masked,
        _ => return Ok(None),
    }))
}

/// `getty@tty1.service` → `getty@.service`.
pub(super) fn template_of(name: &str) -> Option<String> {
    let (stem, suffix) = name.rsplit_once('.')?;
    let (template, instance) = stem.split_once('@')?;
    (!instance.is_empty()).then(|| format!("{template}@.{suffix}"))
}

/// Whether a link's target means `/dev/null`, whatever way it is written.
pub(super) fn is_dev_null(target: &str) -> bool {
    target == "/dev/null" || (target.starts_with("../") && target.ends_with("/dev/null"))
}
