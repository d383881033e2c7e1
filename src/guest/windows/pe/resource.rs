//! The version in an image's resources: a tree of type, name and language ("PE Format", the `.rsrc`
//! section), in whose leaf `VS_VERSIONINFO` begins with the numbers.

use super::{FileVersion, SectionTable, within};
use crate::bytes::Bytes;
use crate::error::{Error, Result};

/// `RT_VERSION` (Microsoft, "Resource types").
const VERSION_TYPE: u32 = 16;

/// Most entries of a directory that are looked at. Its types are a few dozen in the largest
/// libraries of Windows; a directory can name 131,070.
const MAX_ENTRIES: u32 = 4096;

/// Bytes of a directory before its entries, and of an entry.
const DIRECTORY: u32 = 16;
const ENTRY: u32 = 8;

/// Set in an entry's offset when it leads to a directory.
const IS_DIRECTORY: u32 = 1 << 31;

/// Bytes before `VS_FIXEDFILEINFO`: three words, the key `VS_VERSION_INFO` with its NUL, padding to
/// 32 bits.
const FIXED_INFO: u32 = 40;

/// `dwSignature` of `VS_FIXEDFILEINFO`.
const SIGNATURE: u32 = 0xfeef_04bd;

/// The file version of the image whose resources begin at the relative address `root`.
pub(super) fn file_version(
    bytes: &dyn Bytes,
    sections: &SectionTable,
    root: u32,
) -> Result<Option<FileVersion>> {
    let tree = Tree { bytes, sections, root };
    let Some(names) = tree.entry(0, Some(VERSION_TYPE))? else { return Ok(None) };
    // A program has one version, in one language or several that tell the same numbers.
    let Some(languages) = tree.entry(tree.directory(names)?, None)? else { return Ok(None) };
    let Some(leaf) = tree.entry(tree.directory(languages)?, None)? else { return Ok(None) };
    let data = tree.u32(leaf, 0)?;
    let size = tree.u32(leaf, 4)?;
    if size < FIXED_INFO.saturating_add(16) {
        return Ok(None);
    }
    let at = sections.offset(data, FIXED_INFO.saturating_add(16), "VS_VERSIONINFO")?;
    let field = |offset: u32| {
        let at = at.saturating_add(u64::from(FIXED_INFO)).saturating_add(u64::from(offset));
        Ok::<u32, Error>(u32::from_le_bytes(within(bytes, at, "VS_FIXEDFILEINFO")?))
    };
    if field(0)? != SIGNATURE {
        // A resource without the fixed part: `wValueLength` is 0.
        let length = u16::from_le_bytes(within(bytes, at.saturating_add(2), "VS_VERSIONINFO")?);
        if length == 0 {
            return Ok(None);
        }
        let (expected, found) = (format!("{SIGNATURE:#x}"), format!("{:#x}", field(0)?));
        return Err(Error::corrupt("VS_FIXEDFILEINFO", at, expected, found));
    }
    let halves = |value: u32| {
        let [a, b, c, d] = value.to_be_bytes();
        [u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d])]
    };
    let [major, minor] = halves(field(8)?);
    let [build, revision] = halves(field(12)?);
    Ok(Some(FileVersion([major, minor, build, revision])))
}

/// The tree of resources; places in it are relative to its root.
struct Tree<'a> {
    bytes: &'a dyn Bytes,
    sections: &'a SectionTable,
    root: u32,
}

impl Tree<'_> {
    fn array<const N: usize>(&self, place: u32, offset: u32) -> Result<[u8; N]> {
        const STRUCTURE: &str = "resource directory";
        let address = self.root.saturating_add(place).saturating_add(offset);
        let len = u32::try_from(N).unwrap_or(u32::MAX);
        within(self.bytes, self.sections.offset(address, len, STRUCTURE)?, STRUCTURE)
    }

    fn u32(&self, place: u32, offset: u32) -> Result<u32> {
        Ok(u32::from_le_bytes(self.array(place, offset)?))
    }

    /// What the entry with that identifier leads to, or the first entry when none is asked for.
    fn entry(&self, directory: u32, id: Option<u32>) -> Result<Option<u32>> {
        let named = u32::from(u16::from_le_bytes(self.array(directory, 12)?));
        let numbered = u32::from(u16::from_le_bytes(self.array(directory, 14)?));
        let count = named.saturating_add(numbered);
        for index in 0..count {
            if index >= MAX_ENTRIES {
                return Err(Error::Limit {
                    structure: "resource directory",
                    limit: u64::from(MAX_ENTRIES),
                    unit: "entries",
                });
            }
            let at = DIRECTORY.saturating_add(index.saturating_mul(ENTRY));
            let is_wanted = match id {
                Some(id) => self.u32(directory, at)? == id,
                None => true,
            };
            if is_wanted {
                return Ok(Some(self.u32(directory, at.saturating_add(4))?));
            }
        }
        Ok(None)
    }

    /// The place of a directory that an entry leads to.
    fn directory(&self, entry: u32) -> Result<u32> {
        if entry & IS_DIRECTORY == 0 {
            let found = format!("data at {entry:#x}");
            return Err(Error::corrupt("resource directory", entry.into(), "a directory", found));
        }
        Ok(entry & !IS_DIRECTORY)
    }
}
