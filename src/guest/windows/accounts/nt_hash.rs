//! Whether a supplied password is that of an account, by the NT hash in the SAM.
//!
//! No stored hash is ever decrypted: the hash of the supplied password is encrypted as Windows would,
//! and compared with the bytes that stand there. All keys on the way are wiped.
//!
//! Sources: MS-SAMR 2.2.11.1 (DES by the relative id), MS-NLMP 3.3.1 (`NTOWFv1`: MD4 over UTF-16);
//! J. Metz, winreg-kb, "Security Accounts Manager" and "SYSKEY" (boot key, the domain's value F,
//! revision 1 with RC4); Impacket, `secretsdump.py` (`SAM_KEY_DATA_AES`, `SAM_HASH_AES`: revision 2 with
//! AES-128-CBC, since Windows 10 1607).

use aes::Aes128;
use aes::cipher::{BlockCipherDecrypt, BlockCipherEncrypt};
use des::Des;
use md5::{Digest, Md5};
use rc4::{KeyInit, Rc4, StreamCipher};
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, Zeroizing};

use super::super::hklm::{Hklm, Place};
use crate::error::{Error, Result};
use crate::filesystem::structure::Structure;
use crate::guest::password::InitialPassword;

/// The keys whose class names hold the boot key, each a quarter of it in hexadecimal digits.
const BOOT_KEYS: [&str; 4] = ["JD", "Skew1", "GBG", "Data"];

/// Which byte of these stands at which place of the boot key.
const ORDER: [usize; 16] = [8, 5, 4, 2, 11, 9, 13, 3, 0, 6, 1, 12, 14, 10, 15, 7];

const DOMAIN: &str = r"SAM\Domains\Account";

/// Where the domain's key stands in its value F.
const DOMAIN_KEY: usize = 0x68;

/// Constants of revision 1, the NUL at their ends included.
const QWERTY: &[u8] = b"!@#$%^&*()qwertyUIOPAzxcvbnmQQQQQQQQQQQQ)(*@&%\0";
const DIGITS: &[u8] = b"0123456789012345678901234567890123456789\0";
const NT_PASSWORD: &[u8] = b"NTPASSWORD\0";

type Block = [u8; 16];
type Key = Zeroizing<Block>;

/// Compares one password with the accounts of a SAM.
pub(super) struct Verifier {
    /// The password's NT hash.
    hash: Key,
    /// The key of the SAM's domain, with which hashes are encrypted.
    domain: Key,
}

impl Verifier {
    /// Hashes the password, and reads the key of the SAM's domain.
    ///
    /// # Errors
    /// When the password is no text, a value is not there or not as any Windows writes it, or the boot
    /// key of the hive SYSTEM is not that of this SAM.
    pub(super) fn new(hklm: &Hklm<'_>, password: &InitialPassword) -> Result<Self> {
        let hash = nt_hash(password)?;
        let place = hklm.sam(DOMAIN)?;
        let value = place.value("F")?.ok_or_else(|| unreadable(&place, "F is not there"))?;
        let domain = domain_key(&value.data, &*boot_key(hklm)?)?;
        Ok(Self { hash, domain })
    }

    /// Whether the password is the one behind an encrypted NT hash of the account with that relative
    /// id, as it stands in the account's value V.
    ///
    /// # Errors
    /// When the hash has a form that Windows does not write; without any of it.
    pub(super) fn matches(&self, stored: &[u8], rid: u32) -> Result<bool> {
        let s = Structure::new("SAM account", 0, stored);
        let mut block = by_rid(&self.hash, rid)?;
        let stored = match s.u16(2)? {
            1 => {
                let mut key = digest(&[&*self.domain, &rid.to_le_bytes(), NT_PASSWORD]);
                rc4(&key, &mut *block);
                key.zeroize();
                s.array::<16>(4)?
            }
            2 => {
                // The vector, and the first block of what was encrypted: it holds the whole hash.
                let vector: Block = s.array(8)?;
                xor(&mut block, &vector);
                aes(&self.domain).encrypt_block((&mut *block).into());
                s.array::<16>(24)?
            }
            revision => {
                let what = format!("an NT hash of revision {revision}");
                return Err(Error::unsupported("SAM account", 0, what));
            }
        };
        Ok(block.ct_eq(&stored).into())
    }
}

