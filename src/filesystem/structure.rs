//! The numbers and texts in an on-disk structure: little-endian ones as `u16`, `u32`, `u64`, and
//! big-endian ones as `be16`, `be32`, `be64`.

use crate::error::{Error, Result};

/// The bytes of one on-disk structure, with what an error must say about it.
#[derive(Clone, Copy)]
pub(crate) struct Structure<'a> {
    /// Its name in the specification.
    pub(crate) name: &'static str,
    /// Where it lies in the volume, in bytes.
    pub(crate) offset: u64,
    /// The bytes themselves.
    pub(crate) raw: &'a [u8],
}

impl<'a> Structure<'a> {
    pub(crate) fn new(name: &'static str, offset: u64, raw: &'a [u8]) -> Self {
        Self { name, offset, raw }
    }

    /// The structure lies at byte `at` of it.
    pub(crate) fn corrupt(
        &self,
        at: usize,
        expected: impl Into<String>,
        found: impl ToString,
    ) -> Error {
        Error::corrupt(self.name, self.place(at), expected, found.to_string())
    }

    /// What stands at byte `at` is not read by this program.
    pub(crate) fn unsupported(&self, at: usize, what: impl Into<String>) -> Error {
        Error::unsupported(self.name, self.place(at), what)
    }

    fn place(&self, at: usize) -> u64 {
        self.offset.saturating_add(u64::try_from(at).unwrap_or(u64::MAX))
    }

    /// What follows byte `at`.
    pub(crate) fn after(&self, at: usize) -> Self {
        Self { offset: self.place(at), raw: self.raw.get(at..).unwrap_or_default(), ..*self }
    }

    /// `len` bytes from byte `at` on.
    pub(crate) fn bytes(&self, at: usize, len: usize) -> Result<&'a [u8]> {
        at.checked_add(len).and_then(|end| self.raw.get(at..end)).ok_or_else(|| {
            self.corrupt(at, format!("{len} bytes of content"), "the end of the structure")
        })
    }

    /// `N` bytes from byte `at` on.
    pub(crate) fn array<const N: usize>(&self, at: usize) -> Result<[u8; N]> {
        match self.raw.get(at..).and_then(<[u8]>::first_chunk) {
            Some(bytes) => Ok(*bytes),
            None => Err(self.corrupt(at, format!("a field of {N} bytes"), "the end")),
        }
    }

    pub(crate) fn u8(&self, at: usize) -> Result<u8> {
        self.array(at).map(u8::from_le_bytes)
    }

    pub(crate) fn u16(&self, at: usize) -> Result<u16> {
        self.array(at).map(u16::from_le_bytes)
    }

    pub(crate) fn u32(&self, at: usize) -> Result<u32> {
        self.array(at).map(u32::from_le_bytes)
    }

    pub(crate) fn u64(&self, at: usize) -> Result<u64> {
        self.array(at).map(u64::from_le_bytes)
    }

    pub(crate) fn be16(&self, at: usize) -> Result<u16> {
        self.array(at).map(u16::from_be_bytes)
    }

    pub(crate) fn be32(&self, at: usize) -> Result<u32> {
        self.array(at).map(u32::from_be_bytes)
    }

    pub(crate) fn be64(&self, at: usize) -> Result<u64> {
        self.array(at).map(u64::from_be_bytes)
    }

    /// The text in a field of `len` bytes, which a NUL may end early.
    pub(crate) fn text(&self, at: usize, len: usize) -> Result<String> {
        let field = self.bytes(at, len)?;
        let text = field.split(|byte| *byte == 0).next().unwrap_or_default();
        Ok(String::from_utf8_lossy(text).into_owned())
    }
}

/// A number stored as two halves.
pub(crate) fn join(low: u32, high: u32) -> u64 {
    u64::from(high) << 32 | u64::from(low)
}
