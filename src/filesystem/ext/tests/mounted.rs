//! Images that were unmounted cleanly.

use super::*;

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

#[test]
fn a_range_inside_one_extent_is_lent_from_the_map() {
    assert_lent_from_the_map(&open("ext4-default"));
}

#[test]
fn a_hole_is_known_to_be_zero_without_reading() {
    for name in ["ext4-default", "ext2-1k"] {
        let fs = open(name);
        let file = FileSystem::open(&fs, resolve(&fs, "/usr/sparse")).unwrap();
        assert_eq!(file.len(), 90_000_000);
        // make.sh writes at these places alone.
        let block = u64::from(fs.state().block_size);
        assert_eq!(file.zeroes_at(0), 5_000 / block * block, "{name}");
        let behind = (80_000_000 / block + 1) * block;
        assert_eq!(file.zeroes_at(behind), 90_000_000 - behind, "{name}");
        assert_eq!(file.zeroes_at(80_000_000), 0, "{name}");
        let mut straddling = [1; 20];
        file.read_at(79_999_995, &mut straddling).unwrap();
        assert_eq!(&straddling, b"\0\0\0\0\0at 80000000\0\0\0\0");
    }
}

#[test]
fn unwritten_blocks_read_as_zero() {
    let fs = open("ext4-default");
    assert_eq!(content(&fs, "/unwritten"), vec![0; 100 << 10]);
    assert_eq!(content(&fs, "/kept-size"), b"kept\n");
}

#[test]
fn nodes_of_another_type_are_refused_by_what_they_are() {
    let fs = open("ext4-default");
    let (file, dir, link) = (resolve(&fs, "/etc/hello"), fs.root(), resolve(&fs, "/etc/fast"));
    assert!(matches!(FileSystem::open(&fs, dir), Err(Error::NotAFile { .. })));
    assert!(matches!(FileSystem::open(&fs, link), Err(Error::NotAFile { .. })));
    assert!(matches!(fs.lookup(file, b"x"), Err(Error::NotADirectory { .. })));
    assert!(fs.read_link(file).is_err());
    assert_eq!(fs.lookup(dir, b"absent"), Ok(None));
    assert_eq!(fs.lookup(dir, b".."), Ok(None));
}

#[test]
fn names_and_contents_that_are_encrypted_are_unsupported_rather_than_absent() {
    let fs = open("ext4-encrypt-casefold");
    let secret = resolve(&fs, "/secret");
    assert_eq!(fs.metadata(secret).unwrap().file_type, FileType::Directory);
    assert!(matches!(fs.lookup(secret, b"name"), Err(Error::Unsupported { .. })));
    assert!(matches!(entries(&fs, secret).1, Err(Error::Unsupported { .. })));
}

#[test]
fn a_directory_without_case_gives_the_exact_name_or_one_of_other_case() {
    let fs = open("ext4-encrypt-casefold");
    let folded = resolve(&fs, "/folded");
    let name = fs.lookup(folded, b"Name").unwrap();
    assert!(name.is_some());
    assert_eq!(fs.lookup(folded, b"nAME"), Ok(name));
    assert_eq!(fs.lookup(folded, b"other"), Ok(None));
    assert!(matches!(fs.lookup(folded, "ñame".as_bytes()), Err(Error::Unsupported { .. })));
}

#[test]
fn another_reader_sees_the_same_files() {
    // It refuses inline data, meta_bg, times before 1970 or after 2038, and journals without 64bit and csum_v3.
    for name in ["ext2-1k", "ext4-default", "ext4-htree", "ext4-csum-seed", "ext3-1k"] {
        let fs = open(name);
        let other = ext4_view::Ext4::load(Box::new(image(name))).unwrap();
        let mut stack = vec![(fs.root(), ext4_view::PathBuf::new("/"))];
        let mut compared = 0;
        while let Some((dir, path)) = stack.pop() {
            let (ours, end) = entries(&fs, dir);
            end.unwrap();
            let mut names: Vec<_> = ours.iter().map(|entry| entry.name.clone()).collect();
            names.sort();
            let mut theirs: Vec<Vec<u8>> = other
                .read_dir(&path)
                .unwrap()
                .map(|entry| entry.unwrap().file_name().as_ref().to_vec())
                .filter(|name| !matches!(name.as_slice(), b"." | b".."))
                .collect();
            theirs.sort();
            assert_eq!(names, theirs, "{name}");
            for entry in ours {
                let path = path.join(entry.name.as_slice());
                let meta = fs.metadata(entry.node).unwrap();
                match meta.file_type {
                    FileType::Directory => stack.push((entry.node, path)),
                    FileType::Regular
                        if meta.len < 1 << 20 && (0..1 << 31).contains(&meta.mtime) =>
                    {
                        let file = FileSystem::open(&fs, entry.node).unwrap();
                        let content = file.vec(0, meta.len as usize).unwrap();
                        assert_eq!(content, other.read(&path).unwrap());
                        compared += 1;
                    }
                    _ => {}
                }
            }
        }
        assert!(compared > 35, "{name}");
    }
}
