//! The initial password of the guest, as its owner supplies it to have it checked.
//!
//! It is never printed, logged or put into facts; the memory that held it is wiped.

use std::fmt;

use zeroize::Zeroizing;

use super::facts::{CharacterClass, SuppliedPassword};

/// Longest password taken, in bytes. crypt(3) of libxcrypt takes 512, pam_unix 200 to 512.
pub const MAX_PASSWORD: usize = 1024;

/// The special characters that the image service counts (制作镜像, Linux list item 7).
const SPECIAL: &[u8] = b"!@$%^-_=+[{}]:,./?";

/// A supplied password.
#[derive(Clone)]
pub struct InitialPassword(Zeroizing<Vec<u8>>);

/// Why text is no password. Holds none of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NoPassword {
    /// There is nothing.
    #[error("the password is empty")]
    Empty,
    /// More than [`MAX_PASSWORD`] bytes.
    #[error("the password is longer than {MAX_PASSWORD} bytes")]
    TooLong,
    /// A NUL byte, at which crypt(3) would stop.
    #[error("the password has a NUL byte")]
    Nul,
}

impl InitialPassword {
    /// Takes a password, of any bytes but NUL.
    ///
    /// # Errors
    /// When it is empty, too long or has a NUL byte.
    pub fn new(bytes: impl Into<Zeroizing<Vec<u8>>>) -> Result<Self, NoPassword> {
        let bytes = bytes.into();
        match bytes.len() {
            0 => Err(NoPassword::Empty),
            len if len > MAX_PASSWORD => Err(NoPassword::TooLong),
            _ if bytes.contains(&0) => Err(NoPassword::Nul),
            _ => Ok(Self(bytes)),
        }
    }

    /// Its bytes.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// What may be said of it.
    pub(super) fn described(&self) -> SuppliedPassword {
        let has = |class: CharacterClass| {
            self.0.iter().any(|byte| match class {
                CharacterClass::Upper => byte.is_ascii_uppercase(),
                CharacterClass::Lower => byte.is_ascii_lowercase(),
                CharacterClass::Digit => byte.is_ascii_digit(),
                CharacterClass::Special => SPECIAL.contains(byte),
            })
        };
        let classes = [
            CharacterClass::Upper,
            CharacterClass::Lower,
            CharacterClass::Digit,
            CharacterClass::Special,
        ];
        SuppliedPassword { missing: classes.into_iter().filter(|class| !has(*class)).collect() }
    }
}

impl fmt::Debug for InitialPassword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("InitialPassword(not shown)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn password(text: &str) -> Result<InitialPassword, NoPassword> {
        InitialPassword::new(Zeroizing::new(text.as_bytes().to_vec()))
    }

    #[test]
    fn the_kinds_of_characters_that_are_missing_are_named() {
        use CharacterClass::*;
        let missing = |text: &str| password(text).unwrap().described().missing;
        assert_eq!(missing("Abc123!x"), []);
        assert_eq!(missing("abc"), [Upper, Digit, Special]);
        // `#` is none of the special characters that the platform counts, nor is a letter beyond
        // ASCII an upper-case one.
        assert_eq!(missing("Abc123#"), [Special]);
        assert_eq!(missing("äÖ"), [Upper, Lower, Digit, Special]);
        for special in SPECIAL {
            assert_eq!(missing(&char::from(*special).to_string()), [Upper, Lower, Digit]);
        }
    }

    #[test]
    fn what_crypt_would_not_take_is_refused_and_nothing_is_shown() {
        assert_eq!(password("").err(), Some(NoPassword::Empty));
        assert_eq!(password("a\0b").err(), Some(NoPassword::Nul));
        assert_eq!(password(&"a".repeat(MAX_PASSWORD + 1)).err(), Some(NoPassword::TooLong));
        let shown = format!("{:?}", password("Secret1!").unwrap());
        assert!(!shown.contains("Secret"), "{shown}");
    }
}
