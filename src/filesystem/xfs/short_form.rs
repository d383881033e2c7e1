//! Directories inside their inode (*XFS Algorithms & Data Structures*, "Shortform Directories").

use super::directory::{Entry, Visit};
use super::geometry::Geometry;
use super::inode::Inode;
use crate::error::Result;

/// Bytes of an entry before the name: its length, and a place that only cookies need.
const ENTRY_HEADER: usize = 3;

/// Calls `visit` for each entry, until it breaks. `.` and `..` are not among them.
pub(super) fn walk(
    geometry: &Geometry,
    has_file_type: bool,
    inode: &Inode<'_>,
    visit: &mut Visit<'_>,
) -> Result<()> {
    let s = inode.local()?;
    let (count, wide_count) = (s.u8(0)?, s.u8(1)?);
    // Inode numbers have 4 bytes while none needs more; with wide ones, both counts are equal.
    let number_len = if wide_count > 0 { 8 } else { 4 };
    let mut at = 2_usize.saturating_add(number_len);
    for _ in 0..count {
        let name_len = usize::from(s.u8(at)?);
        let name = s.bytes(at.saturating_add(ENTRY_HEADER), name_len)?;
        if name.is_empty() {
            return Err(s.corrupt(at, "a name", "an empty one"));
        }
        let start = at;
        at = at.saturating_add(ENTRY_HEADER).saturating_add(name_len);
        let mut file_type = 0;
        if has_file_type {
            file_type = s.u8(at)?;
            at = at.saturating_add(1);
        }
        let number = if number_len == 8 { s.be64(at)? } else { u64::from(s.be32(at)?) };
        at = at.saturating_add(number_len);
        let entry = Entry { inode: number, name, file_type };
        entry
            .check_inode(geometry)
            .map_err(|found| s.corrupt(start, "an inode number inside the volume", found))?;
        if visit(entry)?.is_break() {
            return Ok(());
        }
    }
    if at != s.raw.len() {
        let expected = format!("{count} entries in {} bytes", s.raw.len());
        return Err(s.corrupt(0, expected, format!("{at} bytes")));
    }
    Ok(())
}
