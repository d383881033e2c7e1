//! The good machine: firewall.

use crate::guest::facts::FirewallFacts;

/// As the good machine has it.
pub(super) fn good() -> FirewallFacts {
    FirewallFacts::default()
}

/// Nothing of it could be read.
pub(super) fn unread() -> FirewallFacts {
    FirewallFacts::default()
}
