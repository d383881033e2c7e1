//! A tree of everything that is hard on a reader, written by the kernel to each kind of file
//! system, in each kind of volume, and compared with what the kernel reads.

mod btrfs;
mod dirty;
mod ext;
mod fill;
mod volumes;
mod xfs;

use std::fs::File;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use image_preflight::filesystem::FileSystem;

use super::Log;
use super::tree::{self, Volume};
use crate::guest::disk::{GIB, MIB};
use crate::guest::mount::{Loop, Mount};
use crate::tool::Tool;

/// Bytes of the file systems: sparse, and large enough for what `mkfs.xfs` asks for.
const SIZE: u64 = GIB;

pub fn compare(log: &mut Log) -> Result<()> {
    let memory = Memory::mount()?;
    let bench = Bench { dir: memory.dir.path() };
    type Part = fn(&Bench, &mut Log) -> Result<()>;
    let parts: [(&str, Part); 5] = [
        ("ext", ext::compare),
        ("XFS", xfs::compare),
        ("Btrfs", btrfs::compare),
        ("volumes", volumes::compare),
        ("dirty", dirty::compare),
    ];
    for (name, part) in parts {
        // What could not be made must not hide how the others end.
        if let Err(error) = part(&bench, log) {
            log.note(&format!("torture, {name}"), vec![format!("{error:#}")]);
        }
    }
    Ok(())
}

/// A directory in memory, where there is enough of that: file systems on a disk wait for it at every
/// `fsync`, which makes the comparison ten times as long.
struct Memory {
    dir: tempfile::TempDir,
    mounted: bool,
}

/// Bytes of memory that must be free. The images take a tenth of that.
const ENOUGH_MEMORY: u64 = 6 * GIB;

impl Memory {
    fn mount() -> Result<Self> {
        let dir = tempfile::tempdir()?;
        let text = std::fs::read_to_string("/proc/meminfo")?;
        let kib = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"));
        let kib = kib.and_then(|rest| rest.split_whitespace().next());
        let free = kib.context("no MemAvailable")?.parse::<u64>()? * 1024;
        let mounted = free >= ENOUGH_MEMORY;
        if mounted {
            Tool::new("mount").words("-t tmpfs -o size=5g tmpfs").arg(dir.path()).run()?;
        }
        Ok(Self { dir, mounted })
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        if self.mounted
            && let Err(error) = Tool::new("umount").arg(self.dir.path()).run()
        {
            eprintln!("{error:#}");
        }
    }
}

/// Where the images lie while they are compared.
struct Bench<'a> {
    dir: &'a Path,
}

impl Bench<'_> {
    /// An empty image of that many bytes.
    fn image(&self, size: u64) -> Result<PathBuf> {
        let path = self.dir.join("torture.img");
        if path.exists() {
            std::fs::remove_file(&path)?;
        }
        File::create(&path)?.set_len(size)?;
        Ok(path)
    }

    /// Makes a file system on a whole image by `mkfs`, fills it and compares.
    fn whole(&self, name: &str, mkfs: &str, options: &str, log: &mut Log) -> Result<()> {
        let image = self.image(SIZE)?;
        make(mkfs, &image).with_context(|| name.to_owned())?;
        {
            let mount = Mount::new(&image, 0, 0, options)?;
            fill::fill(mount.path()).with_context(|| name.to_owned())?;
        }
        let volume = Volume::at(&image, 0).with_context(|| name.to_owned())?;
        let mount = Mount::new(&image, 0, 0, "ro")?;
        same(name, &*volume.open()?, mount.path(), log)
    }
}

/// Runs `mkfs`, a line of words, on a file or device.
fn make(mkfs: &str, on: &Path) -> Result<()> {
    let (tool, words) = mkfs.split_once(' ').unwrap_or((mkfs, ""));
    Tool::new(tool).words(words).arg(on).run()?;
    Ok(())
}

/// Compares a file system with its mount, and notes how that ended.
fn same(name: &str, files: &dyn FileSystem, mount: &Path, log: &mut Log) -> Result<()> {
    let walked = tree::walk(files, mount).with_context(|| name.to_owned())?;
    log.note(&format!("torture, {name}: {} nodes", walked.seen), walked.differences());
    Ok(())
}

/// A number of partitions of one size, one behind the other, behind the first MiB.
fn parts(count: u64, size: u64) -> Vec<(u64, u64)> {
    (0..count).map(|number| (MIB + number * size, size)).collect()
}

/// A loop device over each of these parts.
fn loops(image: &Path, parts: &[(u64, u64)]) -> Result<Vec<Loop>> {
    parts.iter().map(|(start, size)| Loop::part(image, *start, *size)).collect()
}
