//! The good machine: sshd.

use crate::guest::facts::SshdFacts;

/// As the good machine has it.
pub(super) fn good() -> SshdFacts {
    SshdFacts::default()
}

/// Nothing of it could be read.
pub(super) fn unread() -> SshdFacts {
    SshdFacts::default()
}
