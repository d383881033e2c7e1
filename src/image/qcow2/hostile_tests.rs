//! Files that lie: each starts as an image that QEMU made and is then damaged in one place.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss
)]

use std::io::Write;
use std::sync::Arc;

use flate2::Compression;
use flate2::write::DeflateEncoder;

use crate::bytes::BytesExt;
use crate::error::Error;
use crate::fact::Fact;
use crate::image::facts::{Qcow2Compression, Qcow2Facts};
use crate::image::qcow2::fixture_tests::{fixture, pattern};
use crate::image::qcow2::{MAX_LISTED_PROBLEMS, MAX_LISTED_SNAPSHOTS};
use crate::image::{Image, Qcow2Structure};

/// An image to be damaged.
pub(super) struct Damaged(pub(super) Vec<u8>);

impl Damaged {
    pub(super) fn new(name: &str) -> Self {
        Self(fixture(name))
    }

    pub(super) fn set(mut self, at: usize, bytes: &[u8]) -> Self {
        if self.0.len() < at + bytes.len() {
            self.0.resize(at + bytes.len(), 0);
        }
        self.0[at..at + bytes.len()].copy_from_slice(bytes);
        self
    }

    pub(super) fn set32(self, at: usize, value: u32) -> Self {
        self.set(at, &value.to_be_bytes())
    }

    pub(super) fn set64(self, at: usize, value: u64) -> Self {
        self.set(at, &value.to_be_bytes())
    }

    pub(super) fn get64(&self, at: usize) -> u64 {
        u64::from_be_bytes(self.0[at..at + 8].try_into().unwrap())
    }

    pub(super) fn l1(&self) -> usize {
        self.get64(40) as usize
    }

    /// The L2 table of the first L1 entry.
    pub(super) fn l2(&self) -> usize {
        (self.get64(self.l1()) & 0x00ff_ffff_ffff_fe00) as usize
    }

    pub(super) fn image(self) -> Image {
        Image::of_bytes("damaged.qcow2".to_owned(), Arc::new(self.0))
    }
}

fn facts(image: &Image) -> Qcow2Facts {
    image.facts().qcow2.as_ref().unwrap().known().unwrap().clone()
}

fn header_is_refused(damaged: Damaged, word: &str) {
    let image = damaged.image();
    let reason = &image.facts().qcow2.as_ref().unwrap().unread().unwrap().reason;
    assert!(reason.contains(word), "{reason}");
    assert!(image.facts().content.known().is_none());
    assert!(image.disk().is_err());
    assert!(image.check_structure().is_none());
}

pub(super) fn walk_finds(image: &Image, words: &str) -> Qcow2Structure {
    let structure = image.check_structure().unwrap();
    assert!(
        structure
            .problems
            .iter()
            .any(|problem| { problem.detail.contains(words) || problem.location.contains(words) }),
        "{words}: {structure:?}"
    );
    structure
}

#[test]
fn a_header_out_of_bounds_is_refused_with_the_field() {
    let v3 = || Damaged::new("cluster-4k.qcow2");
    header_is_refused(v3().set32(4, 4), "version 4");
    header_is_refused(v3().set32(4, 0), "version 0");
    for bits in [0, 8, 22, 64, u32::MAX] {
        header_is_refused(v3().set32(20, bits), "cluster_bits");
    }
    header_is_refused(v3().set32(96, 7), "refcount_order");
    for length in [0, 72, 103, 4097, u32::MAX] {
        header_is_refused(v3().set32(100, length), "header_length");
    }
    let backing = || Damaged::new("backing.qcow2");
    header_is_refused(backing().set32(16, u32::MAX), "backing file name");
    header_is_refused(backing().set32(16, 1024), "backing file name");
    header_is_refused(backing().set64(8, (1 << 63) - 512), "backing file name");
    // Extended L2 entries in clusters of 4 KiB.
    header_is_refused(v3().set64(72, 1 << 4), "cluster_bits");
    for length in [0, 3, 4, 71, 72, 103] {
        let mut short = v3();
        short.0.truncate(length);
        let image = short.image();
        assert!(image.disk().is_err() || image.facts().qcow2.is_none());
    }
}

#[test]
fn an_extension_longer_than_its_room_is_corrupt() {
    for length in [65536 - 119, u32::MAX, u32::MAX - 7] {
        header_is_refused(Damaged::new("v3.qcow2").set32(112 + 4, length), "length");
    }
}

