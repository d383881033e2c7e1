//! Sound images.

use super::*;

macro_rules! as_mounted {
    ($($test:ident: $name:literal, $checksum:literal, $node_size:literal, $features:expr;)*) => {$(
        #[test]
        fn $test() {
            let fs = is_as_mounted($name);
            let state = fs.state();
            assert_eq!((state.checksum.name(), state.node_size), ($checksum, $node_size));
            for feature in $features {
                assert!(state.features.iter().any(|f| f == feature), "{:?}", state.features);
            }
            assert!(state.log == LogState::Absent && !state.has_errors && state.missing_bytes == 0);
            assert_eq!(state.damaged_superblock, None);
        }
    )*};
}

as_mounted! {
    extents_of_zstd_are_as_mounted: "zstd", "crc32c", 16384, ["compress-zstd", "no-holes"];
    extents_of_lzo_are_as_mounted: "lzo", "crc32c", 4096, ["compress-lzo"];
    extents_of_zlib_are_as_mounted: "zlib", "xxhash", 16384, ["free-space-tree"];
    plain_extents_and_sha256_are_as_mounted: "plain", "sha256", 16384, ["extref"];
    nodes_of_64_kib_and_blake2_are_as_mounted: "blake2-64k-nodes", "blake2", 65536, ["skinny-metadata"];
    the_layout_of_old_is_as_mounted: "old", "crc32c", 16384, ["mixed-backref", "big-metadata"];
    mixed_groups_are_as_mounted: "mixed", "crc32c", 4096, ["mixed-bg"];
    holes_written_down_in_mixed_groups_are_as_mounted: "small", "xxhash", 4096, ["mixed-bg"];
    raid0_of_one_device_is_as_mounted: "raid0-one-device", "crc32c", 16384, ["extref"];
    another_metadata_uuid_is_as_mounted: "metadata-uuid", "crc32c", 4096, ["metadata-uuid"];
    names_in_many_nodes_and_with_equal_hashes_are_as_mounted: "many", "crc32c", 4096, ["extref"];
    subvolumes_below_the_top_level_are_as_mounted: "subvolumes", "crc32c", 16384, ["default-subvol"];
}

#[test]
fn sectors_of_64_kib_are_as_they_were_filled() {
    let fs = open("sectors-64k");
    assert_eq!((fs.state().sector_size, fs.state().node_size), (65536, 65536));
    let found: BTreeSet<String> =
        listing(&fs).unwrap().into_iter().filter(|line| !line.contains("\tdirectory\t")).collect();
    let expected: BTreeSet<String> = list("sectors-64k").lines().map(str::to_owned).collect();
    assert_eq!(found, expected);
}

#[test]
fn the_default_subvolume_is_the_root() {
    let fs = open("subvolumes");
    is_listed(&fs, "subvolumes-default");
    assert!(fs.lookup(FileSystem::root(&fs), b"@home").unwrap().is_none());
}

#[test]
fn a_subvolume_is_the_root_by_number_and_by_path() {
    let fs = open("subvolumes");
    for Subvolume { id, path, .. } in fs.subvolumes().unwrap() {
        let by_id = fs.with_root(&SubvolumeId::Id(id)).unwrap();
        let by_path = fs.with_root(&SubvolumeId::Path(path.clone())).unwrap();
        let slash = fs.with_root(&SubvolumeId::Path([b"/", &path[..]].concat())).unwrap();
        assert_eq!(FileSystem::root(&by_id), FileSystem::root(&by_path));
        assert_eq!(FileSystem::root(&by_id), FileSystem::root(&slash));
        assert_eq!(listing(&by_id).unwrap(), listing(&by_path).unwrap());
        // The same nodes, whatever the root.
        let below = resolve(&top(&fs), &String::from_utf8(path).unwrap());
        assert_eq!(below, FileSystem::root(&by_id));
    }
    let nested = SubvolumeId::Path(b"@/usr/some/where/nested".to_vec());
    assert_eq!(content(&fs.with_root(&nested).unwrap(), "file"), b"deep\n");
    let top = fs.with_root(&SubvolumeId::Id(0)).unwrap();
    assert!(top.lookup(FileSystem::root(&top), b"@").unwrap().is_some());
}

