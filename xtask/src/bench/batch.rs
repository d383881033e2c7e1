//! Many images in one call: throughput of one core and of two, and memory.

use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use super::measure::peak;
use crate::workspace;

/// One call with all copies.
pub struct Batch {
    pub images: u32,
    pub jobs: u32,
    pub time: Duration,
    /// Bytes of private memory at most.
    pub memory: u64,
}

impl Batch {
    /// Images a second.
    pub fn throughput(&self) -> f64 {
        f64::from(self.images) / self.time.as_secs_f64()
    }
}

/// Checks `images` hard links of `image` with one job and with two, each `rounds` times in turns;
/// the median of each.
pub fn run(binary: &Path, image: &Path, images: u32, rounds: usize) -> Result<[Batch; 2]> {
    let dir = workspace::cache()?.join("batch");
    if dir.exists() {
        fs::remove_dir_all(&dir)?;
    }
    fs::create_dir(&dir)?;
    for number in 0..images {
        fs::hard_link(image, dir.join(format!("{number:04}.raw")))?;
    }
    let mut batches: [Vec<Batch>; 2] = Default::default();
    for _ in 0..rounds {
        for (batches, jobs) in batches.iter_mut().zip(1..) {
            batches.push(call(binary, &dir, images, jobs)?);
        }
    }
    fs::remove_dir_all(&dir)?;
    Ok(batches.map(|mut batches| {
        batches.sort_by_key(|batch| batch.time);
        batches.swap_remove(batches.len() / 2)
    }))
}

fn call(binary: &Path, dir: &Path, images: u32, jobs: u32) -> Result<Batch> {
    let mut paths: Vec<_> =
        fs::read_dir(dir)?.map(|entry| Ok(entry?.path())).collect::<Result<_>>()?;
    paths.sort();
    let report = dir.with_extension("jsonl");
    let started = Instant::now();
    let mut child = Command::new(binary)
        .args(["check", "--format", "json-lines", "--jobs", &jobs.to_string()])
        .args(&paths)
        .stdin(Stdio::null())
        .stdout(File::create(&report)?)
        .spawn()?;
    let status = format!("/proc/{}/status", child.id());
    let watch = std::thread::spawn(move || peak(&status, Duration::from_millis(20)));
    let ended = child.wait()?;
    let time = started.elapsed();
    ensure!(ended.success(), "a batch: {ended}");
    let lines = fs::read_to_string(&report)?.lines().count();
    ensure!(u32::try_from(lines)? == images, "{lines} reports of {images} images");
    fs::remove_file(&report)?;
    Ok(Batch { images, jobs, time, memory: watch.join().unwrap_or_default() })
}
