//! Whole images, made by the real tools, against what the kernel's own mount shows of them
//! (`testdata/ext/make.sh`), and against damage.
#![allow(clippy::arithmetic_side_effects, clippy::as_conversions, clippy::cast_possible_truncation)]

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Arc;

use super::*;

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

/// Most of a file that a walk of a damaged image reads.
const MAX_READ: u64 = 1 << 20;

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
    let expected: BTreeSet<String> = expected.lines().map(str::to_owned).collect();
    assert!(expected.len() > 40);
    let sizes = expected.iter().any(|line| line.contains("\tdirectory\t") && !line.contains("\t-\t"));
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

macro_rules! as_mounted {
    ($($test:ident: $name:literal, $kind:literal, $journal:ident;)*) => {$(
        #[test]
        fn $test() {
            let fs = is_as_mounted($name);
            assert_eq!(fs.kind(), $kind);
            assert!(matches!(fs.state().journal, JournalState::$journal), "{:?}", fs.state().journal);
        }
    )*};
}

as_mounted! {
    ext2_of_revision_0_is_as_mounted: "ext2-rev0", "ext2", Absent;
    ext2_with_blocks_of_1_kib_is_as_mounted: "ext2-1k", "ext2", Absent;
    ext3_is_as_mounted: "ext3-1k", "ext3", Clean;
    ext4_without_extents_is_as_mounted: "ext4-noextent-4k", "ext4", Absent;
    ext4_with_old_inodes_is_as_mounted: "ext4-128-byte-inodes", "ext4", Absent;
    ext4_with_clusters_is_as_mounted: "ext4-bigalloc", "ext4", Absent;
    ext4_with_two_superblock_copies_is_as_mounted: "ext4-sparse-super2", "ext4", Absent;
    ext4_with_old_descriptor_checksums_is_as_mounted: "ext4-uninit-bg", "ext4", Absent;
    ext4_by_default_is_as_mounted: "ext4-default", "ext4", Clean;
    a_hashed_directory_of_two_levels_is_as_mounted: "ext4-htree", "ext4", Absent;
    inline_files_and_directories_are_as_mounted: "ext4-inline-data", "ext4", Absent;
    a_checksum_seed_apart_from_the_uuid_is_as_mounted: "ext4-csum-seed", "ext4", Absent;
    descriptors_in_meta_groups_are_as_mounted: "ext4-meta-bg", "ext4", Absent;
    features_that_change_no_reading_are_as_mounted: "ext4-features", "ext4", Clean;
    blocks_of_64_kib_are_as_they_were_filled: "ext4-64k", "ext4", Absent;
}

/// The replay of a dirty image that reads as the kernel's own replay left it.
fn replay_as_mounted(name: &str) -> Replay {
    let fs = is_as_mounted(name);
    assert!(fs.state().needs_recovery);
    match fs.state().journal.clone() {
        JournalState::Replayed(replay) => {
            assert_eq!(replay.damaged, 0, "{name}");
            assert!(replay.transactions > 0 && replay.blocks > 0, "{name}: {replay:?}");
            replay
        }
        other => panic!("{name}: {other:?}"),
    }
}

#[test]
fn a_journal_of_ext3_is_replayed_as_the_kernel_does() {
    let replay = replay_as_mounted("dirty-ext3");
    assert!(!replay.fast_commits_not_replayed);
}

#[test]
fn a_journal_with_content_and_escaped_blocks_is_replayed_as_the_kernel_does() {
    replay_as_mounted("dirty-ext3-data");
    replay_as_mounted("dirty-ext4-csum-v3-data");
}

#[test]
fn journals_with_each_kind_of_checksum_are_replayed_as_the_kernel_does() {
    replay_as_mounted("dirty-ext4-csum-v1");
    replay_as_mounted("dirty-ext4-csum-v2");
    replay_as_mounted("dirty-ext4-csum-v3");
}

#[test]
fn journals_with_wide_numbers_or_an_orphan_file_are_replayed_as_the_kernel_does() {
    replay_as_mounted("dirty-ext4-64bit");
    replay_as_mounted("dirty-ext4-orphan-file");
}

#[test]
fn a_revoked_block_keeps_what_was_written_behind_the_journal() {
    assert!(replay_as_mounted("dirty-ext4-csum-v2").revoked > 0);
    assert!(replay_as_mounted("dirty-ext3").revoked > 0);
}

#[test]
fn fast_commits_are_seen_and_said_not_to_be_replayed() {
    let fs = open("dirty-ext4-fast-commit");
    match &fs.state().journal {
        JournalState::Replayed(replay) => assert!(replay.fast_commits_not_replayed, "{replay:?}"),
        other => panic!("{other:?}"),
    }
    listing(&fs, true).unwrap();
}

#[test]
fn a_journal_that_cannot_be_read_leaves_the_file_system_readable_and_says_so() {
    let mut bytes = image("dirty-ext3");
    bytes[1024 + 0xE0..1024 + 0xE4].fill(0);
    let fs = Ext::open(Arc::new(bytes)).unwrap();
    match &fs.state().journal {
        JournalState::NotReplayed { reason } => assert!(reason.contains("another device")),
        other => panic!("{other:?}"),
    }
    assert_eq!(content(&fs, "/etc/kilobyte").len(), 1092);
}
