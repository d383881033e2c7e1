//! Everything that the rules may know: plain data, each fact with its evidence or the reason why it
//! is not known. `image-preflight inspect --format json` prints exactly this.

mod accounts;
mod cloud_init;
mod drivers;
mod filesystems;
mod firewall;
mod leftovers;
mod network;
mod packages;
mod sshd;
mod windows;
mod windows_boot;

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

pub use self::accounts::{Account, Accounts, CharacterClass, PasswordState, SuppliedPassword};
pub use self::cloud_init::{
    CloudInitFacts, CloudInitInstalled, DsIdentify, DsIdentifyWay, PlatformTags,
};
pub use self::drivers::{
    Candidate, DeviceFacts, DriverFacts, DriverLink, PlatformDevice, ResumeSetting, RootNeed,
};
pub use self::filesystems::FileSystemFacts;
pub use self::firewall::{EnabledFirewall, FirewallFacts, SshAccess};
pub use self::leftovers::{FileSize, LeftoverFacts, LogFacts, MachineId};
pub(crate) use self::network::not_installed;
pub use self::network::{
    Addressing, CloudInitNetwork, InterfaceConfig, InterfaceKind, InterfaceMatch, NetworkFacts,
    NetworkLack, NetworkProgram, NicName, PersistentRules, ProgramFacts, Reach, RuleGenerator,
    Setting,
};
pub use self::packages::{Package, PackageFacts};
pub(in crate::guest) use self::sshd::MAX_GROUPS;
pub use self::sshd::{SshdConditional, SshdFacts, SshdOption};
pub use self::windows::{
    ADMINISTRATOR_RID, BindingSource, ClassFilter, ClassFilters, CloudbaseInit, CloudbaseInitConf,
    ConfValue, DeviceBinding, DriverImage, DriverSignature, FirewallVerdict, FixedMac, Hindrance,
    HiveFacts, HiveSync, IMAGE_STATE_COMPLETE, IMAGE_STATE_UNDEPLOYABLE, OemMark, PendingFacts,
    ProductType, RemoteDesktop, Seen, ServiceFacts, SoftwareKind, StartType, SysprepFacts,
    WINDOWS_8, WindowsAccount, WindowsAccounts, WindowsFacts, WindowsIdentity, WindowsInterface,
    WindowsPassword,
};
pub use self::windows_boot::{
    BcdDevice, BcdEntry, BcdTarget, BootConfiguration, WindowsBootDevice, WindowsBootFacts,
    WindowsBootLink, WindowsBootPath, WindowsLinkKind, WindowsStartKind, WindowsStartMode,
    WindowsSystem,
};
use crate::disk::facts::DiskFacts;
use crate::fact::{Evidence, Fact, Unread, first_word, value_behind};
use crate::filesystem::NodeId;
use crate::image::facts::ImageFacts;

/// All facts of one image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Facts {
    /// The container file.
    pub image: ImageFacts,
    /// The disk inside; unknown when the container's content cannot be read.
    pub disk: Fact<DiskFacts>,
    /// The volumes that hold a file system, and what each says of its own health.
    #[serde(default)]
    pub filesystems: Vec<FileSystemFacts>,
    /// How the image can be booted.
    pub firmware: Fact<FirmwareFacts>,
    /// The operating system; unknown when it could not be looked for everywhere.
    pub guest: Fact<Guest>,
    /// What is said of the initial password that the caller supplied; none when none was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub supplied_password: Option<SuppliedPassword>,
}

/// How the image can be booted, from its disk alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct FirmwareFacts {
    /// What lets BIOS boot it (boot code and where its next stage lies); empty when BIOS cannot.
    pub bios: Vec<Evidence>,
    /// What lets UEFI boot it (ESP and the loaders in it); empty when UEFI cannot.
    pub uefi: Vec<Evidence>,
    /// Whether a loader stands at the removable-media path (`EFI/BOOT/BOOTX64.EFI`, `BOOTAA64.EFI`).
    pub uefi_fallback: Vec<Evidence>,
}

/// The operating system.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Guest {
    /// Linux.
    Linux(Box<LinuxFacts>),
    /// Windows.
    Windows(Box<WindowsFacts>),
    /// None: every volume was read and has no operating system.
    Absent(Vec<Evidence>),
}

