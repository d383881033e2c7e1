//! The room against what real tools wrote, and against hostile disks.
#![allow(clippy::arithmetic_side_effects, clippy::as_conversions, clippy::cast_possible_truncation)]

mod boot;
mod hostile;
mod signature;
mod table;

use super::facts::*;
use super::fixture::Sparse;
use super::*;

fn testdata(path: &str) -> Vec<u8> {
    let path = format!("{}/testdata/disk/{path}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
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
