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

/// Most bytes of patterns of one list that are compared with the platform's aliases, those that differ in what stands
/// before their first wildcard not counted: of a kernel with all modules less than 1 KiB is left. Each byte may be looked
/// at once for each of the aliases' characters.
pub(super) const MAX_COMPARED: usize = 64 << 10;

/// Names with `-` and `_` are the same to kmod.
pub(super) fn normalise(name: &str) -> String {
    name.replace('-', "_")
}

/// The lines of the `modules.alias` at `location` that fit one of `aliases`.
///
/// # Errors
/// Where there is more than the bounds allow.
pub(super) fn in_text(text: &str, aliases: &[&str], location: &str) -> Result<Vec<Match>, Unread> {
    let lines = (1_usize..).zip(text.lines()).filter_map(|(line, text)| {
        let mut words = text.split_ascii_whitespace();
        let is_alias = words.next() == Some("alias");
        words.next().zip(words.next()).filter(|_| is_alias).map(|pair| (line, pair))
    });
    fitting(lines, aliases, location)
}

/// The aliases in the `modules.builtin.modinfo` at `location` that fit one of `aliases`.
///
/// # Errors
/// As [`in_text`].
pub(super) fn in_modinfo(
    modinfo: &str,
    aliases: &[&str],
    location: &str,
) -> Result<Vec<Match>, Unread> {
    let items = modinfo.split('\0').filter_map(|item| {
        let (module, pattern) = item.split_once(".alias=")?;
        Some((0, (pattern, module)))
    });
    fitting(items, aliases, location)
}

/// Those that fit, of patterns and modules with their lines.
fn fitting<'t>(
    items: impl Iterator<Item = (usize, (&'t str, &'t str))>,
    aliases: &[&str],
    location: &str,
) -> Result<Vec<Match>, Unread> {
    let (mut found, mut compared) = (Vec::new(), 0_usize);
    for (line, (pattern, module)) in items {
        // A list has tens of thousands, and almost all differ here.
        let literal = pattern.split(['*', '?', '[', '-', '_']).next().unwrap_or_default();
        let mut alike = aliases.iter().filter(|alias| alias.starts_with(literal)).peekable();
        if alike.peek().is_none() {
            continue;
        }
        compared = compared.saturating_add(pattern.len());
        if compared > MAX_COMPARED {
            return Err(too_much(location));
        }
        if alike.any(|alias| fits(pattern, alias)) {
            let (pattern, module) = (pattern.to_owned(), normalise(module));
            found.push(Match { line, pattern, module });
        }
        if found.len() > MAX_MATCHES {
            let reason = format!("more than {MAX_MATCHES} aliases fit the machine's devices");
            return Err(Unread::new(location, reason));
        }
    }
    Ok(found)
}

/// Why not all patterns were compared.
pub(super) fn too_much(location: &str) -> Unread {
    Unread::new(location, format!("more than {MAX_COMPARED} bytes of patterns to compare"))
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
        let found = in_text(text, &["virtio:d00000002v00001AF4"], "x").unwrap();
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].line, found[0].module.as_str()), (3, "virtio_blk"));
        let modinfo = "ext4.license=GPL\0virtio_pci.alias=pci:v00001AF4d*sv*sd*bc*sc*i*\0";
        let found = in_modinfo(modinfo, &["pci:v00001AF4d00001001sv0sd0bc01sc00i00"], "x").unwrap();
        assert_eq!(found[0].module, "virtio_pci");
    }

    #[test]
    fn patterns_are_compared_up_to_a_bound_and_those_that_begin_otherwise_do_not_count() {
        let list = |start: &str, lines: usize| {
            format!("alias {start}[{}] m\n", "b".repeat(1000 - start.len() - 2)).repeat(lines)
        };
        let found = |text: &str| in_text(text, &["virtio:d00000002v00001AF4"], "/x");
        assert_eq!(found(&list("usb:*", 2000)), Ok(Vec::new()));
        assert_eq!(found(&list("*", 65)), Ok(Vec::new()));
        let unread = found(&list("*", 66)).unwrap_err();
        assert_eq!(unread.reason, "more than 65536 bytes of patterns to compare");
        let modinfo = list("*", 66).replace("alias ", "m.alias=").replace(" m\n", "\0");
        assert!(in_modinfo(&modinfo, &["virtio:d00000002v00001AF4"], "/x").is_err());
    }
}
