//! The room against groups that LVM's own tools made, and against hostile ones.
#![allow(clippy::arithmetic_side_effects, clippy::as_conversions, clippy::cast_possible_truncation)]

use super::*;
use crate::bytes::BytesExt;
use crate::disk::Disk;
use crate::disk::facts::SignatureKind;
use crate::disk::fixture::Sparse;

/// Where the partitions of the fixtures begin.
const FIRST: u64 = 1 << 20;
const SECOND: u64 = 8 << 20;

fn fixture(name: &str) -> Sparse {
    Sparse::fixture(&format!("../lvm/{name}"))
}

fn index(disk: &Disk, name: &str) -> usize {
    let found = disk.facts.volumes.iter().position(|volume| volume.name == name);
    found.unwrap_or_else(|| panic!("{name} in {:#?}", disk.facts.volumes))
}

fn crc(bytes: &dyn Bytes) -> u32 {
    crc32fast::hash(&bytes.vec(0, bytes.len() as usize).unwrap())
}

fn reason(disk: &Disk, name: &str) -> String {
    let unread = disk.facts.volumes[index(disk, name)].signatures.unread();
    unread.unwrap_or_else(|| panic!("{name} is read")).reason.clone()
}

/// Compares with what was written: `lv size crc32` a line.
fn expect_contents(disk: &Disk, group: &str, sums: &str, only: &[&str]) {
    let path = format!("{}/testdata/lvm/{sums}.crc", env!("CARGO_MANIFEST_DIR"));
    for line in std::fs::read_to_string(path).unwrap().lines() {
        let fields: Vec<&str> = line.split(' ').collect();
        if !only.is_empty() && !only.contains(&fields[0]) {
            continue;
        }
        let index = index(disk, &format!("{group}/{}", fields[0]));
        let bytes = &disk.volumes[index];
        assert_eq!(bytes.len().to_string(), fields[1], "{line}");
        assert_eq!(disk.facts.volumes[index].size, bytes.len());
        assert_eq!(format!("{:08x}", crc(bytes.as_ref())), fields[2], "{line}");
    }
}

#[test]
fn each_logical_volume_reads_as_it_was_written() {
    let disk = fixture("two-partitions").read();
    expect_contents(&disk, "vg-x", "two-partitions", &[]);
    let kind = |name: &str| disk.facts.volumes[index(&disk, name)].signature().map(|s| s.kind);
    assert_eq!(kind("vg-x/root"), Some(SignatureKind::Ext4));
    assert_eq!(kind("vg-x/stripes"), Some(SignatureKind::Ext4));
    assert_eq!(kind("vg-x/swap"), Some(SignatureKind::Swap));
    let group = &disk.facts.volume_groups[0];
    assert_eq!(group.missing_pvs().count(), 0);
    assert_eq!(group.notes, []);
    let types = |name: &str| {
        let volume = group.logical_volumes.iter().find(|volume| volume.name == name).unwrap();
        (volume.visible, volume.segment_types.join(" "), volume.volume.is_some())
    };
    assert_eq!(types("root"), (true, "linear".to_owned(), true));
    assert_eq!(types("stripes"), (true, "striped".to_owned(), true));
    assert_eq!(types("raid"), (true, "raid0".to_owned(), true));
    assert_eq!(types("raid_rimage_1"), (false, "linear".to_owned(), false));
    let opened = disk.facts.containers.iter().all(|container| container.opened.known().is_some());
    assert!(opened && disk.facts.containers.len() == 2);
}

#[test]
fn a_text_that_wraps_round_its_ring_is_read() {
    let fixture = fixture("ring");
    let header = fixture.bytes(4096, 512);
    let field = |at: usize| u64::from_le_bytes(header[at..at + 8].try_into().unwrap());
    assert!(field(40) + field(48) > field(32), "the fixture does not wrap");
    expect_contents(&fixture.read(), "ring", "ring", &[]);
}

