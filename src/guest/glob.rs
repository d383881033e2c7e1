//! Shell patterns: `*`, `?`, `[…]` (glob(7), fnmatch(3) without flags).

/// Longest name that is matched, in bytes: a file's name has at most 255, an account's 256
/// (limits(7)), the kernel's module aliases some 60. Matching takes at most the product of the two
/// lengths, and a pattern is part of a file that was read within its own bound.
const MAX_NAME: usize = 4096;

/// Whether a pattern takes a whole name, byte by byte; a name that is too long for any real one is
/// taken by `*` alone.
pub fn matches(pattern: &str, name: &str) -> bool {
    matches_by(pattern, name, |a, b| a == b)
}

/// As [`matches`], with literal bytes compared by `same`.
pub(in crate::guest) fn matches_by(
    pattern: &str,
    name: &str,
    same: impl Fn(u8, u8) -> bool,
) -> bool {
    let (pattern, name) = (pattern.as_bytes(), name.as_bytes());
    if name.len() > MAX_NAME {
        return !pattern.is_empty() && pattern.iter().all(|byte| *byte == b'*');
    }
    // What is left of the pattern where a class may still have an end; looked for at the first `[`.
    let mut least = None;
    let (mut rest, mut text) = (pattern, name);
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
            (Some((b'[', behind)), Some((byte, later))) => {
                let least = *least.get_or_insert_with(|| {
                    let closes = pattern.iter().rposition(|byte| *byte == b']');
                    closes.map_or(usize::MAX, |at| pattern.len().saturating_sub(at))
                });
                let found = if behind.len() < least { None } else { class(behind, *byte) };
                match found {
                    Some((true, behind)) => Some((behind, later)),
                    Some((false, _)) => None,
                    None if *byte == b'[' => Some((behind, later)),
                    None => None,
                }
            }
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
        for (pattern, name, expected) in [
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
            ("*s*3", "enp0s3", true),
            ("e[!n]*", "ens3", false),
            ("eth[0-3]", "eth7", false),
            ("eth?", "eth10", false),
            ("eth0", "eth", false),
            ("[", "x", false),
            ("", "", true),
            ("*.conf", ".conf", true),
        ] {
            assert_eq!(matches(pattern, name), expected, "{pattern} {name}");
        }
    }

    #[test]
    fn a_pattern_made_to_be_slow_ends_soon() {
        let pattern = "*a".repeat(256);
        assert!(!matches(&pattern, &"a".repeat(255)));
        // Each class without an end would be looked through from each place of the name.
        let pattern = format!("{}x", "*[".repeat(20_000));
        assert!(!matches(&pattern, &"[".repeat(4096)));
        assert!(matches(&"[".repeat(300), &"[".repeat(300)));
    }

    #[test]
    fn a_long_pattern_counts() {
        assert!(matches(&"*".repeat(600), "a"));
        assert!(matches(&format!("{}b", "*a".repeat(600)), &format!("{}b", "a".repeat(600))));
        assert!(matches("**", &"a".repeat(5000)));
        assert!(!matches("a*", &"a".repeat(5000)));
    }
}
