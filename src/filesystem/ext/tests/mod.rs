//! Whole images, made by the real tools, against what the kernel's own mount shows of them
//! (`testdata/ext/make.sh`), and against damage.
#![allow(clippy::arithmetic_side_effects, clippy::as_conversions, clippy::cast_possible_truncation)]

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Arc;

use super::*;
use crate::filesystem::structure::Structure;

mod damage;
mod journal;
mod mounted;
mod state;

fn unpack(name: &str) -> Vec<u8> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("testdata/ext").join(name);
    zstd::decode_all(std::fs::read(path).unwrap().as_slice()).unwrap()
}

fn image(name: &str) -> Vec<u8> {
    unpack(&format!("{name}.img.zst"))
}

fn open(name: &str) -> Ext {
    Ext::open(Arc::new(image(name))).unwrap()
}

fn crc(file: &dyn Bytes) -> Result<u32> {
    let mut hasher = crc32fast::Hasher::new();
    let mut buf = vec![0; 1 << 16];
    let mut offset = 0;
    while offset < file.len() {
        let zeroes = file.zeroes_at(offset).min(1 << 16) as usize;
        let len = (file.len() - offset).min(1 << 16) as usize;
        if zeroes >= len {
            buf[..len].fill(0);
        } else {
            file.read_at(offset, &mut buf[..len])?;
        }
        hasher.update(&buf[..len]);
        offset += len as u64;
    }
    Ok(hasher.finalize())
}

/// As Python's `urllib.parse.quote_from_bytes`.
fn quote(bytes: &[u8]) -> String {
    let mut text = String::new();
    for byte in bytes {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'.' | b'-' | b'~' | b'/' => {
                text.push(char::from(*byte));
            }
            _ => write!(text, "%{byte:02X}").unwrap(),
        }
    }
    text
}

fn entries(fs: &dyn FileSystem, dir: NodeId) -> (Vec<DirEntry>, Result<()>) {
    let mut entries = Vec::new();
    let end = fs.read_dir(dir, &mut |entry| {
        entries.push(entry);
        ControlFlow::Continue(())
    });
    (entries, end)
}

/// The whole tree in the words of `list.py`; `sizes` tells whether directories have theirs.
fn listing(fs: &dyn FileSystem, sizes: bool) -> Result<BTreeSet<String>> {
    let mut lines = BTreeSet::new();
    let mut stack = vec![(fs.root(), String::new())];
    while let Some((dir, path)) = stack.pop() {
        let (entries, end) = entries(fs, dir);
        end?;
        for entry in entries {
            let path = format!("{path}/{}", quote(&entry.name));
            assert_eq!(fs.lookup(dir, &entry.name)?, Some(entry.node), "{path}");
            let meta = fs.metadata(entry.node)?;
            if let Some(file_type) = entry.file_type {
                assert_eq!(file_type, meta.file_type, "{path}");
            }
            let (kind, content) = match meta.file_type {
                FileType::Regular => {
                    let file = fs.open(entry.node)?;
                    assert_eq!(file.len(), meta.len);
                    ("regular", format!("{:08x}", crc(file.as_ref())?))
                }
                FileType::Directory => {
                    stack.push((entry.node, path.clone()));
                    ("directory", "-".to_owned())
                }
                FileType::Symlink => ("symlink", quote(&fs.read_link(entry.node)?)),
                FileType::CharDevice => ("char", "-".to_owned()),
                FileType::BlockDevice => ("block", "-".to_owned()),
                FileType::Fifo => ("fifo", "-".to_owned()),
                FileType::Socket => ("socket", "-".to_owned()),
            };
            let len = match meta.file_type {
                FileType::Directory if !sizes => "-".to_owned(),
                _ => meta.len.to_string(),
            };
            let Metadata { mode, uid, gid, links, mtime, .. } = meta;
            lines.insert(format!(
                "{path}\t{kind}\t{mode:o}\t{uid}\t{gid}\t{links}\t{len}\t{mtime}\t{content}"
            ));
        }
    }
    Ok(lines)
}

fn is_as_mounted(name: &str) -> Ext {
    let fs = open(name);
    let expected = String::from_utf8(unpack(&format!("{name}.list.zst"))).unwrap();
    let (notes, expected): (BTreeSet<String>, BTreeSet<String>) =
        expected.lines().map(str::to_owned).partition(|line| line.starts_with('#'));
    for note in notes {
        let ExtState { free_blocks, free_inodes, .. } = fs.state();
        assert_eq!(note, format!("#free {free_blocks} blocks {free_inodes} inodes"), "{name}");
    }
    assert!(expected.len() > 40);
    let sizes =
        expected.iter().any(|line| line.contains("\tdirectory\t") && !line.contains("\t-\t"));
    let mut found = listing(&fs, sizes).unwrap();
    if !sizes {
        // mke2fs adds it to what it is given.
        found.retain(|line| !line.starts_with("/lost%2Bfound\t"));
    }
    let missing: Vec<_> = expected.difference(&found).collect();
    let extra: Vec<_> = found.difference(&expected).collect();
    assert!(missing.is_empty() && extra.is_empty(), "{name}: -{missing:#?} +{extra:#?}");
    fs
}

fn resolve(fs: &Ext, path: &str) -> NodeId {
    path.split('/').filter(|part| !part.is_empty()).fold(fs.root(), |dir, part| {
        fs.lookup(dir, part.as_bytes()).unwrap().unwrap_or_else(|| panic!("no {part} of {path}"))
    })
}

fn content(fs: &Ext, path: &str) -> Vec<u8> {
    let file = FileSystem::open(fs, resolve(fs, path)).unwrap();
    file.vec(0, file.len() as usize).unwrap()
}
