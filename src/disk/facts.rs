//! What is known of the disk: its partition table, boot code, volumes and their signatures.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::fact::{Evidence, Fact, Unread};

/// Which partition table the disk has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum TableKind {
    /// None: nothing, or a file system on the whole disk.
    None,
    /// MBR.
    Mbr,
    /// GPT with a protective MBR.
    Gpt,
    /// GPT whose MBR has further entries beside the protective one.
    HybridGpt,
}

/// What a partition is for, told by its type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum PartitionRole {
    /// EFI system partition.
    Esp,
    /// BIOS boot partition (GPT), the place of GRUB's core image.
    BiosBoot,
    /// Extended partition (MBR), a container of logical ones.
    Extended,
    /// Linux file system (including the discoverable-partition types).
    LinuxFilesystem,
    /// Linux swap.
    Swap,
    /// LVM physical volume.
    Lvm,
    /// Linux md RAID member.
    Raid,
    /// Windows (NTFS, FAT) data.
    WindowsData,
    /// Windows recovery environment.
    WindowsRecovery,
    /// Microsoft reserved partition.
    MicrosoftReserved,
    /// Windows logical disk manager (dynamic disk), metadata or data.
    Ldm,
    /// Protective MBR entry.
    Protective,
    /// Anything else.
    Other,
}

/// One entry of the partition table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct PartitionFacts {
    /// The number as Linux counts it (`sda1` → 1; logical ones from 5).
    pub number: u32,
    /// First byte on the disk.
    pub start: u64,
    /// Length in bytes, as the table says (may reach beyond the end of the disk).
    pub size: u64,
    /// `0x83`, or a GUID in upper case.
    pub type_id: String,
    /// What the type means.
    pub role: PartitionRole,
    /// GPT partition name.
    pub name: Option<String>,
    /// PARTUUID as Linux spells it: lower-case GUID, or `<disk signature>-<number>` for MBR.
    pub uuid: Option<String>,
    /// MBR active flag; GPT attribute "legacy BIOS bootable" (bit 2).
    pub active: bool,
    /// Where the entry stands: `MBR, byte 446`.
    pub location: String,
    /// Index of its volume in [`DiskFacts::volumes`]; none for containers and empty ones.
    pub volume: Option<usize>,
}

/// What a signature in a volume says that the volume is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
#[allow(missing_docs, reason = "each is the name of what it stands for")]
pub enum SignatureKind {
    Ext2,
    Ext3,
    Ext4,
    Xfs,
    Btrfs,
    Ntfs,
    Fat12,
    Fat16,
    Fat32,
    Exfat,
    Swap,
    SwapSuspended,
    Luks1,
    Luks2,
    Bitlocker,
    LvmPv,
    MdRaid,
    Ddf,
    Imsm,
    Ldm,
    StorageSpaces,
    Iso9660,
    Squashfs,
    Erofs,
    F2fs,
    Zfs,
    Bcache,
    Reiserfs,
    Jfs,
    Vdo,
    Stratis,
    PartitionTable,
}

