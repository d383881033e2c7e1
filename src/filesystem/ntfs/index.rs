//! Directories: B+ trees of file names.
//!
//! Source: Microsoft, *How NTFS Works*; the Linux kernel's `ntfs3` (`fs/ntfs3/ntfs.h`:
//! `INDEX_ROOT`, `INDEX_BUFFER`, `NTFS_DE`, `ATTR_FILE_NAME`).

use std::cmp::Ordering;
use std::ops::ControlFlow;
use std::sync::Arc;

use super::attribute::kind;
use super::file_record::{FileRecord, Reference};
use super::upcase::UpCase;
use super::volume::Volume;
use super::{fixup, stream};
use crate::bytes::{Bytes, BytesExt};
use crate::error::{Error, Result};
use crate::filesystem::structure::Structure;

/// Name of the attributes of a directory, `$I30`, in UTF-16, little-endian.
const NAME: &[u8] = b"$\x00I\x003\x000\x00";

/// Deepest tree. One of 4 KiB blocks has at least ten names each, so 2^48 files fit in fifteen
/// levels.
const MAX_DEPTH: usize = 16;

/// Longest index root in bytes (it lies in a file record), and largest block.
const MAX_ROOT: u64 = 64 << 10;

/// An index entry that names a file.
pub(super) struct Entry<'a> {
    pub(super) reference: Reference,
    /// The name in UTF-16, little-endian.
    pub(super) name: &'a [u8],
    /// It is the short name that DOS sees, beside a long one.
    pub(super) is_dos_only: bool,
    /// File attributes (`FILE_ATTRIBUTE_*`).
    pub(super) flags: u32,
}

/// A directory.
pub(super) struct Index<'a> {
    volume: &'a Volume,
    root: Vec<u8>,
    number: u64,
    allocation: Option<Arc<dyn Bytes>>,
    block_size: u64,
}

/// One entry as it stands.
struct Raw<'a> {
    entry: Option<Entry<'a>>,
    child: Option<u64>,
}

impl<'a> Index<'a> {
    /// The index of a directory's record.
    ///
    /// # Errors
    /// [`Error::Corrupt`] when it contradicts itself.
    pub(super) fn open(volume: &'a Volume, record: &FileRecord) -> Result<Self> {
        let root = stream::open(volume, record, kind::INDEX_ROOT, NAME)?
            .filter(|root| root.len() <= MAX_ROOT)
            .ok_or_else(|| record.corrupt("an index root named $I30", "none"))?;
        let root = root.vec(0, usize::try_from(root.len()).unwrap_or(0))?;
        let number = record.reference.number();
        let s = Structure::new("NTFS index root", number, &root);
        let block_size = u64::from(s.u32(8)?);
        if !(512..=MAX_ROOT).contains(&block_size) || !block_size.is_power_of_two() {
            return Err(s.corrupt(8, "blocks of 512 bytes to 64 KiB", block_size.to_string()));
        }
        let allocation = stream::open(volume, record, kind::INDEX_ALLOCATION, NAME)?;
        Ok(Self { volume, number, allocation, block_size, root })
    }

    /// Number of blocks beside the root: a tree that visits more has a loop.
    fn blocks(&self) -> u64 {
        let len = self.allocation.as_ref().map_or(0, |allocation| allocation.len());
        len.checked_div(self.block_size).unwrap_or(0)
    }

    /// The block at a VCN of the index: counted in clusters, or where blocks are smaller in 512
    /// bytes.
    fn block(&self, vcn: u64) -> Result<(Vec<u8>, u64)> {
        let cluster = self.volume.boot.cluster_size;
        let unit = if cluster <= self.block_size { cluster } else { 512 };
        let offset = vcn.saturating_mul(unit);
        let Some(allocation) = &self.allocation else {
            let found = format!("a child at VCN {vcn}");
            return Err(Error::corrupt("NTFS index root", self.number, "no child", found));
        };
        self.volume.spend(self.block_size)?;
        let mut raw = allocation.vec(offset, usize::try_from(self.block_size).unwrap_or(0))?;
        fixup::apply("NTFS index block", offset, b"INDX", &mut raw)?;
        let s = Structure::new("NTFS index block", offset, &raw);
        let found = s.u64(0x10)?;
        if found != vcn {
            return Err(s.corrupt(0x10, format!("VCN {vcn}"), found.to_string()));
        }
        Ok((raw, offset))
    }

