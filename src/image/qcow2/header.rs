//! The header (QEMU `docs/interop/qcow2.rst`, Header and Additional fields).

use nom::IResult;
use nom::bytes::complete::tag;
use nom::number::complete::{be_u8, be_u32, be_u64};

use crate::bytes::Bytes;
use crate::error::{Error, Result};
use crate::image::facts::Qcow2Compression;
use crate::image::format::{QCOW_MAGIC, up_to};
use crate::image::qcow2::address::HostOffset;

pub(super) const HEADER: &str = "qcow2 header";

/// Length of a version 2 header, and the least length of a version 3 header.
const V2_LENGTH: u32 = 72;
const V3_LENGTH: u32 = 104;
/// Byte of the first additional field, the compression type.
const COMPRESSION_TYPE_AT: u32 = 104;

/// 512 bytes, the least that the specification allows.
const MIN_CLUSTER_BITS: u32 = 9;
/// 2 MiB, the most that QEMU opens (`MAX_CLUSTER_BITS`).
const MAX_CLUSTER_BITS: u32 = 21;
/// Least cluster size with extended L2 entries: a subcluster is not smaller than a sector.
const MIN_EXTENDED_L2_CLUSTER_BITS: u32 = 14;
/// Refcounts of 64 bits, the most that the specification allows.
const MAX_REFCOUNT_ORDER: u32 = 6;
/// Refcounts of 16 bits, fixed for version 2.
const V2_REFCOUNT_ORDER: u32 = 4;
/// 32 MiB (QEMU `QCOW_MAX_L1_SIZE`).
pub(super) const MAX_L1_BYTES: u64 = 32 << 20;
/// Longest backing file name (specification, `backing_file_size`).
const MAX_BACKING_NAME: u32 = 1023;

/// Incompatible feature bits.
pub(super) const DIRTY: u64 = 1 << 0;
pub(super) const CORRUPT: u64 = 1 << 1;
pub(super) const EXTERNAL_DATA: u64 = 1 << 2;
pub(super) const COMPRESSION_TYPE: u64 = 1 << 3;
pub(super) const EXTENDED_L2: u64 = 1 << 4;
/// First bit that the specification leaves reserved.
pub(super) const FIRST_UNKNOWN_BIT: u8 = 5;

/// Autoclear feature bits.
pub(super) const BITMAPS: u64 = 1 << 0;
pub(super) const RAW_EXTERNAL_DATA: u64 = 1 << 1;

/// `crypt_method` of an encryption whose header the file holds; the highest that is defined.
pub(super) const LUKS: u32 = 2;

/// How the two address spaces are cut into clusters and tables. Every value is within its bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Geometry {
    /// 9 to 21.
    pub(super) cluster_bits: u32,
    /// Whether L2 entries are 128 bits wide.
    pub(super) extended_l2: bool,
    /// Whether bit 0 of an L2 entry means "reads as zeros" (version 3 without extended L2).
    pub(super) zero_flag: bool,
}

impl Geometry {
    pub(super) fn cluster_size(self) -> u64 {
        1_u64.wrapping_shl(self.cluster_bits)
    }

    /// Cluster size, for lengths in memory.
    pub(super) fn cluster_len(self) -> usize {
        1_usize.wrapping_shl(self.cluster_bits)
    }

    /// Offset within a cluster.
    pub(super) fn within_cluster(self, offset: u64) -> u64 {
        offset & self.cluster_size().wrapping_sub(1)
    }

    /// The number of the cluster that holds `offset`.
    pub(super) fn cluster_of(self, offset: u64) -> u64 {
        offset.wrapping_shr(self.cluster_bits)
    }

    /// First byte of a cluster.
    pub(super) fn cluster_at(self, cluster: u64) -> u64 {
        cluster.wrapping_shl(self.cluster_bits)
    }

    /// Length of an L2 entry in bytes.
    pub(super) fn l2_entry_len(self) -> usize {
        if self.extended_l2 { 16 } else { 8 }
    }

    /// Bits that index an L2 table.
    pub(super) fn l2_bits(self) -> u32 {
        self.cluster_bits.wrapping_sub(if self.extended_l2 { 4 } else { 3 })
    }

    /// Guest bytes that one L2 table maps, as a power of two: at most 39.
    pub(super) fn l2_reach_bits(self) -> u32 {
        self.cluster_bits.wrapping_add(self.l2_bits())
    }

    /// L1 entries that a disk of `size` bytes needs.
    pub(super) fn l1_entries(self, size: u64) -> u64 {
        let reach = 1_u64.wrapping_shl(self.l2_reach_bits());
        size.div_ceil(reach)
    }
}

/// A header whose geometry is within bounds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) version: u32,
    pub(super) geometry: Geometry,
    pub(super) backing_file_offset: u64,
    pub(super) backing_file_size: u32,
    /// Virtual disk size in bytes.
    pub(super) size: u64,
    pub(super) crypt_method: u32,
    /// Entries of the active L1 table.
    pub(super) l1_size: u32,
    pub(super) l1_table_offset: HostOffset,
    pub(super) refcount_table_offset: HostOffset,
    pub(super) refcount_table_clusters: u32,
    pub(super) nb_snapshots: u32,
    pub(super) snapshots_offset: HostOffset,
    pub(super) incompatible: u64,
    pub(super) autoclear: u64,
    /// At most 6.
    pub(super) refcount_order: u32,
    /// At most a cluster.
    pub(super) header_length: u32,
    pub(super) compression: Qcow2Compression,
}

