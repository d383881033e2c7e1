//! RAID 10: each chunk in several copies, side by side (`near`), in sections far behind one another
//! (`far`), or in the rows that follow (`offset`) (md(4); Linux, `drivers/md/raid10.c`).

use std::sync::Arc;

use crate::bytes::Bytes;
use crate::disk::mapping::{piecewise, within};
use crate::error::Result;

/// How many copies there are, and where (`setup_geo`).
#[derive(Debug, Clone, Copy)]
pub(super) struct Layout {
    disks: u64,
    /// Copies side by side.
    near: u64,
    /// Copies of those, each in another section or in the next row.
    far: u64,
    /// They are in the next rows.
    is_offset: bool,
}

impl Layout {
    /// The layout in the field of a superblock; `None` for one that is not read: fewer members than
    /// copies, or far copies within sets of members, which `mdadm` never makes (bits 17 and 18).
    pub(super) fn read(field: u32, disks: u32) -> Option<Self> {
        let [near, far, flags, 0] = field.to_le_bytes() else { return None };
        let (near, far) = (u64::from(near), u64::from(far));
        let is_sound = near > 0 && far > 0 && flags <= 1 && near.checked_mul(far)? <= disks.into();
        is_sound.then_some(Self { disks: disks.into(), near, far, is_offset: flags == 1 })
    }
}

/// The sizes of an array (`calc_sectors`, `raid10_size`).
#[derive(Debug, Clone, Copy)]
pub(super) struct Geometry {
    layout: Layout,
    chunk: u64,
    /// Rows from one far copy to the next.
    stride: u64,
    /// Bytes of each member that are used.
    pub(super) used: u64,
    /// Bytes of the array.
    len: u64,
}

impl Geometry {
    /// For members of which `size` bytes may be used; `None` when a size does not fit 64 bits.
    pub(super) fn new(layout: Layout, chunk: u64, size: u64) -> Option<Self> {
        let Layout { disks, near, far, is_offset } = layout;
        let rows = size.checked_div(chunk)?.checked_div(far)?;
        let chunks = rows.checked_mul(disks)?.checked_div(near)?;
        let used = chunks.checked_mul(near)?.checked_mul(far)?.div_ceil(disks);
        let stride = if is_offset { 1 } else { used.checked_div(far)? };
        Some(Self {
            layout,
            chunk,
            stride,
            used: used.checked_mul(chunk)?,
            len: chunks.checked_mul(chunk)?,
        })
    }
}

/// The bytes of an array of which each chunk has a copy on some member.
pub(super) struct Raid10 {
    /// None for a member that is missing.
    members: Vec<Option<Arc<dyn Bytes>>>,
    geometry: Geometry,
}

impl Raid10 {
    /// `None` when a chunk has no copy on any member that is there.
    pub(super) fn new(members: Vec<Option<Arc<dyn Bytes>>>, geometry: Geometry) -> Option<Self> {
        let raid10 = Self { members, geometry };
        // Which members a chunk is on repeats after as many chunks as there are members.
        let all = (0..geometry.layout.disks).all(|number| raid10.member(number).is_some());
        all.then_some(raid10)
    }

    /// A member that has chunk `number`, and the row in which it stands there
    /// (`__raid10_find_phys`).
    fn member(&self, number: u64) -> Option<(&dyn Bytes, u64)> {
        let Layout { disks, near, far, is_offset } = self.geometry.layout;
        let first = number.checked_mul(near)?;
        let copies = (0..near).flat_map(|n| (0..far).map(move |f| (n, f)));
        copies.into_iter().find_map(|(n, f)| {
            let position = first.checked_add(n)?;
            let row = position.checked_div(disks)?;
            let row = if is_offset { row.checked_mul(far)? } else { row };
            let shift = f.checked_mul(near)?;
            let disk = position.checked_rem(disks)?.checked_add(shift)?.checked_rem(disks)?;
            let member = self.members.get(usize::try_from(disk).ok()?)?.as_deref()?;
            Some((member, row.checked_add(f.checked_mul(self.geometry.stride)?)?))
        })
    }

