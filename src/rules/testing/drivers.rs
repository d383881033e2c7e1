//! The good machine: drivers.

use crate::guest::facts::DriverFacts;

/// As the good machine has it.
pub(super) fn good() -> DriverFacts {
    DriverFacts::default()
}

/// Nothing of it could be read.
pub(super) fn unread() -> DriverFacts {
    DriverFacts::default()
}
