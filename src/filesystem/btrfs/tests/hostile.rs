//! Structures that no tool makes.

use super::*;
use crate::filesystem::Shutdown;

fn error_of(image: Image) -> Error {
    image.open().map(|_| ()).unwrap_err()
}

#[test]
fn features_that_are_not_read_are_named() {
    let flags = |bits: u64| (0x361_u64 | bits).to_le_bytes();
    for (bits, name) in [
        (1_u64 << 12, "zoned"),
        (1 << 13, "extent-tree-v2"),
        (1 << 14, "raid-stripe-tree"),
        (1 << 17, "remap-tree"),
        (1 << 40 | 1 << 15, "incompat bit 15, incompat bit 40"),
    ] {
        let error = error_of(with_superblock("plain", &[(0xBC, &flags(bits))]));
        let Error::Unsupported { what, .. } = error else { panic!("{error}") };
        assert_eq!(what, format!("the feature {name}"));
    }
    // What only writers must know, and what no chunk makes use of.
    let image = with_superblock("plain", &[(0xB4, &[0xFF; 8]), (0xBC, &flags(1 << 7))]);
    let fs = image.open().unwrap();
    is_listed(&fs, "plain");
    assert!(fs.state().features.iter().any(|name| name == "block-group-tree"));
    assert!(fs.state().features.iter().any(|name| name == "compat_ro bit 63"));
}

#[test]
fn once_too_much_was_read_nothing_is_found_and_nothing_is_absent() {
    let bytes = Arc::new(Image::read("many"));
    let fs = Btrfs::open_within(bytes, Arc::new(Budget::of(8 << 20))).unwrap();
    let looks = looks_until_the_limit(&fs, fs.root(), 8 << 20);
    // Each passes at least one node, of which a share counts.
    let most = (8 << 20) / (u64::from(fs.state().node_size) / 8);
    assert!((1..=most).contains(&looks), "{looks}");
}

#[test]
fn health_tells_of_a_log_tree_and_of_flags() {
    let health = open("plain").health();
    assert_eq!(health.shutdown.known().unwrap().0, Shutdown::Clean);
    assert_eq!((health.stale, health.errors), (None, Vec::new()));
    let space = health.space.known().unwrap();
    assert!(space.free > 0 && space.free < space.total && space.inodes.is_none());
    let fs = with_superblock("plain", &[(0x60, &(1_u64 << 20).to_le_bytes())]).open().unwrap();
    let health = fs.health();
    assert_eq!(health.shutdown.known().unwrap().0, Shutdown::Unclean);
    // The superblock lies at 64 KiB.
    assert_eq!(health.stale.unwrap().location, "btrfs superblock, byte 65632");
    let flags = (1_u64 << 2 | 1 << 32).to_le_bytes();
    let health = with_superblock("plain", &[(0x38, &flags)]).open().unwrap().health();
    assert_eq!(health.errors.len(), 2, "{:?}", health.errors);
}

#[test]
fn an_unknown_checksum_type_is_unsupported() {
    let error = error_of(with_superblock("plain", &[(0xC4, &[9, 0])]));
    let Error::Unsupported { what, .. } = error else { panic!("{error}") };
    assert_eq!(what, "the checksum type 9");
}

#[test]
fn a_superblock_out_of_bounds_is_corrupt() {
    let whole = [0xFF; 8];
    for (at, bytes) in [
        (0x30, &whole[..]),        // its own place
        (0x58, &whole[..]),        // the root of the chunk tree
        (0x50, &whole[..]),        // the root of the root tree
        (0x48, &whole[..]),        // generation
        (0xA4, &whole[..]),        // generation of the chunk tree
        (0x90, &[0, 0, 0, 0][..]), // sector size
        (0x90, &[0, 0, 2, 0][..]),
        (0x94, &[0, 0x10, 0, 1][..]), // node size
        (0x94, &[0, 0, 0, 0x40][..]),
        (0xA0, &[0xFF; 4][..]), // length of the system chunks
        (0xA0, &[0; 4][..]),
        (0xC6, &[8][..]), // levels
        (0xC7, &[255][..]),
        (0x88, &[0; 8][..]),       // devices
        (0x20, &whole[..]),        // identity
        (0x32B + 17, &[0; 8][..]), // length of a system chunk
        (0x32B + 17, &whole[..]),
        (0x32B + 17 + 16, &[0; 8][..]),       // stripe length
        (0x32B + 17 + 24, &[0xFF, 0, 0][..]), // profiles
        (0x32B + 17 + 44, &[0xFF, 0xFF][..]), // stripes
        (0x32B + 17 + 44, &[0, 0][..]),
    ] {
        // Too small to have a copy.
        let error = error_of(with_superblock("mixed", &[(at, bytes)]));
        assert!(matches!(error, Error::Corrupt { .. }), "{at:#x}: {error}");
    }
}

