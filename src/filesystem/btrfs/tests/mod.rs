//! Whole images, made by the real tools, against what the kernel's own mount shows of them
//! (`testdata/btrfs/make.sh`), and against damage.
#![allow(clippy::arithmetic_side_effects, clippy::as_conversions, clippy::cast_possible_truncation)]

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io::Read as _;
use std::path::PathBuf;
use std::sync::Mutex;

use super::*;
use crate::bytes::check_range;
use crate::filesystem::testing::{
    assert_listed, content, entries, kind_and_content, looks_until_the_limit, quote, resolve,
    unpack,
};

mod damage;
mod hostile;
mod mounted;
mod mutation;
mod second_opinion;
mod set;

/// Bytes that are kept or left out together.
const BLOCK: usize = 64 << 10;

/// An image of which only what is not zero is kept.
#[derive(Clone)]
pub(crate) struct Image {
    len: u64,
    blocks: HashMap<u64, Arc<Vec<u8>>>,
}

impl Image {
    /// The image of that name, unpacked once.
    pub(crate) fn read(name: &str) -> Self {
        static UNPACKED: Mutex<BTreeMap<String, Image>> = Mutex::new(BTreeMap::new());
        let mut unpacked = UNPACKED.lock().unwrap();
        unpacked.entry(name.to_owned()).or_insert_with(|| Self::unpack(name)).clone()
    }

    fn unpack(name: &str) -> Self {
        let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
            .join("testdata/btrfs")
            .join(format!("{name}.img.zst"));
        let mut source = zstd::Decoder::new(std::fs::File::open(path).unwrap()).unwrap();
        let (mut len, mut blocks) = (0, HashMap::new());
        loop {
            let mut block = Vec::with_capacity(BLOCK);
            let read = source.by_ref().take(BLOCK as u64).read_to_end(&mut block).unwrap();
            if read == 0 {
                return Self { len, blocks };
            }
            if block.iter().any(|byte| *byte != 0) {
                block.resize(BLOCK, 0);
                blocks.insert(len / BLOCK as u64, Arc::new(block));
            }
            len += read as u64;
        }
    }

    fn byte(&mut self, at: u64) -> &mut u8 {
        let block = self.blocks.entry(at / BLOCK as u64).or_insert_with(|| vec![0; BLOCK].into());
        &mut Arc::make_mut(block)[at as usize % BLOCK]
    }

    fn write(&mut self, at: u64, bytes: &[u8]) {
        for (at, byte) in (at..).zip(bytes) {
            *self.byte(at) = *byte;
        }
    }

    fn u64_at(&self, at: u64) -> u64 {
        u64::from_le_bytes(self.array(at).unwrap())
    }

    fn open(self) -> Result<Btrfs> {
        Btrfs::open(Arc::new(self))
    }
}

