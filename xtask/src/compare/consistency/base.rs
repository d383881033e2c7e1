//! Sound qcow2 files of every kind, made by QEMU's own tools.

use std::fs;
use std::path::Path;

use anyhow::{Result, ensure};

use crate::tool::Tool;

/// The pass phrase of encrypted files, as an argument of QEMU's tools.
pub const SECRET: &str = "secret,id=key,data=secret";

/// How a file is made.
pub struct Base {
    pub name: &'static str,
    /// Options of the format.
    options: &'static str,
    /// The disk's size.
    size: &'static str,
    steps: &'static [Step],
}

/// What is done to a file that was created.
pub enum Step {
    /// A command of qemu-io.
    Io(&'static str),
    /// An internal snapshot of this name.
    Snapshot(&'static str),
    /// Persistent bitmaps: arguments of `qemu-img bitmap`, the last is the name.
    Bitmap(&'static str),
    /// The file is written anew from a disk of data that compresses, with these further arguments.
    Convert(&'static str),
    /// Bits of the autoclear features are cleared, as a program does that does not know them.
    ClearAutoclear,
}

use Step::{Bitmap, ClearAutoclear, Convert, Io, Snapshot};

const WRITES: &[Step] = &[
    Io("write -P 1 0 200k"),
    Io("write -P 2 1M 70k"),
    Io("write -z 64k 64k"),
    Io("write -P 3 2000000 6000"),
];

const SNAPSHOTS: &[Step] = &[
    Io("write -P 1 0 200k"),
    Snapshot("first"),
    Io("write -P 2 64k 4k"),
    Io("write -P 2 1M 300k"),
    Snapshot("the second"),
    Io("write -P 3 1100k 4k"),
];

const fn base(name: &'static str, options: &'static str, steps: &'static [Step]) -> Base {
    Base { name, options, size: "3147264", steps }
}

pub const BASES: &[Base] = &[
    base("version 2", "compat=0.10", WRITES),
    base("version 2, snapshots", "compat=0.10,cluster_size=4k", SNAPSHOTS),
    base("version 3", "compat=1.1", WRITES),
    base("snapshots", "", SNAPSHOTS),
    base("snapshots, 512-byte clusters", "cluster_size=512", SNAPSHOTS),
    base("512-byte clusters", "cluster_size=512", WRITES),
    base("1 KiB clusters", "cluster_size=1k", WRITES),
    base("4 KiB clusters", "cluster_size=4k", WRITES),
    base("256 KiB clusters", "cluster_size=256k", WRITES),
    base("2 MiB clusters", "cluster_size=2M", &[Io("write -P 1 0 20k")]),
    base("1-bit refcounts", "cluster_size=4k,refcount_bits=1", WRITES),
    base("2-bit refcounts, snapshots", "cluster_size=4k,refcount_bits=2", SNAPSHOTS),
    base("4-bit refcounts, snapshots", "cluster_size=4k,refcount_bits=4", SNAPSHOTS),
    base("8-bit refcounts, snapshots", "cluster_size=4k,refcount_bits=8", SNAPSHOTS),
    base("32-bit refcounts, snapshots", "cluster_size=4k,refcount_bits=32", SNAPSHOTS),
    base("64-bit refcounts, snapshots", "cluster_size=4k,refcount_bits=64", SNAPSHOTS),
    base(
        "extended L2, 16 KiB clusters",
        "extended_l2=on,cluster_size=16k",
        &[
            Io("write -P 1 0 2k"),
            Io("write -P 2 6k 4k"),
            Io("write -z 8k 2k"),
            Io("write -P 3 1M 64k"),
            Snapshot("first"),
            Io("write -z 1026k 4k"),
        ],
    ),
    base("extended L2, preallocated", "extended_l2=on,preallocation=metadata", WRITES),
    base("metadata preallocated", "preallocation=metadata", &[Io("write -P 1 0 64k")]),
    base("preallocated", "preallocation=falloc,cluster_size=8k", &[Io("write -z 64k 64k")]),
    base("zlib", "cluster_size=64k", &[Convert("-c")]),
    base("zlib, 512-byte clusters", "cluster_size=512", &[Convert("-c")]),
    base("zlib, 4 KiB clusters, snapshot", "cluster_size=4k", &[Convert("-c"), Snapshot("first")]),
    base("zstd", "compression_type=zstd,cluster_size=32k", &[Convert("-c")]),
    base(
        "zstd, extended L2",
        "compression_type=zstd,extended_l2=on,cluster_size=16k",
        &[Convert("-c")],
    ),
    base(
        "bitmaps",
        "",
        &[
            Io("write -P 1 0 200k"),
            Bitmap("--add -g 64k one"),
            Bitmap("--add -g 512 the-other"),
            Io("write -P 2 1M 200k"),
            Bitmap("--add --disable -g 4k third"),
        ],
    ),
    base(
        "bitmaps, 512-byte clusters",
        "cluster_size=512",
        &[Bitmap("--add -g 512 one"), Io("write -P 2 1M 200k"), Bitmap("--add -g 1k two")],
    ),
    base(
        "bitmaps that a program did not know",
        "",
        &[Bitmap("--add -g 64k one"), Io("write -P 2 1M 20k"), ClearAutoclear],
    ),
    base("backing file", "backing_file=backing.raw,backing_fmt=raw", WRITES),
    base("external data file", "data_file=external.data", WRITES),
    base("LUKS", "encrypt.format=luks,encrypt.key-secret=key,encrypt.iter-time=10", &[]),
    base("lazy refcounts", "lazy_refcounts=on", WRITES),
    Base { name: "empty, 1 TiB", options: "", size: "1T", steps: &[] },
];

impl Base {
    /// Makes the file in `dir`; gives its bytes.
    pub fn make(&self, dir: &Path) -> Result<Vec<u8>> {
        let path = dir.join("base.qcow2");
        let qemu_img = || Tool::new("qemu-img").dir(dir);
        fs::write(dir.join("backing.raw"), vec![9; 1 << 20])?;
        let options = if self.options.is_empty() { "compat=1.1" } else { self.options };
        let create = qemu_img().words("create -q -f qcow2 --object").arg(SECRET);
        create.words("-o").arg(options).arg(&path).arg(self.size).run()?;
        for step in self.steps {
            match *step {
                Io(command) => {
                    let io = Tool::new("qemu-io").dir(dir).words("-f qcow2 -c").arg(command);
                    io.arg(&path).run()?;
                }
                Snapshot(name) => {
                    qemu_img().words("snapshot -c").arg(name).arg(&path).run()?;
                }
                Bitmap(arguments) => {
                    let (arguments, name) = arguments.rsplit_once(' ').unwrap_or_default();
                    qemu_img().arg("bitmap").words(arguments).arg(&path).arg(name).run()?;
                }
                Convert(arguments) => {
                    let raw = dir.join("disk.raw");
                    fs::write(&raw, disk())?;
                    let convert = qemu_img().words("convert -f raw -O qcow2").words(arguments);
                    convert.arg("-o").arg(options).arg(&raw).arg(&path).run()?;
                }
                ClearAutoclear => {
                    let mut bytes = fs::read(&path)?;
                    bytes.get_mut(88..96).unwrap_or_default().fill(0);
                    fs::write(&path, bytes)?;
                }
            }
        }
        let bytes = fs::read(&path)?;
        ensure!(bytes.len() < 64 << 20, "{} is {} bytes long", self.name, bytes.len());
        Ok(bytes)
    }
}

/// A disk of 1 MiB, half of it text that compresses well and in places less well.
fn disk() -> Vec<u8> {
    let line = |at: usize| -> Vec<u8> {
        let number = at.wrapping_mul(0x9E37_79B9) >> (at % 24);
        format!("{at:08} line of text, {number:x}\n").into_bytes()
    };
    let mut disk: Vec<u8> = (0..).flat_map(line).take(512 << 10).collect();
    disk.resize(1 << 20, 0);
    disk
}
