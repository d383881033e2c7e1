//! A file system in memory, for tests.
//!
//! ```ignore
//! let fs = MemoryFs::new()
//!     .file("/etc/passwd", "root:x:0:0::/root:/bin/bash\n")
//!     .file("/bin/bash", "").mode(0o755)
//!     .symlink("/etc/localtime", "/usr/share/zoneinfo/UTC")
//!     .dir("/var/empty")
//!     .unreadable("/etc/shadow");
//! let tree = fs.tree();
//! ```

#![allow(clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "for tests")]

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;

use super::tree::Tree;
use super::{DirEntry, FileSystem, FileType, Health, Metadata, NodeId, Shutdown, Space};
use crate::bytes::Bytes;
use crate::error::{Error, Result};
use crate::fact::{Evidence, Fact, Unread};

enum Content {
    File(Vec<u8>),
    Dir(BTreeMap<Vec<u8>, usize>),
    Symlink(Vec<u8>),
    Special(FileType),
}

struct Node {
    content: Content,
    mode: u16,
    uid: u32,
    gid: u32,
    readable: bool,
    stored: Option<&'static str>,
}

impl Node {
    fn new(content: Content) -> Self {
        let mode = match content {
            Content::File(_) | Content::Special(_) => 0o644,
            Content::Dir(_) => 0o755,
            Content::Symlink(_) => 0o777,
        };
        Self { content, mode, uid: 0, gid: 0, readable: true, stored: None }
    }

    fn len(&self) -> u64 {
        let len = match &self.content {
            Content::File(bytes) | Content::Symlink(bytes) => bytes.len(),
            Content::Dir(_) => 4096,
            Content::Special(_) => 0,
        };
        u64::try_from(len).expect("fits")
    }
}

/// A file system whose nodes are made by the test. Directories on the way come by themselves.
pub struct MemoryFs {
    nodes: Vec<Node>,
    last: usize,
    kind: &'static str,
    stale: Option<Unread>,
    unreplayed: Option<Arc<dyn FileSystem>>,
}

impl Default for MemoryFs {
    fn default() -> Self {
        Self::new()
    }
}

impl MemoryFs {
    /// An empty root directory.
    pub fn new() -> Self {
        Self {
            nodes: vec![Node::new(Content::Dir(BTreeMap::new()))],
            last: 0,
            kind: "memory",
            stale: None,
            unreplayed: None,
        }
    }

    /// Lets it say that it is of another kind: `ext4`, ….
    #[must_use]
    pub fn kind(mut self, kind: &'static str) -> Self {
        self.kind = kind;
        self
    }

    /// Lets it say that its log was not replayed.
    #[must_use]
    pub fn stale(mut self, location: &str, reason: &str) -> Self {
        self.stale = Some(Unread::new(location, reason));
        self
    }

    /// Gives it a journal, without whose replay it is `unreplayed`.
    #[must_use]
    pub fn replayed_from(mut self, unreplayed: Self) -> Self {
        self.unreplayed = Some(unreplayed.shared());
        self
    }

    /// A regular file, mode 0644, owner 0. Replaces what was there.
    #[must_use]
    pub fn file(self, path: &str, content: impl AsRef<[u8]>) -> Self {
        let content = content.as_ref().to_vec();
        self.put(path, Content::File(content))
    }

    /// A directory, mode 0755, owner 0.
    #[must_use]
    pub fn dir(mut self, path: &str) -> Self {
        self.last = self.make_dir(path);
        self
    }

    /// A symbolic link.
    #[must_use]
    pub fn symlink(self, path: &str, target: &str) -> Self {
        self.put(path, Content::Symlink(target.as_bytes().to_vec()))
    }

    /// A device, pipe or socket.
    #[must_use]
    pub fn special(self, path: &str, file_type: FileType) -> Self {
        self.put(path, Content::Special(file_type))
    }

