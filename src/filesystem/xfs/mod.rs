//! XFS, versions 4 and 5.
//!
//! In: the read-only bytes of a volume. Out: a [`FileSystem`], as a mount would show it once the
//! log is replayed. The specification is *XFS Algorithms & Data Structures* (3rd edition,
//! <https://mirrors.edge.kernel.org/pub/linux/utils/fs/xfs/docs/xfs_filesystem_structure.pdf>), and
//! for what came later Linux fs/xfs/libxfs/xfs_format.h; each file of this folder reads one of its
//! structures.
//!
//! Version 5 has a checksum, an owner and an address in all metadata. They are verified on
//! everything that is read, and what disagrees is [`crate::Error::Corrupt`]. Files on a real-time
//! device are [`crate::Error::Unsupported`].

mod bmap_btree;
mod checksum;
mod data_block;
mod description;
mod directory;
mod extent;
mod feature;
mod geometry;
mod group_header;
mod inode;
mod log;
mod runs;
mod short_form;
mod state;
mod superblock;
mod symlink;
#[cfg(test)]
mod tests;
mod volume;

use std::ops::ControlFlow;
use std::sync::Arc;

use self::directory::Entry;
use self::feature::incompat;
use self::group_header::Groups;
use self::inode::Inode;
use self::runs::Runs;
pub use self::state::{LogState, Replay, XfsState};
use self::superblock::{SUPERBLOCK_SIZE, Superblock};
use self::volume::{Overlay, Volume};
use super::{Budget, DirEntry, FileSystem, FileType, Health, LEFT_ALONE, Metadata, NodeId, shared};
use crate::bytes::{Bytes, BytesExt};
use crate::error::{Error, Result};

/// An XFS file system.
pub struct Xfs {
    volume: Arc<Volume>,
    superblock: Superblock,
    state: XfsState,
}

impl Xfs {
    /// Reads the superblock and, when it was not unmounted cleanly, the log of the file system in
    /// `bytes`.
    ///
    /// # Errors
    /// [`Error::OutOfBounds`] when there is no room for a superblock; [`Error::Corrupt`] when it
    /// contradicts the format or its checksum; [`Error::Unsupported`] when it asks for features
    /// that are not read, which it names. A log that cannot be read is no error: see
    /// [`XfsState::log`].
    pub fn open(bytes: Arc<dyn Bytes>) -> Result<Self> {
        Self::open_within(bytes, Arc::new(Budget::unlimited()))
    }

    /// As [`Xfs::open`]; what is read of directories and maps of blocks is counted in `budget`.
    ///
    /// # Errors
    /// As [`Xfs::open`]; once the budget is spent, [`Error::Limit`] from every look for a file.
    pub fn open_within(bytes: Arc<dyn Bytes>, budget: Arc<Budget>) -> Result<Self> {
        Self::read(bytes, budget, log::replay)
    }

    fn read(
        bytes: Arc<dyn Bytes>,
        budget: Arc<Budget>,
        replay: fn(&Volume, &Superblock) -> (LogState, Overlay),
    ) -> Result<Self> {
        let head = bytes.array::<SUPERBLOCK_SIZE>(0)?;
        let sector = Superblock::sector_len(&head)?;
        let found = Superblock::parse(&bytes.vec(0, sector)?, false)?;
        let volume = Volume::new(bytes, found.geometry, budget);
        let (log, overlay) = replay(&volume, &found);
        let volume = volume.with_overlay(overlay);
        let superblock = replayed_superblock(&volume, found, sector)?;
        let volume = volume.with_geometry(superblock.geometry);
        let is_clean = log == LogState::Clean;
        let groups = Groups::read(&volume, &superblock, is_clean);
        let counted = groups.counts().filter(|_| !is_clean);
        let counts = counted.unwrap_or(superblock.counts);
        let state = XfsState {
            version: if superblock.features.is_v5() { 5 } else { 4 },
            features: superblock.features.names(),
            block_size: superblock.geometry.block_size,
            sector_size: superblock.sector_size,
            inode_size: superblock.geometry.inode_len(),
            directory_block_size: superblock.geometry.directory_block_len(),
            blocks: superblock.geometry.block_count,
            allocation_groups: superblock.geometry.group_count,
            free_blocks: counts.free_blocks,
            is_counted: counted.is_some(),
            uncounted: if is_clean { None } else { groups.unread().cloned() },
            refusal: superblock.refusal.clone().or(groups.refusal),
            damage: groups.damage,
            unchecked: groups.unchecked,
            inodes: counts.inodes,
            free_inodes: counts.free_inodes,
            realtime_blocks: superblock.realtime_blocks,
            missing_bytes: volume.missing_bytes(),
            needs_repair: superblock.features.has_incompat(incompat::NEEDS_REPAIR),
            external_log: superblock.log_start == 0,
            log,
            log_at: superblock.geometry.block_byte(superblock.log_start, 1).unwrap_or_default(),
        };
        Ok(Self { volume: Arc::new(volume), superblock, state })
    }

