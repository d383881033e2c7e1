//! NTFS volumes inside a disk image, by `mkntfs` and `ntfs-3g`.

use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::Path;

use anyhow::{Context, Result, ensure};

use crate::guest::mount::Loop;
use crate::tool::Tool;

/// A mount by `ntfs-3g`.
pub struct Mount {
    dir: tempfile::TempDir,
}

impl Mount {
    pub fn new(device: &str, options: &str) -> Result<Self> {
        let dir = tempfile::tempdir()?;
        Tool::new("ntfs-3g").arg("-o").arg(options).arg(device).arg(dir.path()).run()?;
        Ok(Self { dir })
    }

    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    pub fn end(self) -> Result<()> {
        Tool::new("umount").arg(self.dir.path()).run()?;
        Ok(())
    }
}

/// What more is to be done to a volume while it is mounted.
pub type More = fn(&Path) -> Result<()>;

/// A volume to be made.
pub struct Volume<'a> {
    /// First byte and length in the image.
    pub place: (u64, u64),
    pub label: &'a str,
    /// Its files are those below this directory.
    pub files: &'a Path,
    pub cluster_size: u32,
    pub more: Option<More>,
}

/// Makes NTFS in `image`.
pub fn make(image: &Path, volume: &Volume<'_>) -> Result<()> {
    let (start, size) = volume.place;
    let device = Loop::part(image, start, size)?;
    Tool::new("mkntfs")
        .words("--quick --force --quiet --no-indexing --sector-size 512 --cluster-size")
        .arg(volume.cluster_size.to_string())
        .words("--heads 255 --sectors-per-track 63 --partition-start")
        .arg((start / 512).to_string())
        .arg("--label")
        .arg(volume.label)
        .arg(&device.device)
        .run()?;
    let mount = Mount::new(&device.device, "rw")?;
    let filled = copy(volume.files, mount.path())
        .and_then(|()| volume.more.map_or(Ok(()), |more| more(mount.path())));
    mount.end()?;
    filled
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    for entry in fs::read_dir(from).with_context(|| from.display().to_string())? {
        Tool::new("cp").arg("-R").arg(entry?.path()).arg(to).run()?;
    }
    Ok(())
}

/// An attribute in one of the system's own file records.
struct Attribute {
    /// The file record, and its first byte in the image.
    record: Vec<u8>,
    at: u64,
    /// Where the attribute begins in it.
    start: usize,
    /// Bytes of a cluster.
    cluster: u64,
}

impl Attribute {
    /// The first attribute of that type in record `number` of the volume that begins at byte `start`.
    fn find(file: &File, start: u64, number: u64, kind: u32) -> Result<Self> {
        const RECORD: usize = 1024;
        let mut boot = [0; 64];
        file.read_exact_at(&mut boot, start)?;
        let cluster = u64::from(boot[13]) * u64::from(u16::from_le_bytes([boot[11], boot[12]]));
        let mft = u64::from_le_bytes(boot[48..56].try_into()?) * cluster;
        let at = start + mft + number * RECORD as u64;
        let mut record = vec![0; RECORD];
        file.read_exact_at(&mut record, at)?;
        ensure!(record.starts_with(b"FILE"), "no MFT record at byte {at}");
        let mut found = Self { start: 0, record, at, cluster };
        found.start = found.u16(0x14);
        while found.u32(0)? != kind {
            found.start += found.u32(4)?.max(8) as usize;
        }
        Ok(found)
    }

    fn u16(&self, at: usize) -> usize {
        let at = self.start + at;
        usize::from(u16::from_le_bytes([self.record[at], self.record[at + 1]]))
    }

    fn u32(&self, at: usize) -> Result<u32> {
        let at = self.start + at;
        let word = self.record.get(at..at + 4).context("no more attributes")?;
        Ok(u32::from_le_bytes(word.try_into()?))
    }
}

fn open(image: &Path) -> Result<File> {
    Ok(OpenOptions::new().read(true).write(true).open(image)?)
}