    /// Calls `visit` with each name in order until it breaks.
    ///
    /// # Errors
    /// When a part of the tree cannot be read; the parts before it were visited.
    pub(super) fn walk(
        &self,
        visit: &mut dyn FnMut(Entry<'_>) -> ControlFlow<()>,
    ) -> Result<ControlFlow<()>> {
        let s = Structure::new("NTFS index root", self.number, &self.root);
        let mut left = self.blocks();
        self.walk_node(&s, 0x10, 0, &mut left, visit)
    }

    fn walk_node(
        &self,
        s: &Structure<'_>,
        header: usize,
        depth: usize,
        left: &mut u64,
        visit: &mut dyn FnMut(Entry<'_>) -> ControlFlow<()>,
    ) -> Result<ControlFlow<()>> {
        for raw in entries(s, header)? {
            let raw = raw?;
            if let Some(vcn) = raw.child {
                if depth >= MAX_DEPTH || *left == 0 {
                    return Err(s.corrupt(header, "a tree without loops", "a deeper one"));
                }
                *left = left.saturating_sub(1);
                let (block, offset) = self.block(vcn)?;
                let child = Structure::new("NTFS index block", offset, &block);
                if self.walk_node(&child, 0x18, depth.saturating_add(1), left, visit)?.is_break() {
                    return Ok(ControlFlow::Break(()));
                }
            }
            if let Some(entry) = raw.entry
                && visit(entry).is_break()
            {
                return Ok(ControlFlow::Break(()));
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    /// The file that a name (UTF-16, little-endian) names without regard to case.
    ///
    /// # Errors
    /// When a block on the way cannot be read.
    pub(super) fn find(&self, name: &[u8], upcase: &UpCase) -> Result<Option<Reference>> {
        let mut raw = self.root.clone();
        let mut place = ("NTFS index root", self.number, 0x10);
        for _ in 0..MAX_DEPTH {
            let (structure, offset, header) = place;
            let s = Structure::new(structure, offset, &raw);
            let mut next = None;
            for entry in entries(&s, header)? {
                let entry = entry?;
                let order = match &entry.entry {
                    Some(here) => upcase.compare(name, here.name),
                    None => Ordering::Less,
                };
                match order {
                    Ordering::Equal => return Ok(entry.entry.map(|entry| entry.reference)),
                    Ordering::Greater => {}
                    Ordering::Less => {
                        next = entry.child;
                        break;
                    }
                }
            }
            let Some(vcn) = next else { return Ok(None) };
            let (block, offset) = self.block(vcn)?;
            raw = block;
            place = ("NTFS index block", offset, 0x18);
        }
        Err(Error::corrupt("NTFS index root", self.number, "a tree without loops", "a deeper one"))
    }
}

/// The entries of a node, whose header stands at byte `header`.
fn entries<'a>(
    s: &Structure<'a>,
    header: usize,
) -> Result<impl Iterator<Item = Result<Raw<'a>>> + use<'a>> {
    let s = *s;
    let len = |at: usize| -> Result<usize> {
        let value = usize::try_from(s.u32(header.saturating_add(at))?).unwrap_or(usize::MAX);
        Ok(header.saturating_add(value))
    };
    let (first, end) = (len(0)?, len(4)?);
    if end > s.raw.len() {
        return Err(s.corrupt(
            header,
            format!("entries in {} bytes", s.raw.len()),
            end.to_string(),
        ));
    }
    let mut at = first;
    let mut done = false;
    Ok(std::iter::from_fn(move || {
        if done {
            return None;
        }
        let next = parse(&s, at, end);
        match &next {
            Ok((_, len, last)) => {
                at = at.saturating_add(*len);
                done = *last;
            }
            Err(_) => done = true,
        }
        Some(next.map(|(raw, ..)| raw))
    }))
}

fn parse<'a>(s: &Structure<'a>, at: usize, end: usize) -> Result<(Raw<'a>, usize, bool)> {
    let field = |by: usize| at.saturating_add(by);
    let len = usize::from(s.u16(field(8))?);
    if len < 16 || len > end.saturating_sub(at) {
        return Err(s.corrupt(
            field(8),
            "a length of at least 16 inside the node",
            len.to_string(),
        ));
    }
    let flags = s.u16(field(12))?;
    let (has_child, is_last) = (flags & 1 != 0, flags & 2 != 0);
    let child = if has_child { Some(s.u64(field(len.saturating_sub(8)))?) } else { None };
    let entry = if is_last {
        None
    } else {
        let name_len = usize::from(s.u8(field(0x50))?).saturating_mul(2);
        if name_len.saturating_add(0x52) > len {
            return Err(s.corrupt(
                field(0x50),
                format!("a name in {len} bytes"),
                name_len.to_string(),
            ));
        }
        Some(Entry {
            reference: Reference(s.u64(at)?),
            name: s.bytes(field(0x52), name_len)?,
            is_dos_only: s.u8(field(0x51))? == 2,
            flags: s.u32(field(0x48))?,
        })
    };
    Ok((Raw { entry, child }, len, is_last))
}
