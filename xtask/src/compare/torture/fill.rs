//! Writes a tree of everything that is hard on a reader of file systems, through the kernel.

use std::ffi::OsString;
use std::fs::{self, File};
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::{FileExt, PermissionsExt, symlink};
use std::path::Path;

use anyhow::{Context, Result};
use rustix::fs::{
    AtFlags, CWD, FallocateFlags, FileType, Mode, Timespec, Timestamps, XattrFlags, makedev,
};
use rustix::io::{Errno, Result as Answer};

/// Bytes of the blocks that files are taken apart in: the commonest size, and a multiple of the
/// smaller ones.
const BLOCK: u64 = 4096;

/// Names in a directory that takes more than one block, or one level of a tree, on every file
/// system.
const MANY: u32 = 2000;

/// Names in a directory that XFS keeps in a tree even with blocks of 64 KiB for directories: one
/// block of its index has room for 8,184 (`xfs_da_format.h`, `struct xfs_dir3_leaf`).
const VERY_MANY: u32 = 9000;

/// Lengths of files round the limits at which file systems keep them elsewhere: in the inode, in a
/// node, in one block, in one compressed extent.
const LENGTHS: &[usize] = &[
    0, 1, 59, 60, 61, 100, 148, 156, 160, 161, 300, 511, 512, 513, 1023, 1024, 1025, 2047, 2048,
    2049, 3900, 4095, 4096, 4097, 16_383, 65_535, 65_536, 65_537, 131_071, 131_072, 131_073,
    400_001,
];

/// Lengths of the targets of symbolic links round the limits of ext (60 and a block), XFS (the inode
/// and 1024) and Btrfs (a node).
const TARGETS: &[usize] = &[
    1, 58, 59, 60, 61, 156, 255, 256, 300, 335, 336, 337, 338, 511, 512, 968, 1000, 1023, 1024,
    1025, 2000, 2048, 3000, 3794, 3795, 3796, 4094, 4095,
];

/// Seconds since 1970 round the limits of 32 and 34 bits, and of XFS without and with `bigtime`.
const TIMES: &[i64] = &[
    -1,
    -86_400 * 365,
    -(1 << 31),
    0,
    1,
    (1 << 31) - 1,
    1 << 31,
    (1 << 32) - 1,
    1 << 32,
    4_102_444_800,
    (1 << 33) + 12_345,
    15_032_385_535,
    16_299_260_425,
];

/// Fills the directory. What a file system has no room or no means for (an answer of `ENOSPC`,
/// `ENAMETOOLONG`, `EOPNOTSUPP` to one of the calls below) is left out there.
pub fn fill(root: &Path) -> Result<()> {
    type Part = fn(&Path) -> Result<()>;
    let parts: [(&str, Part); 12] = [
        ("lengths", lengths),
        ("links", links),
        ("names", names),
        ("deep", deep),
        ("special", special),
        ("attributes", attributes),
        ("holes", holes),
        ("unwritten", unwritten),
        ("scattered", scattered),
        ("shared", shared),
        ("directories", directories),
        ("times", times),
    ];
    for (name, part) in parts {
        let dir = root.join(name);
        fs::create_dir(&dir)?;
        part(&dir).with_context(|| name.to_owned())?;
    }
    Ok(())
}

/// What the kernel says, without what a file system may refuse.
fn where_possible(answer: Answer<()>) -> Result<()> {
    match answer {
        Err(
            Errno::NOSPC | Errno::NAMETOOLONG | Errno::OPNOTSUPP | Errno::RANGE | Errno::TOOBIG,
        ) => Ok(()),
        other => Ok(other?),
    }
}

/// Text that compresses, different in every line.
pub fn text(len: usize) -> Vec<u8> {
    let mut text = Vec::with_capacity(len + 64);
    for line in 0.. {
        if text.len() >= len {
            break;
        }
        text.extend_from_slice(format!("line {line} of a text that compresses well\n").as_bytes());
    }
    text.truncate(len);
    text
}

