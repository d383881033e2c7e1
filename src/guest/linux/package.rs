//! The package database: dpkg's status file.

use crate::fact::{Evidence, Fact};
use crate::filesystem::tree::Tree;

const STATUS: &str = "/var/lib/dpkg/status";

/// Longest status file read; a desktop with 3,000 packages has about 4 MiB.
const MAX_STATUS: u64 = 16 << 20;

/// The version of an installed package and its place; `Known(None)` when dpkg does not have it
/// installed, or there is no dpkg.
///
/// Source: dpkg(1) "Package states", deb-control(5): stanzas parted by empty lines, fields without
/// case, and `Status: want flag state`.
pub fn installed_version(tree: &Tree, name: &str) -> Fact<Option<(String, Evidence)>> {
    Fact::<String>::from_lookup(STATUS, tree.read_text(STATUS, MAX_STATUS))
        .map(|text| text.and_then(|text| version_in_status(&text, name)))
}

fn version_in_status(text: &str, name: &str) -> Option<(String, Evidence)> {
    let mut wanted = false;
    let mut installed = false;
    let mut version = None;
    let lines = (1_usize..).zip(text.lines().chain(std::iter::once("")));
    for (line, content) in lines {
        if content.trim().is_empty() {
            if wanted && installed && version.is_some() {
                return version;
            }
            (wanted, installed, version) = (false, false, None);
            continue;
        }
        let Some((field, value)) = content.split_once(':') else { continue };
        let value = value.trim();
        match field.to_ascii_lowercase().as_str() {
            "package" => wanted = value == name,
            "status" => {
                let state = value.split_ascii_whitespace().nth(2);
                installed =
                    matches!(state, Some("installed" | "triggers-awaited" | "triggers-pending"));
            }
            "version" if wanted => {
                let evidence = Evidence::new(format!("{STATUS}:{line}"), value);
                version = Some((value.to_owned(), evidence));
            }
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "Package: a\nStatus: deinstall ok config-files\nVersion: 1\n\n\
        Package: b\nStatus: install ok installed\nConffiles:\n /etc/b 0123\nVersion: 2:3-4\n";

    #[test]
    fn a_removed_package_whose_configuration_stayed_is_not_installed() {
        assert_eq!(version_in_status(TEXT, "a"), None);
        assert_eq!(version_in_status(TEXT, "c"), None);
    }

    #[test]
    fn an_installed_package_has_its_version_with_its_line() {
        let (version, evidence) = version_in_status(TEXT, "b").unwrap();
        assert_eq!(version, "2:3-4");
        assert_eq!(evidence.location, "/var/lib/dpkg/status:9");
    }
}
