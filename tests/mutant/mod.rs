//! Mutants of bytes that are sound: where a reader looks, some bytes are others.
//!
//! Used by `tests/mutations.rs` and by the fuzz targets, which are a package of their own.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use image_preflight::Result;
use image_preflight::bytes::{Bytes, check_range};
use image_preflight::guest::Inspection;
use image_preflight::image::Image;
use image_preflight::report::ImageReport;
use image_preflight::rules::{self, Context, Profile};

/// Bytes of a page, in which mutants differ from what they were made of.
const PAGE: usize = 4096;

/// Bytes of an edit: page (16 bits), place in it (12) and kind (4), value (32).
pub const EDIT: usize = 8;

/// Most edits of one mutant.
const MAX_EDITS: usize = 64;

/// Where the fixtures lie.
pub fn testdata(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(TESTDATA).join(name)
}

/// From the package that uses this.
const TESTDATA: &str = if cfg!(fuzzing) { "../testdata" } else { "testdata" };

/// Sound bytes, and the pages of them that a reader looked at.
pub struct Subject {
    bytes: Arc<dyn Bytes>,
    pages: Vec<u64>,
}

impl Subject {
    /// Lets `read` read all that it reads of `bytes`, to learn which pages matter: those that
    /// are not all zeros.
    pub fn new(bytes: Arc<dyn Bytes>, read: impl FnOnce(Arc<dyn Bytes>)) -> Self {
        let recorder = Arc::new(Recorder { bytes: bytes.clone(), pages: Mutex::default() });
        read(recorder.clone());
        let read = recorder.pages.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let matters = |page: &u64| page_of(&*bytes, *page).is_some_and(|raw| raw != [0; PAGE]);
        let pages = read.iter().copied().filter(matters).collect();
        drop(read);
        Self { bytes, pages }
    }

    /// How many pages matter.
    pub fn pages(&self) -> usize {
        self.pages.len()
    }

    /// A mutant; `edits` may be any bytes.
    pub fn mutant(&self, edits: &[u8]) -> Patched {
        let mut patched = Patched { bytes: self.bytes.clone(), pages: BTreeMap::new() };
        if self.pages.is_empty() {
            return patched;
        }
        for edit in edits.as_chunks::<EDIT>().0.iter().take(MAX_EDITS) {
            let page = usize::from(u16::from_le_bytes([edit[0], edit[1]]));
            let place = u16::from_le_bytes([edit[2], edit[3]]);
            let value = u32::from_le_bytes([edit[4], edit[5], edit[6], edit[7]]);
            let page = self.pages[page % self.pages.len()];
            let at = usize::from(place) % PAGE;
            let bytes = match place >> 12 {
                0..=3 => value.to_le_bytes()[..1].to_vec(),
                4 => (value as u16).to_le_bytes().to_vec(),
                5 => (value as u16).to_be_bytes().to_vec(),
                6 => value.to_le_bytes().to_vec(),
                7 => value.to_be_bytes().to_vec(),
                8 => i64::from(value as i32).to_le_bytes().to_vec(),
                9 => i64::from(value as i32).to_be_bytes().to_vec(),
                10 => (1_u64 << (value % 64)).wrapping_sub(1).to_le_bytes().to_vec(),
                11 => (1_u64 << (value % 64)).to_be_bytes().to_vec(),
                12 => vec![0; value as usize % PAGE],
                13 => vec![0xFF; value as usize % 64],
                // What stands elsewhere: pointers and whole structures at the wrong place.
                kind => {
                    let other = self.pages[value as usize % self.pages.len()];
                    let raw = page_of(&patched, other).unwrap_or([0; PAGE]);
                    let len = if kind == 14 { 16 } else { PAGE };
                    raw[at..].iter().copied().take(len).collect()
                }
            };
            let mut raw = page_of(&patched, page).unwrap_or([0; PAGE]);
            for (to, from) in raw[at..].iter_mut().zip(bytes) {
                *to = from;
            }
            patched.pages.insert(page, Box::new(raw));
        }
        patched
    }
}

/// A page; what is behind the end counts as zeros. `None` where it cannot be read.
fn page_of(bytes: &dyn Bytes, page: u64) -> Option<[u8; PAGE]> {
    let start = page * PAGE as u64;
    let mut raw = [0; PAGE];
    let len = bytes.len().saturating_sub(start).min(PAGE as u64) as usize;
    bytes.read_at(start, &mut raw[..len]).ok().map(|()| raw)
}

fn pages_of(offset: u64, len: usize) -> std::ops::Range<u64> {
    offset / PAGE as u64..offset.saturating_add(len as u64).div_ceil(PAGE as u64)
}

