//! Damaged and hostile images: whatever the bytes, an answer or an error.

use std::ops::Range;

use super::*;
use crate::filesystem::ext::checksum::crc32c;
use crate::filesystem::mutants::{XorShift, visit_all};

/// Most names of one mutant that are looked at.
const MAX_ENTRIES: usize = 3_000;

/// Where metadata lies that is read of a sound image: superblock and group descriptors, inodes, maps
/// of blocks, directory blocks. What the journal replaces lies in the journal.
fn metadata(fs: &Ext) -> [Vec<Range<usize>>; 4] {
    let size = fs.volume.block_len();
    let place = |byte: u64, len: usize| {
        let (block, within) = fs.volume.split(byte);
        let block = fs.volume.replacement(block).unwrap_or(block);
        let at = (fs.volume.byte(block) + within) as usize;
        at..at + len
    };
    let [mut inodes, mut maps, mut directories] = [const { Vec::new() }; 3];
    let mut stack = vec![fs.root()];
    while let Some(node) = stack.pop() {
        let inode = fs.inode(node).unwrap();
        inodes.push(place(inode.offset, 128));
        if inode.has(flag::INLINE_DATA) {
            stack.extend(entries(fs, node).0.into_iter().map(|entry| entry.node));
            continue;
        }
        // The blocks that an extent tree's root or the pointers of `i_block` lead to first.
        let root = Structure::new("", 0, &inode.block);
        let pointers: Vec<u32> = match inode.has(flag::EXTENTS) {
            true if root.u16(6).unwrap() == 0 => Vec::new(),
            true => (0..root.u16(2).unwrap())
                .map(|n| root.u32(16 + 12 * usize::from(n)).unwrap())
                .collect(),
            false => (12..15).map(|n| root.u32(4 * n).unwrap()).collect(),
        };
        let has_map = matches!(inode.file_type, FileType::Regular | FileType::Directory);
        let pointers = pointers.into_iter().filter(|block| has_map && *block != 0);
        maps.extend(pointers.map(|block| place(fs.volume.byte(block.into()), size)));
        if inode.file_type == FileType::Directory {
            for run in Runs::read(&fs.volume, &inode).unwrap().as_slice() {
                let blocks = run.physical..run.physical + run.len;
                directories.extend(blocks.map(|block| place(fs.volume.byte(block), size)));
            }
            stack.extend(entries(fs, node).0.into_iter().map(|entry| entry.node));
        }
    }
    let descriptors = if size == 1024 { 2 } else { 1 };
    let first = [place(1024, 0x200), place(fs.volume.byte(descriptors), 64)];
    [first.to_vec(), inodes, maps, directories]
}

/// Walks `count` mutants of an image, each with some bytes of metadata changed where there were any;
/// gives how many still opened, and how many of those had something wrong.
fn mutate(name: &str, count: usize) -> (usize, usize) {
    let sound = open(name);
    assert_eq!(visit_all(&sound, MAX_ENTRIES), 0, "{name}");
    let kinds = metadata(&sound).map(|ranges| (!ranges.is_empty()).then_some(ranges));
    let kinds: Vec<Vec<Range<usize>>> = kinds.into_iter().flatten().collect();
    let mut bytes = Arc::new(image(name));
    let mut random = XorShift(0x9E37_79B9_7F4A_7C15);
    let (mut opened, mut damaged) = (0, 0);
    for _ in 0..count {
        let mut undo = Vec::new();
        let whole = Arc::get_mut(&mut bytes).unwrap();
        for _ in 0..=random.below(3) {
            let kind = &kinds[random.below(kinds.len())];
            let range = kind[random.below(kind.len())].clone();
            let used: Vec<usize> = range.clone().filter(|at| whole[*at] != 0).collect();
            let Some(last) = used.len().checked_sub(1) else { continue };
            // Where something stands, or right beside it.
            let at = (used[random.below(last + 1)] + random.below(3)).min(range.end - 1);
            undo.push((at, whole[at]));
            whole[at] = match random.below(4) {
                0 => 0,
                1 => 0xFF,
                2 => whole[at] ^ 1 << random.below(8),
                _ => random.next() as u8,
            };
        }
        let shared: Arc<dyn Bytes> = bytes.clone();
        if let Ok(fs) = Ext::open(shared) {
            opened += 1;
            damaged += usize::from(visit_all(&fs, MAX_ENTRIES) > 0);
        }
        let whole = Arc::get_mut(&mut bytes).unwrap();
        for (at, byte) in undo.into_iter().rev() {
            whole[at] = byte;
        }
    }
    (opened, damaged)
}

