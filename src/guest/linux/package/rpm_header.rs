//! A package's header as rpm's databases hold it: without the magic that it has in a package file.
//!
//! Source: rpm's `docs/manual/format_header.md` and `lib/header.c` (`hdrblobInit`): two big-endian
//! 32-bit numbers (entries in the index, bytes in the store), the index of 16-byte entries (tag, type,
//! offset in the store, count), the store. Tags: `include/rpm/rpmtag.h`.

use super::MAX_TEXT;
use super::source::{Order, size};
use crate::error::{Error, Result};

const NAME: u32 = 1000;
const VERSION: u32 = 1001;
const RELEASE: u32 = 1002;
const EPOCH: u32 = 1003;
const ARCH: u32 = 1022;

/// Types of entries (`rpmTagType`).
const INT32: u32 = 4;
const STRING: u32 = 6;

/// Most entries in an index (`HEADER_TAGS_MAX`, `lib/header.c`).
const MAX_ENTRIES: usize = 0xffff;

/// Most bytes in a store (`HEADER_DATA_MAX`, `lib/header.c`).
const MAX_STORE: usize = 0x0fff_ffff;

const ENTRY: usize = 16;

/// What is read of a header at first: the index of most packages and the first strings.
const FIRST: usize = 4096;

/// Longest beginning of a header that is read. The texts before the architecture are descriptions in
/// many languages; 1 MiB holds the longest index and those.
const MAX_PREFIX: usize = (ENTRY * MAX_ENTRIES) + (1 << 20);

const STRUCTURE: &str = "rpm header";

/// Name, version and architecture of a package.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Identity {
    pub(super) name: String,
    /// `[epoch:]version-release`.
    pub(super) version: String,
    pub(super) arch: Option<String>,
}

/// Reads a header of `len` bytes, of which `prefix` gives the first so many (fewer only when there
/// are no more).
pub(super) fn identity(
    len: usize,
    prefix: &mut dyn FnMut(usize) -> Result<Vec<u8>>,
) -> Result<Identity> {
    let mut header = Prefix { len, bytes: prefix(FIRST.min(len))?, more: prefix };
    let corrupt =
        |found: String| Error::corrupt(STRUCTURE, 0, "index and store of its length", found);
    let lengths = (Order::Big.u32(&header.bytes, 0), Order::Big.u32(&header.bytes, 4));
    let (Some(entries), Some(store)) = lengths else {
        return Err(corrupt(format!("{len} bytes")));
    };
    let (entries, store) = (size(entries), size(store));
    let start = entries.saturating_mul(ENTRY).saturating_add(8);
    if entries > MAX_ENTRIES || store > MAX_STORE || start.saturating_add(store) != len {
        return Err(corrupt(format!("{entries} entries and {store} bytes in {len} bytes")));
    }
    header.reach(start)?;
    let index = header.bytes.get(8..start).unwrap_or_default().to_vec();
    let mut found = [const { None }; 5];
    for entry in index.chunks_exact(ENTRY) {
        let field = |at| Order::Big.u32(entry, at);
        let (Some(tag), Some(kind), Some(offset)) = (field(0), field(4), field(8)) else {
            continue;
        };
        let Some(slot) = slot(tag) else { continue };
        let at = start.saturating_add(size(offset));
        let value = match kind {
            STRING => header.text(at)?,
            INT32 => header.number(at)?.to_string(),
            _ => {
                let what = format!("type {kind} of tag {tag}");
                return Err(Error::unsupported(STRUCTURE, 0, what));
            }
        };
        if let Some(place) = found.get_mut(slot) {
            *place = Some(value);
        }
    }
    let [name, version, release, epoch, arch] = found;
    let missing = |what: &str| Error::corrupt(STRUCTURE, 0, what, "none");
    let mut full = version.ok_or_else(|| missing("a version"))?;
    if let Some(epoch) = epoch {
        full = format!("{epoch}:{full}");
    }
    if let Some(release) = release {
        full = format!("{full}-{release}");
    }
    Ok(Identity { name: name.ok_or_else(|| missing("a name"))?, version: full, arch })
}

fn slot(tag: u32) -> Option<usize> {
    [NAME, VERSION, RELEASE, EPOCH, ARCH].iter().position(|wanted| *wanted == tag)
}

/// The beginning of a header, as far as it was needed.
struct Prefix<'a> {
    len: usize,
    bytes: Vec<u8>,
    more: &'a mut dyn FnMut(usize) -> Result<Vec<u8>>,
}

impl Prefix<'_> {
    /// Has the bytes before `end`.
    fn reach(&mut self, end: usize) -> Result<()> {
        let end = end.min(self.len);
        if end > MAX_PREFIX {
            let limit = u64::try_from(MAX_PREFIX).unwrap_or(u64::MAX);
            return Err(Error::Limit { structure: STRUCTURE, limit, unit: "bytes" });
        }
        if end > self.bytes.len() {
            // Twice as much as is needed saves a third time.
            self.bytes = (self.more)(end.saturating_mul(2).min(self.len).min(MAX_PREFIX))?;
        }
        if end > self.bytes.len() {
            let found = format!("{} bytes", self.bytes.len());
            return Err(Error::corrupt(STRUCTURE, 0, format!("{} bytes", self.len), found));
        }
        Ok(())
    }

    fn text(&mut self, at: usize) -> Result<String> {
        self.reach(at.saturating_add(MAX_TEXT))?;
        let rest = self.bytes.get(at..).unwrap_or_default();
        let text = rest.iter().take(MAX_TEXT).position(|byte| *byte == 0);
        match text.and_then(|end| rest.get(..end)).filter(|text| !text.is_empty()) {
            Some(text) => Ok(String::from_utf8_lossy(text).into_owned()),
            None => {
                let at = u64::try_from(at).unwrap_or(u64::MAX);
                Err(Error::corrupt(STRUCTURE, at, "a short text", "none, or no end of it"))
            }
        }
    }

    fn number(&mut self, at: usize) -> Result<u32> {
        self.reach(at.saturating_add(4))?;
        Order::Big.u32(&self.bytes, at).ok_or_else(|| {
            let at = u64::try_from(at).unwrap_or(u64::MAX);
            Error::corrupt(STRUCTURE, at, "a number", "the end")
        })
    }
}
