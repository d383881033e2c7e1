//! The images in `testdata/fat` were made with mkfs.vfat and mtools (names of all kinds, files
//! deleted and holes filled again); `files.list` is what `mcopy -s -m` gets out of each: path, type,
//! and of files length, time of change (TZ=UTC) and CRC-32.

#![allow(clippy::arithmetic_side_effects, clippy::as_conversions, clippy::cast_possible_truncation)]

use std::io::Read;
use std::sync::LazyLock;

use super::*;

const LIST: &str = include_str!("../../../testdata/fat/files.list");

static FAT12: LazyLock<Arc<Vec<u8>>> =
    LazyLock::new(|| unzstd(include_bytes!("../../../testdata/fat/fat12.img.zst")));
static FAT16: LazyLock<Arc<Vec<u8>>> =
    LazyLock::new(|| unzstd(include_bytes!("../../../testdata/fat/fat16.img.zst")));
static FAT32: LazyLock<Arc<Vec<u8>>> =
    LazyLock::new(|| unzstd(include_bytes!("../../../testdata/fat/fat32.img.zst")));

fn unzstd(bytes: &[u8]) -> Arc<Vec<u8>> {
    let mut plain = Vec::new();
    zstd::Decoder::new(bytes).unwrap().read_to_end(&mut plain).unwrap();
    Arc::new(plain)
}

fn images() -> [(Width, Arc<Vec<u8>>); 3] {
    [
        (Width::Fat12, Arc::clone(&FAT12)),
        (Width::Fat16, Arc::clone(&FAT16)),
        (Width::Fat32, Arc::clone(&FAT32)),
    ]
}

/// An image with some bytes changed; never contiguous.
struct Patched(Arc<Vec<u8>>, Vec<(u64, Vec<u8>)>);

