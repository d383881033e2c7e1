//! Whether cloud-init is installed, and its version.

use crate::fact::{Evidence, Fact, Unread};
use crate::filesystem::FileType;
use crate::filesystem::tree::Tree;
use crate::guest::facts::{CloudInitInstalled, PackageFacts};

/// Where packages and `pip` put the program.
const PROGRAMS: [&str; 2] = ["/usr/bin/cloud-init", "/usr/local/bin/cloud-init"];

/// Directories that hold a `python3.11` or the like, each with its packages.
const LIBRARIES: [&str; 3] = ["/usr/lib", "/usr/local/lib", "/usr/lib64"];

/// Longest `version.py` read; the real one has about 600 bytes.
const MAX_VERSION_FILE: u64 = 64 << 10;

/// Most directories of packages looked into.
pub(super) const MAX_PYTHONS: usize = 32;

/// Most characters of a version that are taken.
const MAX_VERSION: usize = 64;

/// The program and its version; `Known(None)` when the program is not there.
pub(super) fn find(tree: &Tree, packages: &PackageFacts) -> Fact<Option<CloudInitInstalled>> {
    for path in PROGRAMS {
        match tree.metadata(path) {
            Ok(metadata) if metadata.file_type == FileType::Regular => {
                return Fact::Known(Some(installed(tree, packages, path)));
            }
            Ok(_) => {}
            Err(error) if error.is_absent() => {}
            Err(error) => return Fact::unknown(path, error.to_string()),
        }
    }
    Fact::Known(None)
}

fn installed(tree: &Tree, packages: &PackageFacts, path: &str) -> CloudInitInstalled {
    // A program in /usr/local is not the package's.
    let from_package = path.starts_with("/usr/bin/");
    let packaged =
        if from_package { packages.find("cloud-init").known().copied().flatten() } else { None };
    let packaged = packaged.map(|package| (package.version.clone(), package.evidence()));
    let found = packaged.map_or_else(|| module_version(tree), |found| Ok(Some(found)));
    let path = path.to_owned();
    let (version, evidence) = match found {
        Ok(Some((version, evidence))) => (Some(version), evidence),
        Ok(None) => (None, Evidence::new(path.clone(), "no version found")),
        Err(Unread { location, reason }) => (None, Evidence::new(location, reason)),
    };
    CloudInitInstalled { path, version, evidence }
}

/// The version in the Python module itself, or in the metadata beside it.
fn module_version(tree: &Tree) -> Result<Option<(String, Evidence)>, Unread> {
    let directories = package_directories(tree)?;
    let more = more_pythons(&directories);
    for packages in directories.into_iter().take(MAX_PYTHONS) {
        let path = format!("{packages}/cloudinit/version.py");
        let text = match tree.read_text(&path, MAX_VERSION_FILE) {
            Ok(text) => text,
            Err(error) if error.is_absent() => continue,
            Err(error) => return Err(Unread::from((path.as_str(), &error))),
        };
        if let Some((line, version)) = version_in_module(&text) {
            let evidence = Evidence::new(format!("{path}:{line}"), version.clone());
            return Ok(Some((version, evidence)));
        }
        if let Some(found) = version_in_metadata(tree, &packages)? {
            return Ok(Some(found));
        }
    }
    more.map_or(Ok(None), Err)
}

/// Why not all of these directories are looked into, if so.
pub(super) fn more_pythons(directories: &[String]) -> Option<Unread> {
    let reason = format!("more than {MAX_PYTHONS} directories of Python");
    (directories.len() > MAX_PYTHONS).then(|| Unread::new("/usr/lib", reason))
}

/// `site-packages` and `dist-packages` of every Python, the highest name first.
///
/// # Errors
/// Why one that is there cannot be listed.
pub(super) fn package_directories(tree: &Tree) -> Result<Vec<String>, Unread> {
    let mut found = Vec::new();
    for library in LIBRARIES {
        let entries = match tree.read_dir(library) {
            Ok(entries) => entries,
            Err(error) if error.is_absent() => continue,
            Err(error) => return Err(Unread::from((library, &error))),
        };
        for entry in entries.iter().rev() {
            let name = String::from_utf8_lossy(&entry.name);
            if name.starts_with("python2") || name.starts_with("python3") {
                found.push(format!("{library}/{name}/dist-packages"));
                found.push(format!("{library}/{name}/site-packages"));
            }
        }
    }
    Ok(found)
}

/// `_PACKAGED_VERSION` when the packager set it, else `__VERSION__`
/// (cloudinit/version.py, `version_string`).
fn version_in_module(text: &str) -> Option<(usize, String)> {
    let value_of = |name: &str| {
        (1_usize..).zip(text.lines()).find_map(|(line, content)| {
            let value = content.strip_prefix(name)?.trim_start().strip_prefix('=')?.trim();
            let value = value.trim_matches(['"', '\'']);
            let version = value.starts_with(|c: char| c.is_ascii_digit());
            version.then(|| (line, value.chars().take(MAX_VERSION).collect()))
        })
    };
    value_of("_PACKAGED_VERSION").or_else(|| value_of("__VERSION__"))
}

/// `cloud_init-22.4.2.egg-info`, `cloud_init-0.7.9-py2.7.egg-info`, `cloud_init-25.1.dist-info`.
fn version_in_metadata(tree: &Tree, packages: &str) -> Result<Option<(String, Evidence)>, Unread> {
    let entries = tree.read_dir(packages).map_err(|error| Unread::from((packages, &error)))?;
    Ok(entries.iter().find_map(|entry| {
        let name = String::from_utf8_lossy(&entry.name).into_owned();
        let rest = name.strip_prefix("cloud_init-")?;
        let stem = rest.strip_suffix(".egg-info").or_else(|| rest.strip_suffix(".dist-info"))?;
        let version: String = stem.split('-').next()?.chars().take(MAX_VERSION).collect();
        let well_formed = version.starts_with(|c: char| c.is_ascii_digit());
        let location = format!("{packages}/{name}");
        well_formed.then(|| (version.clone(), Evidence::new(location, version)))
    }))
}

#[test]
fn the_packager_s_version_counts_before_the_module_s_own() {
    let text = "__VERSION__ = \"22.4.2\"\n_PACKAGED_VERSION = \"@@PACKAGED_VERSION@@\"\n";
    assert_eq!(version_in_module(text), Some((1, "22.4.2".to_owned())));
    let text = "__VERSION__ = \"23.1\"\n_PACKAGED_VERSION = '23.1.2-0ubuntu0~22.04.1'\n";
    assert_eq!(version_in_module(text), Some((2, "23.1.2-0ubuntu0~22.04.1".to_owned())));
    let long = format!("__VERSION__ = \"22.1\"\n_PACKAGED_VERSION = '0.7.5-{}'\n", "a".repeat(100));
    let (line, version) = version_in_module(&long).unwrap();
    assert_eq!((line, version.get(..7), version.len()), (2, Some("0.7.5-a"), MAX_VERSION));
}
