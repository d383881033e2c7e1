//! Which files a call is about: those that were named, and what patterns and folders stand for.

use std::collections::{HashMap, HashSet};
use std::hash::Hasher;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use twox_hash::XxHash64;
use walkdir::WalkDir;

use super::Failure;

/// Suffixes by which a file in a folder is taken for an image.
const SUFFIXES: &[&str] =
    &["qcow2", "qcow", "raw", "img", "vmdk", "vhd", "vhdx", "vdi", "qed", "zvhd", "zvhd2", "ova"];

/// Most images of one call: a list of paths takes memory.
const MAX_IMAGES: usize = 1_000_000;

/// One of several calls that share the images of a fleet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Shard {
    /// Which one, from 1.
    number: u64,
    /// Of how many.
    count: u64,
}

impl FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts = text.split_once('/');
        match parts.map(|(number, count)| (number.parse::<u64>(), count.parse::<u64>())) {
            Some((Ok(number), Ok(count))) if (1..=count).contains(&number) => {
                Ok(Self { number, count })
            }
            _ => Err("K/N with K from 1 to N, as 2/10".to_owned()),
        }
    }
}

impl Shard {
    /// Whether a path falls to this call.
    ///
    /// By a hash of the path as it was given (XXH64, seed 0), so that each path stays where it is
    /// when others come or go.
    fn has(self, path: &Path) -> bool {
        let mut hasher = XxHash64::with_seed(0);
        hasher.write(path.as_os_str().as_encoded_bytes());
        let place = hasher.finish().checked_rem(self.count).unwrap_or(0);
        place.checked_add(1) == Some(self.number)
    }
}

/// Refuses what is no name of an image.
pub(super) fn check_name(path: &Path) -> Result<(), Failure> {
    if path == Path::new("-") {
        return Err(Failure::Said(
            "standard input cannot be read as an image: it is read at many places, not in order; save it to a file first"
                .to_owned(),
        ));
    }
    Ok(())
}

/// The images of a call, and what stands in the way of some before they are opened.
#[derive(Default)]
pub(super) struct Images {
    /// In the order in which they were named; those of a folder or a pattern in the order of their
    /// paths, but for those that are there already.
    pub(super) paths: Vec<PathBuf>,
    known: HashSet<PathBuf>,
    problems: HashMap<PathBuf, String>,
}

impl Images {
    /// Why a path is none, when that is known already.
    pub(super) fn problem(&self, path: &Path) -> Option<&str> {
        self.problems.get(path).map(String::as_str)
    }

    fn add(&mut self, path: PathBuf) {
        if self.known.insert(path.clone()) {
            self.paths.push(path);
        }
    }

    /// It gets a report of its own, so that the others have theirs.
    fn add_problem(&mut self, path: &Path, problem: String) {
        self.add(path.to_owned());
        self.problems.insert(path.to_owned(), problem);
    }

    fn is_full(&self) -> bool {
        self.paths.len() > MAX_IMAGES
    }

    fn walk(&mut self, folder: &Path) {
        let mut is_empty = true;
        for entry in WalkDir::new(folder).sort_by_file_name() {
            if self.is_full() {
                return;
            }
            let entry = match entry {
                Ok(entry) => entry,
                // What cannot be listed may hold an image that would be passed over silently.
                Err(error) => {
                    is_empty = false;
                    let path = error.path().unwrap_or(folder);
                    self.add_problem(path, format!("cannot list: {error}"));
                    continue;
                }
            };
            let suffix = entry.path().extension().map(|suffix| suffix.to_string_lossy());
            let is_image = suffix.is_some_and(|suffix| {
                SUFFIXES.iter().any(|known| known.eq_ignore_ascii_case(&suffix))
            });
            // What is called as an image and cannot be read is for its report to tell.
            if is_image && !entry.path().is_dir() {
                is_empty = false;
                self.add(entry.into_path());
            }
        }
        if is_empty {
            let suffixes = SUFFIXES.join(", .");
            self.add_problem(folder, format!("no image in {} (.{suffixes})", folder.display()));
        }
    }

    fn matching(&mut self, pattern: &Path, recursive: bool) {
        let shown = pattern.display();
        let paths = match glob::glob(&pattern.to_string_lossy()) {
            Ok(paths) => paths,
            Err(error) => return self.add_problem(pattern, format!("{shown}: {error}")),
        };
        let mut is_empty = true;
        for path in paths {
            if self.is_full() {
                return;
            }
            is_empty = false;
            match path {
                Ok(path) if recursive && path.is_dir() => self.walk(&path),
                Ok(path) => self.add(path),
                Err(error) => self.add_problem(error.path(), format!("cannot list: {error}")),
            }
        }
        if is_empty {
            self.add_problem(pattern, format!("{shown} matches no file"));
        }
    }
}

/// What the paths, folders and patterns of a call stand for.
pub(super) fn expand(
    named: &[PathBuf],
    recursive: bool,
    shard: Option<Shard>,
) -> Result<Images, Failure> {
    let mut images = Images::default();
    for path in named {
        check_name(path)?;
        // A link that leads nowhere is there, too.
        let is_there = || std::fs::symlink_metadata(path).is_ok();
        if recursive && path.is_dir() {
            images.walk(path);
        } else if path.to_string_lossy().contains(['*', '?', '[']) && !is_there() {
            images.matching(path, recursive);
        } else {
            images.known.insert(path.clone());
            images.paths.push(path.clone());
        }
        if images.is_full() {
            return Err(Failure::Said(format!("more than {MAX_IMAGES} images")));
        }
    }
    if let Some(shard) = shard {
        images.paths.retain(|path| shard.has(path));
    }
    Ok(images)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_path_falls_to_exactly_one_shard_and_stays_there() {
        let paths: Vec<PathBuf> = (0..1000).map(|n| format!("images/{n}.qcow2").into()).collect();
        let of = |number: u64, paths: &[PathBuf]| {
            let shard = Shard { number, count: 7 };
            paths.iter().filter(|path| shard.has(path)).cloned().collect::<Vec<_>>()
        };
        let mut all: Vec<PathBuf> = (1..=7).flat_map(|number| of(number, &paths)).collect();
        all.sort();
        let mut expected = paths.clone();
        expected.sort();
        assert_eq!(all, expected);
        for number in 1..=7 {
            let part = of(number, &paths);
            assert!((80..220).contains(&part.len()), "{number}: {}", part.len());
            assert_eq!(of(number, &part), part);
        }
    }

    #[test]
    fn shards_are_named_from_one() {
        assert_eq!("2/3".parse(), Ok(Shard { number: 2, count: 3 }));
        for text in ["0/3", "4/3", "1", "a/b", "1/0", "-1/3", "1/3/5"] {
            assert!(text.parse::<Shard>().is_err(), "{text}");
        }
    }
}
