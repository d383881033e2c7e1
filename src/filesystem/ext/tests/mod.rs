//! Whole images, made by the real tools, against what the kernel's own mount shows of them
//! (`testdata/ext/make.sh`), and against damage.
#![allow(clippy::arithmetic_side_effects, clippy::as_conversions, clippy::cast_possible_truncation)]

use std::collections::BTreeSet;
use std::sync::Arc;

use super::*;
use crate::filesystem::structure::Structure;
use crate::filesystem::testing::{
    assert_lent_from_the_map, assert_listed, content, entries, kind_and_content,
    looks_until_the_limit, quote, resolve, unpack,
};

mod damage;
mod journal;
mod mounted;
mod state;

fn image(name: &str) -> Vec<u8> {
    unpack(&format!("ext/{name}.img.zst"))
}

fn open(name: &str) -> Ext {
    Ext::open(Arc::new(image(name))).unwrap()
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
            let (kind, content) = kind_and_content(fs, entry.node, &meta);
            let content = content?;
            if meta.file_type == FileType::Directory {
                stack.push((entry.node, path.clone()));
            }
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
    let expected = String::from_utf8(unpack(&format!("ext/{name}.list.zst"))).unwrap();
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
    assert_listed(&expected, &found, name);
    fs
}
