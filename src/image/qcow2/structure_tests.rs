//! What the walk over all tables finds, by the words of the specification (QEMU
//! `docs/interop/qcow2.rst`). `cargo xtask compare consistency` holds it against `qemu-img check`.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss
)]

use crate::fact::Fact;
use crate::image::qcow2::hostile_tests::{Damaged, walk_finds};
use crate::image::{Image, Qcow2Structure};

const COPIED: u64 = 1 << 63;
const COMPRESSED: u64 = 1 << 62;

fn cluster_size(image: &Damaged) -> u64 {
    1 << u32::from_be_bytes(image.0[20..24].try_into().unwrap())
}

/// Where the first refcount block stands.
fn refcounts(image: &Damaged) -> usize {
    image.get64(image.get64(48) as usize) as usize
}

fn refcount(image: &Damaged, cluster: u64) -> u16 {
    let at = refcounts(image) + 2 * cluster as usize;
    u16::from_be_bytes([image.0[at], image.0[at + 1]])
}

/// Sets a refcount of 16 bits.
fn set_refcount(image: Damaged, cluster: u64, refcount: u16) -> Damaged {
    let at = refcounts(&image) + 2 * cluster as usize;
    image.set(at, &refcount.to_be_bytes())
}

fn structure(image: Damaged) -> Qcow2Structure {
    image.image().check_structure().unwrap()
}

fn finds(image: Damaged, words: &str) -> Qcow2Structure {
    walk_finds(&image.image(), words)
}

#[test]
fn a_refcount_without_a_reference_is_a_leak_and_no_damage() {
    let mut v3 = Damaged::new("v3.qcow2");
    let last = v3.0.len() as u64 / cluster_size(&v3);
    v3.0.resize((last as usize + 3) << 16, 0);
    let found = structure(set_refcount(set_refcount(v3, last, 1), last + 1, 1));
    assert_eq!((found.problem_count, found.leaked_clusters), (0, 2));
    assert_eq!(found.leaks.len(), 1);
    assert_eq!(found.leaks[0].location, format!("host cluster at byte {}", last << 16));
    assert_eq!(found.leaks[0].detail, "refcount 1, references 0, 2 clusters in a row");
    assert_eq!(found.checked, Fact::Known(()));
}

#[test]
fn a_refcount_that_is_too_high_is_a_leak_and_a_wrong_flag() {
    let v3 = Damaged::new("v3.qcow2");
    let host = v3.get64(v3.l2()) & !COPIED;
    let found = finds(set_refcount(v3, host >> 16, 2), "flag COPIED is set");
    assert_eq!((found.problem_count, found.leaked_clusters), (1, 1));
}

#[test]
fn a_refcount_that_is_too_low_names_the_place_on_the_disk() {
    let v3 = Damaged::new("v3.qcow2");
    let l2 = v3.l2();
    let host = v3.get64(l2 + 8) & !COPIED;
    assert_eq!(refcount(&v3, host >> 16), 1);
    let damaged = set_refcount(v3, host >> 16, 0).set64(l2 + 8, host);
    let found = structure(damaged);
    assert_eq!(found.problem_count, 1);
    assert_eq!(found.problems[0].location, format!("host cluster at byte {host}"));
    assert_eq!(
        found.problems[0].detail,
        format!(
            "refcount 0, references 1: qcow2 L2 table at byte {l2}, entry 1 (guest byte 65536)"
        )
    );
}

#[test]
fn refcounts_of_every_width_are_compared() {
    for bits in [1, 2, 4, 8, 32, 64] {
        let image = Damaged::new(&format!("refcount-{bits}.qcow2"));
        let at = refcounts(&image);
        let len = (bits as usize).div_ceil(8);
        let byte = if bits < 8 { image.0[at] & !((1 << bits) - 1) } else { 0 };
        let zeros = [&vec![0; len - 1][..], &[byte]].concat();
        let found = finds(image.set(at, &zeros), "refcount 0, references 1: qcow2 header");
        assert_eq!(found.problem_count, 1, "{bits} bits");
    }
}

