//! A walk over all tables: does what they refer to lie in the file, aligned and apart?
//!
//! Metadata only: no data cluster is read. The tolerance for a short last cluster is that of
//! writers in the field, not of the letter: QEMU ends the file behind the last byte in use (an L1
//! table of 20 entries, the last allocated subcluster, the last sector of compressed data).

use std::ops::Range;

use rayon::prelude::*;

use crate::bytes::Bytes;
use crate::error::Error;
use crate::fact::{Evidence, Fact};
use crate::image::qcow2::address::HostOffset;
use crate::image::qcow2::header::{EXTERNAL_DATA, Geometry, HEADER, Header};
use crate::image::qcow2::l1_table::{L1_TABLE, L1Entry};
use crate::image::qcow2::l2_table::{Cluster, L2_TABLE, L2Entry, SUBCLUSTERS};
use crate::image::qcow2::refcount_table::{
    MAX_REFCOUNT_TABLE_BYTES, REFCOUNT_TABLE, RefcountTableEntry,
};
use crate::image::qcow2::snapshot::Snapshot;

/// How many pieces of damage are listed; the rest is counted.
pub const MAX_LISTED_PROBLEMS: usize = 100;

/// L2 tables that are looked at, in bytes: a fully allocated disk of 8 TiB with the default cluster
/// size, and still only a second or two of work.
const MAX_L2_BYTES: u64 = 1 << 30;

/// What the walk over all tables found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Qcow2Structure {
    /// Damage, each with its structure and offset. At most [`MAX_LISTED_PROBLEMS`].
    pub problems: Vec<Evidence>,
    /// How many pieces of damage there are in all.
    pub problem_count: u64,
    /// Whether all tables were looked at, or why not.
    pub checked: Fact<()>,
    /// One past the highest host byte that the tables need. Beyond the length of the file if, and
    /// only if, the file is too short.
    pub highest_host_byte: u64,
}

impl Qcow2Structure {
    /// Nothing was looked at, for this reason.
    pub(super) fn unchecked(checked: Fact<()>) -> Self {
        Self { problems: Vec::new(), problem_count: 0, checked, highest_host_byte: 0 }
    }
}

/// Damage found so far.
#[derive(Default)]
struct Findings {
    problems: Vec<Evidence>,
    count: u64,
    highest: u64,
}

impl Findings {
    fn problem(&mut self, location: impl FnOnce() -> String, detail: impl FnOnce() -> String) {
        self.count = self.count.saturating_add(1);
        if self.problems.len() < MAX_LISTED_PROBLEMS {
            self.problems.push(Evidence::new(location(), detail()));
        }
    }

    fn error(&mut self, error: &Error) {
        let location = match error {
            Error::Corrupt { structure, offset, .. } => format!("{structure}, byte {offset}"),
            _ => HEADER.to_owned(),
        };
        let detail = match error {
            Error::Corrupt { expected, found, .. } => format!("expected {expected}, found {found}"),
            other => other.to_string(),
        };
        self.problem(|| location, || detail);
    }

    fn reaches(&mut self, end: u64) {
        self.highest = self.highest.max(end);
    }

    /// Joins two in order.
    fn join(mut self, other: Self) -> Self {
        let room = MAX_LISTED_PROBLEMS.saturating_sub(self.problems.len());
        self.problems.extend(other.problems.into_iter().take(room));
        self.count = self.count.saturating_add(other.count);
        self.reaches(other.highest);
        self
    }
}

/// What every step of the walk needs.
struct Walk<'a> {
    image: &'a dyn Bytes,
    header: &'a Header,
    geometry: Geometry,
    /// Header, L1 table and refcount table: nothing else may lie there.
    fixed: Vec<(&'static str, Range<u64>)>,
    /// End of the last of them.
    fixed_end: u64,
}

