//! Where the structures of a guest's disk lie, as the real tools tell.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use anyhow::{Context, Result};

use super::damage::{PATHS, Target};
use crate::guest::disk::MIB;
use crate::guest::layout::{Layout, ROOT_AT};
use crate::guest::mount::Loop;
use crate::tool::Tool;

/// The most nodes of one Btrfs tree that are damaged.
const MAX_NODES: usize = 24;

/// A structure: where its copies lie on the disk, and their length in bytes.
pub struct Structure {
    pub name: String,
    pub places: Vec<u64>,
    pub len: u64,
    /// The file system that it belongs to.
    pub target: Option<usize>,
    /// What cannot be read without it: this path and all below.
    pub holds: Option<&'static str>,
}

struct Found {
    all: Vec<Structure>,
    target: Option<usize>,
    base: u64,
    holds: Option<&'static str>,
}

impl Found {
    /// One sector.
    fn sector(&mut self, name: impl Into<String>, at: u64) {
        self.bytes(name, vec![at], 512);
    }

    fn bytes(&mut self, name: impl Into<String>, places: Vec<u64>, len: u64) {
        let places = places.into_iter().map(|at| self.base + at).collect();
        let (target, holds) = (self.target, self.holds);
        self.all.push(Structure { name: name.into(), places, len, target, holds });
    }
}

