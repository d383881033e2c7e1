//! LZX as it is used in WIM archives and by CompactOS: chunks of 32 KiB, each by itself.
//!
//! Source: \[MS-PATCH\] 2; where WIM differs (block sizes, the translation of `call` instructions in
//! every chunk), Microsoft, *Windows Imaging File Format (WIM)*.

use super::bits::{Bits, Code, Window};

/// Length of a chunk and of the window in bytes.
const WINDOW: usize = 32 << 10;

/// Position slots of a window of 32 KiB.
const SLOTS: usize = 30;

/// Symbols of the main code: literals, and for each slot eight lengths.
const MAIN: usize = 256 + 8 * SLOTS;

/// Symbols of the length code.
const LENGTHS: usize = 249;

/// Symbols of the code in which lengths of code words are written.
const PRETREE: usize = 20;

/// The file size for which `call` instructions were translated, whatever the file's is.
const TRANSLATION_SIZE: i32 = 12_000_000;

/// The codes of a block; the next block's are written as differences to their lengths.
struct Lengths {
    main: [u8; MAIN],
    length: [u8; LENGTHS],
}

/// Fills `out`, at most 32 KiB; `None` when the input is damaged.
pub(crate) fn decompress(input: &[u8], out: &mut [u8]) -> Option<()> {
    if out.len() > WINDOW {
        return None;
    }
    let mut bits = Bits::new(input);
    let mut window = Window::new(&mut *out);
    let mut lengths = Lengths { main: [0; MAIN], length: [0; LENGTHS] };
    let mut recent = [1_usize; 3];
    while !window.is_full() {
        let kind = bits.take(3);
        let size = if bits.take(1) == 1 { WINDOW } else { usize::try_from(bits.take(16)).ok()? };
        let end = window.filled().checked_add(size).filter(|_| size > 0)?;
        match kind {
            1 => block(&mut bits, &mut window, &mut lengths, &mut recent, end, None)?,
            2 => {
                let mut aligned = [0_u8; 8];
                for len in &mut aligned {
                    *len = u8::try_from(bits.take(3)).ok()?;
                }
                let aligned = Code::new(&aligned)?;
                block(&mut bits, &mut window, &mut lengths, &mut recent, end, Some(&aligned))?;
            }
            3 => {
                bits.align();
                for place in &mut recent {
                    *place = usize::try_from(u32::from_le_bytes(bits.array()?)).ok()?;
                }
                for byte in bits.bytes(size)? {
                    if window.is_full() {
                        break;
                    }
                    window.push(*byte)?;
                }
                if size % 2 == 1 {
                    let _ = bits.bytes(1);
                }
            }
            _ => return None,
        }
    }
    translate_back(out);
    Some(())
}

fn block(
    bits: &mut Bits<'_>,
    window: &mut Window<'_>,
    lengths: &mut Lengths,
    recent: &mut [usize; 3],
    end: usize,
    aligned: Option<&Code>,
) -> Option<()> {
    let (literals, copies) = lengths.main.split_at_mut(256);
    read_lengths(bits, literals)?;
    read_lengths(bits, copies)?;
    read_lengths(bits, &mut lengths.length)?;
    let main = Code::new(&lengths.main)?;
    let length_code = Code::new(&lengths.length)?;
    while window.filled() < end && !window.is_full() {
        let symbol = main.decode(bits)?;
        let Some(copy) = symbol.checked_sub(256) else {
            window.push(u8::try_from(symbol).ok()?)?;
            continue;
        };
        let mut length = (copy & 7).checked_add(2)?;
        if copy & 7 == 7 {
            length = length.checked_add(length_code.decode(bits)?)?;
        }
        let slot = copy >> 3;
        let distance = match slot {
            0..=2 => {
                recent.swap(0, slot);
                *recent.first()?
            }
            _ => {
                let (base, extra) = position(slot)?;
                let footer = match aligned {
                    Some(code) if extra >= 3 => {
                        let high = usize::try_from(bits.take(extra.checked_sub(3)?)).ok()?;
                        high.checked_mul(8)?.checked_add(code.decode(bits)?)?
                    }
                    _ => usize::try_from(bits.take(extra)).ok()?,
                };
                let distance = base.checked_add(footer)?.checked_sub(2)?;
                *recent = [distance, recent[0], recent[1]];
                distance
            }
        };
        window.copy(distance, length)?;
    }
    Some(())
}

/// The first position of a slot, and how many bits follow.
fn position(slot: usize) -> Option<(usize, u32)> {
    let extra = u32::try_from(slot / 2).ok()?.saturating_sub(1);
    let base = if slot < 4 { slot } else { (slot % 2).checked_add(2)?.checked_shl(extra)? };
    Some((base, extra))
}

fn read_lengths(bits: &mut Bits<'_>, lengths: &mut [u8]) -> Option<()> {
    let mut pretree = [0_u8; PRETREE];
    for len in &mut pretree {
        *len = u8::try_from(bits.take(4)).ok()?;
    }
    let code = Code::new(&pretree)?;
    let mut at = 0_usize;
    while at < lengths.len() {
        let less = |old: u8, by: usize| -> Option<u8> {
            let by = u8::try_from(by).ok().filter(|by| *by <= 16)?;
            old.checked_add(17)?.checked_sub(by)?.checked_rem(17)
        };
        let symbol = code.decode(bits)?;
        let (run, value) = match symbol {
            17 => (bits.take(4).checked_add(4)?, 0),
            18 => (bits.take(5).checked_add(20)?, 0),
            19 => {
                let run = bits.take(1).checked_add(4)?;
                let by = code.decode(bits)?;
                (run, less(*lengths.get(at)?, by)?)
            }
            _ => (1, less(*lengths.get(at)?, symbol)?),
        };
        // A run may name more than there are left.
        let end = at.checked_add(usize::try_from(run).ok()?)?.min(lengths.len());
        lengths.get_mut(at..end)?.fill(value);
        at = end;
    }
    Some(())
}

/// Turns the absolute targets of `call` instructions back into relative ones.
fn translate_back(out: &mut [u8]) {
    let Some(last) = out.len().checked_sub(10) else { return };
    let mut at = 0_usize;
    while at < last {
        if out.get(at) != Some(&0xe8) {
            at = at.saturating_add(1);
            continue;
        }
        let (start, end) = (at.saturating_add(1), at.saturating_add(5));
        let Some(target) = out.get_mut(start..end) else { return };
        let Some(raw) = target.first_chunk().copied() else { return };
        let absolute = i32::from_le_bytes(raw);
        let position = i32::try_from(at).unwrap_or(i32::MAX);
        let relative = if absolute >= 0 {
            (absolute < TRANSLATION_SIZE).then(|| absolute.wrapping_sub(position))
        } else {
            (absolute >= position.wrapping_neg()).then(|| absolute.wrapping_add(TRANSLATION_SIZE))
        };
        if let Some(relative) = relative {
            target.copy_from_slice(&relative.to_le_bytes());
        }
        at = end;
    }
}
