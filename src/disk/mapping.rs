//! Bytes that are put together from parts of other bytes, as the device mapper and md do it.

use std::sync::Arc;

use crate::bytes::{Bytes, check_range};
use crate::error::{Error, Result};

/// Parts one behind the other (Linux, `Documentation/admin-guide/device-mapper/linear.rst`).
#[derive(Default)]
pub(super) struct Concat {
    /// Each part with the offset at which it ends, in ascending order.
    parts: Vec<(u64, Arc<dyn Bytes>)>,
    len: u64,
}

impl Concat {
    /// Appends the first `len` bytes of `part`; `false` when the whole would be longer than a
    /// 64-bit length can say.
    #[must_use]
    pub(super) fn push(&mut self, part: Arc<dyn Bytes>, len: u64) -> bool {
        let Some(end) = self.len.checked_add(len) else { return false };
        if len != 0 {
            self.parts.push((end, part));
            self.len = end;
        }
        true
    }

    /// The part that byte `offset` lies in, the offset in the part, and how much is left of it.
    fn locate(&self, offset: u64) -> Option<(&dyn Bytes, u64, u64)> {
        let index = self.parts.partition_point(|(end, _)| *end <= offset);
        let (end, part) = self.parts.get(index)?;
        let before = index.checked_sub(1).and_then(|before| self.parts.get(before));
        let start = before.map_or(0, |(end, _)| *end);
        Some((part.as_ref(), offset.checked_sub(start)?, end.checked_sub(offset)?))
    }
}

impl Bytes for Concat {
    fn len(&self) -> u64 {
        self.len
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<()> {
        piecewise(self.len, offset, buf, |at| self.locate(at))
    }

    fn slice(&self, offset: u64, len: usize) -> Option<&[u8]> {
        within(self.locate(offset)?, len)
    }

    fn zeroes_at(&self, offset: u64) -> u64 {
        self.locate(offset).map_or(0, |(part, at, left)| part.zeroes_at(at).min(left))
    }
}

/// Chunks that go round the members in turn (Linux, `drivers/md/dm-stripe.c`).
pub(super) struct Striped {
    members: Vec<Arc<dyn Bytes>>,
    chunk: u64,
    len: u64,
}

impl Striped {
    /// Stripes of `chunk` bytes over `members`, `len` bytes in all; `None` when there is nothing to
    /// stripe or nothing to stripe over.
    pub(super) fn new(members: Vec<Arc<dyn Bytes>>, chunk: u64, len: u64) -> Option<Self> {
        (chunk != 0 && !members.is_empty()).then_some(Self { members, chunk, len })
    }

