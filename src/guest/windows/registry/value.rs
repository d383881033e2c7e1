//! Values and their data.
//!
//! Source: regf, "Key values list", "Key value" and "Data types".

use super::big_data;
use super::bins::Bins;
use super::name::{Stored, Wanted};
use crate::error::{Error, Result};

/// Most values of one key. Windows itself has no bound; the largest known keys have some thousands.
pub const MAX_VALUES: u32 = 65_536;

/// Longest data of one value in bytes. Windows' bound is 1 MiB in older hives and memory in newer
/// ones; the longest known data of system hives are some MiB of a cache.
pub const MAX_DATA: u32 = 16 << 20;

/// Most texts of one list; the longest known ones have some thousands. Each costs some 30 bytes beside its
/// own, which may be two.
pub const MAX_TEXTS: usize = 65_536;

/// Most bytes of names and data that the values of one key have together, when all are asked for.
pub const MAX_VALUES_BYTES: u64 = 32 << 20;

/// Most bytes of name and data of one value that is asked for by its name: Windows' own bound in older
/// hives, and far above what anything asks for here.
pub const MAX_VALUE_BYTES: u64 = 1 << 20;

/// Length of a key value before its name in bytes.
const HEADER: usize = 20;

/// Set in the size of data that stand in the place of their offset.
const RESIDENT: u32 = 1 << 31;

/// The name is stored with one byte a character.
const COMPRESSED: u16 = 1;

/// A value of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Value {
    /// Its name, empty for the default value; what is no Unicode in it is U+FFFD.
    pub name: String,
    /// What its data is said to be.
    pub kind: ValueType,
    /// Its data as it is stored, at most [`MAX_DATA`] bytes.
    pub data: Vec<u8>,
}

/// What data is said to be. Nobody checks that it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "each is the name of what it stands for")]
#[non_exhaustive]
pub enum ValueType {
    None,
    Sz,
    ExpandSz,
    Binary,
    Dword,
    DwordBigEndian,
    Link,
    MultiSz,
    ResourceList,
    FullResourceDescriptor,
    ResourceRequirementsList,
    Qword,
    /// None of Windows' own: SAM keeps numbers of accounts here, drivers' keys types of properties.
    Other(u32),
}

impl From<u32> for ValueType {
    fn from(number: u32) -> Self {
        match number {
            0 => Self::None,
            1 => Self::Sz,
            2 => Self::ExpandSz,
            3 => Self::Binary,
            4 => Self::Dword,
            5 => Self::DwordBigEndian,
            6 => Self::Link,
            7 => Self::MultiSz,
            8 => Self::ResourceList,
            9 => Self::FullResourceDescriptor,
            10 => Self::ResourceRequirementsList,
            11 => Self::Qword,
            other => Self::Other(other),
        }
    }
}

impl ValueType {
    /// The number by which it is stored.
    pub fn number(self) -> u32 {
        match self {
            Self::None => 0,
            Self::Sz => 1,
            Self::ExpandSz => 2,
            Self::Binary => 3,
            Self::Dword => 4,
            Self::DwordBigEndian => 5,
            Self::Link => 6,
            Self::MultiSz => 7,
            Self::ResourceList => 8,
            Self::FullResourceDescriptor => 9,
            Self::ResourceRequirementsList => 10,
            Self::Qword => 11,
            Self::Other(number) => number,
        }
    }

    /// As `reg query` spells it; `None` for types that are none of Windows' own.
    pub fn name(self) -> Option<&'static str> {
        Some(match self {
            Self::None => "REG_NONE",
            Self::Sz => "REG_SZ",
            Self::ExpandSz => "REG_EXPAND_SZ",
            Self::Binary => "REG_BINARY",
            Self::Dword => "REG_DWORD",
            Self::DwordBigEndian => "REG_DWORD_BIG_ENDIAN",
            Self::Link => "REG_LINK",
            Self::MultiSz => "REG_MULTI_SZ",
            Self::ResourceList => "REG_RESOURCE_LIST",
            Self::FullResourceDescriptor => "REG_FULL_RESOURCE_DESCRIPTOR",
            Self::ResourceRequirementsList => "REG_RESOURCE_REQUIREMENTS_LIST",
            Self::Qword => "REG_QWORD",
            Self::Other(_) => return None,
        })
    }
}

impl Value {
    /// The number of a `REG_DWORD` or `REG_DWORD_BIG_ENDIAN` of four bytes.
    pub fn dword(&self) -> Option<u32> {
        let data = <[u8; 4]>::try_from(self.data.as_slice()).ok()?;
        match self.kind {
            ValueType::Dword => Some(u32::from_le_bytes(data)),
            ValueType::DwordBigEndian => Some(u32::from_be_bytes(data)),
            _ => None,
        }
    }

    /// The number of a `REG_QWORD` of eight bytes.
    pub fn qword(&self) -> Option<u64> {
        let data = <[u8; 8]>::try_from(self.data.as_slice()).ok()?;
        (self.kind == ValueType::Qword).then(|| u64::from_le_bytes(data))
    }

    /// The text of a `REG_SZ`, `REG_EXPAND_SZ` (not expanded) or `REG_LINK`, up to the first NUL.
    pub fn text(&self) -> Option<String> {
        let is_text = matches!(self.kind, ValueType::Sz | ValueType::ExpandSz | ValueType::Link);
        is_text.then(|| decode(self.units().take_while(|unit| *unit != 0)))
    }

