//! LZO1X streams (Linux `Documentation/staging/lzo.rst`), the first version of the stream.

/// Distance that the furthest matches begin at.
const FAR: usize = 16384;

/// Distance that a match of three bytes after a long run of literals begins at.
const AFTER_RUN: usize = 2049;

/// What came before an instruction: up to three literals, or a run of at least four.
const AFTER_LONG_RUN: usize = 4;

struct Input<'a> {
    raw: &'a [u8],
}

impl<'a> Input<'a> {
    fn byte(&mut self) -> Option<usize> {
        let (byte, rest) = self.raw.split_first()?;
        self.raw = rest;
        Some(usize::from(*byte))
    }

    fn word(&mut self) -> Option<usize> {
        let low = self.byte()?;
        Some(self.byte()? << 8 | low)
    }

    fn bytes(&mut self, len: usize) -> Option<&'a [u8]> {
        let (bytes, rest) = self.raw.split_at_checked(len)?;
        self.raw = rest;
        Some(bytes)
    }

    /// A length in `mask` bits of an instruction; 0 there says that it goes on in the next bytes,
    /// each zero of which adds 255.
    fn length(&mut self, instruction: usize, mask: usize) -> Option<usize> {
        let short = instruction & mask;
        if short != 0 {
            return Some(short);
        }
        let mut length = mask;
        loop {
            match self.byte()? {
                0 => length = length.checked_add(255)?,
                last => return length.checked_add(last),
            }
        }
    }
}

struct Output<'a> {
    raw: &'a mut [u8],
    len: usize,
}

impl Output<'_> {
    fn literals(&mut self, bytes: &[u8]) -> Option<()> {
        let end = self.len.checked_add(bytes.len())?;
        self.raw.get_mut(self.len..end)?.copy_from_slice(bytes);
        self.len = end;
        Some(())
    }

    /// Repeats `length` bytes that stand `distance` bytes back; they may overlap what they make.
    fn repeat(&mut self, distance: usize, length: usize) -> Option<()> {
        let start = self.len.checked_sub(distance)?;
        let end = self.len.checked_add(length)?;
        if end > self.raw.len() {
            return None;
        }
        if distance >= length {
            self.raw.copy_within(start..start.checked_add(length)?, self.len);
        } else {
            for (from, to) in (start..).zip(self.len..end) {
                let byte = *self.raw.get(from)?;
                *self.raw.get_mut(to)? = byte;
            }
        }
        self.len = end;
        Some(())
    }
}

/// Decompresses a whole stream into the beginning of `out`; gives how many bytes it made. `None`
/// when the stream is damaged or makes more.
pub(crate) fn decompress(stream: &[u8], out: &mut [u8]) -> Option<usize> {
    let mut input = Input { raw: stream };
    let mut output = Output { raw: out, len: 0 };
    let mut state = 0;
    if let Some(first) = stream.first().copied().map(usize::from).filter(|first| *first > 17) {
        input.byte()?;
        let literals = first.checked_sub(17)?;
        output.literals(input.bytes(literals)?)?;
        state = literals.min(AFTER_LONG_RUN);
    }
    loop {
        let instruction = input.byte()?;
        let (distance, length, literals) = match instruction {
            0..16 if state == 0 => {
                let run = input.length(instruction, 15)?.checked_add(3)?;
                output.literals(input.bytes(run)?)?;
                state = AFTER_LONG_RUN;
                continue;
            }
            0..16 => {
                let distance = (input.byte()? << 2).checked_add(instruction >> 2)?;
                let (nearest, length) =
                    if state == AFTER_LONG_RUN { (AFTER_RUN, 3) } else { (1, 2) };
                (distance.checked_add(nearest)?, length, instruction & 3)
            }
            16..32 => {
                let length = input.length(instruction, 7)?.checked_add(2)?;
                let word = input.word()?;
                let distance =
                    ((instruction & 8) << 11).checked_add(word >> 2)?.checked_add(FAR)?;
                if distance == FAR {
                    // The mark of the end; what follows is padding or no part of the stream.
                    return Some(output.len);
                }
                (distance, length, word & 3)
            }
            32..64 => {
                let length = input.length(instruction, 31)?.checked_add(2)?;
                let word = input.word()?;
                ((word >> 2).checked_add(1)?, length, word & 3)
            }
            _ => {
                let length = (instruction >> 5).checked_add(1)?;
                let distance = (input.byte()? << 3).checked_add(instruction >> 2 & 7)?;
                (distance.checked_add(1)?, length, instruction & 3)
            }
        };
        output.repeat(distance, length)?;
        output.literals(input.bytes(literals)?)?;
        state = literals;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const END: [u8; 3] = [0x11, 0, 0];

    fn decoded(stream: &[u8]) -> Option<Vec<u8>> {
        let mut out = vec![0; 4096];
        let len = decompress(stream, &mut out)?;
        out.truncate(len);
        Some(out)
    }

    #[test]
    fn each_instruction_of_the_description_does_what_it_says() {
        // 22..255: literals, then the end.
        assert_eq!(decoded(&[&[17 + 5][..], b"abcde", &END].concat()).unwrap(), b"abcde");
        // 64..: 3 bytes, 5 back, then one literal.
        let near = [&[17 + 5][..], b"abcde", &[0b0101_0001, 0], b"x", &END].concat();
        assert_eq!(decoded(&near).unwrap(), b"abcdeabcx");
        // 32..: 33 + 31 + 2 bytes, 1 back.
        let long = [&[17 + 5][..], b"abcde", &[32, 33, 0, 0], &END].concat();
        assert_eq!(decoded(&long).unwrap(), [&b"abcde"[..], &[b'e'; 66]].concat());
        // 0..15 at the beginning: 3 + 15 + 2 literals; afterwards it is a match 2049 back, which is
        // before the beginning.
        let run = [&[0, 2][..], &[b'r'; 20]].concat();
        assert_eq!(decoded(&[&run[..], &END].concat()).unwrap(), [b'r'; 20]);
        assert_eq!(decoded(&[&run[..], &[0, 0], &END].concat()), None);
        // 0..15 after two literals: a match of two bytes, 1 back.
        let two = [&[17 + 2][..], b"ab", &[0, 0], &END].concat();
        assert_eq!(decoded(&two).unwrap(), b"abbb");
    }

    #[test]
    fn streams_that_end_early_or_make_too_much_are_none() {
        let whole = [&[17 + 5][..], b"abcde", &[32, 33, 0, 0], &END].concat();
        for len in 0..whole.len() {
            assert_eq!(decompress(&whole[..len], &mut [0; 4096]), None);
        }
        assert_eq!(decompress(&whole, &mut [0; 70]), None);
        assert_eq!(decompress(&[&[32][..], &[0; 1 << 16]].concat(), &mut [0; 4096]), None);
    }
}
