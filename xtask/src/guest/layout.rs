//! The whole guest on other layouts than plain partitions of ext4: as an installer would set them
//! up, with `fstab`, kernel command line and GRUB to match.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::debian::Debian;
use super::disk::{GIB, MIB};
use super::grub::{self, Answers, Device};
use super::identity::{BOOT_UUID, DATA_UUID, ROOT_UUID, SWAP_UUID};
use super::lvm::Group;
use super::md::{Array, Level};
use super::mount::{Loop, Mount};
use crate::tool::Tool;
use crate::workspace;

/// Bytes of each disk.
pub const SIZE: u64 = 40 * GIB;

/// Where the root's partition begins, behind room for what comes before it.
pub const ROOT_AT: u64 = GIB;

/// Where `/boot` is, when it has a partition.
pub const BOOT: (u64, u64) = (4 * MIB, 768 * MIB);

/// A layout.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Layout {
    /// MBR, one ext4.
    Plain,
    /// GPT with BIOS boot partition, ext4 for `/boot`, XFS for the root.
    GptXfs,
    /// MBR, ext4 for `/boot`, XFS for the root in a logical volume of two segments.
    Lvm,
    /// The same, where the second segment lies on another disk.
    LvmOnTwoDisks,
    /// MBR, one Btrfs with zstd and the subvolumes `@` and `@home`.
    Btrfs,
    /// MBR, everything in a logical volume on an md RAID 1 of which one member is there.
    LvmOnMd,
    /// GPT, ext4 for each of `/`, `/usr` and `/var`.
    Split,
    /// GPT on sectors of 4096 bytes, one ext4.
    LargeSectors,
}

impl Layout {
    /// Those whose guest starts.
    pub const WHOLE: &[Self] =
        &[Self::GptXfs, Self::Lvm, Self::Btrfs, Self::LvmOnMd, Self::Split, Self::LargeSectors];

