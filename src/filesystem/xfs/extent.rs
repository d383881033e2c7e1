//! Extents (*XFS Algorithms & Data Structures*, "Data Extents"): 128 bits each.

/// Consecutive blocks of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Extent {
    /// First block of the file: 54 bits.
    pub(super) logical: u64,
    /// First block of the volume, as group and block: 52 bits.
    pub(super) physical: u64,
    /// Number of blocks: 21 bits.
    pub(super) len: u64,
    /// The blocks are set aside and read as zero.
    pub(super) unwritten: bool,
}

impl Extent {
    /// Bytes of an extent.
    pub(super) const SIZE: usize = 16;

    pub(super) fn parse(raw: [u8; Self::SIZE]) -> Self {
        let bits = u128::from_be_bytes(raw);
        // Each field fits 64 bits by its mask.
        let field = |shift: u32, width: u32| {
            let mask = u128::MAX.checked_shr(128_u32.saturating_sub(width)).unwrap_or_default();
            u64::try_from(bits.checked_shr(shift).unwrap_or_default() & mask).unwrap_or_default()
        };
        Self {
            logical: field(73, 54),
            physical: field(21, 52),
            len: field(0, 21),
            unwritten: field(127, 1) == 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // XFS Algorithms & Data Structures, "Extent List": what xfs_db shows of these two words.
    #[test]
    fn an_extent_is_read_as_the_specification_packs_it() {
        let raw = (1_u128 << 127 | 11 << 73 | 23_456 << 21 | 34).to_be_bytes();
        let expected = Extent { logical: 11, physical: 23_456, len: 34, unwritten: true };
        assert_eq!(Extent::parse(raw), expected);
    }
}
