//! The guest in every variant of qcow2 that qemu-img writes.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use super::bytes::{self, Data};
use super::report::{Checker, Expectation};
use super::{GUEST, Log};
use crate::tool::Tool;
use crate::whole::WholeGuest;
use crate::workspace;

/// A variant: its name, the arguments of `qemu-img convert`, whether the checker warns of it.
struct Variant {
    name: &'static str,
    arguments: &'static str,
    warned: bool,
}

const fn variant(name: &'static str, arguments: &'static str) -> Variant {
    Variant { name, arguments, warned: false }
}

const fn warned(name: &'static str, arguments: &'static str) -> Variant {
    Variant { name, arguments, warned: true }
}

/// Those that the whole guest is written in: what `qemu-img convert` makes by default, each way of
/// compression, and the layouts that are read in another way.
const OF_THE_WHOLE: &[Variant] = &[
    variant("64 KiB clusters", "-o cluster_size=64k"),
    variant("4 KiB clusters", "-o cluster_size=4k"),
    variant("version 2, zlib", "-c -o compat=0.10"),
    variant("zlib", "-c -o compression_type=zlib"),
    warned("zstd, 2 MiB clusters", "-c -o compression_type=zstd,cluster_size=2M"),
    warned("extended L2", "-o extended_l2=on,cluster_size=128k"),
];

/// Those of a small guest: for the whole one qemu-img needs up to minutes each, and they differ in
/// numbers alone.
const OF_THE_SMALL: &[Variant] = &[
    variant("512-byte clusters", "-o cluster_size=512"),
    variant("1 KiB clusters", "-o cluster_size=1k"),
    variant("2 KiB clusters", "-o cluster_size=2k"),
    variant("8 KiB clusters", "-o cluster_size=8k"),
    variant("16 KiB clusters", "-o cluster_size=16k"),
    variant("32 KiB clusters", "-o cluster_size=32k"),
    variant("128 KiB clusters", "-o cluster_size=128k"),
    variant("256 KiB clusters", "-o cluster_size=256k"),
    variant("512 KiB clusters", "-o cluster_size=512k"),
    variant("1 MiB clusters", "-o cluster_size=1M"),
    variant("2 MiB clusters", "-o cluster_size=2M"),
    variant("version 2", "-o compat=0.10"),
    variant("zlib, 4 KiB clusters", "-c -o compression_type=zlib,cluster_size=4k"),
    warned("zstd", "-c -o compression_type=zstd"),
    warned("extended L2, 16 KiB clusters", "-o extended_l2=on,cluster_size=16k"),
    warned("extended L2, zstd", "-c -o extended_l2=on,compression_type=zstd"),
    variant("metadata preallocated", "-o preallocation=metadata"),
    variant("1-bit refcounts", "-o refcount_bits=1"),
    variant("64-bit refcounts", "-o refcount_bits=64"),
];

pub fn compare(checker: &Checker, guest: &WholeGuest, log: &mut Log) -> Result<()> {
    let data = Data::of(&guest.image)?;
    log.note("raw, every byte", bytes::compare(&guest.image, &guest.image, &data)?);
    for variant in OF_THE_WHOLE {
        one(checker, variant, &guest.image, &data, log).context(variant.name)?;
    }
    let small = workspace::cache()?.join("variant.raw");
    Tool::new("qemu-img")
        .words("convert -O raw")
        .arg(workspace::root().join("testdata/guests/good.qcow2"))
        .arg(&small)
        .run()?;
    let data = Data::of(&small)?;
    for variant in OF_THE_SMALL {
        one(checker, variant, &small, &data, log).context(variant.name)?;
    }
    Ok(fs::remove_file(small)?)
}

fn one(checker: &Checker, variant: &Variant, raw: &Path, data: &Data, log: &mut Log) -> Result<()> {
    let image = workspace::cache()?.join("variant.qcow2");
    let convert = Tool::new("qemu-img").words("convert -f raw -O qcow2").words(variant.arguments);
    convert.arg(raw).arg(&image).run()?;
    let mut findings = GUEST.to_vec();
    if variant.warned {
        findings.push(("qcow2-features-conservative", "warn"));
    }
    let outcome = checker.check(&image)?;
    let mut wrong = Expectation::new(0, &findings, &[]).differences(&outcome);
    wrong.extend(bytes::compare(&image, raw, data)?);
    log.note(&format!("qcow2, {}", variant.name), wrong);
    Ok(fs::remove_file(&image)?)
}
