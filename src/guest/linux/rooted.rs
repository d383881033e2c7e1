//! A file system seen from one of its directories: what a bind mount shows, and the root that a
//! system in a directory of its own starts in.

use std::ops::ControlFlow;
use std::sync::Arc;

use crate::bytes::Bytes;
use crate::error::Result;
use crate::filesystem::{DirEntry, FileSystem, Metadata, NodeId};

/// A file system whose root is one of its directories. Nodes are those of the file system itself.
pub(super) struct Rooted {
    inner: Arc<dyn FileSystem>,
    root: NodeId,
}

impl Rooted {
    /// `inner` seen from the directory `root`.
    pub(super) fn shared(inner: Arc<dyn FileSystem>, root: NodeId) -> Arc<dyn FileSystem> {
        Arc::new(Self { inner, root })
    }
}

impl FileSystem for Rooted {
    fn kind(&self) -> &'static str {
        self.inner.kind()
    }

    fn root(&self) -> NodeId {
        self.root
    }

    fn metadata(&self, node: NodeId) -> Result<Metadata> {
        self.inner.metadata(node)
    }

    fn read_dir(
        &self,
        dir: NodeId,
        visit: &mut dyn FnMut(DirEntry) -> ControlFlow<()>,
    ) -> Result<()> {
        self.inner.read_dir(dir, visit)
    }

    fn lookup(&self, dir: NodeId, name: &[u8]) -> Result<Option<NodeId>> {
        self.inner.lookup(dir, name)
    }

    fn read_link(&self, node: NodeId) -> Result<Vec<u8>> {
        self.inner.read_link(node)
    }

    fn open(&self, node: NodeId) -> Result<Arc<dyn Bytes>> {
        self.inner.open(node)
    }

    fn subvolume(&self, option: &str) -> Result<Arc<dyn FileSystem>> {
        self.inner.subvolume(option)
    }
}