impl SignatureKind {
    /// The name as `blkid` spells it, where it knows it: `ext4`, `vfat`, `crypto_LUKS`, ….
    pub fn name(self) -> &'static str {
        match self {
            Self::Ext2 => "ext2",
            Self::Ext3 => "ext3",
            Self::Ext4 => "ext4",
            Self::Xfs => "xfs",
            Self::Btrfs => "btrfs",
            Self::Ntfs => "ntfs",
            Self::Fat12 | Self::Fat16 | Self::Fat32 => "vfat",
            Self::Exfat => "exfat",
            Self::Swap => "swap",
            Self::SwapSuspended => "swsuspend",
            Self::Luks1 | Self::Luks2 => "crypto_LUKS",
            Self::Bitlocker => "BitLocker",
            Self::LvmPv => "LVM2_member",
            Self::MdRaid => "linux_raid_member",
            Self::Ddf => "ddf_raid_member",
            Self::Imsm => "isw_raid_member",
            Self::Ldm => "ldm",
            Self::StorageSpaces => "storage_spaces",
            Self::Iso9660 => "iso9660",
            Self::Squashfs => "squashfs",
            Self::Erofs => "erofs",
            Self::F2fs => "f2fs",
            Self::Zfs => "zfs_member",
            Self::Bcache => "bcache",
            Self::Reiserfs => "reiserfs",
            Self::Jfs => "jfs",
            Self::Vdo => "vdo",
            Self::Stratis => "stratis",
            Self::PartitionTable => "partition table",
        }
    }

    /// Whether it is a file system that files can be read from (by somebody).
    pub fn is_filesystem(self) -> bool {
        matches!(
            self,
            Self::Ext2
                | Self::Ext3
                | Self::Ext4
                | Self::Xfs
                | Self::Btrfs
                | Self::Ntfs
                | Self::Fat12
                | Self::Fat16
                | Self::Fat32
                | Self::Exfat
                | Self::Iso9660
                | Self::Squashfs
                | Self::Erofs
                | Self::F2fs
                | Self::Zfs
                | Self::Reiserfs
                | Self::Jfs
        )
    }

    /// Whether further volumes may lie inside.
    pub fn is_container(self) -> bool {
        self.is_encryption()
            || matches!(
                self,
                Self::LvmPv
                    | Self::MdRaid
                    | Self::Ddf
                    | Self::Imsm
                    | Self::Ldm
                    | Self::StorageSpaces
                    | Self::Bcache
                    | Self::Vdo
                    | Self::Stratis
                    | Self::Zfs
                    | Self::PartitionTable
            )
    }

    /// Whether its UUID and label name something bigger that the volume is a member of, and nothing
    /// that can be mounted.
    pub fn is_member(self) -> bool {
        matches!(self, Self::LvmPv | Self::MdRaid | Self::Ddf | Self::Imsm)
    }

    /// Whether it says that the content is encrypted.
    pub fn is_encryption(self) -> bool {
        matches!(self, Self::Luks1 | Self::Luks2 | Self::Bitlocker)
    }
}

/// A signature found in a volume.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Signature {
    /// What it is.
    pub kind: SignatureKind,
    /// Byte offset of the magic in the volume.
    pub offset: u64,
    /// UUID as `blkid` prints it (ext: lower-case GUID; vfat: `ABCD-1234`; NTFS: 16 hex digits;
    /// LVM: the PV UUID with dashes).
    pub uuid: Option<String>,
    /// Label.
    pub label: Option<String>,
    /// Size in bytes that the structure claims for itself.
    pub size: Option<u64>,
    /// Version or variant where one matters (`LUKS2`, `0.90`, `1.2`).
    pub version: Option<String>,
    /// Size of its blocks in bytes, where one matters: of ext.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub block_size: Option<u32>,
}

/// A named byte range that a file system (or something else) may lie in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct VolumeFacts {
    /// `partition 1`, `whole disk`, `vg/lv` for a logical volume, `md/name` or `md0` for an array.
    pub name: String,
    /// Partition number, when it is one.
    pub partition: Option<u32>,
    /// First byte on the disk; `None` for what lies inside other volumes.
    pub start: Option<u64>,
    /// Length in bytes (what lies inside the disk).
    pub size: u64,
    /// The signatures found, the decisive one first; or why none could be looked for.
    pub signatures: Fact<Vec<Signature>>,
}

impl VolumeFacts {
    /// The decisive signature.
    pub fn signature(&self) -> Option<&Signature> {
        self.signatures.known()?.first()
    }
}

/// Whose code stands in a boot sector.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum BootCodeKind {
    /// Nothing: bytes 0–439 are zero, or the 0x55AA signature is missing.
    None,
    /// GRUB 2 `boot.img`.
    Grub2,
    /// GRUB legacy `stage1`.
    GrubLegacy,
    /// SYSLINUX `mbr.bin`/`altmbr.bin`/`gptmbr.bin`, or a volume boot record of SYSLINUX/EXTLINUX.
    Syslinux,
    /// LILO.
    Lilo,
    /// Microsoft MBR or volume boot record.
    Windows,
    /// Code that hands over to the active partition, of no particular maker.
    Generic,
    /// Code that is not known.
    Unrecognised,
}

/// The first sector of the disk as code.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct BootCodeFacts {
    /// Whose code it is.
    pub kind: BootCodeKind,
    /// Whether bytes 510–511 are 0x55 0xAA.
    pub signature: bool,
    /// What told the kind: offset and bytes.
    pub evidence: Evidence,
    /// The GRUB core image that `boot.img` loads, when the code is GRUB 2.
    pub grub_core: Option<Fact<GrubCoreFacts>>,
    /// What `stage1` loads, when the code is GRUB legacy.
    pub grub_legacy: Option<Fact<GrubLegacyFacts>>,
}

