//! How often each host cluster is referred to.

use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Clusters of a stripe, as a power of two: what one lock guards.
const STRIPE_BITS: u32 = 16;
const STRIPE: u64 = 1 << STRIPE_BITS;

/// Memory for counts, in bytes: one for each cluster of a stripe that anything refers to, so
/// 96 million clusters (6 TiB with the default cluster size); four where a cluster of the stripe is
/// referred to more than 255 times.
pub(super) const MAX_COUNT_BYTES: u64 = 96 << 20;

/// Counts of references, filled by many threads at once.
pub(super) struct Counts {
    clusters: u64,
    stripes: Vec<Mutex<Stripe>>,
    /// Taken of [`MAX_COUNT_BYTES`].
    taken: AtomicU64,
    full: AtomicBool,
}

/// Counts of the clusters of one stripe.
enum Stripe {
    /// Nothing refers to any of them.
    Untouched,
    Narrow(Vec<u8>),
    /// Saturating: a count of `u32::MAX` means "or more".
    Wide(Vec<u32>),
}

impl Counts {
    /// No references yet to any of `clusters` clusters.
    pub(super) fn new(clusters: u64) -> Self {
        let stripes = (0..clusters.div_ceil(STRIPE)).map(|_| Mutex::new(Stripe::Untouched));
        Self {
            clusters,
            stripes: stripes.collect(),
            taken: AtomicU64::new(0),
            full: AtomicBool::new(false),
        }
    }

    /// Clusters of the file.
    pub(super) fn clusters(&self) -> u64 {
        self.clusters
    }

    /// Whether references went uncounted because the memory for counts was used up.
    pub(super) fn is_full(&self) -> bool {
        self.full.load(Ordering::Relaxed)
    }

    /// Counts `times` references to each of `len` clusters from `first` on. Those beyond the end of
    /// the file are passed over.
    pub(super) fn add(&self, first: u64, len: u64, times: u32) {
        let end = first.saturating_add(len).min(self.clusters);
        let mut at = first;
        while at < end {
            let index = at.wrapping_shr(STRIPE_BITS);
            let start = index.wrapping_shl(STRIPE_BITS);
            let stop = start.saturating_add(STRIPE).min(end);
            if let Some(mut stripe) = self.stripe(index) {
                let part = within(at, start)..within(stop, start);
                if !self.add_to(&mut stripe, start, part, times) {
                    self.full.store(true, Ordering::Relaxed);
                }
            }
            at = stop;
        }
    }

    /// Gives whether there was memory for it.
    fn add_to(&self, stripe: &mut Stripe, start: u64, part: Range<usize>, times: u32) -> bool {
        let len = within(self.clusters.min(start.saturating_add(STRIPE)), start);
        if let Stripe::Untouched = stripe {
            if !self.take(len) {
                return false;
            }
            *stripe = Stripe::Narrow(vec![0; len]);
        }
        if let Stripe::Narrow(counts) = stripe {
            let room = u8::try_from(times).ok().and_then(|times| u8::MAX.checked_sub(times));
            let fits = counts.get(part.clone()).is_some_and(|counts| {
                room.is_some_and(|room| counts.iter().all(|&count| count <= room))
            });
            if !fits {
                if !self.take(len.saturating_mul(3)) {
                    return false;
                }
                *stripe = Stripe::Wide(counts.iter().map(|&count| u32::from(count)).collect());
            }
        }
        match stripe {
            Stripe::Untouched => {}
            Stripe::Narrow(counts) => {
                let times = u8::try_from(times).unwrap_or(u8::MAX);
                for count in counts.get_mut(part).unwrap_or_default() {
                    *count = count.saturating_add(times);
                }
            }
            Stripe::Wide(counts) => {
                for count in counts.get_mut(part).unwrap_or_default() {
                    *count = count.saturating_add(times);
                }
            }
        }
        true
    }

    fn take(&self, bytes: usize) -> bool {
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        let taken = self.taken.fetch_add(bytes, Ordering::Relaxed);
        if taken.saturating_add(bytes) <= MAX_COUNT_BYTES {
            return true;
        }
        self.taken.fetch_sub(bytes, Ordering::Relaxed);
        false
    }

