//! Damage that copies make good, and damage that they do not.

use super::*;

#[test]
fn a_damaged_superblock_is_read_from_its_copy_and_the_damage_is_noted() {
    let mut image = Image::read("zstd");
    *image.byte(superblock::OFFSETS[0] + 0x12B) ^= 1;
    let fs = image.open().unwrap();
    is_listed(&top(&fs), "zstd");
    let damage = fs.state().damaged_superblock.clone().unwrap();
    assert!(damage.starts_with("btrfs superblock at byte 65536: expected crc32c"), "{damage}");
    assert!(fs.health().stale.unwrap().reason.contains("the kernel does not mount it"));
}

#[test]
fn a_superblock_without_any_sound_copy_is_corrupt() {
    let mut image = Image::read("zstd");
    *image.byte(superblock::OFFSETS[0] + 0x12B) ^= 1;
    *image.byte(superblock::OFFSETS[1] + 0x12B) ^= 1;
    let error = image.open().map(|_| ()).unwrap_err();
    assert_eq!(structure_of(&error), "btrfs superblock");
    let error = Btrfs::open(Arc::new(vec![0_u8; 1 << 20])).map(|_| ()).unwrap_err();
    assert_eq!(structure_of(&error), "btrfs superblock");
    let error = Btrfs::open(Arc::new(vec![0_u8; 4096])).map(|_| ()).unwrap_err();
    assert!(matches!(error, Error::OutOfBounds { .. }));
}

/// Where the copies of the root of the top-level subvolume lie.
fn copies_of_the_root(fs: &Btrfs) -> Vec<u64> {
    let logical = top(fs).tree.root().logical;
    let chunk = fs.volume.chunks.find(logical).unwrap();
    (0..chunk.copies()).map(|copy| chunk.locate(logical, copy).unwrap().physical).collect()
}

#[test]
fn a_damaged_node_is_read_from_the_other_copy() {
    let copies = copies_of_the_root(&open("zstd"));
    assert_eq!(copies.len(), 2);
    for at in &copies {
        let mut image = Image::read("zstd");
        *image.byte(at + 200) ^= 1;
        is_listed(&top(&image.open().unwrap()), "zstd");
    }
    let mut image = Image::read("zstd");
    for at in copies {
        *image.byte(at + 200) ^= 1;
    }
    let fs = image.open().unwrap();
    let error = fs.metadata(FileSystem::root(&fs)).unwrap_err();
    assert_eq!(structure_of(&error), "btrfs node");
}

#[test]
fn a_damaged_node_does_not_hide_the_names_in_others() {
    let fs = open("many");
    let many = Place::of(resolve(&fs, "/many"));
    let before = entries(&fs, many.node().unwrap()).0.len();
    let mut places = Vec::new();
    let range =
        Key::new(many.inode, item::DIR_INDEX, 0)..=Key::new(many.inode, item::DIR_INDEX, u64::MAX);
    fs.tree
        .walk(&fs.volume, range, |item| {
            places.push(item.content("").offset);
            Ok(ControlFlow::Continue(()))
        })
        .unwrap();
    let mut image = Image::read("many");
    *image.byte(places[1000]) ^= 1;
    let fs = image.open().unwrap();
    let (names, end) = entries(&fs, many.node().unwrap());
    assert_eq!(structure_of(&end.unwrap_err()), "btrfs node");
    assert!(names.len() < before && names.len() > before - 100, "{} of {before}", names.len());
}

#[test]
fn a_volume_that_was_cut_says_so() {
    let mut image = Image::read("plain");
    image.len -= 10 << 20;
    let fs = image.open().unwrap();
    assert_eq!(fs.state().missing_bytes, 10 << 20);
    // Linux 6.18: `device total_bytes should be at most 115343360 but found 125829120`.
    assert!(fs.health().stale.unwrap().reason.contains("10485760 bytes"));
}

#[test]
fn a_damaged_stream_is_corrupt_and_never_other_bytes() {
    for name in ["zstd", "lzo", "zlib"] {
        let fs = open(name);
        let place = Place::of(resolve(&fs, "/usr/lib/larger"));
        let extents = extent::read(&fs.volume, &fs.tree, place.inode).unwrap();
        let extent::Source::Compressed { extent, .. } = extents[0].source else { panic!() };
        let at = fs.volume.chunks.find(extent.logical).unwrap().locate(extent.logical, 0).unwrap();
        let mut image = Image::read(name);
        // The magic, the length, the header.
        image.write(at.physical, &[0xFF; 4]);
        let fs = image.open().unwrap();
        let file = FileSystem::open(&fs, place.node().unwrap()).unwrap();
        let error = file.vec(0, 100).unwrap_err();
        assert_eq!(structure_of(&error), "btrfs compressed extent", "{name}");
        assert!(file.vec(256 << 10, 100).is_ok());
    }
}