    pub fn what(self) -> &'static str {
        match self {
            Self::Plain => "MBR, ext4",
            Self::GptXfs => "GPT, ext4 /boot, XFS",
            Self::Lvm => "MBR, ext4 /boot, XFS on LVM in two segments",
            Self::LvmOnTwoDisks => "MBR, ext4 /boot, XFS on LVM over two disks",
            Self::Btrfs => "MBR, Btrfs with @ and @home, zstd",
            Self::LvmOnMd => "MBR, ext4 on LVM on md RAID 1 of one member",
            Self::Split => "GPT, /usr and /var of their own",
            Self::LargeSectors => "GPT on sectors of 4096 bytes, ext4",
        }
    }

    /// Builds the guest's (first) disk, or takes it from the cache.
    pub fn build(self, debian: &Debian) -> Result<PathBuf> {
        let tree = debian.tree.file_name().unwrap_or_default().to_string_lossy();
        let image = workspace::cache()?.join(format!("{tree}-{self:?}.raw"));
        let modified = |path: &Path| fs::metadata(path).and_then(|found| found.modified()).ok();
        if modified(&image) <= modified(&debian.tree.with_extension("recipe")) {
            let partial = image.with_extension("partial");
            self.write(&Source { debian, tree: &debian.tree }, &partial)
                .with_context(|| self.what())?;
            fs::rename(partial, &image)?;
        }
        Ok(image)
    }

    /// Writes the (first) disk of a guest to `image`.
    pub fn write(self, source: &Source, image: &Path) -> Result<()> {
        let sector: u32 = if self == Self::LargeSectors { 4096 } else { 512 };
        File::create(image)?.set_len(SIZE)?;
        let disk = Loop::with_sectors(image, 0, 0, sector)?;
        let script = self.table(u64::from(sector));
        let sfdisk = Tool::new("sfdisk").words("--quiet --no-reread --no-tell-kernel");
        sfdisk.arg(&disk.device).run_with(script.as_bytes())?;
        let size = if self == Self::Split { 2 * GIB } else { SIZE - ROOT_AT - 2 * MIB };
        let root = Place { file: image.to_owned(), start: ROOT_AT, size, sector };
        match self {
            Self::Lvm | Self::LvmOnTwoDisks => self.logical(source, &disk, &root),
            Self::LvmOnMd => {
                let array = Array {
                    level: Level::Raid1,
                    image,
                    members: vec![Some((root.start, root.size)), None],
                    name: "guest:0",
                };
                let inside = Temporary::new("array.img", array.size()?)?;
                let whole = Place { file: inside.0.clone(), start: 0, size: array.size()?, sector };
                self.logical(source, &disk, &whole)?;
                array.write(&inside.0)
            }
            _ => self.install(source, &disk, &root, None),
        }
    }

    /// What `sfdisk` is told.
    fn table(self, sector: u64) -> String {
        const GPT: &str = "label: gpt\nunit: sectors\n";
        const MBR: &str = "label: dos\nlabel-id: 0x1f0c3a5e\nunit: sectors\n";
        let part = |start: u64, size: u64, kind: &str| {
            format!("start={}, size={}, type={kind}\n", start / sector, size / sector)
        };
        let bios = part(MIB, MIB, super::disk::kind::GPT_BIOS_BOOT);
        let boot = |kind: &str| part(BOOT.0, BOOT.1, kind);
        let root = |kind: &str| part(ROOT_AT, SIZE - ROOT_AT - 2 * MIB, kind);
        match self {
            Self::GptXfs => [GPT, &bios, &boot("L"), &root("L")].concat(),
            Self::Lvm | Self::LvmOnTwoDisks => {
                [MBR, boot("83, bootable").as_str(), &root("8e")].concat()
            }
            Self::Plain | Self::Btrfs => [MBR, &root("83, bootable")].concat(),
            Self::LvmOnMd => [MBR, &root("fd, bootable")].concat(),
            Self::Split => {
                let (usr, var) = (split(0), split(1));
                let root = part(ROOT_AT, 2 * GIB, "L");
                [GPT, &bios, &root, &part(usr.0, usr.1, "L"), &part(var.0, var.1, "L")].concat()
            }
            Self::LargeSectors => [GPT, &bios, &root("L")].concat(),
        }
    }

    /// The root in a logical volume of a group on `place`.
    fn logical(self, source: &Source, disk: &Loop, place: &Place) -> Result<()> {
        let other = Temporary::new("second-disk.img", 20 * GIB)?;
        let mut parts = vec![(place.file.as_path(), place.start, place.size)];
        if self == Self::LvmOnTwoDisks {
            parts.push((&other.0, 0, 20 * GIB));
        }
        let group = Group::create("system", &parts)?;
        let first = group.device(0)?;
        group.volume(
            "root",
            &format!("-L {} {first}", if self == Self::LvmOnMd { "12g" } else { "600m" }),
        )?;
        group.volume("swap", &format!("-L 512m {first}"))?;
        if self != Self::LvmOnMd {
            let more = group.device(parts.len() - 1)?;
            group.run(&format!("lvextend -L 12g system/root {more}"))?;
        }
        let size = group.size("root")?;
        let content = Temporary::new("logical-volume.img", size)?;
        let inside = Place { file: content.0.clone(), start: 0, size, sector: 512 };
        self.install(source, disk, &inside, Some(&group))?;
        group.write("root", &content.0)?;
        let swap = Temporary::new("swap.img", 512 * MIB)?;
        Tool::new("mkswap").words("-q -U").arg(SWAP_UUID).arg(&swap.0).run()?;
        group.write("swap", &swap.0)?;
        if self == Self::LvmOnTwoDisks {
            let uuid = group.uuids()?.pop().context("no second physical volume")?;
            fs::write(missing_uuid()?, uuid)?;
        }
        Ok(())
    }

    fn install(
        self,
        source: &Source,
        disk: &Loop,
        root: &Place,
        group: Option<&Group>,
    ) -> Result<()> {
        let image = Path::new(&disk.device);
        let on_disk =
            |(start, size)| Place { file: image.to_owned(), start, size, sector: root.sector };
        let (mkfs, fs, options) = match self {
            Self::GptXfs | Self::Lvm | Self::LvmOnTwoDisks => {
                (format!("mkfs.xfs -q -f -m uuid={ROOT_UUID}"), "xfs", "defaults")
            }
            Self::Btrfs => {
                (format!("mkfs.btrfs -q -f -U {ROOT_UUID}"), "btrfs", "defaults,subvol=@")
            }
            _ => (format!("mke2fs -q -F -t ext4 -U {ROOT_UUID}"), "ext4", "errors=remount-ro"),
        };
        root.make(&mkfs)?;
        let mount = root.mount(if self == Self::Btrfs { "compress=zstd" } else { "rw" })?;
        let mut top = mount.path().to_owned();
        let device = if group.is_some() {
            "/dev/mapper/system-root".to_owned()
        } else {
            format!("UUID={ROOT_UUID}")
        };
        let check = if fs == "ext4" { 1 } else { 0 };
        let mut fstab = format!("{device} / {fs} {options} 0 {check}\n");
        if self == Self::Btrfs {
            for name in ["@", "@home"] {
                Tool::new("btrfs").words("subvolume create").arg(top.join(name)).run()?;
            }
            top.push("@");
            fstab.push_str(&format!("UUID={ROOT_UUID} /home btrfs defaults,subvol=@home 0 0\n"));
        }
        Tool::new("cp").arg("-a").arg(source.tree.join(".")).arg(&top).run()?;

        let mut boot = None;
        let others: &[(&str, (u64, u64), &str)] = match self {
            Self::GptXfs | Self::Lvm | Self::LvmOnTwoDisks => &[("boot", BOOT, BOOT_UUID)],
            Self::Split => &[("usr", split(0), DATA_UUID), ("var", split(1), VAR_UUID)],
            _ => &[],
        };
        for (name, range, uuid) in others {
            let place = on_disk(*range);
            place.make(&format!("mke2fs -q -F -t ext4 -U {uuid}"))?;
            let other = place.mount("rw")?;
            Tool::new("cp").arg("-a").arg(top.join(name).join(".")).arg(other.path()).run()?;
            fs::remove_dir_all(top.join(name))?;
            fs::create_dir(top.join(name))?;
            fstab.push_str(&format!("UUID={uuid} /{name} ext4 defaults 0 2\n"));
            if *name == "boot" {
                boot = Some(other);
            }
        }
        if group.is_some() {
            fstab.push_str("/dev/mapper/system-swap none swap sw 0 0\n");
        }
        fs::write(top.join("etc/fstab"), fstab)?;

        let map = if matches!(self, Self::GptXfs | Self::Split | Self::LargeSectors) {
            "gpt"
        } else {
            "msdos"
        };
        let number = match self {
            Self::GptXfs => 3,
            Self::Split | Self::LargeSectors => 2,
            _ => 1,
        };
        let grub_fs = if fs == "ext4" { "ext2" } else { fs };
        let mut answers = Answers {
            partition_map: map.to_owned(),
            root: Device::partition(map, number, ROOT_UUID, grub_fs),
            boot: None,
            subvolume: if self == Self::Btrfs { "/@".to_owned() } else { String::new() },
        };
        let mut place = format!(",{map}{number}");
        let mut modules = format!("biosdisk part_{map} {grub_fs}");
        if let Some(group) = group {
            let name = group.grub_name("root")?;
            answers.root.name = "/dev/mapper/system-root".to_owned();
            answers.root.abstraction =
                if self == Self::LvmOnMd { "lvm mdraid1x" } else { "lvm" }.to_owned();
            answers.root.hints = format!("--hint='{name}'");
            modules = format!("{modules} {}", answers.root.abstraction);
            place = name;
        }
        let mut dir = top.join("boot/grub");
        let mut prefix = format!("({place}){}/boot/grub", answers.subvolume);
        if let Some(boot) = &boot {
            let number = if map == "gpt" { 2 } else { 1 };
            answers.boot = Some(Device::partition(map, number, BOOT_UUID, "ext2"));
            dir = boot.path().join("grub");
            prefix = format!("(,{map}{number})/grub");
            modules = format!("biosdisk part_{map} ext2");
        }
        grub::copy_files(&dir, None)?;
        fs::write(dir.join("grub.cfg"), grub::configuration_by(source.debian, &answers)?)?;
        grub::set_up(disk, &dir.join("i386-pc"), &prefix, &modules, false)
    }
}

