//! Partition tables as real tools write them, and their flaws.

use std::collections::BTreeMap;
use std::io::Cursor;

use super::*;

const TABLES: [&str; 9] = [
    "fdisk_gaps",
    "gpt_4096",
    "parted_dos",
    "parted_gpt",
    "sfdisk_dos",
    "sfdisk_gpt",
    "sgdisk_cloud",
    "sgdisk_hybrid",
    "sgdisk_unaligned",
];

fn sfdisk(name: &str) -> serde_json::Value {
    let mut json: serde_json::Value =
        serde_json::from_slice(&testdata(&format!("table/{name}.json"))).unwrap();
    json["partitiontable"].take()
}

#[test]
fn every_table_reads_as_sfdisk_lists_it() {
    for name in TABLES {
        let facts = Sparse::fixture(&format!("table/{name}")).read().facts;
        let json = sfdisk(name);
        let sector = json["sectorsize"].as_u64().unwrap();
        assert_eq!(facts.table_read, Fact::Known(()), "{name}");
        assert_eq!(u64::from(facts.sector_size), sector, "{name}");
        let listed = json["partitions"].as_array().unwrap();
        assert_eq!(facts.partitions.len(), listed.len(), "{name}");
        for entry in listed {
            let node = entry["node"].as_str().unwrap().replace("/dev/loop0p", "");
            let node = node.strip_prefix(&format!("t/{name}")).unwrap_or(&node);
            let number = node.parse().unwrap();
            let partition = facts.partition(number).unwrap();
            assert_eq!(partition.start, entry["start"].as_u64().unwrap() * sector, "{name}");
            assert_eq!(partition.size, entry["size"].as_u64().unwrap() * sector, "{name}");
            assert_eq!(partition.active, {
                let attributes = entry["attrs"].as_str().unwrap_or_default();
                entry["bootable"] == true || attributes.contains("LegacyBIOSBootable")
            });
            assert_eq!(partition.name.as_deref(), entry["name"].as_str(), "{name}");
            let type_id = entry["type"].as_str().unwrap();
            let uuid = partition.uuid.clone().unwrap();
            if json["label"] == "gpt" {
                assert_eq!(partition.type_id, type_id, "{name}");
                assert_eq!(Some(uuid), entry["uuid"].as_str().map(str::to_lowercase), "{name}");
            } else {
                let kind = u8::from_str_radix(type_id, 16).unwrap();
                assert_eq!(partition.type_id, format!("{kind:#04x}"), "{name}");
                let id = json["id"].as_str().unwrap().strip_prefix("0x").unwrap();
                assert_eq!(facts.mbr_signature.as_deref(), Some(id), "{name}");
                assert_eq!(uuid, format!("{id}-{number:02x}"), "{name}");
            }
        }
        if json["label"] == "gpt" {
            let id = json["id"].as_str().unwrap().to_lowercase();
            let sound =
                GptFacts { disk_guid: id, primary: Fact::Known(()), backup: Fact::Known(()) };
            assert_eq!(facts.gpt, Some(sound), "{name}");
        }
    }
}

#[test]
fn no_table_that_a_real_tool_wrote_is_called_flawed() {
    for name in TABLES {
        let facts = Sparse::fixture(&format!("table/{name}")).read().facts;
        assert_eq!(facts.problems, [], "{name}");
    }
}

#[test]
fn the_kind_of_each_table_is_told() {
    let kind = |name: &str| Sparse::fixture(&format!("table/{name}")).read().facts.table;
    assert_eq!(kind("sfdisk_dos"), TableKind::Mbr);
    assert_eq!(kind("sfdisk_gpt"), TableKind::Gpt);
    assert_eq!(kind("gpt_4096"), TableKind::Gpt);
    assert_eq!(kind("sgdisk_hybrid"), TableKind::HybridGpt);
    assert_eq!(Sparse::new(1 << 20).read().facts.table, TableKind::None);
    assert_eq!(Sparse::new(0).read().facts.table, TableKind::None);
}

#[test]
fn volumes_run_parallel_to_their_facts_and_leave_out_containers() {
    let disk = Sparse::fixture("table/sfdisk_dos").read();
    assert_eq!(disk.volumes.len(), disk.facts.volumes.len());
    let names: Vec<&str> = disk.facts.volumes.iter().map(|v| v.name.as_str()).collect();
    assert_eq!(names, [1, 2, 5, 6, 7].map(|n| format!("partition {n}")));
    for (bytes, facts) in disk.volumes.iter().zip(&disk.facts.volumes) {
        assert_eq!(bytes.len(), facts.size);
    }
    assert_eq!(disk.facts.partition(3).unwrap().volume, None);
    assert_eq!(disk.facts.partition(5).unwrap().volume, Some(2));
}