    /// The texts of a `REG_MULTI_SZ`, without the empty one at the end of the list. Empty ones on the
    /// way are kept; most readers of Windows stop at the first.
    ///
    /// # Errors
    /// [`Error::Limit`] for more than [`MAX_TEXTS`].
    pub fn texts(&self) -> Result<Option<Vec<String>>> {
        if self.kind != ValueType::MultiSz {
            return Ok(None);
        }
        // Each ends with a NUL, and so does the list.
        let most = MAX_TEXTS.saturating_add(usize::from(self.data.ends_with(&[0; 4])));
        if self.units().filter(|unit| *unit == 0).count() > most {
            return Err(Error::too_much("registry value", MAX_TEXTS, "texts"));
        }
        let units: Vec<u16> = self.units().collect();
        let mut texts: Vec<_> =
            units.split(|unit| *unit == 0).map(|text| decode(text.iter().copied())).collect();
        // What follows the last NUL, and the empty text that ends the list.
        for _ in 0..2 {
            if texts.last().is_some_and(String::is_empty) {
                texts.pop();
            }
        }
        Ok(Some(texts))
    }

    fn units(&self) -> impl Iterator<Item = u16> {
        let (units, _) = self.data.as_chunks::<2>();
        units.iter().map(|unit| u16::from_le_bytes(*unit))
    }
}

fn decode(units: impl Iterator<Item = u16>) -> String {
    char::decode_utf16(units).map(|char| char.unwrap_or('\u{fffd}')).collect()
}

/// The offsets in the list at cell `list`, of a key that says it has `count` values.
fn offsets(bins: &Bins, list: u32, count: u32) -> Result<Vec<u32>> {
    if count == 0 {
        return Ok(Vec::new());
    }
    if count > MAX_VALUES {
        let (structure, limit) = ("registry key node", u64::from(MAX_VALUES));
        return Err(Error::Limit { structure, limit, unit: "values" });
    }
    let content = bins.cell("registry key values list", list)?.exact(count.saturating_mul(4))?;
    let raw = content.into_raw();
    let (offsets, _) = raw.as_chunks::<4>();
    Ok(offsets.iter().map(|offset| u32::from_le_bytes(*offset)).collect())
}

/// The value of that name.
///
/// # Errors
/// As [`super::Key::value`].
pub(super) fn find(bins: &Bins, list: u32, count: u32, wanted: &Wanted) -> Result<Option<Value>> {
    for offset in offsets(bins, list, count)? {
        let mut left = MAX_VALUE_BYTES;
        let found = read(bins, offset, (&mut left, MAX_VALUE_BYTES), |name| name.is(wanted))?;
        if found.is_some() {
            return Ok(found);
        }
    }
    Ok(None)
}

/// All values.
///
/// # Errors
/// As [`super::Key::values`].
pub(super) fn all(bins: &Bins, list: u32, count: u32) -> Result<Vec<Value>> {
    let mut left = MAX_VALUES_BYTES;
    let mut values = Vec::new();
    for offset in offsets(bins, list, count)? {
        values.extend(read(bins, offset, (&mut left, MAX_VALUES_BYTES), |_| true)?);
    }
    Ok(values)
}

/// The value in the cell at `offset`, if it is the one that is looked for; its length is taken from
/// `left` before memory is taken for its data.
fn read(
    bins: &Bins,
    offset: u32,
    (left, limit): (&mut u64, u64),
    wanted: impl FnOnce(Stored<'_>) -> bool,
) -> Result<Option<Value>> {
    let cell = bins.cell("registry key value", offset)?;
    let header = cell.prefix(HEADER)?;
    let s = header.s();
    let signature = s.bytes(0, 2)?;
    if signature != b"vk" {
        let found = format!("{:?}", String::from_utf8_lossy(signature));
        return Err(s.corrupt(0, "\"vk\"", found));
    }
    let name_len = usize::from(s.u16(2)?);
    let content = cell.prefix(HEADER.saturating_add(name_len))?;
    let s = content.s();
    let name = Stored::read(&s, HEADER, name_len, s.u16(16)? & COMPRESSED != 0)?;
    if !wanted(name) {
        return Ok(None);
    }
    let (size, data) = (s.u32(4)?, s.u32(8)?);
    let len = size & !RESIDENT;
    let cost = u64::from(len).saturating_add(u64::try_from(name_len).unwrap_or(u64::MAX));
    *left = left.checked_sub(cost).ok_or(Error::Limit {
        structure: "values of a registry key",
        limit,
        unit: "bytes",
    })?;
    let data = if size & RESIDENT != 0 {
        if len > 4 {
            return Err(s.corrupt(4, "at most 4 bytes in the place of the offset", len));
        }
        s.bytes(8, usize::try_from(len).unwrap_or(0))?.to_vec()
    } else if len == 0 {
        Vec::new()
    } else if len > MAX_DATA {
        let (structure, limit) = ("data of a registry value", u64::from(MAX_DATA));
        return Err(Error::Limit { structure, limit, unit: "bytes" });
    } else {
        let cell = bins.cell("data of a registry value", data)?;
        // Version 1.3 has no big data: there the cell is as long as it must be.
        if len > big_data::SEGMENT && bins.minor > 3 {
            big_data::read(bins, &cell, len)?
        } else {
            cell.exact(len)?.into_raw()
        }
    };
    Ok(Some(Value { name: name.text(), kind: s.u32(12)?.into(), data }))
}
