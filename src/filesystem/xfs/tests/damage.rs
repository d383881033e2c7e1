//! Damaged and hostile images: whatever the bytes, an answer or an error.

use super::*;
use crate::filesystem::mutants::{XorShift, visit_all};
use crate::filesystem::xfs::extent::Extent;

/// Most names of one mutant that are looked at.
const MAX_ENTRIES: usize = 1_500;

/// Walks `count` mutants of an image, each with some bytes changed where there were any; gives how
/// many still opened, and how many of those had something wrong. `seals`: checksums of inodes and
/// blocks are made to agree with what was changed.
fn mutate(name: &str, count: usize, seals: bool) -> (usize, usize) {
    let mut bytes = Arc::new(image(name));
    // Where something stands: mutants of empty blocks would all read the same.
    let used: Vec<usize> = bytes
        .chunks(32)
        .enumerate()
        .filter(|(_, chunk)| chunk.iter().any(|byte| *byte != 0))
        .map(|(index, _)| index * 32)
        .filter(|at| !seals || checksum_around(&bytes, *at).is_some())
        .collect();
    let mut random = XorShift(0x9E37_79B9_7F4A_7C15);
    let (mut opened, mut damaged) = (0, 0);
    for _ in 0..count {
        let whole = Arc::get_mut(&mut bytes).unwrap();
        let mut undo = Vec::new();
        for _ in 0..=random.below(6) {
            let at = used[random.below(used.len())] + random.below(32);
            let block = at / 4096 * 4096;
            undo.push((block, whole[block..block + 4096].to_vec()));
            whole[at] = match random.below(4) {
                0 => 0,
                1 => 0xFF,
                2 => whole[at] ^ 1 << random.below(8),
                _ => random.next() as u8,
            };
            if seals && let Some((start, len, checksum)) = checksum_around(whole, at) {
                seal(whole, start, len, checksum);
            }
        }
        let shared: Arc<dyn Bytes> = bytes.clone();
        if let Ok(fs) = Xfs::open(shared) {
            opened += 1;
            damaged += usize::from(visit_all(&fs, MAX_ENTRIES) > 0);
        }
        let whole = Arc::get_mut(&mut bytes).unwrap();
        for (block, before) in undo.into_iter().rev() {
            whole[block..block + 4096].copy_from_slice(&before);
        }
    }
    (opened, damaged)
}

/// Where the checksum stands of what a byte lies in, in images with inodes of 512 bytes and blocks
/// of 4 KiB: start and length of that, and place in it.
fn checksum_around(bytes: &[u8], at: usize) -> Option<(usize, usize, usize)> {
    let (sector, block) = (at / 512 * 512, at / 4096 * 4096);
    Some(match &bytes[block..block + 4] {
        b"XDB3" | b"XDD3" => (block, 4096, 4),
        b"BMA3" => (block, 4096, 64),
        b"XSLM" => (block, 4096, 12),
        b"XFSB" if at < 512 => (0, 512, 224),
        _ if bytes[sector..].starts_with(b"IN") => (sector, 512, 100),
        _ => return None,
    })
}

#[test]
fn mutants_without_checksums_give_answers_or_errors() {
    for name in ["v4-default", "v4-no-ftype", "v4-512"] {
        let (opened, damaged) = mutate(name, 300, false);
        assert!(opened > 200 && damaged > 10, "{name}: {opened} opened, {damaged} damaged");
    }
}

#[test]
fn mutants_whose_checksums_agree_give_answers_or_errors() {
    let (opened, damaged) = mutate("v5-default", 600, true);
    assert!(opened > 400 && damaged > 20, "{opened} opened, {damaged} damaged");
}

#[test]
fn mutants_with_checksums_give_answers_or_errors() {
    for name in ["v5-default", "dirty-v5", "dirty-v5-1k-rmapbt"] {
        let (opened, damaged) = mutate(name, 150, false);
        assert!(opened > 100 && damaged > 5, "{name}: {opened} opened, {damaged} damaged");
    }
}

/// The image with one byte changed.
fn flip(name: &str, at: u64) -> Xfs {
    let mut bytes = image(name);
    bytes[at as usize] ^= 0x40;
    Xfs::open(Arc::new(bytes)).unwrap()
}

fn structure_of(error: &Error) -> &'static str {
    match error {
        Error::Corrupt { structure, .. } => structure,
        other => panic!("{other}"),
    }
}

fn first_run(fs: &Xfs, node: NodeId) -> u64 {
    Runs::read(&fs.volume, &fs.superblock, &fs.inode(node).unwrap()).unwrap().as_slice()[0].byte
}

