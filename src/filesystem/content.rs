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

/// Where a byte of a file lies, and for how many bytes that goes on.
enum Piece {
    Stored { place: u64, len: u64 },
    Hole { len: u64 },
}

impl Content {
    /// A file of `len` bytes; what of the runs lies behind them is not shown.
    pub(super) fn new(volume: Arc<dyn Bytes>, runs: Vec<Run>, len: u64) -> Self {
        Self { volume, runs, len }
    }

    fn piece(&self, offset: u64) -> Piece {
        let index = self.runs.partition_point(|run| run.start.saturating_add(run.len) <= offset);
        match self.runs.get(index) {
            None => Piece::Hole { len: u64::MAX },
            Some(run) => match offset.checked_sub(run.start) {
                None => Piece::Hole { len: run.start.saturating_sub(offset) },
                Some(within) => Piece::Stored {
                    place: run.place.saturating_add(within),
                    len: run.len.saturating_sub(within),
                },
            },
        }
    }
}

impl Bytes for Content {
    fn len(&self) -> u64 {
        self.len
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<()> {
        check_range(self.len, offset, buf.len())?;
        let mut offset = offset;
        let mut rest = buf;
        while !rest.is_empty() {
            let piece = self.piece(offset);
            let (Piece::Stored { len, .. } | Piece::Hole { len }) = piece;
            let len = usize::try_from(len).unwrap_or(usize::MAX).min(rest.len());
            let Some((part, behind)) = std::mem::take(&mut rest).split_at_mut_checked(len) else {
                break;
            };
            match piece {
                Piece::Stored { place, .. } => self.volume.read_at(place, part)?,
                Piece::Hole { .. } => part.fill(0),
            }
            offset = offset.saturating_add(u64::try_from(len).unwrap_or(u64::MAX));
            rest = behind;
        }
        Ok(())
    }

    fn slice(&self, offset: u64, len: usize) -> Option<&[u8]> {
        check_range(self.len, offset, len).ok()?;
        match self.piece(offset) {
            Piece::Stored { place, len: there } if there >= u64::try_from(len).ok()? => {
                self.volume.slice(place, len)
            }
            _ => None,
        }
    }

    fn zeroes_at(&self, offset: u64) -> u64 {
        let left = self.len.saturating_sub(offset);
        match self.piece(offset) {
            Piece::Hole { len } => len.min(left),
            Piece::Stored { place, len } => self.volume.zeroes_at(place).min(len).min(left),
        }
    }
}
