//! The good machine: packages.

use crate::guest::facts::PackageFacts;

/// As the good machine has it.
pub(super) fn good() -> PackageFacts {
    PackageFacts::default()
}

/// Nothing of it could be read.
pub(super) fn unread() -> PackageFacts {
    PackageFacts::default()
}
