//! A Windows guest in the making: its files in a directory, then its disk.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::bcd::{self, Partition as Named};
use super::pe::{Programs, Subsystem};
use super::registry;
use super::release::{DriverPlace, Release};
use super::sam::{self, Administrator, control};
use super::{boot_code, hive, ntfs};
use crate::guest::disk::{Content, Disk, GIB, MIB, Partition, Table};
use crate::guest::identity::DISK_GUID;
use crate::guest::mount::Loop;
use crate::tool::Tool;

/// Which firmware a guest is made for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Firmware {
    /// Boot files on an active partition of their own, as Windows set-up makes it.
    Bios,
    /// Boot files on the Windows partition, which is active.
    BiosOnePartition,
    Uefi,
}

/// The registry hives of a guest.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Hive {
    System,
    Software,
    Sam,
    Drivers,
    Bcd,
}

/// How the disk is laid out.
pub struct Layout {
    /// Whether the partition with the boot files is active.
    pub active: bool,
    /// Partition type of the Windows partition under BIOS.
    pub windows_kind: &'static str,
    /// Whether sector 0 has code.
    pub boot_code: bool,
    /// Bytes that are written over the start of the Windows partition at last.
    pub windows_boot_sector: Option<Vec<u8>>,
    /// Whether the Windows partition is marked dirty.
    pub dirty: bool,
    /// Whether the log of the Windows partition is in use.
    pub log_in_use: bool,
    /// Bytes of the Windows partition and of its clusters.
    pub windows_size: u64,
    pub cluster_size: u32,
    /// What more is written to the Windows partition.
    pub more: Option<ntfs::More>,
}

/// Size of every guest's disk.
pub const DISK: u64 = 40 * GIB;

/// GPT partition types (UEFI 2.10, table 5.7; Microsoft, "PARTITION_INFORMATION_GPT").
const GPT_RESERVED: &str = "E3C9E316-0B5C-4DB8-817D-F92DF00215AE";
const GPT_BASIC_DATA: &str = "EBD0A0A2-B9E5-4433-87C0-68B6B72699C7";

/// The disk signature of [`crate::guest::identity::MBR_SIGNATURE`].
pub const SIGNATURE: u32 = 0x1f0c_3a5e;

/// The partition "System Reserved", or the EFI system partition.
const SYSTEM: (u64, u64) = (MIB, 100 * MIB);
/// The Windows partition. The journal that `mkntfs` makes grows with the volume, so it is small.
pub const WINDOWS_START: u64 = 117 * MIB;
const WINDOWS_SIZE: u64 = 2 * GIB;

/// ntfs-3g leaves 4096 clusters between two files: with small ones they lie closer together, and the
/// qcow2 file needs fewer tables.
const CLUSTER: u32 = 1024;

/// GUIDs of the first and third partition, as `Disk` gives them.
const ESP_GUID: &str = "6E1F0000-0000-4000-8000-000000000000";
const WINDOWS_GUID: &str = "6E1F0000-0000-4000-8000-000000000002";

pub struct Guest<'a> {
    pub release: &'static Release,
    pub firmware: Firmware,
    pub layout: Layout,
    programs: &'a Programs,
    dir: tempfile::TempDir,
}

impl<'a> Guest<'a> {
    /// A guest that nothing is wrong with.
    pub fn new(
        programs: &'a Programs,
        release: &'static Release,
        firmware: Firmware,
    ) -> Result<Self> {
        let layout = Layout {
            active: true,
            windows_kind: "7",
            boot_code: true,
            windows_boot_sector: None,
            dirty: false,
            log_in_use: false,
            windows_size: WINDOWS_SIZE,
            cluster_size: CLUSTER,
            more: None,
        };
        let guest = Self { release, firmware, layout, programs, dir: tempfile::tempdir()? };
        guest.hives()?;
        guest.files()?;
        Ok(guest)
    }

    /// A file of the Windows partition.
    pub fn windows(&self, path: &str) -> PathBuf {
        self.dir.path().join("windows").join(path)
    }

    /// A file of the system partition: "System Reserved" or the EFI system partition.
    pub fn system(&self, path: &str) -> PathBuf {
        self.dir.path().join(self.system_dir()).join(path)
    }

