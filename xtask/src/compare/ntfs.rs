//! NTFS as the library reads it, every name and byte against the tree that went in: filled through
//! ntfs-3g, with its compression and without, and by wimlib with each of CompactOS's compressions; and
//! its free clusters against what ntfsinfo counts.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use image_preflight::disk::facts::SignatureKind;
use image_preflight::filesystem::{self, FileSystem};
use image_preflight::image::Image;

use super::Log;
use super::tree;
use crate::guest::disk::{GIB, MIB};
use crate::guest::mount::Loop;
use crate::tool::Tool;
use crate::windows::ntfs::Mount;

/// Volumes that are filled through ntfs-3g: bytes of sectors and clusters, and whether the directory
/// `packed` is compressed, which NTFS does for clusters of at most 4 KiB.
const VOLUMES: [(u32, u32, bool); 7] = [
    (512, 4096, false),
    (512, 4096, true),
    (512, 512, true),
    (512, 2048, true),
    (512, 65_536, false),
    (512, 2 << 20, false),
    (4096, 4096, true),
];

/// CompactOS's compressions, as wimapply names them.
const COMPACT: [&str; 4] = ["xpress4k", "xpress8k", "xpress16k", "lzx"];

/// Bytes of a volume: sparse, with room for a cluster of 2 MiB for every file.
const SIZE: u64 = 4 * GIB;

pub fn compare(log: &mut Log) -> Result<()> {
    let dir = tempfile::tempdir()?;
    let source = dir.path().join("source");
    fill(&source)?;
    let image = dir.path().join("volume.img");
    for (sector, cluster, is_packed) in VOLUMES {
        let packed = if is_packed { ", a directory compressed" } else { "" };
        let name = format!("NTFS, sectors of {sector} bytes, clusters of {cluster}{packed}");
        let made = by_mount(&image, &source, (sector, cluster), is_packed).context(name.clone())?;
        log.note(&name, differences(&image, &source, made)?);
    }
    let archive = dir.path().join("source.wim");
    Tool::new("wimcapture").arg(&source).arg(&archive).words("--compress=none").run()?;
    for form in COMPACT {
        let name = format!("NTFS, applied by wimlib, CompactOS {form}");
        make(&image, (512, 4096)).context(name.clone())?;
        let compact = format!("--compact={form}");
        Tool::new("wimapply").arg(&archive).arg("1").arg(&image).arg(compact).run()?;
        let made = Made { needs: &[], has_compact_files: true };
        log.note(&name, differences(&image, &source, made)?);
    }
    Ok(())
}

/// What the making of a volume promised to have put in.
struct Made {
    /// Files that must be compressed by NTFS.
    needs: &'static [&'static str],
    has_compact_files: bool,
}

fn make(image: &Path, (sector, cluster): (u32, u32)) -> Result<()> {
    if image.exists() {
        fs::remove_file(image)?;
    }
    File::create(image)?.set_len(SIZE)?;
    Tool::new("mkntfs")
        .words("--quick --force --quiet --no-indexing --sector-size")
        .arg(sector.to_string())
        .arg("--cluster-size")
        .arg(cluster.to_string())
        .arg(image)
        .run()?;
    Ok(())
}

fn by_mount(image: &Path, source: &Path, size: (u32, u32), is_packed: bool) -> Result<Made> {
    make(image, size)?;
    let device = Loop::with_sectors(image, 0, 0, size.0)?;
    let mount = Mount::new(&device.device, "compression,streams_interface=none")?;
    let filled = copy(source, mount.path(), is_packed);
    mount.end()?;
    filled?;
    Ok(Made { needs: if is_packed { &PACKED } else { &[] }, has_compact_files: false })
}

/// The directory that is compressed where that is asked for, and files in it that become shorter.
const DIRECTORY: &str = "packed";
const PACKED: [&str; 2] = ["packed/words", "packed/same"];

fn copy(source: &Path, mount: &Path, is_packed: bool) -> Result<()> {
    let packed = mount.join(DIRECTORY);
    fs::create_dir(&packed)?;
    if is_packed {
        // FILE_ATTRIBUTE_COMPRESSED, which new files inherit.
        Tool::new("setfattr").words("-h -v 0x00080000 -n system.ntfs_attrib").arg(&packed).run()?;
    }
    for entry in fs::read_dir(source)? {
        Tool::new("cp").words("-R --sparse=always").arg(entry?.path()).arg(mount).run()?;
    }
    // Two files by turns, so that the clusters of each lie in many places.
    let open = |name: &str| -> Result<(Vec<u8>, File)> {
        let path = mount.join(name);
        fs::remove_file(&path)?;
        let file = OpenOptions::new().create_new(true).append(true).open(&path)?;
        Ok((fs::read(source.join(name))?, file))
    };
    let (mut one, mut two) = (open("turns/one")?, open("turns/two")?);
    for (a, b) in one.0.chunks(9000).zip(two.0.chunks(9000)) {
        one.1.write_all(a)?;
        one.1.sync_data()?;
        two.1.write_all(b)?;
        two.1.sync_data()?;
    }
    Ok(())
}

