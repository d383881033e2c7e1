//! The disk of a case, and the ways to change it.

use std::fs;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use super::layout::{Layout, Place};
use crate::guest::debian::Debian;
use crate::guest::disk::MIB;
use crate::guest::mount::Loop;
use crate::testdata::small::archive;
use crate::tool::Tool;

/// A copy of the guest in its layout.
pub struct Bench<'a> {
    pub debian: &'a Debian,
    pub layout: Layout,
    pub image: PathBuf,
}

impl Bench<'_> {
    pub fn kernel(&self) -> String {
        format!("vmlinuz-{}", self.debian.kernel)
    }

    pub fn initramfs(&self) -> String {
        format!("initrd.img-{}", self.debian.kernel)
    }

    /// Changes the root file system.
    pub fn root(&self, edit: impl FnOnce(&Path) -> Result<()>) -> Result<()> {
        edit(self.layout.root().mount(&self.image)?.path())
    }

    /// Changes what is in `/boot`.
    pub fn boot(&self, edit: impl FnOnce(&Path) -> Result<()>) -> Result<()> {
        let (place, dir) = self.layout.boot();
        edit(&place.mount(&self.image)?.join(dir))
    }

    /// Puts in an initramfs of the guest's `mkinitramfs` without these modules.
    pub fn initramfs_without(&self, modules: &[&str]) -> Result<()> {
        let kept: Vec<&str> =
            self.layout.modules().into_iter().filter(|name| !modules.contains(name)).collect();
        let bytes = self.debian.initramfs(&kept)?;
        self.boot(|dir| Ok(fs::write(dir.join(self.initramfs()), bytes)?))
    }

    /// Takes files out of the initramfs, by patterns of their paths.
    pub fn initramfs_less(&self, patterns: &str) -> Result<()> {
        let bytes = self.debian.initramfs(&self.layout.modules())?;
        let dir = tempfile::tempdir()?;
        Tool::new("cpio").words("--quiet -i").dir(dir.path()).run_with(&unzstd(&bytes)?)?;
        for pattern in patterns.split_whitespace() {
            let find = Tool::new("find").words(". -path").arg(pattern).words("-print -delete");
            ensure!(!find.dir(dir.path()).run()?.is_empty(), "no {pattern} in the initramfs");
        }
        let packed = archive(dir.path())?;
        self.boot(|boot| Ok(fs::write(boot.join(self.initramfs()), packed)?))
    }

    /// Writes over bytes of the disk.
    pub fn patch(&self, offset: u64, bytes: &[u8]) -> Result<()> {
        Ok(fs::OpenOptions::new().write(true).open(&self.image)?.write_all_at(bytes, offset)?)
    }

    /// Runs a tool on a file system that is not mounted.
    pub fn tool(&self, place: Place, name: &str, words: &str) -> Result<()> {
        let device = Loop::part(&self.image, place.range.0, place.range.1)?;
        Tool::new(name).words(words).arg(&device.device).run()?;
        Ok(())
    }

    /// Zeroes the space between the MBR and the first partition, where GRUB's core image lies.
    pub fn zero_gap(&self) -> Result<()> {
        self.patch(512, &vec![0; usize::try_from(MIB - 512)?])
    }
}

fn unzstd(bytes: &[u8]) -> Result<Vec<u8>> {
    let output = Tool::new("zstd").words("--decompress --stdout --quiet").output(bytes)?;
    ensure!(output.status.success(), "zstd: {}", String::from_utf8_lossy(&output.stderr));
    Ok(output.stdout)
}

pub fn replace(path: &Path, from: &str, to: &str) -> Result<()> {
    let text = fs::read_to_string(path).with_context(|| path.display().to_string())?;
    ensure!(text.contains(from), "{} has no {from}", path.display());
    Ok(fs::write(path, text.replace(from, to))?)
}

pub fn append(path: &Path, line: &str) -> Result<()> {
    let text = fs::read_to_string(path).with_context(|| path.display().to_string())?;
    Ok(fs::write(path, text + line)?)
}

/// Cuts a file to half its length.
pub fn halve(path: &Path) -> Result<()> {
    let file = fs::OpenOptions::new().write(true).open(path)?;
    Ok(file.set_len(file.metadata()?.len() / 2)?)
}