/// MD4 over the text in UTF-16.
fn nt_hash(password: &InitialPassword) -> Result<Key> {
    let text = std::str::from_utf8(password.bytes()).map_err(|_| Error::Unreadable {
        path: "--password-file".to_owned(),
        reason: "the password is no UTF-8 text, and Windows takes nothing but text".to_owned(),
    })?;
    // As long as it may become, so that nothing is left behind by a move.
    let mut units = Zeroizing::new(Vec::with_capacity(text.len().saturating_mul(2)));
    for unit in text.encode_utf16() {
        units.extend_from_slice(&unit.to_le_bytes());
    }
    Ok(Zeroizing::new(md4::Md4::digest(&*units).into()))
}

/// The key of the installation, from the hive SYSTEM.
fn boot_key(hklm: &Hklm<'_>) -> Result<Key> {
    let lsa = hklm.control_set(r"Control\Lsa")?;
    let mut scrambled = Zeroizing::new([0; 16]);
    let (quarters, _) = scrambled.as_chunks_mut::<4>();
    for (name, quarter) in BOOT_KEYS.into_iter().zip(quarters) {
        let place = lsa.at(name)?;
        let class = Zeroizing::new(place.class()?.unwrap_or_default());
        let number = u32::from_str_radix(&class, 16).ok().filter(|_| class.len() == 8);
        let number = number.ok_or_else(|| unreadable(&place, "its class is no part of a key"))?;
        *quarter = number.to_be_bytes();
    }
    let mut key = Zeroizing::new([0; 16]);
    for (byte, from) in key.iter_mut().zip(ORDER) {
        *byte = scrambled.get(from).copied().unwrap_or(0);
    }
    Ok(key)
}

/// The key of the domain, from its value F; it bears a mark by which a wrong boot key is known.
fn domain_key(data: &[u8], boot: &Block) -> Result<Key> {
    let s = Structure::new("SAM domain", 0, data).after(DOMAIN_KEY);
    let wrong = || {
        // `syskey` can keep it on a diskette or behind a password (Lsa\SecureBoot 2 and 3).
        let found = "another one, or one that is asked for at each start";
        s.corrupt(0, "the boot key of this installation in the hive SYSTEM", found)
    };
    let mut key: Key;
    match s.u32(0)? {
        1 => {
            let salt: Block = s.array(8)?;
            let mut whole = Zeroizing::new(s.array::<32>(24)?);
            let mut stream = digest(&[&salt, QWERTY, boot, DIGITS]);
            rc4(&stream, &mut *whole);
            stream.zeroize();
            let (blocks, _) = whole.as_chunks::<16>();
            let [first, mark] = blocks else { return Err(wrong()) };
            key = Zeroizing::new(*first);
            let mut sum = digest(&[&*key, DIGITS, &*key, QWERTY]);
            let is_right = bool::from(sum.ct_eq(mark));
            sum.zeroize();
            if !is_right {
                return Err(wrong());
            }
        }
        2 => {
            let salt: Block = s.array(16)?;
            let stored: [Block; 2] = [s.array(32)?, s.array(48)?];
            let [first, second] = stored;
            // The key fills one block, and another of padding (PKCS #7) follows.
            if s.u32(12)? != 32 {
                return Err(s.corrupt(12, "32 bytes of key and padding", s.u32(12)?));
            }
            let cipher = aes(boot);
            let mut padding = Zeroizing::new(second);
            cipher.decrypt_block((&mut *padding).into());
            xor(&mut padding, &first);
            if !bool::from(padding.ct_eq(&[16; 16])) {
                return Err(wrong());
            }
            key = Zeroizing::new(first);
            cipher.decrypt_block((&mut *key).into());
            xor(&mut key, &salt);
        }
        revision => {
            return Err(s.unsupported(0, format!("a domain key of revision {revision}")));
        }
    }
    Ok(key)
}

/// A hash encrypted by the two DES keys of a relative id, eight bytes by each.
fn by_rid(hash: &Block, rid: u32) -> Result<Key> {
    let mut block = Zeroizing::new(*hash);
    let [a, b, c, d] = rid.to_le_bytes();
    let keys = [[a, b, c, d, a, b, c], [d, a, b, c, d, a, b]];
    let (halves, _) = block.as_chunks_mut::<8>();
    for (half, key) in halves.iter_mut().zip(keys) {
        let cipher = Des::new_from_slice(&spread(key)).map_err(|_| length())?;
        cipher.encrypt_block(half.into());
    }
    Ok(block)
}

