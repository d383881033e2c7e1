//! Extended attributes inside an inode (Linux Documentation/filesystems/ext4/attributes.rst): only
//! as far as inline data needs them.

use crate::error::{Error, Result};
use crate::filesystem::structure::Structure;

const MAGIC: u32 = 0xEA02_0000;

/// Bytes of the header, and of an entry before its name.
const HEADER_SIZE: usize = 4;
const ENTRY_SIZE: usize = 16;

/// `e_name_index` of the prefix `system.`.
const SYSTEM: u8 = 7;

/// The value of `system.data` in an inode whose attributes start at byte `start`; empty when it has
/// none.
pub(super) fn system_data<'a>(inode: &Structure<'a>, start: usize) -> Result<&'a [u8]> {
    if inode.raw.len() < start.saturating_add(HEADER_SIZE) || inode.u32(start)? != MAGIC {
        return Ok(&[]);
    }
    let first = start.saturating_add(HEADER_SIZE);
    let mut at = first;
    // Each round goes on by at least one entry, so that the inode's end ends the loop.
    while inode.raw.len() >= at.saturating_add(4) && inode.u32(at)? != 0 {
        let name_len = usize::from(inode.u8(at)?);
        let name = inode.bytes(at.saturating_add(ENTRY_SIZE), name_len)?;
        if inode.u8(at.saturating_add(1))? == SYSTEM && name == b"data" {
            if inode.u32(at.saturating_add(4))? != 0 {
                let what = "system.data in an inode of its own";
                return Err(Error::unsupported("ext attribute", inode.offset, what));
            }
            let offset = usize::from(inode.u16(at.saturating_add(2))?);
            let size = inode.u32(at.saturating_add(8))?;
            let size = usize::try_from(size).unwrap_or(usize::MAX);
            return inode.bytes(first.saturating_add(offset), size);
        }
        let padded = name_len.next_multiple_of(4);
        at = at.saturating_add(ENTRY_SIZE).saturating_add(padded);
    }
    Ok(&[])
}
