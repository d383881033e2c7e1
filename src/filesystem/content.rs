//! The content of a regular file that lies in its volume as it is.

use std::sync::Arc;

use crate::bytes::{Bytes, check_range};
use crate::error::Result;

/// Consecutive bytes of a file that lie together in its volume.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Run {
    /// First byte of the file.
    pub(super) start: u64,
    /// The byte of the volume at which it lies.
    pub(super) place: u64,
    /// Number of bytes.
    pub(super) len: u64,
}

/// The bytes of a file: its runs, and zeros where there is none.
pub(super) struct Content {
    volume: Arc<dyn Bytes>,
    /// Ascending and without overlap in the file.
    runs: Vec<Run>,
    len: u64,
}

/// A part of a file that is no hole.
pub(super) trait Part {
    /// First byte of the file.
    fn start(&self) -> u64;

    /// Number of bytes.
    fn len(&self) -> u64;
}

impl Part for Run {
    fn start(&self) -> u64 {
        self.start
    }

    fn len(&self) -> u64 {
        self.len
    }
}

/// Where a byte of a file lies, and for how many bytes that goes on.
pub(super) enum Piece<'a, P> {
    /// In a part, `within` bytes behind its first.
    Stored { part: &'a P, within: u64, len: u64 },
    /// Nowhere.
    Hole { len: u64 },
}

/// Where a byte of a file lies that has these parts, ascending and without overlap.
pub(super) fn piece<P: Part>(parts: &[P], offset: u64) -> Piece<'_, P> {
    let index = parts.partition_point(|part| part.start().saturating_add(part.len()) <= offset);
    match parts.get(index) {
        None => Piece::Hole { len: u64::MAX },
        Some(part) => match offset.checked_sub(part.start()) {
            None => Piece::Hole { len: part.start().saturating_sub(offset) },
            Some(within) => Piece::Stored { part, within, len: part.len().saturating_sub(within) },
        },
    }
}

/// Fills `buf` from byte `offset` of a file on, by calls of `fill` for what is in one part.
pub(super) fn read<P: Part>(
    parts: &[P],
    offset: u64,
    buf: &mut [u8],
    mut fill: impl FnMut(&P, u64, &mut [u8]) -> Result<()>,
) -> Result<()> {
    let mut offset = offset;
    let mut rest = buf;
    while !rest.is_empty() {
        let piece = piece(parts, offset);
        let (Piece::Stored { len, .. } | Piece::Hole { len }) = piece;
        let len = usize::try_from(len).unwrap_or(usize::MAX).min(rest.len());
        let Some((target, behind)) = std::mem::take(&mut rest).split_at_mut_checked(len) else {
            break;
        };
        match piece {
            Piece::Stored { part, within, .. } => fill(part, within, target)?,
            Piece::Hole { .. } => target.fill(0),
        }
        offset = offset.saturating_add(u64::try_from(len).unwrap_or(u64::MAX));
        rest = behind;
    }
    Ok(())
}

impl Content {
    /// A file of `len` bytes; what of the runs lies behind them is not shown.
    pub(super) fn new(volume: Arc<dyn Bytes>, runs: Vec<Run>, len: u64) -> Self {
        Self { volume, runs, len }
    }
}

impl Bytes for Content {
    fn len(&self) -> u64 {
        self.len
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<()> {
        check_range(self.len, offset, buf.len())?;
        read(&self.runs, offset, buf, |run, within, part| {
            self.volume.read_at(run.place.saturating_add(within), part)
        })
    }

    fn slice(&self, offset: u64, len: usize) -> Option<&[u8]> {
        check_range(self.len, offset, len).ok()?;
        match piece(&self.runs, offset) {
            Piece::Stored { part, within, len: there } if there >= u64::try_from(len).ok()? => {
                self.volume.slice(part.place.checked_add(within)?, len)
            }
            _ => None,
        }
    }

    fn zeroes_at(&self, offset: u64) -> u64 {
        let left = self.len.saturating_sub(offset);
        match piece(&self.runs, offset) {
            Piece::Hole { len } => len.min(left),
            Piece::Stored { part, within, len } => {
                self.volume.zeroes_at(part.place.saturating_add(within)).min(len).min(left)
            }
        }
    }
}
