//! Lays a small guest out on a disk and packs it as qcow2.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::small::Tree;
use crate::guest::debian::Debian;
use crate::guest::disk::{Content, Disk, GIB, MIB, Partition, Table, kind};
use crate::guest::grub::{self, Devices};
use crate::guest::identity::{BOOT_UUID, ESP_UUID, ROOT_UUID, SWAP_UUID};
use crate::tool::Tool;

/// Small clusters keep the tables of a nearly empty disk small.
const CLUSTERS: &str = "cluster_size=16k,compression_type=zstd";

/// A small journal, and no copies of the superblock: few clusters are touched, so few tables of
/// the qcow2 file are needed.
const EXT4: &str = "-b 4096 -m 0 -J size=4,location=4096 -O sparse_super2";

/// Size of every fixture's disk.
const DISK: u64 = 40 * GIB;

/// Where the first partition lies.
pub const FIRST: (u64, u64) = (MIB, GIB);

/// One fixture in the making.
pub struct Maker<'a> {
    pub debian: &'a Debian,
    work: tempfile::TempDir,
    output: PathBuf,
}

impl<'a> Maker<'a> {
    pub fn new(debian: &'a Debian, output: PathBuf) -> Result<Self> {
        Ok(Self { debian, work: tempfile::tempdir()?, output })
    }

    pub fn work(&self, name: &str) -> PathBuf {
        self.work.path().join(name)
    }

    /// The fixture's file.
    pub fn output(&self) -> &Path {
        &self.output
    }

    fn raw(&self) -> PathBuf {
        self.work("disk.raw")
    }

    pub fn tree(&self) -> Result<Tree> {
        Tree::mbr(self.debian)
    }

    pub fn ext4(tree: &Tree, uuid: &'static str) -> Content {
        Content::Ext4 { dir: tree.root().to_owned(), uuid, options: EXT4 }
    }

    /// A disk with these partitions.
    pub fn disk(&self, table: Table, partitions: Vec<Partition>) -> Result<PathBuf> {
        Disk { size: DISK, table, partitions }.write(&self.raw())?;
        Ok(self.raw())
    }

    /// The guest on one MBR partition, without boot code.
    pub fn mbr_without_boot_code(&self, tree: &Tree) -> Result<PathBuf> {
        let root =
            Partition::new(FIRST.0, FIRST.1, kind::LINUX, Self::ext4(tree, ROOT_UUID)).active();
        self.disk(Table::Mbr, vec![root])
    }

    /// The guest on one MBR partition, GRUB in the gap before it.
    pub fn mbr(&self, tree: &Tree, grub: &str) -> Result<PathBuf> {
        let raw = self.mbr_without_boot_code(tree)?;
        self.install_grub(&raw, FIRST, grub, &format!("(,msdos1)/{grub}"))?;
        Ok(raw)
    }

    pub fn install_grub(
        &self,
        raw: &Path,
        partition: (u64, u64),
        dir: &str,
        prefix: &str,
    ) -> Result<()> {
        grub::install_bios(raw, partition, dir, prefix, "biosdisk part_msdos part_gpt ext2", true)
    }

    /// GPT with BIOS boot partition, ESP, `/boot` and swap; `swap` is how fstab names the last.
    pub fn gpt(&self, swap: &str) -> Result<PathBuf> {
        let devices =
            Devices { partition_map: "gpt", root: (5, ROOT_UUID), boot: Some((3, BOOT_UUID)) };
        let root = Tree::small(self.debian, &devices, false)?;
        let boot = Tree::empty()?;
        for entry in fs::read_dir(root.path("boot"))? {
            let name = entry?.file_name().to_string_lossy().into_owned();
            Tool::new("cp").arg("-a").arg(root.path("boot").join(&name)).arg(boot.root()).run()?;
            root.remove(&format!("boot/{name}"))?;
        }
        boot.link(".", "boot")?;
        root.append(
            "etc/fstab",
            &format!(
                "UUID={BOOT_UUID} /boot ext4 defaults 0 2\nUUID={ESP_UUID} /boot/efi vfat umask=0077 0 1\n\
                 {swap} none swap sw 0 0\n"
            ),
        )?;
        let loader = self.work("BOOTX64.EFI");
        grub::efi_image(BOOT_UUID, &loader)?;
        let esp = Content::Fat { files: vec![("EFI/BOOT/BOOTX64.EFI", loader)] };
        let boot_at = (128 * MIB, 512 * MIB);
        let raw = self.disk(
            Table::Gpt,
            vec![
                Partition::new(MIB, MIB, kind::GPT_BIOS_BOOT, Content::Empty),
                Partition::new(2 * MIB, 64 * MIB, kind::GPT_EFI, esp),
                Partition::new(boot_at.0, boot_at.1, kind::GPT_LINUX, Self::ext4(&boot, BOOT_UUID)),
                Partition::new(
                    640 * MIB,
                    256 * MIB,
                    kind::GPT_SWAP,
                    Content::Swap { uuid: SWAP_UUID },
                ),
                Partition::new(GIB, GIB, kind::GPT_LINUX, Self::ext4(&root, ROOT_UUID)),
            ],
        )?;
        self.install_grub(&raw, boot_at, "grub", "(,gpt3)/grub")?;
        Ok(raw)
    }

    /// GPT with an ESP and no way for BIOS.
    pub fn uefi(&self) -> Result<PathBuf> {
        let devices = Devices { partition_map: "gpt", root: (2, ROOT_UUID), boot: None };
        let root = Tree::small(self.debian, &devices, false)?;
        root.append("etc/fstab", &format!("UUID={ESP_UUID} /boot/efi vfat umask=0077 0 1\n"))?;
        let loader = self.work("BOOTX64.EFI");
        grub::efi_image(ROOT_UUID, &loader)?;
        let esp = Content::Fat { files: vec![("EFI/BOOT/BOOTX64.EFI", loader)] };
        self.disk(
            Table::Gpt,
            vec![
                Partition::new(MIB, 64 * MIB, kind::GPT_EFI, esp),
                Partition::new(GIB, GIB, kind::GPT_LINUX, Self::ext4(&root, ROOT_UUID)),
            ],
        )
    }

    /// `/boot` on the first partition, `content` on the second, which has everything else.
    pub fn boot_and(&self, tree: &Tree, partition: Partition) -> Result<PathBuf> {
        let boot = Tree::empty()?;
        Tool::new("cp").arg("-a").arg(tree.path("boot/.")).arg(boot.root()).run()?;
        let boot =
            Partition::new(FIRST.0, FIRST.1, kind::LINUX, Self::ext4(&boot, BOOT_UUID)).active();
        let raw = self.disk(Table::Mbr, vec![boot, partition])?;
        self.install_grub(&raw, FIRST, "grub", "(,msdos1)/grub")?;
        Ok(raw)
    }

    /// Packs the disk with zstd clusters.
    pub fn pack(&self, raw: &Path) -> Result<()> {
        self.pack_as(raw, CLUSTERS)
    }

    pub fn pack_as(&self, raw: &Path, options: &str) -> Result<()> {
        Tool::new("qemu-img")
            .words("convert -f raw -O qcow2 -c -o")
            .arg(options)
            .arg(raw)
            .arg(&self.output)
            .run()?;
        Ok(())
    }

    /// Overwrites bytes of a file.
    pub fn patch(path: &Path, offset: u64, bytes: &[u8]) -> Result<()> {
        let file = OpenOptions::new().write(true).open(path)?;
        file.write_all_at(bytes, offset).with_context(|| path.display().to_string())
    }
}
