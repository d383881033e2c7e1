//! Btrfs.
//!
//! In: the read-only bytes of a volume. Out: a [`FileSystem`], as a mount of one of its subvolumes
//! would show it. The specification is btrfs-progs' "On-disk format"
//! (<https://btrfs.readthedocs.io/en/latest/dev/On-disk-format.html>); each file of this folder reads one
//! of its structures.
//!
//! Checksums of metadata are verified, and the next copy is tried when one disagrees. Checksums of
//! data are not looked at. The log tree is replayed in memory (see [`BtrfsState::log`]). A file
//! system on several devices is read as far as they are here; the device that something else lies on
//! is named by [`Error::Unsupported`].

mod checksum;
mod chunk;
mod compression;
mod device;
mod directory;
mod extent;
mod feature;
mod file;
mod inode;
mod key;
mod log;
pub(crate) mod lzo;
mod node;
mod node_id;
mod reference;
mod root;
mod state;
mod subvolume;
mod superblock;
#[cfg(test)]
pub(crate) mod tests;
mod tree;
mod volume;

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::sync::Arc;

pub use self::checksum::ChecksumType;
use self::chunk::Chunks;
use self::device::Devices;
use self::directory::Entry;
use self::file::Content;
use self::key::{Key, item, objectid};
use self::node::SoundNodes;
use self::node_id::Place;
use self::root::RootRef;
pub use self::state::{BtrfsState, LogState, Replay};
pub use self::subvolume::{Subvolume, SubvolumeId, TOP_LEVEL};
use self::superblock::{Device, SYSTEM_CHUNKS, Superblock};
use self::tree::Tree;
use self::volume::Volume;
use super::{Budget, DirEntry, FileSystem, FileType, Health, MAX_SYMLINK, Metadata, NodeId};
use crate::bytes::{Bytes, BytesExt};
use crate::error::{Error, Result};
use crate::filesystem::structure::Structure;

/// Most devices that are named as missing: as many as the chunks of the smallest nodes may have.
const MAX_DEVICES: usize = 1 << 10;

/// A Btrfs file system, seen from the root of one of its subvolumes. A clone is cheap.
#[derive(Clone)]
pub struct Btrfs {
    volume: Arc<Volume>,
    /// The tree of trees.
    roots: Tree,
    /// The subvolume that is shown, and its root.
    tree: Tree,
    root: NodeId,
    default_subvolume: u64,
    state: Arc<BtrfsState>,
}

impl Btrfs {
    /// Reads superblock and chunk tree of the file system in `bytes`. Its root is the one of the
    /// default subvolume.
    ///
    /// # Errors
    /// [`Error::OutOfBounds`] when there is no room for a superblock; [`Error::Corrupt`] when it,
    /// its copies, the chunk tree or the root tree contradict the format or their checksums;
    /// [`Error::Unsupported`] when the file system asks for features that are not read, or keeps
    /// those trees on another device, which it names.
    pub fn open(bytes: Arc<dyn Bytes>) -> Result<Self> {
        Self::open_within(bytes, Arc::new(Budget::unlimited()))
    }

    /// As [`Btrfs::open`]; what is read of trees is counted in `budget`.
    ///
    /// # Errors
    /// As [`Btrfs::open`]; once the budget is spent, [`Error::Limit`] from every look for a file.
    pub fn open_within(bytes: Arc<dyn Bytes>, budget: Arc<Budget>) -> Result<Self> {
        Self::open_devices(&[bytes], budget)
    }

