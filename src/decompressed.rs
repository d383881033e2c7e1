//! What was decompressed: kept within a fixed bound, and counted where nobody asked for it.

use std::collections::HashMap;
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher, Hash};
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, PoisonError};

use crate::error::{Error, Result};

/// Locks are held for a look-up only; as many parts as keep a few threads from meeting.
const SHARDS: usize = 16;

/// Least units of a part: with fewer, two that are in use push each other out.
const LEAST_IN_SHARD: usize = 16;

/// A cache of decompressed units (clusters, extents, chunks) by what tells where their compressed data
/// is.
///
/// Decompression happens outside the locks: two threads may decompress the same unit, but none waits
/// for another.
pub(crate) struct Cache<K> {
    shards: Vec<Mutex<Shard<K>>>,
}

/// A clock: an entry that was used since the hand last passed stays for another round.
struct Shard<K> {
    capacity: usize,
    index: HashMap<K, usize>,
    entries: Vec<Entry<K>>,
    hand: usize,
}

struct Entry<K> {
    key: K,
    used: bool,
    unit: Arc<Vec<u8>>,
}

impl<K: Copy + Eq + Hash> Cache<K> {
    /// A cache of at most `kept` bytes for units of at most `unit_len` bytes, and for one unit at least.
    pub(crate) fn new(unit_len: usize, kept: usize) -> Self {
        let units = kept.checked_div(unit_len).unwrap_or(1).max(1);
        let count = units.checked_div(LEAST_IN_SHARD).unwrap_or(1).clamp(1, SHARDS);
        let capacity = units.checked_div(count).unwrap_or(1);
        Self { shards: (0..count).map(|_| Mutex::new(Shard::new(capacity))).collect() }
    }

    /// The unit made from the data at `key`, if it is kept.
    pub(crate) fn get(&self, key: K) -> Option<Arc<Vec<u8>>> {
        self.shard(key)?.lock().unwrap_or_else(PoisonError::into_inner).get(key)
    }

    /// The unit of `made` bytes at `key`, of which `asked` are asked for: the one that is kept, or that
    /// which `decompress` makes.
    ///
    /// # Errors
    /// Those of `decompress`; [`Error::Limit`] once too much was decompressed in vain.
    pub(crate) fn unit(
        &self,
        key: K,
        waste: &Waste,
        (made, asked): (usize, usize),
        decompress: impl FnOnce() -> Result<Vec<u8>>,
    ) -> Result<Arc<Vec<u8>>> {
        if let Some(unit) = self.get(key) {
            waste.less(asked);
            return Ok(unit);
        }
        waste.more(made, asked)?;
        let unit = Arc::new(decompress()?);
        self.put(key, Arc::clone(&unit));
        Ok(unit)
    }

    /// Keeps a unit.
    fn put(&self, key: K, unit: Arc<Vec<u8>>) {
        if let Some(shard) = self.shard(key) {
            shard.lock().unwrap_or_else(PoisonError::into_inner).put(key, unit);
        }
    }

    fn shard(&self, key: K) -> Option<&Mutex<Shard<K>>> {
        let hash = BuildHasherDefault::<DefaultHasher>::default().hash_one(key);
        let count = u64::try_from(self.shards.len()).ok()?;
        self.shards.get(usize::try_from(hash.checked_rem(count)?).ok()?)
    }
}

impl<K: Copy + Eq + Hash> Shard<K> {
    fn new(capacity: usize) -> Self {
        Self { capacity, index: HashMap::new(), entries: Vec::new(), hand: 0 }
    }

    fn get(&mut self, key: K) -> Option<Arc<Vec<u8>>> {
        let entry = self.entries.get_mut(*self.index.get(&key)?)?;
        entry.used = true;
        Some(Arc::clone(&entry.unit))
    }

    fn put(&mut self, key: K, unit: Arc<Vec<u8>>) {
        if self.index.contains_key(&key) {
            return;
        }
        let new = Entry { key, used: false, unit };
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

/// Bytes that were decompressed and not asked for so far. Reads are refused above the bound: that
/// much an image may cost whose files are laid out so that each small read takes another unit.
#[derive(Debug)]
pub(crate) struct Waste {
    structure: &'static str,
    limit: u64,
    wasted: AtomicU64,
}

impl Waste {
    /// None so far, of at most `limit` bytes of such structures.
    pub(crate) fn new(structure: &'static str, limit: u64) -> Self {
        Self { structure, limit, wasted: AtomicU64::new(0) }
    }

    /// A unit of `made` bytes is about to be decompressed for `asked` of them.
    ///
    /// # Errors
    /// [`Error::Limit`] once what was not asked for is above the bound.
    fn more(&self, made: usize, asked: usize) -> Result<()> {
        let bytes = u64::try_from(made.saturating_sub(asked)).unwrap_or(u64::MAX);
        if self.wasted.fetch_add(bytes, Relaxed) > self.limit {
            let Self { structure, limit, .. } = *self;
            return Err(Error::Limit { structure, limit, unit: "bytes decompressed in vain" });
        }
        Ok(())
    }

    /// Some of them are asked for after all.
    fn less(&self, asked: usize) {
        let asked = u64::try_from(asked).unwrap_or(u64::MAX);
        let less = |wasted: u64| Some(wasted.saturating_sub(asked));
        let _ = self.wasted.fetch_update(Relaxed, Relaxed, less);
    }
}

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects)]
mod tests {
    use super::*;

    #[test]
    fn the_cache_stays_within_its_bound_and_keeps_what_is_used() {
        for (len, kept) in [(2 << 20, 32 << 20), (65_536, 16 << 20)] {
            let cache = Cache::new(len, kept);
            let unit: Arc<Vec<u8>> = Arc::new(vec![0; len]);
            for number in 0..10_000 {
                cache.put(number, Arc::clone(&unit));
            }
            assert_eq!(Arc::strong_count(&unit) - 1, kept / len);
        }
    }

    #[test]
    fn as_many_large_units_as_fit_are_kept_whatever_their_places() {
        let cache = Cache::new(2 << 20, 32 << 20);
        let unit: Arc<Vec<u8>> = Arc::new(vec![7]);
        let places = || (0..16).map(|number| number * 123_456);
        for place in places() {
            cache.put(place, Arc::clone(&unit));
        }
        assert!(places().all(|place| cache.get(place).is_some()));
    }

    #[test]
    fn an_entry_in_use_outlives_one_that_is_not() {
        let mut shard = Shard::new(2);
        let unit: Arc<Vec<u8>> = Arc::new(vec![7]);
        shard.put(1, Arc::clone(&unit));
        shard.put(2, Arc::clone(&unit));
        assert!(shard.get(1).is_some());
        shard.put(3, unit);
        assert!(shard.get(1).is_some());
        assert!(shard.get(2).is_none());
        assert!(shard.get(3).is_some());
    }

    #[test]
    fn units_are_decompressed_in_vain_up_to_the_bound_alone() {
        let waste = Waste::new("unit", 1 << 30);
        // A file that is read in small pieces from its beginning to its end costs nothing.
        for _ in 0..10_000 {
            waste.more(2 << 20, 4096).unwrap();
            (0..511).for_each(|_| waste.less(4096));
        }
        let misses = (0..10_000).take_while(|_| waste.more(2 << 20, 1024).is_ok()).count();
        assert_eq!(misses, 513);
    }
}
