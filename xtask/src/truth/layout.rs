//! The guest on a disk, in one of several layouts.

use std::fs;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::{Context, Result};

use super::guest::MODULES;
use crate::guest::debian::Debian;
use crate::guest::disk::{Content, Disk, GIB, MIB, Partition, Table, kind};
use crate::guest::grub::{self, Devices};
use crate::guest::identity::{BOOT_UUID, ROOT_UUID, SWAP_UUID};
use crate::guest::mount::{Loop, Mount};
use crate::tool::Tool;

/// The smallest system disk that the platform takes.
const SIZE: u64 = 40 * GIB;

/// How the guest lies on its disk. All boot under BIOS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// MBR, one ext4, GRUB
    Mbr,
    /// GPT, BIOS boot partition, /boot on ext4, swap, root on ext4, GRUB
    Gpt,
    /// MBR, /boot on ext4, root on ext4 in LVM, GRUB
    Lvm,
    /// MBR, root in the subvolume @ of Btrfs, GRUB
    Btrfs,
    /// MBR, root on XFS, GRUB
    Xfs,
    /// MBR, one ext4, EXTLINUX
    Extlinux,
}

/// A file system of the disk.
#[derive(Clone, Copy)]
pub struct Place {
    /// First byte and length.
    pub range: (u64, u64),
    /// Words for `mount -o`.
    pub options: &'static str,
}

impl Place {
    pub fn mount(&self, image: &Path) -> Result<Mount> {
        Mount::new(image, self.range.0, self.range.1, self.options)
    }
}

