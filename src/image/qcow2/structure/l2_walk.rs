//! The L2 tables: each is walked once, however many L1 entries name it.

use std::fmt;

use rayon::prelude::*;

use crate::image::qcow2::address::HostOffset;
use crate::image::qcow2::header::{EXTERNAL_DATA, Geometry};
use crate::image::qcow2::l2_table::{
    Cluster, CompressedRange, L2_TABLE, L2Entry, SUBCLUSTERS, StandardCluster,
};
use crate::image::qcow2::structure::findings::Findings;
use crate::image::qcow2::structure::metadata::copied;
use crate::image::qcow2::structure::{Walk, reserved, slice_up_to, unaligned};

/// L2 tables that are looked at, in bytes: a fully allocated disk of 8 TiB with the default cluster
/// size, and still only a second or two of work.
const MAX_L2_BYTES: u64 = 1 << 30;

/// L2 tables that are looked at. Only with clusters below 1 KiB less than [`MAX_L2_BYTES`], and still
/// a disk of 32 GiB with the smallest.
const MAX_L2_TABLES: usize = 1 << 20;

/// L2 tables of one task at the least, in bytes: what makes it worth a thread.
const TASK_BYTES: usize = 64 << 10;

/// Tables of this many bytes and more are read by themselves, because what they map lies between
/// them: 512 MiB and more where all of it is allocated. Smaller ones lie close enough together.
const FAR_APART: usize = 64 << 10;

/// Whose disk a table maps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Mapping {
    /// The disk as it is now.
    Active,
    /// The disk as a snapshot keeps it, by the snapshot's number in the table.
    Snapshot(u32),
}

impl fmt::Display for Mapping {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Active => Ok(()),
            Self::Snapshot(index) => write!(f, " of snapshot entry {index}"),
        }
    }
}

/// An L2 table, which part of the disk it maps, and how many L1 entries name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct L2Reference {
    pub(super) start: HostOffset,
    /// The active disk goes before snapshots.
    pub(super) mapping: Mapping,
    pub(super) l1_index: u32,
    pub(super) references: u32,
}

/// The L2 tables, each once, in the order of the file.
#[derive(Default)]
pub(super) struct L2Tables {
    references: Vec<L2Reference>,
    /// How many there were when last each was there once.
    distinct: usize,
    /// Whether there were more than the list may hold.
    cut: bool,
}

impl L2Tables {
    pub(super) fn push(&mut self, reference: L2Reference) {
        self.references.push(reference);
        if self.references.len() >= self.distinct.max(MAX_L2_TABLES / 16).saturating_mul(2) {
            self.merge();
            self.cut |= self.references.len() > MAX_L2_TABLES;
            self.references.truncate(MAX_L2_TABLES);
        }
    }

    /// Makes each table be there once; to be called behind the last L1 table. Cuts the list at the
    /// bound, and says so.
    pub(super) fn close(&mut self, geometry: Geometry, findings: &mut Findings) {
        self.merge();
        let most = usize::try_from(MAX_L2_BYTES.wrapping_shr(geometry.cluster_bits));
        let most = most.unwrap_or(usize::MAX).min(MAX_L2_TABLES);
        if self.cut || self.references.len() > most {
            let most_bytes = most.saturating_mul(geometry.cluster_len());
            findings.limit(L2_TABLE, u64::try_from(most_bytes).unwrap_or(u64::MAX), "bytes");
            self.references.truncate(most);
        }
    }

    fn merge(&mut self) {
        self.references.par_sort_unstable();
        self.references.dedup_by(|later, kept| {
            let same = later.start == kept.start;
            if same {
                kept.references = kept.references.saturating_add(later.references);
            }
            same
        });
        self.distinct = self.references.len();
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &L2Reference> {
        self.references.iter()
    }
}

/// Entries of a table in a row that go on behind each other in the file, or one entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Run {
    /// Index of the first entry.
    pub(super) index: u64,
    pub(super) len: u64,
    pub(super) entry: L2Entry,
}

