//! Which Windows it is, and the hives that say so.

use serde::{Deserialize, Serialize};

use crate::fact::{Evidence, Fact, Unread};

/// A hive and how it was left.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct HiveFacts {
    /// `SYSTEM`, `SOFTWARE`, `SAM`, `DRIVERS`.
    pub name: String,
    /// Its file, as Windows names it.
    pub path: String,
    /// Whether it holds all that was written to it; unknown when it could not be read.
    pub sync: Fact<HiveSync>,
}

/// How a hive was left.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum HiveSync {
    /// Written to its end.
    Clean,
    /// Not written to its end; its logs held the rest, which was replayed in memory.
    Replayed(Evidence),
    /// Not written to its end, and no log holds the rest.
    Torn(Unread),
}

/// What setup made it (`ProductOptions\ProductType`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum ProductType {
    /// `WinNT`: for people's machines.
    Workstation,
    /// `ServerNT`: a server.
    Server,
    /// `LanmanNT`: a domain controller, whose accounts lie in the directory, not in the SAM.
    DomainController,
}

/// Identity of a Windows system.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct WindowsIdentity {
    /// `ProductName`, with `Windows 11` where build 22000 and later still say `Windows 10`.
    pub name: String,
    /// `EditionID`: `ServerDatacenter`, `Professional`, …; Windows Vista and later.
    pub edition: Option<String>,
    /// `InstallationType`: `Client`, `Server`, `Server Core`.
    pub installation: Option<String>,
    /// Major and minor version: 6 and 1 for Windows 7.
    pub version: (u32, u32),
    /// `CurrentBuild`: 7601, 20348, ….
    pub build: u32,
    /// `UBR`: the update of that build.
    pub revision: Option<u32>,
    /// `CSDVersion`: `Service Pack 1`.
    pub service_pack: Option<String>,
    /// What setup made it; unknown when the SYSTEM hive does not say it.
    pub product: Fact<ProductType>,
    /// The key that told.
    pub evidence: Evidence,
}

impl WindowsIdentity {
    /// `10.0.20348.2113`.
    pub fn number(&self) -> String {
        let (major, minor) = self.version;
        let revision = self.revision.map_or(String::new(), |revision| format!(".{revision}"));
        format!("{major}.{minor}.{}{revision}", self.build)
    }

    /// Whether it is at least that version.
    pub fn at_least(&self, major: u32, minor: u32) -> bool {
        self.version >= (major, minor)
    }

    /// Whether it is a server edition, by what setup made it or by its name.
    pub fn is_server(&self) -> bool {
        match self.product.known() {
            Some(product) => *product != ProductType::Workstation,
            None => self.name.contains("Server"),
        }
    }
}

/// Windows 8 and Server 2012: the first whose drivers are found by the driver database.
pub const WINDOWS_8: (u32, u32) = (6, 2);

/// A mark of a maker's edition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum OemMark {
    /// The product id is one of the OEM channel.
    ProductId(Evidence),
    /// A maker's name or logo.
    Maker(Evidence),
}

impl OemMark {
    /// Where it was seen.
    pub fn evidence(&self) -> &Evidence {
        match self {
            Self::ProductId(evidence) | Self::Maker(evidence) => evidence,
        }
    }
}
