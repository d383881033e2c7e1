//! `/etc/shadow` (shadow(5)) and what a password field says (crypt(5)).
//!
//! No hash leaves this module: what goes out is a [`PasswordState`], which knows the scheme alone.

use std::collections::HashMap;

use super::passwd::Line;
use crate::guest::facts::PasswordState;

/// Most malformed lines that are remembered.
const MAX_MALFORMED: usize = 4096;

/// What a line of `/etc/shadow` says of an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ShadowEntry {
    pub(super) line: usize,
    /// What the password field says, or why that is not known.
    pub(super) password: Result<PasswordState, String>,
    /// Whether the password field begins with `!`, which passwd(1) and usermod(8) lock with.
    pub(super) locked: bool,
    pub(super) aging: Aging,
}

/// The days in a line of `/etc/shadow`; none where the field is empty or -1.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Aging {
    /// Day since 1970-01-01 of the last change of the password; 0 asks for a change.
    pub(super) changed: Option<i64>,
    /// Days that a password is valid.
    pub(super) max_days: Option<i64>,
    /// Days after that until the account is closed.
    pub(super) inactive_days: Option<i64>,
    /// Day since 1970-01-01 on which the account expires.
    pub(super) expires: Option<i64>,
}

/// The lines of `/etc/shadow` by name, the first of each name as getspnam(3) finds it.
#[derive(Debug, Default)]
pub(super) struct Shadow {
    pub(super) entries: HashMap<String, ShadowEntry>,
    /// Lines that could not be understood: number, name, and what is wrong.
    pub(super) malformed: Vec<(usize, String, String)>,
}

impl Shadow {
    /// The malformed line of an account, or that there were too many to remember them all.
    pub(super) fn malformed_line(&self, name: &str) -> Option<(usize, &str)> {
        let own = self.malformed.iter().find(|(_, of, _)| of == name);
        match own {
            Some((line, _, reason)) => Some((*line, reason)),
            None if self.malformed.len() < MAX_MALFORMED => None,
            None => Some((1, "too many malformed lines")),
        }
    }

    pub(super) fn parse(text: &str) -> Self {
        let mut shadow = Self::default();
        for (line, content) in (1_usize..).zip(text.split_terminator('\n')) {
            match shadow_line(line, content) {
                Line::Skipped => {}
                Line::Entry((name, entry)) => {
                    shadow.entries.entry(name).or_insert(entry);
                }
                Line::Malformed(reason) if shadow.malformed.len() < MAX_MALFORMED => {
                    let name = content.split(':').next().unwrap_or_default().to_owned();
                    shadow.malformed.push((line, name, reason));
                }
                Line::Malformed(_) => {}
            }
        }
        shadow
    }
}

/// `name:password:lastchange:min:max:warn:inactive:expire:reserved`
fn shadow_line(line: usize, content: &str) -> Line<(String, ShadowEntry)> {
    let trimmed = content.trim_start();
    if trimmed.is_empty() || trimmed.starts_with(['#', '+', '-']) {
        return Line::Skipped;
    }
    let fields: Vec<&str> = content.split(':').collect();
    let [name, password, numbers @ .., _reserved] = &fields[..] else {
        return Line::Malformed(format!("expected 9 fields, found {}", fields.len()));
    };
    if content.ends_with('\r') {
        // No number of the reserved field; glibc takes no such line (nss/files-spwd.c).
        return Line::Malformed("a carriage return ends the line".to_owned());
    }
    if numbers.len() != 6 {
        return Line::Malformed(format!("expected 9 fields, found {}", fields.len()));
    }
    let numbers: Option<Vec<Option<i64>>> = numbers
        .iter()
        .map(|field| match field.trim() {
            "" => Some(None),
            field => field.parse().ok().map(Some),
        })
        .collect();
    let Some(numbers) = numbers else {
        return Line::Malformed("a field of days is no number".to_owned());
    };
    // A negative number means the same as nothing (pam_unix, `check_shadow_expiry`), of the expiry
    // only -1 does.
    let days = |field: usize| numbers.get(field).copied().flatten();
    let aging = Aging {
        changed: days(0).filter(|day| *day >= 0),
        max_days: days(2).filter(|days| *days >= 0),
        inactive_days: days(4).filter(|days| *days >= 0),
        expires: days(5).filter(|day| *day != -1),
    };
    let locked = password.starts_with('!');
    let entry = ShadowEntry { line, password: password_state(password), locked, aging };
    Line::Entry(((*name).to_owned(), entry))
}

