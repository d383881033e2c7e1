//! A file system in memory, and disks made of such, for the tests of this room.

#![allow(clippy::arithmetic_side_effects)]

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::bytes::Bytes;
use crate::disk::facts::{
    BootCodeFacts, BootCodeKind, DiskFacts, PartitionFacts, PartitionRole, Signature,
    SignatureKind, TableKind, VolumeBootCode, VolumeFacts,
};
use crate::error::{Error, Result};
use crate::fact::{Evidence, Fact};
use crate::filesystem::{DirEntry, FileSystem, FileType, Metadata, NodeId};
use crate::guest::Machine;
use crate::guest::facts::{DeviceRef, Resolution, SourceKind};

enum Node {
    Dir(Vec<(String, usize)>),
    File(Vec<u8>),
    Link(String),
}

pub(super) struct FakeFs {
    nodes: Arc<Vec<Node>>,
    ignore_case: bool,
    /// The subvolumes beside the top-level one, of Btrfs.
    subvolumes: Vec<&'static str>,
    root: usize,
    /// What it is without the replay of its journal.
    stored: Option<Arc<FakeFs>>,
    features: Vec<String>,
    /// How many bytes of its files were read.
    read: Arc<AtomicUsize>,
}

impl FakeFs {
    pub(super) fn new() -> Self {
        let nodes = Arc::new(vec![Node::Dir(Vec::new())]);
        let (subvolumes, features) = (Vec::new(), Vec::new());
        let read = Arc::default();
        Self { nodes, ignore_case: false, subvolumes, root: 0, stored: None, features, read }
    }

    pub(super) fn fat() -> Self {
        Self { ignore_case: true, ..Self::new() }
    }

    /// Makes it Btrfs with one more subvolume, whose files were added before, or which has none.
    pub(super) fn btrfs(mut self, subvolume: &'static str) -> Self {
        if self.find(subvolume).is_none() {
            self = self.add(subvolume, Node::Dir(Vec::new()));
        }
        self.subvolumes.push(subvolume);
        self
    }

    /// Makes a subvolume the default one.
    pub(super) fn set_default(self, subvolume: &str) -> Self {
        let root = self.find(subvolume).unwrap();
        Self { root, ..self }
    }

    /// Gives it a journal, without whose replay it is `stored`.
    pub(super) fn stored(self, stored: Self) -> Self {
        Self { stored: Some(Arc::new(stored)), ..self }
    }

    fn find(&self, path: &str) -> Option<usize> {
        path.split('/').filter(|part| !part.is_empty()).try_fold(0, |dir, part| {
            let Node::Dir(names) = &self.nodes[dir] else { return None };
            names.iter().find(|(name, _)| name == part).map(|(_, child)| *child)
        })
    }

    /// The count of bytes that were read of its files.
    pub(super) fn read(&self) -> Arc<AtomicUsize> {
        Arc::clone(&self.read)
    }

    pub(super) fn feature(mut self, name: &str) -> Self {
        self.features.push(name.to_owned());
        self
    }

    fn add(mut self, path: &str, node: Node) -> Self {
        let mut dir = 0;
        let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
        let (last, dirs) = parts.split_last().unwrap();
        for part in dirs {
            let Node::Dir(names) = &self.nodes[dir] else { panic!("{path}: {part} in a file") };
            dir = match names.iter().find(|(name, _)| name == part) {
                Some((_, child)) => *child,
                None => self.push(dir, part, Node::Dir(Vec::new())),
            };
        }
        self.push(dir, last, node);
        self
    }

    fn push(&mut self, dir: usize, name: &str, node: Node) -> usize {
        let nodes = Arc::get_mut(&mut self.nodes).unwrap();
        let child = nodes.len();
        nodes.push(node);
        let Node::Dir(names) = &mut nodes[dir] else { panic!("{name}: not in a directory") };
        names.push((name.to_owned(), child));
        child
    }

    pub(super) fn file(self, path: &str, content: impl AsRef<[u8]>) -> Self {
        self.add(path, Node::File(content.as_ref().to_vec()))
    }

    pub(super) fn link(self, path: &str, target: &str) -> Self {
        self.add(path, Node::Link(target.to_owned()))
    }

    fn node(&self, node: NodeId) -> &Node {
        &self.nodes[usize::try_from(node.0).unwrap()]
    }
}

fn id(index: usize) -> NodeId {
    NodeId(u64::try_from(index).unwrap())
}

