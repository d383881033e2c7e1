//! ext2, ext3 and ext4.
//!
//! In: the read-only bytes of a volume. Out: a [`FileSystem`], as a mount would show it once the
//! journal is replayed. The specification is the kernel's own
//! (<https://docs.kernel.org/filesystems/ext4/>); each file of this folder reads one of its
//! structures.
//!
//! Checksums are verified wherever `metadata_csum` is set, and one that disagrees is
//! [`crate::Error::Corrupt`]. The older checksums of group descriptors alone (`uninit_bg`) are not looked
//! at. What fscrypt encrypted is [`crate::Error::Unsupported`].

mod block_map;
mod checksum;
mod directory;
mod extent;
mod fast_commit;
mod feature;
mod group_descriptor;
mod inline_data;
mod inode;
mod journal;
mod runs;
mod state;
mod superblock;
mod symlink;
#[cfg(test)]
mod tests;
mod volume;
mod xattr;

use std::ops::ControlFlow;
use std::sync::Arc;

use self::directory::{Entry, Layout};
use self::fast_commit::FastCommits;
use self::feature::incompat;
use self::inode::{Inode, flag};
use self::journal::{Found, Replayed};
use self::runs::Runs;
pub use self::state::{ErrorRecord, ExtState, FastCommitState, JournalState, Replay};
use self::superblock::{SUPERBLOCK_OFFSET, SUPERBLOCK_SIZE, Superblock};
use self::volume::Volume;
use super::{Budget, DirEntry, FileSystem, FileType, Health, LEFT_ALONE, Metadata, NodeId, shared};
use crate::bytes::{Bytes, BytesExt};
use crate::error::{Error, Result};

/// The inode of the root directory.
const ROOT_INODE: u64 = 2;

/// An ext2, ext3 or ext4 file system.
pub struct Ext {
    volume: Arc<Volume>,
    superblock: Superblock,
    fast_commits: FastCommits,
    state: ExtState,
}

impl Ext {
    /// Reads the superblock and, when it was not unmounted cleanly, the journal of the file system
    /// in `bytes`.
    ///
    /// # Errors
    /// [`Error::OutOfBounds`] when there is no room for a superblock; [`Error::Corrupt`] when it
    /// contradicts the format or its checksum; [`Error::Unsupported`] when it asks for features
    /// that are not read, which it names. A journal that cannot be read is no error: see
    /// [`ExtState::journal`].
    pub fn open(bytes: Arc<dyn Bytes>) -> Result<Self> {
        Self::open_within(bytes, Arc::new(Budget::unlimited()))
    }

    /// As [`Ext::open`]; what is read of directories and maps of blocks is counted in `budget`.
    ///
    /// # Errors
    /// As [`Ext::open`]; once the budget is spent, [`Error::Limit`] from every look for a file.
    pub fn open_within(bytes: Arc<dyn Bytes>, budget: Arc<Budget>) -> Result<Self> {
        Self::read(bytes, budget, Some(journal::replay))
    }

    /// Without `replay` the journal is left alone, and what is free is not counted.
    fn read(
        bytes: Arc<dyn Bytes>,
        budget: Arc<Budget>,
        replay: Option<fn(&Volume, &Superblock) -> Replayed>,
    ) -> Result<Self> {
        let raw = bytes.array::<SUPERBLOCK_SIZE>(SUPERBLOCK_OFFSET)?;
        let found = Superblock::parse(&raw)?;
        let volume = Volume::new(bytes, found.block_size, found.block_count, budget);
        let left_alone = || JournalState::NotReplayed { reason: LEFT_ALONE.to_owned() };
        let Replayed { state: journal, overlay, fast_commits } = match replay {
            Some(replay) => replay(&volume, &found),
            None => Replayed::nothing(left_alone()),
        };
        let volume = volume.with_overlay(overlay);
        let superblock = replayed_superblock(&volume, found)?;
        let volume = volume.with_block_count(superblock.block_count);
        let needs_recovery = superblock.features.has_incompat(incompat::NEEDS_RECOVERY);
        let told = (superblock.free_blocks, u64::from(superblock.free_inodes));
        let counted = (needs_recovery && replay.is_some())
            .then(|| group_descriptor::free(&volume, &superblock));
        let ((free_blocks, free_inodes), uncounted) = match counted {
            Some(Ok(counted)) => (counted, None),
            Some(Err(error)) => (told, Some(error)),
            None => (told, None),
        };
        let state = ExtState {
            kind: superblock.features.kind(),
            revision: superblock.revision,
            features: superblock.features.names(),
            block_size: superblock.block_size.get(),
            blocks: superblock.block_count,
            free_blocks,
            inodes: superblock.inode_count,
            free_inodes,
            uncounted,
            missing_bytes: volume.missing_bytes(),
            needs_recovery,
            clean: superblock.clean,
            has_errors: superblock.has_errors,
            error_count: superblock.error_count,
            first_error: superblock.first_error.clone(),
            last_error: superblock.last_error.clone(),
            last_mounted: superblock.last_mounted.clone(),
            journal_device: superblock.external_journal(),
            journal,
        };
        let volume = Arc::new(volume);
        let mut ext = Self { volume, superblock, fast_commits: FastCommits::default(), state };
        if let Some(found) = fast_commits {
            ext.replay_fast_commits(found);
        }
        Ok(ext)
    }