#[test]
fn mutants_without_checksums_give_answers_or_errors() {
    for name in [
        "ext2-1k",
        "ext4-uninit-bg",
        "ext4-inline-data-plain",
        "ext4-noextent-4k",
        "dirty-ext3",
        "dirty-ext4-64bit",
        "dirty-ext4-csum-v1",
    ] {
        let (opened, damaged) = mutate(name, 400);
        assert!(opened > 300 && damaged > 20, "{name}: {opened} opened, {damaged} damaged");
    }
}

#[test]
fn mutants_with_checksums_give_answers_or_errors() {
    for name in ["ext4-csum-seed", "ext4-inline-data", "dirty-ext4-csum-v3", "dirty-ext4-csum-v2"] {
        let (opened, damaged) = mutate(name, 300);
        assert!(opened > 200 && damaged > 20, "{name}: {opened} opened, {damaged} damaged");
    }
}

/// The image with one byte changed at the place in the volume that an error names as `structure`.
fn flip(name: &str, at: u64) -> Ext {
    let mut bytes = image(name);
    bytes[at as usize] ^= 0x40;
    Ext::open(Arc::new(bytes)).unwrap()
}

fn structure_of(error: &Error) -> &'static str {
    match error {
        Error::Corrupt { structure, .. } => structure,
        other => panic!("{other}"),
    }
}

#[test]
fn a_flipped_bit_anywhere_in_checked_metadata_is_corrupt() {
    let fs = open("ext4-csum-seed");
    let root = fs.inode(fs.root()).unwrap();
    // The time of access of an inode, the last byte of its block group's descriptor, the name of a
    // deleted or unused entry: nothing that is read tells of the damage but the checksum.
    let damaged = flip("ext4-csum-seed", root.offset + 8);
    assert_eq!(structure_of(&damaged.metadata(fs.root()).unwrap_err()), "ext inode");

    let descriptors = 2 * 1024;
    let damaged = flip("ext4-csum-seed", descriptors + 0xC);
    assert_eq!(structure_of(&damaged.metadata(fs.root()).unwrap_err()), "ext group descriptor");

    let block = Runs::read(&fs.volume, &root).unwrap().as_slice()[0].physical;
    let damaged = flip("ext4-csum-seed", block * 1024 + 1000);
    assert_eq!(structure_of(&entries(&damaged, fs.root()).1.unwrap_err()), "ext directory block");
    assert!(damaged.lookup(fs.root(), b"absent").is_err());

    let scattered = fs.inode(resolve(&fs, "/usr/scattered")).unwrap();
    let root = Structure::new("", 0, &scattered.block);
    assert!(root.u16(6).unwrap() > 0, "the file has blocks of extents");
    let block = u64::from(root.u32(12 + 4).unwrap());
    let damaged = flip("ext4-csum-seed", block * 1024 + 1020);
    let error = FileSystem::open(&damaged, NodeId(scattered.number.into())).map(|_| ());
    assert_eq!(structure_of(&error.unwrap_err()), "ext extent block");

    let mut bytes = image("ext4-csum-seed");
    bytes[1024 + 0x88] ^= 1;
    let error = Ext::open(Arc::new(bytes)).map(|_| ()).unwrap_err();
    assert_eq!(structure_of(&error), "ext superblock");
}

#[test]
fn a_damaged_index_block_of_a_hashed_directory_is_corrupt() {
    let fs = open("ext4-htree");
    let many = fs.inode(resolve(&fs, "/many")).unwrap();
    assert!(many.has(flag::INDEX));
    let first = Runs::read(&fs.volume, &many).unwrap().as_slice()[0].physical;
    // Two levels: `indirect_levels` of the root is 1.
    assert_eq!(fs.volume.block(first).unwrap()[30], 1);
    let damaged = flip("ext4-htree", first * 1024 + 40);
    let (names, end) = entries(&damaged, NodeId(many.number.into()));
    assert_eq!(structure_of(&end.unwrap_err()), "ext directory block");
    // The other blocks are there all the same.
    assert_eq!(names.len(), 3000 - 414);
}

/// An image without checksums in which the file of that path has this `i_block`.
fn with_block_map(name: &str, path: &str, map: &[u8], size: u64) -> (Ext, NodeId) {
    let fs = open(name);
    let inode = fs.inode(resolve(&fs, path)).unwrap();
    let mut bytes = image(name);
    let at = inode.offset as usize;
    bytes[at + 0x28..at + 0x28 + map.len()].copy_from_slice(map);
    bytes[at + 4..at + 8].copy_from_slice(&(size as u32).to_le_bytes());
    bytes[at + 0x6C..at + 0x70].copy_from_slice(&((size >> 32) as u32).to_le_bytes());
    (Ext::open(Arc::new(bytes)).unwrap(), NodeId(inode.number.into()))
}

