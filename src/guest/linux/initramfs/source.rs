//! The bytes of the initramfs in chunks: borrowed where they lie contiguously, read otherwise.

use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;

use crate::bytes::Bytes;
use crate::error::Result;

/// Length of a chunk. Long enough that the cost of a call is lost in it, short enough to stay in the
/// processor's cache until it was decompressed.
const CHUNK: usize = 256 << 10;

/// Chunks that are read ahead, so that the reader seldom waits.
const AHEAD: usize = 4;

/// A place in the bytes, from which one reads on.
pub(super) struct Source<'a> {
    bytes: &'a dyn Bytes,
    /// Offset behind the chunk.
    end: u64,
    chunk: Chunk<'a>,
    /// Bytes of the chunk that were consumed.
    used: usize,
    ahead: Option<Receiver<Result<Vec<u8>>>>,
}

enum Chunk<'a> {
    Borrowed(&'a [u8]),
    Read(Vec<u8>),
}

impl Chunk<'_> {
    fn bytes(&self) -> &[u8] {
        match self {
            Self::Borrowed(bytes) => bytes,
            Self::Read(bytes) => bytes,
        }
    }
}

impl<'a> Source<'a> {
    /// At byte `position`.
    pub(super) fn new(bytes: &'a dyn Bytes, position: u64) -> Self {
        let end = position.min(bytes.len());
        Self { bytes, end, chunk: Chunk::Borrowed(&[]), used: 0, ahead: None }
    }

    /// Offset of the next byte.
    pub(super) fn position(&self) -> u64 {
        self.end.saturating_sub(length(self.left()))
    }

    /// The next bytes, as many as are at hand; empty only at the end.
    ///
    /// # Errors
    /// As [`Bytes::read_at`].
    pub(super) fn fill(&mut self) -> Result<&[u8]> {
        if self.left().is_empty() {
            self.next_chunk()?;
        }
        Ok(self.left())
    }

    /// Consumes `count` of the bytes that [`Source::fill`] gave.
    pub(super) fn consume(&mut self, count: usize) {
        self.used = self.used.saturating_add(count).min(self.chunk.bytes().len());
    }

    /// The next `len` bytes, which the caller bounds, borrowed if possible, else put into `buffer`; fewer
    /// at the end. They are consumed.
    ///
    /// # Errors
    /// As [`Bytes::read_at`].
    pub(super) fn take<'b>(&mut self, len: usize, buffer: &'b mut Vec<u8>) -> Result<&'b [u8]>
    where
        'a: 'b,
    {
        if self.ahead.is_none() {
            let position = self.position();
            if let Some(slice) = self.bytes.slice(position, len) {
                self.seek(position.saturating_add(length(slice)));
                return Ok(slice);
            }
        }
        buffer.clear();
        buffer.reserve_exact(len);
        while buffer.len() < len {
            let bytes = self.fill()?;
            let count = bytes.len().min(len.saturating_sub(buffer.len()));
            let Some(bytes) = bytes.get(..count).filter(|bytes| !bytes.is_empty()) else { break };
            buffer.extend_from_slice(bytes);
            self.consume(count);
        }
        Ok(buffer)
    }

    /// Goes on at byte `position`.
    pub(super) fn seek(&mut self, position: u64) {
        let forward = position.checked_sub(self.position()).and_then(|n| usize::try_from(n).ok());
        match forward {
            Some(count) if count <= self.left().len() => self.consume(count),
            _ => *self = Self::new(self.bytes, position),
        }
    }

    /// Runs `work` on the bytes from here on, and goes on where it left off. Bytes that do not lie
    /// contiguously are costly to get (clusters to decompress), so a second thread reads them ahead.
    pub(super) fn read_ahead<T>(&mut self, work: impl FnOnce(&mut Source<'_>) -> T) -> T {
        let (bytes, start) = (self.bytes, self.position());
        let chunk = chunk_len(bytes, start);
        if chunk < CHUNK || bytes.slice(start, chunk).is_some() {
            return work(self);
        }
        let (result, position) = thread::scope(|scope| {
            let mut source = Source::new(bytes, start);
            let (sender, receiver) = sync_channel(AHEAD);
            let reader = thread::Builder::new().spawn_scoped(scope, move || {
                let mut at = start;
                loop {
                    let chunk = read_chunk(bytes, at);
                    let len = chunk.as_ref().map_or(0, Vec::len);
                    at = at.saturating_add(u64::try_from(len).unwrap_or(u64::MAX));
                    if sender.send(chunk).is_err() || len == 0 {
                        return;
                    }
                }
            });
            // Without a thread the chunks are read as they are needed.
            source.ahead = reader.is_ok().then_some(receiver);
            (work(&mut source), source.position())
        });
        self.seek(position);
        result
    }

    fn left(&self) -> &[u8] {
        self.chunk.bytes().get(self.used..).unwrap_or(&[])
    }

    fn next_chunk(&mut self) -> Result<()> {
        self.used = 0;
        let bytes = self.bytes;
        self.chunk = match &self.ahead {
            Some(ahead) => Chunk::Read(ahead.recv().unwrap_or_else(|_| Ok(Vec::new()))?),
            None => match bytes.slice(self.end, chunk_len(bytes, self.end)) {
                Some(slice) => Chunk::Borrowed(slice),
                None => Chunk::Read(read_chunk(bytes, self.end)?),
            },
        };
        self.end = self.end.saturating_add(length(self.chunk.bytes()));
        Ok(())
    }
}

fn read_chunk(bytes: &dyn Bytes, at: u64) -> Result<Vec<u8>> {
    let mut chunk = vec![0; chunk_len(bytes, at)];
    bytes.read_at(at, &mut chunk)?;
    Ok(chunk)
}

/// Length of the chunk at `at`: less at the end.
fn chunk_len(bytes: &dyn Bytes, at: u64) -> usize {
    usize::try_from(bytes.len().saturating_sub(at)).unwrap_or(CHUNK).min(CHUNK)
}

fn length(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}