/// Sets the dirty flag of the volume that begins at byte `start`: bit 0 of the flags in
/// `$VOLUME_INFORMATION` of `$Volume`, the MFT's record 3.
pub fn mark_dirty(image: &Path, start: u64) -> Result<()> {
    const INFORMATION: u32 = 0x70;
    let file = open(image)?;
    let information = Attribute::find(&file, start, 3, INFORMATION)?;
    let flags = information.start + information.u16(0x14) + 10;
    file.write_all_at(&[information.record[flags] | 1], information.at + flags as u64)?;
    Ok(())
}

/// Leaves the log of the volume at `place` as Windows does while the volume is mounted: a restart page
/// twice in `$LogFile` (the MFT's record 2) whose one client has it open. ntfs-3g says so, too.
pub fn mark_log_in_use(image: &Path, place: (u64, u64)) -> Result<()> {
    const DATA: u32 = 0x80;
    const PAGE: usize = 4096;
    let file = open(image)?;
    let data = Attribute::find(&file, place.0, 2, DATA)?;
    // The first mapping pair: how many bytes its length and its cluster have, then these.
    let pair = data.record.get(data.start + data.u16(0x20)..).context("no mapping pairs")?;
    let (length, bytes) = (usize::from(pair[0] & 0xf), usize::from(pair[0] >> 4));
    let mut cluster = [0; 8];
    cluster[..bytes].copy_from_slice(pair.get(1 + length..1 + length + bytes).context("cut")?);
    let log = place.0 + u64::from_le_bytes(cluster) * data.cluster;

    // RESTART_PAGE_HEADER, RESTART_AREA and the client's record of ntfs-3g's logfile.h.
    let mut page = vec![0; PAGE];
    let mut put = |at: usize, bytes: &[u8]| page[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, b"RSTR");
    put(4, &0x1e_u16.to_le_bytes());
    put(6, &9_u16.to_le_bytes());
    put(0x10, &4096_u32.to_le_bytes());
    put(0x14, &4096_u32.to_le_bytes());
    put(0x18, &0x30_u16.to_le_bytes());
    put(0x1a, &[1, 0, 1, 0]);
    put(0x1e, &[1, 0]);
    const AREA: usize = 0x30;
    put(AREA, &0x0010_0000_u64.to_le_bytes());
    put(AREA + 8, &1_u16.to_le_bytes()); // clients
    put(AREA + 10, &0xffff_u16.to_le_bytes()); // no record is free
    put(AREA + 12, &0_u16.to_le_bytes()); // the first is in use
    let size = data.record.get(data.start + 0x30..data.start + 0x38).context("no size")?;
    let size = u64::from_le_bytes(size.try_into()?);
    put(AREA + 16, &(67 - size.ilog2()).to_le_bytes()); // bits of a sequence number
    put(AREA + 20, &(0x40_u16 + 0xa0).to_le_bytes());
    put(AREA + 22, &0x40_u16.to_le_bytes());
    put(AREA + 24, &size.to_le_bytes());
    put(AREA + 36, &0x30_u16.to_le_bytes()); // header of a log record
    put(AREA + 38, &0x40_u16.to_le_bytes()); // start of a log page's data
    const CLIENT: usize = AREA + 0x40;
    put(CLIENT + 16, &[0xff; 4]); // no record before it, none behind it
    put(CLIENT + 28, &8_u32.to_le_bytes());
    let name: Vec<u8> = "NTFS".encode_utf16().flat_map(u16::to_le_bytes).collect();
    put(CLIENT + 32, &name);
    for end in (512..=PAGE).step_by(512) {
        put(end - 2, &[1, 0]);
    }
    file.write_all_at(&[page.as_slice(), &page].concat(), log)?;

    const UNCLEAN: i32 = 15;
    let device = Loop::part(image, place.0, place.1)?;
    let probed = Tool::new("ntfs-3g.probe").arg("--readwrite").arg(&device.device).output(b"")?;
    ensure!(probed.status.code() == Some(UNCLEAN), "ntfs-3g.probe: {}", probed.status);
    Ok(())
}
