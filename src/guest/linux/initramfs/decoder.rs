//! The stream decompressors: what goes in, what came out.

use bzip2::Decompress as Bzip2;
use flate2::{Decompress as Inflate, FlushDecompress, Status};
use liblzma::stream::{Action, Error as LzmaError, Status as LzmaStatus, Stream as Lzma};
use zstd::zstd_safe::{DCtx, DParameter, InBuffer, OutBuffer, get_error_name};

use super::compression::Compression;
use super::segments::Stop;

/// Most memory that an xz or lzma decompressor may take. The largest preset of xz (`-9`) needs 65 MiB;
/// tools that make an initramfs stay at 1 to 8 MiB.
pub(super) const MAX_LZMA_MEMORY: u64 = 96 << 20;

/// Largest window of a Zstandard frame, as a power of two: 128 MiB (Linux: `ZSTD_WINDOWLOG_MAX` in
/// `lib/decompress_unzstd.c`, which refuses larger ones).
const MAX_ZSTD_WINDOW_LOG: u32 = 27;

/// Window of gzip, as a power of two (RFC 1951, 32 KiB).
const GZIP_WINDOW_LOG: u8 = 15;

/// What zstd says of damage (`lib/common/error_private.c`); its other errors are about bounds and what
/// it lacks.
const DAMAGED_ZSTD: [&str; 3] =
    ["Data corruption detected", "Restored data doesn't match checksum", "Src size is incorrect"];

/// What zstd says of a window that is too large.
const TOO_LARGE_FOR_ZSTD: &str = "Frame requires too much memory for decoding";

/// A decompressor at some place of its stream, those that may need much with the bytes that they may take.
pub(super) enum Decoder {
    Gzip(Box<Inflate>),
    Bzip2(Box<Bzip2>),
    Lzma(Lzma, u64),
    Zstd(Box<DCtx<'static>>, u64),
}

/// What one step did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Step {
    /// Bytes taken from the input.
    pub(super) consumed: usize,
    /// Bytes put into the output.
    pub(super) produced: usize,
    /// Whether the stream has ended.
    pub(super) ended: bool,
}

impl Decoder {
    /// A decompressor at the start of a stream, which takes about `memory` bytes at most.
    ///
    /// # Errors
    /// When this program has none, or it cannot be set up.
    pub(super) fn new(compression: Compression, memory: u64) -> Result<Self, String> {
        let window_log = memory.max(1).ilog2().min(MAX_ZSTD_WINDOW_LOG);
        let memory = memory.min(MAX_LZMA_MEMORY);
        Ok(match compression {
            Compression::Gzip => Self::Gzip(Box::new(Inflate::new_gzip(GZIP_WINDOW_LOG))),
            Compression::Bzip2 => Self::Bzip2(Box::new(Bzip2::new(false))),
            Compression::Lzma => Self::lzma(Lzma::new_lzma_decoder(memory), memory)?,
            Compression::Xz => Self::lzma(Lzma::new_stream_decoder(memory, 0), memory)?,
            Compression::Zstd => {
                let mut context = DCtx::try_create().ok_or("no memory for a zstd decompressor")?;
                context
                    .set_parameter(DParameter::WindowLogMax(window_log))
                    .map_err(get_error_name)?;
                Self::Zstd(Box::new(context), 1_u64.wrapping_shl(window_log))
            }
            Compression::Lzo | Compression::Lz4 => return Err(compression.name().to_owned()),
        })
    }

    fn lzma(stream: Result<Lzma, LzmaError>, memory: u64) -> Result<Self, String> {
        stream.map(|stream| Self::Lzma(stream, memory)).map_err(|error| error.to_string())
    }

    /// Decompresses from `input` into `output`, as far as both reach.
    ///
    /// # Errors
    /// When the stream is damaged, or asks for more than the bounds above.
    pub(super) fn step(&mut self, input: &[u8], output: &mut [u8]) -> Result<Step, Stop> {
        match self {
            Self::Gzip(inflate) => {
                let before = (inflate.total_in(), inflate.total_out());
                let status = inflate
                    .decompress(input, output, FlushDecompress::None)
                    .map_err(|error| Stop::Damaged(error.to_string()))?;
                let after = (inflate.total_in(), inflate.total_out());
                Ok(Step::counted(before, after, status == Status::StreamEnd))
            }
            Self::Bzip2(bzip2) => {
                let before = (bzip2.total_in(), bzip2.total_out());
                let status = bzip2
                    .decompress(input, output)
                    .map_err(|error| Stop::Damaged(error.to_string()))?;
                let after = (bzip2.total_in(), bzip2.total_out());
                Ok(Step::counted(before, after, status == bzip2::Status::StreamEnd))
            }
            Self::Lzma(lzma, memory) => {
                let before = (lzma.total_in(), lzma.total_out());
                let status = lzma.process(input, output, Action::Run).map_err(|error| {
                    let reason = error.to_string();
                    // The others are about bounds and what the library lacks.
                    match error {
                        LzmaError::Data => Stop::Damaged(reason),
                        LzmaError::MemLimit => too_much(*memory),
                        _ => Stop::Unread(reason),
                    }
                })?;
                let after = (lzma.total_in(), lzma.total_out());
                Ok(Step::counted(before, after, status == LzmaStatus::StreamEnd))
            }
            Self::Zstd(context, window) => {
                let mut from = InBuffer::around(input);
                let mut to = OutBuffer::around(output);
                let left = context.decompress_stream(&mut to, &mut from).map_err(|code| {
                    let reason = get_error_name(code).to_owned();
                    if reason == TOO_LARGE_FOR_ZSTD {
                        too_much(*window)
                    } else if DAMAGED_ZSTD.contains(&reason.as_str()) {
                        Stop::Damaged(reason)
                    } else {
                        Stop::Unread(reason)
                    }
                })?;
                Ok(Step { consumed: from.pos(), produced: to.pos(), ended: left == 0 })
            }
        }
    }
}

fn too_much(bytes: u64) -> Stop {
    let mib = bytes.wrapping_shr(20);
    Stop::Unread(format!("more than {mib} MiB of memory for the decompressor"))
}

impl Step {
    fn counted(before: (u64, u64), after: (u64, u64), ended: bool) -> Self {
        let difference = |after: u64, before: u64| {
            usize::try_from(after.saturating_sub(before)).unwrap_or(usize::MAX)
        };
        Self {
            consumed: difference(after.0, before.0),
            produced: difference(after.1, before.1),
            ended,
        }
    }
}