#[test]
fn parity_is_unsupported_where_it_is_needed() {
    // The system chunk becomes RAID5 of two stripes, the second of which is the first again.
    let image = Image::read("plain");
    let at = superblock::OFFSETS[0] + 0x32B + 17;
    let stripe = image.vec(at + 48, 32).unwrap();
    let error = error_of(with_superblock(
        "plain",
        &[
            (0x32B + 17 + 24, &[0x82, 0]),
            (0x32B + 17 + 44, &[2, 0]),
            (0x32B + 17 + 80, &stripe),
            (0xA0, &[17 + 48 + 64, 0, 0, 0]),
        ],
    ));
    let Error::Unsupported { what, .. } = error else { panic!("{error}") };
    assert_eq!(what, "the profile raid5");
}

#[test]
fn a_node_that_leads_to_itself_is_corrupt() {
    let fs = open("many");
    let root = fs.tree.root();
    assert!(root.level > 0);
    let at = fs.volume.chunks.find(root.logical).unwrap().locate(root.logical, 0).unwrap().physical;
    // The pointer, and the generation in it.
    let pointer = [root.logical.to_le_bytes(), root.generation.to_le_bytes()].concat();
    let image = patched("many", &fs, at + 101 + 17, &pointer);
    let fs = image.open().unwrap();
    let error = fs.metadata(FileSystem::root(&fs)).unwrap_err();
    let Error::Corrupt { expected, .. } = &error else { panic!("{error}") };
    assert!(expected.starts_with("level"), "{error}");
}

#[test]
fn a_node_of_another_place_generation_or_tree_is_corrupt() {
    let fs = open("many");
    let root = fs.tree.root();
    let at = fs.volume.chunks.find(root.logical).unwrap().locate(root.logical, 0).unwrap().physical;
    for (place, bytes) in [
        (32, &[1, 2, 3][..]),    // identity
        (48, &[1][..]),          // address
        (80, &[0xFF][..]),       // generation
        (88, &[7][..]),          // owner
        (96, &[0, 0, 0, 0][..]), // number of items
        (96, &[0xFF, 0xFF, 0xFF, 0xFF][..]),
        (100, &[0][..]),        // level
        (101, &[0xFF; 17][..]), // first key
    ] {
        let fs = patched("many", &fs, at + place, bytes).open().unwrap();
        let error = fs.metadata(FileSystem::root(&fs)).unwrap_err();
        assert_eq!(structure_of(&error), "btrfs node", "{place}");
    }
}

/// What reading a file gives when its only stored extent is changed.
fn with_extent(path: &str, changes: &[(u64, &[u8])]) -> Result<Vec<u8>> {
    let fs = open("plain");
    let place = Place::of(resolve(&fs, path));
    let at = item_place(&fs, &fs.tree, Key::new(place.inode, item::EXTENT_DATA, 0));
    let mut image = Image::read("plain");
    for (offset, bytes) in changes {
        image.write(at + offset, bytes);
    }
    seal(&mut image, &fs.volume, at - at % fs.volume.node_size as u64);
    let fs = image.open().unwrap();
    let file = FileSystem::open(&fs, place.node().unwrap())?;
    file.vec(0, file.len() as usize)
}

#[test]
fn extents_that_lie_are_corrupt_and_unknown_ones_unsupported() {
    let stored = "/usr/lib/large";
    assert!(with_extent(stored, &[]).is_ok());
    let whole = [0xFF; 8];
    for changes in [
        &[(21, &whole[..])][..], // address
        &[(21, &[0, 0x10, 0, 0, 0, 0, 0, 0x70][..])],
        &[(29, &[0; 8][..])], // length in the volume
        &[(37, &whole[..])],  // offset in the extent
        &[(37, &[0, 0xF0, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF][..])],
        &[(45, &[0; 8][..])], // length in the file
        &[(45, &[0, 0xF0, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF][..])],
        &[(20, &[7][..])], // type
        &[(20, &[0][..])], // inline, with too much
        // Compressed, and what it makes: too much, or less than the file takes of it.
        &[(16, &[1][..]), (8, &[0, 0, 0, 0, 0, 1, 0, 0][..])],
        &[(16, &[2][..]), (8, &[0, 0x10, 0, 0, 0, 0, 0, 0][..])],
        &[(16, &[3][..])], // no such stream
        &[(16, &[2][..])],
        &[(16, &[1][..])],
    ] {
        let error = with_extent(stored, changes).unwrap_err();
        assert!(matches!(error, Error::Corrupt { .. }), "{changes:?}: {error}");
    }
    for changes in [&[(16, &[4][..])][..], &[(17, &[1][..])], &[(18, &[1][..])]] {
        let error = with_extent(stored, changes).unwrap_err();
        assert!(matches!(error, Error::Unsupported { .. }), "{changes:?}: {error}");
    }
    // Inline: longer than there is, longer than a sector, damaged streams.
    let inline = "/etc/inline-2048";
    for changes in [
        &[(8, &[1, 8][..])][..],
        &[(8, &[0, 0, 0, 0, 1][..])],
        &[(16, &[1][..])],
        &[(16, &[2][..])],
        &[(16, &[3][..])],
    ] {
        let error = with_extent(inline, changes).unwrap_err();
        assert!(matches!(error, Error::Corrupt { .. }), "{changes:?}: {error}");
    }
}