impl Layout {
    pub fn name(self) -> &'static str {
        match self {
            Self::Mbr => "MBR, ext4",
            Self::Gpt => "GPT, /boot",
            Self::Lvm => "MBR, /boot, LVM",
            Self::Btrfs => "MBR, Btrfs",
            Self::Xfs => "MBR, XFS",
            Self::Extlinux => "MBR, ext4, EXTLINUX",
        }
    }

    fn file_name(self) -> String {
        format!("{self:?}.raw").to_lowercase()
    }

    fn disk(self) -> Disk {
        let rest =
            |start: u64, kind| Partition::new(start, SIZE - start - 2 * MIB, kind, Content::Empty);
        let boot = |start, kind| Partition::new(start, 512 * MIB, kind, Content::Empty);
        let (table, partitions) = match self {
            Self::Gpt => (
                Table::Gpt,
                vec![
                    Partition::new(MIB, MIB, kind::GPT_BIOS_BOOT, Content::Empty),
                    boot(2 * MIB, kind::GPT_LINUX),
                    Partition::new(
                        514 * MIB,
                        128 * MIB,
                        kind::GPT_SWAP,
                        Content::Swap { uuid: SWAP_UUID },
                    ),
                    rest(642 * MIB, kind::GPT_LINUX),
                ],
            ),
            Self::Lvm => {
                (Table::Mbr, vec![boot(MIB, kind::LINUX).active(), rest(513 * MIB, kind::LVM)])
            }
            _ => (Table::Mbr, vec![rest(MIB, kind::LINUX).active()]),
        };
        Disk { size: SIZE, table, partitions }
    }

    /// The root file system.
    pub fn root(self) -> Place {
        let disk = self.disk();
        let (start, size) = disk.partitions.last().map_or((0, 0), Partition::range);
        match self {
            // The first extent of a physical volume begins at 1 MiB.
            Self::Lvm => Place { range: (start + MIB, LOGICAL_VOLUME), options: "rw" },
            Self::Btrfs => Place { range: (start, size), options: "rw,subvol=@" },
            _ => Place { range: (start, size), options: "rw" },
        }
    }

    /// The file system with `/boot`, and the path of `/boot` there.
    pub fn boot(self) -> (Place, &'static str) {
        let partition = match self {
            Self::Gpt => 1,
            Self::Lvm => 0,
            _ => return (self.root(), "boot"),
        };
        let disk = self.disk();
        let range = disk.partitions.get(partition).map_or((0, 0), Partition::range);
        (Place { range, options: "rw" }, "")
    }

    fn fstab(self) -> String {
        let boot = format!("UUID={BOOT_UUID} /boot ext4 defaults 0 2\n");
        match self {
            Self::Mbr | Self::Extlinux => {
                format!("UUID={ROOT_UUID} / ext4 errors=remount-ro 0 1\n")
            }
            Self::Gpt => format!(
                "UUID={ROOT_UUID} / ext4 errors=remount-ro 0 1\n{boot}UUID={SWAP_UUID} none swap sw 0 0\n"
            ),
            Self::Lvm => format!("/dev/mapper/system-root / ext4 errors=remount-ro 0 1\n{boot}"),
            Self::Btrfs => format!("UUID={ROOT_UUID} / btrfs defaults,subvol=@ 0 0\n"),
            Self::Xfs => format!("UUID={ROOT_UUID} / xfs defaults 0 0\n"),
        }
    }

    /// The modules of the initramfs.
    pub fn modules(self) -> Vec<&'static str> {
        let mut modules = MODULES.to_vec();
        match self {
            Self::Btrfs => modules.push("btrfs"),
            Self::Xfs => modules.push("xfs"),
            Self::Lvm => modules.push("dm_mod"),
            _ => {}
        }
        modules
    }

    /// The guest in this layout, built or taken from the cache.
    pub fn build(self, debian: &Debian, cache: &Path) -> Result<PathBuf> {
        let image = cache.join(self.file_name());
        // Beside the guest's tree lies its recipe's number, written when it was built.
        if modified(&image) <= modified(&debian.tree.with_extension("recipe")) {
            let partial = image.with_extension("partial");
            self.write(debian, &partial).with_context(|| self.name())?;
            fs::rename(&partial, &image)?;
        }
        Ok(image)
    }

    fn write(self, debian: &Debian, image: &Path) -> Result<()> {
        let disk = self.disk();
        disk.write(image)?;
        if self == Self::Lvm {
            volume(image, disk.partitions.last().map_or((0, 0), Partition::range))?;
        }
        let root = self.root();
        match self {
            Self::Btrfs => {
                let (start, size) = root.range;
                make(image, root, &format!("mkfs.btrfs -q -f -U {ROOT_UUID}"))?;
                let top = Mount::new(image, start, size, "rw")?;
                Tool::new("btrfs").words("-q subvolume create").arg(top.join("@")).run()?;
            }
            Self::Xfs => make(image, root, &format!("mkfs.xfs -q -f -m uuid={ROOT_UUID}"))?,
            // EXTLINUX reads no 64-bit block numbers and no checksums of metadata.
            Self::Extlinux => {
                make(
                    image,
                    root,
                    &format!("mke2fs -q -F -t ext4 -O ^64bit,^metadata_csum -U {ROOT_UUID}"),
                )?;
            }
            _ => make(image, root, &format!("mke2fs -q -F -t ext4 -U {ROOT_UUID}"))?,
        }
        let (boot, boot_dir) = self.boot();
        {
            let mount = root.mount(image)?;
            let mut from = debian.tree.clone().into_os_string();
            from.push("/.");
            Tool::new("cp").words("-a").arg(from).arg(mount.path()).run()?;
            fs::write(mount.join("etc/fstab"), self.fstab())?;
            if boot_dir.is_empty() {
                fs::remove_dir_all(mount.join("boot"))?;
                fs::create_dir(mount.join("boot"))?;
            }
        }
        if boot_dir.is_empty() {
            make(image, boot, &format!("mke2fs -q -F -t ext4 -U {BOOT_UUID}"))?;
            let mount = boot.mount(image)?;
            let mut from = debian.tree.join("boot").into_os_string();
            from.push("/.");
            Tool::new("cp").words("-a").arg(from).arg(mount.path()).run()?;
        }
        if self.modules() != MODULES {
            let initramfs = debian.initramfs(&self.modules())?;
            let mount = boot.mount(image)?;
            let path = mount.join(boot_dir).join(format!("initrd.img-{}", debian.kernel));
            fs::write(path, initramfs)?;
        }
        if self == Self::Extlinux {
            return extlinux(debian, image, root);
        }
        self.grub(debian, image)
    }

    fn grub(self, debian: &Debian, image: &Path) -> Result<()> {
        let (boot, boot_dir) = self.boot();
        let devices = match self {
            Self::Gpt => {
                Devices { partition_map: "gpt", root: (4, ROOT_UUID), boot: Some((2, BOOT_UUID)) }
            }
            Self::Lvm => {
                Devices { partition_map: "msdos", root: (2, ROOT_UUID), boot: Some((1, BOOT_UUID)) }
            }
            _ => Devices { partition_map: "msdos", root: (1, ROOT_UUID), boot: None },
        };
        let mut configuration = grub::configuration(debian, &devices)?;
        // What grub-mkconfig, told of one plain ext4, cannot know of the other layouts.
        match self {
            Self::Btrfs => {
                configuration = configuration
                    .replace("insmod ext2", "insmod btrfs")
                    .replace("\t/boot/", "\t/@/boot/")
                    .replace(" ro ", " ro rootflags=subvol=@ ");
            }
            Self::Xfs => configuration = configuration.replace("insmod ext2", "insmod xfs"),
            Self::Lvm => {
                configuration = configuration
                    .replace(&format!("root=UUID={ROOT_UUID}"), "root=/dev/mapper/system-root");
            }
            _ => {}
        }
        let dir = Path::new(boot_dir).join("grub");
        let dir = dir.to_string_lossy();
        {
            let mount = boot.mount(image)?;
            grub::copy_files(&mount.join(&dir), None)?;
            fs::write(mount.join(&dir).join("grub.cfg"), configuration)?;
        }
        let (prefix, modules) = match self {
            Self::Gpt => ("(,gpt2)/grub", "biosdisk part_gpt ext2"),
            Self::Lvm => ("(,msdos1)/grub", "biosdisk part_msdos ext2"),
            Self::Btrfs => ("(,msdos1)/@/boot/grub", "biosdisk part_msdos btrfs"),
            Self::Xfs => ("(,msdos1)/boot/grub", "biosdisk part_msdos xfs"),
            _ => ("(,msdos1)/boot/grub", "biosdisk part_msdos ext2"),
        };
        // The directory below the top of the file system, not below the mounted subvolume.
        let dir = if self == Self::Btrfs { "@/boot/grub" } else { &*dir };
        grub::install_bios(image, boot.range, dir, prefix, modules, false)
    }
}