#[test]
fn a_mount_option_chooses_the_subvolume() {
    let fs = open("subvolumes");
    for Subvolume { id, path, .. } in fs.subvolumes().unwrap() {
        let root = FileSystem::root(&fs.with_root(&SubvolumeId::Id(id)).unwrap());
        let path = String::from_utf8(path).unwrap();
        for option in
            [format!("subvol=/{path}"), format!("subvol={path}"), format!("subvolid={id}")]
        {
            assert_eq!(fs.subvolume(&option).unwrap().root(), root, "{option}");
        }
    }
    assert!(matches!(fs.subvolume("subvol=gone").map(|_| ()), Err(Error::NotFound { .. })));
    for option in ["subvolid=x", "compress=zstd"] {
        assert!(matches!(fs.subvolume(option).map(|_| ()), Err(Error::Unsupported { .. })));
    }
}

#[test]
fn what_is_no_subvolume_is_not_found() {
    let fs = open("subvolumes");
    let paths = ["gone", "@/etc", "@/etc/hostname", "@/etc/hostname/x", "old-name"];
    // A snapshot has the name of the subvolumes in its original, which are not in it.
    let placeholders = ["@home/.snapshots/1/var", "@home/.snapshots/1/usr/some/where/nested"];
    for path in paths.into_iter().chain(placeholders) {
        let error = fs.with_root(&SubvolumeId::Path(path.into())).map(|_| ()).unwrap_err();
        assert_eq!(error, Error::NotFound { path: path.into() });
    }
    // The root tree, a deleted subvolume, one that never was, and no tree of files at all.
    for id in [1, 263, 900, u64::MAX] {
        let error = fs.with_root(&SubvolumeId::Id(id)).map(|_| ()).unwrap_err();
        assert!(matches!(error, Error::NotFound { .. }), "{error}");
    }
}

/// What is compared of a line of a listing when the mount set its time: all but that.
fn without_time(line: &str) -> String {
    let mut fields: Vec<&str> = line.split('\t').collect();
    fields[7] = "-";
    fields.join("\t")
}

/// Compares with the kernel's mount that replayed the log.
fn is_replayed(name: &str) -> Btrfs {
    let fs = open(name);
    let list = list(&format!("{name}-replayed"));
    let known: BTreeSet<&str> = list.lines().filter(|line| !line.contains("\t-\t")).collect();
    let expected: BTreeSet<String> = list.lines().map(without_time).collect();
    let found = listing(&top(&fs)).unwrap();
    let timeless: BTreeSet<String> = found.iter().map(|line| without_time(line)).collect();
    let missing: Vec<_> = expected.difference(&timeless).collect();
    let extra: Vec<_> = timeless.difference(&expected).collect();
    assert!(missing.is_empty() && extra.is_empty(), "{name}: -{missing:#?} +{extra:#?}");
    let other: Vec<_> = known.iter().filter(|line| !found.contains(**line)).collect();
    assert!(known.len() > 20 && other.is_empty(), "{name}: {other:#?}");
    assert_eq!(fs.health().stale, None);
    fs
}

/// Leaves the log aside, as `rescue=nologreplay` does.
fn without_log(name: &str) -> Btrfs {
    open(name).without_replay()
}

#[test]
fn files_in_the_log_are_as_after_a_mount() {
    let fs = is_replayed("dirty-files");
    let LogState::Replayed(replay) = &fs.state().log else { panic!("{:?}", fs.state().log) };
    assert_eq!(replay.subvolumes, 1);
    assert_eq!(content(&fs, "/kept/new"), b"new");
    is_listed(&top(&without_log("dirty-files")), "dirty-files");
    let stored = fs.unreplayed().unwrap().unwrap();
    assert!(stored.lookup(resolve(stored.as_ref(), "/kept"), b"new").unwrap().is_none());
    assert!(open("zstd").unreplayed().is_none());
}

