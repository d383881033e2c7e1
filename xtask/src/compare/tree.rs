//! Every file and directory of a file system, as the library reads it and as the kernel does.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::ops::ControlFlow;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{FileExt, FileTypeExt, MetadataExt};
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result};
use image_preflight::Error;
use image_preflight::bytes::Bytes;
use image_preflight::disk::Disk;
use image_preflight::disk::facts::{SignatureKind, VolumeFacts};
use image_preflight::filesystem::{self, FileSystem, FileType, NodeId};
use image_preflight::image::Image;
use rustix::fs::SeekFrom;

use crate::whole::WholeGuest;

/// How much of a file is read at once.
const CHUNK: u64 = 1 << 20;

/// How many differences of one file system are kept: what comes after them says nothing new.
const MAX_WRONG: usize = 20;

/// The largest directory in which every name is looked up: looking for one name may read all of
/// them, so that twice as many cost four times as much.
const EACH_NAME: usize = 400;

/// The inode number that Btrfs gives to what a snapshot has in the place of another subvolume
/// (`BTRFS_EMPTY_SUBVOL_DIR_OBJECTID`). It is not on the disk, and its times are those of the look at it.
const EMPTY_SUBVOLUME: u64 = 2;

/// Of the names in larger directories, every how many-th is looked up.
const SOME_NAMES: usize = 61;

/// A volume of an image: what it is and its bytes.
pub struct Volume {
    pub kind: SignatureKind,
    pub bytes: Arc<dyn Bytes>,
}

impl Volume {
    /// The first volume of `image` for which `wanted` holds, found as a check finds it.
    pub fn find(image: &Path, wanted: impl Fn(&VolumeFacts) -> bool) -> Result<Self> {
        let disk = Disk::read(Image::open(image)?.disk()?);
        let index = disk.facts.volumes.iter().position(wanted).with_context(|| {
            let names: Vec<&str> = disk.facts.volumes.iter().map(|v| v.name.as_str()).collect();
            format!("not among the volumes {}", names.join(", "))
        })?;
        let facts = disk.facts.volumes.get(index).context("no facts")?;
        let signatures = facts
            .signatures
            .as_result()
            .map_err(|unread| anyhow::anyhow!("{}: {}", unread.location, unread.reason))?;
        let kind = signatures.first().context("no signature")?.kind;
        Ok(Self { kind, bytes: Arc::clone(disk.volumes.get(index).context("no bytes")?) })
    }

    /// The volume that begins at this byte of the disk.
    pub fn at(image: &Path, start: u64) -> Result<Self> {
        Self::find(image, |volume| volume.start == Some(start))
    }

    pub fn open(&self) -> Result<Arc<dyn FileSystem>> {
        Ok(filesystem::open(self.kind, Arc::clone(&self.bytes))?)
    }
}

/// What differs between the guest's root file system in the image and its mount by the kernel.
pub fn compare(guest: &WholeGuest) -> Result<Vec<String>> {
    let files = Volume::at(&guest.image, guest.root.0)?.open()?;
    let mount = guest.mount(&guest.image, "ro")?;
    let walked = walk(&*files, mount.path())?;
    println!("         {} nodes read", walked.seen);
    Ok(walked.differences())
}

/// How a file system compares with the kernel's mount of it.
#[derive(Default)]
pub struct Walked {
    pub wrong: Vec<String>,
    /// What the library says that it does not read ([`Error::Unsupported`]).
    pub unsupported: Vec<String>,
    /// Nodes seen.
    pub seen: u64,
}

impl Walked {
    /// All that differs, what is not read included.
    pub fn differences(self) -> Vec<String> {
        self.wrong.into_iter().chain(self.unsupported.into_iter().take(MAX_WRONG)).collect()
    }
}

/// Compares a file system with the kernel's mount of it.
pub fn walk(files: &dyn FileSystem, mount: &Path) -> Result<Walked> {
    Walk::run(files, mount, Some(i64::MAX))
}