#[test]
fn a_volume_on_a_missing_physical_volume_says_which_one() {
    let disk = fixture("first-of-two").read();
    let group = &disk.facts.volume_groups[0];
    let missing: Vec<_> = group.missing_pvs().collect();
    assert_eq!(missing.len(), 1);
    assert!(missing[0].device.as_deref().unwrap().starts_with("/dev/loop"));
    assert_eq!(missing[0].size, 4 << 20);
    for name in ["root", "data-1", "stripes", "raid"] {
        let reason = reason(&disk, &format!("vg-x/{name}"));
        assert!(reason.contains(&missing[0].uuid), "{name}: {reason}");
        let index = index(&disk, &format!("vg-x/{name}"));
        assert_eq!(disk.facts.missing_members(index).len(), 1, "{name}");
        assert!(disk.volumes[index].array::<1>(0).is_err());
    }
    expect_contents(&disk, "vg-x", "two-partitions", &["swap", "nothing"]);
}

#[test]
fn a_group_on_the_whole_disk_is_opened() {
    let disk = fixture("whole-disk").read();
    assert_eq!(disk.facts.volumes[0].name, "whole disk");
    expect_contents(&disk, "vg-x", "two-partitions", &["data-1"]);
}

#[test]
fn mirrors_are_read_from_the_leg_that_is_in_sync_and_other_types_are_named() {
    let disk = fixture("types").read();
    expect_contents(&disk, "types", "types", &[]);
    for (name, part) in [
        ("types/thin", "a segment of type thin is not read"),
        ("types/five", "a segment of type raid5 is not read"),
        ("types/snap", "a snapshot of origin is not read"),
    ] {
        assert!(reason(&disk, name).contains(part), "{}", reason(&disk, name));
    }
    let volumes = &disk.facts.volumes;
    assert!(
        !volumes.iter().any(|volume| ["types/pool", "types/snapshot0"].contains(&&*volume.name))
    );
}

#[test]
fn one_leg_of_a_mirror_is_enough() {
    let disk = fixture("types-second").read();
    expect_contents(&disk, "types", "types", &["mirrored", "stale", "old"]);
    let mut behind = fixture("types-second");
    // Leg 1 of `mirrored` says that it is still to be recovered.
    let at = 128 * 1024;
    let found = behind.bytes(at, 16);
    assert_eq!(&found[..4], b"DmRd");
    behind.write(at + 32, &0_u64.to_le_bytes());
    let disk = behind.read();
    assert!(disk.facts.volumes[index(&disk, "types/mirrored")].signatures.known().is_none());
}

#[test]
fn with_both_legs_every_mirror_reads_from_its_first() {
    let disk = fixture("mirrors").read();
    expect_contents(&disk, "legs", "mirrors", &[]);
}

#[test]
fn without_its_first_leg_a_mirror_reads_from_another_that_is_complete_and_from_no_other() {
    let disk = fixture("mirrors-first").read();
    expect_contents(&disk, "legs", "mirrors", &["logged", "complete"]);
    let missing = disk.facts.volume_groups[0].missing_pvs().next().unwrap().uuid.clone();
    for (name, part) in [
        ("behind", "whose log does not say that all its regions are in sync is not read"),
        ("unlogged", "whose log is kept in memory alone is not read"),
        ("copied", "a mirror that was still being copied to it is not read"),
        ("rebuilt", missing.as_str()),
        ("left", missing.as_str()),
    ] {
        let name = format!("legs/{name}");
        let reason = reason(&disk, &name);
        assert!(reason.contains(part), "{name}: {reason}");
        let index = index(&disk, &name);
        let members = disk.facts.missing_members(index);
        assert!(members.len() == 1 && members[0].detail.contains(&missing), "{name}: {members:?}");
        assert!(disk.volumes[index].array::<1>(0).is_err());
    }
}

#[test]
fn a_mirror_log_that_is_damaged_or_too_long_makes_no_leg_complete() {
    let original = fixture("mirrors-first");
    let at = original.sectors.iter().find(|(_, sector)| sector.starts_with(b"rRiM")).unwrap().0;
    for (field, value) in [(0, 0_u64), (4, 1), (8, 15), (1024, 0x7fff)] {
        let mut disk = original.clone();
        disk.write(at + field, &value.to_le_bytes());
        let disk = disk.read();
        assert!(reason(&disk, "legs/logged").contains("whose log"), "{field}");
    }
    let log: Vec<u8> = [0x4d69_5272_u32, 2].iter().flat_map(|word| word.to_le_bytes()).collect();
    for (region, len) in [(0, 1), (1, u64::MAX), (8192, 1 << 40)] {
        let log = [log.as_slice(), &[0xff; 2048]].concat();
        mirror_log::is_in_sync(&log, region, len).unwrap_err();
    }
}

