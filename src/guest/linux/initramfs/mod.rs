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
mod files;
mod listing;
mod lz4;
mod segments;
mod source;
mod wanted;

pub use files::{Files, Setting};
pub use wanted::{Group, Wanted};

use std::sync::{Arc, Mutex};
use std::time::Instant;

use crate::bytes::Bytes;
use crate::fact::Fact;
use crate::guest::facts::InitramfsFacts;
use listing::{Listing, MAX_MODULES};
use segments::Stop;

/// Most bytes that are looked at in the initramfs files of one boot entry together, after
/// decompression; the content of files in plain archives, which is skipped, does not count. The
/// largest initramfs in the field (all firmware, a live system) unpack to well under 1 GiB, and the
/// kernel must hold them in memory.
pub const MAX_UNPACKED: u64 = 1 << 30;

/// Most bytes that the decompressor of the default kernel's initramfs takes together with what the file systems
/// keep of logs and maps: the largest window that the kernel takes (128 MiB) beside the maps of a file system
/// that was unmounted, or half of it, and what the largest preset of xz needs, beside all that is kept.
pub const MAX_MEMORY: u64 = 132 << 20;

/// What each of two decompressors takes that are at work beside that of the default kernel. The tools stay
/// below, at their default settings (`xz -6`: 9 MiB, `zstd -19`: 8 MiB).
const MODEST_MEMORY: u64 = 10 << 20;

/// How much more is looked at.
#[derive(Debug)]
pub struct Budget {
    /// Bytes at the start.
    whole: u64,
    /// Bytes that are left.
    left: u64,
    /// When to stop.
    until: Option<Instant>,
    /// Bytes that a decompressor may take.
    memory: u64,
    /// Held while one of LZ4 is at work, which takes more than [`MODEST_MEMORY`].
    turn: Arc<Mutex<()>>,
}

impl Default for Budget {
    fn default() -> Self {
        Self {
            whole: MAX_UNPACKED,
            left: MAX_UNPACKED,
            until: None,
            memory: MAX_MEMORY,
            turn: Arc::default(),
        }
    }
}

impl Budget {
    /// So many bytes, and no longer than `until`, with at most 10 MiB for a decompressor: two are at
    /// work, of LZ4 one that has the `turn`.
    pub fn modest(bytes: u64, until: Option<Instant>, turn: &Arc<Mutex<()>>) -> Self {
        let turn = Arc::clone(turn);
        Self { whole: bytes, left: bytes, until, memory: MODEST_MEMORY, turn }
    }

    /// The usual one beside so many bytes that file systems keep.
    pub fn beside(kept: u64) -> Self {
        Self { memory: MAX_MEMORY.saturating_sub(kept), ..Self::default() }
    }

    /// The same, and no longer than until then.
    #[must_use]
    pub fn until(self, until: Option<Instant>) -> Self {
        Self { until, ..self }
    }
}

/// Why a listing has not all.
const CUT: &str = "more modules, kernels, noted files or udev rules than are kept, or longer paths: the rest was left out";

/// Two files, the second loaded behind the first.
pub(super) fn join(mut first: InitramfsFacts, second: InitramfsFacts) -> InitramfsFacts {
    let name = |segment: String| format!("{}, {segment}", second.path);
    first.segments.extend(second.segments.into_iter().map(name));
    first.path = format!("{}, {}", first.path, second.path);
    first.modules.extend(second.modules);
    first.releases.extend(second.releases);
    first.programs.extend(second.programs);
    first.noted.extend(second.noted);
    first.persistent_net_rules.extend(second.persistent_net_rules);
    first.listing = second.listing;
    first.damaged = second.damaged;
    if first.modules.len() > MAX_MODULES && first.listing.known().is_some() {
        first.listing = Fact::unknown(&first.path, CUT);
    }
    first
}

/// Lists what lies in the initramfs `bytes`, until `wanted` has all that it seeks. The settings are
/// read when everything is sought.
///
/// A damaged or unreadable part does not lose what was seen before it: the modules and segments up
/// to there are in the result, and `listing` has the reason. `path` is only repeated in the result.
/// What is looked at is taken from `budget`, which the files of one boot entry share.
///
/// Takes up to about 1 MiB of memory, and for the settings what [`Files`] may hold, beside the
/// decompressor's own window: at most what `budget` has for it (of which an archive touches what it
/// fills), and 16 MiB for LZ4.
pub fn list(
    path: &str,
    bytes: &dyn Bytes,
    wanted: &Wanted,
    budget: &mut Budget,
) -> (InitramfsFacts, Files) {
    let mut listing = Listing::new(wanted);
    let end = segments::walk(bytes, &mut listing, budget);
    // Where the kernel reads no further, what is missing does not come.
    listing.end(!matches!(end, Err(Stop::Unread(_))));
    let damaged = matches!(end, Err(Stop::Damaged(_)));
    let listing_end = match (end, listing.hidden()) {
        (Err(Stop::Unread(reason) | Stop::Damaged(reason)), _) => Fact::unknown(path, reason),
        (Ok(end), _) if listing.satisfied() => Fact::Known(end),
        (Ok(_), _) if listing.is_cut() => Fact::unknown(path, CUT),
        (Ok(end), None) => Fact::Known(end),
        (Ok(_), Some(image)) => {
            Fact::unknown(path, format!("modules may lie in the image {image} inside, not read"))
        }
    };
    let facts = InitramfsFacts {
        path: path.to_owned(),
        modules: listing.modules,
        releases: listing.releases,
        programs: listing.programs,
        noted: listing.noted,
        segments: listing.segments,
        persistent_net_rules: listing.persistent_net_rules,
        listing: listing_end,
        damaged,
    };
    (facts, listing.files)
}

#[cfg(test)]
mod tests;
