//! Whole images, made by the real tools, against what the kernel's own mount shows of them
//! (`testdata/xfs/make.sh`), and against damage.
#![allow(clippy::arithmetic_side_effects, clippy::as_conversions, clippy::cast_possible_truncation)]

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use super::*;
use crate::filesystem::testing::{
    assert_lent_from_the_map, assert_listed, content, entries, kind_and_content,
    looks_until_the_limit, quote, resolve, unpack,
};

mod damage;
mod log;
mod mounted;
mod refused;
mod state;

fn image(name: &str) -> Vec<u8> {
    unpack(&format!("xfs/{name}.img.zst"))
}

fn open(name: &str) -> Xfs {
    Xfs::open(Arc::new(image(name))).unwrap()
}

/// What a listing has of a tree.
#[derive(Clone, Copy)]
struct Columns {
    directory_sizes: bool,
    times: bool,
}

const ALL: Columns = Columns { directory_sizes: true, times: true };

/// The whole tree in the words of `list.py`.
fn listing(fs: &dyn FileSystem, columns: Columns) -> Result<BTreeSet<String>> {
    let mut lines = BTreeSet::new();
    let mut stack = vec![(fs.root(), String::new())];
    while let Some((dir, path)) = stack.pop() {
        let (entries, end) = entries(fs, dir);
        end?;
        let count = entries.len();
        for (index, entry) in entries.into_iter().enumerate() {
            let path = format!("{path}/{}", quote(&entry.name));
            // Each lookup reads half of the directory.
            if count < 500 || index % 50 == 0 {
                assert_eq!(fs.lookup(dir, &entry.name)?, Some(entry.node), "{path}");
            }
            let meta = fs.metadata(entry.node)?;
            if let Some(file_type) = entry.file_type {
                assert_eq!(file_type, meta.file_type, "{path}");
            }
            let (kind, content) = kind_and_content(fs, entry.node, &meta);
            let content = content?;
            if meta.file_type == FileType::Directory {
                stack.push((entry.node, path.clone()));
            }
            let len = match meta.file_type {
                FileType::Directory if !columns.directory_sizes => "-".to_owned(),
                _ => meta.len.to_string(),
            };
            let Metadata { mode, uid, gid, links, mtime, .. } = meta;
            let mtime = if columns.times { mtime.to_string() } else { "-".to_owned() };
            lines.insert(format!(
                "{path}\t{kind}\t{mode:o}\t{uid}\t{gid}\t{links}\t{len}\t{mtime}\t{content}"
            ));
        }
    }
    Ok(lines)
}

fn is_listed(fs: &Xfs, name: &str) {
    let text = String::from_utf8(unpack(&format!("xfs/{name}.list.zst"))).unwrap();
    let (counts, expected): (BTreeSet<String>, BTreeSet<String>) =
        text.lines().map(str::to_owned).partition(|line| line.starts_with('#'));
    if !counts.is_empty() {
        let XfsState { free_blocks, inodes, free_inodes, .. } = fs.state();
        let found = [("fdblocks", free_blocks), ("icount", inodes), ("ifree", free_inodes)];
        let found: BTreeSet<_> =
            found.iter().map(|(name, count)| format!("#{name} = {count}")).collect();
        assert_eq!(found, counts, "{name}");
    }
    assert!(expected.len() > 40);
    let is_blank = |column: usize, kind: &str| {
        expected
            .iter()
            .map(|line| line.split('\t').collect::<Vec<_>>())
            .any(|words| words[1] == kind && words[column] == "-")
    };
    let columns =
        Columns { directory_sizes: !is_blank(6, "directory"), times: !is_blank(7, "regular") };
    let found = listing(fs, columns).unwrap();
    assert_listed(&expected, &found, name);
}

fn is_as_mounted(name: &str) -> Xfs {
    let fs = open(name);
    is_listed(&fs, name);
    fs
}

/// Makes the checksum right of `len` bytes from byte `start` on, in which it stands at `at`.
fn seal(bytes: &mut [u8], start: usize, len: usize, at: usize) {
    let block = &mut bytes[start..start + len];
    block[at..at + 4].fill(0);
    let sum = crc32c::crc32c(block);
    block[at..at + 4].copy_from_slice(&sum.to_le_bytes());
}
