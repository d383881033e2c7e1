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
        let device = Tool::new("losetup")
            .words("--find --show")
            .arg(format!("--offset={offset}"))
            .arg(format!("--sizelimit={size}"))
            .arg(image)
            .run()?;
        Ok(Self { device: device.trim().to_owned() })
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
    _device: Loop,
}

impl Mount {
    /// Mounts the file system in `size` bytes of `image` from `offset` on. The kernel makes no
    /// partition nodes here, so the offset stands for the partition.
    pub fn new(image: &Path, offset: u64, size: u64, options: &str) -> Result<Self> {
        let dir = tempfile::tempdir().context("a directory to mount on")?;
        // `mount -o loop` refuses a second loop device over the same image; GRUB's setup needs two.
        let device = Loop::part(image, offset, size)?;
        Tool::new("mount").arg("-o").arg(options).arg(&device.device).arg(dir.path()).run()?;
        Ok(Self { dir, _device: device })
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
