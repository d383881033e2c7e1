//! The replay of a file's extents (`replay_one_extent`, `btrfs_drop_extents`).

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use super::{ENTRY_BYTES, MAX_BYTES, Subvolume, corrupt, limit};
use crate::error::Result;
use crate::filesystem::FileType;
use crate::filesystem::btrfs::extent::{self, Span};
use crate::filesystem::btrfs::key::{Key, item};
use crate::filesystem::btrfs::tree::Stored;
use crate::filesystem::structure::Structure;

/// The extents of a file, by the byte of the file at which they begin.
type Extents = BTreeMap<u64, Stored>;

impl Subvolume<'_> {
    /// Cuts a regular file at its length, and puts its extents in the log over those that it had.
    pub(super) fn replay_extents(&mut self, inode: u64, file_type: FileType) -> Result<()> {
        let old = self.extents(inode)?;
        let mut new = old.clone();
        let sector = u64::from(self.volume.sector_size);
        if file_type == FileType::Regular
            && let Some(stored) = self.inode(inode)?
            && let Some(end) = super::parsed(&stored)?.len.checked_next_multiple_of(sector)
        {
            drop_range(&mut new, end, u64::MAX, sector)?;
        }
        self.log.walk(self.volume, Key::all(inode, item::EXTENT_DATA), |found| {
            let stored = Stored::of(found);
            let start = found.key.offset;
            if new.get(&start) != Some(&stored)
                && let Some(end) = end(start, &stored, sector)?
            {
                drop_range(&mut new, start, end, sector)?;
                new.insert(start, stored);
            }
            Ok(ControlFlow::Continue(()))
        })?;
        for start in old.keys().filter(|start| !new.contains_key(start)) {
            self.set(Key::new(inode, item::EXTENT_DATA, *start), None)?;
        }
        for (start, stored) in new {
            if old.get(&start) != Some(&stored) {
                self.set(Key::new(inode, item::EXTENT_DATA, start), Some(stored))?;
            }
        }
        Ok(())
    }

    fn extents(&self, inode: u64) -> Result<Extents> {
        let mut found = Extents::new();
        let mut bytes = 0_usize;
        self.walk(Key::all(inode, item::EXTENT_DATA), |item| {
            bytes = bytes.saturating_add(item.raw.len()).saturating_add(ENTRY_BYTES);
            if bytes > MAX_BYTES {
                return Err(limit(MAX_BYTES, "bytes of extents"));
            }
            found.insert(item.key.offset, Stored::of(item));
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(found)
    }
}

fn structure(stored: &Stored) -> Structure<'_> {
    Structure::new(extent::NAME, stored.physical, &stored.raw)
}

/// The byte of the file behind an extent; none of one whose type is unknown. An inline extent takes
/// whole sectors.
fn end(start: u64, stored: &Stored, sector: u64) -> Result<Option<u64>> {
    let s = structure(stored);
    let end = match Span::read(&s)? {
        None => return Ok(None),
        Some(Span { len, is_inline: false }) => start.checked_add(len),
        Some(Span { len, is_inline: true }) => {
            start.checked_add(len).and_then(|end| end.checked_next_multiple_of(sector))
        }
    };
    end.map(Some).ok_or_else(|| s.corrupt(0, "an extent that ends below 2^64", start))
}

/// Takes the bytes from `start` to `end` out of the extents, and keeps what lies before and behind.
fn drop_range(extents: &mut Extents, start: u64, end: u64, sector: u64) -> Result<()> {
    let before = extents.range(..start).next_back();
    let within = extents.range(start..end);
    let touched: Vec<u64> = before.into_iter().chain(within).map(|(at, _)| *at).collect();
    for at in touched {
        let Some(stored) = extents.get(&at) else { continue };
        let Some(behind) = self::end(at, stored, sector)? else {
            return Err(corrupt("a known type of extent", format!("another at byte {at}")));
        };
        if behind <= start {
            continue;
        }
        let stored = stored.clone();
        extents.remove(&at);
        for (from, to) in [(at, start.min(behind)), (end.max(at), behind)] {
            if from < to {
                extents.insert(
                    from,
                    extent::part(&stored, from.saturating_sub(at), to.saturating_sub(from))?,
                );
            }
        }
    }
    Ok(())
}
