//! The content of a regular file.

use std::borrow::Cow;
use std::sync::Arc;

use super::compression::MAX_EXTENT;
use super::extent::{Compressed, Extent, Source};
use super::volume::Volume;
use crate::bytes::{Bytes, check_range};
use crate::decompressed::Cache;
use crate::error::{Error, Result};
use crate::filesystem::content::{self, Part, Piece, piece};

/// Decompressed extents of a file that are kept, 2 MiB: reading on does not decompress one again, nor
/// does a file that was written anew in places, or reads here and there.
const KEPT_EXTENTS: usize = 16;

/// The bytes of a file: its extents, and zeros where there is none.
pub(super) struct Content {
    volume: Arc<Volume>,
    extents: Vec<Extent>,
    len: u64,
    /// By address and by how many bytes they make.
    cache: Cache<(u64, usize)>,
}

impl Part for Extent {
    fn start(&self) -> u64 {
        self.start
    }

    fn len(&self) -> u64 {
        self.len
    }
}

impl Content {
    pub(super) fn new(volume: Arc<Volume>, extents: Vec<Extent>, len: u64) -> Self {
        let unit = usize::try_from(MAX_EXTENT).unwrap_or(usize::MAX);
        let cache = Cache::new(unit, unit.saturating_mul(KEPT_EXTENTS));
        Self { volume, extents, len, cache }
    }

    fn decompress(&self, extent: &Compressed) -> Result<Vec<u8>> {
        let stored = match self.volume.slice(extent.logical, extent.stored) {
            Some(slice) => Cow::Borrowed(slice),
            None => {
                let mut buf = vec![0; extent.stored];
                self.volume.read(extent.logical, &mut buf)?;
                Cow::Owned(buf)
            }
        };
        let sector = usize::try_from(self.volume.sector_size).unwrap_or(0);
        extent.method.decompress(&stored, extent.len, sector).ok_or_else(|| {
            let expected = format!("{} bytes of {}", extent.len, extent.method.name());
            Error::corrupt("btrfs compressed extent", extent.logical, expected, "a damaged stream")
        })
    }

    fn fill(&self, extent: &Extent, within: u64, part: &mut [u8]) -> Result<()> {
        match &extent.source {
            Source::Inline(bytes) => bytes.read_at(within, part),
            Source::Plain { logical } => self.volume.read(logical.saturating_add(within), part),
            Source::Compressed { extent, skip } => {
                let waste = &self.volume.budget.extents;
                let (key, sizes) = ((extent.logical, extent.len), (extent.len, part.len()));
                let unit = self.cache.unit(key, waste, sizes, || self.decompress(extent))?;
                unit.read_at(skip.saturating_add(within), part)
            }
        }
    }
}

impl Bytes for Content {
    fn len(&self) -> u64 {
        self.len
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<()> {
        check_range(self.len, offset, buf.len())?;
        content::read(&self.extents, offset, buf, |extent, within, part| {
            self.fill(extent, within, part)
        })
    }

    fn slice(&self, offset: u64, len: usize) -> Option<&[u8]> {
        check_range(self.len, offset, len).ok()?;
        let Piece::Stored { part: extent, within, len: there } = piece(&self.extents, offset)
        else {
            return None;
        };
        if there < u64::try_from(len).ok()? {
            return None;
        }
        match &extent.source {
            Source::Inline(bytes) => bytes.slice(within, len),
            Source::Plain { logical } => self.volume.slice(logical.checked_add(within)?, len),
            Source::Compressed { .. } => None,
        }
    }

    fn zeroes_at(&self, offset: u64) -> u64 {
        let zeroes = match piece(&self.extents, offset) {
            Piece::Hole { len } => len,
            Piece::Stored {
                part: Extent { source: Source::Plain { logical }, .. },
                within,
                len,
            } => self.volume.zeroes_at(logical.saturating_add(within)).min(len),
            Piece::Stored { .. } => 0,
        };
        zeroes.min(self.len.saturating_sub(offset))
    }
}