/// The fields as they stand in the file.
struct Fields {
    version: u32,
    backing_file_offset: u64,
    backing_file_size: u32,
    cluster_bits: u32,
    size: u64,
    crypt_method: u32,
    l1_size: u32,
    l1_table_offset: u64,
    refcount_table_offset: u64,
    refcount_table_clusters: u32,
    nb_snapshots: u32,
    snapshots_offset: u64,
    v3: Option<V3Fields>,
}

struct V3Fields {
    incompatible: u64,
    autoclear: u64,
    refcount_order: u32,
    header_length: u32,
    compression_type: Option<u8>,
}

fn fields(input: &[u8]) -> IResult<&[u8], Fields> {
    let (input, _) = tag(&QCOW_MAGIC[..])(input)?;
    let (input, version) = be_u32(input)?;
    let (input, backing_file_offset) = be_u64(input)?;
    let (input, backing_file_size) = be_u32(input)?;
    let (input, cluster_bits) = be_u32(input)?;
    let (input, size) = be_u64(input)?;
    let (input, crypt_method) = be_u32(input)?;
    let (input, l1_size) = be_u32(input)?;
    let (input, l1_table_offset) = be_u64(input)?;
    let (input, refcount_table_offset) = be_u64(input)?;
    let (input, refcount_table_clusters) = be_u32(input)?;
    let (input, nb_snapshots) = be_u32(input)?;
    let (input, snapshots_offset) = be_u64(input)?;
    let (input, v3) = match version {
        3 => v3_fields(input).map(|(rest, fields)| (rest, Some(fields)))?,
        _ => (input, None),
    };
    let fields = Fields {
        version,
        backing_file_offset,
        backing_file_size,
        cluster_bits,
        size,
        crypt_method,
        l1_size,
        l1_table_offset,
        refcount_table_offset,
        refcount_table_clusters,
        nb_snapshots,
        snapshots_offset,
        v3,
    };
    Ok((input, fields))
}

fn v3_fields(input: &[u8]) -> IResult<&[u8], V3Fields> {
    let (input, incompatible) = be_u64(input)?;
    let (input, _compatible) = be_u64(input)?;
    let (input, autoclear) = be_u64(input)?;
    let (input, refcount_order) = be_u32(input)?;
    let (input, header_length) = be_u32(input)?;
    let (input, compression_type) = if header_length > COMPRESSION_TYPE_AT {
        be_u8(input).map(|(rest, kind)| (rest, Some(kind)))?
    } else {
        (input, None)
    };
    let fields =
        V3Fields { incompatible, autoclear, refcount_order, header_length, compression_type };
    Ok((input, fields))
}

impl Header {
    /// Reads the header at byte 0.
    ///
    /// # Errors
    /// [`Error::Unsupported`] for a version other than 2 and 3; [`Error::Corrupt`] for a field
    /// without which nothing else can be located.
    pub(super) fn read(bytes: &dyn Bytes) -> Result<Self> {
        let head = up_to(bytes, 0, 112);
        let (_, fields) = fields(&head)
            .map_err(|_| Error::corrupt(HEADER, 0, "a whole header", "the end of the file"))?;
        if !matches!(fields.version, 2 | 3) {
            return Err(Error::unsupported(HEADER, 4, format!("version {}", fields.version)));
        }
        if !(MIN_CLUSTER_BITS..=MAX_CLUSTER_BITS).contains(&fields.cluster_bits) {
            return Err(Error::corrupt(
                HEADER,
                20,
                format!("cluster_bits from {MIN_CLUSTER_BITS} to {MAX_CLUSTER_BITS}"),
                fields.cluster_bits.to_string(),
            ));
        }
        let v3 = fields.v3.unwrap_or(V3Fields {
            incompatible: 0,
            autoclear: 0,
            refcount_order: V2_REFCOUNT_ORDER,
            header_length: V2_LENGTH,
            compression_type: None,
        });
        if v3.refcount_order > MAX_REFCOUNT_ORDER {
            return Err(Error::corrupt(
                HEADER,
                96,
                format!("refcount_order up to {MAX_REFCOUNT_ORDER}"),
                v3.refcount_order.to_string(),
            ));
        }
        let extended_l2 = v3.incompatible & EXTENDED_L2 != 0;
        if extended_l2 && fields.cluster_bits < MIN_EXTENDED_L2_CLUSTER_BITS {
            return Err(Error::corrupt(
                HEADER,
                20,
                format!("cluster_bits of {MIN_EXTENDED_L2_CLUSTER_BITS} or more for extended L2"),
                fields.cluster_bits.to_string(),
            ));
        }
        let geometry = Geometry {
            cluster_bits: fields.cluster_bits,
            extended_l2,
            zero_flag: fields.version >= 3 && !extended_l2,
        };
        let least = if fields.version >= 3 { V3_LENGTH } else { V2_LENGTH };
        if v3.header_length < least || u64::from(v3.header_length) > geometry.cluster_size() {
            return Err(Error::corrupt(
                HEADER,
                100,
                format!("header_length from {least} to a cluster ({})", geometry.cluster_size()),
                v3.header_length.to_string(),
            ));
        }
        let header = Self {
            version: fields.version,
            geometry,
            backing_file_offset: fields.backing_file_offset,
            backing_file_size: fields.backing_file_size,
            size: fields.size,
            crypt_method: fields.crypt_method,
            l1_size: fields.l1_size,
            l1_table_offset: HostOffset(fields.l1_table_offset),
            refcount_table_offset: HostOffset(fields.refcount_table_offset),
            refcount_table_clusters: fields.refcount_table_clusters,
            nb_snapshots: fields.nb_snapshots,
            snapshots_offset: HostOffset(fields.snapshots_offset),
            incompatible: v3.incompatible,
            autoclear: v3.autoclear,
            refcount_order: v3.refcount_order,
            header_length: v3.header_length,
            compression: match v3.compression_type.unwrap_or(0) {
                0 => Qcow2Compression::Zlib,
                1 => Qcow2Compression::Zstd,
                other => Qcow2Compression::Unknown(other),
            },
        };
        header.check_backing_name()?;
        Ok(header)
    }