/// How the volume differs from the tree that it was filled from.
fn differences(image: &Path, source: &Path, made: Made) -> Result<Vec<String>> {
    let bytes = Image::open(image)?.disk()?;
    let files = filesystem::open(SignatureKind::Ntfs, bytes)?;
    let walked = tree::walk_content(&*files, source)?;
    ensure!(walked.seen > 1000, "{} nodes seen", walked.seen);
    let mut wrong = walked.differences();
    for name in made.needs {
        let info = info(image, &["-F", name])?;
        if !info.contains("COMPRESSED") {
            wrong.push(format!("{name} is not compressed: nothing was tried"));
        }
    }
    if made.has_compact_files {
        let info = info(image, &["-F", PACKED[0]])?;
        if !info.contains("WofCompressedData") {
            wrong.push(format!("{} is not compressed: nothing was tried", PACKED[0]));
        }
    }
    wrong.extend(room(&files, image)?);
    Ok(wrong)
}

fn info(image: &Path, words: &[&str]) -> Result<String> {
    words.iter().fold(Tool::new("ntfsinfo"), |tool, word| tool.arg(word)).arg(image).run()
}

/// The free clusters, by ntfsinfo's count.
fn room(files: &Arc<dyn FileSystem>, image: &Path) -> Result<Option<String>> {
    let text = info(image, &["-m"])?;
    let number = |name: &str| -> Result<u64> {
        let line = text.lines().find_map(|line| line.trim().strip_prefix(name));
        let word = line.and_then(|rest| rest.split_whitespace().next());
        word.and_then(|word| word.parse().ok()).with_context(|| format!("no {name} in ntfsinfo"))
    };
    let theirs = number("Free Clusters:")? * number("Cluster Size:")?;
    let health = files.health();
    let ours = health.space.known().map(|space| space.free);
    Ok((ours != Some(theirs)).then(|| format!("{ours:?} bytes free instead of {theirs}")))
}

/// Bytes that repeat words, with numbers that do not.
fn words(len: usize, seed: u64) -> Vec<u8> {
    const WORDS: [&str; 6] =
        ["cluster ", "driver ", "\0\0\0\0", "registry\r\n", "\u{e8}call", "Windows "];
    let mut state = seed | 1;
    let mut out = Vec::with_capacity(len + 16);
    while out.len() < len {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let pick = (state >> 33) as usize;
        match pick % 9 {
            7 => out.extend((state as u32).to_le_bytes()),
            // A call, whose target LZX makes absolute.
            8 => out.extend([&[0xe8][..], &((pick % 70_000) as u32).to_le_bytes()].concat()),
            word => out.extend(WORDS[word % WORDS.len()].as_bytes()),
        }
    }
    out.truncate(len);
    out
}

/// Bytes that nothing compresses.
fn noise(len: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    };
    let mut out: Vec<u8> = (0..len.div_ceil(8)).flat_map(|_| next()).collect();
    out.truncate(len);
    out
}

/// The tree that volumes are filled from.
fn fill(dir: &Path) -> Result<()> {
    let write = |name: &str, bytes: &[u8]| -> Result<()> {
        let path: PathBuf = dir.join(name);
        fs::create_dir_all(path.parent().context("a file lies in a directory")?)?;
        fs::write(&path, bytes).context(name.to_owned())
    };
    for number in 0..1200 {
        write(&format!("many/a file with a long name {number}.txt"), &words(number, 7))?;
    }
    // Around the ends of records, clusters, chunks and compression units.
    for edge in [1, 512, 700, 4096, 8192, 16_384, 32_768, 65_536, 131_072] {
        for len in [edge - 1, edge, edge + 1] {
            write(&format!("packed/edges/words {len}"), &words(len, len as u64))?;
            write(&format!("packed/edges/noise {len}"), &noise(len))?;
        }
    }
    write("packed/words", &words(3_000_000, 11))?;
    write("packed/same", &vec![b'y'; 1_000_000])?;
    write("packed/zeros", &vec![0; 500_000])?;
    write("packed/noise", &noise(300_000))?;
    let mixed = [words(200_000, 3), noise(200_000), vec![0; 200_000], words(70_001, 5)].concat();
    write("packed/mixed", &mixed)?;
    write("turns/one", &words(1_800_000, 13))?;
    write("turns/two", &words(1_800_000, 17))?;
    write("deep/1/2/3/4/5/6/7/8/9/leaf", b"leaf")?;
    write("\u{fc}ml\u{e4}ut \u{6f22}\u{5b57} \u{1f600}", b"umlaut")?;
    write(&"n".repeat(255), b"long")?;
    let sparse = File::create(dir.join("sparse"))?;
    sparse.set_len(40 * MIB)?;
    drop(sparse);
    let mut sparse = OpenOptions::new().append(true).open(dir.join("sparse"))?;
    Ok(sparse.write_all(b"the end")?)
}