#[test]
fn more_references_than_a_refcount_can_hold_are_found() {
    let image = Damaged::new("refcount-1.qcow2");
    let (l2, first) = (image.l2(), image.get64(image.l2()));
    let found = finds(image.set64(l2 + 8 * 100, first), "refcount 1, references 2");
    assert!(found.problems.iter().any(|problem| problem.detail.contains("entry 100")));

    // 64-bit refcounts that no counting reaches.
    let image = Damaged::new("refcount-64.qcow2");
    let at = refcounts(&image);
    let found = structure(image.set64(at, u64::MAX));
    assert_eq!((found.problem_count, found.leaked_clusters), (0, 1));
    assert!(found.leaks[0].detail.starts_with(&format!("refcount {}, references 1", u64::MAX)));
}

#[test]
fn the_flag_copied_must_agree_with_the_refcount() {
    let v3 = || Damaged::new("v3.qcow2");
    let (l1, l2) = (v3().l1(), v3().l2());
    let clear = |at: usize| v3().set64(at, v3().get64(at) & !COPIED);
    let found = finds(clear(l1), "flag COPIED is not set, L2 table");
    assert_eq!((found.problem_count, found.leaked_clusters), (1, 0));
    finds(clear(l2), "flag COPIED is not set, data cluster");
    // It must be zero for a compressed cluster, whatever the refcount.
    let zlib = Damaged::new("zlib-64k.qcow2");
    let (l2, entry) = (zlib.l2(), zlib.get64(zlib.l2()));
    assert_ne!(entry & COMPRESSED, 0);
    finds(zlib.set64(l2, entry | COPIED), "flag COPIED on a compressed cluster");
}

#[test]
fn a_compressed_range_may_share_a_cluster_and_must_lie_in_the_file() {
    let zlib = || Damaged::new("zlib-4k.qcow2");
    let l2 = zlib().l2();
    let host = (zlib().get64(l2) & ((1 << 58) - 1)) >> 12;
    assert!(refcount(&zlib(), host) > 1, "several compressed clusters in one host cluster");
    let lower = refcount(&zlib(), host) - 1;
    let found = finds(set_refcount(zlib(), host, lower), &format!("refcount {lower}, references"));
    assert!(found.problems[0].detail.contains(&format!("L2 table at byte {l2}, entry 0")));
    // 4 KiB clusters: x = 62 - (12 - 8) = 58.
    finds(zlib().set64(l2, COMPRESSED | 1 << 40), "compressed cluster at byte 1099511627776");
    finds(zlib().set64(l2, COMPRESSED | 15 << 58 | (zlib().0.len() as u64 - 1)), "file ends at");
}

#[test]
fn an_l2_table_that_refers_to_itself_is_found() {
    let v3 = Damaged::new("v3.qcow2");
    let (l1, l2) = (v3.l1(), v3.l2());
    let found = finds(v3.set64(l2, l2 as u64 | COPIED), "refcount 1, references 2");
    assert!(found.problems.iter().any(|problem| {
        problem.location == format!("qcow2 L2 table, host cluster at byte {l2}")
            && problem.detail.contains("qcow2 L1 table, entry 0")
            && problem.detail.contains("entry 0 (guest byte 0)")
    }));
    // And an L1 table that is its own L2 table.
    let v3 = Damaged::new("v3.qcow2");
    finds(v3.set64(l1, l1 as u64 | COPIED), "qcow2 L1 table, host cluster");
    finds(Damaged::new("v3.qcow2").set64(l1, COPIED), "without an L2 table");
}

#[test]
fn data_in_a_table_is_found_though_the_refcount_holds_it_for_shared() {
    let v3 = Damaged::new("v3.qcow2");
    let (l2, block) = (v3.l2(), refcounts(&v3) as u64);
    let damaged = set_refcount(v3, block >> 16, 2).set64(l2 + 8 * 40, block);
    let found = structure(damaged);
    assert_eq!((found.problem_count, found.leaked_clusters), (1, 0));
    assert_eq!(
        found.problems[0].location,
        format!("qcow2 refcount block 0, host cluster at byte {block}")
    );
    let entry = format!("also used: qcow2 L2 table at byte {l2}, entry 40 (guest byte 2621440)");
    assert_eq!(found.problems[0].detail, entry);
}

