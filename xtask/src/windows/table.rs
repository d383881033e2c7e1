//! The guests: good ones of each release, then one for each way to be refused.
//!
//! What is expected of them follows from the rules' catalogue under the profile ims-classic.

use std::fs;
use std::io::Write;

use anyhow::{Context, Result};

use super::bcd::{self, BOOT_MANAGER, LOADER, Partition};
use super::guest::{Firmware, Guest, Hive, SIGNATURE};
use super::registry::{INTERFACE, VIRTIO, service};
use super::release::{
    DriverPlace, Release, SERVER_2008_R2, SERVER_2012_R2, SERVER_2016, SERVER_2019, SERVER_2022,
    WINDOWS_7, WINDOWS_7_X86, WINDOWS_10, WINDOWS_11,
};
use super::sam::control;
use super::text::{binary, dword, expand, key, multi, text, without_key};
use crate::guest::disk::MIB;

/// One guest, and how its check must end.
pub struct Case {
    pub name: &'static str,
    /// What is wrong with it, or what it shows.
    pub what: &'static str,
    pub release: &'static Release,
    pub firmware: Firmware,
    /// Whether it is kept in testdata/windows; the others are made when they are compared.
    pub is_kept: bool,
    pub exit: i32,
    /// Every rule that ends as `fail`, `warn` or `unverified`.
    pub findings: &'static [(&'static str, &'static str)],
    /// Rules whose end follows from the defect in no way that the requirements name; `*` for all
    /// that `findings` does not have.
    pub unjudged: &'static [&'static str],
    pub spoil: fn(&mut Guest<'_>) -> Result<()>,
}

/// The zstd clusters are themselves worth a warning.
const ZSTD: (&str, &str) = ("qcow2-features-conservative", "warn");

/// The release is not on the platform's list for the profile.
const UNLISTED: (&str, &str) = ("os-supported", "warn");

/// Only UEFI boots it.
const UEFI: (&str, &str) = ("boot-mode-bios", "fail");

/// A guest in order.
const fn good(name: &'static str, what: &'static str, release: &'static Release) -> Case {
    Case {
        name,
        what,
        release,
        firmware: Firmware::Bios,
        is_kept: false,
        exit: 0,
        findings: &[ZSTD],
        unjudged: &[],
        spoil: |_| Ok(()),
    }
}