    fn locate(&self, offset: u64) -> Option<(&dyn Bytes, u64, u64)> {
        let Geometry { chunk, len, .. } = self.geometry;
        if offset >= len {
            return None;
        }
        let (member, row) = self.member(offset.checked_div(chunk)?)?;
        let inside = offset.checked_rem(chunk)?;
        let at = row.checked_mul(chunk)?.checked_add(inside)?;
        Some((member, at, chunk.checked_sub(inside)?.min(len.checked_sub(offset)?)))
    }
}

impl Bytes for Raid10 {
    fn len(&self) -> u64 {
        self.geometry.len
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<()> {
        piecewise(self.geometry.len, offset, buf, |at| self.locate(at))
    }

    fn slice(&self, offset: u64, len: usize) -> Option<&[u8]> {
        within(self.locate(offset)?, len)
    }

    fn zeroes_at(&self, offset: u64) -> u64 {
        self.locate(offset).map_or(0, |(part, at, left)| part.zeroes_at(at).min(left))
    }
}

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects)]
mod tests {
    use super::*;
    use crate::bytes::BytesExt;

    /// What an array shows of members that are made of the rows; a chunk is a letter.
    fn shown(field: u32, rows: &[&str], missing: &[usize]) -> Option<String> {
        let disks = rows[0].len();
        let members = (0..disks).map(|disk| {
            let column: Vec<u8> = rows.iter().map(|row| row.as_bytes()[disk]).collect();
            let bytes: Arc<dyn Bytes> = Arc::new(column);
            (!missing.contains(&disk)).then_some(bytes)
        });
        let layout = Layout::read(field, u32::try_from(disks).unwrap())?;
        let geometry = Geometry::new(layout, 1, u64::try_from(rows.len()).unwrap())?;
        let raid10 = Raid10::new(members.collect(), geometry)?;
        let len = usize::try_from(raid10.len()).unwrap();
        Some(String::from_utf8(raid10.vec(0, len).unwrap()).unwrap())
    }

    #[test]
    fn copies_stand_where_the_manual_shows_them() {
        // md(4), "RAID10": the examples of 2 copies on 4 and on 5 devices.
        let near_4 = ["aabb", "ccdd", "eeff"];
        let near_5 = ["aabbc", "cddee", "ffggh", "hiijj"];
        let far_4 = ["abcd", "efgh", "ijkl", "dabc", "hefg", "lijk"];
        let far_5 = ["abcde", "fghij", "eabcd", "jfghi"];
        let offset_4 = ["abcd", "dabc", "efgh", "hefg", "ijkl", "lijk"];
        for missing in [&[][..], &[0], &[1], &[3], &[1, 3]] {
            assert_eq!(shown(0x102, &near_4, missing).as_deref(), Some("abcdef"), "{missing:?}");
            assert_eq!(shown(0x102, &near_5, missing).as_deref(), Some("abcdefghij"));
            assert_eq!(shown(0x201, &far_4, missing).as_deref(), Some("abcdefghijkl"));
            assert_eq!(shown(0x201, &far_5, missing).as_deref(), Some("abcdefghij"));
            assert_eq!(shown(0x1_0201, &offset_4, missing).as_deref(), Some("abcdefghijkl"));
        }
        for missing in [&[0, 1][..], &[3, 0]] {
            assert_eq!(shown(0x201, &far_4, missing), None);
            assert_eq!(shown(0x1_0201, &offset_4, missing), None);
        }
        assert_eq!(shown(0x102, &near_4, &[2, 3]), None);
    }

    #[test]
    fn layouts_that_no_tool_makes_are_not_read() {
        for field in [0, 0x100, 0x002, 0x2_0201, 0x4_0201, 0x105, 0x303, 0x0102_0102, u32::MAX] {
            assert!(Layout::read(field, 4).is_none(), "{field:#x}");
        }
        let layout = Layout::read(0x201, 4).unwrap();
        assert!(Geometry::new(layout, 1, u64::MAX).is_none());
        assert!(Geometry::new(layout, 0, 1 << 20).is_none());
    }
}
