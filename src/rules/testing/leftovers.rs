//! The good machine: leftovers.

use crate::guest::facts::LeftoverFacts;

/// As the good machine has it.
pub(super) fn good() -> LeftoverFacts {
    LeftoverFacts::default()
}

/// Nothing of it could be read.
pub(super) fn unread() -> LeftoverFacts {
    LeftoverFacts::default()
}
