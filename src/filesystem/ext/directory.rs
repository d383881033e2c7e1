//! Directories (Linux Documentation/filesystems/ext4/directory.rst).
//!
//! A hashed directory is read as the linear one that it also is: the blocks of its index look like
//! blocks of unused entries, which is what they were made for.

use std::ops::ControlFlow;

use super::checksum::crc32c;
use super::inode::{Inode, flag};
use super::runs::Runs;
use super::volume::Volume;
use crate::error::{Error, Result};
use crate::filesystem::FileType;
use crate::filesystem::structure::Structure;

/// Most bytes of one directory that are read: over a million entries.
const MAX_DIRECTORY_BYTES: u64 = 64 << 20;

/// Bytes of an entry before the name: inode, `rec_len`, `name_len`, file type.
const ENTRY_HEADER: usize = 8;

/// Least length of an entry that has a name.
const MIN_RECORD: usize = 12;

/// Bytes of the entry that holds a block's checksum, and its file type.
const TAIL_SIZE: usize = 12;
const TAIL_FILE_TYPE: u8 = 0xDE;

/// Bytes before the index entries: in the root behind `.` and `..`, in other blocks behind one
/// unused entry.
const ROOT_COUNT_OFFSET: usize = 32;
const NODE_COUNT_OFFSET: usize = 8;

/// One name as it stands in a directory.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry<'a> {
    pub(super) inode: u32,
    pub(super) name: &'a [u8],
    /// The type as stored; 0 says nothing.
    file_type: u8,
}

impl<'a> Entry<'a> {
    /// An entry that a fast commit made.
    pub(super) fn new(inode: u32, name: &'a [u8], file_type: FileType) -> Self {
        Self { inode, name, file_type: file_type.entry() }
    }

    /// Whether it is `.` or `..`.
    pub(super) fn is_dot(&self) -> bool {
        matches!(self.name, b"." | b"..")
    }

    pub(super) fn file_type(&self) -> Option<FileType> {
        FileType::from_entry(self.file_type)
    }
}

/// How entries look in this file system.
#[derive(Debug, Clone, Copy)]
pub(super) struct Layout {
    /// The feature `filetype`: else that byte is the upper half of the name's length, always 0.
    pub(super) has_file_type: bool,
    pub(super) inode_count: u32,
}