#[test]
fn names_in_the_log_are_as_after_a_mount() {
    let fs = is_replayed("dirty-names");
    assert_eq!(content(&fs, "/moved/deep"), b"deep");
    assert!(fs.lookup(resolve(&fs, "/moved/a/b"), b"deep").unwrap().is_none());
    is_listed(&top(&without_log("dirty-names")), "dirty-names");
}

#[test]
fn a_log_that_is_damaged_is_left_aside_and_said_to_be() {
    let mut image = Image::read("dirty-files");
    let log_root = image.u64_at(superblock::OFFSETS[0] + 0x60);
    let place = open("dirty-files").volume.chunks.find(log_root).unwrap().locate(log_root, 0);
    *image.byte(place.unwrap().physical + 200) ^= 1;
    let fs = image.open().unwrap();
    is_listed(&top(&fs), "dirty-files");
    assert!(matches!(fs.state().log, LogState::NotReplayed { .. }), "{:?}", fs.state().log);
    assert!(fs.health().stale.unwrap().reason.contains("log tree"));
}

#[test]
fn one_device_of_a_mirror_has_everything() {
    let fs = open("raid1");
    is_listed(&fs, "raid1");
    let state = fs.state();
    assert_eq!(
        (state.devices, &state.present_devices[..], &state.missing_devices[..]),
        (2, &[1][..], &[2][..])
    );
}

/// The lines that differ from what both devices together show.
fn unreadable(fs: &Btrfs, name: &str) -> (usize, Vec<String>) {
    let list = list(name);
    let expected: BTreeSet<&str> = list.lines().filter(|line| !line.starts_with('#')).collect();
    let found = listing(fs).unwrap();
    assert_eq!(found.len(), expected.len());
    let other: Vec<String> =
        found.into_iter().filter(|line| !expected.contains(line.as_str())).collect();
    (expected.len() - other.len(), other)
}

#[test]
fn content_on_another_device_is_unsupported_and_names_the_device() {
    for name in ["spread", "raid0"] {
        let fs = open(name);
        let (readable, other) = unreadable(&fs, name);
        assert!(readable > 60 && !other.is_empty(), "{name}: {readable}, {other:#?}");
        for line in other {
            assert!(line.contains("device 2, which is not in this image"), "{line}");
        }
    }
}

#[test]
fn stripes_on_this_device_are_read() {
    let fs = open("raid0");
    let file = FileSystem::open(&fs, resolve(&fs, "/striped")).unwrap();
    // `seq -s ' ' 1 60000`
    let text: Vec<String> = (1..=60_000).map(|number: u32| number.to_string()).collect();
    let text = format!("{}\n", text.join(" "));
    assert_eq!(file.len(), text.len() as u64);
    let (mut here, mut elsewhere) = (0, 0);
    for (index, expected) in text.as_bytes().chunks(4096).enumerate() {
        match file.vec(index as u64 * 4096, expected.len()) {
            Ok(found) => {
                assert_eq!(found, expected);
                here += 1;
            }
            Err(Error::Unsupported { .. }) => elsewhere += 1,
            Err(error) => panic!("{error}"),
        }
    }
    assert!(here > 32 && elsewhere > 32, "{here} {elsewhere}");
}

#[test]
fn metadata_on_another_device_is_unsupported_and_names_the_device() {
    let text = match Image::read("raid0-metadata").open() {
        Err(error @ Error::Unsupported { .. }) => error.to_string(),
        Err(error) => panic!("{error}"),
        Ok(fs) => match listing(&fs) {
            Err(error @ Error::Unsupported { .. }) => error.to_string(),
            other => panic!("{other:?}"),
        },
    };
    assert!(text.contains("device 2, which is not in this image"), "{text}");
}

#[test]
fn plain_and_inline_content_is_lent_from_the_map() {
    let fs = open("plain");
    let file = FileSystem::open(&fs, resolve(&fs, "/usr/lib/large")).unwrap();
    let slice = file.slice(4096, 4096).unwrap();
    assert_eq!(slice, file.vec(4096, 4096).unwrap());
    assert!(file.slice(file.len() - 1, 2).is_none());
    let file = FileSystem::open(&fs, resolve(&fs, "/etc/hello")).unwrap();
    assert_eq!(file.slice(0, 6).unwrap(), b"hello\n");
}

