//! Doors to decoders that have none, for the fuzz targets alone (`--cfg fuzzing`).

use crate::filesystem::{btrfs, ntfs};

/// Fills `out` from a stream of LZO.
pub fn lzo(stream: &[u8], out: &mut [u8]) -> bool {
    btrfs::lzo::decompress(stream, out).is_some()
}

/// Fills `out` from a compression unit of NTFS.
pub fn lznt1(stream: &[u8], out: &mut [u8]) -> bool {
    ntfs::lznt1::decompress(stream, out, 0).is_ok()
}

/// Fills `out` from a chunk of LZX.
pub fn lzx(stream: &[u8], out: &mut [u8]) -> bool {
    ntfs::lzx::decompress(stream, out).is_some()
}

/// Fills `out` from a chunk of XPRESS.
pub fn xpress(stream: &[u8], out: &mut [u8]) -> bool {
    ntfs::xpress::decompress(stream, out).is_some()
}
