//! File records of the master file table.
//!
//! Source: Microsoft, *Master File Table*: `FILE_RECORD_SEGMENT_HEADER`, `FILE_REFERENCE`.

use super::attribute::Attributes;
use super::fixup;
use crate::error::{Error, Result};
use crate::filesystem::structure::Structure;

/// Number of a file record in a file reference.
const NUMBER: u64 = (1 << 48) - 1;

/// A file reference: the number of a record and, above it, how often the record was used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Reference(pub(super) u64);

impl Reference {
    /// The record with that number, whichever use of it.
    pub(super) fn any(number: u64) -> Self {
        Self(number & NUMBER)
    }

    /// Number of the file record.
    pub(super) fn number(self) -> u64 {
        self.0 & NUMBER
    }

    /// How often the record was used; 0 when that does not matter.
    pub(super) fn sequence(self) -> u64 {
        self.0 >> 48
    }
}

/// A file record that is in use.
#[derive(Debug, Clone)]
pub(super) struct FileRecord {
    raw: Vec<u8>,
    offset: u64,
    pub(super) reference: Reference,
    /// Number of names.
    pub(super) links: u16,
    pub(super) is_directory: bool,
    /// The record that this one extends; none for a base record.
    pub(super) base: Option<Reference>,
    first: usize,
    used: usize,
}

impl FileRecord {
    /// Parses the record that stands at byte `offset` of the volume.
    ///
    /// # Errors
    /// [`Error::Corrupt`] when it is torn, not in use, or another use of it than `reference` says.
    pub(super) fn parse(mut raw: Vec<u8>, offset: u64, reference: Reference) -> Result<Self> {
        fixup::apply("NTFS file record", offset, b"FILE", &mut raw)?;
        let s = Structure::new("NTFS file record", offset, &raw);
        let sequence = u64::from(s.u16(0x10)?);
        let flags = s.u16(0x16)?;
        if flags & 1 == 0 {
            return Err(s.corrupt(0x16, "a record in use", "a free one"));
        }
        if reference.sequence() != 0 && reference.sequence() != sequence {
            let expected = format!("use {} of the record", reference.sequence());
            return Err(s.corrupt(0x10, expected, format!("use {sequence}")));
        }
        let base = Reference(s.u64(0x20)?);
        let first = usize::from(s.u16(0x14)?);
        let used = usize::try_from(s.u32(0x18)?).unwrap_or(usize::MAX);
        if used > raw.len() || first > used {
            let expected = format!("at most {} bytes in use", raw.len());
            return Err(s.corrupt(0x18, expected, used.to_string()));
        }
        Ok(Self {
            reference: Reference(sequence << 48 | reference.number()),
            links: s.u16(0x12)?,
            is_directory: flags & 2 != 0,
            base: (base.0 != 0).then_some(base),
            first,
            used,
            raw,
            offset,
        })
    }

    /// The record's bytes.
    pub(super) fn structure(&self) -> Structure<'_> {
        Structure::new("NTFS file record", self.offset, &self.raw)
    }

    /// The attribute records in it.
    pub(super) fn attributes(&self) -> Attributes<'_> {
        Attributes::new(self.structure(), self.first, self.used)
    }

    /// An error about the record as a whole.
    pub(super) fn corrupt(&self, expected: impl Into<String>, found: impl Into<String>) -> Error {
        self.structure().corrupt(0, expected, found.into())
    }
}
