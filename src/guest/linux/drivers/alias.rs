//! Aliases of modules: which of them fit a device.
//!
//! Source: modules.alias in kmod (`alias <pattern> <module>` a line), fnmatch(3) without flags, as
//! `libkmod/libkmod-index.c` matches: `*`, `?`, `[…]`; `modules.builtin.modinfo` (Documentation/kbuild/
//! kbuild.rst): `<module>.<key>=<value>`, each ended by a NUL.

/// Longest pattern or alias that is matched, in bytes. Those of the kernel have some 60; matching
/// takes at most the product of the two lengths.
const MAX_LEN: usize = 512;

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

/// Names with `-` and `_` are the same to kmod.
pub(super) fn normalise(name: &str) -> String {
    name.replace('-', "_")
}

/// The lines of a `modules.alias` that fit one of `aliases`.
pub(super) fn in_text(text: &str, aliases: &[&str]) -> Vec<Match> {
    let mut found = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let mut words = line.split_ascii_whitespace();
        let (Some("alias"), Some(pattern), Some(module)) =
            (words.next(), words.next(), words.next())
        else {
            continue;
        };
        if aliases.iter().any(|alias| fits(pattern, alias)) {
            let (pattern, module) = (pattern.to_owned(), normalise(module));
            found.push(Match { line: index.saturating_add(1), pattern, module });
        }
    }
    found
}

/// The aliases in a `modules.builtin.modinfo` that fit one of `aliases`.
pub(super) fn in_modinfo(modinfo: &str, aliases: &[&str]) -> Vec<Match> {
    let mut found = Vec::new();
    for item in modinfo.split('\0') {
        let Some((module, pattern)) = item.split_once(".alias=") else { continue };
        if aliases.iter().any(|alias| fits(pattern, alias)) {
            let (pattern, module) = (pattern.to_owned(), normalise(module));
            found.push(Match { line: 0, pattern, module });
        }
    }
    found
}

/// Whether a pattern fits an alias.
pub(super) fn fits(pattern: &str, alias: &str) -> bool {
    let (pattern, alias) = (pattern.as_bytes(), alias.as_bytes());
    if pattern.len() > MAX_LEN || alias.len() > MAX_LEN {
        return false;
    }
    let (mut rest, mut text) = (pattern, alias);
    // Where to go on when what follows the last `*` does not fit: behind it, one byte later.
    let mut star: Option<(&[u8], &[u8])> = None;
    loop {
        let step = match (rest.split_first(), text.split_first()) {
            (None, None) => return true,
            (Some((b'*', behind)), _) => {
                star = Some((behind, text));
                rest = behind;
                continue;
            }
            (Some((b'?', behind)), Some((_, later))) => Some((behind, later)),
            (Some((b'[', behind)), Some((byte, later))) => match class(behind, *byte) {
                Some((true, behind)) => Some((behind, later)),
                Some((false, _)) => None,
                None if *byte == b'[' => Some((behind, later)),
                None => None,
            },
            (Some((expected, behind)), Some((byte, later))) if same(*expected, *byte) => {
                Some((behind, later))
            }
            _ => None,
        };
        if let Some((behind, later)) = step {
            (rest, text) = (behind, later);
            continue;
        }
        let Some((behind, from)) = star else { return false };
        let Some((_, later)) = from.split_first() else { return false };
        star = Some((behind, later));
        (rest, text) = (behind, later);
    }
}

/// `-` and `_` are the same.
fn same(a: u8, b: u8) -> bool {
    let normal = |byte| if byte == b'-' { b'_' } else { byte };
    normal(a) == normal(b)
}

/// Whether `byte` is in the class whose text follows `[`, and what follows its `]`; `None` when it has
/// no end, so that `[` means itself.
fn class(text: &[u8], byte: u8) -> Option<(bool, &[u8])> {
    let (negated, mut rest) = match text {
        [b'!' | b'^', rest @ ..] => (true, rest),
        _ => (false, text),
    };
    let mut inside = false;
    let mut first = true;
    loop {
        rest = match rest {
            [] => return None,
            [b']', behind @ ..] if !first => return Some((inside != negated, behind)),
            [from, b'-', to, behind @ ..] if *to != b']' => {
                inside |= (*from..=*to).contains(&byte);
                behind
            }
            [one, behind @ ..] => {
                inside |= *one == byte;
                behind
            }
        };
        first = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_fit_as_fnmatch_has_it() {
        // Expected values from fnmatch(3) of glibc.
        for (pattern, alias, expected) in [
            (
                "pci:v00001AF4d*sv*sd*bc*sc*i*",
                "pci:v00001AF4d00001001sv00001AF4sd2bc01sc00i00",
                true,
            ),
            ("pci:v00001AF4d*sv*sd*bc02*", "pci:v00001AF4d00001001sv00001AF4sd2bc01sc00i00", false),
            ("virtio:d00000002v*", "virtio:d00000002v00001AF4", true),
            ("virtio:d00000002v*", "virtio:d00000001v00001AF4", false),
            ("xen:vbd", "xen:vbd", true),
            ("xen:vb?", "xen:vbd", true),
            ("xen:v[bi][fd]", "xen:vif", true),
            ("xen:v[!b]f", "xen:vif", true),
            ("xen:v[!i]f", "xen:vif", false),
            ("xen:v[a-i]*", "xen:vif", true),
            ("xen:v[]", "xen:v[]", true),
            ("*", "", true),
            ("?", "", false),
            ("a*b*c", "aXbXbXc", true),
            ("a*b*c", "aXbXbXd", false),
            ("", "a", false),
        ] {
            assert_eq!(fits(pattern, alias), expected, "{pattern} {alias}");
        }
    }

    #[test]
    fn a_pattern_made_to_be_slow_ends_soon() {
        let pattern = "*a".repeat(256);
        assert!(!fits(&pattern, &"a".repeat(255)));
        assert!(!fits(&"*".repeat(600), "a"));
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
