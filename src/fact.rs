//! A fact, or the reason why it is not known; and where a thing was seen.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// Where something was seen, and what stood there.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Evidence {
    /// `/etc/fstab:7`, `qcow2 header, byte 32`, `MBR, byte 446`, ….
    pub location: String,
    /// What was seen there: the line, the value. Data, not prose.
    pub detail: String,
}

impl Evidence {
    /// What was seen, and where.
    pub fn new(location: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { location: location.into(), detail: detail.into() }
    }
}

/// Why something is not known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unread {
    /// Where it should have been read.
    pub location: String,
    /// Why it was not.
    pub reason: String,
}

impl Unread {
    /// What was not read, and why.
    pub fn new(location: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { location: location.into(), reason: reason.into() }
    }
}

/// A value seen in the image, or the reason why it could not be seen.
///
/// "Not there" is a known value (`Known(None)`, an empty list); [`Fact::Unknown`] means that the
/// bytes should tell but did not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fact<T> {
    /// It was read and understood.
    Known(T),
    /// It could not be read or understood.
    Unknown(Unread),
}

impl<T> Fact<T> {
    /// An unknown with its place and reason.
    pub fn unknown(location: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::Unknown(Unread::new(location, reason))
    }

    /// The value of a read at `location`, or its error as the reason.
    pub fn from_result(location: impl Into<String>, result: Result<T>) -> Self {
        match result {
            Ok(value) => Self::Known(value),
            Err(error) => Self::Unknown(Unread::new(location, error.to_string())),
        }
    }

    /// As [`Fact::from_result`], where "not there" is an answer: it becomes `Known(None)`.
    pub fn from_lookup(location: impl Into<String>, result: Result<T>) -> Fact<Option<T>> {
        match result {
            Ok(value) => Fact::Known(Some(value)),
            Err(error) if error.is_absent() => Fact::Known(None),
            Err(error) => Fact::Unknown(Unread::new(location, error.to_string())),
        }
    }

    /// The value, if known.
    pub fn known(&self) -> Option<&T> {
        match self {
            Self::Known(value) => Some(value),
            Self::Unknown(_) => None,
        }
    }

    /// The reason, if not known.
    pub fn unread(&self) -> Option<&Unread> {
        match self {
            Self::Known(_) => None,
            Self::Unknown(unread) => Some(unread),
        }
    }

    /// A fact about the value.
    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> Fact<U> {
        match self {
            Self::Known(value) => Fact::Known(f(value)),
            Self::Unknown(unread) => Fact::Unknown(unread),
        }
    }

    /// The value or the reason, borrowed.
    ///
    /// # Errors
    /// The reason, when the fact is not known.
    pub fn as_result(&self) -> Result<&T, &Unread> {
        match self {
            Self::Known(value) => Ok(value),
            Self::Unknown(unread) => Err(unread),
        }
    }
}

impl From<(&str, &Error)> for Unread {
    fn from((location, error): (&str, &Error)) -> Self {
        Self::new(location, error.to_string())
    }
}
