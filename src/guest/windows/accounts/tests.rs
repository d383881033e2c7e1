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
    assert!(!parsed.never_set);
    for never in [0, 0x7fff_ffff_ffff_ffff] {
        assert_eq!(Fixed::parse(&fixed(0, never, 0x10)).unwrap().expires, None);
    }
    assert!(Fixed::parse(&fixed(0, 0, 0x10)).unwrap().never_set);
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