    /// Whether incompatible feature `bit` is set.
    pub(super) fn has(&self, bit: u64) -> bool {
        self.incompatible & bit != 0
    }

    /// Incompatible bits that the specification does not define.
    pub(super) fn unknown_incompatible_bits(&self) -> Vec<u8> {
        (FIRST_UNKNOWN_BIT..64)
            .filter(|&bit| self.incompatible.wrapping_shr(u32::from(bit)) & 1 == 1)
            .collect()
    }

    /// Length of the L1 table in bytes.
    pub(super) fn l1_bytes(&self) -> u64 {
        u64::from(self.l1_size).saturating_mul(8)
    }

    /// Length of the refcount table in bytes.
    pub(super) fn refcount_table_bytes(&self) -> u64 {
        u64::from(self.refcount_table_clusters).saturating_mul(self.geometry.cluster_size())
    }

    /// The backing file's name must lie in the first cluster.
    fn check_backing_name(&self) -> Result<()> {
        if self.backing_file_offset == 0 {
            return Ok(());
        }
        let end = self.backing_file_offset.saturating_add(u64::from(self.backing_file_size));
        if self.backing_file_size > MAX_BACKING_NAME || end > self.geometry.cluster_size() {
            return Err(Error::corrupt(
                HEADER,
                8,
                format!("a backing file name of up to {MAX_BACKING_NAME} bytes in cluster 0"),
                format!("{} bytes at byte {}", self.backing_file_size, self.backing_file_offset),
            ));
        }
        Ok(())
    }

    /// The field "compression type" must be non-zero if, and only if, its incompatible bit is set.
    ///
    /// # Errors
    /// [`Error::Corrupt`].
    pub(super) fn check_compression(&self) -> Result<()> {
        if self.has(COMPRESSION_TYPE) == (self.compression != Qcow2Compression::Zlib) {
            return Ok(());
        }
        Err(Error::corrupt(
            HEADER,
            u64::from(COMPRESSION_TYPE_AT),
            "a compression type that agrees with incompatible bit 3",
            format!("{:?}, bit {}", self.compression, u8::from(self.has(COMPRESSION_TYPE))),
        ))
    }

    /// The L1 table must be aligned, within QEMU's bound, inside the file and long enough for the
    /// virtual disk.
    ///
    /// # Errors
    /// [`Error::Corrupt`].
    pub(super) fn check_l1(&self, file_size: u64) -> Result<()> {
        let needed = self.geometry.l1_entries(self.size);
        let offset = self.l1_table_offset.0;
        if u64::from(self.l1_size) < needed {
            return Err(Error::corrupt(
                HEADER,
                36,
                format!("l1_size of {needed} or more for a disk of {} bytes", self.size),
                self.l1_size.to_string(),
            ));
        }
        if self.l1_bytes() > MAX_L1_BYTES {
            return Err(Error::corrupt(
                HEADER,
                36,
                format!("an L1 table of up to {MAX_L1_BYTES} bytes"),
                self.l1_bytes().to_string(),
            ));
        }
        if self.geometry.within_cluster(offset) != 0 {
            return Err(Error::corrupt(
                HEADER,
                40,
                "an L1 table offset that is a multiple of the cluster size",
                offset.to_string(),
            ));
        }
        if offset.saturating_add(self.l1_bytes()) > file_size {
            return Err(Error::corrupt(
                HEADER,
                40,
                format!("an L1 table inside the file of {file_size} bytes"),
                format!("{} bytes at byte {offset}", self.l1_bytes()),
            ));
        }
        Ok(())
    }
}
