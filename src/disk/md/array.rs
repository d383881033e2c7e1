//! The bytes of an array, put together from its members (Linux, `drivers/md/`; md(4)).

use std::sync::Arc;

use super::raid10::{Geometry, Layout, Raid10};
use super::superblock::Superblock;
use crate::bytes::{Bytes, Part};
use crate::disk::mapping::{Concat, Striped};
use crate::error::{Error, Result};
use crate::fact::some_of;

/// RAID 0 over members of several sizes, as kernels before 3.14 laid it out, and since
/// (`enum r0layout`).
const RAID0_ORIGINAL: u32 = 1;
const RAID0_ALTERNATE: u32 = 2;

/// A member that holds what the array holds.
pub(super) struct Member<'a> {
    pub(super) superblock: &'a Superblock,
    pub(super) bytes: &'a Arc<dyn Bytes>,
}

impl Member<'_> {
    /// The first `len` bytes of its data; `Err` when the superblock does not give it as many.
    fn data(&self, len: u64) -> Result<Arc<dyn Bytes>> {
        if len > self.superblock.data_size {
            let found = format!("{} bytes", self.superblock.data_size);
            let expected = format!("{len} bytes of data on each member");
            return Err(Error::corrupt("md array", self.superblock.data_offset, expected, found));
        }
        Ok(Arc::new(Part::new(Arc::clone(self.bytes), self.superblock.data_offset, len)))
    }
}

/// The name of a level as `/proc/mdstat` has it.
pub(super) fn level_name(level: i32) -> String {
    match level {
        -1 => "linear".to_owned(),
        -4 => "multipath".to_owned(),
        -5 => "faulty".to_owned(),
        _ => format!("raid{level}"),
    }
}

