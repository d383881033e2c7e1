//! What the hives SYSTEM, SOFTWARE and DRIVERS of a machine in order say.
//!
//! Paths, types and values as Windows writes them; only what checks look at.

use super::release::{DriverPlace, Release};
use super::text::{binary, dword, expand, hex, key, multi, text};

/// Interface of the one network card.
pub const INTERFACE: &str = "{6E1F1C5D-7E8A-4B6C-9D0E-1A2B3C4D5E6F}";

/// A driver that is started as the kernel says.
pub struct Driver {
    pub name: &'static str,
    /// SERVICE_BOOT_START (0), … SERVICE_DEMAND_START (3), SERVICE_DISABLED (4).
    pub start: u32,
    group: &'static str,
    devices: &'static [&'static str],
    class: &'static str,
}

const HDC: &str = "{4D36E96A-E325-11CE-BFC1-08002BE10318}";
const SCSI: &str = "{4D36E97B-E325-11CE-BFC1-08002BE10318}";
const NET: &str = "{4D36E972-E325-11CE-BFC1-08002BE10318}";

const IDE: &[Driver] = &[
    Driver {
        name: "atapi",
        start: 0,
        group: "SCSI Miniport",
        devices: &["primary_ide_channel", "secondary_ide_channel"],
        class: HDC,
    },
    Driver {
        name: "intelide",
        start: 0,
        group: "System Bus Extender",
        devices: &["PCI\\VEN_8086&DEV_7010"],
        class: HDC,
    },
    Driver {
        name: "pciide",
        start: 0,
        group: "System Bus Extender",
        devices: &["PCI\\CC_0101"],
        class: HDC,
    },
];

const AHCI: Driver = Driver {
    name: "storahci",
    start: 0,
    group: "SCSI Miniport",
    devices: &["PCI\\CC_010601"],
    class: HDC,
};

/// The drivers of virtio-win: storage at boot, the network card when it is found.
pub const VIRTIO: &[Driver] = &[
    Driver {
        name: "viostor",
        start: 0,
        group: "SCSI miniport",
        devices: &[
            "PCI\\VEN_1AF4&DEV_1001&SUBSYS_00021AF4&REV_00",
            "PCI\\VEN_1AF4&DEV_1042&SUBSYS_11001AF4&REV_01",
        ],
        class: SCSI,
    },
    Driver {
        name: "vioscsi",
        start: 0,
        group: "SCSI miniport",
        devices: &[
            "PCI\\VEN_1AF4&DEV_1004&SUBSYS_00081AF4&REV_00",
            "PCI\\VEN_1AF4&DEV_1048&SUBSYS_11001AF4&REV_01",
        ],
        class: SCSI,
    },
    Driver {
        name: "netkvm",
        start: 3,
        group: "NDIS",
        devices: &[
            "PCI\\VEN_1AF4&DEV_1000&SUBSYS_00011AF4&REV_00",
            "PCI\\VEN_1AF4&DEV_1041&SUBSYS_11001AF4&REV_01",
        ],
        class: NET,
    },
];

impl Driver {
    /// The devices that it serves, as the driver database names them.
    pub fn devices(&self) -> &'static [&'static str] {
        self.devices
    }
}

/// The drivers of a release, those of virtio-win included.
pub fn drivers(release: &Release) -> impl Iterator<Item = &'static Driver> {
    let ahci = (release.drivers != DriverPlace::CriticalDevices).then_some(&AHCI);
    IDE.iter().chain(ahci).chain(VIRTIO)
}

/// The service's key.
pub fn service(name: &str) -> String {
    format!("ControlSet001\\Services\\{name}")
}

