//! GRUB 2 for a guest: its files, its configuration, its boot code.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use super::debian::Debian;
use super::mount::{Loop, Mount};
use crate::tool::Tool;

/// Where Debian's `grub-pc-bin` has the BIOS modules.
pub const MODULES: &str = "/usr/lib/grub/i386-pc";

/// The partitions that a `grub.cfg` refers to.
pub struct Devices<'a> {
    /// `msdos` or `gpt`.
    pub partition_map: &'a str,
    /// Number and UUID of the root file system.
    pub root: (u32, &'a str),
    /// Number and UUID of a file system for `/boot`, when there is one.
    pub boot: Option<(u32, &'a str)>,
}

/// What `grub-probe` and `grub-mkrelpath` say of a guest.
pub struct Answers {
    /// `msdos` or `gpt`.
    pub partition_map: String,
    pub root: Device,
    /// Where `/boot` is, when it is a file system of its own.
    pub boot: Option<Device>,
    /// What the root directory is below on its file system: `/@`, or nothing.
    pub subvolume: String,
}

/// A device with a file system, as GRUB's tools know it.
pub struct Device {
    /// `/dev/sda1`.
    pub name: String,
    pub uuid: String,
    /// GRUB's module for the file system.
    pub fs: String,
    /// GRUB's modules for what it lies in: `lvm`.
    pub abstraction: String,
    /// The words that help `search` to find it.
    pub hints: String,
}

impl Device {
    /// A partition of the first disk.
    pub fn partition(map: &str, number: u32, uuid: &str, fs: &str) -> Self {
        let place = format!("{map}{number}");
        let hints = format!(
            "--hint-bios=hd0,{place} --hint-efi=hd0,{place} --hint-baremetal=ahci0,{place}"
        );
        Self {
            name: format!("/dev/sda{number}"),
            uuid: uuid.to_owned(),
            fs: fs.to_owned(),
            abstraction: String::new(),
            hints,
        }
    }
}

/// As [`configuration_by`], for ext file systems on partitions.
pub fn configuration(debian: &Debian, devices: &Devices) -> Result<String> {
    let map = devices.partition_map;
    let device = |(number, uuid): (u32, &str)| Device::partition(map, number, uuid, "ext2");
    let answers = Answers {
        partition_map: map.to_owned(),
        root: device(devices.root),
        boot: devices.boot.map(device),
        subvolume: String::new(),
    };
    configuration_by(debian, &answers)
}

/// The `grub.cfg` that the guest's own `grub-mkconfig` and `/etc/grub.d` write.
///
/// There is no device below the guest's tree that `grub-probe` and `grub-mkrelpath` could look at,
/// so the answers that they give on a machine with these devices are put in their place. Nothing
/// else of the configuration is made up.
pub fn configuration_by(debian: &Debian, answers: &Answers) -> Result<String> {
    const MAKE: &str = r#"
        map=$1 subvolume=$2 own_boot=$3; shift 3
        root=$1 root_uuid=$2 root_fs=$3 root_abstraction=$4 root_hints=$5; shift 5
        boot=$1 boot_uuid=$2 boot_fs=$3 boot_abstraction=$4 boot_hints=$5
        mount -t tmpfs tmpfs /dev
        mknod -m 666 /dev/null c 1 3
        mkdir -p /dev/disk/by-uuid
        touch "/dev/disk/by-uuid/$root_uuid" "/dev/disk/by-uuid/$boot_uuid"
        cat > /run/grub-probe <<PROBE
#!/bin/sh
target= place=
while [ \$# -gt 0 ]; do
    case "\$1" in
        --target=*) target=\${1#*=} ;;
        -t|--target) target=\$2; shift ;;
        -*) ;;
        *) place=\$1 ;;
    esac
    shift
done
case "\$place" in
    /boot*|$boot)
        device=$boot uuid=$boot_uuid fs=$boot_fs abstraction="$boot_abstraction" hints="$boot_hints" ;;
    *)
        device=$root uuid=$root_uuid fs=$root_fs abstraction="$root_abstraction" hints="$root_hints" ;;
esac
case "\$target" in
    device) echo \$device ;;
    fs) echo \$fs ;;
    fs_uuid) echo \$uuid ;;
    partmap) echo $map ;;
    abstraction) echo \$abstraction ;;
    compatibility_hint) echo hd0,$map\${device#/dev/sda} ;;
    hints_string) echo "\$hints" ;;
    *) exit 1 ;;
esac
PROBE
        cat > /run/grub-mkrelpath <<RELATIVE
