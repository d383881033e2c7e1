//! Refcount blocks (QEMU `docs/interop/qcow2.rst`, Refcount block entry).

/// The refcounts of a stretch of host clusters; those beyond the end of its bytes are 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct RefcountBlock<'a> {
    bytes: &'a [u8],
    /// Width in bits as a power of two: at most 6.
    order: u32,
}

impl<'a> RefcountBlock<'a> {
    pub(super) fn new(bytes: &'a [u8], order: u32) -> Self {
        Self { bytes, order }
    }

    /// The refcount at `index`. Those narrower than a byte begin at its lowest bit.
    pub(super) fn get(self, index: usize) -> u64 {
        let Some(byte_order) = self.order.checked_sub(3) else {
            let bit = index.wrapping_shl(self.order);
            let byte = self.bytes.get(bit / 8).copied().unwrap_or(0);
            let shift = u32::try_from(bit % 8).unwrap_or(0);
            let mask = 1_u8.wrapping_shl(1_u32.wrapping_shl(self.order)).wrapping_sub(1);
            return u64::from(byte.wrapping_shr(shift) & mask);
        };
        let len = 1_usize.wrapping_shl(byte_order);
        let start = index.saturating_mul(len);
        self.bytes.get(start..start.saturating_add(len)).map_or(0, big_endian)
    }

    /// The refcounts from `first` on, without end.
    fn each(self, first: usize) -> impl Iterator<Item = u64> {
        (first..).map(move |index| self.get(index))
    }

    /// Compares the refcounts from `first` on with `others`; tells of each pair that differs: its
    /// position among `others`, the refcount, the other.
    pub(super) fn differences(
        self,
        first: usize,
        others: impl Iterator<Item = u64>,
        differ: impl FnMut(u64, u64, u64),
    ) {
        // Each width that is made of whole bytes by a loop of its own.
        match self.order {
            3 => compare(wide::<1>(self.bytes, first), others, differ),
            4 => compare(wide::<2>(self.bytes, first), others, differ),
            5 => compare(wide::<4>(self.bytes, first), others, differ),
            6 => compare(wide::<8>(self.bytes, first), others, differ),
            _ => compare(self.each(first), others, differ),
        }
    }
}

fn compare(
    refcounts: impl Iterator<Item = u64>,
    others: impl Iterator<Item = u64>,
    mut differ: impl FnMut(u64, u64, u64),
) {
    for (position, (refcount, other)) in (0_u64..).zip(refcounts.zip(others)) {
        if refcount != other {
            differ(position, refcount, other);
        }
    }
}

/// Refcounts of `N` bytes from `first` on, without end.
fn wide<const N: usize>(bytes: &[u8], first: usize) -> impl Iterator<Item = u64> {
    let (whole, _) = bytes.as_chunks::<N>();
    let rest = whole.get(first..).unwrap_or_default();
    rest.iter().map(|bytes| big_endian(bytes)).chain(std::iter::repeat(0))
}

fn big_endian(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |value, &byte| value.wrapping_shl(8) | u64::from(byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refcounts_of_every_width_stand_where_the_specification_says() {
        // "If refcount_bits is less than 8, the refcount entries are packed in bytes beginning
        // with the least significant bit."
        let bytes = [0b1110_0100, 0x21, 0, 7, 0, 0, 0, 9];
        let read = |order, count| {
            let block = RefcountBlock::new(&bytes, order);
            (0..count).map(|index| block.get(index)).collect::<Vec<_>>()
        };
        assert_eq!(read(0, 8), [0, 0, 1, 0, 0, 1, 1, 1]);
        assert_eq!(read(1, 4), [0, 1, 2, 3]);
        assert_eq!(read(2, 4), [4, 14, 1, 2]);
        assert_eq!(read(3, 2), [0xe4, 0x21]);
        assert_eq!(read(4, 5), [0xe421, 7, 0, 9, 0]);
        assert_eq!(read(5, 3), [0xe421_0007, 9, 0]);
        assert_eq!(read(6, 2), [0xe421_0007_0000_0009, 0]);
    }

    #[test]
    fn differences_are_told_for_every_width_and_beyond_the_end() {
        for order in 0..=6 {
            let bytes = [0; 16];
            let block = RefcountBlock::new(&bytes, order);
            let mut told = Vec::new();
            let others = (0..200_u64).map(|index| if index == 150 { 5 } else { 0 });
            block.differences(3, others, |position, refcount, other| {
                told.push((position, refcount, other));
            });
            assert_eq!(told, [(150, 0, 5)], "order {order}");
        }
        let block = RefcountBlock::new(&[0, 1, 0, 2, 0, 1], 4);
        let mut told = Vec::new();
        block.differences(1, [2, 2].into_iter(), |at, refcount, other| {
            told.push((at, refcount, other));
        });
        assert_eq!(told, [(1, 1, 2)]);
    }
}
