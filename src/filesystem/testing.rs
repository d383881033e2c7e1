//! For tests of whole file systems: what a listing by the kernel or another tool says of a tree, said
//! of what a reader finds.
#![allow(clippy::arithmetic_side_effects, clippy::as_conversions, clippy::cast_possible_truncation)]

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::ops::ControlFlow;
use std::path::Path;

use super::{DirEntry, FileSystem, FileType, Metadata, NodeId};
use crate::bytes::{Bytes, BytesExt};
use crate::error::{Error, Result};

/// A file below `testdata`, unpacked.
pub(super) fn unpack(path: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata").join(path);
    zstd::decode_all(std::fs::read(path).unwrap().as_slice()).unwrap()
}

/// The CRC-32 of a file's content, and that what is lent of it is the same.
pub(super) fn crc(file: &dyn Bytes) -> Result<u32> {
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
            if let Some(slice) = file.slice(offset, len) {
                assert_eq!(slice, &buf[..len]);
            }
        }
        hasher.update(&buf[..len]);
        offset += len as u64;
    }
    Ok(hasher.finalize())
}

/// As Python's `urllib.parse.quote_from_bytes`.
pub(super) fn quote(bytes: &[u8]) -> String {
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

/// What is named in a directory, and how the reading of it ended.
pub(super) fn entries(fs: &dyn FileSystem, dir: NodeId) -> (Vec<DirEntry>, Result<()>) {
    let mut entries = Vec::new();
    let end = fs.read_dir(dir, &mut |entry| {
        entries.push(entry);
        ControlFlow::Continue(())
    });
    (entries, end)
}

/// What `list.py` calls a node, and what it says of its content: a file's checksum, a link's target.
pub(super) fn kind_and_content(
    fs: &dyn FileSystem,
    node: NodeId,
    meta: &Metadata,
) -> (&'static str, Result<String>) {
    let none = || Ok("-".to_owned());
    match meta.file_type {
        FileType::Regular => {
            let sum = fs.open(node).and_then(|file| {
                assert_eq!(file.len(), meta.len);
                crc(file.as_ref())
            });
            ("regular", sum.map(|sum| format!("{sum:08x}")))
        }
        FileType::Directory => ("directory", none()),
        FileType::Symlink => ("symlink", fs.read_link(node).map(|target| quote(&target))),
        FileType::CharDevice => ("char", none()),
        FileType::BlockDevice => ("block", none()),
        FileType::Fifo => ("fifo", none()),
        FileType::Socket => ("socket", none()),
    }
}

/// Asserts that a listing has the lines that it should, and no others.
#[track_caller]
pub(super) fn assert_listed(expected: &BTreeSet<String>, found: &BTreeSet<String>, name: &str) {
    let missing: Vec<_> = expected.difference(found).collect();
    let extra: Vec<_> = found.difference(expected).collect();
    assert!(missing.is_empty() && extra.is_empty(), "{name}: -{missing:#?} +{extra:#?}");
}

/// The node at a path without links.
#[track_caller]
pub(super) fn resolve(fs: &dyn FileSystem, path: &str) -> NodeId {
    path.split('/').filter(|part| !part.is_empty()).fold(fs.root(), |dir, part| {
        fs.lookup(dir, part.as_bytes()).unwrap().unwrap_or_else(|| panic!("no {part} of {path}"))
    })
}

/// The content of the file at a path without links.
#[track_caller]
pub(super) fn content(fs: &dyn FileSystem, path: &str) -> Vec<u8> {
    let file = fs.open(resolve(fs, path)).unwrap();
    file.vec(0, file.len() as usize).unwrap()
}

/// How often a name that is not there is looked for until the budget of `limit` bytes is used up: then
/// nothing is absent any more, nor found.
#[track_caller]
pub(super) fn looks_until_the_limit(fs: &dyn FileSystem, dir: NodeId, limit: u64) -> u64 {
    let mut looks = 0;
    let error = loop {
        match fs.lookup(dir, b"no such name") {
            Ok(found) => assert_eq!(found, None),
            Err(error) => break error,
        }
        looks += 1;
    };
    assert!(matches!(error, Error::Limit { limit: told, .. } if told == limit), "{error}");
    assert!(fs.read_dir(fs.root(), &mut |_| ControlFlow::Continue(())).is_err());
    looks
}

/// The large file that each `make.sh` writes (numbers from 1 on, with a blank behind each) is lent
/// from the map where it lies in one piece.
#[track_caller]
pub(super) fn assert_lent_from_the_map(fs: &dyn FileSystem) {
    let file = fs.open(resolve(fs, "/usr/lib/large")).unwrap();
    assert!(file.len() > 40_000);
    let lent = file.slice(10, 40_000).unwrap();
    assert_eq!(lent, file.vec(10, 40_000).unwrap());
    assert!(lent.starts_with(b"6 7 8 9 10 "));
    assert_eq!(file.slice(10, file.len() as usize), None);
    assert!(matches!(file.vec(file.len() - 1, 2), Err(Error::OutOfBounds { .. })));
}
