//! `cargo xtask guest`: the whole Debian guest as a raw image.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

use crate::guest::debian::Debian;
use crate::guest::disk::{Content, Disk, GIB, MIB, Partition, Table, kind};
use crate::guest::grub::{self, Devices};
use crate::guest::identity::{BOOT_UUID, ESP_UUID, ROOT_UUID, SWAP_UUID};
use crate::guest::mount::Mount;
use crate::workspace;

/// Build a whole Debian 12 guest from packages and lay it out on a raw disk image
///
/// The packages come from this machine's own apt sources; they, the installed tree and the image
/// are kept under target/xtask. Needs root, because it mounts the image's file systems.
///
/// To see it boot:
///
///   qemu-system-x86_64 -m 1024 -nographic -snapshot -drive file=IMAGE,format=raw,if=ide
#[derive(clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Arguments {
    /// How the disk is laid out
    #[arg(long, value_enum, default_value_t = Layout::Mbr)]
    layout: Layout,
}

/// A layout of the guest's disk.
#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Layout {
    /// MBR, everything on one ext4, GRUB in the gap before it
    Mbr,
    /// GPT with BIOS boot partition, ESP, /boot of its own, swap; boots under BIOS and UEFI
    Gpt,
    /// GPT with ESP only; boots under UEFI
    Uefi,
}

impl Layout {
    fn name(self) -> &'static str {
        match self {
            Self::Mbr => "mbr",
            Self::Gpt => "gpt",
            Self::Uefi => "uefi",
        }
    }
}

pub fn run(arguments: &Arguments) -> Result<()> {
    let guest = build(arguments.layout, SIZE)?;
    println!("{}", guest.image.display());
    Ok(())
}

/// Size of the guest's disk: the smallest that the cloud's document names for a system disk.
pub const SIZE: u64 = 40 * GIB;

/// The whole guest on a raw disk image.
pub struct WholeGuest {
    pub debian: Debian,
    pub image: PathBuf,
    /// First byte and length of the partition with the root file system.
    pub root: (u64, u64),
}

impl WholeGuest {
    /// The root file system of `image` (a copy of this guest's image), mounted.
    pub fn mount(&self, image: &Path, options: &str) -> Result<Mount> {
        Mount::new(image, self.root.0, self.root.1, options)
    }
}

/// Builds the guest, or takes it from the cache.
pub fn build(layout: Layout, size: u64) -> Result<WholeGuest> {
    let debian = Debian::build()?;
    let image = workspace::cache()?.join(format!("{}-{}.raw", layout.name(), size / GIB));
    let disk = match layout {
        Layout::Mbr => mbr(&debian, size),
        Layout::Gpt | Layout::Uefi => gpt(&debian, size, layout)?,
    };
    let Some(root) = disk.partitions.iter().find_map(|partition| match &partition.content {
        Content::Ext4 { uuid, .. } if *uuid == ROOT_UUID => Some(partition.range()),
        _ => None,
    }) else {
        bail!("the layout has no root file system")
    };
    let newer = |a: &Path, b: &Path| {
        Some(fs::metadata(a).ok()?.modified().ok()? > fs::metadata(b).ok()?.modified().ok()?)
    };
    let recipe = workspace::cache()?.join("debian.recipe");
    if newer(&image, &recipe) != Some(true) {
        let partial = image.with_extension("partial");
        disk.write(&partial)?;
        install(&debian, &partial, layout, &disk, root)?;
        fs::rename(&partial, &image)?;
    }
    Ok(WholeGuest { debian, image, root })
}

fn ext4(dir: PathBuf, uuid: &'static str) -> Content {
    Content::Ext4 { dir, uuid, options: "" }
}

fn mbr(debian: &Debian, size: u64) -> Disk {
    let root =
        Partition::new(MIB, size - 2 * MIB, kind::LINUX, ext4(debian.tree.clone(), ROOT_UUID));
    Disk { size, table: Table::Mbr, partitions: vec![root.active()] }
}

