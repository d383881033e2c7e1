//! The checksums of metadata (Btrfs on-disk format, "Superblock", `csum_type`).

use blake2::Blake2b;
use blake2::digest::consts::U32;
use sha2::{Digest as _, Sha256};
use twox_hash::XxHash64;

use crate::error::Result;
use crate::filesystem::structure::Structure;

/// Bytes at the beginning of every block of metadata, which hold the checksum of the rest.
pub(super) const CHECKSUM_FIELD: usize = 32;

/// How metadata is summed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ChecksumType {
    /// CRC-32C.
    Crc32c,
    /// XXH64.
    XxHash64,
    /// SHA-256.
    Sha256,
    /// BLAKE2b with 256 bits.
    Blake2b,
}

impl ChecksumType {
    /// The type with that number, when it is known.
    pub(super) fn from_number(number: u16) -> Option<Self> {
        Some(match number {
            0 => Self::Crc32c,
            1 => Self::XxHash64,
            2 => Self::Sha256,
            3 => Self::Blake2b,
            _ => return None,
        })
    }

    /// The name that `mkfs.btrfs --csum` has for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Crc32c => "crc32c",
            Self::XxHash64 => "xxhash",
            Self::Sha256 => "sha256",
            Self::Blake2b => "blake2",
        }
    }

    /// The checksum of `bytes` as it is stored, without the padding.
    pub(super) fn sum(self, bytes: &[u8]) -> Vec<u8> {
        match self {
            Self::Crc32c => crc32c::crc32c(bytes).to_le_bytes().to_vec(),
            Self::XxHash64 => XxHash64::oneshot(0, bytes).to_le_bytes().to_vec(),
            Self::Sha256 => Sha256::digest(bytes).to_vec(),
            Self::Blake2b => Blake2b::<U32>::digest(bytes).to_vec(),
        }
    }

    /// Fails when a block of metadata does not have the checksum that it claims.
    pub(super) fn verify(self, s: &Structure<'_>) -> Result<()> {
        let computed = self.sum(s.raw.get(CHECKSUM_FIELD..).unwrap_or_default());
        let stored = s.bytes(0, computed.len())?;
        if !crate::checksum::bytes_hold(stored, &computed) {
            let expected = format!("{} checksum {}", self.name(), hex(&computed));
            return Err(s.corrupt(0, expected, hex(stored)));
        }
        Ok(())
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The hash by which a name is found in a directory: CRC-32C from `!1`, not inverted at either end
/// (`btrfs_name_hash`).
pub(super) fn name_hash(name: &[u8]) -> u64 {
    u64::from(!crc32c::crc32c_append(1, name))
}

/// The hash by which a name is found among the long references of an inode: CRC-32C from the low
/// half of the directory's number, not inverted at either end (`btrfs_extref_hash`).
pub(super) fn reference_hash(dir: u64, name: &[u8]) -> u64 {
    let seed = u32::try_from(dir & u64::from(u32::MAX)).unwrap_or(0);
    u64::from(!crc32c::crc32c_append(!seed, name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_of_default_is_the_one_that_every_root_tree_has() {
        // `btrfs inspect-internal dump-tree`: key (ROOT_TREE_DIR DIR_ITEM 2378154706).
        assert_eq!(name_hash(b"default"), 2_378_154_706);
    }
}