#[test]
fn holes_and_preallocated_extents_are_known_to_be_zero() {
    for name in ["plain", "old"] {
        let fs = open(name);
        let file = FileSystem::open(&fs, resolve(&fs, "/usr/sparse")).unwrap();
        assert!(file.zeroes_at(1_000_000) > 28_000_000);
        assert_eq!(file.zeroes_at(85_000_000), 5_000_000);
        let file = FileSystem::open(&fs, resolve(&fs, "/usr/preallocated")).unwrap();
        assert_eq!(file.zeroes_at(0), 102_400);
    }
}

/// Counts what is asked for from a place on.
struct Counting {
    image: Image,
    from: u64,
    count: std::sync::atomic::AtomicU64,
}

impl Counting {
    fn note(&self, offset: u64) {
        if offset == self.from {
            self.count.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        }
    }
}

impl Bytes for Counting {
    fn len(&self) -> u64 {
        self.image.len
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<()> {
        self.image.read_at(offset, buf)
    }

    fn slice(&self, offset: u64, len: usize) -> Option<&[u8]> {
        self.note(offset);
        self.image.slice(offset, len)
    }
}

#[test]
fn a_compressed_extent_is_not_decompressed_again_by_reading_on() {
    let fs = open("zstd");
    let place = Place::of(resolve(&fs, "/usr/lib/larger"));
    let extents = extent::read(&fs.volume, &fs.tree, place.inode).unwrap();
    let extent::Source::Compressed { extent, .. } = extents[1].source else { panic!() };
    let from = fs.volume.chunks.find(extent.logical).unwrap().locate(extent.logical, 0).unwrap();
    let counting =
        Arc::new(Counting { image: Image::read("zstd"), from: from.physical, count: 0.into() });
    let fs = Btrfs::open(counting.clone()).unwrap();
    let file = FileSystem::open(&fs, resolve(&fs, "/usr/lib/larger")).unwrap();
    for offset in (0..file.len() - 1000).step_by(1000) {
        file.vec(offset, 1000).unwrap();
    }
    assert_eq!(counting.count.load(std::sync::atomic::Ordering::Relaxed), 1);
}

#[test]
fn names_with_equal_hashes_are_told_apart() {
    let fs = open("many");
    let many = resolve(&fs, "/many");
    assert_eq!(
        checksum::name_hash(b"collision-1371838"),
        checksum::name_hash(b"collision-2000402")
    );
    let first = fs.lookup(many, b"collision-1371838").unwrap().unwrap();
    let second = fs.lookup(many, b"collision-2000402").unwrap().unwrap();
    assert_ne!(first, second);
}

#[test]
fn entries_come_in_the_order_in_which_they_were_made() {
    let fs = open("many");
    let (names, end) = entries(&fs, resolve(&fs, "/many"));
    end.unwrap();
    let numbers: Vec<u32> = names
        .iter()
        .filter_map(|entry| {
            std::str::from_utf8(&entry.name)
                .unwrap()
                .strip_prefix("a-rather-long-name-to-fill-nodes-")
        })
        .map(|number| number.parse().unwrap())
        .collect();
    assert!(numbers.len() > 1700 && numbers.is_sorted());
}

#[test]
fn other_nodes_are_no_directory_no_file_and_no_link() {
    let fs = open("plain");
    let (file, dir) = (resolve(&fs, "/etc/hello"), resolve(&fs, "/etc"));
    assert!(matches!(entries(&fs, file).1, Err(Error::NotADirectory { .. })));
    assert!(matches!(fs.lookup(file, b"x"), Err(Error::NotADirectory { .. })));
    assert!(matches!(FileSystem::open(&fs, dir).map(|_| ()), Err(Error::NotAFile { .. })));
    assert!(fs.read_link(file).is_err());
    assert_eq!(fs.kind(), "btrfs");
}
