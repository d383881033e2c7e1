//! The tree in volumes that lie inside others, and on disks with sectors of 4096 bytes.

use std::fs::File;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::fill::fill;
use super::{Bench, Log, make, parts, same};
use crate::compare::tree::Volume;
use crate::guest::disk::{Content, Disk, GIB, MIB, Partition, Table, kind};
use crate::guest::lvm::Group;
use crate::guest::md::{Array, Level};
use crate::guest::mount::{Loop, Mount};
use crate::tool::Tool;

/// Bytes of each of two partitions.
const PART: u64 = 600 * MIB;

pub(super) fn compare(bench: &Bench, log: &mut Log) -> Result<()> {
    logical_volumes(bench, log)?;
    for (name, level, count) in [
        ("RAID 1, one member of two", Level::Raid1, 1),
        ("RAID 1, two members", Level::Raid1, 2),
        ("RAID 0 over two members", Level::Raid0, 2),
        ("RAID 0 over three members", Level::Raid0, 3),
        ("RAID 10 over four members", Level::Raid10, 4),
        ("linear over two members", Level::Linear, 2),
    ] {
        array(bench, name, level, count, log)?;
    }
    for mkfs in ["mke2fs -q -F -t ext4 -N 40000", "mkfs.xfs -q -f", "mkfs.btrfs -q -f"] {
        large_sectors(bench, mkfs, log)?;
    }
    Ok(())
}

/// A file system of that many bytes, filled, in a file of its own.
fn filled(bench: &Bench, mkfs: &str, size: u64) -> Result<PathBuf> {
    let content = bench.dir.join("content.img");
    File::create(&content)?.set_len(size)?;
    make(mkfs, &content)?;
    let mount = Mount::new(&content, 0, 0, "noatime")?;
    fill(mount.path())?;
    Ok(content)
}

/// Compares the volume with that name with a mount of the file that it was made from.
fn volume(name: &str, image: &Path, volume: &str, content: &Path, log: &mut Log) -> Result<()> {
    let found = Volume::find(image, |facts| facts.name == volume)?;
    let mount = Mount::new(content, 0, 0, "ro")?;
    same(name, &*found.open()?, mount.path(), log)?;
    drop(mount);
    std::fs::remove_file(content)?;
    Ok(())
}

fn disk(bench: &Bench, count: u64, kind: &'static str) -> Result<(PathBuf, Vec<(u64, u64)>)> {
    let parts = parts(count, PART);
    let size = MIB + count * PART + MIB;
    let image = bench.image(size)?;
    let partitions =
        parts.iter().map(|(at, size)| Partition::new(*at, *size, kind, Content::Empty)).collect();
    Disk { size, table: Table::Mbr, partitions }.write(&image)?;
    Ok((image, parts))
}

fn logical_volumes(bench: &Bench, log: &mut Log) -> Result<()> {
    // How each is made: a name, what is asked of LVM, and the file system.
    type Make = fn(&Group) -> Result<()>;
    let kinds: [(&str, &str, Make); 3] = [
        ("linear over two physical volumes", "mkfs.xfs -q -f", |group| {
            group.volume("root", "-l 100%VG")
        }),
        ("two stripes", "mke2fs -q -F -t ext4 -N 40000", |group| {
            group.volume("root", "-l 100%VG -i 2 -I 64k")
        }),
        ("several segments, out of order", "mkfs.btrfs -q -f", |group| {
            let (first, second) = (group.device(0)?, group.device(1)?);
            group.volume("before", &format!("-l 30 {first}"))?;
            group.volume("root", &format!("-l 40 {second}"))?;
            group.volume("between", &format!("-l 7 {second}"))?;
            group.run(&format!("lvextend -l +300 system/root {first}"))?;
            group.run("lvremove system/before")?;
            group.run(&format!("lvextend -l +30 system/root {first}"))?;
            group.run(&format!("lvextend -l +300 system/root {second}"))
        }),
    ];
    for (name, mkfs, make) in kinds {
        let (image, parts) = disk(bench, 2, kind::LVM)?;
        let parts: Vec<_> = parts.iter().map(|(at, size)| (image.as_path(), *at, *size)).collect();
        let group = Group::create("system", &parts)?;
        make(&group).with_context(|| name.to_owned())?;
        let content = filled(bench, mkfs, group.size("root")?)?;
        group.write("root", &content)?;
        drop(group);
        volume(&format!("LVM, {name}"), &image, "system/root", &content, log)?;
    }
    Ok(())
}

fn array(bench: &Bench, name: &str, level: Level, count: u64, log: &mut Log) -> Result<()> {
    let (image, parts) = disk(bench, count, "fd")?;
    let mut members: Vec<_> = parts.into_iter().map(Some).collect();
    if level == Level::Raid1 && count == 1 {
        members.push(None);
    }
    let array = Array { level, image: &image, members, name: "guest:root" };
    let content = filled(bench, "mkfs.xfs -q -f", array.size()?)?;
    array.write(&content)?;
    volume(&format!("md, {name}"), &image, "md/root", &content, log)
}

/// A GPT disk of sectors of 4096 bytes, by tools that see such a disk.
fn large_sectors(bench: &Bench, mkfs: &str, log: &mut Log) -> Result<()> {
    let image = bench.image(2 * GIB)?;
    {
        let device = Loop::with_sectors(&image, 0, 0, 4096)?;
        Tool::new("sfdisk")
            .words("--quiet --no-reread --no-tell-kernel")
            .arg(&device.device)
            .run_with(b"label: gpt\nstart=256, size=300000, type=L\n")?;
    }
    let (start, size) = (256 * 4096, 300_000 * 4096);
    let mounted =
        |options| Mount::of(vec![Loop::with_sectors(&image, start, size, 4096)?], options);
    make(mkfs, Path::new(&Loop::with_sectors(&image, start, size, 4096)?.device))?;
    fill(mounted("noatime")?.path())?;
    let (name, mount) = (format!("sectors of 4096 bytes, {mkfs}"), mounted("ro")?);
    same(&name, &*Volume::at(&image, start)?.open()?, mount.path(), log)
}
