//! Hive bins and the cells in them.
//!
//! Source: regf, "Hive bin" and "Cell".

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::base_block;
use super::cache::Cached;
use super::log::Pages;
use crate::bytes::Bytes;
use crate::error::{Error, Result};
use crate::filesystem::structure::Structure;

/// Most cells that are read of one hive, each as often as it is read, with the pages in which their
/// bins' headers are looked for: enough to walk a hive of 200 MB once, and a bound on what a hostile
/// one costs.
pub const MAX_CELLS_READ: u64 = 1 << 23;

/// Bins begin at multiples of this many bytes.
const PAGE: u32 = 4096;

/// Length of a bin's header in bytes.
const BIN_HEADER: u32 = 32;

/// Length of a cell's header, its size, in bytes.
const CELL_HEADER: u32 = 4;

/// Longest bin in bytes that is looked for. A bin is longer than 4096 bytes only when one cell is: a
/// value of at most 1 MiB where there is no big data, a list of half as much.
const MAX_BIN: u32 = 2 << 20;

/// Cell offset of what is not there.
pub(super) const NIL: u32 = u32::MAX;

/// The hive bins, with what transaction logs have for them.
pub(super) struct Bins {
    file: Cached,
    pages: Pages,
    len: u32,
    /// Minor version of the format.
    pub(super) minor: u32,
    cells_read: AtomicU64,
}

/// An allocated cell.
#[derive(Clone, Copy)]
pub(super) struct Cell<'a> {
    bins: &'a Bins,
    name: &'static str,
    offset: u32,
    len: u32,
}

/// The content of a cell, or the beginning of it.
pub(super) struct Content {
    name: &'static str,
    place: u64,
    raw: Vec<u8>,
}

impl Content {
    pub(super) fn s(&self) -> Structure<'_> {
        Structure::new(self.name, self.place, &self.raw)
    }

    pub(super) fn into_raw(self) -> Vec<u8> {
        self.raw
    }
}

impl Bins {
    pub(super) fn new(file: Arc<dyn Bytes>, pages: Pages, len: u32, minor: u32) -> Self {
        Self { file: Cached::new(file), pages, len, minor, cells_read: AtomicU64::new(0) }
    }

    #[cfg(test)]
    pub(super) fn spend(&self, cells: u64) {
        self.cells_read.fetch_add(cells, Ordering::Relaxed);
    }

    /// The allocated cell at `offset`, which is to hold a `name`.
    ///
    /// # Errors
    /// [`Error::Corrupt`] when there is none, when it is free, or goes beyond its bin;
    /// [`Error::Limit`] above [`MAX_CELLS_READ`].
    pub(super) fn cell(&self, name: &'static str, offset: u32) -> Result<Cell<'_>> {
        let corrupt = |expected: &str, found: String| {
            Err(Error::corrupt(name, place(offset), expected, found))
        };
        if !offset.is_multiple_of(8) || offset >= self.len {
            let expected = "a cell at a multiple of 8 bytes inside the hive bins";
            return corrupt(expected, format!("cell offset {offset:#x}"));
        }
        let end = self.bin_end(name, offset)?;
        let mut raw = [0; 4];
        self.read_at(offset, &mut raw)?;
        let size = i32::from_le_bytes(raw);
        if size >= 0 {
            return corrupt("an allocated cell", format!("a free one, size {size}"));
        }
        let size = size.unsigned_abs();
        let left = end.saturating_sub(offset);
        if size < 8 || size > left || !size.is_multiple_of(8) {
            let expected = format!("a cell of 8 to {left} bytes");
            return corrupt(&expected, format!("{size} bytes"));
        }
        Ok(Cell { bins: self, name, offset, len: size.saturating_sub(CELL_HEADER) })
    }

    /// Where the bin ends that the cell at `offset` lies in. Its header is looked for backwards, page
    /// by page, and known by its own offset in it.
    fn bin_end(&self, name: &'static str, offset: u32) -> Result<u32> {
        let first = offset & !PAGE.wrapping_sub(1);
        let mut start = first;
        loop {
            if self.cells_read.fetch_add(1, Ordering::Relaxed) >= MAX_CELLS_READ {
                let structure = "all registry cells that were read";
                return Err(Error::Limit { structure, limit: MAX_CELLS_READ, unit: "cells" });
            }
            let mut raw = [0; 12];
            self.read_at(start, &mut raw)?;
            let s = Structure::new("registry hive bin", place(start), &raw);
            if s.bytes(0, 4)? == b"hbin" && s.u32(4)? == start {
                let size = s.u32(8)?;
                let end = start
                    .checked_add(size)
                    .filter(|end| size.is_multiple_of(PAGE) && size > 0 && *end <= self.len);
                let end = end.ok_or_else(|| {
                    s.corrupt(8, "a multiple of 4096 bytes inside the hive bins", size)
                })?;
                if offset < end && offset.saturating_sub(start) >= BIN_HEADER {
                    return Ok(end);
                }
                let expected = format!("a cell in the bin of {size} bytes at {start:#x}");
                let found = format!("cell offset {offset:#x}");
                return Err(Error::corrupt(name, place(offset), expected, found));
            }
            let back = start.checked_sub(PAGE);
            start = match back.filter(|back| first.saturating_sub(*back) < MAX_BIN) {
                Some(back) => back,
                None => {
                    let (expected, found) = ("a hive bin around the cell", "none");
                    return Err(Error::corrupt(name, place(offset), expected, found));
                }
            };
        }
    }

    /// Fills `buf` from byte `offset` of the hive bins on.
    fn read_at(&self, offset: u32, buf: &mut [u8]) -> Result<()> {
        self.pages.read_over(&self.file, offset, buf)
    }
}

impl Cell<'_> {
    /// Where it lies in the file.
    pub(super) fn place(&self) -> u64 {
        place(self.offset)
    }

    /// At most the first `most` bytes of the content.
    ///
    /// # Errors
    /// When they cannot be read.
    pub(super) fn prefix(&self, most: usize) -> Result<Content> {
        let len = usize::try_from(self.len).unwrap_or(usize::MAX).min(most);
        let mut raw = vec![0; len];
        self.bins.read_at(self.offset.saturating_add(CELL_HEADER), &mut raw)?;
        let place = place(self.offset).saturating_add(u64::from(CELL_HEADER));
        Ok(Content { name: self.name, place, raw })
    }

    /// Just the first `len` bytes of the content; `len` is bounded by the caller.
    ///
    /// # Errors
    /// [`Error::Corrupt`] when the cell is shorter; when they cannot be read.
    pub(super) fn exact(&self, len: u32) -> Result<Content> {
        if len > self.len {
            let expected = format!("a cell with {len} bytes of content");
            let found = format!("{} bytes", self.len);
            return Err(Error::corrupt(self.name, self.place(), expected, found));
        }
        self.prefix(usize::try_from(len).unwrap_or(usize::MAX))
    }
}

/// The byte of the file at byte `offset` of the hive bins.
pub(super) fn place(offset: u32) -> u64 {
    base_block::LEN.saturating_add(u64::from(offset))
}