/// What a password field says.
///
/// # Errors
/// When it has the shape of a hash of a scheme that is not known here.
pub(super) fn password_state(field: &str) -> Result<PasswordState, String> {
    if field.is_empty() {
        return Ok(PasswordState::Empty);
    }
    if field.starts_with(['!', '*']) {
        return Ok(PasswordState::Locked);
    }
    if let Some(scheme) = scheme(field) {
        return Ok(PasswordState::Set(scheme.to_owned()));
    }
    match other_scheme(field) {
        Some(id) => Err(format!("whether its crypt(3) knows ${id}$ is not known")),
        None => Ok(PasswordState::Invalid),
    }
}

/// The prefixes of the schemes that [`scheme`] knows; of them a hash of another shape is none.
const KNOWN: [&str; 15] =
    ["y", "gy", "7", "2a", "2b", "2x", "2y", "6", "5", "sha1", "md5", "1", "3", "sm3", "sm3y"];

/// Longest name of a scheme; `argon2id` has 8 characters.
const MAX_ID: usize = 16;

/// Fewest characters of a digest: that of md5-crypt, the shortest behind a `$`.
const MIN_DIGEST: usize = 22;

/// The name of a scheme that is not known here, where the text is of the common shape `$id$…$digest`
/// (crypt(5)): distributions bring their own.
fn other_scheme(hash: &str) -> Option<&str> {
    let (id, rest) = hash.strip_prefix('$')?.split_once('$')?;
    let named = (1..=MAX_ID).contains(&id.len())
        && id.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'));
    let digest = rest.rsplit('$').next()?;
    let digest_fits = digest.len() >= MIN_DIGEST
        && digest.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '/' | '+' | '='));
    (named && !KNOWN.contains(&id) && digest_fits).then_some(id)
}

/// The scheme of a hash, by its prefix and shape (crypt(5) of libxcrypt gives a regular expression
/// for each). A text of no such shape is no hash that crypt(3) makes, so no password matches it.
fn scheme(hash: &str) -> Option<&'static str> {
    let parts: Vec<&str> = hash.split('$').collect();
    match parts[..] {
        [des] => match des.strip_prefix('_') {
            Some(rest) if is_hash64(rest, 19..=19) => Some("bsdi-des"),
            _ => is_hash64(des, 13..=13).then_some("des"),
        },
        ["", "y", parameters, salt, hash] => {
            yescrypt_shape(parameters, salt, hash).then_some("yescrypt")
        }
        ["", "gy", parameters, salt, hash] => {
            yescrypt_shape(parameters, salt, hash).then_some("gost-yescrypt")
        }
        // libxcrypt 4.4.37 and openEuler's pam (`crypt-sm3.c`, `crypt-sm3-yescrypt.c`).
        ["", "sm3", ref rest @ ..] => rounds_shape(rest, 43).then_some("sm3-crypt"),
        ["", "sm3y", parameters, salt, hash] => {
            yescrypt_shape(parameters, salt, hash).then_some("sm3-yescrypt")
        }
        ["", "7", settings, hash] => {
            (is_hash64(settings, 11..=97) && is_hash64(hash, 43..=43)).then_some("scrypt")
        }
        ["", "2a" | "2b" | "2x" | "2y", cost, hash] => {
            let cost = cost.len() == 2 && cost.chars().all(|c| c.is_ascii_digit());
            (cost && is_hash64(hash, 53..=53)).then_some("bcrypt")
        }
        ["", "6", ref rest @ ..] => rounds_shape(rest, 86).then_some("sha512-crypt"),
        ["", "5", ref rest @ ..] => rounds_shape(rest, 43).then_some("sha256-crypt"),
        ["", "sha1", iterations, salt, hash] => {
            let iterations = iterations.chars().all(|c| c.is_ascii_digit());
            (iterations && is_hash64(salt, 1..=64) && is_hash64(hash, 28..=96))
                .then_some("sha1-crypt")
        }
        // `$md5$`, `$md5,rounds=N$`; salt, one or two `$`, hash.
        ["", md5, salt, ref rest @ ..] if md5 == "md5" || md5.starts_with("md5,rounds=") => {
            let hash = match rest {
                [hash] | ["", hash] => hash,
                _ => return None,
            };
            (is_hash64(salt, 8..=8) && is_hash64(hash, 22..=22)).then_some("sun-md5")
        }
        ["", "1", salt, hash] => {
            (salt.len() <= 8 && is_hash64(hash, 22..=22)).then_some("md5-crypt")
        }
        ["", "3", "", hash] => {
            let hex = hash.len() == 32 && hash.chars().all(|c| c.is_ascii_hexdigit());
            hex.then_some("nt")
        }
        _ => None,
    }
}

