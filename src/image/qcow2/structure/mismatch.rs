//! The counts against the refcounts, and what is used twice.

use std::ops::Range;

use rayon::prelude::*;

use crate::fact::Evidence;
use crate::image::qcow2::header::EXTERNAL_DATA;
use crate::image::qcow2::l1_table::L1_TABLE;
use crate::image::qcow2::l2_table::Cluster;
use crate::image::qcow2::structure::counts::Part;
use crate::image::qcow2::structure::findings::{Findings, MAX_LISTED_PROBLEMS};
use crate::image::qcow2::structure::l2_walk::{L2Reference, Run};
use crate::image::qcow2::structure::owner::{Kind, Owners, Structure};
use crate::image::qcow2::structure::{Found, Walk};

/// Refcounts that are compared, in bytes: those of 32 TiB with the default cluster size. A refcount
/// below 16 bits costs as much as one of 16.
const MAX_REFCOUNT_BYTES: u64 = 1 << 30;

/// Overlaps, and clusters with too low a refcount, that are listed with all who refer to them; of
/// others their number is.
const MAX_EXPLAINED: usize = 16;

/// Refcounts that disagree with the counts.
#[derive(Default)]
struct Mismatches {
    /// Referred to more often than the refcount says: the first few, and how many.
    low: Vec<Mismatch>,
    low_count: u64,
    /// Less often, in runs of the same numbers: the first few, and how many clusters.
    leaked: Vec<(u64, Mismatch)>,
    leaked_count: u64,
}

#[derive(Clone, Copy)]
struct Mismatch {
    cluster: u64,
    refcount: u64,
    references: u64,
}

impl Mismatches {
    fn note(&mut self, found: Mismatch) {
        if found.refcount < found.references {
            self.low_count = self.low_count.saturating_add(1);
            if self.low.len() < MAX_EXPLAINED {
                self.low.push(found);
            }
            return;
        }
        self.leaked_count = self.leaked_count.saturating_add(1);
        self.leak(1, found);
    }

    fn leak(&mut self, len: u64, found: Mismatch) {
        if let Some((run, first)) = self.leaked.last_mut()
            && first.cluster.saturating_add(*run) == found.cluster
            && (first.refcount, first.references) == (found.refcount, found.references)
        {
            *run = run.saturating_add(len);
        } else if self.leaked.len() < MAX_LISTED_PROBLEMS {
            self.leaked.push((len, found));
        }
    }

    fn join(mut self, other: Self) -> Self {
        let room = MAX_EXPLAINED.saturating_sub(self.low.len());
        self.low.extend(other.low.into_iter().take(room));
        self.low_count = self.low_count.saturating_add(other.low_count);
        for (len, found) in other.leaked {
            self.leak(len, found);
        }
        self.leaked_count = self.leaked_count.saturating_add(other.leaked_count);
        self
    }
}

