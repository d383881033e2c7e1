//! The good machine: packages.

use super::why;
use crate::fact::Evidence;
use crate::guest::facts::{Package, PackageFacts};

/// As the good machine has it.
pub(super) fn good() -> PackageFacts {
    const DATABASE: &str = "/var/lib/rpm/Packages";
    let package = |name: &str, version: &str, number: u32| Package {
        name: name.to_owned(),
        version: version.to_owned(),
        arch: Some("x86_64".to_owned()),
        location: format!("{DATABASE}, package {number}"),
    };
    PackageFacts {
        databases: vec![Evidence::new(DATABASE, "rpm (Berkeley DB), 2 packages")],
        packages: vec![
            package("openssh-server", "7.4p1-16.el7", 211),
            package("cloud-init", "22.4-1.el7", 300),
        ],
        unread: Vec::new(),
    }
}

/// Nothing of it could be read.
pub(super) fn unread() -> PackageFacts {
    PackageFacts { unread: vec![why()], ..PackageFacts::default() }
}
