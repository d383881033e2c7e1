//! File systems that were copied while they were mounted: what the kernel makes of another copy is
//! the truth.

use std::fs::{self, File};
use std::os::unix::fs::{FileExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use image_preflight::filesystem::FileSystem;
use image_preflight::filesystem::btrfs::Btrfs;
use image_preflight::filesystem::ext::{Ext, JournalState};
use image_preflight::filesystem::xfs::{LogState, Xfs};

use super::fill::{fill, noise, text};
use super::{Bench, Log, SIZE, make, same};
use crate::compare::tree::Volume;
use crate::guest::mount::Mount;
use crate::tool::Tool;

/// Opens the file system; an error when it does not know that its log was not empty.
type Open = fn(&Volume) -> Result<Option<Arc<dyn FileSystem>>>;

struct Kind {
    name: &'static str,
    mkfs: &'static str,
    options: &'static str,
    /// How the other copy is mounted.
    truth: &'static str,
    open: Open,
}

const KINDS: &[Kind] = &[
    Kind {
        name: "ext4",
        mkfs: "mke2fs -q -F -t ext4 -N 40000",
        options: "noatime,commit=600",
        truth: "noatime",
        open: ext,
    },
    Kind {
        name: "ext4, data=journal, 1 KiB blocks",
        mkfs: "mke2fs -q -F -t ext4 -b 1024 -N 40000",
        options: "noatime,commit=600,data=journal",
        truth: "noatime",
        open: ext,
    },
    Kind {
        name: "ext4, fast_commit",
        mkfs: "mke2fs -q -F -t ext4 -N 40000 -O fast_commit",
        options: "noatime,commit=600",
        truth: "noatime",
        open: ext,
    },
    Kind {
        name: "ext3",
        mkfs: "mke2fs -q -F -t ext3 -N 40000",
        options: "noatime,commit=600",
        truth: "noatime",
        open: ext,
    },
    Kind { name: "XFS", mkfs: "mkfs.xfs -q -f", options: "noatime", truth: "noatime", open: xfs },
    Kind {
        name: "XFS, 1 KiB blocks, rmapbt",
        mkfs: "mkfs.xfs -q -f -b size=1024 -m rmapbt=1",
        options: "noatime",
        truth: "noatime",
        open: xfs,
    },
    Kind {
        name: "Btrfs, the log tree left aside",
        mkfs: "mkfs.btrfs -q -f",
        options: "noatime,commit=600",
        truth: "ro,rescue=nologreplay",
        open: btrfs,
    },
];

pub(super) fn compare(bench: &Bench, log: &mut Log) -> Result<()> {
    for kind in KINDS {
        let name = format!("dirty {}", kind.name);
        one(bench, kind, &name, log).with_context(|| name.clone())?;
    }
    Ok(())
}

fn one(bench: &Bench, kind: &Kind, name: &str, log: &mut Log) -> Result<()> {
    let image = bench.image(SIZE)?;
    make(kind.mkfs, &image)?;
    let taken = [bench.dir.join("taken.img"), bench.dir.join("truth.img")];
    {
        let mount = Mount::new(&image, 0, 0, kind.options)?;
        fill(mount.path())?;
        rustix::fs::syncfs(File::open(mount.path())?)?;
        change(mount.path())?;
        copy(&image, &taken[0])?;
    }
    fs::remove_file(&image)?;
    copy(&taken[0], &taken[1])?;
    match (kind.open)(&Volume::at(&taken[0], 0)?)? {
        Some(files) => {
            // Read and written, so that the kernel finishes what it finds begun.
            let mount = Mount::new(&taken[1], 0, 0, kind.truth)?;
            same(name, &*files, mount.path(), log)?;
        }
        None => log.skip(&format!("torture, {name}"), "the reader knows that it lacks changes"),
    }
    taken.iter().try_for_each(fs::remove_file)?;
    Ok(())
}

fn copy(from: &Path, to: &PathBuf) -> Result<()> {
    Tool::new("cp").arg("--sparse=always").arg(from).arg(to).run()?;
    Ok(())
}

/// Changes of names, sizes and contents, the last of them made sure of with `fsync`.
fn change(root: &Path) -> Result<()> {
    let dir = root.join("changes");
    fs::create_dir(&dir)?;
    let written = |name: &str, bytes: &[u8]| -> Result<()> {
        let file = File::create(dir.join(name))?;
        file.write_all_at(bytes, 0)?;
        Ok(file.sync_all()?)
    };
    written("first", &text(20_000))?;
    for number in 0..300 {
        fs::create_dir(dir.join(format!("dir-{number}")))?;
        fs::write(dir.join(format!("dir-{number}/file")), text(number * 10))?;
    }
    symlink("t".repeat(100), dir.join("link"))?;
    symlink("t".repeat(700), dir.join("long-link"))?;
    fs::rename(root.join("lengths/text-400001"), dir.join("renamed"))?;
    fs::remove_dir_all(root.join("directories/thinned"))?;
    fs::remove_file(root.join("lengths/large"))?;
    File::options().write(true).open(root.join("lengths/mixed"))?.set_len(7000)?;
    written("second", &noise(300_000, 21))?;
    for number in (0..300).step_by(2) {
        fs::remove_dir_all(dir.join(format!("dir-{number}")))?;
    }
    for number in 0..40 {
        written(&format!("reused-{number}"), &text(3000 + number))?;
    }
    // The magic of ext's journal, which must be escaped where data is journaled.
    written("magic", &[0xc0, 0x3b, 0x39, 0x98].repeat(4096))?;
    let file = File::options().write(true).open(root.join("scattered/log"))?;
    file.write_all_at(b"overwritten", 5000)?;
    file.sync_all()?;
    written("last", b"the last")
}

fn ext(volume: &Volume) -> Result<Option<Arc<dyn FileSystem>>> {
    let files = Ext::open(Arc::clone(&volume.bytes))?;
    match &files.state().journal {
        JournalState::Replayed(replay) if replay.fast_commits_at.is_some() => Ok(None),
        JournalState::Replayed(replay) if replay.transactions > 0 => Ok(Some(Arc::new(files))),
        other => Err(anyhow::anyhow!("the journal is {other:?}")),
    }
}

fn xfs(volume: &Volume) -> Result<Option<Arc<dyn FileSystem>>> {
    let files = Xfs::open(Arc::clone(&volume.bytes))?;
    match &files.state().log {
        LogState::Replayed(replay) if replay.unfinished > 0 => Ok(None),
        LogState::Replayed(replay) if replay.transactions > 0 => Ok(Some(Arc::new(files))),
        other => Err(anyhow::anyhow!("the log is {other:?}")),
    }
}

fn btrfs(volume: &Volume) -> Result<Option<Arc<dyn FileSystem>>> {
    let files = Btrfs::open(Arc::clone(&volume.bytes))?;
    ensure!(files.state().has_log, "no log tree is seen");
    Ok(Some(Arc::new(files)))
}
