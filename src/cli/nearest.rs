//! What was probably meant by a word that nobody knows.

/// How alike two words must be at the least, of 1.
const ALIKE: f64 = 0.4;

/// The one of `known` that is most like `word`: it shares most of its pairs of letters (which finds
/// a part of an id), or the fewest letters are wrong (which finds a slip of the finger).
pub(super) fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word = word.to_ascii_lowercase();
    let alike = |other: &str| {
        let other = other.to_ascii_lowercase();
        let pairs = strsim::sorensen_dice(&word, &other);
        pairs.max(strsim::normalized_damerau_levenshtein(&word, &other))
    };
    known
        .into_iter()
        .map(|known| (alike(known), known))
        .filter(|(alike, _)| *alike >= ALIKE)
        // Of several that are as near, the first.
        .reduce(|best, next| if next.0 > best.0 { next } else { best })
        .map(|(_, known)| known)
}

/// The same as the end of a sentence: `; did you mean fstab-uuid?`, or nothing.
pub(super) fn did_you_mean<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    nearest(word, known).map_or(String::new(), |near| format!("; did you mean {near}?"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::about_all;

    #[test]
    fn slips_and_parts_lead_to_the_word() {
        let rules = || about_all().map(|rule| rule.id);
        for (word, meant) in [
            ("fstab-uid", Some("fstab-uuid")),
            ("FSTAB-UUID", Some("fstab-uuid")),
            ("fstab_uuid", Some("fstab-uuid")),
            ("grub-uuid", Some("grub-root-uuid")),
            ("sshd", Some("sshd-enabled")),
            ("xyzzy", None),
            ("", None),
        ] {
            assert_eq!(nearest(word, rules()), meant, "{word}");
        }
        assert_eq!(nearest("lnag", ["profile", "fail-on", "lang"]), Some("lang"));
        assert_eq!(nearest("profil", ["profile", "fail-on", "lang"]), Some("profile"));
        assert_eq!(nearest("colour", ["profile", "fail-on", "lang"]), None);
    }
}
