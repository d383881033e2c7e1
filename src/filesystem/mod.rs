//! File systems, and the tree that a guest sees.
//!
//! In: the read-only bytes of volumes. Out: paths → metadata, bytes, directory entries.
//! This room must not know what a file means.
//!
//! The files of the system in an image, in one tree:
//!
//! ```
//! use std::path::Path;
//!
//! let files = image_preflight::files(Path::new("testdata/guests/good.qcow2"))?;
//! let tree = files.tree.known().and_then(Option::as_ref).expect("a system was found");
//! for entry in tree.read_dir("/boot")? {
//!     println!("{}", String::from_utf8_lossy(&entry.name));
//! }
//! let fstab = tree.read_text("/etc/fstab", 1 << 20)?;
//! assert!(fstab.starts_with("UUID=3f2b1c5d-"));
//! # Ok::<(), image_preflight::Error>(())
//! ```
//!
//! One volume by itself:
//!
//! ```
//! use std::path::Path;
//!
//! use image_preflight::disk::Disk;
//! use image_preflight::filesystem;
//! use image_preflight::image::Image;
//!
//! let image = Image::open(Path::new("testdata/guests/good.qcow2"))?;
//! let disk = Disk::read(image.disk()?);
//! let signature = disk.facts.volumes[0].signature().expect("something lies in it");
//! let ext4 = filesystem::open(signature.kind, disk.volumes[0].clone())?;
//! let etc = ext4.lookup(ext4.root(), b"etc")?.expect("/etc");
//! assert_eq!((ext4.kind(), ext4.metadata(etc)?.mode), ("ext4", 0o755));
//! # Ok::<(), image_preflight::Error>(())
//! ```

pub mod btrfs;
mod budget;
mod content;
pub mod ext;
pub mod fat;
mod health;
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod memory;
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod mutants;
pub mod ntfs;
pub(crate) mod structure;
#[cfg(test)]
mod testing;
pub mod tree;
pub mod xfs;

use std::ops::ControlFlow;
use std::sync::Arc;

pub use self::budget::{Budget, MAX_METADATA_BYTES};
pub use self::health::{Health, Need, NeedKind, Shutdown, Space};
use crate::bytes::Bytes;
use crate::disk::facts::SignatureKind;
use crate::error::{Error, Result};
use crate::fact::Unread;

/// A node (file, directory, …) of one file system: an inode number, or whatever names a node there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeId(pub u64);

/// What a node is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FileType {
    /// A regular file.
    Regular,
    /// A directory.
    Directory,
    /// A symbolic link.
    Symlink,
    /// A character device.
    CharDevice,
    /// A block device.
    BlockDevice,
    /// A named pipe.
    Fifo,
    /// A socket.
    Socket,
}

/// The types by their numbers in the directories of ext, XFS and Btrfs (Linux
/// include/linux/fs_types.h, `FT_*`) and in a mode (`S_IFMT`, its highest four bits).
const FILE_TYPES: [(u8, u16, FileType); 7] = [
    (1, 0x8, FileType::Regular),
    (2, 0x4, FileType::Directory),
    (3, 0x2, FileType::CharDevice),
    (4, 0x6, FileType::BlockDevice),
    (5, 0x1, FileType::Fifo),
    (6, 0xC, FileType::Socket),
    (7, 0xA, FileType::Symlink),
];

impl FileType {
    /// The type with that number in a directory.
    fn from_entry(number: u8) -> Option<Self> {
        FILE_TYPES.iter().find(|(entry, _, _)| *entry == number).map(|(_, _, found)| *found)
    }

    /// Its number in a directory.
    fn entry(self) -> u8 {
        FILE_TYPES.iter().find(|(_, _, found)| *found == self).map_or(0, |(entry, _, _)| *entry)
    }

    /// The type in a mode.
    fn from_mode(mode: u16) -> Option<Self> {
        FILE_TYPES.iter().find(|(_, bits, _)| *bits == mode >> 12).map(|(_, _, found)| *found)
    }
}