fn modified(path: &Path) -> Option<SystemTime> {
    fs::metadata(path).and_then(|metadata| metadata.modified()).ok()
}

/// Length of the logical volume with root, a multiple of the 4 MiB of an extent.
const LOGICAL_VOLUME: u64 = 32 * GIB;

fn make(image: &Path, place: Place, mkfs: &str) -> Result<()> {
    Loop::part(image, place.range.0, place.range.1)?.make(mkfs)
}

/// Makes the volume group `system` with the logical volume `root`, without device mapper: only the
/// metadata is written.
fn volume(image: &Path, (start, size): (u64, u64)) -> Result<()> {
    let device = Loop::part(image, start, size)?;
    let lvm = |words: &str| {
        Tool::new("lvm")
            .words(words)
            .arg("--config")
            .arg(
                "activation { udev_sync=0 udev_rules=0 } backup { backup=0 archive=0 } \
                 global { use_lvmpolld=0 event_activation=0 } \
                 devices { use_devicesfile=0 scan=[\"/dev\"] }",
            )
            .words("--driverloaded n")
            .run()
    };
    lvm(&format!("pvcreate -qq --yes {}", device.device))?;
    lvm(&format!("vgcreate -qq system {}", device.device))?;
    lvm(&format!("lvcreate -qq -an -Zn -Wn --yes -n root -L {}b system", LOGICAL_VOLUME))?;
    Ok(())
}

fn extlinux(debian: &Debian, image: &Path, root: Place) -> Result<()> {
    let mount = root.mount(image)?;
    let dir = mount.join("boot/extlinux");
    fs::create_dir_all(&dir)?;
    let kernel = &debian.kernel;
    fs::write(
        dir.join("extlinux.conf"),
        format!(
            "DEFAULT linux\nPROMPT 0\nTIMEOUT 10\n\nLABEL linux\n  LINUX ../vmlinuz-{kernel}\n  \
             INITRD ../initrd.img-{kernel}\n  \
             APPEND root=UUID={ROOT_UUID} ro console=tty0 console=ttyS0,115200\n"
        ),
    )?;
    Tool::new("extlinux").arg("--install").arg(&dir).run()?;
    drop(mount);
    let code = fs::read("/usr/lib/EXTLINUX/mbr.bin").context("extlinux is not installed")?;
    Ok(fs::OpenOptions::new().write(true).open(image)?.write_all_at(&code, 0)?)
}