    /// What is at `path` (made as an empty file when there is nothing) has metadata but its content
    /// gives an error that does not mean "not there".
    #[must_use]
    pub fn unreadable(mut self, path: &str) -> Self {
        if let Some(node) = self.find(path) {
            self.last = node;
        } else {
            self = self.file(path, "");
        }
        self.nodes[self.last].readable = false;
        self
    }

    /// Sets the permission bits of the node named last.
    #[must_use]
    pub fn mode(mut self, mode: u16) -> Self {
        self.nodes[self.last].mode = mode;
        self
    }

    /// Lets the node named last say that its content is stored so ([`FileSystem::stored_as`]).
    #[must_use]
    pub fn stored(mut self, how: &'static str) -> Self {
        self.nodes[self.last].stored = Some(how);
        self
    }

    /// Sets owner and group of the node named last.
    #[must_use]
    pub fn owner(mut self, uid: u32, gid: u32) -> Self {
        self.nodes[self.last].uid = uid;
        self.nodes[self.last].gid = gid;
        self
    }

    /// Takes the node at `path` out again.
    #[must_use]
    pub fn without(mut self, path: &str) -> Self {
        let (parent, name) = path.rsplit_once('/').expect("an absolute path");
        let parent = self.find(parent).expect("a directory that exists");
        if let Content::Dir(children) = &mut self.nodes[parent].content {
            children.remove(name.as_bytes());
        }
        self
    }

    /// Gives the node at `path` another name in its directory, which need not be UTF-8.
    #[must_use]
    pub fn renamed(mut self, path: &str, to: &[u8]) -> Self {
        let (parent, name) = path.rsplit_once('/').expect("an absolute path");
        let parent = self.find(parent).expect("a directory that exists");
        if let Content::Dir(children) = &mut self.nodes[parent].content {
            let node = children.remove(name.as_bytes()).expect("a name that exists");
            children.insert(to.to_vec(), node);
        }
        self
    }

    /// As the trait object that trees take.
    pub fn shared(self) -> Arc<dyn FileSystem> {
        Arc::new(self)
    }

    /// A tree with this file system as its root, on volume 0.
    pub fn tree(self) -> Tree {
        Tree::new(self.shared(), 0)
    }

    fn find(&self, path: &str) -> Option<usize> {
        let mut at = 0;
        for name in path.split('/').filter(|name| !name.is_empty()) {
            match &self.nodes[at].content {
                Content::Dir(children) => at = *children.get(name.as_bytes())?,
                _ => return None,
            }
        }
        Some(at)
    }

    fn make_dir(&mut self, path: &str) -> usize {
        let mut at = 0;
        for name in path.split('/').filter(|name| !name.is_empty()) {
            let next = self.nodes.len();
            let Content::Dir(children) = &mut self.nodes[at].content else {
                panic!("{path}: a component is no directory");
            };
            let child = *children.entry(name.as_bytes().to_vec()).or_insert(next);
            if child == next {
                self.nodes.push(Node::new(Content::Dir(BTreeMap::new())));
            }
            at = child;
        }
        at
    }

    fn put(mut self, path: &str, content: Content) -> Self {
        let (parent, name) = path.rsplit_once('/').expect("an absolute path");
        let parent = self.make_dir(parent);
        self.last = self.nodes.len();
        self.nodes.push(Node::new(content));
        let Content::Dir(children) = &mut self.nodes[parent].content else {
            panic!("{path}: the parent is no directory");
        };
        children.insert(name.as_bytes().to_vec(), self.last);
        self
    }

    fn node(&self, node: NodeId) -> Result<&Node> {
        usize::try_from(node.0)
            .ok()
            .and_then(|index| self.nodes.get(index))
            .ok_or_else(|| Error::corrupt("memory node", node.0, "a node", "none"))
    }

    fn content(&self, node: NodeId) -> Result<&Content> {
        let found = self.node(node)?;
        if found.readable {
            Ok(&found.content)
        } else {
            Err(Error::corrupt("memory node", node.0, "readable content", "a test's damage"))
        }
    }
}

