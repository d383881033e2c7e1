//! ext2, ext3 and ext4.

use anyhow::Result;

use super::{Bench, Log};

/// Name and words for `mke2fs`.
const KINDS: &[(&str, &str)] = &[
    ("ext4", "-t ext4 -N 40000 -b 4096"),
    ("ext4, 1 KiB blocks", "-t ext4 -N 40000 -b 1024"),
    ("ext4, inline_data", "-t ext4 -N 40000 -b 4096 -O inline_data"),
    (
        "ext4, inline_data, 512-byte inodes, 1 KiB blocks",
        "-t ext4 -N 40000 -b 1024 -I 512 -O inline_data",
    ),
    ("ext4, bigalloc", "-t ext4 -N 20000 -b 4096 -O bigalloc -C 16384"),
    (
        "ext4, 64bit,metadata_csum",
        "-t ext4 -N 40000 -b 4096 -O 64bit,metadata_csum,metadata_csum_seed",
    ),
    ("ext4 without 64bit, metadata_csum", "-t ext4 -N 40000 -b 4096 -O ^64bit,^metadata_csum"),
    ("ext4 without dir_index", "-t ext4 -N 40000 -b 1024 -O ^dir_index"),
    (
        "ext4, large_dir,ea_inode,orphan_file",
        "-t ext4 -N 40000 -b 1024 -O large_dir,ea_inode,orphan_file",
    ),
    ("ext4 without extents and journal", "-t ext4 -N 40000 -b 4096 -O ^extent,^64bit,^has_journal"),
    ("ext4, meta_bg, flex_bg", "-t ext4 -N 40000 -b 1024 -O meta_bg,flex_bg,^resize_inode"),
    ("ext3", "-t ext3 -N 40000 -b 4096"),
    ("ext3, 1 KiB blocks", "-t ext3 -N 40000 -b 1024"),
    ("ext2", "-t ext2 -N 40000 -b 4096"),
    ("ext2, 1 KiB blocks", "-t ext2 -N 40000 -b 1024"),
];

pub(super) fn compare(bench: &Bench, log: &mut Log) -> Result<()> {
    for (name, words) in KINDS {
        bench.whole(name, &format!("mke2fs -q -F {words}"), "noatime", log)?;
    }
    Ok(())
}