    fn system_dir(&self) -> &'static str {
        if self.firmware == Firmware::BiosOnePartition { "windows" } else { "system" }
    }

    /// The file of a hive.
    pub fn hive(&self, hive: Hive) -> PathBuf {
        let config = |name: &str| self.windows(&format!("Windows/System32/config/{name}"));
        match (hive, self.firmware) {
            (Hive::System, _) => config("SYSTEM"),
            (Hive::Software, _) => config("SOFTWARE"),
            (Hive::Sam, _) => config("SAM"),
            (Hive::Drivers, _) => config("DRIVERS"),
            (Hive::Bcd, Firmware::Uefi) => self.system("EFI/Microsoft/Boot/BCD"),
            (Hive::Bcd, _) => self.system("Boot/BCD"),
        }
    }

    /// Merges a `.reg` text into a hive.
    pub fn merge(&self, hive: Hive, text: &str) -> Result<()> {
        hive::merge(&self.hive(hive), text)
    }

    /// Writes the account Administrator anew.
    pub fn administrator(&self, edit: impl Fn(&mut Administrator)) -> Result<()> {
        let mut account = Administrator {
            control: control::NORMAL | control::PASSWORD_NEVER_EXPIRES,
            has_password: true,
            has_aes_hashes: self.release.has_aes_hashes(),
        };
        edit(&mut account);
        self.merge(Hive::Sam, &sam::sam(&account))
    }

    /// The partition of the boot files, as the boot configuration names it.
    pub fn system_device(&self) -> Named {
        match self.firmware {
            Firmware::Bios => Named::Mbr(SIGNATURE, SYSTEM.0),
            Firmware::BiosOnePartition => self.windows_device(),
            Firmware::Uefi => Named::Gpt(DISK_GUID, ESP_GUID),
        }
    }

    /// The partition of Windows, as the boot configuration names it.
    pub fn windows_device(&self) -> Named {
        match self.firmware {
            Firmware::Uefi => Named::Gpt(DISK_GUID, WINDOWS_GUID),
            _ => Named::Mbr(SIGNATURE, WINDOWS_START),
        }
    }

    fn hives(&self) -> Result<()> {
        let is_uefi = self.firmware == Firmware::Uefi;
        let mounted = match self.windows_device() {
            Named::Mbr(signature, start) => {
                [signature.to_le_bytes().to_vec(), start.to_le_bytes().to_vec()].concat()
            }
            Named::Gpt(_, partition) => [b"DMIO:ID:".to_vec(), bcd::guid(partition)].concat(),
        };
        let name = self.release.product.split(' ').take(3).collect::<Vec<_>>().join(" ");
        let store = bcd::store(self.system_device(), self.windows_device(), is_uefi, &name);
        let mut hives = vec![
            (Hive::System, registry::system(self.release, &mounted)),
            (Hive::Software, registry::software(self.release)),
            (Hive::Sam, String::new()),
            (Hive::Bcd, store),
        ];
        if self.release.drivers == DriverPlace::Drivers {
            hives.push((Hive::Drivers, registry::driver_database(self.release)));
        }
        for (which, text) in hives {
            let path = self.hive(which);
            fs::create_dir_all(path.parent().context("a hive lies in a directory")?)?;
            hive::create(&path)?;
            if which == Hive::Sam {
                self.administrator(|_| {})?;
            } else {
                hive::merge(&path, &text)?;
            }
        }
        Ok(())
    }

    fn files(&self) -> Result<()> {
        use Subsystem::{BootApplication, EfiApplication, Native};
        let own = self.release.file_version();
        for driver in registry::drivers(self.release) {
            // virtio-win 0.1.240's drivers are 100.94.104.24000.
            let is_virtio = registry::VIRTIO.iter().any(|virtio| virtio.name == driver.name);
            let version = if is_virtio { [100, 94, 104, 24000] } else { own };
            let name = format!("{}.sys", driver.name);
            self.program(&format!("windows/Windows/System32/drivers/{name}"), version, Native)?;
        }
        for name in ["ntoskrnl.exe", "drivers/partmgr.sys"] {
            self.program(&format!("windows/Windows/System32/{name}"), own, Native)?;
        }
        for name in ["winload.exe", "winload.efi"] {
            self.program(&format!("windows/Windows/System32/{name}"), own, BootApplication)?;
        }
        match self.firmware {
            Firmware::Bios | Firmware::BiosOnePartition => {
                // 16-bit code, in which a PE image is packed.
                let content = b"\xe9\xfd\xff stand-in of bootmgr for tests\n";
                self.write(&format!("{}/bootmgr", self.system_dir()), content)?;
            }
            Firmware::Uefi => {
                for name in ["EFI/Microsoft/Boot/bootmgfw.efi", "EFI/Boot/bootx64.efi"] {
                    self.program(&format!("system/{name}"), own, EfiApplication)?;
                }
            }
        }
        let cloudbase = "windows/Program Files/Cloudbase Solutions/Cloudbase-Init";
        self.write(&format!("{cloudbase}/conf/cloudbase-init.conf"), CLOUDBASE_INIT.as_bytes())?;
        self.write(&format!("{cloudbase}/bin/OpenStackService.exe"), b"MZ")?;
        self.write("windows/Program Files (x86)/virtio/bin/version", b"2.5.0.156\r\n")?;
        for dir in ["Users/Administrator", "Windows/Panther", "ProgramData"] {
            fs::create_dir_all(self.windows(dir))?;
        }
        Ok(())
    }

    fn program(&self, path: &str, version: [u16; 4], subsystem: Subsystem) -> Result<()> {
        let name = path.rsplit('/').next().unwrap_or(path);
        let made = self.programs.get(name, version, subsystem, self.release.is_64_bit)?;
        self.write(path, &fs::read(made)?)
    }

    fn write(&self, path: &str, bytes: &[u8]) -> Result<()> {
        let path = self.dir.path().join(path);
        fs::create_dir_all(path.parent().context("a file lies in a directory")?)?;
        fs::write(&path, bytes).with_context(|| path.display().to_string())
    }

    /// Lays the guest out on a disk and packs it as qcow2 with zstd clusters.
    pub fn pack(&self, output: &Path) -> Result<()> {
        let raw = self.dir.path().join("disk.raw");
        self.lay_out(&raw)?;
        Tool::new("qemu-img")
            .words("convert -f raw -O qcow2 -c -o cluster_size=16k,compression_type=zstd")
            .arg(&raw)
            .arg(output)
            .run()?;
        Ok(fs::remove_file(raw)?)
    }

    /// Lays the guest out on a disk.
    pub fn lay_out(&self, raw: &Path) -> Result<()> {
        let part = |(start, size), kind| Partition::new(start, size, kind, Content::Empty);
        let place = (WINDOWS_START, self.layout.windows_size);
        let mut windows = part(place, self.layout.windows_kind);
        let (table, partitions) = match self.firmware {
            Firmware::Bios => {
                let mut boot = part(SYSTEM, "7");
                boot.active = self.layout.active;
                (Table::Mbr, vec![boot, windows])
            }
            Firmware::BiosOnePartition => {
                windows.active = self.layout.active;
                (Table::Mbr, vec![windows])
            }
            Firmware::Uefi => (
                Table::Gpt,
                vec![
                    part(SYSTEM, crate::guest::disk::kind::GPT_EFI),
                    part((101 * MIB, 16 * MIB), GPT_RESERVED),
                    part(place, GPT_BASIC_DATA),
                ],
            ),
        };
        Disk { size: DISK, table, partitions }.write(raw)?;
        match self.firmware {
            Firmware::Bios => {
                let system = ntfs::Volume {
                    place: SYSTEM,
                    label: "System Reserved",
                    files: &self.system(""),
                    cluster_size: CLUSTER,
                    more: None,
                };
                ntfs::make(raw, &system)?;
                patch(raw, SYSTEM.0 + boot_code::RECORD_AT, &boot_code::boot_record())?;
            }
            Firmware::BiosOnePartition => {}
            Firmware::Uefi => self.esp(raw, SYSTEM)?,
        }
        if self.firmware != Firmware::Uefi && self.layout.boot_code {
            patch(raw, 0, &boot_code::mbr())?;
        }
        let windows = ntfs::Volume {
            place,
            label: "Windows",
            files: &self.windows(""),
            cluster_size: self.layout.cluster_size,
            more: self.layout.more,
        };
        ntfs::make(raw, &windows)?;
        patch(raw, WINDOWS_START + boot_code::RECORD_AT, &boot_code::boot_record())?;
        if self.layout.dirty {
            ntfs::mark_dirty(raw, WINDOWS_START)?;
        }
        if self.layout.log_in_use {
            ntfs::mark_log_in_use(raw, place)?;
        }
        if let Some(bytes) = &self.layout.windows_boot_sector {
            patch(raw, WINDOWS_START, bytes)?;
        }
        Ok(())
    }

    fn esp(&self, raw: &Path, (start, size): (u64, u64)) -> Result<()> {
        let device = Loop::part(raw, start, size)?;
        Tool::new("mkfs.vfat").words("--invariant -F 32").arg(&device.device).run()?;
        Tool::new("mcopy")
            .words("-s -i")
            .arg(&device.device)
            .arg(self.system("EFI"))
            .arg("::")
            .run()?;
        Ok(())
    }
}

