//! How a block of XFS tells what it is.

use super::checksum::crc32c_without;
use crate::error::Result;
use crate::filesystem::structure::Structure;

impl Structure<'_> {
    /// Fails unless byte `at` starts the magic number.
    pub(super) fn must_have_magic(&self, at: usize, magic: u32) -> Result<()> {
        let found = self.be32(at)?;
        if found != magic {
            return Err(self.corrupt(at, format!("magic {magic:#010x}"), format!("{found:#010x}")));
        }
        Ok(())
    }

    /// Fails unless the little-endian CRC-32C at byte `at` is that of the whole structure, itself
    /// as zeros.
    pub(super) fn verify_checksum(&self, at: usize) -> Result<()> {
        let stored = u32::from_le_bytes(self.array(at)?);
        let computed = crc32c_without(self.raw, at);
        if !crate::checksum::holds(stored, computed) {
            let expected = format!("checksum {computed:#010x}");
            return Err(self.corrupt(at, expected, format!("{stored:#010x}")));
        }
        Ok(())
    }
}

/// Where in a block the fields stand by which it tells what it is (*XFS Algorithms & Data
/// Structures*, "Self Describing Metadata").
pub(super) struct Description {
    pub(super) checksum: usize,
    pub(super) uuid: usize,
    pub(super) owner: usize,
    pub(super) address: usize,
}

impl Structure<'_> {
    /// Fails unless the block says that it belongs to that file system and inode and lies where it
    /// was read. The checksum is left to the caller.
    pub(super) fn must_describe(
        &self,
        fields: &Description,
        uuid: &[u8; 16],
        owner: u64,
    ) -> Result<()> {
        if self.array::<16>(fields.uuid)? != *uuid {
            return Err(self.corrupt(fields.uuid, "the file system's UUID", "another"));
        }
        let found = self.be64(fields.owner)?;
        if found != owner {
            return Err(self.corrupt(fields.owner, format!("owner {owner}"), found.to_string()));
        }
        let (address, found) = (self.offset / 512, self.be64(fields.address)?);
        if found != address {
            let expected = format!("its own address {address}");
            return Err(self.corrupt(fields.address, expected, found.to_string()));
        }
        Ok(())
    }
}
