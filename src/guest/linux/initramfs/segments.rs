//! The segments of an initramfs, one behind the other (`init/initramfs.c`, `unpack_to_rootfs`).

use std::ops::ControlFlow;
use std::time::Instant;

use super::Budget;
use super::compression::Compression;
use super::cpio::{Archive, Fed};
use super::decoder::Decoder;
use super::listing::Listing;
use super::lz4;
use super::source::Source;
use crate::bytes::Bytes;
use crate::guest::facts::ListingEnd;

/// Most segments that are looked at; each may set up a decompressor. Real files have two or three:
/// microcode, the main archive, at times something appended.
const MAX_SEGMENTS: usize = 64;

/// Length of the buffer into which is decompressed: it stays in the processor's second-level cache.
const OUTPUT: usize = 128 << 10;

/// What takes the decompressed bytes; breaks when it needs no more.
pub(super) type Sink<'s> = dyn FnMut(&[u8]) -> Result<ControlFlow<()>, Stop> + 's;

/// Why the rest was not looked at.
#[derive(Debug)]
pub(super) enum Stop {
    /// It cannot be read, or is more than is looked at.
    Unread(String),
    /// It is damaged, so that the kernel unpacks no more of it either.
    Damaged(String),
}

impl Stop {
    /// The same with more said.
    fn within(self, say: impl FnOnce(String) -> String) -> Self {
        match self {
            Self::Unread(reason) => Self::Unread(say(reason)),
            Self::Damaged(reason) => Self::Damaged(say(reason)),
        }
    }
}

impl From<String> for Stop {
    fn from(reason: String) -> Self {
        Self::Unread(reason)
    }
}

impl From<crate::error::Error> for Stop {
    fn from(error: crate::error::Error) -> Self {
        Self::Unread(error.to_string())
    }
}

/// Looks through all segments.
///
/// # Errors
/// The reason why the rest could not be read, with the segment and its offset.
pub(super) fn walk(
    bytes: &dyn Bytes,
    listing: &mut Listing<'_>,
    budget: &mut Budget,
) -> Result<ListingEnd, Stop> {
    if bytes.is_empty() {
        return Err("the file is empty".to_owned().into());
    }
    let mut source = Source::new(bytes, 0);
    while !listing.satisfied() {
        skip_zeros(bytes, &mut source, budget)?;
        let start = source.position();
        let Some(first) = source.fill()?.first().copied() else {
            return Ok(ListingEnd::Complete);
        };
        if listing.segments.len() >= MAX_SEGMENTS {
            return Err(format!("more than {MAX_SEGMENTS} segments, the rest was not read").into());
        }
        let plain = first == b'0' && start.is_multiple_of(4);
        let compression = if plain { None } else { Some(compression(bytes, start)?) };
        let name = compression.map_or("none", Compression::name);
        listing.begin(format!("offset {start}: cpio, {name}"));
        let flow = match compression {
            None => archive(bytes, &mut source, listing, budget),
            Some(compression) => {
                source.read_ahead(|source| unpack(compression, source, listing, budget))
            }
        };
        let flow = flow.map_err(|stop| {
            stop.within(|reason| format!("segment at offset {start} (cpio, {name}): {reason}"))
        })?;
        if flow.is_break() {
            break;
        }
    }
    Ok(ListingEnd::Satisfied)
}

/// How the segment at `start` is compressed.
fn compression(bytes: &dyn Bytes, start: u64) -> Result<Compression, String> {
    let mut magic = [0; 4];
    let len = usize::try_from(bytes.len().saturating_sub(start)).unwrap_or(4).min(4);
    let magic = magic.get_mut(..len).unwrap_or(&mut []);
    bytes.read_at(start, magic).map_err(|error| error.to_string())?;
    Compression::detect(magic).ok_or_else(|| match Compression::foreign(magic) {
        Some(what) => format!("offset {start}: {what}"),
        None if magic.starts_with(b"0707") => {
            format!("offset {start}: a cpio archive at an offset that is no multiple of 4")
        }
        None => format!("offset {start}: neither a cpio archive nor compressed ({magic:02x?})"),
    })
}

impl Budget {
    /// Counts `count` bytes that are looked at, or what is as dear.
    pub(super) fn take(&mut self, count: usize) -> Result<(), String> {
        let count = u64::try_from(count).unwrap_or(u64::MAX);
        self.left = self.left.checked_sub(count).ok_or_else(|| {
            format!("more than {} MiB to look at, the rest was not read", self.whole >> 20)
        })?;
        match self.until {
            Some(until) if Instant::now() >= until => {
                Err("the time for it was over, the rest was not read".to_owned())
            }
            _ => Ok(()),
        }
    }
}

