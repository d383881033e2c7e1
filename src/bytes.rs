//! Read-only bytes: the one abstraction that the map, the image, a partition, a logical volume and
//! a guest's file share.

use std::sync::Arc;

use crate::error::{Error, Result};

/// Read-only bytes of a known length.
///
/// Implementations are cheap to read from several threads at once.
pub trait Bytes: Send + Sync {
    /// Length in bytes.
    fn len(&self) -> u64;

    /// Whether there are no bytes at all.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Fills `buf` from byte `offset` on.
    ///
    /// # Errors
    /// [`Error::OutOfBounds`] when the range is not wholly inside; otherwise whatever the layer
    /// below found ([`Error::Corrupt`], [`Error::Unsupported`]).
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<()>;

    /// The bytes themselves, when they lie contiguously in the memory map; `None` when they do not
    /// (or are out of bounds), in which case [`Bytes::read_at`] decides.
    fn slice(&self, _offset: u64, _len: usize) -> Option<&[u8]> {
        None
    }

    /// How many bytes from `offset` on are known to read as zero without looking at them (a hole
    /// of a sparse file or an unallocated cluster run). 0 when unknown; may be less than the truth.
    fn zeroes_at(&self, _offset: u64) -> u64 {
        0
    }

    /// Says that just these bytes will be read soon, so that nothing around them need be.
    fn will_need(&self, _offset: u64, _len: usize) {}
}

/// Reads of whole values, for every kind of [`Bytes`].
pub trait BytesExt: Bytes {
    /// Reads `N` bytes.
    ///
    /// # Errors
    /// As [`Bytes::read_at`].
    fn array<const N: usize>(&self, offset: u64) -> Result<[u8; N]> {
        let mut buf = [0; N];
        self.read_at(offset, &mut buf)?;
        Ok(buf)
    }

    /// Reads `len` bytes into a new vector. `len` must be bounded by the caller, never by the
    /// image alone; the range is checked against [`Bytes::len`] before memory is taken.
    ///
    /// # Errors
    /// As [`Bytes::read_at`].
    fn vec(&self, offset: u64, len: usize) -> Result<Vec<u8>> {
        check_range(self.len(), offset, len)?;
        let mut buf = vec![0; len];
        self.read_at(offset, &mut buf)?;
        Ok(buf)
    }
}

impl<T: Bytes + ?Sized> BytesExt for T {}

/// Checks that `len` bytes from `offset` on lie within `total`; gives the end.
///
/// # Errors
/// [`Error::OutOfBounds`] otherwise.
pub fn check_range(total: u64, offset: u64, len: usize) -> Result<u64> {
    let end = offset.saturating_add(u64::try_from(len).unwrap_or(u64::MAX));
    if end > total {
        return Err(Error::OutOfBounds { offset, end, len: total });
    }
    Ok(end)
}

impl Bytes for Vec<u8> {
    fn len(&self) -> u64 {
        u64::try_from(self.as_slice().len()).unwrap_or(u64::MAX)
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<()> {
        let source = self.slice(offset, buf.len()).ok_or(Error::OutOfBounds {
            offset,
            end: offset.saturating_add(u64::try_from(buf.len()).unwrap_or(u64::MAX)),
            len: Bytes::len(self),
        })?;
        buf.copy_from_slice(source);
        Ok(())
    }

    fn slice(&self, offset: u64, len: usize) -> Option<&[u8]> {
        let start = usize::try_from(offset).ok()?;
        self.as_slice().get(start..start.checked_add(len)?)
    }
}

/// A contiguous part of other bytes: a partition, say.
#[derive(Clone)]
pub struct Part {
    whole: Arc<dyn Bytes>,
    start: u64,
    len: u64,
}

impl Part {
    /// The `len` bytes of `whole` from `start` on; cut at the end of `whole`.
    pub fn new(whole: Arc<dyn Bytes>, start: u64, len: u64) -> Self {
        let len = len.min(whole.len().saturating_sub(start));
        Self { whole, start, len }
    }

    fn shift(&self, offset: u64, len: usize) -> Result<u64> {
        check_range(self.len, offset, len)?;
        self.start.checked_add(offset).ok_or(Error::OutOfBounds {
            offset,
            end: u64::MAX,
            len: self.len,
        })
    }
}

impl Bytes for Part {
    fn len(&self) -> u64 {
        self.len
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<()> {
        self.whole.read_at(self.shift(offset, buf.len())?, buf)
    }

    fn slice(&self, offset: u64, len: usize) -> Option<&[u8]> {
        self.whole.slice(self.shift(offset, len).ok()?, len)
    }

    fn zeroes_at(&self, offset: u64) -> u64 {
        match self.shift(offset, 0) {
            Ok(at) => self.whole.zeroes_at(at).min(self.len.saturating_sub(offset)),
            Err(_) => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_reads_only_its_own_range() {
        let whole: Arc<dyn Bytes> = Arc::new((0..=255_u8).collect::<Vec<u8>>());
        let part = Part::new(whole, 10, 20);
        assert_eq!(part.array::<4>(16).unwrap(), [26, 27, 28, 29]);
        assert_eq!(part.array::<4>(17), Err(Error::OutOfBounds { offset: 17, end: 21, len: 20 }));
        assert_eq!(part.slice(0, 2), Some(&[10, 11][..]));
    }

    #[test]
    fn a_part_that_starts_behind_the_end_is_empty() {
        let whole: Arc<dyn Bytes> = Arc::new(vec![0_u8; 8]);
        let part = Part::new(whole, u64::MAX, u64::MAX);
        assert_eq!(Bytes::len(&part), 0);
        assert!(part.read_at(0, &mut [0]).is_err());
    }
}
