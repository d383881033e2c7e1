//! Files of the Boot Loader Specification (UAPI.1, type #1): `loader/entries/*.conf`.

use std::cmp::Ordering;

use super::volumes::{Place, Volumes};
use crate::error::{Error, Result};

/// Longest entry in bytes; GRUB's own bound is 1 MiB, a usual entry has under 1 KiB.
const MAX_ENTRY_BYTES: u64 = 64 << 10;

/// Most bytes of the entries of a directory together.
const MAX_TEXT: usize = 2 << 20;

/// A line of an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Field {
    /// Its key.
    key: String,
    /// Its value.
    pub(super) value: String,
    /// Its line, from 1.
    pub(super) line: u32,
}

/// An entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct BlsFile {
    /// Name of the file without `.conf`.
    pub(super) id: String,
    /// Path on its volume.
    pub(super) path: String,
    fields: Vec<Field>,
}

impl BlsFile {
    /// Reads the text of the entry `id` at `path`.
    pub(super) fn parse(id: &str, path: &str, text: &str) -> Self {
        let mut fields = Vec::new();
        for (line, text) in (1_u32..).zip(text.lines()) {
            let text = text.trim();
            if text.starts_with('#') {
                continue;
            }
            if let Some((key, value)) = text.split_once([' ', '\t']) {
                let (key, value) = (key.to_owned(), value.trim_start().to_owned());
                fields.push(Field { key, value, line });
            }
        }
        Self { id: id.to_owned(), path: path.to_owned(), fields }
    }

    /// The lines with that key.
    pub(super) fn fields<'s>(&'s self, key: &'s str) -> impl Iterator<Item = &'s Field> {
        self.fields.iter().filter(move |field| field.key == key)
    }

    /// The first line with that key.
    pub(super) fn field(&self, key: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.key == key)
    }

    /// The value of the first line with that key.
    pub(super) fn first(&self, key: &str) -> Option<&str> {
        self.field(key).map(|field| field.value.as_str())
    }
}

