//! The room against members that `mdadm --examine` takes, laid out by md(4), and hostile ones.
#![allow(clippy::arithmetic_side_effects, clippy::as_conversions, clippy::cast_possible_truncation)]

use crate::bytes::BytesExt;
use crate::disk::Disk;
use crate::disk::facts::SignatureKind;
use crate::disk::fixture::Sparse;

fn fixture(name: &str) -> Sparse {
    Sparse::fixture(&format!("../md/{name}"))
}

/// Reads a disk and compares its volumes with what was written: `name size crc32` a line.
fn read(name: &str) -> Disk {
    let disk = fixture(name).read();
    let path = format!("{}/testdata/md/{name}.crc", env!("CARGO_MANIFEST_DIR"));
    for line in std::fs::read_to_string(path).unwrap().lines() {
        let fields: Vec<&str> = line.split(' ').collect();
        let volumes = &disk.facts.volumes;
        let index = volumes.iter().position(|volume| volume.name == fields[0]);
        let index = index.unwrap_or_else(|| panic!("{name}: {line} in {volumes:#?}"));
        let bytes = &disk.volumes[index];
        assert_eq!(bytes.len().to_string(), fields[1], "{name}: {line}");
        let content = bytes.vec(0, bytes.len() as usize).unwrap();
        assert_eq!(format!("{:08x}", crc32fast::hash(&content)), fields[2], "{name}: {line}");
        let kind = volumes[index].signature().unwrap().kind;
        assert!(matches!(kind, SignatureKind::Ext4 | SignatureKind::LvmPv), "{name}: {kind:?}");
    }
    disk
}

#[test]
fn a_mirror_reads_from_its_newest_member() {
    let disk = read("raid1");
    let array = &disk.facts.arrays[0];
    assert_eq!((array.level.as_str(), array.metadata.as_str()), ("raid1", "1.2"));
    assert_eq!(array.set_name.as_deref(), Some("debian:root"));
    assert_eq!(array.md_uuid(), "10111213:14151617:18191a1b:1c1d1e1f");
    assert_eq!(array.missing_slots, [0]);
    assert!(!array.incomplete);
    let behind = array.members.iter().find(|member| member.slot == Some(0)).unwrap();
    assert!(behind.in_sync.unread().unwrap().reason.contains("older"));
    assert!(disk.facts.unopened(0).is_none() && disk.facts.unopened(1).is_none());
}

#[test]
fn a_volume_group_inside_one_member_of_a_mirror_is_opened() {
    let disk = read("raid1-lvm");
    let names: Vec<&str> = disk.facts.volumes.iter().map(|volume| volume.name.as_str()).collect();
    assert_eq!(names, ["partition 1", "md/0", "system/root"]);
    assert_eq!(disk.facts.volume_groups[0].physical_volumes[0].volume, Some(1));
}

#[test]
fn each_layout_reads_as_it_was_written() {
    for (name, level) in [
        ("linear", "linear"),
        ("raid0", "raid0"),
        ("raid0-original", "raid0"),
        ("raid10", "raid10"),
        ("raid10-far", "raid10"),
        ("raid10-offset", "raid10"),
        ("raid1-0.90", "raid1"),
        ("raid1-0.90-big-endian", "raid1"),
    ] {
        assert_eq!(read(name).facts.arrays[0].level, level, "{name}");
    }
}

#[test]
fn the_uuid_of_an_old_array_is_that_which_mdadm_prints() {
    let disk = read("raid1-0.90");
    assert_eq!(disk.facts.arrays[0].md_uuid(), "01234567:89abcdef:fedcba98:76543210");
}

fn reason(disk: &Disk) -> String {
    let array = &disk.facts.arrays[0];
    let volume = &disk.facts.volumes[array.volume.unwrap()];
    volume.signatures.unread().unwrap().reason.clone()
}

#[test]
fn an_array_that_lacks_members_and_no_chunk_says_which() {
    for (name, slots) in
        [("raid10", vec![1]), ("raid10-far", vec![0]), ("raid10-offset", vec![1, 2])]
    {
        let disk = fixture(name).read();
        let array = &disk.facts.arrays[0];
        assert_eq!((&array.missing_slots, array.incomplete), (&slots, false), "{name}");
        assert!(disk.facts.missing_members(array.volume.unwrap()).is_empty());
    }
}

#[test]
fn an_array_without_all_its_members_names_the_slots() {
    for (name, slots, part) in [
        ("raid0-part", vec![1], "in slot 1"),
        ("raid10-part", vec![1, 2], "in slot 1"),
        ("raid10-far-part", vec![0, 2], "in slot 0, 2"),
    ] {
        let disk = fixture(name).read();
        let array = &disk.facts.arrays[0];
        assert_eq!(array.missing_slots, slots, "{name}");
        assert!(array.incomplete);
        assert_eq!(disk.facts.missing_members(array.volume.unwrap()).len(), slots.len());
        assert!(reason(&disk).contains(part), "{}", reason(&disk));
    }
}

