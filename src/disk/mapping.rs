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

/// Chunks that go round the members in turn, each on `copies` members side by side: RAID 0 with one
/// copy, RAID 10 in the near layout with several (Linux, `drivers/md/dm-stripe.c`,
/// `drivers/md/raid10.c`: `__raid10_find_phys`).
pub(super) struct Striped {
    /// The members; none for one that is missing.
    members: Vec<Option<Arc<dyn Bytes>>>,
    chunk: u64,
    copies: u64,
    len: u64,
}

impl Striped {
    /// Stripes of `chunk` bytes over `members`, `len` bytes in all; `None` when a chunk has no copy
    /// on any member, or there is nothing to stripe over.
    pub(super) fn new(
        members: Vec<Option<Arc<dyn Bytes>>>,
        chunk: u64,
        copies: u64,
        len: u64,
    ) -> Option<Self> {
        let count = u64::try_from(members.len()).ok()?;
        if chunk == 0 || copies == 0 || copies > count {
            return None;
        }
        let striped = Self { members, chunk, copies, len };
        // Which members a chunk is on repeats after as many chunks as there are members.
        (0..count).all(|number| striped.member(number).is_some()).then_some(striped)
    }

    /// A member that has chunk `number`, and the chunk's number there.
    fn member(&self, number: u64) -> Option<(&dyn Bytes, u64)> {
        let count = u64::try_from(self.members.len()).ok()?;
        let first = number.checked_mul(self.copies)?;
        (0..self.copies).find_map(|copy| {
            let position = first.checked_add(copy)?;
            let member = usize::try_from(position.checked_rem(count)?).ok()?;
            Some((self.members.get(member)?.as_deref()?, position.checked_div(count)?))
        })
    }

    fn locate(&self, offset: u64) -> Option<(&dyn Bytes, u64, u64)> {
        if offset >= self.len {
            return None;
        }
        let (member, number) = self.member(offset.checked_div(self.chunk)?)?;
        let inside = offset.checked_rem(self.chunk)?;
        let at = number.checked_mul(self.chunk)?.checked_add(inside)?;
        let left = self.chunk.checked_sub(inside)?.min(self.len.checked_sub(offset)?);
        Some((member, at, left))
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
fn piecewise<'a>(
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

fn within((part, at, left): (&dyn Bytes, u64, u64), len: usize) -> Option<&[u8]> {
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
        let members = vec![Some(bytes(0..6)), Some(bytes(10..16)), Some(bytes(20..26))];
        let striped = Striped::new(members, 2, 1, 10).unwrap();
        assert_eq!(all(&striped), [0, 1, 10, 11, 20, 21, 2, 3, 12, 13]);
        assert_eq!(striped.slice(2, 2).unwrap(), [10, 11]);
        assert_eq!(striped.slice(1, 2), None);
    }

    #[test]
    fn copies_in_the_near_layout_stand_side_by_side_and_one_of_them_suffices() {
        // drivers/md/raid10.c: chunk n is at position 2n of the rows, so three members hold
        // 0 0 1 / 1 2 2 and the third is not needed.
        let (a, b) = (bytes(0..4), bytes(10..14));
        let members = vec![Some(Arc::clone(&a)), Some(b), None];
        let striped = Striped::new(members, 1, 2, 6).unwrap();
        assert_eq!(all(&striped), [0, 1, 11, 2, 3, 13]);
        assert!(Striped::new(vec![Some(a), None, None], 1, 2, 6).is_none());
    }

    #[test]
    fn a_member_that_is_too_short_is_damage_and_no_end() {
        let mut concat = Concat::default();
        assert!(concat.push(bytes(0..10), 20));
        assert!(matches!(concat.array::<1>(15), Err(Error::Corrupt { .. })));
        assert!(matches!(concat.array::<1>(20), Err(Error::OutOfBounds { .. })));
    }
}
