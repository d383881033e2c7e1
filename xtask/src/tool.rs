//! Runs external tools, and says which Debian package a missing one is in.

use std::ffi::OsStr;
use std::fmt;
use std::io::ErrorKind;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use anyhow::{Context, Result, bail};

/// The Debian package of each tool that the commands here run.
const PACKAGES: &[(&str, &str)] = &[
    ("bash", "bash"),
    ("blkid", "util-linux"),
    ("btrfs", "btrfs-progs"),
    ("buildah", "buildah"),
    ("chromium", "chromium"),
    ("chroot", "coreutils"),
    ("cp", "coreutils"),
    ("cpio", "cpio"),
    ("cryptsetup", "cryptsetup-bin"),
    ("dd", "coreutils"),
    ("debugfs", "e2fsprogs"),
    ("dmesg", "util-linux"),
    ("dpkg", "dpkg"),
    ("extlinux", "extlinux"),
    ("find", "findutils"),
    ("grub-mkimage", "grub-common"),
    ("/usr/lib/grub/i386-pc/grub-bios-setup", "grub-pc-bin"),
    ("hivexregedit", "libwin-hivex-perl"),
    ("i686-w64-mingw32-gcc", "gcc-mingw-w64-i686"),
    ("i686-w64-mingw32-windres", "binutils-mingw-w64-i686"),
    ("lintian", "lintian"),
    ("losetup", "mount"),
    ("lvm", "lvm2"),
    ("man", "man-db"),
    ("mcopy", "mtools"),
    ("mdadm", "mdadm"),
    ("mke2fs", "e2fsprogs"),
    ("mkfs.btrfs", "btrfs-progs"),
    ("mkfs.vfat", "dosfstools"),
    ("mkfs.xfs", "xfsprogs"),
    ("mkntfs", "ntfs-3g"),
    ("mkswap", "util-linux"),
    ("mmd", "mtools"),
    ("mmdebstrap", "mmdebstrap"),
    ("mount", "mount"),
    ("npm", "npm"),
    ("ntfs-3g", "ntfs-3g"),
    ("ntfs-3g.probe", "ntfs-3g"),
    ("ntfsinfo", "ntfs-3g"),
    ("perl", "perl"),
    ("prlimit", "util-linux"),
    ("python3", "python3-venv"),
    ("qemu-img", "qemu-utils"),
    ("qemu-io", "qemu-utils"),
    ("qemu-system-x86_64", "qemu-system-x86"),
    ("readelf", "binutils"),
    ("setfattr", "attr"),
    ("setpriv", "util-linux"),
    ("sfdisk", "fdisk"),
    ("tar", "tar"),
    ("tune2fs", "e2fsprogs"),
    ("umount", "mount"),
    ("unshare", "util-linux"),
    ("wimcapture", "wimtools"),
    ("x86_64-w64-mingw32-gcc", "gcc-mingw-w64-x86-64"),
    ("x86_64-w64-mingw32-windres", "binutils-mingw-w64-x86-64"),
    ("xfs_db", "xfsprogs"),
    ("xz", "xz-utils"),
    ("zstd", "zstd"),
];

/// A tool with its arguments.
pub struct Tool {
    name: String,
    command: Command,
}

impl Tool {
    /// The tool called `name`, found on the path; administrators' tools too.
    pub fn new(name: &str) -> Self {
        let mut command = Command::new(name);
        let path = std::env::var("PATH").unwrap_or_default();
        command.env("PATH", format!("{path}:/usr/sbin:/sbin"));
        command.env("LC_ALL", "C.UTF-8").env("TZ", "UTC").stdin(Stdio::null());
        Self { name: name.to_owned(), command }
    }

    pub fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.command.arg(arg);
        self
    }

    /// The words of `line`, split at white space.
    pub fn words(mut self, line: &str) -> Self {
        self.command.args(line.split_whitespace());
        self
    }

    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    pub fn dir(mut self, dir: &Path) -> Self {
        self.command.current_dir(dir);
        self
    }

    /// Runs it; an error unless it ends with 0. Gives what it printed.
    pub fn run(self) -> Result<String> {
        self.run_with(b"")
    }

    /// As [`Tool::run`], with `input` on its standard input.
    pub fn run_with(self, input: &[u8]) -> Result<String> {
        let shown = self.to_string();
        let output = self.output(input)?;
        if !output.status.success() {
            bail!(
                "{shown}: {}\n{}{}",
                output.status,
                String::from_utf8_lossy(&output.stdout),
                String::from_utf8_lossy(&output.stderr)
            );
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// Runs it and gives its status and what it printed, whatever the status.
    pub fn output(mut self, input: &[u8]) -> Result<Output> {
        let shown = self.to_string();
        if !input.is_empty() {
            self.command.stdin(Stdio::piped());
        }
        self.command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = match self.command.spawn() {
            Ok(child) => child,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                match PACKAGES.iter().find(|(name, _)| *name == self.name) {
                    Some((name, package)) => {
                        bail!("{name} is not installed; on Debian: apt-get install {package}")
                    }
                    None => bail!("{} is not installed", self.name),
                }
            }
            Err(error) => return Err(error).context(shown),
        };
        let writer = child.stdin.take().map(|mut stdin| {
            let input = input.to_vec();
            std::thread::spawn(move || std::io::Write::write_all(&mut stdin, &input))
        });
        let output = child.wait_with_output().with_context(|| shown.clone())?;
        if let Some(writer) = writer {
            // A tool that has read enough closes its end first; its status tells whether that was so.
            let _ = writer.join();
        }
        Ok(output)
    }
}

impl fmt::Display for Tool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.name)?;
        for arg in self.command.get_args() {
            write!(f, " {}", arg.to_string_lossy())?;
        }
        Ok(())
    }
}