/// Bytes that note which pages are read.
struct Recorder {
    bytes: Arc<dyn Bytes>,
    pages: Mutex<BTreeSet<u64>>,
}

impl Recorder {
    fn note(&self, offset: u64, len: usize) {
        // What is read in long pieces is content.
        let mut pages = self.pages.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        pages.extend(pages_of(offset, len.min(64 * PAGE)));
    }
}

impl Bytes for Recorder {
    fn len(&self) -> u64 {
        self.bytes.len()
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<()> {
        self.note(offset, buf.len());
        self.bytes.read_at(offset, buf)
    }

    fn slice(&self, offset: u64, len: usize) -> Option<&[u8]> {
        self.note(offset, len);
        self.bytes.slice(offset, len)
    }

    fn zeroes_at(&self, offset: u64) -> u64 {
        self.bytes.zeroes_at(offset)
    }
}

/// Bytes of which some pages are others.
pub struct Patched {
    bytes: Arc<dyn Bytes>,
    pages: BTreeMap<u64, Box<[u8; PAGE]>>,
}

impl Patched {
    /// The bytes in one piece, for readers that need a slice of any range.
    pub fn to_vec(&self) -> Vec<u8> {
        let mut whole = vec![0; self.bytes.len() as usize];
        self.read_at(0, &mut whole).map_or(Vec::new(), |()| whole)
    }
}

impl Bytes for Patched {
    fn len(&self) -> u64 {
        self.bytes.len()
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<()> {
        check_range(self.len(), offset, buf.len())?;
        self.bytes.read_at(offset, buf)?;
        for (page, raw) in self.pages.range(pages_of(offset, buf.len())) {
            let start = page * PAGE as u64;
            let (skip, at) = (offset.saturating_sub(start), start.saturating_sub(offset));
            for (to, from) in buf[at as usize..].iter_mut().zip(&raw[skip as usize..]) {
                *to = *from;
            }
        }
        Ok(())
    }

    fn slice(&self, offset: u64, len: usize) -> Option<&[u8]> {
        let mut pages = self.pages.range(pages_of(offset, len));
        match pages.next() {
            None => self.bytes.slice(offset, len),
            Some((page, raw)) => {
                let at = usize::try_from(offset.checked_sub(page * PAGE as u64)?).ok()?;
                raw.get(at..at.checked_add(len)?)
            }
        }
    }

    fn zeroes_at(&self, offset: u64) -> u64 {
        let next = self.pages.range(offset / PAGE as u64..).next();
        let until = next.map_or(u64::MAX, |(page, _)| (page * PAGE as u64).saturating_sub(offset));
        self.bytes.zeroes_at(offset).min(until)
    }
}

/// Checks an image through all rooms; the report of each profile.
pub fn check(bytes: Arc<dyn Bytes>) -> Vec<(Profile, ImageReport)> {
    let facts = Inspection::of(&Image::of_bytes("mutant".to_owned(), bytes)).facts;
    let report = |profile| {
        let findings = rules::check_all(&facts, &Context::new(profile, 20_000));
        (profile, ImageReport::new(&facts, findings, false))
    };
    [Profile::ImsClassic, Profile::Huaweicloud, Profile::Otc].map(report).into()
}

/// Whether a character could steer a terminal or turn a text round: controls, and the bidirectional
/// controls of Unicode Standard Annex #9, 2.
pub fn steers(char: char) -> bool {
    char.is_control()
        || matches!(char, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}'
            | '\u{2066}'..='\u{2069}')
}

/// The disk in a committed guest.
pub fn disk(path: &str) -> Arc<dyn Bytes> {
    let path = testdata(path);
    let image = Image::open(&path).and_then(|image| image.disk());
    image.unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Committed guests of each layout, small ones.
pub const GUESTS: &[&str] = &[
    "guests/good-centos-7.qcow2",
    "guests/good-extlinux.qcow2",
    "guests/good-gpt-hybrid.qcow2",
    "guests/good-rhel-9-bls.qcow2",
    "guests/lvm-root.qcow2",
    "guests/root-password-without-cloud-init.qcow2",
    "guests/uefi-only.qcow2",
    "guests/whole-disk-file-system.qcow2",
    "windows/good-server-2019.qcow2",
    "windows/good-windows-7-x86.qcow2",
    "windows/hibernated.qcow2",
    "windows/uefi-server-2019.qcow2",
];

/// Marsaglia's xorshift: what it starts from decides all.
pub struct XorShift(pub u64);

impl XorShift {
    /// The next number.
    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// So many edits.
    pub fn edits(&mut self, count: usize) -> Vec<u8> {
        (0..count).flat_map(|_| self.next().to_le_bytes()).collect()
    }
}