/// As [`walk`], of a mount that replayed a log: times since `mounted`, in seconds since 1970, are
/// those of the replay.
pub fn walk_replayed(files: &dyn FileSystem, mount: &Path, mounted: i64) -> Result<Walked> {
    Walk::run(files, mount, Some(mounted))
}

/// Compares names and bytes with the directory that a file system was filled from.
pub fn walk_content(files: &dyn FileSystem, source: &Path) -> Result<Walked> {
    Walk::run(files, source, None)
}

struct Walk<'a> {
    files: &'a dyn FileSystem,
    /// When the kernel mounted it: modes, owners and times before that are compared, too. None where
    /// it was not the kernel.
    mounted: Option<i64>,
    done: Walked,
    buffers: (Vec<u8>, Vec<u8>),
}

impl<'a> Walk<'a> {
    fn run(files: &'a dyn FileSystem, real: &Path, mounted: Option<i64>) -> Result<Walked> {
        let buffers = (vec![0; CHUNK as usize], vec![0; CHUNK as usize]);
        let mut walk = Self { files, mounted, done: Walked::default(), buffers };
        walk.node(files.root(), real, "/")?;
        Ok(walk.done)
    }

    fn node(&mut self, node: NodeId, real: &Path, shown: &str) -> Result<()> {
        if self.done.wrong.len() >= MAX_WRONG {
            return Ok(());
        }
        self.done.seen += 1;
        let Some(ours) = self.read(shown, self.files.metadata(node)) else { return Ok(()) };
        let theirs = fs::symlink_metadata(real)?;
        let file_type = kind(theirs.file_type());
        self.equal(shown, "type", &ours.file_type, &file_type);
        if let Some(mounted) = self.mounted {
            self.equal(shown, "mode", &u32::from(ours.mode), &(theirs.mode() & 0o7777));
            self.equal(shown, "owner", &ours.uid, &theirs.uid());
            self.equal(shown, "group", &ours.gid, &theirs.gid());
            self.equal(shown, "links", &u64::from(ours.links), &theirs.nlink());
            let is_empty = self.files.kind() == "btrfs" && theirs.ino() == EMPTY_SUBVOLUME;
            if !is_empty && theirs.mtime() < mounted {
                self.equal(shown, "time", &ours.mtime, &theirs.mtime());
            }
        }
        match file_type {
            FileType::Regular => {
                self.equal(shown, "length", &ours.len, &theirs.len());
                let Some(bytes) = self.read(shown, self.files.open(node)) else { return Ok(()) };
                self.equal(shown, "length of the content", &bytes.len(), &theirs.len());
                self.content(&*bytes, &File::open(real)?, shown)?;
            }
            FileType::Symlink => {
                let target = fs::read_link(real)?.into_os_string().into_vec();
                self.equal(shown, "length", &ours.len, &theirs.len());
                let Some(read) = self.read(shown, self.files.read_link(node)) else {
                    return Ok(());
                };
                self.equal(shown, "target", &read, &target);
            }
            FileType::Directory => self.directory(node, real, shown)?,
            _ => {}
        }
        Ok(())
    }

    /// Every byte. What is a hole to the kernel and known to be zero to the library is not read.
    fn content(&mut self, ours: &dyn Bytes, real: &File, shown: &str) -> Result<()> {
        let mut buffers = std::mem::take(&mut self.buffers);
        let ended = self.content_by(&mut buffers, ours, real, shown);
        self.buffers = buffers;
        ended
    }

