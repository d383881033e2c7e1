//! XFS.

use anyhow::{Result, bail};

use super::{Bench, Log, SIZE, make};
use crate::guest::mount::Mount;

/// Name and words for `mkfs.xfs`.
const KINDS: &[(&str, &str)] = &[
    ("XFS version 5", ""),
    ("XFS, 8 KiB directory blocks", "-n size=8192"),
    ("XFS, 64 KiB directory blocks", "-n size=65536"),
    ("XFS, nrext64", "-i nrext64=1"),
    ("XFS, bigtime,inobtcount", "-m bigtime=1,inobtcount=1"),
    ("XFS without bigtime, reflink", "-m bigtime=0,inobtcount=0,reflink=0,finobt=0"),
    ("XFS, rmapbt", "-m rmapbt=1"),
    ("XFS, sectors of 4096 bytes", "-s size=4096"),
    ("XFS, 1 KiB blocks", "-b size=1024"),
    ("XFS, 1 KiB blocks, rmapbt", "-b size=1024 -m rmapbt=1"),
    ("XFS, 2 KiB inodes", "-i size=2048"),
];

/// Version 4, which kernels may be built without (`CONFIG_XFS_SUPPORT_V4`).
const OLD: &[(&str, &str)] = &[
    ("XFS version 4", "-m crc=0"),
    ("XFS version 4 without ftype", "-m crc=0 -n ftype=0"),
    ("XFS version 4, 256-byte inodes, 1 KiB blocks", "-m crc=0 -i size=256 -b size=1024"),
];

pub(super) fn compare(bench: &Bench, log: &mut Log) -> Result<()> {
    for (name, words) in KINDS {
        bench.whole(name, &format!("mkfs.xfs -q -f {words}"), "noatime", log)?;
    }
    for (name, words) in OLD {
        let mkfs = format!("mkfs.xfs -q -f {words}");
        let image = bench.image(SIZE)?;
        make(&mkfs, &image)?;
        match Mount::new(&image, 0, 0, "ro") {
            Ok(mount) => {
                drop(mount);
                bench.whole(name, &mkfs, "noatime", log)?;
            }
            Err(_) if !log_names_version_4()? => bail!("{name}: mount failed"),
            Err(_) => log.skip(&format!("torture, {name}"), "this kernel mounts no XFS version 4"),
        }
    }
    Ok(())
}

/// Whether the kernel's log says that version 4 is what it refuses.
fn log_names_version_4() -> Result<bool> {
    let log = crate::tool::Tool::new("dmesg").run()?;
    Ok(log.lines().rev().take(20).any(|line| line.contains("Deprecated V4 format")))
}
