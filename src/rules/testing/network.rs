//! The good machine: network.

use crate::guest::facts::NetworkFacts;

/// As the good machine has it.
pub(super) fn good() -> NetworkFacts {
    NetworkFacts::default()
}

/// Nothing of it could be read.
pub(super) fn unread() -> NetworkFacts {
    NetworkFacts::default()
}