/// What is known of a node without reading its content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Metadata {
    /// What the node is.
    pub file_type: FileType,
    /// Length of the content in bytes; of a symbolic link, of its target.
    pub len: u64,
    /// Permission bits, including set-id and sticky (`0o7777`).
    pub mode: u16,
    /// Owner; 0 where the file system has none.
    pub uid: u32,
    /// Group; 0 where the file system has none.
    pub gid: u32,
    /// Number of names; 1 where the file system does not count them.
    pub links: u32,
    /// Last change of the content, in seconds since 1970-01-01 UTC.
    pub mtime: i64,
}

/// One name in a directory. `.` and `..` are not given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DirEntry {
    /// The name's bytes (UTF-8 for FAT's long names).
    pub name: Vec<u8>,
    /// The node that it names.
    pub node: NodeId,
    /// What the directory says the node is, when it says so.
    pub file_type: Option<FileType>,
}

/// How much of a name that is not UTF-8 is told, in bytes: a directory may have tens of thousands of them.
const MAX_SHOWN_NAME: usize = 32;

impl DirEntry {
    /// The name as text, as paths are.
    ///
    /// # Errors
    /// [`Error::Unsupported`] when it is not UTF-8: no path leads there.
    pub fn text(&self) -> Result<String> {
        std::str::from_utf8(&self.name).map(str::to_owned).map_err(|_| {
            let shown = self.name.get(..MAX_SHOWN_NAME).unwrap_or(&self.name);
            let name = String::from_utf8_lossy(shown);
            Error::unsupported("directory", 0, format!("the name {name:?} is not UTF-8"))
        })
    }
}

/// A read-only file system.
///
/// Implementations hold no lock and no cursor: any number of threads may read at once.
pub trait FileSystem: Send + Sync {
    /// The name that the kernel uses for it: `ext4`, `vfat`, ….
    fn kind(&self) -> &'static str;

    /// The root directory.
    fn root(&self) -> NodeId;

    /// What the node is, without following a symbolic link.
    ///
    /// # Errors
    /// When the node cannot be read or contradicts the format.
    fn metadata(&self, node: NodeId) -> Result<Metadata>;

    /// Calls `visit` for each name in a directory, until it breaks.
    ///
    /// # Errors
    /// [`crate::Error::NotADirectory`] for other nodes; when a part of the directory cannot be read
    /// (names seen before that were visited, so a caller that got an error knows that more may exist).
    fn read_dir(
        &self,
        dir: NodeId,
        visit: &mut dyn FnMut(DirEntry) -> ControlFlow<()>,
    ) -> Result<()>;

    /// The node that `name` names in `dir`, or `None` when the whole directory was read and does
    /// not have it. Names compare as the file system compares them (FAT: without case).
    ///
    /// # Errors
    /// As [`FileSystem::read_dir`].
    fn lookup(&self, dir: NodeId, name: &[u8]) -> Result<Option<NodeId>> {
        let mut found = None;
        self.read_dir(dir, &mut |entry| {
            if entry.name == name {
                found = Some(entry.node);
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        })?;
        Ok(found)
    }

    /// The target of a symbolic link, at most [`MAX_SYMLINK`] bytes.
    ///
    /// # Errors
    /// When the node is no symbolic link or cannot be read.
    fn read_link(&self, node: NodeId) -> Result<Vec<u8>>;

    /// The content of a regular file as read-only bytes of exactly `metadata().len`; holes read as
    /// zero.
    ///
    /// # Errors
    /// [`crate::Error::NotAFile`] for other nodes; when the map of the file's blocks cannot be read.
    fn open(&self, node: NodeId) -> Result<Arc<dyn Bytes>>;

    /// How the content is stored where code that reads the clusters as they are finds something else
    /// there: `compressed`, `encrypted`; none where it would find the content.
    ///
    /// # Errors
    /// When the node cannot be read.
    fn stored_as(&self, _node: NodeId) -> Result<Option<&'static str>> {
        Ok(None)
    }

    /// How it was left, whether its log was replayed, what marks of errors it bears and how much
    /// room it has. Never fails: what it does not tell is unknown.
    fn health(&self) -> Health {
        Health::unread(&Unread::new(self.kind(), "what it says of its own state is not read"))
    }

