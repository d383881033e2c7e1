//! Directory items (Btrfs on-disk format, "DIR_ITEM", "DIR_INDEX").

use std::ops::ControlFlow;

use super::key::{Key, item};
use crate::error::Result;
use crate::filesystem::FileType;
use crate::filesystem::structure::Structure;

pub(super) const NAME: &str = "btrfs directory item";

/// Bytes of an entry before its name.
const ENTRY_HEADER: usize = 30;

/// Longest name in bytes (`BTRFS_NAME_LEN`).
const MAX_NAME: usize = 255;

/// The bit of the type that marks an encrypted name (`BTRFS_FT_ENCRYPTED`).
const ENCRYPTED: u8 = 0x80;

/// One name as it stands in a directory.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry<'a> {
    /// The inode item or the root item that is named.
    pub(super) location: Key,
    pub(super) name: &'a [u8],
    pub(super) kind: u8,
    /// All its bytes.
    pub(super) raw: &'a [u8],
}

impl Entry<'_> {
    pub(super) fn file_type(&self) -> Option<FileType> {
        FileType::from_entry(self.kind)
    }
}

/// The bytes of an entry for an inode.
pub(super) fn entry(inode: u64, file_type: FileType, name: &[u8]) -> Vec<u8> {
    let mut raw = inode.to_le_bytes().to_vec();
    raw.push(item::INODE_ITEM);
    // The key's offset, the transaction and the length of data.
    raw.extend([0; 18]);
    raw.extend(u16::try_from(name.len()).unwrap_or(u16::MAX).to_le_bytes());
    raw.push(file_type.entry());
    raw.extend(name);
    raw
}

/// Calls `visit` for each entry of one item, until it breaks. Names with one hash share an item.
pub(super) fn entries(
    s: &Structure<'_>,
    visit: &mut dyn FnMut(Entry<'_>) -> Result<ControlFlow<()>>,
) -> Result<ControlFlow<()>> {
    let mut rest = *s;
    while !rest.raw.is_empty() {
        let data = usize::from(rest.u16(25)?);
        let len = usize::from(rest.u16(27)?);
        let name = rest.bytes(ENTRY_HEADER, len)?;
        let kind = rest.u8(29)?;
        if kind & ENCRYPTED != 0 {
            return Err(rest.unsupported(29, "an encrypted name"));
        }
        check_name(&rest, ENTRY_HEADER, name)?;
        let end = ENTRY_HEADER.saturating_add(len);
        let end = end.saturating_add(data);
        let raw = rest.bytes(0, end)?;
        if visit(Entry { location: rest.key(0)?, name, kind, raw })?.is_break() {
            return Ok(ControlFlow::Break(()));
        }
        rest = rest.after(end);
    }
    Ok(ControlFlow::Continue(()))
}

/// Fails for a name that no file can have.
pub(super) fn check_name(s: &Structure<'_>, at: usize, name: &[u8]) -> Result<()> {
    let is_name = (1..=MAX_NAME).contains(&name.len())
        && !matches!(name, b"." | b"..")
        && !name.iter().any(|byte| matches!(byte, 0 | b'/'));
    if is_name {
        return Ok(());
    }
    let found = format!("{:?}", String::from_utf8_lossy(name));
    Err(s.corrupt(at, format!("a name of 1 to {MAX_NAME} bytes without '/' and NUL"), found))
}