#[test]
fn roles_follow_from_the_types() {
    let roles = |name: &str| -> Vec<PartitionRole> {
        let facts = Sparse::fixture(&format!("table/{name}")).read().facts;
        facts.partitions.iter().map(|partition| partition.role).collect()
    };
    use PartitionRole::*;
    assert_eq!(roles("sfdisk_dos"), [WindowsData, Swap, Extended, Lvm, LinuxFilesystem, Raid]);
    assert_eq!(roles("sfdisk_gpt"), [Esp, LinuxFilesystem, Lvm]);
    assert_eq!(roles("sgdisk_cloud"), [LinuxFilesystem, Esp, BiosBoot]);
}

#[test]
fn the_crates_gpt_and_mbrman_read_the_same_tables() {
    for name in TABLES {
        let disk = Sparse::fixture(&format!("table/{name}"));
        let facts = disk.read().facts;
        let mut file = Cursor::new(disk.bytes(0, disk.size as usize));
        let ours: BTreeMap<u32, (u64, u64)> = facts
            .partitions
            .iter()
            .filter(|p| facts.gpt.is_some() || p.role != PartitionRole::Extended)
            .map(|p| (p.number, (p.start, p.size)))
            .collect();
        let sector = u64::from(facts.sector_size);
        let theirs: BTreeMap<u32, (u64, u64)> = if facts.gpt.is_some() {
            let size = if sector == 512 {
                ::gpt::disk::LogicalBlockSize::Lb512
            } else {
                ::gpt::disk::LogicalBlockSize::Lb4096
            };
            let table = ::gpt::GptConfig::new()
                .writable(false)
                .logical_block_size(size)
                .open_from_device(&mut file)
                .unwrap();
            let used = table.partitions().iter().filter(|(_, p)| p.is_used());
            used.map(|(&number, p)| {
                (number, (p.first_lba * sector, (p.last_lba - p.first_lba + 1) * sector))
            })
            .collect()
        } else {
            let table = mbrman::MBR::read_from(&mut file, 512).unwrap();
            let used = table.iter().filter(|(_, p)| p.is_used() && !p.is_extended());
            used.map(|(number, p)| {
                (number as u32, (u64::from(p.starting_lba) * 512, u64::from(p.sectors) * 512))
            })
            .collect()
        };
        assert_eq!(ours, theirs, "{name}");
    }
}

#[test]
fn a_grown_disk_is_untidy_and_a_cut_one_is_broken() {
    let mut grown = Sparse::fixture("table/sfdisk_gpt");
    grown.size *= 2;
    only(&grown.read().facts, Severity::Untidy, "the disk was grown");

    let mut cut = Sparse::fixture("table/sfdisk_gpt");
    cut.size -= 2 << 20;
    let disk = cut.read();
    let found = problems(&disk.facts, Severity::Broken);
    assert!(found.iter().any(|problem| problem.contains("partition 3 ends at")), "{found:?}");
    assert!(disk.facts.gpt.as_ref().unwrap().primary.unread().is_some());
    assert!(disk.facts.gpt.as_ref().unwrap().backup.unread().is_some());
    // The partition keeps what the table says; its volume is cut.
    let last = disk.facts.partition(3).unwrap();
    assert!(last.start + last.size > disk.facts.size);
    assert_eq!(last.start + disk.volumes[2].len(), disk.facts.size);
}

#[test]
fn a_missing_backup_is_untidy_and_a_damaged_one_is_broken() {
    let sound = Sparse::fixture("table/sfdisk_gpt");
    let mut missing = sound.clone();
    missing.write(missing.size - 512, &[0; 512]);
    only(&missing.read().facts, Severity::Untidy, "`EFI PART`");

    let mut damaged = sound.clone();
    damaged.write(damaged.size - 512 + 40, &[0xff]);
    only(&damaged.read().facts, Severity::Broken, "checksum");
}

#[test]
fn a_damaged_primary_is_broken_and_the_backup_is_read_instead() {
    let sound = Sparse::fixture("table/sfdisk_gpt");
    let expected = sound.read().facts.partitions;
    for (offset, what) in [(512 + 40, "checksum"), (1024 + 32, "checksum"), (512, "`EFI PART`")] {
        let mut damaged = sound.clone();
        damaged.write(offset, &[0xff]);
        let facts = damaged.read().facts;
        only(&facts, Severity::Broken, what);
        assert_eq!(facts.partitions.len(), expected.len());
        for (ours, theirs) in facts.partitions.iter().zip(&expected) {
            assert_eq!(
                (ours.start, ours.size, &ours.uuid),
                (theirs.start, theirs.size, &theirs.uuid)
            );
        }
        assert_eq!(facts.table_read, Fact::Known(()));
    }
}

