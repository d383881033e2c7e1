//! The room against what real tools wrote, and against hostile disks.
#![allow(clippy::arithmetic_side_effects, clippy::as_conversions, clippy::cast_possible_truncation)]

use std::collections::BTreeMap;
use std::io::Cursor;
use std::sync::Arc;

use super::facts::*;
use super::fixture::Sparse;
use super::*;
use crate::fact::Fact;

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

fn testdata(path: &str) -> Vec<u8> {
    let path = format!("{}/testdata/disk/{path}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn sfdisk(name: &str) -> serde_json::Value {
    let mut json: serde_json::Value =
        serde_json::from_slice(&testdata(&format!("table/{name}.json"))).unwrap();
    json["partitiontable"].take()
}

fn problems(facts: &DiskFacts, severity: Severity) -> Vec<String> {
    let found = facts.problems.iter().filter(|problem| problem.severity == severity);
    found.map(|p| format!("{}: {}", p.evidence.location, p.evidence.detail)).collect()
}

fn only(facts: &DiskFacts, severity: Severity, part: &str) {
    let found = problems(facts, severity);
    assert_eq!(facts.problems.len(), 1, "{:?}", facts.problems);
    assert!(found.len() == 1 && found[0].contains(part), "{found:?}");
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
fn every_signature_reads_as_blkid_prints_it() {
    let mut names: Vec<String> =
        std::fs::read_dir(format!("{}/testdata/disk/signature", env!("CARGO_MANIFEST_DIR")))
            .unwrap()
            .filter_map(|entry| {
                let name = entry.unwrap().file_name().into_string().unwrap();
                name.strip_suffix(".blkid").map(str::to_owned)
            })
            .collect();
    names.sort();
    assert_eq!(names.len(), 40);
    for name in names {
        let text = String::from_utf8(testdata(&format!("signature/{name}.blkid"))).unwrap();
        let blkid: BTreeMap<&str, String> = text
            .lines()
            .filter_map(|line| line.split_once('='))
            .map(|(key, value)| (key, value.replace("\\ ", " ")))
            .collect();
        let facts = Sparse::fixture(&format!("signature/{name}")).read().facts;
        if name == "mbr_inside" {
            assert_eq!(facts.table, TableKind::Mbr);
            continue;
        }
        assert_eq!(facts.table, TableKind::None, "{name}");
        assert_eq!(facts.problems, [], "{name}");
        let signatures = facts.volumes[0].signatures.known().unwrap();
        assert_eq!(signatures.len(), 1, "{name}: {signatures:?}");
        let signature = &signatures[0];
        if name == "ldm" {
            // blkid does not know it.
            assert_eq!(signature.kind, SignatureKind::Ldm);
            continue;
        }
        assert_eq!(signature.kind.name(), blkid["TYPE"], "{name}");
        if name != "ddf" {
            assert_eq!(signature.uuid.as_ref(), blkid.get("UUID"), "{name}");
        }
        if name != "bcache" {
            // This blkid does not print its label.
            assert_eq!(signature.label.as_ref(), blkid.get("LABEL"), "{name}");
        }
        let version = signature.version.clone().unwrap_or_default();
        match signature.kind {
            SignatureKind::Luks1 | SignatureKind::Luks2 => {
                assert_eq!(version, format!("LUKS{}", blkid["VERSION"]));
            }
            SignatureKind::MdRaid => assert!(blkid["VERSION"].starts_with(&version), "{name}"),
            SignatureKind::Fat12 => assert_eq!(blkid["VERSION"], "FAT12"),
            SignatureKind::Fat16 => assert_eq!(blkid["VERSION"], "FAT16"),
            SignatureKind::Fat32 => assert_eq!(blkid["VERSION"], "FAT32"),
            SignatureKind::Squashfs
            | SignatureKind::F2fs
            | SignatureKind::Swap
            | SignatureKind::SwapSuspended
            | SignatureKind::Zfs => {
                assert_eq!(version, blkid["VERSION"], "{name}");
            }
            _ => {}
        }
    }
}

#[test]
fn a_signature_tells_the_size_of_what_it_heads() {
    let size = |name: &str| {
        let facts = Sparse::fixture(&format!("signature/{name}")).read().facts;
        facts.volumes[0].signature().unwrap().size.unwrap()
    };
    // The sizes that the tools were asked to fill; NTFS keeps the last sector for its boot sector's
    // copy.
    assert_eq!(size("ext4"), 8 << 20);
    assert_eq!(size("xfs"), 300 << 20);
    assert_eq!(size("btrfs"), 120 << 20);
    assert_eq!(size("swap_4096"), 2 << 20);
    assert_eq!(size("swap_65536"), 2 << 20);
    assert_eq!(size("fat12"), 2 << 20);
    assert_eq!(size("fat16"), 16 << 20);
    assert_eq!(size("fat32"), 40 << 20);
    assert_eq!(size("exfat"), 4 << 20);
    assert_eq!(size("lvm2"), 8 << 20);
    assert_eq!(size("f2fs"), 64 << 20);
    assert_eq!(size("reiserfs"), 34 << 20);
    assert!((4 << 20) - size("ntfs") <= 4096);
}

#[test]
fn a_raid_member_counts_before_the_file_system_seen_through_it() {
    let mut disk = Sparse::fixture("signature/ext4");
    let md = Sparse::fixture("signature/md_1.0");
    disk.size = 4 << 20;
    for (&offset, sector) in &md.sectors {
        disk.write(offset, sector);
    }
    let facts = disk.read().facts;
    let kinds: Vec<SignatureKind> =
        facts.volumes[0].signatures.known().unwrap().iter().map(|s| s.kind).collect();
    assert_eq!(kinds, [SignatureKind::MdRaid, SignatureKind::Ext4]);
}

#[test]
fn random_bytes_have_no_signature() {
    let mut random = Random(7);
    for _ in 0..20 {
        let bytes: Vec<u8> = (0..256 << 10).map(|_| random.next() as u8).collect();
        let facts = Disk::read(Arc::new(bytes)).facts;
        assert_eq!(facts.volumes[0].signatures, Fact::Known(vec![]));
    }
}

#[test]
fn a_file_system_on_the_whole_disk_is_no_partition_table() {
    for name in ["fat12", "fat16", "fat32", "ntfs", "exfat"] {
        let disk = Sparse::fixture(&format!("signature/{name}"));
        assert_eq!(disk.bytes(510, 2), [0x55, 0xaa], "{name}");
        let facts = disk.read().facts;
        assert_eq!((facts.table, facts.partitions.len()), (TableKind::None, 0), "{name}");
        assert_eq!(facts.volumes[0].name, "whole disk");
    }
}

#[test]
fn a_file_system_larger_than_its_partition_is_broken() {
    let mut disk = Sparse::fixture("table/sfdisk_dos");
    let ext4 = Sparse::fixture("signature/ext4");
    // Partition 2 has 10240 sectors (5 MiB), the file system 8 MiB.
    for (&offset, sector) in ext4.sectors.range(..5 << 20) {
        disk.write(22528 * 512 + offset, sector);
    }
    only(&disk.read().facts, Severity::Broken, "ext4 says that it has 8388608 bytes");
}

#[test]
fn grub_in_the_embedding_gap_is_followed_to_its_prefix() {
    let facts = Sparse::fixture("boot/mbr_gap").read().facts;
    let code = facts.boot_code.known().unwrap();
    assert_eq!((code.kind, code.signature), (BootCodeKind::Grub2, true));
    let core = code.grub_core.as_ref().unwrap().known().unwrap();
    assert_eq!(core.intact, Fact::Known(()));
    assert_eq!((core.offset, core.place.as_str()), (512, "gap before partition 1"));
    assert_eq!(core.prefix, Fact::Known(Some("(,msdos1)/boot/grub".to_owned())));
    assert_eq!(core.embedded_config, Fact::Known(None));
    // 27030 bytes of core.img, doubled by Reed-Solomon codes, in 106 sectors.
    assert_eq!(core.size, 106 * 512);
}

#[test]
fn grub_in_a_bios_boot_partition_is_followed_to_its_configuration() {
    let facts = Sparse::fixture("boot/bios_boot").read().facts;
    let code = facts.boot_code.known().unwrap();
    let core = code.grub_core.as_ref().unwrap().known().unwrap();
    assert_eq!(core.intact, Fact::Known(()));
    assert_eq!((core.offset, core.place.as_str()), (1 << 20, "BIOS boot partition 14"));
    assert_eq!(core.prefix, Fact::Known(Some("/boot/grub".to_owned())));
    let config = "search.fs_uuid deadbeef root\n".trim_end().to_owned();
    assert_eq!(core.embedded_config, Fact::Known(Some(config)));
    assert_eq!(core.size, 27992_u64.next_multiple_of(512));
}

#[test]
fn a_grub_core_that_was_overwritten_is_not_intact() {
    let reason = |disk: &Sparse| {
        let facts = disk.read().facts;
        let core = facts.boot_code.known().unwrap().grub_core.clone().unwrap();
        core.known().unwrap().intact.unread().unwrap().reason.clone()
    };
    let mut zeroed = Sparse::fixture("boot/mbr_gap");
    zeroed.write(512, &[0; 512]);
    assert!(reason(&zeroed).contains("zeroes"));

    let mut half = Sparse::fixture("boot/mbr_gap");
    half.write(1024, &vec![0; 105 * 512]);
    assert!(reason(&half).contains("zeroes in the 105 sectors"));

    let mut damaged = Sparse::fixture("boot/mbr_gap");
    damaged.write(8192, &[0x5a; 4096]);
    assert!(reason(&damaged).contains("damaged data"), "{}", reason(&damaged));

    let mut far = Sparse::fixture("boot/mbr_gap");
    far.write(0x5c, &u64::MAX.to_le_bytes());
    assert!(reason(&far).contains("beyond the end"));

    let mut list = Sparse::fixture("boot/mbr_gap");
    list.write(512 + 0x1f4, &(1_u64 << 63).to_le_bytes());
    assert!(reason(&list).contains("beyond the end"));

    let mut long = Sparse::fixture("boot/mbr_gap");
    long.write(512 + 0x1fc, &[0xff, 0xff]);
    assert!(reason(&long).contains("640 KiB"));
}

fn boot_sector(name: &str) -> Sparse {
    let mut disk = Sparse::new(1 << 20);
    disk.write(0, &testdata(&format!("boot/{name}.bin")));
    disk.write(510, &[0x55, 0xaa]);
    disk
}

#[test]
fn boot_code_is_told_by_its_maker() {
    let kind = |name: &str| boot_sector(name).read().facts.boot_code.known().unwrap().kind;
    assert_eq!(kind("syslinux_mbr"), BootCodeKind::Syslinux);
    assert_eq!(kind("syslinux_altmbr"), BootCodeKind::Syslinux);
    assert_eq!(kind("syslinux_gptmbr"), BootCodeKind::Syslinux);
    assert_eq!(kind("parted"), BootCodeKind::Generic);
    assert_eq!(kind("debian_mbr"), BootCodeKind::Generic);
    assert_eq!(kind("grub_stage1"), BootCodeKind::GrubLegacy);
    assert_eq!(kind("extlinux_ext2"), BootCodeKind::Syslinux);
}

#[test]
fn sector_0_without_code_or_signature_boots_nothing() {
    let kind = |disk: &Sparse| disk.read().facts.boot_code.known().unwrap().kind;
    assert_eq!(kind(&Sparse::fixture("table/sfdisk_dos")), BootCodeKind::None);
    let mut unsigned = boot_sector("syslinux_mbr");
    unsigned.write(510, &[0, 0]);
    assert_eq!(kind(&unsigned), BootCodeKind::None);
    let mut other = Sparse::new(1 << 20);
    other.write(0, b"\xeb\xfe some code");
    other.write(510, &[0x55, 0xaa]);
    assert_eq!(kind(&other), BootCodeKind::Unrecognised);
}

#[test]
fn microsoft_code_is_told_by_its_first_bytes_or_its_messages() {
    let kind = |code: &[u8]| {
        let mut disk = Sparse::new(1 << 20);
        disk.write(0, code);
        disk.write(510, &[0x55, 0xaa]);
        disk.read().facts.boot_code.known().unwrap().kind
    };
    // Windows 7 to 10, whose messages are translated; as published in many disassemblies.
    let seven = b"\x33\xc0\x8e\xd0\xbc\x00\x7c\x8e\xc0\x8e\xd8\xbe\x00\x7c\xbf\x00\x06\xb9\x00\x02";
    assert_eq!(kind(seven), BootCodeKind::Windows);
    let messages = b"\xfa\x33\xc0Invalid partition table\0Error loading operating system\0\
        Missing operating system\0";
    assert_eq!(kind(messages), BootCodeKind::Windows);
}

#[test]
fn boot_code_of_volumes_is_told() {
    let volume = |sector: &[u8]| {
        let mut disk = Sparse::fixture("table/sfdisk_dos");
        disk.write(2048 * 512, sector);
        let facts = disk.read().facts;
        facts.volume_boot_code.first().map(|code| (code.volume, code.kind))
    };
    assert_eq!(volume(&testdata("boot/extlinux_ext2.bin")), Some((0, BootCodeKind::Syslinux)));
    // What mkfs.fat and mkntfs write only says that the volume is not bootable.
    assert_eq!(volume(&Sparse::fixture("signature/fat32").bytes(0, 512)), None);
    assert_eq!(volume(&Sparse::fixture("signature/ntfs").bytes(0, 512)), None);
    let mut windows = Sparse::fixture("signature/ntfs").bytes(0, 512);
    windows[400..407].copy_from_slice(b"BOOTMGR");
    assert_eq!(volume(&windows), Some((0, BootCodeKind::Windows)));
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

/// An MBR of the given entries: flag, type, start, sectors.
fn mbr(size: u64, entries: &[(u8, u8, u32, u32)]) -> Sparse {
    let mut disk = Sparse::new(size);
    write_table(&mut disk, 0, entries);
    disk
}

fn write_table(disk: &mut Sparse, sector: u64, entries: &[(u8, u8, u32, u32)]) {
    let mut at = sector * 512 + 446;
    for &(flag, kind, start, sectors) in entries {
        disk.write(at, &[flag]);
        disk.write(at + 4, &[kind]);
        disk.write(at + 8, &start.to_le_bytes());
        disk.write(at + 12, &sectors.to_le_bytes());
        at += 16;
    }
    disk.write(sector * 512 + 510, &[0x55, 0xaa]);
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
fn a_partition_beyond_the_disk_keeps_its_facts() {
    let disk = mbr(1 << 20, &[(0, 0x83, 1024, 4096)]).read();
    only(&disk.facts, Severity::Broken, "ends at byte 2621440");
    assert_eq!(disk.facts.partitions[0].size, 4096 * 512);
    assert_eq!(disk.volumes[0].len(), 1 << 19);
}

#[test]
fn a_ring_of_extended_boot_records_ends() {
    let mut disk = mbr(1 << 30, &[(0, 0x05, 2048, 100_000)]);
    write_table(&mut disk, 2048, &[(0, 0x83, 63, 100), (0, 0x05, 1000, 200)]);
    write_table(&mut disk, 3048, &[(0, 0x83, 63, 100), (0, 0x05, 0, 200)]);
    let facts = disk.read().facts;
    assert_eq!(facts.partitions.len(), 3);
    only(&facts, Severity::Broken, "the chain comes back");
}

#[test]
fn a_chain_of_extended_boot_records_is_bounded() {
    let mut disk = mbr(1 << 30, &[(0, 0x05, 2048, 1_000_000)]);
    for index in 0..400_u32 {
        let link = (0, 0x05, (index + 1) * 1000, 1000);
        write_table(&mut disk, 2048 + u64::from(index) * 1000, &[(0, 0x83, 63, 100), link]);
    }
    let facts = disk.read().facts;
    assert!(facts.table_read.unread().unwrap().reason.contains("256"));
    assert!(facts.partitions.len() <= layout::MAX_PARTITIONS);
    only(&facts, Severity::Broken, "more than 256 partitions");
}

#[test]
fn a_chain_that_leaves_the_disk_or_ends_in_rubbish_is_broken() {
    let mut disk = mbr(1 << 30, &[(0, 0x05, 2048, 100_000)]);
    write_table(&mut disk, 2048, &[(0, 0x83, 63, 100), (0, 0x05, u32::MAX, 200)]);
    let facts = disk.read().facts;
    only(&facts, Severity::Broken, "beyond the end");
    assert!(facts.table_read.unread().is_some());

    let mut disk = mbr(1 << 30, &[(0, 0x05, 2048, 100_000)]);
    write_table(&mut disk, 2048, &[(0, 0x83, 63, 100), (0, 0x05, 500, 200)]);
    only(&disk.read().facts, Severity::Broken, "no signature 0x55AA");
}

#[test]
fn a_hostile_gpt_header_is_a_finding_and_no_allocation() {
    let cases: [(u64, Vec<u8>, &str); 9] = [
        (84, 0_u32.to_le_bytes().into(), "entry size"),
        (84, 1_u32.to_le_bytes().into(), "entry size"),
        (84, 127_u32.to_le_bytes().into(), "entry size"),
        (84, (1_u32 << 31).to_le_bytes().into(), "entry size"),
        (80, u32::MAX.to_le_bytes().into(), "entry array of at most"),
        (24, 7_u64.to_le_bytes().into(), "its own LBA 1"),
        (72, (1_u64 << 63).to_le_bytes().into(), "beyond the end"),
        (12, u32::MAX.to_le_bytes().into(), "a header of"),
        (48, 0_u64.to_le_bytes().into(), "first usable LBA"),
    ];
    for (field, bytes, what) in cases {
        let mut disk = Sparse::fixture("table/sfdisk_gpt");
        disk.write(512 + field, &bytes);
        disk.sum_gpt(512, 512);
        let facts = disk.read().facts;
        only(&facts, Severity::Broken, what);
        assert_eq!(facts.partitions.len(), 3, "{what}: from the backup");
    }
}

#[test]
fn a_gpt_partition_at_lba_2_to_the_63_is_beyond_the_end() {
    let mut disk = Sparse::fixture("table/sfdisk_gpt");
    for (header, array) in [(512, 1024), (disk.size - 512, disk.size - 512 - 128 * 128)] {
        disk.write(array + 32, &(1_u64 << 63).to_le_bytes());
        disk.write(array + 40, &(1_u64 << 63).to_le_bytes());
        disk.sum_gpt(header, 512);
    }
    let disk = disk.read();
    let found = problems(&disk.facts, Severity::Broken);
    assert!(found.iter().any(|problem| problem.contains("partition 1")), "{found:?}");
    assert!(disk.facts.gpt.as_ref().unwrap().primary.known().is_some());
    assert_eq!(disk.facts.partitions.len(), 3);
}

#[test]
fn a_gpt_of_more_entries_than_linux_has_minors_is_cut() {
    let mut disk = Sparse::fixture("table/sfdisk_gpt");
    let entry = disk.bytes(1024, 128);
    for index in 0..1024 {
        disk.write((1 << 20) + index * 128, &entry);
    }
    disk.write(512 + 72, &2048_u64.to_le_bytes());
    disk.write(512 + 80, &1024_u32.to_le_bytes());
    disk.sum_gpt(512, 512);
    let facts = disk.read().facts;
    assert_eq!(facts.partitions.len(), layout::MAX_PARTITIONS);
    assert!(facts.table_read.unread().is_some());
    assert!(problems(&facts, Severity::Broken).len() <= 4 * layout::MAX_PARTITIONS);
}

#[test]
fn entries_of_256_bytes_are_read_and_named() {
    let mut disk = Sparse::fixture("table/sfdisk_gpt");
    for (header, array, to) in
        [(512, 1024, 100 << 10), (disk.size - 512, disk.size - 512 - 16384, 200 << 10)]
    {
        for index in 0..3 {
            let entry = disk.bytes(array + index * 128, 128);
            disk.write(to + index * 256, &entry);
        }
        disk.write(header + 72, &(to / 512).to_le_bytes());
        disk.write(header + 84, &256_u32.to_le_bytes());
        disk.sum_gpt(header, 512);
    }
    let facts = disk.read().facts;
    assert_eq!(facts.partitions.len(), 3);
    only(&facts, Severity::Broken, "Linux reads only those of 128");
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

/// A disk whose bytes cannot be read from `from` on.
struct Unreadable(Sparse, u64);

impl Bytes for Unreadable {
    fn len(&self) -> u64 {
        self.0.size
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<()> {
        if offset + buf.len() as u64 > self.1 {
            return Err(Error::unsupported("qcow2 cluster", self.1, "a made-up feature"));
        }
        self.0.read_at(offset, buf)
    }
}

#[test]
fn a_disk_that_cannot_be_read_is_unknown_not_empty() {
    let read = |from| Disk::read(Arc::new(Unreadable(Sparse::fixture("table/sfdisk_gpt"), from)));
    let facts = read(0).facts;
    assert!(facts.table_read.unread().unwrap().reason.contains("made-up"));
    assert!(facts.boot_code.unread().is_some());
    assert_eq!(facts.volumes, []);

    let facts = read(512).facts;
    assert_eq!(facts.table, TableKind::Gpt);
    assert!(facts.table_read.unread().unwrap().reason.contains("made-up"), "{facts:?}");

    let facts = read(1 << 20).facts;
    assert_eq!(facts.partitions.len(), 3);
    // The backup could not be read: that is unknown, and no flaw of the table.
    assert!(facts.gpt.as_ref().unwrap().backup.unread().is_some());
    assert_eq!(facts.problems, []);
    assert!(facts.volumes.iter().all(|v| v.signatures.unread().is_some()));
}

/// xorshift64*, so that every run does the same.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 16
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }
}

/// Values that parsers stumble over.
const NASTY: [u64; 8] = [0, 1, 0x7f, 0xff, 0x7fff_ffff, 0xffff_ffff, 1 << 63, u64::MAX];

#[test]
fn no_mutant_of_a_fixture_panics_hangs_or_lists_without_bound() {
    let mut fixtures: Vec<Sparse> = Vec::new();
    for folder in ["table", "signature", "boot"] {
        let path = format!("{}/testdata/disk/{folder}", env!("CARGO_MANIFEST_DIR"));
        let mut names: Vec<String> = std::fs::read_dir(path)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter_map(|name| name.strip_suffix(".zst").map(|n| format!("{folder}/{n}")))
            .collect();
        names.sort();
        fixtures.extend(names.iter().map(|name| Sparse::fixture(name)));
    }
    let mut random = Random(0x1234_5678_9abc_def1);
    for fixture in &fixtures {
        let sectors: Vec<u64> = fixture.sectors.keys().copied().collect();
        for _ in 0..60 {
            let mut mutant = fixture.clone();
            for _ in 0..=random.below(3) {
                // The structures lie in the first sectors more often than not.
                let near = random.below(2) == 0;
                let among = if near { sectors.len().min(3) } else { sectors.len() };
                let sector = sectors[random.below(among as u64) as usize];
                let at = sector + random.below(512);
                let value = NASTY[random.below(8) as usize].to_le_bytes();
                let len = [1, 2, 4, 8][random.below(4) as usize];
                mutant.write(at, &value[..len]);
            }
            if random.below(8) == 0 {
                mutant.size = random.below(mutant.size + 1);
            }
            if mutant.size > 1 << 20 && mutant.bytes(512, 8) == b"EFI PART" {
                mutant.sum_gpt(512, 512);
            }
            let facts = mutant.read().facts;
            assert!(facts.partitions.len() <= layout::MAX_PARTITIONS);
            assert_eq!(facts.size, mutant.size);
        }
    }
}
