//! A raw disk image, laid out without device nodes for its partitions.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::identity::{DISK_GUID, ESP_ID, MBR_SIGNATURE, NOW};
use crate::tool::Tool;

pub const MIB: u64 = 1 << 20;
pub const GIB: u64 = 1 << 30;

/// Partition types as `sfdisk` takes them.
pub mod kind {
    pub const LINUX: &str = "83";
    pub const LVM: &str = "8e";
    pub const WINDOWS: &str = "7";
    pub const GPT_LINUX: &str = "0FC63DAF-8483-4772-8E79-3D69D8477DE4";
    pub const GPT_BIOS_BOOT: &str = "21686148-6449-6E6F-744E-656564454649";
    pub const GPT_SWAP: &str = "0657FD6D-A4AB-43C4-84E5-0933C84B4F4F";
    pub const GPT_EFI: &str = "C12A7328-F81F-11D2-BA4B-00A0C93EC93B";
}

/// What a partition is filled with.
pub enum Content {
    Empty,
    /// ext4 of a directory, with this UUID and further words for `mke2fs`.
    Ext4 {
        dir: PathBuf,
        uuid: &'static str,
        options: &'static str,
    },
    /// FAT32 with these files.
    Fat {
        files: Vec<(&'static str, PathBuf)>,
    },
    /// A swap area with this UUID.
    Swap {
        uuid: &'static str,
    },
    /// The bytes of a file.
    Bytes(PathBuf),
}

pub struct Partition {
    /// First byte, a multiple of 1 MiB.
    pub start: u64,
    /// Length in bytes, a multiple of 1 MiB.
    pub size: u64,
    pub kind: &'static str,
    pub active: bool,
    pub content: Content,
}

impl Partition {
    pub fn new(start: u64, size: u64, kind: &'static str, content: Content) -> Self {
        Self { start, size, kind, active: false, content }
    }

    pub fn active(mut self) -> Self {
        self.active = true;
        self
    }

    pub fn range(&self) -> (u64, u64) {
        (self.start, self.size)
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Table {
    None,
    Mbr,
    Gpt,
}

pub struct Disk {
    pub size: u64,
    pub table: Table,
    pub partitions: Vec<Partition>,
}

impl Disk {
    /// Writes the disk to `path`, as a sparse file.
    pub fn write(&self, path: &Path) -> Result<()> {
        let file = File::create(path).with_context(|| path.display().to_string())?;
        file.set_len(self.size)?;
        drop(file);
        if self.table != Table::None {
            Tool::new("sfdisk")
                .words("--quiet --no-reread --no-tell-kernel")
                .arg(path)
                .run_with(self.script().as_bytes())?;
        }
        for partition in &self.partitions {
            partition.fill(path)?;
        }
        Ok(())
    }

    fn script(&self) -> String {
        let mut script = match self.table {
            Table::Gpt => format!("label: gpt\nlabel-id: {DISK_GUID}\n"),
            _ => format!("label: dos\nlabel-id: {MBR_SIGNATURE}\n"),
        };
        script.push_str("unit: sectors\n");
        for (index, partition) in self.partitions.iter().enumerate() {
            let (start, size, kind) = (partition.start / 512, partition.size / 512, partition.kind);
            script.push_str(&format!("start={start}, size={size}, type={kind}"));
            match self.table {
                Table::Gpt => {
                    script.push_str(&format!(", uuid=6E1F0000-0000-4000-8000-{index:012X}"));
                }
                _ if partition.active => script.push_str(", bootable"),
                _ => {}
            }
            script.push('\n');
        }
        script
    }
}

impl Partition {
    pub fn fill(&self, image: &Path) -> Result<()> {
        match &self.content {
            Content::Empty => Ok(()),
            // ext4 goes straight into the image: a copy of a large one would be slow.
            Content::Ext4 { dir, uuid, options } => {
                Tool::new("mke2fs")
                    .words("-q -F -t ext4")
                    .words(options)
                    .arg("-U")
                    .arg(uuid)
                    .arg("-E")
                    .arg(format!(
                        "offset={},hash_seed={uuid},lazy_itable_init=1{}",
                        self.start,
                        // A second -E would undo the first.
                        if options.contains("sparse_super2") { ",num_backup_sb=0" } else { "" }
                    ))
                    .arg("-d")
                    .arg(dir)
                    .arg(image)
                    .arg(format!("{}k", self.size / 1024))
                    .env("E2FSPROGS_FAKE_TIME", NOW)
                    .run()?;
                Ok(())
            }
            Content::Fat { files } => {
                let part = self.temporary()?;
                Tool::new("mkfs.vfat")
                    .words("--invariant -F 32 -n ESP -i")
                    .arg(ESP_ID)
                    .arg(part.path())
                    .run()?;
                Tool::new("mmd").arg("-i").arg(part.path()).words("::EFI ::EFI/BOOT").run()?;
                for (name, from) in files {
                    Tool::new("mcopy")
                        .arg("-i")
                        .arg(part.path())
                        .arg(from)
                        .arg(format!("::{name}"))
                        .run()?;
                }
                self.copy(part.path(), image)
            }
            Content::Swap { uuid } => {
                let part = self.temporary()?;
                Tool::new("mkswap").arg("-q").arg("-U").arg(uuid).arg(part.path()).run()?;
                self.copy(part.path(), image)
            }
            Content::Bytes(from) => self.copy(from, image),
        }
    }

    fn temporary(&self) -> Result<tempfile::NamedTempFile> {
        let file = tempfile::NamedTempFile::new()?;
        file.as_file().set_len(self.size)?;
        Ok(file)
    }

    fn copy(&self, from: &Path, image: &Path) -> Result<()> {
        anyhow::ensure!(fs::metadata(from)?.len() <= self.size, "{} is too long", from.display());
        Tool::new("dd")
            .words("bs=1M conv=notrunc,sparse oflag=seek_bytes status=none")
            .arg(format!("if={}", from.display()))
            .arg(format!("of={}", image.display()))
            .arg(format!("seek={}", self.start))
            .run()?;
        Ok(())
    }
}