impl Bytes for Image {
    fn len(&self) -> u64 {
        self.len
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<()> {
        check_range(self.len, offset, buf.len())?;
        let mut at = offset;
        let mut rest = buf;
        while !rest.is_empty() {
            let within = at as usize % BLOCK;
            let (part, behind) = rest.split_at_mut(rest.len().min(BLOCK - within));
            match self.blocks.get(&(at / BLOCK as u64)) {
                Some(block) => part.copy_from_slice(&block[within..within + part.len()]),
                None => part.fill(0),
            }
            at += part.len() as u64;
            rest = behind;
        }
        Ok(())
    }

    fn slice(&self, offset: u64, len: usize) -> Option<&[u8]> {
        check_range(self.len, offset, len).ok()?;
        let within = offset as usize % BLOCK;
        self.blocks.get(&(offset / BLOCK as u64))?.get(within..within + len)
    }

    fn zeroes_at(&self, offset: u64) -> u64 {
        match self.blocks.get(&(offset / BLOCK as u64)) {
            Some(_) => 0,
            None => (BLOCK as u64 - offset % BLOCK as u64).min(self.len.saturating_sub(offset)),
        }
    }
}

fn open(name: &str) -> Btrfs {
    Image::read(name).open().unwrap()
}

fn top(fs: &Btrfs) -> Btrfs {
    fs.with_root(&SubvolumeId::Id(TOP_LEVEL)).unwrap()
}

fn list(name: &str) -> String {
    String::from_utf8(unpack(&format!("btrfs/{name}.list.zst"))).unwrap()
}

/// The whole tree in the words of `list.py`; a file that cannot be read has its error for content.
fn listing(fs: &Btrfs) -> Result<BTreeSet<String>> {
    let mut lines = BTreeSet::new();
    let mut stack = vec![(FileSystem::root(fs), String::new())];
    while let Some((dir, path)) = stack.pop() {
        let (entries, end) = entries(fs, dir);
        end?;
        for entry in entries {
            let path = format!("{path}/{}", quote(&entry.name));
            assert_eq!(fs.lookup(dir, &entry.name)?, Some(entry.node), "{path}");
            let meta = fs.metadata(entry.node)?;
            assert_eq!(entry.file_type, Some(meta.file_type), "{path}");
            let (kind, content) = kind_and_content(fs, entry.node, &meta);
            let content = content.unwrap_or_else(|error| error.to_string());
            if meta.file_type == FileType::Directory {
                stack.push((entry.node, path.clone()));
            }
            let Metadata { mode, uid, gid, links, len, mtime, .. } = meta;
            let is_no_subvolume = Place::of(entry.node).is_empty_directory();
            let mtime = if is_no_subvolume { "-".to_owned() } else { mtime.to_string() };
            lines.insert(format!(
                "{path}\t{kind}\t{mode:o}\t{uid}\t{gid}\t{links}\t{len}\t{mtime}\t{content}"
            ));
        }
    }
    Ok(lines)
}

fn is_listed(fs: &Btrfs, name: &str) {
    let list = list(name);
    let expected: BTreeSet<String> =
        list.lines().filter(|line| !line.starts_with('#')).map(str::to_owned).collect();
    assert!(expected.len() >= 10);
    let found = listing(fs).unwrap();
    assert_listed(&expected, &found, name);
}

/// Compares everything that the kernel showed of the top-level subvolume.
fn is_as_mounted(name: &str) -> Btrfs {
    let fs = open(name);
    is_listed(&top(&fs), name);
    let list = list(name);
    let notes: Vec<&str> = list.lines().filter_map(|line| line.strip_prefix('#')).collect();
    let mut found: Vec<String> = fs
        .subvolumes()
        .unwrap()
        .iter()
        .filter_map(|Subvolume { id, path, parent }| {
            let path = String::from_utf8_lossy(path);
            parent.map(|parent| format!("subvolume {id} {parent} {path}"))
        })
        .collect();
    found.push(format!("default {}", fs.default_subvolume()));
    assert_eq!(found, notes, "{name}");
    fs
}

/// The image with the checksum of the node at a place of the volume set right.
fn seal(image: &mut Image, volume: &Volume, node: u64) {
    let raw = image.vec(node, volume.node_size).unwrap();
    image.write(node, &volume.checksum.sum(&raw[checksum::CHECKSUM_FIELD..]));
}

/// Where the content of an item lies in the volume.
fn item_place(fs: &Btrfs, tree: &Tree, key: Key) -> u64 {
    let place = tree.get(&fs.volume, key, |item| Ok(item.content("").offset)).unwrap();
    place.unwrap_or_else(|| panic!("no item {key}"))
}

/// The image with other bytes at a place in a node, and the right checksum. Nodes are aligned in
/// every image that this is used for.
fn patched(name: &str, fs: &Btrfs, at: u64, bytes: &[u8]) -> Image {
    let mut image = Image::read(name);
    image.write(at, bytes);
    seal(&mut image, &fs.volume, at - at % fs.volume.node_size as u64);
    image
}

/// The image with other bytes in the primary superblock, and the right checksum.
fn with_superblock(name: &str, changes: &[(u64, &[u8])]) -> Image {
    let mut image = Image::read(name);
    let at = superblock::OFFSETS[0];
    for (offset, bytes) in changes {
        image.write(at + offset, bytes);
    }
    let raw = image.vec(at, superblock::SUPERBLOCK_SIZE).unwrap();
    let number = u16::from_le_bytes([raw[0xC4], raw[0xC5]]);
    if let Some(kind) = ChecksumType::from_number(number) {
        image.write(at, &kind.sum(&raw[checksum::CHECKSUM_FIELD..]));
    }
    image
}

fn structure_of(error: &Error) -> &'static str {
    match error {
        Error::Corrupt { structure, .. } => structure,
        other => panic!("{other}"),
    }
}