/// The array's bytes. `slots` has the member of each slot, `raid_disks` in number; `array` is the
/// newest superblock.
///
/// # Errors
/// [`Error::Unreadable`] that names the slots that are missing; [`Error::Unsupported`] for other
/// levels and layouts; [`Error::Corrupt`] for sizes that do not fit.
pub(super) fn open(array: &Superblock, slots: &[Option<Member<'_>>]) -> Result<Arc<dyn Bytes>> {
    if array.is_reshaping {
        return Err(unsupported(array, "an array whose shape is being changed"));
    }
    match array.level {
        1 => match slots.iter().flatten().next() {
            Some(member) => member.data(array.size),
            None => Err(missing(array, slots)),
        },
        0 => raid0(array, &all(array, slots)?),
        -1 => linear(array, &all(array, slots)?),
        10 => raid10(array, slots),
        level => Err(unsupported(array, &level_name(level))),
    }
}

fn unsupported(array: &Superblock, what: &str) -> Error {
    Error::unsupported("md array", array.data_offset, what)
}

/// Says which slots have no member here.
fn missing(array: &Superblock, slots: &[Option<Member<'_>>]) -> Error {
    let empty = (0..slots.len()).filter(|n| slots.get(*n).is_some_and(Option::is_none));
    let named = some_of(empty.map(|n| n.to_string()));
    let (level, total) = (level_name(array.level), array.raid_disks);
    let word = if named.len() == 1 { "member" } else { "members" };
    Error::Unreadable {
        path: format!("md array {}", array.uuid),
        reason: format!(
            "the {word} in slot {} of the {total} of this {level} are not in this image, or not in sync",
            named.join(", ")
        ),
    }
}

fn all<'a>(array: &Superblock, slots: &'a [Option<Member<'a>>]) -> Result<Vec<&'a Member<'a>>> {
    slots
        .iter()
        .map(Option::as_ref)
        .collect::<Option<Vec<_>>>()
        .ok_or_else(|| missing(array, slots))
}

/// What is left of `len` when only whole chunks count.
fn whole_chunks(len: u64, chunk: u64) -> u64 {
    len.saturating_sub(len.checked_rem(chunk).unwrap_or(0))
}

/// Members one behind the other (`drivers/md/md-linear.c`).
fn linear(array: &Superblock, members: &[&Member<'_>]) -> Result<Arc<dyn Bytes>> {
    let mut concat = Concat::default();
    for member in members {
        let len = whole_chunks(member.superblock.data_size, array.chunk);
        push(&mut concat, member.data(len)?, len)?;
    }
    Ok(Arc::new(concat))
}

/// Zones of stripes: the first over all members as far as the smallest reaches, the next over those
/// that are longer, and so on (`drivers/md/raid0.c`: `create_strip_zones`, `map_sector`).
fn raid0(array: &Superblock, members: &[&Member<'_>]) -> Result<Arc<dyn Bytes>> {
    let chunk = chunk(array)?;
    let sizes: Vec<u64> =
        members.iter().map(|member| whole_chunks(member.superblock.data_size, chunk)).collect();
    let mut ends = sizes.clone();
    ends.sort_unstable();
    ends.dedup();
    let mut whole = Concat::default();
    let mut start = 0;
    for end in ends {
        let depth = end.saturating_sub(start);
        let mut parts = Vec::new();
        for (member, size) in members.iter().zip(&sizes) {
            if *size >= end {
                let data = member.data(end)?;
                let part: Arc<dyn Bytes> = Arc::new(Part::new(data, start, depth));
                parts.push(part);
            }
        }
        if start != 0 {
            // With one zone the layouts are the same, and the kernel starts it without being told.
            match array.layout {
                RAID0_ALTERNATE => {}
                RAID0_ORIGINAL => {
                    // The turn goes on from the chunk's number in the array, not in the zone.
                    let count = u64::try_from(parts.len()).unwrap_or(u64::MAX);
                    let first = whole.len().checked_div(chunk).unwrap_or(0);
                    let turn = first.checked_rem(count).unwrap_or(0);
                    parts.rotate_left(usize::try_from(turn).unwrap_or(0));
                }
                _ => return Err(unsupported(array, "raid0 over members of several sizes")),
            }
        }
        let count = u64::try_from(parts.len()).unwrap_or(u64::MAX);
        let len = depth.checked_mul(count).ok_or_else(|| too_long(array))?;
        if len != 0 {
            let zone = Striped::new(parts, chunk, len).ok_or_else(|| too_long(array))?;
            push(&mut whole, Arc::new(zone), len)?;
        }
        start = end;
    }
    Ok(Arc::new(whole))
}

fn raid10(array: &Superblock, slots: &[Option<Member<'_>>]) -> Result<Arc<dyn Bytes>> {
    let chunk = chunk(array)?;
    let layout = Layout::read(array.layout, array.raid_disks)
        .ok_or_else(|| unsupported(array, &format!("raid10 in the layout {:#x}", array.layout)))?;
    let geometry = Geometry::new(layout, chunk, array.size).ok_or_else(|| too_long(array))?;
    let members = slots
        .iter()
        .map(|slot| slot.as_ref().map(|member| member.data(geometry.used)).transpose())
        .collect::<Result<Vec<_>>>()?;
    match Raid10::new(members, geometry) {
        Some(raid10) => Ok(Arc::new(raid10)),
        None => Err(missing(array, slots)),
    }
}

fn chunk(array: &Superblock) -> Result<u64> {
    if array.chunk == 0 {
        return Err(Error::corrupt("md superblock", array.data_offset, "a chunk size over 0", "0"));
    }
    Ok(array.chunk)
}

fn push(concat: &mut Concat, part: Arc<dyn Bytes>, len: u64) -> Result<()> {
    let error = || Error::corrupt("md array", 0, "a size below 2^64 bytes", "more");
    if concat.push(part, len) { Ok(()) } else { Err(error()) }
}

fn too_long(array: &Superblock) -> Error {
    Error::corrupt("md array", array.data_offset, "a size below 2^64 bytes", "more")
}