fn extent_header(entries: u16, depth: u16) -> Vec<u8> {
    [0xF30A_u16, entries, 4, depth, 0, 0].iter().flat_map(|word| word.to_le_bytes()).collect()
}

#[test]
fn extents_that_overlap_go_back_or_leave_the_volume_are_corrupt() {
    // ee_block, ee_len, ee_start_hi, ee_start_lo
    let extent = |block: u32, len: u16, high: u16, start: u32| {
        let mut raw = block.to_le_bytes().to_vec();
        raw.extend(len.to_le_bytes());
        raw.extend(high.to_le_bytes());
        raw.extend(start.to_le_bytes());
        raw
    };
    for (first, second) in [
        (extent(0, 4, 0, 100), extent(3, 4, 0, 200)),
        (extent(8, 4, 0, 100), extent(0, 4, 0, 200)),
        (extent(0, 4, 0, 100), extent(4, 4, 1, 200)),
        (extent(0, 4, 0, 100), extent(4, 0, 0, 200)),
        (extent(0, 4, 0, 100), extent(4, 4, 0, 0)),
        (extent(0, 1500, 0, 100), extent(1500, 1500, 0, 100)),
    ] {
        let map = [extent_header(2, 0), first, second].concat();
        let (fs, node) = with_block_map("ext4-uninit-bg", "/etc/kilobyte", &map, 8192);
        let error = FileSystem::open(&fs, node).map(|_| ());
        assert!(matches!(error, Err(Error::Corrupt { .. })), "{map:?}: {error:?}");
    }
}

#[test]
fn an_extent_tree_that_leads_back_into_itself_or_too_deep_is_corrupt() {
    for depth in [5, 6, 1000] {
        // The index leads to a block of the file's own: the root cannot hold it at this depth.
        let mut map = extent_header(1, depth);
        map.extend([0, 0, 0, 0, 100, 0, 0, 0, 0, 0, 0, 0]);
        let (fs, node) = with_block_map("ext4-uninit-bg", "/etc/kilobyte", &map, 8192);
        assert!(matches!(FileSystem::open(&fs, node).map(|_| ()), Err(Error::Corrupt { .. })));
    }
}

#[test]
fn block_numbers_that_all_lead_to_one_block_end_soon() {
    // Block 100 of three levels of blocks, filled with its own number.
    let fs = open("ext2-1k");
    let inode = fs.inode(resolve(&fs, "/etc/kilobyte")).unwrap();
    let mut bytes = image("ext2-1k");
    let block = 3000_u32;
    bytes[3000 * 1024..3001 * 1024].copy_from_slice(&block.to_le_bytes().repeat(256));
    let at = inode.offset as usize;
    bytes[at + 0x28 + 14 * 4..at + 0x28 + 15 * 4].copy_from_slice(&block.to_le_bytes());
    let fs = Ext::open(Arc::new(bytes)).unwrap();
    let error = FileSystem::open(&fs, NodeId(inode.number.into())).map(|_| ());
    assert_eq!(structure_of(&error.unwrap_err()), "ext inode");
}

#[test]
fn a_directory_that_claims_to_be_huge_gives_its_names_and_then_the_damage() {
    let fs = open("ext2-1k");
    let etc = fs.inode(resolve(&fs, "/etc")).unwrap();
    let before = entries(&fs, NodeId(etc.number.into())).0.len();
    let (fs, node) = with_block_map("ext2-1k", "/etc", &etc.block, 0x4000_0000);
    let (names, end) = entries(&fs, node);
    assert_eq!(names.len(), before);
    assert_eq!(structure_of(&end.unwrap_err()), "ext inode");
}

#[test]
fn a_file_that_claims_to_be_huge_takes_no_memory_and_reads_as_zeros() {
    let size = 1 << 42;
    let fs = open("ext2-1k");
    let inode = fs.inode(resolve(&fs, "/etc/kilobyte")).unwrap();
    let (fs, node) = with_block_map("ext2-1k", "/etc/kilobyte", &inode.block, size);
    let file = FileSystem::open(&fs, node).unwrap();
    assert_eq!(file.len(), size);
    assert_eq!(file.vec(size - 10, 10).unwrap(), [0; 10]);
    assert!(matches!(file.vec(size - 10, 11), Err(Error::OutOfBounds { .. })));
}

