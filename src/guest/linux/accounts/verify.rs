//! Whether a supplied password matches a hash of crypt(5), within bounds: the image names the cost.

use std::cell::Cell;

use sha_crypt::ShaCrypt;
use sha_crypt::password_hash::PasswordVerifier;
use subtle::ConstantTimeEq;
use yescrypt::Yescrypt;

use super::{des_crypt, md5_crypt};
use crate::guest::password::InitialPassword;

/// Most work for all accounts of an image, in microseconds of a slow processor: a check ends within
/// seconds. yescrypt, SHA-512-crypt and bcrypt at their usual costs take 20,000 to 100,000.
const MAX_WORK: u64 = 6_000_000;

/// Most memory of one yescrypt hash, in bytes; its usual settings (`j9T`) take 16 MiB.
const MAX_MEMORY: u64 = 64 << 20;

/// Rounds of SHA-crypt where the hash names none (Drepper, "Unix crypt using SHA-256 and SHA-512",
/// version 0.6).
const SHA_DEFAULT_ROUNDS: u64 = 5000;

/// The work of one unit of each scheme's cost, in microseconds.
const MICROSECONDS_OF_TWO_SHA_ROUNDS: u64 = 2;
const MICROSECONDS_OF_A_BCRYPT_ROUND: u64 = 60;
const MICROSECONDS_OF_MD5_CRYPT: u64 = 2_000;
const MICROSECONDS_OF_DES_CRYPT: u64 = 2_000;
/// Of 4 KiB of yescrypt's memory: `j9T`, 16 MiB, takes some 40 ms.
const MICROSECONDS_OF_A_YESCRYPT_PAGE: u64 = 10;

/// Verifies one password against the hashes of an image.
pub(super) struct Verifier<'p> {
    password: &'p InitialPassword,
    work: Cell<u64>,
}

impl<'p> Verifier<'p> {
    pub(super) fn new(password: &'p InitialPassword) -> Self {
        Self { password, work: Cell::new(MAX_WORK) }
    }

    /// Whether the password matches a hash of `scheme` (as [`super::shadow`] names it).
    ///
    /// # Errors
    /// When the scheme is not one that is computed here, or costs too much; without any of the hash.
    pub(super) fn matches(&self, scheme: &str, hash: &str) -> Result<bool, String> {
        let password = self.password.bytes();
        let parts: Vec<&str> = hash.split('$').collect();
        match (scheme, parts.as_slice()) {
            ("yescrypt", ["", "y", parameters, ..]) => {
                self.spend(yescrypt_work(parameters)?)?;
                answer(PasswordVerifier::<str>::verify_password(
                    &Yescrypt::default(),
                    password,
                    hash,
                ))
            }
            ("sha512-crypt" | "sha256-crypt", ["", _, setting, ..]) => {
                let rounds = match setting.strip_prefix("rounds=") {
                    Some(rounds) => rounds.parse().map_err(|_| unread("rounds"))?,
                    None => SHA_DEFAULT_ROUNDS,
                };
                let pairs = rounds.div_ceil(2);
                self.spend(pairs.saturating_mul(MICROSECONDS_OF_TWO_SHA_ROUNDS))?;
                let verifier = ShaCrypt::default();
                answer(PasswordVerifier::<str>::verify_password(&verifier, password, hash))
            }
            ("bcrypt", ["", variant, cost, _]) => {
                // `$2x$` is the broken variant of old PHP and SUSE.
                if *variant == "2x" {
                    return Err("bcrypt $2x$ is not computed by this program".to_owned());
                }
                let cost: u32 = cost.parse().map_err(|_| unread("cost"))?;
                let rounds = 1_u64.checked_shl(cost).unwrap_or(u64::MAX);
                self.spend(rounds.saturating_mul(MICROSECONDS_OF_A_BCRYPT_ROUND))?;
                bcrypt::verify(password, hash).map_err(|_| unread("hash"))
            }
            ("md5-crypt", ["", "1", salt, digest]) => {
                self.spend(MICROSECONDS_OF_MD5_CRYPT)?;
                let computed = md5_crypt::digest(password, salt.as_bytes());
                Ok(computed.as_bytes().ct_eq(digest.as_bytes()).into())
            }
            ("des", [whole]) => {
                self.spend(MICROSECONDS_OF_DES_CRYPT)?;
                let computed = des_crypt::hash(password, whole).ok_or_else(|| unread("salt"))?;
                Ok(computed.as_bytes().ct_eq(whole.as_bytes()).into())
            }
            _ => Err(format!("{scheme} is not computed by this program")),
        }
    }

    /// Takes work from what is left for this image.
    fn spend(&self, work: u64) -> Result<(), String> {
        match self.work.get().checked_sub(work) {
            Some(left) => {
                self.work.set(left);
                Ok(())
            }
            None => Err("the hash costs too much to compute; it was not compared".to_owned()),
        }
    }
}

