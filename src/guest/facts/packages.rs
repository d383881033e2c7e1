//! What the guest's package database says.

use serde::{Deserialize, Serialize};

/// What the guest's package database says.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PackageFacts {}
