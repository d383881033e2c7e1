//! The services that are looked for by their names.

use crate::guest::facts::SoftwareKind;

/// Services and drivers, by why they are looked at. Names are those of their keys.
pub(super) const KNOWN: &[(SoftwareKind, &[&str])] = &[
    (SoftwareKind::Ide, &["atapi", "intelide", "pciide"]),
    (SoftwareKind::StoragePath, &["ACPI", "pci", "disk", "partmgr", "volmgr", "mountmgr"]),
    (SoftwareKind::VirtioStorage, &["viostor", "vioscsi"]),
    (SoftwareKind::VirtioNet, &["netkvm"]),
    (
        SoftwareKind::Virtual,
        &[
            "vioser",
            "balloon",
            "viorng",
            "vioinput",
            "pvpanic",
            "fwcfg",
            "QEMU-GA",
            "BalloonService",
        ],
    ),
    (
        SoftwareKind::Xen,
        &[
            "xenbus", "xenvbd", "xenvif", "xennet", "xenfilt", "xeniface", "XenPCI", "xenagent",
            "xensvc",
        ],
    ),
    (
        SoftwareKind::OtherHypervisor,
        &[
            // VMware Tools.
            "VMTools",
            "VGAuthService",
            "vm3dservice",
            "vmhgfs",
            "vmci",
            "vmrawdsk",
            "vmmemctl",
            // VirtualBox Guest Additions.
            "VBoxService",
            "VBoxGuest",
            "VBoxMouse",
            "VBoxSF",
            "VBoxVideo",
            "VBoxWddm",
            // Parallels Tools.
            "Parallels Tools Service",
            "prl_tg",
            "prl_strg",
            "prl_eth5",
        ],
    ),
    (
        SoftwareKind::Antivirus,
        &[
            "SepMasterService",
            "ccEvtMgr",
            "SAVService",
            "Sophos MCS Agent",
            "McShield",
            "mfemms",
            "masvc",
            "AVP",
            "KAVFS",
            "klnagent",
            "ekrn",
            "ntrtscan",
            "Amsp",
            "ds_agent",
            "avast! Antivirus",
            "AVGSvc",
            "AntiVirService",
            "VSSERV",
            "EPSecurityService",
            "CSFalconService",
            "SentinelAgent",
            "CbDefense",
            "CylanceSvc",
            "cyserver",
            "fshoster",
            "WRSVC",
            "MBAMService",
            "PSUAService",
            // 360, Tencent, Huorong, Kingsoft, Rising, SafeDog.
            "ZhuDongFangYu",
            "QHActiveDefense",
            "QQPCRTP",
            "HipsDaemon",
            "kxescore",
            "RsRavMon",
            "SafeDogGuardCenter",
        ],
    ),
    (SoftwareKind::CloudbaseInit, &["cloudbase-init"]),
    (SoftwareKind::Windows, &["TermService", "MpsSvc", "SharedAccess", "Netlogon", "Dhcp"]),
];
