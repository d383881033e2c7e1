//! The guest of the matrix: Debian 12 with as little in it as boots to a login, because each boot is
//! emulated.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use crate::guest::debian::{Debian, SUITE, package_sources};
use crate::guest::identity::{ROOT_HASH, ROOT_UUID};
use crate::tool::Tool;
use crate::workspace;

/// Raised when the recipe below changes, so that a cached guest of the older recipe is not used.
const RECIPE: &str = "2";

const PACKAGES: &str = "systemd-sysv,linux-image-amd64,initramfs-tools,zstd,grub-pc,lvm2,\
    btrfs-progs,xfsprogs,ifupdown,iproute2,e2fsprogs,kmod,udev,login,passwd";

/// The modules of the initramfs: the drivers of every bus, and ext4. IDE disks need `sd_mod`, which
/// brings what it needs itself. All are loaded at each boot.
pub const MODULES: &[&str] = &[
    "ata_piix",
    "ata_generic",
    "sd_mod",
    "virtio_pci",
    "virtio_blk",
    "virtio_scsi",
    "virtio_net",
    "xen-blkfront",
    "xen-netfront",
    "ext4",
];

/// Drivers of things that no machine here has.
const UNUSED_DRIVERS: &[&str] =
    &["sound", "drivers/gpu", "drivers/media", "drivers/net/wireless", "drivers/infiniband"];

/// What only takes time in an emulated boot.
const MASKED: &[&str] = &[
    "apt-daily.timer",
    "apt-daily-upgrade.timer",
    "e2scrub_all.timer",
    "e2scrub_reap.service",
    "dpkg-db-backup.timer",
    "fstrim.timer",
    "getty-static.service",
    "getty@tty1.service",
    "ifupdown-pre.service",
    "systemd-update-utmp-runlevel.service",
];

/// What udev would load for the emulated machine, and no case needs.
const UNUSED_MODULES: &[&str] = &[
    "aesni_intel",
    "crc32_pclmul",
    "crct10dif_pclmul",
    "floppy",
    "ghash_clmulni_intel",
    "i2c_piix4",
    "kvm_amd",
    "kvm_intel",
    "parport_pc",
    "pcspkr",
    "psmouse",
    "sha512_ssse3",
];

/// Builds the guest's tree, or takes it from the cache.
pub fn build(cache: &Path) -> Result<Debian> {
    workspace::ensure_root()?;
    let tree = cache.join("tree");
    let done = cache.join("tree.recipe");
    if !fs::read_to_string(&done).is_ok_and(|recipe| recipe == RECIPE) {
        let tar = cache.join(format!("packages-{RECIPE}.tar"));
        if !tar.exists() {
            packages(&tar)?;
        }
        if tree.exists() {
            fs::remove_dir_all(&tree).context("the tree of an older recipe")?;
        }
        fs::create_dir(&tree)?;
        let words = "--numeric-owner --xattrs -xf";
        Tool::new("tar").words(words).arg(&tar).arg("-C").arg(&tree).run()?;
        set_up(&at(&tree)?)?;
        fs::write(&done, RECIPE)?;
    }
    at(&tree)
}

fn at(tree: &Path) -> Result<Debian> {
    let kernel = fs::read_dir(tree.join("lib/modules"))?.next().context("no kernel")??;
    Ok(Debian { tree: tree.to_owned(), kernel: kernel.file_name().to_string_lossy().into_owned() })
}

fn packages(tar: &Path) -> Result<()> {
    let partial = tar.with_extension("partial.tar");
    let mut tool = Tool::new("mmdebstrap")
        .words("--variant=minbase --mode=root --quiet")
        .arg("--aptopt=Acquire::Check-Valid-Until \"false\"")
        .words("--dpkgopt=path-exclude=/usr/share/doc/* --dpkgopt=path-exclude=/usr/share/man/*")
        .words("--dpkgopt=path-exclude=/usr/share/locale/*")
        .arg(format!("--include={PACKAGES}"))
        .arg(SUITE)
        .arg(&partial);
    for source in package_sources()? {
        tool = tool.arg(source);
    }
    tool.run()?;
    Ok(fs::rename(&partial, tar)?)
}

fn set_up(debian: &Debian) -> Result<()> {
    let write = |path: &str, text: &str| {
        let path = debian.tree.join(path);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::write(&path, text).with_context(|| path.display().to_string())
    };
    write("etc/fstab", &format!("UUID={ROOT_UUID} / ext4 errors=remount-ro 0 1\n"))?;
    write("etc/hostname", "guest\n")?;
    write("etc/hosts", "127.0.0.1 localhost\n127.0.1.1 guest\n")?;
    write("etc/machine-id", "")?;
    write("etc/network/interfaces", "auto lo\niface lo inet loopback\n")?;
    write(
        "etc/systemd/network/80-dhcp.network",
        "[Match]\nName=en* eth*\n\n[Network]\nDHCP=yes\n",
    )?;
    write(
        "etc/default/grub",
        "GRUB_DEFAULT=0\nGRUB_TIMEOUT=0\nGRUB_DISTRIBUTOR=Debian\n\
         GRUB_CMDLINE_LINUX_DEFAULT=\"\"\n\
         GRUB_CMDLINE_LINUX=\"console=tty0 console=ttyS0,115200\"\nGRUB_TERMINAL=console\n",
    )?;
    let blacklist: String =
        UNUSED_MODULES.iter().map(|name| format!("blacklist {name}\n")).collect();
    write("etc/modprobe.d/unused.conf", &blacklist)?;
    // As on a machine that was set up once; asking for it would wait for a key.
    write("etc/locale.conf", "LANG=C.UTF-8\n")?;
    let shadow = debian.tree.join("etc/shadow");
    let text = fs::read_to_string(&shadow)?.replacen("root:*:", &format!("root:{ROOT_HASH}:"), 1);
    fs::write(&shadow, text)?;
    let wants = debian.tree.join("etc/systemd/system/multi-user.target.wants");
    fs::create_dir_all(&wants)?;
    std::os::unix::fs::symlink(
        "/lib/systemd/system/systemd-networkd.service",
        wants.join("systemd-networkd.service"),
    )?;
    for unit in MASKED {
        let link = debian.tree.join("etc/systemd/system").join(unit);
        let _ = fs::remove_file(&link);
        std::os::unix::fs::symlink("/dev/null", link)?;
    }
    for driver in UNUSED_DRIVERS {
        let path =
            debian.tree.join("usr/lib/modules").join(&debian.kernel).join("kernel").join(driver);
        if path.exists() {
            fs::remove_dir_all(path)?;
        }
    }
    debian.chroot(&format!("depmod {}", debian.kernel), &[])?;
    let initramfs = debian.initramfs(MODULES)?;
    write_bytes(&debian.initramfs_path(), &initramfs)
}

fn write_bytes(path: &Path, bytes: &[u8]) -> Result<()> {
    fs::write(path, bytes).with_context(|| path.display().to_string())
}
