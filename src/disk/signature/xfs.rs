//! XFS (*XFS Algorithms & Data Structures*, "Superblocks").

use super::found;
use crate::bytes::{Bytes, BytesExt};
use crate::disk::facts::{Signature, SignatureKind};
use crate::disk::record::Record;
use crate::error::Result;

pub(super) fn probe(volume: &dyn Bytes) -> Result<Option<Signature>> {
    let bytes: [u8; 264] = volume.array(0)?;
    let sb = Record(&bytes);
    let block_size = sb.be32(4);
    let (data_blocks, ag_blocks, ag_count) = (sb.be64(8), sb.be32(84), sb.be32(88));
    if !sb.has(0, b"XFSB")
        || !(512..=65_536).contains(&block_size)
        || 1_u32.checked_shl(sb.u8(120).into()) != Some(block_size)
        || 1_u32.checked_shl(sb.u8(121).into()) != Some(sb.be16(102).into())
        || 1_u32.checked_shl(sb.u8(122).into()) != Some(sb.be16(104).into())
        || ag_count == 0
        || ag_blocks == 0
        || data_blocks == 0
        || data_blocks > u64::from(ag_blocks).saturating_mul(ag_count.into())
    {
        return Ok(None);
    }
    let mut signature = found(SignatureKind::Xfs, 0);
    signature.uuid = sb.uuid(32);
    signature.label = sb.text(108, 12);
    signature.size = Some(data_blocks.saturating_mul(block_size.into()));
    signature.version = Some((sb.be16(100) & 0xf).to_string());
    Ok(Some(signature))
}
