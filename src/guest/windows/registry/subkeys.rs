//! Lists of subkeys: index leaf, fast leaf, hash leaf, and the index root over several of them.
//!
//! Source: regf, "Index leaf" to "Index root".

use super::bins::Bins;
use crate::error::{Error, Result};

/// Most subkeys of one key. Windows itself has no bound; the largest known keys of the hives that
/// are read here have some 20,000.
pub const MAX_SUBKEYS: u32 = 65_536;

/// A key in a list of subkeys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Element {
    /// Offset of the key node.
    pub(super) offset: u32,
    /// The hash of its name, where the list has one.
    pub(super) hash: Option<u32>,
}

/// The list at cell `list`, of a key that says it has `count` subkeys.
///
/// # Errors
/// [`Error::Corrupt`] when a list is none, when there are more or fewer elements than `count`;
/// [`Error::Limit`] above [`MAX_SUBKEYS`].
pub(super) fn read(bins: &Bins, list: u32, count: u32) -> Result<Vec<Element>> {
    if count == 0 {
        return Ok(Vec::new());
    }
    if count > MAX_SUBKEYS {
        let (structure, limit) = ("registry key node", u64::from(MAX_SUBKEYS));
        return Err(Error::Limit { structure, limit, unit: "subkeys" });
    }
    let most = usize::try_from(count).unwrap_or(usize::MAX);
    let mut elements = Vec::new();
    let place = leaf(bins, list, most, &mut elements, Level::Top)?;
    if elements.len() != most {
        let (expected, found) = (format!("{count} subkeys"), elements.len().to_string());
        return Err(Error::corrupt("registry subkeys list", place, expected, found));
    }
    Ok(elements)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Level {
    Top,
    BelowRoot,
}

/// Adds the elements of the list at cell `offset`; gives where it lies in the file.
fn leaf(
    bins: &Bins,
    offset: u32,
    most: usize,
    elements: &mut Vec<Element>,
    level: Level,
) -> Result<u64> {
    let cell = bins.cell("registry subkeys list", offset)?;
    let header = cell.prefix(4)?;
    let count = header.s().u16(2)?;
    let (size, signature) = match header.s().bytes(0, 2)? {
        b"li" => (4, *b"li"),
        b"lf" => (8, *b"lf"),
        b"lh" => (8, *b"lh"),
        // An index root cannot point to another one.
        b"ri" if level == Level::Top => (4, *b"ri"),
        other => {
            let found = format!("{:?}", String::from_utf8_lossy(other));
            let expected = match level {
                Level::Top => "\"li\", \"lf\", \"lh\" or \"ri\"",
                Level::BelowRoot => "\"li\", \"lf\" or \"lh\"",
            };
            return Err(header.s().corrupt(0, expected, found));
        }
    };
    let content = cell.exact(u32::from(count).saturating_mul(size).saturating_add(4))?;
    let s = content.s();
    for index in 0..usize::from(count) {
        let at = index.saturating_mul(usize::try_from(size).unwrap_or(8)).saturating_add(4);
        let offset = s.u32(at)?;
        if signature == *b"ri" {
            leaf(bins, offset, most, elements, Level::BelowRoot)?;
        } else if elements.len() >= most {
            return Err(s.corrupt(2, format!("{most} subkeys"), "more"));
        } else {
            let hash = (signature == *b"lh").then(|| s.u32(at.saturating_add(4))).transpose()?;
            elements.push(Element { offset, hash });
        }
    }
    Ok(cell.place())
}
