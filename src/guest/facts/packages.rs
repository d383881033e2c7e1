//! What the guest's package database says.

use serde::{Deserialize, Serialize};

use crate::fact::{Evidence, Fact, Unread};

/// What the guest's package databases say.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct PackageFacts {
    /// The databases that were found: file, and its kind with the number of packages in it.
    pub databases: Vec<Evidence>,
    /// The installed packages, in the order in which the databases have them.
    pub packages: Vec<Package>,
    /// Databases, and records in them, that could not be read.
    pub unread: Vec<Unread>,
}

impl PackageFacts {
    /// The installed package of that name (of several, the first); `Known(None)` when it is not
    /// installed, or there is no database that this program reads.
    pub fn find(&self, name: &str) -> Fact<Option<&Package>> {
        match (self.packages.iter().find(|package| package.name == name), self.unread.first()) {
            (Some(package), _) => Fact::Known(Some(package)),
            (None, Some(unread)) => Fact::Unknown(unread.clone()),
            (None, None) => Fact::Known(None),
        }
    }
}

/// An installed package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Package {
    /// Name.
    pub name: String,
    /// Version as its own system writes it: dpkg's `2:3-4`, rpm's `[epoch:]version-release`.
    pub version: String,
    /// Architecture, when the record names one.
    pub arch: Option<String>,
    /// The record: `/var/lib/dpkg/status:12`, `/var/lib/rpm/Packages, package 42`.
    pub location: String,
}

impl Package {
    /// The record as evidence.
    pub fn evidence(&self) -> Evidence {
        Evidence::new(self.location.clone(), format!("{} {}", self.name, self.version))
    }
}
