//! A hive.

use std::fmt;
use std::sync::Arc;

use super::bins::Bins;
use super::key::Key;
use super::log::{self, Recovered};
use super::state::HiveState;
use crate::bytes::Bytes;
use crate::error::Result;

/// A hive: cells are read when they are asked for, over the bytes of the file.
pub struct Hive {
    pub(super) bins: Bins,
    pub(super) root: u32,
    state: HiveState,
    last_written: u64,
}

impl fmt::Debug for Hive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hive").field("state", &self.state).finish_non_exhaustive()
    }
}

impl Hive {
    /// Opens a hive with its transaction logs (`.LOG1`, `.LOG2`, or the old `.LOG`), in any order. When
    /// the hive is dirty, they are applied in memory.
    ///
    /// # Errors
    /// [`crate::Error::Corrupt`] when the file is no hive, or when its base block does not hold and no
    /// log has one; [`crate::Error::Unsupported`] for versions before 1.3 and after 1.6.
    pub fn open(file: Arc<dyn Bytes>, logs: &[Arc<dyn Bytes>]) -> Result<Self> {
        let named = |(number, log): (usize, &Arc<dyn Bytes>)| {
            (format!("log {}", number.saturating_add(1)), Ok(Arc::clone(log)))
        };
        Self::open_with(file, logs.iter().enumerate().map(named).collect())
    }

    /// As [`Hive::open`]: each log with the name by which the state is to speak of it, or with the
    /// reason why it cannot be read.
    ///
    /// # Errors
    /// As [`Hive::open`].
    pub fn open_with(
        file: Arc<dyn Bytes>,
        logs: Vec<(String, Result<Arc<dyn Bytes>>)>,
    ) -> Result<Self> {
        let Recovered { base, pages, state } = log::recover(file.as_ref(), logs)?;
        let bins = Bins::new(file, pages, base.bins_len, base.minor);
        Ok(Self { bins, root: base.root, state, last_written: base.last_written })
    }

    /// The root key.
    ///
    /// # Errors
    /// When its cell does not hold one.
    pub fn root(&self) -> Result<Key<'_>> {
        Key::root(self)
    }

    /// The key at a path below the root, components separated by `\`, compared as the registry does:
    /// without case. `None` says reliably that there is none.
    ///
    /// # Errors
    /// When a key on the way cannot be read; [`crate::Error::Unsupported`] when one is a link.
    pub fn key(&self, path: &str) -> Result<Option<Key<'_>>> {
        self.root()?.subkey(path)
    }

    /// How it was left, and what was done about it.
    pub fn state(&self) -> &HiveState {
        &self.state
    }

    /// When the hive was last written, as FILETIME: 100 nanoseconds since 1601-01-01 UTC; 0 where
    /// Windows does not keep it.
    pub fn last_written(&self) -> u64 {
        self.last_written
    }
}
