//! What lies in an initramfs: its module names, read as the kernel reads them.
//!
//! In: the bytes of the file, and what is sought. Out: [`InitramfsFacts`]. The buffer format is that
//! of the kernel's `Documentation/driver-api/early-userspace/buffer-format.rst`, and where that is
//! silent, what `init/initramfs.c` does: archives (newc cpio) one behind the other, zero bytes
//! between them, each plain or compressed.
//!
//! Nothing is unpacked: what a decompressor puts out is looked through where it stands and thrown
//! away, so memory does not grow with the initramfs.

mod compression;
mod cpio;
mod decoder;
mod listing;
mod lz4;
mod segments;
mod source;
mod wanted;

pub use wanted::{Group, Wanted};

use crate::bytes::Bytes;
use crate::fact::Fact;
use crate::guest::facts::InitramfsFacts;
use listing::Listing;

/// Most bytes that are looked at in the initramfs files of one boot entry together, after
/// decompression; the content of files in plain archives, which is skipped, does not count. The
/// largest initramfs in the field (all firmware, a live system) unpack to well under 1 GiB, and the
/// kernel must hold them in memory.
pub const MAX_UNPACKED: u64 = 1 << 30;

/// How many more bytes are looked at.
#[derive(Debug)]
pub struct Budget(u64);

impl Default for Budget {
    fn default() -> Self {
        Self(MAX_UNPACKED)
    }
}

/// Lists the modules in the initramfs `bytes`, until `wanted` has all that it seeks.
///
/// A damaged or unreadable part does not lose what was seen before it: the modules and segments up
/// to there are in the result, and `listing` has the reason. `path` is only repeated in the result.
/// What is looked at is taken from `budget`, which the files of one boot entry share.
///
/// Takes up to about 1 MiB of memory beside the decompressor's own window: 128 MiB of address space
/// at most for zstd (of which an archive touches what it fills), 16 MiB for LZ4,
/// [`decoder::MAX_LZMA_MEMORY`] for xz and lzma.
pub fn list(path: &str, bytes: &dyn Bytes, wanted: &Wanted, budget: &mut Budget) -> InitramfsFacts {
    let mut listing = Listing::new(wanted);
    let end = segments::walk(bytes, &mut listing, budget);
    let listing_end = match (end, listing.hidden()) {
        (Err(reason), _) => Fact::unknown(path, reason),
        (Ok(end), None) => Fact::Known(end),
        (Ok(end), Some(_)) if listing.satisfied() => Fact::Known(end),
        (Ok(_), Some(image)) => {
            Fact::unknown(path, format!("modules may lie in the image {image} inside, not read"))
        }
    };
    InitramfsFacts {
        path: path.to_owned(),
        modules: listing.modules,
        segments: listing.segments,
        listing: listing_end,
    }
}

#[cfg(test)]
mod tests;
