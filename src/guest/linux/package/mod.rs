//! The package databases: names and versions of what is installed, and nothing else.
//!
//! In: the guest's tree. Out: [`PackageFacts`]. Read are dpkg's status file and rpm's database in its
//! three forms (Berkeley DB hash, ndb, SQLite), each straight from its bytes and only as far as a
//! package's name and version.

mod berkeley_hash;
mod dpkg;
mod ndb;
mod rpm;
mod rpm_header;
mod source;
mod sqlite;
#[cfg(test)]
mod tests;
mod write_ahead_log;

use crate::error::{Error, Result};
use crate::filesystem::tree::Tree;
use crate::guest::facts::{Package, PackageFacts};

/// Most packages of a guest; a full desktop with TeX has about 6,000.
const MAX_PACKAGES: usize = 20_000;

/// Most bytes that the packages of a guest take in memory, those of all its databases together: some
/// 20,000 with names and versions as they are.
const MAX_BYTES: usize = 8 << 20;

/// What a package takes beside its texts: its place in a list that doubles, and four allocations.
const BYTES_BESIDE: usize = 320;

/// Longest name, version or architecture; the longest in Debian and Fedora have about 100 bytes.
const MAX_TEXT: usize = 256;

/// What every package database of the guest says.
pub fn find(tree: &Tree) -> PackageFacts {
    let (mut facts, mut packages) = (PackageFacts::default(), Packages::default());
    dpkg::find(tree, &mut facts, &mut packages);
    rpm::find(tree, &mut facts, &mut packages);
    facts.packages = packages.list;
    facts
}

/// The packages so far.
#[derive(Default)]
struct Packages {
    list: Vec<Package>,
    /// What they take.
    bytes: usize,
}

impl Packages {
    /// Adds a package, unless there are too many.
    fn add(&mut self, package: Package) -> Result<()> {
        let Package { name, version, arch, location } = &package;
        let texts =
            [name.len(), version.len(), arch.as_ref().map_or(0, String::len), location.len()];
        let bytes = texts.into_iter().fold(BYTES_BESIDE, usize::saturating_add);
        self.bytes = self.bytes.saturating_add(bytes);
        if self.list.len() >= MAX_PACKAGES {
            return Err(too_many());
        }
        if self.bytes > MAX_BYTES {
            return Err(Error::too_much("package databases", MAX_BYTES, "bytes"));
        }
        self.list.push(package);
        Ok(())
    }
}

fn too_many() -> Error {
    Error::too_much("package databases", MAX_PACKAGES, "packages")
}
