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
    apart(&blobs)?;
    Ok(blobs)
}

/// That each blob is a package of its own and in a place of its own: what `rpmpkgFindEmptyOffset` calls "two
/// slots with our pkgid" and "slots overlap", so that rpm changes nothing in such a database.
fn apart(blobs: &[Blob]) -> Result<()> {
    let mut numbers: Vec<_> = blobs.iter().map(|blob| blob.package).collect();
    numbers.sort_unstable();
    let mut places: Vec<_> = blobs.iter().map(|blob| (blob.offset, blob.len)).collect();
    places.sort_unstable();
    let twice = |pair: &[u32]| matches!(pair, [one, next] if one == next);
    if numbers.windows(2).any(twice) {
        return Err(Error::corrupt(
            "ndb slots",
            0,
            "a slot for each package",
            "two of one package",
        ));
    }
    for pair in places.windows(2) {
        let [(start, len), (next, _)] = pair else { continue };
        if start.saturating_add(u64::try_from(*len).unwrap_or(u64::MAX)) > *next {
            return Err(Error::corrupt("ndb blob", *next, "a place of its own", "another's"));
        }
    }
    Ok(())
}

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects, clippy::as_conversions, clippy::cast_possible_truncation)]
mod tests {
    use super::*;

    /// A database of `slots` slots, the blobs of all of them of 4 bytes; `place` tells package and blob of each.
    fn database(slots: u32, place: impl Fn(u32) -> (u32, u32)) -> Vec<u8> {
        let pages = 200_u32;
        let mut file = vec![0; (pages as usize + 1) * PAGE];
        file[..4].copy_from_slice(HEADER_MAGIC);
        file[12..16].copy_from_slice(&pages.to_le_bytes());
        let first = pages * PAGE as u32 / BLOCK as u32;
        file.resize((first + 2 * slots) as usize * BLOCK as usize, 0);
        for slot in file[..pages as usize * PAGE].chunks_exact_mut(SLOT).skip(HEADER_SLOTS) {
            slot[..4].copy_from_slice(SLOT_MAGIC);
        }
        for slot in 0..slots {
            let (package, blob) = place(slot);
            let block = first + 2 * blob;
            let at = (slot as usize + HEADER_SLOTS) * SLOT;
            for (field, value) in [package, block, 2].into_iter().enumerate() {
                let at = at + 4 * (field + 1);
                file[at..at + 4].copy_from_slice(&value.to_le_bytes());
            }
            let at = block as usize * BLOCK as usize;
            file[at..at + 4].copy_from_slice(BLOB_MAGIC);
            file[at + 4..at + 8].copy_from_slice(&package.to_le_bytes());
            file[at + 12..at + 16].copy_from_slice(&4_u32.to_le_bytes());
        }
        file
    }

    fn count(file: &[u8]) -> Result<usize> {
        blobs(&Source::new(&file.to_vec())).map(|blobs| blobs.len())
    }

    /// Each slot has the blob's head read.
    #[test]
    fn slots_that_name_more_packages_than_a_database_has_are_not_followed() {
        let most = MAX_PACKAGES as u32;
        assert_eq!(count(&database(most, |slot| (slot + 1, slot))), Ok(MAX_PACKAGES));
        let error = count(&database(most + 1, |slot| (slot + 1, slot))).unwrap_err();
        assert!(matches!(error, Error::Limit { limit: 20_000, unit: "packages", .. }), "{error}");
    }

    #[test]
    fn two_slots_of_one_package_or_of_one_blob_are_damage() {
        assert_eq!(count(&database(3, |slot| (9 - slot, 2 - slot))), Ok(3));
        for place in [|slot| (1, slot), |_| (1, 0)] {
            let error = count(&database(3, place)).unwrap_err();
            assert!(error.to_string().contains("two of one package"), "{error}");
        }
        // The second begins inside the first, which says that it is longer.
        let mut file = database(2, |slot| (slot + 1, slot));
        let (blob, slot) = (200 * PAGE, HEADER_SLOTS * SLOT);
        file[blob + 12] = 36;
        file[slot + 12] = 4;
        let error = count(&file).unwrap_err();
        assert!(error.to_string().contains("a place of its own"), "{error}");
    }
}
