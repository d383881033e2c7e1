//! A small guest: the files of the whole Debian guest that the checks look at, and no others.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use tempfile::TempDir;

use crate::guest::debian::Debian;
use crate::guest::grub::{self, Devices};
use crate::guest::identity::ROOT_UUID;
use crate::tool::Tool;

/// How much of a program or kernel module a small guest keeps: the ELF header and then some.
/// Nothing runs them.
pub const PROGRAM_CUT: usize = 1024;

/// How many sectors of the kernel are kept: its real-mode part with setup header and version string,
/// which is 40 sectors long (Linux `Documentation/arch/x86/boot.rst`: the boot sector and
/// `setup_sects`), and one of the code behind it.
const KERNEL_SECTORS: usize = 41;

/// The first of Debian's kernel, whose header says that no more belongs to it; and that it is the
/// `release`, when one is given.
pub fn kernel(debian: &Debian, release: Option<&str>) -> Result<Vec<u8>> {
    let mut image = fs::read(debian.tree.join(format!("boot/vmlinuz-{}", debian.kernel)))?;
    image.truncate(KERNEL_SECTORS * 512);
    // `setup_sects` at 0x1f1, `syssize` in units of 16 bytes at 0x1f4, at 0x20e the place of the
    // version behind 0x200.
    let setup = (usize::from(image[0x1f1]) + 1) * 512;
    let code = image.len().checked_sub(setup).context("a longer real-mode part")?;
    image[0x1f4..0x1f8].copy_from_slice(&u32::try_from(code / 16)?.to_le_bytes());
    if let Some(release) = release {
        let place = usize::from(u16::from_le_bytes([image[0x20e], image[0x20f]])) + 0x200;
        let version = format!("{release} (mockbuild@localhost) #1 SMP\0");
        image[place..place + version.len()].copy_from_slice(version.as_bytes());
    }
    Ok(image)
}

/// Files and directories that are taken whole.
const WHOLE: &[&str] = &[
    "etc/cloud/cloud.cfg",
    "etc/cloud/cloud.cfg.d",
    "etc/debian_version",
    "etc/default/grub",
    "etc/fstab",
    "etc/group",
    "etc/hostname",
    "etc/hosts",
    "etc/initramfs-tools",
    "etc/machine-id",
    "etc/network/interfaces",
    "etc/os-release",
    "etc/passwd",
    "etc/shadow",
    "etc/ssh/sshd_config",
    "etc/systemd/system",
    "usr/bin/cloud-init",
    "usr/bin/sh",
    "usr/lib/cloud-init/ds-identify",
    "usr/lib/os-release",
    "usr/lib/python3/dist-packages/cloudinit/sources/DataSourceOpenStack.py",
    "usr/lib/python3/dist-packages/cloudinit/version.py",
    "usr/lib/systemd/system-generators/cloud-init-generator",
    "usr/lib/systemd/system/cloud-config.service",
    "usr/lib/systemd/system/cloud-config.target",
    "usr/lib/systemd/system/cloud-final.service",
    "usr/lib/systemd/system/cloud-init-local.service",
    "usr/lib/systemd/system/cloud-init.service",
    "usr/lib/systemd/system/cloud-init.target",
    "usr/lib/systemd/system/basic.target",
    "usr/lib/systemd/system/default.target",
    "usr/lib/systemd/system/graphical.target",
    "usr/lib/systemd/system/multi-user.target",
    "usr/lib/systemd/system/multi-user.target.wants",
    "usr/lib/systemd/system/networking.service",
    "usr/lib/systemd/system/ssh.service",
    "usr/lib/systemd/system/sysinit.target",
    "usr/lib64",
    "usr/sbin/init",
    "bin",
    "lib",
    "lib64",
    "sbin",
];

/// Programs, of which the first bytes are taken.
const PROGRAMS: &[&str] = &[
    "usr/bin/bash",
    "usr/bin/dash",
    "usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2",
    "usr/lib/systemd/systemd",
    "usr/sbin/nologin",
    "usr/sbin/sshd",
];