fn gpt(debian: &Debian, size: u64, layout: Layout) -> Result<Disk> {
    let loader = workspace::cache()?.join("BOOTX64.EFI");
    let esp = Content::Fat { files: vec![("EFI/BOOT/BOOTX64.EFI", loader.clone())] };
    let root_at = 1024 * MIB;
    let root = Partition::new(
        root_at,
        size - root_at - 2 * MIB,
        kind::GPT_LINUX,
        ext4(debian.tree.clone(), ROOT_UUID),
    );
    let mut partitions = vec![Partition::new(2 * MIB, 64 * MIB, kind::GPT_EFI, esp)];
    if layout == Layout::Uefi {
        grub::efi_image(ROOT_UUID, &loader)?;
        partitions.push(root);
    } else {
        grub::efi_image(BOOT_UUID, &loader)?;
        let boot = ext4(debian.tree.join("boot"), BOOT_UUID);
        partitions.insert(0, Partition::new(MIB, MIB, kind::GPT_BIOS_BOOT, Content::Empty));
        partitions.push(Partition::new(128 * MIB, 512 * MIB, kind::GPT_LINUX, boot));
        let swap = Content::Swap { uuid: SWAP_UUID };
        partitions.push(Partition::new(640 * MIB, 256 * MIB, kind::GPT_SWAP, swap));
        partitions.push(root);
    }
    Ok(Disk { size, table: Table::Gpt, partitions })
}

fn install(
    debian: &Debian,
    image: &Path,
    layout: Layout,
    disk: &Disk,
    root: (u64, u64),
) -> Result<()> {
    let esp = format!("UUID={ESP_UUID} /boot/efi vfat umask=0077 0 1\n");
    match layout {
        Layout::Mbr => {
            let devices = Devices { partition_map: "msdos", root: (1, ROOT_UUID), boot: None };
            grub_files(debian, image, root, "boot/grub", &devices)?;
            grub::install_bios(
                image,
                root,
                "boot/grub",
                "(,msdos1)/boot/grub",
                "biosdisk part_msdos ext2",
                false,
            )
        }
        Layout::Uefi => {
            let devices = Devices { partition_map: "gpt", root: (2, ROOT_UUID), boot: None };
            append_fstab(image, root, &esp)?;
            grub_files(debian, image, root, "boot/grub", &devices)
        }
        Layout::Gpt => {
            let devices =
                Devices { partition_map: "gpt", root: (5, ROOT_UUID), boot: Some((3, BOOT_UUID)) };
            append_fstab(
                image,
                root,
                &format!(
                    "UUID={BOOT_UUID} /boot ext4 defaults 0 2\n{esp}UUID={SWAP_UUID} none swap sw 0 0\n"
                ),
            )?;
            {
                // What /boot hides is not there on an installed machine.
                let mount = Mount::new(image, root.0, root.1, "rw")?;
                for entry in fs::read_dir(mount.join("boot"))? {
                    let path = entry?.path();
                    if path.is_dir() { fs::remove_dir_all(path)? } else { fs::remove_file(path)? }
                }
            }
            let boot = disk.partitions[2].range();
            grub_files(debian, image, boot, "grub", &devices)?;
            let efi = Mount::new(image, boot.0, boot.1, "rw")?;
            fs::create_dir_all(efi.join("efi"))?;
            // The UEFI loader looks for /boot/grub on the file system that it searches.
            std::os::unix::fs::symlink(".", efi.join("boot"))?;
            drop(efi);
            grub::install_bios(image, boot, "grub", "(,gpt3)/grub", "biosdisk part_gpt ext2", false)
        }
    }
}

fn grub_files(
    debian: &Debian,
    image: &Path,
    (offset, size): (u64, u64),
    dir: &str,
    devices: &Devices,
) -> Result<()> {
    let configuration = grub::configuration(debian, devices)?;
    let mount = Mount::new(image, offset, size, "rw")?;
    let dir = mount.join(dir);
    grub::copy_files(&dir, None)?;
    fs::write(dir.join("grub.cfg"), configuration)?;
    Ok(())
}

fn append_fstab(image: &Path, (offset, size): (u64, u64), lines: &str) -> Result<()> {
    let mount = Mount::new(image, offset, size, "rw")?;
    fs::create_dir_all(mount.join("boot/efi"))?;
    let path = mount.join("etc/fstab");
    let text = fs::read_to_string(&path)? + lines;
    fs::write(path, text)?;
    Ok(())
}
