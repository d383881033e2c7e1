//! How a segment is compressed.

/// How many bytes of the other compressions one of a slow one is worth.
const SLOW: usize = 8;

/// A compression that the kernel knows (`lib/decompress.c`, `compressed_formats`), told by the first
/// two bytes alone, as the kernel does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Compression {
    /// gzip (RFC 1952).
    Gzip,
    /// bzip2.
    Bzip2,
    /// LZMA alone.
    Lzma,
    /// xz.
    Xz,
    /// lzop.
    Lzo,
    /// LZ4, legacy frame.
    Lz4,
    /// Zstandard (RFC 8878).
    Zstd,
}

impl Compression {
    /// The compression of what begins with these bytes.
    pub(super) fn detect(bytes: &[u8]) -> Option<Self> {
        Some(match bytes.first_chunk()? {
            [0x1f, 0x8b | 0x9e] => Self::Gzip,
            [0x42, 0x5a] => Self::Bzip2,
            [0x5d, 0x00] => Self::Lzma,
            [0xfd, 0x37] => Self::Xz,
            [0x89, 0x4c] => Self::Lzo,
            [0x02, 0x21] => Self::Lz4,
            [0x28, 0xb5] => Self::Zstd,
            _ => return None,
        })
    }

    /// What it costs to make `produced` bytes of `consumed`, in bytes of the other compressions: bzip2
    /// makes some 25 MB a second, LZMA takes some 20 MB a second in where they do not compress well.
    pub(super) fn work(self, produced: usize, consumed: usize) -> usize {
        match self {
            Self::Bzip2 => produced.saturating_mul(SLOW).saturating_add(consumed),
            Self::Lzma | Self::Xz => produced.saturating_add(consumed.saturating_mul(SLOW)),
            // What is made of nothing but empty blocks takes time as well.
            Self::Gzip | Self::Lzo | Self::Lz4 | Self::Zstd => produced.saturating_add(consumed),
        }
    }

    /// Its usual name.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Bzip2 => "bzip2",
            Self::Lzma => "lzma",
            Self::Xz => "xz",
            Self::Lzo => "lzo",
            Self::Lz4 => "lz4",
            Self::Zstd => "zstd",
        }
    }

    /// What begins with these bytes, when the kernel knows no such thing but people try it.
    pub(super) fn foreign(bytes: &[u8]) -> Option<&'static str> {
        match bytes {
            [0x04, 0x22, 0x4d, 0x18, ..] => {
                Some("an LZ4 frame, of which the kernel reads only the legacy kind (lz4 -l)")
            }
            [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => {
                Some("a Zstandard skippable frame, which the kernel does not read")
            }
            _ => None,
        }
    }
}
