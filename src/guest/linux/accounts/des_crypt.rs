//! The traditional crypt(3): 25 rounds of DES over zeroes, salted.
//!
//! Source: FIPS 46-3 for DES (initial and final permutation, E, P, the S-boxes, PC-1, PC-2); crypt(5)
//! for the key (seven bits of each of the first eight characters) and for the salt, whose twelve bits
//! swap bits of E's output with those 24 further on.

use zeroize::Zeroize;

const ITOA64: &[u8; 64] = b"./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// FIPS 46-3, tables by the numbers printed there: bit 1 is the highest.
const INITIAL: [u8; 64] = [
    58, 50, 42, 34, 26, 18, 10, 2, 60, 52, 44, 36, 28, 20, 12, 4, 62, 54, 46, 38, 30, 22, 14, 6,
    64, 56, 48, 40, 32, 24, 16, 8, 57, 49, 41, 33, 25, 17, 9, 1, 59, 51, 43, 35, 27, 19, 11, 3, 61,
    53, 45, 37, 29, 21, 13, 5, 63, 55, 47, 39, 31, 23, 15, 7,
];
const FINAL: [u8; 64] = [
    40, 8, 48, 16, 56, 24, 64, 32, 39, 7, 47, 15, 55, 23, 63, 31, 38, 6, 46, 14, 54, 22, 62, 30,
    37, 5, 45, 13, 53, 21, 61, 29, 36, 4, 44, 12, 52, 20, 60, 28, 35, 3, 43, 11, 51, 19, 59, 27,
    34, 2, 42, 10, 50, 18, 58, 26, 33, 1, 41, 9, 49, 17, 57, 25,
];
const EXPANSION: [u8; 48] = [
    32, 1, 2, 3, 4, 5, 4, 5, 6, 7, 8, 9, 8, 9, 10, 11, 12, 13, 12, 13, 14, 15, 16, 17, 16, 17, 18,
    19, 20, 21, 20, 21, 22, 23, 24, 25, 24, 25, 26, 27, 28, 29, 28, 29, 30, 31, 32, 1,
];
const P: [u8; 32] = [
    16, 7, 20, 21, 29, 12, 28, 17, 1, 15, 23, 26, 5, 18, 31, 10, 2, 8, 24, 14, 32, 27, 3, 9, 19,
    13, 30, 6, 22, 11, 4, 25,
];
const PC_1: [u8; 56] = [
    57, 49, 41, 33, 25, 17, 9, 1, 58, 50, 42, 34, 26, 18, 10, 2, 59, 51, 43, 35, 27, 19, 11, 3, 60,
    52, 44, 36, 63, 55, 47, 39, 31, 23, 15, 7, 62, 54, 46, 38, 30, 22, 14, 6, 61, 53, 45, 37, 29,
    21, 13, 5, 28, 20, 12, 4,
];
const PC_2: [u8; 48] = [
    14, 17, 11, 24, 1, 5, 3, 28, 15, 6, 21, 10, 23, 19, 12, 4, 26, 8, 16, 7, 27, 20, 13, 2, 41, 52,
    31, 37, 47, 55, 30, 40, 51, 45, 33, 48, 44, 49, 39, 56, 34, 53, 46, 42, 50, 36, 29, 32,
];
const SHIFTS: [u32; 16] = [1, 1, 2, 2, 2, 2, 2, 2, 1, 2, 2, 2, 2, 2, 2, 1];
#[rustfmt::skip]
const S_BOXES: [[u8; 64]; 8] = [
    [14,4,13,1,2,15,11,8,3,10,6,12,5,9,0,7, 0,15,7,4,14,2,13,1,10,6,12,11,9,5,3,8,
     4,1,14,8,13,6,2,11,15,12,9,7,3,10,5,0, 15,12,8,2,4,9,1,7,5,11,3,14,10,0,6,13],
    [15,1,8,14,6,11,3,4,9,7,2,13,12,0,5,10, 3,13,4,7,15,2,8,14,12,0,1,10,6,9,11,5,
     0,14,7,11,10,4,13,1,5,8,12,6,9,3,2,15, 13,8,10,1,3,15,4,2,11,6,7,12,0,5,14,9],
    [10,0,9,14,6,3,15,5,1,13,12,7,11,4,2,8, 13,7,0,9,3,4,6,10,2,8,5,14,12,11,15,1,
     13,6,4,9,8,15,3,0,11,1,2,12,5,10,14,7, 1,10,13,0,6,9,8,7,4,15,14,3,11,5,2,12],
    [7,13,14,3,0,6,9,10,1,2,8,5,11,12,4,15, 13,8,11,5,6,15,0,3,4,7,2,12,1,10,14,9,
     10,6,9,0,12,11,7,13,15,1,3,14,5,2,8,4, 3,15,0,6,10,1,13,8,9,4,5,11,12,7,2,14],
    [2,12,4,1,7,10,11,6,8,5,3,15,13,0,14,9, 14,11,2,12,4,7,13,1,5,0,15,10,3,9,8,6,
     4,2,1,11,10,13,7,8,15,9,12,5,6,3,0,14, 11,8,12,7,1,14,2,13,6,15,0,9,10,4,5,3],
    [12,1,10,15,9,2,6,8,0,13,3,4,14,7,5,11, 10,15,4,2,7,12,9,5,6,1,13,14,0,11,3,8,
     9,14,15,5,2,8,12,3,7,0,4,10,1,13,11,6, 4,3,2,12,9,5,15,10,11,14,1,7,6,0,8,13],
    [4,11,2,14,15,0,8,13,3,12,9,7,5,10,6,1, 13,0,11,7,4,9,1,10,14,3,5,12,2,15,8,6,
     1,4,11,13,12,3,7,14,10,15,6,8,0,5,9,2, 6,11,13,8,1,4,10,7,9,5,0,15,14,2,3,12],
    [13,2,8,4,6,15,11,1,10,9,3,14,5,0,12,7, 1,15,13,8,10,3,7,4,12,5,6,11,0,14,9,2,
     7,11,4,1,9,12,14,2,0,6,10,13,15,3,5,8, 2,1,14,7,4,10,8,13,15,12,9,0,3,5,6,11],
];

