//! What lies in a volume, told by its signatures as `blkid` tells it.
//!
//! The order of [`PROBES`] decides which of several signatures counts: a member of something bigger
//! (RAID, LVM, encryption) before the file system that may be seen through it, as in libblkid's
//! list of superblocks (`libblkid/src/superblocks/superblocks.c`).

mod btrfs;
mod ext;
pub(in crate::disk) mod fat;
mod firmware_raid;
mod ldm;
mod luks;
mod lvm;
mod md;
mod ntfs;
mod single_magic;
mod swap;
mod xfs;
mod zfs;

use super::facts::{Signature, SignatureKind};
use super::mbr::{self, FirstSector};
use crate::bytes::{Bytes, BytesExt};
use crate::error::{Error, Result};

type Probe = fn(&dyn Bytes) -> Result<Option<Signature>>;

/// Members and encryption first, then file systems, then what may be a leftover in sector 0.
const PROBES: &[Probe] = &[
    md::probe,
    firmware_raid::probe_ddf,
    firmware_raid::probe_imsm,
    single_magic::vdo,
    single_magic::stratis,
    lvm::probe,
    luks::probe,
    luks::probe_bitlocker,
    ldm::probe,
    ldm::probe_storage_spaces,
    single_magic::bcache,
    zfs::probe,
    swap::probe,
    xfs::probe,
    ext::probe,
    btrfs::probe,
    single_magic::f2fs,
    single_magic::erofs,
    single_magic::squashfs,
    single_magic::reiserfs,
    single_magic::jfs,
    single_magic::iso9660,
    ntfs::probe,
    fat::probe_exfat,
    fat::probe,
    nested_table,
];

/// All signatures in a volume, the decisive one first.
///
/// # Errors
/// When a place where a signature may stand cannot be read. A place beyond the volume's end is no
/// error: nothing stands there.
pub(super) fn find(volume: &dyn Bytes) -> Result<Vec<Signature>> {
    let mut signatures = Vec::new();
    for probe in PROBES {
        signatures.extend(detail(probe(volume))?);
    }
    Ok(signatures)
}

/// A place beyond the end of the volume holds nothing.
fn detail<T>(result: Result<Option<T>>) -> Result<Option<T>> {
    match result {
        Err(Error::OutOfBounds { .. }) => Ok(None),
        other => other,
    }
}

/// A signature of which no more is known than its magic at `offset`.
fn found(kind: SignatureKind, offset: u64) -> Signature {
    let (uuid, label, version) = (None, None, None);
    Signature { kind, offset, uuid, label, size: None, version, block_size: None }
}

/// A four-byte serial number as DOS prints it; `None` when it is zero.
fn serial(bytes: [u8; 4]) -> Option<String> {
    let [a, b, c, d] = bytes;
    (bytes != [0; 4]).then(|| format!("{d:02X}{c:02X}-{b:02X}{a:02X}"))
}

/// A partition table inside a volume.
fn nested_table(volume: &dyn Bytes) -> Result<Option<Signature>> {
    let sector: [u8; 512] = volume.array(0)?;
    Ok(match mbr::first_sector(&sector) {
        FirstSector::Table(table) if !table.is_empty() => {
            let mut signature = found(SignatureKind::PartitionTable, 510);
            let kind = if table.has_protective_type() { "gpt" } else { "dos" };
            signature.version = Some(kind.to_owned());
            Some(signature)
        }
        _ => None,
    })
}
