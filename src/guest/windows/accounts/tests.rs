//! The values of accounts, byte for byte after J. Metz, winreg-kb, "Security Accounts Manager".

use super::user::{self, Fixed};
use crate::fact::Fact;
use crate::guest::facts::WindowsPassword;

/// The value F: password set and expiry as FILETIMEs, and the flags.
fn fixed(set: u64, expires: u64, flags: u16) -> Vec<u8> {
    let mut data = vec![0; 80];
    data[24..32].copy_from_slice(&set.to_le_bytes());
    data[32..40].copy_from_slice(&expires.to_le_bytes());
    data[56..58].copy_from_slice(&flags.to_le_bytes());
    data
}

/// The value V with a name and an NT hash as it stands there.
fn variable(name: &str, hash: &[u8]) -> Vec<u8> {
    let name: Vec<u8> = name.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let mut data = vec![0; 204];
    let mut put = |at: usize, number: usize| {
        data[at..at + 4].copy_from_slice(&u32::try_from(number).unwrap().to_le_bytes());
    };
    put(12, 0);
    put(16, name.len());
    put(168, name.len());
    put(172, hash.len());
    [data, name, hash.to_vec()].concat()
}

#[test]
fn flags_and_times_lie_where_windows_keeps_them() {
    // 2026-01-01 00:00 UTC, day 20454 since 1970, as `w32tm /ntte` counts it.
    let parsed = Fixed::parse(&fixed(1, 134_116_992_000_000_000, 0x0211)).unwrap();
    assert_eq!(parsed.expires, Some(20_454));
    assert_eq!(parsed.flags & user::DISABLED, user::DISABLED);
    assert!(!parsed.must_change());
    for never in [0, 0x7fff_ffff_ffff_ffff] {
        assert_eq!(Fixed::parse(&fixed(0, never, 0x10)).unwrap().expires, None);
    }
    assert!(Fixed::parse(&fixed(0, 0, 0x10)).unwrap().must_change());
    assert!(!Fixed::parse(&fixed(0, 0, 0x210)).unwrap().must_change());
    assert!(Fixed::parse(&[0; 57]).is_err());
}

#[test]
fn a_password_is_told_by_what_follows_the_head_of_its_hash() {
    let state = |hash: &[u8]| {
        let (name, password) = user::variable(&variable("管理员", hash)).unwrap();
        assert_eq!(name, "管理员");
        password
    };
    let rc4 = [1, 0, 1, 0];
    assert_eq!(state(&rc4), Ok(WindowsPassword::Empty));
    assert_eq!(state(&[&rc4[..], &[7; 16]].concat()), Ok(WindowsPassword::Set));
    let aes = [&[2, 0, 2, 0, 0, 0, 0, 0][..], &[7; 16]].concat();
    assert_eq!(state(&aes), Ok(WindowsPassword::Empty));
    assert_eq!(state(&[&aes[..], &[7; 32]].concat()), Ok(WindowsPassword::Set));
    assert_eq!(state(&[]), Ok(WindowsPassword::Empty));
    assert!(state(&[1, 0, 3, 0]).is_err());
    assert!(state(&[1]).is_err());
}

#[test]
fn offsets_beyond_the_value_are_damage() {
    let mut data = variable("a", &[1, 0, 1, 0]);
    data[168..172].copy_from_slice(&u32::MAX.to_le_bytes());
    assert!(user::variable(&data).unwrap().1.is_err());
    data[16..20].copy_from_slice(&u32::MAX.to_le_bytes());
    assert!(user::variable(&data).is_err());
    assert!(user::variable(&data[..100]).is_err());
}

/// The account Administrator of an installation, its hash and domain in both revisions.
#[test]
fn the_supplied_password_opens_the_account_that_has_it() {
    use super::nt_hash::tests::{AES, PASSWORD, RC4, bytes, installation, password};
    for (domain, hash) in [RC4, AES] {
        let user = |hive: crate::guest::windows::fixture::Hive, rid: u32, hash: &[u8]| {
            let hive = hive.key(&format!(r"SAM\Domains\Account\Users\{rid:08X}"));
            hive.binary("F", &fixed(1, 0, 0x210)).binary("V", &variable("Administrator", hash))
        };
        let hash = bytes(hash);
        let matches = |supplied: Option<&str>| {
            let guest = installation(&bytes(domain))
                .sam(|hive| user(user(hive, 500, &hash), 501, &[hash[0], 0, hash[2], 0]));
            let supplied = supplied.map(password);
            let found = guest.look(|_, _, hklm| super::find(hklm, supplied.as_ref()));
            let accounts = &found.known().unwrap().accounts;
            accounts.iter().map(|account| account.password_matches.clone()).collect::<Vec<_>>()
        };
        // The second account has no password.
        assert_eq!(matches(None), [None, None]);
        assert_eq!(matches(Some(PASSWORD)), [Some(Fact::Known(true)), None]);
        assert_eq!(matches(Some("Passw0rd!")), [Some(Fact::Known(false)), None]);
    }
}