#[test]
fn a_file_that_claims_to_be_huge_takes_no_memory_and_reads_as_zeros() {
    let fs = open("plain");
    let place = Place::of(resolve(&fs, "/usr/lib/large"));
    let at = item_place(&fs, &fs.tree, Key::new(place.inode, item::INODE_ITEM, 0));
    let size = i64::MAX as u64;
    let image = patched("plain", &fs, at + 16, &size.to_le_bytes()).open().unwrap();
    let file = FileSystem::open(&image, place.node().unwrap()).unwrap();
    assert_eq!(file.len(), size);
    assert_eq!(file.vec(size - 10, 10).unwrap(), [0; 10]);
    assert!(matches!(file.vec(size - 10, 11), Err(Error::OutOfBounds { .. })));
    let image = patched("plain", &fs, at + 16, &(size + 1).to_le_bytes()).open().unwrap();
    assert_eq!(structure_of(&image.metadata(place.node().unwrap()).unwrap_err()), inode::NAME);
}

#[test]
fn a_link_longer_than_any_path_is_corrupt() {
    let fs = open("plain");
    let place = Place::of(resolve(&fs, "/etc/long"));
    let at = item_place(&fs, &fs.tree, Key::new(place.inode, item::INODE_ITEM, 0));
    let fs = patched("plain", &fs, at + 16, &[1, 0x10]).open().unwrap();
    assert_eq!(structure_of(&fs.read_link(place.node().unwrap()).unwrap_err()), inode::NAME);
}

/// The top-level subvolume with another entry for `/etc`, both in the list and for its name.
fn with_entry(changes: &[(u64, &[u8])]) -> (Btrfs, Btrfs) {
    let fs = open("plain");
    let root = Place::of(FileSystem::root(&fs)).inode;
    let mut listed = None;
    let range = Key::new(root, item::DIR_INDEX, 0)..=Key::new(root, item::DIR_INDEX, u64::MAX);
    fs.tree
        .walk(&fs.volume, range, |item| {
            let s = item.content("");
            if s.raw.ends_with(b"etc") {
                listed = Some(s.offset);
            }
            Ok(ControlFlow::Continue(()))
        })
        .unwrap();
    let key = Key::new(root, item::DIR_ITEM, checksum::name_hash(b"etc"));
    let places = [listed.unwrap(), item_place(&fs, &fs.tree, key)];
    let [listed, named] = places.map(|at| {
        let mut image = Image::read("plain");
        for (offset, bytes) in changes {
            image.write(at + offset, bytes);
        }
        seal(&mut image, &fs.volume, at - at % fs.volume.node_size as u64);
        image.open().unwrap()
    });
    (listed, named)
}

#[test]
fn names_and_targets_that_cannot_be_are_errors_beside_the_other_names() {
    let others = entries(&open("plain"), Place::root(TOP_LEVEL).node().unwrap()).0.len() - 1;
    for (changes, is_unsupported) in [
        (&[(30, &b"e/c"[..])][..], false),
        (&[(30, &b"e\0c"[..])], false),
        (&[(27, &[2, 0][..]), (30, &b".."[..])], false),
        (&[(27, &[0, 0][..])], false),
        (&[(27, &[0xFF, 0xFF][..])], false),
        (&[(25, &[0xFF, 0xFF][..])], false),
        (&[(8, &[66][..])], false),   // neither inode nor root
        (&[(0, &[7, 0][..])], false), // an inode below the first
        (&[(5, &[1][..])], true),     // an inode above 2^40
        (&[(29, &[0x82][..])], true), // encrypted
    ] {
        let (fs, _) = with_entry(changes);
        let (names, end) = entries(&fs, FileSystem::root(&fs));
        let error = end.unwrap_err();
        assert_eq!(matches!(error, Error::Unsupported { .. }), is_unsupported, "{error}");
        assert_eq!(names.len(), others, "{changes:?}");
    }
    let (_, fs) = with_entry(&[(5, &[1])]);
    let error = fs.lookup(FileSystem::root(&fs), b"etc").unwrap_err();
    assert!(matches!(error, Error::Unsupported { .. }));
}

