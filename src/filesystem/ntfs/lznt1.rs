//! LZNT1, the compression of NTFS.
//!
//! Source: \[MS-XCA\] 2.5, "LZNT1 Algorithm Details".

use crate::error::{Error, Result};

/// Uncompressed length of a chunk.
const CHUNK: usize = 4096;

/// Decompresses a compression unit into `out`; what the chunks do not fill stays zero. `offset` is
/// the unit's place in its file, for errors.
///
/// # Errors
/// [`Error::Corrupt`] when a chunk ends early or copies from before its start.
pub(crate) fn decompress(stored: &[u8], out: &mut [u8], offset: u64) -> Result<()> {
    let corrupt = |what: &str| Error::corrupt("LZNT1 chunk", offset, "a chunk", what);
    let mut rest = stored;
    for chunk in out.chunks_mut(CHUNK) {
        let Some((header, behind)) = rest.split_first_chunk::<2>() else { break };
        let header = u16::from_le_bytes(*header);
        if header == 0 {
            break;
        }
        let len = usize::from(header & 0x0fff).saturating_add(1);
        let (data, behind) =
            behind.split_at_checked(len).ok_or_else(|| corrupt("the end of the unit"))?;
        if header & 0x8000 == 0 {
            let count = chunk.len().min(data.len());
            if let (Some(to), Some(from)) = (chunk.get_mut(..count), data.get(..count)) {
                to.copy_from_slice(from);
            }
        } else {
            inflate(data, chunk).ok_or_else(|| corrupt("a copy from before its start"))?;
        }
        rest = behind;
    }
    Ok(())
}

fn inflate(data: &[u8], out: &mut [u8]) -> Option<()> {
    let mut input = data.iter().copied();
    let mut filled = 0_usize;
    while let Some(flags) = input.next() {
        for bit in 0..8 {
            if filled >= out.len() {
                return Some(());
            }
            if flags >> bit & 1 == 0 {
                let Some(byte) = input.next() else { return Some(()) };
                *out.get_mut(filled)? = byte;
                filled = filled.saturating_add(1);
                continue;
            }
            let Some(low) = input.next() else { return Some(()) };
            let token = u16::from_le_bytes([low, input.next()?]);
            // The further the chunk, the more bits a distance needs, and the fewer are left for the
            // length.
            let mut length_bits = 12_u32;
            let mut reach = 16_usize;
            while reach < filled {
                reach = reach.saturating_mul(2);
                length_bits = length_bits.saturating_sub(1);
            }
            let mask = 1_u16.checked_shl(length_bits)?.wrapping_sub(1);
            let length = usize::from(token & mask).saturating_add(3);
            let distance = usize::from(token >> length_bits).saturating_add(1);
            let mut from = filled.checked_sub(distance)?;
            for _ in 0..length {
                if filled >= out.len() {
                    return Some(());
                }
                *out.get_mut(filled)? = *out.get(from)?;
                filled = filled.saturating_add(1);
                from = from.saturating_add(1);
            }
        }
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_repeats_what_was_written() {
        // Literal "ab", then a copy of 6 bytes from 2 bytes back.
        let token = 1_u16 << 12 | 3;
        let mut stored = vec![0, 0, 0b100, b'a', b'b'];
        stored.extend(token.to_le_bytes());
        let header = 0xb000 | u16::try_from(stored.len() - 3).unwrap();
        stored[..2].copy_from_slice(&header.to_le_bytes());
        let mut out = [0; 10];
        decompress(&stored, &mut out, 0).unwrap();
        assert_eq!(&out, b"abababab\0\0");
    }

    #[test]
    fn a_copy_from_before_the_chunk_is_damage() {
        let stored = [0x02, 0xb0, 0b1, 0, 0];
        assert!(matches!(decompress(&stored, &mut [0; 10], 0), Err(Error::Corrupt { .. })));
    }
}