    fn content_by(
        &mut self,
        (a, b): &mut (Vec<u8>, Vec<u8>),
        ours: &dyn Bytes,
        real: &File,
        shown: &str,
    ) -> Result<()> {
        let len = ours.len().min(real.metadata()?.len());
        let mut at = 0;
        while at < len {
            let data = match rustix::fs::seek(real, SeekFrom::Data(at)) {
                Ok(data) => data.min(len),
                Err(rustix::io::Errno::NXIO) => len,
                Err(error) => return Err(error).context(shown.to_owned()),
            };
            let known = ours.zeroes_at(at);
            if data > at && known > 0 {
                at = data.min(at.saturating_add(known));
                continue;
            }
            let end = if data > at { data } else { len };
            let take = CHUNK.min(end - at);
            let (a, b) = (&mut a[..take as usize], &mut b[..take as usize]);
            if self.read(shown, ours.read_at(at, a)).is_none() {
                return Ok(());
            }
            real.read_exact_at(b, at)?;
            if let Some(first) = a.iter().zip(b.iter()).position(|(a, b)| a != b) {
                self.done.wrong.push(format!("{shown}: byte {} differs", at + first as u64));
                return Ok(());
            }
            if b.iter().take(usize::try_from(known)?).any(|byte| *byte != 0) {
                self.done
                    .wrong
                    .push(format!("{shown}: {known} bytes from {at} on are said to be zero"));
                return Ok(());
            }
            at += take;
        }
        Ok(())
    }

    fn directory(&mut self, node: NodeId, real: &Path, shown: &str) -> Result<()> {
        let mut ours = BTreeMap::new();
        let mut twice = Vec::new();
        let listed = self.files.read_dir(node, &mut |entry| {
            if let Some(before) = ours.insert(entry.name, entry.node) {
                twice.push(before);
            }
            ControlFlow::Continue(())
        });
        if self.read(shown, listed).is_none() {
            return Ok(());
        }
        for node in twice {
            self.done.wrong.push(format!("{shown}: a name twice, the first for {node:?}"));
        }
        let step = if ours.len() <= EACH_NAME { 1 } else { SOME_NAMES };
        for (index, entry) in fs::read_dir(real)?.enumerate() {
            let entry = entry?;
            let name = entry.file_name();
            let below = format!("{}/{}", shown.trim_end_matches('/'), name.to_string_lossy());
            match ours.remove(name.as_bytes()) {
                Some(inode) => {
                    if index % step == 0
                        && let Some(found) =
                            self.read(&below, self.files.lookup(node, name.as_bytes()))
                    {
                        self.equal(&below, "node by name", &found, &Some(inode));
                    }
                    self.node(inode, &entry.path(), &below)?;
                }
                None => self.done.wrong.push(format!("{below}: not read")),
            }
            if self.done.wrong.len() >= MAX_WRONG {
                return Ok(());
            }
        }
        for name in ours.keys() {
            let name = OsStr::from_bytes(name).to_string_lossy();
            self.done.wrong.push(format!("{shown}: {name} is not there"));
        }
        Ok(())
    }

    /// What the library read; what it could not read is a difference.
    fn read<T>(&mut self, at: &str, read: image_preflight::Result<T>) -> Option<T> {
        read.map_err(|error| match error {
            Error::Unsupported { .. } => self.done.unsupported.push(format!("{at}: {error}")),
            error => self.done.wrong.push(format!("{at}: {error}")),
        })
        .ok()
    }

    fn equal<T: PartialEq + std::fmt::Debug>(&mut self, at: &str, what: &str, ours: &T, real: &T) {
        if ours != real {
            self.done.wrong.push(format!("{at}: {what} {ours:?} instead of {real:?}"));
        }
    }
}

fn kind(file_type: fs::FileType) -> FileType {
    if file_type.is_dir() {
        FileType::Directory
    } else if file_type.is_symlink() {
        FileType::Symlink
    } else if file_type.is_char_device() {
        FileType::CharDevice
    } else if file_type.is_block_device() {
        FileType::BlockDevice
    } else if file_type.is_fifo() {
        FileType::Fifo
    } else if file_type.is_socket() {
        FileType::Socket
    } else {
        FileType::Regular
    }
}
