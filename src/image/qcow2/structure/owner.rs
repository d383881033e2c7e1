//! The structures of a file by name, and who refers to a host cluster.

use std::fmt;

use crate::image::qcow2::address::HostOffset;
use crate::image::qcow2::bitmap_directory::{BITMAP_DIRECTORY, BITMAP_TABLE};
use crate::image::qcow2::header::HEADER;
use crate::image::qcow2::l1_table::L1_TABLE;
use crate::image::qcow2::l2_table::L2_TABLE;
use crate::image::qcow2::refcount_table::REFCOUNT_TABLE;
use crate::image::qcow2::snapshot::SNAPSHOT_TABLE;

/// What a structure is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Header,
    L1Table,
    L2Table,
    RefcountTable,
    /// By its entry in the refcount table.
    RefcountBlock(u64),
    SnapshotTable,
    /// By the snapshot's number in the table.
    SnapshotL1Table(u32),
    EncryptionHeader,
    BitmapDirectory,
    /// By the bitmap's number in the directory.
    BitmapTable(u32),
    /// By the bitmap's number in the directory.
    BitmapData(u32),
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Header => f.write_str(HEADER),
            Self::L1Table => f.write_str(L1_TABLE),
            Self::L2Table => f.write_str(L2_TABLE),
            Self::RefcountTable => f.write_str(REFCOUNT_TABLE),
            Self::RefcountBlock(index) => write!(f, "qcow2 refcount block {index}"),
            Self::SnapshotTable => f.write_str(SNAPSHOT_TABLE),
            Self::SnapshotL1Table(index) => write!(f, "{L1_TABLE} of snapshot entry {index}"),
            Self::EncryptionHeader => f.write_str("qcow2 encryption header"),
            Self::BitmapDirectory => f.write_str(BITMAP_DIRECTORY),
            Self::BitmapTable(index) => write!(f, "{BITMAP_TABLE} of directory entry {index}"),
            Self::BitmapData(index) => write!(f, "bitmap data of directory entry {index}"),
        }
    }
}

/// A structure and its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Structure {
    pub(super) kind: Kind,
    pub(super) start: HostOffset,
    pub(super) len: u64,
}

/// How many of the references to a cluster are told.
const MAX_OWNERS: usize = 4;

/// Host clusters, and who refers to them.
pub(super) struct Owners {
    /// In order, each once.
    clusters: Vec<u64>,
    owners: Vec<Vec<String>>,
}

impl Owners {
    pub(super) fn new(mut clusters: Vec<u64>) -> Self {
        clusters.sort_unstable();
        clusters.dedup();
        let owners = vec![Vec::new(); clusters.len()];
        Self { clusters, owners }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.clusters.is_empty()
    }

    /// Notes who refers to the `len` clusters from `first` on; `owner` is asked for the name of the
    /// reference to the cluster so many behind the first.
    pub(super) fn note(&mut self, first: u64, len: u64, owner: impl Fn(u64) -> String) {
        let end = first.saturating_add(len);
        let from = self.clusters.partition_point(|&cluster| cluster < first);
        let asked = self.clusters.iter().zip(&mut self.owners).skip(from);
        for (&cluster, owners) in asked.take_while(|&(&cluster, _)| cluster < end) {
            if owners.len() < MAX_OWNERS {
                owners.push(owner(cluster.saturating_sub(first)));
            }
        }
    }

    /// Takes over what another one found.
    pub(super) fn join(mut self, other: Self) -> Self {
        for (owners, more) in self.owners.iter_mut().zip(other.owners) {
            let room = MAX_OWNERS.saturating_sub(owners.len());
            owners.extend(more.into_iter().take(room));
        }
        self
    }

    /// Those that refer to `cluster`, as far as they were asked for.
    pub(super) fn of(&self, cluster: u64) -> &[String] {
        let index = self.clusters.binary_search(&cluster).ok();
        index.and_then(|index| self.owners.get(index)).map_or(&[], Vec::as_slice)
    }

    /// The same clusters, without owners.
    pub(super) fn fresh(&self) -> Self {
        Self { clusters: self.clusters.clone(), owners: vec![Vec::new(); self.clusters.len()] }
    }
}
