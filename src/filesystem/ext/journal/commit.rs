//! Commit blocks (journal.rst, "Commit Block"): all of the transaction is in the log.

use super::superblock::Checksums;
use crate::error::Result;
use crate::filesystem::ext::checksum::crc32c;
use crate::filesystem::structure::Structure;

/// `h_chksum_type` and `h_chksum_size` of a CRC-32 (`JBD2_CRC32_CHKSUM`).
const CRC32: [u8; 2] = [1, 4];

/// When the transaction was committed: seconds since 1970.
pub(super) fn time(block: &Structure<'_>) -> Result<u64> {
    block.be64(0x30)
}

/// Whether the block's checksum, if it must have one, agrees. `transaction` is the CRC-32 of the
/// transaction's descriptor blocks and what follows each.
pub(super) fn is_valid(
    block: &Structure<'_>,
    checksums: Checksums,
    transaction: u32,
) -> Result<bool> {
    let stored = block.be32(0x10)?;
    Ok(match checksums {
        Checksums::None => true,
        Checksums::Transaction => {
            let kind = block.array(0xC)?;
            kind == CRC32 && crate::checksum::holds(stored, transaction)
                || kind == [0, 0] && stored == 0
        }
        Checksums::V2(seed) | Checksums::V3(seed) => {
            let mut sum = crc32c(seed, block.bytes(0, 0x10)?);
            sum = crc32c(sum, &[0; 4]);
            sum = crc32c(sum, block.raw.get(0x14..).unwrap_or_default());
            crate::checksum::holds(stored, sum)
        }
    })
}
