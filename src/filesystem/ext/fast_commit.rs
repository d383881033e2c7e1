//! The replay of fast commits in memory (Linux fs/ext4/fast_commit.c, `ext4_fc_replay`).
//!
//! In: the file system as the full commits leave it, and the changes behind them. Out: inodes, names
//! and blocks that are read in place of those on the volume. The times of directories and the count
//! of free space, which the kernel changes on its way, are left as they are.

use std::collections::{BTreeMap, HashMap};
use std::ops::ControlFlow;

use super::Ext;
use super::directory::Entry;
use super::inode::{self, Inode, flag, raw_inode};
use super::journal::{Change, Naming};
use super::runs::{Run, Runs};
use super::volume::Volume;
use crate::error::{Error, Result};
use crate::filesystem::structure::Structure;
use crate::filesystem::{FileType, NodeId};

/// Most bytes that are kept of changed inodes, names and blocks.
const MAX_BYTES: usize = 32 << 20;

/// What an entry costs in memory beside its bytes.
const ENTRY_BYTES: usize = 64;

/// Where fields of an inode stand.
const LINKS: usize = 0x1A;
const I_BLOCK: usize = 0x28;
const I_GENERATION: usize = 0x64;

/// How the header of an extent tree begins.
const TREE_MAGIC: [u8; 2] = [0x0A, 0xF3];

/// The header of an empty extent tree: magic, no entries, room for four, depth 0.
const EMPTY_TREE: [u8; 12] = [0x0A, 0xF3, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0];

/// What fast commits put in place of what lies on the volume, by inode.
#[derive(Debug, Default)]
pub(super) struct FastCommits {
    inodes: HashMap<u32, Vec<u8>>,
    runs: HashMap<u32, Ranges>,
    names: HashMap<u32, Names>,
    bytes: usize,
}

/// The written blocks of a file: number of blocks and first block of the volume, by the first block
/// of the file.
type Ranges = BTreeMap<u64, (u64, u64)>;

/// How the names of a directory differ from those on the volume.
#[derive(Debug, Default)]
struct Names {
    /// It is a new directory: what lies in its blocks does not count.
    is_new: bool,
    /// What a name leads to now, and the type of that; nothing when it is gone.
    changed: BTreeMap<Vec<u8>, Option<(u32, FileType)>>,
}

impl FastCommits {
    /// The bytes of an inode that changed.
    pub(super) fn inode(&self, number: u64) -> Option<&[u8]> {
        self.inodes.get(&u32::try_from(number).ok()?).map(Vec::as_slice)
    }

    /// The blocks of a file that changed.
    pub(super) fn runs(&self, volume: &Volume, inode: &Inode) -> Option<Result<Runs>> {
        self.runs.get(&inode.number).map(|ranges| runs_of(volume, ranges))
    }

    /// What a name leads to now, where that does not depend on what lies on the volume.
    pub(super) fn found(&self, dir: &Inode, name: &[u8]) -> Option<Option<NodeId>> {
        let names = self.names.get(&dir.number)?;
        match names.changed.get(name) {
            Some(to) => Some(to.map(|(inode, _)| NodeId(inode.into()))),
            None => names.is_new.then_some(None),
        }
    }

    fn keep(&mut self, bytes: usize) -> Result<()> {
        self.bytes = self.bytes.saturating_add(bytes).saturating_add(ENTRY_BYTES);
        if self.bytes > MAX_BYTES {
            return Err(Error::too_much("ext fast commits", MAX_BYTES, "bytes"));
        }
        Ok(())
    }
}

fn runs_of(volume: &Volume, ranges: &Ranges) -> Result<Runs> {
    let bytes = ranges.len().saturating_mul(size_of::<Run>());
    volume.spend(u64::try_from(bytes).unwrap_or(u64::MAX))?;
    let mut runs = Runs::default();
    for (&logical, &(len, physical)) in ranges {
        runs.push(Run { logical, physical, len })?;
    }
    Ok(runs)
}

