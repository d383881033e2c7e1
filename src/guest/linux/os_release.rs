//! Which system it is: os-release(5) and the release files of older systems.

use crate::fact::{Evidence, Fact};
use crate::filesystem::tree::Tree;
use crate::guest::facts::OsIdentity;

/// Largest release file that is read, in bytes.
const MAX_RELEASE_FILE: u64 = 64 << 10;

/// The guest's identity; `Known(None)` when no release file exists.
pub fn find(tree: &Tree) -> Fact<Option<OsIdentity>> {
    let mut identity = None;
    for path in ["/etc/os-release", "/usr/lib/os-release"] {
        match read(tree, path) {
            Fact::Known(Some(text)) => {
                identity = Some(os_release(path, &text));
                break;
            }
            Fact::Known(None) => {}
            Fact::Unknown(unread) => return Fact::Unknown(unread),
        }
    }
    // os-release gives only the major version on CentOS and Debian; the older files are exact.
    for (path, parse) in RELEASE_FILES {
        let text = match read(tree, path) {
            Fact::Known(Some(text)) => text,
            Fact::Known(None) => continue,
            Fact::Unknown(_) if identity.is_some() => continue,
            Fact::Unknown(unread) => return Fact::Unknown(unread),
        };
        let Some(found) = parse(path, &text) else { continue };
        match &mut identity {
            None => return Fact::Known(Some(found)),
            Some(known) => refine(known, found),
        }
    }
    Fact::Known(identity)
}

type Parse = fn(&str, &str) -> Option<OsIdentity>;

/// The more specific before the more general: Oracle and CentOS have a `redhat-release` too, Ubuntu a
/// `debian_version`.
const RELEASE_FILES: &[(&str, Parse)] = &[
    ("/etc/euleros-release", release_line),
    ("/etc/openEuler-release", release_line),
    ("/etc/oracle-release", release_line),
    ("/etc/centos-release", release_line),
    ("/etc/rocky-release", release_line),
    ("/etc/almalinux-release", release_line),
    ("/etc/fedora-release", release_line),
    ("/etc/redhat-release", release_line),
    ("/etc/SuSE-release", suse_release),
    ("/etc/lsb-release", lsb_release),
    ("/etc/debian_version", debian_version),
];

fn read(tree: &Tree, path: &str) -> Fact<Option<String>> {
    Fact::from_lookup(path, tree.read_text(path, MAX_RELEASE_FILE))
}

/// Takes the more exact version of the same system: `7` becomes `7.9`, never another major version.
fn refine(known: &mut OsIdentity, found: OsIdentity) {
    let (Some(old), Some(new)) = (&known.version, found.version) else { return };
    let more_exact = new.strip_prefix(old.as_str()).is_some_and(|rest| rest.starts_with('.'));
    if found.id == known.id && more_exact {
        known.version = Some(new);
        known.evidence.detail = format!(
            "{}; {} ({})",
            known.evidence.detail, found.evidence.detail, found.evidence.location
        );
    }
}

fn os_release(path: &str, text: &str) -> OsIdentity {
    let value = |key: &str| {
        text.lines().rev().find_map(|line| {
            let (name, value) = line.trim().split_once('=')?;
            (name == key).then(|| unquote(value)).filter(|value| !value.is_empty())
        })
    };
    // os-release(5): ID defaults to "linux".
    let id = value("ID").unwrap_or_else(|| "linux".to_owned()).to_ascii_lowercase();
    let version = value("VERSION_ID");
    let name = value("PRETTY_NAME").or_else(|| value("NAME")).unwrap_or_else(|| "Linux".to_owned());
    OsIdentity {
        evidence: Evidence::new(path, name.clone()),
        id_like: value("ID_LIKE")
            .unwrap_or_default()
            .split_ascii_whitespace()
            .map(str::to_ascii_lowercase)
            .collect(),
        id,
        version,
        name,
    }
}

/// A value as a shell would read it (os-release(5) allows quotes and backslashes, no expansion).
fn unquote(value: &str) -> String {
    let value = value.trim();
    let inner = ['"', '\'']
        .into_iter()
        .find_map(|quote| value.strip_prefix(quote)?.strip_suffix(quote))
        .unwrap_or(value);
    let mut out = String::with_capacity(inner.len());
    let mut chars = inner.chars();
    while let Some(char) = chars.next() {
        match char {
            '\\' if !value.starts_with('\'') => out.extend(chars.next()),
            _ => out.push(char),
        }
    }
    out
}

/// `CentOS Linux release 7.9.2009 (Core)`, `Red Hat Enterprise Linux Server release 6.10 (Santiago)`,
/// `EulerOS release 2.0 (SP5)`, `openEuler release 20.03 (LTS-SP1)`, `Oracle Linux Server release 7.6`.
fn release_line(path: &str, text: &str) -> Option<OsIdentity> {
    let line = text.lines().next()?.trim();
    let (product, rest) = line.split_once(" release ")?;
    let lower = product.to_ascii_lowercase();
    let id = [
        ("centos", "centos"),
        ("red hat", "rhel"),
        ("oracle", "ol"),
        ("rocky", "rocky"),
        ("almalinux", "almalinux"),
        ("fedora", "fedora"),
        ("euleros", "euleros"),
        ("openeuler", "openeuler"),
        ("scientific", "scientific"),
    ]
    .into_iter()
    .find_map(|(word, id)| lower.contains(word).then_some(id))
    .unwrap_or("linux");
    let number = rest.split_ascii_whitespace().next()?;
    // CentOS 7 and 8 add the month of the release: 7.9.2009 is 7.9.
    let version: Vec<&str> = number.split('.').take(2).collect();
    Some(identity(id, Some(version.join(".")), line, path))
}

