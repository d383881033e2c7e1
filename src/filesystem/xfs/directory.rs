//! Directories (*XFS Algorithms & Data Structures*, "Directories").
//!
//! Those with blocks keep their entries in data blocks, which stand in the file below the index.
//! The index (leaf, node, free blocks) only leads to them faster and is not read.

use std::borrow::Cow;
use std::ops::ControlFlow;

use super::data_block;
use super::geometry::Geometry;
use super::inode::{Format, Inode};
use super::runs::{Run, Runs};
use super::short_form;
use super::superblock::Superblock;
use super::volume::{Span, Volume};
use crate::error::{Error, Result};
use crate::filesystem::FileType;

/// Most bytes of one directory that are read: over a million entries.
const MAX_DIRECTORY_BYTES: u64 = 64 << 20;

/// The byte of a directory at which its index starts (`XFS_DIR2_LEAF_OFFSET`).
const LEAF_OFFSET: u64 = 32 << 30;

/// One name as it stands in a directory.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry<'a> {
    pub(super) inode: u64,
    pub(super) name: &'a [u8],
    /// The type as stored; 0 says nothing.
    pub(super) file_type: u8,
}

impl Entry<'_> {
    /// Whether it is `.` or `..`.
    pub(super) fn is_dot(&self) -> bool {
        matches!(self.name, b"." | b"..")
    }

    /// (*XFS Algorithms & Data Structures*, "Directory File Types".)
    pub(super) fn file_type(&self) -> Option<FileType> {
        FileType::from_entry(self.file_type)
    }

    /// Fails for an inode number that no inode of the file system can have.
    pub(super) fn check_inode(&self, geometry: &Geometry) -> Result<(), String> {
        match geometry.inode_byte(self.inode) {
            Some(_) => Ok(()),
            None => Err(format!("inode {}", self.inode)),
        }
    }
}

/// What the walk of a directory calls for each entry.
pub(super) type Visit<'a> = dyn FnMut(Entry<'_>) -> Result<ControlFlow<()>> + 'a;

/// Calls `visit` for each entry of a directory, until it breaks.
///
/// A block that cannot be read does not hide the ones behind it; its error comes at the end.
pub(super) fn walk(
    volume: &Volume,
    superblock: &Superblock,
    inode: &Inode<'_>,
    visit: &mut Visit<'_>,
) -> Result<()> {
    if inode.format == Format::Local {
        volume.budget().spend(u64::try_from(inode.fork().raw.len()).unwrap_or(u64::MAX))?;
        return short_form::walk(
            &volume.geometry,
            superblock.features.has_file_type(),
            inode,
            visit,
        );
    }
    let geometry = &volume.geometry;
    let blocks = geometry
        .directory_blocks(inode.size)
        .filter(|blocks| *blocks > 0 && inode.size <= LEAF_OFFSET)
        .ok_or_else(|| {
            let len = geometry.directory_block_len();
            let expected = format!("a directory of whole blocks of {len} bytes, up to 32 GiB");
            inode.corrupt(expected, inode.size)
        })?;
    let runs = Runs::read(volume, superblock, inode)?;
    // `.` and `..` stand in the first block.
    let mut first_error = match runs.at_or_after(0) {
        Some(Run { logical: 0, .. }) => None,
        _ => Some(inode.corrupt("a directory with its first block", "a hole")),
    };
    let limit = geometry.directory_blocks(MAX_DIRECTORY_BYTES).unwrap_or_default();
    let per_block = geometry.blocks_per_directory_block();
    let mut next = 0;
    let mut read = 0_u64;
    // Blocks whose entries were all removed are holes.
    while let Some(run) = runs.at_or_after(next) {
        let index = geometry.directory_block_of(run.logical.max(next));
        if index >= blocks {
            break;
        }
        read = read.saturating_add(1);
        if read > limit {
            return Err(Error::Limit {
                structure: "xfs directory",
                limit: MAX_DIRECTORY_BYTES,
                unit: "bytes",
            });
        }
        let first = index.saturating_mul(per_block);
        let end = block(volume, inode, &runs, first).and_then(|span| {
            data_block::walk(&span, superblock, inode, index == 0 && blocks == 1, visit)
        });
        match end {
            Ok(ControlFlow::Continue(())) => {}
            Ok(ControlFlow::Break(())) => return Ok(()),
            Err(error) => {
                first_error.get_or_insert(error);
            }
        }
        next = first.saturating_add(per_block);
    }
    // When entries at the end are removed the directory gets shorter.
    if next != blocks.saturating_mul(per_block) {
        first_error
            .get_or_insert_with(|| inode.corrupt("a directory with its last block", "a hole"));
    }
    first_error.map_or(Ok(()), Err)
}

/// The directory block that starts at block `first` of the directory.
fn block<'v>(volume: &'v Volume, inode: &Inode<'_>, runs: &Runs, first: u64) -> Result<Span<'v>> {
    let geometry = &volume.geometry;
    let len = geometry.directory_block_len();
    let end = first.saturating_add(geometry.blocks_per_directory_block());
    let byte_of = |run: Run, block: u64| {
        let within = block.saturating_sub(run.logical).saturating_mul(geometry.block_size);
        run.byte.saturating_add(within)
    };
    let hole = || inode.corrupt("a directory block without holes", format!("one at {first}"));
    let start = runs.at_or_after(first).filter(|run| run.logical <= first).ok_or_else(hole)?;
    let offset = byte_of(start, first);
    if start.end() >= end {
        return volume.counted_span(offset, len);
    }
    let mut raw = Vec::with_capacity(len);
    let mut is_replayed = false;
    for block in first..end {
        let run = runs.at_or_after(block).filter(|run| run.logical <= block).ok_or_else(hole)?;
        let size = usize::try_from(geometry.block_size).unwrap_or_default();
        let part = volume.counted_span(byte_of(run, block), size)?;
        raw.extend_from_slice(&part.raw);
        is_replayed |= part.is_replayed;
    }
    Ok(Span { raw: Cow::Owned(raw), offset, is_replayed })
}

/// Fails for a name that no file can have.
pub(super) fn check_name(inode: &Inode<'_>, name: &[u8]) -> Result<()> {
    if name.iter().any(|byte| matches!(byte, 0 | b'/')) {
        let found = format!("the name {:?}", String::from_utf8_lossy(name));
        return Err(inode.corrupt("names without '/' and NUL", found));
    }
    Ok(())
}

/// Whether two names are equal where names compare without case: XFS folds the letters of ASCII
/// and of Latin-1 (Linux fs/xfs/libxfs/xfs_dir2.c, `xfs_ascii_ci_xfrm`).
pub(super) fn equals_without_case(a: &[u8], b: &[u8]) -> bool {
    let fold = |byte: &u8| match byte {
        b'A'..=b'Z' | 0xC0..=0xD6 | 0xD8..=0xDE => byte | 0x20,
        _ => *byte,
    };
    a.len() == b.len() && a.iter().map(fold).eq(b.iter().map(fold))
}
