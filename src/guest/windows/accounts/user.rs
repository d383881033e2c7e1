//! The values F and V of an account.

use crate::error::{Error, Result};
use crate::guest::facts::{ADMINISTRATOR_RID, WindowsPassword};

/// `USER_ACCOUNT_DISABLED` and the others (MS-SAMR 2.2.1.12).
pub(super) const DISABLED: u16 = 0x0001;
pub(super) const PASSWORD_NOT_REQUIRED: u16 = 0x0004;
pub(super) const PASSWORD_NEVER_EXPIRES: u16 = 0x0200;
pub(super) const LOCKED: u16 = 0x0400;

/// 100 ns intervals of a day, and the days from 1601-01-01 to 1970-01-01.
const DAY: u64 = 864_000_000_000;
const EPOCH: i64 = 134_774;

/// What of the value F matters.
pub(super) struct Fixed {
    /// Flags of the account.
    pub(super) flags: u16,
    /// Day since 1970-01-01 on which it expires.
    pub(super) expires: Option<i64>,
    /// When the password was set, in intervals of 100 ns since 1601-01-01. 0: it was never set, or its
    /// owner must set it anew.
    pub(super) password_set: u64,
    /// Wrong passwords since the last right one (chntpw, `sam.h`, `failedcnt`); none where the value ends
    /// before.
    pub(super) wrong_passwords: u16,
}

/// Bytes before `MaxPasswordAge` in the value F of the domain: revision, creation and count of
/// changes (Impacket, `DOMAIN_ACCOUNT_F`).
const MAX_PASSWORD_AGE: usize = 24;

/// How long a password lasts by the policy of the machine, in intervals of 100 ns; `None` for ever.
///
/// # Errors
/// When the domain's value F is too short.
pub(super) fn max_password_age(domain: &[u8]) -> Result<Option<u64>> {
    let age = i64::from_le_bytes(array(domain, MAX_PASSWORD_AGE, "F")?);
    // Ages are negative; both of these stand for never (MS-SAMR 3.1.5.14.4, PasswordMustChange).
    Ok(if age == i64::MIN || age == 0 { None } else { Some(age.unsigned_abs()) })
}

/// `LockoutDuration`, `PasswordProperties` and `LockoutThreshold` in the value F of the domain (Impacket,
/// `DOMAIN_ACCOUNT_F`).
const LOCKOUT_DURATION: usize = 48;
const PASSWORD_PROPERTIES: usize = 76;
const LOCKOUT_THRESHOLD: usize = 84;

/// `DOMAIN_LOCKOUT_ADMINS` (MS-SAMR 2.2.3.4): the built-in administrator is locked as well.
const LOCKOUT_ADMINS: u32 = 8;

/// After how many wrong passwords the policy of the machine locks an account until somebody unlocks it.
pub(super) struct Lockout {
    threshold: u16,
    administrator: bool,
}

impl Lockout {
    /// Whether it locks an account that has had so many wrong passwords (MS-SAMR 3.1.1.8.8 as of Windows'
    /// own SAM: chntpw, `sam.h`).
    pub(super) fn locks(&self, account: &Fixed, rid: u32) -> bool {
        account.wrong_passwords >= self.threshold
            && (rid != ADMINISTRATOR_RID || self.administrator)
    }
}

/// The policy that locks accounts; none where it locks none, or only for some time.
///
/// # Errors
/// When the domain's value F is too short.
pub(super) fn lockout(domain: &[u8]) -> Result<Option<Lockout>> {
    let duration = i64::from_le_bytes(array(domain, LOCKOUT_DURATION, "F")?);
    let properties = u32::from_le_bytes(array(domain, PASSWORD_PROPERTIES, "F")?);
    let threshold = u16::from_le_bytes(array(domain, LOCKOUT_THRESHOLD, "F")?);
    let administrator = properties & LOCKOUT_ADMINS != 0;
    Ok((threshold != 0 && duration == i64::MIN).then_some(Lockout { threshold, administrator }))
}

/// Day since 1970-01-01 of a time in intervals of 100 ns since 1601-01-01.
fn day(time: u64) -> Option<i64> {
    let day = i64::try_from(time.checked_div(DAY).unwrap_or(0)).ok()?;
    Some(day.saturating_sub(EPOCH))
}