fn unread(what: &str) -> String {
    format!("the {what} of the hash cannot be read")
}

fn answer(result: Result<(), sha_crypt::password_hash::Error>) -> Result<bool, String> {
    match result {
        Ok(()) => Ok(true),
        Err(sha_crypt::password_hash::Error::PasswordInvalid) => Ok(false),
        Err(_) => Err(unread("setting")),
    }
}

/// The work of yescrypt's parameters as crypt_gensalt(3) writes them: flavour, log2 N and r, a
/// character each (crypt(5), yescrypt's `encode64_uint32`). Others are not computed.
fn yescrypt_work(parameters: &str) -> Result<u64, String> {
    const ITOA64: &[u8] = b"./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    /// Largest value of one character: those above take more.
    const MAX_SINGLE: usize = 47;
    let value = |byte: &u8| {
        let value = ITOA64.iter().position(|c| c == byte).filter(|value| *value <= MAX_SINGLE)?;
        u32::try_from(value).ok()?.checked_add(1)
    };
    let unusual = || "unusual parameters of yescrypt are not computed by this program".to_owned();
    let [b'j', log2_n, r] = parameters.as_bytes() else { return Err(unusual()) };
    let (Some(log2_n), Some(r)) = (value(log2_n), value(r)) else { return Err(unusual()) };
    let n = 1_u64.checked_shl(log2_n).unwrap_or(u64::MAX);
    // scrypt's V: 128 * r * N bytes.
    let memory = n.saturating_mul(u64::from(r)).saturating_mul(128);
    if memory > MAX_MEMORY {
        return Err(format!(
            "the hash takes {} MiB of memory to compute; it was not compared",
            memory >> 20
        ));
    }
    Ok((memory >> 12).saturating_mul(MICROSECONDS_OF_A_YESCRYPT_PAGE).max(1))
}

#[cfg(test)]
mod tests {
    use zeroize::Zeroizing;

    use super::*;

    fn password(text: &str) -> InitialPassword {
        InitialPassword::new(Zeroizing::new(text.as_bytes().to_vec())).unwrap()
    }

    #[test]
    fn each_scheme_knows_its_password_and_no_other() {
        let text = include_str!("../../../../testdata/guest/accounts/verify.txt");
        let mut count = 0;
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let mut fields = line.split('\t');
            let (scheme, word, hash) =
                (fields.next().unwrap(), fields.next().unwrap(), fields.next().unwrap());
            let right = password(word);
            assert_eq!(Verifier::new(&right).matches(scheme, hash), Ok(true), "{hash}");
            let wrong = password(&format!("x{word}"));
            assert_eq!(Verifier::new(&wrong).matches(scheme, hash), Ok(false), "{hash}");
            count += 1;
        }
        assert!(count >= 12, "{count}");
    }

    #[test]
    fn a_cost_that_the_image_names_is_bounded_before_it_is_paid() {
        let start = std::time::Instant::now();
        let right = password("x");
        let (salt, sha) = ("a".repeat(8), "b".repeat(86));
        let costly = [
            ("sha512-crypt", format!("$6$rounds=999999999${salt}${sha}")),
            ("sha512-crypt", format!("$6$rounds=99999999999999999999999${salt}${sha}")),
            ("bcrypt", format!("$2b$31${}", "a".repeat(53))),
            ("bcrypt", format!("$2b$99${}", "a".repeat(53))),
            // 2^36 blocks; 2^18 of 48; a parallelism of its own.
            ("yescrypt", format!("$y$jXT${salt}${}", "a".repeat(43))),
            ("yescrypt", format!("$y$jFj${salt}${}", "a".repeat(43))),
            ("yescrypt", format!("$y$j95.0${salt}${}", "a".repeat(43))),
            ("yescrypt", format!("$y$${salt}${}", "a".repeat(43))),
            ("yescrypt", format!("$y$j..${salt}${}", "a".repeat(43))),
            ("scrypt", "$7$CU..../....x$y".to_owned()),
            ("gost-yescrypt", format!("$gy$j9T${salt}${}", "a".repeat(43))),
        ];
        for (scheme, hash) in costly {
            let told = Verifier::new(&right).matches(scheme, &hash);
            assert!(told != Ok(true), "{hash}");
            assert!(told.is_err() || hash.starts_with("$y$j.."), "{hash}: {told:?}");
            assert!(!format!("{told:?}").contains("aaaa"), "{told:?}");
        }
        assert!(start.elapsed().as_secs() < 60);
    }

    #[test]
    fn the_work_for_all_accounts_together_is_bounded() {
        let right = password("x");
        let verifier = Verifier::new(&right);
        let hash = "aaEKH8lcCM4bQ";
        let tried = (0..100_000).take_while(|_| verifier.matches("des", hash).is_ok()).count();
        assert!((100..10_000).contains(&tried), "{tried}");
    }
}
