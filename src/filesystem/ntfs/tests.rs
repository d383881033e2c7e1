//! Whole volumes by mkntfs and ntfs-3g, against what ntfs-3g shows of them (`testdata/ntfs/make.sh`),
//! and against damage.

use std::collections::BTreeSet;
use std::path::PathBuf;

use super::reparse::Algorithm;
use super::*;
use crate::filesystem::mutants::{XorShift, visit_all};
use crate::filesystem::testing::{assert_listed, entries, quote};

fn file(name: &str) -> Vec<u8> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("testdata/ntfs").join(name);
    std::fs::read(path).unwrap()
}

fn unpack(name: &str) -> Vec<u8> {
    zstd::decode_all(file(name).as_slice()).unwrap()
}

fn open(name: &str) -> Ntfs {
    Ntfs::open(Arc::new(unpack(&format!("{name}.img.zst")))).unwrap()
}

fn content(fs: &Ntfs, node: NodeId) -> Vec<u8> {
    let file = FileSystem::open(fs, node).unwrap();
    file.vec(0, file.len() as usize).unwrap()
}

fn listing(fs: &Ntfs) -> BTreeSet<String> {
    let mut lines = BTreeSet::new();
    let mut stack = vec![(fs.root(), String::new())];
    while let Some((dir, path)) = stack.pop() {
        let (entries, end) = entries(fs, dir);
        end.unwrap();
        for entry in entries {
            let path = format!("{path}/{}", quote(&entry.name));
            assert_eq!(fs.lookup(dir, &entry.name).unwrap(), Some(entry.node), "{path}");
            let meta = fs.metadata(entry.node).unwrap();
            assert_eq!(entry.file_type, Some(meta.file_type), "{path}");
            let Metadata { links, len, mtime, .. } = meta;
            lines.insert(match meta.file_type {
                FileType::Directory => {
                    stack.push((entry.node, path.clone()));
                    format!("{path}\tdirectory\t-\t-\t{mtime}\t-")
                }
                _ => {
                    let crc = crc32fast::hash(&content(fs, entry.node));
                    format!("{path}\tregular\t{links}\t{len}\t{mtime}\t{crc:08x}")
                }
            });
        }
    }
    lines
}

fn is_as_mounted(name: &str) {
    let expected = String::from_utf8(unpack(&format!("{name}.list.zst"))).unwrap();
    let expected: BTreeSet<String> = expected.lines().map(str::to_owned).collect();
    assert!(expected.len() > 400);
    let found = listing(&open(name));
    assert_listed(&expected, &found, name);
}

#[test]
fn a_volume_by_default_is_as_mounted() {
    is_as_mounted("default");
}

#[test]
fn clusters_of_512_bytes_are_as_mounted() {
    is_as_mounted("clusters-512");
}

#[test]
fn sectors_of_4096_bytes_are_as_mounted() {
    is_as_mounted("sectors-4096");
}

#[test]
fn free_clusters_are_as_many_as_ntfsinfo_counts() {
    for (name, free, clusters, size) in [
        ("default", 2072, 3071, 4096),
        ("clusters-512", 16_646, 24_575, 512),
        ("sectors-4096", 1690, 3071, 4096),
    ] {
        let space = open(name).health().space;
        let space = space.known().unwrap();
        assert_eq!((space.free, space.total), (free * size, clusters * size), "{name}");
        let detail = format!("{free} of {clusters} clusters of {size} bytes");
        assert_eq!(space.evidence.detail, detail);
    }
}

/// The place of a system file's record in the volume of that fixture.
fn record_at(number: u64) -> usize {
    let record = open("default").volume.record(Reference::any(number)).unwrap();
    record.structure().offset as usize
}

#[test]
fn a_map_of_clusters_that_cannot_be_read_leaves_the_room_unknown() {
    let mut bytes = unpack("default.img.zst");
    bytes[record_at(BITMAP) + 510] ^= 1;
    let health = Ntfs::open(Arc::new(bytes)).unwrap().health();
    let unread = health.space.unread().unwrap();
    assert_eq!(unread.location, "NTFS $Bitmap");
    assert!(matches!(health.shutdown, Fact::Known((Shutdown::Clean, _))));
    assert_eq!(health.stale, None);
}

