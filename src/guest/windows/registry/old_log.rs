//! Transaction logs of Windows 8 and older: a bitmap of dirty pages, and the pages.
//!
//! Source: regf, "Old format".

use super::base_block::BaseBlock;
use super::log::{DirtyPage, PAGE, SECOND_SECTOR};
use crate::bytes::{Bytes, BytesExt};
use crate::error::{Error, Result};

/// The pages that a log has.
///
/// # Errors
/// [`Error::Corrupt`] when there is no dirty vector, or when pages are missing: such a log was not
/// written in full.
pub(super) fn pages(log: &dyn Bytes, base: &BaseBlock) -> Result<Vec<DirtyPage>> {
    let name = "dirty vector of a transaction log";
    let signature: [u8; 4] = log.array(SECOND_SECTOR)?;
    if signature != *b"DIRT" {
        let found = String::from_utf8_lossy(&signature).into_owned();
        return Err(Error::corrupt(name, SECOND_SECTOR, "\"DIRT\"", format!("{found:?}")));
    }
    let bitmap_at = SECOND_SECTOR.saturating_add(4);
    // One bit for each page, so one byte for 4096 bytes of hive bins: at most 512 KiB.
    let bitmap_len = usize::try_from(base.bins_len.div_euclid(PAGE.saturating_mul(8)));
    let bitmap = log.vec(bitmap_at, bitmap_len.unwrap_or(usize::MAX))?;
    let end = bitmap_at.saturating_add(Bytes::len(&bitmap));
    let mut log_offset = end.next_multiple_of(u64::from(PAGE));
    let mut pages: Vec<DirtyPage> = Vec::new();
    let bits =
        bitmap.iter().flat_map(|byte| (0..8).map(move |bit| byte & 1_u8.wrapping_shl(bit) != 0));
    for (number, dirty) in (0_u32..).zip(bits) {
        if !dirty {
            continue;
        }
        let offset = number.saturating_mul(PAGE);
        match pages.last_mut().filter(|last| last.offset.saturating_add(last.len) == offset) {
            Some(last) => last.len = last.len.saturating_add(PAGE),
            None => pages.push(DirtyPage { offset, len: PAGE, log_offset }),
        }
        log_offset = log_offset.saturating_add(u64::from(PAGE));
    }
    if pages.is_empty() {
        return Err(Error::corrupt(name, bitmap_at, "a dirty page", "none"));
    }
    if log_offset > log.len() {
        let expected = format!("dirty pages up to byte {log_offset}");
        return Err(Error::corrupt(name, bitmap_at, expected, format!("{} bytes", log.len())));
    }
    Ok(pages)
}