/// Overwrites bytes of a file.
pub fn patch(path: &Path, offset: u64, bytes: &[u8]) -> Result<()> {
    let file = OpenOptions::new().write(true).open(path)?;
    file.write_all_at(bytes, offset).with_context(|| path.display().to_string())
}

/// As the platform's documents ask for it.
const CLOUDBASE_INIT: &str = "[DEFAULT]\r
username=Administrator\r
groups=Administrators\r
inject_user_password=true\r
first_logon_behaviour=no\r
netbios_host_name_compatibility=false\r
metadata_services=cloudbaseinit.metadata.services.httpservice.HttpService\r
plugins=cloudbaseinit.plugins.common.mtu.MTUPlugin,cloudbaseinit.plugins.common.sethostname.SetHostNamePlugin,cloudbaseinit.plugins.common.setuserpassword.SetUserPasswordPlugin,cloudbaseinit.plugins.common.userdata.UserDataPlugin\r
retry_count=40\r
retry_count_interval=5\r
real_time_clock_utc=true\r
logging_serial_port_settings=COM1,115200,N,8\r
logdir=C:\\Program Files\\Cloudbase Solutions\\Cloudbase-Init\\log\\\r
logfile=cloudbase-init.log\r
\r
[openstack]\r
metadata_base_url=http://169.254.169.254/\r
add_metadata_private_ip_route=False\r
";
