//! The files that a pattern in a configuration leads to.

use crate::error::{Error, Result};
use crate::filesystem::tree::Tree;
use crate::guest::glob;

/// The files that a pattern of glob(7) in the last part of a path leads to, by name; a path without a
/// pattern, whether it is there or not.
///
/// # Errors
/// [`Error::Unsupported`] for a pattern in a directory's name; what the directory cannot be read for; a name
/// that is not UTF-8.
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
    let wanted = entries.iter().filter(|entry| {
        let found = String::from_utf8_lossy(&entry.name);
        (!found.starts_with('.') || name.starts_with('.')) && glob::matches(name, &found)
    });
    wanted.map(|entry| Ok(format!("{directory}/{}", entry.text()?))).collect()
}
