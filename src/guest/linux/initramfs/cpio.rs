//! A newc cpio archive (`070701`, `070702`), read piece by piece as it comes.
//!
//! Source: `Documentation/driver-api/early-userspace/buffer-format.rst` and `init/initramfs.c`. To the
//! kernel the trailer `TRAILER!!!` is an entry like the others: behind any entry may stand zero bytes
//! and then the next header, at a multiple of 4.

/// Length of a header in bytes.
const HEADER: usize = 110;

/// Longest name with its NUL (Linux: `PATH_MAX`); the kernel passes over an entry with a longer one.
const MAX_NAME: usize = 4096;

/// Type bits of a mode, and those of a regular file (inode(7)).
const S_IFMT: u32 = 0o170_000;
const S_IFREG: u32 = 0o100_000;
const S_IFDIR: u32 = 0o040_000;
const S_IFLNK: u32 = 0o120_000;

/// Name of the entry that ends an archive.
const TRAILER: &[u8] = b"TRAILER!!!";

/// What tells a file of an archive from others: number of the inode, major and minor of the device.
pub(super) type Inode = [u32; 3];

/// One entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Entry<'a> {
    /// Type and permissions.
    pub(super) mode: u32,
    /// Length of the content in bytes.
    pub(super) size: u32,
    /// Path, without the NUL.
    pub(super) name: &'a [u8],
    /// The file that it is a name of, where that has several. One of the names comes with the content, the
    /// last one with cpio's own writer.
    pub(super) inode: Option<Inode>,
}

impl Entry<'_> {
    /// Whether it is a regular file.
    pub(super) fn is_regular(&self) -> bool {
        self.mode & S_IFMT == S_IFREG
    }

    /// Whether it is a symbolic link.
    fn is_symlink(&self) -> bool {
        self.mode & S_IFMT == S_IFLNK
    }

    /// Whether the kernel looks at its name, which it does not of a device with content (`do_header`).
    pub(super) fn is_unpacked(&self) -> bool {
        self.is_regular()
            || self.size == 0
            || self.is_symlink() && usize::try_from(self.size).is_ok_and(|size| size <= MAX_NAME)
    }

    /// Whether it ends an archive, as a symbolic link of that name does not.
    pub(super) fn is_trailer(&self) -> bool {
        self.name == TRAILER && !self.is_symlink()
    }

    /// Whether it is a directory.
    pub(super) fn is_directory(&self) -> bool {
        self.mode & S_IFMT == S_IFDIR
    }
}

/// What to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flow {
    /// Go on with the next entry.
    Next,
    /// Give this entry's content, then go on.
    Content,
    /// Nothing more is needed.
    Stop,
}

/// Who looks at an archive's entries as they come.
pub(super) trait Visitor {
    /// An entry.
    fn entry(&mut self, entry: Entry<'_>) -> Flow;

    /// A piece of the content of the entry that was answered with [`Flow::Content`].
    fn content(&mut self, piece: &[u8]);

    /// That content has ended.
    fn end(&mut self) -> Flow;
}

/// Why [`Archive::feed`] came back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fed {
    /// It took all.
    Exhausted,
    /// Between two entries stands a byte, not yet taken, that begins no header: 0 if it is the `0`
    /// of one at an odd place.
    NoHeader,
    /// The visitor broke.
    Stopped,
}

enum State {
    /// Between two entries, or before the first.
    Between,
    /// In a header or the name behind it, collected in `partial` when it came in pieces.
    Entry,
    /// In content or padding, so many bytes before its end.
    Skip(u64),
    /// Before or in content that the visitor wants.
    Content(Span),
}

/// Bytes that are still to come before the next header.
#[derive(Debug, Clone, Copy)]
struct Span {
    /// Padding before the content.
    before: u64,
    /// Content.
    content: u64,
    /// Padding behind it.
    after: u64,
}

/// The reader's place in an archive, or in several one behind the other.
pub(super) struct Archive {
    state: State,
    /// Offset of the next byte, by which the kernel aligns.
    position: u64,
    /// Whether an entry was read; only behind one does the kernel ask for aligned padding.
    begun: bool,
    partial: Vec<u8>,
}

impl Archive {
    /// Before an archive whose first byte has offset `position`.
    pub(super) fn new(position: u64) -> Self {
        Self { state: State::Between, position, begun: false, partial: Vec::new() }
    }

    /// Offset of the next byte.
    pub(super) fn position(&self) -> u64 {
        self.position
    }