    /// Bytes of logs and maps that this and the other file systems of the image keep in memory.
    fn kept(&self) -> u64 {
        0
    }

    /// The features that its superblock says it has, by the names that its own tools give them; none
    /// where a kind has no such words.
    fn features(&self) -> &[String] {
        &[]
    }

    /// The same file system, seen from the root that a mount option chooses (Btrfs: `subvol=…`,
    /// `subvolid=…`, btrfs(5)). A node is the same whichever root was chosen.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such subvolume; [`Error::Unsupported`] where there are
    /// none at all.
    fn subvolume(&self, option: &str) -> Result<Arc<dyn FileSystem>> {
        Err(Error::unsupported("mount options", 0, option))
    }

    /// The same file system as it lies on its volume, its log not replayed: what code sees that
    /// replays none, as boot loaders do. `None` when the replay of the log changed nothing.
    ///
    /// # Errors
    /// What is damaged without the replay.
    fn unreplayed(&self) -> Option<Result<Arc<dyn FileSystem>>> {
        None
    }
}

/// Why a log was not replayed in [`FileSystem::unreplayed`].
const LEFT_ALONE: &str = "it is left as it is";

/// A file system that was opened, as any.
fn shared(opened: Result<impl FileSystem + 'static>) -> Result<Arc<dyn FileSystem>> {
    Ok(Arc::new(opened?))
}

/// Longest symbolic link target in bytes (Linux: `PATH_MAX`).
pub const MAX_SYMLINK: usize = 4096;

/// Whether files may lie, directly or further inside, in a volume with this signature. Swap holds
/// none; an encrypted container or a physical volume may.
pub fn may_hold_files(kind: SignatureKind) -> bool {
    !matches!(kind, SignatureKind::Swap | SignatureKind::SwapSuspended)
}

/// Opens the file system that a signature announces, for a caller that bounds its own work.
///
/// # Errors
/// As [`open_within`].
pub fn open(kind: SignatureKind, bytes: Arc<dyn Bytes>) -> Result<Arc<dyn FileSystem>> {
    open_within(kind, bytes, &Arc::new(Budget::unlimited()))
}

/// Opens the file system that a signature announces; what it reads of directories and maps of
/// blocks is counted in `budget`.
///
/// # Errors
/// [`Error::Unsupported`] for kinds that are not read; otherwise what the reader finds damaged.
pub fn open_within(
    kind: SignatureKind,
    bytes: Arc<dyn Bytes>,
    budget: &Arc<Budget>,
) -> Result<Arc<dyn FileSystem>> {
    open_devices(kind, &[bytes], budget)
}

/// As [`open_within`], of a file system that may lie on several devices: `devices` are those that
/// are here. Only Btrfs has more than one.
///
/// # Errors
/// As [`open_within`].
pub fn open_devices(
    kind: SignatureKind,
    devices: &[Arc<dyn Bytes>],
    budget: &Arc<Budget>,
) -> Result<Arc<dyn FileSystem>> {
    let budget = Arc::clone(budget);
    if kind == SignatureKind::Btrfs {
        return shared(btrfs::Btrfs::open_devices(devices, budget));
    }
    let [bytes] = devices else {
        return Err(Error::unsupported("volume", 0, format!("{} on several", kind.name())));
    };
    let bytes = Arc::clone(bytes);
    match kind {
        SignatureKind::Ext2 | SignatureKind::Ext3 | SignatureKind::Ext4 => {
            shared(ext::Ext::open_within(bytes, budget))
        }
        SignatureKind::Fat12 | SignatureKind::Fat16 | SignatureKind::Fat32 => {
            shared(fat::Fat::open_within(bytes, budget))
        }
        SignatureKind::Ntfs => shared(ntfs::Ntfs::open_within(bytes, budget)),
        SignatureKind::Xfs => shared(xfs::Xfs::open_within(bytes, budget)),
        _ => Err(Error::unsupported("volume", 0, kind.name())),
    }
}