/// Passes over the zero bytes between segments.
fn skip_zeros(bytes: &dyn Bytes, source: &mut Source<'_>, budget: &mut Budget) -> Result<(), Stop> {
    loop {
        let chunk = source.fill()?;
        let zeros = chunk.iter().position(|byte| *byte != 0).unwrap_or(chunk.len());
        budget.take(zeros)?;
        let all = zeros == chunk.len() && zeros > 0;
        source.consume(zeros);
        if !all {
            return Ok(());
        }
        let position = source.position();
        source.seek(position.saturating_add(bytes.zeroes_at(position)));
    }
}

/// Looks through a plain archive, passing over the content of its files.
fn archive(
    bytes: &dyn Bytes,
    source: &mut Source<'_>,
    listing: &mut Listing<'_>,
    budget: &mut Budget,
) -> Result<ControlFlow<()>, Stop> {
    let mut archive = Archive::new(source.position());
    loop {
        let chunk = source.fill()?;
        let mut rest = chunk;
        let fed = archive
            .feed(&mut rest, listing)
            .map_err(|reason| format!("{reason}, at offset {}", archive.position()))?;
        let used = chunk.len().saturating_sub(rest.len());
        budget.take(used)?;
        source.consume(used);
        match fed {
            Fed::NoHeader => return Ok(ControlFlow::Continue(())),
            Fed::Stopped => return Ok(ControlFlow::Break(())),
            Fed::Exhausted => {}
        }
        archive.skip(archive.skippable());
        // The padding behind the last content may be missing.
        let missing = archive.position().saturating_sub(bytes.len());
        if missing >= 4 || (missing == 0 && used == 0 && !archive.at_boundary()) {
            let reason = format!("ends inside an entry, at offset {}", bytes.len());
            return Err(Stop::Damaged(reason));
        }
        if archive.position() >= bytes.len() && archive.at_boundary() {
            return Ok(ControlFlow::Continue(()));
        }
        source.seek(archive.position());
    }
}

/// Decompresses a segment and looks through the archives in it.
fn unpack(
    compression: Compression,
    source: &mut Source<'_>,
    listing: &mut Listing<'_>,
    budget: &mut Budget,
) -> Result<ControlFlow<()>, Stop> {
    let mut archive = Archive::new(0);
    let mut sink = |output: &[u8]| {
        let mut rest = output;
        match archive.feed(&mut rest, listing)? {
            Fed::Exhausted => Ok(ControlFlow::Continue(())),
            Fed::Stopped => Ok(ControlFlow::Break(())),
            Fed::NoHeader => Err("junk in the compressed archive".to_owned().into()),
        }
    };
    let flow = match compression {
        Compression::Lz4 => lz4::unpack(source, budget, &mut sink),
        _ => stream(compression, source, budget, &mut sink),
    };
    match flow {
        Ok(ControlFlow::Continue(())) if !archive.at_boundary() => {
            Err(Stop::Damaged("the archive ends inside an entry".to_owned()))
        }
        other => other,
    }
    .map_err(|stop| {
        let (offset, decompressed) = (source.position(), archive.position());
        stop.within(|reason| format!("{reason}, at offset {offset} ({decompressed} decompressed)"))
    })
}

/// Decompresses a stream, gives what comes out to `sink` until that breaks.
fn stream(
    compression: Compression,
    source: &mut Source<'_>,
    budget: &mut Budget,
    sink: &mut Sink<'_>,
) -> Result<ControlFlow<()>, Stop> {
    let mut decoder = Decoder::new(compression, budget.memory)?;
    let mut output = vec![0; OUTPUT];
    let mut stalled = false;
    loop {
        let input = source.fill()?;
        let last = input.is_empty();
        let step = decoder.step(input, &mut output)?;
        source.consume(step.consumed);
        budget.take(compression.work(step.produced, step.consumed))?;
        let flow = sink(output.get(..step.produced).unwrap_or(&[]))?;
        if step.ended || flow.is_break() {
            return Ok(flow);
        }
        let idle = step.consumed == 0 && step.produced == 0;
        if idle && (last || stalled) {
            return Err(Stop::Damaged("the compressed stream is cut off".to_owned()));
        }
        stalled = idle;
    }
}
