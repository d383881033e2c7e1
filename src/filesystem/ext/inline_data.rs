//! Files and directories that lie in their inode (Linux
//! Documentation/filesystems/ext4/ifork.rst, "Inline Data"): the first 60 bytes in `i_block`, the
//! rest in the attribute `system.data`.

use std::ops::ControlFlow;

use super::directory::{Entry, Layout, entries};
use super::inode::{I_BLOCK_LEN, Inode, extra_size, raw_inode};
use super::superblock::{OLD_INODE_SIZE, Superblock};
use super::volume::Volume;
use crate::error::Result;
use crate::filesystem::structure::Structure;

/// Bytes of the parent's inode number, which takes the place of `.` and `..`.
const PARENT_LEN: usize = 4;

/// The content of an inline file or symbolic link, exactly `i_size` bytes.
///
/// # Errors
/// [`crate::Error::Corrupt`] when it claims to be longer than a block.
pub(super) fn content(volume: &Volume, superblock: &Superblock, inode: &Inode) -> Result<Vec<u8>> {
    let len = usize::try_from(inode.size).unwrap_or(usize::MAX);
    if len > volume.block_len() {
        let expected = format!("inline data of at most {} bytes", volume.block_len());
        return Err(inode.corrupt(expected, inode.size));
    }
    let (_, offset, raw) = raw_inode(volume, superblock, u64::from(inode.number))?;
    let rest = attribute(&Structure::new("ext inode", offset, &raw))?;
    let mut content = Vec::with_capacity(I_BLOCK_LEN.saturating_add(rest.len()));
    content.extend_from_slice(&inode.block);
    content.extend_from_slice(rest);
    // A file that grew without being written since has zeros there, as any other.
    content.resize(len, 0);
    Ok(content)
}

/// Calls `visit` for each entry of an inline directory, until it breaks. Entries do not cross from
/// one part into the other.
pub(super) fn walk(
    volume: &Volume,
    superblock: &Superblock,
    inode: &Inode,
    layout: Layout,
    visit: &mut impl FnMut(Entry<'_>) -> Result<ControlFlow<()>>,
) -> Result<()> {
    let in_block = inode.block.get(PARENT_LEN..).unwrap_or_default();
    let at = inode.offset.saturating_add(0x2C);
    let first = entries(&Structure::new("ext inline directory", at, in_block), layout, visit);
    if matches!(first, Ok(ControlFlow::Break(()))) {
        return Ok(());
    }
    let (_, offset, raw) = raw_inode(volume, superblock, u64::from(inode.number))?;
    let rest = attribute(&Structure::new("ext inode", offset, &raw))?;
    let second = entries(&Structure::new("ext inline directory", offset, rest), layout, visit);
    match second? {
        ControlFlow::Break(()) => Ok(()),
        ControlFlow::Continue(()) => first.map(|_| ()),
    }
}

fn attribute<'a>(raw: &Structure<'a>) -> Result<&'a [u8]> {
    super::xattr::system_data(raw, OLD_INODE_SIZE.saturating_add(extra_size(raw)?))
}
