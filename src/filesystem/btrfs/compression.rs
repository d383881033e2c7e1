//! Compressed extents (btrfs-progs documentation, "Compression"; Linux `fs/btrfs/lzo.c` for what is
//! around its streams).

use flate2::{Decompress, FlushDecompress, Status};

use super::lzo;

/// Most bytes of an extent, compressed and not (`BTRFS_MAX_COMPRESSED`, `BTRFS_MAX_UNCOMPRESSED`).
pub(super) const MAX_EXTENT: u64 = 128 << 10;

/// Bytes of the lengths around LZO streams.
const LZO_LENGTH: usize = 4;

/// How an extent is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Method {
    Zlib,
    Lzo,
    Zstd,
}

impl Method {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Zlib => "zlib",
            Self::Lzo => "LZO",
            Self::Zstd => "zstd",
        }
    }

    /// The `len` bytes that `input` was made of; `None` when the stream is damaged or lacks a
    /// sector or more. The end of the last sector may be left out and is zeros. Padding may follow
    /// the stream.
    ///
    /// `len` must be at most [`MAX_EXTENT`].
    pub(super) fn decompress(
        self,
        input: &[u8],
        len: usize,
        sector_size: usize,
    ) -> Option<Vec<u8>> {
        let mut out = vec![0; len];
        let made = match self {
            Self::Zlib => zlib(input, &mut out),
            Self::Lzo => lzo_segments(input, &mut out, sector_size),
            Self::Zstd => zstd(input, &mut out),
        }?;
        (len.saturating_sub(made) < sector_size).then_some(out)
    }
}

fn zlib(input: &[u8], out: &mut [u8]) -> Option<usize> {
    let mut stream = Decompress::new(true);
    let status = stream.decompress(input, out, FlushDecompress::Finish).ok()?;
    let made = usize::try_from(stream.total_out()).ok()?;
    (status == Status::StreamEnd || made == out.len()).then_some(made)
}

fn zstd(input: &[u8], out: &mut [u8]) -> Option<usize> {
    let len = zstd::zstd_safe::find_frame_compressed_size(input).ok()?;
    zstd::bulk::decompress_to_buffer(input.get(..len)?, out).ok()
}

/// A length of all that follows and itself, then for each sector the length of its stream and the
/// stream. A length never crosses the end of a sector of the compressed bytes; what is left of such
/// a sector is padding.
fn lzo_segments(input: &[u8], out: &mut [u8], sector_size: usize) -> Option<usize> {
    let total = length(input, 0)?;
    let input = input.get(..total)?;
    let mut at = LZO_LENGTH;
    let mut made = 0_usize;
    while at < total && made < out.len() {
        let left = sector_size.checked_sub(at.checked_rem(sector_size)?)?;
        if left < LZO_LENGTH {
            at = at.checked_add(left)?;
            continue;
        }
        let len = length(input, at)?;
        let start = at.checked_add(LZO_LENGTH)?;
        at = start.checked_add(len)?;
        let stream = input.get(start..at)?;
        let end = out.len().min(made.checked_add(sector_size)?);
        made = made.checked_add(lzo::decompress(stream, out.get_mut(made..end)?)?)?;
    }
    Some(made)
}

fn length(input: &[u8], at: usize) -> Option<usize> {
    let raw = input.get(at..)?.first_chunk::<LZO_LENGTH>()?;
    usize::try_from(u32::from_le_bytes(*raw)).ok()
}
