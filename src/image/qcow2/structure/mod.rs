//! A walk over all tables: does what they refer to lie in the file, aligned and apart, and is it
//! referred to as often as the refcounts say?
//!
//! In: the header and its extensions. Out: [`Qcow2Structure`]. It finds what `qemu-img check` finds
//! and overlaps of metadata besides. Metadata only: no data cluster is read. Every reference is
//! counted once ([`counts::Counts`]); the counts are then held against the refcounts.
//!
//! The tolerance for a short last cluster is that of writers in the field, not of the letter: QEMU
//! ends the file behind the last byte in use (an L1 table of 20 entries, the last allocated
//! subcluster, the last sector of compressed data).

mod counts;
mod findings;
mod l2_walk;
mod metadata;
mod mismatch;
mod owner;
mod refcounts;

pub use findings::MAX_LISTED_PROBLEMS;

use crate::bytes::Bytes;
use crate::fact::{Evidence, Fact};
use crate::image::facts::Qcow2Compression;
use crate::image::qcow2::address::HostOffset;
use crate::image::qcow2::header::{Geometry, HEADER, Header};
use crate::image::qcow2::header_extension::HeaderExtensions;
use crate::image::qcow2::structure::counts::{Counts, MAX_COUNT_BYTES};
use crate::image::qcow2::structure::findings::Findings;
use crate::image::qcow2::structure::l2_walk::L2Tables;
use crate::image::qcow2::structure::owner::Structure;
use crate::image::qcow2::structure::refcounts::Refcounts;

/// Clusters of a file that is looked at (QEMU's `qcow2_check_refcounts` refuses more than `INT_MAX`).
const MAX_CLUSTERS: u64 = 0x7fff_ffff;

/// What the walk over all tables found.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Qcow2Structure {
    /// Damage, each with its structure and offset. At most [`MAX_LISTED_PROBLEMS`].
    pub problems: Vec<Evidence>,
    /// How many pieces of damage there are in all.
    pub problem_count: u64,
    /// Runs of leaked clusters: room in the file that is lost. At most [`MAX_LISTED_PROBLEMS`].
    pub leaks: Vec<Evidence>,
    /// How many clusters are leaked in all.
    pub leaked_clusters: u64,
    /// Whether all tables were looked at, or why not.
    pub checked: Fact<()>,
    /// One past the highest host byte that the tables need. Beyond the length of the file if, and
    /// only if, the file is too short.
    pub highest_host_byte: u64,
}

impl Qcow2Structure {
    /// Nothing was looked at, for this reason.
    pub(super) fn unchecked(checked: Fact<()>) -> Self {
        Self { checked, ..Self::from(Findings::default()) }
    }
}

impl From<Findings> for Qcow2Structure {
    fn from(findings: Findings) -> Self {
        Self {
            problems: findings.problems,
            problem_count: findings.count,
            leaks: findings.leaks,
            leaked_clusters: findings.leaked,
            checked: findings.unread.map_or(Fact::Known(()), Fact::Unknown),
            highest_host_byte: findings.highest,
        }
    }
}

/// What every step of the walk needs.
struct Walk<'a> {
    image: &'a dyn Bytes,
    header: &'a Header,
    extensions: &'a HeaderExtensions,
    geometry: Geometry,
    refcounts: Refcounts<'a>,
    counts: Counts,
}

/// What the metadata led to.
#[derive(Default)]
struct Found {
    /// Structures of which no other may use a cluster.
    alone: Vec<Structure>,
    /// The L2 tables that can be looked at.
    tables: L2Tables,
}

/// Walks all tables of a file whose features are all known.
pub(super) fn check(
    image: &dyn Bytes,
    header: &Header,
    extensions: &HeaderExtensions,
) -> Qcow2Structure {
    let geometry = header.geometry;
    let clusters = image.len().div_ceil(geometry.cluster_size());
    let walk = Walk {
        image,
        header,
        extensions,
        geometry,
        refcounts: Refcounts::new(image, header),
        counts: Counts::new(clusters.min(MAX_CLUSTERS)),
    };
    let mut findings = Findings::default();
    if clusters > MAX_CLUSTERS {
        findings.limit("qcow2 host clusters", MAX_CLUSTERS, "clusters");
    }
    if let Qcow2Compression::Unknown(kind) = header.compression {
        let reason = format!("compression type {kind} is not read by this program");
        findings.unread = Fact::<()>::unknown(HEADER, reason).unread().cloned();
    }
    let found = walk.metadata(&mut findings);
    findings = findings.join(walk.l2_tables(&found.tables));
    if walk.counts.is_full() {
        findings.limit("qcow2 host clusters", MAX_COUNT_BYTES, "bytes of counts");
    }
    walk.mismatches(&found, findings).into()
}

impl Walk<'_> {
    fn file_size(&self) -> u64 {
        self.image.len()
    }

    /// Counts a reference to every cluster of the `len` bytes from `start` on.
    fn refer(&self, start: HostOffset, len: u64, times: u32) {
        let Some(last) = len.checked_sub(1) else { return };
        let first = self.geometry.cluster_of(start.0);
        let last = self.geometry.cluster_of(start.after(last).0);
        self.counts.add(first, last.saturating_sub(first).saturating_add(1), times);
    }

    /// Whether a structure of `len` bytes lies at a cluster's border and inside the file; says so
    /// when not.
    fn placed(
        &self,
        findings: &mut Findings,
        location: impl Fn() -> String,
        what: &str,
        start: HostOffset,
        len: u64,
    ) -> bool {
        if self.geometry.within_cluster(start.0) != 0 {
            findings.problem(location, || unaligned(what, start));
            return false;
        }
        let end = start.after(len).0;
        findings.reaches(end);
        if end > self.file_size() {
            findings.problem(location, || {
                format!("{what} at byte {}: {}", start.0, self.beyond_end(end))
            });
            return false;
        }
        true
    }

    fn beyond_end(&self, end: u64) -> String {
        format!("reaches to byte {end}, the file ends at {}", self.file_size())
    }
}

/// The `len` bytes from `start` on, or as many of them as the file has.
fn slice_up_to(image: &dyn Bytes, start: HostOffset, len: u64) -> &[u8] {
    let rest = image.len().saturating_sub(start.0).min(len);
    usize::try_from(rest).ok().and_then(|rest| image.slice(start.0, rest)).unwrap_or_default()
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