fn suse_release(path: &str, text: &str) -> Option<OsIdentity> {
    let line = text.lines().next()?.trim();
    let value = |key: &str| {
        text.lines().find_map(|line| {
            let (name, value) = line.split_once('=')?;
            (name.trim() == key).then(|| value.trim().to_owned())
        })
    };
    let id = if line.starts_with("openSUSE") { "opensuse" } else { "sles" };
    let version = value("VERSION").map(|version| match value("PATCHLEVEL") {
        Some(level) if level != "0" && !version.contains('.') => format!("{version}.{level}"),
        _ => version,
    });
    Some(identity(id, version, line, path))
}

fn lsb_release(path: &str, text: &str) -> Option<OsIdentity> {
    let value = |key: &str| {
        text.lines().find_map(|line| {
            let (name, value) = line.split_once('=')?;
            (name.trim() == key).then(|| unquote(value))
        })
    };
    let id = value("DISTRIB_ID")?;
    let name = value("DISTRIB_DESCRIPTION").unwrap_or_else(|| id.clone());
    Some(identity(&id.to_ascii_lowercase(), value("DISTRIB_RELEASE"), &name, path))
}

fn debian_version(path: &str, text: &str) -> Option<OsIdentity> {
    let line = text.lines().next()?.trim();
    let is_number = line.starts_with(|first: char| first.is_ascii_digit());
    let version = is_number.then(|| line.to_owned());
    Some(identity("debian", version, &format!("Debian GNU/Linux {line}"), path))
}

fn identity(id: &str, version: Option<String>, name: &str, path: &str) -> OsIdentity {
    OsIdentity {
        id: id.to_owned(),
        id_like: Vec::new(),
        version,
        name: name.to_owned(),
        evidence: Evidence::new(path, name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn os_release_is_read_with_its_quotes() {
        let text = "NAME=\"CentOS Linux\"\nVERSION=\"7 (Core)\"\nID=\"centos\"\nID_LIKE=\"rhel fedora\"\nVERSION_ID='7'\nPRETTY_NAME=\"CentOS Linux 7 \\\"Core\\\"\"\n";
        let os = os_release("/etc/os-release", text);
        assert_eq!((os.id.as_str(), os.version.as_deref()), ("centos", Some("7")));
        assert_eq!(os.id_like, ["rhel", "fedora"]);
        assert_eq!(os.name, "CentOS Linux 7 \"Core\"");
    }

    #[test]
    fn the_older_release_files_name_system_and_version() {
        let cases: [(Parse, &str, &str, &str); 8] = [
            (release_line, "CentOS Linux release 7.9.2009 (Core)\n", "centos", "7.9"),
            (release_line, "CentOS release 6.10 (Final)\n", "centos", "6.10"),
            (
                release_line,
                "Red Hat Enterprise Linux Server release 6.8 (Santiago)\n",
                "rhel",
                "6.8",
            ),
            (release_line, "EulerOS release 2.0 (SP5)\n", "euleros", "2.0"),
            (
                suse_release,
                "SUSE Linux Enterprise Server 11 (x86_64)\nVERSION = 11\nPATCHLEVEL = 4\n",
                "sles",
                "11.4",
            ),
            (
                suse_release,
                "openSUSE 13.2 (x86_64)\nVERSION = 13.2\nCODENAME = Harlequin\n",
                "opensuse",
                "13.2",
            ),
            (
                lsb_release,
                "DISTRIB_ID=Ubuntu\nDISTRIB_RELEASE=14.04\nDISTRIB_DESCRIPTION=\"Ubuntu 14.04.6 LTS\"\n",
                "ubuntu",
                "14.04",
            ),
            (debian_version, "12.5\n", "debian", "12.5"),
        ];
        for (parse, text, id, version) in cases {
            let os = parse("/etc/x", text).unwrap();
            assert_eq!((os.id.as_str(), os.version.as_deref()), (id, Some(version)), "{text}");
        }
    }

    #[test]
    fn a_more_exact_version_of_the_same_system_is_taken_and_no_other() {
        let mut os = os_release("/etc/os-release", "ID=centos\nVERSION_ID=7\n");
        refine(&mut os, identity("rhel", Some("7.6".into()), "", ""));
        assert_eq!(os.version.as_deref(), Some("7"));
        refine(&mut os, identity("centos", Some("75.1".into()), "", ""));
        assert_eq!(os.version.as_deref(), Some("7"));
        refine(&mut os, identity("centos", Some("7.9".into()), "", ""));
        assert_eq!(os.version.as_deref(), Some("7.9"));
    }
}
