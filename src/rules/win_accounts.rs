//! What the rules about Windows' accounts share.

use super::scope::{Decision, known, undecided};
use crate::fact::Unread;
use crate::guest::facts::WindowsFacts;

/// Stops at a domain controller: who may log in to it is not said by the SAM.
pub(super) fn not_in_the_directory(windows: &WindowsFacts) -> Decision<()> {
    let Some(database) = known(&windows.directory)? else { return Ok(()) };
    let reason = format!(
        "{}: the accounts of a domain controller lie in the directory, which is not read",
        database.detail
    );
    Err(Box::new(undecided(&Unread::new(database.location.clone(), reason))))
}
