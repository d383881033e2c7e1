//! The bit stream and the Huffman codes that XPRESS and LZX share: 16-bit little-endian words, most
//! significant bit first, and canonical codes.
//!
//! Source: \[MS-XCA\] 2.2.4; \[MS-PATCH\] 2.

/// Longest code word in bits (LZX; XPRESS has 15).
const MAX_LEN: usize = 16;

/// A bit stream into which whole bytes are mixed.
pub(super) struct Bits<'a> {
    input: &'a [u8],
    at: usize,
    buffer: u32,
    have: u32,
}

impl<'a> Bits<'a> {
    pub(super) fn new(input: &'a [u8]) -> Self {
        Self { input, at: 0, buffer: 0, have: 0 }
    }

    /// Makes sure that 16 bits are there; behind the end of the input they are zero.
    pub(super) fn fill(&mut self) {
        if self.have < 16 {
            let word = self.word();
            self.buffer |= u32::from(word) << (16_u32.saturating_sub(self.have));
            self.have = self.have.saturating_add(16);
        }
    }

    /// The next word, which the bits ahead do not hold yet; 0 behind the end.
    fn word(&mut self) -> u16 {
        let bytes = self.input.get(self.at..).and_then(<[u8]>::first_chunk::<2>);
        self.at = self.at.saturating_add(2);
        bytes.map_or(0, |bytes| u16::from_le_bytes(*bytes))
    }

    /// Takes up to 16 bits.
    pub(super) fn take(&mut self, count: u32) -> u32 {
        self.fill();
        self.take_filled(count)
    }

    /// Takes up to 16 of the bits that are there already.
    pub(super) fn take_filled(&mut self, count: u32) -> u32 {
        let value = self.buffer.checked_shr(32_u32.saturating_sub(count)).unwrap_or(0);
        self.buffer = self.buffer.checked_shl(count).unwrap_or(0);
        self.have = self.have.saturating_sub(count);
        value
    }

    /// Drops the bits up to the next word, which must not be none.
    pub(super) fn align(&mut self) {
        self.fill();
        self.buffer = 0;
        self.have = 0;
    }

    /// The next whole bytes behind the words that were read.
    pub(super) fn bytes(&mut self, count: usize) -> Option<&'a [u8]> {
        let end = self.at.checked_add(count)?;
        let bytes = self.input.get(self.at..end)?;
        self.at = end;
        Some(bytes)
    }

    /// A little-endian number of `N` whole bytes.
    pub(super) fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.bytes(N)?.first_chunk().copied()
    }
}

/// A canonical Huffman code.
pub(super) struct Code {
    /// Number of code words of each length.
    counts: [u16; MAX_LEN + 1],
    /// The symbols that have one, by length and then by number.
    symbols: Vec<u16>,
}

impl Code {
    /// The code in which symbol `i` has a word of `lengths[i]` bits (0: none; at most 16).
    ///
    /// `None` when there are more words of some length than fit.
    pub(super) fn new(lengths: &[u8]) -> Option<Self> {
        let mut counts = [0_u16; MAX_LEN + 1];
        for len in lengths {
            let count = counts.get_mut(usize::from(*len))?;
            *count = count.checked_add(1)?;
        }
        if let Some(none) = counts.first_mut() {
            *none = 0;
        }
        let mut left = 1_i32;
        for count in counts.iter().skip(1) {
            left = left.checked_mul(2)?.checked_sub(i32::from(*count))?;
            if left < 0 {
                return None;
            }
        }
        let mut symbols: Vec<(u8, u16)> = lengths
            .iter()
            .zip(0_u16..)
            .filter(|(len, _)| **len > 0)
            .map(|(len, symbol)| (*len, symbol))
            .collect();
        symbols.sort_unstable();
        Some(Self { counts, symbols: symbols.into_iter().map(|(_, symbol)| symbol).collect() })
    }

    /// The next symbol; `None` when no word of the code stands there.
    pub(super) fn decode(&self, bits: &mut Bits<'_>) -> Option<usize> {
        bits.fill();
        let (mut code, mut first, mut index) = (0_i64, 0_i64, 0_i64);
        for count in self.counts.iter().skip(1) {
            code = code.checked_mul(2)?.checked_add(i64::from(bits.take_filled(1)))?;
            let count = i64::from(*count);
            let within = code.checked_sub(first)?;
            if within < count {
                let at = usize::try_from(index.checked_add(within)?).ok()?;
                return self.symbols.get(at).copied().map(usize::from);
            }
            index = index.checked_add(count)?;
            first = first.checked_add(count)?.checked_mul(2)?;
        }
        None
    }
}

/// Output that copies from itself.
pub(super) struct Window<'a> {
    out: &'a mut [u8],
    filled: usize,
}

impl<'a> Window<'a> {
    pub(super) fn new(out: &'a mut [u8]) -> Self {
        Self { out, filled: 0 }
    }

    pub(super) fn is_full(&self) -> bool {
        self.filled >= self.out.len()
    }

    pub(super) fn filled(&self) -> usize {
        self.filled
    }

    /// Adds a byte.
    pub(super) fn push(&mut self, byte: u8) -> Option<()> {
        *self.out.get_mut(self.filled)? = byte;
        self.filled = self.filled.checked_add(1)?;
        Some(())
    }

    /// Adds `length` bytes (or as many as fit) that stand `distance` bytes before.
    pub(super) fn copy(&mut self, distance: usize, length: usize) -> Option<()> {
        let mut from = self.filled.checked_sub(distance).filter(|_| distance > 0)?;
        let room = self.out.len().checked_sub(self.filled)?;
        for _ in 0..length.min(room) {
            let byte = *self.out.get(from)?;
            self.push(byte)?;
            from = from.checked_add(1)?;
        }
        Some(())
    }
}