    fn replay_fast_commits(&mut self, found: Found) {
        let done = found.changes.and_then(|changes| self.replay(&changes));
        let (changes, not_replayed) = match done {
            Ok(changes) => (changes, None),
            Err(error) => {
                self.fast_commits = FastCommits::default();
                (0, Some(error.to_string()))
            }
        };
        if let JournalState::Replayed(replay) = &mut self.state.journal {
            let at = found.at;
            replay.fast_commits = Some(FastCommitState { at, changes, not_replayed });
        }
    }

    /// What the file system says about itself.
    pub fn state(&self) -> &ExtState {
        &self.state
    }

    fn inode(&self, node: NodeId) -> Result<Inode> {
        match self.fast_commits.inode(node.0) {
            Some(raw) => Inode::committed(&self.volume, &self.superblock, node.0, raw),
            None => Inode::read(&self.volume, &self.superblock, node.0),
        }
    }

    fn layout(&self) -> Layout {
        Layout {
            has_file_type: self.superblock.features.has_incompat(incompat::FILETYPE),
            inode_count: self.superblock.inode_count,
        }
    }

    fn directory(&self, node: NodeId) -> Result<Inode> {
        let inode = self.inode(node)?;
        if inode.file_type != FileType::Directory {
            return Err(Error::NotADirectory { path: format!("inode {}", node.0) });
        }
        inode.must_be_plain()?;
        Ok(inode)
    }

    /// Calls `visit` for each entry but `.` and `..`, until it breaks.
    fn walk(
        &self,
        inode: &Inode,
        mut visit: impl FnMut(Entry<'_>) -> Result<ControlFlow<()>>,
    ) -> Result<()> {
        let mut visit = |entry: Entry<'_>| {
            if entry.is_dot() { Ok(ControlFlow::Continue(())) } else { visit(entry) }
        };
        self.walk_changed(inode, &mut visit)
    }

