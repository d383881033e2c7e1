//! Files that split(1) and its like cut an image into: `disk.raw.001`, `disk.raw.002`, …; `xaa`,
//! `xab`, ….

use std::path::Path;

use super::facts::SplitFile;

/// Fewest characters of a suffix that counts parts: `split -d` makes two, `split -a 3 -d` three.
const LEAST_SUFFIX: usize = 2;

/// The parts that a file is the first of, by its name and that of a file beside it.
///
/// Names prove nothing: whether the file is cut off is for its content to say.
pub(super) fn first_of(path: &Path) -> Option<SplitFile> {
    let name = path.file_name()?.to_str()?;
    let (stem, next, pattern) = numbered(name).or_else(|| lettered(name))?;
    let next = path.with_file_name(next);
    let is_file = std::fs::metadata(&next).is_ok_and(|metadata| metadata.is_file());
    let text = |name: &str| path.with_file_name(name).to_str().map(str::to_owned);
    is_file.then_some(())?;
    Some(SplitFile { next: next.to_str()?.to_owned(), stem: text(stem)?, pattern })
}

/// `disk.raw.001` or `disk.raw00`: what stands before the number, the next name, and the shell's
/// pattern of all numbers.
fn numbered(name: &str) -> Option<(&str, String, String)> {
    let stem = name.trim_end_matches(|char: char| char.is_ascii_digit());
    let number = name.get(stem.len()..)?;
    let value: u32 = number.parse().ok().filter(|value| *value <= 1)?;
    let width = number.len();
    let next = value.checked_add(1)?;
    let pattern = "[0-9]".repeat(width);
    (width >= LEAST_SUFFIX && !stem.is_empty())
        .then(|| (stem, format!("{stem}{next:0width$}"), pattern))
}

/// `disk.raw.aa` or `xaa`.
fn lettered(name: &str) -> Option<(&str, String, String)> {
    let stem = name.trim_end_matches('a');
    let width = name.len().saturating_sub(stem.len());
    let next = format!("{stem}{}b", "a".repeat(width.saturating_sub(1)));
    let pattern = "[a-z]".repeat(width);
    (width >= LEAST_SUFFIX && !stem.is_empty()).then_some((stem, next, pattern))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_parts_are_told_by_their_names_and_their_neighbour() {
        let folder = tempfile::tempdir().unwrap();
        for (first, next, stem, pattern) in [
            // split -b 1G -d -a 3 --numeric-suffixes=1 disk.raw disk.raw.
            ("disk.raw.001", "disk.raw.002", "disk.raw.", "[0-9][0-9][0-9]"),
            // split -b 1G -d disk.raw part; split -b 1G disk.raw; split -a 3 disk.raw disk.
            ("part00", "part01", "part", "[0-9][0-9]"),
            ("xaa", "xab", "x", "[a-z][a-z]"),
            ("disk.aaa", "disk.aab", "disk.", "[a-z][a-z][a-z]"),
        ] {
            let path = folder.path().join(first);
            assert_eq!(first_of(&path), None, "{first}");
            std::fs::write(folder.path().join(next), "").unwrap();
            let text = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
            let (next, stem) = (text(next), text(stem));
            let expected = SplitFile { next, stem, pattern: pattern.to_owned() };
            assert_eq!(first_of(&path), Some(expected), "{first}");
        }
        for name in ["disk.raw", "disk1", "disk-2019", "disk.002", "aa", "01", "data"] {
            assert_eq!(first_of(&folder.path().join(name)), None, "{name}");
        }
    }
}
