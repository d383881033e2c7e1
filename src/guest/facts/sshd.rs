//! The SSH server.

use serde::{Deserialize, Serialize};

/// The SSH server.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SshdFacts {}