/// Windows Server 2019, booting by BIOS, with one thing wrong that breaks a required rule.
const fn broken(
    name: &'static str,
    what: &'static str,
    findings: &'static [(&'static str, &'static str)],
    spoil: fn(&mut Guest<'_>) -> Result<()>,
) -> Case {
    let case = good(name, what, &SERVER_2019);
    Case { exit: 1, firmware: Firmware::BiosOnePartition, findings, spoil, ..case }
}

/// The same with one thing wrong that breaks a recommended rule, or none.
const fn doubtful(
    name: &'static str,
    what: &'static str,
    findings: &'static [(&'static str, &'static str)],
    spoil: fn(&mut Guest<'_>) -> Result<()>,
) -> Case {
    Case { exit: 0, ..broken(name, what, findings, spoil) }
}

const fn kept(case: Case) -> Case {
    Case { is_kept: true, ..case }
}

const fn with(case: Case, unjudged: &'static [&'static str]) -> Case {
    Case { unjudged, ..case }
}

const fn of(case: Case, release: &'static Release) -> Case {
    Case { release, ..case }
}

const fn uefi(case: Case, findings: &'static [(&'static str, &'static str)]) -> Case {
    Case { firmware: Firmware::Uefi, exit: 1, findings, ..case }
}

const fn one_partition(case: Case) -> Case {
    Case { firmware: Firmware::BiosOnePartition, ..case }
}

const fn unlisted(case: Case) -> Case {
    Case { findings: &[ZSTD, UNLISTED], ..case }
}

/// Sets values of a service.
fn set(guest: &Guest<'_>, name: &str, values: &[(&str, String)]) -> Result<()> {
    guest.merge(Hive::System, &key(&service(name), values))
}

fn remove_windows(guest: &Guest<'_>, path: &str) -> Result<()> {
    fs::remove_file(guest.windows(path)).with_context(|| path.to_owned())
}

fn remove_system(guest: &Guest<'_>, path: &str) -> Result<()> {
    fs::remove_file(guest.system(path)).with_context(|| path.to_owned())
}

/// Takes the drivers of virtio-win away as if they had never been there.
fn without_virtio(guest: &mut Guest<'_>) -> Result<()> {
    for driver in VIRTIO {
        guest.merge(Hive::System, &without_key(&service(driver.name)))?;
        remove_windows(guest, &format!("Windows/System32/drivers/{}.sys", driver.name))?;
    }
    let (hive, path) = match guest.release.drivers {
        DriverPlace::Drivers => (Hive::Drivers, "DriverDatabase\\DeviceIds\\PCI\\"),
        DriverPlace::System => (Hive::System, "DriverDatabase\\DeviceIds\\PCI\\"),
        DriverPlace::CriticalDevices => {
            (Hive::System, "ControlSet001\\Control\\CriticalDeviceDatabase\\PCI#")
        }
    };
    for device in VIRTIO.iter().flat_map(|driver| driver.devices()) {
        let id = device.trim_start_matches("PCI\\");
        // The network card is no critical device.
        let is_network = ["DEV_1000", "DEV_1041"].iter().any(|network| id.contains(network));
        if guest.release.drivers != DriverPlace::CriticalDevices || !is_network {
            guest.merge(hive, &without_key(&format!("{path}{id}")))?;
        }
    }
    Ok(())
}

fn without_cloudbase_init(guest: &Guest<'_>) -> Result<()> {
    guest.merge(Hive::System, &without_key(&service("cloudbase-init")))?;
    Ok(fs::remove_dir_all(guest.windows("Program Files/Cloudbase Solutions"))?)
}

fn edit_cloudbase_init(guest: &Guest<'_>, from: &str, to: &str) -> Result<()> {
    let path =
        guest.windows("Program Files/Cloudbase Solutions/Cloudbase-Init/conf/cloudbase-init.conf");
    let old = fs::read_to_string(&path)?;
    anyhow::ensure!(old.contains(from), "cloudbase-init.conf has no {from}");
    Ok(fs::write(path, old.replace(from, to))?)
}

fn hibernated(guest: &Guest<'_>, magic: &[u8]) -> Result<()> {
    let mut image = magic.to_vec();
    image.resize(64 << 10, 0);
    Ok(fs::write(guest.windows("hiberfil.sys"), image)?)
}

const EMPTY_PASSWORD: &[(&str, &str)] =
    &[ZSTD, ("password-complexity", "fail"), ("win-administrator-usable", "fail")];

/// The rules about drivers of virtio-win in a guest without any.
const NO_VIRTIO: &[(&str, &str)] =
    &[ZSTD, ("win-virtio-storage", "warn"), ("win-virtio-net", "warn")];

pub const CASES: &[Case] = &[
    kept(one_partition(unlisted(good(
        "good-windows-7-x86",
        "Windows 7, 32 bits: drivers bound by CriticalDeviceDatabase",
        &WINDOWS_7_X86,
    )))),
    unlisted(good("good-windows-7", "Windows 7, 64 bits", &WINDOWS_7)),
    good("good-server-2008-r2", "Windows Server 2008 R2", &SERVER_2008_R2),
    kept(one_partition(good(
        "good-server-2012-r2",
        "Windows Server 2012 R2: drivers bound by DriverDatabase in SYSTEM",
        &SERVER_2012_R2,
    ))),
    good("good-server-2016", "Windows Server 2016", &SERVER_2016),
    kept(good(
        "good-server-2019",
        "Windows Server 2019: drivers bound by the hive DRIVERS",
        &SERVER_2019,
    )),
    unlisted(good("good-server-2022", "Windows Server 2022", &SERVER_2022)),
    good("good-windows-10", "Windows 10", &WINDOWS_10),
    unlisted(good("good-windows-11", "Windows 11, whose ProductName says 10", &WINDOWS_11)),
    kept(uefi(
        good("uefi-server-2019", "Windows Server 2019 on GPT: only UEFI boots it", &SERVER_2019),
        &[ZSTD, UEFI],
    )),
    uefi(
        good("uefi-windows-11", "Windows 11 on GPT: only UEFI boots it", &WINDOWS_11),
        &[ZSTD, UEFI, UNLISTED],
    ),
    // Accounts and cloudbase-init.
    kept(broken(
        "administrator-disabled",
        "The account Administrator is disabled, and cloudbase-init has no other",
        &[
            ZSTD,
            ("win-administrator-usable", "fail"),
            ("win-cloudbase-init", "warn"),
            ("win-login-or-cloudbase-init", "fail"),
        ],
        |guest| guest.administrator(|account| account.control |= control::DISABLED),
    )),
    broken(
        "administrator-locked",
        "The account Administrator is locked out",
        &[
            ZSTD,
            ("win-administrator-usable", "fail"),
            ("win-cloudbase-init", "unverified"),
            ("win-login-or-cloudbase-init", "unverified"),
        ],
        |guest| guest.administrator(|account| account.control |= control::LOCKED),
    ),
    kept(broken(
        "administrator-without-password",
        "Administrator's password is empty; hashes by AES",
        EMPTY_PASSWORD,
        |guest| guest.administrator(|account| account.has_password = false),
    )),
    of(
        broken(
            "administrator-without-password-rc4",
            "Administrator's password is empty; hashes by RC4",
            EMPTY_PASSWORD,
            |guest| guest.administrator(|account| account.has_password = false),
        ),
        &SERVER_2012_R2,
    ),
    doubtful(
        "password-not-required",
        "Administrator needs no password by its flags, but has one",
        &[ZSTD, ("win-administrator-usable", "warn")],
        |guest| guest.administrator(|account| account.control |= control::PASSWORD_NOT_REQUIRED),
    ),
    broken(
        "no-login",
        "Administrator is disabled, and cloudbase-init is not there",
        &[
            ZSTD,
            ("win-administrator-usable", "fail"),
            ("win-cloudbase-init", "warn"),
            ("win-login-or-cloudbase-init", "fail"),
        ],
        |guest| {
            without_cloudbase_init(guest)?;
            guest.administrator(|account| account.control |= control::DISABLED)
        },
    ),
    doubtful(
        "cloudbase-init-missing",
        "cloudbase-init is not there",
        &[ZSTD, ("win-cloudbase-init", "warn")],
        |guest| without_cloudbase_init(guest),
    ),
    doubtful(
        "cloudbase-init-disabled",
        "The service cloudbase-init is disabled",
        &[ZSTD, ("win-cloudbase-init", "warn")],
        |guest| set(guest, "cloudbase-init", &[("Start", dword(4))]),
    ),
    doubtful(
        "cloudbase-init-without-http",
        "cloudbase-init.conf takes metadata from a config drive only",
        &[ZSTD, ("win-cloudbase-init", "warn")],
        |guest| {
            edit_cloudbase_init(guest, "httpservice.HttpService", "configdrive.ConfigDriveService")
        },
    ),
    doubtful(
        "cloudbase-init-netbios-names",
        "cloudbase-init.conf cuts host names to 15 characters",
        &[ZSTD, ("win-cloudbase-init", "warn")],
        |guest| {
            edit_cloudbase_init(
                guest,
                "netbios_host_name_compatibility=false",
                "netbios_host_name_compatibility=true",
            )
        },
    ),
    // Drivers.
    broken(
        "ide-not-at-boot",
        "atapi and intelide are started on demand",
        &[ZSTD, ("win-ide-boot-driver", "fail")],
        |guest| {
            set(guest, "atapi", &[("Start", dword(3))])?;
            set(guest, "intelide", &[("Start", dword(3))])
        },
    ),
    kept(broken(
        "ide-start-override",
        "StartOverride keeps atapi and intelide from starting at boot",
        &[ZSTD, ("win-ide-boot-driver", "fail")],
        |guest| {
            for name in ["atapi", "intelide"] {
                let path = format!("{}\\StartOverride", service(name));
                guest.merge(Hive::System, &key(&path, &[("0", dword(3))]))?;
            }
            Ok(())
        },
    )),
    broken(
        "ide-driver-file-missing",
        "atapi.sys is not there",
        &[ZSTD, ("win-ide-boot-driver", "fail")],
        |guest| remove_windows(guest, "Windows/System32/drivers/atapi.sys"),
    ),
    of(
        broken(
            "ide-not-critical",
            "CriticalDeviceDatabase does not have the IDE controller and its channels",
            &[ZSTD, ("win-ide-boot-driver", "fail")],
            |guest| {
                let database = "ControlSet001\\Control\\CriticalDeviceDatabase";
                for id in [
                    "primary_ide_channel",
                    "secondary_ide_channel",
                    "PCI#VEN_8086&DEV_7010",
                    "PCI#CC_0101",
                ] {
                    guest.merge(Hive::System, &without_key(&format!("{database}\\{id}")))?;
                }
                Ok(())
            },
        ),
        &SERVER_2008_R2,
    ),
    kept(doubtful("virtio-missing", "No driver of virtio-win is there", NO_VIRTIO, without_virtio)),
    of(
        doubtful(
            "virtio-missing-2008-r2",
            "No driver of virtio-win is there, Windows Server 2008 R2",
            NO_VIRTIO,
            without_virtio,
        ),
        &SERVER_2008_R2,
    ),
    doubtful(
        "virtio-driver-file-missing",
        "The services viostor and vioscsi are there, their files are not",
        &[ZSTD, ("win-virtio-storage", "warn")],
        |guest| {
            remove_windows(guest, "Windows/System32/drivers/viostor.sys")?;
            remove_windows(guest, "Windows/System32/drivers/vioscsi.sys")
        },
    ),
    doubtful(
        "virtio-one-driver-file-missing",
        "viostor.sys is not there; vioscsi would serve the disk",
        &[ZSTD],
        |guest| remove_windows(guest, "Windows/System32/drivers/viostor.sys"),
    ),
    doubtful(
        "virtio-not-at-boot",
        "viostor and vioscsi are started on demand",
        &[ZSTD, ("win-virtio-storage", "warn")],
        |guest| {
            set(guest, "viostor", &[("Start", dword(3))])?;
            set(guest, "vioscsi", &[("Start", dword(3))])
        },
    ),
    doubtful(
        "virtio-not-bound",
        "The hive DRIVERS does not say that viostor and vioscsi serve virtio's disks",
        &[ZSTD, ("win-virtio-storage", "warn")],
        |guest| {
            for driver in VIRTIO.iter().filter(|driver| driver.start == 0) {
                for device in driver.devices() {
                    let path = format!("DriverDatabase\\DeviceIds\\{device}");
                    guest.merge(Hive::Drivers, &without_key(&path))?;
                }
            }
            Ok(())
        },
    ),
    doubtful(
        "virtio-net-disabled",
        "The service netkvm is disabled",
        &[ZSTD, ("win-virtio-net", "warn")],
        |guest| set(guest, "netkvm", &[("Start", dword(4))]),
    ),
    doubtful(
        "vmtools-old",
        "UVP VMTools 2.2.0",
        &[ZSTD, ("win-uvp-vmtools-version", "warn")],
        |guest| {
            let path = guest.windows("Program Files (x86)/virtio/bin/version");
            Ok(fs::write(path, "2.2.0.112\r\n")?)
        },
    ),
    uefi(
        doubtful(
            "uefi-virtio-missing",
            "No driver of virtio-win, where the platform cannot put one in",
            &[],
            without_virtio,
        ),
        &[
            ZSTD,
            UEFI,
            ("win-uefi-no-offline-inject", "warn"),
            ("win-virtio-net", "warn"),
            ("win-virtio-storage", "warn"),
        ],
    ),
    // Network and remote access.
    kept(doubtful(
        "static-address",
        "The network card has a static address and name server",
        &[ZSTD, ("win-dhcp", "warn")],
        |guest| {
            let path = format!("{}\\Parameters\\Interfaces\\{INTERFACE}", service("Tcpip"));
            let values = [
                ("EnableDHCP", dword(0)),
                ("IPAddress", multi(&["10.3.58.5"])),
                ("SubnetMask", multi(&["255.255.255.0"])),
                ("DefaultGateway", multi(&["10.3.58.1"])),
                ("NameServer", text("10.3.58.4")),
            ];
            guest.merge(Hive::System, &key(&path, &values))
        },
    )),
    doubtful("rdp-off", "Remote Desktop is off", &[ZSTD, ("win-rdp-enabled", "warn")], |guest| {
        let path = "ControlSet001\\Control\\Terminal Server";
        guest.merge(Hive::System, &key(path, &[("fDenyTSConnections", dword(1))]))
    }),
    doubtful(
        "san-policy",
        "SAN policy 4: internal disks stay offline",
        &[ZSTD, ("win-san-policy", "warn")],
        |guest| {
            let path = format!("{}\\Parameters", service("partmgr"));
            guest.merge(Hive::System, &key(&path, &[("SanPolicy", dword(4))]))
        },
    ),
    // The boot chain.
    with(
        broken(
            "bcd-missing",
            "The boot configuration is not there",
            &[ZSTD, ("boot-chain-complete", "fail")],
            |guest| remove_system(guest, "Boot/BCD"),
        ),
        // Nothing says any more where Windows is looked for.
        &["boot-and-system-same-disk"],
    ),
    kept(broken(
        "bcd-other-disk",
        "The boot configuration names the partition of another disk",
        &[ZSTD, ("boot-and-system-same-disk", "fail"), ("boot-chain-complete", "fail")],
        |guest| {
            let other = Partition::Mbr(SIGNATURE ^ 0xffff, 117 * MIB).element();
            let device = bcd::element(LOADER, 0x1100_0001, binary(&other));
            let os_device = bcd::element(LOADER, 0x2100_0001, binary(&other));
            guest.merge(Hive::Bcd, &(device + &os_device))
        },
    )),
    broken(
        "bcd-other-offset",
        "The boot configuration names a partition that this disk does not have",
        &[ZSTD, ("boot-and-system-same-disk", "fail"), ("boot-chain-complete", "fail")],
        |guest| {
            let other = Partition::Mbr(SIGNATURE, 2000 * MIB).element();
            let device = bcd::element(LOADER, 0x1100_0001, binary(&other));
            let os_device = bcd::element(LOADER, 0x2100_0001, binary(&other));
            guest.merge(Hive::Bcd, &(device + &os_device))
        },
    ),
    with(
        broken(
            "bcd-without-default",
            "The boot manager has neither a default entry nor a display order",
            &[ZSTD, ("boot-chain-complete", "fail")],
            |guest| {
                for id in ["23000003", "24000001"] {
                    let path = format!("Objects\\{BOOT_MANAGER}\\Elements\\{id}");
                    guest.merge(Hive::Bcd, &without_key(&path))?;
                }
                Ok(())
            },
        ),
        &["boot-and-system-same-disk"],
    ),
    broken(
        "bootmgr-missing",
        "bootmgr is not there",
        &[ZSTD, ("boot-chain-complete", "fail")],
        |guest| remove_system(guest, "bootmgr"),
    ),
    broken(
        "winload-missing",
        "winload.exe is not there",
        &[ZSTD, ("boot-chain-complete", "fail")],
        |guest| remove_windows(guest, "Windows/System32/winload.exe"),
    ),
    broken(
        "bcd-for-uefi",
        "The boot configuration names the loader for UEFI, as after a conversion of the disk",
        &[ZSTD, ("boot-chain-complete", "fail")],
        |guest| {
            let loader = text("\\Windows\\system32\\winload.efi");
            guest.merge(Hive::Bcd, &bcd::element(LOADER, 0x1200_0002, loader))
        },
    ),
    broken(
        "no-active-partition",
        "No partition is active",
        &[ZSTD, ("boot-chain-complete", "fail"), UEFI],
        |guest| {
            guest.layout.active = false;
            Ok(())
        },
    ),
    with(
        broken(
            "boot-code-zeroed",
            "Sector 0 has no code",
            &[ZSTD, ("boot-chain-complete", "fail"), UEFI],
            |guest| {
                guest.layout.boot_code = false;
                Ok(())
            },
        ),
        &["os-full-virtualization"],
    ),
    uefi(
        doubtful("uefi-fallback-missing", "No loader at the removable-media path", &[], |guest| {
            remove_system(guest, "EFI/Boot/bootx64.efi")
        }),
        &[ZSTD, UEFI, ("uefi-fallback-loader", "warn")],
    ),
    // The state that it was left in.
    kept(doubtful(
        "hibernated",
        "hiberfil.sys holds a hibernated system",
        &[ZSTD, ("graceful-shutdown", "warn")],
        |guest| hibernated(guest, b"HIBR"),
    )),
    doubtful(
        "fast-startup-resumed",
        "hiberfil.sys was resumed from: nothing is hibernated",
        &[ZSTD],
        |guest| hibernated(guest, b"RSTR"),
    ),
    Case {
        // What is read of a volume whose journal was not replayed may be older than what is there:
        // no other rule is decided by it.
        exit: 3,
        unjudged: &["*"],
        ..doubtful(
            "dirty-volume",
            "The Windows volume is marked dirty",
            &[ZSTD, ("graceful-shutdown", "warn")],
            |guest| {
                guest.layout.dirty = true;
                Ok(())
            },
        )
    },
    Case {
        exit: 3,
        unjudged: &["*"],
        ..doubtful(
            "log-in-use",
            "The log of the Windows volume is open, as in an image of a running machine",
            &[ZSTD, ("graceful-shutdown", "warn"), ("free-space", "unverified")],
            |guest| {
                guest.layout.log_in_use = true;
                Ok(())
            },
        )
    },
    doubtful(
        "volume-full",
        "Less than 1 GiB is free on the Windows volume",
        &[ZSTD, ("free-space", "warn")],
        |guest| {
            guest.layout.more = Some(|mount| {
                let zeros = vec![0; MIB as usize];
                let mut file = fs::File::create(mount.join("backup.bin"))?;
                (0..1100).try_for_each(|_| file.write_all(&zeros))?;
                Ok(())
            });
            Ok(())
        },
    ),
    Case {
        exit: 3,
        ..doubtful(
            "domain-controller",
            "A domain controller: its accounts lie in the directory",
            &[
                ZSTD,
                ("win-administrator-usable", "unverified"),
                ("win-cloudbase-init", "unverified"),
                ("win-login-or-cloudbase-init", "unverified"),
            ],
            |guest| {
                let product = "ControlSet001\\Control\\ProductOptions";
                let product = key(product, &[("ProductType", text("LanmanNT"))]);
                let database = format!("{}\\Parameters", service("NTDS"));
                let path = text("C:\\Windows\\NTDS\\ntds.dit");
                let database = key(&database, &[("DSA Database file", path)]);
                guest.merge(Hive::System, &(product + &database))?;
                fs::create_dir_all(guest.windows("Windows/NTDS"))?;
                Ok(fs::write(guest.windows("Windows/NTDS/ntds.dit"), [0; 4096])?)
            },
        )
    },
    with(
        broken(
            "bitlocker",
            "The Windows volume is encrypted by BitLocker",
            &[ZSTD, ("disk-not-encrypted", "fail")],
            |guest| {
                // The jump and the name of a BitLocker volume; what lies behind is not looked at.
                let mut sector = vec![0xeb, 0x58, 0x90];
                sector.extend(b"-FVE-FS-");
                guest.layout.windows_boot_sector = Some(sector);
                Ok(())
            },
        ),
        &["*"],
    ),
    with(
        broken(
            "dynamic-disk",
            "The Windows partition is part of a dynamic disk (type 0x42)",
            &[ZSTD, ("boot-and-system-same-disk", "fail")],
            |guest| {
                guest.layout.windows_kind = "42";
                Ok(())
            },
        ),
        &["*"],
    ),
    // What only is worth knowing, or asks for a repair before drivers are installed.
    doubtful(
        "vmware-tools",
        "VMware Tools are installed",
        &[ZSTD, ("win-third-party-pv", "warn")],
        |guest| {
            set(
                guest,
                "VMTools",
                &[
                    ("Type", dword(0x10)),
                    ("Start", dword(2)),
                    (
                        "ImagePath",
                        expand("\"C:\\Program Files\\VMware\\VMware Tools\\vmtoolsd.exe\""),
                    ),
                ],
            )?;
            let path = guest.windows("Program Files/VMware/VMware Tools");
            fs::create_dir_all(&path)?;
            Ok(fs::write(path.join("vmtoolsd.exe"), "MZ")?)
        },
    ),
    doubtful(
        "sysprep-generalized",
        "Sysprep has generalised it, out-of-box experience at the next start",
        &[ZSTD],
        |guest| {
            let path = "Microsoft\\Windows\\CurrentVersion\\Setup\\State";
            let state = text("IMAGE_STATE_GENERALIZE_RESEAL_TO_OOBE");
            guest.merge(Hive::Software, &key(path, &[("ImageState", state)]))
        },
    ),
    doubtful("oem", "An OEM edition", &[ZSTD, ("os-not-oem", "warn")], |guest| {
        let path = "Microsoft\\Windows NT\\CurrentVersion";
        let product = text("00330-80000-00000-AAOEM");
        guest.merge(Hive::Software, &key(path, &[("ProductId", product)]))?;
        let path = "Microsoft\\Windows\\CurrentVersion\\OEMInformation";
        let maker = text("Contoso");
        guest.merge(Hive::Software, &key(path, &[("Manufacturer", maker)]))
    }),
    doubtful(
        "pagefile-elsewhere",
        "The paging file lies on a drive of another disk",
        &[ZSTD],
        |guest| {
            let path = "ControlSet001\\Control\\Session Manager\\Memory Management";
            let files = multi(&["D:\\pagefile.sys 4096 4096"]);
            guest.merge(Hive::System, &key(path, &[("PagingFiles", files)]))
        },
    ),
    doubtful("renames-pending", "Files wait to be renamed at the next start", &[ZSTD], |guest| {
        let path = "ControlSet001\\Control\\Session Manager";
        let files = multi(&["\\??\\C:\\Windows\\Temp\\driver.tmp", ""]);
        let renames = key(path, &[("PendingFileRenameOperations", files)]);
        guest.merge(Hive::System, &renames)
    }),
    doubtful(
        "display-off",
        "The active power plan turns the display off after ten minutes",
        &[ZSTD, ("win-display-power", "warn")],
        |guest| {
            let path = "ControlSet001\\Control\\Power\\User\\PowerSchemes\\8c5e7fda-e8bf-4a96-9a85-a6e23a8c635c\\7516b95f-f776-4464-8c53-06167f40cc99\\3c0bc021-c8a8-4e07-a973-6b14cbcb2b7e";
            guest.merge(Hive::System, &key(path, &[("ACSettingIndex", dword(600))]))
        },
    ),
];