#[test]
fn refcount_blocks_beyond_the_file_and_shared_ones_are_found() {
    let v3 = || Damaged::new("v3.qcow2");
    let (table, block) = (v3().get64(48) as usize, refcounts(&v3()) as u64);
    finds(v3().set64(table + 8, 1 << 40), "qcow2 refcount table, entry 1");
    finds(v3().set64(table + 8, block), "also used: qcow2 refcount block");
    // Without its block a cluster has refcount 0.
    let found = finds(v3().set64(table, 0), "refcount 0, references 1");
    assert!(found.problem_count > 3);
    // Every entry of the table names the one block.
    let all = (0..8192).fold(v3(), |image, entry| image.set64(table + 8 * entry, block));
    assert!(structure(all).problem_count >= 8192);
}

#[test]
fn snapshots_are_walked_as_the_disk_is() {
    let snapshots = || Damaged::new("snapshots.qcow2");
    let table = snapshots().get64(64) as usize;
    let l1 = snapshots().get64(table) as usize;
    let l2 = (snapshots().get64(l1) & !COPIED) as usize;
    let host = snapshots().get64(l2) & !COPIED;
    assert_ne!(l2, snapshots().l2(), "the snapshot has an L2 table of its own");
    finds(snapshots().set64(l2, host | 512), "L2 table of snapshot entry 0 at byte");
    finds(snapshots().set64(l2, 1 << 40), "reaches to byte");
    finds(snapshots().set64(l1, l2 as u64 | 1 << 56), "L1 table of snapshot entry 0, entry 0");
    finds(snapshots().set64(table, (l1 + 512) as u64), "L1 table at byte");
    finds(snapshots().set32(table + 8, 5 << 20), "allowed are 33554432");
    finds(snapshots().set32(table + 36, 8), "without the size of the disk");
    finds(snapshots().set32(table + 36, 1025), "a whole entry inside the file");
    finds(snapshots().set32(60, 3), "a whole entry inside the file");
    // A snapshot that the table no longer lists leaks what it alone uses.
    let found = structure(snapshots().set32(60, 1));
    assert!(found.leaked_clusters > 0);
}

#[test]
fn a_million_snapshots_are_refused_and_65536_are_walked() {
    let v3 = Damaged::new("v3.qcow2");
    let (l1, end) = (v3.l1() as u64, v3.0.len().next_multiple_of(1 << 16));
    finds(Damaged::new("v3.qcow2").set32(60, 1_000_000), "1000000 snapshots");
    // Each with the disk's own L1 table.
    let mut image = v3.set32(60, 65_536).set64(64, end as u64);
    image.0.resize(end, 0);
    for index in 0..65_536_u64 {
        let mut entry = [0; 56];
        entry[..8].copy_from_slice(&l1.to_be_bytes());
        entry[11] = 1;
        entry[39] = 16;
        entry[52..].copy_from_slice(&(index as u32).to_be_bytes());
        image.0.extend(entry);
    }
    let found = finds(image, "references 65537");
    assert_eq!(found.checked, Fact::Known(()));
    assert!(found.problems.iter().any(|problem| problem.location.starts_with("qcow2 L1 table of")));
}