#[test]
fn of_many_empty_slots_the_first_are_named() {
    let striped = changed(72, &0_u32.to_le_bytes());
    let disk = summed(striped, 92, &1900_u32.to_le_bytes()).read();
    assert_eq!(disk.facts.arrays[0].missing_slots.len(), 1899);
    let reason = reason(&disk);
    assert!(reason.contains("15, 16, and 1883 more of the 1900"), "{reason}");
}

#[test]
fn raid_5_is_named_and_not_read() {
    let disk = fixture("raid5").read();
    assert!(reason(&disk).contains("raid5 is not read"), "{}", reason(&disk));
    assert!(!disk.facts.arrays[0].incomplete);
}

/// The superblock of the first member of `raid1-lvm`.
const SUPERBLOCK: u64 = (1 << 20) + 4096;

/// Changes it, with its checksum.
fn changed(at: u64, bytes: &[u8]) -> Sparse {
    summed(fixture("raid1-lvm"), at, bytes)
}

fn summed(mut disk: Sparse, at: u64, bytes: &[u8]) -> Sparse {
    disk.write(SUPERBLOCK + at, bytes);
    disk.write(SUPERBLOCK + 216, &[0; 4]);
    let len = 256
        + 2 * u64::from(u32::from_le_bytes(disk.bytes(SUPERBLOCK + 220, 4).try_into().unwrap()));
    let block = disk.bytes(SUPERBLOCK, (len as usize).min(4096));
    let sum: u64 =
        block.chunks(4).map(|w| w.iter().rev().fold(0, |n, b| n << 8 | u64::from(*b))).sum();
    let sum = (sum & 0xffff_ffff) + (sum >> 32);
    disk.write(SUPERBLOCK + 216, &(sum as u32).to_le_bytes());
    disk
}

#[test]
fn a_wrong_checksum_hides_nothing_silently() {
    let mut disk = fixture("raid1-lvm");
    disk.write(SUPERBLOCK + 200, &[0xff]);
    let disk = disk.read();
    assert!(disk.facts.arrays.is_empty());
    assert!(disk.facts.unopened(0).unwrap().reason.contains("checksum"));
}

#[test]
fn a_member_that_is_being_rebuilt_is_not_read() {
    let disk = changed(8, &2_u32.to_le_bytes()).read();
    assert!(disk.facts.arrays[0].incomplete);
    let disk = changed(8, &4_u32.to_le_bytes()).read();
    assert!(reason(&disk).contains("shape"), "{}", reason(&disk));
    let disk = changed(8, &0x8000_u32.to_le_bytes()).read();
    assert!(disk.facts.unopened(0).unwrap().reason.contains("feature_map"));
}

#[test]
fn sizes_out_of_range_are_corrupt() {
    let huge = u64::MAX.to_le_bytes();
    for at in [80, 128, 136] {
        let disk = changed(at, &huge).read();
        assert!(disk.facts.unopened(0).is_some(), "{at}");
    }
    // More data than the member has.
    let disk = changed(80, &(1_u64 << 40).to_le_bytes()).read();
    assert!(reason(&disk).contains("data on each member"), "{}", reason(&disk));
    let disk = changed(92, &u32::MAX.to_le_bytes()).read();
    assert!(disk.facts.unopened(0).unwrap().reason.contains("1920 members"));
    let disk = changed(220, &u32::MAX.to_le_bytes()).read();
    assert!(disk.facts.unopened(0).unwrap().reason.contains("roles"));
}

#[test]
fn damaged_superblocks_neither_panic_nor_hang() {
    let disk = fixture("raid1-lvm");
    for at in 0..260 {
        for value in [0_u8, 0x7f, 0xff] {
            let read = summed(disk.clone(), at, &[value]).read();
            for bytes in &read.volumes {
                let mut buf = [0; 4096];
                let _ = bytes.read_at(bytes.len() / 2, &mut buf);
            }
        }
    }
}

#[test]
fn an_array_inside_itself_ends_at_the_bound() {
    // The data of the member is the member: with another UUID at each depth that would go on.
    let mut disk = Sparse::new(4 << 20);
    let source = changed(128, &(8192_u64 / 512).to_le_bytes());
    let block = source.bytes(SUPERBLOCK, 512);
    for layer in 0..40_u64 {
        let at = layer * 8192 + 4096;
        disk.write(at, &block);
        disk.write(at + 16, &layer.to_le_bytes());
        let sectors = ((3 << 20) - layer * 8192) / 512;
        disk.write(at + 80, &sectors.to_le_bytes());
        disk.write(at + 136, &sectors.to_le_bytes());
        disk.write(at + 216, &[0; 4]);
        let len = 260;
        let bytes = disk.bytes(at, len);
        let sum: u64 =
            bytes.chunks(4).map(|w| w.iter().rev().fold(0, |n, b| n << 8 | u64::from(*b))).sum();
        disk.write(at + 216, &(((sum & 0xffff_ffff) + (sum >> 32)) as u32).to_le_bytes());
    }
    let read = disk.read();
    assert_eq!(read.facts.volumes.len(), 9, "{:#?}", read.facts.volumes);
    let last = read.facts.containers.last().unwrap();
    assert!(last.opened.unread().unwrap().reason.contains("layers"), "{last:?}");
}