/// The modules that a small guest's initramfs holds, beside those that they need.
pub const MODULES: &[&str] = &[
    "virtio",
    "virtio_ring",
    "virtio_pci",
    "virtio_blk",
    "virtio_scsi",
    "virtio_net",
    "ata_piix",
    "ata_generic",
    "sd_mod",
    "ext4",
    "xen-blkfront",
    "xen-netfront",
];

/// A guest's tree in a directory of its own.
pub struct Tree {
    dir: TempDir,
}

impl Tree {
    pub fn empty() -> Result<Self> {
        let dir = tempfile::tempdir()?;
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755))?;
        Ok(Self { dir })
    }

    /// The small guest, with a boot configuration for these devices. `full` takes all of GRUB's
    /// modules, the kernel's module indexes and an initramfs by `mkinitramfs`; without it there is
    /// just enough of each for the checks to be decided.
    pub fn small(debian: &Debian, devices: &Devices, full: bool) -> Result<Self> {
        let tree = Self::empty()?;
        for path in WHOLE {
            tree.copy(debian, path)?;
        }
        for path in PROGRAMS {
            tree.cut(debian, path, PROGRAM_CUT)?;
        }
        let kernel = &debian.kernel;
        let modules = format!("usr/lib/modules/{kernel}");
        tree.copy(debian, &format!("{modules}/modules.builtin"))?;
        if full {
            for name in ["alias", "builtin.modinfo", "dep", "order", "softdep"] {
                tree.copy(debian, &format!("{modules}/modules.{name}"))?;
            }
            tree.copy(debian, &format!("boot/config-{kernel}"))?;
            tree.copy(debian, "var/lib/dpkg/status")?;
            let initramfs = debian.initramfs(&MODULES[2..])?;
            tree.write_bytes(&format!("boot/initrd.img-{kernel}"), &initramfs)?;
            grub::copy_files(&tree.path("boot/grub"), None)?;
        } else {
            tree.write(
                &format!("{modules}/modules.dep"),
                &dependencies(debian, MODULES)?.concat(),
            )?;
            tree.write(&format!("{modules}/modules.alias"), &aliases(debian, MODULES)?)?;
            tree.lines(debian, &format!("boot/config-{kernel}"), |line| {
                ["VIRTIO", "XEN", "CONFIG_ATA", "PATA_", "EXT4", "BLK_DEV_SD", "CONFIG_PCI="]
                    .iter()
                    .any(|word| line.contains(word))
            })?;
            tree.packages(debian)?;
            tree.initramfs(debian, MODULES)?;
            tree.grub_files("boot/grub")?;
        }
        tree.write_bytes(&format!("boot/vmlinuz-{kernel}"), &self::kernel(debian, None)?)?;
        tree.write("boot/grub/grub.cfg", &grub::configuration(debian, devices)?)?;
        for dir in ["dev", "proc", "sys", "run", "tmp", "root", "home", "boot/efi"] {
            fs::create_dir_all(tree.path(dir))?;
        }
        Ok(tree)
    }

    /// The same for one MBR partition.
    pub fn mbr(debian: &Debian) -> Result<Self> {
        let devices = Devices { partition_map: "msdos", root: (1, ROOT_UUID), boot: None };
        Self::small(debian, &devices, false)
    }

    pub fn root(&self) -> &Path {
        self.dir.path()
    }

    pub fn path(&self, path: &str) -> PathBuf {
        self.dir.path().join(path)
    }

    fn parent(&self, path: &str) -> Result<PathBuf> {
        let path = self.path(path);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        Ok(path)
    }

    pub fn write(&self, path: &str, text: &str) -> Result<()> {
        self.write_bytes(path, text.as_bytes())
    }

    pub fn write_bytes(&self, path: &str, bytes: &[u8]) -> Result<()> {
        fs::write(self.parent(path)?, bytes).with_context(|| path.to_owned())
    }

    pub fn append(&self, path: &str, text: &str) -> Result<()> {
        let before = fs::read_to_string(self.path(path)).with_context(|| path.to_owned())?;
        self.write(path, &(before + text))
    }

    /// Replaces `from`, which must be there, by `to` everywhere in the file.
    pub fn replace(&self, path: &str, from: &str, to: &str) -> Result<()> {
        let before = fs::read_to_string(self.path(path)).with_context(|| path.to_owned())?;
        ensure!(before.contains(from), "{path} has no {from}");
        self.write(path, &before.replace(from, to))
    }

    pub fn remove(&self, path: &str) -> Result<()> {
        let place = self.path(path);
        if place.is_dir() && !place.is_symlink() {
            fs::remove_dir_all(place)
        } else {
            fs::remove_file(place)
        }
        .with_context(|| path.to_owned())
    }

    pub fn link(&self, target: &str, path: &str) -> Result<()> {
        let place = self.parent(path)?;
        if place.is_symlink() {
            fs::remove_file(&place)?;
        }
        symlink(target, place).with_context(|| path.to_owned())
    }

    /// Copies from the whole guest, owners and modes included.
    pub fn copy(&self, debian: &Debian, path: &str) -> Result<()> {
        Tool::new("cp").arg("-a").arg(debian.tree.join(path)).arg(self.parent(path)?).run()?;
        Ok(())
    }

    /// The first module that GRUB loads, cut like a program; the other files as they are.
    pub fn grub_files(&self, dir: &str) -> Result<()> {
        grub::copy_files(&self.path(dir), Some(&["normal"]))?;
        let path = format!("{dir}/i386-pc/normal.mod");
        let mut module = fs::read(self.path(&path))?;
        module.truncate(PROGRAM_CUT);
        self.write_bytes(&path, &module)
    }

    pub fn cut(&self, debian: &Debian, path: &str, len: usize) -> Result<()> {
        let mut bytes = fs::read(debian.tree.join(path)).with_context(|| path.to_owned())?;
        bytes.truncate(len);
        self.write_bytes(path, &bytes)?;
        fs::set_permissions(self.path(path), fs::Permissions::from_mode(0o755))?;
        Ok(())
    }

    fn lines(&self, debian: &Debian, path: &str, keep: impl Fn(&str) -> bool) -> Result<()> {
        let text = fs::read_to_string(debian.tree.join(path)).with_context(|| path.to_owned())?;
        let kept: String =
            text.lines().filter(|line| keep(line)).map(|l| format!("{l}\n")).collect();
        self.write(path, &kept)
    }

    /// The paragraphs of dpkg's database about packages that the checks may look for.
    fn packages(&self, debian: &Debian) -> Result<()> {
        let text = fs::read_to_string(debian.tree.join("var/lib/dpkg/status"))?;
        let kept: Vec<&str> = text
            .split("\n\n")
            .filter(|paragraph| {
                let name = paragraph.lines().next().and_then(|line| line.strip_prefix("Package: "));
                name.is_some_and(|name| {
                    ["cloud-init", "openssh-server", "grub-pc", "initramfs-tools"].contains(&name)
                        || name.starts_with("linux-image-")
                })
            })
            .collect();
        self.write("var/lib/dpkg/status", &(kept.join("\n\n") + "\n"))
    }

    /// Replaces the initramfs by one that `cpio` packs: the beginnings of these modules, in
    /// their places.
    pub fn initramfs(&self, debian: &Debian, modules: &[&str]) -> Result<()> {
        let packed = pack(debian, modules)?;
        self.write_bytes(&format!("boot/initrd.img-{}", debian.kernel), &packed)
    }

    pub fn remove_cloud_init(&self) -> Result<()> {
        self.remove("etc/cloud")?;
        for path in WHOLE.iter().filter(|path| path.contains("cloud")) {
            if self.path(path).exists() {
                self.remove(path)?;
            }
        }
        self.remove("etc/systemd/system/cloud-init.target.wants")?;
        self.remove("usr/lib/python3")?;
        let status = fs::read_to_string(self.path("var/lib/dpkg/status"))?;
        let kept: Vec<&str> = status
            .split("\n\n")
            .filter(|text| !text.starts_with("Package: cloud-init\n"))
            .collect();
        self.write("var/lib/dpkg/status", &kept.join("\n\n"))
    }

    /// Puts `field` where the hash of root's password was.
    pub fn root_password(&self, field: &str) -> Result<()> {
        let text = fs::read_to_string(self.path("etc/shadow"))?;
        let lines: Vec<String> = text
            .lines()
            .map(|line| match line.strip_prefix("root:").and_then(|rest| rest.split_once(':')) {
                Some((_, rest)) => format!("root:{field}:{rest}"),
                None => line.to_owned(),
            })
            .collect();
        self.write("etc/shadow", &(lines.join("\n") + "\n"))
    }
}

