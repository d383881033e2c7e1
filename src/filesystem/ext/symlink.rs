//! Symbolic links (Linux Documentation/filesystems/ext4/ifork.rst, "Symbolic Links").

use std::sync::Arc;

use super::inline_data;
use super::inode::{I_BLOCK_LEN, Inode, flag};
use super::runs::Runs;
use super::superblock::Superblock;
use super::volume::Volume;
use crate::bytes::BytesExt;
use crate::error::Result;
use crate::filesystem::MAX_SYMLINK;

/// The target: in `i_block` when it is shorter than that, else as the content of a file.
pub(super) fn target(
    volume: &Arc<Volume>,
    superblock: &Superblock,
    inode: &Inode,
) -> Result<Vec<u8>> {
    let len = usize::try_from(inode.size).unwrap_or(usize::MAX);
    if len == 0 || len > MAX_SYMLINK {
        return Err(inode.corrupt(format!("a target of 1 to {MAX_SYMLINK} bytes"), inode.size));
    }
    let target = if inode.has(flag::INLINE_DATA) {
        inline_data::content(volume, superblock, inode)?
    } else if len < I_BLOCK_LEN && !has_extent_tree(inode) {
        inode.block.get(..len).unwrap_or_default().to_vec()
    } else {
        let runs = Runs::read(volume, inode)?;
        runs.content(volume, inode.size).vec(0, len)?
    };
    if target.contains(&0) {
        return Err(inode.corrupt("a target without NUL", "one with it"));
    }
    Ok(target)
}

/// Whether even a short target has a block of its own. The flag alone does not tell: some writers
/// set it on every inode.
fn has_extent_tree(inode: &Inode) -> bool {
    inode.has(flag::EXTENTS) && inode.block.starts_with(&[0x0A, 0xF3])
}