    fn locate(&self, offset: u64) -> Option<(&dyn Bytes, u64, u64)> {
        if offset >= self.len {
            return None;
        }
        let count = u64::try_from(self.members.len()).ok()?;
        let number = offset.checked_div(self.chunk)?;
        let member = self.members.get(usize::try_from(number.checked_rem(count)?).ok()?)?;
        let inside = offset.checked_rem(self.chunk)?;
        let at = number.checked_div(count)?.checked_mul(self.chunk)?.checked_add(inside)?;
        let left = self.chunk.checked_sub(inside)?.min(self.len.checked_sub(offset)?);
        Some((member.as_ref(), at, left))
    }
}

impl Bytes for Striped {
    fn len(&self) -> u64 {
        self.len
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<()> {
        piecewise(self.len, offset, buf, |at| self.locate(at))
    }

    fn slice(&self, offset: u64, len: usize) -> Option<&[u8]> {
        within(self.locate(offset)?, len)
    }

    fn zeroes_at(&self, offset: u64) -> u64 {
        self.locate(offset).map_or(0, |(part, at, left)| part.zeroes_at(at).min(left))
    }
}

/// Nothing but zeros (device-mapper target `zero`).
pub(super) struct Zeros(pub(super) u64);

impl Bytes for Zeros {
    fn len(&self) -> u64 {
        self.0
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<()> {
        check_range(self.0, offset, buf.len())?;
        buf.fill(0);
        Ok(())
    }

    fn zeroes_at(&self, offset: u64) -> u64 {
        self.0.saturating_sub(offset)
    }
}

/// The bytes of a volume, or why they cannot be read.
pub(super) type Mapped = std::result::Result<Arc<dyn Bytes>, Unreadable>;

/// A volume of known length whose content cannot be read, and why.
#[derive(Clone)]
pub(super) struct Unreadable {
    pub(super) len: u64,
    pub(super) error: Error,
}

impl Bytes for Unreadable {
    fn len(&self) -> u64 {
        self.len
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<()> {
        check_range(self.len, offset, buf.len())?;
        Err(self.error.clone())
    }
}

/// Fills `buf` piece by piece; `locate` gives the part that an offset lies in, the offset there and
/// how much is left of it.
pub(super) fn piecewise<'a>(
    len: u64,
    offset: u64,
    buf: &mut [u8],
    locate: impl Fn(u64) -> Option<(&'a dyn Bytes, u64, u64)>,
) -> Result<()> {
    check_range(len, offset, buf.len())?;
    let mut at = offset;
    let mut rest = buf;
    while !rest.is_empty() {
        let beyond = Error::OutOfBounds { offset: at, end: at, len };
        let (part, inside, left) = locate(at).ok_or(beyond)?;
        let count = usize::try_from(left).unwrap_or(usize::MAX).min(rest.len());
        let (piece, tail) = rest.split_at_mut(count);
        part.read_at(inside, piece).map_err(|error| cut_short(at, error))?;
        at = at.saturating_add(left);
        rest = tail;
    }
    Ok(())
}

/// What the map promises and the member does not have is no end of the volume: whoever reads it must
/// not take it for one.
fn cut_short(offset: u64, error: Error) -> Error {
    match error {
        Error::OutOfBounds { len, .. } => Error::corrupt(
            "mapped volume",
            offset,
            "data on the device below",
            format!("the device's end at byte {len}"),
        ),
        other => other,
    }
}

/// The bytes of a piece that `locate` gave, when it goes on for `len` bytes and lies in the map.
pub(super) fn within((part, at, left): (&dyn Bytes, u64, u64), len: usize) -> Option<&[u8]> {
    (u64::try_from(len).ok()? <= left).then(|| part.slice(at, len)).flatten()
}

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects)]
mod tests {
    use super::*;
    use crate::bytes::BytesExt;

    fn bytes(range: std::ops::Range<u8>) -> Arc<dyn Bytes> {
        Arc::new(range.collect::<Vec<u8>>())
    }

    fn all(bytes: &dyn Bytes) -> Vec<u8> {
        bytes.vec(0, usize::try_from(bytes.len()).unwrap()).unwrap()
    }

    #[test]
    fn parts_follow_each_other_and_reads_cross_their_borders() {
        let mut concat = Concat::default();
        assert!(concat.push(bytes(0..10), 4) && concat.push(bytes(20..30), 6));
        assert_eq!(all(&concat), [0, 1, 2, 3, 20, 21, 22, 23, 24, 25]);
        assert_eq!(concat.slice(4, 6).unwrap(), [20, 21, 22, 23, 24, 25]);
        assert_eq!(concat.slice(3, 2), None);
        assert!(concat.array::<2>(9).is_err());
        assert!(!concat.push(bytes(0..1), u64::MAX));
    }

    #[test]
    fn chunks_go_round_the_members() {
        let members = vec![bytes(0..6), bytes(10..16), bytes(20..26)];
        let striped = Striped::new(members, 2, 10).unwrap();
        assert_eq!(all(&striped), [0, 1, 10, 11, 20, 21, 2, 3, 12, 13]);
        assert_eq!(striped.slice(2, 2).unwrap(), [10, 11]);
        assert_eq!(striped.slice(1, 2), None);
    }

    #[test]
    fn a_member_that_is_too_short_is_damage_and_no_end() {
        let mut concat = Concat::default();
        assert!(concat.push(bytes(0..10), 20));
        assert!(matches!(concat.array::<1>(15), Err(Error::Corrupt { .. })));
        assert!(matches!(concat.array::<1>(20), Err(Error::OutOfBounds { .. })));
    }
}
