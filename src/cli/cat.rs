//! `image-preflight cat`.

use std::io::{self, IsTerminal, Write};

use super::Failure;
use super::args::PathArgs;
use super::ls::tree;
use crate::bytes::Bytes;
use crate::report::escape::is_unsafe;
use crate::rules::Lang;

/// Bytes that are read at once, however long the file says it is.
const CHUNK: u64 = 1 << 20;

pub(super) fn run(args: &PathArgs, lang: Lang) -> Result<u8, Failure> {
    let bytes = tree(&args.image, args.volume.as_deref(), lang)?.open(&args.path)?;
    let mut out = io::stdout().lock();
    if out.is_terminal() {
        copy(&*bytes, &mut Shown { out: io::BufWriter::new(out), begun: Vec::new() })?;
    } else {
        // The file's bytes as they are: nothing may be made of them on the way.
        copy(&*bytes, &mut out)?;
    }
    Ok(0)
}

fn copy(bytes: &dyn Bytes, out: &mut dyn Write) -> Result<(), Failure> {
    let mut offset = 0;
    let mut chunk = vec![0; usize::try_from(CHUNK.min(bytes.len())).unwrap_or(0)];
    while offset < bytes.len() {
        let len = CHUNK.min(bytes.len().saturating_sub(offset));
        let part = chunk.get_mut(..usize::try_from(len).unwrap_or(0)).unwrap_or_default();
        bytes.read_at(offset, part)?;
        out.write_all(part)?;
        offset = offset.saturating_add(len);
    }
    out.flush()?;
    Ok(())
}

/// Text for a terminal: what would steer it is shown, but for line ends and tabs.
struct Shown<W> {
    out: W,
    /// The bytes of a character whose last ones are yet to come.
    begun: Vec<u8>,
}

impl<W: Write> Shown<W> {
    fn show(&mut self, text: &str) -> io::Result<()> {
        for char in text.chars() {
            if is_unsafe(char) && !matches!(char, '\n' | '\t') {
                write!(self.out, "{}", char.escape_unicode())?;
            } else {
                write!(self.out, "{char}")?;
            }
        }
        Ok(())
    }
}

impl<W: Write> Write for Shown<W> {
    fn write(&mut self, new: &[u8]) -> io::Result<usize> {
        let mut bytes = std::mem::take(&mut self.begun);
        bytes.extend_from_slice(new);
        let mut chunks = bytes.utf8_chunks().peekable();
        while let Some(chunk) = chunks.next() {
            self.show(chunk.valid())?;
            let invalid = chunk.invalid();
            let is_begun = std::str::from_utf8(invalid).is_err_and(|it| it.error_len().is_none());
            if chunks.peek().is_none() && is_begun {
                self.begun = invalid.to_vec();
            } else if !invalid.is_empty() {
                self.show("\u{fffd}")?;
            }
        }
        Ok(new.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if !std::mem::take(&mut self.begun).is_empty() {
            self.show("\u{fffd}")?;
        }
        self.out.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_is_shown_what_would_steer_it() {
        let file = "\u{1b}]0;x\u{7}a\tb\r\n镜像\u{202e}".as_bytes();
        let expected = "\\u{1b}]0;x\\u{7}a\tb\\u{d}\n镜像\\u{202e}";
        // Whatever the pieces in which it comes.
        for size in 1..file.len() {
            let mut shown = Shown { out: Vec::new(), begun: Vec::new() };
            file.chunks(size).for_each(|part| shown.write_all(part).unwrap());
            shown.flush().unwrap();
            assert_eq!(String::from_utf8(shown.out).unwrap(), expected, "{size}");
        }
        let mut shown = Shown { out: Vec::new(), begun: Vec::new() };
        shown.write_all(b"a\xff\x9bb\xe9\x95").unwrap();
        shown.flush().unwrap();
        assert_eq!(String::from_utf8(shown.out).unwrap(), "a\u{fffd}\u{fffd}b\u{fffd}");
    }
}
