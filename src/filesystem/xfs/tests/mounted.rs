//! Images that were unmounted cleanly.

use super::*;

macro_rules! as_mounted {
    ($($test:ident: $name:literal;)*) => {$(
        #[test]
        fn $test() {
            let fs = is_as_mounted($name);
            assert_eq!(fs.state().log, LogState::Clean);
        }
    )*};
}

as_mounted! {
    version_5_by_default_is_as_mounted: "v5-default";
    version_5_without_its_later_features_is_as_mounted: "v5-old";
    inodes_of_2_kib_are_as_mounted: "v5-2048-byte-inodes";
    sectors_of_4_kib_are_as_mounted: "v5-4k-sectors";
    blocks_of_8_kib_are_as_mounted: "v5-8k-blocks";
    blocks_of_64_kib_are_as_mounted: "v5-64k";
    trees_of_extents_in_four_groups_are_as_mounted: "v5-1k";
    directory_blocks_of_several_blocks_are_as_mounted: "v5-1k-8k-directories";
    a_uuid_apart_from_that_of_the_metadata_is_as_mounted: "v5-metauuid";
    version_4_by_default_is_as_it_was_filled: "v4-default";
    version_4_without_file_types_is_as_it_was_filled: "v4-no-ftype";
    version_4_with_blocks_of_512_bytes_is_as_it_was_filled: "v4-512";
    version_4_without_case_is_as_it_was_filled: "v4-ci";
}

#[test]
fn a_range_inside_one_extent_is_lent_from_the_map() {
    assert_lent_from_the_map(&open("v5-default"));
}

#[test]
fn a_hole_is_known_to_be_zero_without_reading() {
    let fs = open("v5-default");
    let file = FileSystem::open(&fs, resolve(&fs, "/usr/sparse")).unwrap();
    assert_eq!(file.len(), 90_000_000);
    // make.sh writes at these places alone.
    let block = fs.state().block_size;
    assert_eq!(file.zeroes_at(0), 5_000 / block * block);
    assert_eq!(file.zeroes_at(80_000_000), 0);
    let mut straddling = [1; 20];
    file.read_at(79_999_995, &mut straddling).unwrap();
    assert_eq!(&straddling, b"\0\0\0\0\0at 80000000\0\0\0\0");
}

#[test]
fn blocks_that_are_set_aside_read_as_zero() {
    let fs = open("v5-default");
    assert_eq!(content(&fs, "/unwritten"), vec![0; 100 << 10]);
    assert_eq!(content(&fs, "/kept-size"), b"kept\n");
    assert_eq!(content(&fs, "/punched")[8192..20480], [0; 12288]);
}

#[test]
fn files_that_share_blocks_differ_where_one_was_changed() {
    let fs = open("v5-default");
    let large = content(&fs, "/usr/lib/large");
    assert_eq!(content(&fs, "/shared-too"), large);
    let shared = content(&fs, "/shared");
    assert_eq!(&shared[9000..9007], b"changed");
    assert_eq!(shared[9007..], large[9007..]);
}

#[test]
fn times_outside_32_bits_are_read() {
    let fs = open("v5-default");
    let mtime = |path| fs.metadata(resolve(&fs, path)).unwrap().mtime;
    assert_eq!(mtime("/etc/kilobyte"), 4_102_444_800);
    assert_eq!(mtime("/etc/hello"), -3600);
}

#[test]
fn names_without_case_are_found_exactly_or_folded() {
    let fs = open("v4-ci");
    let etc = fs.lookup(fs.root(), b"etc").unwrap();
    assert!(etc.is_some());
    assert_eq!(fs.lookup(fs.root(), b"eTC").unwrap(), etc);
    assert_eq!(fs.lookup(fs.root(), b"etcetera").unwrap(), None);
    let fs = open("v4-default");
    assert_eq!(fs.lookup(fs.root(), b"eTC").unwrap(), None);
}

#[test]
fn nodes_of_another_type_are_refused_by_what_they_are() {
    let fs = open("v5-default");
    let (file, dir, link) = (resolve(&fs, "/etc/hello"), fs.root(), resolve(&fs, "/etc/fast"));
    assert_eq!(fs.kind(), "xfs");
    assert!(matches!(FileSystem::open(&fs, dir), Err(Error::NotAFile { .. })));
    assert!(matches!(FileSystem::open(&fs, link), Err(Error::NotAFile { .. })));
    assert!(matches!(fs.lookup(file, b"x"), Err(Error::NotADirectory { .. })));
    assert!(fs.read_link(file).is_err());
    assert_eq!(fs.lookup(dir, b"absent"), Ok(None));
    assert_eq!(fs.lookup(dir, b".."), Ok(None));
}

struct Whole(Vec<u8>);

impl lamxfs::BlockRead for Whole {
    type Error = ();

    fn read_at(&mut self, offset: u64, buf: &mut [u8]) -> Result<(), ()> {
        buf.copy_from_slice(self.0.slice(offset, buf.len()).ok_or(())?);
        Ok(())
    }
}

#[test]
fn another_reader_sees_the_same_files() {
    for name in ["v5-default", "v5-1k", "v5-1k-8k-directories", "v4-default", "v4-512", "dirty-v5"]
    {
        let fs = open(name);
        let bytes = image(name);
        let len = bytes.len() as u64;
        let mut other = lamxfs::Xfs::open(Whole(bytes), len).unwrap();
        let mut stack = vec![(fs.root(), Vec::new())];
        let mut compared = 0;
        while let Some((dir, path)) = stack.pop() {
            let (ours, end) = entries(&fs, dir);
            end.unwrap();
            let mut names: Vec<_> =
                ours.iter().map(|entry| (entry.name.clone(), entry.node.0)).collect();
            names.sort();
            let theirs = other.read_dir(lamxfs::Path::new(&path)).unwrap();
            let mut theirs: Vec<_> = theirs
                .into_iter()
                .filter(|entry| !matches!(entry.name.as_slice(), b"." | b".."))
                .map(|entry| (entry.name, entry.inode_number))
                .collect();
            theirs.sort();
            assert_eq!(names, theirs, "{name}");
            for entry in ours {
                let path = [path.as_slice(), b"/", &entry.name].concat();
                let meta = fs.metadata(entry.node).unwrap();
                compared += 1;
                match meta.file_type {
                    FileType::Directory => stack.push((entry.node, path)),
                    // Names that are many are of empty files.
                    FileType::Regular if meta.len > 0 && meta.len < 10_000_000 => {
                        let file = FileSystem::open(&fs, entry.node).unwrap();
                        let theirs = other.read_file(lamxfs::Path::new(&path)).unwrap();
                        assert_eq!(file.vec(0, file.len() as usize).unwrap(), theirs, "{name}");
                    }
                    FileType::Symlink => {
                        let theirs = other.read_link(lamxfs::Path::new(&path)).unwrap();
                        assert_eq!(fs.read_link(entry.node).unwrap(), theirs, "{name}");
                    }
                    _ => {}
                }
            }
        }
        assert!(compared > 50, "{name}: {compared}");
    }
}