fn yescrypt_shape(parameters: &str, salt: &str, hash: &str) -> bool {
    is_hash64(parameters, 1..=64) && is_hash64(salt, 0..=86) && is_hash64(hash, 43..=43)
}

/// `[rounds=N$]salt$hash`
fn rounds_shape(rest: &[&str], hash_len: usize) -> bool {
    let (salt, hash) = match rest {
        [rounds, salt, hash] if rounds.starts_with("rounds=") => (salt, hash),
        [salt, hash] => (salt, hash),
        _ => return false,
    };
    salt.len() <= 16 && is_hash64(hash, hash_len..=hash_len)
}

/// Whether text is of crypt's own base 64 (`[./0-9A-Za-z]`) and of such a length.
fn is_hash64(text: &str, len: std::ops::RangeInclusive<usize>) -> bool {
    len.contains(&text.len())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_scheme_is_told_by_its_hash() {
        // Made by mkpasswd 5.5.17 (libxcrypt 4.4.33) from the password "x", except the last ones.
        let text = include_str!("../../../../testdata/guest/accounts/hashes.txt");
        assert!(text.lines().count() > 8);
        for line in text.lines() {
            let (scheme, hash) = line.split_once(' ').unwrap();
            assert_eq!(password_state(hash), Ok(PasswordState::Set(scheme.to_owned())));
            // Locked by usermod -L, and cut short.
            assert_eq!(password_state(&format!("!{hash}")), Ok(PasswordState::Locked));
            let cut = hash.get(..hash.len() - 1).unwrap();
            assert_eq!(password_state(cut), Ok(PasswordState::Invalid), "{scheme}");
        }
    }

    #[test]
    fn fields_that_are_no_hash_are_empty_locked_or_invalid() {
        assert_eq!(password_state(""), Ok(PasswordState::Empty));
        for locked in ["!", "!!", "*", "*LK*", "!*"] {
            assert_eq!(password_state(locked), Ok(PasswordState::Locked));
        }
        for invalid in
            ["x", "secret", "$6$", "$6$salt$short", "$9$a$b", "plaintext-pass", "$y$j9T$"]
        {
            assert_eq!(password_state(invalid), Ok(PasswordState::Invalid), "{invalid}");
        }
    }

    #[test]
    fn a_scheme_that_is_not_known_here_is_no_invalid_hash() {
        // The argon2 command's output for "x"; crypt(5) reserves no name for it.
        let hash = "$argon2id$v=19$m=4096,t=3,p=1$c2FsdHNhbHQ$\
                    Nf1xpgEaFA9GRHBmbWGu6GTmuUjEz6GfcDbfbBPtPpY";
        assert!(password_state(hash).unwrap_err().contains("$argon2id$"));
        assert!(!password_state(hash).unwrap_err().contains("c2Fsd"));
    }

    #[test]
    fn the_days_are_read_by_their_fields() {
        let shadow = Shadow::parse("a:*:19000:0:90:7:14:20000:\nb:*:::::::\nc:*:-1::-1::-1:-1:\n");
        let full = Aging {
            changed: Some(19_000),
            max_days: Some(90),
            inactive_days: Some(14),
            expires: Some(20_000),
        };
        assert_eq!(shadow.entries["a"].aging, full);
        assert_eq!(shadow.entries["b"].aging, Aging::default());
        assert_eq!(shadow.entries["c"].aging, Aging::default());
    }

    #[test]
    fn a_malformed_line_is_told_without_its_text() {
        let shadow = Shadow::parse("a:$1$secret\nb:*:x:0:99999:7:::\nc:*:::::::\nc:!:::::::\n");
        let told: Vec<_> =
            shadow.malformed.iter().map(|(line, name, _)| (*line, name.as_str())).collect();
        assert_eq!(told, [(1, "a"), (2, "b")]);
        assert!(!format!("{shadow:?}").contains("secret"));
        assert_eq!(shadow.entries["c"].line, 3);
    }
}