/// The stage that GRUB legacy's `stage1` loads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct GrubLegacyFacts {
    /// Byte offset on the disk of its first sector (`start.S`).
    pub offset: u64,
    /// Length in bytes by its block list.
    pub size: u64,
    /// Whether the sectors hold a stage, or what is wrong: unknown here means that they were read
    /// and that the code in them would not run.
    pub intact: Fact<()>,
    /// It is stage 2; else it is a stage 1.5, which loads stage 2 from a file.
    pub is_stage2: bool,
    /// The number of the partition where its files are; none for the whole disk.
    pub partition: Option<u32>,
    /// The files that it goes on with: the configuration, for a stage 1.5 behind stage 2.
    pub files: Vec<String>,
}

/// GRUB's core image as its boot sector would load it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct GrubCoreFacts {
    /// Byte offset on the disk of its first sector (`diskboot.img`).
    pub offset: u64,
    /// Where that is: `gap before partition 1`, `BIOS boot partition 1`, `partition 1`, `whole disk` where
    /// there is no partition.
    pub place: String,
    /// Length in bytes by its block list.
    pub size: u64,
    /// Whether the sectors hold a core image (`diskboot.img` recognised, not all zero) and the boot
    /// sector asks the disk that it starts from for them, or what is wrong: unknown here means that
    /// they were read and that the code in them would not run.
    /// Sectors that could not be read make [`BootCodeFacts::grub_core`] unknown instead.
    pub intact: Fact<()>,
    /// The prefix: `(,msdos1)/boot/grub`; a prefix without a device relies on `search` in the
    /// embedded configuration.
    pub prefix: Fact<Option<String>>,
    /// The configuration embedded in the image (`search.fs_uuid … root`), if any.
    pub embedded_config: Fact<Option<String>>,
    /// The names of the modules in it: `biosdisk`, `part_msdos`, `ext2`.
    pub modules: Fact<Vec<String>>,
    /// Whether its driver of Btrfs knows the variable `btrfs_relative_path`, which the patches of SUSE
    /// and Fedora bring; none when there is no such driver in it, or it was not unpacked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub btrfs_relative_path: Option<bool>,
}

/// `ldlinux.sys`, where SYSLINUX's boot sector looks for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct LdlinuxFacts {
    /// Its first sector on the volume, in sectors of 512 bytes.
    pub sector: u64,
    /// Whether the boot sector takes what stands there for its own, and whether the sum of all sectors
    /// that are loaded from there is right, or why not: unknown here means that they were read and that
    /// the start goes no further.
    pub intact: Fact<()>,
}

/// The boot sector of a volume.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct VolumeBootCode {
    /// Index of the volume.
    pub volume: usize,
    /// Whose code it is.
    pub kind: BootCodeKind,
    /// What told the kind.
    pub evidence: Evidence,
    /// Why the sector was not read; nothing is known of it then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unread: Option<Unread>,
    /// `HiddenSectors`, bytes 0x1C to 0x1F: where the code takes its partition to begin, in sectors
    /// (Microsoft, "FAT specification", `BPB_HiddSec`; NTFS has it at the same place). None for code
    /// that is not of Windows.
    pub hidden_sectors: Option<u32>,
    /// As [`BootCodeFacts::grub_core`].
    pub grub_core: Option<Fact<GrubCoreFacts>>,
    /// As [`BootCodeFacts::grub_legacy`].
    pub grub_legacy: Option<Fact<GrubLegacyFacts>>,
    /// What the code loads, when it is SYSLINUX 4.00 or later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ldlinux: Option<Fact<LdlinuxFacts>>,
}

/// How bad a flaw of the partition table is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Severity {
    /// Firmware or kernel may read the table differently, or data lies outside the disk.
    Broken,
    /// Untidy, but read the same by all.
    Untidy,
}

/// A flaw of the partition table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct LayoutProblem {
    /// How bad it is.
    pub severity: Severity,
    /// Where, and what.
    pub evidence: Evidence,
}

/// Header states of a GPT.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct GptFacts {
    /// Disk GUID, lower case.
    pub disk_guid: String,
    /// Whether the primary header and its entries are sound, or what is wrong.
    pub primary: Fact<()>,
    /// Whether the backup header and its entries are sound, or what is wrong.
    pub backup: Fact<()>,
}

