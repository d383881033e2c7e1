//! The checksums of ext4 and of its journal.

/// CRC-32C as ext4 chains it: the running value is not inverted at either end
/// (Linux Documentation/filesystems/ext4/checksums.rst).
pub(super) fn crc32c(seed: u32, bytes: &[u8]) -> u32 {
    !crc32c::crc32c_append(!seed, bytes)
}

/// Ethernet's CRC-32 that takes the highest bit first, as the first journal checksums (feature
/// `checksum`) use it; not inverted at either end. It is the usual one, lowest bit first, with the bits
/// of each byte and of the value turned round.
pub(super) fn crc32_be(seed: u32, bytes: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new_with_initial(!seed.reverse_bits());
    let mut turned = [0; 512];
    for chunk in bytes.chunks(turned.len()) {
        for (turned, byte) in turned.iter_mut().zip(chunk) {
            *turned = byte.reverse_bits();
        }
        hasher.update(turned.get(..chunk.len()).unwrap_or_default());
    }
    (!hasher.finalize()).reverse_bits()
}

#[cfg(test)]
mod tests {
    use super::*;

    // "123456789" is the check input of the CRC catalogue (CRC-32/ISCSI, CRC-32/MPEG-2).
    #[test]
    fn the_checksums_agree_with_the_catalogue_of_crcs() {
        assert_eq!(!crc32c(u32::MAX, b"123456789"), 0xE306_9283);
        assert_eq!(crc32_be(u32::MAX, b"123456789"), 0x0376_E6E7);
        let half = crc32_be(u32::MAX, b"1234");
        assert_eq!(crc32_be(half, b"56789"), 0x0376_E6E7);
    }
}
