//! FAT12, FAT16 and FAT32 with long names, as Linux's `vfat` reads them.
//!
//! In: the bytes of a volume. Out: the tree of its files. Source: Microsoft, *FAT32 File System
//! Specification* 1.03 (fatgen103), which covers all three widths.

mod boot_sector;
mod directory;
mod file;
mod name;
mod table;

pub use boot_sector::Width;

use std::ops::ControlFlow;
use std::sync::Arc;

use super::budget::{Budget, Counted};
use super::{DirEntry, FileSystem, FileType, Health, Metadata, NodeId, Shutdown, health};
use crate::bytes::{Bytes, BytesExt};
use crate::error::{Error, Result};
use crate::fact::{Evidence, Fact, Unread};
use boot_sector::{BootSector, DIR_ENTRY, Root};
use directory::{Entry, LongName, Raw};
use table::Chain;

/// Longest directory in bytes: 65,536 entries (fatgen103; Linux: `FAT_MAX_DIR_SIZE`).
const MAX_DIRECTORY: u64 = 65_536 * DIR_ENTRY;

/// Length of the pieces in which a directory is read; clusters and root directories have a multiple
/// of 512 bytes.
const PIECE: usize = 4096;

/// The root directory, which no entry names. Other nodes are named by the offset of their entry in
/// the volume, which is never 0.
const ROOT: NodeId = NodeId(0);

/// A FAT volume.
pub struct Fat {
    volume: Arc<dyn Bytes>,
    /// The same bytes, for directories and the table: their reads are counted.
    metadata: Counted,
    boot: BootSector,
    state: State,
}

/// What the volume says of its own health.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct State {
    /// It was not unmounted cleanly.
    pub dirty: bool,
    /// A disk error was met.
    pub disk_error: bool,
}

/// Offsets and lengths in the volume.
type Extents<'a> = Box<dyn Iterator<Item = Result<(u64, u64)>> + 'a>;

/// A node's entry, or that it is the root.
enum Node {
    Root,
    Entry(Entry),
}

impl Fat {
    /// Reads the boot sector and the marks in the table.
    ///
    /// # Errors
    /// [`Error::Corrupt`] when the boot sector is none of FAT, or contradicts itself.
    pub fn open(bytes: Arc<dyn Bytes>) -> Result<Self> {
        Self::open_within(bytes, Arc::new(Budget::unlimited()))
    }

    /// As [`Fat::open`]; what is read of directories and the table is counted in `budget`.
    ///
    /// # Errors
    /// As [`Fat::open`]; once the budget is spent, [`Error::Limit`] from every look for a file.
    pub fn open_within(bytes: Arc<dyn Bytes>, budget: Arc<Budget>) -> Result<Self> {
        let boot = BootSector::read(&*bytes)?;
        let (unclean, disk_error) = table::marks(&*bytes, &boot)?;
        let state = State { dirty: boot.dirty || unclean, disk_error };
        let metadata = Counted { bytes: Arc::clone(&bytes), budget };
        Ok(Self { volume: bytes, metadata, boot, state })
    }

    /// Whether it was unmounted cleanly.
    pub fn state(&self) -> State {
        self.state
    }

    /// Width of its table's entries.
    pub fn width(&self) -> Width {
        self.boot.width
    }

    fn node(&self, node: NodeId) -> Result<Node> {
        if node == ROOT {
            return Ok(Node::Root);
        }
        let raw: Raw = self.volume.array(node.0)?;
        Entry::parse(raw)
            .map(Node::Entry)
            .ok_or_else(|| Error::corrupt("FAT directory entry", node.0, "an entry in use", "none"))
    }

    fn chain(&self, entry: &Entry, node: NodeId) -> Chain<'_> {
        let first = entry.first_cluster(self.boot.width == Width::Fat32);
        Chain::new(&self.metadata, &self.boot, first, node.0)
    }

    /// The parts of a directory in order: offset and length.
    fn extents(&self, dir: NodeId) -> Result<Extents<'_>> {
        let chain = match self.node(dir)? {
            Node::Root => match self.boot.root {
                Root::Fixed { offset, len } => {
                    return Ok(Box::new(std::iter::once(Ok((offset, len)))));
                }
                Root::Chain(first) => Chain::new(&self.metadata, &self.boot, first, 0x2c),
            },
            Node::Entry(entry) if entry.is_directory() => {
                if entry.first_cluster(self.boot.width == Width::Fat32) == 0 {
                    return Ok(Box::new(std::iter::empty()));
                }
                self.chain(&entry, dir)
            }
            Node::Entry(_) => {
                return Err(Error::NotADirectory { path: format!("FAT entry at {}", dir.0) });
            }
        };
        let len = u64::from(self.boot.cluster_size);
        let most = MAX_DIRECTORY.checked_div(len).unwrap_or(0).max(1);
        Ok(Box::new((0..).zip(chain).map(move |(index, cluster)| {
            if index >= most {
                let (structure, unit) = ("FAT directory", "clusters");
                return Err(Error::Limit { structure, limit: most, unit });
            }
            cluster.map(|offset| (offset, len))
        })))
    }

    /// Calls `visit` with each entry of a directory, its node and its long name, until it breaks.
    fn scan(
        &self,
        dir: NodeId,
        visit: &mut dyn FnMut(Entry, NodeId, Option<String>) -> ControlFlow<()>,
    ) -> Result<()> {
        let mut long = LongName::new();
        let mut piece = [0; PIECE];
        for extent in self.extents(dir)? {
            let (start, len) = extent?;
            let end = start.saturating_add(len);
            let mut at = start;
            while at < end {
                let left = usize::try_from(end.saturating_sub(at)).unwrap_or(PIECE);
                let piece = piece.get_mut(..left.min(PIECE)).unwrap_or(&mut []);
                self.metadata.read_at(at, piece)?;
                let (entries, _) = piece.as_chunks::<32>();
                for raw in entries {
                    if directory::is_end(raw) {
                        return Ok(());
                    }
                    if !long.take(raw) {
                        match Entry::parse(*raw) {
                            Some(entry) if !entry.is_dot() => {
                                let name = long.finish(&entry);
                                if visit(entry, NodeId(at), name).is_break() {
                                    return Ok(());
                                }
                            }
                            _ => long.reset(),
                        }
                    }
                    at = at.saturating_add(DIR_ENTRY);
                }
            }
        }
        Ok(())
    }
}

