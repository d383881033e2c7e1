//! rpm's own database, `Packages.db`, which SUSE uses since version 15.
//!
//! Source: rpm's `lib/backend/ndb/rpmpkg.c`, version 0 of the format: a header of 32 bytes, pages of
//! 16-byte slots (magic, package, first block, blocks), then blocks of 16 bytes. A package's blob has a
//! head of 16 bytes (magic, package, time, length) and a tail. All numbers are little-endian.

use super::source::{Order, Source, size};
use super::{MAX_PACKAGES, too_many};
use crate::error::{Error, Result};

const HEADER_MAGIC: &[u8] = b"RpmP";
const SLOT_MAGIC: &[u8] = b"Slot";
const BLOB_MAGIC: &[u8] = b"BlbS";

const PAGE: usize = 4096;
const SLOT: usize = 16;
const BLOCK: u64 = 16;

/// Bytes before and after a blob's content.
const BLOB_HEAD: usize = 16;
const BLOB_TAIL: usize = 12;

/// Slots that the header takes the place of.
const HEADER_SLOTS: usize = 2;

/// Most pages of slots, with 256 slots each; a desktop has about 20.
const MAX_SLOT_PAGES: u32 = 1024;

/// A package's blob.
pub(super) struct Blob {
    pub(super) package: u32,
    /// Offset of its content in the file.
    pub(super) offset: u64,
    /// Length of its content.
    pub(super) len: usize,
}

/// The blobs that the slots name.
pub(super) fn blobs(source: &Source<'_>) -> Result<Vec<Blob>> {
    let header = source.read(0, 32)?;
    if header.get(..4) != Some(HEADER_MAGIC) {
        return Err(Error::corrupt("ndb header", 0, "RpmP", "other bytes"));
    }
    let word = |bytes: &[u8], at| Order::Little.u32(bytes, at).unwrap_or(0);
    let version = word(&header, 4);
    if version != 0 {
        return Err(Error::unsupported("ndb header", 4, format!("version {version}")));
    }
    let pages = word(&header, 12);
    if pages > MAX_SLOT_PAGES {
        let limit = u64::from(MAX_SLOT_PAGES);
        return Err(Error::Limit { structure: "ndb", limit, unit: "pages of slots" });
    }
    let slots = source.read(0, size(pages).saturating_mul(PAGE))?;
    let mut blobs = Vec::new();
    for (index, slot) in slots.chunks_exact(SLOT).enumerate().skip(HEADER_SLOTS) {
        let at = u64::try_from(index.saturating_mul(SLOT)).unwrap_or(u64::MAX);
        if slot.get(..4) != Some(SLOT_MAGIC) {
            return Err(Error::corrupt("ndb slot", at, "Slot", "other bytes"));
        }
        let (package, first, blocks) = (word(slot, 4), word(slot, 8), word(slot, 12));
        if first == 0 {
            continue;
        }
        if blobs.len() >= MAX_PACKAGES {
            return Err(too_many());
        }
        let offset = u64::from(first).saturating_mul(BLOCK);
        let head = source.read(offset, BLOB_HEAD)?;
        if head.get(..4) != Some(BLOB_MAGIC) || word(&head, 4) != package {
            let expected = format!("the blob of package {package}");
            return Err(Error::corrupt("ndb blob", offset, expected, "another one"));
        }
        let len = size(word(&head, 12));
        let whole = BLOB_HEAD.saturating_add(len).saturating_add(BLOB_TAIL);
        let whole = u64::try_from(whole).unwrap_or(u64::MAX);
        if whole.div_ceil(BLOCK) != u64::from(blocks) {
            let found = format!("{len} bytes in {blocks} blocks");
            return Err(Error::corrupt("ndb blob", offset, "a blob of its blocks", found));
        }
        let content = offset.saturating_add(BLOCK);
        blobs.push(Blob { package, offset: content, len });
    }
    Ok(blobs)
}

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects, clippy::as_conversions, clippy::cast_possible_truncation)]
mod tests {
    use super::*;

    /// Each slot has the blob's head read, and an image may have all of them name two in turn.
    #[test]
    fn slots_that_name_more_packages_than_a_database_has_are_not_followed() {
        let pages = 200_u32;
        let mut file = vec![0; (pages as usize + 1) * PAGE];
        file[..4].copy_from_slice(HEADER_MAGIC);
        file[12..16].copy_from_slice(&pages.to_le_bytes());
        let blob = pages as usize * PAGE;
        file[blob..blob + 4].copy_from_slice(BLOB_MAGIC);
        let first = (blob as u32 / BLOCK as u32).to_le_bytes();
        let mut slots = |count: usize| {
            for slot in file[..blob].chunks_exact_mut(SLOT).skip(HEADER_SLOTS) {
                slot[..4].copy_from_slice(SLOT_MAGIC);
            }
            for slot in file[..blob].chunks_exact_mut(SLOT).skip(HEADER_SLOTS).take(count) {
                slot[8..12].copy_from_slice(&first);
                slot[12] = 2;
            }
            blobs(&Source::new(&file)).map(|blobs| blobs.len())
        };
        assert_eq!(slots(MAX_PACKAGES), Ok(MAX_PACKAGES));
        let error = slots(MAX_PACKAGES + 1).unwrap_err();
        assert!(matches!(error, Error::Limit { limit: 50_000, unit: "packages", .. }), "{error}");
    }
}
