//! ext2, ext3 and ext4 (Linux, `Documentation/filesystems/ext4/super.rst`).

use super::found;
use crate::bytes::{Bytes, BytesExt};
use crate::disk::facts::{Signature, SignatureKind};
use crate::disk::record::Record;
use crate::error::Result;

/// Offset of the superblock.
const SUPERBLOCK: u64 = 1024;

const HAS_JOURNAL: u32 = 0x4;
const JOURNAL_DEVICE: u32 = 0x8;
const INCOMPAT_64BIT: u32 = 0x80;

/// What ext2 understands: filetype, meta_bg; sparse_super, large_file, btree_dir.
const EXT2_INCOMPAT: u32 = 0x2 | 0x10;
const EXT2_RO_COMPAT: u32 = 0x1 | 0x2 | 0x4;

/// ext3 understands a journal that waits for recovery besides.
const EXT3_INCOMPAT: u32 = EXT2_INCOMPAT | 0x4;

pub(super) fn probe(volume: &dyn Bytes) -> Result<Option<Signature>> {
    let bytes: [u8; 1024] = volume.array(SUPERBLOCK)?;
    let sb = Record(&bytes);
    let (compat, incompat, ro_compat) = (sb.u32(0x5c), sb.u32(0x60), sb.u32(0x64));
    let log_block_size = sb.u32(0x18);
    let blocks_high =
        if incompat & INCOMPAT_64BIT != 0 { u64::from(sb.u32(0x150)) << 32 } else { 0 };
    let blocks = u64::from(sb.u32(0x04)) | blocks_high;
    // The magic has but two bytes: the geometry has to make sense as well.
    if sb.u16(0x38) != 0xef53
        || log_block_size > 6
        || sb.u32(0x00) == 0
        || blocks == 0
        || sb.u32(0x20) == 0
        || sb.u32(0x28) == 0
        || u64::from(sb.u32(0x14)) >= blocks
        || sb.u32(0x4c) > 1
        || incompat & JOURNAL_DEVICE != 0
    {
        return Ok(None);
    }
    let journal = compat & HAS_JOURNAL != 0;
    let kind = if !journal && incompat & !EXT2_INCOMPAT == 0 && ro_compat & !EXT2_RO_COMPAT == 0 {
        SignatureKind::Ext2
    } else if journal && incompat & !EXT3_INCOMPAT == 0 && ro_compat & !EXT2_RO_COMPAT == 0 {
        SignatureKind::Ext3
    } else {
        SignatureKind::Ext4
    };
    let mut signature = found(kind, SUPERBLOCK.saturating_add(0x38));
    signature.uuid = sb.uuid(0x68);
    signature.label = sb.text(0x78, 16);
    let block_size = 1024 << log_block_size.min(6);
    signature.size = Some(blocks.saturating_mul(block_size.into()));
    signature.block_size = Some(block_size);
    Ok(Some(signature))
}
