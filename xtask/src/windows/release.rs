//! The releases of Windows that guests are made of.

/// Where a release keeps which driver serves which device at boot.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum DriverPlace {
    /// `Control\CriticalDeviceDatabase`: before Windows 8.
    CriticalDevices,
    /// `DriverDatabase` in the hive SYSTEM: Windows 8 and 8.1, Server 2012 and 2012 R2.
    System,
    /// `DriverDatabase` in a hive of its own, DRIVERS: Windows 10 and later.
    Drivers,
}

/// A release, as its registry and files say it.
pub struct Release {
    pub product: &'static str,
    pub edition: &'static str,
    pub installation: &'static str,
    /// `CurrentVersion`; 6.3 from Windows 8.1 on.
    pub version: &'static str,
    /// `CurrentMajorVersionNumber`, from Windows 10 on.
    pub major: Option<u32>,
    pub build: u32,
    pub revision: u32,
    pub is_64_bit: bool,
    pub drivers: DriverPlace,
}

impl Release {
    /// The version of its own files: `10,0,17763,1`.
    pub fn file_version(&self) -> [u16; 4] {
        let (major, minor) = match self.major {
            Some(major) => (major as u16, 0),
            None => (6, if self.version == "6.3" { 3 } else { 1 }),
        };
        [major, minor, self.build as u16, self.revision as u16]
    }

    /// Whether its SAM encrypts hashes with AES (since 10.0.14393) rather than RC4.
    pub fn has_aes_hashes(&self) -> bool {
        self.build >= 14393
    }
}

const fn client(
    product: &'static str,
    edition: &'static str,
    build: u32,
    revision: u32,
) -> Release {
    Release {
        product,
        edition,
        installation: "Client",
        version: "6.3",
        major: Some(10),
        build,
        revision,
        is_64_bit: true,
        drivers: DriverPlace::Drivers,
    }
}

const fn server(
    product: &'static str,
    edition: &'static str,
    build: u32,
    revision: u32,
) -> Release {
    let mut release = client(product, edition, build, revision);
    release.installation = "Server";
    release
}

const fn seven(mut release: Release) -> Release {
    release.version = "6.1";
    release.major = None;
    release.drivers = DriverPlace::CriticalDevices;
    release
}

pub const WINDOWS_7_X86: Release = Release {
    is_64_bit: false,
    ..seven(client("Windows 7 Professional", "Professional", 7601, 17514))
};
pub const WINDOWS_7: Release = seven(client("Windows 7 Enterprise", "Enterprise", 7601, 17514));
pub const SERVER_2008_R2: Release =
    seven(server("Windows Server 2008 R2 Enterprise", "ServerEnterprise", 7601, 17514));
pub const SERVER_2012_R2: Release = Release {
    major: None,
    drivers: DriverPlace::System,
    ..server("Windows Server 2012 R2 Standard", "ServerStandard", 9600, 17031)
};
pub const SERVER_2016: Release =
    server("Windows Server 2016 Standard", "ServerStandard", 14393, 693);
pub const SERVER_2019: Release =
    server("Windows Server 2019 Datacenter", "ServerDatacenter", 17763, 737);
pub const SERVER_2022: Release =
    server("Windows Server 2022 Datacenter", "ServerDatacenter", 20348, 587);
pub const WINDOWS_10: Release = client("Windows 10 Pro", "Professional", 19045, 2006);
/// Its `ProductName` still says 10.
pub const WINDOWS_11: Release = client("Windows 10 Pro", "Professional", 22631, 2428);
