//! MD5-crypt (`$1$`), as FreeBSD's and glibc's crypt(3) compute it.
//!
//! Source: Poul-Henning Kamp's description in FreeBSD's crypt(3), "Modular crypt", and passlib's
//! specification of `md5_crypt`.

use md5::{Digest, Md5};
use zeroize::Zeroize;

const ITOA64: &[u8; 64] = b"./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// Rounds are fixed.
const ROUNDS: u32 = 1000;

/// Longest salt that counts.
const MAX_SALT: usize = 8;

/// Which bytes of the digest make each group of 24 bits.
const GROUPS: [[usize; 3]; 5] = [[0, 6, 12], [1, 7, 13], [2, 8, 14], [3, 9, 15], [4, 10, 5]];

/// The 22 characters that follow the salt.
pub(super) fn digest(password: &[u8], salt: &[u8]) -> String {
    let salt = salt.get(..MAX_SALT).unwrap_or(salt);
    let mut inner = Md5::new();
    for part in [password, salt, password] {
        inner.update(part);
    }
    let mut state: [u8; 16] = inner.finalize().into();

    let mut outer = Md5::new();
    for part in [password, b"$1$", salt] {
        outer.update(part);
    }
    for chunk in password.chunks(state.len()) {
        outer.update(state.get(..chunk.len()).unwrap_or(&state));
    }
    // For each bit of the length: a zero byte, or the password's first byte.
    let mut bits = password.len();
    while bits > 0 {
        let first = password.get(..1).unwrap_or_default();
        outer.update(if bits & 1 == 1 { &[0][..] } else { first });
        bits >>= 1;
    }
    state = outer.finalize().into();

    for round in 0..ROUNDS {
        let mut next = Md5::new();
        let odd = round & 1 == 1;
        next.update(if odd { password } else { &state });
        if round.checked_rem(3) != Some(0) {
            next.update(salt);
        }
        if round.checked_rem(7) != Some(0) {
            next.update(password);
        }
        next.update(if odd { &state } else { password });
        state = next.finalize().into();
    }

    let byte = |at: usize| u32::from(state.get(at).copied().unwrap_or_default());
    let mut text = String::with_capacity(22);
    for [high, middle, low] in GROUPS {
        push(&mut text, byte(high) << 16 | byte(middle) << 8 | byte(low), 4);
    }
    push(&mut text, byte(11), 2);
    state.zeroize();
    text
}

/// The lowest six bits first.
fn push(text: &mut String, mut bits: u32, characters: u32) {
    for _ in 0..characters {
        let index = usize::try_from(bits & 0x3f).unwrap_or_default();
        text.push(char::from(ITOA64.get(index).copied().unwrap_or(b'.')));
        bits >>= 6;
    }
}
