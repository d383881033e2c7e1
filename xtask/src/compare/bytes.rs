//! The bytes of a disk as the library reads them, against those of the raw image.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;

use anyhow::{Context, Result};
use image_preflight::image::Image;
use serde::Deserialize;

use crate::tool::Tool;

/// How much is read at once: a prime, so that reads begin and end anywhere in a cluster.
const CHUNK: u64 = 1_000_003;

/// Runs of the raw image that are no holes.
pub struct Data {
    runs: Vec<(u64, u64)>,
    size: u64,
}

#[derive(Deserialize)]
struct Extent {
    start: u64,
    length: u64,
    data: bool,
}

impl Data {
    /// Asks qemu-img.
    pub fn of(raw: &Path) -> Result<Self> {
        let text = Tool::new("qemu-img").words("map -f raw --output=json").arg(raw).run()?;
        let extents: Vec<Extent> = serde_json::from_str(&text)?;
        let end = |extent: &Extent| extent.start + extent.length;
        let size = extents.last().map_or(0, end);
        let runs = extents.iter().filter(|e| e.data).map(|e| (e.start, end(e))).collect();
        Ok(Self { runs, size })
    }

    fn touches(&self, start: u64, end: u64) -> bool {
        let first = self.runs.partition_point(|(_, run_end)| *run_end <= start);
        self.runs.get(first).is_some_and(|(run_start, _)| *run_start < end)
    }
}

/// What differs between `image`, read through the library, and `raw`, read as a file.
///
/// A chunk that lies in a hole of `raw` and that the library knows to be zero is not read.
pub fn compare(image: &Path, raw: &Path, data: &Data) -> Result<Vec<String>> {
    let disk = Image::open(image)?.disk()?;
    if disk.len() != data.size {
        return Ok(vec![format!("{} bytes instead of {}", disk.len(), data.size)]);
    }
    let file = File::open(raw)?;
    let (mut ours, mut theirs) = (vec![0; CHUNK as usize], vec![0; CHUNK as usize]);
    let mut wrong = Vec::new();
    let mut at = 0;
    while at < data.size && wrong.len() < 10 {
        let take = CHUNK.min(data.size - at);
        let hole = !data.touches(at, at + take);
        let zeroes = disk.zeroes_at(at);
        if hole && zeroes >= take {
            at += take;
            continue;
        }
        let (ours, theirs) = (&mut ours[..take as usize], &mut theirs[..take as usize]);
        disk.read_at(at, ours).with_context(|| format!("{} at {at}", image.display()))?;
        if hole {
            theirs.fill(0)
        } else {
            file.read_exact_at(theirs, at)?
        }
        if let Some(first) = ours.iter().zip(theirs.iter()).position(|(a, b)| a != b) {
            wrong.push(format!("byte {} differs", at + first as u64));
        }
        let known = zeroes.min(take) as usize;
        if theirs[..known].iter().any(|byte| *byte != 0) {
            wrong.push(format!("{zeroes} bytes from {at} on are said to be zero"));
        }
        at += take;
    }
    Ok(wrong)
}