/// The 56 bits of a DES key, seven in each byte above the one for parity.
fn spread(key: [u8; 7]) -> [u8; 8] {
    let bits = key.iter().fold(0_u64, |bits, byte| bits << 8 | u64::from(*byte));
    let seven = |at: u32| {
        let shifted = bits.checked_shr(49_u32.saturating_sub(at.saturating_mul(7))).unwrap_or(0);
        u8::try_from(shifted & 0x7f).unwrap_or(0) << 1
    };
    [0, 1, 2, 3, 4, 5, 6, 7].map(seven)
}

fn digest(parts: &[&[u8]]) -> Block {
    let mut hasher = Md5::new();
    for part in parts {
        hasher.update(part);
    }
    hasher.finalize().into()
}

fn rc4(key: &Block, data: &mut [u8]) {
    // Every key of one byte and more is one of RC4.
    if let Ok(mut stream) = Rc4::new_from_slice(key) {
        stream.apply_keystream(data);
    }
}

fn aes(key: &Block) -> Aes128 {
    Aes128::new(key.into())
}

fn xor(block: &mut Block, other: &Block) {
    for (byte, other) in block.iter_mut().zip(other) {
        *byte ^= other;
    }
}

fn length() -> Error {
    Error::unsupported("SAM account", 0, "a key of another length")
}

fn unreadable(place: &Place<'_>, reason: &str) -> Error {
    Error::Unreadable { path: place.path.clone(), reason: reason.to_owned() }
}