#[test]
fn an_l1_table_that_cannot_be_right_leaves_the_header_known() {
    let v3 = || Damaged::new("cluster-4k.qcow2");
    for damaged in [
        v3().set32(36, u32::MAX),
        v3().set32(36, 0),
        v3().set64(24, u64::MAX),
        v3().set64(40, (1 << 63) - 512),
        v3().set64(40, u64::MAX),
        v3().set64(40, 512),
        v3().set64(40, 1 << 40),
    ] {
        let image = damaged.image();
        assert_eq!(facts(&image).version, 3);
        assert!(matches!(image.disk(), Err(Error::Corrupt { .. })));
        let structure = image.check_structure().unwrap();
        assert!(structure.problem_count > 0);
        assert!(structure.checked.known().is_none());
    }
}

#[test]
fn tables_that_overlap_are_found() {
    let v3 = Damaged::new("cluster-4k.qcow2");
    let l1 = v3.l1();
    let image = v3.set64(l1, l1 as u64 | 1 << 63).image();
    walk_finds(&image, "qcow2 L1 table, host cluster");
    // The table's own bytes are read as entries, whatever they say.
    let _ = image.disk().unwrap().vec(0, 10_000);

    let v3 = Damaged::new("cluster-4k.qcow2");
    let l1 = v3.l1() as u64;
    walk_finds(&v3.set64(48, l1).image(), "qcow2 L1 table, host cluster");

    let v3 = Damaged::new("cluster-4k.qcow2");
    let (l2, table) = (v3.l2(), v3.get64(48));
    let image = v3.set64(l2, table).image();
    let entry = format!("also used: qcow2 L2 table at byte {l2}, entry 0 (guest byte 0)");
    walk_finds(&image, "qcow2 refcount table, host cluster");
    walk_finds(&image, &entry);
}

#[test]
fn one_l2_table_under_many_l1_entries_is_walked_once() {
    let v3 = Damaged::new("cluster-512.qcow2");
    let (l1, l2) = (v3.l1(), v3.l2() as u64);
    let entries = u32::from_be_bytes(v3.0[36..40].try_into().unwrap()) as usize;
    let image = (0..entries).fold(v3, |image, entry| image.set64(l1 + 8 * entry, l2)).image();
    let structure = walk_finds(&image, &format!("refcount 1, references {entries}"));
    walk_finds(&image, &format!("entry 0 and {} more L1 entries", entries - 1));
    assert!(structure.problems.len() <= MAX_LISTED_PROBLEMS);
}

#[test]
fn offsets_beyond_the_file_fail_the_read_and_are_found() {
    for offset in [1_u64 << 40, 0x00ff_ffff_ffff_f000, (1 << 63) - 512] {
        let v3 = Damaged::new("cluster-4k.qcow2");
        let l1 = v3.l1();
        let image = v3.set64(l1, offset).image();
        assert!(matches!(image.disk().unwrap().array::<4>(0), Err(Error::Corrupt { .. })));
        assert!(image.check_structure().unwrap().problem_count > 0);

        let v3 = Damaged::new("cluster-4k.qcow2");
        let l2 = v3.l2();
        let image = v3.set64(l2, offset & !(1 << 62)).image();
        let disk = image.disk().unwrap();
        assert!(matches!(disk.array::<4>(0), Err(Error::Corrupt { .. })));
        assert_eq!(disk.slice(0, 4), None);
        // Other clusters are none the worse.
        assert_eq!(disk.vec(70_000, 1000).unwrap(), pattern()[70_000..71_000]);
        assert!(image.check_structure().unwrap().problem_count > 0);
    }
}

#[test]
fn an_unaligned_offset_fails_the_read_and_is_found() {
    let v3 = Damaged::new("cluster-4k.qcow2");
    let (l2, first) = (v3.l2(), v3.get64(v3.l2()));
    let image = v3.set64(l2, first | 512).image();
    assert!(matches!(image.disk().unwrap().array::<4>(0), Err(Error::Corrupt { .. })));
    walk_finds(&image, "not a multiple of the cluster size");
}

#[test]
fn reserved_bits_are_found_and_do_not_hinder_reading() {
    let v3 = Damaged::new("cluster-4k.qcow2");
    let (l2, first) = (v3.l2(), v3.get64(v3.l2()));
    let image = v3.set64(l2, first | 1 << 57).image();
    assert_eq!(image.disk().unwrap().vec(0, 1024).unwrap(), pattern()[..1024]);
    walk_finds(&image, "reserved bits 0x200000000000000");
}