/// The text of the physical volume at `pv`.
fn text(disk: &Sparse, pv: u64) -> String {
    let area = pv + 4096;
    let header = disk.bytes(area, 512);
    let field = |at: usize| u64::from_le_bytes(header[at..at + 8].try_into().unwrap());
    let bytes = disk.bytes(area + field(40), field(48) as usize);
    String::from_utf8(bytes).unwrap().trim_end_matches('\0').to_owned()
}

/// Puts another text there, with all checksums.
fn put(disk: &mut Sparse, pv: u64, text: &[u8]) {
    let area = pv + 4096;
    let mut bytes = text.to_vec();
    bytes.push(0);
    let mut header = disk.bytes(area, 512);
    header[40..48].copy_from_slice(&512_u64.to_le_bytes());
    header[48..56].copy_from_slice(&(bytes.len() as u64).to_le_bytes());
    header[56..60].copy_from_slice(&checksum(&bytes).to_le_bytes());
    let sum = checksum(&header[4..]);
    header[..4].copy_from_slice(&sum.to_le_bytes());
    disk.write(area, &header);
    disk.write(area + 512, &bytes);
}

fn with(change: impl Fn(&str) -> String) -> Disk {
    let mut disk = fixture("two-partitions");
    let changed = change(&text(&disk, FIRST));
    put(&mut disk, FIRST, changed.as_bytes());
    put(&mut disk, SECOND, changed.as_bytes());
    disk.read()
}

#[test]
fn the_newest_copy_counts_and_the_older_one_is_noted() {
    let mut disk = fixture("two-partitions");
    let old = text(&disk, SECOND);
    let seqno = old.lines().find(|line| line.starts_with("seqno = ")).unwrap().to_owned();
    put(&mut disk, SECOND, old.replace(&seqno, "seqno = 2").replace("root {", "gone {").as_bytes());
    let disk = disk.read();
    expect_contents(&disk, "vg-x", "two-partitions", &[]);
    let notes = &disk.facts.volume_groups[0].notes;
    assert!(notes.len() == 1 && notes[0].detail.contains("seqno 2"), "{notes:?}");
    assert!(notes[0].location.contains("partition 2"), "{notes:?}");
}

#[test]
fn a_damaged_copy_is_noted_and_with_none_left_nothing_is_taken_for_absent() {
    let mut disk = fixture("two-partitions");
    disk.write(SECOND + 4096 + 60, &[0xff]);
    let one = disk.read();
    expect_contents(&one, "vg-x", "two-partitions", &[]);
    let notes = &one.facts.volume_groups[0].notes;
    assert!(notes.len() == 1 && notes[0].detail.contains("checksum"), "{notes:?}");
    disk.write(FIRST + 4096, &[0xff; 4]);
    let none = disk.read();
    assert!(none.facts.volume_groups.is_empty());
    for volume in [0, 1] {
        let unread = none.facts.unopened(volume).unwrap();
        assert!(unread.reason.contains("checksum"), "{unread:?}");
    }
}

#[test]
fn a_text_with_a_wrong_checksum_is_not_believed() {
    let mut disk = fixture("whole-disk");
    let header = disk.bytes(4096, 512);
    let start = u64::from_le_bytes(header[40..48].try_into().unwrap());
    let at = 4096 + start + 100;
    let byte = disk.bytes(at, 1)[0];
    disk.write(at, &[byte ^ 1]);
    let disk = disk.read();
    assert!(disk.facts.unopened(0).unwrap().reason.contains("checksum"));
}