impl FileSystem for FakeFs {
    fn kind(&self) -> &'static str {
        match self.subvolumes.is_empty() {
            false => "btrfs",
            true if self.ignore_case => "vfat",
            true => "ext4",
        }
    }

    fn features(&self) -> &[String] {
        &self.features
    }

    fn subvolume(&self, option: &str) -> Result<Arc<dyn FileSystem>> {
        let absent = || Error::NotFound { path: option.to_owned() };
        let root = match option.strip_prefix("subvol=").map(|path| path.trim_matches('/')) {
            Some(path) if self.subvolumes.contains(&path) => self.find(path),
            None if option == "subvolid=5" => Some(0),
            _ => None,
        };
        let (nodes, subvolumes) = (Arc::clone(&self.nodes), self.subvolumes.clone());
        let root = root.ok_or_else(absent)?;
        let features = self.features.clone();
        let read = Arc::clone(&self.read);
        Ok(Arc::new(Self { nodes, subvolumes, root, stored: None, features, read, ..*self }))
    }

    fn unreplayed(&self) -> Option<Result<Arc<dyn FileSystem>>> {
        let stored = self.stored.clone()?;
        Some(Ok(stored))
    }

    fn root(&self) -> NodeId {
        id(self.root)
    }

    fn metadata(&self, node: NodeId) -> Result<Metadata> {
        let (file_type, len) = match self.node(node) {
            Node::Dir(_) => (FileType::Directory, 0),
            Node::File(content) => (FileType::Regular, content.len()),
            Node::Link(target) => (FileType::Symlink, target.len()),
        };
        let len = u64::try_from(len).unwrap();
        Ok(Metadata { file_type, len, mode: 0o755, uid: 0, gid: 0, links: 1, mtime: 0 })
    }

    fn read_dir(
        &self,
        dir: NodeId,
        visit: &mut dyn FnMut(DirEntry) -> ControlFlow<()>,
    ) -> Result<()> {
        let Node::Dir(names) = self.node(dir) else {
            return Err(Error::NotADirectory { path: String::new() });
        };
        for (name, child) in names {
            let entry =
                DirEntry { name: name.clone().into_bytes(), node: id(*child), file_type: None };
            if visit(entry).is_break() {
                break;
            }
        }
        Ok(())
    }

    fn lookup(&self, dir: NodeId, name: &[u8]) -> Result<Option<NodeId>> {
        let Node::Dir(names) = self.node(dir) else {
            return Err(Error::NotADirectory { path: String::new() });
        };
        Ok(names
            .iter()
            .find(|(own, _)| {
                own.as_bytes() == name
                    || self.ignore_case && own.as_bytes().eq_ignore_ascii_case(name)
            })
            .map(|(_, child)| id(*child)))
    }

    fn read_link(&self, node: NodeId) -> Result<Vec<u8>> {
        let Node::Link(target) = self.node(node) else { panic!("no link") };
        Ok(target.clone().into_bytes())
    }

    fn open(&self, node: NodeId) -> Result<Arc<dyn Bytes>> {
        let Node::File(content) = self.node(node) else {
            return Err(Error::NotAFile { path: String::new() });
        };
        Ok(Arc::new(Content { bytes: content.clone(), read: Arc::clone(&self.read) }))
    }
}

/// The content of a file.
struct Content {
    bytes: Vec<u8>,
    read: Arc<AtomicUsize>,
}

impl Bytes for Content {
    fn len(&self) -> u64 {
        Bytes::len(&self.bytes)
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<()> {
        self.read.fetch_add(buf.len(), Ordering::Relaxed);
        self.bytes.read_at(offset, buf)
    }
}

/// The first bytes of a Linux kernel for x86 (Documentation/arch/x86/boot.rst).
pub(super) fn kernel() -> Vec<u8> {
    let mut image = vec![0_u8; 0x1000];
    image[0x1fe..0x200].copy_from_slice(&[0x55, 0xaa]);
    image[0x202..0x206].copy_from_slice(b"HdrS");
    image[0x206..0x208].copy_from_slice(&[0x0f, 0x02]);
    image[0x20e..0x210].copy_from_slice(&0x300_u16.to_le_bytes());
    let version = b"6.1.0-18-amd64 (debian-kernel@lists.debian.org) #1 SMP\0";
    image[0x500..0x500 + version.len()].copy_from_slice(version);
    image
}

/// A disk of partitions, one file system each.
pub(super) struct FakeMachine {
    pub(super) disk: DiskFacts,
    pub(super) filesystems: Vec<Fact<Option<Arc<dyn FileSystem>>>>,
}

impl FakeMachine {
    pub(super) fn new(table: TableKind) -> Self {
        let disk = DiskFacts {
            size: 1 << 30,
            sector_size: 512,
            table,
            table_read: Fact::Known(()),
            mbr_signature: Some("12345678".to_owned()),
            gpt: None,
            partitions: Vec::new(),
            volumes: Vec::new(),
            volume_groups: vec![],
            arrays: vec![],
            containers: vec![],
            boot_code: Fact::Known(BootCodeFacts {
                kind: BootCodeKind::None,
                signature: true,
                evidence: Evidence::new("sector 0, byte 0", "zeroes"),
                grub_core: None,
                grub_legacy: None,
            }),
            volume_boot_code: Vec::new(),
            problems: Vec::new(),
        };
        Self { disk, filesystems: Vec::new() }
    }