impl Walk<'_> {
    /// Adds what the counts tell to what the walk found.
    pub(super) fn mismatches(&self, found: &Found, mut findings: Findings) -> Findings {
        let mut stripes = Vec::new();
        let mut cost = 0_u64;
        for (clusters, touched) in self.counts.stripes() {
            let compared = self.refcounts.has_block(&clusters);
            if compared {
                let len = clusters.end.saturating_sub(clusters.start);
                cost = cost.saturating_add(len.saturating_mul(self.refcounts.width().max(2)));
                if cost > MAX_REFCOUNT_BYTES {
                    findings.limit("qcow2 refcount blocks", MAX_REFCOUNT_BYTES, "bytes");
                    break;
                }
            }
            if touched || compared {
                stripes.push(clusters);
            }
        }
        let mismatches = stripes
            .into_par_iter()
            .map(|clusters| self.compare(clusters))
            .reduce(Mismatches::default, Mismatches::join);
        let (overlaps, overlap_count) = self.overlaps(found);

        let explained = overlaps.iter().map(|(_, cluster)| *cluster);
        let low = mismatches.low.iter().map(|low| low.cluster);
        let owners = self.owners(found, Owners::new(explained.chain(low).collect()));
        let users = |cluster: u64, besides: Option<&str>| {
            let mut users = owners.of(cluster).to_vec();
            users.retain(|owner| Some(owner.as_str()) != besides);
            users.join("; ")
        };
        for (structure, cluster) in &overlaps {
            let name = structure.kind.to_string();
            findings.problem(
                || format!("{name}, host cluster at byte {}", self.geometry.cluster_at(*cluster)),
                || match users(*cluster, Some(&name)) {
                    others if others.is_empty() => {
                        format!("{} references to it", self.counts.get(*cluster))
                    }
                    others => format!("also used: {others}"),
                },
            );
        }
        let told = u64::try_from(overlaps.len()).unwrap_or(u64::MAX);
        findings.count = findings.count.saturating_add(overlap_count.saturating_sub(told));
        let mut rest = mismatches.low_count;
        for low in &mismatches.low {
            rest = rest.saturating_sub(1);
            findings.problem(|| self.host_cluster(low), || numbers(low, &users(low.cluster, None)));
        }
        findings.count = findings.count.saturating_add(rest);
        // What is not counted in full seems leaked.
        if findings.unread.is_none() {
            let mut rest = mismatches.leaked_count;
            for (len, leak) in &mismatches.leaked {
                rest = rest.saturating_sub(*len);
                findings.leak(*len, || self.leak(*len, leak));
            }
            findings.leaked = findings.leaked.saturating_add(rest);
        }
        findings
    }

    /// Compares the refcounts of the clusters of one stripe with the counts.
    fn compare(&self, clusters: Range<u64>) -> Mismatches {
        let mut found = Mismatches::default();
        for (piece, block, first) in self.refcounts.pieces(clusters) {
            // Where a block's place cannot be right, that is said already.
            let Some(block) = block else { continue };
            let start = piece.start;
            let mut note = |position: u64, refcount, references| {
                let cluster = start.saturating_add(position);
                found.note(Mismatch { cluster, refcount, references });
            };
            self.counts.read(piece, |counts| match counts {
                Part::Zeros(len) => {
                    block.differences(first, std::iter::repeat_n(0, len), &mut note);
                }
                Part::Narrow(counts) => {
                    block.differences(first, counts.iter().map(|&n| u64::from(n)), &mut note);
                }
                Part::Wide(counts) => {
                    block.differences(first, counts.iter().map(|&n| u64::from(n)), &mut note);
                }
            });
        }
        found
    }

    /// Structures that share a cluster with anything else, each with the first such cluster: the
    /// first few, and how many there are.
    fn overlaps(&self, found: &Found) -> (Vec<(Structure, u64)>, u64) {
        let len = self.geometry.cluster_size();
        let alone = found.alone.iter().copied().chain(self.refcount_blocks());
        let tables = found.tables.iter().map(|table| {
            let structure = Structure { kind: Kind::L2Table, start: table.start, len };
            (structure, u64::from(table.references))
        });
        let mut overlaps = Vec::new();
        let mut count = 0_u64;
        for (structure, own) in alone.map(|structure| (structure, 1)).chain(tables) {
            let mut clusters = self.clusters_of(&structure);
            let Some(shared) = clusters.find(|&cluster| self.counts.get(cluster) > own) else {
                continue;
            };
            count = count.saturating_add(1);
            if overlaps.len() < MAX_EXPLAINED {
                overlaps.push((structure, shared));
            }
        }
        (overlaps, count)
    }

    /// The refcount blocks that lie in the file.
    fn refcount_blocks(&self) -> impl Iterator<Item = Structure> {
        let len = self.geometry.cluster_size();
        (0_u64..).zip(self.refcounts.entries()).filter_map(move |(index, entry)| {
            let start = entry.block()?;
            let kind = Kind::RefcountBlock(index);
            (self.geometry.within_cluster(start.0) == 0).then_some(Structure { kind, start, len })
        })
    }

    fn clusters_of(&self, structure: &Structure) -> Range<u64> {
        let first = self.geometry.cluster_of(structure.start.0);
        let last = structure.start.after(structure.len.saturating_sub(1));
        let end = self.geometry.cluster_of(last.0).saturating_add(1);
        first..end.min(self.counts.clusters())
    }

    /// Who refers to the clusters that `owners` asks for.
    fn owners(&self, found: &Found, mut owners: Owners) -> Owners {
        if owners.is_empty() {
            return owners;
        }
        for structure in found.alone.iter().copied().chain(self.refcount_blocks()) {
            let clusters = self.clusters_of(&structure);
            let len = clusters.end.saturating_sub(clusters.start);
            owners.note(clusters.start, len, |_| structure.kind.to_string());
        }
        for table in found.tables.iter() {
            let first = self.geometry.cluster_of(table.start.0);
            owners.note(first, 1, |_| match table.references {
                1 => format!("{L1_TABLE}{}, entry {}", table.mapping, table.l1_index),
                n => format!(
                    "{L1_TABLE}{}, entry {} and {} more L1 entries",
                    table.mapping,
                    table.l1_index,
                    n.saturating_sub(1)
                ),
            });
        }
        let fresh = owners.fresh();
        let visit = |owners: &mut Owners, table: &L2Reference, run: Run| {
            if self.header.has(EXTERNAL_DATA) {
                return;
            }
            let (start, len) = match run.entry.cluster(self.geometry) {
                Cluster::Compressed(range) => {
                    let last = range.start.after(range.len.saturating_sub(1));
                    let first = self.geometry.cluster_of(range.start.0);
                    let len = self.geometry.cluster_of(last.0).saturating_sub(first);
                    owners.note(first, len.saturating_add(1), |_| self.place(table, run, 0));
                    return;
                }
                Cluster::Standard(cluster) => match cluster.host {
                    Some(host) => (host, run.len),
                    None => return,
                },
            };
            let first = self.geometry.cluster_of(start.0);
            owners.note(first, len, |position| self.place(table, run, position));
        };
        let from_l2 = self.each_table(&found.tables, || fresh.fresh(), visit, Owners::join);
        owners.join(from_l2)
    }

    fn host_cluster(&self, mismatch: &Mismatch) -> String {
        format!("host cluster at byte {}", self.geometry.cluster_at(mismatch.cluster))
    }

    fn leak(&self, len: u64, first: &Mismatch) -> Evidence {
        let location = self.host_cluster(first);
        let numbers = numbers(first, "");
        match len {
            1 => Evidence::new(location, numbers),
            len => Evidence::new(location, format!("{numbers}, {len} clusters in a row")),
        }
    }
}

fn numbers(mismatch: &Mismatch, owners: &str) -> String {
    let Mismatch { refcount, references, .. } = mismatch;
    let colon = if owners.is_empty() { "" } else { ": " };
    format!("refcount {refcount}, references {references}{colon}{owners}")
}
