//! What the next start of Windows would finish.

use serde::{Deserialize, Serialize};

use crate::fact::{Evidence, Fact, Unread};

/// Work that was put off until the next start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct PendingFacts {
    /// Updates and features that ask for a restart (`RebootPending` of Component Based Servicing,
    /// `RebootRequired` of Windows Update).
    pub updates: Fact<Vec<Evidence>>,
    /// Files that the session manager would rename or delete (`PendingFileRenameOperations`).
    pub renames: Fact<Vec<Evidence>>,
    /// The transaction of the component store that would be carried out (`WinSxS\pending.xml`);
    /// `Known(None)` when there is none.
    pub servicing: Fact<Option<Evidence>>,
}

impl PendingFacts {
    /// Nothing is known of it.
    pub fn unread(unread: &Unread) -> Self {
        Self {
            updates: Fact::Unknown(unread.clone()),
            renames: Fact::Unknown(unread.clone()),
            servicing: Fact::Unknown(unread.clone()),
        }
    }

    /// All that is known to be pending.
    pub fn all(&self) -> impl Iterator<Item = &Evidence> {
        let updates = self.updates.known().into_iter().flatten();
        let renames = self.renames.known().into_iter().flatten();
        updates.chain(self.servicing.known().and_then(Option::as_ref)).chain(renames)
    }
}
