//! Names of keys and values: how they are stored, and when two are the same.
//!
//! Source: regf, "Key node" and "Key value".

use crate::error::Result;
use crate::filesystem::structure::Structure;

/// Letters that have an uppercase in today's Unicode and none in the table by which Windows compares
/// (`l_intl.nls`, Windows 7; NTFS writes the same table into `$UpCase`): first and last of each range.
/// Newer tables differ in letters of these ranges, which no known key is named with.
const WITHOUT_UPPERCASE: [(u16, u16); 21] = [
    (0x019b, 0x019b),
    (0x023f, 0x0240),
    (0x0252, 0x0252),
    (0x025c, 0x025c),
    (0x0261, 0x0261),
    (0x0264, 0x0266),
    (0x026a, 0x026a),
    (0x026c, 0x026c),
    (0x0282, 0x0282),
    (0x0287, 0x0287),
    (0x029d, 0x029e),
    (0x03f3, 0x03f3),
    (0x0525, 0x052f),
    (0x10d0, 0x1c8a),
    (0x1d8e, 0x1d8e),
    (0x2c5f, 0x2c5f),
    (0x2cec, 0x2cf3),
    (0x2d27, 0x2d2d),
    (0xa661, 0xa661),
    (0xa699, 0xa69b),
    (0xa791, 0xabbf),
];

/// A stored name: one byte a character (of Latin-1), or UTF-16, little-endian.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stored<'a> {
    bytes: &'a [u8],
    compressed: bool,
}

impl<'a> Stored<'a> {
    /// The `len` bytes at byte `at` of `s`.
    ///
    /// # Errors
    /// [`crate::Error::Corrupt`] when they are not there, or are UTF-16 of half a unit.
    pub(super) fn read(s: &Structure<'a>, at: usize, len: usize, compressed: bool) -> Result<Self> {
        let bytes = s.bytes(at, len)?;
        if !compressed && !len.is_multiple_of(2) {
            return Err(s.corrupt(at, "a name of whole UTF-16 units", format!("{len} bytes")));
        }
        Ok(Self { bytes, compressed })
    }

    fn units(self) -> impl Iterator<Item = u16> {
        let (pairs, _) = self.bytes.as_chunks::<2>();
        let wide = pairs.iter().map(|pair| u16::from_le_bytes(*pair));
        let narrow = self.bytes.iter().map(|byte| u16::from(*byte));
        let (wide, narrow) =
            if self.compressed { (None, Some(narrow)) } else { (Some(wide), None) };
        wide.into_iter().flatten().chain(narrow.into_iter().flatten())
    }

    /// As text; what is no Unicode becomes U+FFFD.
    pub(super) fn text(self) -> String {
        char::decode_utf16(self.units()).map(|char| char.unwrap_or('\u{fffd}')).collect()
    }

    /// Whether it is `wanted`, which [`Wanted::new`] made ready.
    pub(super) fn is(self, wanted: &Wanted) -> bool {
        self.units().map(upcase).eq(wanted.0.iter().copied())
    }
}

/// A name that is looked for: UTF-16 in upper case.
#[derive(Debug)]
pub(super) struct Wanted(Vec<u16>);

impl Wanted {
    pub(super) fn new(name: &str) -> Self {
        Self(name.encode_utf16().map(upcase).collect())
    }

    /// The hash of the name in a hash leaf (regf, "Hash leaf").
    pub(super) fn hash(&self) -> u32 {
        self.0
            .iter()
            .fold(0, |hash: u32, unit| hash.wrapping_mul(37).wrapping_add(u32::from(*unit)))
    }
}

/// The uppercase of a UTF-16 unit by Windows' table: by units, so that no letter beyond the first
/// plane has one, and only where the uppercase leads back to the letter.
pub(super) fn upcase(unit: u16) -> u16 {
    match unit {
        0..0x80 => return u16::from(unit.to_le_bytes()[0].to_ascii_uppercase()),
        // Greek letters with iota, whose uppercase is two letters in Unicode.
        0x1f80..0x1fb0 => return unit | 8,
        0x1fb3 | 0x1fc3 | 0x1ff3 => return unit.wrapping_add(9),
        _ => {}
    }
    if WITHOUT_UPPERCASE.iter().any(|(first, last)| (*first..=*last).contains(&unit)) {
        return unit;
    }
    let Some(letter) = char::from_u32(u32::from(unit)) else { return unit };
    let upper = single(letter.to_uppercase());
    upper
        .filter(|upper| single(upper.to_lowercase()) == Some(letter))
        .and_then(|upper| u16::try_from(u32::from(upper)).ok())
        .unwrap_or(unit)
}

/// The one letter that there is.
fn single(mut letters: impl Iterator<Item = char>) -> Option<char> {
    letters.next().filter(|_| letters.next().is_none())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_have_the_uppercase_of_windows_table() {
        // mkntfs writes the table of Windows into each volume.
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/ntfs/default.img.zst");
        let volume = zstd::decode_all(std::fs::read(path).unwrap().as_slice()).unwrap();
        let first: Vec<u8> = (0..0x61_u16).chain([0x41]).flat_map(u16::to_le_bytes).collect();
        let at = volume.windows(first.len()).position(|bytes| bytes == first).unwrap();
        let (table, _) = volume[at..][..1 << 17].as_chunks::<2>();
        let differ: Vec<_> = (0..=u16::MAX)
            .zip(table)
            .filter(|(unit, upper)| upcase(*unit) != u16::from_le_bytes(**upper))
            .map(|(unit, _)| format!("{unit:#06x}"))
            .collect();
        assert!(differ.is_empty(), "{differ:?}");
    }
}