/// Calls `visit` for each entry of a directory with blocks of its own, until it breaks.
///
/// A block that cannot be read does not hide the ones behind it; its error comes at the end.
pub(super) fn walk(
    volume: &Volume,
    inode: &Inode,
    layout: Layout,
    visit: &mut impl FnMut(Entry<'_>) -> Result<ControlFlow<()>>,
) -> Result<()> {
    let block_size = volume.block_size();
    let (blocks, rest) = volume.split(inode.size);
    if rest != 0 {
        return Err(
            inode.corrupt(format!("a directory of whole blocks of {block_size} bytes"), inode.size)
        );
    }
    let runs = Runs::read(volume, inode)?;
    let (limit, _) = volume.split(MAX_DIRECTORY_BYTES);
    let mut first_error = None;
    let mut next = 0;
    let mut read = 0_u64;
    for run in runs.as_slice() {
        let end = run.end().min(blocks);
        if run.logical >= end {
            break;
        }
        if run.logical > next {
            first_error.get_or_insert_with(|| hole(inode, next));
        }
        next = end;
        for (logical, physical) in (run.logical..end).zip(run.physical..) {
            read = read.saturating_add(1);
            if read > limit {
                return Err(Error::Limit {
                    structure: "ext directory",
                    limit: MAX_DIRECTORY_BYTES,
                    unit: "bytes",
                });
            }
            match block(volume, inode, layout, logical, physical, visit) {
                Ok(ControlFlow::Continue(())) => {}
                Ok(ControlFlow::Break(())) => return Ok(()),
                Err(error) => {
                    first_error.get_or_insert(error);
                }
            }
        }
    }
    if next < blocks {
        first_error.get_or_insert_with(|| hole(inode, next));
    }
    first_error.map_or(Ok(()), Err)
}

fn hole(inode: &Inode, block: u64) -> Error {
    inode.corrupt("a directory without holes", format!("no block {block}"))
}

fn block(
    volume: &Volume,
    inode: &Inode,
    layout: Layout,
    logical: u64,
    physical: u64,
    visit: &mut impl FnMut(Entry<'_>) -> Result<ControlFlow<()>>,
) -> Result<ControlFlow<()>> {
    let raw = volume.counted_block(physical)?;
    let s = Structure::new("ext directory block", volume.byte(physical), &raw);
    if let Some(seed) = inode.checksum_seed {
        if inode.has(flag::INDEX) && (logical == 0 || is_index_node(&s)?) {
            verify_index(&s, seed, logical == 0)?;
        } else {
            verify_leaf(&s, seed)?;
        }
    }
    entries(&s, layout, visit)
}

/// Calls `visit` for each entry in use of one block, or of one part of an inline directory.
pub(super) fn entries(
    s: &Structure<'_>,
    layout: Layout,
    visit: &mut impl FnMut(Entry<'_>) -> Result<ControlFlow<()>>,
) -> Result<ControlFlow<()>> {
    let mut at = 0_usize;
    let mut rest = s.raw;
    while let Some(([i0, i1, i2, i3, r0, r1, name_len, file_type], body)) =
        rest.split_first_chunk::<ENTRY_HEADER>()
    {
        let inode = u32::from_le_bytes([*i0, *i1, *i2, *i3]);
        let record = record_len(u16::from_le_bytes([*r0, *r1]), s.raw.len());
        let needed = ENTRY_HEADER.saturating_add(usize::from(*name_len));
        if record < MIN_RECORD
            || !record.is_multiple_of(4)
            || record < needed
            || record > rest.len()
        {
            let expected = format!(
                "an entry of 4n bytes, at least {} and at most {}",
                needed.max(MIN_RECORD),
                rest.len()
            );
            return Err(s.corrupt(at.saturating_add(4), expected, record.to_string()));
        }
        if inode != 0 {
            if inode > layout.inode_count {
                let expected = format!("an inode number of at most {}", layout.inode_count);
                return Err(s.corrupt(at, expected, inode.to_string()));
            }
            let name = body.get(..usize::from(*name_len)).unwrap_or_default();
            if name.is_empty() {
                return Err(s.corrupt(at.saturating_add(6), "a name", "an empty one"));
            }
            let file_type = if layout.has_file_type { *file_type } else { 0 };
            if visit(Entry { inode, name, file_type })?.is_break() {
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

/// Fails for a name that no file can have.
pub(super) fn check_name(inode: &Inode, name: &[u8]) -> Result<()> {
    if name.iter().any(|byte| matches!(byte, 0 | b'/')) {
        let found = format!("the name {:?}", String::from_utf8_lossy(name));
        return Err(inode.corrupt("names without '/' and NUL", found));
    }
    Ok(())
}

/// In blocks of 64 KiB the length of a whole block does not fit: 65535 and 0 stand for it, and the
/// two lowest bits for bits 16 and 17 (`ext4_rec_len_from_disk`).
fn record_len(stored: u16, block_len: usize) -> usize {
    let stored = usize::from(stored);
    if block_len < 1 << 16 {
        return stored;
    }
    match stored {
        0 | 0xFFFF => block_len,
        _ => stored & 0xFFFC | (stored & 3) << 16,
    }
}

/// Whether a block of a hashed directory is one of its index: one unused entry fills it.
fn is_index_node(s: &Structure<'_>) -> Result<bool> {
    Ok(s.u32(0)? == 0 && record_len(s.u16(4)?, s.raw.len()) == s.raw.len())
}

fn verify_leaf(s: &Structure<'_>, seed: u32) -> Result<()> {
    let at = s.raw.len().saturating_sub(TAIL_SIZE);
    let is_tail = s.u32(at)? == 0
        && usize::from(s.u16(at.saturating_add(4))?) == TAIL_SIZE
        && s.u8(at.saturating_add(6))? == 0
        && s.u8(at.saturating_add(7))? == TAIL_FILE_TYPE;
    if !is_tail {
        return Err(s.corrupt(at, "a checksum entry", "another"));
    }
    let computed = crc32c(seed, s.bytes(0, at)?);
    compare(s, at.saturating_add(8), computed)
}

/// The checksum of an index block covers what precedes the entries, the entries in use, and itself
/// as zero; it stands behind the room for entries (checksums.rst; directory.rst, `dx_tail`).
fn verify_index(s: &Structure<'_>, seed: u32, is_root: bool) -> Result<()> {
    let count_offset = if is_root { ROOT_COUNT_OFFSET } else { NODE_COUNT_OFFSET };
    let limit = usize::from(s.u16(count_offset)?);
    let count = usize::from(s.u16(count_offset.saturating_add(2))?);
    let tail = count_offset.saturating_add(limit.saturating_mul(8));
    if count > limit || tail.saturating_add(8) > s.raw.len() {
        let found = format!("{count} of {limit}");
        return Err(s.corrupt(count_offset, "index entries inside the block", found));
    }
    let used = count_offset.saturating_add(count.saturating_mul(8));
    let mut sum = crc32c(seed, s.bytes(0, used)?);
    sum = crc32c(sum, s.bytes(tail, 4)?);
    sum = crc32c(sum, &[0; 4]);
    compare(s, tail.saturating_add(4), sum)
}

fn compare(s: &Structure<'_>, at: usize, computed: u32) -> Result<()> {
    let stored = s.u32(at)?;
    if !crate::checksum::holds(stored, computed) {
        return Err(s.corrupt(at, format!("checksum {computed:#010x}"), format!("{stored:#010x}")));
    }
    Ok(())
}
