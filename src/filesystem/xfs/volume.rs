//! The bytes of the file system as they would be after a replay of the log.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use super::geometry::Geometry;
use crate::bytes::Bytes;
use crate::error::{Error, Result};
use crate::filesystem::Budget;
use crate::filesystem::structure::Structure;

/// Bytes of the unit that the log counts in (`BBSIZE`); sectors are never smaller.
pub(super) const BASIC_BLOCK: usize = 512;

/// The same as a 64-bit number.
pub(super) const BASIC_BLOCK_U64: u64 = 512;

/// The basic blocks that a replay of the log would write, by number.
#[derive(Debug, Default, Clone)]
pub(super) struct Overlay {
    pub(super) blocks: BTreeMap<u64, Box<[u8; BASIC_BLOCK]>>,
}

impl Overlay {
    /// The replaced basic blocks that lie in a range of bytes.
    fn range(&self, byte: u64, len: usize) -> impl Iterator<Item = (u64, &[u8; BASIC_BLOCK])> {
        let end = byte.saturating_add(u64::try_from(len).unwrap_or(u64::MAX));
        let range = byte / BASIC_BLOCK_U64..end.div_ceil(BASIC_BLOCK_U64);
        self.blocks.range(range).map(|(number, block)| (*number, &**block))
    }

    /// Puts what is replaced into the bytes that were read at `byte`.
    pub(super) fn apply(&self, byte: u64, buf: &mut [u8]) {
        for (number, block) in self.range(byte, buf.len()) {
            let start = number.saturating_mul(BASIC_BLOCK_U64);
            let skip = usize::try_from(byte.saturating_sub(start)).unwrap_or(usize::MAX);
            let at = usize::try_from(start.saturating_sub(byte)).unwrap_or(usize::MAX);
            let target = buf.get_mut(at..).unwrap_or_default();
            for (target, source) in target.iter_mut().zip(block.iter().skip(skip)) {
                *target = *source;
            }
        }
    }
}

/// The volume, some of whose basic blocks the log replaces.
pub(super) struct Volume {
    bytes: Arc<dyn Bytes>,
    pub(super) geometry: Geometry,
    overlay: Overlay,
    budget: Arc<Budget>,
}

/// Bytes of the volume.
pub(super) struct Span<'v> {
    pub(super) raw: Cow<'v, [u8]>,
    /// Where they lie, in bytes.
    pub(super) offset: u64,
    /// Some of it comes from the log. The log does not keep the checksums of what it holds: they
    /// are made when it is written back.
    pub(super) is_replayed: bool,
}

impl Span<'_> {
    pub(super) fn structure(&self, name: &'static str) -> Structure<'_> {
        Structure::new(name, self.offset, &self.raw)
    }
}

impl Volume {
    pub(super) fn new(bytes: Arc<dyn Bytes>, geometry: Geometry, budget: Arc<Budget>) -> Self {
        Self { bytes, geometry, overlay: Overlay::default(), budget }
    }

    /// What reads of directories, maps of blocks and logs are counted in.
    pub(super) fn budget(&self) -> &Budget {
        &self.budget
    }

    /// What it was made from.
    pub(super) fn source(&self) -> (Arc<dyn Bytes>, Arc<Budget>) {
        (Arc::clone(&self.bytes), Arc::clone(&self.budget))
    }

    /// The same bytes, some replaced.
    pub(super) fn with_overlay(self, overlay: Overlay) -> Self {
        Self { overlay, ..self }
    }

    /// The same with another size.
    pub(super) fn with_geometry(self, geometry: Geometry) -> Self {
        Self { geometry, ..self }
    }

    /// Bytes that the blocks need but the volume does not have.
    pub(super) fn missing_bytes(&self) -> u64 {
        self.end().saturating_sub(self.bytes.len())
    }

    fn end(&self) -> u64 {
        self.geometry.block_count.saturating_mul(self.geometry.block_size)
    }

    /// Whether the log replaces any of these bytes.
    pub(super) fn is_replayed(&self, byte: u64, len: usize) -> bool {
        self.overlay.range(byte, len).next().is_some()
    }

    /// `len` bytes from `byte` on. `len` is a size that the superblock's check bounds.
    pub(super) fn span(&self, byte: u64, len: usize) -> Result<Span<'_>> {
        let raw = match self.slice(byte, len) {
            Some(slice) => Cow::Borrowed(slice),
            None => {
                let mut buf = vec![0; len];
                self.read_at(byte, &mut buf)?;
                Cow::Owned(buf)
            }
        };
        Ok(Span { raw, offset: byte, is_replayed: self.is_replayed(byte, len) })
    }

    /// As [`Volume::span`], of a directory or a map of blocks, whose reads are counted.
    ///
    /// # Errors
    /// As there; [`Error::Limit`] when the budget is spent.
    pub(super) fn counted_span(&self, byte: u64, len: usize) -> Result<Span<'_>> {
        self.budget.spend(u64::try_from(len).unwrap_or(u64::MAX))?;
        self.span(byte, len)
    }
}

impl Bytes for Volume {
    fn len(&self) -> u64 {
        self.end()
    }

    fn slice(&self, byte: u64, len: usize) -> Option<&[u8]> {
        let end = byte.checked_add(u64::try_from(len).ok()?)?;
        if end > self.end() || self.is_replayed(byte, len) {
            return None;
        }
        self.bytes.slice(byte, len)
    }

    fn read_at(&self, byte: u64, buf: &mut [u8]) -> Result<()> {
        let end = byte.saturating_add(u64::try_from(buf.len()).unwrap_or(u64::MAX));
        let limit = self.end().min(self.bytes.len());
        if end > limit {
            return Err(Error::corrupt(
                "xfs block",
                byte,
                format!("blocks that end at byte {limit} at the latest"),
                format!("one read to byte {end}"),
            ));
        }
        self.bytes.read_at(byte, buf)?;
        self.overlay.apply(byte, buf);
        Ok(())
    }

    fn zeroes_at(&self, byte: u64) -> u64 {
        let zeroes = self.bytes.zeroes_at(byte);
        if zeroes == 0 {
            return 0;
        }
        let first = byte / BASIC_BLOCK_U64;
        match self.overlay.blocks.range(first..).next() {
            None => zeroes,
            Some((number, _)) => {
                zeroes.min(number.saturating_mul(BASIC_BLOCK_U64).saturating_sub(byte))
            }
        }
    }
}
