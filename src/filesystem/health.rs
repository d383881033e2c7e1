//! What a file system says of its own health, in the same words for every kind.

use serde::{Deserialize, Serialize};

use crate::fact::{Evidence, Fact, Unread};

/// How a file system was left, and what it says of itself. Places are bytes of its volume.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Health {
    /// How it was left, and what told so.
    pub shutdown: Fact<(Shutdown, Evidence)>,
    /// Why what is read may be older, or less consistent, than what a mount would show: its log
    /// holds changes, or may hold some, that were not replayed; or the kernel does not mount it at
    /// all as it is.
    pub stale: Option<Unread>,
    /// Marks of errors that the file system bears.
    pub errors: Vec<Evidence>,
    /// The room in it.
    pub space: Fact<Space>,
}

/// How a file system was left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Shutdown {
    /// Unmounted, with nothing left for a mount to replay.
    Clean,
    /// In use when its volume was taken.
    Unclean,
}

/// The room in a file system.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Space {
    /// Bytes in all.
    pub total: u64,
    /// Bytes that are free, those that are kept for root included.
    pub free: u64,
    /// Inodes in all and how many of them are free; none where they are made as they are needed.
    pub inodes: Option<(u64, u64)>,
    /// Where it is counted.
    pub evidence: Evidence,
}

impl Health {
    /// Nothing is known of it.
    pub fn unread(unread: &Unread) -> Self {
        Self {
            shutdown: Fact::Unknown(unread.clone()),
            stale: None,
            errors: Vec::new(),
            space: Fact::Unknown(unread.clone()),
        }
    }
}

/// A place in a structure of a volume.
pub(super) fn place(structure: &str, byte: u64) -> String {
    format!("{structure}, byte {byte}")
}

/// Says that the volume ends before the file system does, for which the kernel does not mount it.
pub(super) fn cut(location: String, missing_bytes: u64) -> Option<Evidence> {
    let detail = format!("{missing_bytes} bytes of it lie behind the end of the volume");
    (missing_bytes > 0).then(|| Evidence::new(location, detail))
}

/// As [`Health::stale`] for something that the kernel does not mount it for.
pub(super) fn refused(Evidence { location, detail, .. }: &Evidence) -> Unread {
    Unread::new(location, format!("{detail}: the kernel does not mount it"))
}
