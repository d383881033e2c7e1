//! Btrfs: compression, checksums, subvolumes, several devices on one disk.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result};
use image_preflight::Error;
use image_preflight::disk::facts::SignatureKind;
use image_preflight::filesystem::FileSystem;
use image_preflight::image::Image;

use super::fill::{fill, text};
use super::{Bench, Log, SIZE, loops, make, parts, same};
use crate::compare::tree::{self, Volume};
use crate::guest::disk::{Content, Disk, MIB, Partition, Table, kind};
use crate::guest::mount::Mount;
use crate::tool::Tool;

/// Name, words for `mkfs.btrfs`, mount options.
const KINDS: &[(&str, &str, &str)] = &[
    ("Btrfs", "", "noatime"),
    ("Btrfs, zstd", "", "noatime,compress-force=zstd:3"),
    ("Btrfs, zlib", "", "noatime,compress-force=zlib"),
    ("Btrfs, lzo", "", "noatime,compress-force=lzo"),
    ("Btrfs, zstd, 4 KiB nodes", "-n 4096", "noatime,compress=zstd"),
    ("Btrfs, 64 KiB nodes, inline files of any length", "-n 65536", "noatime,max_inline=4096"),
    ("Btrfs, xxhash", "--csum xxhash", "noatime"),
    ("Btrfs, sha256", "--csum sha256", "noatime"),
    ("Btrfs, blake2", "--csum blake2", "noatime"),
    ("Btrfs, mixed groups", "--mixed", "noatime,compress=zstd"),
    ("Btrfs without no-holes", "-O ^no-holes", "noatime"),
    ("Btrfs without free-space-tree", "-R ^free-space-tree", "noatime"),
    (
        "Btrfs with nothing new",
        "-O ^no-holes,^skinny-metadata,^extref -R ^free-space-tree",
        "noatime",
    ),
    ("Btrfs, all twice", "-m dup -d dup", "noatime,compress=zlib"),
    ("Btrfs without checksums of data", "", "noatime,nodatasum"),
];

/// Profiles of data and metadata, and devices.
const SEVERAL: &[(&str, &str, u64)] = &[
    ("single", "dup", 2),
    ("single", "raid1", 2),
    ("raid1", "raid1", 2),
    ("raid0", "raid1", 2),
    ("raid0", "raid0", 4),
    ("raid10", "raid10", 4),
];

pub(super) fn compare(bench: &Bench, log: &mut Log) -> Result<()> {
    for (name, words, options) in KINDS {
        bench.whole(name, &format!("mkfs.btrfs -q -f {words}"), options, log)?;
    }
    subvolumes(bench, log)?;
    for (data, metadata, count) in SEVERAL {
        several(bench, data, metadata, *count, log)?;
    }
    Ok(())
}

/// Subvolumes, one in another, snapshots of them; a mount of each, and of the default.
fn subvolumes(bench: &Bench, log: &mut Log) -> Result<()> {
    let image = bench.image(SIZE)?;
    make("mkfs.btrfs -q -f", &image)?;
    let btrfs =
        |root: &Path, line: &str| Tool::new("btrfs").words(line).dir(root).run().context("btrfs");
    {
        let mount = Mount::new(&image, 0, 0, "noatime,compress=zstd")?;
        let root = mount.path();
        for name in ["@", "@home", "@/var", "@home/nested"] {
            btrfs(root, &format!("subvolume create {name}"))?;
        }
        fill(&root.join("@"))?;
        fs::write(root.join("@home/nested/file"), text(70_000))?;
        fs::create_dir(root.join("@home/snapshots"))?;
        btrfs(root, "subvolume snapshot -r @ @home/snapshots/1")?;
        btrfs(root, "subvolume snapshot @ @home/snapshots/2")?;
        fs::write(root.join("@home/snapshots/2/lengths/text-1"), "changed")?;
        fs::remove_dir_all(root.join("@home/snapshots/2/names"))?;
        btrfs(root, "subvolume create gone")?;
        fs::write(root.join("gone/file"), "x")?;
        btrfs(root, "subvolume delete -c gone")?;
        btrfs(root, "subvolume create old")?;
        fs::rename(root.join("old"), root.join("new"))?;
        let id = btrfs(root, "inspect-internal rootid @")?;
        btrfs(root, &format!("subvolume set-default {} .", id.trim()))?;
    }
    let files = Volume::at(&image, 0)?.open()?;
    let default = Mount::new(&image, 0, 0, "ro")?;
    same("Btrfs, default subvolume", &*files, default.path(), log)?;
    drop(default);
    for option in [
        "subvolid=5",
        "subvol=@",
        "subvol=/@home",
        "subvol=@home/nested",
        "subvol=@home/snapshots/2",
        "subvol=new",
    ] {
        let mount = Mount::new(&image, 0, 0, &format!("ro,{option}"))?;
        let files = files.subvolume(option)?;
        same(&format!("Btrfs, {option}"), &*files, mount.path(), log)?;
    }
    Ok(())
}

