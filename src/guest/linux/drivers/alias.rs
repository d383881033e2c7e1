//! Aliases of modules: which of them fit a device.
//!
//! Source: modules.alias in kmod (`alias <pattern> <module>` a line), fnmatch(3) without flags, as
//! `libkmod/libkmod-index.c` matches: `*`, `?`, `[…]`; `modules.builtin.modinfo` (Documentation/kbuild/
//! kbuild.rst): `<module>.<key>=<value>`, each ended by a NUL.

use crate::fact::Unread;
use crate::guest::glob;

/// What fits one of the sought aliases.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Match {
    /// Line number from 1, or 0 in a list without lines.
    pub(super) line: usize,
    /// The pattern.
    pub(super) pattern: String,
    /// The module, `-` as `_`.
    pub(super) module: String,
}

/// Most aliases of modules that fit the platform's devices; of a kernel with all modules some fifty do.
pub(super) const MAX_MATCHES: usize = 1024;

/// Names with `-` and `_` are the same to kmod.
pub(super) fn normalise(name: &str) -> String {
    name.replace('-', "_")
}

/// The lines of a `modules.alias` that fit one of `aliases`, one more than the bound at most.
pub(super) fn in_text(text: &str, aliases: &[&str]) -> Vec<Match> {
    let mut found = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let mut words = line.split_ascii_whitespace();
        let (Some("alias"), Some(pattern), Some(module)) =
            (words.next(), words.next(), words.next())
        else {
            continue;
        };
        if fits_any(pattern, aliases) {
            let (pattern, module) = (pattern.to_owned(), normalise(module));
            found.push(Match { line: index.saturating_add(1), pattern, module });
        }
        if found.len() > MAX_MATCHES {
            break;
        }
    }
    found
}

/// The aliases in a `modules.builtin.modinfo` that fit one of `aliases`, one more than the bound at most.
pub(super) fn in_modinfo(modinfo: &str, aliases: &[&str]) -> Vec<Match> {
    let mut found = Vec::new();
    for item in modinfo.split('\0') {
        let Some((module, pattern)) = item.split_once(".alias=") else { continue };
        if fits_any(pattern, aliases) {
            let (pattern, module) = (pattern.to_owned(), normalise(module));
            found.push(Match { line: 0, pattern, module });
        }
        if found.len() > MAX_MATCHES {
            break;
        }
    }
    found
}

/// Why not all that fit are there, if so.
pub(super) fn too_many(matches: &[Match], location: &str) -> Option<Unread> {
    let reason = format!("more than {MAX_MATCHES} aliases fit the machine's devices");
    (matches.len() > MAX_MATCHES).then(|| Unread::new(location, reason))
}

/// Whether a pattern fits one of the aliases. A list has tens of thousands, and almost all differ in what
/// stands before their first wildcard.
fn fits_any(pattern: &str, aliases: &[&str]) -> bool {
    let literal = pattern.split(['*', '?', '[', '-', '_']).next().unwrap_or_default();
    aliases.iter().any(|alias| alias.starts_with(literal) && fits(pattern, alias))
}

/// Whether a pattern fits an alias: `-` and `_` are the same (`alias_normalize`, `shared/util.c`).
pub(super) fn fits(pattern: &str, alias: &str) -> bool {
    let normal = |byte| if byte == b'-' { b'_' } else { byte };
    glob::matches_by(pattern, alias, |a, b| normal(a) == normal(b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kmod_makes_no_difference_between_the_two_dashes() {
        assert!(fits("platform:a-b_c", "platform:a_b-c"));
        assert!(!fits("platform:a-b", "platform:a.b"));
    }

    #[test]
    fn lines_and_built_in_information_are_searched() {
        let text = "# Aliases\nalias virtio:d00000001v* virtio_net\nalias virtio:d00000002v* virtio-blk\n\
                    alias broken\nsymbol x y\n";
        let found = in_text(text, &["virtio:d00000002v00001AF4"]);
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].line, found[0].module.as_str()), (3, "virtio_blk"));
        let modinfo = "ext4.license=GPL\0virtio_pci.alias=pci:v00001AF4d*sv*sd*bc*sc*i*\0";
        let found = in_modinfo(modinfo, &["pci:v00001AF4d00001001sv0sd0bc01sc00i00"]);
        assert_eq!(found[0].module, "virtio_pci");
    }
}