impl FileSystem for Fat {
    fn kind(&self) -> &'static str {
        "vfat"
    }

    fn root(&self) -> NodeId {
        ROOT
    }

    fn health(&self) -> Health {
        let place = health::place("FAT boot sector or first table entries", 0);
        let shutdown = if self.state.dirty { Shutdown::Unclean } else { Shutdown::Clean };
        let mark = if self.state.dirty { "in use" } else { "not in use" };
        let mut health = Health::unread(&Unread::new(place.clone(), "free space is not counted"));
        health.shutdown = Fact::Known((shutdown, Evidence::new(place.clone(), mark)));
        if self.state.disk_error {
            health.errors.push(Evidence::new(place, "the mark of a disk error"));
        }
        health
    }

    /// Modes are those that Linux shows without mount options.
    fn metadata(&self, node: NodeId) -> Result<Metadata> {
        let entry = match self.node(node)? {
            Node::Root => None,
            Node::Entry(entry) => Some(entry),
        };
        let is_directory = entry.is_none_or(|entry| entry.is_directory());
        let len = match entry {
            Some(entry) if !is_directory => u64::from(entry.size()),
            _ => self
                .extents(node)?
                .try_fold(0_u64, |sum, extent| extent.map(|(_, len)| sum.saturating_add(len)))?,
        };
        let read_only = entry.is_some_and(|entry| entry.is_read_only() && !is_directory);
        Ok(Metadata {
            file_type: if is_directory { FileType::Directory } else { FileType::Regular },
            len,
            mode: if read_only { 0o555 } else { 0o755 },
            uid: 0,
            gid: 0,
            links: 1,
            mtime: entry.map_or(0, |entry| entry.modified()),
        })
    }

    fn read_dir(
        &self,
        dir: NodeId,
        visit: &mut dyn FnMut(DirEntry) -> ControlFlow<()>,
    ) -> Result<()> {
        let mut damaged = None;
        self.scan(dir, &mut |entry, node, long| {
            let name = long.unwrap_or_else(|| entry.short_name());
            if !name::is_sound(&name) {
                let error =
                    || Error::corrupt("FAT directory entry", node.0, "a name", name.clone());
                damaged.get_or_insert_with(error);
                return ControlFlow::Continue(());
            }
            let is_directory = entry.is_directory();
            let file_type = if is_directory { FileType::Directory } else { FileType::Regular };
            visit(DirEntry { name: name.into_bytes(), node, file_type: Some(file_type) })
        })?;
        damaged.map_or(Ok(()), Err)
    }

    /// Long and short names are found, without case.
    fn lookup(&self, dir: NodeId, name: &[u8]) -> Result<Option<NodeId>> {
        let sought = std::str::from_utf8(name).ok().filter(|name| name::is_sound(name));
        let mut found = None;
        self.scan(dir, &mut |entry, node, long| {
            let same = |name: &str| sought.is_some_and(|sought| name::same(name, sought));
            if long.is_some_and(|long| same(&long)) || same(&entry.short_name()) {
                found = Some(node);
                return ControlFlow::Break(());
            }
            ControlFlow::Continue(())
        })?;
        Ok(found)
    }

    fn read_link(&self, node: NodeId) -> Result<Vec<u8>> {
        Err(Error::unsupported("FAT directory entry", node.0, "a symbolic link"))
    }

    fn open(&self, node: NodeId) -> Result<Arc<dyn Bytes>> {
        let Node::Entry(entry) = self.node(node)? else {
            return Err(Error::NotAFile { path: "the root of the FAT volume".to_owned() });
        };
        if entry.is_directory() {
            return Err(Error::NotAFile { path: format!("FAT entry at {}", node.0) });
        }
        let size = u64::from(entry.size());
        let clusters = self.chain(&entry, node);
        let volume = Arc::clone(&self.volume);
        let cluster_size = self.boot.cluster_size;
        Ok(Arc::new(file::content(volume, clusters, cluster_size, size, node.0)?))
    }
}

#[cfg(test)]
mod tests;