/// The value F of a domain with the policy's 42 days, Windows' default.
#[test]
fn a_password_expires_by_the_policy_unless_its_account_is_exempt() {
    let domain = |age: i64| {
        let mut data = vec![0; 0xf0];
        data[24..32].copy_from_slice(&age.to_le_bytes());
        data
    };
    let age = |age: i64| user::max_password_age(&domain(age)).unwrap();
    const DAY: i64 = 864_000_000_000;
    assert_eq!((age(0), age(i64::MIN)), (None, None));
    assert!(user::max_password_age(&[0; 31]).is_err());
    // 2026-01-01 00:00 UTC, day 20454.
    let set = 134_116_992_000_000_000;
    let expires = |flags: u16| Fixed::parse(&fixed(set, 0, flags)).unwrap();
    assert_eq!(expires(0x10).password_expires(age(-42 * DAY)), Some(20_454 + 42));
    assert_eq!(expires(0x10).password_expires(None), None);
    assert_eq!(expires(0x210).password_expires(age(-42 * DAY)), None);
    assert_eq!(Fixed::parse(&fixed(0, 0, 0x10)).unwrap().password_expires(age(-DAY)), None);
}

#[test]
fn wrong_passwords_under_a_policy_that_was_not_read_leave_an_account_undecided() {
    let unread = Fact::unknown(r"HKLM\SAM\SAM\Domains\Account\F", "torn");
    let account = |wrong: u8| {
        let mut data = fixed(1, 0, 0x10);
        data[64] = wrong;
        Fixed::parse(&data).unwrap()
    };
    assert_eq!(super::is_locked_by_count(&unread, &account(0), 1000), Ok(false));
    let error = super::is_locked_by_count(&unread, &account(3), 1000).unwrap_err();
    assert!(error.to_string().contains("torn"), "{error}");
}

/// An account whose count is full, and the policy `net accounts /lockoutthreshold:10`.
#[test]
fn too_many_wrong_passwords_lock_an_account_for_ever_by_the_policy() {
    let domain = |threshold: u16, duration: i64, properties: u8| {
        let mut data = vec![0; 0xf0];
        data[48..56].copy_from_slice(&duration.to_le_bytes());
        data[76] = properties;
        data[84..86].copy_from_slice(&threshold.to_le_bytes());
        user::lockout(&data).unwrap()
    };
    let locks = |lockout: Option<user::Lockout>, rid: u32, wrong: u8| {
        let mut data = fixed(1, 0, 0x210);
        data[64] = wrong;
        let account = Fixed::parse(&data).unwrap();
        lockout.is_some_and(|lockout| lockout.locks(&account, rid))
    };
    assert!(locks(domain(10, i64::MIN, 0), 1000, 10));
    assert!(!locks(domain(10, i64::MIN, 0), 1000, 9));
    assert!(!locks(domain(0, i64::MIN, 0), 1000, 10));
    // Ten minutes, Windows' default since 11 22H2.
    assert!(!locks(domain(10, -6_000_000_000, 8), 1000, 10));
    assert!(!locks(domain(10, i64::MIN, 1), 500, 10));
    assert!(locks(domain(10, i64::MIN, 9), 500, 10));
    assert!(user::lockout(&[0; 85]).is_err());
}

#[test]
fn without_the_policy_it_is_not_known_whether_a_password_expires() {
    let found = |flags: u16, policy: bool| {
        let guest = crate::guest::windows::fixture::guest().sam(|hive| {
            let hive = hive.key(r"SAM\Domains\Account\Users\000001F4");
            let hive = hive.binary("F", &fixed(134_116_992_000_000_000, 0, flags));
            let hive = hive.binary("V", &variable("a", &[1, 0, 1, 0]));
            let f: &[u8] = if policy { &[0; 0xf0] } else { &[] };
            hive.key(r"SAM\Domains\Account").binary("F", f)
        });
        let found = guest.look(|_, _, hklm| super::find(hklm, None));
        found.known().unwrap().accounts[0].password_expires.clone()
    };
    assert_eq!(found(0x10, true), Fact::Known(None));
    assert_eq!(found(0x210, false), Fact::Known(None));
    assert!(found(0x10, false).unread().is_some());
}