/// Bytes that do not compress (xorshift64*, Vigna 2016).
pub fn noise(len: usize, seed: u64) -> Vec<u8> {
    let mut state = seed | 1;
    let mut noise = Vec::with_capacity(len + 8);
    while noise.len() < len {
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        noise.extend_from_slice(&state.wrapping_mul(0x2545_F491_4F6C_DD1D).to_le_bytes());
    }
    noise.truncate(len);
    noise
}

fn lengths(dir: &Path) -> Result<()> {
    for &len in LENGTHS {
        fs::write(dir.join(format!("text-{len}")), text(len))?;
        fs::write(dir.join(format!("noise-{len}")), noise(len, len as u64))?;
    }
    fs::write(dir.join("large"), noise(3 << 20, 7))?;
    let mixed = [text(300_000), noise(300_000, 9), vec![0; 300_000], text(300_000)].concat();
    fs::write(dir.join("mixed"), mixed)?;
    // Grown out of the inode, and cut back into what would have room there.
    let grown = File::create(dir.join("grown"))?;
    grown.write_all_at(&text(50), 0)?;
    grown.sync_data()?;
    grown.write_all_at(&text(9000), 50)?;
    let cut = File::create(dir.join("cut"))?;
    cut.write_all_at(&text(90_000), 0)?;
    cut.sync_data()?;
    cut.set_len(40)?;
    // The rest of the last block must read as zero after this.
    cut.set_len(5000)?;
    Ok(())
}

fn links(dir: &Path) -> Result<()> {
    for &len in TARGETS {
        let target: Vec<u8> = b"target/".iter().copied().cycle().take(len).collect();
        let target = OsString::from_vec(target);
        where_possible(rustix::fs::symlinkat(&target, CWD, dir.join(format!("soft-{len}"))))?;
    }
    symlink(OsString::from_vec(vec![b'a', 0xff, 0xfe, b'\n']), dir.join("not-utf-8"))?;
    fs::write(dir.join("hard"), "one file, many names\n")?;
    for number in 0..300 {
        let name = dir.join(format!("{}-{number}", "hard".repeat(40)));
        // Btrfs without `extref`: one item holds all names that a file has in a directory.
        if rustix::fs::link(dir.join("hard"), name) == Err(Errno::MLINK) {
            break;
        }
    }
    Ok(())
}

fn names(dir: &Path) -> Result<()> {
    for len in [1, 2, 3, 4, 15, 16, 100, 254, 255] {
        fs::write(dir.join("n".repeat(len)), format!("{len}"))?;
    }
    for name in [
        &b"\xff\xfe\x80"[..],
        b"new\nline",
        b"  ",
        b"-rf",
        b"\xc3\xa4 \xf0\x9f\x98\x80",
        b"\\",
        b"...",
    ] {
        fs::write(dir.join(OsString::from_vec(name.to_vec())), name)?;
    }
    let long: Vec<u8> = (0..255).map(|n| if n % 2 == 0 { 0x80 + n / 2 } else { b'x' }).collect();
    fs::write(dir.join(OsString::from_vec(long)), "255 bytes, not UTF-8")?;
    Ok(())
}

fn deep(dir: &Path) -> Result<()> {
    let mut path = dir.to_owned();
    for level in 0..400 {
        path.push(format!("{}", level % 10));
    }
    fs::create_dir_all(&path)?;
    fs::write(path.join("bottom"), "here\n")?;
    Ok(())
}