/// Processor architecture of the guest's programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
#[allow(missing_docs, reason = "each is the name of what it stands for")]
pub enum Architecture {
    X86_64,
    I386,
    Aarch64,
    Arm,
    Riscv64,
    Ppc64,
    S390x,
    Other,
}

impl Architecture {
    /// As `uname -m` spells it.
    pub fn name(self) -> &'static str {
        match self {
            Self::X86_64 => "x86_64",
            Self::I386 => "i386",
            Self::Aarch64 => "aarch64",
            Self::Arm => "arm",
            Self::Riscv64 => "riscv64",
            Self::Ppc64 => "ppc64",
            Self::S390x => "s390x",
            Self::Other => "other",
        }
    }
}

/// A Linux guest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct LinuxFacts {
    /// Which system it is; `Known(None)` when none of the release files exists.
    pub os: Fact<Option<OsIdentity>>,
    /// Architecture of its programs (ELF header of `/bin/sh` or init).
    pub arch: Fact<(Architecture, Evidence)>,
    /// Whether `/bin`, `/sbin`, `/lib` are links into `/usr`.
    pub usr_merged: Fact<bool>,
    /// The mount table by which the tree was joined.
    pub mounts: Vec<MountFacts>,
    /// Roots of other systems on this disk, by volume name.
    pub other_roots: Vec<Evidence>,
    /// `/etc/fstab`.
    pub fstab: Fact<Fstab>,
    /// `/etc/crypttab`; empty when there is none.
    pub crypttab: Fact<Vec<CrypttabEntry>>,
    /// The system IDs by which its LVM uses volume groups of one host; only looked for when a group on
    /// the disk has such an ID.
    pub lvm_system_ids: Fact<Vec<Evidence>>,
    /// How it boots.
    pub boot: BootFacts,
    /// The installed kernels: directories of `/lib/modules` and what belongs to them. The one that
    /// the default boot entry starts has `is_default`.
    pub kernels: Fact<Vec<KernelFacts>>,
    /// The programs that make an initramfs which were seen in it, or could not be looked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub initramfs_makers: Vec<InitramfsMaker>,
    /// Who may log in.
    pub accounts: Fact<Accounts>,
    /// cloud-init.
    pub cloud_init: CloudInitFacts,
    /// What ties the system to the machine it came from.
    pub bindings: Fact<Vec<Binding>>,
    /// How it sets up its network.
    pub network: NetworkFacts,
    /// What its package database says.
    pub packages: PackageFacts,
    /// The SSH server.
    pub sshd: SshdFacts,
    /// Which drivers its kernels would load by themselves.
    pub drivers: DriverFacts,
    /// What an earlier life left behind.
    pub leftovers: LeftoverFacts,
    /// The firewall that is set up in it.
    pub firewall: FirewallFacts,
}

/// Identity of a Linux system.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct OsIdentity {
    /// `ID` of os-release, lower case: `debian`, `centos`, `rhel`, `ubuntu`, `sles`, `opensuse-leap`,
    /// `euleros`, `openEuler` (lower-cased), ….
    pub id: String,
    /// `ID_LIKE`.
    pub id_like: Vec<String>,
    /// Version as precise as any file says it: `12`, `7.9`, `22.04`, `12.5`.
    pub version: Option<String>,
    /// `PRETTY_NAME`, or the line of an older release file.
    pub name: String,
    /// The file that told.
    pub evidence: Evidence,
}

/// One file system of the guest's tree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct MountFacts {
    /// Where: `/`, `/boot`, ….
    pub path: String,
    /// Index of its volume in [`DiskFacts::volumes`]; none when nothing in this image is meant.
    pub volume: Option<usize>,
    /// `ext4`, ….
    pub kind: Option<String>,
    /// Whether its files can be read, or why not.
    pub readable: Fact<()>,
    /// Why the mount is certain to fail although its volume is in this image: no such subvolume.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fails: Option<String>,
    /// What asked for it: the fstab line; for `/` what made it the root.
    pub evidence: Evidence,
}