#[test]
fn bitmaps_are_walked_while_their_autoclear_bit_is_set() {
    let bitmap = || Damaged::new("bitmap.qcow2");
    let magic = 0x2385_2875_u32.to_be_bytes();
    let extension = bitmap().0.windows(4).position(|bytes| bytes == magic).unwrap() + 8;
    let directory = bitmap().get64(extension + 16) as usize;
    let table = bitmap().get64(directory) as usize;
    assert_eq!(structure(bitmap()).problem_count, 0);

    finds(bitmap().set32(extension, 0), "nb_bitmaps 0");
    finds(bitmap().set32(extension, 2), "entry 1 is not whole, 2 should be there");
    finds(bitmap().set32(extension + 4, 1), "reserved field 0x1");
    finds(bitmap().set64(extension + 8, u64::MAX), "bitmap_directory_size");
    finds(bitmap().set64(extension + 16, 1 << 40), "qcow2 bitmap directory at byte");
    finds(bitmap().set64(directory, table as u64 + 8), "not on a cluster's border");
    finds(bitmap().set64(directory, 1 << 40), "qcow2 bitmap table at byte");
    finds(bitmap().set32(directory + 8, u32::MAX), "a bitmap table of");
    finds(bitmap().set64(table, 2), "reserved bits 0x2");
    finds(bitmap().set64(table, 1 << 40), "bitmap data at byte");
    finds(bitmap().set64(table, directory as u64), "qcow2 bitmap directory, host cluster");

    let found = structure(bitmap().set64(88, 0));
    assert_eq!(found.problem_count, 0);
    assert!(found.leaked_clusters >= 2, "directory and table");
}

#[test]
fn the_encryption_header_is_walked() {
    let luks = || Damaged::new("encrypted-luks.qcow2");
    let magic = 0x0537_be77_u32.to_be_bytes();
    let extension = luks().0.windows(4).position(|bytes| bytes == magic).unwrap() + 8;
    finds(luks().set64(extension, 1 << 40), "encryption header at byte");
    finds(luks().set64(extension, 512), "not a multiple of the cluster size");
    finds(luks().set64(extension + 8, 1 << 40), "encryption header at byte");
    finds(luks().set32(32, 0), "crypt_method 0 with an encryption header");
    finds(luks().set32(extension - 4, 12), "length of 16");
    let found = structure(luks().set64(extension + 8, 1));
    assert!(found.leaked_clusters > 0 && found.problem_count == 0);
    finds(Damaged::new("v3.qcow2").set32(32, 2), "LUKS without an encryption header");
    finds(Damaged::new("v3.qcow2").set32(32, 3), "crypt_method 3");
}

#[test]
fn an_external_data_file_has_its_own_offsets() {
    let external = || Damaged::new("data-file.qcow2");
    assert_eq!(structure(external()).problem_count, 0);
    finds(external().set32(60, 1), "snapshots beside an external data file");
    finds(Damaged::new("v3.qcow2").set64(88, 2), "raw external data without");
}

#[test]
fn a_subcluster_bitmap_beside_a_compressed_cluster_is_found() {
    let zstd = Damaged::new("extended-l2-zstd.qcow2");
    let l2 = zstd.l2();
    assert_ne!(zstd.get64(l2) & COMPRESSED, 0);
    finds(zstd.set64(l2 + 8, 1), "a compressed cluster with subcluster bitmap");
    let extended = Damaged::new("extended-l2-16k.qcow2");
    let l2 = extended.l2();
    finds(extended.set64(l2, 0), "subcluster bitmap");
}

#[test]
fn a_file_of_more_clusters_than_qemu_counts_is_not_called_sound() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), Damaged::new("cluster-512.qcow2").0).unwrap();
    file.as_file().set_len(1 << 40).unwrap();
    let found = Image::open(file.path()).unwrap().check_structure().unwrap();
    assert_eq!((found.problem_count, found.leaked_clusters), (0, 0));
    let unread = found.checked.unread().unwrap();
    assert!(unread.reason.contains("more than 2147483647 clusters"), "{unread:?}");
}

#[test]
fn references_all_over_a_sparse_file_end_at_a_bound_and_not_as_sound() {
    let v3 = Damaged::new("cluster-512.qcow2");
    let entries = u32::from_be_bytes(v3.0[36..40].try_into().unwrap()) as u64;
    let (l1, clusters) = (v3.l1(), i32::MAX as u64 - 1);
    // L2 tables all over the file, in holes.
    let apart = clusters / (entries + 1);
    let image = (0..entries)
        .fold(v3, |image, entry| image.set64(l1 + 8 * entry as usize, ((entry + 1) * apart) << 9));
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), image.0).unwrap();
    file.as_file().set_len(clusters << 9).unwrap();
    let found = Image::open(file.path()).unwrap().check_structure().unwrap();
    assert!(found.problem_count > 0);
}