/// Takes blocks out of a file, and keeps what lies before and behind.
fn remove(ranges: &mut Ranges, start: u64, len: u64) {
    let end = start.saturating_add(len);
    let before = ranges.range(..start).next_back();
    let touched: Vec<_> = before.into_iter().chain(ranges.range(start..end)).collect();
    let touched: Vec<_> = touched.into_iter().map(|(at, range)| (*at, *range)).collect();
    for (at, (len, physical)) in touched {
        let behind = at.saturating_add(len);
        if behind <= start {
            continue;
        }
        ranges.remove(&at);
        for (from, to) in [(at, start), (end.max(at), behind)] {
            if let Some(len) = to.checked_sub(from).filter(|len| *len > 0) {
                let skipped = from.saturating_sub(at);
                ranges.insert(from, (len, physical.saturating_add(skipped)));
            }
        }
    }
}

impl Ext {
    /// Replays changes in their order, and gives their number.
    ///
    /// # Errors
    /// Where the kernel would not mount the file system, and for what is not replayed.
    pub(super) fn replay(&mut self, changes: &[Change]) -> Result<u64> {
        for change in changes {
            self.volume.count_change()?;
            match change {
                Change::Name { naming, dir, inode, name } => {
                    self.rename(*naming, *dir, *inode, name)?;
                }
                Change::Inode { inode, raw } => self.replace_inode(*inode, raw)?,
                Change::AddRange { inode, run, is_written } => {
                    self.change_range(*inode, *run, *is_written)?;
                }
                Change::RemoveRange { inode, start, len } => {
                    let run = Run { logical: *start, physical: 0, len: *len };
                    self.change_range(*inode, run, false)?;
                }
            }
        }
        self.volume.keep(self.fast_commits.bytes)?;
        Ok(u64::try_from(changes.len()).unwrap_or(u64::MAX))
    }