/// How a device is named.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum SourceKind {
    /// `UUID=…`, `/dev/disk/by-uuid/…`.
    Uuid,
    /// `LABEL=…`, `/dev/disk/by-label/…`.
    Label,
    /// `PARTUUID=…`, `/dev/disk/by-partuuid/…`.
    PartUuid,
    /// `PARTLABEL=…`, `/dev/disk/by-partlabel/…`.
    PartLabel,
    /// `/dev/mapper/…`, `/dev/<vg>/<lv>`, `/dev/dm-N`.
    DeviceMapper,
    /// `/dev/md…`.
    Md,
    /// `/dev/sda1`, `/dev/vda1`, `/dev/xvda1`, `/dev/hda1`, `/dev/nvme0n1p1`, `/dev/mmcblk0p1`: a
    /// name that depends on the bus.
    KernelName,
    /// `/dev/disk/by-id/…`.
    ById,
    /// `/dev/disk/by-path/…`.
    ByPath,
    /// A removable drive: `/dev/cdrom`, `/dev/sr0`, `/dev/fd0`.
    Removable,
    /// A network file system: `host:/path`, `//host/share`, or a type such as `nfs`.
    Network,
    /// No device at all: `tmpfs`, `proc`, a bind mount, a swap or image file inside the guest, ….
    Virtual,
    /// Anything else.
    Other,
}

/// What a device name leads to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Resolution {
    /// The volume with this index in [`DiskFacts::volumes`].
    Volume(usize),
    /// Nothing in this image.
    Missing,
    /// It names no disk.
    NoDevice,
    /// It could not be determined.
    Unknown(Unread),
}

/// A device as a file of the guest names it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct DeviceRef {
    /// As it is written, escapes resolved.
    pub spec: String,
    /// How it is named.
    pub kind: SourceKind,
    /// What it leads to.
    pub resolution: Resolution,
    /// For a kernel name: whether it names a disk other than the first (`/dev/sdb1`, `/dev/vdc`).
    pub other_disk: bool,
}

/// The mount table: `/etc/fstab`, and the systemd mount units that boot starts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Fstab {
    /// Whether the file exists.
    pub exists: bool,
    /// Its entries in order, then those of mount units.
    pub entries: Vec<FstabEntry>,
    /// Why mount units that boot starts may be missing among the entries.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub units_unread: Option<Unread>,
    /// Lines that are no entries, or no whole ones (too few fields). systemd mounts one that has a
    /// source and a mount point all the same; it is among the entries as well.
    pub malformed: Vec<Evidence>,
    /// Lines for a mount point that an earlier line has: systemd-fstab-generator(8) keeps the first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ignored: Vec<Evidence>,
}

/// A systemd mount unit with a file of its own (systemd.mount(5)).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct MountUnit {
    /// Its name: `data.mount`.
    pub name: String,
    /// The file in which its `What=` stands.
    pub path: String,
    /// What starts it at boot.
    pub started_by: Evidence,
    /// Whether `local-fs.target` requires it: without it boot ends in emergency mode, otherwise it
    /// goes on after the time-out.
    pub required: bool,
}

/// One line of `/etc/fstab` (fstab(5)), or a mount unit in the terms of one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct FstabEntry {
    /// Line number from 1.
    pub line: u32,
    /// The line as it stands.
    pub text: String,
    /// First field.
    pub source: DeviceRef,
    /// Second field, escapes resolved, trailing slashes cut.
    pub mount_point: String,
    /// Third field.
    pub fs_type: String,
    /// Fourth field, split at commas.
    pub options: Vec<String>,
    /// Sixth field.
    pub pass: u32,
    /// Devices that the mount waits for besides, and fails without (systemd.mount(5),
    /// `x-systemd.requires=`).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub requires: Vec<DeviceRef>,
    /// The mount unit that it is, when it is no line of `/etc/fstab`; line and text are those of its
    /// `What=`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<MountUnit>,
}

impl FstabEntry {
    /// Whether the option is set (by name; a value behind `=` is not looked at).
    pub fn has_option(&self, name: &str) -> bool {
        self.options.iter().any(|option| option.split('=').next() == Some(name))
    }

    /// Whether it is not mounted at boot: `noauto` and `auto`, the last counts (fstab(5); systemd:
    /// `fstab_test_yes_no_option`).
    pub fn is_noauto(&self) -> bool {
        self.last_of("noauto", "auto")
    }

    /// Whether boot does not need it: `nofail` and `fail`, the last counts.
    pub fn is_nofail(&self) -> bool {
        self.last_of("nofail", "fail")
    }

