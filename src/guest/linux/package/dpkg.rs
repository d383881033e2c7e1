//! dpkg's status file.
//!
//! Source: dpkg(1) "Package states", deb-control(5): stanzas parted by empty lines, fields without
//! case, and `Status: want flag state`.

use super::{MAX_TEXT, Packages};
use crate::error::{Error, Result};
use crate::fact::{Evidence, Unread};
use crate::filesystem::tree::Tree;
use crate::guest::facts::{Package, PackageFacts};

const STATUS: &str = "/var/lib/dpkg/status";

/// Longest status file read; a desktop with 3,000 packages has about 4 MiB.
const MAX_STATUS: u64 = 16 << 20;

/// Adds what dpkg has installed.
pub(super) fn find(tree: &Tree, facts: &mut PackageFacts, packages: &mut Packages) {
    let text = match tree.read_text(STATUS, MAX_STATUS) {
        Ok(text) => text,
        Err(error) if error.is_absent() => return,
        Err(error) => return facts.unread.push(Unread::from((STATUS, &error))),
    };
    let before = packages.list.len();
    if let Err(error) = installed(&text, packages) {
        facts.unread.push(Unread::from((STATUS, &error)));
    }
    let count = packages.list.len().saturating_sub(before);
    facts.databases.push(Evidence::new(STATUS, format!("dpkg, {count} packages")));
}

fn installed(text: &str, packages: &mut Packages) -> Result<()> {
    let (mut name, mut version, mut arch, mut present) = (None, None, None, false);
    for (line, content) in (1_usize..).zip(text.lines().chain(std::iter::once(""))) {
        if content.trim().is_empty() {
            if let (Some(name), Some((line, version)), true) =
                (name.take(), version.take(), present)
            {
                let location = format!("{STATUS}:{line}");
                packages.add(Package { name, version, arch: arch.take(), location })?;
            }
            (name, version, arch, present) = (None, None, None, false);
            continue;
        }
        // Most of the file is descriptions and checksums.
        if content.starts_with([' ', '\t']) {
            continue;
        }
        let Some((field, value)) = content.split_once(':') else { continue };
        let value = value.trim();
        if value.len() > MAX_TEXT
            && ["package", "version"].iter().any(|name| field.eq_ignore_ascii_case(name))
        {
            let (structure, limit) =
                ("package database", u64::try_from(MAX_TEXT).unwrap_or(u64::MAX));
            return Err(Error::Limit { structure, limit, unit: "bytes of a name or version" });
        }
        let text = || Some(value.to_owned()).filter(|value| value.len() <= MAX_TEXT);
        if field.eq_ignore_ascii_case("package") {
            name = text();
        } else if field.eq_ignore_ascii_case("version") {
            version = text().map(|version| (line, version));
        } else if field.eq_ignore_ascii_case("architecture") {
            arch = text();
        } else if field.eq_ignore_ascii_case("status") {
            let state = value.split_ascii_whitespace().nth(2);
            present = matches!(state, Some("installed" | "triggers-awaited" | "triggers-pending"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "Package: a\nStatus: deinstall ok config-files\nVersion: 1\n\n\
        Package: b\nStatus: install ok installed\nConffiles:\n /etc/b 0123\nVersion: 2:3-4\n\
        Architecture: all\n\nPackage: c\nversion: 5\nstatus: install ok triggers-pending\n";

    #[test]
    fn a_package_whose_version_is_too_long_is_not_said_to_be_absent() {
        let mut packages = Packages::default();
        let text = format!("{TEXT}\nPackage: d\nVersion: {}\n", "1".repeat(MAX_TEXT + 1));
        assert!(matches!(installed(&text, &mut packages), Err(Error::Limit { .. })));
    }

    #[test]
    fn what_is_installed_has_its_version_with_its_line_and_what_was_removed_is_left_out() {
        let mut packages = Packages::default();
        installed(TEXT, &mut packages).unwrap();
        let packages = packages.list;
        let found: Vec<_> = packages
            .iter()
            .map(|package| (package.name.as_str(), package.version.as_str()))
            .collect();
        assert_eq!(found, [("b", "2:3-4"), ("c", "5")]);
        assert_eq!(packages[0].location, "/var/lib/dpkg/status:9");
        assert_eq!(packages[0].arch.as_deref(), Some("all"));
        assert_eq!(packages[1].arch, None);
    }
}