    /// What the file system says about itself.
    pub fn state(&self) -> &XfsState {
        &self.state
    }

    fn inode(&self, node: NodeId) -> Result<Inode<'_>> {
        Inode::read(&self.volume, &self.superblock, node.0)
    }

    fn directory(&self, node: NodeId) -> Result<Inode<'_>> {
        let inode = self.inode(node)?;
        if inode.file_type != FileType::Directory {
            return Err(Error::NotADirectory { path: format!("inode {}", node.0) });
        }
        Ok(inode)
    }

    /// Calls `visit` for each entry but `.` and `..`, until it breaks.
    fn walk(
        &self,
        inode: &Inode<'_>,
        mut visit: impl FnMut(Entry<'_>) -> Result<ControlFlow<()>>,
    ) -> Result<()> {
        directory::walk(&self.volume, &self.superblock, inode, &mut |entry| {
            if entry.is_dot() { Ok(ControlFlow::Continue(())) } else { visit(entry) }
        })
    }

    fn find(&self, dir: &Inode<'_>, is_it: impl Fn(&[u8]) -> bool) -> Result<Option<NodeId>> {
        let mut found = None;
        self.walk(dir, |entry| {
            if is_it(entry.name) {
                found = Some(NodeId(entry.inode));
                return Ok(ControlFlow::Break(()));
            }
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(found)
    }
}

/// The superblock as the log leaves it.
fn replayed_superblock(volume: &Volume, found: Superblock, sector: usize) -> Result<Superblock> {
    if !volume.is_replayed(0, sector) {
        return Ok(found);
    }
    let replayed = Superblock::parse(&volume.span(0, sector)?.raw, true)?;
    if !replayed.geometry.is_growth_of(&found.geometry) {
        return Err(Error::corrupt(
            "xfs superblock",
            0,
            "in the log the same sizes as before",
            "others",
        ));
    }
    Ok(replayed)
}

impl FileSystem for Xfs {
    fn kind(&self) -> &'static str {
        "xfs"
    }

    fn root(&self) -> NodeId {
        NodeId(self.superblock.root_inode)
    }

    fn kept(&self) -> u64 {
        self.volume.budget().kept()
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
                node: NodeId(entry.inode),
                file_type: entry.file_type(),
            }))
        })
    }

    /// As the trait says. In a file system that compares names without case (`ci`) the exact name
    /// is looked for first.
    fn lookup(&self, dir: NodeId, name: &[u8]) -> Result<Option<NodeId>> {
        let inode = self.directory(dir)?;
        let exact = self.find(&inode, |found| found == name)?;
        if exact.is_some() || !self.superblock.features.ignores_case() {
            return Ok(exact);
        }
        self.find(&inode, |found| directory::equals_without_case(found, name))
    }

    fn read_link(&self, node: NodeId) -> Result<Vec<u8>> {
        let inode = self.inode(node)?;
        if inode.file_type != FileType::Symlink {
            return Err(inode.corrupt("a symbolic link", format!("{:?}", inode.file_type)));
        }
        symlink::target(&self.volume, &self.superblock, &inode)
    }

    fn open(&self, node: NodeId) -> Result<Arc<dyn Bytes>> {
        let inode = self.inode(node)?;
        if inode.file_type != FileType::Regular {
            return Err(Error::NotAFile { path: format!("inode {}", node.0) });
        }
        inode.must_be_on_data_device()?;
        let runs = Runs::read(&self.volume, &self.superblock, &inode)?;
        Ok(Arc::new(runs.content(&self.volume, inode.size)))
    }

    fn unreplayed(&self) -> Option<Result<Arc<dyn FileSystem>>> {
        if !matches!(&self.state.log, LogState::Replayed(replay) if replay.bytes > 0) {
            return None;
        }
        let (bytes, budget) = self.volume.source();
        Some(shared(Self::read(bytes, budget, |_, _| {
            (LogState::NotReplayed { reason: LEFT_ALONE.to_owned() }, Overlay::default())
        })))
    }
}
