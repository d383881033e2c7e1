//! How the guest sets up its network.

use serde::{Deserialize, Serialize};

/// How the guest sets up its network.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NetworkFacts {}