/// A file system over several partitions of one disk.
fn several(bench: &Bench, data: &str, metadata: &str, count: u64, log: &mut Log) -> Result<()> {
    let name = format!("Btrfs, {count} devices on one disk, data {data}, metadata {metadata}");
    let parts = parts(count, 512 * MIB);
    let size = (count * 512 + 2) * MIB;
    let image = bench.image(size)?;
    let partitions = parts
        .iter()
        .map(|(start, size)| Partition::new(*start, *size, kind::GPT_LINUX, Content::Empty))
        .collect();
    Disk { size, table: Table::Gpt, partitions }.write(&image)?;
    let mounted = |options: &str| -> Result<Mount> {
        let devices = loops(&image, &parts)?;
        for device in &devices {
            Tool::new("btrfs").words("device scan").arg(&device.device).run()?;
        }
        Mount::of(devices, options)
    };
    {
        let devices = loops(&image, &parts)?;
        let mut mkfs = Tool::new("mkfs.btrfs").words("-q -f -d").arg(data).arg("-m").arg(metadata);
        for device in &devices {
            mkfs = mkfs.arg(&device.device);
        }
        mkfs.run()?;
    }
    {
        let mount = mounted("noatime")?;
        fill(mount.path()).with_context(|| name.clone())?;
    }
    let ended = {
        let mount = mounted("ro")?;
        devices_read(&name, &image, mount.path(), log)
    };
    // The kernel remembers devices that are gone, and would look for them.
    Tool::new("btrfs").words("device scan --forget").run()?;
    ended
}

/// Compares what the reader reads of one device. What it says is on another is left aside; whatever
/// else it says must be so.
fn devices_read(name: &str, image: &Path, mount: &Path, log: &mut Log) -> Result<()> {
    let what = format!("torture, {name}");
    let files = match filesystem(image) {
        Ok(files) => files,
        Err(Error::Unsupported { what: why, .. }) => {
            log.skip(&what, &format!("{why} is not read"));
            return Ok(());
        }
        Err(error) => return Err(error.into()),
    };
    let walked = tree::walk(&*files, mount)?;
    if !walked.unsupported.is_empty() {
        log.skip(&what, &format!("{} nodes are not read", walked.unsupported.len()));
    }
    log.note(&format!("{what}: {} nodes", walked.seen), walked.wrong);
    Ok(())
}

/// The file system on the first partition.
fn filesystem(image: &Path) -> image_preflight::Result<Arc<dyn FileSystem>> {
    let disk = image_preflight::disk::Disk::read(Image::open(image)?.disk()?);
    let bytes = disk.volumes.first().ok_or(Error::NotFound { path: "partition 1".to_owned() })?;
    image_preflight::filesystem::open(SignatureKind::Btrfs, Arc::clone(bytes))
}
