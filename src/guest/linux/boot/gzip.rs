//! Whether a gzip file (RFC 1952) is whole, as a boot loader finds out when it unpacks a kernel.

use flate2::{Decompress, FlushDecompress, Status};

use crate::bytes::{Bytes, BytesExt};
use crate::error::{Error, Result};

/// Most bytes that a kernel may unpack to; those of arm64 with everything built in have under 100 MiB.
const MAX_UNPACKED_KERNEL: u64 = 256 << 20;

/// Bytes that are read, and unpacked, in one step.
const CHUNK: usize = 256 << 10;

/// Window of gzip, as a power of two (RFC 1951: 32 KiB).
const WINDOW_LOG: u8 = 15;

/// What is wrong with the first member of a gzip file: its stream has no end, is damaged, or is not
/// what its CRC32 and ISIZE say (RFC 1952, 2.3.1). `None` when it is whole; what lies behind it is not
/// looked at. Takes half a MiB of memory.
///
/// # Errors
/// When the bytes cannot be read; [`Error::Limit`] above [`MAX_UNPACKED_KERNEL`].
pub(super) fn defect(bytes: &dyn Bytes) -> Result<Option<String>> {
    defect_within(bytes, MAX_UNPACKED_KERNEL)
}

fn defect_within(bytes: &dyn Bytes, limit: u64) -> Result<Option<String>> {
    let mut inflate = Decompress::new_gzip(WINDOW_LOG);
    let mut output = vec![0; CHUNK];
    let mut chunk;
    let mut offset = 0_u64;
    loop {
        let left = bytes.len().saturating_sub(offset);
        let len = usize::try_from(left).unwrap_or(usize::MAX).min(CHUNK);
        if len == 0 {
            return Ok(Some(format!("cut short: its gzip stream has no end in {offset} bytes")));
        }
        let input = match bytes.slice(offset, len) {
            Some(input) => input,
            None => {
                chunk = bytes.vec(offset, len)?;
                &chunk
            }
        };
        let before = (inflate.total_in(), inflate.total_out());
        let status = match inflate.decompress(input, &mut output, FlushDecompress::None) {
            Ok(status) => status,
            Err(error) => return Ok(Some(format!("damaged gzip stream: {error}"))),
        };
        // Empty blocks make nothing of as many bytes as there are.
        if inflate.total_out().max(inflate.total_in()) > limit {
            return Err(Error::Limit { structure: "compressed kernel", limit, unit: "bytes" });
        }
        if status == Status::StreamEnd {
            return Ok(None);
        }
        if before == (inflate.total_in(), inflate.total_out()) {
            return Err(Error::unsupported("gzip stream", offset, "a step that leads nowhere"));
        }
        offset = inflate.total_in();
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// What `gzip -9n` makes of 4096 bytes, zeroes but for `ARM\x64` at 56 and `Linux image.` at 100.
    pub(in super::super) const ARM64_IMAGE: [u8; 69] = [
        0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0x03, 0x63, 0x60, 0x20, 0x0f, 0x38,
        0x06, 0xf9, 0xa6, 0x10, 0xab, 0xd6, 0x27, 0x33, 0xaf, 0xb4, 0x42, 0x21, 0x33, 0x37, 0x31,
        0x3d, 0x55, 0x8f, 0x61, 0x14, 0x8c, 0x82, 0x51, 0x30, 0x0a, 0x46, 0xc1, 0x28, 0x18, 0x05,
        0xa3, 0x60, 0x14, 0x8c, 0x82, 0x51, 0x30, 0x0a, 0x46, 0xc1, 0x28, 0x18, 0x05, 0x74, 0x07,
        0x00, 0xc7, 0x70, 0x76, 0xaa, 0x00, 0x10, 0x00, 0x00,
    ];

    fn of(bytes: &[u8]) -> Option<String> {
        defect(&bytes.to_vec()).unwrap()
    }

    #[test]
    fn a_whole_member_has_no_defect_whatever_lies_behind_it() {
        assert_eq!(of(&ARM64_IMAGE), None);
        assert_eq!(of(&[&ARM64_IMAGE[..], b"\0\0trailing"].concat()), None);
    }

    #[test]
    fn more_than_a_kernel_can_be_is_refused() {
        let image = ARM64_IMAGE.to_vec();
        assert_eq!(defect_within(&image, 4096), Ok(None));
        assert!(matches!(defect_within(&image, 4095), Err(Error::Limit { limit: 4095, .. })));
    }

    #[test]
    fn one_that_was_cut_anywhere_is_cut_short() {
        for len in 2..ARM64_IMAGE.len() {
            let cut = format!("cut short: its gzip stream has no end in {len} bytes");
            assert_eq!(of(&ARM64_IMAGE[..len]), Some(cut));
        }
    }

    #[test]
    fn a_wrong_checksum_or_length_is_damage() {
        for at in [61, 65] {
            let mut image = ARM64_IMAGE;
            image[at] ^= 1;
            let defect = of(&image).unwrap();
            assert!(defect.starts_with("damaged gzip stream"), "{defect}");
        }
    }
}
