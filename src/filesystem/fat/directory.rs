//! Directory entries, and the long names in front of them.
//!
//! Source: fatgen103, "FAT Directory Structure" and "FAT Long Directory Entries"; where damaged long
//! names are concerned, `fs/fat/dir.c` (`fat_parse_long`).

use super::boot_sector::DIR_ENTRY;
use super::name;

/// Attributes.
const READ_ONLY: u8 = 0x01;
const VOLUME_LABEL: u8 = 0x08;
const DIRECTORY: u8 = 0x10;
/// All of read-only, hidden, system and label together: a part of a long name.
const LONG_NAME: u8 = 0x0f;

/// First byte of a name: no entry here and behind; no entry here; stands for E5.
const END: u8 = 0x00;
const DELETED: u8 = 0xe5;
const KANJI_E5: u8 = 0x05;

/// Most parts of a long name (20 × 13 = 260 UTF-16 units; a name has at most 255).
const MAX_PARTS: u8 = 20;

/// UTF-16 units in one part.
const PART: usize = 13;

/// Flag on the part that comes first, which holds the name's end.
const LAST_PART: u8 = 0x40;

/// The bytes of an entry.
pub(super) type Raw = [u8; 32];

const _: () = assert!(DIR_ENTRY == 32, "the length of Raw");

/// An entry that names a file or directory.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry {
    raw: Raw,
}

impl Entry {
    /// The entry, unless it is free, a part of a long name, or the volume's label.
    pub(super) fn parse(raw: Raw) -> Option<Self> {
        let [first, .., _] = raw;
        let entry = Self { raw };
        let named = first != END && first != DELETED && entry.attributes() & VOLUME_LABEL == 0;
        named.then_some(entry)
    }

    fn byte(&self, offset: usize) -> u8 {
        self.raw.get(offset).copied().unwrap_or(0)
    }

    fn short(&self, offset: usize) -> u16 {
        u16::from_le_bytes([self.byte(offset), self.byte(offset.saturating_add(1))])
    }

    fn attributes(&self) -> u8 {
        self.byte(11)
    }

    pub(super) fn is_directory(&self) -> bool {
        self.attributes() & DIRECTORY != 0
    }

    pub(super) fn is_read_only(&self) -> bool {
        self.attributes() & READ_ONLY != 0
    }

    /// Whether it is `.` or `..`.
    pub(super) fn is_dot(&self) -> bool {
        self.raw.starts_with(b".          ") || self.raw.starts_with(b"..         ")
    }

    /// First cluster; the upper half is only there on FAT32.
    pub(super) fn first_cluster(&self, wide: bool) -> u32 {
        let high = if wide { u32::from(self.short(20)) << 16 } else { 0 };
        high | u32::from(self.short(26))
    }

    /// Length of a file in bytes.
    pub(super) fn size(&self) -> u32 {
        u32::from(self.short(28)) | u32::from(self.short(30)) << 16
    }

    /// Last change in seconds since 1970; local time, of which the zone is not known, taken as UTC.
    pub(super) fn modified(&self) -> i64 {
        let (time, date) = (self.short(22), self.short(24));
        let seconds = i64::from(time >> 11)
            .saturating_mul(60)
            .saturating_add(i64::from(time >> 5 & 0x3f))
            .saturating_mul(60)
            .saturating_add(i64::from(time & 0x1f).saturating_mul(2));
        let year = i64::from(date >> 9).saturating_add(1980);
        let month = i64::from(date >> 5 & 0x0f).clamp(1, 12);
        let day = i64::from(date & 0x1f).max(1);
        days(year, month, day).saturating_mul(86_400).saturating_add(seconds)
    }

    /// The short name, in the case that Windows NT's flags give it.
    pub(super) fn short_name(&self) -> String {
        let mut bytes: [u8; 11] = self.raw.first_chunk().copied().unwrap_or_default();
        if let [first @ KANJI_E5, ..] = &mut bytes {
            *first = DELETED;
        }
        name::from_short(&bytes, self.byte(12))
    }