#[test]
fn a_physical_volume_marked_missing_is_not_used() {
    let disk = with(|text| {
        let second = text.find("pv1 {").unwrap();
        let (head, tail) = text.split_at(second);
        format!("{head}{}", tail.replacen("flags = []", "flags = [\"MISSING\"]", 1))
    });
    assert_eq!(disk.facts.volume_groups[0].missing_pvs().count(), 1);
    assert!(reason(&disk, "vg-x/data-1").contains("is not in this image"));
}

#[test]
fn volumes_made_of_themselves_are_corrupt() {
    let disk = with(|text| text.replace("\"pv1\", 4", "\"data-1\", 0"));
    assert!(reason(&disk, "vg-x/data-1").contains("a part of itself"));
}

#[test]
fn a_tower_of_volumes_is_bounded_and_each_is_built_once() {
    // Level n twice refers to level n + 1: built anew each time that were 2^30 volumes.
    let level = |n: u32| {
        let segment = |index: u32, first: u32| {
            format!(
                "segment{index} {{ start_extent = {first} extent_count = 1 type = \"striped\" \
                 stripe_count = 1 stripes = [\"t{}\", 0] }}\n",
                n + 1
            )
        };
        format!(
            "t{n} {{ id = \"{n}\" status = [\"VISIBLE\"] segment_count = 2 {}{} }}\n",
            segment(1, 0),
            segment(2, 1)
        )
    };
    let tower: String = (0..30).map(level).collect();
    let disk =
        with(|text| text.replace("logical_volumes {", &format!("logical_volumes {{\n{tower}")));
    assert!(disk.facts.volumes.iter().any(|volume| volume.name == "vg-x/t0"));
    assert!(disk.facts.volumes[index(&disk, "vg-x/t0")].signatures.known().is_none());
}

#[test]
fn of_very_many_segment_types_some_are_kept() {
    let segment = |n: u32| {
        let (at, long) = (n - 1, "x".repeat(80));
        format!("segment{n} {{ start_extent = {at} extent_count = 1 type = \"t{n:02}{long}\" }}\n")
    };
    let segments: String = (1..=20).map(segment).collect();
    let many = format!("many {{ id = \"m\" status = [] segment_count = 20 {segments} }}\n");
    let disk =
        with(|text| text.replace("logical_volumes {", &format!("logical_volumes {{\n{many}")));
    let volumes = &disk.facts.volume_groups[0].logical_volumes;
    let types = &volumes.iter().find(|volume| volume.name == "many").unwrap().segment_types;
    assert_eq!((types.len(), types[16].as_str()), (17, "and 4 more"));
    assert!(types[0].starts_with("t01") && types.iter().all(|name| name.len() < 64), "{types:?}");
}

#[test]
fn extents_out_of_range_are_corrupt() {
    let beyond = with(|text| text.replace("\"pv1\", 4", "\"pv1\", 60"));
    assert!(reason(&beyond, "vg-x/data-1").contains("extents below"));
    let huge = with(|text| {
        text.replacen("extent_count = 5", "extent_count = 9223372036854775807", 1).replacen(
            "start_extent = 5",
            "start_extent = 9223372036854775807",
            1,
        )
    });
    assert!(huge.facts.volumes[index(&huge, "vg-x/root")].signatures.known().is_none());
    let gap = with(|text| text.replacen("start_extent = 5", "start_extent = 6", 1));
    assert!(reason(&gap, "vg-x/root").contains("without gap"));
    // What lies behind the end of the partition is damage, not an empty volume.
    let mut short = fixture("two-partitions");
    short.write(446 + 16 + 12, &600_u32.to_le_bytes());
    let short = short.read();
    let name = "vg-x/data-1";
    assert!(reason(&short, name).contains("the device's end"), "{}", reason(&short, name));
}

#[test]
fn names_that_lvm_would_not_take_are_not_taken() {
    let disk = with(|text| text.replace("root {", "\"../root\" {"));
    assert!(disk.facts.volume_groups.is_empty());
    assert!(disk.facts.unopened(0).unwrap().reason.contains("a name"));
}

