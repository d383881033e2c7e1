//! Members of md arrays, where no kernel with the md driver is needed: superblocks by Linux'
//! `include/uapi/linux/raid/md_p.h` (version 1.2), each taken by `mdadm --examine`; data laid out
//! by md(4).

use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use rustix::fs::SeekFrom;
use rustix::io::Errno;

use super::mount::Loop;
use crate::tool::Tool;

/// Where data begins in a member.
const DATA: u64 = 1 << 20;

/// The place of a superblock of version 1.2.
const SUPERBLOCK: u64 = 4096;

/// Bytes of a chunk.
pub const CHUNK: u64 = 64 << 10;

/// How an array lays its data out.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Level {
    Linear,
    Raid0,
    Raid1,
    /// `near=2`.
    Raid10,
}

/// An array whose members are parts (first byte, bytes) of a file, all of the same size. `None` is
/// a member that is on another disk.
pub struct Array<'a> {
    pub level: Level,
    pub image: &'a Path,
    pub members: Vec<Option<(u64, u64)>>,
    /// `host:name`.
    pub name: &'a str,
}

impl Array<'_> {
    fn member_size(&self) -> Result<u64> {
        let (_, size) = self.members.iter().flatten().next().context("an array without members")?;
        Ok((size - DATA) / CHUNK * CHUNK)
    }

    /// Bytes of the array.
    pub fn size(&self) -> Result<u64> {
        let count = self.members.len() as u64;
        Ok(match self.level {
            Level::Raid1 => self.member_size()?,
            Level::Raid10 => self.member_size()? / CHUNK * count / 2 * CHUNK,
            Level::Linear | Level::Raid0 => self.member_size()? * count,
        })
    }

    /// Writes superblocks and content.
    pub fn write(&self, content: &Path) -> Result<()> {
        let file = OpenOptions::new().read(true).write(true).open(self.image)?;
        for (slot, member) in self.members.iter().enumerate() {
            if let Some((start, size)) = member {
                let superblock = self.superblock(slot as u32, *size)?;
                file.write_all_at(&superblock, start + SUPERBLOCK)?;
                let device = Loop::part(self.image, *start, *size)?;
                let shown = Tool::new("mdadm").arg("--examine").arg(&device.device).run()?;
                ensure!(shown.contains("- correct"), "mdadm --examine: {shown}");
            }
        }
        let content = File::open(content)?;
        let len = content.metadata()?.len();
        ensure!(len <= self.size()?, "the content is longer than the array");
        let mut bytes = vec![0; CHUNK as usize];
        for number in 0..len.div_ceil(CHUNK) {
            let take = CHUNK.min(len - number * CHUNK);
            match rustix::fs::seek(&content, SeekFrom::Data(number * CHUNK)) {
                Ok(data) if data < number * CHUNK + take => {}
                Ok(_) | Err(Errno::NXIO) => continue,
                Err(error) => return Err(error.into()),
            }
            let bytes = bytes.get_mut(..take as usize).context("a chunk")?;
            content.read_exact_at(bytes, number * CHUNK)?;
            if bytes.iter().all(|byte| *byte == 0) {
                continue;
            }
            for (slot, at) in self.places(number)? {
                if let Some(Some((start, _))) = self.members.get(slot as usize) {
                    file.write_all_at(bytes, start + DATA + at * CHUNK)?;
                }
            }
        }
        Ok(())
    }

    /// The members, and the chunk in each, that hold this chunk of the array.
    fn places(&self, number: u64) -> Result<Vec<(u64, u64)>> {
        let count = self.members.len() as u64;
        let near = |copy: u64| ((number * 2 + copy) % count, (number * 2 + copy) / count);
        let each = self.member_size()? / CHUNK;
        Ok(match self.level {
            Level::Linear => vec![(number / each, number % each)],
            Level::Raid0 => vec![(number % count, number / count)],
            Level::Raid1 => (0..count).map(|slot| (slot, number)).collect(),
            Level::Raid10 => vec![near(0), near(1)],
        })
    }

    fn superblock(&self, slot: u32, size: u64) -> Result<Vec<u8>> {
        let disks = self.members.len();
        let (level, layout, chunk, features): (i32, u32, u64, u32) = match self.level {
            Level::Linear => (-1, 0, CHUNK, 0),
            // MD_FEATURE_RAID0_LAYOUT, layout 2: as kernels since 3.14 have it.
            Level::Raid0 => (0, 2, CHUNK, 4096),
            Level::Raid1 => (1, 0, 0, 0),
            Level::Raid10 => (10, 0x102, CHUNK, 0),
        };
        let used = match self.level {
            Level::Linear | Level::Raid0 => 0,
            _ => self.member_size()?,
        };
        let mut block = vec![0; 256 + 2 * disks];
        let mut put = |at: usize, bytes: &[u8]| {
            for (to, from) in block.iter_mut().skip(at).zip(bytes) {
                *to = *from;
            }
        };
        put(0, &0xa92b_4efc_u32.to_le_bytes());
        put(4, &1_u32.to_le_bytes());
        put(8, &features.to_le_bytes());
        put(16, b"\x6e\x1f\xde\xad\x00\x00\x40\x00\x80\x00preflig");
        put(32, self.name.as_bytes());
        put(64, &1_700_000_000_u64.to_le_bytes());
        put(72, &level.to_le_bytes());
        put(76, &layout.to_le_bytes());
        put(80, &(used / 512).to_le_bytes());
        put(88, &((chunk / 512) as u32).to_le_bytes());
        put(92, &(disks as u32).to_le_bytes());
        put(128, &(DATA / 512).to_le_bytes());
        put(136, &((size - DATA) / 512).to_le_bytes());
        put(144, &(SUPERBLOCK / 512).to_le_bytes());
        put(160, &slot.to_le_bytes());
        put(168, &[slot as u8 + 1; 16]);
        put(192, &1_700_000_001_u64.to_le_bytes());
        put(200, &20_u64.to_le_bytes());
        put(208, &u64::MAX.to_le_bytes());
        put(220, &(disks as u32).to_le_bytes());
        for number in 0..disks {
            put(256 + 2 * number, &(number as u16).to_le_bytes());
        }
        // `calc_sb_1_csum`: the sum of all words, the carry folded in once.
        let mut sum: u64 = 0;
        for word in block.chunks(4) {
            let mut bytes = [0; 4];
            bytes.iter_mut().zip(word).for_each(|(to, from)| *to = *from);
            sum += u64::from(u32::from_le_bytes(bytes));
        }
        let sum = ((sum & 0xffff_ffff) + (sum >> 32)) as u32;
        if let Some(place) = block.get_mut(216..220) {
            place.copy_from_slice(&sum.to_le_bytes());
        }
        Ok(block)
    }
}
