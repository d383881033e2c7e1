//! NTFS volumes inside a disk image, by `mkntfs` and `ntfs-3g`.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::Path;

use anyhow::{Context, Result, ensure};

use crate::guest::mount::Loop;
use crate::tool::Tool;

/// A mount by `ntfs-3g` that goes away with the value.
struct Mount {
    dir: tempfile::TempDir,
}

impl Mount {
    fn new(device: &str) -> Result<Self> {
        let dir = tempfile::tempdir()?;
        Tool::new("ntfs-3g").arg(device).arg(dir.path()).run()?;
        Ok(Self { dir })
    }

    fn end(self) -> Result<()> {
        Tool::new("umount").arg(self.dir.path()).run()?;
        Ok(())
    }
}

/// Makes NTFS in `size` bytes of `image` from `start` on, with the files below `dir`.
pub fn make(image: &Path, (start, size): (u64, u64), label: &str, dir: &Path) -> Result<()> {
    let device = Loop::part(image, start, size)?;
    Tool::new("mkntfs")
        .words("--quick --force --quiet --no-indexing --sector-size 512")
        // ntfs-3g leaves 4096 clusters between two files: with small ones they lie closer together,
        // and the qcow2 file needs fewer tables.
        .words("--cluster-size 1024")
        .words("--heads 255 --sectors-per-track 63 --partition-start")
        .arg((start / 512).to_string())
        .arg("--label")
        .arg(label)
        .arg(&device.device)
        .run()?;
    let mount = Mount::new(&device.device)?;
    let copied = copy(dir, mount.dir.path());
    mount.end()?;
    copied
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    for entry in fs::read_dir(from).with_context(|| from.display().to_string())? {
        Tool::new("cp").arg("-R").arg(entry?.path()).arg(to).run()?;
    }
    Ok(())
}

/// Sets the dirty flag of the volume that begins at byte `start`: bit 0 of the flags in
/// `$VOLUME_INFORMATION` of `$Volume`, the MFT's record 3.
pub fn mark_dirty(image: &Path, start: u64) -> Result<()> {
    const RECORD: usize = 1024;
    const INFORMATION: u32 = 0x70;
    let file = OpenOptions::new().read(true).write(true).open(image)?;
    let mut boot = [0; 64];
    file.read_exact_at(&mut boot, start)?;
    let sectors = u64::from(boot[13]) * u64::from(u16::from_le_bytes([boot[11], boot[12]]));
    let mft = u64::from_le_bytes(boot[48..56].try_into()?) * sectors;
    let at = start + mft + 3 * RECORD as u64;
    let mut record = [0; RECORD];
    file.read_exact_at(&mut record, at)?;
    ensure!(record.starts_with(b"FILE"), "no MFT record at byte {at}");
    let u16_at = |at: usize| usize::from(u16::from_le_bytes([record[at], record[at + 1]]));
    let mut attribute = u16_at(0x14);
    loop {
        let word = |at: usize| -> Result<u32> {
            Ok(u32::from_le_bytes(
                record.get(at..at + 4).context("no more attributes")?.try_into()?,
            ))
        };
        if word(attribute)? == INFORMATION {
            break;
        }
        attribute += word(attribute + 4)?.max(8) as usize;
    }
    let flags = attribute + u16_at(attribute + 0x14) + 10;
    file.write_all_at(&[record[flags] | 1], at + flags as u64)?;
    Ok(())
}