/// Passes all entries that say anything to `each`, joined into runs.
fn runs(table: &[u8], geometry: Geometry, mut each: impl FnMut(Run)) {
    let step = geometry.cluster_size();
    let mut open: Option<(Run, L2Entry)> = None;
    for (index, entry) in (0_u64..).zip(table.chunks_exact(geometry.l2_entry_len())) {
        let entry = L2Entry::parse(entry);
        if let Some((run, next)) = &mut open {
            if entry == *next {
                run.len = run.len.wrapping_add(1);
                next.descriptor = next.descriptor.wrapping_add(step);
                continue;
            }
            each(*run);
            open = None;
        }
        if entry.descriptor == 0 && entry.bitmap == 0 {
            continue;
        }
        let run = Run { index, len: 1, entry };
        if entry.is_allocated() {
            let next = L2Entry { descriptor: entry.descriptor.wrapping_add(step), ..entry };
            open = Some((run, next));
        } else {
            each(run);
        }
    }
    if let Some((run, _)) = open {
        each(run);
    }
}

impl Walk<'_> {
    /// Makes a value for each of `tables` and joins them in order, in parallel.
    pub(super) fn each_table<T: Send>(
        &self,
        tables: &L2Tables,
        new: impl Fn() -> T + Sync + Send,
        visit: impl Fn(&mut T, &L2Reference, Run) + Sync,
        join: impl Fn(T, T) -> T + Sync + Send,
    ) -> T {
        let at_once = TASK_BYTES.wrapping_shr(self.geometry.cluster_bits).max(1);
        tables
            .references
            .par_iter()
            .with_min_len(at_once)
            .fold(&new, |mut made, reference| {
                let len = self.geometry.cluster_size();
                let table = slice_up_to(self.image, reference.start, len);
                if table.len() >= FAR_APART {
                    self.image.will_need(reference.start.0, table.len());
                }
                runs(table, self.geometry, |run| visit(&mut made, reference, run));
                made
            })
            .reduce(&new, join)
    }

    /// All entries of all L2 tables; counts what they refer to.
    pub(super) fn l2_tables(&self, tables: &L2Tables) -> Findings {
        let visit = |findings: &mut Findings, table: &L2Reference, run| {
            self.run(findings, table, run);
        };
        self.each_table(tables, Findings::default, visit, Findings::join)
    }

    fn run(&self, findings: &mut Findings, table: &L2Reference, run: Run) {
        let Run { entry, len, .. } = run;
        let location = || self.place(table, run, 0);
        if entry.reserved_bits(self.geometry) != 0 {
            findings.problems(len, location, || reserved(entry.reserved_bits(self.geometry)));
        }
        match entry.cluster(self.geometry) {
            Cluster::Compressed(range) => self.compressed(findings, table, run, range),
            Cluster::Standard(cluster) => self.standard(findings, table, run, cluster),
        }
    }

    fn compressed(
        &self,
        findings: &mut Findings,
        table: &L2Reference,
        run: Run,
        range: CompressedRange,
    ) {
        let location = || self.place(table, run, 0);
        if run.entry.copied() {
            findings.problem(location, || "flag COPIED on a compressed cluster".to_owned());
        }
        if run.entry.bitmap != 0 {
            return findings.problem(location, || {
                format!("a compressed cluster with subcluster bitmap {:#018x}", run.entry.bitmap)
            });
        }
        if self.header.has(EXTERNAL_DATA) {
            return findings.problem(location, || {
                "a compressed cluster beside an external data file".to_owned()
            });
        }
        self.refer(range.start, range.len, table.references);
        // The data ends somewhere in its last sector, of which the first byte must be there.
        let end = range.start.after(range.len).0;
        let needed = end.saturating_sub(511).max(range.start.after(1).0);
        findings.reaches(needed);
        if needed > self.file_size() {
            findings.problem(location, || {
                format!("compressed cluster at byte {}: {}", range.start.0, self.beyond_end(needed))
            });
        }
    }

    fn standard(
        &self,
        findings: &mut Findings,
        table: &L2Reference,
        run: Run,
        cluster: StandardCluster,
    ) {
        let geometry = self.geometry;
        let external = self.header.has(EXTERNAL_DATA);
        let Run { entry, len, .. } = run;
        let location = || self.place(table, run, 0);
        // In an external data file a cluster may be at offset 0; COPIED tells.
        let nowhere = cluster.host.is_none() && !(external && entry.copied());
        if cluster.allocated & cluster.zero != 0 || (cluster.allocated != 0 && nowhere) {
            findings
                .problems(len, location, || format!("subcluster bitmap {:#018x}", entry.bitmap));
        }
        let Some(host) = cluster.host else { return };
        if geometry.within_cluster(host.0) != 0 {
            return findings.problems(len, location, || unaligned("data cluster", host));
        }
        if external {
            // Offsets in another file say nothing of this one.
            if table.mapping == Mapping::Active && !entry.copied() {
                findings.problems(len, location, || {
                    "flag COPIED is not set beside an external data file".to_owned()
                });
            }
            return;
        }
        let first = geometry.cluster_of(host.0);
        self.counts.add(first, len, table.references);
        self.ends(findings, table, run, cluster, host);
        if table.mapping == Mapping::Active {
            let clusters = first..first.saturating_add(len);
            let (wrong, cluster, refcount) =
                self.refcounts.wrongly_copied(clusters, entry.copied());
            if wrong > 0 {
                let at = HostOffset(geometry.cluster_at(cluster));
                findings.problems(
                    wrong,
                    || self.place(table, run, cluster.saturating_sub(first)),
                    || copied(entry.copied(), "data cluster", at, refcount),
                );
            }
        }
    }

    /// Whether the file reaches to the end of a run of data clusters.
    fn ends(
        &self,
        findings: &mut Findings,
        table: &L2Reference,
        run: Run,
        cluster: StandardCluster,
        host: HostOffset,
    ) {
        // Of each cluster the bytes that are both allocated and on the disk: the last one may be cut
        // short. Of a cluster that is only reserved, no byte need be there but its first.
        let subcluster_bits = self.geometry.cluster_bits.wrapping_sub(SUBCLUSTERS.trailing_zeros());
        let last = SUBCLUSTERS.wrapping_sub(cluster.allocated.leading_zeros());
        let allocated = u64::from(last).wrapping_shl(subcluster_bits);
        let end = |position: u64| {
            let on_disk = self.header.size.saturating_sub(self.guest(table, run, position));
            let start = host.after(self.geometry.cluster_at(position));
            start.after(allocated.min(on_disk).max(1)).0
        };
        let last_end = end(run.len.saturating_sub(1));
        findings.reaches(last_end);
        if last_end <= self.file_size() {
            return;
        }
        // The first that does not end inside the file: the one that its end cuts, or the next.
        let inside = self.file_size().saturating_sub(host.0);
        let cut = self.geometry.cluster_of(inside).min(run.len.saturating_sub(1));
        let first = if end(cut) > self.file_size() { cut } else { cut.saturating_add(1) };
        findings.problems(
            run.len.saturating_sub(first),
            || self.place(table, run, first),
            || {
                let at = host.after(self.geometry.cluster_at(first)).0;
                format!("data cluster at byte {at}: {}", self.beyond_end(end(first)))
            },
        );
    }

    /// The byte of the disk that an entry of a run maps.
    fn guest(&self, table: &L2Reference, run: Run, position: u64) -> u64 {
        let first = u64::from(table.l1_index).wrapping_shl(self.geometry.l2_reach_bits());
        let index = run.index.saturating_add(position);
        first.saturating_add(self.geometry.cluster_at(index))
    }

    /// An entry of a run by its table, its index and the byte of the disk.
    pub(super) fn place(&self, table: &L2Reference, run: Run, position: u64) -> String {
        let index = run.index.saturating_add(position);
        let guest = self.guest(table, run, position);
        format!(
            "{L2_TABLE}{} at byte {}, entry {index} (guest byte {guest})",
            table.mapping, table.start.0
        )
    }
}