/// Walks all tables of a file whose features are all known.
pub(super) fn check(image: &dyn Bytes, header: &Header, snapshots: &[Snapshot]) -> Qcow2Structure {
    let mut fixed = vec![(HEADER, 0..u64::from(header.header_length))];
    for (structure, start, len) in [
        (L1_TABLE, header.l1_table_offset, header.l1_bytes()),
        (REFCOUNT_TABLE, header.refcount_table_offset, header.refcount_table_bytes()),
    ] {
        if len > 0 {
            fixed.push((structure, start.0..start.after(len).0));
        }
    }
    let fixed_end = fixed.iter().map(|(_, range)| range.end).max().unwrap_or(0);
    let walk = Walk { image, header, geometry: header.geometry, fixed, fixed_end };
    let mut findings = walk.header();
    findings = findings.join(walk.refcount_table()).join(walk.snapshots(snapshots));
    let (from_l1, tables, checked) = walk.l1_table();
    findings = findings.join(from_l1);
    let from_l2 = tables
        .par_iter()
        .map(|table| walk.l2_table(table))
        .reduce(Findings::default, Findings::join);
    findings = findings.join(from_l2);
    Qcow2Structure {
        problems: findings.problems,
        problem_count: findings.count,
        checked,
        highest_host_byte: findings.highest,
    }
}

/// An L2 table, and which part of the disk it maps.
struct L2Reference {
    start: HostOffset,
    l1_index: u32,
}

