//! CRC-32C as XFS keeps it (*XFS Algorithms & Data Structures*, "Self Describing Metadata").

/// Bytes of a checksum.
const CHECKSUM_SIZE: usize = 4;

/// The checksum of `raw` whose four bytes from `at` on, the checksum itself, count as zeros.
pub(super) fn crc32c_without(raw: &[u8], at: usize) -> u32 {
    let (before, rest) = raw.split_at_checked(at).unwrap_or((raw, &[]));
    let sum = crc32c::crc32c_append(crc32c::crc32c(before), &[0; CHECKSUM_SIZE]);
    crc32c::crc32c_append(sum, rest.get(CHECKSUM_SIZE..).unwrap_or_default())
}