/// Where a guest's files come from: the whole guest, and the tree that is laid out, which may have
/// less.
pub struct Source<'a> {
    pub debian: &'a Debian,
    pub tree: &'a Path,
}

/// Where [`Layout::LvmOnTwoDisks`] leaves the UUID of the physical volume that is not on its disk.
pub fn missing_uuid() -> Result<PathBuf> {
    Ok(workspace::cache()?.join("layout-missing-pv"))
}

/// A file system for `/var`.
const VAR_UUID: &str = "a1b2c3d4-5e6f-4708-9a0b-c1d2e3f40516";

/// The partitions behind a small root.
fn split(index: u64) -> (u64, u64) {
    (ROOT_AT + (2 + index * 12) * GIB, 12 * GIB)
}

/// Where a file system is made: a part of a file or device.
struct Place {
    file: PathBuf,
    start: u64,
    size: u64,
    sector: u32,
}

impl Place {
    fn device(&self) -> Result<Loop> {
        Loop::with_sectors(&self.file, self.start, self.size, self.sector)
    }

    fn make(&self, mkfs: &str) -> Result<()> {
        self.device()?.make(mkfs)
    }

    fn mount(&self, options: &str) -> Result<Mount> {
        Mount::of(vec![self.device()?], options)
    }
}

/// A sparse file of the cache that goes away with the value.
struct Temporary(PathBuf);

impl Temporary {
    fn new(name: &str, size: u64) -> Result<Self> {
        let path = workspace::cache()?.join(name);
        File::create(&path)?.set_len(size)?;
        Ok(Self(path))
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_file(&self.0) {
            eprintln!("{}: {error}", self.0.display());
        }
    }
}