#[test]
fn a_flipped_bit_anywhere_in_checked_metadata_is_corrupt() {
    let name = "v5-1k";
    let fs = open(name);
    // The time of access, the last bytes of blocks: nothing tells of the damage but the checksum.
    let etc = resolve(&fs, "/etc");
    let damaged = flip(name, fs.inode(etc).unwrap().offset + 36);
    assert_eq!(structure_of(&damaged.metadata(etc).unwrap_err()), "xfs inode");

    let many = resolve(&fs, "/many");
    let damaged = flip(name, first_run(&fs, many) + 58);
    let (names, end) = entries(&damaged, many);
    assert_eq!(structure_of(&end.unwrap_err()), "xfs directory block");
    assert!(damaged.lookup(many, b"absent").is_err());
    // The other blocks are there all the same.
    assert!(names.len() > 300);

    let tree = resolve(&fs, "/tree");
    let inode = fs.inode(tree).unwrap();
    let fork = inode.fork();
    let room = (fork.raw.len() - 4) / 16;
    let block = fork.be64(4 + room * 8).unwrap();
    let byte = fs.volume.geometry.block_byte(block, 1).unwrap();
    let damaged = flip(name, byte + 1023);
    let error = FileSystem::open(&damaged, tree).map(|_| ()).unwrap_err();
    assert_eq!(structure_of(&error), "xfs bmap btree block");

    let link = resolve(&fs, "/etc/link-1000");
    let damaged = flip(name, first_run(&fs, link) + 1000);
    assert_eq!(structure_of(&damaged.read_link(link).unwrap_err()), "xfs symlink block");

    let mut bytes = image(name);
    bytes[110] ^= 1;
    let error = Xfs::open(Arc::new(bytes)).map(|_| ()).unwrap_err();
    assert_eq!(structure_of(&error), "xfs superblock");
}

#[test]
fn a_block_that_belongs_elsewhere_is_corrupt_though_its_checksum_agrees() {
    let fs = open("v5-1k");
    let (many, more) = (resolve(&fs, "/many"), resolve(&fs, "/more"));
    let (from, to) = (first_run(&fs, many) as usize, first_run(&fs, more) as usize);
    let mut bytes = image("v5-1k");
    bytes.copy_within(from..from + 4096, to);
    let damaged = Xfs::open(Arc::new(bytes)).unwrap();
    let error = entries(&damaged, more).1.unwrap_err();
    assert!(error.to_string().contains("owner"), "{error}");
}

/// Puts a map of extents in the place of that of `/usr/lib/large` in an image of version 4.
fn with_fork(format: u8, extents: u32, fork: &[u8], blocks: &[(u64, Vec<u8>)]) -> (Xfs, NodeId) {
    let fs = open("v4-default");
    let node = resolve(&fs, "/usr/lib/large");
    let mut bytes = image("v4-default");
    let at = fs.inode(node).unwrap().offset as usize;
    bytes[at + 5] = format;
    bytes[at + 76..at + 80].copy_from_slice(&extents.to_be_bytes());
    bytes[at + 100..at + 100 + fork.len()].copy_from_slice(fork);
    for (block, content) in blocks {
        let at = *block as usize * 4096;
        bytes[at..at + content.len()].copy_from_slice(content);
    }
    (Xfs::open(Arc::new(bytes)).unwrap(), node)
}

fn extent(logical: u64, physical: u64, len: u64) -> [u8; 16] {
    (u128::from(logical) << 73 | u128::from(physical) << 21 | u128::from(len)).to_be_bytes()
}

/// A block of a tree of extents in version 4, and the root that leads to such blocks.
fn node(level: u16, count: u16, records: &[u8]) -> Vec<u8> {
    let mut block = b"BMAP".to_vec();
    block.extend(level.to_be_bytes());
    block.extend(count.to_be_bytes());
    block.extend([0xFF; 16]);
    block.extend(records);
    block
}

fn root(level: u16, pointers: &[u64], fork: usize) -> Vec<u8> {
    let room = (fork - 4) / 16;
    let mut root = level.to_be_bytes().to_vec();
    root.extend((pointers.len() as u16).to_be_bytes());
    root.resize(4 + room * 8, 0);
    root.extend(pointers.iter().flat_map(|pointer| pointer.to_be_bytes()));
    root.resize(fork, 0);
    root
}

/// Bytes of the data fork of `/usr/lib/large`, and its only extent.
fn large() -> (usize, Extent) {
    let fs = open("v4-default");
    let inode = fs.inode(resolve(&fs, "/usr/lib/large")).unwrap();
    assert_eq!(inode.extents, 1);
    (inode.fork().raw.len(), Extent::parse(inode.fork().array(0).unwrap()))
}