#[test]
fn the_refcount_table_is_checked() {
    let v3 = || Damaged::new("cluster-4k.qcow2");
    let table = v3().get64(48) as usize;
    walk_finds(&v3().set64(table, 1 << 40).image(), "refcount block");
    walk_finds(&v3().set64(table, 511).image(), "reserved bits");
    walk_finds(&v3().set64(table, 1024).image(), "not a multiple");
    walk_finds(&v3().set64(48, (1 << 63) - 512).image(), "qcow2 refcount table");
    walk_finds(&v3().set32(56, u32::MAX).image(), "byte 56");
    walk_finds(&v3().set32(56, 0).image(), "byte 56");
}

#[test]
fn a_million_snapshots_are_counted_and_few_are_listed() {
    let v3 = Damaged::new("cluster-4k.qcow2");
    let table = v3.l1() as u64;
    let image = v3.set32(60, 1_000_000).set64(64, table).image();
    let found = facts(&image);
    assert_eq!(found.snapshot_count, 1_000_000);
    assert!(found.snapshots.known().is_none_or(|names| names.len() <= MAX_LISTED_SNAPSHOTS));

    // A table of zeros is a table of nameless snapshots.
    let v3 = Damaged::new("cluster-4k.qcow2");
    let end = v3.0.len();
    let image = v3.set(end + 8191, &[0]).set32(60, 1_000_000).set64(64, end as u64).image();
    assert_eq!(facts(&image).snapshots.known().unwrap().len(), MAX_LISTED_SNAPSHOTS);

    for offset in [(1 << 63) - 512, 1 << 40, 1] {
        let image = Damaged::new("cluster-4k.qcow2").set32(60, u32::MAX).set64(64, offset).image();
        assert!(facts(&image).snapshots.known().is_none());
    }
}

#[test]
fn a_bomb_makes_one_cluster_and_no_more() {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(&vec![b'x'; 64 << 20]).unwrap();
    let bomb = encoder.finish().unwrap();
    let zlib = Damaged::new("zlib-64k.qcow2");
    let (l2, end) = (zlib.l2(), zlib.0.len().next_multiple_of(512));
    let sectors = bomb.len().div_ceil(512) as u64;
    let descriptor = 1 << 62 | (sectors - 1) << 54 | end as u64;
    let disk = zlib.set(end, &bomb).set64(l2, descriptor).image().disk().unwrap();
    assert_eq!(disk.vec(0, 65536).unwrap(), vec![b'x'; 65536]);
}

#[test]
fn garbage_in_a_compressed_cluster_fails_that_cluster_alone() {
    for (name, cluster) in [("zstd-64k.qcow2", 65536), ("zlib-64k.qcow2", 65536)] {
        let damaged = Damaged::new(name);
        let l2 = damaged.l2();
        let at = (damaged.get64(l2) & ((1 << 54) - 1)) as usize;
        let disk = damaged.set(at, &[0xFF; 40]).image().disk().unwrap();
        for _ in 0..2 {
            assert!(matches!(disk.array::<4>(0), Err(Error::Corrupt { .. })), "{name}");
            assert!(matches!(disk.vec(0, cluster), Err(Error::Corrupt { .. })), "{name}");
        }
        let next = disk.vec(cluster as u64, cluster).unwrap();
        assert_eq!(next, pattern()[cluster..2 * cluster], "{name}");
    }
}

#[test]
fn a_subcluster_both_allocated_and_zero_is_corrupt() {
    let extended = Damaged::new("extended-l2-16k.qcow2");
    let l2 = extended.l2();
    let image = extended.set64(l2 + 8, u64::MAX).image();
    assert!(matches!(image.disk().unwrap().array::<4>(0), Err(Error::Corrupt { .. })));
    walk_finds(&image, "subcluster bitmap");
}

#[test]
fn dirty_and_corrupt_bits_are_facts_and_the_disk_is_read() {
    let image = Damaged::new("cluster-4k.qcow2").set64(72, 0b11).image();
    assert!(facts(&image).dirty && facts(&image).corrupt);
    assert_eq!(image.disk().unwrap().vec(0, 1024).unwrap(), pattern()[..1024]);
}

#[test]
fn an_unknown_incompatible_bit_is_named_and_the_disk_is_not_read() {
    // The third entry of QEMU's feature name table, renamed to bit 60.
    let damaged = Damaged::new("v3.qcow2");
    let entry = 112 + 8 + 2 * 48;
    assert_eq!(&damaged.0[entry + 2..entry + 10], b"external");
    let image = damaged.set(entry + 1, &[60]).set64(72, 1 << 60 | 1 << 5).image();
    assert_eq!(facts(&image).unknown_incompatible_bits, [5, 60]);
    assert_eq!(facts(&image).unknown_feature_names, ["external data file"]);
    assert!(matches!(image.disk(), Err(Error::Unsupported { .. })));
    assert!(image.facts().content.unread().unwrap().reason.contains("60 (external data file)"));
    assert!(image.check_structure().unwrap().checked.known().is_none());
}

