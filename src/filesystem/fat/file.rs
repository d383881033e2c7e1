//! The bytes of a file.

use std::sync::Arc;

use crate::bytes::Bytes;
use crate::error::{Error, Result};
use crate::filesystem::content::{Content, Run};

/// Most runs of clusters of one file. A file of 4 GiB in ten thousands of pieces is damage.
const MAX_RUNS: usize = 1 << 18;

/// The first `len` bytes of the clusters, which stand at the offsets.
///
/// # Errors
/// [`Error::Corrupt`] when the chain is shorter; what the chain found. `entry` is the offset of
/// the directory entry.
pub(super) fn content(
    volume: Arc<dyn Bytes>,
    mut clusters: impl Iterator<Item = Result<u64>>,
    cluster_size: u32,
    len: u64,
    entry: u64,
) -> Result<Content> {
    let cluster_size = u64::from(cluster_size);
    let mut runs: Vec<Run> = Vec::new();
    let mut have = 0_u64;
    while have < len {
        let Some(place) = clusters.next().transpose()? else {
            let expected = format!("clusters for {len} bytes");
            let found = format!("clusters for {have}");
            return Err(Error::corrupt("FAT directory entry", entry, expected, found));
        };
        let behind = |run: &&mut Run| run.place.saturating_add(run.len) == place;
        if let Some(run) = runs.last_mut().filter(behind) {
            run.len = run.len.saturating_add(cluster_size);
        } else if runs.len() >= MAX_RUNS {
            return Err(Error::too_much("FAT file", MAX_RUNS, "runs"));
        } else {
            runs.push(Run { start: have, place, len: cluster_size });
        }
        have = have.saturating_add(cluster_size);
    }
    Ok(Content::new(volume, runs, len))
}