impl FileSystem for MemoryFs {
    /// It has none, but may have one that cannot be read.
    fn subvolume(&self, option: &str) -> Result<Arc<dyn FileSystem>> {
        if let Some(node) = option.strip_prefix("subvol=").and_then(|path| self.find(path)) {
            self.content(NodeId(u64::try_from(node).expect("fits")))?;
        }
        Err(Error::NotFound { path: option.to_owned() })
    }

    fn kind(&self) -> &'static str {
        self.kind
    }

    fn unreplayed(&self) -> Option<Result<Arc<dyn FileSystem>>> {
        self.unreplayed.clone().map(Ok)
    }

    fn root(&self) -> NodeId {
        NodeId(0)
    }

    fn health(&self) -> Health {
        let evidence = Evidence::new("memory", "as the test made it");
        let shutdown = if self.stale.is_some() { Shutdown::Unclean } else { Shutdown::Clean };
        Health {
            shutdown: Fact::Known((shutdown, evidence.clone())),
            stale: self.stale.clone(),
            unchecked: None,
            errors: Vec::new(),
            needs: Vec::new(),
            space: Fact::Known(Space { total: 1 << 40, free: 1 << 39, inodes: None, evidence }),
        }
    }

    fn metadata(&self, node: NodeId) -> Result<Metadata> {
        let node = self.node(node)?;
        Ok(Metadata {
            file_type: match node.content {
                Content::File(_) => FileType::Regular,
                Content::Dir(_) => FileType::Directory,
                Content::Symlink(_) => FileType::Symlink,
                Content::Special(file_type) => file_type,
            },
            len: node.len(),
            mode: node.mode,
            uid: node.uid,
            gid: node.gid,
            links: 1,
            mtime: 0,
        })
    }

    fn read_dir(
        &self,
        dir: NodeId,
        visit: &mut dyn FnMut(DirEntry) -> ControlFlow<()>,
    ) -> Result<()> {
        let Content::Dir(children) = &self.node(dir)?.content else {
            return Err(Error::NotADirectory { path: format!("node {}", dir.0) });
        };
        // Of one that is damaged the names before the damage come.
        for (name, child) in children {
            let node = NodeId(u64::try_from(*child).expect("fits"));
            let file_type = Some(self.metadata(node)?.file_type);
            if visit(DirEntry { name: name.clone(), node, file_type }).is_break() {
                break;
            }
        }
        self.content(dir).map(|_| ())
    }

    fn stored_as(&self, node: NodeId) -> Result<Option<&'static str>> {
        Ok(self.node(node)?.stored)
    }

    fn read_link(&self, node: NodeId) -> Result<Vec<u8>> {
        match self.content(node)? {
            Content::Symlink(target) => Ok(target.clone()),
            _ => Err(Error::corrupt("memory node", node.0, "a symbolic link", "another node")),
        }
    }

    fn open(&self, node: NodeId) -> Result<Arc<dyn Bytes>> {
        match self.content(node)? {
            Content::File(bytes) => Ok(Arc::new(bytes.clone())),
            _ => Err(Error::NotAFile { path: format!("node {}", node.0) }),
        }
    }
}

#[test]
fn an_unreadable_node_has_metadata_but_no_content() {
    let fs = MemoryFs::new().file("/etc/shadow", "root:*:\n").mode(0o640).unreadable("/etc/shadow");
    let etc = fs.lookup(fs.root(), b"etc").unwrap().unwrap();
    let shadow = fs.lookup(etc, b"shadow").unwrap().unwrap();
    assert_eq!(fs.metadata(shadow).unwrap().mode, 0o640);
    assert!(!fs.open(shadow).err().unwrap().is_absent());
    assert_eq!(fs.lookup(etc, b"gshadow").unwrap(), None);
}
