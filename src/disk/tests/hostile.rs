//! Disks that lie.

use std::sync::Arc;

use super::*;

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

/// The boot sector of EXTLINUX is the fourth of an XFS.
#[test]
fn a_boot_sector_that_cannot_be_read_is_not_absent() {
    for from in [2048 * 512, 2048 * 512 + 2048] {
        let disk = Disk::read(Arc::new(Unreadable(Sparse::fixture("boot/extlinux_xfs"), from)));
        let [code] = &disk.facts.volume_boot_code[..] else { panic!("{:?}", disk.facts) };
        let unread = code.unread.as_ref().unwrap();
        assert_eq!((code.volume, unread.location.as_str()), (0, "partition 1, boot sector"));
        assert!(unread.reason.contains("made-up"), "{unread:?}");
    }
}

/// xorshift64*, so that every run does the same.
pub(super) struct Random(pub(super) u64);

impl Random {
    pub(super) fn next(&mut self) -> u64 {
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
