//! Which files a call is about: those that were named, and what patterns and folders stand for.

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

/// The images of a call, in the order in which they were named; those of a folder or a pattern in
/// the order of their paths.
pub(super) fn expand(
    named: &[PathBuf],
    recursive: bool,
    shard: Option<Shard>,
) -> Result<Vec<PathBuf>, Failure> {
    let mut images = Vec::new();
    for path in named {
        check_name(path)?;
        if path.is_dir() && recursive {
            walk(path, &mut images)?;
        } else if !path.exists() && path.to_string_lossy().contains(['*', '?', '[']) {
            matching(path, &mut images)?;
        } else {
            images.push(path.clone());
        }
        if images.len() > MAX_IMAGES {
            return Err(Failure::Said(format!("more than {MAX_IMAGES} images")));
        }
    }
    if let Some(shard) = shard {
        images.retain(|path| shard.has(path));
    }
    Ok(images)
}

fn walk(folder: &Path, images: &mut Vec<PathBuf>) -> Result<(), Failure> {
    let before = images.len();
    for entry in WalkDir::new(folder).sort_by_file_name() {
        // What cannot be listed may hold an image that would be passed over silently.
        let entry = entry.map_err(|error| Failure::Said(format!("cannot list: {error}")))?;
        let suffix = entry.path().extension().map(|suffix| suffix.to_string_lossy());
        let is_image = suffix
            .is_some_and(|suffix| SUFFIXES.iter().any(|known| known.eq_ignore_ascii_case(&suffix)));
        if is_image && entry.path().is_file() {
            images.push(entry.into_path());
        }
        if images.len() > MAX_IMAGES {
            break;
        }
    }
    if images.len() == before {
        let folder = folder.display();
        let suffixes = SUFFIXES.join(", .");
        return Err(Failure::Said(format!("no image in {folder} (.{suffixes})")));
    }
    Ok(())
}

fn matching(pattern: &Path, images: &mut Vec<PathBuf>) -> Result<(), Failure> {
    let shown = pattern.display();
    let paths = glob::glob(&pattern.to_string_lossy())
        .map_err(|error| Failure::Said(format!("{shown}: {error}")))?;
    let before = images.len();
    for path in paths.take(MAX_IMAGES.saturating_add(1)) {
        images.push(path.map_err(|error| Failure::Said(format!("{shown}: {error}")))?);
    }
    if images.len() == before {
        return Err(Failure::Said(format!("{shown} matches no file")));
    }
    Ok(())
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