#[test]
fn an_unknown_compression_type_is_a_fact_and_the_disk_is_not_read() {
    let image = Damaged::new("zstd-64k.qcow2").set(104, &[7]).image();
    assert_eq!(facts(&image).compression, Qcow2Compression::Unknown(7));
    assert!(matches!(image.disk(), Err(Error::Unsupported { .. })));
    // The field without its bit, and the bit without its field.
    for damaged in [
        Damaged::new("zlib-64k.qcow2").set(104, &[1]),
        Damaged::new("zstd-64k.qcow2").set(104, &[0]),
    ] {
        let image = damaged.image();
        assert!(matches!(image.disk(), Err(Error::Corrupt { .. })));
        walk_finds(&image, "compression type");
    }
}

#[test]
fn a_truncated_file_is_found_wherever_it_was_cut() {
    let expected = pattern();
    for name in ["cluster-4k.qcow2", "zlib-512.qcow2", "zstd-4k.qcow2", "extended-l2-16k.qcow2"] {
        let whole = fixture(name);
        for len in (0..whole.len()).step_by(512) {
            let bytes = whole[..len].to_vec();
            let image = Image::of_bytes(name.to_owned(), Arc::new(bytes));
            let sound = image.disk().and_then(|disk| disk.vec(0, expected.len()));
            match image.check_structure() {
                Some(structure) if structure.problem_count == 0 => {
                    // Only bytes behind the end of the disk were cut off.
                    assert_eq!(sound.as_ref(), Ok(&expected), "{name} cut at {len}");
                    assert!(structure.highest_host_byte <= len as u64);
                    assert!(whole.len() - len < 16 << 10, "{name} cut at {len}");
                }
                Some(structure) => {
                    assert!(structure.highest_host_byte > len as u64, "{name} cut at {len}");
                }
                None => assert!(sound.is_err(), "{name} cut at {len}"),
            }
        }
    }
}

#[test]
fn mutants_neither_panic_nor_read_out_of_bounds() {
    /// Mutants of each image, 3,000 in all.
    const MUTANTS: u64 = 600;
    let mut state = 0x2545_F491_4F6C_DD1D_u64;
    let mut random = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    for name in [
        "cluster-512.qcow2",
        "zlib-4k.qcow2",
        "zstd-4k.qcow2",
        "subclusters.qcow2",
        "snapshots.qcow2",
    ] {
        let original = Damaged::new(name);
        let places = [0, 0, original.l1(), original.l2(), original.get64(48) as usize];
        for _ in 0..MUTANTS {
            let mut mutant = original.0.clone();
            for _ in 0..1 + random() % 4 {
                let place = places[(random() % 5) as usize] + (random() % 256) as usize;
                let place =
                    if random() % 8 == 0 { random() as usize % mutant.len() } else { place };
                let value = match random() % 4 {
                    0 => 0,
                    1 => 0xFF,
                    2 => 1 << (random() % 8),
                    _ => random() as u8,
                };
                mutant[place] = value;
            }
            let image = Image::of_bytes(name.to_owned(), Arc::new(mutant));
            if let Some(structure) = image.check_structure() {
                assert!(structure.problems.len() <= MAX_LISTED_PROBLEMS);
                assert!(structure.problems.len() as u64 <= structure.problem_count);
            }
            let Ok(disk) = image.disk() else { continue };
            let mut buf = vec![0; 9000];
            for turn in 0..24_u64 {
                let at = if turn < 16 { turn * 4096 } else { random() % disk.len().max(1) };
                let len = buf.len().min(disk.len().saturating_sub(at) as usize);
                let read = disk.read_at(at, &mut buf[..len]);
                if let Some(slice) = disk.slice(at, len) {
                    assert_eq!(read, Ok(()));
                    assert_eq!(slice, &buf[..len]);
                }
                let zeroes = disk.zeroes_at(at).min(len as u64) as usize;
                if read.is_ok() {
                    assert!(buf[..zeroes].iter().all(|&byte| byte == 0));
                }
            }
        }
    }
}

#[test]
fn a_file_of_very_many_clusters_is_walked_by_itself() {
    let of =
        |clusters: usize| Damaged::new("cluster-512.qcow2").set(clusters * 512 - 1, &[0]).image();
    assert!(!of(1 << 17).has_large_structure());
    assert!(of((1 << 17) + 1).has_large_structure());
}

#[test]
fn an_unlooked_at_image_says_so() {
    let image = Damaged::new("cluster-4k.qcow2").image();
    assert!(matches!(facts(&image).checked, Fact::Unknown(_)));
}
