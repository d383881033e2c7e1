//! What is known of the container file itself.

use serde::{Deserialize, Serialize};

use crate::fact::{Evidence, Fact};

/// A container format, told by content, never by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Format {
    /// QCOW2, version 2 or 3.
    Qcow2,
    /// No container signature: the bytes are taken as the disk itself.
    Raw,
    /// QCOW version 1.
    Qcow,
    /// VMware disk: sparse extent, COW extent, or descriptor text.
    Vmdk,
    /// Microsoft VHD (`conectix`).
    Vhd,
    /// Microsoft VHDX.
    Vhdx,
    /// VirtualBox VDI.
    Vdi,
    /// QEMU enhanced disk.
    Qed,
    /// Huawei ZVHD (compressed VHD).
    Zvhd,
    /// Huawei ZVHD2.
    Zvhd2,
    /// ISO 9660 without a partition table: an installation medium.
    Iso,
    /// A tar archive (an OVA package is one).
    Tar,
    /// OVF descriptor (XML text).
    Ovf,
    /// gzip-compressed wrapper.
    Gzip,
    /// xz-compressed wrapper.
    Xz,
    /// zstd-compressed wrapper.
    Zstd,
    /// bzip2-compressed wrapper.
    Bzip2,
    /// 7z archive.
    SevenZip,
    /// ZIP archive.
    Zip,
    /// A file of length 0.
    Empty,
}

impl Format {
    /// The name as people type it: `qcow2`, `vmdk`, ….
    pub fn name(self) -> &'static str {
        match self {
            Self::Qcow2 => "qcow2",
            Self::Raw => "raw",
            Self::Qcow => "qcow",
            Self::Vmdk => "vmdk",
            Self::Vhd => "vhd",
            Self::Vhdx => "vhdx",
            Self::Vdi => "vdi",
            Self::Qed => "qed",
            Self::Zvhd => "zvhd",
            Self::Zvhd2 => "zvhd2",
            Self::Iso => "iso",
            Self::Tar => "tar",
            Self::Ovf => "ovf",
            Self::Gzip => "gzip",
            Self::Xz => "xz",
            Self::Zstd => "zstd",
            Self::Bzip2 => "bzip2",
            Self::SevenZip => "7z",
            Self::Zip => "zip",
            Self::Empty => "empty",
        }
    }
}

/// What is known of the container file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ImageFacts {
    /// The path as it was given.
    pub path: String,
    /// Length of the file in bytes.
    pub file_size: u64,
    /// The format by content.
    pub format: Format,
    /// The magic bytes that told the format, with their offset. For raw: that none matched.
    pub format_evidence: Evidence,
    /// A kind within the format, where that matters: `version 3`; `monolithicFlat descriptor`;
    /// `OVA package`; `differencing`; ….
    pub variant: Option<String>,
    /// Size of the disk inside in bytes, when the format's header says it.
    pub virtual_size: Option<u64>,
    /// What a qcow2 header and its tables say.
    pub qcow2: Option<Fact<Qcow2Facts>>,
    /// What contradicts the specification in a qcow2 header that could not be read for it.
    #[serde(default)]
    pub header_damage: Option<Evidence>,
    /// Whether it is a block device of the host and no file.
    #[serde(default)]
    pub block_device: bool,
    /// The parts of a split file that it is the first of, when its name says so.
    #[serde(default)]
    pub split: Option<SplitFile>,
    /// Whether the disk's bytes can be read through the container, or why not (a foreign format,
    /// encryption, a backing file that the disk's content depends on, …).
    pub content: Fact<()>,
}

/// A file whose name is that of the first part of a split one, with the next part beside it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SplitFile {
    /// The path of the next part.
    pub next: String,
    /// What the paths of all parts begin with.
    pub stem: String,
    /// What follows in each, as a pattern of the shell: `[0-9][0-9][0-9]`.
    pub pattern: String,
}

/// How compressed clusters are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Qcow2Compression {
    /// Raw deflate (type 0).
    Zlib,
    /// Zstandard (type 1).
    Zstd,
    /// A type that the specification does not define.
    Unknown(u8),
}

/// What a qcow2 file says of itself (QEMU `docs/interop/qcow2.rst`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Qcow2Facts {
    /// 2 or 3.
    pub version: u32,
    /// Cluster size in bytes.
    pub cluster_size: u64,
    /// Width of a refcount in bits.
    pub refcount_bits: u32,
    /// Header field `crypt_method`: 0 none, 1 AES, 2 LUKS.
    pub crypt_method: u32,
    /// Offset of the full-disk-encryption header extension (0x0537be77), if there is one.
    pub encryption_extension_at: Option<u64>,
    /// Name of the backing file.
    pub backing_file: Option<String>,
    /// Format of the backing file, from its header extension.
    pub backing_format: Option<String>,
    /// Incompatible bit 2: guest data lies in another file.
    pub external_data_file: bool,
    /// Name of the external data file, from its header extension.
    pub data_file_name: Option<String>,
    /// Incompatible bit 0.
    pub dirty: bool,
    /// Incompatible bit 1.
    pub corrupt: bool,
    /// Compression of clusters.
    pub compression: Qcow2Compression,
    /// Incompatible bit 4.
    pub extended_l2: bool,
    /// Incompatible bits that the specification does not define.
    pub unknown_incompatible_bits: Vec<u8>,
    /// Names that the file's feature name table gives to those bits.
    pub unknown_feature_names: Vec<String>,
    /// Header field `nb_snapshots`.
    pub snapshot_count: u32,
    /// The snapshots' names (`id name`), at most `MAX_LISTED_SNAPSHOTS`.
    pub snapshots: Fact<Vec<String>>,
    /// Damage that loses data or puts it at risk: each with the structure, its offset, and the
    /// place on the disk where there is one. At most `MAX_LISTED_PROBLEMS`.
    pub problems: Vec<Evidence>,
    /// How many pieces of damage there are in all.
    pub problem_count: u64,
    /// Host clusters that are counted as used more often than they are: room in the file that is
    /// lost, and nothing else. Runs of them, at most `MAX_LISTED_PROBLEMS`.
    #[serde(default)]
    pub leaks: Vec<Evidence>,
    /// How many such clusters there are in all.
    #[serde(default)]
    pub leaked_clusters: u64,
    /// Whether all tables were looked at, or why not.
    pub checked: Fact<()>,
    /// One past the highest host byte that a table refers to.
    pub highest_host_byte: u64,
}