#!/bin/sh
path=\$1
[ $own_boot = yes ] && path=\${path#/boot} || path=$subvolume\${path%/}
echo "\$path"
RELATIVE
        chmod 755 /run/grub-probe /run/grub-mkrelpath
        mount --bind /run/grub-probe /usr/sbin/grub-probe
        mount --bind /run/grub-mkrelpath /usr/bin/grub-mkrelpath
        grub-mkconfig
    "#;
    let boot = answers.boot.as_ref().unwrap_or(&answers.root);
    let own_boot = if answers.boot.is_some() { "yes" } else { "no" };
    let mut args = vec![answers.partition_map.as_str(), &answers.subvolume, own_boot];
    for device in [&answers.root, boot] {
        let Device { name, uuid, fs, abstraction, hints } = device;
        args.extend([name.as_str(), uuid, fs, abstraction, hints]);
    }
    debian.chroot(MAKE, &args).context("grub-mkconfig")
}

/// Copies what `grub-install` copies into `dir` (`/boot/grub` of the guest): all modules and lists,
/// or just the modules named.
pub fn copy_files(dir: &Path, only: Option<&[&str]>) -> Result<()> {
    let platform = dir.join("i386-pc");
    fs::create_dir_all(&platform)?;
    let entries = fs::read_dir(MODULES).context("grub-pc-bin is not installed")?;
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let wanted = match only {
            Some(only) => name.strip_suffix(".mod").is_some_and(|module| only.contains(&module)),
            None => name.ends_with(".mod") || name.ends_with(".lst"),
        };
        if wanted || name == "boot.img" {
            fs::copy(entry.path(), platform.join(&name))?;
        }
    }
    fs::write(dir.join("grubenv"), grubenv(""))?;
    Ok(())
}

/// A GRUB environment block: 1024 bytes, filled up with `#`.
pub fn grubenv(variables: &str) -> String {
    format!("{:#<1024}", format!("# GRUB Environment Block\n{variables}"))
}

/// The core image for BIOS, with this prefix.
pub fn core_image(prefix: &str, modules: &str, to: &Path) -> Result<()> {
    Tool::new("grub-mkimage")
        .words("--format=i386-pc --compression=auto")
        .arg(format!("--prefix={prefix}"))
        .arg("--output")
        .arg(to)
        .words(modules)
        .run()?;
    Ok(())
}

/// A loader for UEFI that finds the file system with `uuid` and reads its `/boot/grub/grub.cfg`.
pub fn efi_image(uuid: &str, to: &Path) -> Result<()> {
    let embedded = tempfile::NamedTempFile::new()?;
    fs::write(
        embedded.path(),
        format!(
            "search.fs_uuid {uuid} root\nset prefix=($root)'/boot/grub'\nconfigfile $prefix/grub.cfg\n"
        ),
    )?;
    Tool::new("grub-mkimage")
        .words("--format=x86_64-efi --prefix=/boot/grub --config")
        .arg(embedded.path())
        .arg("--output")
        .arg(to)
        .words("part_gpt part_msdos ext2 fat search_fs_uuid configfile normal linux")
        .run()?;
    Ok(())
}

/// Puts boot code into `image` by `grub-bios-setup`, from the GRUB directory on the file system at
/// `offset` whose path there is `dir`. `small` leaves out what only takes room: the
/// Reed-Solomon codes behind the core image, and the copy of it in the directory.
pub fn install_bios(
    image: &Path,
    (offset, size): (u64, u64),
    dir: &str,
    prefix: &str,
    modules: &str,
    small: bool,
) -> Result<()> {
    let mount = Mount::new(image, offset, size, "rw")?;
    let platform = mount.join(dir).join("i386-pc");
    set_up(&Loop::new(image)?, &platform, prefix, modules, small)
}

/// The same for a disk behind a loop device, from a directory `platform` (`…/grub/i386-pc`).
pub fn set_up(
    whole: &Loop,
    platform: &Path,
    prefix: &str,
    modules: &str,
    small: bool,
) -> Result<()> {
    core_image(prefix, modules, &platform.join("core.img"))?;
    let map = tempfile::NamedTempFile::new()?;
    fs::write(map.path(), format!("(hd0) {}\n", whole.device))?;
    Tool::new("/usr/lib/grub/i386-pc/grub-bios-setup")
        .words(if small { "--no-rs-codes" } else { "" })
        .arg("--directory")
        .arg(platform)
        .arg("--device-map")
        .arg(map.path())
        .arg(&whole.device)
        .run()?;
    if small {
        fs::remove_file(platform.join("core.img"))?;
    }
    Ok(())
}