    /// As [`Btrfs::open_within`], of a file system on several devices, of which `volumes` are those
    /// that are here.
    ///
    /// # Errors
    /// As there, when no device has a sound superblock; [`Error::Unsupported`] when two volumes are
    /// the same device.
    pub fn open_devices(volumes: &[Arc<dyn Bytes>], budget: Arc<Budget>) -> Result<Self> {
        let mut found = Vec::new();
        let mut failure = None;
        for bytes in volumes {
            match Superblock::read(bytes.as_ref()) {
                Ok((superblock, damage)) => found.push((superblock, damage, bytes)),
                Err(error) => failure = failure.or(Some(error)),
            }
        }
        let newest = found.iter().map(|(superblock, _, _)| superblock.generation).max();
        let newest = found.iter().position(|(found, _, _)| Some(found.generation) == newest);
        let newest = newest.and_then(|index| found.get(index));
        let Some((superblock, _, _)) = newest else {
            let none = || Error::corrupt("btrfs superblock", 0, "a device", "none");
            return Err(failure.unwrap_or_else(none));
        };
        let of_it = || found.iter().filter(|(found, _, _)| found.fsid == superblock.fsid);
        let devices = Devices::new(of_it().map(|(superblock, _, bytes)| (superblock, *bytes)))?;
        let damage = of_it().find_map(|(_, damage, _)| damage.as_ref());
        let at = superblock.offset.saturating_add(u64::try_from(SYSTEM_CHUNKS).unwrap_or(0));
        let array = Structure::new("btrfs system chunk array", at, &superblock.system_chunks);
        let bootstrap = Volume {
            chunks: Arc::new(Chunks::system(&array, &devices)?),
            devices,
            checksum: superblock.checksum,
            metadata_uuid: superblock.metadata_uuid,
            node_size: usize::try_from(superblock.node_size).unwrap_or(usize::MAX),
            sector_size: superblock.sector_size,
            sound_nodes: SoundNodes::new(),
            budget,
            replayed: HashMap::new(),
        };
        let (chunks, missing_devices) = read_chunk_tree(&bootstrap, superblock)?;
        bootstrap.budget.keep(chunks.bytes())?;
        let volume = Volume { chunks: Arc::new(chunks), ..bootstrap };
        let roots = Tree::new(objectid::ROOT_TREE, superblock.root);
        let (log, replayed) = log::replay(&volume, &roots, superblock.log_root);
        let volume = Volume { replayed, ..volume };
        let default_subvolume = root::default_subvolume(&roots, &volume, superblock.root_dir)?;
        let tree = existing(root::subvolume(&roots, &volume, default_subvolume))?;
        let state = BtrfsState {
            fsid: superblock.fsid,
            label: superblock.label.clone(),
            generation: superblock.generation,
            features: superblock.features.clone(),
            checksum: superblock.checksum,
            sector_size: superblock.sector_size,
            node_size: superblock.node_size,
            superblock_offset: superblock.offset,
            total_bytes: superblock.total_bytes,
            bytes_used: superblock.bytes_used,
            devices: superblock.devices,
            present_devices: volume.devices.ids(),
            missing_devices,
            behind_devices: volume.devices.behind(),
            missing_bytes: volume.devices.missing_bytes(),
            log,
            has_errors: superblock.has_errors,
            seeding: superblock.seeding,
            damaged_superblock: damage.map(ToString::to_string),
        };
        let (volume, state) = (Arc::new(volume), Arc::new(state));
        let root = Place::root(default_subvolume).node()?;
        Ok(Self { volume, roots, tree, root, default_subvolume, state })
    }

    /// What the file system says about itself.
    pub fn state(&self) -> &BtrfsState {
        &self.state
    }

    /// The number of the subvolume that a mount without options shows.
    pub fn default_subvolume(&self) -> u64 {
        self.default_subvolume
    }

    /// All subvolumes, the top-level one included, in the order of their numbers.
    ///
    /// # Errors
    /// [`Error::Limit`] when there are too many; what the trees on the way have damaged.
    pub fn subvolumes(&self) -> Result<Vec<Subvolume>> {
        subvolume::list(&self.roots, &self.volume)
    }

    /// The same file system, seen from the root of another subvolume.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such subvolume, or the path leads to something else;
    /// what the trees on the way have damaged.
    pub fn with_root(&self, subvolume: &SubvolumeId) -> Result<Self> {
        let id = match subvolume {
            SubvolumeId::Id(0) => TOP_LEVEL,
            SubvolumeId::Id(id) => *id,
            SubvolumeId::Path(path) => self.subvolume_at(path)?,
        };
        let tree = root::subvolume(&self.roots, &self.volume, id)?;
        Ok(Self { tree, root: Place::root(id).node()?, ..self.clone() })
    }

    /// The same file system, its log tree left aside.
    fn without_replay(&self) -> Self {
        let volume = Arc::new(self.volume.without_replay());
        Self { volume, ..self.clone() }
    }

