//! The chassis asset tags by which cloud-init knows a platform.
//!
//! Source: `cloudinit/sources/DataSourceOpenStack.py` (`VALID_DMI_ASSET_TAGS`, `detect_openstack`) and
//! `tools/ds-identify` (`dscheck_OpenStack`). Distributions bring single tags into older versions, so
//! the files themselves are asked and not the version.

use super::installed::{MAX_PYTHONS, more_pythons, package_directories};
use crate::error::Result;
use crate::fact::{Fact, Unread};
use crate::filesystem::tree::Tree;
use crate::guest::facts::PlatformTags;

/// The tags that are looked for.
const TAGS: [&str; 2] = ["HUAWEICLOUD", "OpenTelekomCloud"];

/// Longest program looked into; ds-identify has about 60 KiB.
const MAX_PROGRAM: u64 = 512 << 10;

/// The data source for OpenStack.
pub(super) fn openstack_source(tree: &Tree) -> Fact<Option<PlatformTags>> {
    let directories = match package_directories(tree) {
        Ok(directories) => directories,
        Err(unread) => return Fact::Unknown(unread),
    };
    let more = more_pythons(&directories);
    for packages in directories.into_iter().take(MAX_PYTHONS) {
        let path = format!("{packages}/cloudinit/sources/DataSourceOpenStack.py");
        match in_file(tree, &path) {
            Ok(found) => return Fact::Known(Some(found)),
            Err(error) if error.is_absent() => {}
            Err(error) => return Fact::Unknown(Unread::from((path.as_str(), &error))),
        }
    }
    more.map_or(Fact::Known(None), Fact::Unknown)
}

/// The tags in one file.
pub(super) fn in_file(tree: &Tree, path: &str) -> Result<PlatformTags> {
    let text = tree.read_text(path, MAX_PROGRAM)?;
    let tags = TAGS.iter().filter(|tag| text.contains(**tag)).map(|&tag| tag.to_owned()).collect();
    Ok(PlatformTags { path: path.to_owned(), tags })
}
