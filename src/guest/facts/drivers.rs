//! Which drivers the kernels would load by themselves.

use serde::{Deserialize, Serialize};

/// Which drivers the kernels would load by themselves.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DriverFacts {}