    fn last_of(&self, yes: &str, no: &str) -> bool {
        self.options
            .iter()
            .rfind(|option| *option == yes || *option == no)
            .is_some_and(|it| it == yes)
    }

    /// The file that it stands in.
    pub fn file(&self) -> &str {
        self.unit.as_ref().map_or("/etc/fstab", |unit| unit.path.as_str())
    }

    /// The line as evidence; what it names as its source is the part that matters.
    pub fn evidence(&self) -> Evidence {
        let part = match self.unit {
            None => first_word(&self.text),
            Some(_) => value_behind(&self.text, &['=']),
        };
        let line = usize::try_from(self.line).unwrap_or(usize::MAX);
        Evidence::new(format!("{}:{line}", self.file()), self.text.clone())
            .marked(line, &self.text, part)
    }
}

/// One line of `/etc/crypttab`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct CrypttabEntry {
    /// Line number from 1.
    pub line: u32,
    /// Name under `/dev/mapper`.
    pub target: String,
    /// The encrypted device.
    pub source: DeviceRef,
    /// The line as it stands.
    pub text: String,
}

/// A link of the boot chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum LinkKind {
    /// Code in sector 0.
    BootCode,
    /// Active partition's boot sector, for boot code that looks there.
    ActivePartition,
    /// The loader's next stage where the code looks for it (GRUB core image, `ldlinux.sys`, stage 2).
    LoaderImage,
    /// The loader's own directory (GRUB prefix): modules.
    LoaderFiles,
    /// The loader's configuration.
    Configuration,
    /// The default entry in it.
    DefaultEntry,
    /// The kernel that the entry names.
    Kernel,
    /// The initramfs that the entry names.
    Initramfs,
    /// The root device that the entry names.
    RootDevice,
    /// An init in the root file system.
    Init,
    /// The SELinux policy that is to be enforced; only told when it is missing.
    SelinuxPolicy,
}

/// State of a link.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum LinkState {
    /// Seen to be there.
    Found,
    /// Seen to be missing or broken.
    Missing,
    /// Not decided; the reason.
    Unknown(String),
    /// This boot path does not need it (an entry without an initramfs; a built-in root).
    NotNeeded,
}

/// What is said of a link that is not there, or not as it should be, until a journal is replayed.
pub(crate) const ONLY_IN_JOURNAL: &str =
    "; only the journal of its file system holds it, which no boot loader replays";

/// What is said of something that is another once a journal was replayed.
pub(crate) const OTHER_IN_JOURNAL: &str = ": the journal of its file system holds another one, which no boot loader replays; it counts from the second start on";

/// What is said before the features of a file system for which no version of GRUB reads it.
pub(crate) const NOT_READ_BY_GRUB: &str = "GRUB reads no file system with the feature";

/// What is said of a service that is in none of OpenRC's runlevels.
pub(crate) const IN_NO_RUNLEVEL: &str = "in no runlevel that OpenRC starts at boot";

/// What is said before the runlevels in which an init script has no start link, and where they are from.
pub(crate) const NO_START_LINK: &str = "no start link in runlevel";

/// Where runlevels are from that systemd has in place of its targets.
pub(crate) const STARTED_TARGETS: &str = "the started targets";

/// One link of the boot chain with what was seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ChainLink {
    /// Which link.
    pub kind: LinkKind,
    /// Its state.
    pub state: LinkState,
    /// Where it was looked for, and what was there.
    pub evidence: Evidence,
}

/// Which boot loader.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum LoaderKind {
    /// GRUB 2, entries in `grub.cfg`.
    Grub2,
    /// GRUB 2 with Boot Loader Specification entries.
    Grub2Bls,
    /// GRUB legacy (`menu.lst`, `grub.conf`).
    GrubLegacy,
    /// SYSLINUX or EXTLINUX.
    Syslinux,
    /// systemd-boot.
    SystemdBoot,
}

/// A file that a boot entry names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct BootFile {
    /// As the entry names it.
    pub spec: String,
    /// The line: `/boot/grub/grub.cfg:131`.
    pub location: String,
    /// The file that it leads to; `Known(None)` when it is not there.
    pub resolved: Fact<Option<ResolvedFile>>,
}

