//! Who may log in to Windows, by its SAM.

use serde::{Deserialize, Serialize};

use crate::fact::{Evidence, Fact, Unread};

/// The local accounts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct WindowsAccounts {
    /// Each local account, by its relative id.
    pub accounts: Vec<WindowsAccount>,
    /// Accounts that could not be understood.
    pub unread: Vec<Unread>,
}

/// Relative id of the built-in administrator, whatever it is called (MS-DTYP 2.4.2.4).
pub const ADMINISTRATOR_RID: u32 = 500;

impl WindowsAccounts {
    /// The account of that name, as Windows compares names of accounts.
    pub fn named(&self, name: &str) -> Option<&WindowsAccount> {
        let name = name.to_lowercase();
        self.accounts.iter().find(|account| account.name.to_lowercase() == name)
    }

    /// The built-in administrator.
    pub fn administrator(&self) -> Option<&WindowsAccount> {
        self.accounts.iter().find(|account| account.rid == ADMINISTRATOR_RID)
    }
}

/// Whether an account has a password: never which.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum WindowsPassword {
    /// There is a hash.
    Set,
    /// There is none.
    Empty,
}

/// A local account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct WindowsAccount {
    /// Its name.
    pub name: String,
    /// Its relative id.
    pub rid: u32,
    /// Whether it is disabled.
    pub disabled: bool,
    /// Whether it is locked after too many wrong passwords.
    pub locked: bool,
    /// Whether it may have an empty password.
    pub password_not_required: bool,
    /// Whether it has a password.
    pub password: Fact<WindowsPassword>,
    /// Whether the supplied password is it; none when none was supplied, or there is no hash to match.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password_matches: Option<Fact<bool>>,
    /// Whether the password must be changed at the next log-on.
    pub must_change: bool,
    /// Day since 1970-01-01 on which the password expires by the policy of the machine
    /// (`MaxPasswordAge`); `Known(None)` when it does not.
    pub password_expires: Fact<Option<i64>>,
    /// Day since 1970-01-01 on which it expires; none when it does not.
    pub expires: Option<i64>,
    /// Whether it is a member of the local Administrators, directly.
    pub administrator: Fact<bool>,
    /// Its key, and the flags that stand there.
    pub evidence: Evidence,
}

impl WindowsAccount {
    /// What keeps it from being used; none when nothing that is known does.
    pub fn hindrance(&self, today: i64) -> Option<Hindrance> {
        if self.disabled {
            Some(Hindrance::Disabled)
        } else if self.locked {
            Some(Hindrance::Locked)
        } else if self.expires.is_some_and(|day| day <= today) {
            Some(Hindrance::Expired)
        } else if self.password == Fact::Known(WindowsPassword::Empty) {
            Some(Hindrance::NoPassword)
        } else {
            None
        }
    }
}

/// What keeps an account from being used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Hindrance {
    /// It is disabled.
    Disabled,
    /// It is locked.
    Locked,
    /// Its day of expiry has come.
    Expired,
    /// It has no password, and Windows refuses such accounts over the network.
    NoPassword,
}