#[test]
fn an_entry_for_a_subvolume_that_is_entered_nowhere_is_an_empty_directory() {
    // The chunk tree, no subvolume, and the subvolume that it lies in.
    for number in [3_u64, 300, TOP_LEVEL] {
        let location = [&number.to_le_bytes()[..], &[item::ROOT_ITEM], &[0xFF; 8]].concat();
        let (_, fs) = with_entry(&[(0, &location)]);
        let node = fs.lookup(FileSystem::root(&fs), b"etc").unwrap().unwrap();
        assert_eq!(fs.metadata(node).unwrap().file_type, FileType::Directory);
        assert_eq!(entries(&fs, node), (Vec::new(), Ok(())));
        assert_eq!(fs.lookup(node, b"hello"), Ok(None));
    }
}

#[test]
fn subvolumes_that_lie_in_each_other_end_soon() {
    let fs = open("subvolumes");
    // 258 lies in 256, which now lies in 258: the key of the item is in the head of the leaf.
    let at = item_place(&fs, &fs.roots, Key::new(256, item::ROOT_BACKREF, 5));
    let node = at - at % fs.volume.node_size as u64;
    let image = Image::read("subvolumes");
    let raw = image.vec(node, fs.volume.node_size).unwrap();
    let key = [&256_u64.to_le_bytes()[..], &[item::ROOT_BACKREF], &5_u64.to_le_bytes()].concat();
    let place = raw.windows(17).position(|window| window == key).unwrap() as u64;
    let fs = patched("subvolumes", &fs, node + place + 9, &258_u64.to_le_bytes()).open().unwrap();
    let error = fs.subvolumes().unwrap_err();
    assert!(matches!(error, Error::Limit { structure: "btrfs root tree", .. }), "{error}");
}

#[test]
fn nodes_that_name_nothing_are_errors() {
    let fs = open("plain");
    for node in [NodeId(0), NodeId(u64::MAX), Place { tree: 5, inode: 9_999_999 }.node().unwrap()] {
        assert!(fs.metadata(node).is_err());
        assert!(FileSystem::open(&fs, node).is_err());
        assert!(fs.lookup(node, b"x").is_err());
        assert!(entries(&fs, node).1.is_err());
    }
}

#[test]
fn small_parts_of_many_compressed_extents_are_read_up_to_the_bound_alone() {
    const LIMIT: u64 = 8 << 20;
    const PARTS: u64 = 1000;
    // The first sectors of so many extents by turns: one that is there, and it made shorter.
    let read = |count: u64| {
        let budget = Arc::new(Budget::wasting(LIMIT));
        let fs = Btrfs::open_within(Arc::new(Image::read("zlib")), budget).unwrap();
        let file = Place::of(resolve(&fs, "/usr/lib/larger")).inode;
        let stored = extent::read(&fs.volume, &fs.tree, file).unwrap();
        let whole = stored.into_iter().find_map(|extent| match extent.source {
            extent::Source::Compressed { extent, .. } if extent.len == 128 << 10 => Some(extent),
            _ => None,
        });
        let whole = whole.unwrap();
        let part = |index: u64| {
            let len = whole.len - 4096 * (index % count) as usize;
            let source =
                extent::Source::Compressed { extent: extent::Compressed { len, ..whole }, skip: 0 };
            extent::Extent { start: index * 4096, len: 4096, source }
        };
        let content = Content::new(fs.volume, (0..PARTS).map(part).collect(), PARTS * 4096);
        content.vec(0, (PARTS * 4096) as usize)
    };
    // As a file that was written anew in places: each extent is decompressed once.
    let text: Vec<u8> = (1..=1000).map(|number| format!("{number} ")).collect::<String>().into();
    let parts = read(16).unwrap();
    assert!(parts.chunks(4096).all(|part| part[..1000] == text[..1000]));
    let error = read(20).unwrap_err();
    let Error::Limit { limit: LIMIT, unit, .. } = error else { panic!("{error}") };
    assert_eq!(unit, "bytes decompressed in vain");
}