/// A made-up installation, in both revisions: the values were made with PyCryptodome, and Impacket 0.10
/// (`secretsdump.py`) reads the NT hash 212808b2c65a420f67ecf35fa5a29228 of `Passw0rd!é漢` from them.
#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::guest::windows::fixture::{Guest, guest};

    pub(in super::super) const PASSWORD: &str = "Passw0rd!é漢";
    const RID: u32 = 500;
    const CLASSES: [&str; 4] = ["8b5e1f02", "c0ffee11", "0a1b2c3d", "99aabb77"];
    pub(in super::super) const RC4: (&str, &str) = (
        "0100000038000000303132333435363738393a3b3c3d3e3f\
         95868430d665edf92ca0b6318cbe9037e7da608e705c4995058c856e3163cc650000000000000000",
        "02000100680c80107b1224266e56ff3f0dbeacf3",
    );
    pub(in super::super) const AES: (&str, &str) = (
        "02000000700000003000000020000000303132333435363738393a3b3c3d3e3f\
         a9759a3a663041c343cc90ccfa6647a422f41f45dcf1b15607eab2bc608fdf61\
         0b39063b6c6eeb3da9f4578eeab0a2c386dbedf06a541360e7510e1c092ab996\
         9dd5d5221183ea3a55a42b5b6da5b67a",
        "0200020010000000a0a1a2a3a4a5a6a7a8a9aaabacadaeafbfda805054d48a3e\
         e8fa5d5cb1ca1f4c18ccfb2f6ba555503f8dc43567b6e447",
    );

    pub(in super::super) fn bytes(digits: &str) -> Vec<u8> {
        let pairs = digits.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).unwrap());
        pairs.map(|pair| u8::from_str_radix(pair, 16).unwrap()).collect()
    }

    pub(in super::super) fn password(text: &str) -> InitialPassword {
        InitialPassword::new(Zeroizing::new(text.as_bytes().to_vec())).unwrap()
    }

    /// The hives of the installation, with the domain's key in one of the two revisions.
    pub(in super::super) fn installation(domain: &[u8]) -> Guest {
        installation_of(CLASSES, domain)
    }

    fn installation_of(classes: [&str; 4], domain: &[u8]) -> Guest {
        let fixed = [&[0; DOMAIN_KEY], domain].concat();
        let lsa = |hive: crate::guest::windows::fixture::Hive| {
            BOOT_KEYS.iter().zip(classes).fold(hive, |hive, (name, class)| {
                hive.key(&format!(r"ControlSet001\Control\Lsa\{name}")).class(class)
            })
        };
        guest().system(lsa).sam(|hive| hive.key(DOMAIN).binary("F", &fixed))
    }

    #[test]
    fn the_password_and_no_other_matches_in_both_revisions() {
        for (domain, hash) in [RC4, AES] {
            let (domain, hash) = (bytes(domain), bytes(hash));
            let matches = |text: &str, rid: u32| {
                let verify =
                    |hklm: &Hklm<'_>| Verifier::new(hklm, &password(text))?.matches(&hash, rid);
                installation(&domain).look(|_, _, hklm| verify(hklm))
            };
            assert_eq!(matches(PASSWORD, RID), Ok(true));
            assert_eq!(matches("Passw0rd!e漢", RID), Ok(false));
            assert_eq!(matches(PASSWORD, RID + 1), Ok(false));
        }
    }

    /// Values of a real Windows 10, as a walk through the decryption by hand publishes them: the boot key
    /// opens the domain's, and the hash has the form that is read. Its password is not known here.
    #[test]
    fn the_values_of_a_real_windows_10_have_these_forms() {
        let classes = ["fd8d8e29", "476fe408", "d60f7d95", "b8bb62ca"];
        let domain = bytes(
            "0200000070000000300000002000000036DEF779E00E3E2D7FD44B053BED4D61\
             0ED8A73B1E58190879E2DD7B8FB2CFAE5E4DA32E079729072FC204A848720D51\
             130DE0009D8A1DEE8B2BB146B2A39DB49F7D60875E754212E8C38920C1B566DF\
             B28A43BA521DE033116CB22B221A14F6",
        );
        let hash = bytes(
            "0200020010000000270E5D7E2B251E0903D456E85F3B773E7CEA03811A68FEFC\
             0EB7A9D6A5BDB9E3116099F16CA2C88E460AB393FF92C9AC",
        );
        let verify =
            |hklm: &Hklm<'_>| Verifier::new(hklm, &password(PASSWORD))?.matches(&hash, 1001);
        let found = installation_of(classes, &domain).look(|_, _, hklm| verify(hklm));
        assert_eq!(found, Ok(false));
    }

    #[test]
    fn the_nt_hash_is_the_one_that_is_published() {
        let hash = |text: &str| nt_hash(&password(text)).unwrap().to_vec();
        // MS-NLMP 4.2.2.1.2 for `Password`.
        assert_eq!(hash("Password"), bytes("a4f49c406510bdcab6824ee7c30fd852"));
        assert_eq!(hash(PASSWORD), bytes("212808b2c65a420f67ecf35fa5a29228"));
        let no_text = InitialPassword::new(Zeroizing::new(vec![0xff])).unwrap();
        assert!(matches!(nt_hash(&no_text), Err(Error::Unreadable { .. })));
    }

    #[test]
    fn the_hives_of_two_installations_do_not_fit() {
        for (domain, _) in [RC4, AES] {
            let open = |guest: Guest| {
                guest.look(|_, _, hklm| Verifier::new(hklm, &password(PASSWORD)).map(|_| ()))
            };
            assert_eq!(open(installation(&bytes(domain))), Ok(()));
            let other = installation(&bytes(domain))
                .system(|hive| hive.key(r"ControlSet001\Control\Lsa\JD").class("8b5e1f03"));
            let error = open(other).unwrap_err().to_string();
            assert!(error.contains("another one, or one that"), "{error}");
        }
        let without = guest().sam(|hive| hive.key(DOMAIN).binary("F", &bytes(RC4.0)));
        let error = without.look(|_, _, hklm| Verifier::new(hklm, &password(PASSWORD)).map(|_| ()));
        assert!(error.is_err());
    }

    #[test]
    fn a_form_that_windows_does_not_write_is_an_error() {
        let domain = bytes(AES.0);
        for hash in ["", "02000300", "0200010011", "0200020010000000a0a1", AES.1.get(..70).unwrap()]
        {
            let verify = |hklm: &Hklm<'_>| {
                Verifier::new(hklm, &password(PASSWORD))?.matches(&bytes(hash), RID)
            };
            assert!(installation(&domain).look(|_, _, hklm| verify(hklm)).is_err(), "{hash}");
        }
        for (at, byte) in [(0, 3), (12, 16)] {
            let mut domain = domain.clone();
            domain[at] = byte;
            let verify = |hklm: &Hklm<'_>| Verifier::new(hklm, &password(PASSWORD)).map(|_| ());
            assert!(installation(&domain).look(|_, _, hklm| verify(hklm)).is_err(), "{at}");
        }
    }
}
