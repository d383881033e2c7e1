//! Images that QEMU made (`testdata/image/make.sh`), against bytes that are known without them.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss
)]

use std::path::PathBuf;
use std::sync::Arc;

use crate::bytes::BytesExt;
use crate::error::Error;
use crate::fact::Fact;
use crate::image::Image;
use crate::image::facts::{Format, Qcow2Compression, Qcow2Facts};

const SIZE: usize = 3_147_264;

/// A fixture, unpacked.
pub(in crate::image) fn fixture(name: &str) -> Vec<u8> {
    let path: PathBuf =
        [env!("CARGO_MANIFEST_DIR"), "testdata/image", &format!("{name}.zst")].iter().collect();
    zstd::decode_all(std::fs::File::open(path).unwrap()).unwrap()
}

pub(in crate::image) fn image(name: &str) -> Image {
    Image::of_bytes(name.to_owned(), Arc::new(fixture(name)))
}

fn facts(image: &Image) -> &Qcow2Facts {
    image.facts().qcow2.as_ref().unwrap().known().unwrap()
}

fn mix(x: u64) -> u64 {
    let x = x.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    x ^ (x >> 31)
}

/// What `make.sh` puts on the disk.
pub(super) fn pattern() -> Vec<u8> {
    let mut disk = vec![0; SIZE];
    for range in [0..1024, 70_000..200_000, 1_048_576..1_052_672, SIZE - 700..SIZE] {
        for offset in range {
            disk[offset] = ((offset >> 9) * 31 + ((offset & 511) >> 3)) as u8;
        }
    }
    for (byte, offset) in disk[2_097_152..2_105_344].iter_mut().zip(2_097_152_u64..) {
        *byte = (mix(offset >> 3) >> (8 * (offset & 7))) as u8;
    }
    disk
}

/// Reads the disk in every way there is and compares it with `expected`.
fn assert_reads(name: &str, expected: &[u8]) {
    let image = image(name);
    let disk = image.disk().unwrap();
    assert_eq!(disk.len(), expected.len() as u64, "{name}");
    let whole = disk.vec(0, expected.len()).unwrap();
    if let Some(at) = whole.iter().zip(expected).position(|(found, wanted)| found != wanted) {
        panic!("{name}: byte {at} differs");
    }
    let mut state = 1_u64;
    for _ in 0..300 {
        state = mix(state);
        let start = (state % expected.len() as u64) as usize;
        let len = ((state >> 32) % 100_000).min((expected.len() - start) as u64) as usize;
        let range = start..start + len;
        assert_eq!(disk.vec(start as u64, len).unwrap(), expected[range.clone()], "{name}");
        if let Some(slice) = disk.slice(start as u64, len) {
            assert_eq!(slice, &expected[range], "{name}");
        }
        let zeroes = disk.zeroes_at(start as u64) as usize;
        assert!(expected[start..start + zeroes].iter().all(|&byte| byte == 0), "{name}");
    }
    assert_eq!(disk.zeroes_at(expected.len() as u64), 0, "{name}");
    assert!(disk.read_at(expected.len() as u64, &mut [0]).is_err(), "{name}");
    assert!(disk.read_at(u64::MAX, &mut [0]).is_err(), "{name}");
}

/// `qemu-img check` calls it clean, and so do we.
fn assert_clean(name: &str) {
    let image = image(name);
    let structure = image.check_structure().unwrap();
    assert_eq!(structure.problems, [], "{name}");
    assert_eq!(structure.problem_count, 0, "{name}");
    assert_eq!(structure.checked, Fact::Known(()), "{name}");
    let size = image.facts().file_size;
    assert!(structure.highest_host_byte <= size, "{name}");
    assert!(structure.highest_host_byte > 0, "{name}");
}

const CONVERTED: [&str; 24] = [
    "v2.qcow2",
    "v3.qcow2",
    "cluster-512.qcow2",
    "cluster-4k.qcow2",
    "cluster-2m.qcow2",
    "zlib-512.qcow2",
    "zlib-4k.qcow2",
    "zlib-64k.qcow2",
    "zlib-2m.qcow2",
    "zstd-4k.qcow2",
    "zstd-64k.qcow2",
    "zstd-2m.qcow2",
    "extended-l2-16k.qcow2",
    "extended-l2-64k.qcow2",
    "extended-l2-zstd.qcow2",
    "extended-l2-preallocated.qcow2",
    "preallocated-metadata.qcow2",
    "preallocated-falloc.qcow2",
    "refcount-1.qcow2",
    "refcount-2.qcow2",
    "refcount-4.qcow2",
    "refcount-8.qcow2",
    "refcount-32.qcow2",
    "refcount-64.qcow2",
];

#[test]
fn every_kind_of_cluster_that_qemu_writes_reads_as_written() {
    let expected = pattern();
    for name in CONVERTED {
        assert_reads(name, &expected);
    }
}

#[test]
fn what_qemu_img_check_calls_clean_has_no_problems() {
    for name in CONVERTED {
        assert_clean(name);
    }
    for name in [
        "subclusters.qcow2",
        "zeroed.qcow2",
        "snapshots.qcow2",
        "bitmap.qcow2",
        "empty.qcow2",
        "backing.qcow2",
        "data-file.qcow2",
        "encrypted-aes.qcow2",
        "encrypted-luks.qcow2",
    ] {
        assert_clean(name);
    }
}

