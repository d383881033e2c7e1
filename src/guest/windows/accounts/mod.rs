//! The local accounts in the SAM. Of a password only whether there is one is told.
//!
//! Sources: MS-SAMR 2.2.1.12 (flags of an account); J. Metz, winreg-kb, "Security Accounts Manager"
//! (the values F, V and C).

mod administrators;
mod user;

use super::hklm::{Hklm, Place, fact};
use crate::error::{Error, Result};
use crate::fact::{Evidence, Fact, Unread};
use crate::guest::facts::{WindowsAccount, WindowsAccounts};

/// Most accounts looked at: a machine has a few, and what has more is no image to be cloned.
const MAX_ACCOUNTS: usize = 4096;

const USERS: &str = r"SAM\Domains\Account\Users";

/// The local accounts.
pub(super) fn find(hklm: &Hklm<'_>) -> Fact<WindowsAccounts> {
    fact(&format!(r"HKLM\SAM\{USERS}"), read(hklm))
}

fn read(hklm: &Hklm<'_>) -> Result<WindowsAccounts> {
    let users = hklm.sam(USERS)?;
    if !users.exists() {
        let reason = "the key is not there".to_owned();
        return Err(Error::Unreadable { path: users.path, reason });
    }
    let members = fact("Builtin", administrators::relative_ids(hklm));
    let mut found = WindowsAccounts { accounts: Vec::new(), unread: Vec::new() };
    for (index, place) in users.below()?.into_iter().enumerate() {
        if index >= MAX_ACCOUNTS {
            let limit = u64::try_from(MAX_ACCOUNTS).unwrap_or(u64::MAX);
            return Err(Error::Limit { structure: "SAM", limit, unit: "accounts" });
        }
        // `Names` lists the same accounts by their names.
        let Ok(rid) = u32::from_str_radix(place.name(), 16) else { continue };
        match account(&place, rid, &members) {
            Ok(account) => found.accounts.push(account),
            Err(Error::Unreadable { path, reason }) => {
                found.unread.push(Unread::new(path, reason));
            }
            Err(error) => found.unread.push(Unread::new(place.path.clone(), error.to_string())),
        }
    }
    found.accounts.sort_by_key(|account| account.rid);
    Ok(found)
}

fn account(place: &Place<'_>, rid: u32, members: &Fact<Vec<u32>>) -> Result<WindowsAccount> {
    let value = |name: &str| {
        place.value(name)?.ok_or_else(|| Error::Unreadable {
            path: format!(r"{}\{name}", place.path),
            reason: "the value is not there".to_owned(),
        })
    };
    let fixed = user::Fixed::parse(&value("F")?.data)?;
    let (name, password) = user::variable(&value("V")?.data)?;
    let flags = fixed.flags;
    Ok(WindowsAccount {
        evidence: Evidence::new(place.path.clone(), format!("{name}: ACB {flags:#06x}")),
        name,
        rid,
        disabled: flags & user::DISABLED != 0,
        locked: flags & user::LOCKED != 0,
        password_not_required: flags & user::PASSWORD_NOT_REQUIRED != 0,
        password: fact(&format!(r"{}\V", place.path), password),
        must_change: fixed.never_set && flags & user::PASSWORD_NEVER_EXPIRES == 0,
        expires: fixed.expires,
        administrator: members.clone().map(|members| members.contains(&rid)),
    })
}

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects)]
mod tests;
