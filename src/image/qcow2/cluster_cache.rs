//! Decompressed clusters, kept within a fixed bound.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::image::qcow2::address::HostOffset;

/// Most bytes of decompressed clusters of an image that are kept. Enough for the directories and inode tables
/// that a file-system reader keeps coming back to; small beside the bound of 256 MiB for a check.
const MAX_KEPT_BYTES: usize = 16 << 20;

/// The same for the largest clusters (1 and 2 MiB), of which the other bound would leave too few to
/// come back to.
const MAX_KEPT_LARGE: usize = 32 << 20;

/// Locks are held for a look-up only; as many parts as keep a few threads from meeting.
const SHARDS: usize = 16;

/// Least clusters of a part: with fewer, two that are in use push each other out.
const LEAST_IN_SHARD: usize = 16;

/// A cache of decompressed clusters by the place of their compressed data.
///
/// Decompression happens outside the locks: two threads may decompress the same cluster, but none
/// waits for another.
pub(super) struct ClusterCache {
    shards: Vec<Mutex<Shard>>,
}

/// A clock: an entry that was used since the hand last passed stays for another round.
#[derive(Default)]
struct Shard {
    capacity: usize,
    index: HashMap<HostOffset, usize>,
    entries: Vec<Entry>,
    hand: usize,
}

struct Entry {
    key: HostOffset,
    used: bool,
    cluster: Arc<[u8]>,
}

impl ClusterCache {
    /// A cache for clusters of `cluster_len` bytes (512 to 2 MiB).
    pub(super) fn new(cluster_len: usize) -> Self {
        let kept = if cluster_len < 1 << 20 { MAX_KEPT_BYTES } else { MAX_KEPT_LARGE };
        let clusters = kept.checked_div(cluster_len).unwrap_or(1).max(1);
        let count = clusters.checked_div(LEAST_IN_SHARD).unwrap_or(1).clamp(1, SHARDS);
        let capacity = clusters.checked_div(count).unwrap_or(1);
        let shard = || Mutex::new(Shard { capacity, ..Shard::default() });
        Self { shards: (0..count).map(|_| shard()).collect() }
    }

    /// The cluster made from the data at `key`, if it is kept.
    pub(super) fn get(&self, key: HostOffset) -> Option<Arc<[u8]>> {
        self.shard(key)?.lock().unwrap_or_else(PoisonError::into_inner).get(key)
    }

    /// Keeps a cluster.
    pub(super) fn put(&self, key: HostOffset, cluster: Arc<[u8]>) {
        if let Some(shard) = self.shard(key) {
            shard.lock().unwrap_or_else(PoisonError::into_inner).put(key, cluster);
        }
    }

    fn shard(&self, key: HostOffset) -> Option<&Mutex<Shard>> {
        // Fibonacci hashing: neighbouring offsets must not fall into one shard.
        let hash = key.0.wrapping_mul(0x9E37_79B9_7F4A_7C15).wrapping_shr(32);
        let count = u64::try_from(self.shards.len()).ok()?;
        self.shards.get(usize::try_from(hash.checked_rem(count)?).ok()?)
    }
}

impl Shard {
    fn get(&mut self, key: HostOffset) -> Option<Arc<[u8]>> {
        let entry = self.entries.get_mut(*self.index.get(&key)?)?;
        entry.used = true;
        Some(Arc::clone(&entry.cluster))
    }

    fn put(&mut self, key: HostOffset, cluster: Arc<[u8]>) {
        if self.index.contains_key(&key) {
            return;
        }
        let new = Entry { key, used: false, cluster };
        if self.entries.len() < self.capacity {
            self.index.insert(key, self.entries.len());
            self.entries.push(new);
            return;
        }
        // Ends within two rounds: the first clears every `used`.
        loop {
            let hand = self.hand;
            let Some(entry) = self.entries.get_mut(hand) else {
                if hand == 0 {
                    return;
                }
                self.hand = 0;
                continue;
            };
            self.hand = hand.wrapping_add(1);
            if !std::mem::take(&mut entry.used) {
                self.index.remove(&entry.key);
                self.index.insert(key, hand);
                *entry = new;
                return;
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects)]
mod tests {
    use super::*;

    #[test]
    fn the_cache_stays_within_its_bound_and_keeps_what_is_used() {
        let len = 2 << 20;
        let cache = ClusterCache::new(len);
        let cluster: Arc<[u8]> = vec![0; len].into();
        for number in 0..100 {
            cache.put(HostOffset(number), Arc::clone(&cluster));
        }
        assert_eq!(Arc::strong_count(&cluster) - 1, MAX_KEPT_LARGE / len);
        let cache = ClusterCache::new(65_536);
        let cluster: Arc<[u8]> = vec![0; 65_536].into();
        for number in 0..10_000 {
            cache.put(HostOffset(number), Arc::clone(&cluster));
        }
        assert_eq!(Arc::strong_count(&cluster) - 1, MAX_KEPT_BYTES / 65_536);
    }

    #[test]
    fn as_many_large_clusters_as_fit_are_kept_whatever_their_places() {
        let cache = ClusterCache::new(2 << 20);
        let cluster: Arc<[u8]> = vec![7].into();
        let places = || (0..16).map(|number| HostOffset(number * 123_456));
        for place in places() {
            cache.put(place, Arc::clone(&cluster));
        }
        assert!(places().all(|place| cache.get(place).is_some()));
    }

    #[test]
    fn an_entry_in_use_outlives_one_that_is_not() {
        let mut shard = Shard { capacity: 2, ..Shard::default() };
        let cluster: Arc<[u8]> = vec![7].into();
        shard.put(HostOffset(1), Arc::clone(&cluster));
        shard.put(HostOffset(2), Arc::clone(&cluster));
        assert!(shard.get(HostOffset(1)).is_some());
        shard.put(HostOffset(3), cluster);
        assert!(shard.get(HostOffset(1)).is_some());
        assert!(shard.get(HostOffset(2)).is_none());
        assert!(shard.get(HostOffset(3)).is_some());
    }
}