/// All structures of a guest's disk.
pub fn of(layout: Layout, image: &Path, targets: &[Target]) -> Result<Vec<Structure>> {
    let size = fs::metadata(image)?.len();
    let mut found = Found { all: Vec::new(), target: None, base: 0, holds: None };
    found.bytes("MBR, boot code", vec![0], 440);
    found.bytes("MBR, entries", vec![446], 64);
    found.bytes("MBR, signature", vec![510], 2);
    let core = if layout == Layout::GptXfs { MIB } else { 512 };
    for (name, sector) in
        [("first sector", 0), ("second sector", 1), ("third sector", 2), ("middle", 40)]
    {
        found.sector(format!("GRUB core image, {name}"), core + sector * 512);
    }
    if layout == Layout::GptXfs {
        found.bytes("GPT, primary header", vec![512], 92);
        found.sector("GPT, primary entries", 1024);
        found.bytes("GPT, backup header", vec![size - 512], 92);
        found.sector("GPT, backup entries", size - 33 * 512);
        found.bytes("GPT, both headers", vec![512, size - 512], 92);
        found.bytes("GPT, both entries", vec![1024, size - 33 * 512], 512);
    }
    if layout == Layout::LvmOnMd {
        found.bytes("md superblock", vec![ROOT_AT + 4096], 264);
        let pv = ROOT_AT + MIB;
        for (name, at) in [("label", 512), ("metadata area", 4096)] {
            found.sector(format!("LVM, {name}"), pv + at);
        }
        // The text of each change stands behind the one before.
        for number in 0..6 {
            found.sector(format!("LVM, text, part {number}"), pv + 4608 + number * 1024);
        }
    }
    for (index, target) in targets.iter().enumerate() {
        found.target = Some(index);
        found.base = target.start;
        found.holds = None;
        let device = Loop::part(image, target.start, target.size)?;
        let paths: Vec<(&'static str, String)> = PATHS
            .iter()
            .filter_map(|(path, _)| Some((*path, target.path(path, targets)?)))
            .collect();
        match target.kind {
            "ext4" => ext(&mut found, &device, &paths)?,
            "xfs" => xfs(&mut found, image, target, &device, &paths)?,
            _ => btrfs(&mut found, &device)?,
        }
    }
    anyhow::ensure!(
        found.all.iter().flat_map(|structure| &structure.places).all(|at| *at < size),
        "a structure beyond the end"
    );
    Ok(found.all)
}

fn numbers(text: &str) -> impl Iterator<Item = u64> {
    text.split(|letter: char| !letter.is_ascii_digit()).filter_map(|word| word.parse().ok())
}

fn ext(found: &mut Found, device: &Loop, paths: &[(&'static str, String)]) -> Result<()> {
    let ask = |line: &str| {
        Tool::new("debugfs").arg("-R").arg(line).arg(&device.device).run().context("debugfs")
    };
    let stats = ask("stats -h")?;
    let size = stats.lines().find_map(|line| line.strip_prefix("Block size:"));
    let size: u64 = size.context("no block size")?.trim().parse()?;
    let name = |what: &str| format!("ext4, {what}");
    found.bytes(name("superblock"), vec![1024], 512);
    found.bytes(name("group descriptors"), vec![size], 512);
    for (what, inode) in [("journal, superblock", "<8>"), ("root directory", "<2>")] {
        let block = numbers(&ask(&format!("blocks {inode}"))?).next().context("no block")?;
        found.sector(name(what), block * size);
    }
    for (path, on_disk) in paths {
        found.holds = Some(*path);
        let place = ask(&format!("imap {on_disk}"))?;
        let (_, place) = place.split_once("located at block ").context("no inode")?;
        let (block, offset) = place.split_once(", offset 0x").context("no offset")?;
        let at = block.trim().parse::<u64>()? * size + u64::from_str_radix(offset.trim(), 16)?;
        found.bytes(name(&format!("inode of {path}")), vec![at], 160);
        for (number, block) in numbers(&ask(&format!("blocks {on_disk}"))?).take(2).enumerate() {
            found.sector(name(&format!("block {number} of {path}")), block * size);
        }
    }
    Ok(())
}

fn xfs(
    found: &mut Found,
    image: &Path,
    target: &Target,
    device: &Loop,
    paths: &[(&'static str, String)],
) -> Result<()> {
    let ask = |lines: &[&str]| {
        let mut tool = Tool::new("xfs_db").arg("-r");
        for line in lines {
            tool = tool.arg("-c").arg(line);
        }
        tool.arg(&device.device).run().context("xfs_db")
    };
    let convert = |words: &str| -> Result<u64> {
        let answer = ask(&[&format!("convert {words}")])?;
        let decimal = answer.split(['(', ')']).nth(1).context("no number")?;
        Ok(decimal.trim().parse()?)
    };
    let name = |what: &str| format!("XFS, {what}");
    for (number, what) in ["superblock", "AGF", "AGI", "AGFL"].into_iter().enumerate() {
        found.sector(name(what), number as u64 * 512);
    }
    for tree in ["bnoroot", "cntroot"] {
        let answer = ask(&["agf 0", &format!("print {tree}")])?;
        found.sector(name(tree), numbers(&answer).last().context("no root")? * 4096);
    }
    let log = numbers(&ask(&["sb 0", "print logstart"])?).last().context("no log")?;
    let log = convert(&format!("fsblock {log} daddr"))? * 512;
    found.sector(name("log, first record"), log);
    found.sector(name("log, second sector"), log + 512);
    let mount = target.mount(image)?;
    let mut seen = Vec::new();
    for (path, on_disk) in paths {
        found.holds = Some(*path);
        let inode = fs::metadata(mount.join(on_disk))?.ino();
        let at = convert(&format!("inode {inode} daddr"))? * 512;
        if !seen.contains(&at) {
            seen.push(at);
            found.bytes(name(&format!("inode of {path}")), vec![at], 176);
        }
        let map = ask(&[&format!("inode {inode}"), "bmap"])?;
        for line in map.lines().filter(|line| line.contains("startblock")).take(2) {
            let block = line.split("startblock ").nth(1).and_then(|rest| numbers(rest).next());
            let block = block.context("no block")?;
            let at = convert(&format!("fsblock {block} daddr"))? * 512;
            found.sector(name(&format!("block of {path}")), at);
        }
    }
    Ok(())
}

fn btrfs(found: &mut Found, device: &Loop) -> Result<()> {
    let name = |what: &str| format!("Btrfs, {what}");
    let ask = |line: &str| {
        Tool::new("btrfs").words("inspect-internal").words(line).arg(&device.device).run()
    };
    found.bytes(name("superblock"), vec![64 << 10], 512);
    found.bytes(name("second superblock"), vec![64 << 20], 512);
    found.bytes(name("both superblocks"), vec![64 << 10, 64 << 20], 512);
    // Chunks: `item N key (FIRST_CHUNK_TREE CHUNK_ITEM LOGICAL)`, its length, then its stripes.
    let mut chunks: Vec<(u64, u64, Vec<u64>)> = Vec::new();
    for line in ask("dump-tree -t chunk")?.lines() {
        let line = line.trim();
        if let Some((_, rest)) = line.split_once("CHUNK_ITEM ") {
            chunks.push((numbers(rest).next().context("no address")?, 0, Vec::new()));
        } else if let (Some(chunk), Some(rest)) = (chunks.last_mut(), line.strip_prefix("length "))
        {
            chunk.1 = numbers(rest).next().context("no length")?;
        } else if let (Some(chunk), true) = (chunks.last_mut(), line.starts_with("stripe ")) {
            let offset = line.split(" offset ").nth(1).context("no offset")?;
            chunk.2.extend(numbers(offset).next());
        }
    }
    found.holds = Some("/");
    for tree in ["chunk", "root", "fs", "256", "257"] {
        let text = ask(&format!("dump-tree -t {tree}"))?;
        let nodes: Vec<u64> = text
            .lines()
            .filter(|line| line.starts_with("leaf ") || line.starts_with("node "))
            .filter(|line| line.contains(" items "))
            .filter_map(|line| numbers(line).next())
            .collect();
        let step = nodes.len().div_ceil(MAX_NODES).max(1);
        for (number, node) in nodes.into_iter().enumerate().filter(|(number, _)| number % step == 0)
        {
            let chunk = chunks.iter().find(|(start, len, _)| (*start..start + len).contains(&node));
            let (start, _, stripes) = chunk.context("a node in no chunk")?;
            let places: Vec<u64> = stripes.iter().map(|stripe| stripe + node - start).collect();
            let what = name(&format!("tree {tree}, node {number}"));
            if let (Some(first), true) = (places.first(), places.len() > 1 && number % 4 == 0) {
                found.bytes(format!("{what}, first copy"), vec![*first], 512);
            }
            found.bytes(what, places, 512);
        }
    }
    Ok(())
}
