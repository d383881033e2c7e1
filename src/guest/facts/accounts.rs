//! Who may log in, and what is said of a password that the caller supplied.

use serde::{Deserialize, Serialize};

use crate::fact::{Evidence, Fact, Unread};

/// A kind of characters that a password may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum CharacterClass {
    /// `A` to `Z`.
    Upper,
    /// `a` to `z`.
    Lower,
    /// `0` to `9`.
    Digit,
    /// One of `!@$%^-_=+[{}]:,./?`.
    Special,
}

/// What is said of a supplied password: never the password itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SuppliedPassword {
    /// The kinds of characters that it does not have.
    pub missing: Vec<CharacterClass>,
}

/// Accounts of the guest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Accounts {
    /// root (uid 0), then those who may become root (sudo, wheel).
    pub accounts: Vec<Account>,
    /// Lines of `/etc/passwd` or `/etc/shadow` that could not be understood, files that could not
    /// be read.
    pub unread: Vec<Unread>,
    /// `authorized_keys` files with at least one key of the other accounts with an id of 1000 or
    /// more (`path`, `N keys`).
    pub other_keys: Fact<Vec<Evidence>>,
    /// `/etc/nologin`, which lets nobody but root log in (pam_nologin(8)); `Known(None)` when it is
    /// not there.
    pub nologin: Fact<Option<Evidence>>,
    /// Files of sudo's configuration that sudo refuses for their owner or mode.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refused_sudoers: Vec<Evidence>,
}

/// What the password field says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum PasswordState {
    /// A hash that a password can match, with its scheme: `yescrypt`, `sha512-crypt`, `bcrypt`, ….
    Set(String),
    /// Empty: no password is asked.
    Empty,
    /// `!…` or `*`: no password matches.
    Locked,
    /// No line in `/etc/shadow`, and none in `/etc/passwd`.
    Absent,
    /// Text that no crypt scheme makes.
    Invalid,
}

/// An account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Account {
    /// Name.
    pub name: String,
    /// User id.
    pub uid: u32,
    /// Line: `/etc/passwd:1`.
    pub location: String,
    /// Line of its password: `/etc/shadow:1`.
    pub password_location: Option<String>,
    /// State of the password (never the hash).
    pub password: Fact<PasswordState>,
    /// Login shell.
    pub shell: String,
    /// Whether that shell lets one in (not `nologin`, `false`, …, and there).
    pub shell_usable: Fact<bool>,
    /// Day since 1970-01-01 on which the account expires.
    pub expires: Option<i64>,
    /// Day since 1970-01-01 on which the password was last changed (shadow(5), field 3); 0: it must
    /// be changed at the next login.
    pub changed: Option<i64>,
    /// Days for which a password is valid (shadow(5), field 5).
    pub max_days: Option<i64>,
    /// Days after that, after which the account is closed (shadow(5), field 7).
    pub inactive_days: Option<i64>,
    /// Whether the supplied password matches the hash; none when none was supplied, or there is no
    /// hash to match.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password_matches: Option<Fact<bool>>,
    /// Home directory.
    pub home: String,
    /// What makes it an administrator: uid 0, a sudoers line, a group.
    pub admin_by: Option<Evidence>,
    /// `authorized_keys` files with at least one key (`path`, `N keys`).
    pub authorized_keys: Fact<Vec<Evidence>>,
    /// Those of them whose keys the SSH server accepts as it is set up.
    pub accepted_keys: Fact<Vec<Evidence>>,
    /// Why it does not accept the others: a setting, an owner, a mode.
    pub refused_keys: Vec<Evidence>,
    /// Whether sudo asks for the account's own password before it lets it become root; false for
    /// root itself.
    pub sudo_asks: Fact<bool>,
}
