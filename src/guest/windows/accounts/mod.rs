//! The local accounts in the SAM. Of a password only whether there is one is told, and whether it is the
//! one that was supplied.
//!
//! Sources: MS-SAMR 2.2.1.12 (flags of an account); J. Metz, winreg-kb, "Security Accounts Manager"
//! (the values F, V and C); Impacket, `DOMAIN_ACCOUNT_F` (the policy of passwords in the domain's F).

mod administrators;
mod nt_hash;
mod user;

use self::nt_hash::Verifier;
use self::user::Lockout;

use super::hklm::{Hklm, Place, fact};
use crate::error::{Error, Result};
use crate::fact::{Evidence, Fact, Unread};
use crate::guest::facts::{WindowsAccount, WindowsAccounts, WindowsPassword};
use crate::guest::password::InitialPassword;

/// Most accounts looked at: a machine has a few, and what has more is no image to be cloned.
const MAX_ACCOUNTS: usize = 4096;

const USERS: &str = r"SAM\Domains\Account\Users";
const DOMAIN: &str = r"SAM\Domains\Account";

/// The local accounts; with a supplied password, which of them it opens.
pub(super) fn find(hklm: &Hklm<'_>, password: Option<&InitialPassword>) -> Fact<WindowsAccounts> {
    let verifier = password
        .map(|password| fact(r"HKLM\SAM\SAM\Domains\Account\F", Verifier::new(hklm, password)));
    fact(&format!(r"HKLM\SAM\{USERS}"), read(hklm, verifier.as_ref()))
}

fn read(hklm: &Hklm<'_>, verifier: Option<&Fact<Verifier>>) -> Result<WindowsAccounts> {
    let users = hklm.sam(USERS)?;
    if !users.exists() {
        let reason = "the key is not there".to_owned();
        return Err(Error::Unreadable { path: users.path, reason });
    }
    let members = fact("Builtin", administrators::relative_ids(hklm));
    let policy = policy(hklm);
    let place = format!(r"HKLM\SAM\{DOMAIN}\F");
    let max_age = fact(&place, policy.clone().and_then(|data| user::max_password_age(&data)));
    let lockout = fact(&place, policy.and_then(|data| user::lockout(&data)));
    let mut found = WindowsAccounts { accounts: Vec::new(), unread: Vec::new() };
    for (index, place) in users.below()?.into_iter().enumerate() {
        if index >= MAX_ACCOUNTS {
            return Err(Error::too_much("SAM", MAX_ACCOUNTS, "accounts"));
        }
        // `Names` lists the same accounts by their names.
        let Ok(rid) = u32::from_str_radix(place.name(), 16) else { continue };
        match account(&place, rid, &members, &max_age, &lockout, verifier) {
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

/// The value F of the domain, in which the policy of passwords stands.
fn policy(hklm: &Hklm<'_>) -> Result<Vec<u8>> {
    let value = hklm.sam(DOMAIN)?.value("F")?.ok_or_else(|| Error::Unreadable {
        path: format!(r"HKLM\SAM\{DOMAIN}\F"),
        reason: "the value is not there".to_owned(),
    })?;
    Ok(value.data)
}

fn account(
    place: &Place<'_>,
    rid: u32,
    members: &Fact<Vec<u32>>,
    max_age: &Fact<Option<u64>>,
    lockout: &Fact<Option<Lockout>>,
    verifier: Option<&Fact<Verifier>>,
) -> Result<WindowsAccount> {
    let value = |name: &str| {
        place.value(name)?.ok_or_else(|| Error::Unreadable {
            path: format!(r"{}\{name}", place.path),
            reason: "the value is not there".to_owned(),
        })
    };
    let fixed = user::Fixed::parse(&value("F")?.data)?;
    let variable = value("V")?.data;
    let (name, password) = user::variable(&variable)?;
    let location = format!(r"{}\V", place.path);
    let compare = |verifier: &Fact<Verifier>| match verifier {
        Fact::Known(verifier) => {
            let hash = user::nt_hash(&variable);
            fact(&location, hash.and_then(|hash| verifier.matches(hash, rid)))
        }
        Fact::Unknown(unread) => Fact::Unknown(unread.clone()),
    };
    let has_hash = password == Ok(WindowsPassword::Set);
    let password_matches = verifier.filter(|_| has_hash).map(compare);
    let flags = fixed.flags;
    let is_off = flags & (user::DISABLED | user::LOCKED) != 0;
    let by_count = !is_off && is_locked_by_count(lockout, &fixed, rid)?;
    let mut what = format!("{name}: ACB {flags:#06x}");
    if by_count {
        what.push_str(&format!(", {} wrong passwords", fixed.wrong_passwords));
    }
    Ok(WindowsAccount {
        evidence: Evidence::new(place.path.clone(), what),
        name,
        rid,
        disabled: flags & user::DISABLED != 0,
        locked: by_count || flags & user::LOCKED != 0,
        password_not_required: flags & user::PASSWORD_NOT_REQUIRED != 0,
        password: fact(&location, password),
        password_matches,
        must_change: fixed.must_change(),
        password_expires: match fixed.never_expires() {
            true => Fact::Known(None),
            false => max_age.clone().map(|max_age| fixed.password_expires(max_age)),
        },
        expires: fixed.expires,
        administrator: members.clone().map(|members| members.contains(&rid)),
    })
}

/// Whether an account has had as many wrong passwords as lock it by the policy.
///
/// # Errors
/// Why that is not known of one that has had any.
fn is_locked_by_count(
    lockout: &Fact<Option<Lockout>>,
    fixed: &user::Fixed,
    rid: u32,
) -> Result<bool> {
    match lockout {
        Fact::Known(lockout) => Ok(lockout.as_ref().is_some_and(|found| found.locks(fixed, rid))),
        Fact::Unknown(_) if fixed.wrong_passwords == 0 => Ok(false),
        Fact::Unknown(Unread { location, reason }) => {
            Err(Error::Unreadable { path: location.clone(), reason: reason.clone() })
        }
    }
}

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects)]
mod tests;