#[test]
fn a_log_that_was_emptied_is_a_clean_shutdown_and_one_that_is_damaged_is_none() {
    let Fact::Known((Shutdown::Clean, seen)) = open("default").health().shutdown else { panic!() };
    assert_eq!(seen.detail, "not dirty, log empty");
    let mut bytes = unpack("default.img.zst");
    bytes[record_at(LOG_FILE) + 510] ^= 1;
    let health = Ntfs::open(Arc::new(bytes)).unwrap().health();
    assert_eq!(health.shutdown.unread().unwrap().location, "NTFS $LogFile");
    assert!(health.stale.is_some());
}

#[test]
fn names_are_found_without_case() {
    let fs = open("default");
    let many = fs.lookup(fs.root(), b"MANY").unwrap().unwrap();
    let found = fs.lookup(many, b"A FILE with a LONG name 7.TXT").unwrap().unwrap();
    assert_eq!(content(&fs, found), b"7\n");
    assert_eq!(fs.lookup(many, b"a file with a long name 401.txt").unwrap(), None);
    let umlaut = fs.lookup(fs.root(), "ÜMLÄUT 漢字 😀".as_bytes()).unwrap().unwrap();
    assert_eq!(content(&fs, umlaut), b"umlaut");
}

#[test]
fn a_part_of_a_compressed_file_is_what_stands_there() {
    let fs = open("default");
    let dir = fs.lookup(fs.root(), b"compressed").unwrap().unwrap();
    let numbers = fs.lookup(dir, b"numbers").unwrap().unwrap();
    let whole = content(&fs, numbers);
    let file = FileSystem::open(&fs, numbers).unwrap();
    // Across the end of the first unit of 16 clusters.
    assert_eq!(file.vec(65_530, 20).unwrap(), whole[65_530..65_550]);
    assert!(file.read_at(file.len(), &mut [0]).is_err());
    assert_eq!(fs.stored_as(numbers).unwrap(), Some("compressed"));
    assert_eq!(fs.stored_as(fs.root()).unwrap(), None);
}

/// As `content.py` makes it.
fn words() -> Vec<u8> {
    const WORDS: [&[u8]; 6] =
        [b"cluster ", b"inode ", b"hive ", b"cell ", b"extent ", b"L2 table "];
    let mut out = Vec::new();
    let mut x = 1_u64;
    while out.len() < 40_000 {
        x = (x * 1_103_515_245 + 12_345) & 0x7fff_ffff;
        match (x >> 16) % 8 {
            word @ 0..=5 => out.extend(WORDS[word as usize]),
            6 => {
                out.push(0xe8);
                let target = ((x >> 8) % 20_000) as i32 - ((x >> 20) % 9_000) as i32;
                out.extend(target.to_le_bytes());
            }
            _ => out.extend((x as u32).to_le_bytes()),
        }
    }
    out.truncate(40_000);
    out
}

fn chunks(len: u64) -> Units {
    Units::new(len, &Arc::new(Budget::default()))
}

#[test]
fn chunks_of_which_a_few_bytes_each_are_asked_for_are_read_up_to_the_bound_alone() {
    let (stored, chunk) = (file("lzx-32768.bin"), 32_768);
    // The first chunk is all that there is of a much longer file.
    let wof = Wof::new(Arc::new(stored), 40_000, Algorithm::Lzx, chunks(chunk));
    let mut pieces = Vec::new();
    // From the beginning to the end, and in between again and again: nothing is in vain.
    for at in (0..40_000).step_by(8) {
        pieces.extend(wof.vec(at, 8).unwrap());
    }
    assert!(pieces == words());
    let budget = Arc::new(Budget::default());
    let error = (0..).find_map(|_| {
        let units = Units::new(chunk, &budget);
        units.read(chunk, 7, &mut [0; 8], &|_| Ok(vec![0; 32_768])).err()
    });
    let Some(Error::Limit { limit, unit, .. }) = error else { panic!("{error:?}") };
    assert_eq!((limit, unit), (256 << 20, "bytes decompressed in vain"));
}

#[test]
fn chunks_of_each_kind_of_compactos_come_out_as_wimlib_put_them_in() {
    for (name, algorithm, chunk) in [
        ("xpress-4096", Algorithm::Xpress, 4096),
        ("xpress-8192", Algorithm::Xpress, 8192),
        ("xpress-16384", Algorithm::Xpress, 16_384),
        ("lzx-32768", Algorithm::Lzx, 32_768),
    ] {
        let wof =
            Wof::new(Arc::new(file(&format!("{name}.bin"))), 40_000, algorithm, chunks(chunk));
        assert!(wof.vec(0, 40_000).unwrap() == words(), "{name}");
        assert_eq!(wof.vec(chunk - 3, 6).unwrap(), words()[chunk as usize - 3..][..6], "{name}");
    }
}

