//! The content of a regular file.

use std::sync::Arc;

use super::runs::{Run, Runs};
use super::volume::Volume;
use crate::bytes::{Bytes, check_range};
use crate::error::Result;

/// The bytes of a file: its runs, and zeros where there is none.
pub(super) struct Content {
    volume: Arc<Volume>,
    runs: Runs,
    len: u64,
}

/// Where a byte of a file lies.
enum Piece {
    /// In a run that goes on for so many bytes.
    Stored { run: Run, within: u64, len: u64 },
    /// Nowhere, for so many bytes.
    Hole { len: u64 },
}

impl Content {
    pub(super) fn new(volume: Arc<Volume>, runs: Runs, len: u64) -> Self {
        Self { volume, runs, len }
    }

    fn piece(&self, offset: u64) -> Piece {
        let size = self.volume.geometry.block_size;
        match self.runs.at_or_after(self.volume.geometry.block_of(offset)) {
            None => Piece::Hole { len: u64::MAX },
            Some(run) => {
                let start = run.logical.saturating_mul(size);
                match offset.checked_sub(start) {
                    None => Piece::Hole { len: start.saturating_sub(offset) },
                    Some(within) => {
                        let len = run.len.saturating_mul(size).saturating_sub(within);
                        Piece::Stored { run, within, len }
                    }
                }
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
                Piece::Stored { run, within, .. } => {
                    self.volume.read(run.byte.saturating_add(within), part)?;
                }
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
            Piece::Stored { run, within, len: there }
                if there >= u64::try_from(len).unwrap_or(u64::MAX) =>
            {
                self.volume.slice(run.byte.saturating_add(within), len)
            }
            _ => None,
        }
    }

    fn zeroes_at(&self, offset: u64) -> u64 {
        let left = self.len.saturating_sub(offset);
        match self.piece(offset) {
            Piece::Hole { len } => len.min(left),
            Piece::Stored { run, within, len } => {
                self.volume.zeroes_at(run.byte.saturating_add(within)).min(len).min(left)
            }
        }
    }
}