#[test]
fn subclusters_are_read_one_by_one() {
    let mut expected = vec![0; SIZE];
    expected[..2048].fill(0x11);
    expected[6 << 10..8 << 10].fill(0x22);
    expected[1 << 20..(1 << 20) + (64 << 10)].fill(0x33);
    expected[1026 << 10..1030 << 10].fill(0);
    expected[3_000_000..3_000_600].fill(0x44);
    assert_reads("subclusters.qcow2", &expected);
}

#[test]
fn zero_clusters_hide_what_was_there() {
    let mut expected = pattern();
    expected[64 << 10..192 << 10].fill(0);
    assert_reads("zeroed.qcow2", &expected);
}

#[test]
fn an_active_disk_beside_snapshots_reads_as_last_written() {
    let mut expected = pattern();
    expected[..512].fill(0x77);
    assert_reads("snapshots.qcow2", &expected);
    let image = image("snapshots.qcow2");
    assert_eq!(facts(&image).snapshot_count, 2);
    let names = ["1 first", "2 the second"].map(str::to_owned).to_vec();
    assert_eq!(facts(&image).snapshots, Fact::Known(names));
}

#[test]
fn an_empty_disk_is_one_hole() {
    let image = image("empty.qcow2");
    let disk = image.disk().unwrap();
    assert_eq!(disk.zeroes_at(0), 10 << 30);
    assert_eq!(disk.zeroes_at((10 << 30) - 5), 5);
    assert_eq!(disk.array::<4>((10 << 30) - 4).unwrap(), [0; 4]);
}

#[test]
fn header_facts_are_those_that_qemu_img_was_asked_for() {
    let v2 = image("v2.qcow2");
    let v2 = facts(&v2);
    assert_eq!((v2.version, v2.cluster_size, v2.refcount_bits), (2, 65536, 16));
    assert_eq!(v2.compression, Qcow2Compression::Zlib);
    assert!(!v2.extended_l2 && !v2.dirty && !v2.corrupt && !v2.external_data_file);
    let refcount = image("refcount-64.qcow2");
    let refcount = facts(&refcount);
    assert_eq!((refcount.version, refcount.cluster_size, refcount.refcount_bits), (3, 4096, 64));
    let zstd = image("extended-l2-zstd.qcow2");
    assert_eq!(zstd.facts().format, Format::Qcow2);
    assert_eq!(zstd.facts().variant.as_deref(), Some("version 3"));
    assert_eq!(zstd.facts().virtual_size, Some(SIZE as u64));
    assert_eq!(facts(&zstd).compression, Qcow2Compression::Zstd);
    assert!(facts(&zstd).extended_l2);
    assert_eq!(facts(&zstd).checked.unread().unwrap().reason, "not looked at yet");
}

#[test]
fn a_backing_file_is_named_and_not_opened() {
    let image = image("backing.qcow2");
    assert_eq!(facts(&image).backing_file.as_deref(), Some("disk.raw"));
    assert_eq!(facts(&image).backing_format.as_deref(), Some("raw"));
    assert!(matches!(image.disk(), Err(Error::Unsupported { .. })));
    assert!(image.facts().content.unread().unwrap().reason.contains("disk.raw"));
}

#[test]
fn an_external_data_file_is_named_and_not_opened() {
    let image = image("data-file.qcow2");
    assert!(facts(&image).external_data_file);
    assert_eq!(facts(&image).data_file_name.as_deref(), Some("disk.data"));
    assert!(matches!(image.disk(), Err(Error::Unsupported { .. })));
}

#[test]
fn an_encrypted_image_says_so() {
    let luks = image("encrypted-luks.qcow2");
    assert_eq!(facts(&luks).crypt_method, 2);
    assert!(facts(&luks).encryption_extension_at.is_some());
    assert!(luks.facts().content.unread().unwrap().reason.contains("LUKS"));
    let aes = image("encrypted-aes.qcow2");
    assert_eq!(facts(&aes).crypt_method, 1);
    assert_eq!(facts(&aes).encryption_extension_at, None);
    assert!(matches!(aes.disk(), Err(Error::Unsupported { .. })));
}

#[test]
fn a_contiguous_file_of_clusters_is_one_slice() {
    let image = image("preallocated-falloc.qcow2");
    let disk = image.disk().unwrap();
    assert_eq!(disk.slice(0, SIZE), Some(&*pattern()));
    assert_eq!(disk.slice(1, SIZE), None);
}

#[test]
fn threads_read_compressed_clusters_at_the_same_time() {
    let expected = pattern();
    let image = image("zlib-4k.qcow2");
    let disk = image.disk().unwrap();
    std::thread::scope(|scope| {
        for thread in 0..4_usize {
            let (disk, expected) = (&disk, &expected);
            scope.spawn(move || {
                for at in (thread * 1000..expected.len() - 3000).step_by(7919) {
                    assert_eq!(disk.vec(at as u64, 3000).unwrap(), expected[at..at + 3000]);
                }
            });
        }
    });
}

#[test]
fn opening_by_path_gives_the_same_as_bytes_in_memory() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), fixture("zstd-64k.qcow2")).unwrap();
    let image = Image::open(file.path()).unwrap();
    assert_eq!(image.disk().unwrap().vec(0, SIZE).unwrap(), pattern());
    assert_eq!(image.intact(), Ok(()));
    let mut facts = image.facts().clone();
    facts.set_structure(image.check_structure().unwrap());
    let qcow2 = facts.qcow2.unwrap();
    assert_eq!(qcow2.known().unwrap().checked, Fact::Known(()));
    file.as_file().set_len(100).unwrap();
    assert!(matches!(image.intact(), Err(Error::Changed { .. })));
}