/// The lines of `modules.dep` about these modules and about those that they need.
fn dependencies(debian: &Debian, modules: &[&str]) -> Result<Vec<String>> {
    let path = debian.tree.join(format!("usr/lib/modules/{}/modules.dep", debian.kernel));
    let text = fs::read_to_string(path)?;
    let lines: Vec<(&str, &str)> = text.lines().filter_map(|line| line.split_once(':')).collect();
    let named = |place: &str| {
        let name = place.rsplit('/').next().and_then(|file| file.strip_suffix(".ko"));
        name.is_some_and(|name| modules.contains(&name))
    };
    // A line has all that its module needs, in any depth.
    let needed: BTreeSet<&str> = lines
        .iter()
        .filter(|(place, _)| named(place))
        .flat_map(|(place, needs)| needs.split_whitespace().chain([*place]))
        .collect();
    let kept = lines.iter().filter(|(place, _)| needed.contains(place));
    Ok(kept.map(|(place, needs)| format!("{place}:{needs}\n")).collect())
}

/// The lines of `modules.alias` that lead to these modules.
pub fn aliases(debian: &Debian, modules: &[&str]) -> Result<String> {
    let path = debian.tree.join(format!("usr/lib/modules/{}/modules.alias", debian.kernel));
    let same = |name: &str, module: &str| name.replace('-', "_") == module.replace('-', "_");
    Ok(fs::read_to_string(path)?
        .lines()
        .filter(|line| {
            let name = line.rsplit(' ').next().unwrap_or_default();
            line.starts_with("alias ") && modules.iter().any(|module| same(name, module))
        })
        .map(|line| format!("{line}\n"))
        .collect())
}

