//! Loop devices and mounts that go away with the value that made them.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::tool::Tool;

/// A loop device over a file.
pub struct Loop {
    pub device: String,
}

impl Loop {
    /// A loop device over the whole of `image`.
    pub fn new(image: &Path) -> Result<Self> {
        Self::part(image, 0, 0)
    }

    /// A loop device over `size` bytes of `image` from `offset` on; over all of them when 0.
    pub fn part(image: &Path, offset: u64, size: u64) -> Result<Self> {
        Self::with_sectors(image, offset, size, 512)
    }

    /// The same, through which nothing is written: even a mount for reading writes down errors that
    /// it meets.
    pub fn read_only(image: &Path, offset: u64, size: u64) -> Result<Self> {
        let device = Tool::new("losetup")
            .words("--find --show --read-only")
            .arg(format!("--offset={offset}"))
            .arg(format!("--sizelimit={size}"))
            .arg(image)
            .run()?;
        Ok(Self { device: device.trim().to_owned() })
    }

    /// The same, with logical sectors of `sector` bytes.
    pub fn with_sectors(image: &Path, offset: u64, size: u64, sector: u32) -> Result<Self> {
        let device = Tool::new("losetup")
            .words("--find --show")
            .arg(format!("--sector-size={sector}"))
            .arg(format!("--offset={offset}"))
            .arg(format!("--sizelimit={size}"))
            .arg(image)
            .run()?;
        Ok(Self { device: device.trim().to_owned() })
    }

    /// Makes a file system on it, by the tool and the words of `mkfs`. The tool sees no other
    /// device: `mkfs.btrfs` refuses a UUID that any of the machine's devices has.
    pub fn make(&self, mkfs: &str) -> Result<()> {
        Tool::new("unshare")
            .words("--mount -- sh -c")
            .arg("mount -t tmpfs none /sys/block && exec \"$@\"")
            .words("sh")
            .words(mkfs)
            .arg(&self.device)
            // Devices that libblkid has seen before.
            .env("BLKID_FILE", "/dev/null")
            .run()?;
        Ok(())
    }
}

impl Drop for Loop {
    fn drop(&mut self) {
        if let Err(error) = Tool::new("losetup").arg("--detach").arg(&self.device).run() {
            eprintln!("{error:#}");
        }
    }
}

/// A file system of an image, mounted by the kernel.
pub struct Mount {
    dir: tempfile::TempDir,
    _devices: Vec<Loop>,
}

impl Mount {
    /// Mounts the file system in `size` bytes of `image` from `offset` on. The kernel makes no
    /// partition nodes here, so the offset stands for the partition.
    pub fn new(image: &Path, offset: u64, size: u64, options: &str) -> Result<Self> {
        // `mount -o loop` refuses a second loop device over the same image; GRUB's setup needs two.
        Self::of(vec![Loop::part(image, offset, size)?], options)
    }

    /// Mounts the file system on the first of these devices; the others are further devices of it.
    pub fn of(devices: Vec<Loop>, options: &str) -> Result<Self> {
        let dir = tempfile::tempdir().context("a directory to mount on")?;
        let mut mount = Tool::new("mount").arg("-o").arg(options);
        for device in devices.iter().skip(1) {
            mount = mount.arg("-o").arg(format!("device={}", device.device));
        }
        let first = devices.first().context("no device to mount")?;
        mount.arg(&first.device).arg(dir.path()).run()?;
        Ok(Self { dir, _devices: devices })
    }

    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    /// `path` of the guest (absolute) below the mount.
    pub fn join(&self, path: &str) -> PathBuf {
        self.dir.path().join(path.trim_start_matches('/'))
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        if let Err(error) = Tool::new("umount").arg(self.dir.path()).run() {
            eprintln!("{error:#}");
        }
    }
}
