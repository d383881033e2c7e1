//! Settings in drop-in folders, in the order in which they are read: from the initramfs or from the
//! guest's tree.

use std::collections::BTreeMap;

use crate::fact::{Fact, Unread};
use crate::filesystem::tree::Tree;
use crate::guest::linux::initramfs::{Files, Setting};

/// Largest file that is read, in bytes; a distribution's list of blacklisted modules has some 10 KiB.
const MAX_FILE: u64 = 256 << 10;

/// Most files of one kind of folder.
const MAX_FILES: usize = 256;

/// One file with its text, or the reason why it is not known.
pub(super) struct Source {
    /// Its path as reports show it.
    pub(super) location: String,
    /// Its text.
    pub(super) text: Fact<String>,
}

/// What is read of a folder.
#[derive(Clone, Copy)]
pub(super) struct Folder {
    /// Its name: `modprobe.d`.
    pub(super) name: &'static str,
    /// Whether only `*.conf` counts.
    pub(super) conf_only: bool,
}

impl Folder {
    /// Whether a file of that name is read. Older tools read all but what packages leave behind.
    fn reads(self, name: &str) -> bool {
        let left_behind = [
            ".rpmsave",
            ".rpmorig",
            ".rpmnew",
            ".dpkg-old",
            ".dpkg-dist",
            ".dpkg-new",
            "~",
            ".bak",
        ];
        if name.starts_with('.') {
            return false;
        }
        name.ends_with(".conf")
            || (!self.conf_only && !left_behind.iter().any(|end| name.ends_with(end)))
    }
}

/// The places of drop-in folders by precedence, of two files with one name the first counts
/// (modprobe.d(5), modules-load.d(5)).
const PLACES: [&str; 5] = ["etc", "run", "usr/local/lib", "usr/lib", "lib"];

/// The files of a drop-in folder in an initramfs, by name. `image` is its path.
pub(super) fn in_initramfs(files: &Files, image: &str, folder: Folder) -> Vec<Source> {
    let mut by_name: BTreeMap<&str, (&str, &Setting)> = BTreeMap::new();
    for place in ["etc/", "run/", "local/lib/", "lib/", "conf/"] {
        let prefix = format!("{place}{}/", folder.name);
        for (path, setting) in files.below(&prefix) {
            let name = path.rsplit('/').next().unwrap_or(path);
            if folder.reads(name) {
                by_name.entry(name).or_insert((path, setting));
            }
        }
    }
    by_name.into_values().map(|(path, setting)| of_setting(image, path, setting)).collect()
}

/// A single file in an initramfs.
pub(super) fn single(files: &Files, image: &str, path: &str) -> Option<Source> {
    Some(of_setting(image, path, files.get(path)?))
}

fn of_setting(image: &str, path: &str, setting: &Setting) -> Source {
    let location = format!("{image}: {path}");
    let text = match setting {
        Setting::Text(text) => Fact::Known(String::from_utf8_lossy(text).into_owned()),
        Setting::Link(target) if target == b"/dev/null" => Fact::Known(String::new()),
        Setting::Link(_) => {
            Fact::unknown(&location, "a symbolic link, which is not followed in an initramfs")
        }
        Setting::TooLong(len) => {
            Fact::unknown(&location, format!("{len} bytes, more than are read"))
        }
    };
    Source { location, text }
}

/// The files of a drop-in folder in the guest, by name.
pub(super) fn in_tree(tree: &Tree, folder: Folder) -> Vec<Source> {
    let mut by_name: BTreeMap<String, String> = BTreeMap::new();
    let mut sources = Vec::new();
    for place in PLACES {
        let path = format!("/{place}/{}", folder.name);
        let entries = match tree.read_dir(&path) {
            Ok(entries) => entries,
            Err(error) if error.is_absent() => continue,
            Err(error) => {
                let text = Fact::Unknown(Unread::from((path.as_str(), &error)));
                sources.push(Source { location: path, text });
                continue;
            }
        };
        let mut unnamed = false;
        for entry in entries {
            if !folder.reads(&String::from_utf8_lossy(&entry.name)) {
                continue;
            }
            let name = match entry.text() {
                Ok(name) => name,
                Err(_) if unnamed => continue,
                Err(error) => {
                    unnamed = true;
                    let text = Fact::Unknown(Unread::from((path.as_str(), &error)));
                    sources.push(Source { location: path.clone(), text });
                    continue;
                }
            };
            if by_name.len() >= MAX_FILES {
                let text = Fact::unknown(&path, format!("more than {MAX_FILES} files"));
                sources.push(Source { location: path.clone(), text });
                break;
            }
            let file = format!("{path}/{name}");
            by_name.entry(name).or_insert(file);
        }
    }
    sources.extend(by_name.into_values().map(|path| of_file(tree, path)));
    sources
}

/// A single file in the guest; `None` when it is not there.
pub(super) fn file(tree: &Tree, path: &str) -> Option<Source> {
    match tree.exists(path) {
        Ok(false) => None,
        _ => Some(of_file(tree, path.to_owned())),
    }
}

fn of_file(tree: &Tree, path: String) -> Source {
    let text = match tree.read_link(&path) {
        Ok(target) if target == "/dev/null" => Fact::Known(String::new()),
        _ => match tree.read_text(&path, MAX_FILE) {
            // A link that leads nowhere is passed over.
            Err(error) if error.is_absent() => Fact::Known(String::new()),
            other => Fact::from_result(path.clone(), other),
        },
    };
    Source { location: path, text }
}