/// A file of the guest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ResolvedFile {
    /// Index of its volume.
    pub volume: usize,
    /// Path on that volume, from where the boot loader begins.
    pub path: String,
    /// Path in the guest's tree, when the volume is mounted there.
    pub guest_path: Option<String>,
    /// Length in bytes.
    pub size: u64,
    /// Its node on that volume. A path is no place by itself: of Btrfs it begins at the subvolume
    /// from which the boot loader walks.
    #[serde(skip)]
    pub(crate) node: Option<NodeId>,
}

/// One entry of the boot menu.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct BootEntry {
    /// Title.
    pub title: String,
    /// Where it begins: `/boot/grub/grub.cfg:118`.
    pub location: String,
    /// The kernel.
    pub kernel: Option<BootFile>,
    /// The initramfs files, in order.
    pub initrds: Vec<BootFile>,
    /// The kernel command line.
    pub command_line: String,
    /// Line of the command line.
    pub command_line_location: String,
    /// `root=`.
    pub root: Option<DeviceRef>,
    /// `resume=`.
    pub resume: Option<DeviceRef>,
}

impl BootEntry {
    /// The command line as evidence; the last word that is this one, or else begins so, is the part
    /// that matters.
    pub fn command_line_evidence(&self, word: &str) -> Evidence {
        let location = self.command_line_location.clone();
        let line = location.rsplit_once(':').and_then(|(_, line)| line.parse().ok());
        let text = self.command_line.as_str();
        let mut at = 0_usize;
        let (mut part, mut exact) = (None, false);
        for piece in text.split_inclusive(char::is_whitespace) {
            let found = piece.trim_end();
            if found == word || (!exact && found.starts_with(word)) {
                exact |= found == word;
                part = Some(at..at.saturating_add(found.len()));
            }
            at = at.saturating_add(piece.len());
        }
        let evidence = Evidence::new(location, text);
        match (line, part) {
            (Some(line), Some(part)) => evidence.marked(line, text, part),
            _ => evidence,
        }
    }
}

/// The file that a boot loader reads its menu from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ConfigurationFile {
    /// Index of its volume in [`DiskFacts::volumes`].
    pub volume: usize,
    /// Path on that volume, as the loader sees it: no mounts, subvolumes as directories.
    pub path: String,
}

/// How the guest boots.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct BootFacts {
    /// The loader and its configuration file; `Known(None)` when none was found.
    pub loader: Fact<Option<(LoaderKind, Evidence)>>,
    /// The configuration file on its volume; none when none was found, or when the configuration is
    /// embedded in the loader.
    #[serde(default)]
    pub configuration: Option<ConfigurationFile>,
    /// The chain under BIOS from the first sector to init, in order; it ends at the first link that
    /// is missing or unknown, unless later links could be followed all the same.
    pub chain: Vec<ChainLink>,
    /// The entry that would be started without a key press; `Known(None)` when there is none.
    pub default_entry: Fact<Option<BootEntry>>,
    /// The other entries, at most `MAX_LISTED_ENTRIES`.
    pub other_entries: Vec<BootEntry>,
    /// Menu timeout in seconds (-1: waits for ever; 0 where there is no menu to wait in), with its
    /// place; none when it is not decided.
    pub timeout: Option<(i64, Evidence)>,
    /// What the default entry's command line lets the start end in before the whole system is up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stop: Option<StartStop>,
}

/// Where a start ends that does not bring the system up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum StopKind {
    /// A shell on the console, in the initramfs.
    InitramfsShell,
    /// The emergency shell of the initramfs, after a wait for a device that is not there.
    AbsentDevice,
    /// The emergency shell of the initramfs, which is told to leave alone the array or the logical volume
    /// that root lies on.
    RootLeftAlone,
    /// A shell in place of init.
    Shell,
    /// `rescue.target`, or the runlevel for one user.
    Rescue,
    /// `emergency.target`.
    Emergency,
    /// The machine is turned off, or starts over.
    PowerOff,
}

/// A start that a word of the command line keeps from bringing the system up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct StartStop {
    /// Where it ends.
    pub kind: StopKind,
    /// The word: `single`, `systemd.unit=rescue.target`, `init=/bin/bash`.
    pub word: String,
    /// What must stand in place of the word, where it is not enough to take it out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instead: Option<String>,
    /// The command line, with the word as the part that matters.
    pub evidence: Evidence,
}