/// The hive SYSTEM. `disk` is how `MountedDevices` names the volume C:.
pub fn system(release: &Release, disk: &[u8]) -> String {
    let mut out = key(
        "Select",
        &[
            ("Current", dword(1)),
            ("Default", dword(1)),
            ("Failed", dword(0)),
            ("LastKnownGood", dword(1)),
        ],
    );
    for driver in drivers(release) {
        let file = format!("system32\\drivers\\{}.sys", driver.name);
        out += &key(
            &service(driver.name),
            &[
                ("Type", dword(1)),
                ("Start", dword(driver.start)),
                ("ErrorControl", dword(if driver.start == 0 { 3 } else { 1 })),
                ("Group", text(driver.group)),
                ("ImagePath", expand(&file)),
            ],
        );
    }
    out += &match release.drivers {
        DriverPlace::CriticalDevices => critical_devices(),
        DriverPlace::System => driver_database(release),
        DriverPlace::Drivers => String::new(),
    };
    out += &key(
        &service("cloudbase-init"),
        &[
            ("Type", dword(0x10)),
            ("Start", dword(2)),
            ("ErrorControl", dword(1)),
            ("DisplayName", text("Cloudbase-Init")),
            ("ObjectName", text(".\\Administrator")),
            (
                "ImagePath",
                expand(
                    "\"C:\\Program Files\\Cloudbase Solutions\\Cloudbase-Init\\bin\\OpenStackService.exe\" cloudbase-init",
                ),
            ),
        ],
    );
    out += &key(&format!("{}\\Parameters", service("partmgr")), &[("SanPolicy", dword(1))]);
    out += &key(
        &service("partmgr"),
        &[
            ("Type", dword(1)),
            ("Start", dword(0)),
            ("ImagePath", expand("System32\\drivers\\partmgr.sys")),
        ],
    );
    out += &key(
        &format!("{}\\Parameters\\Interfaces\\{INTERFACE}", service("Tcpip")),
        &[
            ("EnableDHCP", dword(1)),
            ("NameServer", text("")),
            ("DhcpIPAddress", text("192.168.0.17")),
            ("DhcpServer", text("192.168.0.1")),
        ],
    );
    out += &key(&service("TermService"), &[("Type", dword(0x20)), ("Start", dword(3))]);
    out += &key(
        "ControlSet001\\Control\\Terminal Server",
        &[("fDenyTSConnections", dword(0)), ("TSUserEnabled", dword(0))],
    );
    out += &key(
        "ControlSet001\\Control\\Terminal Server\\WinStations\\RDP-Tcp",
        &[("PortNumber", dword(3389)), ("UserAuthentication", dword(1))],
    );
    let rule = "v2.10|Action=Allow|Active=TRUE|Dir=In|Protocol=6|LPort=3389|App=System|Name=@FirewallAPI.dll,-28753|EmbedCtxt=@FirewallAPI.dll,-28752|";
    let firewall = format!("{}\\Parameters\\FirewallPolicy", service("SharedAccess"));
    out += &key(&format!("{firewall}\\FirewallRules"), &[("RemoteDesktop-In-TCP", text(rule))]);
    for profile in ["StandardProfile", "PublicProfile", "DomainProfile"] {
        out += &key(&format!("{firewall}\\{profile}"), &[("EnableFirewall", dword(1))]);
    }
    out += &key(
        "ControlSet001\\Control\\ComputerName\\ComputerName",
        &[("ComputerName", text("PREFLIGHT"))],
    );
    let product = if release.installation == "Server" { "ServerNT" } else { "WinNT" };
    out += &key("ControlSet001\\Control\\ProductOptions", &[("ProductType", text(product))]);
    out += &key(
        "ControlSet001\\Control\\Session Manager\\Environment",
        &[("PROCESSOR_ARCHITECTURE", text(if release.is_64_bit { "AMD64" } else { "x86" }))],
    );
    out += &key(
        "ControlSet001\\Control\\Session Manager\\Memory Management",
        &[("PagingFiles", multi(&["?:\\pagefile.sys"]))],
    );
    out +=
        &key("ControlSet001\\Control\\Session Manager\\Power", &[("HiberbootEnabled", dword(0))]);
    out += &power();
    out += &key(
        "MountedDevices",
        &[
            ("\\DosDevices\\C:", binary(disk)),
            ("\\??\\Volume{6e1f0001-0000-0000-0000-100000000000}", binary(disk)),
        ],
    );
    out += &key(
        "Setup",
        &[
            ("SetupType", dword(0)),
            ("SystemSetupInProgress", dword(0)),
            ("OOBEInProgress", dword(0)),
            ("SetupPhase", dword(0)),
            ("CmdLine", text("")),
        ],
    );
    out
}