    /// Whether the archive may end here: not inside an entry.
    pub(super) fn at_boundary(&self) -> bool {
        matches!(self.state, State::Between)
    }

    /// How many of the next bytes need not be fed.
    pub(super) fn skippable(&self) -> u64 {
        if let State::Skip(left) = self.state { left } else { 0 }
    }

    /// Passes over `count` bytes that were not fed.
    pub(super) fn skip(&mut self, count: u64) {
        self.position = self.position.saturating_add(count);
        if let State::Skip(left) = self.state {
            let left = left.saturating_sub(count);
            self.state = if left == 0 { State::Between } else { State::Skip(left) };
        }
    }

    /// Reads on in `chunk`, cutting off what it took.
    ///
    /// # Errors
    /// Where the kernel gives up: no magic, a name without its end, a header at an odd place.
    pub(super) fn feed(
        &mut self,
        chunk: &mut &[u8],
        visitor: &mut dyn Visitor,
    ) -> Result<Fed, String> {
        loop {
            match self.state {
                State::Skip(left) => {
                    let count = left.min(length(chunk));
                    self.advance(chunk, usize::try_from(count).unwrap_or(usize::MAX));
                    let left = left.saturating_sub(count);
                    if left > 0 {
                        self.state = State::Skip(left);
                        return Ok(Fed::Exhausted);
                    }
                    self.state = State::Between;
                }
                State::Content(span) => match self.content(chunk, span, visitor) {
                    Some(Flow::Stop) => return Ok(Fed::Stopped),
                    Some(_) => {}
                    None => return Ok(Fed::Exhausted),
                },
                State::Between => {
                    let zeros = chunk.iter().position(|byte| *byte != 0).unwrap_or(chunk.len());
                    self.advance(chunk, zeros);
                    let Some(first) = chunk.first() else { return Ok(Fed::Exhausted) };
                    let aligned = self.position.is_multiple_of(4);
                    if self.begun && !aligned {
                        return Err("broken padding behind an entry".to_owned());
                    }
                    if *first != b'0' || !aligned {
                        return Ok(Fed::NoHeader);
                    }
                    self.state = State::Entry;
                }
                State::Entry => match self.entry(chunk, visitor)? {
                    Some(Flow::Stop) => return Ok(Fed::Stopped),
                    Some(_) => {}
                    None => return Ok(Fed::Exhausted),
                },
            }
        }
    }

    /// Reads a header and its name; `None` when the chunk ends before.
    fn entry(
        &mut self,
        chunk: &mut &[u8],
        visitor: &mut dyn Visitor,
    ) -> Result<Option<Flow>, String> {
        if self.partial.is_empty() {
            let bytes: &[u8] = chunk;
            if let Some(whole) = Whole::find(bytes)? {
                let flow = whole.visit(visitor);
                self.finish(&whole.header, flow);
                self.advance(chunk, whole.len());
                return Ok(Some(flow));
            }
        }
        // The entry lies across the end of a chunk: collect what it still needs.
        let mut partial = std::mem::take(&mut self.partial);
        loop {
            let need = match partial.get(..HEADER) {
                None => HEADER,
                Some(_) => Header::parse(&partial)?.wanted(),
            };
            let missing = need.saturating_sub(partial.len());
            if missing == 0 {
                break;
            }
            let (now, _) = chunk.split_at_checked(missing).unwrap_or((chunk, &[]));
            if now.is_empty() {
                self.partial = partial;
                return Ok(None);
            }
            partial.extend_from_slice(now);
            self.advance(chunk, now.len());
        }
        let flow = match Whole::find(&partial)? {
            Some(whole) => {
                let flow = whole.visit(visitor);
                self.finish(&whole.header, flow);
                flow
            }
            None => Flow::Next,
        };
        partial.clear();
        self.partial = partial;
        Ok(Some(flow))
    }

    /// An entry's header and name were read.
    fn finish(&mut self, header: &Header, flow: Flow) {
        self.begun = true;
        let span = header.span();
        let left = span.before.saturating_add(span.content).saturating_add(span.after);
        self.state = match flow {
            Flow::Content => State::Content(span),
            _ if left == 0 => State::Between,
            _ => State::Skip(left),
        };
    }

