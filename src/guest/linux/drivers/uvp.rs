//! What Huawei's old set of Xen drivers (UVP) and their monitor left behind.

use crate::error::Result;
use crate::fact::{Evidence, Fact};
use crate::filesystem::tree::Tree;
use crate::guest::facts::{InitramfsFacts, KernelFacts};

/// What the set puts into the root file system.
const PATHS: [&str; 2] = ["/etc/.uvp-monitor", "/usr/bin/uvp-monitor"];

/// The marks, in the root and in the default kernel's initramfs.
pub(super) fn find(
    tree: &Tree,
    kernels: &[KernelFacts],
    initramfs: Option<&InitramfsFacts>,
) -> Fact<Vec<Evidence>> {
    let mut found = Vec::new();
    let below_modules = kernels
        .iter()
        .filter_map(|kernel| kernel.modules_dir.known()?.as_ref())
        .map(|directory| format!("{directory}/updates/pvdriver"));
    for path in PATHS.into_iter().map(str::to_owned).chain(below_modules) {
        match is_there(tree, &path) {
            Ok(true) => found.push(Evidence::new(path, "UVP")),
            Ok(false) => {}
            Err(error) => return Fact::unknown(path, error.to_string()),
        }
    }
    if let Some(initramfs) = initramfs {
        let noted = initramfs.noted.iter().filter(|path| path.contains("/updates/pvdriver/"));
        found.extend(noted.map(|path| Evidence::new(initramfs.path.clone(), path.clone())));
    }
    Fact::Known(found)
}

/// Whether anything is at `path`, be it a link that leads nowhere.
fn is_there(tree: &Tree, path: &str) -> Result<bool> {
    match tree.symlink_metadata(path) {
        Ok(_) => Ok(true),
        Err(error) if error.is_absent() => Ok(false),
        Err(error) => Err(error),
    }
}
