//! XPRESS with Huffman codes.
//!
//! Source: \[MS-XCA\] 2.2, "LZ77+Huffman Decompression Algorithm Details".

use super::bits::{Bits, Code, Window};

/// Number of symbols: 256 literals and 256 kinds of copies.
const SYMBOLS: usize = 512;

/// Shortest copy in bytes.
const MIN_MATCH: usize = 3;

/// Fills `out`; `None` when the input is damaged.
pub(crate) fn decompress(input: &[u8], out: &mut [u8]) -> Option<()> {
    let (table, data) = input.split_at_checked(SYMBOLS / 2)?;
    let lengths: Vec<u8> = table.iter().flat_map(|pair| [pair & 15, pair >> 4]).collect();
    let code = Code::new(&lengths)?;
    let mut bits = Bits::new(data);
    let mut window = Window::new(out);
    while !window.is_full() {
        let symbol = code.decode(&mut bits)?;
        let Some(copy) = symbol.checked_sub(256) else {
            window.push(u8::try_from(symbol).ok()?)?;
            continue;
        };
        bits.fill();
        let place = u32::try_from(copy >> 4).ok()?;
        let distance =
            1_usize.checked_shl(place)? | usize::try_from(bits.take_filled(place)).ok()?;
        let mut length = copy & 15;
        if length == 15 {
            let [more] = bits.array()?;
            length = if more == 255 {
                match u16::from_le_bytes(bits.array()?) {
                    0 => usize::try_from(u32::from_le_bytes(bits.array()?)).ok()?,
                    long => usize::from(long),
                }
            } else {
                length.checked_add(usize::from(more))?
            };
        }
        window.copy(distance, length.checked_add(MIN_MATCH)?)?;
    }
    Some(())
}
