//! What can go wrong while an image is read.
//!
//! The split between [`Error::Unsupported`] and [`Error::Corrupt`] decides what a finding may say:
//! the first means "we cannot read this", the second "the structure lies".

/// A failure to read something out of an image.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The host could not open or read the file.
    #[error("{path}: {reason}")]
    Host {
        /// The file on the host.
        path: String,
        /// The operating system's own words.
        reason: String,
    },
    /// The file changed (shrank) while it was being read.
    #[error("{path}: the file changed while it was read")]
    Changed {
        /// The file on the host.
        path: String,
    },
    /// The caller ended the work ([`crate::CancelToken`]).
    #[error("the work was cancelled")]
    Cancelled,
    /// A structure that this program does not read, though it may well be sound.
    #[error("{structure} at byte {offset}: {what} is not read by this program")]
    Unsupported {
        /// The structure by its name in the format's specification.
        structure: &'static str,
        /// Byte offset in the bytes that hold the structure.
        offset: u64,
        /// The feature that is not read.
        what: String,
    },
    /// A structure that contradicts its specification.
    #[error("{structure} at byte {offset}: expected {expected}, found {found}")]
    Corrupt {
        /// The structure by its name in the format's specification.
        structure: &'static str,
        /// Byte offset in the bytes that hold the structure.
        offset: u64,
        /// What the specification asks for.
        expected: String,
        /// What stands there.
        found: String,
    },
    /// A read beyond the end of the bytes.
    #[error("bytes {offset} to {end} lie beyond the end at {len}")]
    OutOfBounds {
        /// First byte asked for.
        offset: u64,
        /// One past the last byte asked for.
        end: u64,
        /// Length of what was read from.
        len: u64,
    },
    /// A bound of this program was reached, so the rest was not looked at.
    #[error("{structure}: more than {limit} {unit}, the rest was not read")]
    Limit {
        /// The structure by its name in the format's specification.
        structure: &'static str,
        /// The bound.
        limit: u64,
        /// What is counted.
        unit: &'static str,
    },
    /// No such file or directory in the guest.
    #[error("{path}: no such file or directory")]
    NotFound {
        /// The path inside the guest.
        path: String,
    },
    /// A path component that should be a directory is something else.
    #[error("{path}: not a directory")]
    NotADirectory {
        /// The path inside the guest.
        path: String,
    },
    /// Something other than a regular file was opened as one.
    #[error("{path}: not a regular file")]
    NotAFile {
        /// The path inside the guest.
        path: String,
    },
    /// Too many symbolic links on the way.
    #[error("{path}: too many levels of symbolic links")]
    SymlinkLoop {
        /// The path inside the guest.
        path: String,
    },
    /// A path leads to a file system that could not be read.
    #[error("{path}: {reason}")]
    Unreadable {
        /// The path inside the guest.
        path: String,
        /// Why the file system there could not be read.
        reason: String,
    },
}

/// The result of reading something out of an image.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// A structure that contradicts its specification.
    pub fn corrupt(
        structure: &'static str,
        offset: u64,
        expected: impl Into<String>,
        found: impl Into<String>,
    ) -> Self {
        Self::Corrupt { structure, offset, expected: expected.into(), found: found.into() }
    }

    /// A structure that this program does not read.
    pub fn unsupported(structure: &'static str, offset: u64, what: impl Into<String>) -> Self {
        Self::Unsupported { structure, offset, what: what.into() }
    }

    /// A bound of this program that is a number of things in memory.
    pub(crate) fn too_much(structure: &'static str, limit: usize, unit: &'static str) -> Self {
        Self::Limit { structure, limit: u64::try_from(limit).unwrap_or(u64::MAX), unit }
    }

    /// Whether this says, reliably, that the thing is not there: the directories on the way were
    /// read in full and did not name it.
    pub fn is_absent(&self) -> bool {
        matches!(self, Self::NotFound { .. } | Self::NotADirectory { .. })
    }
}