    /// Hands over content; `None` when the chunk ends before it does.
    fn content(
        &mut self,
        chunk: &mut &[u8],
        mut span: Span,
        visitor: &mut dyn Visitor,
    ) -> Option<Flow> {
        let before = span.before.min(length(chunk));
        self.advance(chunk, usize::try_from(before).unwrap_or(usize::MAX));
        span.before = span.before.saturating_sub(before);
        let count = if span.before == 0 { span.content.min(length(chunk)) } else { 0 };
        let count = usize::try_from(count).unwrap_or(usize::MAX);
        let piece = chunk.get(..count).unwrap_or(&[]);
        if !piece.is_empty() {
            visitor.content(piece);
        }
        span.content = span.content.saturating_sub(length(piece));
        self.advance(chunk, count);
        if span.before > 0 || span.content > 0 {
            self.state = State::Content(span);
            return None;
        }
        self.state = if span.after == 0 { State::Between } else { State::Skip(span.after) };
        Some(visitor.end())
    }

    fn advance(&mut self, chunk: &mut &[u8], count: usize) {
        let (taken, rest) = chunk.split_at_checked(count).unwrap_or((chunk, &[]));
        self.position = self.position.saturating_add(length(taken));
        *chunk = rest;
    }
}

/// The fields of a header that matter here.
struct Header {
    mode: u32,
    size: u32,
    name_size: u32,
    inode: Option<Inode>,
}

impl Header {
    fn parse(bytes: &[u8]) -> Result<Self, String> {
        match bytes.get(..6) {
            Some(b"070701" | b"070702") => {}
            Some(b"070707") => return Err("cpio in the old ASCII format, not newc".to_owned()),
            _ => return Err("no cpio magic".to_owned()),
        }
        let field = |index: usize| {
            let start = index.checked_mul(8)?.checked_add(6)?;
            hexadecimal(bytes.get(start..)?.first_chunk()?)
        };
        let inode = || Some([field(0)?, field(7)?, field(8)?]);
        match (field(1), field(6), field(11)) {
            (Some(mode), Some(size), Some(name_size)) => {
                let inode = if field(4) > Some(1) { inode() } else { None };
                Ok(Self { mode, size, name_size, inode })
            }
            _ => Err("a cpio header field is no hexadecimal number".to_owned()),
        }
    }

    /// Length of the name, when the kernel reads it.
    fn name_len(&self) -> Option<usize> {
        usize::try_from(self.name_size).ok().filter(|len| (1..=MAX_NAME).contains(len))
    }

    /// Length of header and name.
    fn wanted(&self) -> usize {
        HEADER.saturating_add(self.name_len().unwrap_or(0))
    }

    /// The bytes from behind header and name to the next header.
    fn span(&self) -> Span {
        let padding = |len: u64| len.checked_next_multiple_of(4).unwrap_or(len).saturating_sub(len);
        let header = u64::try_from(HEADER).unwrap_or(0);
        let named = header.saturating_add(u64::from(self.name_size));
        // A name that the kernel does not read is passed over with the padding.
        let unread = named.saturating_sub(u64::try_from(self.wanted()).unwrap_or(0));
        let content = u64::from(self.size);
        Span { before: unread.saturating_add(padding(named)), content, after: padding(content) }
    }
}

/// A header with its name.
struct Whole<'a> {
    header: Header,
    name: Option<&'a [u8]>,
}

impl<'a> Whole<'a> {
    /// The header and name at the start of `bytes`; `None` when they are not all there.
    fn find(bytes: &'a [u8]) -> Result<Option<Self>, String> {
        if bytes.len() < HEADER {
            return Ok(None);
        }
        let header = Header::parse(bytes)?;
        let Some(len) = header.name_len() else { return Ok(Some(Self { header, name: None })) };
        let Some(name) = bytes.get(HEADER..header.wanted()).filter(|name| name.len() == len) else {
            return Ok(None);
        };
        match name.split_last() {
            Some((0, _)) => {
                let name = name.split(|byte| *byte == 0).next();
                Ok(Some(Self { header, name }))
            }
            _ => Err("a name in the cpio archive does not end in NUL".to_owned()),
        }
    }

    fn len(&self) -> usize {
        self.header.wanted()
    }

    fn visit(&self, visitor: &mut dyn Visitor) -> Flow {
        match self.name {
            Some(name) => {
                let Header { mode, size, inode, .. } = self.header;
                visitor.entry(Entry { mode, size, name, inode })
            }
            None => Flow::Next,
        }
    }
}

fn hexadecimal(digits: &[u8; 8]) -> Option<u32> {
    digits.iter().try_fold(0_u32, |value, digit| {
        let digit = char::from(*digit).to_digit(16)?;
        value.checked_mul(16)?.checked_add(digit)
    })
}

fn length(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}
