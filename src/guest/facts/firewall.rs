//! The firewall that is set up in the guest.

use serde::{Deserialize, Serialize};

/// The firewall that is set up in the guest.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FirewallFacts {}