#[test]
fn a_name_with_a_slash_or_nul_is_corrupt() {
    let name = b"kilobyte";
    for byte in [b'/', 0] {
        let mut bytes = image("ext2-1k");
        let at = bytes.windows(name.len()).position(|window| window == name).unwrap();
        bytes[at + 2] = byte;
        let fs = Ext::open(Arc::new(bytes)).unwrap();
        let etc = resolve(&fs, "/etc");
        assert_eq!(structure_of(&entries(&fs, etc).1.unwrap_err()), "ext inode");
    }
}

#[test]
fn inode_numbers_outside_the_file_system_are_corrupt() {
    let fs = open("ext2-1k");
    let last = u64::from(fs.state().inodes);
    for number in [0, last + 1, u64::MAX] {
        assert_eq!(structure_of(&fs.metadata(NodeId(number)).unwrap_err()), "ext inode");
    }
    // Never used.
    assert!(matches!(fs.metadata(NodeId(last)), Err(Error::Corrupt { .. })));
}

#[test]
fn once_too_much_was_read_nothing_is_found_and_nothing_is_absent() {
    let bytes: Arc<dyn Bytes> = Arc::new(image("ext4-htree"));
    let fs = Ext::open_within(bytes, Arc::new(Budget::of(1 << 20))).unwrap();
    let looks = looks_until_the_limit(&fs, fs.root(), 1 << 20);
    assert!((1..=1024).contains(&looks), "{looks}");
}

/// Calls `visit` for each record of fast commits in `raw` with its tag and where its value lies.
fn records(raw: &[u8], mut visit: impl FnMut(u16, Range<usize>)) {
    let mut at = 0;
    while at + 4 <= raw.len() {
        let tag = u16::from_le_bytes([raw[at], raw[at + 1]]);
        let len = usize::from(u16::from_le_bytes([raw[at + 2], raw[at + 3]]));
        let value = at + 4..at + 4 + len;
        if !(1..=9).contains(&tag) || value.end > raw.len() {
            break;
        }
        visit(tag, value.clone());
        at = value.end;
    }
}

/// Sets the checksums of the tails right.
fn seal_fast_commits(raw: &mut [u8]) {
    let mut tails = Vec::new();
    let mut sum = 0;
    records(raw, |tag, value| {
        if tag == 8 {
            tails.push((value.start + 4, crc32c(sum, &raw[value.start - 4..value.start + 4])));
            sum = 0;
        } else {
            sum = crc32c(sum, &raw[value.start - 4..value.end]);
        }
    });
    for (at, sum) in tails {
        raw[at..at + 4].copy_from_slice(&sum.to_le_bytes());
    }
}

#[test]
fn mutants_of_fast_commits_are_replayed_or_said_not_to_be() {
    for name in ["dirty-ext4-fast-names", "dirty-ext4-fast-blocks"] {
        let at = |fs: &Ext| match &fs.state().journal {
            JournalState::Replayed(replay) => replay.fast_commits.clone(),
            other => panic!("{other:?}"),
        };
        let sound = image(name);
        let start = at(&open(name)).unwrap().at as usize;
        let mut values = Vec::new();
        records(&sound[start..], |tag, value| {
            if (1..=6).contains(&tag) {
                values.push(value);
            }
        });
        assert!(values.len() > 30, "{}", values.len());
        let mut random = XorShift(0x2545_F491_4F6C_DD1D);
        let (mut replayed, mut refused) = (0, 0);
        for _ in 0..150 {
            let mut bytes = sound.clone();
            let raw = &mut bytes[start..];
            for _ in 0..=random.below(4) {
                let value = &values[random.below(values.len())];
                // The first bytes name inodes, blocks and lengths.
                let len = value.len().min(if random.below(2) == 0 { 12 } else { usize::MAX });
                let byte = &mut raw[value.start + random.below(len)];
                *byte = match random.below(3) {
                    0 => 0xFF,
                    1 => *byte ^ 1 << random.below(8),
                    _ => random.next() as u8,
                };
            }
            seal_fast_commits(raw);
            let Ok(fs) = Ext::open(Arc::new(bytes)) else { continue };
            let state = at(&fs).unwrap();
            replayed += usize::from(state.not_replayed.is_none());
            refused += usize::from(state.not_replayed.is_some());
            visit_all(&fs, MAX_ENTRIES);
        }
        assert!(replayed > 20 && refused > 5, "{name}: {replayed} replayed, {refused} refused");
    }
}
