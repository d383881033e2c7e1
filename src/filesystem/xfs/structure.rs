//! The numbers and texts in an on-disk structure: XFS stores everything big-endian, but for its
//! checksums and the items in its log.

use super::checksum::crc32c_without;
use crate::error::{Error, Result};

/// The bytes of one on-disk structure, with what an error must say about it.
#[derive(Clone, Copy)]
pub(super) struct Structure<'a> {
    /// Its name in the specification.
    pub(super) name: &'static str,
    /// Where it lies in the volume, in bytes.
    pub(super) offset: u64,
    /// The bytes themselves.
    pub(super) raw: &'a [u8],
}

impl<'a> Structure<'a> {
    pub(super) fn new(name: &'static str, offset: u64, raw: &'a [u8]) -> Self {
        Self { name, offset, raw }
    }

    /// The structure lies at byte `at` of it.
    pub(super) fn corrupt(
        &self,
        at: usize,
        expected: impl Into<String>,
        found: impl Into<String>,
    ) -> Error {
        let at = u64::try_from(at).unwrap_or(u64::MAX);
        Error::corrupt(self.name, self.offset.saturating_add(at), expected, found)
    }

    /// `len` bytes from byte `at` on.
    pub(super) fn bytes(&self, at: usize, len: usize) -> Result<&'a [u8]> {
        at.checked_add(len).and_then(|end| self.raw.get(at..end)).ok_or_else(|| {
            self.corrupt(at, format!("{len} bytes of content"), "the end of the structure")
        })
    }

    /// `N` bytes from byte `at` on.
    pub(super) fn array<const N: usize>(&self, at: usize) -> Result<[u8; N]> {
        match self.raw.get(at..).and_then(<[u8]>::first_chunk) {
            Some(bytes) => Ok(*bytes),
            None => Err(self.corrupt(at, format!("a field of {N} bytes"), "the end")),
        }
    }

    pub(super) fn u8(&self, at: usize) -> Result<u8> {
        self.array(at).map(u8::from_be_bytes)
    }

    pub(super) fn u16(&self, at: usize) -> Result<u16> {
        self.array(at).map(u16::from_be_bytes)
    }

    pub(super) fn u32(&self, at: usize) -> Result<u32> {
        self.array(at).map(u32::from_be_bytes)
    }

    pub(super) fn u64(&self, at: usize) -> Result<u64> {
        self.array(at).map(u64::from_be_bytes)
    }

    pub(super) fn le16(&self, at: usize) -> Result<u16> {
        self.array(at).map(u16::from_le_bytes)
    }

    pub(super) fn le32(&self, at: usize) -> Result<u32> {
        self.array(at).map(u32::from_le_bytes)
    }

    pub(super) fn le64(&self, at: usize) -> Result<u64> {
        self.array(at).map(u64::from_le_bytes)
    }

    /// Fails unless byte `at` starts the magic number.
    pub(super) fn must_have_magic(&self, at: usize, magic: u32) -> Result<()> {
        let found = self.u32(at)?;
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
        if stored != computed {
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
        let found = self.u64(fields.owner)?;
        if found != owner {
            return Err(self.corrupt(fields.owner, format!("owner {owner}"), found.to_string()));
        }
        let (address, found) = (self.offset / 512, self.u64(fields.address)?);
        if found != address {
            let expected = format!("its own address {address}");
            return Err(self.corrupt(fields.address, expected, found.to_string()));
        }
        Ok(())
    }
}
