//! Marvin32, the hash by which a log entry is known to be whole.
//!
//! Source: N. Ferguson, A. Somorovsky, patent US 2013/0114811 ("Tunable hash"); regf, "Log entries",
//! has the seed.

/// The seed of the registry, 82 EF 4D 88 7A 4E 55 C5, as a number: its low half first.
const SEED: [u32; 2] = [0x7a4e_55c5, 0x82ef_4d88];

/// The hash of bytes that come in parts.
pub(super) struct Marvin32 {
    low: u32,
    high: u32,
    /// Bytes that do not fill a word yet.
    rest: Vec<u8>,
}

impl Marvin32 {
    pub(super) fn new() -> Self {
        let [low, high] = SEED;
        Self { low, high, rest: Vec::new() }
    }

    pub(super) fn update(&mut self, bytes: &[u8]) {
        let mut bytes = bytes;
        if !self.rest.is_empty() {
            let missing = 4_usize.saturating_sub(self.rest.len()).min(bytes.len());
            let (head, tail) = bytes.split_at_checked(missing).unwrap_or((bytes, &[]));
            self.rest.extend(head);
            bytes = tail;
            let Ok(word) = <[u8; 4]>::try_from(self.rest.as_slice()) else { return };
            self.mix(u32::from_le_bytes(word));
            self.rest.clear();
        }
        let (words, rest) = bytes.as_chunks::<4>();
        for word in words {
            self.mix(u32::from_le_bytes(*word));
        }
        self.rest.extend(rest);
    }

    /// The hash of all that was put in: its low half in the low bits.
    pub(super) fn finish(mut self) -> u64 {
        let mut last = [0_u8; 4];
        for (to, from) in last.iter_mut().zip(self.rest.iter().chain([&0x80])) {
            *to = *from;
        }
        self.mix(u32::from_le_bytes(last));
        self.mix(0);
        u64::from(self.high) << 32 | u64::from(self.low)
    }

    fn mix(&mut self, word: u32) {
        self.low = self.low.wrapping_add(word);
        self.high ^= self.low;
        self.low = self.low.rotate_left(20).wrapping_add(self.high);
        self.high = self.high.rotate_left(9) ^ self.low;
        self.low = self.low.rotate_left(27).wrapping_add(self.high);
        self.high = self.high.rotate_left(19);
    }
}