    /// The entries of a directory that fast commits changed, for those on the volume.
    pub(super) fn walk_changed(
        &self,
        dir: &Inode,
        mut visit: impl FnMut(Entry<'_>) -> Result<ControlFlow<()>>,
    ) -> Result<()> {
        let Some(names) = self.fast_commits.names.get(&dir.number) else {
            return self.walk_stored(dir, visit);
        };
        let mut is_broken = false;
        if !names.is_new {
            self.walk_stored(dir, |entry| {
                if names.changed.contains_key(entry.name) {
                    return Ok(ControlFlow::Continue(()));
                }
                let step = visit(entry)?;
                is_broken = step.is_break();
                Ok(step)
            })?;
        }
        let new = names.changed.iter().filter_map(|(name, to)| to.map(|to| (name, to)));
        for (name, (inode, file_type)) in new {
            if is_broken {
                break;
            }
            is_broken = visit(Entry::new(inode, name, file_type))?.is_break();
        }
        Ok(())
    }

    /// An inode that is in use; the kernel passes over the others (`ext4_iget`).
    fn used(&self, number: u32) -> Result<Option<Inode>> {
        let raw = self.raw(number)?;
        if Structure::new("ext inode", 0, &raw).u16(LINKS)? == 0 {
            return Ok(None);
        }
        self.inode(NodeId(number.into())).map(Some)
    }

    /// The bytes of an inode as they are now.
    fn raw(&self, number: u32) -> Result<Vec<u8>> {
        match self.fast_commits.inodes.get(&number) {
            Some(raw) => Ok(raw.clone()),
            None => {
                let (_, _, raw) = raw_inode(&self.volume, &self.superblock, number.into())?;
                Ok(raw.into_owned())
            }
        }
    }

    fn put(&mut self, number: u32, raw: Vec<u8>) -> Result<()> {
        self.fast_commits.keep(raw.len())?;
        self.fast_commits.inodes.insert(number, raw);
        Ok(())
    }

    fn set_links(&mut self, inode: &Inode, links: u32) -> Result<()> {
        let mut raw = self.raw(inode.number)?;
        let links = u16::try_from(links).unwrap_or(u16::MAX);
        inode::put(&mut raw, LINKS, &links.to_le_bytes());
        self.put(inode.number, raw)
    }

    fn rename(&mut self, naming: Naming, dir: u32, number: u32, name: &[u8]) -> Result<()> {
        let inode = match (self.used(number)?, naming) {
            (Some(inode), _) => inode,
            (None, Naming::Create) => {
                let expected = format!("inode {number} in use");
                return Err(Error::corrupt("ext fast commit", 0, expected, "a free one"));
            }
            (None, _) => return Ok(()),
        };
        let Some(dir) = self.used(dir)? else { return Ok(()) };
        if dir.file_type != FileType::Directory {
            return Err(dir.corrupt("a directory", format!("{:?}", dir.file_type)));
        }
        dir.must_be_plain()?;
        super::directory::check_name(&dir, name)?;
        if dir.has(flag::CASEFOLD) {
            return Err(dir.unsupported("fast commits to a directory without case"));
        }
        let found = self.find(&dir, name)?;
        let is_it = found == Some(NodeId(number.into()));
        if naming == Naming::Unlink {
            if !is_it {
                return Ok(());
            }
            self.set_name(&dir, name, None)?;
            let links = inode.links.saturating_sub(1);
            if links == 0 {
                self.fast_commits.runs.insert(number, Ranges::new());
            }
            return self.set_links(&inode, links);
        }
        if naming == Naming::Create && inode.file_type == FileType::Directory {
            let names = Names { is_new: true, ..Names::default() };
            self.fast_commits.names.insert(number, names);
        }
        if found.is_none() {
            self.set_name(&dir, name, Some((number, inode.file_type)))?;
        }
        match naming {
            Naming::Create => self.set_links(&inode, 1),
            _ if found.is_none() => self.set_links(&inode, inode.links.saturating_add(1)),
            _ => Ok(()),
        }
    }

    fn set_name(&mut self, dir: &Inode, name: &[u8], to: Option<(u32, FileType)>) -> Result<()> {
        self.fast_commits.keep(name.len())?;
        let names = self.fast_commits.names.entry(dir.number).or_default();
        names.changed.insert(name.to_vec(), to);
        Ok(())
    }

    /// All fields but `i_block`, which the ranges are for (`ext4_fc_replay_inode`).
    fn replace_inode(&mut self, number: u32, new: &[u8]) -> Result<()> {
        let mut raw = self.raw(number)?;
        let s = Structure::new("ext fast commit", 0, new);
        let behind = new.get(I_GENERATION..).unwrap_or_default();
        if behind.is_empty() || new.len() > raw.len() {
            let expected = format!("an inode of at most {} bytes", raw.len());
            return Err(s.corrupt(0, expected, new.len()));
        }
        inode::put(&mut raw, 0, s.bytes(0, I_BLOCK)?);
        inode::put(&mut raw, I_GENERATION, behind);
        let flags = s.u32(0x20)?;
        let is_plain = matches!(s.u16(0)? >> 12, 0x4 | 0x8);
        if !is_plain || flags & flag::EXTENTS == 0 || flags & flag::INLINE_DATA != 0 {
            return Err(s.unsupported(0, format!("inode {number} without an extent tree")));
        }
        if !raw.get(I_BLOCK..).unwrap_or_default().starts_with(&TREE_MAGIC) {
            inode::put(&mut raw, I_BLOCK, &EMPTY_TREE);
        }
        self.put(number, raw)
    }

    /// The blocks of a file as they are now.
    fn ranges(&mut self, inode: &Inode) -> Result<&mut Ranges> {
        if !self.fast_commits.runs.contains_key(&inode.number) {
            // The checksums in the tree on the volume go by the inode there.
            let stored = Inode::read(&self.volume, &self.superblock, inode.number.into());
            let runs = match stored {
                Ok(stored) if stored.block == inode.block => Runs::read(&self.volume, &stored)?,
                _ => Runs::read(&self.volume, inode)?,
            };
            let runs = runs.as_slice();
            self.fast_commits.keep(runs.len().saturating_mul(ENTRY_BYTES))?;
            let ranges = runs.iter().map(|run| (run.logical, (run.len, run.physical))).collect();
            self.fast_commits.runs.insert(inode.number, ranges);
        }
        Ok(self.fast_commits.runs.entry(inode.number).or_default())
    }

    fn change_range(&mut self, number: u32, run: Run, is_written: bool) -> Result<()> {
        let Some(inode) = self.used(number)? else { return Ok(()) };
        if !inode.has(flag::EXTENTS) {
            return Err(inode.unsupported("fast commits to a file without extents"));
        }
        let blocks = self.volume.block_count();
        if is_written && run.physical.saturating_add(run.len) > blocks {
            return Err(inode.corrupt(format!("blocks below {blocks}"), run.physical));
        }
        self.fast_commits.keep(ENTRY_BYTES)?;
        let ranges = self.ranges(&inode)?;
        remove(ranges, run.logical, run.len);
        if is_written && run.len > 0 {
            ranges.insert(run.logical, (run.len, run.physical));
        }
        Ok(())
    }
}