/// How often DES runs over the block.
const ITERATIONS: u32 = 25;

/// Bits of one half of a key.
const HALF_KEY: u64 = (1 << 28) - 1;

/// The bits of `value`, of which `width` count, in the order of a table.
fn permuted(value: u64, width: u32, table: &[u8]) -> u64 {
    table.iter().fold(0, |bits, &from| {
        let bit = value.checked_shr(width.saturating_sub(u32::from(from))).unwrap_or(0) & 1;
        bits << 1 | bit
    })
}

fn round_keys(key: u64) -> [u64; 16] {
    let halves = permuted(key, 64, &PC_1);
    let (mut c, mut d) = (halves >> 28, halves & HALF_KEY);
    SHIFTS.map(|shift| {
        for half in [&mut c, &mut d] {
            *half = (*half << shift | *half >> 28_u32.saturating_sub(shift)) & HALF_KEY;
        }
        permuted(c << 28 | d, 56, &PC_2)
    })
}

/// f(R, K), its expansion salted.
fn cipher_function(right: u64, key: u64, salt: u64) -> u64 {
    let expanded = permuted(right, 32, &EXPANSION);
    // Salt bit i swaps bit i of the upper 24 with bit i of the lower 24.
    let swapped = (expanded >> 24 ^ expanded) & salt;
    let input = expanded ^ swapped ^ swapped << 24 ^ key;
    let mut output = 0;
    for (box_, shift) in S_BOXES.iter().zip([42_u32, 36, 30, 24, 18, 12, 6, 0]) {
        let six = input >> shift & 0x3f;
        // The outer bits choose the row, the inner ones the column.
        let row = (six >> 4 & 2) | six & 1;
        let index = usize::try_from(row << 4 | six >> 1 & 0xf).unwrap_or_default();
        output = output << 4 | u64::from(box_.get(index).copied().unwrap_or_default());
    }
    permuted(output, 32, &P)
}

fn character(byte: u8) -> Option<u64> {
    u64::try_from(ITOA64.iter().position(|c| *c == byte)?).ok()
}

/// The thirteen characters that a password gives with the salt of `setting` (its first two
/// characters); `None` when those are none.
pub(super) fn hash(password: &[u8], setting: &str) -> Option<String> {
    let [first, second, ..] = *setting.as_bytes() else { return None };
    let number = character(first)? | character(second)? << 6;
    // Bit 0 of the salt belongs to bit 1, the highest, of E's 24.
    let salt = (0..12).fold(0, |bits: u64, bit| bits << 1 | number >> bit & 1) << 12;

    let mut key = 0_u64;
    let padded = password.iter().copied().chain(std::iter::repeat(0)).take(8);
    for byte in padded {
        key = key << 8 | u64::from(byte << 1);
    }
    let mut keys = round_keys(key);
    key.zeroize();

    let mut block = 0_u64;
    for _ in 0..ITERATIONS {
        let start = permuted(block, 64, &INITIAL);
        let (mut left, mut right) = (start >> 32, start & 0xffff_ffff);
        for key in keys {
            (left, right) = (right, left ^ cipher_function(right, key, salt));
        }
        block = permuted(right << 32 | left, 64, &FINAL);
    }
    keys.zeroize();

    let mut text = String::with_capacity(13);
    text.extend([char::from(first), char::from(second)]);
    // 64 bits and two zero bits, six at a time, the highest first.
    let bits = u128::from(block) << 2;
    for shift in [60_u32, 54, 48, 42, 36, 30, 24, 18, 12, 6, 0] {
        let index = usize::try_from(bits >> shift & 0x3f).unwrap_or_default();
        text.push(char::from(ITOA64.get(index).copied().unwrap_or(b'.')));
    }
    Some(text)
}
