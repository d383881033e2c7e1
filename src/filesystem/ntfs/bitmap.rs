//! `$Bitmap`: which clusters of the volume are in use, a bit for each.
//!
//! Source: Microsoft, *How NTFS Works* ("NTFS Metadata Files"): one bit for each cluster of the
//! volume, the lowest bit of a byte first, set where the cluster is in use. What the last bytes have
//! beyond the last cluster stands for nothing.

use super::boot_sector::BootSector;
use crate::bytes::Bytes;
use crate::error::{Error, Result};

/// Longest map read, in bytes: 1 TiB, the largest disk that the platform takes, in clusters of 2 KiB.
const MAX_LEN: u64 = 64 << 20;

/// Bytes of the map that are read at once where they do not lie in the memory map.
const CHUNK: usize = 64 << 10;

/// Counts the clusters that are free. Reads the map once, and keeps none of it.
///
/// # Errors
/// [`Error::Limit`] when the map is longer than [`MAX_LEN`]; [`Error::Corrupt`] when it ends before
/// the volume's clusters do.
pub(super) fn free_clusters(map: &dyn Bytes, boot: &BootSector) -> Result<u64> {
    let len = boot.clusters.div_ceil(8);
    if len > MAX_LEN {
        return Err(Error::Limit { structure: "NTFS $Bitmap", limit: MAX_LEN, unit: "bytes" });
    }
    if map.len() < len {
        let expected = format!("{len} bytes for {} clusters", boot.clusters);
        return Err(Error::corrupt("NTFS $Bitmap", 0, expected, map.len().to_string()));
    }
    let mut used = 0_u64;
    let mut at = 0_u64;
    let mut buffer = Vec::new();
    while at < len {
        let left = usize::try_from(len.saturating_sub(at)).unwrap_or(usize::MAX);
        let count = left.min(CHUNK);
        let bytes = match map.slice(at, count) {
            Some(bytes) => bytes,
            None => {
                buffer.resize(count, 0);
                map.read_at(at, &mut buffer)?;
                buffer.as_slice()
            }
        };
        used = used.saturating_add(ones(bytes));
        at = at.saturating_add(u64::try_from(count).unwrap_or(u64::MAX));
    }
    let beyond = len.saturating_mul(8).saturating_sub(boot.clusters);
    if beyond > 0 {
        let mut last = [0];
        map.read_at(len.saturating_sub(1), &mut last)?;
        let [last] = last;
        let kept = 8_u64.saturating_sub(beyond);
        let excess = u64::from(last).checked_shr(u32::try_from(kept).unwrap_or(u32::MAX));
        used = used.saturating_sub(u64::from(excess.unwrap_or(0).count_ones()));
    }
    Ok(boot.clusters.saturating_sub(used))
}

fn ones(bytes: &[u8]) -> u64 {
    let (words, rest) = bytes.as_chunks::<8>();
    let words = words.iter().map(|word| u64::from(u64::from_le_bytes(*word).count_ones()));
    let rest = rest.iter().map(|byte| u64::from(byte.count_ones()));
    words.chain(rest).fold(0, u64::saturating_add)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn volume(clusters: u64) -> BootSector {
        BootSector { cluster_size: 4096, clusters, record_size: 1024, mft: 4, serial: 0 }
    }

    #[test]
    fn bits_beyond_the_last_cluster_do_not_count() {
        // Windows sets them, mkntfs too.
        let map = vec![0b0000_0111, 0b1111_1000, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff];
        assert_eq!(free_clusters(&map, &volume(11)), Ok(8));
        assert_eq!(free_clusters(&map, &volume(12)), Ok(8));
        assert_eq!(free_clusters(&map, &volume(8)), Ok(5));
        let free = vec![0; 200_000];
        assert_eq!(free_clusters(&free, &volume(1_599_999)), Ok(1_599_999));
    }

    #[test]
    fn a_map_that_ends_early_or_is_too_long_is_none() {
        let map = vec![0; 8];
        assert_eq!(free_clusters(&map, &volume(64)), Ok(64));
        assert!(matches!(free_clusters(&map, &volume(65)), Err(Error::Corrupt { .. })));
        let error = free_clusters(&map, &volume(u64::MAX)).unwrap_err();
        assert!(matches!(error, Error::Limit { .. }), "{error}");
    }
}