fn special(dir: &Path) -> Result<()> {
    for (name, kind, major, minor) in [
        ("null", FileType::CharacterDevice, 1, 3),
        ("disk", FileType::BlockDevice, 8, 17),
        ("wide", FileType::BlockDevice, 259, 200_000),
        ("fifo", FileType::Fifo, 0, 0),
        ("socket", FileType::Socket, 0, 0),
    ] {
        let mode = Mode::from_raw_mode(0o640);
        rustix::fs::mknodat(CWD, dir.join(name), kind, mode, makedev(major, minor))?;
    }
    for mode in [0o0, 0o4755, 0o2750, 0o1777, 0o7777] {
        let path = dir.join(format!("mode-{mode:o}"));
        fs::write(&path, "mode")?;
        fs::set_permissions(&path, fs::Permissions::from_mode(mode))?;
    }
    for owner in [1000, 65_535, 65_536, 4_000_000_000] {
        let path = dir.join(format!("owner-{owner}"));
        fs::write(&path, "owner")?;
        std::os::unix::fs::lchown(&path, Some(owner), Some(owner - 1))?;
    }
    Ok(())
}

/// Attributes take room in the inode from what the node itself keeps there.
fn attributes(dir: &Path) -> Result<()> {
    for (number, (count, len)) in
        [(1, 20), (1, 90), (4, 40), (2, 150), (12, 100), (3, 1500), (40, 300)]
            .into_iter()
            .enumerate()
    {
        let name = |what: &str| dir.join(format!("{what}-{number}"));
        let set = |path: &Path| -> Result<()> {
            for attribute in 0..count {
                // Of the kinds, this one may be set on symbolic links, too.
                let name = format!("trusted.attribute-{attribute}");
                let value = noise(len, attribute);
                where_possible(rustix::fs::lsetxattr(path, name, &value, XattrFlags::empty()))?;
            }
            Ok(())
        };
        fs::write(name("before"), "")?;
        set(&name("before"))?;
        fs::write(name("before"), text(120))?;
        fs::write(name("after"), text(120))?;
        set(&name("after"))?;
        fs::write(name("several-extents"), text(9000))?;
        set(&name("several-extents"))?;
        symlink("t".repeat(50), name("link"))?;
        set(&name("link"))?;
        symlink("t".repeat(200), name("long-link"))?;
        set(&name("long-link"))?;
        fs::create_dir(name("dir"))?;
        for file in 0..8 {
            fs::write(name("dir").join(format!("a-file-{file}")), "x")?;
        }
        set(&name("dir"))?;
        fs::write(name("dir").join("later"), "y")?;
    }
    Ok(())
}

fn holes(dir: &Path) -> Result<()> {
    // Beyond 4 GiB, and the end beyond the last data.
    let far = File::create(dir.join("far"))?;
    for at in [5000, 400_000, 30_000_000, (1 << 32) - 3, (1 << 32) + 70_000] {
        far.write_all_at(format!("at {at}").as_bytes(), at)?;
    }
    far.set_len((1 << 32) + (1 << 29) + 1)?;
    let empty = File::create(dir.join("nothing-but-a-hole"))?;
    empty.set_len((1 << 33) + 7)?;
    let end = File::create(dir.join("data-at-the-end"))?;
    end.write_all_at(b"end", 77_777_777)?;
    // More extents than one level of a tree below the inode has room for.
    let tree = File::create(dir.join("every-second-block"))?;
    for block in (0..6000).step_by(2) {
        tree.write_all_at(format!("block {block}").as_bytes(), block * BLOCK)?;
    }
    // Blocks beside each other on the disk, taken out of the middle.
    let punched = File::create(dir.join("punched"))?;
    punched.write_all_at(&noise(1 << 20, 3), 0)?;
    punched.sync_data()?;
    let flags = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
    for (at, len) in [(0, 4096), (8192, 12_288), (100_000, 5), (200_001, 70_000), (1_044_480, 4096)]
    {
        where_possible(rustix::fs::fallocate(&punched, flags, at, len))?;
    }
    Ok(())
}

