//! What an earlier life of the guest left behind.

use serde::{Deserialize, Serialize};

/// What an earlier life of the guest left behind.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftoverFacts {}