impl Bytes for Patched {
    fn len(&self) -> u64 {
        Bytes::len(&*self.0)
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<()> {
        self.0.read_at(offset, buf)?;
        for (at, bytes) in &self.1 {
            for (at, byte) in (*at..).zip(bytes) {
                let place = at.checked_sub(offset).map(|place| place as usize);
                if let Some(to) = place.and_then(|place| buf.get_mut(place)) {
                    *to = *byte;
                }
            }
        }
        Ok(())
    }
}

fn patched(image: &Arc<Vec<u8>>, patches: &[(u64, &[u8])]) -> Result<Fat> {
    let patches = patches.iter().map(|(at, bytes)| (*at, bytes.to_vec())).collect();
    Fat::open(Arc::new(Patched(Arc::clone(image), patches)))
}

fn open(image: &Arc<Vec<u8>>) -> Fat {
    Fat::open(Arc::clone(image) as Arc<dyn Bytes>).unwrap()
}

fn resolve(fat: &Fat, path: &str) -> Option<NodeId> {
    path.split('/')
        .filter(|name| !name.is_empty())
        .try_fold(fat.root(), |dir, name| fat.lookup(dir, name.as_bytes()).unwrap())
}

fn entries(fat: &Fat, dir: NodeId) -> (Vec<(String, NodeId)>, Result<()>) {
    let mut entries = Vec::new();
    let result = fat.read_dir(dir, &mut |entry| {
        entries.push((String::from_utf8(entry.name).unwrap(), entry.node));
        ControlFlow::Continue(())
    });
    (entries, result)
}

fn content(fat: &Fat, node: NodeId) -> Result<Vec<u8>> {
    let file = fat.open(node)?;
    file.vec(0, file.len() as usize)
}

fn walk(fat: &Fat, dir: NodeId, path: &str, lines: &mut Vec<String>) {
    let (entries, result) = entries(fat, dir);
    result.unwrap();
    for (name, node) in entries {
        let path = format!("{path}/{name}");
        let metadata = fat.metadata(node).unwrap();
        if metadata.file_type == FileType::Directory {
            lines.push(format!("{path}\td"));
            walk(fat, node, &path, lines);
        } else {
            let crc = crc32fast::hash(&content(fat, node).unwrap());
            lines.push(format!("{path}\tf\t{}\t{}\t{crc:08x}", metadata.len, metadata.mtime));
        }
    }
}

#[test]
fn every_file_is_as_mtools_reads_it() {
    for (width, image) in images() {
        // Contiguous in the map, and not.
        for fat in [open(&image), patched(&image, &[]).unwrap()] {
            assert_eq!(fat.width(), width);
            assert_eq!(fat.state(), State::default());
            let mut lines = Vec::new();
            walk(&fat, fat.root(), "", &mut lines);
            lines.sort();
            assert_eq!(lines, LIST.lines().collect::<Vec<_>>());
        }
    }
}

#[test]
fn long_and_short_names_are_found_in_any_case() {
    for (_, image) in images() {
        let fat = open(&image);
        for line in LIST.lines() {
            let path = line.split('\t').next().unwrap();
            let node = resolve(&fat, path).unwrap();
            assert_eq!(resolve(&fat, &path.to_lowercase()), Some(node), "{path}");
            assert_eq!(
                resolve(&fat, &path.to_uppercase().replace("SS", "ß")),
                Some(node),
                "{path}"
            );
        }
        assert_eq!(resolve(&fat, "/longdi~1"), resolve(&fat, "/Long directory name"));
        assert_eq!(resolve(&fat, "/efi/boot/bootx64.efi"), resolve(&fat, "/EFI/BOOT/BOOTX64.EFI"));
        for absent in ["/deleted.txt", "/many/file number 1.txt", "/LABEL", "/EFI/..", "/h1"] {
            assert_eq!(resolve(&fat, absent), None, "{absent}");
        }
    }
}

#[test]
fn files_in_pieces_are_read_from_any_offset() {
    for (_, image) in images() {
        let fat = open(&image);
        let node = resolve(&fat, "/fragmented.bin").unwrap();
        let whole = content(&fat, node).unwrap();
        let file = fat.open(node).unwrap();
        for (offset, len) in [(0, 1), (511, 2), (1000, 5000), (1535, 514), (11_392, 1), (11_393, 0)]
        {
            let expected = &whole[offset..offset + len];
            assert_eq!(file.vec(offset as u64, len).unwrap(), expected);
            if let Some(slice) = file.slice(offset as u64, len) {
                assert_eq!(slice, expected);
            }
        }
        assert!(file.slice(0, whole.len()).is_none());
        assert!(file.read_at(11_393, &mut [0]).is_err());
    }
}

#[test]
fn a_read_only_file_has_no_write_bits() {
    let fat = open(&FAT16);
    let mode = |path| fat.metadata(resolve(&fat, path).unwrap()).unwrap().mode;
    assert_eq!(mode("/UPPER.TXT"), 0o555);
    assert_eq!(mode("/lower.txt"), 0o755);
    assert_eq!(mode("/EFI"), 0o755);
    assert_eq!(fat.metadata(fat.root()).unwrap().len, 512 * 32);
}

#[test]
fn the_marks_of_an_unclean_volume_are_seen() {
    let dirty = State { dirty: true, disk_error: false };
    let damaged = State { dirty: false, disk_error: true };
    let state =
        |image: &Arc<Vec<u8>>, patch: (u64, &[u8])| patched(image, &[patch]).unwrap().state();
    assert_eq!(state(&FAT12, (0x25, &[1])), dirty);
    assert_eq!(state(&FAT16, (0x25, &[1])), dirty);
    assert_eq!(state(&FAT32, (0x41, &[1])), dirty);
    let table = |image| open(image).boot.table;
    assert_eq!(state(&FAT16, (table(&FAT16) + 2, &[0xff, 0x7f])), dirty);
    assert_eq!(state(&FAT16, (table(&FAT16) + 2, &[0xff, 0xbf])), damaged);
    assert_eq!(state(&FAT32, (table(&FAT32) + 4, &[0xff, 0xff, 0xff, 0x07])), dirty);
    assert_eq!(state(&FAT32, (table(&FAT32) + 4, &[0xff, 0xff, 0xff, 0x0b])), damaged);
}

#[test]
fn a_boot_sector_that_lies_is_refused() {
    for (offset, bytes) in [
        (0x0b, &[0, 0][..]),
        (0x0b, &[0, 1]),
        (0x0b, &[0, 32]),
        (0x0d, &[0]),
        (0x0d, &[3]),
        (0x0e, &[0, 0]),
        (0x10, &[0]),
        (0x11, &[1, 0]),
        (0x13, &[2, 0]),
        (0x15, &[0x12]),
        (0x16, &[0, 0]),
    ] {
        let error = patched(&FAT16, &[(offset, bytes)]).err();
        assert!(matches!(error, Some(Error::Corrupt { .. })), "{offset:#x}: {error:?}");
    }
    let active_second = patched(&FAT32, &[(0x28, &[0x81, 0])]).err();
    assert!(matches!(active_second, Some(Error::Unsupported { .. })));
    assert!(Fat::open(Arc::new(vec![0; 100])).is_err());
    assert!(Fat::open(Arc::new(vec![0; 4096])).is_err());
}

/// The offset in the table of a cluster's entry on FAT16, and little-endian values for it.
fn link(fat: &Fat, cluster: u32) -> u64 {
    fat.boot.table + u64::from(cluster) * 2
}

fn first_cluster(fat: &Fat, node: NodeId) -> u32 {
    let Node::Entry(entry) = fat.node(node).unwrap() else { panic!("the root") };
    entry.first_cluster(false)
}

#[test]
fn a_chain_that_loops_or_leaves_the_volume_is_corrupt() {
    let fat = open(&FAT16);
    let node = resolve(&fat, "/fragmented.bin").unwrap();
    let first = first_cluster(&fat, node);
    let clusters = fat.boot.clusters;
    for next in [first, first + 1, 0, 1, clusters + 2, 0xfff7] {
        let next = (next as u16).to_le_bytes();
        let fat = patched(&FAT16, &[(link(&fat, first + 2), &next)]).unwrap();
        let error = fat.open(node).err();
        assert!(matches!(error, Some(Error::Corrupt { .. })), "{next:?}: {error:?}");
    }
    // The last cluster that there is is no error by itself.
    let last = ((clusters + 1) as u16).to_le_bytes();
    let ends = 0xffff_u16.to_le_bytes();
    let fat = patched(
        &FAT16,
        &[
            (link(&fat, first), &last),
            (link(&fat, clusters + 1), &ends),
            (node.0 + 28, &1000_u32.to_le_bytes()),
        ],
    )
    .unwrap();
    assert_eq!(content(&fat, node).unwrap().len(), 1000);
}

#[test]
fn a_first_cluster_that_is_none_is_corrupt() {
    let fat = open(&FAT16);
    let node = resolve(&fat, "/fragmented.bin").unwrap();
    for first in [0_u16, 1, (fat.boot.clusters + 2) as u16, 0xffff] {
        let fat = patched(&FAT16, &[(node.0 + 26, &first.to_le_bytes())]).unwrap();
        assert!(matches!(fat.open(node).err(), Some(Error::Corrupt { .. })), "{first}");
    }
}

#[test]
fn a_size_beyond_the_chain_is_corrupt_and_one_below_is_not() {
    for (_, image) in images() {
        let fat = open(&image);
        let node = resolve(&fat, "/fragmented.bin").unwrap();
        for size in [12_289, 70_000, u32::MAX] {
            let fat = patched(&image, &[(node.0 + 28, &size.to_le_bytes())]).unwrap();
            assert!(matches!(fat.open(node).err(), Some(Error::Corrupt { .. })), "{size}");
        }
        let fat = patched(&image, &[(node.0 + 28, &513_u32.to_le_bytes())]).unwrap();
        assert_eq!(content(&fat, node).unwrap().len(), 513);
    }
}

#[test]
fn a_directory_that_loops_is_an_error_after_its_names() {
    let fat = open(&FAT16);
    let node = resolve(&fat, "/many").unwrap();
    let sound = entries(&fat, node).0;
    let first = first_cluster(&fat, node);
    let back = (first as u16).to_le_bytes();
    let mut chain = fat.chain(&Entry::parse(fat.volume.array(node.0).unwrap()).unwrap(), node);
    let last = chain.by_ref().last().unwrap().unwrap();
    let last = (last - fat.boot.data) / u64::from(fat.boot.cluster_size) + 2;
    // Fill the last cluster's end marks with deleted entries, so that the loop is reached.
    let end = fat.boot.cluster(last as u32).unwrap();
    let bytes = fat.volume.array::<512>(end).unwrap();
    let filled: Vec<u8> = bytes
        .chunks(32)
        .flat_map(|raw| if raw[0] == 0 { [&[0xe5], &raw[1..]].concat() } else { raw.to_vec() })
        .collect();
    let link = link(&fat, last as u32);
    let fat = patched(&FAT16, &[(link, &back), (end, &filled)]).unwrap();
    let (names, result) = entries(&fat, node);
    assert!(matches!(result, Err(Error::Corrupt { .. })), "{result:?}");
    assert_eq!(names[..sound.len()], sound);
    assert!(fat.lookup(node, b"absent").is_err());
    assert!(fat.metadata(node).is_err());
}

#[test]
fn an_entry_without_its_long_name_keeps_the_short_one() {
    let fat = open(&FAT16);
    let node = resolve(&fat, "/two..dots...name").unwrap();
    // The part stands right before; its checksum is byte 13, its number byte 0.
    for (offset, byte) in
        [(13, 0xee), (0, 0x41), (0, 0x43), (0, 0x01), (0, 0xe5), (0, 0x40), (0, 0x7f), (11, 0)]
    {
        let part = node.0 - 64 + offset;
        let fat = patched(&FAT16, &[(part, &[byte])]).unwrap();
        let names = entries(&fat, fat.root()).0;
        let (name, _) = names.iter().find(|(_, other)| *other == node).unwrap();
        assert_eq!(name, "TWODOT~1.NAM", "{offset} {byte:#x}");
    }
}

#[test]
fn a_name_with_a_slash_hides_no_other_and_is_an_error() {
    let fat = open(&FAT16);
    let node = resolve(&fat, "/lower.txt").unwrap();
    let fat = patched(&FAT16, &[(node.0 + 2, b"/")]).unwrap();
    let (names, result) = entries(&fat, fat.root());
    assert!(matches!(result, Err(Error::Corrupt { .. })));
    assert!(names.iter().any(|(name, _)| name == "fragmented.bin"));
    assert!(names.iter().all(|(_, other)| *other != node));
}

#[test]
fn a_long_name_is_read_from_utf_16() {
    // Built by fatgen103: one part, number 0x41, units in three places, checksum of the short name.
    let short: Raw = {
        let mut raw = [0; 32];
        raw[..11].copy_from_slice(b"EMOJI~1 TXT");
        raw
    };
    let sum = |sum: u8, byte: &u8| ((sum & 1) << 7).wrapping_add(sum >> 1).wrapping_add(*byte);
    let units: Vec<u16> = "😀ß.txt\0".encode_utf16().chain([0xffff; 13]).take(13).collect();
    let mut part = [0; 32];
    part[0] = 0x41;
    part[11] = 0x0f;
    part[13] = short[..11].iter().fold(0, sum);
    for (unit, place) in units.iter().zip([1, 3, 5, 7, 9, 14, 16, 18, 20, 22, 24, 28, 30]) {
        part[place..place + 2].copy_from_slice(&unit.to_le_bytes());
    }
    let mut long = LongName::new();
    assert!(long.take(&part));
    assert!(!long.take(&short));
    let entry = Entry::parse(short).unwrap();
    assert_eq!(long.finish(&entry).as_deref(), Some("😀ß.txt"));
    assert_eq!(long.finish(&entry), None);
}

#[test]
fn a_volume_that_is_cut_off_gives_errors_not_files_of_zeros() {
    let short = Arc::new(FAT16[..40_000].to_vec());
    let fat = open(&short);
    let node = resolve(&fat, "/fragmented.bin");
    assert!(node.is_none_or(|node| content(&fat, node).is_err()));
}

/// Looks at everything, to a bound.
fn touch(fat: &Fat, dir: NodeId, depth: u32, left: &mut u32) {
    for (name, node) in entries(fat, dir).0 {
        *left = left.saturating_sub(1);
        if *left == 0 {
            return;
        }
        let _ = fat.lookup(dir, name.as_bytes());
        let Ok(metadata) = fat.metadata(node) else { continue };
        if metadata.file_type == FileType::Directory {
            if depth < 4 {
                touch(fat, node, depth + 1, left);
            }
        } else if let Ok(file) = fat.open(node) {
            assert_eq!(file.len(), metadata.len);
            let _ = file.vec(0, file.len().min(100_000) as usize);
        }
    }
}

#[test]
fn no_damage_makes_it_panic_or_hang() {
    let mut seed = 0x2545_f491_4f6c_dd1d_u64;
    let mut random = move || {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        seed
    };
    for (_, image) in images() {
        let boot = open(&image).boot;
        // The boot sector, the first entries of the table, the directories.
        let regions = [(0, 90), (boot.table, 300), (boot.data - 1024, 60_000)];
        for _ in 0..150 {
            let patches: Vec<(u64, Vec<u8>)> = (0..=random() % 6)
                .map(|_| {
                    let (start, len) = regions[(random() % 3) as usize];
                    let at = start + random() % len;
                    let value = [random() as u8, 0xff, 0, 0xf8][(random() % 4) as usize];
                    (at, vec![value; 1 + (random() % 4) as usize])
                })
                .collect();
            if let Ok(fat) = Fat::open(Arc::new(Patched(Arc::clone(&image), patches))) {
                touch(&fat, fat.root(), 0, &mut 300);
            }
        }
    }
}

#[test]
fn once_too_much_was_read_nothing_is_found_and_nothing_is_absent() {
    use super::super::Budget;

    for (_, image) in images() {
        let bytes = Arc::clone(&image) as Arc<dyn Bytes>;
        let fat = Fat::open_within(bytes, Arc::new(Budget::of(1 << 20))).unwrap();
        let looks = (0..1000).take_while(|_| fat.lookup(ROOT, b"no-such").is_ok()).count();
        assert!((1..1000).contains(&looks), "{looks}");
        assert!(matches!(fat.lookup(ROOT, b"no-such"), Err(Error::Limit { .. })));
    }
}
