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

/// Most packages of one database; a full desktop has about 5,000.
const MAX_PACKAGES: usize = 50_000;

/// Longest name, version or architecture; the longest in Debian and Fedora have about 100 bytes.
const MAX_TEXT: usize = 256;

/// What every package database of the guest says.
pub fn find(tree: &Tree) -> PackageFacts {
    let mut facts = PackageFacts::default();
    dpkg::find(tree, &mut facts);
    rpm::find(tree, &mut facts);
    facts
}

/// Adds a package, unless there are too many.
fn add(packages: &mut Vec<Package>, package: Package) -> Result<()> {
    if packages.len() >= MAX_PACKAGES {
        return Err(too_many());
    }
    packages.push(package);
    Ok(())
}

fn too_many() -> Error {
    let limit = u64::try_from(MAX_PACKAGES).unwrap_or(u64::MAX);
    Error::Limit { structure: "package database", limit, unit: "packages" }
}