/// A cpio archive, compressed with zstd, of the beginnings of these modules, and of those that they
/// need, in their places, and of their lists.
pub fn pack(debian: &Debian, modules: &[&str]) -> Result<Vec<u8>> {
    let staging = Tree::empty()?;
    let dependencies = dependencies(debian, modules)?;
    for line in &dependencies {
        let place = line.split(':').next().unwrap_or_default();
        let path = format!("usr/lib/modules/{}/{place}", debian.kernel);
        staging.cut(debian, &path, PROGRAM_CUT)?;
    }
    let path = format!("usr/lib/modules/{}/modules.dep", debian.kernel);
    staging.write(&path, &dependencies.concat())?;
    let aliases = aliases(debian, modules)?;
    staging.write(&format!("usr/lib/modules/{}/modules.alias", debian.kernel), &aliases)?;
    staging.write("init", "#!/bin/sh\n")?;
    staging.link("usr/lib", "lib")?;
    archive(staging.root())
}

/// A cpio archive in `newc` format, compressed with zstd, of a directory.
pub fn archive(dir: &Path) -> Result<Vec<u8>> {
    let mut names: Vec<String> = walkdir::WalkDir::new(dir)
        .sort_by_file_name()
        .into_iter()
        .filter_map(|entry| {
            let entry = entry.ok()?;
            let name = entry.path().strip_prefix(dir).ok()?.to_string_lossy().into_owned();
            if name.is_empty() { None } else { Some(name) }
        })
        .collect();
    names.push(String::new());
    let output = Tool::new("cpio")
        .words("--quiet --create --format=newc --reproducible --owner=0:0")
        .dir(dir)
        .output(names.join("\n").as_bytes())?;
    ensure!(output.status.success(), "cpio: {}", String::from_utf8_lossy(&output.stderr));
    let packed = Tool::new("zstd").words("-19 --quiet --stdout").output(&output.stdout)?;
    ensure!(packed.status.success(), "zstd: {}", String::from_utf8_lossy(&packed.stderr));
    Ok(packed.stdout)
}