    fn subvolume_at(&self, path: &[u8]) -> Result<u64> {
        let absent = || Error::NotFound { path: String::from_utf8_lossy(path).into_owned() };
        let mut at = Place::root(TOP_LEVEL);
        let names = path.split(|byte| *byte == b'/');
        for name in names.filter(|name| !matches!(*name, b"" | b".")) {
            let node = self.lookup(at.node()?, name).map_err(|error| match error {
                Error::NotADirectory { .. } => absent(),
                error => error,
            })?;
            at = Place::of(node.ok_or_else(absent)?);
        }
        if at == Place::root(at.tree) { Ok(at.tree) } else { Err(absent()) }
    }

    fn tree(&self, id: u64) -> Result<Tree> {
        if id == self.tree.id {
            return Ok(self.tree);
        }
        existing(root::subvolume(&self.roots, &self.volume, id))
    }

    fn place_metadata(&self, place: Place) -> Result<Metadata> {
        if place.is_empty_directory() {
            return Ok(Metadata {
                file_type: FileType::Directory,
                len: 0,
                mode: 0o755,
                uid: 0,
                gid: 0,
                links: 1,
                mtime: 0,
            });
        }
        let key = Key::new(place.inode, item::INODE_ITEM, 0);
        self.tree(place.tree)?
            .get(&self.volume, key, |item| inode::metadata(&item.content(inode::NAME)))?
            .ok_or_else(|| {
                let expected = format!("inode {} of subvolume {}", place.inode, place.tree);
                Error::corrupt("btrfs tree", 0, expected, "none")
            })
    }

    fn must_be(&self, place: Place, file_type: FileType) -> Result<Metadata> {
        let metadata = self.place_metadata(place)?;
        if metadata.file_type == file_type {
            return Ok(metadata);
        }
        let path = format!("inode {} of subvolume {}", place.inode, place.tree);
        Err(match file_type {
            FileType::Directory => Error::NotADirectory { path },
            FileType::Regular => Error::NotAFile { path },
            _ => Error::corrupt("btrfs tree", 0, format!("{file_type:?}"), path),
        })
    }

    /// The node that an entry of a directory leads to.
    fn target(&self, dir: Place, s: &Structure<'_>, entry: &Entry<'_>) -> Result<NodeId> {
        let Key { objectid, kind, .. } = entry.location;
        match kind {
            item::INODE_ITEM if objectid >= objectid::FIRST_FREE => {
                Place { tree: dir.tree, inode: objectid }.node()
            }
            item::ROOT_ITEM => {
                let at = RootRef { dir: dir.inode, name: entry.name.to_vec() };
                if root::is_entered(&self.roots, &self.volume, dir.tree, objectid, &at)? {
                    Place::root(objectid).node()
                } else {
                    Place::empty(dir.tree).node()
                }
            }
            _ => Err(s.corrupt(0, "the key of an inode or a root", entry.location)),
        }
    }

    fn content(&self, place: Place, len: u64) -> Result<Content> {
        let extents = extent::read(&self.volume, &self.tree(place.tree)?, place.inode)?;
        Ok(Content::new(Arc::clone(&self.volume), extents, len))
    }
}

/// A subvolume that something leads to and that is not there is damage, no answer.
fn existing(tree: Result<Tree>) -> Result<Tree> {
    tree.map_err(|error| match error {
        Error::NotFound { path } => Error::corrupt("btrfs root tree", 0, path, "none"),
        error => error,
    })
}

/// All chunks, and the numbers of the devices that are not here.
fn read_chunk_tree(volume: &Volume, superblock: &Superblock) -> Result<(Chunks, Vec<u64>)> {
    let mut chunks = Chunks::default();
    let mut others = Vec::new();
    let everything = Key::new(0, 0, 0)..=Key::new(u64::MAX, u8::MAX, u64::MAX);
    Tree::new(objectid::CHUNK_TREE, superblock.chunk_root).walk(volume, everything, |found| {
        let Key { objectid, kind, offset } = found.key;
        match (objectid, kind) {
            (objectid::DEV_ITEMS, item::DEV_ITEM) if others.len() < MAX_DEVICES => {
                let s = found.content("btrfs device item");
                let device = Device { id: offset, uuid: s.array(66)? };
                if volume.devices.index(&device).is_none() {
                    others.push(offset);
                }
            }
            (objectid::FIRST_FREE, item::CHUNK_ITEM) => {
                let s = found.content("btrfs chunk item");
                chunks.push(&s, offset, &volume.devices)?;
            }
            _ => {}
        }
        Ok(ControlFlow::Continue(()))
    })?;
    Ok((chunks, others))
}

