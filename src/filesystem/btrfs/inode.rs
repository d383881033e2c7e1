//! Inodes (Btrfs on-disk format, "INODE_ITEM").

use crate::error::Result;
use crate::filesystem::structure::Structure;
use crate::filesystem::{FileType, Metadata};

pub(super) const NAME: &str = "btrfs inode item";

/// Longest file (`MAX_LFS_FILESIZE`): what the sign of a C `loff_t` leaves.
const MAX_SIZE: u64 = i64::MAX.unsigned_abs();

/// Where the length and the number of links stand.
const LEN: usize = 16;
const LINKS: usize = 40;

/// Overwrites a field of an item; nothing when the item is too short for it.
pub(super) fn put(raw: &mut [u8], at: usize, field: &[u8]) {
    let end = at.saturating_add(field.len());
    if let Some(place) = raw.get_mut(at..end) {
        place.copy_from_slice(field);
    }
}

pub(super) fn set_len(raw: &mut [u8], len: u64) {
    put(raw, LEN, &len.to_le_bytes());
}

pub(super) fn set_links(raw: &mut [u8], links: u32) {
    put(raw, LINKS, &links.to_le_bytes());
}

/// The transaction that made the inode.
pub(super) fn generation(s: &Structure<'_>) -> Result<u64> {
    s.u64(0)
}

/// What an inode item says.
pub(super) fn metadata(s: &Structure<'_>) -> Result<Metadata> {
    let len = s.u64(LEN)?;
    if len > MAX_SIZE {
        return Err(s.corrupt(LEN, format!("at most {MAX_SIZE} bytes"), len));
    }
    let mode = s.u32(52)?;
    let file_type = u16::try_from(mode)
        .ok()
        .and_then(FileType::from_mode)
        .ok_or_else(|| s.corrupt(52, "a mode with a file type", format!("{mode:#o}")))?;
    Ok(Metadata {
        file_type,
        len,
        mode: u16::try_from(mode & 0o7777).unwrap_or(0),
        uid: s.u32(44)?,
        gid: s.u32(48)?,
        links: s.u32(LINKS)?,
        mtime: i64::from_le_bytes(s.array(136)?),
    })
}