impl Fixed {
    /// Parses the value F: password last set at 24, expiry at 32, flags at 56.
    pub(super) fn parse(data: &[u8]) -> Result<Self> {
        let time = |at: usize| Ok::<u64, Error>(u64::from_le_bytes(array(data, at, "F")?));
        let expires = match time(32)? {
            // Both stand for never (MS-SAMR, AccountExpires).
            0 | 0x7fff_ffff_ffff_ffff.. => None,
            at => day(at),
        };
        let flags = u16::from_le_bytes(array(data, 56, "F")?);
        let wrong_passwords = u16::from_le_bytes(array(data, 64, "F")?);
        Ok(Self { flags, expires, password_set: time(24)?, wrong_passwords })
    }

    /// Whether the password was never set, or its owner must set it anew.
    pub(super) fn must_change(&self) -> bool {
        self.password_set == 0 && !self.never_expires()
    }

    /// Whether no policy makes the password expire.
    pub(super) fn never_expires(&self) -> bool {
        self.flags & PASSWORD_NEVER_EXPIRES != 0
    }

    /// Day since 1970-01-01 on which a password that lasts so long expires; none where the next log-on
    /// changes it anyway.
    pub(super) fn password_expires(&self, max_age: Option<u64>) -> Option<i64> {
        if self.password_set == 0 || self.never_expires() {
            return None;
        }
        day(self.password_set.saturating_add(max_age?))
    }
}

/// Bytes at an offset of a value of an account.
fn array<const N: usize>(data: &[u8], at: usize, name: &'static str) -> Result<[u8; N]> {
    let end = at.checked_add(N);
    let bytes = end.and_then(|end| data.get(at..end)).and_then(|bytes| bytes.try_into().ok());
    bytes.ok_or_else(|| too_short(data, at, name))
}

fn too_short(data: &[u8], at: usize, name: &str) -> Error {
    let offset = u64::try_from(at).unwrap_or(u64::MAX);
    let found = format!("{} bytes", data.len());
    Error::corrupt("SAM account", offset, format!("more bytes of the value {name}"), found)
}

/// The descriptors at the head of V: offset, length and something more, 12 bytes each. Offsets count
/// from their end.
const DESCRIPTORS: usize = 0xcc;
const NAME: usize = 0x0c;
const NT_HASH: usize = 0xa8;

/// What a descriptor of V points at.
fn content(data: &[u8], descriptor: usize) -> Result<&[u8]> {
    let number = |at: usize| {
        let number = u32::from_le_bytes(array(data, at, "V")?);
        usize::try_from(number).map_err(|_| too_short(data, at, "V"))
    };
    let (offset, length) = (number(descriptor)?, number(descriptor.saturating_add(4))?);
    let start = DESCRIPTORS.checked_add(offset);
    let end = start.and_then(|start| start.checked_add(length));
    let bytes = start.zip(end).and_then(|(start, end)| data.get(start..end));
    bytes.ok_or_else(|| too_short(data, descriptor, "V"))
}

/// Longest name of an account kept, in UTF-16 units. Windows allows 20.
const MAX_NAME: usize = 256;

/// The NT hash in V, encrypted as it stands there.
pub(super) fn nt_hash(data: &[u8]) -> Result<&[u8]> {
    content(data, NT_HASH)
}

/// The name in V, and whether there is a password.
pub(super) fn variable(data: &[u8]) -> Result<(String, Result<WindowsPassword>)> {
    let (units, _) = content(data, NAME)?.as_chunks::<2>();
    let units = units.iter().take(MAX_NAME).map(|unit| u16::from_le_bytes(*unit));
    let name = char::decode_utf16(units).map(|char| char.unwrap_or('\u{fffd}')).collect();
    Ok((name, nt_hash(data).and_then(password)))
}

/// Whether an encrypted NT hash is there: a head of 4 bytes with revision 1, and 16 bytes of hash; or,
/// since Windows 10 1607, a head of 8 bytes with revision 2 and the initialisation vector of AES, and
/// then the hash. Without a password there is only the head (and the vector), or nothing.
fn password(hash: &[u8]) -> Result<WindowsPassword> {
    if hash.is_empty() {
        return Ok(WindowsPassword::Empty);
    }
    let revision = u16::from_le_bytes(array(hash, 2, "V")?);
    Ok(match (revision, hash.len()) {
        (1, 4) | (2, ..=24) => WindowsPassword::Empty,
        (1, 20) | (2, 40..) => WindowsPassword::Set,
        // A password's own hash is never shown, not even its length's meaning guessed.
        (revision, len) => {
            let found = format!("revision {revision}, {len} bytes");
            return Err(Error::unsupported("SAM account", 0, format!("an NT hash of {found}")));
        }
    })
}