/// Blocks that are allocated and read as zero all the same.
fn unwritten(dir: &Path) -> Result<()> {
    let all = File::create(dir.join("all"))?;
    where_possible(rustix::fs::fallocate(&all, FallocateFlags::empty(), 0, 300_000))?;
    let middle = File::create(dir.join("written-in-the-middle"))?;
    where_possible(rustix::fs::fallocate(&middle, FallocateFlags::empty(), 0, 1 << 20))?;
    for at in [70_000, 200_000, 600_001] {
        middle.write_all_at(&noise(5000, at), at)?;
    }
    let beyond = File::create(dir.join("beyond-the-end"))?;
    beyond.write_all_at(b"short", 0)?;
    where_possible(rustix::fs::fallocate(&beyond, FallocateFlags::KEEP_SIZE, 0, 1 << 20))?;
    let zeroed = File::create(dir.join("zeroed"))?;
    zeroed.write_all_at(&noise(200_000, 5), 0)?;
    zeroed.sync_data()?;
    where_possible(rustix::fs::fallocate(&zeroed, FallocateFlags::ZERO_RANGE, 10_000, 100_000))?;
    Ok(())
}

/// Two files that grow in turns.
fn scattered(dir: &Path) -> Result<()> {
    let files = [File::create(dir.join("one"))?, File::create(dir.join("other"))?];
    for step in 0..200 {
        for (number, file) in files.iter().enumerate() {
            // Takes the blocks at once, where that is possible; a write does so much later.
            where_possible(rustix::fs::fallocate(
                file,
                FallocateFlags::empty(),
                step * BLOCK,
                BLOCK,
            ))?;
            file.write_all_at(&noise(BLOCK as usize, step * 2 + number as u64), step * BLOCK)?;
        }
    }
    // Appended to and made sure of in turns, as logs are.
    let files = [File::create(dir.join("log"))?, File::create(dir.join("other-log"))?];
    for step in 0..12 {
        for file in &files {
            file.write_all_at(&text(3000), step * 3000)?;
            file.sync_data()?;
        }
    }
    Ok(())
}

/// Files that share extents, where the file system can.
fn shared(dir: &Path) -> Result<()> {
    let bytes = [text(500_000), noise(500_000, 11)].concat();
    fs::write(dir.join("original"), &bytes)?;
    let original = File::open(dir.join("original"))?;
    original.sync_data()?;
    for name in ["same", "rewritten", "cut"] {
        let copy = File::create(dir.join(name))?;
        if rustix::fs::ioctl_ficlone(&copy, &original).is_err() {
            copy.write_all_at(&bytes, 0)?;
        }
        match name {
            "rewritten" => copy.write_all_at(&noise(9000, 12), 70_000)?,
            "cut" => copy.set_len(200_001)?,
            _ => {}
        }
    }
    Ok(())
}

fn directories(dir: &Path) -> Result<()> {
    fs::create_dir(dir.join("empty"))?;
    for (name, count, removed) in
        [("many", MANY, 0), ("very-many", VERY_MANY, 0), ("thinned", MANY, 3), ("emptied", MANY, 1)]
    {
        let below = dir.join(name);
        fs::create_dir(&below)?;
        let path =
            |number: u32| below.join(format!("{}-{number}", "name".repeat(number as usize % 9)));
        // Blocks for files in between scatter those of the directory.
        for number in 0..count {
            if number % 500 == 0 {
                fs::write(path(number), text(20_000))?;
            } else {
                File::create(path(number))?;
            }
        }
        for number in (0..count).filter(|number| removed > 0 && number % removed == 0) {
            fs::remove_file(path(number))?;
        }
    }
    let renamed = dir.join("many/renamed");
    fs::rename(dir.join("many/-0"), &renamed)?;
    let turned = dir.join("subdirectories");
    for number in 0..300 {
        fs::create_dir_all(turned.join(format!("dir-{number}")))?;
    }
    Ok(())
}

fn times(dir: &Path) -> Result<()> {
    for &seconds in TIMES {
        let path = dir.join(format!("at{seconds}"));
        fs::write(&path, "")?;
        let time = Timespec { tv_sec: seconds, tv_nsec: 999_999_999 };
        let times = Timestamps { last_access: time, last_modification: time };
        rustix::fs::utimensat(CWD, &path, &times, AtFlags::empty())?;
    }
    Ok(())
}