    fn stripe(&self, index: u64) -> Option<MutexGuard<'_, Stripe>> {
        let stripe = self.stripes.get(usize::try_from(index).ok()?)?;
        Some(stripe.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// References to `cluster`.
    pub(super) fn get(&self, cluster: u64) -> u64 {
        let index = cluster.wrapping_shr(STRIPE_BITS);
        let at = within(cluster, index.wrapping_shl(STRIPE_BITS));
        match self.stripe(index).as_deref() {
            None | Some(Stripe::Untouched) => 0,
            Some(Stripe::Narrow(counts)) => counts.get(at).copied().map_or(0, u64::from),
            Some(Stripe::Wide(counts)) => counts.get(at).copied().map_or(0, u64::from),
        }
    }

    /// The stripes, in order: the clusters of each, and whether anything refers to one of them.
    pub(super) fn stripes(&self) -> impl Iterator<Item = (Range<u64>, bool)> {
        (0_u64..).zip(&self.stripes).map(|(index, stripe)| {
            let start = index.wrapping_shl(STRIPE_BITS);
            let stripe = stripe.lock().unwrap_or_else(PoisonError::into_inner);
            let touched = !matches!(*stripe, Stripe::Untouched);
            (start..start.saturating_add(STRIPE).min(self.clusters), touched)
        })
    }

    /// Passes the counts of `part`, which lies within one stripe, to `read`.
    pub(super) fn read(&self, part: Range<u64>, read: impl FnOnce(Part<'_>)) {
        let index = part.start.wrapping_shr(STRIPE_BITS);
        let start = index.wrapping_shl(STRIPE_BITS);
        let Some(stripe) = self.stripe(index) else { return };
        let range = within(part.start, start)..within(part.end, start);
        read(match &*stripe {
            Stripe::Untouched => Part::Zeros(range.len()),
            Stripe::Narrow(counts) => Part::Narrow(counts.get(range).unwrap_or_default()),
            Stripe::Wide(counts) => Part::Wide(counts.get(range).unwrap_or_default()),
        });
    }
}

/// Counts of some clusters in a row.
#[derive(Clone, Copy)]
pub(super) enum Part<'a> {
    /// So many that nothing refers to.
    Zeros(usize),
    Narrow(&'a [u8]),
    Wide(&'a [u32]),
}

/// Distance of two clusters of one stripe.
fn within(cluster: u64, start: u64) -> usize {
    usize::try_from(cluster.saturating_sub(start)).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_exact_across_stripes_and_widths() {
        let counts = Counts::new(3 * STRIPE + 5);
        counts.add(STRIPE - 2, 4, 1);
        counts.add(STRIPE - 1, 1, 254);
        counts.add(STRIPE - 1, 2, 300);
        // Beyond the end.
        counts.add(3 * STRIPE + 4, 10, 2);
        counts.add(u64::MAX - 1, u64::MAX, 2);
        let read = |at: u64| counts.get(at);
        assert_eq!([STRIPE - 3, STRIPE - 2, STRIPE - 1].map(read), [0, 1, 555]);
        assert_eq!([STRIPE, STRIPE + 1, STRIPE + 2].map(read), [301, 1, 0]);
        assert_eq!([3 * STRIPE + 4, 3 * STRIPE + 5].map(read), [2, 0]);
        let touched: Vec<bool> = counts.stripes().map(|(_, touched)| touched).collect();
        assert_eq!(touched, [true, true, false, true]);
        assert!(!counts.is_full());
    }

    #[test]
    fn a_count_that_does_not_fit_saturates() {
        let counts = Counts::new(1);
        for _ in 0..3 {
            counts.add(0, 1, u32::MAX / 2);
        }
        assert_eq!(counts.get(0), u64::from(u32::MAX));
    }

    #[test]
    fn references_all_over_a_huge_file_end_at_the_memory_for_counts() {
        let counts = Counts::new(0x7fff_ffff);
        for at in (0..counts.clusters()).step_by(1 << 16) {
            counts.add(at, 1, 1);
        }
        assert!(counts.is_full());
        assert!(counts.taken.load(Ordering::Relaxed) <= MAX_COUNT_BYTES);
        assert_eq!(counts.get(0), 1);
    }

    #[test]
    fn threads_count_at_the_same_time() {
        let counts = Counts::new(STRIPE);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..1000).for_each(|at| counts.add(at, 100, 1)));
            }
        });
        assert_eq!(counts.get(500), 400);
    }
}
