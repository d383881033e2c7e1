//! The files that a pattern in a configuration leads to.

use crate::error::{Error, Result};
use crate::filesystem::tree::Tree;
use crate::guest::glob;

/// The files that a pattern of glob(7) in the last part of a path leads to, by name; a path without a
/// pattern, whether it is there or not.
///
/// # Errors
/// [`Error::Unsupported`] for a pattern in a directory's name; what the directory cannot be read for; a name
/// that is not UTF-8; [`Error::Limit`] once the tree's names were held against too many patterns.
pub(super) fn files(tree: &Tree, pattern: &str) -> Result<Vec<String>> {
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
