//! What tells a finding from others, over all runs.

use sha2::{Digest, Sha256};

/// The fingerprint of a rule's finding in an image, 64 hex digits.
///
/// A report has exactly one finding a rule and image, so these two tell it. What was seen, the
/// language and the program's version do not belong in it: a repair that changes the line, or a
/// better sentence, would make an old finding look new. Paths are taken as given; those of one call
/// should differ.
pub(super) fn of(image: &str, rule: &str) -> String {
    let mut hash = Sha256::new();
    hash.update(rule.as_bytes());
    // No rule's id and no path has this byte.
    hash.update([0]);
    hash.update(image.as_bytes());
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_fingerprint_never_changes() {
        // printf 'fstab-uuid\0a.qcow2' | sha256sum
        let expected = "c6a963e3e0c229d47765a2db9d160e55297e2dcb3731ce6ada55c3fc5fe57c5e";
        assert_eq!(super::of("a.qcow2", "fstab-uuid"), expected);
    }
}
