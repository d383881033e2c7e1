//! The last blocks of a file that does not lie open in the memory map: one compressed by NTFS or in
//! a compressed cluster of qcow2 would be decompressed anew for each cell of some bytes.

use std::sync::{Arc, Mutex, PoisonError};

use crate::bytes::{Bytes, BytesExt, check_range};
use crate::error::Result;

/// Length of a block in bytes: NTFS's compression unit and qcow2's usual cluster.
const BLOCK: u64 = 64 << 10;

/// Most blocks that are kept: 1 MiB a hive.
const MAX_BLOCKS: usize = 16;

/// Bytes whose last blocks are kept where they cannot be borrowed.
pub(super) struct Cached {
    bytes: Arc<dyn Bytes>,
    /// Each block's number and content, the one used last behind the others.
    blocks: Mutex<Vec<(u64, Arc<Vec<u8>>)>>,
}

impl Cached {
    pub(super) fn new(bytes: Arc<dyn Bytes>) -> Self {
        Self { bytes, blocks: Mutex::default() }
    }

    pub(super) fn len(&self) -> u64 {
        self.bytes.len()
    }

    /// Fills `buf` from byte `offset` on.
    ///
    /// # Errors
    /// As [`Bytes::read_at`].
    pub(super) fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<()> {
        check_range(self.len(), offset, buf.len())?;
        if let Some(open) = self.bytes.slice(offset, buf.len()) {
            buf.copy_from_slice(open);
            return Ok(());
        }
        let mut offset = offset;
        let mut rest = buf;
        while !rest.is_empty() {
            let number = offset.checked_div(BLOCK).unwrap_or(0);
            let block = self.block(number)?;
            let within = usize::try_from(offset.checked_rem(BLOCK).unwrap_or(0)).unwrap_or(0);
            let part = block.get(within..).unwrap_or_default();
            let count = part.len().min(rest.len());
            let Some((now, later)) = rest.split_at_mut_checked(count) else { break };
            now.copy_from_slice(part.get(..count).unwrap_or_default());
            offset = offset.saturating_add(u64::try_from(count).unwrap_or(u64::MAX));
            rest = later;
            if count == 0 {
                // Cannot be: the range was checked against the length.
                break;
            }
        }
        Ok(())
    }

    fn block(&self, number: u64) -> Result<Arc<Vec<u8>>> {
        let mut blocks = self.blocks.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(at) = blocks.iter().position(|(of, _)| *of == number) {
            let found = blocks.remove(at);
            let content = Arc::clone(&found.1);
            blocks.push(found);
            return Ok(content);
        }
        let start = number.saturating_mul(BLOCK);
        let len = BLOCK.min(self.len().saturating_sub(start));
        let content = Arc::new(self.bytes.vec(start, usize::try_from(len).unwrap_or(0))?);
        if blocks.len() >= MAX_BLOCKS {
            blocks.remove(0);
        }
        blocks.push((number, Arc::clone(&content)));
        Ok(content)
    }
}
