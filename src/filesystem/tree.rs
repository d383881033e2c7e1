//! The mount table that joins several file systems into the one tree that the guest sees, with
//! symbolic links resolved inside it.

use std::sync::Arc;

use super::{DirEntry, FileSystem, Metadata, NodeId};
use crate::bytes::Bytes;
use crate::error::Result;

/// Most symbolic links followed on one path (Linux: `MAXSYMLINKS`, `include/linux/namei.h`).
pub const MAX_SYMLINKS: u32 = 40;

/// Most entries of one directory that [`Tree::read_dir`] gives.
pub const MAX_DIR_ENTRIES: usize = 65_536;

/// A file system at its place in the tree.
#[derive(Clone)]
pub enum Mounted {
    /// A file system that can be read, and the index of its volume.
    Readable(Arc<dyn FileSystem>, usize),
    /// A place where the guest mounts something that could not be read, with the reason. Every
    /// path at or below it gives [`crate::Error::Unreadable`], never "not found".
    Unreadable(String),
}

/// A node together with the mount that it lies on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Place {
    /// Index into the mounts of the tree.
    pub mount: usize,
    /// The node in that mount's file system.
    pub node: NodeId,
}

/// The guest's tree.
#[derive(Clone)]
pub struct Tree {
    mounts: Vec<(String, Mounted)>,
}

impl Tree {
    /// A tree of one file system at `/`, which lies on volume `volume`.
    pub fn new(root: Arc<dyn FileSystem>, volume: usize) -> Self {
        Self { mounts: vec![("/".to_owned(), Mounted::Readable(root, volume))] }
    }

    /// Puts a file system at `path` (absolute, normalised, no trailing slash). A later mount at the
    /// same place covers the earlier one.
    pub fn mount(&mut self, path: &str, what: Mounted) {
        self.mounts.push((path.to_owned(), what));
    }

    /// The mounts in their order.
    pub fn mounts(&self) -> &[(String, Mounted)] {
        &self.mounts
    }

    /// The node at an absolute path, following every symbolic link, the last included.
    pub fn resolve(&self, _path: &str) -> Result<Place> {
        todo!()
    }

    /// The absolute path behind all symbolic links, and the node there.
    pub fn canonicalize(&self, _path: &str) -> Result<(String, Place)> {
        todo!()
    }

    /// Metadata of what a path leads to.
    pub fn metadata(&self, _path: &str) -> Result<Metadata> {
        todo!()
    }

    /// Metadata of the path itself, not following a symbolic link in its last component.
    pub fn symlink_metadata(&self, _path: &str) -> Result<Metadata> {
        todo!()
    }

    /// Whether the path leads to something; `Err` when that could not be determined.
    pub fn exists(&self, _path: &str) -> Result<bool> {
        todo!()
    }

    /// Target of the symbolic link at `path`, lossily as UTF-8.
    pub fn read_link(&self, _path: &str) -> Result<String> {
        todo!()
    }

    /// The names in a directory, sorted by name. Mount points below show the directory's own entry.
    pub fn read_dir(&self, _path: &str) -> Result<Vec<DirEntry>> {
        todo!()
    }

    /// The content of a regular file as read-only bytes.
    pub fn open(&self, _path: &str) -> Result<Arc<dyn Bytes>> {
        todo!()
    }

    /// The whole content of a regular file of at most `limit` bytes.
    ///
    /// # Errors
    /// [`crate::Error::Limit`] when the file is longer.
    pub fn read(&self, _path: &str, _limit: u64) -> Result<Vec<u8>> {
        todo!()
    }

    /// As [`Tree::read`], as text; bytes that are not UTF-8 become U+FFFD.
    pub fn read_text(&self, _path: &str, _limit: u64) -> Result<String> {
        todo!()
    }

    /// Index of the volume that a place lies on.
    pub fn volume(&self, _place: Place) -> Option<usize> {
        todo!()
    }
}
