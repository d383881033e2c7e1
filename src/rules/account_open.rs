//! Whether an account's days (shadow(5)) still let anyone in.

use super::day::date;
use crate::fact::Evidence;
use crate::guest::facts::Account;

/// What closed the account by `today`: its expiry, or a password that was not changed in time.
pub(super) fn closed(account: &Account, today: i64) -> Option<Evidence> {
    let place = || account.password_location.as_ref().unwrap_or(&account.location).clone();
    if let Some(day) = account.expires.filter(|&day| day <= today) {
        return Some(Evidence::new(place(), format!("expired on {}", date(day))));
    }
    // pam_unix, `check_shadow_expiry`; a last change of 0 only asks for a new password.
    let changed = account.changed.filter(|&changed| changed > 0)?;
    let end = changed.saturating_add(account.max_days?).saturating_add(account.inactive_days?);
    (end < today).then(|| {
        Evidence::new(
            place(),
            format!("closed on {}: the password was not changed in time", date(end)),
        )
    })
}
