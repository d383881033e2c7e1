//! File systems that were copied while they were mounted: what the kernel makes of another copy is
//! the truth.

use std::fs::{self, File};
use std::os::unix::fs::{FileExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
use image_preflight::filesystem::FileSystem;
use image_preflight::filesystem::btrfs::{Btrfs, LogState as LogTree};
use image_preflight::filesystem::ext::{Ext, JournalState, Replay};
use image_preflight::filesystem::xfs::{LogState, Xfs};

use super::fill::{fill, noise, text};
use super::{Bench, Log, SIZE, make};
use crate::compare::tree::{self, Volume};
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
        open: ext_with_fast_commits,
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
        name: "Btrfs",
        mkfs: "mkfs.btrfs -q -f",
        options: "noatime,commit=600",
        truth: "noatime",
        open: btrfs,
    },
    Kind {
        name: "Btrfs with nothing new, zstd, 4 KiB nodes",
        mkfs: "mkfs.btrfs -q -f -n 4096 -O ^no-holes,^extref -R ^free-space-tree",
        options: "noatime,commit=600,compress=zstd",
        truth: "noatime",
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
        change(mount.path(), kind)?;
        copy(&image, &taken[0])?;
    }
    fs::remove_file(&image)?;
    copy(&taken[0], &taken[1])?;
    match (kind.open)(&Volume::at(&taken[0], 0)?)? {
        Some(files) => {
            // The changes are older than the mount by at least a second.
            thread::sleep(Duration::from_millis(1100));
            let mounted = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
            // Read and written, so that the kernel finishes what it finds begun.
            let mount = Mount::new(&taken[1], 0, 0, kind.truth)?;
            let walked = tree::walk_replayed(&*files, mount.path(), i64::try_from(mounted)?)?;
            log.note(&format!("torture, {name}: {} nodes", walked.seen), walked.differences());
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
fn change(root: &Path, kind: &Kind) -> Result<()> {
    any_changes(root)?;
    // What was removed or renamed above makes Btrfs write a whole transaction, and symbolic links make
    // ext4 do that: what follows is for the log tree and for fast commits.
    if kind.mkfs.contains("btrfs") || kind.mkfs.contains("fast_commit") {
        rustix::fs::syncfs(File::open(root)?)?;
        logged_changes(root)?;
    }
    Ok(())
}

/// Changes of which none needs more than a log tree or a fast commit.
fn logged_changes(root: &Path) -> Result<()> {
    let dir = root.join("logged");
    let sync = |path: &str| -> Result<()> { Ok(File::open(dir.join(path))?.sync_all()?) };
    let write = |path: &str, bytes: &[u8], at: u64| -> Result<()> {
        let file = File::options().write(true).create(true).truncate(false).open(dir.join(path))?;
        file.write_all_at(bytes, at)?;
        Ok(file.sync_all()?)
    };
    for name in ["a", "b", "thinned"] {
        fs::create_dir_all(dir.join(name))?;
    }
    for number in 0..200 {
        fs::write(dir.join(format!("thinned/{number}")), text(number))?;
    }
    for name in ["cut", "grown", "inner", "moved", "linked", "replaced"] {
        fs::write(dir.join("a").join(name), text(200_000))?;
    }
    fs::hard_link(dir.join("a/linked"), dir.join("b/one"))?;
    rustix::fs::syncfs(File::open(root)?)?;
    write("a/new", &noise(70_000, 3), 0)?;
    write("a/grown", b"the end", 900_000)?;
    write("a/inner", &noise(9000, 4), 100_001)?;
    File::options().write(true).open(dir.join("a/cut"))?.set_len(5000)?;
    sync("a/cut")?;
    fs::rename(dir.join("a/moved"), dir.join("b/moved"))?;
    sync("b/moved")?;
    fs::hard_link(dir.join("a/inner"), dir.join("b/two"))?;
    sync("a/inner")?;
    write("a/next", b"the next", 0)?;
    fs::rename(dir.join("a/next"), dir.join("a/replaced"))?;
    sync("a/replaced")?;
    for number in (0..200).step_by(3) {
        fs::remove_file(dir.join(format!("thinned/{number}")))?;
    }
    sync("thinned")?;
    for number in 0..30 {
        write(&format!("thinned/new-{number}"), &text(number), 0)?;
    }
    fs::create_dir(dir.join("b/deep"))?;
    write("b/deep/file", b"deep", 0)
}

/// Changes of every kind.
fn any_changes(root: &Path) -> Result<()> {
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
        JournalState::Replayed(Replay { fast_commits: Some(found), .. })
            if found.not_replayed.is_some() =>
        {
            Err(anyhow::anyhow!("the fast commits are {found:?}"))
        }
        JournalState::Replayed(replay)
            if replay.transactions > 0 || replay.fast_commits.is_some() =>
        {
            Ok(Some(Arc::new(files)))
        }
        other => Err(anyhow::anyhow!("the journal is {other:?}")),
    }
}

fn ext_with_fast_commits(volume: &Volume) -> Result<Option<Arc<dyn FileSystem>>> {
    match &Ext::open(Arc::clone(&volume.bytes))?.state().journal {
        JournalState::Replayed(Replay { fast_commits: Some(found), .. }) if found.changes > 0 => {
            ext(volume)
        }
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
    match &files.state().log {
        LogTree::Replayed(replay) if replay.items > 0 => Ok(Some(Arc::new(files))),
        other => Err(anyhow::anyhow!("the log tree is {other:?}")),
    }
}