    /// The checksum by which a long name belongs to this short one.
    fn checksum(&self) -> u8 {
        self.raw.iter().take(11).fold(0, |sum: u8, byte| sum.rotate_right(1).wrapping_add(*byte))
    }
}

/// Days since 1970 of a date from 1980 to 2107.
fn days(year: i64, month: i64, day: i64) -> i64 {
    const BEFORE_MONTH: [i64; 12] = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334];
    // 1980 and every fourth year is a leap year, save 2100.
    let years = year.saturating_sub(1980);
    let is_leap = years % 4 == 0 && year != 2100;
    let leap_days = years
        .saturating_add(3)
        .saturating_div(4)
        .saturating_sub(i64::from(year > 2100))
        .saturating_add(i64::from(is_leap && month > 2));
    let before = usize::try_from(month.saturating_sub(1)).ok().and_then(|m| BEFORE_MONTH.get(m));
    // 3652 days from 1970-01-01 to 1980-01-01.
    [3652, years.saturating_mul(365), leap_days, before.copied().unwrap_or(0), day, -1].iter().sum()
}

/// A long name, gathered part by part from its end to its start.
pub(super) struct LongName {
    units: [u16; PART * 20],
    /// Number of the part that must come next; 0 when the name is whole.
    expected: u8,
    checksum: u8,
    whole: bool,
}

impl LongName {
    /// No part yet.
    pub(super) fn new() -> Self {
        Self { units: [0; PART * 20], expected: 0, checksum: 0, whole: false }
    }

    /// Takes the next entry when it is a part of a long name. A part that does not fit to those
    /// before it makes them orphans, and may begin a new name.
    pub(super) fn take(&mut self, raw: &Raw) -> bool {
        let [number, units @ ..] = *raw;
        let [_, _, _, _, _, _, _, _, _, _, attributes, _, checksum, ..] = units;
        if attributes != LONG_NAME || number == DELETED || number == END {
            return false;
        }
        let part = number & !LAST_PART;
        if number & LAST_PART != 0 {
            *self = Self::new();
            self.checksum = checksum;
            self.expected = part;
        }
        let fits =
            part != 0 && part <= MAX_PARTS && part == self.expected && checksum == self.checksum;
        if !fits {
            *self = Self::new();
            return true;
        }
        let start = usize::from(part).saturating_sub(1).saturating_mul(PART);
        // Ten bytes behind the number, twelve behind the checksum, four at the end.
        let places = (1..11).chain(14..26).chain(28..32);
        let mut bytes = places.map(|place| raw.get(place).copied().unwrap_or(0));
        for unit in self.units.iter_mut().skip(start).take(PART) {
            *unit = u16::from_le_bytes([bytes.next().unwrap_or(0), bytes.next().unwrap_or(0)]);
        }
        self.expected = part.saturating_sub(1);
        self.whole = self.expected == 0;
        true
    }

    /// The name, if it is whole and belongs to `entry`; there is none afterwards.
    pub(super) fn finish(&mut self, entry: &Entry) -> Option<String> {
        let this = std::mem::replace(self, Self::new());
        if !this.whole || this.checksum != entry.checksum() {
            return None;
        }
        let units = this.units.iter().copied().take_while(|unit| *unit != 0);
        let name: String = char::decode_utf16(units)
            .map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER))
            .collect();
        name::is_sound(&name).then_some(name)
    }

    /// Forgets the parts so far.
    pub(super) fn reset(&mut self) {
        *self = Self::new();
    }
}

/// Whether no entry stands here or behind.
pub(super) fn is_end(raw: &Raw) -> bool {
    raw.starts_with(&[END])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_counted_across_leap_years() {
        // By `date -u -d … +%s`, divided by 86,400.
        assert_eq!(days(1980, 1, 1), 3652);
        assert_eq!(days(1980, 3, 1), 3712);
        assert_eq!(days(2000, 2, 29), 11_016);
        assert_eq!(days(2024, 12, 31), 20_088);
        assert_eq!(days(2100, 3, 1), 47_541);
        assert_eq!(days(2101, 1, 1), 47_847);
    }
}
