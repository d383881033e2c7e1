//! Data blocks of directories (*XFS Algorithms & Data Structures*, "Block Directories", "Leaf
//! Directories").

use std::ops::ControlFlow;

use super::description::Description;
use super::directory::{Entry, Visit};
use super::inode::Inode;
use super::superblock::Superblock;
use super::volume::Span;
use crate::error::Result;
use crate::filesystem::structure::Structure;

/// `XD2B` and `XDB3`: the only block of a directory, with the index at its end.
const BLOCK_MAGIC: u32 = 0x5844_3242;
const BLOCK_MAGIC_V5: u32 = 0x5844_4233;

/// `XD2D` and `XDD3`: one of several, the index apart.
const DATA_MAGIC: u32 = 0x5844_3244;
const DATA_MAGIC_V5: u32 = 0x5844_4433;

/// Bytes before the first entry.
const HEADER_SIZE: usize = 16;
const HEADER_SIZE_V5: usize = 64;

const DESCRIPTION: Description = Description { checksum: 4, uuid: 24, owner: 40, address: 8 };

/// Bytes at the end of a block with an index: the number of index entries and of stale ones.
const TAIL_SIZE: usize = 8;
const INDEX_ENTRY_SIZE: usize = 8;

/// Entries start at multiples of this (`XFS_DIR2_DATA_ALIGN`).
const ALIGN: usize = 8;

/// The first two bytes of unused space, no part of an inode number (`XFS_DIR2_DATA_FREE_TAG`).
const FREE_TAG: u16 = 0xFFFF;

/// Bytes of an entry before the name: inode, length of the name.
const ENTRY_HEADER: usize = 9;

/// Least bytes of unused space, which are fewer than those of an entry.
const MIN_RECORD: usize = 8;

/// Calls `visit` for each entry of a block, until it breaks. `is_only`: the directory has no other.
pub(super) fn walk(
    span: &Span<'_>,
    superblock: &Superblock,
    inode: &Inode<'_>,
    is_only: bool,
    visit: &mut Visit<'_>,
) -> Result<ControlFlow<()>> {
    let s = span.structure("xfs directory block");
    let is_v5 = superblock.features.is_v5();
    let (block_magic, data_magic, header) = if is_v5 {
        (BLOCK_MAGIC_V5, DATA_MAGIC_V5, HEADER_SIZE_V5)
    } else {
        (BLOCK_MAGIC, DATA_MAGIC, HEADER_SIZE)
    };
    let has_index = is_only && s.be32(0)? == block_magic;
    if !has_index {
        s.must_have_magic(0, data_magic)?;
    }
    if is_v5 {
        if !span.is_replayed {
            s.verify_checksum(DESCRIPTION.checksum)?;
        }
        s.must_describe(&DESCRIPTION, &superblock.meta_uuid, inode.number)?;
    }
    let end = if has_index { index_start(&s, header)? } else { s.raw.len() };
    entries(&s, header, end, superblock, visit)
}

/// Where the index of a block begins.
fn index_start(s: &Structure<'_>, header: usize) -> Result<usize> {
    let tail = s.raw.len().saturating_sub(TAIL_SIZE);
    let count = usize::try_from(s.be32(tail)?).unwrap_or(usize::MAX);
    tail.checked_sub(count.saturating_mul(INDEX_ENTRY_SIZE))
        .filter(|start| *start >= header)
        .ok_or_else(|| s.corrupt(tail, "an index inside the block", format!("{count} entries")))
}

fn entries(
    s: &Structure<'_>,
    start: usize,
    end: usize,
    superblock: &Superblock,
    visit: &mut Visit<'_>,
) -> Result<ControlFlow<()>> {
    let has_file_type = superblock.features.has_file_type();
    let extra = if has_file_type { 3 } else { 2 };
    let mut at = start;
    let mut rest = s.raw.get(start..end).unwrap_or_default();
    while let Some((start, behind)) = rest.split_first_chunk::<MIN_RECORD>() {
        let [i0, i1, i2, i3, ..] = start;
        let is_unused = u16::from_be_bytes([*i0, *i1]) == FREE_TAG;
        let name_len = behind.first().copied().map_or(0, usize::from);
        let record = if is_unused {
            usize::from(u16::from_be_bytes([*i2, *i3]))
        } else {
            ENTRY_HEADER.saturating_add(name_len).saturating_add(extra).next_multiple_of(ALIGN)
        };
        if record == 0 || !record.is_multiple_of(ALIGN) || record > rest.len() {
            let expected = format!("an entry of 8n bytes, at most {}", rest.len());
            return Err(s.corrupt(at, expected, record.to_string()));
        }
        // Each entry ends with where it starts.
        let tag = s.be16(at.saturating_add(record).saturating_sub(2))?;
        if usize::from(tag) != at {
            let expected = format!("an entry that ends with its place {at}");
            return Err(s.corrupt(at, expected, tag.to_string()));
        }
        if !is_unused {
            let inode = u64::from_be_bytes(*start);
            let behind = behind.get(1..).unwrap_or_default();
            let (name, behind) = behind.split_at_checked(name_len).unwrap_or_default();
            if name.is_empty() {
                return Err(s.corrupt(at.saturating_add(8), "a name", "an empty one"));
            }
            let file_type = behind.first().copied().filter(|_| has_file_type).unwrap_or_default();
            let entry = Entry { inode, name, file_type };
            entry
                .check_inode(&superblock.geometry)
                .map_err(|found| s.corrupt(at, "an inode number inside the volume", found))?;
            if visit(entry)?.is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        rest = rest.get(record..).unwrap_or_default();
        at = at.saturating_add(record);
    }
    if !rest.is_empty() {
        return Err(s.corrupt(at, "entries up to the end", format!("{} bytes left", rest.len())));
    }
    Ok(ControlFlow::Continue(()))
}