/// The entries of a directory, by name. `may_read` is asked before each file.
///
/// # Errors
/// When the directory or one of its entries cannot be read.
pub(super) fn read_directory(
    volumes: &Volumes<'_>,
    directory: &Place,
    may_read: &mut dyn FnMut() -> bool,
) -> Result<Vec<BlsFile>> {
    let mut files = Vec::new();
    let mut read = 0_usize;
    for name in volumes.names_at(directory)? {
        let Some(id) = name.strip_suffix(".conf") else { continue };
        if id.is_empty() || name.starts_with('.') {
            continue;
        }
        if !may_read() {
            return Err(Error::Limit {
                structure: "Boot Loader Specification entries",
                limit: u64::try_from(files.len()).unwrap_or(u64::MAX),
                unit: "files",
            });
        }
        let path = format!("{}/{name}", directory.path);
        let place = Place { device: directory.device.clone(), path };
        match volumes.text_at(&place, MAX_ENTRY_BYTES) {
            Ok((text, path)) => {
                read = read.saturating_add(text.len());
                if read > MAX_TEXT {
                    return Err(Error::Limit {
                        structure: "Boot Loader Specification entries",
                        limit: u64::try_from(MAX_TEXT).unwrap_or(u64::MAX),
                        unit: "bytes",
                    });
                }
                files.push(BlsFile::parse(id, &path, &text));
            }
            // A link that leads nowhere, a directory of that name: passed over by the loader.
            Err(error) if error.is_absent() || matches!(error, Error::NotAFile { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(files)
}

/// Compares names of entries as the GRUB of Fedora and RHEL does: split from behind into name,
/// version and release, each compared as RPM compares versions.
pub(super) fn compare_names(a: &str, b: &str) -> Ordering {
    let parts = |name: &str| {
        let pieces: Vec<String> = name.rsplitn(3, '-').map(str::to_owned).collect();
        match pieces.as_slice() {
            [release, version, name] => [name.clone(), version.clone(), release.clone()],
            [version, name] => [name.clone(), version.clone(), String::new()],
            _ => [name.to_owned(), String::new(), String::new()],
        }
    };
    let (a, b) = (parts(a), parts(b));
    a.iter()
        .zip(&b)
        .map(|(a, b)| compare_versions(a, b))
        .find(|ordering| ordering.is_ne())
        .unwrap_or(Ordering::Equal)
}

/// Compares versions as `rpmvercmp` does: runs of digits as numbers, runs of letters as text, a
/// number after letters, `~` before everything, separators are alike.
pub(super) fn compare_versions(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (a, b);
    loop {
        let separator = |c: char| !c.is_ascii_alphanumeric() && c != '~';
        a = a.trim_start_matches(separator);
        b = b.trim_start_matches(separator);
        match (a.strip_prefix('~'), b.strip_prefix('~')) {
            (Some(rest_a), Some(rest_b)) => {
                (a, b) = (rest_a, rest_b);
                continue;
            }
            (Some(_), None) => return Ordering::Less,
            (None, Some(_)) => return Ordering::Greater,
            (None, None) => {}
        }
        if a.is_empty() || b.is_empty() {
            return a.len().cmp(&b.len());
        }
        let digits = a.starts_with(|c: char| c.is_ascii_digit());
        let cut = |text: &'_ str| {
            let end =
                text.find(
                    |c: char| {
                        if digits { !c.is_ascii_digit() } else { !c.is_ascii_alphabetic() }
                    },
                );
            end.unwrap_or(text.len())
        };
        let (run_a, rest_a) = a.split_at_checked(cut(a)).unwrap_or((a, ""));
        let (run_b, rest_b) = b.split_at_checked(cut(b)).unwrap_or((b, ""));
        if run_b.is_empty() {
            return if digits { Ordering::Greater } else { Ordering::Less };
        }
        let ordering = if digits {
            let (run_a, run_b) = (run_a.trim_start_matches('0'), run_b.trim_start_matches('0'));
            run_a.len().cmp(&run_b.len()).then_with(|| run_a.cmp(run_b))
        } else {
            run_a.cmp(run_b)
        };
        if ordering.is_ne() {
            return ordering;
        }
        (a, b) = (rest_a, rest_b);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_compare_as_rpm_compares_them() {
        // From rpm's own tests/rpmvercmp.at.
        for (a, b, expected) in [
            ("1.0", "1.0", Ordering::Equal),
            ("1.0", "2.0", Ordering::Less),
            ("2.0.1a", "2.0.1", Ordering::Greater),
            ("5.5p1", "5.5p10", Ordering::Less),
            ("10xyz", "10.1xyz", Ordering::Less),
            ("xyz10", "xyz10.1", Ordering::Less),
            ("xyz.4", "8", Ordering::Less),
            ("5.5p2", "5.6p1", Ordering::Less),
            ("10.0001", "10.1", Ordering::Equal),
            ("10.0001", "10.0039", Ordering::Less),
            ("4.999.9", "5.0", Ordering::Less),
            ("20101121", "20101122", Ordering::Less),
            ("2_0", "2.0", Ordering::Equal),
            ("1.0~rc1", "1.0", Ordering::Less),
            ("1.0~rc1", "1.0~rc2", Ordering::Less),
        ] {
            assert_eq!(compare_versions(a, b), expected, "{a} {b}");
            assert_eq!(compare_versions(b, a), expected.reverse(), "{b} {a}");
        }
    }

    #[test]
    fn the_rescue_entry_sorts_behind_kernels_and_newer_releases_before_older() {
        let machine = "0a1b2c3d4e5f60718293a4b5c6d7e8f9";
        let mut names = [
            format!("{machine}-4.18.0-80.el8.x86_64"),
            format!("{machine}-0-rescue"),
            format!("{machine}-4.18.0-147.el8.x86_64"),
        ];
        names.sort_by(|a, b| compare_names(b, a));
        assert!(names[0].contains("147") && names[1].contains("-80.") && names[2].contains("res"));
    }

    #[test]
    fn fields_keep_their_lines_and_comments_are_passed_over() {
        let text = "# c\ntitle\tA B\n\nlinux   /vmlinuz\ninitrd /a\ninitrd /b\nempty\n";
        let file = BlsFile::parse("x", "/loader/entries/x.conf", text);
        assert_eq!(file.first("title"), Some("A B"));
        assert_eq!(file.field("linux").map(|field| field.line), Some(4));
        assert_eq!(file.fields("initrd").count(), 2);
        assert_eq!(file.field("empty"), None);
    }
}