#[test]
fn damaged_chunks_are_an_error_or_other_bytes_and_never_a_panic() {
    let mut random = XorShift(0x9E37_79B9_7F4A_7C15);
    for (name, algorithm, chunk) in
        [("xpress-4096", Algorithm::Xpress, 4096), ("lzx-32768", Algorithm::Lzx, 32_768)]
    {
        let sound = file(&format!("{name}.bin"));
        let mut failed = 0;
        for _ in 0..300 {
            let mut bytes = sound.clone();
            let at = random.below(bytes.len());
            bytes[at] = random.next() as u8;
            let wof = Wof::new(Arc::new(bytes), 40_000, algorithm, chunks(chunk));
            failed += usize::from(wof.vec(0, 40_000).is_err());
        }
        assert!(failed > 0, "{name}");
    }
}

#[test]
fn a_compressed_file_that_claims_2_to_the_63_bytes_takes_no_memory() {
    for (algorithm, chunk) in [(Algorithm::Xpress, 4096), (Algorithm::Lzx, 32_768)] {
        let wof = Wof::new(Arc::new(file("xpress-4096.bin")), 1 << 63, algorithm, chunks(chunk));
        assert_eq!(Bytes::len(&wof), 1 << 63);
        for offset in [0, 4096, 1 << 62, (1 << 63) - 16] {
            let found = wof.read_at(offset, &mut [0; 16]);
            assert!(
                matches!(found, Err(Error::Corrupt { .. } | Error::OutOfBounds { .. })),
                "{found:?}"
            );
        }
    }
}

#[test]
fn a_block_of_an_index_that_leads_to_itself_is_corrupt() {
    let mut volume = unpack("default.img.zst");
    let blocks: Vec<usize> =
        (0..volume.len()).step_by(4096).filter(|at| volume[*at..].starts_with(b"INDX")).collect();
    assert!(!blocks.is_empty());
    for block in blocks {
        let word = |volume: &[u8], at: usize| {
            u32::from_le_bytes(volume[at..at + 4].try_into().unwrap()) as usize
        };
        // The first entry, whose name gives way to the number of a block: its own.
        let entry = block + 0x18 + word(&volume, block + 0x18);
        let len = usize::from(u16::from_le_bytes([volume[entry + 8], volume[entry + 9]]));
        volume[entry + 12] |= 1;
        let own: [u8; 8] = volume[block + 0x10..block + 0x18].try_into().unwrap();
        volume[entry + len - 8..entry + len].copy_from_slice(&own);
    }
    let fs = Ntfs::open(Arc::new(volume)).unwrap();
    let many = fs.lookup(fs.root(), b"many").unwrap().unwrap();
    let error = fs.read_dir(many, &mut |_| ControlFlow::Continue(())).unwrap_err();
    assert!(error.to_string().contains("a tree without loops"), "{error}");
    // Before all names there.
    assert!(fs.lookup(many, b"a").is_err());
}

#[test]
fn what_is_kept_of_master_file_tables_is_bounded_for_the_whole_image() {
    let bytes: Arc<dyn Bytes> = Arc::new(unpack("default.img.zst"));
    let budget = Arc::new(Budget::default());
    Ntfs::open_within(Arc::clone(&bytes), Arc::clone(&budget)).unwrap();
    budget.keep(1 << 30).unwrap_err();
    let error = Ntfs::open_within(bytes, budget).err();
    let Some(Error::Limit { structure, .. }) = error else { panic!("{error:?}") };
    assert_eq!(structure, "all logs and maps that are kept in memory");
}

