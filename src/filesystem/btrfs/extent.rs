//! The extents of a file (Btrfs on-disk format, "EXTENT_DATA").

use std::ops::ControlFlow;

use super::compression::{MAX_EXTENT, Method};
use super::inode::put;
use super::key::{Key, item};
use super::tree::{Stored, Tree};
use super::volume::Volume;
use crate::error::{Error, Result};
use crate::filesystem::structure::Structure;

pub(super) const NAME: &str = "btrfs extent data";

/// Bytes before the content of an inline extent.
const INLINE_HEADER: usize = 21;

/// Most extents of one file, neighbours joined: 64 GiB compressed in pieces of 128 KiB.
const MAX_EXTENTS: usize = 1 << 19;

/// Where the bytes of an extent are.
pub(super) enum Source {
    /// In the tree.
    Inline(Vec<u8>),
    /// As they are, from a logical address on.
    Plain { logical: u64 },
    /// In a compressed extent, from byte `skip` of what it makes.
    Compressed { extent: Compressed, skip: u64 },
}

/// A compressed extent.
#[derive(Debug, Clone, Copy)]
pub(super) struct Compressed {
    pub(super) method: Method,
    pub(super) logical: u64,
    pub(super) stored: usize,
    /// Bytes that it makes.
    pub(super) len: usize,
}

/// Bytes of a file that are no hole.
pub(super) struct Extent {
    pub(super) start: u64,
    pub(super) len: u64,
    pub(super) source: Source,
}

impl Extent {
    pub(super) fn end(&self) -> u64 {
        self.start.saturating_add(self.len)
    }
}

/// Where `offset` and `num_bytes` stand: which part of an extent a file has.
const PART_OFFSET: usize = 37;
const PART_LEN: usize = 45;

/// How much of a file an extent is.
pub(super) struct Span {
    pub(super) len: u64,
    pub(super) is_inline: bool,
}

impl Span {
    /// None when the type is not known.
    pub(super) fn read(s: &Structure<'_>) -> Result<Option<Self>> {
        Ok(match s.u8(20)? {
            0 => Some(Self { len: s.u64(8)?, is_inline: true }),
            1 | 2 => Some(Self { len: s.u64(PART_LEN)?, is_inline: false }),
            _ => None,
        })
    }
}

/// A part of an extent of a file, of `len` bytes from byte `skip` of it on.
pub(super) fn part(stored: &Stored, skip: u64, len: u64) -> Result<Stored> {
    let s = Structure::new(NAME, stored.physical, &stored.raw);
    if Span::read(&s)?.is_none_or(|span| span.is_inline) {
        return Err(s.unsupported(20, "a part of an inline extent"));
    }
    let offset = s.u64(PART_OFFSET)?.saturating_add(skip);
    let mut part = stored.clone();
    for (at, number) in [(PART_OFFSET, offset), (PART_LEN, len)] {
        put(&mut part.raw, at, &number.to_le_bytes());
    }
    Ok(part)
}