impl FileSystem for Btrfs {
    fn kind(&self) -> &'static str {
        "btrfs"
    }

    fn root(&self) -> NodeId {
        self.root
    }

    fn kept(&self) -> u64 {
        self.volume.budget.kept()
    }

    fn features(&self) -> &[String] {
        &self.state.features
    }

    fn health(&self) -> Health {
        self.state.health()
    }

    fn metadata(&self, node: NodeId) -> Result<Metadata> {
        self.place_metadata(Place::of(node))
    }

    fn read_dir(
        &self,
        dir: NodeId,
        visit: &mut dyn FnMut(DirEntry) -> ControlFlow<()>,
    ) -> Result<()> {
        let dir = Place::of(dir);
        self.must_be(dir, FileType::Directory)?;
        if dir.is_empty_directory() {
            return Ok(());
        }
        let range = Key::all(dir.inode, item::DIR_INDEX);
        self.tree(dir.tree)?.walk(&self.volume, range, |item| {
            let s = item.content(directory::NAME);
            directory::entries(&s, &mut |entry| {
                Ok(visit(DirEntry {
                    name: entry.name.to_vec(),
                    node: self.target(dir, &s, &entry)?,
                    file_type: entry.file_type(),
                }))
            })
        })
    }

    fn lookup(&self, dir: NodeId, name: &[u8]) -> Result<Option<NodeId>> {
        let dir = Place::of(dir);
        let mut found = None;
        if !dir.is_empty_directory() {
            let key = Key::new(dir.inode, item::DIR_ITEM, checksum::name_hash(name));
            self.tree(dir.tree)?.walk(&self.volume, key..=key, |item| {
                let s = item.content(directory::NAME);
                directory::entries(&s, &mut |entry| {
                    if entry.name != name {
                        return Ok(ControlFlow::Continue(()));
                    }
                    found = Some(self.target(dir, &s, &entry)?);
                    Ok(ControlFlow::Break(()))
                })
            })?;
        }
        if found.is_none() {
            self.must_be(dir, FileType::Directory)?;
        }
        Ok(found)
    }

    fn read_link(&self, node: NodeId) -> Result<Vec<u8>> {
        let place = Place::of(node);
        let len = self.must_be(place, FileType::Symlink)?.len;
        match usize::try_from(len) {
            Ok(size) if size <= MAX_SYMLINK => self.content(place, len)?.vec(0, size),
            _ => Err(Error::corrupt(
                inode::NAME,
                0,
                format!("a link of at most {MAX_SYMLINK} bytes"),
                len.to_string(),
            )),
        }
    }

    fn open(&self, node: NodeId) -> Result<Arc<dyn Bytes>> {
        let place = Place::of(node);
        let len = self.must_be(place, FileType::Regular)?.len;
        Ok(Arc::new(self.content(place, len)?))
    }

    fn subvolume(&self, option: &str) -> Result<Arc<dyn FileSystem>> {
        let refused = || Error::unsupported("mount options", 0, option);
        let subvolume = match option.split_once('=') {
            Some(("subvol", path)) => SubvolumeId::Path(path.as_bytes().to_vec()),
            Some(("subvolid", id)) => SubvolumeId::Id(id.parse().map_err(|_| refused())?),
            _ => return Err(refused()),
        };
        Ok(Arc::new(self.with_root(&subvolume)?))
    }

    fn unreplayed(&self) -> Option<Result<Arc<dyn FileSystem>>> {
        let LogState::Replayed(replay) = &self.state.log else { return None };
        if replay.items == 0 {
            return None;
        }
        Some(Ok(Arc::new(self.without_replay())))
    }
}
