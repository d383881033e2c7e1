//! The blocks of the file system as they would be after a replay of the journal.

use std::borrow::Cow;
use std::num::{NonZeroU32, NonZeroU64};
use std::sync::Arc;

use crate::bytes::Bytes;
use crate::error::{Error, Result};
use crate::filesystem::Budget;

/// The numbered blocks of the volume, some of which the journal replaces.
pub(super) struct Volume {
    bytes: Arc<dyn Bytes>,
    block_size: NonZeroU64,
    block_len: usize,
    block_count: u64,
    overlay: Overlay,
    budget: Arc<Budget>,
}

/// The blocks that a replay of the journal would write, by number.
#[derive(Debug, Default, Clone)]
pub(super) struct Overlay {
    /// Ascending by block.
    blocks: Vec<(u64, Logged)>,
}

/// The content of a block in the journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Logged {
    /// The block of the volume where the journal keeps it.
    pub(super) block: u64,
    /// The first four bytes are the journal's magic and stand as zeros in the log.
    pub(super) escaped: bool,
}

impl Overlay {
    /// An overlay of blocks in ascending order, each once.
    pub(super) fn new(blocks: Vec<(u64, Logged)>) -> Self {
        Self { blocks }
    }

    fn get(&self, block: u64) -> Option<Logged> {
        match self.first_from(block) {
            Some((at, logged)) if at == block => Some(logged),
            _ => None,
        }
    }

    /// The first replaced block at or after `block`.
    fn first_from(&self, block: u64) -> Option<(u64, Logged)> {
        let index = self.blocks.partition_point(|(at, _)| *at < block);
        self.blocks.get(index).copied()
    }
}

impl Volume {
    pub(super) fn new(
        bytes: Arc<dyn Bytes>,
        block_size: NonZeroU32,
        block_count: u64,
        budget: Arc<Budget>,
    ) -> Self {
        Self {
            bytes,
            block_size: block_size.into(),
            block_len: usize::try_from(block_size.get()).unwrap_or(usize::MAX),
            block_count,
            overlay: Overlay::default(),
            budget,
        }
    }

    /// The same blocks, some replaced.
    pub(super) fn with_overlay(self, overlay: Overlay) -> Self {
        Self { overlay, ..self }
    }

    /// The same with another number of blocks.
    pub(super) fn with_block_count(self, block_count: u64) -> Self {
        Self { block_count, ..self }
    }

    /// What it was made from.
    pub(super) fn source(&self) -> (Arc<dyn Bytes>, Arc<Budget>) {
        (Arc::clone(&self.bytes), Arc::clone(&self.budget))
    }

    /// Bytes of the volume, whatever lies in them.
    pub(super) fn volume_len(&self) -> u64 {
        self.bytes.len()
    }

    /// Bytes of a block.
    pub(super) fn block_size(&self) -> u64 {
        self.block_size.get()
    }

    /// Which block a byte lies in, and where in it, when blocks are counted from byte 0.
    pub(super) fn split(&self, byte: u64) -> (u64, u64) {
        (byte / self.block_size, byte % self.block_size)
    }

    /// Bytes of a block.
    pub(super) fn block_len(&self) -> usize {
        self.block_len
    }

    pub(super) fn block_count(&self) -> u64 {
        self.block_count
    }

    /// Bytes that the blocks need but the volume does not have.
    pub(super) fn missing_bytes(&self) -> u64 {
        self.byte(self.block_count).saturating_sub(self.bytes.len())
    }

    /// The byte of the volume at which a block lies, were it not in the journal.
    pub(super) fn byte(&self, block: u64) -> u64 {
        block.saturating_mul(self.block_size())
    }

