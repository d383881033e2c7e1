//! NTFS as the library reads it, every name and byte against the tree that went in: filled through
//! ntfs-3g, with its compression and without, and with files as CompactOS stores them in each of its
//! compressions; and its free clusters against what ntfsinfo counts.
//!
//! wimlib applies files so on Windows alone (`wimapply --compact`), where Windows compresses them. What
//! CompactOS stores is the resource of a WIM archive, chunk for chunk: wimlib compresses that here, and it
//! is put into the stream and behind the reparse point that stand for it.

use std::collections::BTreeMap;
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

/// CompactOS's compressions: wimlib's name and bytes of a chunk, and the number in the reparse point
/// (`FILE_PROVIDER_COMPRESSION_XPRESS4K` and the others, ntifs.h).
const COMPACT: [(&str, u32, u32); 4] =
    [("XPRESS", 4096, 0), ("LZX", 32_768, 1), ("XPRESS", 8192, 2), ("XPRESS", 16_384, 3)];

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
    for (kind, chunk, number) in COMPACT {
        let name = format!("NTFS, CompactOS {kind} in chunks of {chunk} bytes");
        let archive = dir.path().join("source.wim");
        Tool::new("wimcapture")
            .arg(&source)
            .arg(&archive)
            .arg(format!("--compress={kind}"))
            .arg(format!("--chunk-size={chunk}"))
            .run()?;
        let resources = resources(&fs::read(&archive)?).context(name.clone())?;
        fs::remove_file(archive)?;
        let made = by_compact(&image, &source, &resources, number).context(name.clone())?;
        log.note(&name, differences(&image, &source, made)?);
    }
    Ok(())
}

/// The compressed resources of a WIM archive by the length of what is in them; those of one length are
/// left out, since a length tells which file is meant.
fn resources(wim: &[u8]) -> Result<BTreeMap<u64, Vec<u8>>> {
    const COMPRESSED: u8 = 4;
    const ENTRY: usize = 50;
    let number = |at: usize, len: usize| -> Result<u64> {
        let mut bytes = [0; 8];
        bytes[..len].copy_from_slice(wim.get(at..at + len).context("the archive is cut")?);
        Ok(u64::from_le_bytes(bytes))
    };
    // The header has the place of the lookup table at byte 48.
    let (size, table) = (number(48, 7)? as usize, number(56, 8)? as usize);
    let mut found: BTreeMap<u64, Vec<Vec<u8>>> = BTreeMap::new();
    for at in (table..table + size).step_by(ENTRY) {
        let (stored, place, len) =
            (number(at, 7)? as usize, number(at + 8, 8)? as usize, number(at + 16, 8)?);
        let bytes = wim.get(place..place + stored).context("a resource is cut")?.to_vec();
        let is_compressed = wim.get(at + 7).is_some_and(|flags| flags & COMPRESSED != 0);
        found.entry(len).or_default().push(if is_compressed { bytes } else { Vec::new() });
    }
    let alone = found.into_iter().filter(|(_, all)| all.len() == 1);
    let alone = alone.filter_map(|(len, all)| Some((len, all.into_iter().next()?)));
    Ok(alone.filter(|(_, bytes)| !bytes.is_empty()).collect())
}

/// A volume with the files of `source`, those that an archive has as resources stored as CompactOS does.
fn by_compact(
    image: &Path,
    source: &Path,
    resources: &BTreeMap<u64, Vec<u8>>,
    number: u32,
) -> Result<Made> {
    make(image, (512, 4096))?;
    let device = Loop::new(image)?;
    let mount = Mount::new(&device.device, "streams_interface=windows")?;
    let filled = copy(source, mount.path(), false).and_then(|()| {
        let mut count = 0;
        for name in files(source)? {
            let path = mount.path().join(&name);
            let len = fs::metadata(source.join(&name))?.len();
            let Some(resource) = resources.get(&len) else { continue };
            // IO_REPARSE_TAG_WOF and its length; WOF_EXTERNAL_INFO: version 1, provider 2 (files);
            // FILE_PROVIDER_EXTERNAL_INFO_V1: version 1, compression (ntifs.h).
            let words = [0x8000_0017, 16, 1, 2, 1, number];
            let point: String = words
                .iter()
                .flat_map(|word: &u32| word.to_le_bytes())
                .map(|b| format!("{b:02x}"))
                .collect();
            let stream = format!("{}:WofCompressedData", path.display());
            fs::write(stream, resource)?;
            // The file itself is one hole.
            let file = OpenOptions::new().write(true).open(&path)?;
            file.set_len(0)?;
            file.set_len(len)?;
            drop(file);
            let set = Tool::new("setfattr").arg("-h").arg("-v").arg(format!("0x{point}"));
            set.words("-n system.ntfs_reparse_data").arg(&path).run()?;
            count += 1;
        }
        ensure!(count > 100, "only {count} files are compressed");
        Ok(())
    });
    mount.end()?;
    filled?;
    Ok(Made { needs: &[], has_compact_files: true })
}

/// The paths of the files below a directory.
fn files(dir: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in walkdir::WalkDir::new(dir) {
        let entry = entry?;
        if entry.file_type().is_file() {
            found.push(entry.path().strip_prefix(dir)?.to_owned());
        }
    }
    Ok(found)
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