/// An installed kernel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct KernelFacts {
    /// Release: `6.1.0-38-amd64`.
    pub release: String,
    /// Whether the default boot entry starts it.
    pub is_default: bool,
    /// `/lib/modules/<release>`; `Known(None)` when there is none.
    pub modules_dir: Fact<Option<String>>,
    /// Names of built-in drivers (`modules.builtin`), `-` as `_`; `Known(None)` without the file.
    pub builtin: Fact<Option<BTreeSet<String>>>,
    /// Names of the modules in `/lib/modules` (`modules.dep`), `-` as `_`.
    pub modules: Fact<Option<BTreeSet<String>>>,
    /// Its kernel file under a usual name in `/boot`; `Known(None)` when there is none.
    pub image: Fact<Option<String>>,
    /// `/boot/config-<release>`: the options set to `y`, without `CONFIG_`; `Known(None)` without it.
    pub config: Fact<Option<BTreeSet<String>>>,
    /// Its initramfs; `Known(None)` when the boot entry names none. For kernels that are not the
    /// default it is looked for by the usual names.
    pub initramfs: Fact<Option<InitramfsFacts>>,
}

/// An initramfs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct InitramfsFacts {
    /// Path in the guest, or on its volume.
    pub path: String,
    /// Names of the modules in it, `-` as `_`, without `.ko` and compression suffix.
    pub modules: BTreeSet<String>,
    /// The kernel releases whose modules lie in it.
    pub releases: BTreeSet<String>,
    /// Programs in it that put together what root may lie on: `lvm`, `mdadm`, `multipath`, ….
    pub programs: BTreeSet<String>,
    /// Paths in it that are worth knowing: drivers of the platform's old set.
    pub noted: Vec<String>,
    /// Its segments: `offset 0: cpio, none`, `offset 45056: cpio, zstd`.
    pub segments: Vec<String>,
    /// udev's rules in it that keep names of network cards: paths of files that are not empty.
    pub persistent_net_rules: Vec<String>,
    /// Whether the listing was read to its end, stopped early because all that is sought was seen,
    /// or could not be read (then the reason; modules seen before that are there).
    pub listing: Fact<ListingEnd>,
    /// Whether it is damaged where `listing` says: cut off, or no valid stream. The kernel, too,
    /// unpacks no more of it.
    #[serde(default)]
    pub damaged: bool,
}

/// What makes an initramfs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum InitramfsMaker {
    /// `dracut`.
    Dracut,
    /// `update-initramfs`, of Debian and Ubuntu.
    InitramfsTools,
    /// SUSE's old `mkinitrd`.
    Mkinitrd,
    /// Alpine's `mkinitfs`.
    Mkinitfs,
    /// Arch Linux's `mkinitcpio`.
    Mkinitcpio,
}

/// How a listing ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum ListingEnd {
    /// To its end.
    Complete,
    /// All that was sought was seen.
    Satisfied,
}

/// Whether a unit is started at boot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum UnitState {
    /// Started at boot.
    Enabled,
    /// There, but nothing starts it.
    Disabled,
    /// Linked to `/dev/null`.
    Masked,
    /// Something starts it, but its conditions do not hold, so that it is passed over.
    Skipped,
    /// No such unit.
    Absent,
}

/// A service of the guest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct UnitFacts {
    /// Name without suffix.
    pub name: String,
    /// State.
    pub state: Fact<UnitState>,
    /// What told it: a link, a unit file.
    pub evidence: Evidence,
}

impl UnitFacts {
    /// The word of the kernel's command line that masks it (systemd-debug-generator(8)).
    pub fn mask_word(&self) -> Option<&str> {
        Some(self.evidence.detail.as_str()).filter(|word| word.starts_with("systemd.mask="))
    }
}

/// What ties a system to hardware.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum BindingKind {
    /// A udev rule with a MAC address.
    UdevMac,
    /// A network configuration bound to a MAC address.
    NetworkMac,
    /// A MAC address in a file that cloud-init writes anew on each new instance.
    GeneratedMac,
    /// A configuration names a disk by its serial number or its place on a bus.
    DiskIdentity,
    /// Root or boot on `nvme` or `mmc` names.
    BusName,
}

/// One tie to hardware.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Binding {
    /// Which.
    pub kind: BindingKind,
    /// Where.
    pub evidence: Evidence,
}