    /// Calls `visit` for each entry that lies on the volume, until it breaks.
    fn walk_stored(
        &self,
        inode: &Inode,
        mut visit: impl FnMut(Entry<'_>) -> Result<ControlFlow<()>>,
    ) -> Result<()> {
        if inode.has(flag::INLINE_DATA) {
            inline_data::walk(&self.volume, &self.superblock, inode, self.layout(), &mut visit)
        } else {
            directory::walk(&self.volume, inode, self.layout(), &mut visit)
        }
    }

    /// What exactly that name leads to.
    fn find(&self, dir: &Inode, name: &[u8]) -> Result<Option<NodeId>> {
        match self.fast_commits.found(dir, name) {
            Some(found) => Ok(found),
            None => self.find_stored(dir, |found| found == name),
        }
    }

    fn find_stored(&self, dir: &Inode, is_it: impl Fn(&[u8]) -> bool) -> Result<Option<NodeId>> {
        let mut found = None;
        self.walk_stored(dir, |entry| {
            if !entry.is_dot() && is_it(entry.name) {
                found = Some(NodeId(u64::from(entry.inode)));
                return Ok(ControlFlow::Break(()));
            }
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(found)
    }
}

/// The superblock as the journal leaves it.
fn replayed_superblock(volume: &Volume, found: Superblock) -> Result<Superblock> {
    let (block, within) = volume.split(SUPERBLOCK_OFFSET);
    if volume.replacement(block).is_none() {
        return Ok(found);
    }
    let replayed = Superblock::parse(&volume.span(block, within, SUPERBLOCK_SIZE)?)?;
    if replayed.block_size != found.block_size {
        return Err(Error::corrupt(
            "ext superblock",
            SUPERBLOCK_OFFSET,
            format!("blocks of {} bytes, as before", found.block_size),
            format!("{} in the journal", replayed.block_size),
        ));
    }
    Ok(replayed)
}

impl FileSystem for Ext {
    fn kind(&self) -> &'static str {
        self.state.kind
    }

    fn root(&self) -> NodeId {
        NodeId(ROOT_INODE)
    }

    fn kept(&self) -> u64 {
        self.volume.source().1.kept()
    }

    fn features(&self) -> &[String] {
        &self.state.features
    }

    fn health(&self) -> Health {
        self.state.health()
    }

    fn metadata(&self, node: NodeId) -> Result<Metadata> {
        let inode = self.inode(node)?;
        Ok(Metadata {
            file_type: inode.file_type,
            len: inode.size,
            mode: inode.mode,
            uid: inode.uid,
            gid: inode.gid,
            links: inode.links,
            mtime: inode.mtime,
        })
    }

    fn read_dir(
        &self,
        dir: NodeId,
        visit: &mut dyn FnMut(DirEntry) -> ControlFlow<()>,
    ) -> Result<()> {
        let inode = self.directory(dir)?;
        self.walk(&inode, |entry| {
            directory::check_name(&inode, entry.name)?;
            Ok(visit(DirEntry {
                name: entry.name.to_vec(),
                node: NodeId(u64::from(entry.inode)),
                file_type: entry.file_type(),
            }))
        })
    }

    /// As the trait says. In a directory that compares without case (`casefold`) the exact name is
    /// looked for first, then one that differs in the case of ASCII letters alone. Whether others
    /// are equal depends on Unicode tables that are not here: a name beyond ASCII that is not found
    /// exactly is [`Error::Unsupported`].
    fn lookup(&self, dir: NodeId, name: &[u8]) -> Result<Option<NodeId>> {
        let inode = self.directory(dir)?;
        let exact = self.find(&inode, name)?;
        if exact.is_some() || !inode.has(flag::CASEFOLD) {
            return Ok(exact);
        }
        // No fast commit is replayed for such a directory.
        let folded = self.find_stored(&inode, |found| found.eq_ignore_ascii_case(name))?;
        if folded.is_none() && !name.is_ascii() {
            let what = "the folding of a name beyond ASCII";
            return Err(Error::unsupported("ext directory", inode.offset, what));
        }
        Ok(folded)
    }

    fn read_link(&self, node: NodeId) -> Result<Vec<u8>> {
        let inode = self.inode(node)?;
        if inode.file_type != FileType::Symlink {
            return Err(inode.corrupt("a symbolic link", format!("{:?}", inode.file_type)));
        }
        inode.must_be_plain()?;
        symlink::target(&self.volume, &self.superblock, &inode)
    }

    fn open(&self, node: NodeId) -> Result<Arc<dyn Bytes>> {
        let inode = self.inode(node)?;
        if inode.file_type != FileType::Regular {
            return Err(Error::NotAFile { path: format!("inode {}", node.0) });
        }
        inode.must_be_plain()?;
        if inode.has(flag::INLINE_DATA) {
            return Ok(Arc::new(inline_data::content(&self.volume, &self.superblock, &inode)?));
        }
        let runs = match self.fast_commits.runs(&self.volume, &inode) {
            Some(runs) => runs?,
            None => Runs::read(&self.volume, &inode)?,
        };
        Ok(Arc::new(runs.content(&self.volume, inode.size)))
    }

    fn unreplayed(&self) -> Option<Result<Arc<dyn FileSystem>>> {
        let JournalState::Replayed(replay) = &self.state.journal else { return None };
        if replay.blocks == 0 && replay.fast_commits.is_none() {
            return None;
        }
        let (bytes, budget) = self.volume.source();
        Some(shared(Self::read(bytes, budget, None)))
    }
}