/// As many entries as a list has room for could name one record, which is gone through for each.
#[test]
fn a_list_that_names_the_same_part_of_a_value_again_is_corrupt() {
    let fs = open("default");
    let entry = |vcn: u64| {
        let mut entry = vec![0x80, 0, 0, 0, 32, 0, 0, 32];
        entry.extend(vcn.to_le_bytes());
        entry.extend(40_u64.to_le_bytes());
        // Attribute record number 1.
        entry.extend([1, 0, 0, 0, 0, 0, 0, 0]);
        entry
    };
    let record = |entries: &[u64]| {
        let list: Vec<u8> = entries.iter().flat_map(|vcn| entry(*vcn)).collect();
        let mut raw = vec![0; 1024];
        raw[..4].copy_from_slice(b"FILE");
        // Three words of an update sequence at 0x30, attributes from 0x38 on, in use.
        (raw[4], raw[6], raw[0x14], raw[0x16]) = (0x30, 3, 0x38, 1);
        let mut at = 0x38;
        let mut attribute = |kind: u8, number: u8, value: &[u8]| {
            raw[at] = kind;
            raw[at + 4] = 24 + value.len() as u8;
            raw[at + 0x0e] = number;
            raw[at + 0x10] = value.len() as u8;
            raw[at + 0x14] = 24;
            raw[at + 24..at + 24 + value.len()].copy_from_slice(value);
            at += 24 + value.len();
        };
        attribute(0x20, 0, &list);
        attribute(0x80, 1, b"eight by");
        raw[0x18] = at as u8;
        FileRecord::parse(raw, 0, Reference(40)).unwrap()
    };
    let value = stream::open(&fs.volume, &record(&[0]), kind::DATA, &[]).unwrap().unwrap();
    assert_eq!(value.vec(0, 8).unwrap(), b"eight by");
    let error = stream::open(&fs.volume, &record(&[0, 0]), kind::DATA, &[]).err().unwrap();
    assert!(error.to_string().contains("VCNs that ascend"), "{error}");
}

#[test]
fn a_record_that_was_torn_is_named() {
    let mut bytes = unpack("default.img.zst");
    let fs = open("default");
    let small = fs.lookup(fs.root(), b"small").unwrap().unwrap();
    let offset = fs.volume.record(Reference(small.0)).unwrap().structure().offset as usize;
    bytes[offset + 510] ^= 1;
    let fs = Ntfs::open(Arc::new(bytes)).unwrap();
    let error = fs.metadata(small).unwrap_err();
    assert!(matches!(error, Error::Corrupt { structure: "NTFS file record", .. }), "{error}");
}

#[test]
fn a_record_that_was_used_anew_is_not_the_file() {
    let fs = open("default");
    let small = fs.lookup(fs.root(), b"small").unwrap().unwrap();
    let stale = NodeId(small.0 + (1 << 48));
    assert!(matches!(fs.metadata(stale), Err(Error::Corrupt { .. })));
}

/// Most names of one mutant that are looked at.
const MAX_ENTRIES: usize = 600;

#[test]
fn mutants_give_an_answer_or_an_error() {
    let mut bytes = Arc::new(unpack("default.img.zst"));
    let sound = open("default");
    assert_eq!(visit_all(&sound, MAX_ENTRIES), 0);
    // The boot sector, file records, and blocks of directories.
    let cluster = sound.volume.boot.cluster_size;
    let mft = (sound.volume.boot.mft * cluster) as usize;
    let mut places = vec![0];
    places.extend(
        (mft..bytes.len() - 1024).step_by(1024).filter(|at| bytes[*at..].starts_with(b"FILE")),
    );
    places.extend((0..bytes.len()).step_by(512).filter(|at| bytes[*at..].starts_with(b"INDX")));
    let mut random = XorShift(0x9E37_79B9_7F4A_7C15);
    let (mut opened, mut damaged) = (0, 0);
    for _ in 0..600 {
        let mut undo = Vec::new();
        let whole = Arc::get_mut(&mut bytes).unwrap();
        for _ in 0..=random.below(6) {
            // Not in the two bytes that the update sequence array protects.
            let at = places[random.below(places.len())] + random.below(480);
            undo.push((at, whole[at]));
            whole[at] = match random.below(4) {
                0 => 0,
                1 => 0xff,
                2 => whole[at] ^ 1 << random.below(8),
                _ => random.next() as u8,
            };
        }
        let copy: Arc<dyn Bytes> = Arc::clone(&bytes) as Arc<dyn Bytes>;
        if let Ok(fs) = Ntfs::open(copy) {
            opened += 1;
            let _ = fs.health();
            damaged += usize::from(visit_all(&fs, MAX_ENTRIES) > 0);
        }
        let whole = Arc::get_mut(&mut bytes).unwrap();
        for (at, byte) in undo.into_iter().rev() {
            whole[at] = byte;
        }
    }
    assert!(opened > 300 && damaged > 100, "{opened} opened, {damaged} of them damaged");
}