    /// One block.
    pub(super) fn block(&self, block: u64) -> Result<Cow<'_, [u8]>> {
        self.span(block, 0, self.block_len)
    }

    /// One block of a directory or of a map of blocks, whose reads are counted.
    ///
    /// # Errors
    /// As for any block; [`Error::Limit`] when the budget is spent.
    pub(super) fn counted_block(&self, block: u64) -> Result<Cow<'_, [u8]>> {
        self.budget.spend(self.block_size())?;
        self.block(block)
    }

    /// Counts blocks of the journal that are read or remembered.
    ///
    /// # Errors
    /// [`Error::Limit`] when there were too many.
    pub(super) fn count_journal(&self, blocks: usize) -> Result<()> {
        let blocks = u64::try_from(blocks).unwrap_or(u64::MAX);
        self.budget.spend_on_journals(blocks.saturating_mul(self.block_size()))
    }

    /// Counts one change of a fast commit as a block of a journal: it reads an inode and a directory.
    ///
    /// # Errors
    /// [`Error::Limit`] when there were too many.
    pub(super) fn count_change(&self) -> Result<()> {
        self.budget.spend_on_journals(4096)
    }

    /// Counts `bytes` that fast commits leave in memory.
    ///
    /// # Errors
    /// [`Error::Limit`] when there were too many.
    pub(super) fn keep(&self, bytes: usize) -> Result<()> {
        self.budget.keep(u64::try_from(bytes).unwrap_or(u64::MAX))
    }

    /// Counts `bytes` of a map of blocks that is not on the volume.
    ///
    /// # Errors
    /// [`Error::Limit`] when the budget is spent.
    pub(super) fn spend(&self, bytes: u64) -> Result<()> {
        self.budget.spend(bytes)
    }

    /// `len` bytes from byte `within` of a block on, all inside that block.
    pub(super) fn span(&self, block: u64, within: u64, len: usize) -> Result<Cow<'_, [u8]>> {
        if let Some(slice) = self.slice(block, within, len) {
            return Ok(Cow::Borrowed(slice));
        }
        let mut buf = vec![0; len.min(self.block_len)];
        self.read(block, within, &mut buf)?;
        Ok(Cow::Owned(buf))
    }

    /// Bytes from byte `within` of `block` on, where they lie contiguously in the map as they are.
    pub(super) fn slice(&self, block: u64, within: u64, len: usize) -> Option<&[u8]> {
        let wide = u64::try_from(len).ok()?;
        let blocks = within.checked_add(wide)?.div_ceil(self.block_size()).max(1);
        let end = block.checked_add(blocks)?;
        if end > self.block_count {
            return None;
        }
        let start = match self.overlay.first_from(block).filter(|(at, _)| *at < end) {
            None => block,
            Some((_, logged)) if blocks == 1 && !logged.escaped => logged.block,
            Some(_) => return None,
        };
        self.bytes.slice(start.checked_mul(self.block_size())?.checked_add(within)?, len)
    }

    /// Fills `buf` from byte `within` of `block` on, through as many blocks as it takes.
    pub(super) fn read(&self, block: u64, within: u64, buf: &mut [u8]) -> Result<()> {
        let (skipped, mut within) = self.split(within);
        let mut block = block.saturating_add(skipped);
        let mut rest = buf;
        while !rest.is_empty() {
            let (len, source) = match self.overlay.first_from(block) {
                Some((at, logged)) if at == block => {
                    (self.block_size().saturating_sub(within), Some(logged))
                }
                Some((at, _)) => (self.byte(at.saturating_sub(block)).saturating_sub(within), None),
                None => (u64::MAX, None),
            };
            let len = usize::try_from(len).unwrap_or(usize::MAX).min(rest.len());
            let Some((part, behind)) = std::mem::take(&mut rest).split_at_mut_checked(len) else {
                break;
            };
            rest = behind;
            match source {
                Some(logged) => self.read_logged(logged, within, part)?,
                None => self.read_plain(block, within, part)?,
            }
            let end = within.saturating_add(u64::try_from(len).unwrap_or(u64::MAX));
            let (passed, left) = self.split(end);
            block = block.saturating_add(passed);
            within = left;
        }
        Ok(())
    }

    /// How many bytes from there on are known to be zero.
    pub(super) fn zeroes_at(&self, block: u64, within: u64) -> u64 {
        let (skipped, within) = self.split(within);
        let block = block.saturating_add(skipped);
        let plain = match self.overlay.first_from(block) {
            Some((at, _)) if at == block => return 0,
            Some((at, _)) => self.byte(at.saturating_sub(block)).saturating_sub(within),
            None => u64::MAX,
        };
        self.bytes.zeroes_at(self.byte(block).saturating_add(within)).min(plain)
    }

    /// The block of the journal that is read for this one, if any.
    pub(super) fn replacement(&self, block: u64) -> Option<u64> {
        self.overlay.get(block).map(|logged| logged.block)
    }

    fn read_plain(&self, block: u64, within: u64, buf: &mut [u8]) -> Result<()> {
        let offset = self.byte(block).saturating_add(within);
        let end = offset.saturating_add(u64::try_from(buf.len()).unwrap_or(u64::MAX));
        let limit = self.byte(self.block_count).min(self.bytes.len());
        if end > limit {
            return Err(Error::corrupt(
                "ext block",
                offset,
                format!("blocks that end at byte {limit} at the latest"),
                format!("block {block}, read to byte {end}"),
            ));
        }
        self.bytes.read_at(offset, buf)
    }

    fn read_logged(&self, logged: Logged, within: u64, buf: &mut [u8]) -> Result<()> {
        self.read_plain(logged.block, within, buf)?;
        if logged.escaped {
            let skip = usize::try_from(within).unwrap_or(usize::MAX);
            let magic = super::journal::MAGIC.to_be_bytes();
            for (byte, magic) in buf.iter_mut().zip(magic.iter().skip(skip)) {
                *byte = *magic;
            }
        }
        Ok(())
    }
}

/// The blocks one behind the other.
impl Bytes for Volume {
    fn len(&self) -> u64 {
        self.byte(self.block_count)
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<()> {
        let (block, within) = self.split(offset);
        self.read(block, within, buf)
    }

    fn slice(&self, offset: u64, len: usize) -> Option<&[u8]> {
        let (block, within) = self.split(offset);
        Self::slice(self, block, within, len)
    }

    fn zeroes_at(&self, offset: u64) -> u64 {
        let (block, within) = self.split(offset);
        Self::zeroes_at(self, block, within)
    }
}
