//! The files that a pattern in a configuration leads to.

use crate::error::{Error, Result};
use crate::filesystem::tree::Tree;
use crate::guest::glob;

/// Longest path or pattern that a configuration may name, in bytes. Each line that is kept of a file
/// holds the file's path, which may have 4 KiB of `/`; distributions name paths of under 100.
const MAX_PATH: usize = 255;

/// Whether a path that a configuration names is within the bound.
///
/// # Errors
/// [`Error::Limit`] for one of more than 255 bytes.
pub(super) fn within_bound(path: &str) -> Result<()> {
    if path.len() <= MAX_PATH {
        return Ok(());
    }
    Err(Error::too_much("configuration", MAX_PATH, "bytes of a path"))
}

/// The files that a pattern of glob(7) in the last part of a path leads to, by name; a path without a
/// pattern, whether it is there or not.
///
/// # Errors
/// [`Error::Unsupported`] for a pattern in a directory's name; what the directory cannot be read for; a name
/// that is not UTF-8; [`Error::Limit`] once the tree's names were held against too many patterns; that of
/// [`within_bound`].
pub(super) fn files(tree: &Tree, pattern: &str) -> Result<Vec<String>> {
    within_bound(pattern)?;
    let (directory, name) = pattern.rsplit_once('/').unwrap_or(("", pattern));
    let is_pattern = |text: &str| text.contains(['*', '?', '[']);
    if is_pattern(directory) {
        return Err(Error::unsupported("configuration", 0, format!("the pattern {pattern:?}")));
    }
    if !is_pattern(name) {
        return Ok(vec![pattern.to_owned()]);
    }
    let entries = match tree.read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.is_absent() => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut found = Vec::new();
    for entry in entries {
        tree.count_compared(name.len(), entry.name.len())?;
        let text = String::from_utf8_lossy(&entry.name);
        if (!text.starts_with('.') || name.starts_with('.')) && glob::matches(name, &text) {
            found.push(format!("{directory}/{}", entry.text()?));
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::filesystem::memory::MemoryFs;

    #[test]
    fn a_path_that_is_long_to_no_purpose_is_told() {
        let tree = MemoryFs::new().file("/e/10.conf", "").tree();
        let path = |slashes| format!("{}e/10.conf", "/".repeat(slashes));
        assert_eq!(files(&tree, &path(246)).unwrap(), [path(246)]);
        let error = files(&tree, &path(247)).unwrap_err();
        assert!(matches!(error, Error::Limit { limit: 255, .. }), "{error}");
    }

    #[test]
    fn the_steps_of_all_patterns_together_end_at_a_bound_that_is_told() {
        let name = |index| format!("/d/{}{index:08}", "a".repeat(247));
        let fs = (0..1000).fold(MemoryFs::new(), |fs, index| fs.file(&name(index), ""));
        let tree = fs.file("/e/10.conf", "").file("/e/.hidden.conf", "").tree();
        assert_eq!(files(&tree, "/e/*.conf").unwrap(), ["/e/10.conf"]);
        // 120 bytes against 1,000 names of 255: 30 MB each time.
        let pattern = format!("/d/*{}b", "a".repeat(118));
        let read = (0..100).take_while(|_| files(&tree, &pattern) == Ok(Vec::new())).count();
        assert_eq!(read, 8);
        let error = files(&tree.clone(), "/e/*.conf").unwrap_err();
        assert!(matches!(error, Error::Limit { limit: 0x1000_0000, .. }), "{error}");
        // A path without a pattern compares nothing.
        assert_eq!(files(&tree, "/e/10.conf").unwrap(), ["/e/10.conf"]);
    }
}
