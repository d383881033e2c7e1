//! A fixed-size structure as it lies on the disk: its fields by their byte offsets.

use std::fmt::Write as _;

/// The bytes of one structure. Callers read a structure of a constant size and ask for fields
/// within it; a field that is not wholly inside reads as zero.
#[derive(Clone, Copy)]
pub(super) struct Record<'a>(pub(super) &'a [u8]);

impl<'a> Record<'a> {
    /// `N` bytes at `offset`.
    pub(super) fn array<const N: usize>(self, offset: usize) -> [u8; N] {
        self.bytes(offset, N).try_into().unwrap_or([0; N])
    }

    /// `len` bytes at `offset`, or nothing.
    pub(super) fn bytes(self, offset: usize, len: usize) -> &'a [u8] {
        offset.checked_add(len).and_then(|end| self.0.get(offset..end)).unwrap_or_default()
    }

    pub(super) fn u8(self, offset: usize) -> u8 {
        self.0.get(offset).copied().unwrap_or_default()
    }

    pub(super) fn u16(self, offset: usize) -> u16 {
        u16::from_le_bytes(self.array(offset))
    }

    pub(super) fn u32(self, offset: usize) -> u32 {
        u32::from_le_bytes(self.array(offset))
    }

    pub(super) fn u64(self, offset: usize) -> u64 {
        u64::from_le_bytes(self.array(offset))
    }

    pub(super) fn be16(self, offset: usize) -> u16 {
        u16::from_be_bytes(self.array(offset))
    }

    pub(super) fn be32(self, offset: usize) -> u32 {
        u32::from_be_bytes(self.array(offset))
    }

    pub(super) fn be64(self, offset: usize) -> u64 {
        u64::from_be_bytes(self.array(offset))
    }

    /// Whether `magic` stands at `offset`.
    pub(super) fn has(self, offset: usize, magic: &[u8]) -> bool {
        self.bytes(offset, magic.len()) == magic
    }

    /// Text of at most `len` bytes at `offset`, up to the first NUL, without trailing blanks;
    /// `None` when nothing is left. Bytes that are not UTF-8 become U+FFFD.
    pub(super) fn text(self, offset: usize, len: usize) -> Option<String> {
        let bytes = self.bytes(offset, len);
        let end = bytes.iter().position(|&byte| byte == 0).unwrap_or(bytes.len());
        let text = String::from_utf8_lossy(bytes.get(..end).unwrap_or_default());
        let text = text.trim_end();
        (!text.is_empty()).then(|| text.to_owned())
    }

    /// As [`Record::text`], in UTF-16 (little endian) of at most `units` units.
    pub(super) fn text_utf16(self, offset: usize, units: usize) -> Option<String> {
        let (pairs, _) = self.bytes(offset, units.saturating_mul(2)).as_chunks::<2>();
        let units: Vec<u16> = pairs
            .iter()
            .map(|&pair| u16::from_le_bytes(pair))
            .take_while(|&unit| unit != 0)
            .collect();
        let text = String::from_utf16_lossy(&units);
        let text = text.trim_end();
        (!text.is_empty()).then(|| text.to_owned())
    }

    /// A UUID whose bytes stand in the order in which it is written (RFC 9562); `None` when it is
    /// all zero.
    pub(super) fn uuid(self, offset: usize) -> Option<String> {
        let bytes: [u8; 16] = self.array(offset);
        (bytes != [0; 16]).then(|| dashed(&bytes))
    }

    /// A GUID as GPT stores it (first three fields little endian; UEFI specification, appendix A),
    /// in lower case.
    pub(super) fn guid(self, offset: usize) -> String {
        let [a0, a1, a2, a3, b0, b1, c0, c1, rest @ ..]: [u8; 16] = self.array(offset);
        let [d0, d1, d2, d3, d4, d5, d6, d7] = rest;
        dashed(&[a3, a2, a1, a0, b1, b0, c1, c0, d0, d1, d2, d3, d4, d5, d6, d7])
    }
}

/// `8-4-4-4-12` lower-case hex digits.
fn dashed(bytes: &[u8; 16]) -> String {
    let mut text = String::with_capacity(36);
    for (index, byte) in bytes.iter().enumerate() {
        if matches!(index, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// The offset of `needle` in `haystack`.
pub(crate) fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    memchr::memmem::find(haystack, needle)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guid_swaps_its_first_three_fields() {
        // UEFI 2.10, table 5.7: the ESP's type GUID as it lies on the disk.
        let bytes = [
            0x28, 0x73, 0x2a, 0xc1, 0x1f, 0xf8, 0xd2, 0x11, 0xba, 0x4b, 0x00, 0xa0, 0xc9, 0x3e,
            0xc9, 0x3b,
        ];
        assert_eq!(Record(&bytes).guid(0), "c12a7328-f81f-11d2-ba4b-00a0c93ec93b");
    }

    #[test]
    fn a_field_beyond_the_end_reads_as_zero() {
        assert_eq!(Record(&[1, 2, 3]).u32(0), 0);
        assert_eq!(Record(&[1, 2, 3]).u16(usize::MAX), 0);
    }
}
