//! Signatures as `blkid` prints them.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::hostile::Random;
use super::*;

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
        let is_ext = signature.kind.name().starts_with("ext");
        let block_size = blkid.get("BLOCK_SIZE").filter(|_| is_ext);
        assert_eq!(
            signature.block_size.map(|size| size.to_string()).as_ref(),
            block_size,
            "{name}"
        );
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
