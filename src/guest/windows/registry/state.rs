//! How a hive was left, and what was done about it.

use serde::{Deserialize, Serialize};

/// How a hive was left.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HiveState {
    /// It was written in full: both sequence numbers are the same and the checksum holds.
    Clean,
    /// It was not written in full, and its transaction logs were applied, in memory.
    Replayed(Replay),
    /// It was not written in full, and no transaction log says what is missing: some of what is read
    /// may be older than the rest.
    Dirty {
        /// What makes it dirty, and why each log does not help.
        reasons: Vec<String>,
    },
}

/// What a replay did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Replay {
    /// What made the hive dirty.
    pub why: String,
    /// How many log entries were applied; a log of the old format is one.
    pub entries: u32,
    /// Bytes of the hive bins that are read from the logs.
    pub bytes: u64,
    /// What of the logs was not applied, and why: where a replay stopped.
    pub remarks: Vec<String>,
}
