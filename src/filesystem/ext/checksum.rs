//! The checksums of ext4 and of its journal.

/// CRC-32C as ext4 chains it: the running value is not inverted at either end
/// (Linux Documentation/filesystems/ext4/checksums.rst).
pub(super) fn crc32c(seed: u32, bytes: &[u8]) -> u32 {
    !crc32c::crc32c_append(!seed, bytes)
}

/// The polynomial of Ethernet's CRC-32, highest bit first.
const CRC32_POLYNOMIAL: u32 = 0x04C1_1DB7;

const CRC32_BE: [u32; 256] = {
    let mut table = [0_u32; 256];
    let mut byte = 0_u32;
    #[allow(clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::as_conversions)]
    while byte < 256 {
        let mut value = byte << 24;
        let mut bit = 0;
        while bit < 8 {
            value = if value >> 31 == 1 { value << 1 ^ CRC32_POLYNOMIAL } else { value << 1 };
            bit += 1;
        }
        table[byte as usize] = value;
        byte += 1;
    }
    table
};

/// CRC-32 that takes the highest bit first, as the first journal checksums (feature `checksum`) use
/// it; not inverted at either end.
pub(super) fn crc32_be(seed: u32, bytes: &[u8]) -> u32 {
    bytes.iter().fold(seed, |value, byte| {
        let [high, ..] = value.to_be_bytes();
        let entry = CRC32_BE.get(usize::from(high ^ byte)).copied().unwrap_or_default();
        value << 8 ^ entry
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    // "123456789" is the check input of the CRC catalogue (CRC-32/ISCSI, CRC-32/MPEG-2).
    #[test]
    fn the_checksums_agree_with_the_catalogue_of_crcs() {
        assert_eq!(!crc32c(u32::MAX, b"123456789"), 0xE306_9283);
        assert_eq!(crc32_be(u32::MAX, b"123456789"), 0x0376_E6E7);
    }
}