#[test]
fn a_tree_of_extents_of_version_4_is_read() {
    let expected = content(&open("v4-default"), "/usr/lib/large");
    let (fork, whole) = large();
    assert!(whole.len > 2);
    let first = extent(0, whole.physical, 1);
    let second = extent(1, whole.physical + 1, whole.len - 1);
    // A root of level 2, one node and two leaves, in blocks that nothing uses.
    let mut pointers = vec![0; 254 * 8];
    pointers.extend([3001_u64.to_be_bytes(), 3002_u64.to_be_bytes()].concat());
    let blocks =
        [(3000, node(1, 2, &pointers)), (3001, node(0, 1, &first)), (3002, node(0, 1, &second))];
    let (fs, _) = with_fork(3, 2, &root(2, &[3000], fork), &blocks);
    assert_eq!(content(&fs, "/usr/lib/large"), expected);
}

#[test]
fn extents_that_overlap_go_back_or_leave_their_group_are_corrupt() {
    for (first, second) in [
        (extent(0, 100, 4), extent(3, 200, 4)),
        (extent(8, 100, 4), extent(0, 200, 4)),
        (extent(0, 100, 4), extent(4, 4090, 10)),
        (extent(0, 100, 4), extent(4, 1 << 40, 4)),
        (extent(0, 100, 4), extent(4, 200, 0)),
    ] {
        let (fs, node) = with_fork(2, 2, &[first, second].concat(), &[]);
        let error = FileSystem::open(&fs, node).map(|_| ()).unwrap_err();
        assert_eq!(structure_of(&error), "xfs data fork");
    }
    let (fs, node) = with_fork(2, u32::MAX, &extent(0, 100, 4), &[]);
    let error = FileSystem::open(&fs, node).map(|_| ()).unwrap_err();
    assert_eq!(structure_of(&error), "xfs inode");
}

#[test]
fn trees_that_lead_back_into_themselves_or_are_too_deep_are_corrupt() {
    let (fork, whole) = large();
    let pointers = |block: u64| {
        let mut records = vec![0; 254 * 8];
        records.extend(block.to_be_bytes().repeat(254));
        records
    };
    let leaf = node(0, 1, &extent(0, whole.physical, 1));
    for (level, blocks) in [
        (2, vec![(3000, node(1, 254, &pointers(3000)))]),
        (9, vec![(3000, node(8, 254, &pointers(3000)))]),
        (0, vec![(3000, leaf.clone())]),
        // Every pointer leads to the same leaf.
        (2, vec![(3000, node(1, 254, &pointers(3001))), (3001, leaf)]),
    ] {
        let (fs, node) = with_fork(3, 1, &root(level, &[3000], fork), &blocks);
        let error = FileSystem::open(&fs, node).map(|_| ()).unwrap_err();
        assert!(matches!(error, Error::Corrupt { .. }), "{level}: {error}");
    }
}

#[test]
fn content_on_the_real_time_device_is_unsupported_and_the_rest_is_not() {
    let fs = open("v4-default");
    let node = resolve(&fs, "/usr/lib/large");
    let mut bytes = image("v4-default");
    bytes[fs.inode(node).unwrap().offset as usize + 91] |= 1;
    let fs = Xfs::open(Arc::new(bytes)).unwrap();
    assert_eq!(fs.metadata(node).unwrap().file_type, FileType::Regular);
    match FileSystem::open(&fs, node).map(|_| ()).unwrap_err() {
        Error::Unsupported { what, .. } => assert!(what.contains("real-time"), "{what}"),
        other => panic!("{other}"),
    }
    assert_eq!(content(&fs, "/etc/hello"), b"hello\n");
}

#[test]
fn a_directory_that_claims_to_be_huge_gives_its_names_and_then_the_damage() {
    let fs = open("v4-default");
    let many = resolve(&fs, "/many");
    let (before, end) = entries(&fs, many);
    end.unwrap();
    let mut bytes = image("v4-default");
    let at = fs.inode(many).unwrap().offset as usize;
    bytes[at + 56..at + 64].copy_from_slice(&(32_u64 << 30).to_be_bytes());
    let fs = Xfs::open(Arc::new(bytes.clone())).unwrap();
    let (names, end) = entries(&fs, many);
    assert_eq!(names, before);
    assert_eq!(structure_of(&end.unwrap_err()), "xfs inode");
    bytes[at + 56..at + 64].copy_from_slice(&(1_u64 << 50).to_be_bytes());
    let fs = Xfs::open(Arc::new(bytes)).unwrap();
    assert_eq!(structure_of(&fs.lookup(many, b"absent").unwrap_err()), "xfs inode");
}