/// What is known of the disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct DiskFacts {
    /// Size in bytes.
    pub size: u64,
    /// Logical sector size in bytes that the table is written for: 512 or 4096.
    pub sector_size: u32,
    /// Which table there is.
    pub table: TableKind,
    /// Whether the table could be read in full, or why not.
    pub table_read: Fact<()>,
    /// MBR disk signature, 8 lower-case hex digits.
    pub mbr_signature: Option<String>,
    /// GPT headers.
    pub gpt: Option<GptFacts>,
    /// The partitions in the table's order.
    pub partitions: Vec<PartitionFacts>,
    /// The volumes: partitions, or the whole disk when there is no table; then the arrays and
    /// logical volumes that lie inside them.
    pub volumes: Vec<VolumeFacts>,
    /// The LVM volume groups of which at least one physical volume is on this disk.
    #[serde(default)]
    pub volume_groups: Vec<VolumeGroupFacts>,
    /// The md arrays of which at least one member is on this disk.
    #[serde(default)]
    pub arrays: Vec<ArrayFacts>,
    /// The physical volumes and members of arrays that were looked into.
    #[serde(default)]
    pub containers: Vec<ContainerFacts>,
    /// The code in sector 0.
    pub boot_code: Fact<BootCodeFacts>,
    /// The code in the boot sectors of volumes that have some.
    pub volume_boot_code: Vec<VolumeBootCode>,
    /// Flaws of the table.
    pub problems: Vec<LayoutProblem>,
}

/// A physical volume or a member of an array, and whether all that lies inside it was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ContainerFacts {
    /// Index of the container in [`DiskFacts::volumes`].
    pub volume: usize,
    /// Whether all volumes inside are in [`DiskFacts::volumes`], or why not.
    pub opened: Fact<()>,
}

/// An LVM volume group, by the newest of its metadata copies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct VolumeGroupFacts {
    /// Its name.
    pub name: String,
    /// Its UUID with dashes.
    pub uuid: String,
    /// Sequence number of the metadata that counts.
    pub seqno: u64,
    /// Its physical volumes.
    pub physical_volumes: Vec<PhysicalVolumeFacts>,
    /// Its logical volumes, the hidden parts of others included.
    pub logical_volumes: Vec<LogicalVolumeFacts>,
    /// It was taken out of use for another machine (`vgexport`): none activates it before
    /// `vgimport`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub exported: bool,
    /// The one host that may use it (lvmsystemid(7)).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub system_id: Option<String>,
    /// Copies of the metadata that are damaged or older, and other things out of order.
    pub notes: Vec<Evidence>,
}

impl VolumeGroupFacts {
    /// The physical volumes that are not in this image.
    pub fn missing_pvs(&self) -> impl Iterator<Item = &PhysicalVolumeFacts> {
        self.physical_volumes.iter().filter(|pv| pv.volume.is_none())
    }

    /// The logical volume that has that index in [`DiskFacts::volumes`].
    pub fn logical_volume(&self, volume: usize) -> Option<&LogicalVolumeFacts> {
        self.logical_volumes.iter().find(|lv| lv.volume == Some(volume))
    }
}

/// A physical volume of a volume group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct PhysicalVolumeFacts {
    /// Its UUID with dashes.
    pub uuid: String,
    /// Index in [`DiskFacts::volumes`]; none when it is not in this image, or is marked MISSING.
    pub volume: Option<usize>,
    /// The device that it was when the metadata was written: `/dev/sdb1`.
    pub device: Option<String>,
    /// Its size in bytes, as the metadata says; 0 when that does not tell.
    pub size: u64,
}

impl PhysicalVolumeFacts {
    /// Says that it is not in this image.
    pub fn missing(&self, group: &VolumeGroupFacts) -> Evidence {
        let device = self.device.as_ref().map_or_else(String::new, |was| format!(" (was {was})"));
        let detail = format!("physical volume {}{device} is missing", self.uuid);
        Evidence::new(format!("volume group {}", group.name), detail)
    }
}

/// A logical volume of a volume group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct LogicalVolumeFacts {
    /// Its name.
    pub name: String,
    /// Its UUID with dashes.
    pub uuid: String,
    /// Whether it is visible to users (`VISIBLE`), and no hidden part of another one.
    pub visible: bool,
    /// Its size in bytes.
    pub size: u64,
    /// The types of its segments: `linear`, `striped`, `raid1`, `thin`, … (of very many, some, and
    /// last how many more).
    pub segment_types: Vec<String>,
    /// The UUIDs of the physical volumes that it needs and that are not in this image (of very
    /// many, some).
    pub missing_pvs: Vec<String>,
    /// Index in [`DiskFacts::volumes`]; none for hidden parts and pools, which hold no file system
    /// of their own. Why one cannot be read is said by the volume's signatures.
    pub volume: Option<usize>,
}

