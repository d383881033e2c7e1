//! Every file and directory of the guest, as the library reads it and as the kernel does.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::io::Read;
use std::ops::ControlFlow;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result};
use image_preflight::bytes::Bytes;
use image_preflight::disk::Disk;
use image_preflight::filesystem::{self, FileSystem, FileType, NodeId};
use image_preflight::image::Image;
use sha2::{Digest, Sha256};

use crate::whole::WholeGuest;

/// How much of a file is read at once.
const CHUNK: usize = 1 << 20;

/// What differs between the guest's root file system in the image and its mount by the kernel.
pub fn compare(guest: &WholeGuest) -> Result<Vec<String>> {
    let disk = Disk::read(Image::open(&guest.image)?.disk()?);
    let (index, facts) = disk
        .facts
        .volumes
        .iter()
        .enumerate()
        .find(|(_, volume)| volume.start == Some(guest.root.0))
        .context("no volume where the root file system lies")?;
    let kind = facts.signature().context("no signature")?.kind;
    let bytes = disk.volumes.get(index).context("no bytes")?;
    let files = filesystem::open(kind, Arc::clone(bytes))?;
    let mount = guest.mount(&guest.image, "ro")?;
    let mut walk = Walk { files: &*files, wrong: Vec::new(), seen: 0 };
    walk.node(files.root(), mount.path(), "/")?;
    println!("         {} nodes read", walk.seen);
    Ok(walk.wrong)
}

struct Walk<'a> {
    files: &'a dyn FileSystem,
    wrong: Vec<String>,
    seen: u64,
}

impl Walk<'_> {
    fn node(&mut self, node: NodeId, real: &Path, shown: &str) -> Result<()> {
        self.seen += 1;
        let ours = self.files.metadata(node).with_context(|| shown.to_owned())?;
        let theirs = fs::symlink_metadata(real)?;
        let file_type = kind(theirs.file_type());
        self.equal(shown, "type", &ours.file_type, &file_type);
        self.equal(shown, "mode", &u32::from(ours.mode), &(theirs.mode() & 0o7777));
        self.equal(shown, "owner", &ours.uid, &theirs.uid());
        self.equal(shown, "group", &ours.gid, &theirs.gid());
        self.equal(shown, "links", &u64::from(ours.links), &theirs.nlink());
        self.equal(shown, "time", &ours.mtime, &theirs.mtime());
        match file_type {
            FileType::Regular => {
                self.equal(shown, "length", &ours.len, &theirs.len());
                let bytes = self.files.open(node).with_context(|| shown.to_owned())?;
                self.equal(shown, "content", &digest_of(&*bytes)?, &digest(real)?);
            }
            FileType::Symlink => {
                let target = fs::read_link(real)?.into_os_string().into_vec();
                let read = self.files.read_link(node).with_context(|| shown.to_owned())?;
                self.equal(shown, "target", &read, &target);
            }
            FileType::Directory => self.directory(node, real, shown)?,
            _ => {}
        }
        Ok(())
    }

    fn directory(&mut self, node: NodeId, real: &Path, shown: &str) -> Result<()> {
        let mut ours = BTreeMap::new();
        let mut twice = Vec::new();
        self.files.read_dir(node, &mut |entry| {
            if let Some(before) = ours.insert(entry.name, entry.node) {
                twice.push(before);
            }
            ControlFlow::Continue(())
        })?;
        for node in twice {
            self.wrong.push(format!("{shown}: a name twice, the first for {node:?}"));
        }
        for entry in fs::read_dir(real)? {
            let entry = entry?;
            let name = entry.file_name();
            let below = format!("{}/{}", shown.trim_end_matches('/'), name.to_string_lossy());
            match ours.remove(name.as_bytes()) {
                Some(inode) => {
                    let found = self.files.lookup(node, name.as_bytes())?;
                    self.equal(&below, "node by name", &found, &Some(inode));
                    self.node(inode, &entry.path(), &below)?;
                }
                None => self.wrong.push(format!("{below}: not read")),
            }
        }
        for name in ours.keys() {
            let name = OsStr::from_bytes(name).to_string_lossy();
            self.wrong.push(format!("{shown}: {name} is not there"));
        }
        Ok(())
    }

    fn equal<T: PartialEq + std::fmt::Debug>(&mut self, at: &str, what: &str, ours: &T, real: &T) {
        if ours != real {
            self.wrong.push(format!("{at}: {what} {ours:?} instead of {real:?}"));
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

fn digest_of(bytes: &dyn Bytes) -> Result<Vec<u8>> {
    let mut hash = Sha256::new();
    let mut buffer = vec![0; CHUNK];
    let mut offset = 0;
    while offset < bytes.len() {
        let take = usize::try_from(bytes.len() - offset).unwrap_or(CHUNK).min(CHUNK);
        let part = &mut buffer[..take];
        bytes.read_at(offset, part)?;
        hash.update(part);
        offset += take as u64;
    }
    Ok(hash.finalize().to_vec())
}

fn digest(path: &Path) -> Result<Vec<u8>> {
    let mut file = fs::File::open(path)?;
    let mut hash = Sha256::new();
    let mut buffer = vec![0; CHUNK];
    loop {
        let read = file.read(&mut buffer)?;
        if read == 0 {
            return Ok(hash.finalize().to_vec());
        }
        hash.update(&buffer[..read]);
    }
}