#[test]
fn the_backup_tells_the_sector_size_when_the_primary_is_gone() {
    let mut disk = Sparse::fixture("table/gpt_4096");
    disk.write(4096, &[0; 8]);
    let facts = disk.read().facts;
    assert_eq!((facts.sector_size, facts.partitions.len()), (4096, 2));
    only(&facts, Severity::Broken, "`EFI PART`");
}

#[test]
fn a_backup_that_disagrees_is_broken() {
    let mut disk = Sparse::fixture("table/sfdisk_gpt");
    let backup = disk.size - 512;
    disk.write(backup + 56, &[0xaa]);
    disk.sum_gpt(backup, 512);
    only(&disk.read().facts, Severity::Broken, "disk GUID");
}

#[test]
fn a_gpt_without_its_protective_entry_is_broken() {
    let mut disk = Sparse::fixture("table/sfdisk_gpt");
    disk.write(446, &[0; 16]);
    let facts = disk.read().facts;
    only(&facts, Severity::Broken, "Linux does not look for the GPT");
    assert_eq!(facts.partitions.len(), 3);

    let mut wiped = Sparse::fixture("table/sfdisk_gpt");
    wiped.write(0, &[0; 512]);
    only(&wiped.read().facts, Severity::Broken, "Linux does not look for the GPT");
}

#[test]
fn a_protective_entry_without_a_gpt_leaves_the_table_unknown() {
    let mut disk = Sparse::fixture("table/sfdisk_gpt");
    disk.write(512, &[0; 512]);
    disk.write(disk.size - 512, &[0; 512]);
    let facts = disk.read().facts;
    assert_eq!(facts.table, TableKind::Gpt);
    assert!(facts.table_read.unread().is_some());
    assert_eq!(problems(&facts, Severity::Broken).len(), 1);
}

#[test]
fn overlaps_and_two_active_partitions_are_broken() {
    let facts =
        mbr(1 << 30, &[(0, 0x83, 2048, 4096), (0, 0x83, 4096, 4096), (0, 0x83, 8192, 1)]).read();
    only(&facts.facts, Severity::Broken, "inside partition 1");
    let facts = mbr(1 << 30, &[(0x80, 0x83, 2048, 2048), (0x80, 0x83, 4096, 4096)]).read();
    only(&facts.facts, Severity::Broken, "2 entries are marked active");
    let facts = mbr(1 << 30, &[(0, 0x83, 0, 2048)]).read();
    only(&facts.facts, Severity::Broken, "lies over the MBR");
}

#[test]
fn two_active_partitions_do_not_disturb_code_that_does_not_read_the_flags() {
    // boot.img of GRUB 2.06, of a machine that starts with both flags set.
    let mut disk = Sparse::fixture("boot/mbr_gap");
    disk.write(446, &[0x80]);
    disk.write(462, &[0x80]);
    only(&disk.read().facts, Severity::Untidy, "2 entries are marked active");
}

#[test]
fn an_extended_partition_without_any_record_is_empty() {
    let facts = mbr(1 << 30, &[(0, 0x83, 2048, 2048), (0, 0x05, 8192, 4096)]).read();
    only(&facts.facts, Severity::Untidy, "no signature 0x55AA");
}

#[test]
fn a_partition_beyond_the_disk_keeps_its_facts() {
    let disk = mbr(1 << 20, &[(0, 0x83, 1024, 4096)]).read();
    only(&disk.facts, Severity::Broken, "ends at byte 2621440");
    assert_eq!(disk.facts.partitions[0].size, 4096 * 512);
    assert_eq!(disk.volumes[0].len(), 1 << 19);
}

#[test]
fn a_hybrid_entry_that_is_no_gpt_partition_is_broken() {
    let mut disk = Sparse::fixture("table/sgdisk_hybrid");
    assert_eq!(disk.bytes(446 + 4, 1), [0x83]);
    disk.write(446 + 12, &[0x77]);
    only(&disk.read().facts, Severity::Broken, "no partition of the GPT");
}

#[test]
fn a_stale_gpt_beside_an_mbr_is_untidy_and_not_read() {
    let mut disk = Sparse::fixture("table/sfdisk_gpt");
    write_table(&mut disk, 0, &[(0x80, 0x83, 2048, 2048)]);
    let facts = disk.read().facts;
    assert_eq!((facts.table, facts.partitions.len()), (TableKind::Mbr, 1));
    only(&facts, Severity::Untidy, "nobody reads it");
}
