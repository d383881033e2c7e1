//! The boot sector: where the master file table begins, and how big things are.
//!
//! Source: Microsoft, *How NTFS Works* ("NTFS Boot Sector"); the meaning of the negative sizes and of
//! clusters above 64 KiB is that of the Linux kernel's `ntfs3` (`fs/ntfs3/super.c`).

use crate::bytes::{Bytes, BytesExt};
use crate::error::Result;
use crate::filesystem::structure::Structure;

/// Largest cluster in bytes (Windows 10 1709: 2 MiB).
const MAX_CLUSTER: u64 = 2 << 20;

/// Largest file record in bytes. Windows makes records of 1 or 4 KiB, and Linux takes no larger ones
/// either (fs/ntfs3/ntfs.h, `MAXIMUM_BYTES_PER_MFT`).
const MAX_RECORD: u64 = 4 << 10;

/// What the boot sector says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct BootSector {
    /// Length of a cluster in bytes, a power of two.
    pub(super) cluster_size: u64,
    /// Number of whole clusters.
    pub(super) clusters: u64,
    /// Length of a file record in bytes.
    pub(super) record_size: u64,
    /// First cluster of the master file table.
    pub(super) mft: u64,
    /// Serial number of the volume.
    pub(super) serial: u64,
}

impl BootSector {
    /// Reads the first sector.
    ///
    /// # Errors
    /// [`crate::Error::Corrupt`] when it is none of NTFS, or contradicts itself.
    pub(super) fn read(bytes: &dyn Bytes) -> Result<Self> {
        let raw: [u8; 512] = bytes.array(0)?;
        let s = Structure::new("NTFS boot sector", 0, &raw);
        let name = s.bytes(3, 8)?;
        if name != b"NTFS    " {
            return Err(s.corrupt(
                3,
                "\"NTFS    \"",
                format!("{:?}", String::from_utf8_lossy(name)),
            ));
        }
        let sector = u64::from(s.u16(0x0b)?);
        if !(256..=4096).contains(&sector) || !sector.is_power_of_two() {
            return Err(s.corrupt(0x0b, "256 to 4096 bytes per sector", sector.to_string()));
        }
        let raw_factor = s.u8(0x0d)?;
        let factor = match raw_factor {
            0 => None,
            // Above 128 sectors the byte is the negative exponent.
            0xf4..=0xff => 1_u64.checked_shl(u32::from(raw_factor.wrapping_neg())),
            _ => Some(u64::from(raw_factor)).filter(|factor| factor.is_power_of_two()),
        };
        let cluster_size = factor
            .and_then(|factor| factor.checked_mul(sector))
            .filter(|size| *size <= MAX_CLUSTER)
            .ok_or_else(|| {
                s.corrupt(0x0d, "clusters of at most 2 MiB", format!("{raw_factor} sectors"))
            })?;
        let sectors = s.u64(0x28)?;
        let clusters = sectors
            .checked_mul(sector)
            .and_then(|len| len.checked_div(cluster_size))
            .filter(|clusters| *clusters > 0)
            .ok_or_else(|| s.corrupt(0x28, "a number of sectors", sectors.to_string()))?;
        let mft = s.u64(0x30)?;
        if mft == 0 || mft >= clusters {
            let expected = format!("a cluster below {clusters}");
            return Err(s.corrupt(0x30, expected, mft.to_string()));
        }
        let record_size = size(&s, 0x40, cluster_size)?;
        Ok(Self { cluster_size, clusters, record_size, mft, serial: s.u64(0x48)? })
    }

    /// The byte at which a cluster begins.
    pub(super) fn byte_of(&self, cluster: u64) -> u64 {
        cluster.saturating_mul(self.cluster_size)
    }
}

/// A size in clusters, or as a negative exponent in bytes.
fn size(s: &Structure<'_>, at: usize, cluster_size: u64) -> Result<u64> {
    let raw = s.u8(at)?;
    let size = if raw < 0x80 {
        u64::from(raw).checked_mul(cluster_size)
    } else {
        1_u64.checked_shl(u32::from(raw.wrapping_neg()))
    };
    size.filter(|size| (512..=MAX_RECORD).contains(size) && size.is_power_of_two())
        .ok_or_else(|| s.corrupt(at, "records of 512 bytes to 4 KiB", format!("{raw:#04x}")))
}