#[test]
fn many_volumes_on_many_missing_ones_stay_small() {
    let pvs: String = (0..900)
        .map(|n| format!("m{n} {{ id = \"missing-{n}\" pe_start = 0 pe_count = 9 }}\n"))
        .collect();
    let areas: Vec<String> = (0..900).map(|n| format!("\"m{n}\", 0")).collect();
    let base = format!(
        "base {{ id = \"b\" segment_count = 1 segment1 {{ start_extent = 0 extent_count = 900 type = \
         \"striped\" stripe_count = 900 stripe_size = 8 stripes = [{}] }} }}\n",
        areas.join(",")
    );
    let tops: String = (0..3000)
        .map(|n| {
            format!(
                "t{n} {{ id = \"{n}\" status = [\"VISIBLE\"] segment_count = 1 segment1 {{ start_extent \
                 = 0 extent_count = 1 type = \"striped\" stripe_count = 1 stripes = [\"base\", 0] }} }}\n"
            )
        })
        .collect();
    let text = format!(
        "vg {{ id = \"v\" seqno = 1 extent_size = 128 physical_volumes {{ {pvs} }} logical_volumes \
         {{ {base}{tops} }} }} contents = \"Text Format Volume Group\" version = 1"
    );
    let group = volume_group::read(text.as_bytes(), &mut 0).unwrap();
    let physical = BTreeMap::new();
    let mut mapper = Mapper::new(&group, &physical);
    for name in group.logical_volumes.keys() {
        let Err(failure) = mapper.visible(name) else { panic!("{name} is read") };
        assert_eq!(failure.missing.len(), 16, "{name}");
    }
}

#[test]
fn the_values_of_all_texts_of_a_disk_end_at_a_bound() {
    let groups = |sections: usize| {
        let mut disk = fixture("two-partitions");
        let sections: String = (0..sections).map(|n| format!("k{n}{{}}")).collect();
        for (pv, name) in [(FIRST, "one"), (SECOND, "two")] {
            let text = format!(
                "{name} {{ id = \"{name}\" seqno = 1 extent_size = 128 {sections} }} contents = \"Text \
                 Format Volume Group\" version = 1"
            );
            put(&mut disk, pv, text.as_bytes());
        }
        disk.read().facts
    };
    assert_eq!(groups(9000).volume_groups.len(), 2);
    let facts = groups(9200);
    assert_eq!(facts.volume_groups.len(), 1);
    let unread = facts.unopened(1).unwrap();
    assert!(unread.reason.contains("200000 values"), "{unread:?}");
}

#[test]
fn damaged_metadata_neither_panics_nor_hangs() {
    let disk = fixture("types");
    let original = text(&disk, FIRST).into_bytes();
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut random = |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % below as u64) as usize
    };
    for _ in 0..250 {
        let mut text = original.clone();
        for _ in 0..=random(4) {
            let at = random(text.len());
            match random(4) {
                0 => text[at] = b"0123456789\"[]{}=,#"[random(18)],
                1 => drop(text.splice(at..at, *b"99999999999")),
                2 => drop(text.remove(at)),
                _ => {
                    let from = random(text.len() - 64);
                    let piece = text[from..from + 64].to_vec();
                    drop(text.splice(at..at, piece));
                }
            }
        }
        let mut damaged = disk.clone();
        put(&mut damaged, FIRST, &text);
        put(&mut damaged, SECOND, &text);
        let read = damaged.read();
        for bytes in &read.volumes {
            let mut buf = [0; 4096];
            let _ = bytes.read_at(bytes.len() / 2, &mut buf);
        }
    }
    // And every byte of the headers, with the text as it was.
    let disk = fixture("whole-disk");
    for at in (512..700).chain(4096..4096 + 72) {
        let mut damaged = disk.clone();
        let byte = damaged.bytes(at, 1)[0];
        damaged.write(at, &[byte ^ 0x80]);
        let mut header = damaged.bytes(4096, 512);
        let sum = checksum(&header[4..]);
        header[..4].copy_from_slice(&sum.to_le_bytes());
        damaged.write(4096, &header);
        let mut label = damaged.bytes(512, 512);
        let sum = checksum(&label[20..]);
        label[16..20].copy_from_slice(&sum.to_le_bytes());
        damaged.write(512, &label);
        let _ = damaged.read();
    }
}