/// An md array, by the newest of its superblocks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ArrayFacts {
    /// The name as its volume has it: `md/root`, `md0`.
    pub name: String,
    /// The name in the superblock, with the home host: `debian:root`; none in 0.90.
    pub set_name: Option<String>,
    /// Its UUID as a UUID is written; see [`ArrayFacts::md_uuid`] for `mdadm`'s way.
    pub uuid: String,
    /// `raid1`, `raid0`, `linear`, ….
    pub level: String,
    /// Version of the superblock: `0.90`, `1.0`, `1.1`, `1.2`.
    pub metadata: String,
    /// How many members the array has when it is complete.
    pub raid_disks: u32,
    /// The members on this disk.
    pub members: Vec<ArrayMemberFacts>,
    /// The slots whose members are not on this disk, or are not in sync.
    pub missing_slots: Vec<u32>,
    /// Whether data lies in the missing slots that is on no other member.
    pub incomplete: bool,
    /// Index in [`DiskFacts::volumes`]. Why it cannot be read is said by the volume's signatures.
    pub volume: Option<usize>,
}

impl ArrayFacts {
    /// The UUID as `mdadm` prints it: four groups of eight hex digits, with colons.
    pub fn md_uuid(&self) -> String {
        let digits: Vec<char> = self.uuid.chars().filter(char::is_ascii_hexdigit).collect();
        digits.chunks(8).map(String::from_iter).collect::<Vec<_>>().join(":")
    }
}

/// A member of an array.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ArrayMemberFacts {
    /// Index in [`DiskFacts::volumes`].
    pub volume: usize,
    /// Its slot; none for a spare or a faulty one.
    pub slot: Option<u32>,
    /// The event counter of its superblock.
    pub events: u64,
    /// Whether it holds what the array holds, or why not.
    pub in_sync: Fact<()>,
}

impl ArrayFacts {
    /// Whether each member reads as the array does, from its first byte on: a mirror whose superblock is
    /// at the end (md(4)).
    pub(crate) fn is_read_by_members(&self) -> bool {
        self.level == "raid1" && matches!(self.metadata.as_str(), "0.90" | "1.0")
    }
}

impl DiskFacts {
    /// The volume group and the logical volume that is the volume with that index.
    pub fn logical_volume(
        &self,
        volume: usize,
    ) -> Option<(&VolumeGroupFacts, &LogicalVolumeFacts)> {
        self.volume_groups.iter().find_map(|group| Some((group, group.logical_volume(volume)?)))
    }

    /// The array that is the volume with that index.
    pub fn array(&self, volume: usize) -> Option<&ArrayFacts> {
        self.arrays.iter().find(|array| array.volume == Some(volume))
    }

    /// Why further volumes may lie unseen in this one; `None` when all are known, or when it is of
    /// a kind that holds none.
    pub fn unopened(&self, volume: usize) -> Option<Unread> {
        let facts = self.volumes.get(volume)?;
        let signature = facts.signature().filter(|signature| signature.kind.is_container())?;
        match self.containers.iter().find(|container| container.volume == volume) {
            Some(container) => container.opened.unread().cloned(),
            None => Some(Unread::new(
                facts.name.clone(),
                format!("{} is not looked into", signature.kind.name()),
            )),
        }
    }

    /// The members of the group or array that is the volume with that index which it needs and
    /// which are not in this image; empty when it is none, or has all that it needs.
    pub fn missing_members(&self, volume: usize) -> Vec<Evidence> {
        if let Some((group, logical)) = self.logical_volume(volume) {
            let needed = |pv: &&PhysicalVolumeFacts| logical.missing_pvs.contains(&pv.uuid);
            return group.missing_pvs().filter(needed).map(|pv| pv.missing(group)).collect();
        }
        let array = self.array(volume).filter(|array| array.incomplete);
        let slots = array.into_iter().flat_map(|array| {
            let place = format!("{} ({}, {})", array.name, array.level, array.md_uuid());
            let slots = array.missing_slots.iter();
            slots.map(move |slot| Evidence::new(place.clone(), format!("slot {slot} is missing")))
        });
        slots.collect()
    }

    /// The partition with that number.
    pub fn partition(&self, number: u32) -> Option<&PartitionFacts> {
        self.partitions.iter().find(|partition| partition.number == number)
    }
}