/// The extents of a file, ascending and without overlaps; holes and what was only preallocated are
/// left out.
pub(super) fn read(volume: &Volume, tree: &Tree, inode: u64) -> Result<Vec<Extent>> {
    let mut extents: Vec<Extent> = Vec::new();
    let mut end = 0_u64;
    let range = Key::all(inode, item::EXTENT_DATA);
    tree.walk(volume, range, |item| {
        let s = item.content(NAME);
        let start = item.key.offset;
        let (len, source) = parse(volume, &s, start)?;
        if start < end {
            return Err(s.corrupt(0, format!("an extent at or behind byte {end}"), start));
        }
        end = start
            .checked_add(len)
            .ok_or_else(|| s.corrupt(45, "an extent that ends below 2^64", len))?;
        if let Some(source) = source {
            push(&mut extents, Extent { start, len, source })?;
        }
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(extents)
}

fn push(extents: &mut Vec<Extent>, extent: Extent) -> Result<()> {
    if let Some(last) = extents.last_mut()
        && let Source::Plain { logical } = extent.source
        && let Source::Plain { logical: before } = last.source
        && last.end() == extent.start
        && before.checked_add(last.len) == Some(logical)
    {
        last.len = last.len.saturating_add(extent.len);
        return Ok(());
    }
    if extents.len() >= MAX_EXTENTS {
        return Err(Error::too_much("btrfs file", MAX_EXTENTS, "extents"));
    }
    extents.push(extent);
    Ok(())
}

/// The length of an extent and where its bytes are; nowhere for a hole.
fn parse(volume: &Volume, s: &Structure<'_>, start: u64) -> Result<(u64, Option<Source>)> {
    let method = match s.u8(16)? {
        0 => None,
        1 => Some(Method::Zlib),
        2 => Some(Method::Lzo),
        3 => Some(Method::Zstd),
        other => return Err(s.unsupported(16, format!("the compression {other}"))),
    };
    if s.u8(17)? != 0 || s.u16(18)? != 0 {
        return Err(s.unsupported(17, "an encrypted or otherwise encoded extent"));
    }
    match s.u8(20)? {
        0 => {
            let content = inline(volume, s, start, method)?;
            Ok((u64::try_from(content.len()).unwrap_or(u64::MAX), Some(Source::Inline(content))))
        }
        kind @ (1 | 2) => {
            let source = stored(volume, s, start, method)?;
            Ok((s.u64(45)?, source.filter(|_| kind == 1)))
        }
        other => Err(s.corrupt(20, "an extent type from 0 to 2", other)),
    }
}

fn inline(
    volume: &Volume,
    s: &Structure<'_>,
    start: u64,
    method: Option<Method>,
) -> Result<Vec<u8>> {
    if start != 0 {
        return Err(s.corrupt(20, "an inline extent at the beginning of the file", start));
    }
    let sector = u64::from(volume.sector_size);
    let len = s.u64(8)?;
    if len > sector {
        return Err(s.corrupt(8, format!("at most {sector} bytes inline"), len));
    }
    let len = usize::try_from(len).unwrap_or(0);
    let raw = s.after(INLINE_HEADER).raw;
    match method {
        None if raw.len() == len => Ok(raw.to_vec()),
        None => Err(s.corrupt(8, format!("the {} bytes that there are", raw.len()), len)),
        Some(method) => method
            .decompress(raw, len, usize::try_from(sector).unwrap_or(0))
            .ok_or_else(|| s.corrupt(INLINE_HEADER, method.name(), "a damaged stream")),
    }
}

fn stored(
    volume: &Volume,
    s: &Structure<'_>,
    start: u64,
    method: Option<Method>,
) -> Result<Option<Source>> {
    let (made, logical, stored) = (s.u64(8)?, s.u64(21)?, s.u64(29)?);
    let (skip, len) = (s.u64(37)?, s.u64(45)?);
    let sector = u64::from(volume.sector_size);
    for (at, number) in [(0, start), (21, logical), (29, stored), (37, skip), (45, len)] {
        if !number.is_multiple_of(sector) {
            return Err(s.corrupt(at, format!("whole sectors of {sector} bytes"), number));
        }
    }
    if len == 0 {
        return Err(s.corrupt(45, "an extent of at least a sector", len));
    }
    if logical == 0 {
        return Ok(None);
    }
    let whole = if method.is_some() { made } else { stored };
    if skip.checked_add(len).is_none_or(|end| end > whole) {
        return Err(s.corrupt(37, format!("a part of the extent's {whole} bytes"), skip));
    }
    let Some(method) = method else {
        let logical = logical
            .checked_add(skip)
            .ok_or_else(|| s.corrupt(21, "an address below 2^64", logical))?;
        return Ok(Some(Source::Plain { logical }));
    };
    if made > MAX_EXTENT || stored > MAX_EXTENT {
        let found = format!("{stored} that make {made}");
        return Err(s.corrupt(8, format!("at most {MAX_EXTENT} bytes compressed"), found));
    }
    let size = |number| usize::try_from(number).unwrap_or(0);
    let extent = Compressed { method, logical, stored: size(stored), len: size(made) };
    Ok(Some(Source::Compressed { extent, skip }))
}