/// The power scheme "High performance" is active, and never turns the display off.
fn power() -> String {
    const HIGH_PERFORMANCE: &str = "8c5e7fda-e8bf-4a96-9a85-a6e23a8c635c";
    const DISPLAY: &str = "7516b95f-f776-4464-8c53-06167f40cc99";
    const TURN_OFF_AFTER: &str = "3c0bc021-c8a8-4e07-a973-6b14cbcb2b7e";
    let schemes = "ControlSet001\\Control\\Power\\User\\PowerSchemes";
    key(schemes, &[("ActivePowerScheme", text(HIGH_PERFORMANCE))])
        + &key(
            &format!("{schemes}\\{HIGH_PERFORMANCE}\\{DISPLAY}\\{TURN_OFF_AFTER}"),
            &[("ACSettingIndex", dword(0)), ("DCSettingIndex", dword(0))],
        )
}

/// Before Windows 8: which service a device needs at boot, by its identifier with `#`.
fn critical_devices() -> String {
    let mut out = String::new();
    for driver in IDE.iter().chain(VIRTIO).filter(|driver| driver.start == 0) {
        for device in driver.devices {
            let id = device.replace('\\', "#");
            out += &key(
                &format!("ControlSet001\\Control\\CriticalDeviceDatabase\\{id}"),
                &[("Service", text(driver.name)), ("ClassGUID", text(driver.class))],
            );
        }
    }
    out
}

/// Windows 8 and later: which INF file a device takes its driver from, and which service that is.
pub fn driver_database(release: &Release) -> String {
    let mut out = String::new();
    for driver in drivers(release) {
        let inf = match driver.class {
            HDC => "mshdc.inf".to_owned(),
            _ => format!("{}.inf", driver.name),
        };
        let package = format!("{inf}_amd64_6e1f0000{:08x}", driver.name.len());
        for device in driver.devices {
            out += &key(
                &format!("DriverDatabase\\DeviceIds\\{device}"),
                &[(inf.as_str(), hex(0, &[1, 0xff, 0, 0]))],
            );
            out += &key(
                &format!("DriverDatabase\\DriverPackages\\{package}\\Descriptors\\{device}"),
                &[("Configuration", text(&format!("{}_inst", driver.name)))],
            );
        }
        out += &key(
            &format!(
                "DriverDatabase\\DriverPackages\\{package}\\Configurations\\{}_inst",
                driver.name
            ),
            &[("ConfigFlags", dword(0)), ("Service", text(driver.name))],
        );
        out += &key(
            &format!("DriverDatabase\\DriverInfFiles\\{inf}"),
            &[("@", multi(&[&package])), ("Active", text(&package))],
        );
    }
    out
}

/// The hive SOFTWARE.
pub fn software(release: &Release) -> String {
    let build = release.build.to_string();
    let mut values = vec![
        ("ProductName", text(release.product)),
        ("EditionID", text(release.edition)),
        ("InstallationType", text(release.installation)),
        ("CurrentVersion", text(release.version)),
        ("CurrentBuild", text(&build)),
        ("CurrentBuildNumber", text(&build)),
        ("UBR", dword(release.revision)),
        ("ProductId", text("00000-00000-00000-AA000")),
        ("SystemRoot", text("C:\\Windows")),
        ("PathName", text("C:\\Windows")),
        ("RegisteredOwner", text("preflight")),
    ];
    if let Some(major) = release.major {
        values.push(("CurrentMajorVersionNumber", dword(major)));
        values.push(("CurrentMinorVersionNumber", dword(0)));
    }
    if release.version == "6.1" {
        values.push(("CSDVersion", text("Service Pack 1")));
    }
    key("Microsoft\\Windows NT\\CurrentVersion", &values)
        + &key(
            "Microsoft\\Windows\\CurrentVersion\\Setup\\State",
            &[("ImageState", text("IMAGE_STATE_COMPLETE"))],
        )
        + &key("Microsoft\\Windows\\CurrentVersion\\OEMInformation", &[])
}