#[test]
fn a_file_that_claims_to_be_huge_takes_no_memory_and_reads_as_zeros() {
    let fs = open("v4-default");
    let node = resolve(&fs, "/etc/nothing");
    let mut bytes = image("v4-default");
    let at = fs.inode(node).unwrap().offset as usize;
    let size = 1_u64 << 60;
    bytes[at + 56..at + 64].copy_from_slice(&size.to_be_bytes());
    let fs = Xfs::open(Arc::new(bytes)).unwrap();
    let file = FileSystem::open(&fs, node).unwrap();
    assert_eq!(file.len(), size);
    assert_eq!(file.vec(size - 10, 10).unwrap(), [0; 10]);
    assert!(matches!(file.vec(size - 10, 11), Err(Error::OutOfBounds { .. })));
}

#[test]
fn a_name_with_a_slash_or_nul_is_corrupt() {
    let name = b"a-rather-long-name-to-fill-blocks-77";
    for byte in [b'/', 0] {
        let mut bytes = image("v4-default");
        let at = bytes.windows(name.len()).position(|window| window == name).unwrap();
        bytes[at + 2] = byte;
        let fs = Xfs::open(Arc::new(bytes)).unwrap();
        let many = resolve(&fs, "/many");
        assert_eq!(structure_of(&entries(&fs, many).1.unwrap_err()), "xfs inode");
    }
}

#[test]
fn once_too_much_was_read_nothing_is_found_and_nothing_is_absent() {
    for (name, path) in [("v5-1k", "/many"), ("v4-default", "/many"), ("v5-default", "/etc")] {
        let bytes: Arc<dyn Bytes> = Arc::new(image(name));
        let fs = Xfs::open_within(bytes, Arc::new(Budget::of(1 << 20))).unwrap();
        let dir = resolve(&fs, path);
        let looks = looks_until_the_limit(&fs, dir, 1 << 20);
        // The shortest directory lies in a fork of more than 128 bytes.
        assert!((1..=8192).contains(&looks), "{name}: {looks}");
    }
}

#[test]
fn a_map_of_blocks_that_is_read_again_and_again_ends() {
    let bytes: Arc<dyn Bytes> = Arc::new(image("v5-1k"));
    let fs = Xfs::open_within(bytes, Arc::new(Budget::of(1 << 20))).unwrap();
    let tree = resolve(&fs, "/tree");
    let error = loop {
        if let Err(error) = FileSystem::open(&fs, tree) {
            break error;
        }
    };
    assert!(matches!(error, Error::Limit { .. }), "{error}");
}

#[test]
fn inode_numbers_outside_the_file_system_are_corrupt() {
    for name in ["v5-default", "v4-512", "v5-1k"] {
        let fs = open(name);
        for number in [0, 1, 1 << 40, 1 << 56, u64::MAX] {
            assert_eq!(structure_of(&fs.metadata(NodeId(number)).unwrap_err()), "xfs inode");
        }
    }
}

#[test]
fn an_inode_that_is_free_is_corrupt_as_a_node() {
    let fs = open("v5-1k");
    assert!(fs.state().free_inodes > 0);
    let free = (0..fs.state().blocks * 2)
        .filter_map(|number| fs.metadata(NodeId(number)).err())
        .filter(|error| error.to_string().contains("with mode 0"))
        .inspect(|error| assert_eq!(structure_of(error), "xfs inode"))
        .count();
    assert!(free > 0);
}

#[test]
fn superblocks_with_sizes_that_contradict_each_other_are_corrupt() {
    // Where, and what is put there.
    let cases: &[(usize, &[u8])] = &[
        (4, &[0, 0, 0, 0]),
        (4, &[0, 0, 0x20, 0]),
        (8, &[0xFF; 8]),
        (8, &[0; 8]),
        (56, &[0; 8]),
        (56, &[0xFF; 8]),
        (84, &[0; 4]),
        (84, &[0xFF; 4]),
        (88, &[0; 4]),
        (88, &[0xFF; 4]),
        (102, &[0, 0]),
        (104, &[0x10, 0]),
        (120, &[8]),
        (121, &[40]),
        (122, &[13]),
        (123, &[31]),
        (124, &[63]),
        (126, &[1]),
        (192, &[5]),
        (192, &[255]),
    ];
    for (at, value) in cases {
        let mut bytes = image("v4-default");
        bytes[*at..at + value.len()].copy_from_slice(value);
        let error = Xfs::open(Arc::new(bytes)).map(|_| ()).unwrap_err();
        assert_eq!(structure_of(&error), "xfs superblock", "{at}: {error}");
    }
    for short in [0, 100, 511] {
        assert!(Xfs::open(Arc::new(image("v4-default")[..short].to_vec())).is_err());
    }
}