    /// Adds a partition whose file system has that UUID.
    pub(super) fn partition(mut self, uuid: &str, fs: FakeFs) -> Self {
        let kind = if fs.ignore_case { SignatureKind::Fat32 } else { SignatureKind::Ext4 };
        self = self.volume(uuid, kind, Fact::Known(Some(Arc::new(fs))));
        self
    }

    pub(super) fn volume(
        mut self,
        uuid: &str,
        kind: SignatureKind,
        fs: Fact<Option<Arc<dyn FileSystem>>>,
    ) -> Self {
        let index = self.disk.volumes.len();
        let number = u32::try_from(index + 1).unwrap();
        let start = u64::from(number) << 20;
        self.disk.partitions.push(PartitionFacts {
            number,
            start,
            size: 1 << 20,
            type_id: "0x83".to_owned(),
            role: PartitionRole::LinuxFilesystem,
            name: None,
            uuid: Some(format!("12345678-{number:02}")),
            active: false,
            location: "MBR, byte 446".to_owned(),
            volume: Some(index),
        });
        self.disk.volumes.push(VolumeFacts {
            name: format!("partition {number}"),
            partition: Some(number),
            start: Some(start),
            size: 1 << 20,
            signatures: Fact::Known(vec![Signature {
                kind,
                offset: 0,
                uuid: Some(uuid.to_owned()),
                label: Some(format!("label-{number}")),
                size: None,
                version: None,
                block_size: None,
            }]),
        });
        self.filesystems.push(fs);
        self
    }

    pub(super) fn boot_code(mut self, code: BootCodeFacts) -> Self {
        self.disk.boot_code = Fact::Known(code);
        self
    }

    pub(super) fn active(mut self, number: usize, kind: Option<BootCodeKind>) -> Self {
        self.disk.partitions[number - 1].active = true;
        let Some(kind) = kind else { return self };
        let evidence = Evidence::new("partition 1, byte 3", "…");
        self.with_record(
            number,
            BootCodeFacts { kind, signature: true, evidence, grub_core: None, grub_legacy: None },
        )
    }

    /// Makes a partition the active one, with that code in its boot sector.
    pub(super) fn with_record(mut self, number: usize, code: BootCodeFacts) -> Self {
        let BootCodeFacts { kind, evidence, grub_core, grub_legacy, .. } = code;
        self.disk.partitions[number - 1].active = true;
        let volume = number - 1;
        self.disk.volume_boot_code.push(VolumeBootCode {
            volume,
            kind,
            evidence,
            unread: None,
            hidden_sectors: None,
            grub_core,
            grub_legacy,
            ldlinux: None,
        });
        self
    }

    pub(super) fn role(mut self, number: usize, role: PartitionRole) -> Self {
        self.disk.partitions[number - 1].role = role;
        self
    }

    pub(super) fn machine(&self) -> Machine<'_> {
        Machine { disk: &self.disk, filesystems: &self.filesystems }
    }

    /// A stand-in for the device resolver: `UUID=` among the signatures, anything else missing.
    pub(super) fn device_ref(&self, spec: &str) -> DeviceRef {
        let uuid = spec.strip_prefix("UUID=");
        let volume = self.disk.volumes.iter().position(|volume| {
            uuid.is_some() && volume.signature().and_then(|found| found.uuid.as_deref()) == uuid
        });
        DeviceRef {
            spec: spec.to_owned(),
            kind: if uuid.is_some() { SourceKind::Uuid } else { SourceKind::KernelName },
            resolution: volume.map_or(Resolution::Missing, Resolution::Volume),
            other_disk: false,
        }
    }
}