impl Walk<'_> {
    fn file_size(&self) -> u64 {
        self.image.len()
    }

    /// The header's own fields, and the tables that it names.
    fn header(&self) -> Findings {
        let mut findings = Findings::default();
        let header = self.header;
        if !header.header_length.is_multiple_of(8) {
            findings.problem(
                || format!("{HEADER}, byte 100"),
                || format!("header_length {} is not a multiple of 8", header.header_length),
            );
        }
        for result in [header.check_compression(), header.check_l1(self.file_size())] {
            if let Err(error) = result {
                findings.error(&error);
            }
        }
        for (index, (name, range)) in self.fixed.iter().enumerate() {
            findings.reaches(range.end);
            for (other, taken) in self.fixed.iter().take(index) {
                if range.start < taken.end && taken.start < range.end {
                    findings.problem(
                        || format!("{name}, byte {}", range.start),
                        || format!("overlaps the {other} at byte {}", taken.start),
                    );
                }
            }
        }
        findings
    }

    /// The refcount table and the places of its blocks.
    fn refcount_table(&self) -> Findings {
        let mut findings = Findings::default();
        let start = self.header.refcount_table_offset;
        let len = self.header.refcount_table_bytes();
        let location = || format!("{REFCOUNT_TABLE}, byte {}", start.0);
        if len == 0 || len > MAX_REFCOUNT_TABLE_BYTES {
            findings.problem(
                || format!("{HEADER}, byte 56"),
                || format!("a refcount table of {len} bytes, allowed are 1 to {MAX_REFCOUNT_TABLE_BYTES}"),
            );
            return findings;
        }
        if self.geometry.within_cluster(start.0) != 0 {
            findings.problem(location, || "not at a multiple of the cluster size".to_owned());
            return findings;
        }
        let Some(table) = usize::try_from(len).ok().and_then(|len| self.image.slice(start.0, len))
        else {
            findings.problem(location, || self.beyond_end(start.after(len).0));
            return findings;
        };
        for (index, entry) in entries(table).enumerate() {
            let entry = RefcountTableEntry(entry);
            let location = || format!("{REFCOUNT_TABLE}, entry {index}");
            if entry.reserved_bits() != 0 {
                findings.problem(location, || reserved(entry.reserved_bits()));
            }
            if let Some(block) = entry.block() {
                self.table(&mut findings, location, "refcount block", block);
            }
        }
        findings
    }

    /// The snapshots' L1 tables. What lies behind them is not walked: it is no part of the disk.
    fn snapshots(&self, snapshots: &[Snapshot]) -> Findings {
        let mut findings = Findings::default();
        for snapshot in snapshots {
            let start = snapshot.l1_table_offset;
            let end = start.after(u64::from(snapshot.l1_size).saturating_mul(8)).0;
            let location =
                || format!("qcow2 snapshot table, byte {} ({})", snapshot.entry_at.0, snapshot.id);
            findings.reaches(end);
            if self.geometry.within_cluster(start.0) != 0 {
                findings.problem(location, || unaligned("L1 table", start));
            } else if end > self.file_size() {
                findings.problem(location, || self.beyond_end(end));
            }
        }
        findings
    }

    /// The L1 table; gives the L2 tables that can be looked at, each once.
    fn l1_table(&self) -> (Findings, Vec<L2Reference>, Fact<()>) {
        let mut findings = Findings::default();
        let mut tables = Vec::new();
        let mut checked = Fact::Known(());
        let start = self.header.l1_table_offset;
        let table = match self.header.check_l1(self.file_size()) {
            Ok(()) => usize::try_from(self.header.l1_bytes())
                .ok()
                .and_then(|len| self.image.slice(start.0, len))
                .unwrap_or_default(),
            Err(error) => {
                // Listed with the header's problems.
                let unread = Fact::unknown(L1_TABLE, error.to_string());
                return (findings, tables, unread);
            }
        };
        let most = MAX_L2_BYTES.wrapping_shr(self.geometry.cluster_bits);
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        for (l1_index, entry) in (0_u32..).zip(entries(table)) {
            let entry = L1Entry(entry);
            let location = || format!("{L1_TABLE}, entry {l1_index}");
            if entry.reserved_bits() != 0 {
                findings.problem(location, || reserved(entry.reserved_bits()));
            }
            let Some(start) = entry.l2_table() else { continue };
            if !self.table(&mut findings, location, "L2 table", start) {
                continue;
            }
            if tables.len() >= most {
                let limit =
                    Error::Limit { structure: L2_TABLE, limit: MAX_L2_BYTES, unit: "bytes" };
                checked = Fact::unknown(L2_TABLE, limit.to_string());
                break;
            }
            tables.push(L2Reference { start, l1_index });
        }
        tables.sort_unstable_by_key(|table| (table.start, table.l1_index));
        tables.dedup_by(|later, kept| {
            let twice = later.start == kept.start;
            if twice {
                findings.problem(
                    || format!("{L1_TABLE}, entry {}", later.l1_index),
                    || format!("the same L2 table as entry {}", kept.l1_index),
                );
            }
            twice
        });
        (findings, tables, checked)
    }

    /// A reference to a table of one cluster. Gives whether the table can be looked at.
    fn table(
        &self,
        findings: &mut Findings,
        location: impl Fn() -> String,
        what: &str,
        start: HostOffset,
    ) -> bool {
        let end = start.after(self.geometry.cluster_size()).0;
        if self.geometry.within_cluster(start.0) != 0 {
            findings.problem(location, || unaligned(what, start));
            return false;
        }
        findings.reaches(end);
        if end > self.file_size() {
            findings.problem(location, || {
                format!("{what} at byte {}: {}", start.0, self.beyond_end(end))
            });
            return false;
        }
        self.apart(findings, location, what, start, end);
        true
    }

    /// Whether `start..end` keeps clear of the header and the tables that it names.
    fn apart(
        &self,
        findings: &mut Findings,
        location: impl Fn() -> String,
        what: &str,
        start: HostOffset,
        end: u64,
    ) {
        if start.0 >= self.fixed_end {
            return;
        }
        for (name, taken) in &self.fixed {
            if start.0 < taken.end && taken.start < end {
                findings.problem(&location, || {
                    format!(
                        "{what} at byte {} overlaps the {name} at byte {}",
                        start.0, taken.start
                    )
                });
            }
        }
    }

    /// All entries of one L2 table.
    fn l2_table(&self, reference: &L2Reference) -> Findings {
        let mut findings = Findings::default();
        let geometry = self.geometry;
        let Some(table) = self.image.slice(reference.start.0, geometry.cluster_len()) else {
            return findings;
        };
        let reach = 1_u64.wrapping_shl(geometry.l2_reach_bits());
        let first = u64::from(reference.l1_index).saturating_mul(reach);
        for (index, entry) in (0_u64..).zip(table.chunks_exact(geometry.l2_entry_len())) {
            let entry = L2Entry::parse(entry);
            if entry.descriptor == 0 && entry.bitmap == 0 {
                continue;
            }
            let guest = first.saturating_add(index.wrapping_shl(geometry.cluster_bits));
            self.l2_entry(&mut findings, reference.start, index, entry, guest);
        }
        findings
    }

    /// One entry, which maps the cluster of the disk at byte `guest`.
    fn l2_entry(
        &self,
        findings: &mut Findings,
        table: HostOffset,
        index: u64,
        entry: L2Entry,
        guest: u64,
    ) {
        let geometry = self.geometry;
        let location = || format!("{L2_TABLE} at byte {}, entry {index}", table.0);
        if entry.reserved_bits(geometry) != 0 {
            findings.problem(location, || reserved(entry.reserved_bits(geometry)));
        }
        let cluster = match entry.cluster(geometry) {
            Cluster::Compressed(range) => {
                // The data ends somewhere in its last sector, of which the first byte must be there.
                let end = range.start.after(range.len).0;
                let needed = end.saturating_sub(511).max(range.start.after(1).0);
                findings.reaches(needed);
                if needed > self.file_size() {
                    findings.problem(location, || {
                        format!(
                            "compressed cluster at byte {}: {}",
                            range.start.0,
                            self.beyond_end(needed)
                        )
                    });
                }
                self.apart(findings, location, "compressed cluster", range.start, end);
                return;
            }
            Cluster::Standard(cluster) => cluster,
        };
        if cluster.allocated & cluster.zero != 0
            || (cluster.allocated != 0 && cluster.host.is_none())
        {
            findings.problem(location, || format!("subcluster bitmap {:#018x}", entry.bitmap));
        }
        let Some(host) = cluster.host else { return };
        // Offsets in an external data file say nothing of this file.
        if self.header.has(EXTERNAL_DATA) {
            return;
        }
        if geometry.within_cluster(host.0) != 0 {
            findings.problem(location, || unaligned("data cluster", host));
            return;
        }
        // The bytes that are both allocated and on the disk: the last cluster may be cut short. Of
        // a cluster that is only reserved, no byte need be there but its first.
        let subcluster_bits = geometry.cluster_bits.wrapping_sub(SUBCLUSTERS.trailing_zeros());
        let last = SUBCLUSTERS.wrapping_sub(cluster.allocated.leading_zeros());
        let on_disk = self.header.size.saturating_sub(guest);
        let needed = u64::from(last).wrapping_shl(subcluster_bits).min(on_disk).max(1);
        let end = host.after(needed).0;
        findings.reaches(end);
        if end > self.file_size() {
            findings.problem(location, || {
                format!("data cluster at byte {}: {}", host.0, self.beyond_end(end))
            });
        }
        let whole = host.after(geometry.cluster_size()).0;
        self.apart(findings, location, "data cluster", host, whole);
    }

    fn beyond_end(&self, end: u64) -> String {
        format!("reaches to byte {end}, the file ends at {}", self.file_size())
    }
}

fn entries(table: &[u8]) -> impl Iterator<Item = u64> {
    table.as_chunks::<8>().0.iter().map(|entry| u64::from_be_bytes(*entry))
}

fn reserved(bits: u64) -> String {
    format!("reserved bits {bits:#x} are set")
}

fn unaligned(what: &str, at: HostOffset) -> String {
    format!("{what} at byte {:#x}, not a multiple of the cluster size", at.0)
}
